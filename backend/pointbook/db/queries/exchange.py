"""Exchange orders, and the items and stock that they move.

Whoever places or cancels one has locked the account first, then locks the items, always in the order of their ids.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson

from pointbook.db.queries.catalogue import EXCHANGE_ITEMS, Kept, kept_of
from pointbook.db.session import Connection
from pointbook.domain.catalogue import ExchangeItem
from pointbook.domain.exchange import ExchangeState, OrderLine


class Movement(enum.StrEnum):
    """What an order does to stock."""

    ORDERED = "ORDERED"
    CANCELLED = "CANCELLED"


class LockedOrder(NamedTuple):
    """``currency``: the programme's when it was placed."""

    id: int
    state: ExchangeState
    currency: str


class Place(NamedTuple):
    """Where a page ended: when the order was placed, and its internal id."""

    at: datetime
    id: int


@dataclass(frozen=True, slots=True)
class Criteria:
    """Which orders: all that is given has to hold. ``placed_to`` is the first instant that is too late."""

    state: ExchangeState | None = None
    placed_from: datetime | None = None
    placed_to: datetime | None = None
    account_id: int | None = None
    oldest_first: bool = False


@dataclass(frozen=True, slots=True)
class NewOrder:
    """What was exchanged, by which entry of which account."""

    public_id: UUID
    account_id: int
    entry_seq: int
    points: int
    fee: int
    currency: str
    note: str | None
    lines: Sequence[OrderLine]


async def lock_items(connection: Connection, programme_id: int, skus: Sequence[str]) -> list[Kept[ExchangeItem]]:
    """Those of the items that the catalogue has, on sale or not, as they stay until the transaction ends."""
    return [kept_of(EXCHANGE_ITEMS, row) for row in await connection.fetch(_LOCK_ITEMS, programme_id, list(skus))]


async def lock_items_of(connection: Connection, programme_id: int, order_id: int) -> None:
    await connection.execute(_LOCK_ITEMS_OF, programme_id, order_id)


async def ordered_by(
    connection: Connection, programme_id: int, account_id: int, item_ids: Sequence[int]
) -> dict[int, int]:
    """Pieces of each item in the orders of an account that were not cancelled."""
    rows = await connection.fetch(_ORDERED_BY, programme_id, account_id, list(item_ids))
    return {row["item_id"]: row["pieces"] for row in rows}


async def insert_order(connection: Connection, programme_id: int, order: NewOrder, *, now: datetime) -> int:
    """Write an order with its lines; answer its internal id."""
    order_id: int = await connection.fetchval(
        _INSERT,
        programme_id,
        order.public_id,
        order.account_id,
        now,
        order.points,
        order.fee,
        order.currency,
        order.note,
        order.entry_seq,
    )
    rows = [
        (
            programme_id,
            order_id,
            number,
            line.item_id,
            line.sku,
            orjson.dumps(dict(line.names)).decode(),
            line.quantity,
            line.price_points,
            line.fee,
        )
        for number, line in enumerate(order.lines, 1)
    ]
    await connection.executemany(_INSERT_LINE, rows)
    return order_id


async def move_stock(
    connection: Connection, programme_id: int, order_id: int, movement: Movement, *, now: datetime
) -> None:
    """Take the pieces of an order out of the stock of its items, or put them back; the items are locked."""
    sign = -1 if movement is Movement.ORDERED else 1
    await connection.execute(_MOVE, programme_id, order_id, movement.value, sign, now)


async def lock_order(connection: Connection, programme_id: int, public_id: UUID) -> LockedOrder | None:
    """The order as it stands until the transaction ends."""
    row = await connection.fetchrow(_LOCK_ORDER, programme_id, public_id)
    return None if row is None else LockedOrder(row["id"], ExchangeState(row["state"]), row["currency"])


async def any_open(connection: Connection, programme_id: int) -> bool:
    """Whether an order waits for the staff, who may still cancel it."""
    found: bool = await connection.fetchval(_ANY_OPEN, programme_id)
    return found


async def set_state(
    connection: Connection, programme_id: int, order_id: int, state: ExchangeState, *, now: datetime
) -> None:
    """Of a locked order."""
    await connection.execute(_SET_STATE, programme_id, order_id, state.value, now)


async def find_order(connection: Connection, programme_id: int, public_id: UUID) -> Any | None:
    return await connection.fetchrow(f"{_ORDERS} and o.public_id = $2", programme_id, public_id)


