"""Sendings by hand as jobs: their documents, the lease of whoever works, the results.

Which documents a sending has is decided when it is made. Those of one customer stand together, orders before
returns, each in the order of their instants.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from pointbook.db.queries.leased_jobs import LeasedJobs, Taken
from pointbook.db.session import Connection

_JOBS: Final = LeasedJobs("order_sending", "sending_id")
find, newest, take, postpone = _JOBS.find, _JOBS.newest, _JOBS.take, _JOBS.postpone


class Criteria(NamedTuple):
    """What a document must be to be sent; None: it does not matter. [``placed_from``, ``placed_to``)."""

    placed_from: datetime | None
    placed_to: datetime | None
    types: list[str] | None
    statuses: list[str] | None
    joined_until: datetime | None


class Result(NamedTuple):
    position: int
    outcome: str
    points_earned: int = 0
    points_reversed: int = 0
    points_given_back: int = 0
    refusal: str | None = None
    reason: str | None = None
    occurrence: int | None = None


async def add(connection: Connection, programme_id: int, columns: Mapping[str, object]) -> bool:
    """Write a new sending, still without documents; False: its caller has used the key before."""
    names, places = ", ".join(columns), ", ".join(f"${place}" for place in range(2, len(columns) + 2))
    statement = f"""
        insert into order_sending (programme_id, changed_at, {names}) values ($1, now(), {places})
        on conflict (programme_id, created_by, idempotency_key) do nothing
        returning true
    """  # noqa: S608  # names of columns
    return bool(await connection.fetchval(statement, programme_id, *columns.values()))


async def add_named(connection: Connection, programme_id: int, sending_id: UUID, ids: Sequence[str]) -> int:
    """Give a sending the documents with these ids, whatever has become of them; how many."""
    return await _added(connection, _ADD_NAMED, programme_id, sending_id, list(ids))


async def add_found(
    connection: Connection, programme_id: int, sending_id: UUID, criteria: Criteria, *, most: int
) -> int:
    """Give a sending the documents that match and have not been processed, at most so many; how many."""
    return await _added(connection, _ADD_FOUND, programme_id, sending_id, *criteria, most)


async def begin(
    connection: Connection,
    programme_id: int,
    sending_id: UUID,
    total: int,
    *,
    lease_id: UUID | None,
    lease: timedelta,
) -> Taken | None:
    """Say how many documents it has; with a lease it is taken at once, else it waits for a worker."""
    row = await connection.fetchrow(_BEGIN, programme_id, sending_id, total, lease_id, lease)
    return None if lease_id is None else _JOBS.taken(lease_id, row)


async def find_by_key(connection: Connection, programme_id: int, created_by: str, key: str) -> Any:
    return await connection.fetchrow(_FIND_BY_KEY, programme_id, created_by, key)


async def results(
    connection: Connection, programme_id: int, sending_id: UUID, *, outcome: str | None, most: int, after: int
) -> list[Any]:
    """Documents behind a position, by position, those with an outcome if one is named."""
    rows: list[Any] = await connection.fetch(_RESULTS, programme_id, sending_id, outcome, after, most)
    return rows


async def credited(connection: Connection, programme_id: int, sending_id: UUID) -> list[Any]:
    """What the orders of a sending have earned by it and returns have left of it, a row for each account that they
    belong to by now.
    """
    rows: list[Any] = await connection.fetch(_CREDITED, programme_id, sending_id)
    return rows


async def cancel(connection: Connection, programme_id: int, sending_id: UUID) -> Any | None:
    """End it, unless it has ended: None. Whoever works at it loses the lease after the document at hand."""
    return await connection.fetchrow(_CANCEL, programme_id, sending_id)


async def give_back(connection: Connection, programme_id: int, taken: Taken) -> None:
    """Let anybody take it, if it is still held."""
    await connection.execute(_GIVE_BACK, programme_id, taken.id, taken.lease_id)


async def held(connection: Connection, programme_id: int, taken: Taken) -> int | None:
    """Lock the sending until the transaction ends; how many documents are done.

    None: the lease is another's by now, or it does not run any more.
    """
    done: int | None = await connection.fetchval(_HELD, programme_id, taken.id, taken.lease_id)
    return done


async def next_documents(
    connection: Connection, programme_id: int, taken: Taken, done: int, most: int
) -> list[Any]:
    rows: list[Any] = await connection.fetch(_NEXT, programme_id, taken.id, done, most)
    return rows


async def advance(
    connection: Connection, programme_id: int, taken: Taken, results: Sequence[Result], lease: timedelta
) -> bool:
    """Write the results of the next documents, and hold on; True: they were the last."""
    columns: list[list[Any]] = [list(column) for column in zip(*results, strict=True)]
    await connection.execute(_WRITE_RESULTS, programme_id, taken.id, *columns)
    sums = [sum(numbers) for numbers in columns[2:5]]
    return bool(await connection.fetchval(_ADVANCE, programme_id, taken.id, results[-1].position, *sums, lease))


async def mark_returns(connection: Connection, programme_id: int, taken: Taken, order: str) -> None:
    """Parked returns of an order that are in the sending are sent by hand, even if somebody applies them first."""
    await connection.execute(_MARK_RETURNS, programme_id, taken.id, order)


async def prune(connection: Connection, programme_id: int, *, kept_for: timedelta, most: int) -> bool:
    """Delete sendings that ended so long ago, with their results; True: there may be more of it."""
    if await connection.fetchval(_PRUNE_RESULTS, programme_id, kept_for, most) == most:
        return True
    await connection.execute(_PRUNE, programme_id, kept_for)
    return False


async def _added(connection: Connection, statement: str, *arguments: object) -> int:
    status = await connection.execute(statement, *arguments)
    return int(status.rpartition(" ")[2])


_NUMBERED = """
insert into order_sending_document (programme_id, sending_id, position, customer, kind, external_id)
select
    $1, $2, row_number() over (order by sent.customer, sent.kind, sent.at, sent.external_id),
    dense_rank() over (order by sent.customer), sent.kind, sent.external_id
