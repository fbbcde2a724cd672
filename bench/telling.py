"""What must be told is told, while the worker that tells it is killed at random.

Members join, get points and want notices; two receivers subscribe to every event. The worker is killed with
SIGKILL at random moments, also between a receiver's answer and the note of it. In the end each message of the
outbox has reached each receiver at least once and, told apart by ``webhook-id`` as receivers are asked to,
exactly once. The mail that welcomes a member has left at least once, and told apart by ``Message-ID`` exactly
once.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import UUID

import uvloop

from bench.scene import utc_now
from pointbook.db.retry import retrying
from pointbook.db.session import Database
from pointbook.domain.access import CallerKind, Principal
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.services.directory import ProgrammeSnapshot, ProgrammeState
from pointbook.services.installation import Installation as Services
from pointbook.services.joining import Join, join
from pointbook.services.programmes import NewProgramme, create_programme
from pointbook.services.verifying import verify
from pointbook.services.webhook_events import EVENTS
from pointbook.services.webhook_sendings import webhook_id
from pointbook.services.webhook_subscriptions import create_subscription
from tests.faults.installation import Installation, Part
from tests.worker.hook_receiver import HookReceiver, receiving
from tests.worker.mail_server import MailServer, serving

_ENVIRONMENT = {"POINTBOOK_WEBHOOKS_TO_PRIVATE": "true", "POINTBOOK_MAIL_FROM": "points@pointbook.example"}
_AT_ONCE = 8
_PATIENCE = 240.0
"""Seconds after the last kill: a lease has to run out, and what failed meanwhile waits for its next attempt."""


async def main(folder: Path, members: int, kills: int, seed: int) -> bool:
    async with (
        serving(MailServer()) as mailbox,
        Installation(folder, {**_ENVIRONMENT, "POINTBOOK_SMTP_URL": mailbox.url}) as installation,
        receiving() as first,
        receiving() as second,
    ):
        db = await Database.connect(installation.urls.database, patient=True)
        try:
            services = Services.of(db, installation.urls.secret, webhooks_to_private=True)
            programme = await _programme(services)
            receivers = {await _subscribe(services, programme, each): each for each in (first, second)}
            begun = time.perf_counter()
            joining = asyncio.create_task(_join(services, programme, members))
            await _kill(installation, joining, kills, random.Random(seed))  # noqa: S311  # when to kill
            await joining
            told = await _all_told(db, programme)
            print(f"{members:,} members, {kills} kills, {time.perf_counter() - begun:.0f} s", flush=True)
            right = await _is_right(db, programme, receivers)
            return _is_mailed(mailbox, members) and right and told
        finally:
            await db.close()


async def _programme(services: Services) -> ProgrammeSnapshot:
    settings = ProgrammeSettings.from_document({"signUpPoints": 100}, "EUR")
    command = NewProgramme("told", "Told", "EUR", "Europe/Berlin", ("en",), settings, state=ProgrammeState.ACTIVE)
    return await create_programme(services, command, now=utc_now())


async def _subscribe(services: Services, programme: ProgrammeSnapshot, receiver: HookReceiver) -> UUID:
    staff = Principal(CallerKind.STAFF, programme.id, "bench")
    made = await create_subscription(services, staff, receiver.url, (), now=utc_now())
    return made.subscription.id


async def _join(services: Services, programme: ProgrammeSnapshot, members: int) -> None:
    waiting = iter(range(members))

    async def one_after_another() -> None:
        for number in waiting:
            customer = Join(f"c-{number}", f"c-{number}@example.com", opt_in=True)
            await join(services, programme.id, customer, now=utc_now())
            await asyncio.sleep(0.3)

    await asyncio.gather(*(one_after_another() for _ in range(_AT_ONCE)))


async def _kill(
    installation: Installation, joining: "asyncio.Task[None]", kills: int, moments: random.Random
) -> None:
    for number in range(kills):
        await asyncio.sleep(moments.uniform(0.1, 1.5))
        await installation.kill(Part.WORKER)
        if number % 10 == 9:  # noqa: PLR2004  # every tenth
            print(f"{number + 1} kills, {'still' if not joining.done() else 'no more'} joining", flush=True)


async def _all_told(db: Database, programme: ProgrammeSnapshot) -> bool:
    ends = time.monotonic() + _PATIENCE
    while time.monotonic() < ends:
        row = await _read(db, programme, _WAITING)
        if row["messages"] == row["sendings"] == 0:
            return True
        await asyncio.sleep(1)
    print(f"not told in {_PATIENCE:.0f} s: {dict(row)}", flush=True)
    return False


async def _is_right(db: Database, programme: ProgrammeSnapshot, receivers: dict[UUID, HookReceiver]) -> bool:
    row = await _read(db, programme, _PROMISED, list(EVENTS))
    right = True
    for subscription_id, receiver in receivers.items():
        expected = {webhook_id(subscription_id, message) for message in row["ids"]}
        got = Counter(each.id for each in receiver.got)
        bodies = {(each.id, each.body) for each in receiver.got}
        again = sum(got.values()) - len(got)
        print(
            f"promised {len(expected):,}, came {sum(got.values()):,} times ({again} again), "
            f"missing {len(expected - got.keys())}, unknown {len(got.keys() - expected)}",
            flush=True,
        )
        right &= got.keys() == expected and len(bodies) == len(expected)
    async with db.bare_transaction(programme.id) as connection:
        violations = (await verify(connection, programme.id)).violations
    print(f"violations: {len(violations)}", flush=True)
    return right and not violations


def _is_mailed(mailbox: MailServer, members: int) -> bool:
    got = Counter(mail["Message-ID"] for mail in mailbox.mails)
    welcomed = {str(mail["To"]) for mail in mailbox.mails}
    again = sum(got.values()) - len(got)
    print(f"mails: {len(got):,} of {members:,}, {again} again, {len(welcomed):,} addresses", flush=True)
    return len(got) == len(welcomed) == members


async def _read(db: Database, programme: ProgrammeSnapshot, query: str, *arguments: Any) -> Any:
    async def look() -> Any:
        async with db.bare_transaction(programme.id) as connection:
            return await connection.fetchrow(query, *arguments)

    return await retrying(look)


_WAITING = """
select
    (select count(*) from outbox_message where delivered_at is null) as messages,
    (select count(*) from webhook_sending where state <> 'DELIVERED') as sendings
"""

_PROMISED = "select array_agg(id) as ids from outbox_message where topic = any($1)"

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=3_000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pointbook-telling-") as scratch:
        where = Path(scratch)
        where.chmod(0o755)  # as root the servers run as somebody else
        sys.exit(not uvloop.run(main(where, arguments.members, arguments.kills, arguments.seed)))
