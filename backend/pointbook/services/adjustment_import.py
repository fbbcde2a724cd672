"""Bulk import of adjustments; ``adjustment_lines`` is the form. The members are told, as of any adjustment."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from pointbook import ledger
from pointbook.db.queries.customer_sets import accounts_of
from pointbook.db.session import Connection
from pointbook.domain.errors import ClockAhead, IdempotencyConflict, InvalidInput, NotAMember, PointbookError
from pointbook.services.adjusting import write
from pointbook.services.adjustment_lines import COLUMNS, AdjustmentLine, adjustment_line
from pointbook.services.directory import ProgrammeSnapshot, keep_unchanged
from pointbook.services.import_reports import Counts, ImportReport, Progress
from pointbook.services.import_runs import ImportKind
from pointbook.services.installation import Installation, Secrets
from pointbook.services.line_imports import KEY, LineForm, Taken, import_lines, refusal_of_line


@dataclass(slots=True)
class AdjustmentCounts(Counts):
    """Adjustments that were ``made``, with the points ``given`` and ``taken``; ``known`` ones had been before.

    ``above_limit`` of those made are larger than staff may make without a right of their own: a file is the
    operator's, who has no limit.
    """

    made: int = 0
    known: int = 0
    given: int = 0
    taken: int = 0
    above_limit: int = 0


async def import_adjustments(
    installation: Installation,
    programme_id: int,
    path: Path,
    *,
    dry_run: bool = False,
    clock: Callable[[], datetime],
    progress: Callable[[Progress], None] | None = None,
) -> ImportReport[AdjustmentCounts]:
    """Import a file of adjustments; see ``import_lines``.

    A ``dry_run`` judges a hundred lines together, so that of several minuses of a member far apart each is judged
    by the balance of now.
    """
    return await import_lines(
        installation,
        programme_id,
        path,
        form_of(installation.secrets),
        dry_run=dry_run,
        clock=clock,
        progress=progress,
    )


async def _adjust(
    connection: Connection, programme: ProgrammeSnapshot, wanted: Sequence[AdjustmentLine], now: datetime
) -> Taken[AdjustmentCounts]:
    """Make what is new, in the order of the lines, once all accounts are locked in the order of their keys."""
    accounts = await accounts_of(connection, programme.id, {line.customer for line in wanted})
    locked = await ledger.lock(connection, programme.id, {*accounts.values()})
    await keep_unchanged(connection, programme)
    counts, refusals = AdjustmentCounts(), []
    limit = programme.settings_at(now).adjustment_max_points
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
            refusals.append(refusal_of_line(line, other))
        except PointbookError as error:
            refusals.append(refusal_of_line(line, error))
        else:
            counts.made += new
            counts.known += not new
            counts.given += max(adjustment.points, 0) if new else 0
            counts.taken += max(-adjustment.points, 0) if new else 0
            counts.above_limit += new and limit is not None and abs(adjustment.points) > limit
    return counts, refusals


def form_of(secrets: Secrets) -> LineForm[AdjustmentLine, AdjustmentCounts]:
    return LineForm(
        ImportKind.ADJUSTMENTS,
        "adjustment",
        COLUMNS,
        AdjustmentCounts,
        partial(adjustment_line, secrets),
        _adjust,
        at_once=100,  # so many accounts are locked at a time: their members wait so long
    )
