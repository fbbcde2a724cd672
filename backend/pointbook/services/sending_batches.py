"""The work of sendings by hand: document by document, whoever does it, each once.

A document, its result and how far the sending has come are one transaction, which first locks the sending and asks
whether the lease is still its own. So whoever is killed leaves a lease that runs out, and another goes on with the
first document that has no result; cancelling takes effect between two documents. Leases are measured by the
database's clock.

A dry run does the same and rolls the effects back. The documents of a customer are looked at in one transaction,
so that what one would change (room under a cap, an order that a return takes back) counts for the next.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final
from uuid import uuid4

import structlog

from pointbook.db.queries import order_sendings as jobs
from pointbook.db.queries.leased_jobs import Taken
from pointbook.db.queries.order_sendings import Result
from pointbook.db.queries.programme_ids import programme_ids
from pointbook.db.retry import retrying
from pointbook.db.session import Connection, Database
from pointbook.services.directory import ProgrammeChangedError, ProgrammeDirectory, ProgrammeSnapshot
from pointbook.services.document_sending import PointsAsOf, Refusal, SendOutcome, Sent, send_one
from pointbook.services.granting import Together, tell_together
from pointbook.services.order_settling import Overtaken
from pointbook.services.programme_turns import take_turns
from pointbook.services.returns import apply_parked

BATCH: Final = 100
"""Documents before another programme has its turn."""
LEASE: Final = timedelta(seconds=60)
"""Longer than a transaction may take; it begins anew with each."""
ATTEMPTS_MAX: Final = 5
KEPT_FOR: Final = timedelta(days=30)
_PAUSE: Final = timedelta(seconds=5)
_PRUNED_AT_ONCE: Final = 5_000
_ATTEMPTS: Final = 5

UNSETTLED: Final = Sent(
    SendOutcome.REFUSED,
    refusal=Refusal("UNEXPECTED", "It could not be settled; the log says why. Send it again when that is mended."),
)

log = structlog.get_logger(__name__)

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Worked:
    """Batches, and programmes whose batch failed."""

    batches: int = 0
    failed: int = 0


async def run(
    database: Database,
    programmes: ProgrammeDirectory,
    clock: Clock,
    *,
    batch: int = BATCH,
    seconds: float = 20,
    stopping: Callable[[], bool] = lambda: False,
) -> Worked:
    """Work at what is open until nothing is left or ``seconds`` have passed; programmes take turns, a batch each.

    A programme that fails is logged, and tried again in another run. Any number of workers may run at once.
    """
    served = await take_turns(
        deque(await programme_ids(database)),
        lambda programme_id: work(database, programmes, programme_id, clock, batch=batch),
        more=bool,
        failure="sending.batch_failed",
        seconds=seconds,
        stopping=stopping,
    )
    return Worked(sum(served.done), served.failed)


async def work(
    database: Database, programmes: ProgrammeDirectory, programme_id: int, clock: Clock, *, batch: int = BATCH
) -> bool:
    """Take the next open sending of a programme and settle so many of its documents; False: there is none.

    ``clock`` is the real one.
    """
    async with database.bare_transaction(programme_id) as connection:
        taken = await jobs.take(connection, programme_id, uuid4(), LEASE)
    if taken is None:
        return False
    programme = await programmes.get(programme_id)
    await advance(database, programmes, programme_id, taken, lambda: programme.now(clock()), batch=batch)
    return True


async def advance(
    database: Database,
    programmes: ProgrammeDirectory,
    programme_id: int,
    taken: Taken,
    clock: Clock,
    *,
    batch: int = BATCH,
) -> None:
    """Settle the next documents of a sending that this process has taken, and give it back.

    Nothing more is done once somebody has cancelled it, or has taken it because the lease ran out. A document that
    raises is tried again later, and refused in the end so that it does not keep the others waiting.
    """
    sending = _Sending(database, programmes, programme_id, taken, clock)
    try:
        await sending.settle_next(batch)
    except Exception:
        async with database.bare_transaction(programme_id) as connection:
            await jobs.postpone(connection, programme_id, taken, _PAUSE)
        raise
    async with database.bare_transaction(programme_id) as connection:
        await jobs.give_back(connection, programme_id, taken)


async def tidy(database: Database, *, seconds: float = 20) -> None:
    """Delete sendings that ended ``KEPT_FOR`` ago, with their results, a bounded number of rows at a time."""

    async def prune(programme_id: int) -> bool:
        async with database.bare_transaction(programme_id) as connection:
            return await jobs.prune(connection, programme_id, kept_for=KEPT_FOR, most=_PRUNED_AT_ONCE)

    waiting = deque(await programme_ids(database))
    await take_turns(waiting, prune, more=bool, failure="sending.tidy_failed", seconds=seconds)


@dataclass(frozen=True, slots=True)
class _Sending:
    database: Database
    programmes: ProgrammeDirectory
    programme_id: int
    taken: Taken
    clock: Clock

    async def settle_next(self, most: int) -> None:
        """Returns that wait for the orders come last: those of this sending have had their turn by then."""
        async with self.database.bare_transaction(self.programme_id) as connection:
            done = await jobs.held(connection, self.programme_id, self.taken)
            if done is None:
                return
            documents = await jobs.next_documents(connection, self.programme_id, self.taken, done, most)
        if documents and self.taken.row["attempts"] > ATTEMPTS_MAX:
            refused = documents.pop(0)
            log.error("sending.refused", programme=self.programme_id, document=refused["external_id"])
            if not await retrying(lambda: self._refuse(refused)):
                return
        orders: list[str] = []
        for together in self._together(documents):
            sent = await self._settle(together)
            if sent is None:
                break
            orders += [document["external_id"] for document in self._returned(together, sent)]
        for order in orders:
            await apply_parked(self.database, self.programmes, self.programme_id, order=order, now=self.clock())

    def _returned(self, documents: list[Any], sent: Sequence[Sent]) -> list[Any]:
        """Orders that have earned by now, and for which returns wait."""
        if self.taken.row["dry_run"]:
            return []
        return [document for document, one in zip(documents, sent, strict=False) if one.returns_wait]

    def _together(self, documents: list[Any]) -> list[list[Any]]:
        """The documents of each transaction."""
        if not self.taken.row["dry_run"]:
            return [[document] for document in documents]
        return [list(group) for _, group in groupby(documents, lambda document: document["customer"])]

    async def _settle(self, documents: list[Any]) -> Sequence[Sent] | None:
        """What came of them, as ``_once``."""
        for _ in range(_ATTEMPTS):
            programme = await self.programmes.get(self.programme_id)
            now = self.clock()
            try:
                return await retrying(lambda: self._once(programme, documents, now))  # noqa: B023  # awaited here
            except (Overtaken, ProgrammeChangedError):
                self.programmes.forget(self.programme_id)
                continue
        raise AssertionError(f"document {documents[0]['external_id']!r} was overtaken {_ATTEMPTS} times")

    async def _once(
        self, programme: ProgrammeSnapshot, documents: list[Any], now: datetime
    ) -> Sequence[Sent] | None:
        """What came of documents; nothing if an earlier try was committed; None: there is no lease any more."""
        async with self.database.bare_transaction(self.programme_id) as connection:
            done = await jobs.held(connection, self.programme_id, self.taken)
            last = documents[-1]["position"]
            if done is None or done >= last:
                return None if await self._is_lost(connection, last) else ()
            sent = await self._sent(connection, programme, documents, now)
            for order in self._returned(documents, sent):
                await jobs.mark_returns(connection, self.programme_id, self.taken, order["external_id"])
            results = [_result(*pair) for pair in zip(documents, sent, strict=True)]
            await self._advance(connection, results, now)
            return sent

    async def _is_lost(self, connection: Connection, position: int) -> bool:
        """A document that is not done, and not ours to do."""
        row = await jobs.find(connection, self.programme_id, self.taken.id)
        return bool(row["documents_done"] < position)

    async def _sent(
        self, connection: Connection, programme: ProgrammeSnapshot, documents: list[Any], now: datetime
    ) -> list[Sent]:
        row = self.taken.row
        as_of, dry_run = PointsAsOf(row["points_as_of"]), row["dry_run"]
        together = f"sending {self.taken.id.hex}" if row["documents_total"] > 1 else None
        effects = connection.transaction()
        await effects.start()
        sent = [
            await send_one(
                connection,
                programme,
                document["kind"],
                document["external_id"],
                as_of=as_of,
                together=together,
                now=now,
            )
            for document in documents
        ]
        await (effects.rollback() if dry_run else effects.commit())
        return sent

    async def _refuse(self, document: Any) -> bool:
        async with self.database.bare_transaction(self.programme_id) as connection:
            done = await jobs.held(connection, self.programme_id, self.taken)
            if done == document["position"] - 1:
                results = [_result(document, UNSETTLED)]
                await self._advance(connection, results, self.clock())
            return done is not None

    async def _advance(self, connection: Connection, results: Sequence[Result], now: datetime) -> None:
        if await jobs.advance(connection, self.programme_id, self.taken, results, LEASE):
            await tell_sent(connection, self.programme_id, self.taken.row, now=now)


async def tell_sent(connection: Connection, programme_id: int, sending: Any, *, now: datetime) -> None:
    """Promise the mails of a sending that ends in this transaction: one for each member whose orders earned by it.

    Not of a single document, of which its own message tells.
    """
    if sending["dry_run"] or sending["documents_total"] == 1:
        return
    credited = await jobs.credited(connection, programme_id, sending["sending_id"])
    await tell_together(connection, programme_id, (Together(**row) for row in credited), now=now)


def _result(document: Any, sent: Sent) -> Result:
    refusal, reason = sent.refusal or (None, None)
    return Result(
        document["position"],
        sent.outcome,
        sent.earned,
        sent.reversed,
        sent.given_back,
        refusal,
        reason,
        sent.occurrence,
    )
