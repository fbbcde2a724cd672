"""Bulk import of balances from another system; ``balance_lines`` is the form.

Nobody is told of the points: members had them before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pointbook import ledger
from pointbook.db.queries.customer_sets import accounts_of
from pointbook.db.session import Connection
from pointbook.domain.errors import MemberInactive, NotAMember, PointbookError
from pointbook.ledger import Accrual
from pointbook.services.balance_lines import COLUMNS, BalanceLine, balance_line, check_same, lot_of
from pointbook.services.directory import ProgrammeSnapshot, check_unchanged
from pointbook.services.import_reports import Counts, ImportReport, Progress
from pointbook.services.import_runs import ImportKind
from pointbook.services.installation import Installation
from pointbook.services.line_imports import LineForm, RacedError, Taken, import_lines, refusal_of_line

BALANCE: Final = "balance"
"""The kind of source in the ledger."""


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
    """Import a file of balances; see ``import_lines``."""
    return await import_lines(
        installation, programme_id, path, BALANCES, dry_run=dry_run, clock=clock, progress=progress
    )


async def _credit(
    connection: Connection, programme: ProgrammeSnapshot, balances: Sequence[BalanceLine], now: datetime
) -> Taken[BalanceCounts]:
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
            refusals.append(refusal_of_line(balance, error))
    answers = await ledger.accrue(connection, programme.id, [accrual for _, accrual in new], now=now)
    for (balance, _), accrued in zip(new, answers, strict=True):
        match accrued.status:
            case "ok":
                counts.lots += 1
                counts.points += balance.points
            case "not_earning":
                refusals.append(refusal_of_line(balance, MemberInactive()))
            case "duplicate":
                raise RacedError
            case status:
                raise AssertionError(f"the account of a member: {status}")
    await check_unchanged(connection, programme)
    return counts, refusals


async def _credited(connection: Connection, programme_id: int, balances: Sequence[BalanceLine]) -> dict[str, Any]:
    """The lots that were credited before, by their ids, and whether to the same member as now."""
    ids, customers = [balance.id for balance in balances], [balance.customer for balance in balances]
    return {row["id"]: row for row in await connection.fetch(_CREDITED, programme_id, ids, customers)}


BALANCES: Final = LineForm(ImportKind.BALANCES, "lot", COLUMNS, BalanceCounts, balance_line, _credit)

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
