"""Servers, databases and manners that every test shares.

The embedded servers are started once a run; ``POINTBOOK_TEST_ADMIN_URL`` (a superuser's URL) and
``POINTBOOK_TEST_REDIS_URL`` name running ones instead. A run has a database of its own, migrated, emptied after
each test and dropped at the end. ``POINTBOOK_TEST_WITHOUT_VALKEY=1``: nothing of the product has a Valkey.
"""

import asyncio
import contextlib
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import pytest_asyncio

from pointbook import embedded
from pointbook.db.migrate import migrate
from pointbook.db.session import Database
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from tests.support import SECRET, make_programme, violations

_WITHOUT_VALKEY = os.environ.get("POINTBOOK_TEST_WITHOUT_VALKEY") == "1"
_LOOPBACK = ("127.", "::1", "localhost")
_TEST_PASSWORD = "of-the-test-run"  # of roles on a server for tests


def _refuse_the_network(event: str, arguments: tuple[Any, ...]) -> None:
    """Tests talk to this machine only: a socket file, or a loopback address."""
    if event != "socket.connect":
        return
    address = arguments[1]
    if isinstance(address, tuple) and not str(address[0]).startswith(_LOOPBACK):
        raise AssertionError(f"a test reaches for the network: {address[0]}")


sys.addaudithook(_refuse_the_network)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A run without Valkey is for what must work without; tests of Valkey itself are no part of it."""
    if not _WITHOUT_VALKEY:
        return
    of_valkey = [item for item in items if "redis_url" in getattr(item, "fixturenames", ())]
    items[:] = [item for item in items if item not in of_valkey]
    config.hook.pytest_deselected(items=of_valkey)


@dataclass(frozen=True, slots=True)
class TestServers:
    """URLs of the servers of this run, by role; the database in them is of no meaning."""

    __test__ = False
    admin_url: str
    owner_url: str
    app_url: str
    redis_url: str | None


@pytest.fixture(scope="session")
def servers() -> Iterator[TestServers]:
    """Servers for this run. The embedded ones keep nothing and need not outlive a power cut."""
    given = os.environ.get("POINTBOOK_TEST_ADMIN_URL")
    if given:
        asyncio.run(_make_roles(given))
        owner, app = (_login(given, role) for role in ("pointbook_owner", "pointbook"))
        valkey = None if _WITHOUT_VALKEY else os.environ.get("POINTBOOK_TEST_REDIS_URL")
        yield TestServers(given, owner, app, valkey)
        return
    data_dir = Path(tempfile.mkdtemp(prefix="pointbook-tests-"))
    data_dir.chmod(0o755)  # as root the servers run as somebody else
    running = embedded.start(data_dir, durable=False, with_valkey=not _WITHOUT_VALKEY)
    try:
        urls = running.urls
        yield TestServers(urls.admin, urls.owner_database, urls.database, urls.redis)
    finally:
        running.stop()
        shutil.rmtree(data_dir)


@pytest.fixture(scope="session")
def optional_redis_url(servers: TestServers) -> str | None:
    """For tests of what must work with Valkey and without: None in a run without."""
    return servers.redis_url


@pytest.fixture(scope="session")
def redis_url(servers: TestServers) -> str:
    """Valkey of this run; tests use keys of their own. A run without Valkey leaves out who asks for it."""
    assert servers.redis_url is not None, "this test needs Valkey: set POINTBOOK_TEST_REDIS_URL too"
    return servers.redis_url


@dataclass(frozen=True, slots=True)
class TestDatabase:
    """The one database of this run, by the three roles that reach it."""

    __test__ = False
    url: str
    owner_url: str
    admin_url: str


@pytest.fixture(scope="session")
def database(servers: TestServers) -> Iterator[TestDatabase]:
    name = f"pointbook_test_{secrets.token_hex(4)}"
    made = TestDatabase(
        url=_on_database(servers.app_url, name),
        owner_url=_on_database(servers.owner_url, name),
        admin_url=_on_database(servers.admin_url, name),
    )
    asyncio.run(_create(servers.admin_url, name))
    asyncio.run(migrate(made.owner_url))
    yield made
    asyncio.run(_drop(servers.admin_url, name))


@pytest.fixture(scope="session")
def database_url(database: TestDatabase) -> str:
    """The application's role. Whoever writes without ``db`` asks for ``emptied`` too."""
    return database.url


@pytest.fixture(scope="session")
def owner_database_url(database: TestDatabase) -> str:
    """The role that owns the tables; no superuser."""
    return database.owner_url


@pytest.fixture(scope="session")
def admin_url(database: TestDatabase) -> str:
    """The superuser on the run's database."""
    return database.admin_url


@pytest_asyncio.fixture(scope="session")
async def connected(database_url: str) -> AsyncIterator[Database]:
    database = await Database.connect(database_url)
    yield database
    await database.close()


@pytest_asyncio.fixture
async def db(connected: Database, emptied: None) -> Database:  # noqa: ARG001  # for its end
    """A migrated database with nothing in it. Commits are real."""
    return connected


@pytest_asyncio.fixture
async def emptied(admin: "asyncpg.Connection[asyncpg.Record]", every_table: list[str]) -> AsyncIterator[None]:
    """Empties every table after the test, in one statement: a TRUNCATE takes 40 times as long."""
    yield
    deletes = ", ".join(f"d{n} as (delete from {table})" for n, table in enumerate(every_table))
    await admin.execute(f"with {deletes} select 1")


@pytest_asyncio.fixture(scope="session")
async def admin(admin_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A superuser whom no trigger and no row-level security stops."""
    connection = await asyncpg.connect(admin_url)
    await connection.execute("set session_replication_role = replica")
    yield connection
    await connection.close()


@pytest_asyncio.fixture(scope="session")
async def every_table(admin: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    rows = await admin.fetch(
        "select format('%I.%I', schemaname, tablename) as name from pg_tables"
        " where schemaname in ('public', 'ledger') and tablename <> 'alembic_version' order by 1"
    )
    return [row["name"] for row in rows]


@pytest_asyncio.fixture
async def installation(db: Database) -> AsyncIterator[Installation]:
    """One process's view of an empty database, whose ledger is checked after every test."""
    yield Installation.of(db, SECRET)
    assert await violations(db) == []


@pytest_asyncio.fixture
async def programme(installation: Installation) -> ProgrammeSnapshot:
    """An active programme: 1.00 earns a point that is worth 0.05; orders earn when they are PAID."""
    return await make_programme(installation)


def _on_database(url: str, database: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, f"/{database}", parts.query, ""))


def _login(admin_url: str, role: str) -> str:
    parts = urlsplit(admin_url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, f"{role}:{_TEST_PASSWORD}@{host}", parts.path, parts.query, ""))


async def _make_roles(admin_url: str) -> None:
    """On a server given by hand; another run may be making them now."""
    connection = await asyncpg.connect(admin_url)
    for role, rights in (
        ("pointbook_app", "nologin"),
        ("pointbook_owner", f"login password '{_TEST_PASSWORD}'"),
        ("pointbook", f"login password '{_TEST_PASSWORD}' in role pointbook_app"),
    ):
        with contextlib.suppress(asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
            await connection.execute(f"create role {role} {rights}")
    await connection.close()


async def _create(admin_url: str, database: str) -> None:
    connection = await asyncpg.connect(admin_url)
    await connection.execute(f"create database {database} owner pointbook_owner")
    await connection.close()


async def _drop(admin_url: str, database: str) -> None:
    connection = await asyncpg.connect(admin_url)
    await connection.execute(f"drop database {database} with (force)")
    await connection.close()
