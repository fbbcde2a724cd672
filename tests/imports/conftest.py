"""Chunks of imports."""

import pytest

from pointbook.services import import_files
from tests.imports.files import SMALL_CHUNK


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> int:
    """So many records are a chunk: a file of a few lines has several."""
    monkeypatch.setattr(import_files, "CHUNK_RECORDS", SMALL_CHUNK)
    return SMALL_CHUNK
