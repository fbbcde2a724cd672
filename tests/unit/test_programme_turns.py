"""Programmes take turns: none waits for all of another's work, and one that fails stops nobody."""

import asyncio
from collections import deque

from structlog.testing import capture_logs

from pointbook.services.programme_turns import Served, take_turns


class Work:
    """So many pieces of each programme; one without an entry fails."""

    def __init__(self, pieces: dict[int, int]) -> None:
        self.turns: list[int] = []
        self._pieces = pieces

    async def serve(self, programme_id: int) -> int:
        await asyncio.sleep(0)
        self.turns.append(programme_id)
        self._pieces[programme_id] -= 1
        return self._pieces[programme_id]

    async def take(self, *waiting: int, seconds: float = 20, turns: int = 100) -> Served[int]:
        return await take_turns(
            deque(waiting),
            self.serve,
            more=lambda left: left > 0,
            failure="work.failed",
            seconds=seconds,
            stopping=lambda: len(self.turns) >= turns,
        )


async def test_a_programme_with_more_to_do_waits_again_behind_the_others() -> None:
    work = Work({1: 3, 2: 1, 3: 2})
    assert await work.take(1, 2, 3) == Served([2, 0, 1, 1, 0, 0], 0)
    assert work.turns == [1, 2, 3, 1, 3, 1]


async def test_one_that_fails_is_logged_and_stops_nobody() -> None:
    work = Work({1: 1, 3: 1})
    with capture_logs() as logs:
        assert await work.take(1, 2, 3) == Served([0, 0], 1)
    assert work.turns == [1, 2, 3]
    assert [(log["event"], log["programme"]) for log in logs] == [("work.failed", 2)]


async def test_nobody_is_served_once_the_time_is_over_or_it_is_to_stop() -> None:
    work = Work({1: 3, 2: 3})
    assert await work.take(1, 2, seconds=0) == Served([], 0)
    assert await work.take(1, 2, turns=3) == Served([2, 2, 1], 0)
