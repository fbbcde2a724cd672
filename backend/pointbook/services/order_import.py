"""Bulk import of orders from a file: set-based, in chunks, each with all of its effects in one transaction.

An order is what it is in ``intake``: its natural key makes a repetition harmless, and an unknown customer's is
parked. What is new and pays nothing with points is written thousands a second (``order_writing``); whatever needs
a decision (a voucher, an order known with another content) goes through ``intake`` one by one. Nobody is told of
points credited by an import: they are for purchases of the past.
"""

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from pointbook.db.retry import MAX_TRIES, retrying
from pointbook.domain.errors import ClockAhead, InvalidInput, PointbookError, ProgrammeNotOpen
from pointbook.services import intake, order_csv
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.import_files import Chunk, ImportFile, Record, Refusal
from pointbook.services.import_records import check_columns, refusal_of
from pointbook.services.import_reports import ImportReport, Progress
from pointbook.services.import_runs import ImportKind, ImportRun, LastTry
from pointbook.services.installation import Installation
from pointbook.services.order_preparing import (
    PreparedChunk,
    Rules,
    prepare,
    prepare_packed,
    raw_order,
)
from pointbook.services.order_preparing_pool import preparing_pool
from pointbook.services.order_writing import OrderCounts, RacedError, Written, write_orders

_POOL_BYTES: Final = 2**20
"""A smaller file is read before the processes for it have started."""
_POOL_MOST: Final = 4
_CHUNKS_AHEAD: Final = 6

_Prepare = Callable[[list[Record], bytes], Awaitable[PreparedChunk]]


async def import_orders(
    installation: Installation,
    programme_id: int,
    path: Path,
    *,
    clock: Callable[[], datetime],
    progress: Callable[[Progress], None] | None = None,
    processes: int | None = None,
) -> ImportReport[OrderCounts]:
    """Import a file of orders, JSON Lines or CSV, plain or gzip, and report what came of it.

    A line that cannot be used is refused with its reason and the import goes on. Broken off at any point and begun
    again, it has the same effect as once; so have two imports of one file at the same time. ``processes`` do the
    reading (by default as many as there are processors; 0: this one does).
    Raises InvalidInput when the file cannot be read, ProgrammeNotOpen, ClockAhead.
    """
    programme = await installation.programmes.get(programme_id)
    programme.require_open()
    file = await asyncio.to_thread(ImportFile.open, path, key=order_csv.KEY)
    if file.heading is not None:
        check_columns(file.heading, order_csv.COLUMNS)
    run, lines_done = await ImportRun.begin(installation.db, programme_id, ImportKind.ORDERS, file, now=clock())
    importing = _Importing(installation, programme_id, file, run, clock)
    report = ImportReport(OrderCounts(), behind_line=lines_done, last_line=lines_done)
    async with _preparing(file, processes) as preparing:
        async for ahead in importing.prepared_chunks(lines_done, preparing):
            await importing.write(ahead, report)
            if progress is not None:
                progress(Progress(ahead.chunk.offset, file.size, ahead.chunk.last_line))
    report.refused, report.refusals = await run.finish(installation.db, now=clock())
    return report


@contextlib.asynccontextmanager
async def _preparing(file: ImportFile, processes: int | None) -> AsyncIterator[_Prepare]:
    """Who prepares the chunks of a file: processes of a pool, or a thread of this one."""
    if processes is None:
        processes = min(os.cpu_count() or 1, _POOL_MOST) if file.size >= _POOL_BYTES else 0
    if processes == 0:
        yield _prepare_here
        return
    async with preparing_pool(processes) as pool:
        yield pool.prepare


async def _prepare_here(records: list[Record], packed: bytes) -> PreparedChunk:
    return await asyncio.to_thread(prepare_packed, records, packed)


class _PreparedChunk(NamedTuple):
    """A chunk and what became of it under the rules of that instant."""

    chunk: Chunk
    rules: Rules
    prepared: asyncio.Future[PreparedChunk]


def _next(chunks: Iterator[Chunk]) -> Chunk | InvalidInput | None:
    """The next chunk, None at the end, or why there is no next one."""
    try:
        return next(chunks, None)
    except InvalidInput as error:
        return error


