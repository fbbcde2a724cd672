"""Books what the clock has made due: lapsed holds, expired lots, settled debt, gift cards that expired.

Only tidies up. Every read and every write counts what is due by itself, so no figure depends on when this
runs, or whether (I9).
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from pointbook import ledger
from pointbook.db.queries.programme_ids import programme_ids
from pointbook.db.retry import retrying
from pointbook.db.session import Database
from pointbook.services.directory import ProgrammeDirectory
from pointbook.services.programme_turns import take_turns

BATCH = 500


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

    async def sweep(programme_id: int) -> Swept:
        return await _one_batch(database, programme_id, batch, await programmes.now(programme_id, now))

    served = await take_turns(
        deque(of or await programme_ids(database)),
        sweep,
        more=lambda booked: batch in (booked.accounts, booked.cards),
        failure="sweep.programme_failed",
        seconds=seconds,
        stopping=stopping,
    )
    return sum(served.done, Swept(0, 0, served.failed))


async def _one_batch(database: Database, programme_id: int, batch: int, now: datetime) -> Swept:
    async def call() -> Swept:
        async with database.acquire() as connection:
            return Swept(
                await ledger.sweep(connection, programme_id, limit=batch, now=now),
                await ledger.sweep_cards(connection, programme_id, limit=batch, now=now),
                0,
            )

    return await retrying(call)
