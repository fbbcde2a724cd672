"""A file whose time says when the worker was last well, for whoever watches over the process."""

import asyncio
from pathlib import Path

import structlog

from pointbook.db.session import Database

EVERY_SECONDS = 5.0
_PATIENCE_SECONDS = 5.0

log = structlog.get_logger(__name__)


async def beat(file: Path, database: Database) -> None:
    """Until cancelled. Well means: this process runs its loop, and its database answers."""
    while True:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await database.pool.fetchval("select 1")
            file.touch()  # noqa: ASYNC240  # takes microseconds
        except Exception as error:  # noqa: BLE001  # whatever it is, the worker goes on without
            log.warning("worker.no_heartbeat", error=error)
        await asyncio.sleep(EVERY_SECONDS)