@dataclass(frozen=True, slots=True)
class _Importing:
    """One import under way."""

    installation: Installation
    programme_id: int
    file: ImportFile
    run: ImportRun
    clock: Callable[[], datetime]

    async def rules(self) -> Rules:
        return self._rules_of(await self.installation.programmes.get(self.programme_id))

    def _rules_of(self, programme: ProgrammeSnapshot) -> Rules:
        return Rules.of(programme, self.file.heading, self.clock())

    async def prepared_chunks(self, behind_line: int, preparing: _Prepare) -> AsyncIterator[_PreparedChunk]:
        """The chunks in order, some of them being prepared ahead. Raises what the reading raises, at its place."""
        waiting: deque[_PreparedChunk] = deque()
        chunks = self.file.chunks(behind_line)
        rules = await self.rules()
        packed = rules.packed()
        failure: InvalidInput | None = None
        try:
            while True:
                found = await asyncio.to_thread(_next, chunks) if len(waiting) < _CHUNKS_AHEAD else None
                if isinstance(found, Chunk):
                    if (rules_now := await self.rules()) != rules:
                        rules, packed = rules_now, rules_now.packed()
                    future = asyncio.ensure_future(preparing(found.records, packed))
                    waiting.append(_PreparedChunk(found, rules, future))
                    continue
                failure = failure or found
                if waiting:
                    await waiting[0].prepared
                    yield waiting.popleft()
                elif failure is not None:
                    raise failure
                else:
                    return
        finally:
            for chunk in waiting:
                chunk.prepared.cancel()

    async def write(self, ahead: _PreparedChunk, report: ImportReport[OrderCounts]) -> None:
        """Write a chunk whole: first what is new, then one by one what needs a decision."""
        chunk, rules, prepared = ahead.chunk, ahead.rules, ahead.prepared.result()

        async def call(programme: ProgrammeSnapshot) -> tuple[list[int], list[Refusal], Written | None]:
            rules_now = self._rules_of(programme)
            ready = prepared
            if rules_now != rules:  # what counts is in force now
                ready = await asyncio.to_thread(prepare, chunk.records, rules_now)
            refusals = [*chunk.refusals, *ready.refusals]
            return [*ready.single], refusals, await self._write_new(chunk, rules_now, ready, refusals)

        single, refusals, written = await self.installation.programmes.while_open(self.programme_id, call)
        report.last_line = chunk.last_line
        if written is None:
            return
        report.counts.add(written.counts)
        if single := [*single, *written.single]:
            records = {record.line: record for record in chunk.records}
            for line in sorted(single):
                refusal = await self._submit(records[line], report.counts)
                refusals += [refusal] if refusal else []
            await retrying(lambda: self.run.settle(self.installation.db, chunk.last_line, refusals))

    async def _write_new(
        self, chunk: Chunk, rules: Rules, prepared: PreparedChunk, refusals: Sequence[Refusal]
    ) -> Written | None:
        """One transaction for all that is new, and the progress if nothing is left. None: another import did."""
        last_try = LastTry[Written]()

        async def call() -> Written | None:
            async with self.installation.db.bare_transaction(self.programme_id) as connection:
                claim = await self.run.claim(connection, chunk.last_line)
                committed = await last_try.committed(connection)
                if claim is None or committed is not None:
                    return committed
                written = await write_orders(connection, rules.judge, prepared, now=self.clock())
                if not prepared.single and not written.single:
                    await claim.settle(refusals)
                last_try.keep(claim, written)
                return written

        for _ in range(MAX_TRIES):
            with contextlib.suppress(RacedError):
                return await retrying(call)
        raise AssertionError("whoever reported an order first has committed, so it is known the next time")

    async def _submit(self, record: Record, counts: OrderCounts) -> Refusal | None:
        raw: Any = None
        try:
            raw = raw_order(record, self.file.heading)
            answer = await intake.submit_order(
                self.installation, self.programme_id, raw, tells=False, now=self.clock()
            )
        except (ClockAhead, ProgrammeNotOpen):
            raise  # it is not the order's fault
        except PointbookError as error:
            return refusal_of(record.line, raw, error)
        counts.add(_counts_of(answer))
        return None


def _counts_of(answer: intake.SubmittedOrder) -> OrderCounts:
    if answer.replayed:
        return OrderCounts(known=1)
    return OrderCounts(
        earned=answer.outcome is intake.Outcome.EARNED,
        received=answer.outcome is intake.Outcome.RECEIVED,
        parked=answer.outcome is intake.Outcome.PARKED,
        points=answer.points,
    )
