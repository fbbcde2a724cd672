"""The clocks of sandbox programmes. Whoever moves one has locked the programme."""

from datetime import datetime, timedelta
from typing import NamedTuple

from pointbook.db.session import Connection


class EarlierMove(NamedTuple):
    """What a call did: its input, and by how much the clock was ahead afterwards."""

    input: bytes
    ahead: timedelta


async def earlier_move(connection: Connection, programme_id: int, request: bytes) -> EarlierMove | None:
    row = await connection.fetchrow(_EARLIER, programme_id, request)
    return None if row is None else EarlierMove(*row)


async def ahead(connection: Connection, programme_id: int) -> timedelta | None:
    """By how much the programme's clock is ahead of the real one; None: it is no sandbox."""
    found: timedelta | None = await connection.fetchval(_AHEAD, programme_id)
    return found


async def set_ahead(
    connection: Connection,
    programme_id: int,
    new: timedelta,
    request: tuple[bytes, bytes],
    *,
    now: datetime,
) -> None:
    await connection.execute(_SET, programme_id, new)
    await connection.execute(_MOVED, programme_id, now, new, *request)


_EARLIER = "select input, ahead from clock_move where programme_id = $1 and request = $2"

_AHEAD = "select clock_ahead from programme where id = $1 and sandbox"

_SET = "update programme set clock_ahead = $2 where id = $1"

_MOVED = "insert into clock_move (programme_id, at, ahead, request, input) values ($1, $2, $3, $4, $5)"
