"""Kill -9 of any part under load loses nothing that was acknowledged and doubles nothing (I4, I8, I11)."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.installation import Part
from tests.faults.kills import kill_under_load


@pytest.fixture
def folder() -> Iterator[Path]:
    """Reachable by the unprivileged user that PostgreSQL runs as when the tests run as root."""
    made = Path(tempfile.mkdtemp(prefix="pointbook-faults-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


async def test_killing_any_part_under_load_loses_and_doubles_nothing(folder: Path) -> None:
    parts = [Part.POSTGRESQL, Part.WORKER, Part.VALKEY, Part.API, Part.POSTGRESQL]
    report = await kill_under_load(folder, parts, shoppers=6)
    assert report.kills == len(parts), report
    assert report.told.asked_again > 0, report  # the kills were felt
    assert len(report.told.captures) > 6, report
    assert (report.books.doubles, report.lost, report.books.violations) == (0, 0, []), report
    assert report.undelivered == 0, report
    assert report.books.told["points.credited"] >= report.books.accrued.total(), report
    assert report.books.told["redemption.captured"] == report.books.captured.total(), report


async def test_without_keys_a_killed_server_means_doubles(folder: Path) -> None:
    # The control: shoppers who forget what they sent. Kills until a double is in the books, 30 at most.
    parts = [Part.POSTGRESQL, Part.POSTGRESQL, Part.API] * 10
    report = await kill_under_load(folder, parts, shoppers=6, fresh_keys=True)
    assert report.books.doubles > 0, report
    assert (report.lost, report.books.violations) == (0, []), report
