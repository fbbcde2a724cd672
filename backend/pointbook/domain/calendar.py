"""Waiting time, expiry and the expiring window, in the programme's time zone (R16, R17).

Instants are timezone-aware and answered in UTC; ``zone`` is an IANA time zone; local days are its days.
A local time that a clock change skips becomes the first instant after the gap; one that occurs twice is
the first of the two. What would lie beyond the calendar's last days is ``LAST_INSTANT``.
"""

import enum
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from pointbook.domain.errors import InvalidInput
from pointbook.domain.text import MAX_WORD

LAST_INSTANT: Final = datetime(9999, 12, 30, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
_MOMENT: Final = timedelta(microseconds=1)


class CountsFrom(enum.StrEnum):
    """From when the days of an expiry are counted."""

    EARNING = "EARNING"
    AVAILABILITY = "AVAILABILITY"


class WaitingUnit(enum.StrEnum):
    HOURS = "HOURS"
    """Exact hours, whatever the clocks do meanwhile."""
    DAYS = "DAYS"
    """The same local time that many days later."""


@dataclass(frozen=True, slots=True)
class WaitingTime:
    """How long points wait from their earning until they can be spent."""

    count: int
    unit: WaitingUnit = WaitingUnit.DAYS

    @property
    def hours(self) -> int:
        """The wait in hours, days as 24 of them: good for comparing, not for reckoning."""
        return self.count * 24 if self.unit is WaitingUnit.DAYS else self.count


@dataclass(frozen=True, slots=True)
class Expiry:
    """When points end: ``days`` after they count, or with the local day ``on``, or (neither given) never."""

    days: int | None = None
    on: date | None = None

    def __post_init__(self) -> None:
        assert self.days is None or self.on is None, "an expiry is counted or dated, not both"


class Lifetime(NamedTuple):
    """When points can be spent: from ``available_from`` until just before ``expires_at`` (None: for ever)."""

    available_from: datetime
    expires_at: datetime | None


def time_zone(name: object, field: str = "timeZone") -> ZoneInfo:
    """The zone of an IANA name like Europe/Berlin; InvalidInput when there is none."""
    try:
        if isinstance(name, str) and name and len(name) <= MAX_WORD:
            return ZoneInfo(name)
    except (OSError, ValueError, LookupError):  # a folder of the database, a path out of it, or no such zone
        pass
    raise InvalidInput(field, "must be an IANA time zone like Europe/Berlin")


def local_instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """The instant of a local time, under the rules for clock changes above.

    >>> local_instant(date(2026, 3, 29), time(2, 30), ZoneInfo("Europe/Berlin")).isoformat()
    '2026-03-29T01:00:00+00:00'
    """
    local = datetime.combine(day, clock.replace(fold=0), zone)
    instant = local.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return instant
    return _end_of_gap(local, zone)


def _end_of_gap(local: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which the clocks skip ``local``, found between its two readings."""
    before = local.replace(fold=1).astimezone(UTC)  # read with the offset after the gap
    after = local.replace(fold=0).astimezone(UTC)  # read with the offset before it
    old_offset = before.astimezone(zone).utcoffset()
    low, high = 0, -(-(after - before) // _SECOND)
    while high - low > 1:
        middle = (low + high) // 2
        if (before + middle * _SECOND).astimezone(zone).utcoffset() == old_offset:
            low = middle
        else:
            high = middle
    return (before + high * _SECOND).replace(microsecond=0)


def end_of_local_day(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of the next local day (exclusive end).

    >>> end_of_local_day(date(2026, 12, 31), ZoneInfo("Europe/Berlin")).isoformat()
    '2026-12-31T23:00:00+00:00'
    """
    if day >= LAST_INSTANT.date():
        return LAST_INSTANT
    return min(local_instant(day + timedelta(days=1), time(), zone), LAST_INSTANT)


def last_day(expires_at: datetime, zone: ZoneInfo) -> date:
    """The last local day on which what ends then (exclusive) is good, were it for a moment only.

    >>> last_day(datetime(2026, 3, 29, 22, tzinfo=UTC), ZoneInfo("Europe/Berlin")).isoformat()
    '2026-03-29'
    """
    return (expires_at - _MOMENT).astimezone(zone).date()


def _days_after(day: date, days: int) -> date:
    last = LAST_INSTANT.date()
    return last if days > (last - day).days else day + timedelta(days=days)


def available_from(earned_at: datetime, waiting: WaitingTime, zone: ZoneInfo) -> datetime:
    """When points earned at ``earned_at`` can be spent.

    >>> earned = datetime(2026, 3, 28, 11, tzinfo=UTC)  # noon in Berlin, the day before the clocks change
    >>> available_from(earned, WaitingTime(48, WaitingUnit.HOURS), ZoneInfo("Europe/Berlin")).isoformat()
    '2026-03-30T11:00:00+00:00'
    >>> available_from(earned, WaitingTime(2), ZoneInfo("Europe/Berlin")).isoformat()
    '2026-03-30T10:00:00+00:00'
    """
    earned_at = earned_at.astimezone(UTC)
    if waiting.count == 0:
        return earned_at
    if waiting.unit is WaitingUnit.HOURS:
        wait = timedelta(hours=waiting.count)
        return LAST_INSTANT if wait > LAST_INSTANT - earned_at else earned_at + wait
    local = earned_at.astimezone(zone)
    day = _days_after(local.date(), waiting.count)
    return LAST_INSTANT if day >= LAST_INSTANT.date() else local_instant(day, local.time(), zone)


def expires_at(
    earned_at: datetime, available: datetime, expiry: Expiry, counts_from: CountsFrom, zone: ZoneInfo
) -> datetime | None:
    """When points end (exclusive), or None for never.

    >>> earned = datetime(2026, 3, 1, 9, tzinfo=UTC)
    >>> expires_at(earned, earned, Expiry(days=150), CountsFrom.EARNING, ZoneInfo("Europe/Berlin")).isoformat()
    '2026-07-29T22:00:00+00:00'
    """
    if expiry.on is not None:
        return end_of_local_day(expiry.on, zone)
    if expiry.days is None:
        return None
    start = earned_at if counts_from is CountsFrom.EARNING else available
    return end_of_local_day(_days_after(start.astimezone(zone).date(), expiry.days), zone)


def lifetime(
    earned_at: datetime, waiting: WaitingTime, expiry: Expiry, counts_from: CountsFrom, zone: ZoneInfo
) -> Lifetime | None:
    """From when until when points earned now can be spent; None if never, so that none are given.

    That is so when a fixed date has passed or precedes the end of the waiting time.
    """
    available = available_from(earned_at, waiting, zone)
    end = expires_at(earned_at, available, expiry, counts_from, zone)
    return None if end is not None and end <= available else Lifetime(available, end)


def expiring_until(now: datetime, days: int, zone: ZoneInfo) -> datetime:
    """End of the window of *expiring soon*: the end of the local day ``days`` from today (R17).

    A lot is in the window when ``now < expires_at <= expiring_until(...)``.
    """
    return end_of_local_day(_days_after(now.astimezone(zone).date(), days), zone)
