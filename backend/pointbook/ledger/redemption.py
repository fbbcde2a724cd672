"""Points set aside for a purchase: quoted, held, extended, then captured, released or lapsed.

Each call is one statement. A refusal is an error of ``pointbook.domain.errors`` and changed nothing (but what
the clock had made due is booked if the caller commits).
"""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NoReturn
from uuid import UUID

import asyncpg

from pointbook.db import moves
from pointbook.db.session import Connection
from pointbook.domain import errors
from pointbook.ledger.answers import Hold, LateCapture, Quote
from pointbook.ledger.commands import HoldPoints, LatePurchase, Request
from pointbook.ledger.rows import hold_of
from pointbook.ledger.statuses import refuse

_QUOTE = "select * from ledger.quote($1, $2, $3, $4, $5, $6, $7, $8)"
# ``repeated``: whether the request was known when the statement began, whose snapshot this reads. It names
# ``answer`` so that it is asked after the function, which enters the programme.
_HOLD = """
select answer.*, exists (
    select from ledger.idempotency where programme_id = $1 and request = ($12)[1] and answer.status = 'ok'
) as repeated
from ledger.hold($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) as answer
"""
_EXTEND = """
select answer.*, exists (
    select from ledger.idempotency where programme_id = $1 and request = ($6)[1] and answer.status = 'ok'
) as repeated
from ledger.extend($1, $2, $3, $4, $5, $6, $7) as answer
"""
_RELEASE = "select * from ledger.release($1, $2, $3, $4, $5)"
_CAPTURE = "select * from ledger.capture($1, $2, $3, $4, $5, $6, $7)"
_CAPTURE_LATE = "select * from ledger.capture_late($1, $2, $3, $4, $5, $6, $7, $8, $9)"
_HOLD_OF_CODE = "select * from ledger.hold_of_code($1, $2, $3)"


async def quote(  # noqa: PLR0917  # who, what, how much, in the order of the statement
    connection: Connection,
    programme_id: int,
    account_id: int,
    cart: bytes,
    points: int | None,
    limit: int,
    minimum_points: int,
    point_value: Decimal | None,
    *,
    now: datetime,
) -> Quote:
    """What ``hold`` would charge for this cart, or the error it would raise. Writes nothing."""
    assert points is None or points > 0, "the face refuses a non-positive number of points"
    row = await connection.fetchrow(
        _QUOTE, programme_id, account_id, cart, points, limit, minimum_points, point_value, now
    )
    assert row is not None
    _refuse_amount(row, points, minimum_points, now)
    return Quote(row["points"], row["value"], row["available"])


async def hold(
    connection: Connection,
    programme_id: int,
    account_id: int,
    command: HoldPoints,
    request: Request,
    *,
    now: datetime,
) -> Hold:
    """Set points aside from ``now`` for ``command.lifetime``.

    Same cart, points and value as an open hold of the account: that hold, unchanged. Same cart otherwise: it is
    released and replaced, its points counting as free for its successor (R20). Same request: the first answer,
    ``repeated``.
    Raises NotAMember, MemberInactive, RedemptionLocked, InsufficientPoints, BelowMinimum, ExceedsCart,
    IdempotencyConflict, ClockAhead.
    """
    assert command.points is None or command.points > 0, "the face refuses a non-positive number of points"
    assert command.lifetime > timedelta(0), "a hold lasts"
    row = await connection.fetchrow(
        _HOLD,
        programme_id,
        account_id,
        command.hold_id,
        command.cart,
        command.points,
        command.limit,
        command.minimum_points,
        command.point_value,
        command.lifetime,
        command.code_hash,
        command.last_four,
        [request.digest, request.input],
        now,
    )
    assert row is not None
    _refuse_amount(row, command.points, command.minimum_points, now)
    return replace(_moved(connection, programme_id, row), repeated=row["repeated"])


async def extend(  # noqa: PLR0917  # who, what, how much, in the order of the statement
    connection: Connection,
    programme_id: int,
    account_id: int,
    hold_id: UUID,
    lifetime: timedelta,
    maximum: int,
    request: Request,
    *,
    now: datetime,
) -> Hold:
    """Let an open hold of the account end ``lifetime`` after ``now``, at most ``maximum`` times (R19).

    Same request: the first answer, ``repeated``.
    Raises RedemptionNotFound (also for another account's), RedemptionEnded, ExtensionsExhausted,
    IdempotencyConflict, ClockAhead.
    """
    row = await connection.fetchrow(
        _EXTEND, programme_id, account_id, hold_id, lifetime, maximum, [request.digest, request.input], now
    )
    assert row is not None
    if row["status"] == "exhausted":
        raise errors.ExtensionsExhausted(maximum)
    return replace(_ended_or_hold(connection, programme_id, row, now), repeated=row["repeated"])


