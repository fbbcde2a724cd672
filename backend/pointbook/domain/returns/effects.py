"""What a return takes back of the points earned, and until when points given back can be used."""

from datetime import datetime
from zoneinfo import ZoneInfo

from pointbook.domain.calendar import CountsFrom, Expiry, expires_at


def to_reverse(earned: int, remaining: int, before: int) -> int:
    """Points that a document reverses: of those ``earned`` all but what ``remaining`` earns, less the ``before``.

    Never negative (R25). What remains may earn more than before the document: a line that earns nothing, or a fee
    that no points come from, had borne a part of what points paid, and that part falls on the others. The points
    stay reversed then, and the next document reverses so much less.

    >>> to_reverse(60, 40, 0), to_reverse(60, 42, 20), to_reverse(60, 0, 20)
    (20, 0, 40)
    """
    return max(0, earned - remaining - before)


def grace_end(returned_at: datetime, grace_days: int, zone: ZoneInfo) -> datetime | None:
    """When points end that are given back though their lot has ended (R27); None: at once, they are not given.

    >>> from datetime import UTC
    >>> grace_end(datetime(2026, 6, 10, 9, tzinfo=UTC), 30, ZoneInfo("Europe/Berlin")).isoformat()
    '2026-07-10T22:00:00+00:00'
    """
    if not grace_days:
        return None
    return expires_at(returned_at, returned_at, Expiry(days=grace_days), CountsFrom.EARNING, zone)
