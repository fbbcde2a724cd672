"""Server processes of a test's own: on loopback, killed and started again, and gone with the test."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from pointbook.embedded.programs import find_valkey

_START_SECONDS = 60.0
_STOP_SECONDS = 20.0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def answers(port: int) -> bool:
    """Whether somebody listens on a port of loopback."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Process:
    """A child in a process group of its own; what it says goes to ``log``."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        is_up: Callable[[], bool],
        environment: Mapping[str, str],
    ) -> None:
        self._command = [str(part) for part in command]
        self._log = log
        self._is_up = is_up
        self._environment = {**os.environ, **environment}
        self._child: subprocess.Popen[bytes] | None = None
        self.kills = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        assert self._child is not None, "the process was not started"
        return self._child.pid

    @property
    def is_running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def start(self) -> None:
        """Start and wait until it answers."""
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(  # programs of this project
                self._command, stdout=log, stderr=subprocess.STDOUT, env=self._environment, start_new_session=True
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._is_up():
            assert self.is_running, f"{self._command[0]} ended: {self.last_words()}"
            assert time.monotonic() < deadline, f"{self._command[0]} does not answer: {self.last_words()}"
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as ``kill -9`` does, and wait until it is gone."""
        assert self._child is not None, "the process was not started"
        self._child.kill()
        self._child.wait(_STOP_SECONDS)
        self.kills += 1

    def stop(self) -> int | None:
        """Ask politely, then by force. Returns the exit code, None if it was not running."""
        if self._child is None or not self.is_running:
            return None
        self._child.send_signal(signal.SIGTERM)
        try:
            return self._child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)
            return self._child.wait(_STOP_SECONDS)

    def last_words(self) -> str:
        return self._log.read_text(errors="replace")[-2000:]


def valkey(folder: Path, port: int) -> Process:
    """A Valkey that keeps what it acknowledged in an append-only file."""
    program = find_valkey()
    assert program is not None, "the tests of Valkey's failures need a Valkey"
    return Process(
        [
            program,
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--dir",
            folder,
            "--appendonly",
            "yes",
            "--save",
            "",
        ],
        log=folder / "valkey.log",
        is_up=lambda: answers(port),
        environment={},
    )
