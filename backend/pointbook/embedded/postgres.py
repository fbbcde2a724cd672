"""PostgreSQL: the cluster, its roles and its database, and how the server is run.

Roles: ``postgres`` (superuser, for tests and repairs), ``pointbook_owner`` (owns the database, migrates, is no
superuser) and ``pointbook`` (the application, member of ``pointbook_app``). Passwords are checked with SCRAM.
"""

import contextlib
import shutil
import socket
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from pointbook.embedded.children import Server
from pointbook.embedded.credentials import Secrets
from pointbook.embedded.errors import EmbeddedError
from pointbook.embedded.keeper import SERVER_ENVIRONMENT
from pointbook.embedded.place import Place
from pointbook.embedded.programs import PostgresPrograms

_PORT = 5432  # names the socket file; nothing listens on TCP
_BUILTIN_LOCALE_SINCE = 17
_SET_UP_SECONDS = 120


def url(place: Place, role: str, password: str, database: str = "pointbook") -> str:
    host = quote(str(place.sockets), safe="/")
    return f"postgresql://{role}:{quote(password)}@/{database}?host={host}&port={_PORT}"


def make_cluster(place: Place, programs: PostgresPrograms, secrets: Secrets, lock: int, *, durable: bool) -> None:
    """Make the cluster with roles and database unless it is there. A start that broke off here begins anew."""
    data = place.cluster
    if (data / "PG_VERSION").exists():
        _check_version(data, programs)
        return
    unfinished = data.with_name("unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    password = data.with_name("password")  # a file because initdb takes it in no other way
    password.touch(mode=0o600)
    place.owner.give(password)
    password.write_text(secrets.superuser_password)
    options = [*_initdb_options(programs), *([] if durable else ["--no-sync"])]
    _run(place, lock, [programs.initdb, f"--pwfile={password}", "-D", unfinished, *options])
    password.unlink()
    single_user = [programs.server, "--single", "-D", unfinished, "-c", "exit_on_error=on", "postgres"]
    _run(place, lock, single_user, _roles(secrets))
    unfinished.rename(data)


def server(place: Place, programs: PostgresPrograms, *, durable: bool = True) -> Server:
    """``durable=False`` is for tests, whose data need not outlive a power cut."""
    data = place.cluster
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": place.sockets,
        "unix_socket_permissions": "0700",
        "max_connections": 200,
        "log_checkpoints": "off",
        "fsync": "on" if durable else "off",
        "synchronous_commit": "on" if durable else "off",
        "full_page_writes": "on" if durable else "off",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    _forget_dead_postmaster(data)
    return Server(
        name="postgres",
        argv=[programs.server, "-D", data, "-p", str(_PORT), *options],
        stop_signals=("SIGINT", "SIGQUIT", "SIGKILL"),  # fast, immediate, by force
        is_up=lambda: is_ready(place),
    )


def is_ready(place: Place) -> bool:
    """Whether it takes connections. The file alone may be a killed server's; asking a start-up fills the log."""
    return _says_ready(place.cluster) and _takes_connections(place.sockets / f".s.PGSQL.{_PORT}")


def _initdb_options(programs: PostgresPrograms) -> list[str]:
    if programs.major >= _BUILTIN_LOCALE_SINCE:
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    else:
        locale = ["--locale=C.UTF-8"]
    return ["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", *locale]


def _roles(secrets: Secrets) -> str:
    """Statements for the single-user server: one a line."""
    return (
        f"CREATE ROLE pointbook_owner LOGIN PASSWORD '{secrets.owner_password}';\n"
        "CREATE ROLE pointbook_app NOLOGIN;\n"
        f"CREATE ROLE pointbook LOGIN PASSWORD '{secrets.app_password}' IN ROLE pointbook_app;\n"
        "CREATE DATABASE pointbook OWNER pointbook_owner;\n"
    )


def _run(place: Place, lock: int, command: Sequence[object], statements: str = "") -> None:
    try:
        subprocess.run(  # noqa: S603  # programs of the server
            [str(part) for part in command],
            input=statements,
            text=True,
            capture_output=True,
            check=True,
            timeout=_SET_UP_SECONDS,
            env=SERVER_ENVIRONMENT,
            cwd=place.servers,
            user=place.owner.uid,
            group=place.owner.gid,
            extra_groups=None if place.owner.uid is None else [],
            pass_fds=[lock],  # a program that outlives us keeps the next start waiting
        )
    except subprocess.CalledProcessError as error:
        words = " | ".join((error.stderr or error.stdout).strip().splitlines()[-3:])
        raise EmbeddedError(f"PostgreSQL cannot be set up: {words}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EmbeddedError(f"PostgreSQL cannot be set up: {error}") from error


def _check_version(data: Path, programs: PostgresPrograms) -> None:
    version = (data / "PG_VERSION").read_text().strip()
    if version != str(programs.major):
        raise EmbeddedError(
            f"The data in {data} are of PostgreSQL {version}, the programs found are of {programs.major}."
        )


def _says_ready(data: Path) -> bool:
    """The server keeps its state in the eighth line of its pid file."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) > 7 and lines[7].strip() == "ready"  # noqa: PLR2004


def _takes_connections(path: Path) -> bool:
    """Begin a connection: a server that is up asks for the password, one that is starting refuses."""
    start = struct.pack("!i", 3 << 16) + b"user\0pointbook\0database\0pointbook\0\0"
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        try:
            connection.connect(str(path))
            connection.sendall(struct.pack("!i", len(start) + 4) + start)
            return connection.recv(1) == b"R"
        except OSError:
            return False


def _forget_dead_postmaster(data: Path) -> None:
    """Take away the pid file of a server that was killed.

    Its number may belong to another process by now, which PostgreSQL cannot tell from a running server.
    Our own servers are gone when this runs: their lock is free. A server started by hand is left in peace.
    """
    pid_file = data / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return
    if not Path("/proc/self").exists():
        return  # PostgreSQL has to judge for itself
    with contextlib.suppress(OSError):
        if Path(f"/proc/{pid}/cwd").readlink() == data:
            raise EmbeddedError(f"A PostgreSQL that Pointbook did not start (process {pid}) uses {data}.")
    pid_file.unlink(missing_ok=True)
