"""Bookings moved, cancelled and completed, each report one to five times in any order, while workers are killed.

Several senders deliver the shuffled reports through processes' views that know nothing of each other. Two workers
drain the outbox meanwhile and are killed with SIGKILL at random moments; each is started again. Points become
available, and their notices due, after the last report has come. In the end every booking has the credit that its
newest report asks for, once; the notice of each was delivered, and of none that was cancelled; every lot begins
when it should; and the ledger is sound. A receiver knows a message by its id: what a killed worker had delivered
and not acknowledged comes again, and is counted.
"""

import argparse
import asyncio
import contextlib
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import uvloop

from bench.scene import SECRET, servers, utc_now
from pointbook import ledger
from pointbook.db.migrate import migrate
from pointbook.db.session import Database
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.embedded import Urls
from pointbook.services import outbox
from pointbook.services.bookings import submit_booking
from pointbook.services.directory import ProgrammeSnapshot, ProgrammeState
from pointbook.services.earning_rules import create_rule
from pointbook.services.granting import POINTS_CREDITED
from pointbook.services.installation import Installation
from pointbook.services.joining import Join, join
from pointbook.services.outbox import Message, Subscriptions
from pointbook.services.programmes import NewProgramme, create_programme

Document = dict[str, Any]
MEMBERS = 100
PROCESSES = 3
SENDERS = 8
WORKERS = 2
POINTS = 25
SPREAD = timedelta(seconds=30)
"""Over which the points of all bookings become available."""
DELAY = timedelta(hours=3)
PATIENCE = 180.0


@dataclass(frozen=True, slots=True)
class History:
    """What is reported of a booking, in the order in which it happened."""

    external_id: str
    reports: tuple[Document, ...]

    @property
    def newest(self) -> Document:
        return self.reports[-1]

    @property
    def points(self) -> int:
        stands = self.newest["status"] in {"BOOKED", "COMPLETED"}
        return POINTS * int(self.newest["participants"]) if stands else 0

    @property
    def available_from(self) -> datetime:
        return datetime.fromisoformat(self.newest["endsAt"]) + DELAY


def history(number: int, dice: random.Random, begin: datetime, available: datetime) -> History:
    """Booked, moved up to twice, perhaps cancelled and booked again, perhaps over."""
    said_at = begin - timedelta(hours=2)
    reports: list[Document] = []

    def report(status: str, ends_at: datetime, participants: int) -> None:
        nonlocal said_at
        said_at += timedelta(seconds=1)
        reports.append(
            {
                "externalId": f"b-{number}",
                "serviceId": "cut",
                "customer": {"externalId": f"c-{number % MEMBERS}"},
                "startsAt": (ends_at - timedelta(hours=1)).isoformat(),
                "endsAt": ends_at.isoformat(),
                "participants": participants,
                "status": status,
                "statusAt": said_at.isoformat(),
            }
        )

    def appointment() -> tuple[datetime, int]:
        return available + dice.random() * SPREAD - DELAY, dice.choice([1, 1, 1, 2, 5])

    place = appointment()
    report("BOOKED", *place)
    for _ in range(dice.choices([0, 1, 2], [60, 30, 10])[0]):
        place = appointment()
        report("BOOKED", *place)
    if dice.randrange(100) < 40:  # noqa: PLR2004  # percent
        report(dice.choice(["CANCELLED", "NO_SHOW"]), *place)
        if dice.randrange(100) < 40:  # noqa: PLR2004  # percent
            place = place if dice.randrange(2) else appointment()
            report("BOOKED", *place)
    elif dice.randrange(2):
        report("COMPLETED", *place)
    return History(f"b-{number}", tuple(reports))


