"""The shop of a scenario; its ledger is checked after every one."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest_asyncio

from pointbook.db.session import Database
from tests.scenarios.shop import Clock, Shop, open_shop
from tests.support import violations

OpenShop = Callable[..., Awaitable[Shop]]


@pytest_asyncio.fixture
async def opened(db: Database, database_url: str, optional_redis_url: str | None) -> AsyncIterator[OpenShop]:
    """Shops by their first instant and settings, as in ``opened("2026-03-01", valuePerPoint="0.04")``."""
    async with AsyncExitStack() as stack:

        async def open_one(instant: str = "2026-03-01 09:00", **settings: Any) -> Shop:
            return await stack.enter_async_context(
                open_shop(database_url, optional_redis_url, Clock(instant), **settings)
            )

        yield open_one
    assert await violations(db) == []
