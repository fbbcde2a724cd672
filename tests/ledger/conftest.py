from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from pointbook.db.session import Database
from tests.ledger.desk import Desk
from tests.ledger.stage import Stage


@pytest.fixture(scope="module")
def stage(database_url: str) -> Iterator[Stage]:
    """Where histories are played; nothing of them is committed."""
    opened = Stage(database_url)
    yield opened
    opened.close()


@pytest_asyncio.fixture
async def desk(db: Database) -> AsyncIterator[Desk]:
    """A sandbox programme with one account, opened at noon; found sound at the end."""
    async with db.pool.acquire() as connection:
        opened = await Desk.open(connection, 1)
        yield opened
        await opened.assert_sound()
