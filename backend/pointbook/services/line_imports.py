"""Imports of a file whose lines have an effect each, by an id of its own: read, and written part by part.

Balances and adjustments are such; what a line says and what comes of it is theirs. Repeated, broken off and begun
again, or run twice at the same time, an import has the same effect as once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar

from pointbook.db.retry import retrying
from pointbook.db.session import Connection
from pointbook.domain.errors import InvalidInput, PointbookError
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.import_files import CHUNK_RECORDS, Chunk, Heading, ImportFile, Refusal
from pointbook.services.import_records import check_columns, document_of, refusal_of
from pointbook.services.import_reports import Counts, ImportReport, Progress
from pointbook.services.import_runs import REFUSALS_KEPT, ImportKind, ImportRun, LastTry
from pointbook.services.installation import Installation

KEY: Final = "id"
"""The field that names a line's effect."""
_ATTEMPTS: Final = 5


class Line(Protocol):
    """What a record says; ``line`` is where it stands in the file."""

    @property
    def line(self) -> int: ...
    @property
    def id(self) -> str: ...


L = TypeVar("L", bound=Line)
C = TypeVar("C", bound=Counts)
Taken: TypeAlias = tuple[C, list[Refusal]]
"""What came of a part of a file."""


class RacedError(Exception):
    """Another import wrote one of the lines meanwhile: roll back and look again."""


@dataclass(frozen=True, slots=True)
class LineForm(Generic[L, C]):
    """A kind of file. ``what`` a line names by its id; ``at_once`` as many are written in a transaction.

    ``read`` raises PointbookError for a line that cannot be used. ``write`` joins the transaction and makes sure
    that the programme is still what it was given; it counts what is new and refuses the rest. Expected failures
    of a line stay with it.
    """

    kind: ImportKind
    what: str
    columns: frozenset[str]
    counts: type[C]
    read: Callable[[int, Any, ProgrammeSnapshot], L]
    write: Callable[[Connection, ProgrammeSnapshot, Sequence[L], datetime], Awaitable[Taken[C]]]
    at_once: int = CHUNK_RECORDS


async def import_lines(
    installation: Installation,
    programme_id: int,
    path: Path,
    form: LineForm[L, C],
    *,
    dry_run: bool,
    clock: Callable[[], datetime],
    progress: Callable[[Progress], None] | None,
) -> ImportReport[C]:
    """Import a file, JSON Lines or CSV, plain or gzip, and report what came of it.

    A line that cannot be used is refused with its reason and the import goes on. A ``dry_run`` only tells what
    would come of it. Raises InvalidInput when the file cannot be read, ProgrammeNotOpen, ClockAhead.
    """
    (await installation.programmes.get(programme_id)).require_open()
    file = await asyncio.to_thread(ImportFile.open, path, key=None)
    if file.heading is not None:
        check_columns(file.heading, form.columns)
    run, lines_done = None, 0
    if not dry_run:
        run, lines_done = await ImportRun.begin(installation.db, programme_id, form.kind, file, now=clock())
    importing = _Importing(installation, programme_id, form, file.heading, run)
    report = ImportReport(form.counts(), behind_line=lines_done, last_line=lines_done)
    chunks = file.chunks(lines_done)
    while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
        for part in _parts(chunk, form.at_once):
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


def _parts(chunk: Chunk, at_once: int) -> Iterable[Chunk]:
    """The chunk in parts of so many records; what the file refused goes with the last."""
    starts = range(0, max(len(chunk.records), 1), at_once)
    for start in starts:
        records, last = chunk.records[start : start + at_once], start == starts[-1]
        yield Chunk(
            records,
            chunk.refusals if last else [],
            chunk.last_line if last else records[-1].line,
            chunk.offset,
        )


@dataclass(frozen=True, slots=True)
class _Importing(Generic[L, C]):
    """A file on its way. Without a ``run`` it is dry. ``lines`` says where each id stood first."""

    installation: Installation
    programme_id: int
    form: LineForm[L, C]
    heading: Heading | None
    run: ImportRun | None
    lines: dict[str, int] = field(default_factory=dict)

    async def take(self, part: Chunk, now: datetime) -> Taken[C]:
        last_try = LastTry[Taken[C]]()

        async def call(programme: ProgrammeSnapshot) -> Taken[C]:
            wanted, refusals = self._read(part, programme)

            async def attempt() -> Taken[C]:
                async with self.installation.db.bare_transaction(self.programme_id) as connection:
                    if self.run is None:
                        return await self._try(connection, programme, wanted, refusals, now)
                    claim = await self.run.claim(connection, part.last_line)
                    committed = await last_try.committed(connection)
                    if claim is None or committed is not None:
                        return committed or (self.form.counts(), [])
                    counts, more = await self.form.write(connection, programme, wanted, now)
                    taken = counts, _in_order(refusals, more)
                    await claim.settle(taken[1])
                    last_try.keep(claim, taken)
                    return taken

            return await retrying(attempt)

        for _ in range(_ATTEMPTS):
            try:
                return await self.installation.programmes.while_open(self.programme_id, call)
            except RacedError:
                continue
        raise AssertionError(f"lines of a file were written by others {_ATTEMPTS} times")

    def _read(self, part: Chunk, programme: ProgrammeSnapshot) -> tuple[list[L], list[Refusal]]:
        wanted, refusals, what = [], list(part.refusals), self.form.what
        for record in part.records:
            raw: Any = None
            try:
                raw = document_of(record, self.heading)
                line = self.form.read(record.line, raw, programme)
                first = self.lines.setdefault(line.id, record.line)
                if first != record.line:
                    raise InvalidInput(KEY, f"is that of line {first:,}: each {what} needs an id of its own")
                wanted.append(line)
            except PointbookError as error:
                refusals.append(refusal_of(record.line, raw, error, key=KEY))
        return wanted, refusals

    async def _try(
        self,
        connection: Connection,
        programme: ProgrammeSnapshot,
        wanted: Sequence[L],
        refusals: Sequence[Refusal],
        now: datetime,
    ) -> Taken[C]:
        """What would come of a part: all of it is rolled back."""
        effects = connection.transaction()
        await effects.start()
        counts, more = await self.form.write(connection, programme, wanted, now)
        await effects.rollback()
        return counts, _in_order(refusals, more)


def refusal_of_line(line: Line, error: PointbookError) -> Refusal:
    return refusal_of(line.line, {KEY: line.id}, error, key=KEY)


def _in_order(*refusals: Iterable[Refusal]) -> list[Refusal]:
    return sorted((one for some in refusals for one in some), key=lambda one: one.line)
