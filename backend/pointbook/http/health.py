"""Whether this process lives, and whether it can serve: what load balancers and people ask."""

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from importlib import resources

import asyncpg
from alembic.script import ScriptDirectory
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pointbook.db.session import Database

_SECONDS = 2.0
_HEADERS = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that is needed to serve. ``note`` says what a fault means."""

    name: str
    state: str
    good: bool
    note: str = ""


class Health:
    """Asks PostgreSQL and Valkey. Without Valkey everything works, so it does not count for readiness."""

    def __init__(self, db: Database, redis: Redis | None) -> None:
        self._db = db
        self._redis = redis
        self._head = _newest_revision()
        self._asking: asyncio.Task[str | None] | None = None

    async def live(self, _request: Request) -> Response:
        return JSONResponse({"status": "live"}, headers=_HEADERS)

    async def ready(self, _request: Request) -> Response:
        postgres, migrations, valkey = await self.parts()
        good = postgres.good and migrations.good
        body = {
            "status": "ready" if good else "not ready",
            "postgresql": postgres.state,
            "migrations": migrations.state,
            "valkey": valkey.state,
        }
        return JSONResponse(body, HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE, headers=_HEADERS)

    async def parts(self) -> tuple[Part, Part, Part]:
        """PostgreSQL, its migrations, Valkey."""
        (postgres, migrations), valkey = await asyncio.gather(self._postgres(), self._valkey())
        return postgres, migrations, valkey

    async def _postgres(self) -> tuple[Part, Part]:
        name, migrations = "PostgreSQL", "Migrations"
        try:
            revision = await self._revision()
        except asyncpg.UndefinedTableError:
            revision = None
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return Part(name, "unreachable", good=False), Part(migrations, "unknown", good=False)
        if revision != self._head:
            note = "Run pointbook migrate."
            return Part(name, "reachable", good=True), Part(migrations, "pending", good=False, note=note)
        return Part(name, "reachable", good=True), Part(migrations, "current", good=True)

    async def _revision(self) -> str | None:
        """Raises TimeoutError, at once when it is time: giving a question up would take an answer, too.

        So one question is asked at a time, and whoever comes meanwhile waits for the same answer.
        """
        asking = self._asking
        if asking is None or asking.done():
            asking = self._asking = asyncio.create_task(self._ask_revision())
            asking.add_done_callback(_look_at_error)
        done, _ = await asyncio.wait({asking}, timeout=_SECONDS)
        if not done:
            raise TimeoutError
        return asking.result()

    async def _ask_revision(self) -> str | None:
        revision: str | None = await self._db.pool.fetchval("select version_num from alembic_version")
        return revision

    async def _valkey(self) -> Part:
        name = "Valkey"
        if self._redis is None:
            return Part(name, "not configured", good=True, note="Limits are kept in each process.")
        try:
            async with asyncio.timeout(_SECONDS):
                await self._redis.ping()
        except (OSError, RedisError):
            return Part(name, "unreachable", good=False, note="Everything works; limits are kept in each process.")
        return Part(name, "reachable", good=True)


def _look_at_error(asking: "asyncio.Task[str | None]") -> None:
    """Everybody may have stopped waiting; then nobody else would."""
    if not asking.cancelled():
        asking.exception()


def _newest_revision() -> str | None:
    folder = resources.files("pointbook.db.migrations")
    return ScriptDirectory(str(folder)).get_current_head()
