"""How patient the sender of webhooks is."""

from datetime import timedelta
from typing import Final

DISABLED_AFTER: Final = timedelta(days=3)
"""A subscription for which nothing but failures came in so long a time is switched off."""
KEPT_FOR: Final = timedelta(days=30)
"""How long it is told what was sent."""
_PAUSES: Final = (
    timedelta(seconds=5),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
ATTEMPTS_MAX: Final = len(_PAUSES) + 1


def pause_after(attempt: int) -> timedelta | None:
    """How long to wait after a failed attempt, counted from 1; None: it was the last.

    >>> pause_after(1), pause_after(11), pause_after(12)
    (datetime.timedelta(seconds=5), datetime.timedelta(days=1), None)
    """
    return _PAUSES[attempt - 1] if attempt <= len(_PAUSES) else None
