"""Calls through a proxy that loses answers, and what is found of each afterwards.

Every call is known by its number in what it leaves behind, so that one effect too many and one too few are not
mistaken for none. A caller that is told of a broken connection asks again: with the same key, as the product's
callers do, or with a fresh one, which is the control.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

from pointbook.db.retry import is_transient, retrying
from pointbook.db.session import Database
from tests.faults.proxy import LossyProxy, Tally

_AT_ONCE = 8
_ASKED_AGAIN = 20

Call = Callable[[int, str], Awaitable[object]]
"""One call: its number and its key. Done again with the same key it must have no second effect."""


class Scenario(Protocol):
    """Calls of one kind on a programme of their own."""

    def on(self, db: Database) -> Call:
        """The call, made through ``db``."""

    async def effects(self, db: Database) -> Counter[int]:
        """How often each call had its effect, by number."""


@dataclass(slots=True)
class Outcome:
    """What became of the calls 0 .. n-1; every one of them was acknowledged in the end."""

    effects: Counter[int]
    calls: int
    tally: Tally
    doubles: int = field(init=False)
    losses: int = field(init=False)

    def __post_init__(self) -> None:
        assert set(self.effects) <= set(range(self.calls)), "an effect of no call of ours"
        self.doubles = sum(times - 1 for times in self.effects.values())
        self.losses = self.calls - len(self.effects)


async def through_lossy_proxy(
    url: str, scenario: Scenario, *, calls: int, fresh_keys: bool, swallow: float = 0.1, cut: float = 0.05
) -> Outcome:
    """Make ``calls`` calls, several at once, each repeated until it is acknowledged; then count their effects."""
    async with LossyProxy(url, swallow=swallow, cut=cut, seed=calls, is_write=_calls_the_ledger) as proxy:
        lossy = await Database.connect(proxy.url, pool_size=_AT_ONCE)
        try:
            await _make(scenario.on(lossy), calls, fresh_keys=fresh_keys)
        finally:
            await lossy.close()
    sound = await Database.connect(url)
    try:
        return Outcome(await scenario.effects(sound), calls, proxy.tally)
    finally:
        await sound.close()


async def _make(call: Call, calls: int, *, fresh_keys: bool) -> None:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def acknowledged(number: int) -> None:
        keys = _keys(number, fresh=fresh_keys)
        async with gate:
            await _insisting(lambda: retrying(lambda: call(number, next(keys))))

    async with asyncio.TaskGroup() as group:
        for number in range(calls):
            group.create_task(acknowledged(number))


async def _insisting(call: Callable[[], Awaitable[object]]) -> None:
    for _ in range(_ASKED_AGAIN):
        try:
            await call()
        except Exception as error:
            if not is_transient(error):
                raise
        else:
            return
    raise AssertionError("never acknowledged")


def _keys(number: int, *, fresh: bool) -> Iterator[str]:
    return (f"{number}-{attempt if fresh else 0}" for attempt in count())


def _calls_the_ledger(text: str) -> bool:
    return "ledger." in text
