"""Members of a file join once, as R12 and R14 say, whatever way and how often they arrive."""

import asyncio
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from pointbook.domain import errors
from pointbook.services import member_import
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.import_reports import ImportReport
from pointbook.services.installation import Installation
from pointbook.services.joining import Join, Joined, join
from pointbook.services.member_import import MemberCounts, import_members
from pointbook.services.members import find_member
from pointbook.services.rejoining import rejoin_digest
from tests.imports.files import imported, json_lines, now, order_rows
from tests.support import DAY, NOW, everything, make_programme, order_document, spendable, topics


async def run(installation: Installation, programme: ProgrammeSnapshot, path: Path) -> ImportReport[MemberCounts]:
    return await import_members(installation, programme.id, path, clock=now)


def customers(*names: str, **more: Any) -> list[dict[str, Any]]:
    return [{"externalId": name, **more} for name in names]


async def member_rows(installation: Installation, programme: ProgrammeSnapshot) -> list[tuple[Any, ...]]:
    async with installation.db.bare_transaction(programme.id) as connection:
        rows = await connection.fetch(
            "select customer.external_id, email, email_verified, locale, joined_at, state, sign_up_points,"
            " notices, notices_since, birthday"
            " from member join member_external_id as customer using (programme_id, account_id) order by 1"
        )
    return [tuple(row) for row in rows]


FILE = [
    {"externalId": "c-1"},
    {"externalId": "c-2", "email": "Ann@Example.org", "emailVerified": True, "locale": "de"},
    {"externalId": "c-3", "email": "bob@example.org", "joinedAt": "2026-02-01T10:00:00+01:00"},
    {"externalId": "c-4", "optIn": True, "birthday": "1990-02-28"},
    {"externalId": "c-5", "optIn": False},
]


async def test_members_join_as_they_do_one_by_one(installation: Installation, tmp_path: Path) -> None:
    programme = await make_programme(installation, {"signUpPoints": 100})
    other = await make_programme(installation, {"signUpPoints": 100})
    report = await run(installation, programme, json_lines(tmp_path / "members.jsonl", [*FILE[:2], *FILE[3:]]))
    await join(installation, other.id, Join("c-1"), now=NOW)
    await join(installation, other.id, Join("c-2", "Ann@Example.org", email_verified=True, locale="de"), now=NOW)
    await join(installation, other.id, Join("c-4", opt_in=True, birthday=date(1990, 2, 28)), now=NOW)
    await join(installation, other.id, Join("c-5", opt_in=False), now=NOW)
    assert await member_rows(installation, programme) == await member_rows(installation, other)
    assert report.counts == MemberCounts(joined=4, known=0, points=400)
    assert await spendable(installation, programme) == 100
    assert await topics(installation.db, programme) == []  # nobody is told


async def test_csv_has_the_effect_of_the_same_documents(installation: Installation, tmp_path: Path) -> None:
    programme, other = await make_programme(installation), await make_programme(installation)
    path = tmp_path / "members.csv"
    path.write_text(
        "externalId;email;emailVerified;locale;joinedAt;optIn;birthday\n"
        "c-1;;;;;;\nc-2;Ann@Example.org;TRUE;de;;;\nc-3;bob@example.org;;;2026-02-01T10:00:00+01:00;;\n"
        "c-4;;;;;true;1990-02-28\nc-5;;;;;False;\n"
    )
    report = await run(installation, programme, path)
    alike = await run(installation, other, json_lines(tmp_path / "members.jsonl", FILE))
    assert (report.counts, report.refusals) == (alike.counts, [])
    assert await member_rows(installation, programme) == await member_rows(installation, other)


@pytest.mark.parametrize(
    ("joined", "points"),
    [(timedelta(), 100), (timedelta(days=30), 100), (timedelta(days=59), 0), (timedelta(days=400), 0)],
)
async def test_r12_sign_up_points_are_those_of_the_instant_of_joining(
    installation: Installation, tmp_path: Path, joined: timedelta, points: int
) -> None:
    # the period begins on 1 February; 400 days ago they would have expired, too
    programme = await make_programme(installation, {"signUpPoints": 100, "signUpFrom": "2026-01-30"})
    file = json_lines(tmp_path / "members.jsonl", customers("c-1", joinedAt=(NOW - joined).isoformat()))
    assert (await run(installation, programme, file)).counts.points == points
    assert await spendable(installation, programme) == points


