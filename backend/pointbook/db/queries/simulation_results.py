"""What simulations come to: counters while they run, orders and members that would have earned other points.

Written by whoever holds the simulation (``rule_simulations.held``), read in pages, deleted when it is old.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from pointbook.db.queries.leased_jobs import Taken
from pointbook.db.session import Connection
from pointbook.domain.rules import Counter, Stand

_FIRST_WEIGHT: Final = 2**63 - 1


async def stands_of(
    connection: Connection, programme_id: int, taken: Taken, asked: Collection[tuple[int, Counter]]
) -> dict[tuple[int, Counter], Stand]:
    """Where counters of accounts stand; those that are not known yet are left out."""
    if not asked:
        return {}
    columns = _columns((account, *counter) for account, counter in asked)
    rows = await connection.fetch(_STANDS, programme_id, taken.id, *columns)
    return {
        (row["account_id"], Counter(row["rule_key"], row["bucket"])): Stand(
            row["points_before"], row["points_after"]
        )
        for row in rows
    }


async def keep_stands(
    connection: Connection, programme_id: int, taken: Taken, stands: Iterable[tuple[int, Counter, Stand]]
) -> None:
    columns = _columns((account, *counter, *stand) for account, counter, stand in stands)
    if columns:
        await connection.execute(_KEEP_STANDS, programme_id, taken.id, *columns)


async def add_changed(
    connection: Connection, programme_id: int, taken: Taken, orders: Sequence[tuple[str, int, datetime, int, int]]
) -> int:
    """Write orders (external id, account, placed at, points before, after) and add them to their members.

    Returns how many members there are now that were not before.
    """
    if not orders:
        return 0
    columns = _columns(orders)
    await connection.execute(_ADD_ORDERS, programme_id, taken.id, *columns)
    accounts = sorted({account for _, account, _, _, _ in orders})
    known: int = await connection.fetchval(_COUNT_MEMBERS, programme_id, taken.id, accounts)
    _, owners, _, before, after = columns
    await connection.execute(_ADD_MEMBERS, programme_id, taken.id, owners, before, after)
    return len(accounts) - known


async def changed_members(
    connection: Connection, programme_id: int, simulation_id: UUID, *, most: int, after: UUID | None
) -> list[Any] | None:
    """By difference, the largest first, behind the member of this public id; None: there is no such member."""
    weight, account = _FIRST_WEIGHT, _FIRST_WEIGHT
    if after is not None:
        last = await connection.fetchrow(_MEMBER, programme_id, simulation_id, after)
        if last is None:
            return None
        weight, account = last["weight"], last["account_id"]
    rows: list[Any] = await connection.fetch(_MEMBERS, programme_id, simulation_id, weight, account, most)
    return rows


async def changed_orders(
    connection: Connection, programme_id: int, simulation_id: UUID, *, most: int, after: str | None
) -> list[Any] | None:
    """By difference, the largest first, behind the order of this external id; None: there is no such order."""
    weight: int = _FIRST_WEIGHT
    if after is not None:
        weight = await connection.fetchval(_ORDER, programme_id, simulation_id, after)
        if weight is None:
            return None
    rows: list[Any] = await connection.fetch(_ORDERS, programme_id, simulation_id, weight, after or "", most)
    return rows


async def prune(connection: Connection, programme_id: int, *, kept_for: timedelta, kept: int, most: int) -> bool:
    """Delete what ended simulations do not need any more; True: there may be more of it.

    Counters go when a simulation has ended, the rest ``kept_for`` later, or when ``kept`` newer ones have ended.
    """
    ended: list[UUID] = await connection.fetchval(_ENDED, programme_id)
    old: list[UUID] = await connection.fetchval(_OLD, programme_id, kept_for, kept)
    for statement, simulations in (
        (_PRUNE_COUNTS, ended),
        (_PRUNE_ORDERS, old),
        (_PRUNE_MEMBERS, old),
    ):
        if simulations and await connection.fetchval(statement, programme_id, simulations, most) == most:
            return True
    if old:
        await connection.execute(_PRUNE_SIMULATIONS, programme_id, old)
    return False


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


_STANDS = """
select known.account_id, known.rule_key, known.bucket, known.points_before, known.points_after
from unnest($3::bigint[], $4::text[], $5::text[]) as asked (account_id, rule_key, bucket)
join rule_simulation_count as known
    on known.programme_id = $1 and known.simulation_id = $2 and known.account_id = asked.account_id
    and known.rule_key = asked.rule_key and known.bucket = asked.bucket
