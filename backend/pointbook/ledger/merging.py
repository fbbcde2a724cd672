"""Two accounts become one, for good."""

from datetime import datetime

from pointbook.db import moves
from pointbook.db.session import Connection
from pointbook.domain import errors
from pointbook.domain.merging import MergeObstacle
from pointbook.ledger.answers import Merged
from pointbook.ledger.commands import Source
from pointbook.ledger.statuses import refuse

_MERGE = "select * from ledger.merge($1, $2, $3, $4, $5, $6, $7)"


async def merge(
    connection: Connection,
    programme_id: int,
    target: int,
    source: int,
    *,
    single_bonus: str | None,
    for_: Source,
    now: datetime,
) -> Merged:
    """Merge the account ``source`` into ``target`` (R33): its lots, open holds with their codes, and debt.

    Of accruals whose source is ``single_bonus`` the target keeps its own, and the other's is reversed as far as
    it is open; None: both keep theirs. ``for_`` merges once; again: the first answer.
    Raises NotAMember, MembersNotMergeable, ClockAhead.
    """
    assert for_.occurrence == 1, "a merge is done once"
    row = await connection.fetchrow(_MERGE, programme_id, target, source, single_bonus, for_.type, for_.id, now)
    assert row is not None
    if row["status"] in {"oneself", "merged", "inactive"}:
        raise errors.MembersNotMergeable(MergeObstacle(row["status"].upper()))
    if row["status"] != "ok":
        refuse(row["status"], now=now)
    for account_id in (target, source):
        moves.note(connection, programme_id, account_id)
    return Merged(*list(row)[1:])
