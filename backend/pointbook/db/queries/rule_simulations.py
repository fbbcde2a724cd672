"""Simulations as jobs: what is proposed, the lease of whoever works, orders of the past, how far it has come.

Orders are only read, and nothing of them is locked.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from pointbook.db.queries.leased_jobs import LeasedJobs, Taken
from pointbook.db.session import Connection

_JOBS: Final = LeasedJobs("rule_simulation", "simulation_id")
find, newest, take, postpone = _JOBS.find, _JOBS.newest, _JOBS.take, _JOBS.postpone


class Span(NamedTuple):
    """Orders placed in [``placed_from``, ``placed_to``) and judged by ``settings_from`` or later settings."""

    settings_from: int
    placed_from: datetime
    placed_to: datetime


class Progress(NamedTuple):
    """What a batch adds. ``last``: the last order that was looked at (placed at, external id)."""

    looked_at: int
    last: tuple[datetime, str]
    points_before: int
    points_after: int
    by_rule: str
    """All differences so far, as JSON."""
    finished: bool


async def count_orders(connection: Connection, programme_id: int, span: Span, *, most: int) -> int:
    """How many orders have earned in a period; not more than ``most`` are counted."""
    found: int = await connection.fetchval(_COUNT, programme_id, *span, most)
    return found


async def add(
    connection: Connection, programme_id: int, columns: Mapping[str, object], lease: timedelta | None
) -> Taken:
    """Write a new simulation. One with a lease is taken at once, by whoever ``lease_id`` among the columns is."""
    names, places = ", ".join(columns), ", ".join(f"${place}" for place in range(3, len(columns) + 3))
    statement = f"""
        insert into rule_simulation (programme_id, changed_at, leased_until, attempts, {names})
        values ($1, now(), now() + $2::interval, case when $2::interval is null then 0 else 1 end, {places})
        returning *
    """  # noqa: S608  # names of columns
    row = await connection.fetchrow(statement, programme_id, lease, *columns.values())
    assert row is not None, "it was inserted"
    return _JOBS.taken(row["lease_id"], row)


async def count_open(connection: Connection, programme_id: int) -> int:
    found: int = await connection.fetchval(_COUNT_OPEN, programme_id)
    return found


async def cancel(connection: Connection, programme_id: int, simulation_id: UUID) -> None:
    """End it, unless it has ended. Whoever works at it loses the lease, and with it the batch."""
    await connection.execute(_END, programme_id, simulation_id, None, "CANCELLED", None)


async def fail(connection: Connection, programme_id: int, taken: Taken, failure: str) -> None:
    """End it with what staff are told, unless it has ended or another has taken it."""
    await connection.execute(_END, programme_id, taken.id, taken.lease_id, "FAILED", failure)


async def held(connection: Connection, programme_id: int, taken: Taken) -> bool:
    """Lock the simulation until the transaction ends, if the lease is still this one and it still runs."""
    return bool(await connection.fetchval(_HELD, programme_id, taken.id, taken.lease_id))


async def past_orders(connection: Connection, programme_id: int, taken: Taken, most: int) -> list[Any]:
    """The next orders behind those that were looked at, by when they were placed."""
    row = taken.row
    rows: list[Any] = await connection.fetch(
        _PAST_ORDERS,
        programme_id,
        row["settings_from"],
        row["done_placed_at"],
        row["placed_to"],
        row["done_external_id"],
        most,
    )
    return rows


async def advance(
    connection: Connection, programme_id: int, taken: Taken, progress: Progress, *, orders: int, members: int
) -> None:
    """Say how far it has come, in the transaction of the results, and give it back."""
    await connection.execute(
        _ADVANCE,
        programme_id,
        taken.id,
        progress.looked_at,
        *progress.last,
        progress.points_before,
        progress.points_after,
        progress.by_rule,
        progress.finished,
        orders,
        members,
    )


_EARNED: Final = "state = 'EARNED' and settings_version >= $2"

_COUNT = f"""
select count(*) from (
    select from sales_order
    where programme_id = $1 and {_EARNED} and placed_at >= $3 and placed_at < $4
    limit $5
) as found
"""  # noqa: S608  # the condition above

_COUNT_OPEN = "select count(*) from rule_simulation where programme_id = $1 and state in ('QUEUED', 'RUNNING')"

_END = """
update rule_simulation
set state = $4, failure = $5, lease_id = null, leased_until = null, changed_at = now()
where programme_id = $1 and simulation_id = $2 and state in ('QUEUED', 'RUNNING')
    and ($3::uuid is null or lease_id = $3)
"""

_HELD = """
select true from rule_simulation
where programme_id = $1 and simulation_id = $2 and lease_id = $3 and state = 'RUNNING'
for no key update
"""

_PAST_ORDERS = """
select
    known.external_id, known.account_id, known.placed_at, known.store_id, known.entry_channel,
    known.exit_channel, known.settings_version, known.judgement, known.document, known.redeemed_value,
    known.entry_seq, coalesce(entry.at, known.reported_at) as earned_at, account.may_earn
from sales_order as known
join ledger.account as account
    on account.programme_id = known.programme_id and account.account_id = known.account_id
left join ledger.entry as entry
    on entry.programme_id = known.programme_id and entry.kind = 'accrual' and entry.source_type = 'order'
    and entry.source_id = known.external_id and entry.occurrence = known.occurrence
where known.programme_id = $1 and known.state = 'EARNED' and known.settings_version >= $2
    and (known.placed_at, known.external_id) > ($3, $5) and known.placed_at < $4
order by known.placed_at, known.external_id
limit $6
"""

# At the end it is known how many orders there were: some that were counted may have earned after the start.
_ADVANCE = """
update rule_simulation
set orders_done = orders_done + $3, done_placed_at = $4, done_external_id = $5,
    points_before = points_before + $6, points_after = points_after + $7, by_rule = $8::text::jsonb,
    state = case when $9 then 'DONE' else 'RUNNING' end,
    orders_total = case when $9 then orders_done + $3 else greatest(orders_total, orders_done + $3) end,
    orders_changed = orders_changed + $10, members_changed = members_changed + $11,
    lease_id = null, leased_until = null, attempts = 0, changed_at = now()
where programme_id = $1 and simulation_id = $2
"""
