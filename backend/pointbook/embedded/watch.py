"""Watching the servers that this process works with: without them it only looks alive."""

import os
import signal
import threading
from collections.abc import Callable

from pointbook.embedded.errors import EmbeddedError

_LOOK_SECONDS = 0.5


class Watch:
    """Ends this process in order, by SIGTERM, once a server is gone for good.

    ``find_loss`` says in one line what is gone; None while nothing is.
    """

    def __init__(self, find_loss: Callable[[], str | None]) -> None:
        self._find_loss = find_loss
        self._over = threading.Event()
        self._loss: str | None = None
        self._thread = threading.Thread(target=self._look, name="watch of the servers", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """To be called before the servers are stopped."""
        self._over.set()
        self._thread.join()
        self._look_once()

    def judge(self) -> None:
        """Raises EmbeddedError, one line, when a server was gone before the end."""
        if self._loss is not None:
            raise EmbeddedError(self._loss)

    def _look(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            self._look_once()
            if self._loss is not None:
                os.kill(os.getpid(), signal.SIGTERM)
                return

    def _look_once(self) -> None:
        if self._loss is None:
            self._loss = self._find_loss()
