"""Starting a keeper with its server, waiting until the server answers, ending both."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pointbook.embedded import keeper
from pointbook.embedded.errors import EmbeddedError
from pointbook.embedded.place import Place

_START_SECONDS = 60.0
_STOP_SECONDS = 60.0  # longer than the keeper's own patience


@dataclass(frozen=True, slots=True)
class Server:
    """What is to be run, and how one sees that it is up."""

    name: str
    argv: Sequence[str | Path]
    stop_signals: tuple[str, ...]
    is_up: Callable[[], bool]


class Child:
    """A running server behind its keeper."""

    def __init__(self, server: Server, place: Place, lock: int) -> None:
        self._server = server
        self._log = place.new_log(server.name)
        job = {
            "argv": [str(part) for part in server.argv],
            "uid": place.owner.uid,
            "gid": place.owner.gid,
            "lock": lock,
            "stop_signals": server.stop_signals,
        }
        with self._log.open("wb") as log:
            self._keeper = subprocess.Popen(  # noqa: S603  # our own program
                [sys.executable, "-I", "-S", keeper.__file__, json.dumps(job)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=place.servers,
                pass_fds=[lock],
                start_new_session=True,  # Ctrl-C is for us; the servers end after us
            )

    def wait_until_up(self) -> None:
        """Raises EmbeddedError with the last words of the log when the server does not come up."""
        deadline = time.monotonic() + _START_SECONDS
        while not self._server.is_up():
            code = self._keeper.poll()
            if code is not None or time.monotonic() > deadline:
                raise EmbeddedError(f"{self._server.name} does not start: {self._last_words()}")
            time.sleep(0.01)

    @property
    def name(self) -> str:
        return self._server.name

    @property
    def log(self) -> Path:
        return self._log

    @property
    def is_running(self) -> bool:
        return self._keeper.poll() is None

    def ask_to_stop(self) -> None:
        assert self._keeper.stdin is not None
        with contextlib.suppress(OSError):
            self._keeper.stdin.close()

    def wait_until_gone(self) -> None:
        try:
            self._keeper.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._keeper.kill()  # the kernel tells the server
            self._keeper.wait()

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return " | ".join(lines[-3:]) or f"it said nothing; see {self._log}"
