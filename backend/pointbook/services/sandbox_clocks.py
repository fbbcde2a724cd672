"""The clock of a sandbox programme: ahead of the real one by what it was moved, and never back.

It is not set but moved, so time goes on in between; ``ProgrammeSnapshot.now`` is where that is added.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from pointbook.db import moves
from pointbook.db.queries import sandbox_clocks as rows
from pointbook.db.queries.programmes import lock_programme
from pointbook.db.retry import retrying
from pointbook.db.session import Connection
from pointbook.domain import errors
from pointbook.domain.errors import InvalidInput
from pointbook.ledger import Request
from pointbook.services import audit, outbox
from pointbook.services.audit import Action, Change
from pointbook.services.installation import Installation

CLOCK_MOVED: Final = "sandbox.clock_moved"
MOST_AT_ONCE: Final = timedelta(days=366)
MOST_AHEAD: Final = timedelta(days=36_525)


@dataclass(frozen=True, slots=True)
class SandboxClock:
    """What it shows, and by how much it is ahead of the real one."""

    now: datetime
    ahead: timedelta


async def clock_of(installation: Installation, programme_id: int, *, now: datetime) -> SandboxClock:
    """``now`` is real. Raises NotASandbox."""
    programme = await installation.programmes.current(programme_id)
    if not programme.sandbox:
        raise errors.NotASandbox
    return SandboxClock(programme.now(now), programme.clock_ahead)


async def move_clock(
    installation: Installation,
    programme_id: int,
    forward: timedelta,
    *,
    request: Request | None = None,
    by: str = audit.OPERATOR,
    now: datetime,
) -> SandboxClock:
    """Move the clock on; what is due by it is booked and told within seconds. ``now`` is real.

    Other processes follow within ``directory.CACHE_LIFE``. The same request again moves nothing; without one each
    call moves it once. Raises NotASandbox, IdempotencyConflict, InvalidInput: less than a second, more than
    ``MOST_AT_ONCE``, or beyond ``MOST_AHEAD``.
    """
    if not timedelta(seconds=1) <= forward <= MOST_AT_ONCE:
        raise InvalidInput("forwardSeconds", f"must be 1 second to {MOST_AT_ONCE.days} days")
    asked = Request.of(by, "moveClock", uuid4().hex, forward) if request is None else request

    async def attempt() -> timedelta:
        async with installation.db.bare_transaction(programme_id) as connection:
            await lock_programme(connection, programme_id)
            earlier = await _earlier(connection, programme_id, asked)
            return earlier or await _move(connection, programme_id, forward, asked, by, now)

    ahead = await retrying(attempt)
    installation.programmes.forget(programme_id)
    return SandboxClock(now + ahead, ahead)


async def _earlier(connection: Connection, programme_id: int, request: Request) -> timedelta | None:
    found = await rows.earlier_move(connection, programme_id, request.digest)
    if found is not None and found.input != request.input:
        raise errors.IdempotencyConflict
    return None if found is None else found.ahead


async def _move(  # noqa: PLR0917  # who moves what
    connection: Connection, programme_id: int, forward: timedelta, request: Request, by: str, now: datetime
) -> timedelta:
    was = await rows.ahead(connection, programme_id)
    if was is None:
        raise errors.NotASandbox
    ahead = was + forward
    if ahead > MOST_AHEAD:
        raise InvalidInput("forwardSeconds", f"must not lead more than {MOST_AHEAD.days} days ahead")
    await rows.set_ahead(connection, programme_id, ahead, (request.digest, request.input), now=now)
    change = Change(Action.CLOCK_MOVED, "clock", _told(was), _told(ahead))
    await audit.append(connection, programme_id, [change], by=by, now=now + ahead)
    await outbox.append(connection, programme_id, CLOCK_MOVED, _told(ahead), now=now + ahead)
    moves.note(connection, programme_id, moves.EVERY_ACCOUNT)
    return ahead


def _told(ahead: timedelta) -> dict[str, int]:
    return {"aheadSeconds": int(ahead.total_seconds())}
