"""Many customers of a shop at once, for imports; ``customers`` is about one."""

from collections.abc import Iterable

from pointbook.db.session import Connection


async def accounts_of(connection: Connection, programme_id: int, customers: Iterable[str]) -> dict[str, int]:
    """The accounts of those who have joined, by the shop's customer id. Nothing is locked."""
    rows = await connection.fetch(_ACCOUNTS, programme_id, list(customers))
    return {row["external_id"]: row["account_id"] for row in rows}


async def lock_customers(
    connection: Connection, programme_id: int, customers: Iterable[str]
) -> dict[str, int | None]:
    """Remember customer ids and lock them until the transaction ends. Answers their accounts, None: not joined."""
    rows = await connection.fetch(_LOCK, programme_id, sorted(customers))
    return {row["external_id"]: row["account_id"] for row in rows}


_ACCOUNTS = """
select external_id, account_id
from member_external_id
where programme_id = $1 and external_id = any($2::text[]) and account_id is not null
"""

_LOCK = """
insert into member_external_id as known (programme_id, external_id)
select $1, unnest($2::text[])
on conflict (programme_id, external_id) do update set external_id = known.external_id
returning external_id, account_id
"""
