"""Imports under rules: in other processes, while rules change, and with caps that others use at the same time."""

import asyncio
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from pointbook.services import import_files
from pointbook.services.directory import SETTINGS_NOTICE, ProgrammeSnapshot
from pointbook.services.earning_rules import create_rule, edit_rule
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from pointbook.services.members import MemberState, set_state
from pointbook.services.order_writing import OrderCounts
from pointbook.services.usual_orders import UsualOrder, usual_order
from tests.imports.files import entries, imported, json_lines
from tests.rules.shop import add_rule, line, pizzas, rule, sides_programme
from tests.support import NOW, SECRET, join_member, make_programme, spendable


def many(number: int, *customers: str, **more: Any) -> list[dict[str, Any]]:
    names = customers or ("c-1",)
    return [pizzas(f"o-{n}", customer_id=names[n % len(names)], **more) for n in range(number)]


async def used(installation: Installation, programme: ProgrammeSnapshot) -> int:
    async with installation.db.bare_transaction(programme.id) as connection:
        points: int = await connection.fetchval("select coalesce(sum(points), 0)::bigint from rule_count")
    return points


async def test_processes_of_a_pool_judge_by_the_same_rules(installation: Installation, tmp_path: Path) -> None:
    path = json_lines(tmp_path / "orders.jsonl", many(30, lines=[line("pizza", 2, "20.00")]))
    found = []
    for processes in (0, 2):
        programme = await sides_programme(installation)
        await add_rule(installation, programme, rule(weekdays=["SUNDAY"], expiry={"never": True}))
        report = await imported(installation, programme, path, processes=processes)
        assert report.counts == OrderCounts(earned=30, points=300)
        found.append(await entries(installation, programme))
    assert found[0] == found[1]


async def test_only_rules_for_lines_need_the_lines(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plain lines take the short way where points come from the sum."""
    seen: list[int] = []

    def watched(content: bytes, currency: str, *, lines_matter: bool) -> UsualOrder | None:
        read = usual_order(content, currency, lines_matter=lines_matter)
        assert read is not None
        seen.append(len(read.order.content.lines))
        return read

    monkeypatch.setattr("pointbook.services.order_preparing.usual_order", watched)
    lines = [{"id": str(n), "articleId": "pizza", "quantity": 1, "amount": "10.00"} for n in range(3)]
    path = json_lines(tmp_path / "orders.jsonl", many(1, lines=lines))
    for document, expected in ((rule("CART", None, moneyPerPoint="1.00"), (30, 1)), (rule(), (15, 3))):
        programme = await sides_programme(installation)
        await add_rule(installation, programme, document)
        report = await imported(installation, programme, path)
        assert (report.counts.points, seen.pop()) == expected


@pytest.mark.usefixtures("small_chunks")
async def test_a_rule_that_comes_into_force_during_an_import_counts_from_its_chunk_on(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path
) -> None:
    path = json_lines(tmp_path / "orders.jsonl", many(12))
    made = await add_rule(installation, programme)
    await edit_rule(installation, programme.id, made.key, 1, rule(points=50), now=NOW)
    later = NOW + SETTINGS_NOTICE
    at = NOW

    def clock() -> datetime:
        return at

    def advance(_progress: Any) -> None:
        nonlocal at
        at = later

    report = await imported(installation, programme, path, clock=clock, progress=advance)
    assert report.counts.points == 4 * 5 + 8 * 50
    assert len({entry[2] for entry in await entries(installation, programme)}) == 1


@pytest.mark.usefixtures("small_chunks")
async def test_caps_are_used_up_in_the_order_of_the_file_member_by_member(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path
) -> None:
    for name in ("c-2", "idle"):
        await join_member(installation, programme, name)
    await set_state(installation, programme.id, "idle", MemberState.INACTIVE, now=NOW)
    await add_rule(installation, programme, rule(caps={"perDay": 12}))
    path = json_lines(tmp_path / "orders.jsonl", many(20, "c-1", "c-2", "idle", "stranger"))
    report = await imported(installation, programme, path)
    assert report.counts == OrderCounts(earned=15, parked=5, points=24)
    async with installation.db.bare_transaction(programme.id) as connection:
        rows = await connection.fetch(
            "select points from sales_order where customer_external_id = 'c-1'"
            " order by substr(external_id, 3)::int"
        )
    assert [row["points"] for row in rows] == [5, 5, 2, 0, 0]
    assert await used(installation, programme) == 24


async def test_imports_and_orders_that_race_for_a_cap_never_exceed_it(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_files, "CHUNK_RECORDS", 3)
    await add_rule(installation, programme, rule(caps={"perDay": 32}))
    other = Installation.of(installation.db, SECRET)
    numbers = count(100)
    files = [
        json_lines(tmp_path / f"{n}.jsonl", [pizzas(f"o-{next(numbers)}") for _ in range(9)]) for n in range(2)
    ]
    singles = [submit_order(each, programme.id, pizzas(f"s-{n}"), now=NOW) for n, each in enumerate([other] * 6)]
    await asyncio.gather(
        *(imported(each, programme, file) for each, file in zip((installation, other), files, strict=True)),
        *singles,
    )
    assert await spendable(installation, programme) == 32
    assert await used(installation, programme) == 32


async def test_an_import_of_a_programme_with_rules_for_bookings_only_keeps_its_way(
    installation: Installation, tmp_path: Path
) -> None:
    programme = await make_programme(installation, now=NOW - timedelta(days=2))
    await join_member(installation, programme)
    service = {"kind": "SERVICE", "name": "x", "points": 5, "targets": ["yoga"]}
    await create_rule(installation, programme.id, service, now=NOW - timedelta(days=1))
    report = await imported(installation, programme, json_lines(tmp_path / "o.jsonl", many(3)))
    assert report.counts.points == 30
