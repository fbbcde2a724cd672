"""What a member has besides points, and the block that leaving leaves behind."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from pointbook.db.queries.own_accounts import OWN
from pointbook.db.session import Connection


async def what_else(
    connection: Connection, programme_id: int, account_id: int, currency: str, *, now: datetime
) -> Any:
    """Bought cards with money of ``currency`` on them and how much, cards not sent, exchange orders not decided.

    Also of accounts that were merged into this one.
    """
    return await connection.fetchrow(_WHAT_ELSE, programme_id, account_id, currency, now)


async def block_bonus(connection: Connection, programme_id: int, digest: bytes, *, until: datetime) -> None:
    await connection.execute(_BLOCK, programme_id, digest, until)


async def is_blocked(
    connection: Connection, programme_id: int, digests: Collection[bytes], *, now: datetime
) -> bool:
    """Whether one of these keyed hashes stands for somebody who gets no bonus for joining now."""
    return bool(await connection.fetchval(_BLOCKED, programme_id, list(digests), now))


_WHAT_ELSE: Final = f"""
{OWN}, good as (
    select c.card_id, c.open + c.held as money
    from own
    join ledger.card as c on c.programme_id = $1 and c.account_id = own.account_id
    where c.open + c.held > 0 and c.currency = $3 and c.expires_at > $4
)
select
    (select count(*) from good) as cards,
    (select coalesce(sum(money), 0)::bigint from good) as money,
    (
        select count(*)
        from good
        join gift_card as bought on bought.programme_id = $1 and bought.card_id = good.card_id
        where bought.delivered_at is null
    ) as unsent,
    (
        select count(*)
        from own
        join exchange_order as o on o.programme_id = $1 and o.account_id = own.account_id
        where o.state = 'SUBMITTED'
    ) as exchange_orders
"""  # noqa: S608  # the accounts above

_BLOCK: Final = """
insert into rejoin_block as known (programme_id, digest, blocked_until) values ($1, $2, $3)
on conflict (programme_id, digest) do update
set blocked_until = greatest(known.blocked_until, excluded.blocked_until)
"""

_BLOCKED: Final = """
select exists (
    select from rejoin_block where programme_id = $1 and digest = any($2::bytea[]) and blocked_until > $3
)
"""
