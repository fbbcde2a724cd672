"""Adjustments (R31): a manual plus or minus, what is said of it, and how long a plus is good for."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from pointbook.domain import calendar, text
from pointbook.domain.calendar import Lifetime
from pointbook.domain.errors import InvalidInput
from pointbook.domain.programme_settings import ProgrammeSettings

MAX_POINTS: Final = 1_000_000
MAX_DESCRIPTION: Final = 200
MAX_NOTE: Final = 1_000
LAST_YEAR: Final = 2_999


@dataclass(frozen=True, slots=True)
class Terms:
    """A plus or a minus, checked. ``description`` is for the member, ``internal_note`` for the staff only.

    Of a plus: ``expires_on`` is the last local day, ``available_from`` an instant; None: as usual.
    """

    points: int
    description: str
    internal_note: str | None = None
    expires_on: date | None = None
    available_from: datetime | None = None


def terms(
    points: int,
    description: object,
    internal_note: object = None,
    *,
    expires_on: date | None = None,
    available_from: datetime | None = None,
) -> Terms:
    """Raises InvalidInput naming the field.

    >>> terms(-50, "Correction").points
    -50
    """
    if not 1 <= abs(points) <= MAX_POINTS:
        raise InvalidInput("points", f"must be 1 to {MAX_POINTS}, or -1 to -{MAX_POINTS}")
    for field, value in (("expiresOn", expires_on), ("availableFrom", available_from)):
        if value is not None and points < 0:
            raise InvalidInput(field, "is for a plus only")
        if value is not None and value.year > LAST_YEAR:
            raise InvalidInput(field, f"must be at most in {LAST_YEAR}")
    return Terms(
        points,
        text.identifier("description", description, MAX_DESCRIPTION),
        None if internal_note is None else text.paragraphs("internalNote", internal_note, MAX_NOTE),
        expires_on,
        available_from,
    )


def lifetime(plus: Terms, settings: ProgrammeSettings, now: datetime, zone: ZoneInfo) -> Lifetime:
    """From when until when the points of a plus can be spent: at once and for the standard time unless stated.

    A beginning that has passed counts as now. Raises InvalidInput for points that nobody could spend.
    """
    begin = max(now, plus.available_from or now)
    if plus.expires_on is None:
        end = calendar.expires_at(now, begin, settings.expiry, settings.expiry_counts_from, zone)
    else:
        end = calendar.end_of_local_day(plus.expires_on, zone)
    if end is not None and end <= begin:
        if plus.expires_on is None:
            raise InvalidInput("expiresOn", "is required: points would have ended by the programme's expiry")
        raise InvalidInput("expiresOn", "has passed" if end <= now else "must not be before availableFrom")
    return Lifetime(begin, end)
