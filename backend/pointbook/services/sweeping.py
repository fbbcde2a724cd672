"""Books what the clock has made due: lapsed holds, expired lots, settled debt, gift cards that expired.

Only tidies up. Every read and every write counts what is due by itself, so no figure depends on when this
runs, or whether (I9).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

import structlog

from pointbook import ledger
from pointbook.db.queries.programme_ids import programme_ids
from pointbook.db.retry import retrying
from pointbook.db.session import Database
from pointbook.services.directory import ProgrammeDirectory

BATCH = 500

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Swept:
    """Accounts and gift cards brought to now, and programmes that could not be served."""

    accounts: int
    cards: int
    failed: int

    def __add__(self, other: "Swept") -> "Swept":
        return Swept(self.accounts + other.accounts, self.cards + other.cards, self.failed + other.failed)


async def book_due(
    database: Database,
    programmes: ProgrammeDirectory,
    *,
    now: datetime,
    of: Iterable[int] | None = None,
    batch: int = BATCH,
    seconds: float = 20,
    stopping: Callable[[], bool] = lambda: False,
) -> Swept:
    """Bring accounts and gift cards with something due to ``now``, at most ``batch`` of each in a transaction.

    ``now`` is the real instant, and each programme has its own time; ``of`` are the programmes, by default all.
    Programmes take turns, a batch each, until nothing is due or ``seconds`` have passed: a large programme
    does not keep the others waiting, and the next run continues. Harmless when run twice or by several workers.
    """
    waiting = list(of or await programme_ids(database))
    ends = monotonic() + seconds
    total = Swept(0, 0, 0)
    while waiting and not stopping() and monotonic() < ends:
        programme_id = waiting.pop(0)
        try:
            booked = await _one_batch(database, programme_id, batch, await programmes.now(programme_id, now))
        except Exception:
            log.exception("sweep.programme_failed", programme=programme_id)
            booked = Swept(0, 0, 1)
        total += booked
        if batch in (booked.accounts, booked.cards):
            waiting.append(programme_id)
    return total


async def _one_batch(database: Database, programme_id: int, batch: int, now: datetime) -> Swept:
    async def call() -> Swept:
        async with database.acquire() as connection:
            return Swept(
                await ledger.sweep(connection, programme_id, limit=batch, now=now),
                await ledger.sweep_cards(connection, programme_id, limit=batch, now=now),
                0,
            )

    return await retrying(call)
