from collections.abc import Iterator

import pytest

from tests.ledger.stage import Stage


@pytest.fixture(scope="module")
def stage(database_url: str) -> Iterator[Stage]:
    """Where histories are played; nothing of them is committed."""
    opened = Stage(database_url)
    yield opened
    opened.close()
