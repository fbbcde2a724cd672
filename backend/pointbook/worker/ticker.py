"""Runs the jobs by the clock of this process, while Valkey is absent or was never configured."""

import asyncio
from collections.abc import Callable

from pointbook.worker.jobs import Job, Jobs


class Ticker:
    """Runs the jobs by the clock of this process alone, as often as nothing else wakes them."""

    def __init__(self, jobs: Jobs, *, idle: Callable[[], bool] = lambda: False) -> None:
        self._jobs = jobs
        self._idle = idle

    async def run(self) -> None:
        """Until cancelled. While ``idle()`` says so, it only watches."""
        async with asyncio.TaskGroup() as group:
            for job in self._jobs.all:
                group.create_task(self._repeat(job))

    async def _repeat(self, job: Job) -> None:
        while True:
            if not self._idle():
                await self._jobs.run(job)
            await asyncio.sleep(job.every.total_seconds())
