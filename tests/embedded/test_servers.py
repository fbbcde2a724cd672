"""The embedded servers: private, durable, and gone when the process that started them is gone."""

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest
from redis.asyncio import Redis

from pointbook import embedded
from pointbook.embedded import programs
from pointbook.settings import Settings

_ASKER = """
import json, pathlib, signal, sys, time
from pointbook import embedded
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started the tests may ignore it
servers = embedded.start(pathlib.Path(sys.argv[1]), durable=False)
print(json.dumps([servers.urls.admin, servers.urls.redis]), flush=True)
time.sleep(600)
"""

_JOINER = """
import pathlib, signal, sys, threading
from pointbook import embedded
from pointbook.settings import Settings
told = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: told.set())
try:
    with embedded.configured(Settings(data_dir=pathlib.Path(sys.argv[1]), _env_file=None), watch=True):
        print("joined", flush=True)
        while not told.wait(0.05):
            pass
except embedded.EmbeddedError as error:
    sys.exit(str(error))
"""


@pytest.fixture
def fresh() -> Iterator[Path]:
    """A data directory that does not exist yet."""
    with _open_folder() as folder:
        yield folder / "data"


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A data directory after its first start, which takes a second or two."""
    with _open_folder() as folder:
        embedded.start(folder / "data", durable=False).stop()
        yield folder / "data"


@pytest.fixture
def data_dir(made: Path) -> Iterator[Path]:
    """A copy of it, for one test."""
    with _open_folder() as folder:
        (folder / "data" / "servers").mkdir(parents=True)
        for what in ("secrets.json", "servers/postgres", "servers/valkey", "servers/run"):
            subprocess.run(["cp", "-a", made / what, folder / "data" / what], check=True)
        (folder / "data" / "servers" / "programs").symlink_to(made / "servers" / "programs")
        yield folder / "data"


@contextlib.contextmanager
def _open_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="pb-"))  # pytest's own is closed to the servers' user
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def running(data_dir: Path) -> Iterator[embedded.Servers]:
    servers = embedded.start(data_dir, durable=False)
    try:
        yield servers
    finally:
        servers.stop()


@contextlib.contextmanager
def asker(data_dir: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that has started the servers."""
    with subprocess.Popen([sys.executable, "-c", _ASKER, data_dir], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())
        yield process
        process.kill()
    until(lambda: servers_of(data_dir) == [])


