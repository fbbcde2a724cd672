"""Bookings as staff look at them: a list, the latest appointment first, and what a booking did to points."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pointbook.db.queries.order_views import TOLD, OrderEntry, Place
from pointbook.db.session import Connection


@dataclass(frozen=True, slots=True)
class Filter:
    """Which bookings: all that is given must fit. They start at ``starts_from`` or later, before ``starts_to``."""

    status: str | None = None
    service: str | None = None
    customer: str | None = None
    starts_from: datetime | None = None
    starts_to: datetime | None = None


async def booking(connection: Connection, programme_id: int, external_id: str) -> Any | None:
    return await connection.fetchrow(f"{_BOOKINGS} and known.external_id = $2", programme_id, external_id)


async def list_bookings(
    connection: Connection, programme_id: int, asked: Filter, *, before: Place | None, most: int
) -> list[Any]:
    """Those that start last, or before that place."""
    arguments: list[Any] = [programme_id]
    conditions: list[str] = []

    def where(condition: str, *values: object) -> None:
        numbers = [f"${len(arguments) + number}" for number in range(1, len(values) + 1)]
        arguments.extend(values)
        conditions.append(f" and {condition.format(*numbers)}")

    if before is not None:
        where("(known.starts_at, known.external_id) < ({}::timestamptz, {}::text)", *before)
    if asked.status is not None:
        where("known.status = {}", asked.status)
    if asked.service is not None:
        where("known.service_id = {}", asked.service)
    if asked.customer is not None:
        where(_OF_CUSTOMER, asked.customer)
    if asked.starts_from is not None:
        where("known.starts_at >= {}", asked.starts_from)
    if asked.starts_to is not None:
        where("known.starts_at < {}", asked.starts_to)
    arguments.append(most)
    statement = f"{_BOOKINGS}{''.join(conditions)} {_LAST_FIRST} limit ${len(arguments)}"
    return list(await connection.fetch(statement, *arguments))


async def entries_of(
    connection: Connection, programme_id: int, booking_id: str, *, first: int, offset: int
) -> list[OrderEntry]:
    """What a booking did in the ledger, the oldest first."""
    rows = await connection.fetch(_ENTRIES, programme_id, booking_id, first, offset)
    return [OrderEntry(*row) for row in rows]


_BOOKINGS = """
select known.*, coalesce(earned.points, 0) as points, earned.available_from, earned.settings_version
from booking as known
left join booking_occurrence as earned
    on earned.programme_id = known.programme_id and earned.booking_external_id = known.external_id
    and earned.occurrence = known.occurrence and earned.reversed_at is null
where known.programme_id = $1
"""

_LAST_FIRST = "order by known.starts_at desc, known.external_id desc"

# Its customer's by now, or that of an id which has not joined.
_OF_CUSTOMER = """
    (
        known.account_id is null and known.customer_external_id = {0}
        or known.account_id = (
            select m.account_id from member_external_id as m where m.programme_id = $1 and m.external_id = {0}
        )
    )
"""

_ENTRIES = f"""
with named as (
    select e.account_id, e.seq
    from ledger.entry as e
    where e.programme_id = $1 and e.kind in ('accrual', 'reversal') and e.source_type = 'booking'
        and e.source_id = $2
)
{TOLD}
limit $3 offset $4
"""  # noqa: S608  # a statement of this package
