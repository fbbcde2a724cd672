"""What was told long ago is forgotten. What it was about cannot be told again by then."""

from collections import deque
from datetime import timedelta
from typing import Final

from pointbook.db.queries import notices as rows
from pointbook.db.queries.programme_ids import programme_ids
from pointbook.db.session import Database
from pointbook.services.programme_turns import take_turns

KEPT_FOR: Final = timedelta(days=400)
"""Longer than points may be told of before they expire."""
_PRUNED_AT_ONCE: Final = 1_000


async def tidy(database: Database, *, seconds: float = 20) -> int:
    """Forget, programmes in turn, bounded, as elsewhere; returns how many."""

    async def prune(programme_id: int) -> int:
        async with database.bare_transaction(programme_id) as connection:
            return await rows.prune(connection, programme_id, kept_for=KEPT_FOR, most=_PRUNED_AT_ONCE)

    pruned = await take_turns(
        deque(await programme_ids(database)),
        prune,
        more=lambda deleted: deleted == _PRUNED_AT_ONCE,
        failure="notices.tidy_failed",
        seconds=seconds,
    )
    return sum(pruned.done)