async def test_sign_up_points_that_have_expired_since_joining_are_not_given(
    installation: Installation, tmp_path: Path
) -> None:
    programme = await make_programme(installation, {"signUpPoints": 100, "expiry": {"days": 10}})
    documents = [*customers("c-1", joinedAt=(NOW - 12 * DAY).isoformat()), *customers("c-2")]
    report = await run(installation, programme, json_lines(tmp_path / "members.jsonl", documents))
    assert report.counts == MemberCounts(joined=2, known=0, points=100)


async def test_the_same_file_twice_changes_nothing(
    installation: Installation, tmp_path: Path, small_chunks: int
) -> None:
    programme = await make_programme(installation, {"signUpPoints": 100})
    names = [f"c-{n}" for n in range(2 * small_chunks)]
    path = json_lines(tmp_path / "members.jsonl", customers(*names, *names[:3]))
    first = await run(installation, programme, path)
    before = await everything(installation.db, programme)
    second = await run(installation, programme, path)
    assert await everything(installation.db, programme) == before
    assert first.counts == MemberCounts(joined=len(names), known=3, points=100 * len(names))
    assert second.counts == MemberCounts(joined=0, known=len(names) + 3, points=0)


async def test_files_imported_at_the_same_time_join_everybody_once(
    installation: Installation, tmp_path: Path, small_chunks: int
) -> None:
    programme = await make_programme(installation, {"signUpPoints": 100})
    names = [f"c-{n}" for n in range(5 * small_chunks)]
    paths = [
        json_lines(tmp_path / "forth.jsonl", customers(*names)),
        json_lines(tmp_path / "back.jsonl", customers(*reversed(names))),
    ]
    reports = await asyncio.gather(*(run(installation, programme, path) for path in paths))
    assert sum(report.counts.joined for report in reports) == len(names)
    assert sum(report.counts.points for report in reports) == 100 * len(names)


BAD = [
    (b"{", "", "is not JSON"),
    ([], "member", "must be an object"),
    ({}, "externalId", "is required"),
    ({"externalId": 7}, "externalId", "must be a text"),
    ({"externalId": "c-\x07"}, "externalId", "control characters"),
    ({"externalId": "c-1", "email": "nobody"}, "email", "must be an e-mail address"),
    ({"externalId": "c-1", "emailVerified": True}, "emailVerified", "needs an email"),
    ({"externalId": "c-1", "emailVerified": "yes"}, "emailVerified", "must be true or false"),
    ({"externalId": "c-1", "locale": "fr"}, "locale", "must be one of"),
    ({"externalId": "c-1", "locale": ["de"]}, "locale", "must be one of"),
    ({"externalId": "c-1", "joinedAt": "2026-03-01"}, "joinedAt", "must be an instant"),
    ({"externalId": "c-1", "joinedAt": "2026-03-02T00:00:00Z"}, "joinedAt", "must not be in the future"),
    ({"externalId": "c-1", "optIn": "yes"}, "optIn", "must be true or false"),
    ({"externalId": "c-1", "birthday": "2025-02-29"}, "birthday", "must be a day"),
    ({"externalId": "c-1", "birthday": "20000101"}, "birthday", "must be a day"),
    ({"externalId": "c-1", "birthday": 7}, "birthday", "must be a day"),
    ({"externalId": "c-1", "birthday": "1899-12-31"}, "birthday", "must not be before 1900"),
    ({"externalId": "c-1", "birthday": "2026-03-02"}, "birthday", "must not be in the future"),
    ({"externalId": "c-1", "points": 100}, "points", "is not a known field"),
]


