"""Bulk import of balances from another system, in chunks, each in one transaction; ``balance_lines`` is the form.

Nobody is told of the points: members had them before.
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
from pointbook.domain.errors import InvalidInput, MemberInactive, NotAMember, PointbookError
from pointbook.ledger import Accrual
from pointbook.services.balance_lines import (
    COLUMNS,
    KEY,
    BalanceLine,
    balance_line,
    check_same,
    lot_of,
    raw_line,
)
from pointbook.services.directory import ProgrammeSnapshot, check_unchanged
from pointbook.services.import_files import Chunk, Heading, ImportFile, Refusal
from pointbook.services.import_records import check_columns, refusal_of
from pointbook.services.import_reports import Counts, ImportReport, Progress
from pointbook.services.import_runs import REFUSALS_KEPT, ImportKind, ImportRun, LastTry
from pointbook.services.installation import Installation

BALANCE: Final = "balance"
"""The kind of source in the ledger."""

_ATTEMPTS: Final = 5

Taken = tuple["BalanceCounts", list[Refusal]]
"""What came of a chunk."""


@dataclass(slots=True)
class BalanceCounts(Counts):
    """``lots`` were credited, ``points`` with them; ``known`` ones had been before."""

    lots: int = 0
    known: int = 0
    points: int = 0


async def import_balances(
    installation: Installation,
    programme_id: int,
    path: Path,
    *,
    dry_run: bool = False,
    clock: Callable[[], datetime],
    progress: Callable[[Progress], None] | None = None,
) -> ImportReport[BalanceCounts]:
    """Import a file of balances, JSON Lines or CSV, plain or gzip, and report what came of it.

    A line that cannot be used is refused with its reason and the import goes on. Repeated, broken off and begun
    again, or run twice at the same time, it has the same effect as once. A ``dry_run`` only tells what would come
    of it. Raises InvalidInput when the file cannot be read, ProgrammeNotOpen, ClockAhead.
    """
    (await installation.programmes.get(programme_id)).require_open()
    file = await asyncio.to_thread(ImportFile.open, path, key=None)
    if file.heading is not None:
        check_columns(file.heading, COLUMNS)
    run, lines_done = None, 0
    if not dry_run:
        kind = ImportKind.BALANCES
        run, lines_done = await ImportRun.begin(installation.db, programme_id, kind, file, now=clock())
    importing = _Importing(installation, programme_id, file.heading, run)
    report = ImportReport(BalanceCounts(), behind_line=lines_done, last_line=lines_done)
    chunks = file.chunks(lines_done)
    while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
        counts, refusals = await importing.take(chunk, clock())
        report.counts.add(counts)
        report.refused += len(refusals)
        report.refusals += refusals[: REFUSALS_KEPT - len(report.refusals)]
        report.last_line = chunk.last_line
        if progress is not None:
            progress(Progress(chunk.offset, file.size, chunk.last_line))
    if run is not None:
        report.refused, report.refusals = await run.finish(installation.db, now=clock())
    return report


class _RacedError(Exception):
    """Another import credited one of the lots meanwhile: look again."""


@dataclass(frozen=True, slots=True)
class _Importing:
    """A file on its way. Without a ``run`` it is dry. ``lines`` says where each id stood first."""

    installation: Installation
    programme_id: int
    heading: Heading | None
    run: ImportRun | None
    lines: dict[str, int] = field(default_factory=dict)

    async def take(self, chunk: Chunk, now: datetime) -> Taken:
        last_try = LastTry[Taken]()

        async def call(programme: ProgrammeSnapshot) -> Taken:
            balances, refusals = self._read(chunk, programme)
            if self.run is None:
                return await retrying(lambda: self._try(programme, balances, refusals, now))
            return await retrying(lambda: self._write(programme, chunk, last_try, balances, refusals, now))

        for _ in range(_ATTEMPTS):
            try:
                return await self.installation.programmes.while_open(self.programme_id, call)
            except _RacedError:
                continue
        raise AssertionError(f"lots of a file were credited by others {_ATTEMPTS} times")

    def _read(self, chunk: Chunk, programme: ProgrammeSnapshot) -> tuple[list[BalanceLine], list[Refusal]]:
        balances, refusals = [], list(chunk.refusals)
        for record in chunk.records:
            raw: Any = None
            try:
                raw = raw_line(record, self.heading)
                balance = balance_line(record.line, raw, programme)
                first = self.lines.setdefault(balance.id, record.line)
                if first != record.line:
                    raise InvalidInput(KEY, f"is that of line {first:,}: each lot needs an id of its own")
                balances.append(balance)
            except PointbookError as error:
                refusals.append(refusal_of(record.line, raw, error, key=KEY))
        return balances, refusals

    async def _try(
        self,
        programme: ProgrammeSnapshot,
        balances: Sequence[BalanceLine],
        refusals: Sequence[Refusal],
        now: datetime,
    ) -> Taken:
        """What would come of a chunk: all of it is rolled back."""
        async with self.installation.db.bare_transaction(self.programme_id) as connection:
            effects = connection.transaction()
            await effects.start()
            counts, more = await _credit(connection, programme, balances, now)
            await effects.rollback()
        return counts, _in_order(refusals, more)

    async def _write(  # noqa: PLR0917  # what a try needs, in the order of its use
        self,
        programme: ProgrammeSnapshot,
        chunk: Chunk,
        last_try: LastTry[Taken],
        balances: Sequence[BalanceLine],
        refusals: Sequence[Refusal],
        now: datetime,
    ) -> Taken:
        assert self.run is not None, "it is not dry"
        async with self.installation.db.bare_transaction(self.programme_id) as connection:
            claim = await self.run.claim(connection, chunk.last_line)
            committed = await last_try.committed(connection)
            if claim is None or committed is not None:
                return committed or (BalanceCounts(), [])
            counts, more = await _credit(connection, programme, balances, now)
            await check_unchanged(connection, programme)
            taken = counts, _in_order(refusals, more)
            await claim.settle(taken[1])
            last_try.keep(claim, taken)
            return taken


async def _credit(
    connection: Connection, programme: ProgrammeSnapshot, balances: Sequence[BalanceLine], now: datetime
) -> Taken:
    """Credit the lots that are new, in one call of the ledger; those credited before must say the same."""
    accounts = await accounts_of(connection, programme.id, {balance.customer for balance in balances})
    credited = await _credited(connection, programme.id, balances)
    counts, refusals = BalanceCounts(), []
    new: list[tuple[BalanceLine, Accrual]] = []
    for balance in balances:
        try:
            account = accounts.get(balance.customer)
            if account is None:
                raise NotAMember
            if balance.id in credited:
                check_same(balance, credited[balance.id])
                counts.known += 1
                continue
            lot = lot_of(balance, programme, now)
            new.append((balance, Accrual(account, BALANCE, balance.id, 1, (lot,))))
        except PointbookError as error:
            refusals.append(_refusal(balance, error))
    answers = await ledger.accrue(connection, programme.id, [accrual for _, accrual in new], now=now)
    for (balance, _), accrued in zip(new, answers, strict=True):
        match accrued.status:
            case "ok":
                counts.lots += 1
                counts.points += balance.points
            case "not_earning":
                refusals.append(_refusal(balance, MemberInactive()))
            case "duplicate":
                raise _RacedError
            case status:
                raise AssertionError(f"the account of a member: {status}")
    return counts, refusals


async def _credited(connection: Connection, programme_id: int, balances: Sequence[BalanceLine]) -> dict[str, Any]:
    """The lots that were credited before, by their ids, and whether to the same member as now."""
    ids, customers = [balance.id for balance in balances], [balance.customer for balance in balances]
    return {row["id"]: row for row in await connection.fetch(_CREDITED, programme_id, ids, customers)}


def _refusal(balance: BalanceLine, error: PointbookError) -> Refusal:
    return refusal_of(balance.line, {KEY: balance.id}, error, key=KEY)


def _in_order(*refusals: Iterable[Refusal]) -> list[Refusal]:
    return sorted((one for some in refusals for one in some), key=lambda one: one.line)


# A merge leads a customer's id to another account than the one that was credited; the lot has moved there too.
_CREDITED = """
select
    asked.id, lot.granted, lot.value_per_point, lot.available_from,
    nullif(lot.expires_at, 'infinity') as expires_at,
    coalesce(customer.account_id = lot.owner_id, false) as same_customer
from unnest($2::text[], $3::text[]) as asked (id, customer)
join ledger.entry as entry
    on entry.programme_id = $1 and entry.kind = 'accrual' and entry.source_type = 'balance'
    and entry.source_id = asked.id and entry.occurrence = 1
join ledger.transfer as granted
    on granted.programme_id = $1 and granted.account_id = entry.account_id and granted.seq = entry.seq
join ledger.lot as lot on lot.programme_id = $1 and lot.lot_id = granted.lot_id
left join member_external_id as customer
    on customer.programme_id = $1 and customer.external_id = asked.customer
"""
