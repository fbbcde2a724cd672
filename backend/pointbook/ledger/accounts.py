"""Programmes and accounts of the ledger: opened, restricted, locked."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from pointbook.db.session import Connection
from pointbook.ledger.statuses import refuse


async def open_programme(connection: Connection, programme_id: int, *, sandbox: bool) -> None:
    """Make the programme known to the ledger; again: nothing. A sandbox's clock may be ahead."""
    await connection.execute("select ledger.open_programme($1, $2)", programme_id, sandbox)


async def open_account(connection: Connection, programme_id: int, public_id: UUID, *, now: datetime) -> int:
    """The account with this public id, opened at ``now`` unless it exists. Raises ClockAhead."""
    row = await connection.fetchrow(
        "select status, account_id from ledger.open_account($1, $2, $3)", programme_id, public_id, now
    )
    assert row is not None
    if row["status"] != "ok":
        refuse(row["status"], now=now)
    account_id: int = row["account_id"]
    return account_id


async def restrict(
    connection: Connection, programme_id: int, account_id: int, *, may_earn: bool, may_spend: bool, now: datetime
) -> None:
    """Say whether the account earns and spends; open holds stay. Raises NotAMember, ClockAhead."""
    status = await connection.fetchval(
        "select ledger.restrict($1, $2, $3, $4, $5)", programme_id, account_id, may_earn, may_spend, now
    )
    if status != "ok":
        refuse(status, now=now)


async def is_one(connection: Connection, programme_id: int, account_id: int, other: int) -> bool:
    """Whether two accounts are one by now, because of merges."""
    same: bool = await connection.fetchval(
        "select ledger.stands_for($1, $2) = ledger.stands_for($1, $3)", programme_id, account_id, other
    )
    return same


async def lock(connection: Connection, programme_id: int, account_ids: Iterable[int]) -> dict[int, int]:
    """Lock the accounts in key order until the transaction ends, for a use case that locks rows of its own next.

    Returns for each account that exists the one that stands for it: itself, or the target of a merge.
    """
    rows = await connection.fetch(
        "select given, account_id from ledger.lock_accounts($1, $2)", programme_id, list(account_ids)
    )
    return {row["given"]: row["account_id"] for row in rows}
