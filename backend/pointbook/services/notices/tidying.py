"""What was told long ago is forgotten. What it was about cannot be told again by then."""

from collections import deque
from datetime import timedelta
from time import monotonic
from typing import Final

import structlog

from pointbook.db.queries import notices as rows
from pointbook.db.queries.programme_ids import programme_ids
from pointbook.db.session import Database

KEPT_FOR: Final = timedelta(days=400)
"""Longer than points may be told of before they expire."""
_PRUNED_AT_ONCE: Final = 1_000

log = structlog.get_logger(__name__)


async def tidy(database: Database, *, seconds: float = 20) -> int:
    """Forget, programmes in turn, bounded, as elsewhere; returns how many."""
    ends = monotonic() + seconds
    waiting = deque(await programme_ids(database))
    pruned = 0
    while waiting and monotonic() < ends:
        programme_id = waiting.popleft()
        try:
            async with database.bare_transaction(programme_id) as connection:
                deleted = await rows.prune(connection, programme_id, kept_for=KEPT_FOR, most=_PRUNED_AT_ONCE)
        except Exception:
            log.exception("notices.tidy_failed", programme=programme_id)
            continue
        pruned += deleted
        if deleted == _PRUNED_AT_ONCE:
            waiting.append(programme_id)
    return pruned