@pytest.mark.parametrize("case", BAD, ids=range(len(BAD)))
async def test_a_bad_line_is_reported_and_the_others_are_taken(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path, case: tuple[object, str, str]
) -> None:
    bad, field, reason = case
    path = json_lines(tmp_path / "members.jsonl", [*customers("good-1"), bad, *customers("good-2")])
    report = await run(installation, programme, path)
    assert (report.counts.joined, report.refused) == (2, 1)
    [refusal] = report.refusals
    assert (refusal.line, refusal.field) == (2, field)
    assert reason in refusal.reason


async def test_r14_parked_orders_are_released_when_the_settings_say_so(
    installation: Installation, tmp_path: Path
) -> None:
    programme = await make_programme(installation, {"releaseParkedOnJoin": True, "signUpPoints": 7})
    email = {"externalId": "c-9", "email": "ann@example.org", "emailVerified": True}
    waiting = [order_document("o-1"), order_document("o-2", customer=email)]
    await imported(installation, programme, json_lines(tmp_path / "orders.jsonl", waiting))
    documents = [
        *customers("c-1"),
        *customers("c-2", email="Ann@example.org", emailVerified=True),
        *customers("c-3"),
    ]
    report = await run(installation, programme, json_lines(tmp_path / "members.jsonl", documents))
    assert report.counts == MemberCounts(joined=3, known=0, points=21)
    assert [await spendable(installation, programme, name) for name in ("c-1", "c-2", "c-3")] == [57, 57, 7]
    assert {row["state"] for row in await order_rows(installation, programme)} == {"EARNED"}


async def test_members_with_parked_orders_joined_when_the_file_says_and_nobody_is_told(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programme = await make_programme(
        installation, {"releaseParkedOnJoin": True, "signUpPoints": 7, "expiry": {"days": 30}}
    )
    await imported(installation, programme, json_lines(tmp_path / "orders.jsonl", [order_document()]))
    one_by_one = []

    async def seen(*arguments: Any, **more: Any) -> Joined:
        one_by_one.append(arguments[2].external_id)
        return await join(*arguments, **more)

    monkeypatch.setattr(member_import, "join", seen)
    long_ago = NOW - 31 * DAY  # the points for signing up have expired since
    documents = customers("c-1", "c-2", "c-3", joinedAt=long_ago.isoformat())
    report = await run(installation, programme, json_lines(tmp_path / "members.jsonl", documents))
    assert report.counts == MemberCounts(joined=3, known=0, points=0)
    assert [row[4] for row in await member_rows(installation, programme)] == [long_ago] * 3
    assert [await spendable(installation, programme, name) for name in ("c-1", "c-2", "c-3")] == [50, 0, 0]
    assert await topics(installation.db, programme) == []
    assert one_by_one == ["c-1"]  # the order waits for an id and no address: nobody else is concerned


async def test_who_left_not_long_ago_gets_no_sign_up_points(installation: Installation, tmp_path: Path) -> None:
    programme = await make_programme(installation, {"signUpPoints": 100})
    async with installation.db.bare_transaction(programme.id) as connection:
        await connection.execute(
            "insert into rejoin_block (programme_id, digest, blocked_until) values ($1, $2, $3)",
            programme.id,
            rejoin_digest(installation, programme.id, "ann@example.org"),
            NOW + DAY,
        )
    documents = [*customers("c-1", email="Ann@Example.org"), *customers("c-2", email="bob@example.org")]
    report = await run(installation, programme, json_lines(tmp_path / "members.jsonl", documents))
    assert report.counts == MemberCounts(joined=2, known=0, points=100)
    assert await spendable(installation, programme, "c-1") == 0


async def test_a_member_stays_what_it_is(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path
) -> None:
    before = (await join(installation, programme.id, Join("c-1", "ann@example.org"), now=NOW)).member
    path = json_lines(tmp_path / "members.jsonl", customers("c-1", email="other@example.org", locale="en"))
    assert (await run(installation, programme, path)).counts == MemberCounts(joined=0, known=1, points=0)
    assert await find_member(installation, programme.id, "c-1") == before


async def test_a_heading_with_a_column_that_is_not_known_is_refused_whole(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path
) -> None:
    path = tmp_path / "members.csv"
    path.write_text("externalId,shoeSize\nc-1,43\n")
    with pytest.raises(errors.InvalidInput, match="shoeSize"):
        await run(installation, programme, path)
