"""The application of the run on a socket, and beside it a shop's own site, which is another origin."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
import uvicorn
from starlette.applications import Starlette

from pointbook.http.protocol import DeadlineProtocol


@contextlib.asynccontextmanager
async def serving(application: Any, **options: Any) -> AsyncIterator[int]:
    """The port on which an application answers until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(application, log_config=None, timeout_graceful_shutdown=1, **options)
    server = uvicorn.Server(config)
    with contextlib.suppress(asyncio.CancelledError):
        running = asyncio.create_task(server.serve([listener]))
        while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
            await asyncio.sleep(0.01)
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await running


@pytest_asyncio.fixture(scope="session")
async def port(app: Starlette) -> AsyncIterator[int]:
    async with serving(app, lifespan="off", http=DeadlineProtocol) as found:
        yield found
