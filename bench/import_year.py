"""The import of a year of real baskets: ``examples/complete_journey``, 155,848 orders with 1.47 million lines.

Converts the data (not part of the figures), imports stores, members and orders into a programme on servers of its
own, with everything that belongs to it: reading, checking, counting points, the ledger, the orders, the progress.
Then the books are verified, the same file is imported once more and one household's account is looked at.
"""

import argparse
import dataclasses
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvloop

from bench.load import cpu_seconds_of_all
from bench.scene import SECRET, servers, utc_now
from examples.complete_journey import convert
from pointbook import ledger
from pointbook.db.migrate import migrate
from pointbook.db.session import Database
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.embedded import Urls
from pointbook.services import account
from pointbook.services.directory import ProgrammeSnapshot, ProgrammeState
from pointbook.services.import_reports import ImportReport
from pointbook.services.installation import Installation
from pointbook.services.member_import import import_members
from pointbook.services.order_import import import_orders
from pointbook.services.programmes import NewProgramme, create_programme
from pointbook.services.store_import import import_stores

SETTINGS = {"basePointsPerOrder": 1, "signUpPoints": 50}
GATE = 8_000
"""Orders per second."""


async def main(urls: Urls, folder: Path) -> bool:
    await migrate(urls.owner_database)
    db = await Database.connect(urls.database)
    try:
        installation = Installation.of(db, SECRET)
        programme = await _programme(installation)
        imports = _Imports(installation, programme)
        await imports.timed("stores", import_stores, folder / "stores.jsonl")
        await imports.timed("members", import_members, folder / "members.jsonl")
        per_second = await imports.timed("orders", import_orders, folder / "orders.jsonl")
        await _verify(installation, programme)
        await imports.timed("orders again", import_orders, folder / "orders.jsonl")
        await _verify(installation, programme)
        print("household 1:", await account.balance(installation, programme.id, "1", now=utc_now()))
    finally:
        await db.close()
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


async def _programme(installation: Installation) -> ProgrammeSnapshot:
    settings = ProgrammeSettings.from_document(SETTINGS, convert.CURRENCY)
    command = NewProgramme(
        "journey",
        "Complete Journey",
        convert.CURRENCY,
        "America/New_York",
        ("en",),
        settings,
        state=ProgrammeState.ACTIVE,
    )
    return await create_programme(installation, command, now=utc_now())


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


def _converted(folder: Path, households: int | None) -> None:
    begun = time.perf_counter()
    table, groups = convert.read_table(households), convert.read_groups()
    convert.write(folder, table, groups)
    print(f"conversion: {time.perf_counter() - begun:.1f} s, {convert.count(table, groups)}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="converted files, if they are there already")
    parser.add_argument("--households", type=int, help="only so many")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, servers() as urls:
        where = arguments.folder or Path(scratch)
        if arguments.folder is None:
            _converted(where, arguments.households)
        sys.exit(not uvloop.run(main(urls, where)))
