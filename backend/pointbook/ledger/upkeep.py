"""What keeps the books tidy and proves that they are right. No answer depends on either."""

from datetime import datetime

from pointbook.db.session import Connection
from pointbook.ledger.answers import Verification, Violation
from pointbook.ledger.statuses import refuse


async def sweep(connection: Connection, programme_id: int, *, limit: int, now: datetime) -> int:
    """Book what is due on at most ``limit`` accounts that nobody else has locked; returns how many it did.

    Raises ClockAhead.
    """
    row = await connection.fetchrow("select * from ledger.sweep($1, $2, $3)", programme_id, limit, now)
    assert row is not None
    if row["status"] != "ok":
        refuse(row["status"], now=now)
    accounts: int = row["accounts"]
    return accounts


async def sweep_cards(connection: Connection, programme_id: int, *, limit: int, now: datetime) -> int:
    """The same for gift cards: how many were brought to now. Raises ClockAhead."""
    row = await connection.fetchrow("select * from ledger.sweep_cards($1, $2, $3)", programme_id, limit, now)
    assert row is not None
    if row["status"] != "ok":
        refuse(row["status"], now=now)
    cards: int = row["cards"]
    return cards


async def violations(connection: Connection, programme_id: int) -> list[Violation]:
    """One for every place where an invariant does not hold; none in a sound ledger."""
    rows = await connection.fetch("select * from ledger.violations_of($1)", programme_id)
    return [Violation(row["account_id"], row["violation"], row["detail"]) for row in rows]


async def verify(connection: Connection, programme_id: int) -> Verification:
    """Violations, and how many accounts, entries and gift cards were looked at.

    Zero accounts is no proof of anything.
    """
    counts = await connection.fetchrow("select * from ledger.extent($1)", programme_id)
    cards = await connection.fetchval("select cards from ledger.extent_of_cards($1)", programme_id)
    assert counts is not None
    found = await violations(connection, programme_id)
    return Verification(counts["accounts"], counts["entries"], cards, tuple(found))
