"""The cache: one load at a time, for a limited time, forgotten at once when told."""

import asyncio

import pytest

from pointbook.services.caches import ExpiringCache


class Source:
    """Counts how often it is asked; answers when it is let."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer: str | None = "answer"
        self.open = asyncio.Event()
        self.open.set()
        self.is_asked = asyncio.Event()
        self.time = 0.0

    async def load(self, key: str) -> str | None:
        self.asked.append(key)
        self.is_asked.set()
        answer = self.answer
        await self.open.wait()
        return answer

    def cache(self, size: int = 2) -> ExpiringCache[str, str]:
        return ExpiringCache(self.load, life=4, size=size, clock=lambda: self.time)


async def test_an_answer_is_kept_for_its_life() -> None:
    source = Source()
    cache = source.cache()
    for source.time in (0.0, 3.9, 4.0):
        assert await cache.get("a") == "answer"
    assert source.asked == ["a", "a"]


async def test_life_begins_with_the_question_for_that_is_how_old_the_answer_is() -> None:
    source = Source()
    cache = source.cache()
    source.open.clear()
    asking = asyncio.create_task(cache.get("a"))
    await source.is_asked.wait()
    source.time = 3.0
    source.open.set()
    await asking
    source.time = 4.0
    await cache.get("a")
    assert source.asked == ["a", "a"]


async def test_nothing_is_never_kept() -> None:
    source = Source()
    source.answer = None
    cache = source.cache()
    assert [await cache.get("a"), await cache.get("a")] == [None, None]
    assert source.asked == ["a", "a"]


async def test_who_asks_together_asks_once_and_one_who_gives_up_takes_nothing_from_others() -> None:
    source = Source()
    cache = source.cache()
    source.open.clear()
    first, second = [asyncio.create_task(cache.get("a")) for _ in range(2)]
    await source.is_asked.wait()
    first.cancel()
    source.open.set()
    assert await second == "answer"
    assert source.asked == ["a"]


async def test_what_is_forgotten_while_it_is_loaded_is_not_kept() -> None:
    source = Source()
    cache = source.cache()
    source.open.clear()
    asking = asyncio.create_task(cache.get("a"))
    await source.is_asked.wait()
    source.answer = "newer"
    cache.forget("a")
    source.open.set()
    assert await asking == "answer"
    assert await cache.get("a") == "newer"


async def test_only_so_many_answers_are_kept() -> None:
    source = Source()
    cache = source.cache(size=2)
    for key in ("a", "b", "c", "b", "c", "a"):
        await cache.get(key)
    assert source.asked == ["a", "b", "c", "a"]


async def test_a_failure_reaches_whoever_asks_and_is_not_kept() -> None:
    asked = 0

    async def fail(_key: str) -> str:
        nonlocal asked
        asked += 1
        raise OSError("no database")

    cache = ExpiringCache(fail, life=4, size=2)
    for _ in range(2):
        with pytest.raises(OSError, match="no database"):
            await cache.get("a")
    assert asked == 2
