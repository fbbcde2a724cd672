"""Gift cards: money that points bought, in minor units, used over several purchases.

Each call is one statement. A refusal is an error of ``pointbook.domain.errors`` and changed nothing. Every write
but a void takes a request: the same again is answered as the first time.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NoReturn
from uuid import UUID

import asyncpg

from pointbook.db import moves
from pointbook.db.session import Connection
from pointbook.domain import errors
from pointbook.ledger.answers import Card, CardEntry, CardEntryKind, CardMove, CardState, CardVoid, GivenBack
from pointbook.ledger.commands import NewCard, Request
from pointbook.ledger.statuses import refuse

_BUY = "select * from ledger.buy_card($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
_HOLD = "select * from ledger.hold_card($1, $2, $3, $4, $5, $6, $7)"
_USE = "select * from ledger.use_card($1, $2, $3, $4, $5, $6, $7, $8)"
_RELEASE = "select * from ledger.release_card($1, $2, $3, $4, $5)"
_REFUND = "select * from ledger.refund_card($1, $2, $3, $4, $5, $6, $7, $8)"
_VOID = """
select v.status as of_void, (v.answer).*, (v.given).account_id as given_account_id, (v.given).seq as given_seq,
    (v.given).points as given_points, (v.given).anew, (v.given).expired as given_expired
