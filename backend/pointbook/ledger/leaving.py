"""A member leaves: all that the account has is forfeited, once and for good."""

from datetime import datetime
from typing import Any

from pointbook.db import moves
from pointbook.db.session import Connection
from pointbook.domain import errors
from pointbook.ledger.answers import Forfeited
from pointbook.ledger.commands import Request
from pointbook.ledger.statuses import refuse

_FORFEIT = "select * from ledger.forfeit($1, $2, $3, $4)"
_FORFEITED_BY = "select * from ledger.forfeited_by($1, $2)"


async def forfeit(
    connection: Connection, programme_id: int, account_id: int, *, request: Request, now: datetime
) -> Forfeited:
    """Release open holds, forfeit all open points, pending ones too, and write a debt off (R34, I10).

    No other total changes. Whatever is asked of the account afterwards is NotAMember, but for this request, which
    gets its first answer. Raises NotAMember, IdempotencyConflict, ClockAhead.
    """
    row = await connection.fetchrow(_FORFEIT, programme_id, account_id, [request.digest, request.input], now)
    assert row is not None
    if row["status"] != "ok":
        refuse(row["status"], now=now)
    moves.note(connection, programme_id, account_id)
    return _forfeited(row)


async def forfeited_by(connection: Connection, programme_id: int, request: Request) -> Forfeited | None:
    """What this request has forfeited before; None: it is news. Raises IdempotencyConflict."""
    row = await connection.fetchrow(_FORFEITED_BY, programme_id, [request.digest, request.input])
    assert row is not None
    if row["status"] is None:
        return None
    if row["status"] != "ok":
        raise errors.IdempotencyConflict
    return _forfeited(row)


def _forfeited(row: Any) -> Forfeited:
    return Forfeited(row["account_id"], row["seq"], row["forfeited"], row["written_off"], row["released"])