"""

_KEEP_STANDS = """
insert into rule_simulation_count
    (programme_id, simulation_id, account_id, rule_key, bucket, points_before, points_after)
select $1, $2, given.* from unnest($3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::bigint[]) as given
on conflict (programme_id, simulation_id, account_id, rule_key, bucket) do update
set points_before = excluded.points_before, points_after = excluded.points_after
"""

_ADD_ORDERS = """
insert into rule_simulation_order
    (programme_id, simulation_id, external_id, account_id, placed_at, points_before, points_after)
select $1, $2, given.*
from unnest($3::text[], $4::bigint[], $5::timestamptz[], $6::bigint[], $7::bigint[]) as given
"""

_COUNT_MEMBERS = """
select count(*) from rule_simulation_member
where programme_id = $1 and simulation_id = $2 and account_id = any($3::bigint[])
"""

_ADD_MEMBERS = """
insert into rule_simulation_member as known
    (programme_id, simulation_id, account_id, orders_changed, points_before, points_after)
select $1, $2, given.account_id, count(*), sum(given.points_before), sum(given.points_after)
from unnest($3::bigint[], $4::bigint[], $5::bigint[]) as given (account_id, points_before, points_after)
group by given.account_id
on conflict (programme_id, simulation_id, account_id) do update
set orders_changed = known.orders_changed + excluded.orders_changed,
    points_before = known.points_before + excluded.points_before,
    points_after = known.points_after + excluded.points_after
"""

_SHOWN_NAME = """(
    select min(named.external_id) from member_external_id as named
    where named.programme_id = known.programme_id and named.account_id = known.account_id
) as member_external_id"""

_MEMBER = """
select known.weight, known.account_id
from ledger.account as account
join rule_simulation_member as known
    on known.programme_id = account.programme_id and known.account_id = account.account_id
where account.programme_id = $1 and known.simulation_id = $2 and account.public_id = $3
"""

_MEMBERS = f"""
select account.public_id, known.orders_changed, known.points_before, known.points_after, {_SHOWN_NAME}
from rule_simulation_member as known
join ledger.account as account
    on account.programme_id = known.programme_id and account.account_id = known.account_id
where known.programme_id = $1 and known.simulation_id = $2 and (known.weight, known.account_id) < ($3, $4)
order by known.weight desc, known.account_id desc
limit $5
"""  # noqa: S608  # the column above

_ORDER = """
select weight from rule_simulation_order
where programme_id = $1 and simulation_id = $2 and external_id = $3
"""

_ORDERS = f"""
select
    known.external_id, known.placed_at, account.public_id, known.points_before, known.points_after, {_SHOWN_NAME}
from rule_simulation_order as known
join ledger.account as account
    on account.programme_id = known.programme_id and account.account_id = known.account_id
where known.programme_id = $1 and known.simulation_id = $2 and (known.weight, known.external_id) < ($3, $4)
order by known.weight desc, known.external_id desc
limit $5
"""  # noqa: S608  # the column above

_ENDED = """
select coalesce(array_agg(simulation_id), '{}') from rule_simulation
where programme_id = $1 and state not in ('QUEUED', 'RUNNING')
"""

_OLD = """
select coalesce(array_agg(simulation_id), '{}')
from (
    select simulation_id, changed_at, row_number() over (order by changed_at desc, simulation_id) as place
    from rule_simulation
    where programme_id = $1 and state not in ('QUEUED', 'RUNNING')
) as ended
where changed_at < now() - $2::interval or place > $3
"""


def _pruned(table: str, *key: str) -> str:
    columns = ", ".join(["programme_id", "simulation_id", *key])
    return f"""
        with gone as (
            delete from {table}
            where ({columns}) in (
                select {columns} from {table}
                where programme_id = $1 and simulation_id = any($2::uuid[])
                limit $3
            )
            returning 1
        )
        select count(*) from gone
    """  # noqa: S608  # names of this module


_PRUNE_COUNTS = _pruned("rule_simulation_count", "account_id", "rule_key", "bucket")
_PRUNE_ORDERS = _pruned("rule_simulation_order", "external_id")
_PRUNE_MEMBERS = _pruned("rule_simulation_member", "account_id")

_PRUNE_SIMULATIONS = """
delete from rule_simulation where programme_id = $1 and simulation_id = any($2::uuid[])
"""
