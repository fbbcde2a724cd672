"""The example with real data: what it counts is what its page says, and its documents are taken as stated."""

import dataclasses
import subprocess
from collections import Counter
from datetime import date
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from examples.complete_journey import configure, convert
from pointbook.domain.configuration import read_configuration
from pointbook.services.configuration import create_programme_from
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.explaining import explain
from pointbook.services.installation import Installation
from pointbook.services.member_import import import_members
from pointbook.services.store_import import import_stores
from tests.imports.files import imported, now, order_rows
from tests.support import NOW, make_programme

HOUSEHOLDS = 20
BANANAS_A_DAY = 6
README = Path(convert.__file__).with_name("README.md")


@pytest.fixture(scope="module")
def groups() -> dict[int, list[str]]:
    return convert.read_groups()


@pytest.fixture(scope="module")
def table() -> Any:
    """The lines of some households."""
    return convert.read_table(HOUSEHOLDS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, table: Any, groups: dict[int, list[str]]) -> Path:
    """Their orders and the configurations, as they are imported."""
    folder = tmp_path_factory.mktemp("journey")
    convert.write(folder, table, groups)
    configure.write(folder)
    return folder


def test_the_whole_year_is_what_the_page_of_the_example_says(groups: dict[int, list[str]]) -> None:
    counts = convert.count(convert.read_table(), groups)
    stated = README.read_text()
    for name, value in dataclasses.asdict(counts).items():
        assert f"{value:>14,}  {name.replace('_', ' ')}\n" in stated
    assert (counts.baskets, counts.lines, counts.households, counts.stores) == (155_848, 1_469_307, 2_469, 457)


async def test_baskets_of_some_households_are_imported_whole(
    installation: Installation, folder: Path, table: Any, groups: dict[int, list[str]]
) -> None:
    counts = convert.count(table, groups)
    programme = await make_programme(
        installation, {"basePointsPerOrder": 1, "qualifyingStatuses": [convert.STATUS]}, currency=convert.CURRENCY
    )
    stores = await import_stores(installation, programme.id, folder / "stores.jsonl", clock=now)
    members = await import_members(installation, programme.id, folder / "members.jsonl", clock=now)
    report = await imported(installation, programme, folder / "orders.jsonl")

    assert (stores.counts.stored, members.counts.joined) == (counts.stores, HOUSEHOLDS)
    assert (report.counts.earned, report.refused) == (counts.baskets, 0)
    rows = {row["external_id"]: row for row in await order_rows(installation, programme)}
    for basket in convert.baskets(table):
        received = sum(line.sales_value for line in basket)  # what the shop received is what earns
        row = rows[str(basket[0].basket_id)]
        assert (row["total"], row["points"]) == (received, (received + 50) // 100 + 1)
    assert sum(row["total"] for row in rows.values()) == counts.sales_in_cents


async def test_extras_for_departments_are_what_the_baskets_say(installation: Installation, folder: Path) -> None:
    _, rows = await journey(installation, folder, "loyalista")
    documents = [orjson.loads(line) for line in (folder / "orders.jsonl").read_bytes().splitlines()]
    expected = {document["externalId"]: configure.loyalista_points(document) for document in documents}
    assert {row["external_id"]: row["points"] for row in rows} == expected


async def test_points_by_rules_are_what_the_baskets_say(installation: Installation, folder: Path) -> None:
    programme, rows = await journey(installation, folder, "sides")
    by_rule: Counter[str] = Counter()
    bananas: Counter[tuple[str, date]] = Counter()
    for row in rows:
        given = await points_by_rule(installation, programme, row)
        assert sum(given.values()) == row["points"]
        day = row["placed_at"].astimezone(ZoneInfo(convert.TIME_ZONE)).date()
        assert given["cart"] + given["cart-busiest"] == cart_points(row, day)
        assert given["app"] == (5 if row["entry_channel"] == "app" else 0)
        bananas[row["earner"], day] += given["bananas"]
        by_rule += given
    assert max(bananas.values()) == BANANAS_A_DAY
    giving = {key for key, points in by_rule.items() if points}
    assert {"produce", "frozen-pizza", "coffee", "meat", "salad-bar", "summer-drinks", "delicatessen"} <= giving
    assert "baby-foods" not in giving


async def journey(
    installation: Installation, folder: Path, name: str
) -> tuple[ProgrammeSnapshot, list[dict[str, Any]]]:
    """A programme of the example with the baskets of some households, and the orders that it has then."""
    configuration = read_configuration(orjson.loads((folder / f"{name}.json").read_bytes()))
    programme = await create_programme_from(installation, name, configuration, now=NOW)
    await import_members(installation, programme.id, folder / "members.jsonl", clock=now)
    report = await imported(installation, programme, folder / "orders.jsonl")
    assert report.refused == 0
    return programme, await order_rows(installation, programme)


async def points_by_rule(
    installation: Installation, programme: ProgrammeSnapshot, row: dict[str, Any]
) -> Counter[str]:
    """What every rule gave, as an order is explained: judged again."""
    if row["entry_seq"] is None:
        return Counter()
    explanation = await explain(installation, programme.id, row["earner"], row["entry_seq"])
    assert explanation is not None
    return Counter({each.trace["rule"]: each.trace.get("points", 0) for each in explanation.rules})


def cart_points(row: dict[str, Any], day: date) -> int:
    """The better of two rules: a point per dollar, twice on Tuesdays, at most 300; one per 0.80 in some stores."""
    everywhere = half_up(Fraction(row["total"], 100) * (2 if day.strftime("%A") == "Tuesday" else 1))
    busiest = half_up(Fraction(row["total"], 80)) if row["store_id"] in configure.BUSIEST else 0
    return busiest if busiest > everywhere else min(everywhere, 300)


def half_up(exact: Fraction) -> int:
    return floor(exact + Fraction(1, 2))


@pytest.mark.parametrize(
    ("key", "token", "code", "said", "called"),
    [
        ("sk_1", "echo token", 0, "", ["token create 7 --programme journey", "verify"]),
        (
            "sk_1",
            "echo no such customer >&2; exit 1",
            1,
            "no such customer\n",
            ["token create 7 --programme journey"],
        ),
        ("", "echo token", 1, "Make a key once: export KEY=", []),
    ],
)
def test_paying_makes_no_key_and_says_why_it_ends(
    tmp_path: Path, *, key: str, token: str, code: int, said: str, called: list[str]
) -> None:
    # A key a run would be one more live secret a run, and refused in the end: a programme has so many only.
    for name, answer in (("pointbook", token), ("curl", "echo {}")):
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/{name}.calls\n{answer}\n')
        program.chmod(0o755)
    calls = tmp_path / "pointbook.calls"
    calls.touch()
    script = Path(convert.__file__).with_name("redeem.sh")
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "KEY": key}
    done = subprocess.run([script, "7"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert done.stderr.startswith(said)
    assert bool(done.stderr) == bool(said)
    assert calls.read_text().splitlines() == called
