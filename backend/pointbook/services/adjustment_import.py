"""Bulk import of adjustments, in chunks, each in one transaction; ``adjustment_lines`` is the form.

The members are told, as of any adjustment.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pointbook import ledger
from pointbook.db.queries.customer_sets import accounts_of
from pointbook.db.retry import retrying
from pointbook.db.session import Connection
from pointbook.domain.errors import ClockAhead, IdempotencyConflict, InvalidInput, NotAMember, PointbookError
from pointbook.services.adjusting import write
from pointbook.services.adjustment_lines import COLUMNS, KEY, AdjustmentLine, adjustment_line, raw_line
from pointbook.services.directory import ProgrammeSnapshot, keep_unchanged
from pointbook.services.import_files import Chunk, Heading, ImportFile, Refusal
from pointbook.services.import_records import check_columns, refusal_of
from pointbook.services.import_reports import Counts, ImportReport, Progress
from pointbook.services.import_runs import REFUSALS_KEPT, ImportKind, ImportRun, LastTry
from pointbook.services.installation import Installation

_AT_ONCE: Final = 100
"""So many accounts are locked at a time: their members wait so long."""

Taken = tuple["AdjustmentCounts", list[Refusal]]
"""What came of a part of a file."""


@dataclass(slots=True)
class AdjustmentCounts(Counts):
    """Adjustments that were ``made``, with the points ``given`` and ``taken``; ``known`` ones had been before."""

    made: int = 0
    known: int = 0
    given: int = 0
    taken: int = 0


async def import_adjustments(
    installation: Installation,
    programme_id: int,
    path: Path,
    *,
    dry_run: bool = False,
    clock: Callable[[], datetime],
    progress: Callable[[Progress], None] | None = None,
) -> ImportReport[AdjustmentCounts]:
    """Import a file of adjustments, JSON Lines or CSV, plain or gzip, and report what came of it.

    A line that cannot be used is refused with its reason and the import goes on. Repeated, broken off and begun
    again, or run twice at the same time, it has the same effect as once. A ``dry_run`` only tells what would come
    of it; it judges a hundred lines together, so that of several minuses of a member far apart each is judged by
    the balance of now. Raises InvalidInput when the file cannot be read, ProgrammeNotOpen, ClockAhead.
    """
    (await installation.programmes.get(programme_id)).require_open()
    file = await asyncio.to_thread(ImportFile.open, path, key=None)
    if file.heading is not None:
        check_columns(file.heading, COLUMNS)
    run, lines_done = None, 0
    if not dry_run:
        kind = ImportKind.ADJUSTMENTS
        run, lines_done = await ImportRun.begin(installation.db, programme_id, kind, file, now=clock())
    importing = _Importing(installation, programme_id, file.heading, run)
    report = ImportReport(AdjustmentCounts(), behind_line=lines_done, last_line=lines_done)
    chunks = file.chunks(lines_done)
    while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
        for part in _parts(chunk):
            counts, refusals = await importing.take(part, clock())
            report.counts.add(counts)
            report.refused += len(refusals)
            report.refusals += refusals[: REFUSALS_KEPT - len(report.refusals)]
            report.last_line = part.last_line
        if progress is not None:
            progress(Progress(chunk.offset, file.size, chunk.last_line))
    if run is not None:
        report.refused, report.refusals = await run.finish(installation.db, now=clock())
    return report


def _parts(chunk: Chunk) -> Iterable[Chunk]:
    """The chunk in transactions of ``_AT_ONCE`` records; what the file refused goes with the last."""
    starts = range(0, max(len(chunk.records), 1), _AT_ONCE)
    for start in starts:
        records, last = chunk.records[start : start + _AT_ONCE], start == starts[-1]
        yield Chunk(
            records,
            chunk.refusals if last else [],
            chunk.last_line if last else records[-1].line,
            chunk.offset,
        )


@dataclass(frozen=True, slots=True)
class _Importing:
    """A file on its way. Without a ``run`` it is dry. ``lines`` says where each id stood first."""

    installation: Installation
    programme_id: int
    heading: Heading | None
    run: ImportRun | None
    lines: dict[str, int] = field(default_factory=dict)

    async def take(self, part: Chunk, now: datetime) -> Taken:
        last_try = LastTry[Taken]()
        wanted, refusals = self._read(part)

        async def call(programme: ProgrammeSnapshot) -> Taken:
            if self.run is None:
                return await retrying(lambda: self._try(programme, wanted, refusals, now))
            return await retrying(lambda: self._write(programme, part, last_try, wanted, refusals, now))

        return await self.installation.programmes.while_open(self.programme_id, call)

    def _read(self, part: Chunk) -> tuple[list[AdjustmentLine], list[Refusal]]:
        wanted, refusals = [], list(part.refusals)
        for record in part.records:
            raw: Any = None
            try:
                raw = raw_line(record, self.heading)
                line = adjustment_line(record.line, raw)
                first = self.lines.setdefault(line.id, record.line)
                if first != record.line:
                    raise InvalidInput(KEY, f"is that of line {first:,}: each adjustment needs an id of its own")
                wanted.append(line)
            except PointbookError as error:
                refusals.append(refusal_of(record.line, raw, error, key=KEY))
        return wanted, refusals

    async def _try(
        self,
        programme: ProgrammeSnapshot,
        wanted: Sequence[AdjustmentLine],
        refusals: Sequence[Refusal],
        now: datetime,
    ) -> Taken:
        """What would come of a part: all of it is rolled back."""
        async with self.installation.db.bare_transaction(self.programme_id) as connection:
            effects = connection.transaction()
            await effects.start()
            counts, more = await _adjust(connection, programme, wanted, now)
            await effects.rollback()
        return counts, _in_order(refusals, more)

    async def _write(  # noqa: PLR0917  # what a try needs, in the order of its use
        self,
        programme: ProgrammeSnapshot,
        part: Chunk,
        last_try: LastTry[Taken],
        wanted: Sequence[AdjustmentLine],
        refusals: Sequence[Refusal],
        now: datetime,
    ) -> Taken:
        assert self.run is not None, "it is not dry"
        async with self.installation.db.bare_transaction(self.programme_id) as connection:
            claim = await self.run.claim(connection, part.last_line)
            committed = await last_try.committed(connection)
            if claim is None or committed is not None:
                return committed or (AdjustmentCounts(), [])
            counts, more = await _adjust(connection, programme, wanted, now)
            taken = counts, _in_order(refusals, more)
            await claim.settle(taken[1])
            last_try.keep(claim, taken)
            return taken


async def _adjust(
    connection: Connection, programme: ProgrammeSnapshot, wanted: Sequence[AdjustmentLine], now: datetime
) -> Taken:
    """Make what is new, in the order of the lines, once all accounts are locked in the order of their keys."""
    accounts = await accounts_of(connection, programme.id, {line.customer for line in wanted})
    locked = await ledger.lock(connection, programme.id, {*accounts.values()})
    await keep_unchanged(connection, programme)
    counts, refusals = AdjustmentCounts(), []
    for line in wanted:
        try:
            account = locked.get(accounts.get(line.customer, 0))
            if account is None:
                raise NotAMember
            adjustment, new = await write(connection, programme, account, line.decided, now=now)
        except ClockAhead:
            raise
        except IdempotencyConflict:
            other = InvalidInput(KEY, "is that of an adjustment that says something else; it stays as it is")
            refusals.append(refusal_of(line.line, {KEY: line.id}, other, key=KEY))
        except PointbookError as error:
            refusals.append(refusal_of(line.line, {KEY: line.id}, error, key=KEY))
        else:
            counts.made += new
            counts.known += not new
            counts.given += max(adjustment.points, 0) if new else 0
            counts.taken += max(-adjustment.points, 0) if new else 0
    return counts, refusals


def _in_order(*refusals: Iterable[Refusal]) -> list[Refusal]:
    return sorted((one for some in refusals for one in some), key=lambda one: one.line)
