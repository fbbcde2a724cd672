"""Work that is done programme by programme: they take turns, so that a large one keeps nobody else waiting."""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import Generic, TypeVar

import structlog

Done = TypeVar("Done")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Served(Generic[Done]):
    """What came of each turn, and how many turns failed."""

    done: list[Done]
    failed: int


async def take_turns(
    waiting: deque[int],
    serve: Callable[[int], Awaitable[Done]],
    *,
    more: Callable[[Done], bool],
    failure: str,
    seconds: float,
    stopping: Callable[[], bool] = lambda: False,
) -> Served[Done]:
    """Serve the programmes that wait, a bounded piece of work a turn, until none waits or ``seconds`` have passed.

    One of which ``more`` is left waits again behind the others. One that fails is logged as ``failure`` and does
    not stop the others; another run tries it again. Several tasks may serve those that wait at the same time.
    """
    ends = monotonic() + seconds
    done: list[Done] = []
    failed = 0
    while waiting and monotonic() < ends and not stopping():
        programme_id = waiting.popleft()
        try:
            answer = await serve(programme_id)
        except Exception:
            log.exception(failure, programme=programme_id)
            failed += 1
            continue
        done.append(answer)
        if more(answer):
            waiting.append(programme_id)
    return Served(done, failed)
