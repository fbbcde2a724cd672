"""Rows of programmes that use cases lock or look at."""

from pointbook.db.session import Connection


async def lock_programme(connection: Connection, programme_id: int) -> None:
    """Changes of one programme's configuration queue here. Orders and redemptions take no notice."""
    found = await connection.fetchval("select id from programme where id = $1 for no key update", programme_id)
    assert found is not None, "whoever changes a programme has found it before"


async def outstanding_points(connection: Connection, programme_id: int) -> int:
    """Points that members have or hold, once what is due has been booked."""
    points: int = await connection.fetchval(
        "select coalesce(sum(open + held), 0)::bigint from ledger.lot where programme_id = $1 and open + held > 0",
        programme_id,
    )
    return points


async def cards_outstanding(connection: Connection, programme_id: int) -> bool:
    """Whether a gift card has money on it, once what is due has been booked."""
    found: bool = await connection.fetchval(
        "select exists (select from ledger.card where programme_id = $1 and open + held > 0)", programme_id
    )
    return found
