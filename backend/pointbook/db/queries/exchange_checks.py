"""What is wrong with exchange orders and stock: no row in a sound programme."""

from typing import Final, NamedTuple

from pointbook.db.session import Connection


class Wrong(NamedTuple):
    """``account_id`` None: of an item of the catalogue."""

    account_id: int | None
    violation: str
    detail: str


async def wrong_exchanges(connection: Connection, programme_id: int) -> list[Wrong]:
    """One for each place where stock_differs, or an order not what moved stock and points."""
    return [Wrong(*row) for row in await connection.fetch(_WRONG, programme_id)]


_WRONG: Final = """
with moved as (
    select
        exchange_order_id,
        item_id,
        sum(change) as change,
        sum(change) filter (where kind = 'ORDERED') as ordered
    from stock_movement where programme_id = $1
    group by exchange_order_id, item_id
), listed as (
    select o.id, o.public_id, o.account_id, o.state, line.item_id, line.quantity
    from exchange_order as o
    join exchange_order_line as line on line.programme_id = $1 and line.order_id = o.id
    where o.programme_id = $1
)
select null::bigint as account_id, 'stock_differs' as violation,
    format('exchange item %s: %s, and they sum to %s', item.sku, item.stock, coalesce(sums.change, 0)) as detail
from exchange_item as item
left join (select item_id, sum(change) as change from moved group by item_id) as sums on sums.item_id = item.id
where item.programme_id = $1 and item.stock <> coalesce(sums.change, 0)
union all
select listed.account_id, 'exchange_stock_differs',
    format('exchange order %s, item %s', coalesce(listed.public_id::text, moved.exchange_order_id::text),
        coalesce(listed.item_id, moved.item_id))
from listed
full join (select * from moved where exchange_order_id is not null) as moved
    on moved.exchange_order_id = listed.id and moved.item_id = listed.item_id
where coalesce(moved.ordered, 0) is distinct from coalesce(-listed.quantity, 0)
    or coalesce(moved.change, 0)
        <> case when listed.state = 'CANCELLED' then 0 else coalesce(-listed.quantity, 0) end
union all
select o.account_id, 'exchange_lines_differ', format('exchange order %s', o.public_id)
from exchange_order as o
left join lateral (
    select sum(line.quantity * line.price_points) as points, sum(line.quantity * line.fee) as fee
    from exchange_order_line as line
    where line.programme_id = $1 and line.order_id = o.id
) as total on true
where o.programme_id = $1 and (total.points is distinct from o.points or total.fee is distinct from o.fee)
union all
select o.account_id, 'exchange_points_differ',
    format('exchange order %s', o.public_id)
from exchange_order as o
join ledger.account as owner on owner.programme_id = $1 and owner.account_id = o.account_id
left join lateral (
    select sum(t.points) as points
    from ledger.entry as e
    join ledger.transfer as t on t.programme_id = $1 and t.account_id = e.account_id and t.seq = e.seq
    where e.programme_id = $1 and e.account_id = coalesce(o.entry_account_id, o.account_id)
        and e.seq = o.entry_seq and e.kind = 'spend'
        and e.source_type = 'exchange_order' and e.source_id = replace(o.public_id::text, '-', '')
) as spent on true
left join lateral (
    select true as given_back from ledger.entry as e
    where e.programme_id = $1 and e.kind = 'give_back' and e.source_type = 'exchange_order'
        and e.source_id = replace(o.public_id::text, '-', '')
) as back on true
where o.programme_id = $1
    and (
        spent.points is distinct from o.points
        or back.given_back and o.state <> 'CANCELLED'
        or o.state = 'CANCELLED' and back.given_back is null
            and (owner.left_at is null or o.cancelled_at < owner.left_at)
    )
union all
select e.account_id, 'exchange_missing',
    format('entry %s, exchange order %s', e.seq, e.source_id)
from ledger.entry as e
where e.programme_id = $1 and e.kind = 'spend' and e.source_type = 'exchange_order'
    and not exists (
        select from exchange_order as o
        where o.programme_id = $1 and coalesce(o.entry_account_id, o.account_id) = e.account_id
            and o.entry_seq = e.seq
    )
"""
