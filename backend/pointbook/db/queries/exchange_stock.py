"""The stock of exchange items and its movements. Whoever moves stock has locked the item."""

from datetime import datetime
from typing import NamedTuple

from pointbook.db.session import Connection


class StockItem(NamedTuple):
    """``stock`` None: nobody counts it."""

    id: int
    sku: str
    stock: int | None


class EarlierChange(NamedTuple):
    """What a call of the staff did: its input, and the stock afterwards."""

    input: bytes
    stock: int | None


async def lock_item(connection: Connection, programme_id: int, sku: str) -> StockItem | None:
    row = await connection.fetchrow(_LOCK, programme_id, sku)
    return None if row is None else StockItem(*row)


async def earlier_change(connection: Connection, programme_id: int, request: bytes) -> EarlierChange | None:
    row = await connection.fetchrow(_EARLIER, programme_id, request)
    return None if row is None else EarlierChange(*row)


async def set_stock(
    connection: Connection,
    programme_id: int,
    item_id: int,
    stock: int | None,
    request: tuple[bytes, bytes],
    *,
    now: datetime,
) -> None:
    """A new stock of a locked item, and the movement that makes the sum of its movements so.

    Of an item that is not counted from now on, the sum goes to 0; from there orders go on moving it.
    """
    await connection.execute(_SET, programme_id, item_id, stock)
    await connection.execute(_MOVE, programme_id, item_id, now, stock, *request)


_LOCK = "select id, sku, stock from exchange_item where programme_id = $1 and sku = $2 for no key update"

_EARLIER = "select input, stock from stock_movement where programme_id = $1 and request = $2"

_SET = "update exchange_item set stock = $3 where programme_id = $1 and id = $2"

_MOVE = """
insert into stock_movement (programme_id, item_id, at, change, kind, stock, request, input)
select $1, $2, $3, coalesce($4::bigint, 0) - coalesce(sum(moved.change), 0), 'SET', $4, $5, $6
from stock_movement as moved
where moved.programme_id = $1 and moved.item_id = $2
"""
