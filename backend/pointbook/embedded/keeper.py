"""A small process that holds one server: the server ends when whoever asked for it ends, however that ends.

Run by path with the standard library alone: ``python -I -S keeper.py JOB``, JOB being JSON: ``argv``, ``uid`` and
``gid`` (null: keep ours), ``lock`` (a locked descriptor), ``stop_signals`` (names, politest first).

- Standard input is a pipe from the asker. Its end means stop, so a killed asker stops its servers in order.
- The server asks the kernel to be signalled when this process dies (Linux), so a killed keeper leaves nothing.
- The server inherits the lock. It is free when the last of the server's processes has gone, not before.
- A server that dies by itself is started again; one that never came up is not.
"""

import ctypes
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from typing import NoReturn

_PATIENCE_SECONDS = 15.0  # for each stop signal
_CAME_UP_SECONDS = 2.0  # a server that lived as long has come up
_STEADY_SECONDS = 60.0  # a server that lived as long has got over what ended it before
_RESTARTS = 10  # without such a time between them
SERVER_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}  # PGPORT and the like are not for it
_PR_SET_PDEATHSIG = 1
_STDIN = 0


class Keeper:
    """One server process and the two things that end it: our asker's end, and SIGTERM."""

    def __init__(
        self, argv: list[str], uid: int | None, gid: int | None, stop_signals: list[signal.Signals]
    ) -> None:
        self._argv, self._uid, self._gid, self._stop_signals = argv, uid, gid, stop_signals
        self._prctl = _prctl()
        self._wakeup, write_end = os.pipe()
        os.set_blocking(write_end, False)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._stop_soon)
        for ignored in (signal.SIGINT, signal.SIGHUP):  # of the asker's terminal
            signal.signal(ignored, signal.SIG_IGN)
        self._stopping = False

    def _stop_soon(self, *_: object) -> None:
        self._stopping = True

    def keep(self) -> int:
        """Run the server until told to stop. Returns its exit code."""
        came_up = False
        restarts = 0
        while True:
            started = time.monotonic()
            code = self._run()
            lived = time.monotonic() - started
            came_up = came_up or lived > _CAME_UP_SECONDS
            restarts = 1 if lived > _STEADY_SECONDS else restarts + 1
            if self._stopping or not came_up:
                return code
            if restarts > _RESTARTS:
                _say(f"the server ended with {code}; it is given up")
                return 1
            _say(f"the server ended with {code}; it is started again")
            self._sleep(0.2 * restarts)

    def _run(self) -> int:
        child = self._spawn()
        while (code := _exit_code(child)) is None:
            if self._stopping:
                return self._stop(child)
            self._sleep(None)
        return code

    def _stop(self, child: int) -> int:
        for politeness in self._stop_signals:
            os.kill(child, politeness)
            deadline = time.monotonic() + _PATIENCE_SECONDS
            while time.monotonic() < deadline:
                code = _exit_code(child)
                if code is not None:
                    return code
                select.select([self._wakeup], [], [], 0.1)
                _drain(self._wakeup)
        raise AssertionError("SIGKILL is the last of the signals")

    def _sleep(self, seconds: float | None) -> None:
        """Until a signal or the end of our asker, at most ``seconds``."""
        watched = [self._wakeup] if self._stopping else [self._wakeup, _STDIN]
        ready, _, _ = select.select(watched, [], [], seconds)
        if self._wakeup in ready:
            _drain(self._wakeup)
        if _STDIN in ready and not os.read(_STDIN, 1024):
            self._stopping = True

    def _spawn(self) -> int:
        keeper = os.getpid()
        child = os.fork()
        if child:
            return child
        try:
            self._become_server(keeper)
        except OSError as error:
            _say(f"{self._argv[0]} cannot be run: {error}")
            os._exit(127)

    def _become_server(self, keeper: int) -> NoReturn:
        signal.set_wakeup_fd(-1)
        for changed in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGCHLD):
            signal.signal(changed, signal.SIG_DFL)
        if self._uid is not None and self._gid is not None:
            os.setgroups([])
            os.setgid(self._gid)
            os.setuid(self._uid)
        self._prctl(_PR_SET_PDEATHSIG, self._stop_signals[0])  # after setuid, which would clear it
        if os.getppid() != keeper:
            os._exit(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, _STDIN)
        os.execve(self._argv[0], self._argv, SERVER_ENVIRONMENT)  # noqa: S606  # no shell, arguments of our own


def _prctl() -> Callable[[int, int], object]:
    """Linux alone has it; elsewhere the pipe from the asker has to do."""
    if not sys.platform.startswith("linux"):
        return lambda _option, _value: None
    prctl: Callable[[int, int], object] = ctypes.CDLL(None, use_errno=True).prctl
    return prctl


def _exit_code(child: int) -> int | None:
    pid, status = os.waitpid(child, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if pid else None


def _drain(descriptor: int) -> None:
    if select.select([descriptor], [], [], 0)[0]:
        os.read(descriptor, 1024)


def _say(message: str) -> None:
    sys.stderr.write(f"pointbook keeper: {message}\n")
    sys.stderr.flush()


def main() -> int:
    job = json.loads(sys.argv[1])
    signals = [signal.Signals[name] for name in job["stop_signals"]]
    assert signals[-1] == signal.SIGKILL
    os.set_inheritable(job["lock"], True)  # noqa: FBT003  # the name says it
    return Keeper(job["argv"], job["uid"], job["gid"], signals).keep()


if __name__ == "__main__":
    sys.exit(main())
