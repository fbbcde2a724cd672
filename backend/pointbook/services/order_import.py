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
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pointbook.db.retry import MAX_TRIES, retrying
from pointbook.domain.errors import InvalidInput, PointbookError
from pointbook.services import intake, order_csv
from pointbook.services.import_files import Chunk, ImportFile, Record, Refusal
from pointbook.services.import_records import check_columns, refusal_of
from pointbook.services.import_reports import ImportReport, Progress
from pointbook.services.import_runs import ImportKind, ImportRun
from pointbook.services.installation import Installation
from pointbook.services.order_preparing import (
    PreparedChunk,
    Rules,
    prepare,
    prepare_packed,
    preparing_pool,
    raw_order,
)
from pointbook.services.order_writing import OrderCounts, RacedError, Written, write_orders

_POOL_BYTES: Final = 2**20
"""A smaller file is read before processes for it have started."""
_POOL_MOST: Final = 4
_CHUNKS_AHEAD: Final = 6


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
    with ExitStack() as stack:
        pool = _pool(stack, file, processes)
        async for chunk, rules, prepared in importing.prepared_chunks(lines_done, pool):
            await importing.write(chunk, rules, prepared, report)
            if progress is not None:
                progress(Progress(chunk.offset, file.size, chunk.last_line))
    report.refused, report.refusals = await run.finish(installation.db, now=clock())
    return report


def _pool(stack: ExitStack, file: ImportFile, processes: int | None) -> Executor | None:
    if processes is None:
        processes = min(os.cpu_count() or 1, _POOL_MOST) if file.size >= _POOL_BYTES else 0
    return stack.enter_context(preparing_pool(processes)) if processes else None


@dataclass(frozen=True, slots=True)
class _Importing:
    """One import under way."""

    installation: Installation
    programme_id: int
    file: ImportFile
    run: ImportRun
    clock: Callable[[], datetime]

    async def rules(self) -> Rules:
        programme = await self.installation.programmes.get(self.programme_id)
        return Rules(programme, programme.version_at(self.clock()), self.file.heading)

    async def prepared_chunks(
        self, behind_line: int, pool: Executor | None
    ) -> AsyncIterator[tuple[Chunk, Rules, PreparedChunk]]:
        """The chunks in order, some of them being prepared ahead. Raises what the reading raises, at its place."""
        loop = asyncio.get_running_loop()
        chunks = self.file.chunks(behind_line)
        waiting: deque[tuple[Chunk, Rules, asyncio.Future[PreparedChunk]]] = deque()
        rules = await self.rules()
        packed = rules.packed()
        failure: InvalidInput | None = None
        is_read = False
        while waiting or not is_read:
            while not is_read and len(waiting) < _CHUNKS_AHEAD:
                try:
                    chunk = await asyncio.to_thread(next, chunks, None)
                except InvalidInput as error:
                    chunk, failure = None, error
                if chunk is None:
                    is_read = True
                    break
                if (rules_now := await self.rules()) != rules:
                    rules, packed = rules_now, rules_now.packed()
                waiting.append((chunk, rules, loop.run_in_executor(pool, prepare_packed, chunk.records, packed)))
            if waiting:
                chunk, prepared_by, prepared = waiting.popleft()
                yield chunk, prepared_by, await prepared
        if failure is not None:
            raise failure

    async def write(
        self, chunk: Chunk, rules: Rules, prepared: PreparedChunk, report: ImportReport[OrderCounts]
    ) -> None:
        """Write a chunk whole: first what is new, then one by one what needs a decision."""
        rules_now = await self.rules()
        rules_now.programme.require_open()
        if rules_now != rules:  # what counts is in force now
            rules, prepared = rules_now, await asyncio.to_thread(prepare, chunk.records, rules_now)
        refusals = [*chunk.refusals, *prepared.refusals]
        written = await self._write_new(chunk, rules, prepared, refusals)
        report.last_line = chunk.last_line
        if written is None:
            return
        report.counts.add(written.counts)
        if single := [*prepared.single, *written.single]:
            records = {record.line: record for record in chunk.records}
            for line in sorted(single):
                refusal = await self._submit(records[line], report.counts)
                refusals += [refusal] if refusal else []
            await retrying(lambda: self.run.settle(self.installation.db, chunk.last_line, refusals))

    async def _write_new(
        self, chunk: Chunk, rules: Rules, prepared: PreparedChunk, refusals: Sequence[Refusal]
    ) -> Written | None:
        """One transaction for all that is new, and the progress if nothing is left. None: another import did."""

        async def call() -> Written | None:
            async with self.installation.db.bare_transaction(self.programme_id) as connection:
                claim = await self.run.claim(connection, chunk.last_line)
                if claim is None:
                    return None
                written = await write_orders(
                    connection, rules.programme, rules.version, prepared.orders, now=self.clock()
                )
                if not prepared.single and not written.single:
                    await claim.settle(refusals)
                return written

        for _ in range(MAX_TRIES):
            with contextlib.suppress(RacedError):
                return await retrying(call)
        raise AssertionError("whoever reported an order first has committed, so it is known the next time")

    async def _submit(self, record: Record, counts: OrderCounts) -> Refusal | None:
        raw: Any = None
        try:
            raw = raw_order(record, self.file.heading)
            answer = await intake.submit_order(self.installation, self.programme_id, raw, now=self.clock())
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