async def list_orders(
    connection: Connection, programme_id: int, criteria: Criteria, *, after: Place | None, most: int
) -> list[Any]:
    """In order of when they were placed, the newest first unless ``criteria`` says otherwise."""
    direction, beyond = ("asc", ">") if criteria.oldest_first else ("desc", "<")
    statement = _ORDERS + _CRITERIA.format(beyond=beyond)
    statement += f" order by o.placed_at {direction}, o.id {direction} limit $8"
    arguments = (criteria.state, criteria.placed_from, criteria.placed_to, criteria.account_id)
    return list(await connection.fetch(statement, programme_id, *arguments, *(after or (None, None)), most))


ACCOUNT_OF: Final = "select account_id from exchange_order where programme_id = $1 and public_id = $2"
"""Whose order it is; a merge makes it the target's."""

_LOCK_ITEMS: Final = """
select * from exchange_item where programme_id = $1 and sku = any($2::text[]) order by id for no key update
"""

_LOCK_ITEMS_OF: Final = """
select from exchange_item
where programme_id = $1 and id = any(
    array(select line.item_id from exchange_order_line as line where line.programme_id = $1 and line.order_id = $2)
)
order by id for no key update
"""

_ORDERED_BY: Final = """
select line.item_id, sum(line.quantity)::bigint as pieces
from exchange_order as o
join exchange_order_line as line on line.programme_id = o.programme_id and line.order_id = o.id
where o.programme_id = $1 and o.account_id = $2 and o.state <> 'CANCELLED' and line.item_id = any($3::bigint[])
group by line.item_id
"""

_INSERT: Final = """
insert into exchange_order (programme_id, public_id, account_id, placed_at, points, fee, currency, note, entry_seq)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
returning id
"""

_INSERT_LINE: Final = """
insert into exchange_order_line
    (programme_id, order_id, line, item_id, sku, names, quantity, price_points, fee)
values ($1, $2, $3, $4, $5, $6::text::jsonb, $7, $8, $9)
"""

# The stock of an item that nobody counts stays null; it moves all the same.
_MOVE: Final = """
with moved as (
    update exchange_item as item
    set stock = item.stock + $4::int * line.quantity
    from exchange_order_line as line
    where line.programme_id = $1 and line.order_id = $2 and item.programme_id = $1 and item.id = line.item_id
    returning item.id, item.stock, $4::int * line.quantity as change
)
insert into stock_movement (programme_id, item_id, at, change, kind, stock, exchange_order_id)
select $1, moved.id, $5, moved.change, $3, moved.stock, $2 from moved
"""

_LOCK_ORDER: Final = """
select id, state, currency from exchange_order where programme_id = $1 and public_id = $2 for no key update
"""

_SET_STATE: Final = """
update exchange_order
set
    state = $3,
    exchanged_at = case when $3 = 'EXCHANGED' then $4::timestamptz end,
    -- not before its owner left, of whom it gives nothing back: whoever leaves may have overtaken this call
    cancelled_at = case when $3 = 'CANCELLED' then greatest($4::timestamptz, (
        select owner.left_at from ledger.account as owner
        where owner.programme_id = $1 and owner.account_id = exchange_order.account_id
    )) end
where programme_id = $1 and id = $2
"""

_ORDERS: Final = """
select
    o.*,
    a.public_id as account,
    spender.public_id as entry_account,
    array(
        select name.external_id from member_external_id as name
        where name.programme_id = $1 and name.account_id = o.account_id order by 1
    ) as customers,
    (
        select jsonb_agg(to_jsonb(part) - array['programme_id', 'order_id', 'item_id'] order by part.line)
        from exchange_order_line as part
        where part.programme_id = $1 and part.order_id = o.id
    )::text as lines
from exchange_order as o
join ledger.account as a on a.programme_id = $1 and a.account_id = o.account_id
join ledger.account as spender
    on spender.programme_id = $1 and spender.account_id = coalesce(o.entry_account_id, o.account_id)
where o.programme_id = $1
"""

_CRITERIA: Final = """
    and ($2::text is null or o.state = $2)
    and ($3::timestamptz is null or o.placed_at >= $3)
    and ($4::timestamptz is null or o.placed_at < $4)
    and ($5::bigint is null or o.account_id = ledger.stands_for($1, $5))
    and ($6::timestamptz is null or (o.placed_at, o.id) {beyond} ($6::timestamptz, $7::bigint))
"""

_ANY_OPEN: Final = "select exists (select from exchange_order where programme_id = $1 and state = 'SUBMITTED')"
