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

    def attempt(self, who: str) -> None:
        """Count an attempt as wrong until it has ``succeeded``, so that many at once are counted, too.

        Raises TooManyGuesses for whoever tried too many wrong codes.
        """
        now = self._clock()
        ends, slips = self._windows.pop(who, (0.0, 0))
        if ends <= now:
            ends, slips = now + WINDOW_SECONDS, 0
        self._windows[who] = ends, min(slips + 1, SLIPS + 1)
        if len(self._windows) > _MOST:
            self._windows.popitem(last=False)
        if slips >= SLIPS:
            raise TooManyGuesses(int(ends - now) + 1)

    def succeeded(self, who: str) -> None:
        """The last attempt was right."""
        if who in self._windows:
            ends, slips = self._windows[who]
            self._windows[who] = ends, max(0, slips - 1)
