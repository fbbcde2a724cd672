"""Transactions that are committed, and whoever asked for them does not learn it."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from itertools import cycle

import asyncpg
import pytest

from pointbook.db.session import Connection, Database


@contextlib.contextmanager
def commits_unanswered() -> Iterator[None]:
    """Of every two transactions the first is committed, and the connection breaks before it is known."""
    sound, is_lost = Database.bare_transaction, cycle((True, False))

    @contextlib.asynccontextmanager
    async def losing(db: Database, programme_id: int) -> AsyncIterator[Connection]:
        async with sound(db, programme_id) as connection:
            yield connection
        if next(is_lost):
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "bare_transaction", losing)
        yield
