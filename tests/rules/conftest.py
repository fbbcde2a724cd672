"""A programme of rules, and how what works at it is cut."""

import pytest
import pytest_asyncio

from pointbook.services import import_files, rule_simulations
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from tests.rules.shop import sides_programme


@pytest_asyncio.fixture
async def programme(installation: Installation) -> ProgrammeSnapshot:
    """An active programme that gives points by rules only: stores berlin and bonn, channels, a member c-1."""
    return await sides_programme(installation)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four records are a chunk: a file of a few lines has several."""
    monkeypatch.setattr(import_files, "CHUNK_RECORDS", 4)


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every simulation waits for a worker."""
    monkeypatch.setattr(rule_simulations, "AT_ONCE_MAX", -1)
