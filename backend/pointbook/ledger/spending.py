"""Points spent at once, without a hold, for what a source names; all of them may be given back, once.

Each write is one statement. A refusal is an error of ``pointbook.domain.errors`` and changed nothing.
"""

from datetime import datetime

from pointbook.db import moves
from pointbook.db.session import Connection
from pointbook.domain import errors
from pointbook.ledger.answers import GivenBack, Spent
from pointbook.ledger.commands import Request, Source
from pointbook.ledger.statuses import refuse

_SPEND = "select * from ledger.spend($1, $2, $3, $4, $5, $6, $7)"
_SPENT_BY = "select * from ledger.spent_by($1, $2)"
_UNSPEND = """
select u.status, (u.given).account_id, (u.given).seq, (u.given).points, (u.given).anew, (u.given).expired
from ledger.unspend($1, $2, $3, $4, $5, $6, $7) as u
"""


async def spend(
    connection: Connection,
    programme_id: int,
    account_id: int,
    points: int,
    source: Source,
    *,
    request: Request,
    now: datetime,
) -> Spent:
    """Spend available points in R15's order. The same request again: what it spent, whatever ``points`` says.

    Raises NotAMember, MemberInactive, RedemptionLocked, InsufficientPoints, IdempotencyConflict, ClockAhead.
    """
    assert points > 0, "nothing is free"
    assert source.occurrence == 1, "what is bought is bought once"
    row = await connection.fetchrow(
        _SPEND, programme_id, account_id, points, source.type, source.id, [request.digest, request.input], now
    )
    assert row is not None
    if row["status"] == "insufficient":
        raise errors.InsufficientPoints(points, row["available"])
    if row["status"] != "ok":
        refuse(row["status"], now=now)
    if row["replayed"]:
        earlier = await spent_by(connection, programme_id, request)
        assert earlier is not None, "it was seen"
        return earlier
    moves.note(connection, programme_id, row["account_id"])
    return Spent(row["account_id"], row["seq"], points, source)


async def spent_by(connection: Connection, programme_id: int, request: Request) -> Spent | None:
    """What this request has spent before; right while its account is locked. Raises IdempotencyConflict."""
    row = await connection.fetchrow(_SPENT_BY, programme_id, [request.digest, request.input])
    assert row is not None
    if row["status"] is None:
        return None
    if row["status"] != "ok":
        raise errors.IdempotencyConflict
    return Spent(row["account_id"], row["seq"], row["points"], Source(row["source_type"], row["source_id"]))


async def unspend(
    connection: Connection,
    programme_id: int,
    spent: Source,
    source: Source,
    *,
    grace_expires_at: datetime | None,
    now: datetime,
) -> GivenBack:
    """Give all points of a spend back to their lots, the latest expiry first (R27): ``source`` undoes it, once.

    Those whose lot has expired get a new one until ``grace_expires_at``; None = they expire at once. They pay debt
    first. Again: the first answer. Raises ClockAhead.
    """
    row = await connection.fetchrow(
        _UNSPEND, programme_id, spent.type, spent.id, grace_expires_at, source.type, source.id, now
    )
    assert row is not None
    if row["status"] != "ok":
        refuse(row["status"], now=now)
    moves.note(connection, programme_id, row["account_id"])
    return GivenBack(row["account_id"], row["seq"], row["points"], row["anew"], row["expired"])