async def release(
    connection: Connection,
    programme_id: int,
    account_id: int | None,
    hold_id: UUID,
    request: Request,
    *,
    now: datetime,
) -> Hold:
    """Give the points back; those whose lot has expired meanwhile expire at once (R18).

    ``account_id`` is the customer who asks and releases only own holds; None = the shop's server.
    Raises RedemptionNotFound, RedemptionEnded, IdempotencyConflict, ClockAhead.
    """
    row = await connection.fetchrow(
        _RELEASE, programme_id, account_id, hold_id, [request.digest, request.input], now
    )
    assert row is not None
    return _ended_or_hold(connection, programme_id, row, now)


async def capture(  # noqa: PLR0917  # who, what, how much, in the order of the statement
    connection: Connection,
    programme_id: int,
    hold_id: UUID,
    amount: int | None,
    source_type: str | None,
    source_id: str | None,
    request: Request | None,
    *,
    now: datetime,
) -> Hold:
    """Spend what was set aside: points worth at most ``amount`` minor units (None = all), the rest is given back.

    A source is captured for once. Without a ``request``, capturing the same hold for the same source again answers
    as the first time; with one of its own the hold has ended.
    Raises RedemptionNotFound, RedemptionEnded, BelowMinimum (the amount is below a point's value),
    OrderConflict (the source captured another hold), IdempotencyConflict, ClockAhead.
    """
    row = await connection.fetchrow(
        _CAPTURE,
        programme_id,
        hold_id,
        amount,
        source_type,
        source_id,
        request and [request.digest, request.input],
        now,
    )
    assert row is not None
    if row["status"] != "ok":
        _refuse_capture(row, source_id, now)
    return _moved(connection, programme_id, row)


async def capture_late(
    connection: Connection,
    programme_id: int,
    command: LatePurchase,
    request: Request | None,
    *,
    now: datetime,
) -> LateCapture:
    """Spend points for a voucher whose hold has ended (R21, R28); the occurrence of the source is the purchase.

    They are taken from what expired of the hold when it lapsed, then from what is available. Without a ``request``
    the same purchase again is answered as the first time. The caller knows that earlier purchases were given back.
    Raises RedemptionNotFound, RedemptionEnded (it did not lapse), BelowMinimum, OrderConflict (the source captured
    another hold), InsufficientPoints (and nothing may be owed), IdempotencyConflict, ClockAhead.
    """
    source = command.source
    row = await connection.fetchrow(
        _CAPTURE_LATE,
        programme_id,
        command.hold_id,
        source.occurrence,
        command.amount,
        command.may_owe,
        source.type,
        source.id,
        request and [request.digest, request.input],
        now,
    )
    assert row is not None
    if row["status"] == "insufficient":
        raise errors.InsufficientPoints(row["points"], row["available"])
    if row["status"] != "ok":
        _refuse_capture(row, source.id, now)
    moves.note(connection, programme_id, row["account_id"])
    return LateCapture(row["account_id"], row["seq"], row["points"], row["value"], row["debt"])


async def hold_of_code(
    connection: Connection, programme_id: int, code_hash: bytes, *, now: datetime
) -> Hold | None:
    """The hold a voucher code stands for; past its end it is LAPSED, whether or not that is booked."""
    row = await connection.fetchrow(_HOLD_OF_CODE, programme_id, code_hash, now)
    return None if row is None else hold_of(row)


def _refuse_amount(row: asyncpg.Record, points: int | None, minimum_points: int, now: datetime) -> None:
    match row["status"]:
        case "ok":
            return
        case "insufficient":
            raise errors.InsufficientPoints(points or 0, row["available"])
        case "below_minimum":
            raise errors.BelowMinimum(minimum_points)
        case "exceeds_cart":
            raise errors.ExceedsCart(row["maximum"])
        case status:
            refuse(status, now=now)


def _refuse_capture(row: asyncpg.Record, source_id: str | None, now: datetime) -> NoReturn:
    match row["status"]:
        case "below_minimum":
            raise errors.BelowMinimum(1)
        case "source_used":
            raise errors.OrderConflict(source_id or "")
        case status:
            refuse(status, now=now)


def _ended_or_hold(connection: Connection, programme_id: int, row: asyncpg.Record, now: datetime) -> Hold:
    if row["status"] != "ok":
        refuse(row["status"], now=now)
    return _moved(connection, programme_id, row)


def _moved(connection: Connection, programme_id: int, row: asyncpg.Record) -> Hold:
    hold = hold_of(row)
    moves.note(connection, programme_id, hold.account_id)
    return hold
