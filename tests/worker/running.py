"""Workers as they run, and what is waited for while they do."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TypeVar

from pointbook.services.installation import Installation
from pointbook.services.outbox import Subscriptions
from pointbook.settings import Settings
from pointbook.worker import run_worker

State = TypeVar("State")


@asynccontextmanager
async def running(
    settings: Settings,
    installation: Installation,
    *,
    clock: Callable[[], datetime],
    subscriptions: Subscriptions | None = None,
) -> AsyncIterator[None]:
    work = asyncio.create_task(run_worker(settings, installation, clock=clock, subscriptions=subscriptions))
    try:
        yield
        assert not work.done(), "the worker ended by itself"
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def until(condition: Callable[[], bool], *, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


async def becomes(state: State, look: Callable[[], Awaitable[State]], *, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while await look() is not state:
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.05)
