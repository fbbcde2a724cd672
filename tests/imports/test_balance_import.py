"""Balances of another system come in lot by lot, once each, whatever way and how often they arrive."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pointbook.domain import errors
from pointbook.services import import_files
from pointbook.services.balance_import import BalanceCounts, import_balances
from pointbook.services.directory import ProgrammeSnapshot, ProgrammeState
from pointbook.services.import_reports import ImportReport
from pointbook.services.installation import Installation
from pointbook.services.members import MemberState, set_redemption_lock, set_state
from pointbook.services.programmes import change_state
from tests.imports.files import entries, json_lines, members, now
from tests.support import DAY, NOW, everything, make_programme, spendable, topics, violations


async def run(
    installation: Installation, programme: ProgrammeSnapshot, path: Path, *, dry_run: bool = False
) -> ImportReport[BalanceCounts]:
    return await import_balances(installation, programme.id, path, dry_run=dry_run, clock=now)


def balance(lot: str | None, customer: str = "c-1", points: object = 100, **more: Any) -> dict[str, Any]:
    return {"customerExternalId": customer, "id": lot, "points": points, **more}


FILE = [
    balance("l-1", points=100, expiresAt="2026-12-31"),
    balance("l-2", points="250", availableFrom="2026-04-01", expiresAt="never", valuePerPoint="0.07"),
    balance(None, "c-2", 40, expiresAt="2027-01-01T00:00:00+01:00"),
    balance(None, "c-3", 7),
]


async def test_lots_are_credited_as_the_file_says(installation: Installation, tmp_path: Path) -> None:
    programme = await make_programme(installation)
    await members(installation, programme)
    report = await run(installation, programme, json_lines(tmp_path / "balances.jsonl", FILE))
    assert report.counts == BalanceCounts(lots=4, known=0, points=397)
    assert report.refused == 0
    end_of_year = datetime(2026, 12, 31, 23, tzinfo=UTC)
    usual_end = datetime(2027, 3, 1, 23, tzinfo=UTC)
    april = datetime(2026, 3, 31, 22, tzinfo=UTC)
    assert [
        (row[0], row[2:4], row[4], int(row[5]), *row[6:8]) for row in await entries(installation, programme)
    ] == [
        ("c-1", ("balance", "l-1"), 100, 5, NOW, end_of_year),
        ("c-1", ("balance", "l-2"), 250, 7, april, datetime.max),  # noqa: DTZ901  # for ever, as the driver tells it
        ("c-2", ("balance", "c-2"), 40, 5, NOW, end_of_year),
        ("c-3", ("balance", "c-3"), 7, 5, NOW, usual_end),
    ]
    assert await spendable(installation, programme) == 100
    assert await topics(installation.db, programme) == ["member.joined"] * 3  # nobody is told of points
    assert await violations(installation.db) == []


async def test_csv_has_the_effect_of_the_same_lines(installation: Installation, tmp_path: Path) -> None:
    programme, other = await make_programme(installation), await make_programme(installation)
    for one in (programme, other):
        await members(installation, one)
    columns = ("customerExternalId", "id", "points", "availableFrom", "expiresAt", "valuePerPoint")
    rows = [";".join(columns)]
    rows += [
        ";".join("" if line.get(column) is None else str(line[column]) for column in columns) for line in FILE
    ]
    path = tmp_path / "balances.csv"
    path.write_text("\n".join(rows))
    assert (await run(installation, programme, path)).counts == BalanceCounts(4, 0, 397)
    await run(installation, other, json_lines(tmp_path / "balances.jsonl", FILE))
    assert await entries(installation, programme) == await entries(installation, other)


async def test_again_it_changes_nothing_and_a_dry_run_neither(installation: Installation, tmp_path: Path) -> None:
    programme = await make_programme(installation)
    await members(installation, programme)
    path = json_lines(tmp_path / "balances.jsonl.gz", FILE)
    before = await everything(installation.db, programme)
    dry = await run(installation, programme, path, dry_run=True)
    assert dry.counts == BalanceCounts(4, 0, 397)
    assert await everything(installation.db, programme) == before
    await run(installation, programme, path)
    after = await everything(installation.db, programme, but=("import_run",))
    assert (await run(installation, programme, path)).counts == BalanceCounts(0, 4, 0)
    assert (await run(installation, programme, path, dry_run=True)).counts == BalanceCounts(0, 4, 0)
    assert await everything(installation.db, programme, but=("import_run",)) == after


REFUSED = [
    (b"{broken", "", "", "is not JSON"),
    ([1], "", "balance", "must be an object"),
    ({"points": 5}, "", "customerExternalId", "is required"),
    (balance("a", points=0), "a", "points", "must be a whole number from 1"),
    (balance("b", points=-5), "b", "points", "must be a whole number from 1"),
    (balance("c", points="1.5"), "c", "points", "must be a whole number from 1"),
    (balance("d", points=True), "d", "points", "must be a whole number from 1"),
    (balance("e", points=None), "e", "points", "is required"),
    (balance("f", customer="stranger"), "f", "", "NOT_A_MEMBER"),
    (balance("g", expiresAt="2026-02-28"), "g", "expiresAt", "has passed"),
    (balance("h", expiresAt="2026-02-30"), "h", "expiresAt", "must be a date"),
    (balance("i", expiresAt="tomorrow"), "i", "expiresAt", "must be a day like 2026-12-31"),
    (balance("j", availableFrom="2026-06-01", expiresAt="2026-05-01"), "j", "expiresAt", "must be after"),
    (balance("n", availableFrom="0001-01-01"), "n", "availableFrom", "must not be before 1970"),
    (balance("o", expiresAt="9999-12-31"), "o", "expiresAt", "at most in 2999"),
    (balance("k", valuePerPoint="0"), "k", "valuePerPoint", "must be at least"),
    (balance("l", valuePerPoint="x"), "l", "valuePerPoint", ""),
    (balance("m", expires="never"), "m", "expires", "is not a known field"),
    (balance("good"), "good", "id", "is that of line 1"),
]


async def test_a_line_that_cannot_be_used_is_told_and_the_rest_goes_on(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path
) -> None:
    await members(installation, programme)
    lines = [balance("good"), *(line for line, *_ in REFUSED), balance("good too")]
    path = json_lines(tmp_path / "balances.jsonl", lines)
    dry = await run(installation, programme, path, dry_run=True)
    report = await run(installation, programme, path)
    assert (dry.counts, dry.refusals) == (report.counts, report.refusals)
    assert report.counts == BalanceCounts(lots=2, known=0, points=200)
    assert report.refused == len(REFUSED)
    for number, (refusal, (_, lot, field, reason)) in enumerate(zip(report.refusals, REFUSED, strict=True), 2):
        assert (refusal.line, refusal.external_id, refusal.field) == (number, lot, field)
        assert reason in refusal.reason
    assert await spendable(installation, programme) == 200


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("points", 101),
        ("customerExternalId", "c-2"),
        ("expiresAt", "2026-12-30"),
        ("expiresAt", "never"),
        ("availableFrom", "2026-01-01"),
        ("valuePerPoint", "0.06"),
    ],
)
async def test_a_lot_that_was_credited_stays_as_it_is(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path, field: str, other: object
) -> None:
    await members(installation, programme)
    first = balance("l-1", expiresAt="2026-12-31", availableFrom="2026-02-01", valuePerPoint="0.05")
    await run(installation, programme, json_lines(tmp_path / "first.jsonl", [first]))
    before = await everything(installation.db, programme, but=("import_run",))
    changed = json_lines(tmp_path / "changed.jsonl", [{**first, field: other}])
    report = await run(installation, programme, changed)
    assert [(refusal.external_id, refusal.field) for refusal in report.refusals] == [("l-1", field)]
    assert await everything(installation.db, programme, but=("import_run",)) == before
    less = {name: first[name] for name in ("customerExternalId", "id", "points")}
    again = await run(installation, programme, json_lines(tmp_path / "less.jsonl", [less]))
    assert again.counts == BalanceCounts(known=1)


async def test_who_does_not_earn_gets_nothing_and_who_may_not_spend_does(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path
) -> None:
    await members(installation, programme)
    await set_state(installation, programme.id, "c-1", MemberState.INACTIVE, now=NOW)
    await set_redemption_lock(installation, programme.id, "c-2", locked=True, now=NOW)
    lines = [balance(None, "c-1"), balance(None, "c-2")]
    report = await run(installation, programme, json_lines(tmp_path / "balances.jsonl", lines))
    assert report.counts == BalanceCounts(lots=1, known=0, points=100)
    [refusal] = report.refusals
    assert (refusal.line, refusal.reason.partition(":")[0]) == (1, "MEMBER_INACTIVE")


async def test_two_imports_at_once_credit_each_lot_once(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_files, "CHUNK_RECORDS", 7)
    await members(installation, programme)
    lines = [balance(f"l-{number}", f"c-{number % 3 + 1}", 10) for number in range(60)]
    files = [
        json_lines(tmp_path / "a.jsonl", lines),
        json_lines(tmp_path / "b.jsonl", [*reversed(lines)]),
        json_lines(tmp_path / "c.jsonl", [*lines[30:], *lines[:30]]),
    ]
    reports = await asyncio.gather(*(run(installation, programme, path) for path in [*files, files[0]]))
    assert sum(report.counts.lots for report in reports) == 60
    assert all(report.refused == 0 for report in reports)
    assert sum([await spendable(installation, programme, f"c-{number}") for number in (1, 2, 3)]) == 600
    assert await violations(installation.db) == []


async def test_a_closed_programme_and_an_unknown_column_are_refused_whole(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path
) -> None:
    path = tmp_path / "balances.csv"
    path.write_text("customerExternalId,point\nc-1,5\n")
    with pytest.raises(errors.InvalidInput, match="unknown column"):
        await run(installation, programme, path)
    for state, at in ((ProgrammeState.EARNING_STOPPED, NOW), (ProgrammeState.CLOSED, NOW + DAY)):
        await change_state(installation, programme.id, state, now=at)
    with pytest.raises(errors.ProgrammeNotOpen):
        await run(installation, programme, json_lines(tmp_path / "balances.jsonl", FILE))


async def test_points_counted_from_availability_end_later(installation: Installation, tmp_path: Path) -> None:
    programme = await make_programme(installation, {"expiryCountsFrom": "AVAILABILITY", "expiry": {"days": 10}})
    await members(installation, programme)
    line = balance("l-1", availableFrom=(NOW + 20 * DAY).isoformat())
    await run(installation, programme, json_lines(tmp_path / "balances.jsonl", [line]))
    [(*_, available, expires, _)] = await entries(installation, programme)
    assert (available, expires) == (NOW + 20 * DAY, datetime(2026, 3, 31, 22, tzinfo=UTC))
