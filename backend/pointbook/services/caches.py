"""A small cache of what is read on every request and seldom changes."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Generic, NamedTuple, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class _Kept(NamedTuple, Generic[Value]):
    value: Value
    until: float


class ExpiringCache(Generic[Key, Value]):
    """What ``load`` answered, for ``life`` seconds from the start of the load; None is never kept.

    Loads of one key do not run at the same time: whoever asks meanwhile waits for the same answer. At most
    ``size`` values are kept, the one loaded first goes first. Belongs to one event loop.
    """

    def __init__(
        self,
        load: Callable[[Key], Awaitable[Value | None]],
        *,
        life: float,
        size: int,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._load = load
        self._life = life
        self._size = size
        self._clock = clock
        self._kept: dict[Key, _Kept[Value]] = {}
        self._loading: dict[Key, asyncio.Task[Value | None]] = {}

    async def get(self, key: Key) -> Value | None:
        kept = self._kept.get(key)
        if kept is not None and self._clock() < kept.until:
            return kept.value
        loading = self._loading.get(key)
        if loading is None:
            loading = self._loading[key] = asyncio.create_task(self._refresh(key))
            loading.add_done_callback(_look_at_error)
        return await asyncio.shield(loading)  # one caller that gives up does not take the answer from others

    def forget(self, key: Key) -> None:
        """Ask again next time; an answer that is on its way is not kept."""
        self._kept.pop(key, None)
        self._loading.pop(key, None)

    async def _refresh(self, key: Key) -> Value | None:
        until = self._clock() + self._life
        current = asyncio.current_task()
        try:
            value = await self._load(key)
            if value is not None and self._loading.get(key) is current:
                self._keep(key, _Kept(value, until))
            return value
        finally:
            if self._loading.get(key) is current:
                del self._loading[key]

    def _keep(self, key: Key, kept: _Kept[Value]) -> None:
        self._kept.pop(key, None)
        while len(self._kept) >= self._size:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = kept


def _look_at_error(loading: "asyncio.Task[Value | None]") -> None:
    """Every caller may have given up; then nobody else would."""
    if not loading.cancelled():
        loading.exception()
