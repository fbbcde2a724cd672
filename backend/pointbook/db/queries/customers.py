"""The row that joining and parking an order lock, so that neither can miss the other."""

from pointbook.db.session import Connection


async def lock_customer(connection: Connection, programme_id: int, external_id: str) -> int | None:
    """Remember the shop's customer id and lock it until the transaction ends; its account, if it has one."""
    account_id: int | None = await connection.fetchval(_LOCK, programme_id, external_id)
    return account_id


_LOCK = """
insert into member_external_id as known (programme_id, external_id) values ($1, $2)
on conflict (programme_id, external_id) do update set external_id = known.external_id
returning account_id
"""
