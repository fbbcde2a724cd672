"""Orders are taken back: each return document has its effect once, whatever way and how often it arrives (R23).

A document is kept first, parked, and applied when its order is known: at once, after the order came
(``apply_parked``), or by the worker, which looks for what was left over. What it comes to is for
``return_settling`` to say.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final, TypeVar

import structlog

from pointbook.db.queries import returns as rows
from pointbook.db.queries.programme_ids import programme_ids
from pointbook.db.retry import retrying
from pointbook.db.session import Connection, Database
from pointbook.domain import errors
from pointbook.domain.returns import parse_return
from pointbook.services.directory import ProgrammeDirectory, ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.order_settling import Overtaken
from pointbook.services.programme_turns import take_turns
from pointbook.services.return_settling import (
    ORDER_CANCELLED,
    ORDER_RETURNED,
    POINTS_RETURNED,
    RETURN_PARKED,
    RETURN_REFUSED,
    OrderReturned,
    Report,
    ReturnOutcome,
    SubmittedReturn,
    settle_parked,
)
from pointbook.services.telling import Event, tell

__all__ = [
    "ORDER_CANCELLED",
    "ORDER_RETURNED",
    "POINTS_RETURNED",
    "RETURN_PARKED",
    "RETURN_REFUSED",
    "OrderReturned",
    "ReturnOutcome",
    "SubmittedReturn",
    "apply_all_parked",
    "apply_parked",
    "submit_return",
]

_ATTEMPTS: Final = 5
_READY_AT_ONCE: Final = 500
_PASSES: Final = 3

Answer = TypeVar("Answer")

log = structlog.get_logger(__name__)


async def submit_return(
    installation: Installation,
    programme_id: int,
    document: Mapping[str, Any],
    *,
    by_hand: bool = False,
    now: datetime,
) -> SubmittedReturn:
    """Record a return document and give it its effect, once; the same document again: the same answer.

    Sent ``by_hand`` it reverses earning and redemption, whatever the programme says of its type (R23).
    Raises InvalidInput, CurrencyMismatch, ProgrammeNotOpen, ReturnExceedsOrder and ReturnConflict (the id had
    another content before); nothing is recorded then.
    """

    async def call(programme: ProgrammeSnapshot) -> SubmittedReturn:
        parsed = parse_return(document, programme.currency)
        stored = parsed.stored()
        record = rows.ReturnRecord(
            parsed.external_id,
            parsed.order_external_id,
            parsed.type,
            parsed.status,
            parsed.currency,
            parsed.returned_at,
            stored.content,
            stored.fingerprint,
            by_hand,
            now,
        )
        report = Report(programme, record, parsed.content, now)
        async with installation.turns.turn(programme.id, f"returns of {parsed.order_external_id}"):
            return await _until_not_overtaken(installation.db, programme.id, report.settle)

    answer = await installation.programmes.while_unchanged(programme_id, call)
    if answer.order_returned is OrderReturned.NONE and not answer.replayed:  # the order is completed again
        name = answer.order_external_id
        await apply_parked(installation.db, installation.programmes, programme_id, order=name, now=now)
    return answer


async def apply_parked(
    db: Database, programmes: ProgrammeDirectory, programme_id: int, *, order: str | None = None, now: datetime
) -> int:
    """Apply parked documents whose order is known by now, of one order or of all; so many were looked at.

    One that does not fit its order is refused, with the reason kept, until the shop corrects it. One that fails
    for another reason is logged, and others come before it the next time. Raises nothing for either.
    """
    looked_at = 0
    for _ in range(1 if order is None else _PASSES):  # an order that begins anew may park some again
        async with db.bare_transaction(programme_id) as connection:
            found = await rows.ready(connection, programme_id, _READY_AT_ONCE, order=order, now=now)
        for external_id in found:
            try:
                await _apply_one(db, programmes, programme_id, external_id, now)
            except Exception:
                log.exception("return.failed", programme=programme_id, document=external_id)
                async with db.bare_transaction(programme_id) as connection:
                    await rows.postpone(connection, programme_id, external_id, now)
        looked_at += len(found)
        if not found:
            break
    return looked_at


async def apply_all_parked(
    db: Database, programmes: ProgrammeDirectory, *, now: datetime, seconds: float = 20
) -> int:
    """``apply_parked`` for every programme until ``seconds`` have passed; programmes take turns. ``now`` is real.

    One that fails is logged, and tried again in another run.
    """

    async def apply(programme_id: int) -> int:
        return await apply_parked(db, programmes, programme_id, now=await programmes.now(programme_id, now))

    served = await take_turns(
        deque(await programme_ids(db)),
        apply,
        more=lambda looked_at: looked_at == _READY_AT_ONCE,
        failure="returns.failed",
        seconds=seconds,
    )
    return sum(served.done)


async def _apply_one(
    db: Database, programmes: ProgrammeDirectory, programme_id: int, external_id: str, now: datetime
) -> None:
    async def call(programme: ProgrammeSnapshot) -> None:
        async def settle(connection: Connection) -> None:
            row = await rows.find(connection, programme_id, external_id)
            if row is None or row.effect is not None:
                return
            try:
                await settle_parked(connection, programme, row, by_hand=row.by_hand, now=now)
            except (errors.InvalidInput, errors.ReturnExceedsOrder, errors.CurrencyMismatch) as refusal:
                # Raised before any point moved, and under the document's lock: no correction is refused for it.
                log.warning("return.refused", programme=programme_id, document=external_id, reason=refusal.code)
                await rows.refuse(connection, programme_id, external_id, str(refusal))
                told = {"return": external_id, "order": row.order_external_id, "code": refusal.code}
                await tell(connection, programme_id, Event(RETURN_REFUSED, told), now=now)

        await _until_not_overtaken(db, programme_id, settle)

    await programmes.while_open(programme_id, call)


async def _until_not_overtaken(
    db: Database, programme_id: int, settle: Callable[[Connection], Awaitable[Answer]]
) -> Answer:
    async def settled() -> Answer:
        async with db.bare_transaction(programme_id) as connection:
            return await settle(connection)

    for _ in range(_ATTEMPTS):
        try:
            return await retrying(settled)
        except Overtaken:
            continue
    raise AssertionError(f"a return was overtaken {_ATTEMPTS} times")
