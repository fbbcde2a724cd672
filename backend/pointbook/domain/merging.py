"""Merge requests (R33): the states they go through, how long each waits, and how many there may be."""

import enum
from datetime import datetime, timedelta
from typing import Final

PROOF_LIFE: Final = timedelta(hours=24)
"""How long the link in the letter is good."""
DECISION_LIFE: Final = timedelta(days=30)
"""How long a verified request waits for the staff."""
OPEN_MAX: Final = 3
"""Requests of one member that wait for a proof or for the staff."""
ADDRESS_MAX: Final = 3
"""Requests that name one address within ``ADDRESS_WINDOW``, whoever makes them: each may be a letter to it."""
ADDRESS_WINDOW: Final = timedelta(hours=24)
REASON_MAX: Final = 500


class MergeState(enum.StrEnum):
    REQUESTED = "REQUESTED"
    """Waits for the proof that the address is the member's, and is answered so whether or not anybody has it."""
    VERIFIED = "VERIFIED"
    """The address is proved; the staff decide."""
    MERGED = "MERGED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    """Computed: nothing happened in time, or one of the two is no member any more, so that nothing can."""


OPEN: Final = (MergeState.REQUESTED, MergeState.VERIFIED)


class MergeObstacle(enum.StrEnum):
    """What does not let two accounts become one."""

    ONESELF = "ONESELF"
    MERGED = "MERGED"
    """One of them was, by now."""
    INACTIVE = "INACTIVE"
    """One of them neither earns nor spends: activate it first."""


class MergeLimit(enum.StrEnum):
    OPEN_OF_MEMBER = "OPEN_OF_MEMBER"
    ADDRESS_OF_DAY = "ADDRESS_OF_DAY"


def state_at(state: MergeState, expires_at: datetime, now: datetime, *, is_void: bool = False) -> MergeState:
    """What has become of a request by ``now``: an open one ends at ``expires_at``, or once it is void.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    >>> state_at(MergeState.REQUESTED, noon, noon)
    <MergeState.EXPIRED: 'EXPIRED'>
    >>> state_at(MergeState.MERGED, noon, noon)
    <MergeState.MERGED: 'MERGED'>
    """
    return MergeState.EXPIRED if state in OPEN and (is_void or expires_at <= now) else state
