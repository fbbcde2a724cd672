from collections.abc import AsyncIterator

import pytest_asyncio

from pointbook.db.session import Database
from tests.http.fixtures import app, client, clock, session_clock, shop
from tests.http.live_server import Live, Served, serving
from tests.support import violations

__all__ = ["app", "client", "clock", "session_clock", "shop"]


@pytest_asyncio.fixture(scope="module")
async def served(database_url: str, optional_redis_url: str | None) -> AsyncIterator[Served]:
    async with serving(database_url, optional_redis_url) as made:
        yield made


@pytest_asyncio.fixture
async def live(served: Served, db: Database) -> AsyncIterator[Live]:
    made = await served.open()
    yield made
    await made.settled()
    assert await violations(db) == []
