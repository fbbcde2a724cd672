"""The example with real data: what it counts is what its page says, and its documents are taken as stated."""

import dataclasses
import subprocess
from pathlib import Path

import pytest

from examples.complete_journey import convert
from pointbook.services.installation import Installation
from pointbook.services.member_import import import_members
from pointbook.services.store_import import import_stores
from tests.imports.files import imported, now, order_rows
from tests.support import make_programme

HOUSEHOLDS = 20
README = Path(convert.__file__).with_name("README.md")


@pytest.fixture(scope="module")
def groups() -> dict[int, list[str]]:
    return convert.read_groups()


def test_the_whole_year_is_what_the_page_of_the_example_says(groups: dict[int, list[str]]) -> None:
    counts = convert.count(convert.read_table(), groups)
    stated = README.read_text()
    for name, value in dataclasses.asdict(counts).items():
        assert f"{value:>14,}  {name.replace('_', ' ')}\n" in stated
    assert (counts.baskets, counts.lines, counts.households, counts.stores) == (155_848, 1_469_307, 2_469, 457)


async def test_baskets_of_some_households_are_imported_whole(
    installation: Installation, tmp_path: Path, groups: dict[int, list[str]]
) -> None:
    table = convert.read_table(HOUSEHOLDS)
    counts = convert.count(table, groups)
    convert.write(tmp_path, table, groups)
    programme = await make_programme(
        installation, {"basePointsPerOrder": 1, "qualifyingStatuses": [convert.STATUS]}, currency=convert.CURRENCY
    )
    stores = await import_stores(installation, programme.id, tmp_path / "stores.jsonl", clock=now)
    members = await import_members(installation, programme.id, tmp_path / "members.jsonl", clock=now)
    report = await imported(installation, programme, tmp_path / "orders.jsonl")

    assert (stores.counts.stored, members.counts.joined) == (counts.stores, HOUSEHOLDS)
    assert (report.counts.earned, report.refused) == (counts.baskets, 0)
    rows = {row["external_id"]: row for row in await order_rows(installation, programme)}
    for basket in convert.baskets(table):
        received = sum(line.sales_value for line in basket)  # what the shop received is what earns
        row = rows[str(basket[0].basket_id)]
        assert (row["total"], row["points"]) == (received, (received + 50) // 100 + 1)
    assert sum(row["total"] for row in rows.values()) == counts.sales_in_cents


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
