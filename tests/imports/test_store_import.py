"""Stores of a file are there afterwards, each with its time zone."""

from pathlib import Path

import pytest

from pointbook.db.queries.programmes import lock_programme
from pointbook.db.session import Connection
from pointbook.services import stores as stores_service
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.store_import import import_stores
from tests.imports.files import json_lines, now
from tests.support import everything

STORES = [
    {"storeId": "s-1", "name": "Main street"},
    {"storeId": "s-2", "name": "Riverside", "timeZone": "Europe/London"},
]
BAD = [
    ({"storeId": "s-1"}, "name", "is required"),
    ({"name": "Nowhere"}, "storeId", "is required"),
    ({"storeId": "s-1", "name": "Moon", "timeZone": "Moon/Tranquility"}, "timeZone", "IANA"),
    ({"storeId": "s-1", "name": "Odd", "color": "red"}, "color", "is not a known field"),
    (["s-1"], "store", "must be an object"),
]


@pytest.mark.parametrize("name", ["stores.jsonl", "stores.csv"])
async def test_stores_are_added_and_a_repetition_changes_nothing(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path, name: str
) -> None:
    path = json_lines(tmp_path / name, STORES)
    if path.suffix == ".csv":
        path.write_text("storeId,name,timeZone\ns-1,Main street,\ns-2,Riverside,Europe/London\n")
    report = await import_stores(installation, programme.id, path, clock=now)
    stores = (await installation.programmes.get(programme.id)).stores
    assert {store.store_id: store.time_zone for store in stores.values()} == {
        "s-1": "Europe/Berlin",
        "s-2": "Europe/London",
    }
    before = await everything(installation.db, programme)
    assert (await import_stores(installation, programme.id, path, clock=now)).counts == report.counts
    assert await everything(installation.db, programme) == before
    assert (report.counts.stored, report.refused, report.last_line) == (2, 0, 2 + (path.suffix == ".csv"))


@pytest.mark.parametrize("case", BAD, ids=range(len(BAD)))
async def test_a_bad_line_is_reported_and_the_others_are_taken(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path, case: tuple[object, str, str]
) -> None:
    bad, field, reason = case
    path = json_lines(tmp_path / "stores.jsonl", [bad, STORES[1]])
    report = await import_stores(installation, programme.id, path, clock=now)
    assert (report.counts.stored, report.refused) == (1, 1)
    [refusal] = report.refusals
    assert (refusal.line, refusal.field) == (1, field)
    assert reason in refusal.reason


async def test_a_chunk_of_stores_is_one_transaction(
    installation: Installation,
    programme: ProgrammeSnapshot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    small_chunks: int,
) -> None:
    transactions = []

    async def counted(connection: Connection, programme_id: int) -> None:
        transactions.append(programme_id)
        await lock_programme(connection, programme_id)

    monkeypatch.setattr(stores_service, "lock_programme", counted)
    stores = [{"storeId": f"s-{number}", "name": "Shop"} for number in range(2 * small_chunks)]
    report = await import_stores(installation, programme.id, json_lines(tmp_path / "s.jsonl", stores), clock=now)
    assert report.counts.stored == 2 * small_chunks
    assert transactions == [programme.id] * 2


async def test_stores_beyond_the_most_are_refused_and_known_ones_change(
    installation: Installation, programme: ProgrammeSnapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores_service, "STORES_MAX", 2)
    stores = [*STORES, {"storeId": "s-3", "name": "Too many"}, BAD[0][0], {**STORES[0], "name": "High street"}]
    path = json_lines(tmp_path / "stores.jsonl", stores)
    report = await import_stores(installation, programme.id, path, clock=now)
    assert (report.counts.stored, [refusal.line for refusal in report.refusals]) == (3, [3, 4])
    known = (await installation.programmes.get(programme.id)).stores
    assert {store.store_id: store.name for store in known.values()} == {"s-1": "High street", "s-2": "Riverside"}
