"""Counts the statements that a block sends to PostgreSQL."""

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

from asyncpg import Connection


@contextlib.contextmanager
def statements() -> Iterator[list[str]]:
    """The texts of all statements of the block, in order, whatever connection they went over."""
    seen: list[str] = []
    run, execute = Connection._execute, Connection.execute

    async def counted_run(self: Any, query: str, *rest: Any, **more: Any) -> Any:
        seen.append(query)
        return await run(self, query, *rest, **more)

    async def counted_execute(self: Any, query: str, *arguments: Any, **more: Any) -> Any:
        if not arguments:  # with arguments it goes on to _execute
            seen.append(query)
        return await execute(self, query, *arguments, **more)

    with patch.object(Connection, "_execute", counted_run), patch.object(Connection, "execute", counted_execute):
        yield seen
