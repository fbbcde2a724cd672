"""Codes that nobody has, by whoever tries them: a few slips of the pen, then a pause.

A code cannot be guessed; this keeps whoever tries from filling the database's day. Each process counts for itself.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from pointbook.domain.errors import TooManyGuesses

SLIPS: Final = 10
"""Wrong codes in one window; the next attempts are refused until it ends."""
WINDOW_SECONDS: Final = 600
_MOST: Final = 100_000


class Guesses:
    """Belongs to one event loop."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def admit(self, who: str) -> None:
        """Raises TooManyGuesses for whoever tried too many wrong codes."""
        ends, slips = self._windows.get(who, (0.0, 0))
        seconds = ends - self._clock()
        if slips >= SLIPS and seconds > 0:
            raise TooManyGuesses(int(seconds) + 1)

    def slipped(self, who: str) -> None:
        ends, slips = self._windows.pop(who, (0.0, 0))
        now = self._clock()
        if ends <= now:
            ends, slips = now + WINDOW_SECONDS, 0
        self._windows[who] = ends, slips + 1
        if len(self._windows) > _MOST:
            self._windows.popitem(last=False)
