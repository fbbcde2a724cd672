"""Ending tasks for certain."""

import asyncio
from collections.abc import Collection
from typing import Any


async def end(tasks: "Collection[asyncio.Task[Any]]", *, patience: float = 1) -> None:
    """Cancel until all are done; what they raise is not looked at. ``patience``: seconds between two requests.

    Cancelling once is a request that a library may lose: a cancellation that meets a time limit of the client of
    Valkey was seen to be taken for that time limit, and its task ran on for ever.
    """
    running = {task for task in tasks if not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=patience)
    await asyncio.gather(*tasks, return_exceptions=True)