async def prepare(installation: Installation, now: datetime) -> ProgrammeSnapshot:
    settings = ProgrammeSettings.from_document({"earnsFromRevenue": False}, "EUR")
    command = NewProgramme(
        "salon", "Salon", "EUR", "Europe/Berlin", ("en",), settings, state=ProgrammeState.ACTIVE
    )
    before = now - timedelta(days=1)
    programme = await create_programme(installation, command, now=before)
    rule = {"kind": "SERVICE", "name": "cut", "points": POINTS, "targets": ["cut"]}
    await create_rule(installation, programme.id, rule, now=before)
    for number in range(MEMBERS):
        await join(installation, programme.id, Join(f"c-{number}"), tells=False, now=before)
    return programme


async def deliver(db: Database, programme_id: int, deliveries: list[Document]) -> float:
    """Seconds that all took."""
    waiting = deliveries[::-1]
    processes = [Installation.of(db, SECRET) for _ in range(PROCESSES)]

    async def sender(installation: Installation) -> None:
        while waiting:
            await submit_booking(installation, programme_id, waiting.pop(), now=utc_now())

    begun = time.perf_counter()
    await asyncio.gather(*(sender(processes[number % PROCESSES]) for number in range(SENDERS)))
    return time.perf_counter() - begun


async def work(database_url: str, received: Path) -> None:
    """A worker: drains until it is killed, and writes down each message as soon as it has it."""
    db = await Database.connect(database_url, pool_size=6)
    file = os.open(received, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def take(message: Message, /) -> None:
        os.write(file, orjson.dumps({"id": message.id, **message.payload}) + b"\n")
        await asyncio.sleep(0.05)  # a receiver takes its time, and so a worker has some in hand when it is killed

    listening = Subscriptions()
    listening.add(POINTS_CREDITED, take)
    print("up", flush=True)
    while True:
        await outbox.drain(db, listening)
        await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def killed_workers(urls: Urls, received: Path, dice: random.Random) -> AsyncIterator[Counter[str]]:
    """Workers, each of which is killed again and again; the last ones live until the end."""
    kills: Counter[str] = Counter()
    stopping = asyncio.Event()

    async def worker() -> None:
        while not stopping.is_set():
            command = (sys.executable, "-m", "bench.bookings", "--worker", urls.database, str(received))
            process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
            assert process.stdout is not None, "it was asked for"
            await process.stdout.readline()  # its life begins when it says so, however long it took to start
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(dice.uniform(0.5, 4)):
                    await stopping.wait()
            process.kill()
            await process.wait()
            kills["SIGKILL"] += 1

    tasks = [asyncio.create_task(worker()) for _ in range(WORKERS)]
    try:
        yield kills
    finally:
        stopping.set()
        await asyncio.gather(*tasks)


async def all_told(db: Database, programme_id: int) -> None:
    """Until nothing is left to deliver, leases of the dead included."""
    deadline = time.monotonic() + PATIENCE
    while True:
        async with db.bare_transaction(programme_id) as connection:
            left = await connection.fetchval("select count(*) from outbox_message where delivered_at is null")
        if not left:
            return
        assert time.monotonic() < deadline, f"{left} messages are not delivered"
        await asyncio.sleep(0.5)


def heard(received: Path) -> list[Any]:
    return [orjson.loads(line) for line in received.read_bytes().splitlines()]


async def wrong(db: Database, programme_id: int, histories: list[History], lines: list[Any]) -> list[str]:
    """What is not as it should be, and on the way what was seen."""
    told = {line["id"]: line for line in lines}
    async with db.bare_transaction(programme_id) as connection:
        rows = {row["external_id"]: row for row in await connection.fetch(_BOOKINGS)}
        verification = await ledger.verify(connection, programme_id)
    told_of = Counter(line["entry"] for line in told.values())
    faults = [f"violation: {violation}" for violation in verification.violations]
    for one in histories:
        row, points = rows[one.external_id], one.points
        expected = (points, 1 if points else 0, "EARNED" if points else "VOID", one.newest["status"])
        found = (row["net"], row["open"], row["state"], row["status"])
        if found != expected:
            faults.append(f"{one.external_id}: {found} instead of {expected}")
        if points and row["available_from"] != one.available_from:
            faults.append(f"{one.external_id}: available from {row['available_from']}")
        notices = [told_of.pop(entry, 0) for entry in row["entries"]]
        if sum(notices) != (1 if points else 0) or (points and not notices[-1]):
            faults.append(f"{one.external_id}: notices of its accruals {notices}")
    faults += [f"a notice of {entry}, which is no booking's" for entry in told_of]
    standing = sum(one.points > 0 for one in histories)
    print(
        f"{standing} bookings stand, {len(histories) - standing} are cancelled; {len(told)} notices,"
        f" {len(lines) - len(told)} of them delivered once more after a kill;"
        f" {verification.entries} entries, {len(verification.violations)} violations",
        flush=True,
    )
    return faults


_BOOKINGS = """
select
    b.external_id, b.state, b.status, earned.open, earned.available_from, earned.entries,
    (
        select coalesce(sum(case when e.kind = 'accrual' then t.points else -t.points end), 0)
        from ledger.entry as e join ledger.transfer as t using (programme_id, account_id, seq)
        where e.programme_id = b.programme_id and e.kind in ('accrual', 'reversal') and e.source_type = 'booking'
            and e.source_id = b.external_id
    ) as net
from booking as b
cross join lateral (
    select
        count(*) filter (where reversed_at is null) as open,
        max(available_from) filter (where reversed_at is null) as available_from,
        coalesce(array_agg(
            replace(a.public_id::text, '-', '') || '-' || o.entry_seq order by o.occurrence
        ), '{}') as entries
    from booking_occurrence as o
    join ledger.account as a on a.programme_id = o.programme_id and a.account_id = o.account_id
    where o.programme_id = b.programme_id and o.booking_external_id = b.external_id
) as earned
"""


async def main(urls: Urls, bookings: int, seed: int, window: timedelta, received: Path) -> bool:
    await migrate(urls.owner_database)
    db = await Database.connect(urls.database, pool_size=SENDERS + 4)
    try:
        dice = random.Random(seed)  # noqa: S311  # no secret
        programme = await prepare(Installation.of(db, SECRET), utc_now())
        begin = utc_now()
        available = begin + window
        histories = [history(number, dice, begin, available) for number in range(bookings)]
        reports = [report for one in histories for report in one.reports]
        deliveries = [report for report in reports for _ in range(dice.randrange(1, 6))]
        dice.shuffle(deliveries)
        told = Counter(report["status"] for report in reports)
        print(f"{bookings} bookings, {len(reports)} reports: {dict(told)}", flush=True)
        async with killed_workers(urls, received, random.Random(seed)) as kills:  # noqa: S311  # when to kill
            seconds = await deliver(db, programme.id, deliveries)
            rate = len(deliveries) / seconds
            print(f"{len(deliveries)} deliveries in {seconds:.0f} s, {rate:.0f}/s", flush=True)
            assert utc_now() < available, "points became available while reports came: give a longer --window"
            await asyncio.sleep((available + SPREAD - utc_now()).total_seconds())
            await all_told(db, programme.id)
        print(f"all told after {(utc_now() - begin).total_seconds():.0f} s, {kills.total()} workers killed")
        faults = await wrong(db, programme.id, histories, heard(received))
    finally:
        await db.close()
    print("\n".join(faults[:20]) or "everything once")
    return not faults


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bookings", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--window", type=int, default=120, help="seconds in which all reports come")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        uvloop.run(work(arguments.worker[0], Path(arguments.worker[1])))
    with servers() as running, tempfile.TemporaryDirectory(prefix="pointbook-bookings-") as scratch:
        span = timedelta(seconds=arguments.window)
        found = uvloop.run(main(running, arguments.bookings, arguments.seed, span, Path(scratch) / "received"))
    sys.exit(not found)
