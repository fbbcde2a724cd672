"""Bulk import of stores from a file: a line of JSON or a row of CSV a store.

Fields: ``storeId`` (the shop's own id), ``name`` and ``timeZone`` (an IANA name; without it the programme's). A
store that is known gets the name and the zone of the file.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pointbook.domain.errors import PointbookError
from pointbook.domain.reading import object_of
from pointbook.services.import_files import Chunk, ImportFile, Record
from pointbook.services.import_records import check_columns, document_of, refusal_of
from pointbook.services.import_reports import Counts, ImportReport, Progress
from pointbook.services.import_runs import REFUSALS_KEPT
from pointbook.services.installation import Installation
from pointbook.services.stores import NewStore, add_stores

_COLUMNS: Final = frozenset({"storeId", "name", "timeZone"})


@dataclass(slots=True)
class StoreCounts(Counts):
    """Stores that are as the file says, whether they were known or not."""

    stored: int = 0


async def import_stores(
    installation: Installation,
    programme_id: int,
    path: Path,
    *,
    clock: Callable[[], datetime],
    progress: Callable[[Progress], None] | None = None,
) -> ImportReport[StoreCounts]:
    """Add the stores of a file, a transaction a chunk; repeated, it changes nothing more.

    A line that cannot be used is refused with its reason. Raises InvalidInput when the file cannot be read.
    """
    file = await asyncio.to_thread(ImportFile.open, path, key=None)
    if file.heading is not None:
        check_columns(file.heading, _COLUMNS)
    report = ImportReport(StoreCounts(), behind_line=0, last_line=0)
    chunks = file.chunks()
    while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
        await _store(installation, programme_id, file, chunk, report, now=clock())
        if progress is not None:
            progress(Progress(chunk.offset, file.size, chunk.last_line))
    return report


async def _store(
    installation: Installation,
    programme_id: int,
    file: ImportFile,
    chunk: Chunk,
    report: ImportReport[StoreCounts],
    *,
    now: datetime,
) -> None:
    refusals = list(chunk.refusals)
    read: list[tuple[Record, Any, NewStore]] = []
    for record in chunk.records:
        raw: Any = None
        try:
            raw = document_of(record, file.heading)
            get = object_of("" if isinstance(raw, dict) else "store", raw, _COLUMNS).get
            read.append((record, raw, NewStore(get("storeId"), get("name"), get("timeZone"))))  # type: ignore[arg-type]
        except PointbookError as error:
            refusals.append(refusal_of(record.line, raw, error, key="storeId"))
    outcomes = await add_stores(installation, programme_id, [store for _, _, store in read], now=now)
    for (record, raw, _), refusal in zip(read, outcomes, strict=True):
        if refusal is None:
            report.counts.stored += 1
        else:
            refusals.append(refusal_of(record.line, raw, refusal, key="storeId"))
    refusals.sort(key=lambda refusal: refusal.line)
    report.refused += len(refusals)
    report.refusals += refusals[: REFUSALS_KEPT - len(report.refusals)]
    report.last_line = chunk.last_line