@contextlib.contextmanager
def joiner(data_dir: Path) -> Iterator["subprocess.Popen[str]"]:
    """A third process that works with them until it is told to end."""
    with subprocess.Popen(
        [sys.executable, "-c", _JOINER, data_dir], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "joined\n"
            yield process
        finally:
            process.kill()


def servers_of(data_dir: Path) -> list[psutil.Process]:
    """Every process that works on the data directory, keepers included."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            command = process.cmdline()
            if str(data_dir) in " ".join([*command, process.cwd()]) and "pytest" not in " ".join(command):
                found.append(process)
    return found


def keepers_of(data_dir: Path) -> list[psutil.Process]:
    found = [process for process in servers_of(data_dir) if "keeper" in str(process.cmdline())]
    assert len(found) == 2
    return found


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


async def said(url: str, statement: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def said_in_the_end(url: str, statement: str) -> Any:
    """Of a server that is coming up again."""
    for _ in range(400):
        with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return await said(url, statement)
        time.sleep(0.05)  # noqa: ASYNC251  # nothing else is running
    raise AssertionError("PostgreSQL never came back")


async def test_the_roles_have_no_more_rights_than_they_need(fresh: Path) -> None:
    with running(fresh) as servers:
        for url, role in ((servers.urls.database, "pointbook"), (servers.urls.owner_database, "pointbook_owner")):
            rights = "rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication"
            statement = f"select current_user || ' ' || ({rights}) from pg_roles where rolname = current_user"
            assert await said(url, statement) == f"{role} false"
        owner = "select pg_get_userbyid(datdba) from pg_database where datname = current_database()"
        assert await said(servers.urls.database, owner) == "pointbook_owner"
        member = "select pg_has_role('pointbook', 'pointbook_app', 'usage')"
        assert await said(servers.urls.database, member) is True
        locale = (
            "select datlocprovider::text || ' ' || datlocale from pg_database where datname = current_database()"
        )
        assert await said(servers.urls.database, locale) == "b C.UTF-8"


async def test_nobody_gets_in_without_the_password(data_dir: Path) -> None:
    with running(data_dir) as servers:
        assert servers.urls.redis is not None
        for url in (servers.urls.database, servers.urls.admin):
            login, rest = url.split("@")
            with pytest.raises(asyncpg.InvalidPasswordError):
                await asyncpg.connect(f"{login.rpartition(':')[0]}:guess@{rest}")
        reset, kept = (
            "password_encryption",
            "select count(*) from pg_authid where rolpassword like 'SCRAM-SHA-256$%'",
        )
        assert await said(servers.urls.admin, f"show {reset}") == "scram-sha-256"
        assert await said(servers.urls.admin, kept) == 3
        async with Redis.from_url(f"unix://@{servers.urls.redis.split('@')[1]}") as stranger:
            with pytest.raises(Exception, match="Authentication required"):
                await stranger.ping()


def test_nothing_listens_on_the_network_or_is_open_to_other_users(data_dir: Path) -> None:
    with running(data_dir):
        processes = servers_of(data_dir)
        assert {process.name() for process in processes} >= {"postgres", "valkey-server"}
        listening = [c for process in processes for c in process.net_connections("inet") if c.status == "LISTEN"]
        assert listening == []
        assert all(
            process.uids().effective != 0 for process in processes if "keeper" not in str(process.cmdline())
        )
        assert (data_dir / "secrets.json").stat().st_mode & 0o077 == 0
        for private in ("postgres", "valkey", "run"):
            assert (data_dir / "servers" / private).stat().st_mode & 0o077 == 0
        commands = " ".join(" ".join(process.cmdline()) for process in processes)
        for password in json.loads((data_dir / "secrets.json").read_text()).values():
            assert password not in commands


async def test_data_and_secrets_outlive_a_restart(data_dir: Path) -> None:
    with running(data_dir) as servers:
        before = servers.urls
        assert before.redis is not None
        await said(before.owner_database, "create table kept as select 42 as answer")
        async with Redis.from_url(before.redis) as redis:
            await redis.set("kept", "42")
    assert servers_of(data_dir) == []
    with running(data_dir) as servers:
        assert servers.urls == before
        assert await said(before.owner_database, "select answer from kept") == 42
        async with Redis.from_url(before.redis) as redis:
            assert await redis.get("kept") == b"42"


def test_a_second_start_is_refused_with_the_process_that_is_running(data_dir: Path) -> None:
    with asker(data_dir) as first:
        with pytest.raises(embedded.AlreadyRunning, match=f"process {first.pid}"):
            embedded.start(data_dir)
        assert first.poll() is None
        assert {process.name() for process in servers_of(data_dir)} >= {"postgres", "valkey-server"}


@pytest.mark.parametrize("cruelty", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_server_outlives_its_asker(data_dir: Path, cruelty: signal.Signals) -> None:
    with asker(data_dir) as process:
        assert len(servers_of(data_dir)) > 4
        process.send_signal(cruelty)
        process.wait(20)
        until(lambda: servers_of(data_dir) == [])


def test_no_server_outlives_its_keeper(data_dir: Path) -> None:
    # The kernel tells the server: this is what PR_SET_PDEATHSIG is for.
    with running(data_dir):
        for keeper in keepers_of(data_dir):
            keeper.kill()
        until(lambda: servers_of(data_dir) == [])


async def test_a_start_right_after_a_kill_finds_what_was_committed(data_dir: Path) -> None:
    # The new start has to wait for the former servers, which are still shutting down.
    with asker(data_dir) as process:
        urls = embedded.urls_of(data_dir)
        await said(urls.owner_database, "create table kept as select 42 as answer")
        process.kill()
        process.wait()
    with running(data_dir) as servers:
        assert await said(servers.urls.owner_database, "select answer from kept") == 42


async def test_a_killed_server_comes_back_with_what_was_committed(data_dir: Path) -> None:
    with running(data_dir) as servers:
        assert servers.urls.redis is not None
        await said(servers.urls.owner_database, "create table kept as select 42 as answer")
        time.sleep(2.1)  # noqa: ASYNC251  # a server that dies earlier is taken for one that cannot start
        for keeper in keepers_of(data_dir):
            keeper.children()[0].kill()
        assert await said_in_the_end(servers.urls.owner_database, "select answer from kept") == 42
        socket_file = servers.urls.redis.split("@")[1].split("?")[0]
        until(lambda: _accepts(socket_file))
        assert servers.are_running


def _accepts(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        return connection.connect_ex(path) == 0


async def test_a_pid_file_that_names_a_strangers_process_does_not_stop_a_start(data_dir: Path) -> None:
    # After a kill in a container the number is soon another process's; here it is ours.
    with running(data_dir):
        pid_file = data_dir / "servers" / "postgres" / "data" / "postmaster.pid"
        left = pid_file.read_text().split("\n", 1)[1]
    pid_file.write_text(f"{os.getppid()}\n{left}")
    with running(data_dir) as servers:
        assert await said(servers.urls.database, "select 42") == 42


async def test_a_first_start_that_broke_off_begins_anew(fresh: Path) -> None:
    unfinished = fresh / "servers" / "postgres" / "unfinished"
    with running(fresh):
        pass
    (fresh / "servers" / "postgres" / "data").rename(unfinished)
    with running(fresh) as servers:
        assert await said(servers.urls.database, "select 42") == 42
    assert not unfinished.exists()


async def test_a_deep_folder_does_not_make_the_socket_path_too_long(fresh: Path) -> None:
    deep = fresh / ("deep" * 20) / ("er" * 20)
    with running(deep) as servers:
        assert await said(servers.urls.database, "select 42") == 42
        assert servers.urls.redis is not None
        async with Redis.from_url(servers.urls.redis) as redis:
            assert await redis.ping()


async def test_root_keeps_data_elsewhere_when_the_servers_user_cannot_reach_them(fresh: Path) -> None:
    closed = fresh.parent
    closed.chmod(0o700)
    with running(fresh) as servers:
        assert await said(servers.urls.database, "select 42") == 42
    kept = (fresh / "servers").resolve()
    if os.geteuid() == 0:
        assert kept.parent == Path("/var/lib/pointbook")
        shutil.rmtree(kept)
    else:
        assert kept == fresh / "servers"


async def test_another_process_joins_running_servers(data_dir: Path) -> None:
    settings = Settings.model_validate({"data_dir": data_dir})
    with asker(data_dir) as first:
        with embedded.configured(settings) as joined:
            assert joined.database_url is not None
            assert await said(joined.database_url.get_secret_value(), "select 42") == 42
        assert first.poll() is None
        with pytest.raises(embedded.AlreadyRunning), embedded.configured(settings, join=False):
            pass


@pytest.mark.parametrize("cruelty", [signal.SIGKILL, signal.SIGTERM])
def test_who_has_joined_ends_with_the_servers(data_dir: Path, cruelty: signal.Signals) -> None:
    with asker(data_dir) as first, joiner(data_dir) as joined:
        time.sleep(1.2)
        assert joined.poll() is None, "not before"
        first.send_signal(cruelty)
        _, said = joined.communicate(timeout=20)
        assert joined.returncode == 1
        assert said.strip() == f"The servers of {data_dir} have ended with the process that started them."


def test_who_has_joined_may_end_before_the_servers(data_dir: Path) -> None:
    with asker(data_dir) as first:
        with joiner(data_dir) as joined:
            joined.send_signal(signal.SIGTERM)
            assert joined.wait(20) == 0
        assert first.poll() is None
        assert len(keepers_of(data_dir)) == 2


def test_configured_servers_are_used_as_they_are(fresh: Path) -> None:
    given = {"database_url": "postgresql://elsewhere/pointbook", "data_dir": fresh}
    with embedded.configured(Settings.model_validate({**given, "secret": "s" * 32})) as settings:
        assert settings.database_url is not None
        assert settings.database_url.get_secret_value() == "postgresql://elsewhere/pointbook"
        assert settings.redis_url is None, "no server is started beside a configured database"
    assert not fresh.exists()
    with (
        pytest.raises(embedded.EmbeddedError, match="POINTBOOK_SECRET"),
        embedded.configured(Settings.model_validate(given)),
    ):
        pass


def test_without_any_postgres_one_line_says_what_to_do(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.setattr(programs, "_POSTGRES_FOLDERS", ())
    with pytest.raises(embedded.EmbeddedError, match="POINTBOOK_DATABASE_URL") as refused:
        embedded.start(fresh)
    assert "\n" not in str(refused.value)
    assert servers_of(fresh) == []


async def test_servers_of_the_machine_serve_where_there_is_no_wheel(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = programs.find_postgres()
    # The wheel's own programs stand in for a PostgreSQL on the PATH.
    place = programs.copy_postgres(wheel, fresh.parent)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setattr(programs, "_POSTGRES_FOLDERS", ())
    monkeypatch.setenv("PATH", f"{place.folder}:/usr/bin:/bin")
    with running(fresh) as servers:
        assert await said(servers.urls.database, "select 42") == 42
