"""How often a keeper starts a server again that ends by itself."""

import subprocess
import sys
import time

import pytest

_KEEP = """
import signal, sys
from pointbook.embedded import keeper
keeper._CAME_UP_SECONDS, keeper._STEADY_SECONDS, keeper._RESTARTS = 0.01, 0.3, 2
sys.exit(keeper.Keeper(["/bin/sleep", sys.argv[1]], None, None, [signal.SIGKILL]).keep())
"""


@pytest.mark.parametrize(("lives", "gives_up"), [("0.1", True), ("0.4", False)])
def test_only_a_server_that_never_gets_steady_is_given_up(lives: str, gives_up: bool) -> None:  # noqa: FBT001
    with subprocess.Popen(
        [sys.executable, "-c", _KEEP, lives], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as keeper:
        assert keeper.stderr is not None
        said = [keeper.stderr.readline().strip() for _ in range(3 if gives_up else 5)]
        again = "pointbook keeper: the server ended with 0; it is started again"
        assert said[:-1] == [again] * (len(said) - 1)
        if gives_up:
            assert said[-1].endswith("it is given up")
            assert keeper.wait(10) == 1
        else:
            assert said[-1] == again
            time.sleep(0.4)
            assert keeper.poll() is None
        assert keeper.stdin is not None
        keeper.stdin.close()
