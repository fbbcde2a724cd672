"""The data directory: private, joined by its notes, and never led to the data of a former one."""

import json
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from pointbook import embedded
from pointbook.embedded import place as places
from pointbook.embedded import postgres
from pointbook.embedded.credentials import Secrets
from pointbook.embedded.place import Place


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="pb-"))  # pytest's own is closed to the servers' user
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def made(data_dir: Path) -> Place:
    places.prepare(data_dir)
    return Place.make(data_dir)


async def test_a_path_that_is_used_again_does_not_meet_the_data_of_the_former_directory(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "_SYSTEM_PLACE", Path(tempfile.mkdtemp(prefix="pb-system-")))
    places._SYSTEM_PLACE.chmod(0o711)
    folder.chmod(0o700)
    data_dir = folder / "data"
    for _ in range(2):
        servers = embedded.start(data_dir, durable=False, with_valkey=False)
        try:
            connection = await asyncpg.connect(servers.urls.database)
            await connection.close()
        finally:
            servers.stop()
        shutil.rmtree(data_dir)
    owners = {note.read_text() for note in places._SYSTEM_PLACE.glob("*/owner")}
    assert owners == ({f"{data_dir}\n"} if os.geteuid() == 0 else set())
    shutil.rmtree(places._SYSTEM_PLACE)


def test_data_that_were_elsewhere_and_are_gone_are_not_silently_begun_anew(folder: Path) -> None:
    data_dir = folder / "data"
    data_dir.mkdir()
    (data_dir / "servers").symlink_to(folder / "gone")
    with pytest.raises(embedded.EmbeddedError, match="which is gone"):
        made(data_dir)


def test_the_servers_logs_are_for_nobody_else(folder: Path) -> None:
    # Statements with personal data stand in them.
    data_dir = folder / "data"
    servers = embedded.start(data_dir, durable=False)
    servers.stop()
    assert mode(data_dir / "log") == 0o700
    logs = list((data_dir / "log").iterdir())
    assert len(logs) == 2
    assert {mode(log) for log in logs} == {0o600}
    assert all(log.stat().st_uid == os.geteuid() for log in logs)
    assert "ready to accept connections" in (data_dir / "log" / "postgres.log").read_text()


def test_a_folder_that_was_there_keeps_its_mode(folder: Path) -> None:
    shared = folder / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    made(shared)
    assert shared.stat().st_mode & 0o7777 == 0o1777


def test_a_new_folder_is_passed_through_by_another_user_only_where_one_has_to(folder: Path) -> None:
    place = made(folder / "data")
    assert mode(place.data_dir) == (0o700 if place.owner.uid is None else 0o711)
    assert mode(place.servers) == (0o700 if place.owner.uid is None else 0o711)
    folder.chmod(0o700)
    places.prepare(folder / "unreachable")
    assert mode(folder / "unreachable") == 0o700


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"secret": "s"}'])
def test_damaged_secrets_are_one_clear_line(folder: Path, content: str) -> None:
    (folder / "secrets.json").write_text(content)
    with pytest.raises(embedded.EmbeddedError, match=r"secrets\.json is damaged") as refused:
        Secrets.make_or_read(folder, cluster=folder / "none")
    assert "\n" not in str(refused.value)


def test_no_secrets_are_made_for_a_cluster_that_knows_others(folder: Path) -> None:
    cluster = folder / "cluster"
    assert Secrets.make_or_read(folder, cluster=cluster) == Secrets.read(folder)
    assert mode(folder / "secrets.json") == 0o600
    (folder / "secrets.json").unlink()
    cluster.mkdir()
    (cluster / "PG_VERSION").write_text("18\n")
    with pytest.raises(embedded.EmbeddedError, match=r"secrets\.json is missing"):
        Secrets.make_or_read(folder, cluster=cluster)
    assert not (folder / "secrets.json").exists()


def test_secrets_are_on_the_disk_before_they_have_their_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(
        os, "fsync", lambda descriptor: done.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
    )
    Secrets.make_or_read(folder, cluster=folder / "none")
    assert done == [str(folder / "secrets.new"), str(folder)]
    assert len(json.loads((folder / "secrets.json").read_text())) == 5


def test_sockets_of_a_deep_folder_are_found_with_another_temporary_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = folder / ("deep" * 25)
    place = made(deep)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    assert Place.find(deep).sockets == place.sockets
    assert made(deep).sockets == place.sockets, "a restart keeps them"
    assert mode(place.sockets) == 0o700
    shutil.copytree(deep, folder / ("copy" * 25))
    copy = made(folder / ("copy" * 25))
    assert copy.sockets != place.sockets, "a copy runs beside it"
    shutil.rmtree(place.sockets)
    shutil.rmtree(copy.sockets)


def test_the_pid_file_of_a_killed_server_is_no_server(folder: Path) -> None:
    place = made(folder / "data")
    place.cluster.mkdir()
    (place.cluster / "postmaster.pid").write_text("1\n\n\n\n\n\n\nready   \n")
    assert not postgres.is_ready(place)
    with socket.socket(socket.AF_UNIX) as starting:
        starting.bind(str(place.sockets / ".s.PGSQL.5432"))
        assert not postgres.is_ready(place), "nobody listens"