from ledger.void_card($1, $2, $3, $4) as v
"""
_CARDS = "select * from ledger.cards($1, $2, $3)"
_CARD_OF_CODE = "select * from ledger.card_of_code($1, $2, $3)"
_HISTORY = "select * from ledger.card_history($1, $2, $3, $4, $5)"


async def buy_card(
    connection: Connection,
    programme_id: int,
    account_id: int,
    card: NewCard,
    request: Request,
    *,
    now: datetime,
) -> Card:
    """Spend the card's points and issue it, in one; the same request again: the card as it was issued.

    Raises NotAMember, MemberInactive, RedemptionLocked, InsufficientPoints, IdempotencyConflict, ClockAhead.
    """
    assert card.points > 0, "nothing is free"
    assert card.face > 0, "a card is good for something"
    assert card.expires_at is None or card.expires_at > now, "a card can be used some time"
    row = await connection.fetchrow(
        _BUY,
        programme_id,
        account_id,
        card.points,
        card.card_id,
        card.currency,
        card.face,
        card.expires_at,
        card.code_hash,
        card.last_four,
        [request.digest, request.input],
        now,
    )
    assert row is not None
    if row["status"] == "insufficient":
        raise errors.InsufficientPoints(card.points, row["available"])
    if row["status"] != "ok":
        refuse(row["status"], now=now)
    issued = _card(row)
    moves.note(connection, programme_id, issued.account_id)
    return issued


async def hold_card(
    connection: Connection,
    programme_id: int,
    card_id: UUID,
    hold_id: UUID,
    *,
    amount: int,
    lifetime: timedelta,
    request: Request,
    now: datetime,
) -> CardMove:
    """Set ``amount`` of a card aside; it is open again after ``lifetime``.

    Raises GiftCardOverdrawn, GiftCardEnded, IdempotencyConflict, ClockAhead.
    """
    assert amount > 0, "the face refuses to set nothing aside"
    row = await connection.fetchrow(
        _HOLD, programme_id, card_id, hold_id, amount, lifetime, [request.digest, request.input], now
    )
    return _move(row, now)


async def use_card(
    connection: Connection,
    programme_id: int,
    card_id: UUID,
    *,
    amount: int | None,
    hold_id: UUID | None,
    paid: tuple[str, str] | None,
    request: Request,
    now: datetime,
) -> CardMove:
    """Pay with a card, from a hold (``amount`` None: all of it, the rest is open again) or from what is open.

    ``paid``: kind and id of what it paid. Raises GiftCardOverdrawn, GiftCardEnded, RedemptionNotFound and
    RedemptionEnded (of the hold), IdempotencyConflict, ClockAhead.
    """
    assert amount is not None or hold_id is not None, "the face asks how much"
    assert amount is None or amount > 0, "the face refuses to pay nothing"
    row = await connection.fetchrow(
        _USE, programme_id, card_id, amount, hold_id, *(paid or (None, None)), [request.digest, request.input], now
    )
    return _move(row, now)


async def release_card(
    connection: Connection, programme_id: int, card_id: UUID, hold_id: UUID, request: Request, *, now: datetime
) -> CardMove:
    """Give what a hold set aside back to its card.

    Raises RedemptionNotFound, RedemptionEnded, IdempotencyConflict, ClockAhead.
    """
    row = await connection.fetchrow(_RELEASE, programme_id, card_id, hold_id, [request.digest, request.input], now)
    return _move(row, now)


async def refund_card(
    connection: Connection,
    programme_id: int,
    card_id: UUID,
    *,
    amount: int,
    paid: tuple[str, str] | None,
    grace_expires_at: datetime | None,
    request: Request,
    now: datetime,
) -> CardMove:
    """Put back what the card paid, of ``paid`` or, None, of what it paid for nothing that was named.

    A card that has expired is good for it until ``grace_expires_at``; None = it expires at once.
    Raises RefundExceedsUse, IdempotencyConflict, ClockAhead.
    """
    assert amount > 0, "the face refuses to refund nothing"
    row = await connection.fetchrow(
        _REFUND,
        programme_id,
        card_id,
        amount,
        *(paid or (None, None)),
        grace_expires_at,
        [request.digest, request.input],
        now,
    )
    assert row is not None
    if row["status"] == "exceeds":
        raise errors.RefundExceedsUse(row["available"])
    return _move(row, now)


async def void_card(
    connection: Connection, programme_id: int, card_id: UUID, *, grace_expires_at: datetime | None, now: datetime
) -> CardVoid:
    """Void an unused card and give the points that bought it back (R27). Again: nothing more.

    Raises GiftCardInUse (something of it is used, set aside or expired), ClockAhead.
    """
    row = await connection.fetchrow(_VOID, programme_id, card_id, grace_expires_at, now)
    assert row is not None
    if row["of_void"] == "not_unused":
        raise errors.GiftCardInUse
    if row["of_void"] != "ok":
        refuse(row["of_void"], now=now)
    moves.note(connection, programme_id, row["given_account_id"])
    given = GivenBack(
        row["given_account_id"], row["given_seq"], row["given_points"], row["anew"], row["given_expired"]
    )
    return CardVoid(_card(row), given, row["replayed"])


async def cards(
    connection: Connection, programme_id: int, card_ids: Sequence[UUID], *, now: datetime
) -> dict[UUID, Card]:
    """Those of the cards that there are, as they are now."""
    rows = await connection.fetch(_CARDS, programme_id, list(card_ids), now)
    return {row["card_id"]: _card(row) for row in rows}


async def card_of_code(
    connection: Connection, programme_id: int, code_hash: bytes, *, now: datetime
) -> Card | None:
    row = await connection.fetchrow(_CARD_OF_CODE, programme_id, code_hash, now)
    return None if row is None else _card(row)


async def card_history(
    connection: Connection,
    programme_id: int,
    card_id: UUID,
    *,
    first: int,
    before_seq: int | None = None,
    now: datetime,
) -> list[CardEntry]:
    """What happened to a card, newest first, with what time has caused up to ``now``."""
    rows = await connection.fetch(_HISTORY, programme_id, card_id, now, first, before_seq)
    return [
        CardEntry(
            row["seq"],
            CardEntryKind(row["kind"].upper()),
            row["at"],
            row["amount"],
            row["effect"],
            row["held"],
            row["hold_id"],
            None if row["source_type"] is None else (row["source_type"], row["source_id"]),
        )
        for row in rows
    ]


def _move(row: asyncpg.Record | None, now: datetime) -> CardMove:
    assert row is not None
    if row["status"] != "ok":
        _refuse(row, now)
    return CardMove(_card(row), row["amount"], row["replayed"], row["hold_id"], row["hold_expires_at"])


def _refuse(row: asyncpg.Record, now: datetime) -> NoReturn:
    match row["status"]:
        case "overdrawn":
            raise errors.GiftCardOverdrawn(row["available"])
        case "void" | "expired":
            raise errors.GiftCardEnded(row["status"].upper())
        case "used":
            raise errors.RedemptionEnded("CAPTURED")
        case status:
            refuse(status, now=now)


def _card(row: asyncpg.Record) -> Card:
    return Card(
        card_id=row["card_id"],
        account_id=row["account_id"],
        spend_seq=row["spend_seq"],
        code_hash=row["code_hash"],
        last_four=row["last_four"],
        state=_state(row),
        currency=row["currency"],
        face=row["face"],
        open=row["open"],
        held=row["held"],
        used=row["used"],
        expired=row["expired"],
        void=row["void"],
        issued_at=row["issued_at"],
        issued_until=row["issued_until"],
        expires_at=row["expires_at"],
    )


def _state(row: asyncpg.Record) -> CardState:
    if row["void"]:
        return CardState.VOID
    if row["open"] + row["held"] == 0:
        return CardState.EXPIRED if row["expired"] else CardState.USED
    return CardState.PARTLY_USED if row["open"] + row["held"] < row["face"] else CardState.ISSUED
