"""Books what the clock has made due: lapsed holds, expired lots, settled debt.

Only tidies up. Every read and every write counts what is due by itself, so no figure depends on when this
runs, or whether (I9).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

import structlog

from pointbook import ledger
from pointbook.db.queries.programme_ids import programme_ids
from pointbook.db.retry import retrying
from pointbook.db.session import Database

BATCH = 500

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Swept:
    """Accounts brought to now, and programmes that could not be served."""

    accounts: int
    failed: int


async def book_due(
    database: Database,
    *,
    now: datetime,
    batch: int = BATCH,
    seconds: float = 20,
    stopping: Callable[[], bool] = lambda: False,
) -> Swept:
    """Bring accounts with something due to ``now``, at most ``batch`` in a transaction.

    Programmes take turns, a batch each, until nothing is due or ``seconds`` have passed: a large programme
    does not keep the others waiting, and the next run continues. Harmless when run twice or by several workers.
    """
    waiting = await programme_ids(database)
    ends = monotonic() + seconds
    accounts = failed = 0
    while waiting and not stopping() and monotonic() < ends:
        programme_id = waiting.pop(0)
        try:
            booked = await _one_batch(database, programme_id, batch, now)
        except Exception:
            log.exception("sweep.programme_failed", programme=programme_id)
            failed += 1
            continue
        accounts += booked
        if booked == batch:
            waiting.append(programme_id)
    return Swept(accounts, failed)


async def _one_batch(database: Database, programme_id: int, batch: int, now: datetime) -> int:
    async def call() -> int:
        async with database.acquire() as connection:
            return await ledger.sweep(connection, programme_id, limit=batch, now=now)

    return await retrying(call)