"""

_ADD_NAMED = f"""
with asked as (select distinct id from unnest($3::text[]) as given (id)), sent as (
    select 'ORDER' as kind, known.external_id, coalesce(known.customer_external_id, '') as customer,
        known.placed_at as at
    from asked
    join sales_order as known on known.programme_id = $1 and known.external_id = asked.id
    union all
    select 'RETURN', r.external_id, coalesce(known.customer_external_id, ''),
        coalesce(r.returned_at, r.reported_at)
    from asked
    join return_document as r on r.programme_id = $1 and r.external_id = asked.id
    left join sales_order as known on known.programme_id = $1 and known.external_id = r.order_external_id
), unknown as (
    select id from asked where id not in (select external_id from sent)
)
{_NUMBERED}
from (select * from sent union all select 'UNKNOWN', id, '', null from unknown) as sent
"""  # noqa: S608  # the statement above

_ADD_FOUND = f"""
{_NUMBERED}
from (
    select 'ORDER' as kind, known.external_id, coalesce(known.customer_external_id, '') as customer,
        known.placed_at as at
    from sales_order as known
    left join member_external_id as customer
        on customer.programme_id = $1 and customer.external_id = known.customer_external_id
    left join member as joined on joined.programme_id = $1 and joined.account_id = customer.account_id
    left join member as owner on owner.programme_id = $1 and owner.account_id = known.account_id
    where known.programme_id = $1 and known.state <> 'EARNED'
        and ($3::timestamptz is null or known.placed_at >= $3)
        and ($4::timestamptz is null or known.placed_at < $4)
        and ($5::text[] is null or known.type = any($5))
        and ($6::text[] is null or known.status = any($6))
        and ($7::timestamptz is null or coalesce(joined.joined_at, owner.joined_at) <= $7)
    union all
    select 'RETURN', r.external_id, coalesce(known.customer_external_id, ''),
        coalesce(r.returned_at, r.reported_at)
    from return_document as r
    left join sales_order as known on known.programme_id = $1 and known.external_id = r.order_external_id
    left join member as owner on owner.programme_id = $1 and owner.account_id = known.account_id
    where r.programme_id = $1 and r.state = 'PARKED'
        and ($3::timestamptz is null or coalesce(r.returned_at, r.reported_at) >= $3)
        and ($4::timestamptz is null or coalesce(r.returned_at, r.reported_at) < $4)
        and ($5::text[] is null or r.type = any($5))
        and ($6::text[] is null or r.status = any($6))
        and ($7::timestamptz is null or owner.joined_at <= $7)
    limit $8
) as sent
"""  # noqa: S608  # the statement above

_BEGIN = """
update order_sending
set documents_total = $3::bigint, lease_id = $4,
    leased_until = case when $4::uuid is not null then now() + $5::interval end,
    state = case when $3::bigint = 0 then 'DONE' when $4::uuid is null then 'QUEUED' else 'RUNNING' end,
    attempts = case when $4::uuid is null then 0 else 1 end, changed_at = now()
