"""What a return does to points: those of a capture are given back, those of an accrual are taken back.

Each write is one statement and has its effect once a source, the return: the same source again is answered as the
first time, whatever is asked then. Where nothing was moved no entry is written (``seq`` is None), and that too is
remembered.
"""

from datetime import datetime
from fractions import Fraction
from uuid import UUID

import asyncpg

from pointbook.db import moves
from pointbook.db.session import Connection
from pointbook.domain import errors
from pointbook.ledger.answers import AccrualFigures, CapturedPart, GivenBack, Returned, Reversed
from pointbook.ledger.commands import GiveBack, Request, Reversal, Source
from pointbook.ledger.statuses import refuse

_RETURN_ORDER = """
select
    r.status, r.requested, r.available,
    (r.given).account_id as given_account_id, (r.given).seq as given_seq, (r.given).points, (r.given).anew,
    (r.given).expired,
    (r.reversal).account_id as reversed_account_id, (r.reversal).seq as reversed_seq, (r.reversal).own_open,
    (r.reversal).own_expired, (r.reversal).others, (r.reversal).debt, (r.reversal).forgiven
from ledger.return_order($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) as r
"""
_CAPTURED_PARTS = """
select
    lot_id, captured, given_back, value_per_point, nullif(expires_at, 'infinity') as expires_at, of_points,
    of_value
from ledger.captured_parts($1, $2, $3)
"""
_ACCRUAL_OF = "select account_id, seq, granted, reversed from ledger.accrual_of($1, $2, $3, $4)"


async def captured_parts(
    connection: Connection, programme_id: int, hold_id: UUID, purchase: int = 1
) -> list[CapturedPart]:
    """The lots that paid a purchase with a hold, in the order in which points go back to them (R27).

    Of a late capture every point is worth the same share of the value. None for a hold that does not exist or is
    not captured. Figures stand while the caller has its account locked.
    """
    rows = await connection.fetch(_CAPTURED_PARTS, programme_id, hold_id, purchase)
    return [_part(row) for row in rows]


def _part(row: asyncpg.Record) -> CapturedPart:
    value = Fraction(row["of_value"], row["of_points"]) if row["of_points"] else row["value_per_point"]
    return CapturedPart(row["lot_id"], row["captured"], row["given_back"], value, row["expires_at"])


async def accrual_of(connection: Connection, programme_id: int, source: Source) -> AccrualFigures | None:
    """What the source earned and what was taken back of it; figures stand while its account is locked."""
    row = await connection.fetchrow(_ACCRUAL_OF, programme_id, source.type, source.id, source.occurrence)
    return None if row is None else AccrualFigures(*row)


async def give_back(
    connection: Connection,
    programme_id: int,
    command: GiveBack,
    source: Source,
    *,
    request: Request | None = None,
    now: datetime,
) -> GivenBack:
    """Give points of a captured hold back to the lots they came from, the latest expiry first (R27).

    They pay debt first. Raises as return_order.
    """
    returned = await return_order(connection, programme_id, command, None, source, request=request, now=now)
    assert returned.given_back is not None
    return returned.given_back


async def reverse(
    connection: Connection,
    programme_id: int,
    command: Reversal,
    source: Source,
    *,
    request: Request | None = None,
    now: datetime,
) -> Reversed:
    """Take back points that an accrual granted, from its own lots, then others, then as debt (R26).

    Raises as return_order.
    """
    returned = await return_order(connection, programme_id, None, command, source, request=request, now=now)
    assert returned.reversed is not None
    return returned.reversed


async def return_order(
    connection: Connection,
    programme_id: int,
    given_back: GiveBack | None,
    reversal: Reversal | None,
    source: Source,
    *,
    request: Request | None = None,
    now: datetime,
) -> Returned:
    """Both effects of one return, at one instant: what is given back pays what would else become debt.

    All or nothing. Raises RedemptionNotFound (also for a hold that is not captured), InsufficientPoints (more than
    is left of the capture or of the accrual, which may not exist), IdempotencyConflict (also when the source had
    its effect on another hold or accrual), ClockAhead. Two calls at once for one source on different accounts: one
    of them fails with a unique violation, which ``db.retry.retrying`` repeats.
    """
    assert given_back or reversal, "a return does something"
    assert given_back is None or given_back.points >= 0, "points are given back"
    assert reversal is None or reversal.points >= 0, "points are taken back"
    row = await connection.fetchrow(
        _RETURN_ORDER,
        programme_id,
        given_back and given_back.hold_id,
        given_back and given_back.purchase,
        given_back and given_back.points,
        given_back and given_back.grace_expires_at,
        reversal and reversal.accrual.type,
        reversal and reversal.accrual.id,
        reversal and reversal.accrual.occurrence,
        reversal and reversal.points,
        reversal and reversal.policy.lower(),
        source.type,
        source.id,
        source.occurrence,
        request and [request.digest, request.input],
        now,
    )
    assert row is not None
    returned = _returned(row, now)
    for part in (returned.given_back, returned.reversed):
        if part is not None:
            moves.note(connection, programme_id, part.account_id)
    return returned


def _returned(row: asyncpg.Record, now: datetime) -> Returned:
    if row["status"] == "exceeds":
        raise errors.InsufficientPoints(row["requested"], row["available"])
    if row["status"] != "ok":
        refuse(row["status"], now=now)
    given = reversed_ = None
    if row["given_account_id"] is not None:
        given = GivenBack(row["given_account_id"], row["given_seq"], row["points"], row["anew"], row["expired"])
    if row["reversed_account_id"] is not None:
        reversed_ = Reversed(
            row["reversed_account_id"],
            row["reversed_seq"],
            row["own_open"],
            row["own_expired"],
            row["others"],
            row["debt"],
            row["forgiven"],
        )
    return Returned(given, reversed_)
