"""What tests of subscriptions share: a clock that runs and can be set, and streams read with a deadline."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from time import monotonic
from typing import Generic, TypeVar

from tests.http.fixtures import Clock
from tests.support import NOW

Told = TypeVar("Told")
SECONDS = 10.0
"""After which what was to be told will not be told."""


class _End:
    """Behind the last that is told."""


class RunningClock(Clock):
    """Begins at ``start``, runs as time does, and jumps when a test says so."""

    def __init__(self, start: datetime = NOW) -> None:
        super().__init__(start)
        self._since = monotonic()

    def __call__(self) -> datetime:
        return self.now + timedelta(seconds=monotonic() - self._since)

    def jump(self, to: datetime) -> None:
        self.now = to
        self._since = monotonic()


class Listener(Generic[Told]):
    """Reads a stream in the background. ``await listener.next()`` is what was told next, in order."""

    def __init__(self, stream: AsyncGenerator[Told, None]) -> None:
        self._told: asyncio.Queue[Told | _End] = asyncio.Queue()
        self._stream = stream
        self._reading = asyncio.create_task(self._read())

    async def next(self, seconds: float = SECONDS) -> Told:
        async with asyncio.timeout(seconds):
            told = await self._told.get()
        if isinstance(told, _End):
            self._reading.result()
            raise AssertionError("the stream has ended")  # noqa: TRY004  # no mistake of types
        return told

    async def ended(self, seconds: float = SECONDS) -> None:
        """Nothing more is told, and the stream is at its end."""
        async with asyncio.timeout(seconds):
            await self._reading
        assert isinstance(self._told.get_nowait(), _End)

    async def silent(self, seconds: float) -> bool:
        """Whether nothing is told for so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._told.get()
        except TimeoutError:
            return True
        return False

    async def close(self) -> None:
        self._reading.cancel()
        await asyncio.wait([self._reading])

    async def _read(self) -> None:
        try:
            async for told in self._stream:
                self._told.put_nowait(told)
        finally:
            self._told.put_nowait(_End())
            await self._stream.aclose()


@asynccontextmanager
async def listening(stream: AsyncGenerator[Told, None]) -> AsyncIterator[Listener[Told]]:
    listener = Listener(stream)
    try:
        yield listener
    finally:
        await listener.close()
