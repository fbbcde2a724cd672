"""Watching servers that were started for this process: without them it only looks alive."""

import os
import signal
import threading
from collections.abc import Sequence

from pointbook.embedded.children import Child
from pointbook.embedded.errors import EmbeddedError

_LOOK_SECONDS = 0.5


class Watch:
    """Ends this process in order, by SIGTERM, once a server is gone for good: its keeper died or gave up."""

    def __init__(self, children: Sequence[Child]) -> None:
        self._children = children
        self._over = threading.Event()
        self._gone: Child | None = None
        self._thread = threading.Thread(target=self._look, name="watch of the servers", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """To be called before the servers are stopped."""
        self._over.set()
        self._thread.join()
        self._look_once()

    def judge(self) -> None:
        """Raises EmbeddedError, one line, when a server was gone before the end."""
        if self._gone is not None:
            raise EmbeddedError(f"The server {self._gone.name} has ended for good; see {self._gone.log}.")

    def _look(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            self._look_once()
            if self._gone is not None:
                os.kill(os.getpid(), signal.SIGTERM)
                return

    def _look_once(self) -> None:
        if self._gone is None:
            self._gone = next((child for child in self._children if not child.is_running), None)
