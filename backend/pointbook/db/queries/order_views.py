"""Orders and returns as staff look at them: lists, newest first, and what an order did to points."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from pointbook.db.session import Connection

STATES: Final[Mapping[str, str]] = {
    "RECEIVED": "known.state = 'RECEIVED' and known.returned = 'NONE'",
    "PARKED": "known.state = 'PARKED' and known.returned = 'NONE'",
    "EARNED": "known.state = 'EARNED' and known.returned = 'NONE'",
    "PARTLY_RETURNED": "known.returned = 'PART'",
    "RETURNED": "known.returned = 'ALL'",
    "CANCELLED": "known.returned = 'CANCELLED'",
}
"""Which orders are in a state."""


class Place(NamedTuple):
    """Where a page ended: the instant by which the list is ordered, and the id."""

    at: datetime
    external_id: str


class OrderEntry(NamedTuple):
    """An entry of the ledger that an order caused; its effect on what the account owns and holds, in points."""

    account: UUID
    customers: list[str]
    """The shop's ids of the member whose account it is."""
    seq: int
    kind: str
    at: datetime
    points: int
    held: int
    moved: int
    source_type: str | None
    source_id: str | None
    occurrence: int | None
    hold_id: UUID | None


async def order(connection: Connection, programme_id: int, external_id: str) -> Any | None:
    return await connection.fetchrow(f"{_ORDERS} and known.external_id = $2", programme_id, external_id)


async def list_orders(
    connection: Connection,
    programme_id: int,
    *,
    state: str | None,
    customer: str | None,
    before: Place | None,
    most: int,
) -> list[Any]:
    """The orders placed last, or placed before that place; of a state of ``STATES``, of a customer."""
    at, external_id = before or (None, None)
    statement = _ORDERS + _BEFORE + (f" and {STATES[state]}" if state else "")
    statement += _OF_CUSTOMER if customer is not None else " and $5::text is null"
    statement += " order by known.placed_at desc, known.external_id desc limit $4"
    return list(await connection.fetch(statement, programme_id, at, external_id, most, customer))


async def returns_of(
    connection: Connection, programme_id: int, order_id: str, *, first: int, offset: int
) -> list[Any]:
    """The documents of an order: those that had their effect in that order, then those that wait."""
    return list(await connection.fetch(_RETURNS_OF, programme_id, order_id, first, offset))


async def return_document(connection: Connection, programme_id: int, external_id: str) -> Any | None:
    statement = "select * from return_document where programme_id = $1 and external_id = $2"
    return await connection.fetchrow(statement, programme_id, external_id)


async def waiting_returns(
    connection: Connection, programme_id: int, *, refused: bool | None, before: Place | None, most: int
) -> list[Any]:
    """Documents without effect, reported last first: parked or refused ones, or with None both."""
    at, external_id = before or (None, None)
    return list(await connection.fetch(_WAITING, programme_id, at, external_id, most, refused))


async def entries_of(
    connection: Connection, programme_id: int, order_id: str, hold_id: UUID | None, *, first: int, offset: int
) -> list[OrderEntry]:
    """What an order and its documents did in the ledger, the oldest first."""
    rows = await connection.fetch(_ENTRIES, programme_id, order_id, hold_id, first, offset)
    return [OrderEntry(*row) for row in rows]


_ORDERS = """
select
    known.*,
    coalesce(
        (
            select late.points from ledger.late_capture as late
            where late.programme_id = $1 and late.hold_id = known.hold_id and late.purchase = known.purchase
        ),
        (
            select h.captured_points from ledger.hold as h
            where h.programme_id = $1 and h.hold_id = known.hold_id and known.purchase = 1
        ),
        0
    ) as points_redeemed
from sales_order as known
where known.programme_id = $1
"""

_BEFORE = """
    and ($2::timestamptz is null or (known.placed_at, known.external_id) < ($2::timestamptz, $3::text))
"""

_OF_CUSTOMER = """
    and (
        known.state = 'PARKED' and known.customer_external_id = $5
        or known.account_id = (
            select m.account_id from member_external_id as m where m.programme_id = $1 and m.external_id = $5
        )
    )
"""

_RETURNS_OF = """
select * from return_document
where programme_id = $1 and order_external_id = $2
order by occurrence, number, reported_at, external_id
limit $3 offset $4
"""

_WAITING = """
select * from return_document
where programme_id = $1 and state <> 'APPLIED' and ($5::bool is null or (state = 'REFUSED') = $5)
    and ($2::timestamptz is null or (reported_at, external_id) < ($2::timestamptz, $3::text))
order by reported_at desc, external_id desc
limit $4
"""

TOLD: Final = """
select
    a.public_id,
    array(
        select name.external_id from member_external_id as name
        where name.programme_id = $1 and name.account_id = named.account_id order by 1
    ) as customers,
    e.seq, e.kind, e.at, moved.points, moved.held, moved.moved, e.source_type, e.source_id,
    e.occurrence, e.hold_id
from named
join ledger.account as a on a.programme_id = $1 and a.account_id = named.account_id
join ledger.entry as e on e.programme_id = $1 and e.account_id = named.account_id and e.seq = named.seq
cross join lateral (
    select
        sum(
            (t.credit in ('open', 'held', 'debt'))::int * t.points
            - (t.debit in ('open', 'held', 'debt'))::int * t.points
        )::bigint as points,
        sum((t.credit = 'held')::int * t.points - (t.debit = 'held')::int * t.points)::bigint as held,
        sum(t.points)::bigint as moved
    from ledger.transfer as t
    where t.programme_id = $1 and t.account_id = named.account_id and t.seq = named.seq
) as moved
order by e.at, e.account_id, e.seq
"""
"""Of the entries that ``named`` has, the oldest first, the columns of ``OrderEntry``."""

# A voucher may have been captured by a call that did not name the order: then its hold leads to the entry.
_ENTRIES = f"""
with named as (
    select e.account_id, e.seq
    from ledger.entry as e
    where e.programme_id = $1 and e.kind in ('accrual', 'capture', 'late_capture') and e.source_type = 'order'
        and e.source_id = $2
    union
    select h.owner_id, h.end_seq
    from ledger.hold as h
    where h.programme_id = $1 and h.hold_id = $3 and h.state = 'captured'
    union
    select late.account_id, late.seq
    from ledger.late_capture as late
    where late.programme_id = $1 and late.hold_id = $3
    union
    select e.account_id, e.seq
    from return_document as r
    join ledger.entry as e
        on e.programme_id = r.programme_id and e.kind in ('give_back', 'reversal') and e.source_type = 'return'
        and e.source_id = r.external_id
    where r.programme_id = $1 and r.order_external_id = $2
)
{TOLD}
limit $4 offset $5
"""  # noqa: S608  # a statement of this module
