"""A loop and connections of its own: Hypothesis calls a plain function many times over."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager

import asyncpg
import uvloop

from tests.ledger.histories import Step
from tests.ledger.playing import CatchUp, compare
from tests.ledger.telling import Teller


class Stage:
    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._connections: list[asyncpg.Connection] = [self._runner.run(asyncpg.connect(url)) for _ in CatchUp]

    def compare(self, steps: Sequence[Step]) -> None:
        """Let the model tell the history and the functions play it. Raises Disagreement."""
        teller = Teller()
        told = list(teller.tell(steps))
        self._runner.run(compare(self._connections, teller, told))

    def rolled_back(self, play: Callable[[asyncpg.Connection], Awaitable[None]]) -> None:
        """Play something on a connection of its own; nothing of it stays."""
        self._runner.run(_rolled_back(self._connections[0], play))

    @contextmanager
    def inside(self, manager: AbstractAsyncContextManager[None]) -> Iterator[None]:
        """An asynchronous context, entered and left on this loop."""
        self._runner.run(_enter(manager))
        try:
            yield
        finally:
            self._runner.run(_leave(manager))

    def close(self) -> None:
        for connection in self._connections:
            self._runner.run(connection.close())
        self._runner.close()


async def _rolled_back(
    connection: asyncpg.Connection, play: Callable[[asyncpg.Connection], Awaitable[None]]
) -> None:
    transaction = connection.transaction()
    await transaction.start()
    try:
        await play(connection)
    finally:
        await transaction.rollback()


async def _enter(manager: AbstractAsyncContextManager[None]) -> None:
    await manager.__aenter__()


async def _leave(manager: AbstractAsyncContextManager[None]) -> None:
    await manager.__aexit__(None, None, None)
