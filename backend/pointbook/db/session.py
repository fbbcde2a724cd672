"""Connections to PostgreSQL, over bare asyncpg. SQLAlchemy describes the tables, for migrations only.

Every transaction names its programme first: row-level security shows nothing else. Whatever waits for the server
has a deadline, because a server may also stop to answer without refusing.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from typing import Final, TypeAlias, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from pointbook.db import moves
from pointbook.db.moves import Account
from pointbook.db.retry import retrying

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
Answer = TypeVar("Answer")

CONNECT_SECONDS: Final = 5.0
STATEMENT_SECONDS: Final = 10.0
"""A statement, and the wait for a free connection. Then TimeoutError; nobody knows what became of a commit."""
CLOSE_SECONDS: Final = 5.0
# A process that hangs with a customer's account locked must not keep that customer waiting for ever. Shorter than
# a statement has: the server says what it waited for.
_LIMITS: Final = {"lock_timeout": "8s", "idle_in_transaction_session_timeout": "30s"}


class Database:
    """The way to PostgreSQL of one process. ``await Database.connect(url)``, ``await database.close()``.

    A use case opens its own transaction on it; a helper that joins a caller's transaction takes a connection.
    ``on_moved`` is told of accounts whose points were perhaps moved, after the transaction that did it.
    """

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", *, patience: float | None = None) -> None:
        self.pool = pool
        self._patience = patience
        self.on_moved: Callable[[Collection[Account]], None] = _tell_nobody

    @classmethod
    async def connect(
        cls, url: str, *, pool_size: int = 10, transaction_pooler: bool = False, patient: bool = False
    ) -> "Database":
        """Open the pool. Raises OSError or asyncpg.PostgresError when the server cannot be reached.

        ``patient``: a statement may take as long as it takes, for somebody at a terminal who can break it off.
        """
        patience = None if patient else STATEMENT_SECONDS
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=pool_size,
            timeout=CONNECT_SECONDS,
            command_timeout=patience,
            reset=_keep_session_state,
            statement_cache_size=0 if transaction_pooler else 100,
            server_settings=None if transaction_pooler else _LIMITS,
        )
        return cls(pool, patience=patience)

    async def close(self) -> None:
        """Let running statements finish for a few seconds, then drop their connections."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.pool.close()

    @contextlib.asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        """A connection until the block ends. Raises TimeoutError when none is free in time."""
        async with asyncio.timeout(self._patience):
            connection = await self.pool.acquire()
        moves.begin(connection)
        try:
            yield connection
        finally:
            moved = moves.taken(connection)
            if moved:  # also after a failure: a commit whose answer was lost has moved points
                self.on_moved(moved)
            await self.pool.release(connection, timeout=self._patience)

    @contextlib.asynccontextmanager
    async def bare_transaction(self, programme_id: int) -> AsyncIterator[Connection]:
        """A transaction inside one programme: commits when the block ends, rolls back when it raises."""
        async with self.acquire() as connection, connection.transaction():
            await connection.execute("select set_config('app.programme', $1, true)", str(programme_id))
            yield connection

    async def one_statement(self, call: Callable[[Connection], Awaitable[Answer]]) -> Answer:
        """A function of the ledger by itself is a transaction by itself; repeated after a transient failure.

        ``call`` runs one statement, which says for itself which programme it is about, and is safe to repeat.
        """

        async def attempt() -> Answer:
            async with self.acquire() as connection:
                return await call(connection)

        return await retrying(attempt)

    async def one_row(self, programme_id: int | None, query: str, *arguments: object) -> "asyncpg.Record | None":
        """Read a row; repeated after a transient failure. ``None``: of the directory, outside of any programme."""

        async def attempt() -> "asyncpg.Record | None":
            if programme_id is None:
                async with self.acquire() as connection:
                    return await connection.fetchrow(query, *arguments)
            async with self.bare_transaction(programme_id) as connection:
                return await connection.fetchrow(query, *arguments)

        return await retrying(attempt)


async def _keep_session_state(_connection: Connection) -> None:
    """Nothing here leaves state in a session, so the driver's reset query would be a wasted round trip."""


def _tell_nobody(_moved: Collection[Account]) -> None:
    """Nobody watches."""
