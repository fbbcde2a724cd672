"""Parts of an installation are killed under load; afterwards the books are compared with what was acknowledged."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from pointbook.db.retry import retrying
from pointbook.db.session import Database
from pointbook.services.installation import Installation as Services
from pointbook.services.outbox import Delivery
from tests.faults.installation import Installation, Part
from tests.faults.load import Credentials, Load, Told
from tests.faults.market import Books, Market, open_market, read_books

_CALM_SECONDS = (0.3, 1.2)  # between two kills, at random
_DELIVERY_SECONDS = Delivery().lease.total_seconds() + 15  # what a killed worker had in hand waits for its lease


@dataclass(frozen=True, slots=True)
class Report:
    """``undelivered`` messages wait in the outbox although a worker runs and time has passed."""

    told: Told
    books: Books
    kills: int
    undelivered: int

    @property
    def lost(self) -> int:
        return self.books.missing(self.told.orders, self.told.redemptions, self.told.captures)

    def __str__(self) -> str:
        told = self.told
        return (
            f"{self.kills} kills; acknowledged {len(told.orders)} orders, {len(told.redemptions)} redemptions,"
            f" {len(told.captures)} captures; asked again {told.asked_again} times;"
            f" doubles {self.books.doubles}, lost {self.lost}, violations {len(self.books.violations)},"
            f" undelivered messages {self.undelivered}"
        )


async def kill_under_load(
    folder: Path,
    parts: Sequence[Part],
    *,
    shoppers: int = 8,
    seed: int = 1,
    fresh_keys: bool = False,
    tell: Callable[[Part, float], None] = lambda _part, _seconds: None,
) -> Report:
    """Kill ``parts`` one after the other at random moments; each is back before the next goes.

    ``tell`` hears after how many seconds a part was back.
    With ``fresh_keys`` the killing ends as soon as the books show a double.
    """
    moments = random.Random(seed)  # noqa: S311  # when to kill
    async with Installation(folder) as installation, _database(installation) as db:
        market = await open_market(db, installation.urls.secret, "market")
        credentials = await Credentials.of(Services.of(db, market.secret), market)
        load = Load(installation.url, market, credentials, fresh_keys=fresh_keys)
        running = asyncio.create_task(load.run(shoppers))
        kills = 0
        for part in parts:
            await asyncio.wait([running], timeout=moments.uniform(*_CALM_SECONDS))
            if running.done():
                break
            killed_at = monotonic()
            await installation.kill(part)
            tell(part, monotonic() - killed_at)
            kills += 1
            if fresh_keys and (await _books(db, market)).doubles:
                break
        load.stop()
        await running
        undelivered = await _wait_for_delivery(db, market)
        return Report(load.told, await _books(db, market), kills, undelivered)


@contextlib.asynccontextmanager
async def _database(installation: Installation) -> AsyncIterator[Database]:
    db = await Database.connect(installation.urls.database, pool_size=2)
    try:
        yield db
    finally:
        await db.close()


async def _books(db: Database, market: Market) -> Books:
    return await retrying(lambda: read_books(db, market))  # the server may have been killed under our connection


async def _wait_for_delivery(db: Database, market: Market) -> int:
    """How many messages are left when the worker has had its time."""
    deadline = monotonic() + _DELIVERY_SECONDS
    while True:
        waiting = await retrying(lambda: _undelivered(db, market))
        if waiting == 0 or monotonic() > deadline:
            return waiting
        await asyncio.sleep(0.2)


async def _undelivered(db: Database, market: Market) -> int:
    async with db.bare_transaction(market.programme_id) as connection:
        waiting: int = await connection.fetchval(
            "select count(*) from public.outbox_message where delivered_at is null"
        )
    return waiting
