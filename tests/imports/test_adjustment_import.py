"""R31: adjustments come in from files, each once by its id, whatever way and how often they arrive."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pointbook.domain import errors
from pointbook.services import adjustment_import, import_files, line_imports
from pointbook.services.adjustment_import import AdjustmentCounts, form_of, import_adjustments
from pointbook.services.adjustment_views import Wanted, list_adjustments
from pointbook.services.directory import ProgrammeSnapshot, ProgrammeState
from pointbook.services.import_reports import ImportReport
from pointbook.services.installation import Installation
from pointbook.services.programmes import change_state
from tests.imports.files import json_lines, members, now
from tests.support import DAY, NOW, everything, make_programme, spendable, topics


async def run(
    installation: Installation, programme: ProgrammeSnapshot, path: Path, *, dry_run: bool = False
) -> ImportReport[AdjustmentCounts]:
    return await import_adjustments(installation, programme.id, path, dry_run=dry_run, clock=now)


def line(key: object, points: object, customer: str = "c-1", **more: Any) -> dict[str, Any]:
    return {"id": key, "customerExternalId": customer, "points": points, "description": "Present", **more}


FILE = [
    line("a-1", 100, internalNote="spring"),
    line("a-2", "-30"),
    line("a-3", "+40", "c-2", expiresOn="2026-03-05"),
    line("a-4", -41, "c-2"),
]
DONE = AdjustmentCounts(made=3, known=0, given=140, taken=30)


async def test_a_file_has_the_effect_of_its_lines_in_their_order(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path
) -> None:
    await members(installation, programme)
    report = await run(installation, programme, json_lines(tmp_path / "a.jsonl", FILE))
    assert report.counts == DONE
    [refusal] = report.refusals
    assert (refusal.line, refusal.external_id, refusal.reason.partition(":")[0]) == (
        4,
        "a-4",
        "INSUFFICIENT_POINTS",
    )
    assert [await spendable(installation, programme, f"c-{n}") for n in (1, 2)] == [70, 40]
    assert await spendable(installation, programme, "c-2", now=NOW + 5 * DAY) == 0
    made = await list_adjustments(installation, programme.id, Wanted(), most=9)
    assert [(one.points, one.description, one.internal_note, one.made_by) for one in reversed(made)] == [
        (100, "Present", "spring", "operator"),
        (-30, "Present", None, "operator"),
        (40, "Present", None, "operator"),
    ]
    assert (await topics(installation.db, programme)).count("points.adjusted") == 3


async def test_csv_has_the_effect_of_the_same_lines(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path
) -> None:
    await members(installation, programme)
    columns = ("points", "id", "customerExternalId", "description", "internalNote", "expiresOn")
    rows = [";".join(columns), *(";".join(str(one.get(name, "")) for name in columns) for one in FILE)]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(rows))
    assert (await run(installation, programme, path)).counts == DONE
    again = await run(installation, programme, json_lines(tmp_path / "a.jsonl", FILE))
    assert again.counts == AdjustmentCounts(known=3)


async def test_again_it_changes_nothing_and_a_dry_run_neither(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path
) -> None:
    await members(installation, programme)
    path = json_lines(tmp_path / "a.jsonl.gz", FILE)
    before = await everything(installation.db, programme)
    dry = await run(installation, programme, path, dry_run=True)
    assert (dry.counts, dry.refused) == (DONE, 1)
    assert await everything(installation.db, programme) == before
    await run(installation, programme, path)
    after = await everything(installation.db, programme, but=("import_run",))
    assert (await run(installation, programme, path)).counts == AdjustmentCounts(known=3)
    assert (await run(installation, programme, path, dry_run=True)).counts == AdjustmentCounts(known=3)
    assert await everything(installation.db, programme, but=("import_run",)) == after
    late = await import_adjustments(installation, programme.id, path, clock=lambda: NOW + 9 * DAY)
    assert (late.counts, late.refused) == (AdjustmentCounts(known=3), 1), "though a day of the file has passed"


async def test_a_file_has_no_limit_and_a_dry_run_tells_what_is_above_it(
    installation: Installation, tmp_path: Path
) -> None:
    programme = await make_programme(installation, {"adjustmentMaxPoints": 40})
    await members(installation, programme)
    path = json_lines(tmp_path / "a.jsonl", FILE)
    for dry_run in (True, False):
        assert (await run(installation, programme, path, dry_run=dry_run)).counts == replace(DONE, above_limit=1)


REFUSED = [
    (b"{broken", "", "", "is not JSON"),
    ([1], "", "adjustment", "must be an object"),
    (line(None, 5), "", "id", "is required"),
    (line("a", 0), "a", "points", "must be 1 to"),
    (line("b", "1.5"), "b", "points", "must be a whole number"),
    (line("c", [5]), "c", "points", "must be a whole number"),
    (line("d", None), "d", "points", "is required"),
    (line("e", 10**7), "e", "points", "must be 1 to"),
    (line("f", 5, "stranger"), "f", "", "NOT_A_MEMBER"),
    (line("g", 5, expiresOn="2026-02-28"), "g", "expiresOn", "has passed"),
    (line("h", 5, expiresOn="tomorrow"), "h", "expiresOn", "must be a date"),
    (line("i", -5, expiresOn="2026-12-31"), "i", "expiresOn", "is for a plus only"),
    (line("j", 5, description=None), "j", "description", "is required"),
    (line("k", 5, description="x" * 201), "k", "description", "1 to 200"),
    (line("l", -1_000), "l", "", "INSUFFICIENT_POINTS"),
    (line("m", 5, reason="x"), "m", "reason", "is not a known field"),
    (line("good", 5), "good", "id", "is that of line 1"),
]


async def test_a_line_that_cannot_be_used_is_told_and_the_rest_goes_on(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path
) -> None:
    await members(installation, programme)
    lines = [line("good", 100), *(one for one, *_ in REFUSED), line("good too", 100)]
    path = json_lines(tmp_path / "a.jsonl", lines)
    dry = await run(installation, programme, path, dry_run=True)
    report = await run(installation, programme, path)
    assert (dry.counts, dry.refusals) == (report.counts, report.refusals)
    assert report.counts == AdjustmentCounts(made=2, given=200)
    for number, (refusal, (_, key, field, reason)) in enumerate(zip(report.refusals, REFUSED, strict=True), 2):
        assert (refusal.line, refusal.external_id, refusal.field) == (number, key, field)
        assert reason in refusal.reason
    assert await spendable(installation, programme) == 200


@pytest.mark.parametrize(
    ("field", "other"),
    [("points", 101), ("customerExternalId", "c-2"), ("description", "Other"), ("expiresOn", "2027-01-01")],
)
async def test_an_adjustment_that_was_made_stays_as_it_is(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path, field: str, other: object
) -> None:
    await members(installation, programme)
    await run(installation, programme, json_lines(tmp_path / "first.jsonl", [line("a", 100)]))
    before = await everything(installation.db, programme, but=("import_run",))
    changed = await run(
        installation, programme, json_lines(tmp_path / "b.jsonl", [{**line("a", 100), field: other}])
    )
    assert [(refusal.external_id, refusal.field) for refusal in changed.refusals] == [("a", "id")]
    assert await everything(installation.db, programme, but=("import_run",)) == before


async def test_two_imports_at_once_make_each_adjustment_once(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_files, "CHUNK_RECORDS", 20)
    monkeypatch.setattr(adjustment_import, "form_of", lambda secrets: replace(form_of(secrets), at_once=7))
    await members(installation, programme)
    lines = [line(f"a-{number}", 10, f"c-{number % 3 + 1}") for number in range(60)]
    files = [
        json_lines(tmp_path / "a.jsonl", lines),
        json_lines(tmp_path / "b.jsonl", [*reversed(lines)]),
        json_lines(tmp_path / "c.jsonl", [*lines[30:], *lines[:30]]),
    ]
    reports = await asyncio.gather(*(run(installation, programme, path) for path in [*files, files[0]]))
    assert sum(report.counts.made for report in reports) == 60
    assert all(report.refused == 0 for report in reports)
    assert sum([await spendable(installation, programme, f"c-{number}") for number in (1, 2, 3)]) == 600


async def test_what_was_broken_off_goes_on_behind_the_last_part(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await members(installation, programme)
    path = json_lines(tmp_path / "a.jsonl", [line(f"a-{number}", 10) for number in range(5)])
    instants = iter([True, True, False])

    async def breaking(*arguments: Any) -> Any:
        if not next(instants):
            raise OSError("the power went")
        return await form.write(*arguments)

    form = form_of(installation.secrets)
    with monkeypatch.context() as patched:
        patched.setattr(adjustment_import, "form_of", lambda _: replace(form, at_once=2, write=breaking))
        patched.setattr(line_imports, "retrying", lambda call: call())
        with pytest.raises(OSError, match="power"):
            await run(installation, programme, path)
    assert await spendable(installation, programme) == 40
    report = await run(installation, programme, path)
    assert (report.behind_line, report.counts) == (4, AdjustmentCounts(made=1, given=10))


async def test_a_closed_programme_and_an_unknown_column_are_refused_whole(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("customerExternalId,point\nc-1,5\n")
    with pytest.raises(errors.InvalidInput, match="unknown column"):
        await run(installation, programme, path)
    for state, at in ((ProgrammeState.EARNING_STOPPED, NOW), (ProgrammeState.CLOSED, NOW + DAY)):
        await change_state(installation, programme.id, state, now=at)
    with pytest.raises(errors.ProgrammeNotOpen):
        await run(installation, programme, json_lines(tmp_path / "a.jsonl", FILE))
