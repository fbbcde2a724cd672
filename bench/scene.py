"""Servers, a programme with members, and processes that serve it: what the benchmarks over HTTP share."""

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import orjson

from pointbook import embedded, ledger
from pointbook.db.migrate import migrate
from pointbook.db.session import Database
from pointbook.domain.access import CallerKind, Principal
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.domain.redemption import Cart
from pointbook.ledger import Accrual, NewLot
from pointbook.services.directory import AccountKey, ProgrammeSnapshot, ProgrammeState
from pointbook.services.installation import Installation
from pointbook.services.joining import Join, join
from pointbook.services.keys import KeyKind, NewKey, create_key
from pointbook.services.programmes import NewProgramme, create_programme
from pointbook.services.redemption import Redeem, redeem
from pointbook.services.tokens import create_customer_token

MEMBERS = 400
ENTRIES = 25
"""Accruals of every member: an account page shows the newest 20."""
SECRET = "a secret of benchmarks that is long enough"  # noqa: S105
CURRENCY = "EUR"


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Member:
    account: AccountKey
    token: str


@dataclass(frozen=True, slots=True)
class Scene:
    """A programme with members who have points, on servers of its own."""

    installation: Installation
    programme: ProgrammeSnapshot
    urls: embedded.Urls
    publishable_key: str
    members: tuple[Member, ...]

    @contextlib.contextmanager
    def pointbook(self) -> Iterator["Served"]:
        """``pointbook serve`` in a process of its own."""
        command = [str(Path(sys.executable).with_name("pointbook")), "serve", "--log-level", "warning"]
        with _served(command, self._environment(), "/health/ready") as served:
            yield served

    @contextlib.contextmanager
    def raw(self) -> Iterator["Served"]:
        """The hand-written handler, on the same kind of server."""
        accounts = {m.token: [m.account.account_id, m.account.public_id.hex] for m in self.members}
        known = {"accounts": accounts, "programme": self.programme.id, "currency": self.programme.currency}
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            file.write(orjson.dumps({**known, "zone": self.programme.time_zone, "secret": SECRET}))
            file.flush()
            environment = {**self._environment(), "RAW_SCENE": file.name}
            with _served([sys.executable, "-m", "bench.raw"], environment, "/") as served:
                yield served

    async def verify(self) -> None:
        """Raises AssertionError unless the books are in order."""
        async with self.installation.db.bare_transaction(self.programme.id) as connection:
            verification = await ledger.verify(connection, self.programme.id)
        assert verification.accounts == len(self.members)
        assert not verification.violations, verification.violations
        print(f"ledger: {verification.accounts} accounts, {verification.entries} entries, no violation")

    def _environment(self) -> dict[str, str]:
        servers = {"POINTBOOK_DATABASE_URL": self.urls.database, "POINTBOOK_REDIS_URL": self.urls.redis}
        named = {name: url for name, url in servers.items() if url is not None}
        return {**os.environ, **named, "POINTBOOK_SECRET": SECRET}


@dataclass(frozen=True, slots=True)
class Served:
    """A process that listens."""

    port: int
    pid: int


@contextlib.contextmanager
def servers() -> Iterator[embedded.Urls]:
    """Embedded servers as an installation has them, with a folder of their own that goes with them."""
    folder = Path(tempfile.mkdtemp(prefix="pointbook-bench-"))
    folder.chmod(0o755)  # as root the servers run as somebody else
    running = embedded.start(folder)
    try:
        yield running.urls
    finally:
        running.stop()
        shutil.rmtree(folder)


@contextlib.asynccontextmanager
async def scene(urls: embedded.Urls) -> AsyncIterator[Scene]:
    """A programme whose members have points, a history and an open redemption."""
    await migrate(urls.owner_database)
    db = await Database.connect(urls.database)
    try:
        installation = Installation.of(db, SECRET)
        settings = ProgrammeSettings.from_document({}, CURRENCY)
        command = NewProgramme(
            "bench", "Bench", CURRENCY, "Europe/Berlin", ("en",), settings, state=ProgrammeState.ACTIVE
        )
        programme = await create_programme(installation, command, now=utc_now())
        key = await create_key(installation, programme.id, NewKey(KeyKind.PUBLISHABLE, "bench"), now=utc_now())
        members = [await _member(installation, programme, f"c-{number}") for number in range(MEMBERS)]
        await _give_points(installation, programme, members)
        for number in range(MEMBERS):
            await _hold(installation, programme, f"c-{number}")
        yield Scene(installation, programme, urls, key.text, tuple(members))
    finally:
        await db.close()


async def _member(installation: Installation, programme: ProgrammeSnapshot, name: str) -> Member:
    await join(installation, programme.id, Join(name), now=utc_now())
    token = await create_customer_token(installation, programme.id, name, now=utc_now())
    return Member(await installation.accounts.get(programme.id, name), token.token)


async def _give_points(installation: Installation, programme: ProgrammeSnapshot, members: list[Member]) -> None:
    """Lots of different ends, two of them within the window of what expires soon."""
    now = utc_now()
    for entry in range(ENTRIES):
        lot = NewLot(4_000, Decimal(5), now, now + timedelta(days=15 * (entry + 1)), 1)
        accruals = [Accrual(m.account.account_id, "bench", uuid4().hex, 1, (lot,)) for m in members]
        async with installation.db.bare_transaction(programme.id) as connection:
            await ledger.accrue(connection, programme.id, accruals, now=now)


async def _hold(installation: Installation, programme: ProgrammeSnapshot, name: str) -> None:
    customer = Principal(CallerKind.CUSTOMER, programme.id, "bench", subject=name)
    await redeem(installation, customer, Redeem(Cart("cart", 10_000, CURRENCY), 100, uuid4().hex), now=utc_now())


@contextlib.contextmanager
def _served(command: list[str], environment: dict[str, str], path: str) -> Iterator[Served]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([*command, "--port", str(port)], env=environment)  # noqa: S603
    try:
        _wait_until_up(process, port, path)
        yield Served(port, process.pid)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_until_up(process: "subprocess.Popen[bytes]", port: int, path: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended by itself"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            if connection.recv(64).startswith(b"HTTP/1.1 200"):
                return
        time.sleep(0.1)
    raise AssertionError("the server did not come up within a minute")


def run(main: object) -> None:
    """Run a benchmark that takes a scene."""
    assert callable(main)

    async def with_scene() -> None:
        async with scene(urls) as made:
            await main(made)

    with servers() as urls:
        asyncio.run(with_scene())
