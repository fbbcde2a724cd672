"""A document that the shop has reported is sent by hand: it is settled because the staff say so (R35).

- An order earns whatever its status, if its customer has joined: known by the shop's id, or the only member with
  the verified address that the order waits for. Else it stays parked.
- A return that waits has both effects, whatever the programme says of its type (R23).
- What has had its effect is left alone, whoever gave it.

Settings and rules are those of now. Under ORDER_DATE the points count from when the order was placed, and what
would have expired by now is not credited.
"""

import enum
from datetime import datetime
from typing import Final, NamedTuple

from pointbook import ledger
from pointbook.db.queries import orders
from pointbook.db.queries import returns as return_rows
from pointbook.db.session import Connection
from pointbook.domain import errors
from pointbook.domain.orders import StoredOrder
from pointbook.services.directory import AccountKey, ProgrammeChangedError, ProgrammeSnapshot
from pointbook.services.judging import Judge
from pointbook.services.order_settling import NOTHING_REDEEMED, Overtaken, Settling, document_of
from pointbook.services.return_settling import ReturnOutcome, settle_parked

ORDER: Final = "ORDER"
RETURN: Final = "RETURN"


class PointsAsOf(enum.StrEnum):
    NOW = "NOW"
    ORDER_DATE = "ORDER_DATE"


class SendOutcome(enum.StrEnum):
    EARNED = "EARNED"
    """An order; the points may be 0."""
    REVERSED = "REVERSED"
    """A return document has had its effects."""
    PARKED = "PARKED"
    """It goes on waiting for its customer, or its order."""
    ALREADY_PROCESSED = "ALREADY_PROCESSED"
    REFUSED = "REFUSED"


class Refusal(NamedTuple):
    """A stable code, and what people are told."""

    code: str
    reason: str


UNKNOWN: Final = Refusal("UNKNOWN", "There is no order and no return document with this id.")


class Sent(NamedTuple):
    """What came of a document, in whole points, by this sending. ``returns_wait`` and ``occurrence`` for an order
    that earned.
    """

    outcome: SendOutcome
    earned: int = 0
    reversed: int = 0
    given_back: int = 0
    refusal: Refusal | None = None
    returns_wait: bool = False
    occurrence: int | None = None


_STAYS_PARKED: Final = Sent(SendOutcome.PARKED)
_PROCESSED: Final = Sent(SendOutcome.ALREADY_PROCESSED)


async def send_one(
    connection: Connection,
    programme: ProgrammeSnapshot,
    kind: str,
    external_id: str,
    *,
    as_of: PointsAsOf,
    together: str | None,
    now: datetime,
) -> Sent:
    """Settle a document in the caller's transaction, of which a refusal leaves nothing but itself.

    ``together``: the sending, if its points are told in one mail. Raises Overtaken and ProgrammeChangedError: roll
    back and call again; ClockAhead.
    """
    try:
        async with connection.transaction():
            programme.require_open()
            if kind == ORDER:
                return await _send_order(connection, programme, external_id, as_of, together, now)
            if kind == RETURN:
                return await _send_return(connection, programme, external_id, now)
    except errors.ClockAhead:
        raise
    except errors.PointbookError as refusal:
        return Sent(SendOutcome.REFUSED, refusal=Refusal(refusal.code, str(refusal)))
    return Sent(SendOutcome.REFUSED, refusal=UNKNOWN)


async def _send_order(  # noqa: PLR0917  # what is sent, and how
    connection: Connection,
    programme: ProgrammeSnapshot,
    external_id: str,
    as_of: PointsAsOf,
    together: str | None,
    now: datetime,
) -> Sent:
    record = await orders.find(connection, programme.id, external_id)
    assert record is not None, "orders are never deleted"
    if record.state == orders.EARNED:
        return _PROCESSED
    if record.currency != programme.currency:
        raise errors.CurrencyMismatch(programme.currency, record.currency)
    if record.customer_external_id is None:
        raise errors.NotAMember
    known = await _known(connection, programme.id, record, record.customer_external_id)
    if known.account_id is None or known.public_id is None:
        return _STAYS_PARKED
    earned_at = record.placed_at if as_of is PointsAsOf.ORDER_DATE else None
    settling = Settling(
        programme,
        Judge(programme, now),
        document_of(record, record.customer_external_id),
        StoredOrder(record.document, record.fingerprint),
        tells=True,
        now=now,
        earned_at=earned_at,
        together=together,
    )
    await ledger.lock(connection, programme.id, [known.account_id])
    if await orders.locked(connection, programme.id, external_id) != known.order:
        raise Overtaken
    redeemed = settling.captured(known) or NOTHING_REDEEMED
    if redeemed.value > record.total:
        raise errors.OrderConflict(external_id)
    try:
        effect = await settling.earn(connection, known, AccountKey(known.account_id, known.public_id), redeemed)
    except errors.UnknownStore as error:  # the order has it, so the snapshot is older
        raise ProgrammeChangedError from error
    await settling.write(connection, known, redeemed, effect)
    return Sent(
        SendOutcome.EARNED,
        earned=effect.points,
        returns_wait=known.returns_wait,
        occurrence=None if known.order is None else known.order.occurrence,
    )


async def _known(
    connection: Connection, programme_id: int, record: orders.OrderRecord, customer: str
) -> orders.Known:
    """The order as it was read, with the account of its customer."""
    known = await orders.known(connection, programme_id, record.external_id, customer)
    row = known.order
    if row is None or (row.fingerprint, row.status, row.state, row.customer_email) != (
        record.fingerprint,
        record.status,
        record.state,
        record.customer_email,
    ):
        raise Overtaken
    if known.account_id is None and row.customer_email is not None:
        member = await orders.member_with_address(connection, programme_id, row.customer_email)
        if member is not None:
            return known._replace(account_id=member[0], public_id=member[1])
    return known


async def _send_return(
    connection: Connection, programme: ProgrammeSnapshot, external_id: str, now: datetime
) -> Sent:
    row = await return_rows.find(connection, programme.id, external_id)
    assert row is not None, "return documents are never deleted"
    if row.effect is not None:
        return _PROCESSED
    answer = await settle_parked(connection, programme, row, by_hand=True, now=now)
    if answer.outcome is ReturnOutcome.PARKED:
        return _STAYS_PARKED
    if answer.replayed:
        return _PROCESSED
    return Sent(SendOutcome.REVERSED, reversed=answer.reversed, given_back=answer.given_back)
