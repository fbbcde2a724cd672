"""The demo: up in seconds, gone with Ctrl-C, back after a kill, the same when started again."""

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest

from pointbook import demo as demo_data
from pointbook.db.session import Database
from pointbook.services.directory import ProgrammeState
from pointbook.services.installation import Installation
from pointbook.services.keys import authenticate
from tests.support import NOW, SECRET, everything, make_programme

_QUERY = "{ me { balance { available pending } expiringPoints { points } history { nodes { kind points } } } }"
_START_SECONDS = 90  # of a loaded machine; on one at rest it takes three
_ENV = {name: value for name, value in os.environ.items() if not name.startswith("POINTBOOK_")}
_ENV["PATH"] = "/usr/bin:/bin"


@pytest.fixture
def data_dir() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="pb-demo-"))
    folder.chmod(0o755)
    yield folder / "data"
    shutil.rmtree(folder)


async def test_kept_keys_that_the_database_does_not_know_are_made_anew(db: Database, tmp_path: Path) -> None:
    installation = Installation.of(db, SECRET)
    kept = tmp_path / "demo.json"
    first = await demo_data.load(installation, tmp_path, configured=True, now=NOW)
    again = await demo_data.load(installation, tmp_path, configured=True, now=NOW)
    assert again.secret_key == first.secret_key
    for stale in ("", "[]", json.dumps({"publishable": "pk_of_a_former", "secret": first.secret_key})):
        kept.write_text(stale)
        later = await demo_data.load(installation, tmp_path, configured=True, now=NOW)
        assert later.publishable_key != "pk_of_a_former"
        for key in (later.publishable_key, later.secret_key):
            await authenticate(Installation.of(db, SECRET), key, now=NOW)


async def test_a_programme_that_was_not_complete_yet_is_completed(db: Database, tmp_path: Path) -> None:
    installation = Installation.of(db, SECRET)
    begun = await make_programme(installation, slug="morgenrot", name=demo_data.NAME, state=ProgrammeState.DRAFT)
    await demo_data.load(installation, tmp_path, configured=True, now=NOW)
    complete = await installation.programmes.current(begun.id)
    assert complete.state is ProgrammeState.ACTIVE
    assert (set(complete.stores), set(complete.book.newest())) == (
        {"laden", "web"},
        {"course", "grinders", "weekend"},
    )
    assert await db.pool.fetchval("select count(*) from programme") == 1


@pytest.mark.parametrize("slug", ["shop", "morgenrot"])
async def test_a_configured_database_that_others_use_is_left_alone(
    db: Database, tmp_path: Path, slug: str
) -> None:
    installation = Installation.of(db, SECRET)
    theirs = await make_programme(installation, slug=slug)
    before = await everything(db, theirs)
    with pytest.raises(demo_data.ProgrammesOfOthers, match=slug):
        await demo_data.load(installation, tmp_path, configured=True, now=NOW)
    assert await everything(db, theirs) == before
    assert await db.pool.fetchval("select count(*) from programme") == 1
    assert not (tmp_path / "demo.json").exists()


