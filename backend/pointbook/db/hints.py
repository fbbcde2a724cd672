"""Hints between processes, through Valkey: which accounts have moved.

Nothing depends on them. They are lost while Valkey is away, and whoever watches an account looks by itself then.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, Final

import orjson
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from pointbook.db.moves import Account

_CHANNEL: Final = "pb:moved"
_AT_ONCE: Final = 500
_MOST_WAITING: Final = 10_000
_PAUSE_SECONDS: Final = 0.01
"""Between two messages of a process: what moves meanwhile goes with the next."""
_AGAIN_SECONDS: Final = 1.0
_CLOSE_SECONDS: Final = 0.5
_SILENCE_SECONDS: Final = 5.0
"""Then the connection is asked whether it still lives."""

_log = structlog.get_logger(__name__)


def valkey(url: str) -> Redis:
    """A client that does not wait long for a server that is away."""
    client: Redis = Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1)
    return client


@contextlib.asynccontextmanager
async def hints_at(url: str | None) -> AsyncIterator["Hints | None"]:
    """Hints over a client of their own; None without a server."""
    if url is None:
        yield None
        return
    redis = valkey(url)
    try:
        yield Hints(redis)
    finally:
        await redis.aclose()


class Hints:
    """One process's way to tell the others and to hear of them. Belongs to one event loop."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._sender = secrets.token_hex(8)
        self._waiting: set[Account] = set()
        self._sending: asyncio.Task[None] | None = None

    def tell(self, accounts: Iterable[Account]) -> None:
        """Tell the other processes soon. Nobody waits for it."""
        if len(self._waiting) < _MOST_WAITING:
            self._waiting.update(accounts)
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send(), name="hints")

    async def hear(self, heard: Callable[[list[Account]], None], connected: Callable[[bool], None]) -> None:
        """Hear of the other processes until cancelled, over one connection, which is made again when it is lost.

        ``connected`` is told True once nothing will be missed, and False when something may be.
        """
        while True:
            try:
                await self._listen(heard, connected)
            except Exception as failure:  # noqa: BLE001  # whatever the client raises, it begins anew
                _heed_cancelling()
                _log.warning("hints.away", type=type(failure).__qualname__)
            connected(False)  # noqa: FBT003  # a state, as its receiver names it
            await asyncio.sleep(_AGAIN_SECONDS)

    async def close(self) -> None:
        """What waits has a moment to leave, then it is dropped."""
        if self._sending is not None:
            await asyncio.wait([self._sending], timeout=_CLOSE_SECONDS)
            self._sending.cancel()
            await asyncio.wait([self._sending])

    async def _send(self) -> None:
        while self._waiting:
            some = [self._waiting.pop() for _ in range(min(len(self._waiting), _AT_ONCE))]
            try:
                await self._redis.publish(_CHANNEL, orjson.dumps({"by": self._sender, "moved": some}))
            except (OSError, RedisError):
                self._waiting.clear()  # whoever listens has lost Valkey too
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _listen(self, heard: Callable[[list[Account]], None], connected: Callable[[bool], None]) -> None:
        async with self._redis.pubsub() as listening:
            await listening.subscribe(_CHANNEL)
            pinged = False
            while True:
                _heed_cancelling()
                message = await listening.get_message(timeout=_SILENCE_SECONDS)
                if message is None:
                    if pinged:
                        raise TimeoutError
                    await listening.ping()
                    pinged = True
                    continue
                pinged = False
                if message["type"] == "subscribe":
                    connected(True)  # noqa: FBT003  # likewise
                elif message["type"] == "message":
                    heard(self._accounts(message["data"]))

    def _accounts(self, data: Any) -> list[Account]:
        """None for a message of one's own, and for what is no message of ours."""
        with contextlib.suppress(orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            message = orjson.loads(data)
            if message["by"] != self._sender:
                return [(int(programme), int(account)) for programme, account in message["moved"]]
        return []


def _heed_cancelling() -> None:
    """Raises CancelledError in a task that was cancelled: a time limit of redis-py may have swallowed it."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
