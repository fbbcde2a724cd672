"""The import of a year of real baskets: ``examples/complete_journey``, 155,848 orders with 1.47 million lines.

Converts the data (not part of the figures) and imports stores, members and orders into programmes on servers of
their own, with everything that belongs to it: reading, checking, judging, the ledger, the orders, the progress.
One programme earns by settings alone, one by extras for departments as in preset ``loyalista``, one by rules for
carts, articles, groups, stores, channels and days as in ``sides``. After each the books are verified, the same
file is imported once more, and what some thousands of orders earned is explained; where points come from
department extras, they are also reckoned anew from the file, by other means.
"""

import argparse
import dataclasses
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import uvloop

from bench.load import cpu_seconds_of_all
from bench.scene import SECRET, servers, utc_now
from examples.complete_journey import configure, convert
from pointbook import ledger
from pointbook.db.migrate import migrate
from pointbook.db.session import Database
from pointbook.domain.configuration import Configuration, read_configuration
from pointbook.embedded import Urls
from pointbook.services import account
from pointbook.services.configuration import create_programme_from
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.explaining import explain
from pointbook.services.import_reports import ImportReport
from pointbook.services.installation import Installation
from pointbook.services.member_import import import_members
from pointbook.services.order_import import import_orders
from pointbook.services.store_import import import_stores

SETTINGS = {"basePointsPerOrder": 1, "signUpPoints": 50}
BY_SETTINGS = "settings"
GATE = 8_000
"""Orders per second, by settings alone."""
SAMPLE = 4_000


async def main(urls: Urls, folder: Path, name: str) -> bool:
    await migrate(urls.owner_database)
    db = await Database.connect(urls.database)
    try:
        installation = Installation.of(db, SECRET)
        programme = await create_programme_from(
            installation, "journey", _configuration(folder, name), now=utc_now()
        )
        imports = _Imports(installation, programme)
        await imports.timed("stores", import_stores, folder / "stores.jsonl")
        await imports.timed("members", import_members, folder / "members.jsonl")
        per_second = await imports.timed("orders", import_orders, folder / "orders.jsonl")
        await _verify(installation, programme)
        await imports.timed("orders again", import_orders, folder / "orders.jsonl")
        await _verify(installation, programme)
        await _explain(installation, programme, _sample(folder / "orders.jsonl"), by_extras=name == "loyalista")
        print("household 1:", await account.balance(installation, programme.id, "1", now=utc_now()))
    finally:
        await db.close()
    if name != BY_SETTINGS:
        return True
    print(f"{per_second:,.0f} orders/s; gate {GATE:,}: {'reached' if per_second >= GATE else 'MISSED'}")
    return per_second >= GATE


@dataclasses.dataclass(frozen=True)
class _Imports:
    installation: Installation
    programme: ProgrammeSnapshot

    async def timed(self, what: str, importing: Callable[..., Awaitable[ImportReport[Any]]], path: Path) -> float:
        """Import a file, print what it took, and answer how many lines a second that was."""
        begun, own, all_ = time.perf_counter(), time.process_time(), cpu_seconds_of_all(os.getpid())
        report = await importing(self.installation, self.programme.id, path, clock=utc_now)
        seconds, own = time.perf_counter() - begun, time.process_time() - own
        all_ = cpu_seconds_of_all(os.getpid()) - all_
        assert not report.refused, report.refusals
        figures = ", ".join(f"{name} {number:,}" for name, number in report.counts.items())
        rate = report.last_line / seconds
        print(f"{what}: {seconds:.1f} s, {rate:,.0f} lines/s; {figures}")
        per_line = f"{all_ / report.last_line * 1e6:.0f} µs a line"
        print(f"  CPU: {all_:.1f} s of all processes ({per_line}), {own:.1f} s of this one", flush=True)
        return rate


def _configuration(folder: Path, name: str) -> Configuration:
    if name == BY_SETTINGS:
        head = {"name": name, "currency": convert.CURRENCY, "timeZone": convert.TIME_ZONE}
        return read_configuration({**head, "settings": SETTINGS})
    return read_configuration(orjson.loads((folder / f"{name}.json").read_bytes()))


async def _verify(installation: Installation, programme: ProgrammeSnapshot) -> None:
    begun = time.perf_counter()
    async with installation.db.bare_transaction(programme.id) as connection:
        verification = await ledger.verify(connection, programme.id)
    assert verification.accounts, "a programme without accounts proves nothing"
    assert not verification.violations, verification.violations
    seconds = time.perf_counter() - begun
    print(
        f"verify: {seconds:.1f} s, {verification.accounts} accounts, {verification.entries} entries, no violation"
    )


def _sample(path: Path) -> dict[str, dict[str, Any]]:
    """Some orders of a file by their ids, always the same."""
    lines = path.read_bytes().splitlines()
    chosen = random.Random(1).sample(lines, min(SAMPLE, len(lines)))  # noqa: S311  # no secret
    return {document["externalId"]: document for document in map(orjson.loads, chosen)}


async def _explain(
    installation: Installation,
    programme: ProgrammeSnapshot,
    documents: dict[str, dict[str, Any]],
    *,
    by_extras: bool,
) -> None:
    """Judge orders again and compare with what was granted."""
    begun = time.perf_counter()
    async with installation.db.bare_transaction(programme.id) as connection:
        rows = await connection.fetch(_EARNED, list(documents))
    assert len(rows) == len(documents) > 0
    by_kind: Counter[str] = Counter()
    for order_id, customer, entry, points in rows:
        if by_extras:
            assert points == configure.loyalista_points(documents[order_id]), order_id
        if entry is None:
            assert points == 0, order_id
            continue
        explanation = await explain(installation, programme.id, customer, entry)
        assert explanation is not None, order_id
        given = [rule.trace for rule in explanation.rules if "points" in rule.trace]
        assert sum(trace["points"] for trace in given) == explanation.points == points, order_id
        for trace in given:
            by_kind[trace["kind"]] += trace["points"]
    whole = sum(by_kind.values())
    shares = ", ".join(f"{kind} {points / whole:.1%}" for kind, points in by_kind.most_common() if points)
    seconds = time.perf_counter() - begun
    print(f"explain: {seconds:.1f} s, {len(rows):,} orders judged again, {whole:,} points; {shares}")


_EARNED = """
select external_id, customer_external_id, entry_seq, points from sales_order
where external_id = any($1::text[]) order by external_id
"""


def _converted(folder: Path, households: int | None) -> None:
    begun = time.perf_counter()
    table, groups = convert.read_table(households), convert.read_groups()
    convert.write(folder, table, groups)
    configure.write(folder)
    print(f"conversion: {time.perf_counter() - begun:.1f} s, {convert.count(table, groups)}", flush=True)


if __name__ == "__main__":
    names = [BY_SETTINGS, *configure.PROGRAMMES]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programme", nargs="*", choices=[*names, []], help="by which to earn; all of them")
    parser.add_argument("--folder", type=Path, help="converted files, if they are there already")
    parser.add_argument("--households", type=int, help="only so many")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        where = arguments.folder or Path(scratch)
        if arguments.folder is None:
            _converted(where, arguments.households)
        reached = True
        for chosen_name in arguments.programme or names:
            print(f"\n-- by {chosen_name}", flush=True)
            with servers() as started:
                reached &= uvloop.run(main(started, where, chosen_name))
        sys.exit(not reached)
