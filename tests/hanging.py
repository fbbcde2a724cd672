"""A step that hangs as if its process had stopped, for tests of what others do meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest


class Hung:
    """A step that does not come back, the ``number``-th time it is called, until it is let go or cancelled."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, module: Any, step: str, *, number: int = 1, done: bool = True
    ) -> None:
        self.reached, self.let_go, self.calls = asyncio.Event(), asyncio.Event(), 0
        original: Callable[..., Awaitable[Any]] = getattr(module, step)

        async def hanging(*arguments: Any, **more: Any) -> Any:
            answer = await original(*arguments, **more) if done else None
            self.calls += 1
            if self.calls == number:
                self.reached.set()
                await self.let_go.wait()
            return answer if done else await original(*arguments, **more)

        monkeypatch.setattr(module, step, hanging)