where programme_id = $1 and sending_id = $2
returning *
"""

_FIND_BY_KEY = """
select * from order_sending where programme_id = $1 and created_by = $2 and idempotency_key = $3
"""

_RESULTS = """
select * from order_sending_document
where programme_id = $1 and sending_id = $2 and ($3::text is null or outcome = $3) and position > $4
order by position
limit $5
"""

_CANCEL = """
update order_sending
set state = 'CANCELLED', lease_id = null, leased_until = null, changed_at = now()
where programme_id = $1 and sending_id = $2 and state in ('QUEUED', 'RUNNING')
returning *
"""

# An entry is found by its source, because it stays with the account that it was made for when that is merged.
_CREDITED = """
select
    owner.public_id as account, sum(document.points_earned - taken.points)::bigint as points, count(*) as count,
    max(granted.available_from) as available_from,
    case when count(*) = 1 then min(document.external_id) end as "order"
from order_sending_document as document
join sales_order as known on known.programme_id = $1 and known.external_id = document.external_id
join member as owner on owner.programme_id = $1 and owner.account_id = known.account_id
join ledger.entry as entry on entry.programme_id = $1 and entry.kind = 'accrual'
    and entry.source_type = 'order' and entry.source_id = known.external_id
    and entry.occurrence = document.occurrence
cross join lateral (
    select coalesce(sum(r.reversed - r.forgiven), 0) as points
    from return_document as r
    where r.programme_id = $1 and r.order_external_id = known.external_id and r.occurrence = document.occurrence
) as taken
cross join lateral (
    select max(lot.available_from) as available_from
    from ledger.transfer as line
    join ledger.lot as lot on lot.programme_id = $1 and lot.lot_id = line.lot_id
    where line.programme_id = $1 and line.account_id = entry.account_id and line.seq = entry.seq
) as granted
where document.programme_id = $1 and document.sending_id = $2 and document.outcome = 'EARNED'
    and document.points_earned > taken.points
group by owner.public_id
order by owner.public_id
"""

_GIVE_BACK = """
update order_sending set lease_id = null, leased_until = null, attempts = 0
where programme_id = $1 and sending_id = $2 and lease_id = $3
"""

_HELD = """
select documents_done from order_sending
where programme_id = $1 and sending_id = $2 and lease_id = $3 and state = 'RUNNING'
for no key update
"""

_NEXT = """
select position, customer, kind, external_id from order_sending_document
where programme_id = $1 and sending_id = $2 and position > $3
order by position
limit $4
"""

_WRITE_RESULTS = """
update order_sending_document as document
set outcome = result.outcome, points_earned = result.earned, points_reversed = result.reversed,
    points_given_back = result.given_back, refusal = result.refusal, reason = result.reason,
    occurrence = result.occurrence
from unnest($3::int[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[], $9::text[], $10::int[])
    as result (position, outcome, earned, reversed, given_back, refusal, reason, occurrence)
where document.programme_id = $1 and document.sending_id = $2 and document.position = result.position
"""

_ADVANCE = """
update order_sending
set documents_done = $3::bigint, points_earned = points_earned + $4, points_reversed = points_reversed + $5,
    points_given_back = points_given_back + $6, attempts = 1, changed_at = now(),
    state = case when $3::bigint = documents_total then 'DONE' else 'RUNNING' end,
    lease_id = case when $3::bigint < documents_total then lease_id end,
    leased_until = case when $3::bigint < documents_total then now() + $7::interval end
where programme_id = $1 and sending_id = $2
returning state = 'DONE'
"""

_MARK_RETURNS = """
update return_document as waiting set by_hand = true
from order_sending_document as document
where waiting.programme_id = $1 and waiting.order_external_id = $3 and waiting.state = 'PARKED'
    and document.programme_id = $1 and document.sending_id = $2 and document.kind = 'RETURN'
    and document.external_id = waiting.external_id
"""

_OLD = "programme_id = $1 and state in ('DONE', 'CANCELLED') and changed_at < now() - $2::interval"

_PRUNE_RESULTS = f"""
with gone as (
    delete from order_sending_document
    where (programme_id, sending_id, position) in (
        select programme_id, sending_id, position from order_sending_document
        where programme_id = $1 and sending_id in (select sending_id from order_sending where {_OLD})
        limit $3
    )
    returning 1
)
select count(*) from gone
"""  # noqa: S608  # the condition above

_PRUNE = f"""
delete from order_sending
where {_OLD} and not exists (
    select from order_sending_document as left_over
    where left_over.programme_id = $1 and left_over.sending_id = order_sending.sending_id
)
"""  # noqa: S608  # the condition above
