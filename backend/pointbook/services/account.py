"""What a customer has: balance, points that expire soon, vouchers, history. Reads only, to the instant ``now``.

All of it counts what the clock has made due, whether or not a job has booked it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from pointbook import ledger
from pointbook.db.retry import retrying
from pointbook.domain import calendar
from pointbook.domain.errors import InvalidInput
from pointbook.ledger import Balance, HistoryEntry, PendingBatch
from pointbook.services.directory import AccountKey, ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.redemption import Voucher, voucher_of

HISTORY_MAX: Final = 100
EXPIRING_DAYS_MAX: Final = 365


@dataclass(frozen=True, slots=True)
class ExpiringBatch:
    """``points`` that can be spent until the end of the local day ``last_day``, to the instant ``expires_at``."""

    points: int
    expires_at: datetime
    last_day: date


@dataclass(frozen=True, slots=True)
class AccountPage:
    """``expiring`` by date, open ``vouchers`` by age, ``history`` newest first."""

    public_id: UUID
    balance: Balance
    expiring: tuple[ExpiringBatch, ...]
    vouchers: tuple[Voucher, ...]
    history: tuple[HistoryEntry, ...]


async def page(
    installation: Installation,
    programme_id: int,
    external_id: str,
    *,
    history: int = 20,
    expiring_days: int | None = None,
    now: datetime,
) -> AccountPage | None:
    """All that an account page shows, in one statement; None: this customer has not joined.

    ``expiring_days`` None: the programme's window. Raises InvalidInput for a window or page out of bounds.
    """
    found = await _found(installation, programme_id, external_id)
    if found is None:
        return None
    programme, account = found
    until = _window_end(programme, expiring_days, now)
    answer = await installation.db.one_statement(
        lambda connection: ledger.account_page(
            connection,
            programme_id,
            account.account_id,
            now=now,
            expiring_until=until,
            history=_page_size(history),
            point_value=programme.settings_at(now).current_point_value,
        )
    )
    if answer.account_id != account.account_id:  # merged, and another process has said so
        account = await installation.accounts.current(programme_id, external_id) or account
    return AccountPage(
        account.public_id,
        answer.balance,
        _batches(answer.expiring, programme.zone),
        tuple(voucher_of(installation, programme, hold, now=now) for hold in answer.holds),
        answer.history,
    )


async def balance(
    installation: Installation,
    programme_id: int,
    external_id: str,
    *,
    as_of: datetime | None = None,
    now: datetime,
) -> Balance | None:
    """The balance at ``as_of`` (None = now): in the past as it was, in the future as the clock alone makes it.

    Its value too: by the settings in force then.
    """
    found = await _found(installation, programme_id, external_id)
    if found is None:
        return None
    programme, account = found
    return await installation.db.one_statement(
        lambda connection: ledger.balance(
            connection,
            programme_id,
            account.account_id,
            as_of=as_of,
            now=now,
            point_value=programme.settings_at(as_of or now).current_point_value,
        )
    )


async def expiring(
    installation: Installation, programme_id: int, external_id: str, *, days: int | None = None, now: datetime
) -> tuple[ExpiringBatch, ...] | None:
    """Points that expire within ``days`` local days from today (None: the programme's window), by date (R17)."""
    found = await _found(installation, programme_id, external_id)
    if found is None:
        return None
    programme, account = found
    until = _window_end(programme, days, now)
    batches = await installation.db.one_statement(
        lambda connection: ledger.expiring(connection, programme_id, account.account_id, now=now, until=until)
    )
    return _batches(batches, programme.zone)


async def pending(
    installation: Installation, programme_id: int, external_id: str, *, now: datetime
) -> list[PendingBatch] | None:
    """Points that are not available yet, the soonest first; None: this customer has not joined."""
    account = await installation.accounts.find(programme_id, external_id)
    if account is None:
        return None

    async def read() -> list[PendingBatch]:
        async with installation.db.bare_transaction(programme_id) as connection:
            return await ledger.pending(connection, programme_id, account.account_id, now=now)

    return await retrying(read)


async def history(
    installation: Installation,
    programme_id: int,
    external_id: str,
    *,
    first: int,
    before_seq: int | None = None,
    now: datetime,
) -> list[HistoryEntry] | None:
    """At most ``first`` entries (up to 100), newest first, older than the one numbered ``before_seq``."""
    found = await _found(installation, programme_id, external_id)
    if found is None:
        return None
    _, account = found
    return await installation.db.one_statement(
        lambda connection: ledger.history(
            connection,
            programme_id,
            account.account_id,
            now=now,
            first=_page_size(first),
            before_seq=before_seq,
        )
    )


async def vouchers(
    installation: Installation, programme_id: int, external_id: str, *, now: datetime
) -> list[Voucher] | None:
    """The customer's open vouchers, oldest first."""
    found = await _found(installation, programme_id, external_id)
    if found is None:
        return None
    programme, account = found
    holds = await installation.db.one_statement(
        lambda connection: ledger.holds(connection, programme_id, account.account_id, now=now)
    )
    return [voucher_of(installation, programme, hold, now=now) for hold in holds]


async def _found(
    installation: Installation, programme_id: int, external_id: str
) -> tuple[ProgrammeSnapshot, AccountKey] | None:
    programme = await installation.programmes.get(programme_id)
    account = await installation.accounts.find(programme_id, external_id)
    return None if account is None else (programme, account)


def _window_end(programme: ProgrammeSnapshot, days: int | None, now: datetime) -> datetime:
    window = programme.settings_at(now).expiring_window_days if days is None else days
    if not 1 <= window <= EXPIRING_DAYS_MAX:
        raise InvalidInput("days", f"must be 1 to {EXPIRING_DAYS_MAX}")
    return calendar.expiring_until(now, window, programme.zone)


def _page_size(first: int) -> int:
    if not 0 <= first <= HISTORY_MAX:
        raise InvalidInput("first", f"must be 0 to {HISTORY_MAX}")
    return first


def _batches(batches: Iterable[ledger.ExpiringBatch], zone: ZoneInfo) -> tuple[ExpiringBatch, ...]:
    """A lot ends with its last day, so the day is that of the instant just before."""
    moment = timedelta(microseconds=1)
    return tuple(
        ExpiringBatch(batch.points, batch.expires_at, (batch.expires_at - moment).astimezone(zone).date())
        for batch in batches
    )
