"""What a customer is told as it changes: the balance, and what becomes of a redemption.

Each stream begins with the present state. Truth is what is read; a stream reads again when its account moves, and
at the instant at which the clock alone changes something. ``clock`` is the real one.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

import structlog

from pointbook import ledger
from pointbook.db.moves import Account
from pointbook.db.retry import is_transient
from pointbook.db.session import Connection
from pointbook.domain.errors import NotAMember, RedemptionNotFound
from pointbook.ledger import Balance, HoldState, Standing
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.redemption import Voucher, voucher_of
from pointbook.services.watches import SLICE_SECONDS, Watch, mark_of

AWAY_SECONDS = 1.0
"""After a failure of the database, until it is asked again."""

State = TypeVar("State")
Clock = Callable[[], datetime]
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Seen(Generic[State]):
    """A state, and until when it stays if nothing moves (None = for ever). ``last``: nothing will follow it."""

    state: State
    until: datetime | None
    last: bool = False


async def balances(
    installation: Installation, programme_id: int, external_id: str, *, clock: Clock
) -> AsyncGenerator[Balance | None, None]:
    """The customer's balance now, then after every change of it, or of when time alone will change it: a page that
    shows a hold has to know of an extension. None, and the end: not a member, or no longer.

    States that follow each other closely may be told as one.
    """
    account = await installation.accounts.find(programme_id, external_id)
    if account is None:
        yield None
        return

    async def read(
        connection: Connection, programme: ProgrammeSnapshot, standing: Standing, now: datetime
    ) -> Seen[tuple[Balance, datetime | None]]:
        settings = programme.settings_at(now)
        balance = await ledger.balance(
            connection, programme_id, standing.account_id, now=now, point_value=settings.current_point_value
        )
        return Seen((balance, standing.next_at), _earlier(standing.next_at, _next_version(programme, now)))

    states = _states(installation, (programme_id, account.account_id), "balance", read, clock)
    try:
        async for balance, _ in states:
            yield balance
    except NotAMember:
        installation.accounts.forget(programme_id, external_id)
        yield None
    finally:
        await states.aclose()


async def redemptions(
    installation: Installation, programme_id: int, external_id: str, hold_id: UUID, *, clock: Clock
) -> AsyncGenerator[Voucher, None]:
    """The customer's own voucher as it is, then each time that its end moves, and how it ended; that is the last.

    Raises NotAMember, RedemptionNotFound (also for another's).
    """
    account = await installation.accounts.get(programme_id, external_id)

    async def read(
        connection: Connection, programme: ProgrammeSnapshot, standing: Standing, now: datetime
    ) -> Seen[Voucher]:
        hold = await ledger.hold_of_id(connection, programme_id, hold_id, now=now)
        if hold is None or hold.account_id != standing.account_id:
            raise RedemptionNotFound
        voucher = voucher_of(installation, programme, hold, now=now)
        return Seen(voucher, hold.expires_at, last=hold.state is not HoldState.HELD)

    states = _states(installation, (programme_id, account.account_id), hold_id, read, clock)
    try:
        async for voucher in states:
            yield voucher
    finally:
        await states.aclose()


Read = Callable[[Connection, ProgrammeSnapshot, Standing, datetime], Awaitable[Seen[State]]]


async def _states(
    installation: Installation, watched: Account, name: Hashable, read: Read[State], clock: Clock
) -> AsyncGenerator[State, None]:
    """What ``read`` sees of an account, each time that it differs from the last; ``name`` says what it reads."""
    told: Seen[State] | None = None
    with installation.watches.watch(*watched) as watch:
        while True:
            watch.begin()
            try:
                seen, own_clock = await _see(installation, watch, name, read, clock)
            except Exception as failure:
                if told is None or not is_transient(failure):
                    raise
                _log.warning("live.database_away", type=type(failure).__qualname__)
                await watch.wait(AWAY_SECONDS)
                continue
            if told is None or seen.state != told.state:
                yield seen.state
            told = seen
            if seen.last:
                return
            await _until_news(watch, seen.until, own_clock)


async def _see(
    installation: Installation, watch: Watch, name: Hashable, read: Read[State], clock: Clock
) -> tuple[Seen[State], Clock]:
    """And the programme's clock."""
    programme = await installation.programmes.get(watch.account[0])
    mark = mark_of(programme)

    def own_clock() -> datetime:
        return programme.now(clock())

    async def ask(connection: Connection, standing: Standing, now: datetime) -> Seen[State]:
        return await read(connection, programme, standing, now)

    standing, seen = await installation.readings.read(watch.account, (name, mark), ask, own_clock)
    installation.watches.follow(watch, standing.account_id)
    watch.seen = standing.last_seq, mark
    return seen, own_clock


async def _until_news(watch: Watch, until: datetime | None, clock: Clock) -> None:
    """Until the account moves, or the clock shows ``until``; the clock is asked again every minute."""
    while True:
        seconds = SLICE_SECONDS if until is None else (until - clock()).total_seconds()
        if seconds <= 0 or await watch.wait(seconds):
            return


def _next_version(programme: ProgrammeSnapshot, now: datetime) -> datetime | None:
    return min((one.effective_from for one in programme.versions if one.effective_from > now), default=None)


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((instant for instant in (one, other) if instant is not None), default=None)
