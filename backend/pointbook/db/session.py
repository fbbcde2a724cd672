"""Connections to PostgreSQL: SQLAlchemy sessions for most of the work, bare asyncpg for the hot path.

Every transaction names its programme first: row-level security shows nothing else.
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, TypeAlias, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from pointbook.db.retry import retrying

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
Answer = TypeVar("Answer")

# A process that hangs with a customer's account locked must not keep that customer waiting for ever.
_LIMITS: Final = {"lock_timeout": "10s", "idle_in_transaction_session_timeout": "30s"}


class WriteSession(AsyncSession):
    """May write; belongs to one task and one transaction."""


class ReadSession(AsyncSession):
    """PostgreSQL refuses writes on it; belongs to one task."""


class Database:
    """The way to PostgreSQL of one process. ``await Database.connect(url)``, ``await database.close()``.

    A use case takes a ``Database`` and opens its own transaction; a helper that joins a caller's
    transaction takes a session or a connection.
    """

    def __init__(self, url: str, pool: "asyncpg.Pool[asyncpg.Record]", *, transaction_pooler: bool) -> None:
        cache = {"prepared_statement_cache_size": 0, "statement_cache_size": 0} if transaction_pooler else {}
        self._engine = create_async_engine(
            make_url(url).set(drivername="postgresql+asyncpg"), pool_pre_ping=True, connect_args=cache
        )
        self._reads = self._engine.execution_options(postgresql_readonly=True)
        self.pool = pool

    @classmethod
    async def connect(cls, url: str, *, pool_size: int = 10, transaction_pooler: bool = False) -> "Database":
        """Open the pools. Raises OSError or asyncpg.PostgresError when the server cannot be reached."""
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=pool_size,
            reset=_keep_session_state,
            statement_cache_size=0 if transaction_pooler else 100,
            server_settings=None if transaction_pooler else _LIMITS,
        )
        return cls(url, pool, transaction_pooler=transaction_pooler)

    async def close(self) -> None:
        await self._engine.dispose()
        await self.pool.close()

    @contextlib.asynccontextmanager
    async def transaction(self, programme_id: int | None) -> AsyncIterator[WriteSession]:
        """A SQLAlchemy transaction inside one programme: commits when the block ends, rolls back when it raises.

        ``None`` sees only what belongs to no programme: the directory of programmes and their keys.
        """
        async with WriteSession(self._engine, expire_on_commit=False) as session, session.begin():
            await _enter(session, programme_id)
            yield session

    @contextlib.asynccontextmanager
    async def read(self, programme_id: int | None) -> AsyncIterator[ReadSession]:
        """A short read-only transaction. Concurrent resolvers take one each."""
        async with ReadSession(self._reads, autoflush=False) as session, session.begin():
            await _enter(session, programme_id)
            yield session

    @contextlib.asynccontextmanager
    async def bare_transaction(self, programme_id: int) -> AsyncIterator[Connection]:
        """A transaction on a bare connection, for use cases that call the ledger and write their own rows."""
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute("select set_config('app.programme', $1, true)", str(programme_id))
            yield connection

    async def one_statement(self, call: Callable[[Connection], Awaitable[Answer]]) -> Answer:
        """A function of the ledger by itself is a transaction by itself; repeated after a transient failure.

        ``call`` runs one statement, which says for itself which programme it is about, and is safe to repeat.
        """

        async def attempt() -> Answer:
            async with self.pool.acquire() as connection:
                return await call(connection)

        return await retrying(attempt)

    async def one_row(self, programme_id: int | None, query: str, *arguments: object) -> "asyncpg.Record | None":
        """Read a row; repeated after a transient failure. ``None`` sees the directory only, as ``transaction``."""

        async def attempt() -> "asyncpg.Record | None":
            if programme_id is None:
                return await self.pool.fetchrow(query, *arguments)
            async with self.bare_transaction(programme_id) as connection:
                return await connection.fetchrow(query, *arguments)

        return await retrying(attempt)


async def _enter(session: AsyncSession, programme_id: int | None) -> None:
    if programme_id is not None:
        await session.execute(text("select set_config('app.programme', :id, true)"), {"id": str(programme_id)})


async def _keep_session_state(_connection: Connection) -> None:
    """Nothing here leaves state in a session, so the driver's reset query would be a wasted round trip."""