class Demo:
    """A running ``pointbook demo`` on a port of its own."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self.output = data_dir.parent / "output"
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [*_COMMAND, "demo", "--port", "0"],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**_ENV, "POINTBOOK_DATA_DIR": str(data_dir), "COLUMNS": "120"},
            )
        self._wait_until_up()

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while "Ctrl-C stops everything" not in self.output.read_text():
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.05)
        self.address = self.printed(r"(http://[\d.:]+)/")

    def printed(self, pattern: str) -> str:
        found = re.search(pattern, self.output.read_text())
        assert found is not None, self.output.read_text()
        return found[1]

    def ask(self, query: str) -> Any:
        """As the call that the demo prints: the shop's back end for a member."""
        request = urllib.request.Request(
            f"{self.address}/graphql",
            data=json.dumps({"query": query}).encode(),
            headers={
                "Content-Type": "application/json",
                "Pointbook-Key": self.printed(r"(sk_\S+)"),
                "Authorization": f"Bearer {self.printed(r'Bearer ([^ ]+?)[ ' + chr(39) + ']')}",
            },
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)["data"]

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        return self.process.wait(30)

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Another command beside it."""
        return subprocess.run(
            [*_COMMAND, *words],
            env={**_ENV, "POINTBOOK_DATA_DIR": str(self._data_dir)},
            capture_output=True,
            text=True,
            check=False,
        )


_COMMAND = (str(Path(sys.executable).with_name("pointbook")),)


@contextlib.contextmanager
def running(data_dir: Path) -> Iterator[Demo]:
    demo = Demo(data_dir)
    try:
        yield demo
    finally:
        demo.process.kill()
        demo.process.wait()


def nothing_is_left(data_dir: Path) -> bool:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if str(data_dir) in " ".join([*process.cmdline(), process.cwd()]):
                return False
    return True


def test_the_demo_from_its_first_start_to_its_last(data_dir: Path) -> None:
    with running(data_dir) as demo:
        with urllib.request.urlopen(f"{demo.address}/", timeout=10) as page:
            assert {b'href="/demo"', b'href="/dev/inbox"'} <= set(re.findall(rb'href="[^"]*"', page.read()))
        with urllib.request.urlopen(f"{demo.address}/dev/inbox", timeout=10) as page:
            assert b"<h1>Inbox</h1>" in page.read()
        first = demo.ask(_QUERY)
        assert first["me"]["balance"]["available"] > 0
        assert first["me"]["balance"]["pending"] > 0
        assert first["me"]["expiringPoints"] != [], "the demo shows points that expire soon"
        filled_in = urlsplit(demo.printed(r"\n(http://\S+/graphiql#\S+)"))
        assert parse_qs(filled_in.fragment).keys() == {"key", "token"}
        assert {"ACCRUAL", "CAPTURE"} <= {entry["kind"] for entry in first["me"]["history"]["nodes"]}

        called, *words = shlex.split(demo.printed(r"Another token: (.*)"))
        assert called == _COMMAND[0], "not on the path of these tests"
        assert demo.run(*words).stdout.count(".") == 2, "the command that it prints makes a token"

        checked = demo.run("verify")
        assert checked.returncode == 0, checked.stderr
        second = demo.run("demo", "--port", "0")
        assert second.returncode == 1
        assert f"process {demo.process.pid}" in second.stderr
        taken = demo.run("demo", "--port", demo.address.rpartition(":")[2])
        assert taken.returncode == 1
        assert "choose another --port" in taken.stderr

        assert demo.end(signal.SIGINT) == 0
        assert nothing_is_left(data_dir)
        assert "Traceback" not in demo.output.read_text()

    with running(data_dir) as demo:
        assert demo.ask(_QUERY) == first, "started again it is the same"
        demo.end(signal.SIGKILL)

    with running(data_dir) as demo:
        assert demo.ask(_QUERY) == first, "killed and started again it is the same"
        assert demo.run("verify").returncode == 0
        assert demo.end(signal.SIGTERM) == 0
        assert nothing_is_left(data_dir)
        assert "Traceback" not in demo.output.read_text()


def test_a_server_that_is_gone_for_good_ends_the_demo_with_one_line(data_dir: Path) -> None:
    with running(data_dir) as demo:
        keepers = psutil.Process(demo.process.pid).children()
        next(keeper for keeper in keepers if "/postgres" in str(keeper.cmdline()[-1])).kill()
        assert demo.process.wait(30) == 1
        said = demo.output.read_text()
        assert "Traceback" not in said
        assert said.strip().splitlines()[-1].startswith("Error: The server postgres has ended for good; see ")
        deadline = time.monotonic() + 20  # a server whose keeper was killed ends by itself
        while not nothing_is_left(data_dir):
            assert time.monotonic() < deadline, "a server outlives its keeper"
            time.sleep(0.1)


def test_a_first_start_that_is_broken_off_leaves_nothing_and_goes_on(data_dir: Path) -> None:
    for seconds in (0.5, 1.5, 3.0):
        broken = subprocess.Popen(
            [*_COMMAND, "demo", "--port", "0"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**_ENV, "POINTBOOK_DATA_DIR": str(data_dir)},
        )
        time.sleep(seconds)
        broken.kill()
        broken.wait()
    with running(data_dir) as demo:
        assert demo.ask(_QUERY)["me"]["balance"]["available"] > 0
        assert demo.run("verify").returncode == 0
        assert demo.end(signal.SIGINT) == 0
        assert nothing_is_left(data_dir)


def test_a_port_in_use_stops_the_start_before_anything_is_made(data_dir: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        refused = subprocess.run(
            [*_COMMAND, "demo", "--port", str(other.getsockname()[1])],
            env={**_ENV, "POINTBOOK_DATA_DIR": str(data_dir)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert not data_dir.exists()
