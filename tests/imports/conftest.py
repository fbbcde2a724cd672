"""One process's view of an empty database, whose ledger is checked after every test."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from pointbook.db.session import Database
from pointbook.services import import_files
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from tests.imports.files import SMALL_CHUNK
from tests.support import SECRET, make_programme, violations


@pytest_asyncio.fixture
async def installation(db: Database) -> AsyncIterator[Installation]:
    yield Installation.of(db, SECRET)
    assert await violations(db) == []


@pytest_asyncio.fixture
async def programme(installation: Installation) -> ProgrammeSnapshot:
    """An active programme: 1.00 earns a point that is worth 0.05; orders earn when they are PAID."""
    return await make_programme(installation)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> int:
    """So many records are a chunk: a file of a few lines has several."""
    monkeypatch.setattr(import_files, "CHUNK_RECORDS", SMALL_CHUNK)
    return SMALL_CHUNK
