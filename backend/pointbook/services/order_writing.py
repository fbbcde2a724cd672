"""Writes prepared orders inside the caller's transaction: one statement a table, however many orders."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import orjson

from pointbook import ledger
from pointbook.db.queries.customer_sets import accounts_of, lock_customers
from pointbook.db.queries.members import who_left
from pointbook.db.queries.orders import EARNED, PARKED, RECEIVED
from pointbook.db.queries.rule_counts import add_counts, counts_of
from pointbook.db.session import Connection
from pointbook.domain.orders import OrderContent
from pointbook.domain.rules import STANDARD_LOT, CapUse, Counter, Part
from pointbook.ledger import Accrual, Accrued, NewLot
from pointbook.services.directory import check_unchanged
from pointbook.services.granting import ORDER, points_in
from pointbook.services.import_reports import Counts
from pointbook.services.judging import Judge
from pointbook.services.order_preparing import PreparedChunk, PreparedOrder, judged_by


class RacedError(Exception):
    """Somebody else reported one of the orders meanwhile: roll back and look again."""


class _Row(NamedTuple):
    """An order with what became of it."""

    order: PreparedOrder
    account: int | None
    state: str
    points: int = 0
    entry: int | None = None


class _Earlier(NamedTuple):
    """What is known of an order that was reported before; nothing but None if only its voucher is."""

    fingerprint: bytes | None
    status: str | None
    state: str | None
    email: str | None
    """By which it waits for its customer, if it is parked."""


@dataclass(slots=True)
class OrderCounts(Counts):
    """How many orders had which outcome, and the points they earned. ``known``: reported before, and the same."""

    earned: int = 0
    received: int = 0
    parked: int = 0
    known: int = 0
    points: int = 0

    def count(self, rows: Iterable[_Row]) -> None:
        for row in rows:
            self.earned += row.state == EARNED
            self.received += row.state == RECEIVED
            self.parked += row.state == PARKED
            self.points += row.points


class Written(NamedTuple):
    """``single`` are the lines that need a decision of ``intake``: of an order known with another content, say."""

    counts: OrderCounts
    single: list[int]


async def write_orders(
    connection: Connection,
    judge: Judge,
    prepared: PreparedChunk,
    *,
    now: datetime,
) -> Written:
    """Write what is new of a chunk's orders, with its points. They were prepared for this judge, or one like it.

    Locks the accounts in key order, then customers who have not joined, then the orders: as ``intake`` does.
    Raises RacedError when an order or its customer came to be known meanwhile, or left, ProgrammeChangedError, and
    ClockAhead; then the caller rolls back.
    """
    programme, orders = judge.programme, prepared.orders
    accounts = await accounts_of(connection, programme.id, {order.customer for order in orders})
    # Whoever captures for an order has done so, and nobody else counts what capped rules give.
    standing = await ledger.lock(connection, programme.id, accounts.values())
    if await who_left(connection, programme.id, standing):
        raise RacedError
    fresh, single = await _sorted_out(connection, programme.id, prepared, accounts)
    counts = OrderCounts(known=len(orders) - len(fresh) - len(single))
    if fresh:
        earners = {customer: standing[account] for customer, account in accounts.items()}
        counted = await _counted(connection, judge, fresh, earners)
        rows = await _granted(connection, judge, counted.orders, earners, now=now)
        earned = {row.order.line for row in rows if row.entry is not None}
        await counted.add(connection, programme.id, earned)
        strangers = {row.order.customer for row in rows if row.account is None}
        await _keep_from_joining(connection, programme.id, strangers)
        await _insert(connection, judge, rows, now=now)
        await check_unchanged(connection, programme)
        counts.count(rows)
    return Written(counts, single)


async def _sorted_out(
    connection: Connection, programme_id: int, prepared: PreparedChunk, accounts: dict[str, int]
) -> tuple[list[PreparedOrder], list[int]]:
    """The orders that are new, each once, and the lines of those that need a decision.

    What is new is written before anything is decided. So that the lines of one order stay in their sequence, all
    that follow a line that needs a decision need one too, and those of an order whose voucher does.
    """
    orders, undecided = prepared.orders, set(prepared.single.values())
    by_id: dict[str, _Earlier] = {}
    for row in await connection.fetch(_KNOWN, programme_id, [order.external_id for order in orders]):
        by_id[row["order_id"]] = _Earlier(*(row[name] for name in _Earlier._fields))
    fresh, single = [], []
    for order in orders:
        earlier = by_id.get(order.external_id)
        if order.external_id in undecided:
            single.append(order.line)
        elif earlier is None:
            state = _state(order, accounts.get(order.customer))
            by_id[order.external_id] = _Earlier(order.fingerprint, order.status, state, order.email)
            fresh.append(order)
        elif not _is_repetition(order, earlier, accounts):
            undecided.add(order.external_id)
            single.append(order.line)
    return fresh, single


def _is_repetition(order: PreparedOrder, earlier: _Earlier, accounts: dict[str, int]) -> bool:
    """Whether reporting the order again certainly changes nothing: same content, and the same would come of it."""
    if (order.fingerprint, order.status) != (earlier.fingerprint, earlier.status):
        return False
    if earlier.state == PARKED and order.email != earlier.email:
        return False
    return earlier.state in (EARNED, _state(order, accounts.get(order.customer)))


def _state(order: PreparedOrder, account: int | None) -> str:
    if account is None:
        return PARKED
    return EARNED if order.qualifies else RECEIVED


class _Counted(NamedTuple):
    """Orders with their points, and by line what capped rules gave for them: to whom, and how much."""

    orders: Sequence[PreparedOrder]
    uses: Mapping[int, tuple[int, tuple[CapUse, ...]]]

    async def add(self, connection: Connection, programme_id: int, earned: set[int]) -> None:
        """Count what was granted. An order of a member who does not earn used up nothing."""
        given: dict[tuple[int, Counter], int] = {}
        for line, (account, uses) in self.uses.items():
            for use in uses if line in earned else ():
                given[account, use.counter] = given.get((account, use.counter), 0) + use.used
        await add_counts(connection, programme_id, given)


async def _counted(
    connection: Connection, judge: Judge, orders: Sequence[PreparedOrder], earners: Mapping[str, int]
) -> _Counted:
    """Judge the orders for which there are capped rules, in their sequence: each leaves less room to the next."""
    waiting = [order for order in orders if order.counted and order.customer in earners]
    if not waiting:
        return _Counted(orders, {})
    occasions = {order.line: judge.occasion(order.circumstances) for order in waiting}
    counters = {line: judge.counters(occasion) for line, occasion in occasions.items()}
    asked = {(earners[order.customer], counter) for order in waiting for counter in counters[order.line]}
    counts = await counts_of(connection, judge.programme.id, asked)
    judged: dict[int, PreparedOrder] = {}
    used: dict[int, tuple[int, tuple[CapUse, ...]]] = {}
    for order in waiting:
        account = earners[order.customer]
        content = OrderContent.from_stored(orjson.loads(order.content))
        given = {each: counts[account, each] for each in counters[order.line] if (account, each) in counts}
        result = judge.order(content, occasions[order.line], given=given)
        judged[order.line] = order._replace(**judged_by(judge, result)._asdict())
        used[order.line] = account, result.cap_uses
        for use in result.cap_uses:
            counts[account, use.counter] = counts.get((account, use.counter), 0) + use.used
    return _Counted([judged.get(order.line, order) for order in orders], used)


async def _granted(
    connection: Connection,
    judge: Judge,
    orders: Sequence[PreparedOrder],
    accounts: dict[str, int],
    *,
    now: datetime,
) -> list[_Row]:
    """Grant the points of the orders; one call of the ledger, which locks the accounts."""
    lots: dict[tuple[Part, ...], tuple[NewLot, ...]] = {}
    accruals: dict[int, Accrual] = {}
    for order in orders:
        account = accounts.get(order.customer)
        if account is None or not order.points:
            continue
        parts = order.parts or (Part(order.points, STANDARD_LOT),)
        if parts not in lots:
            lots[parts] = judge.lots(parts, now)
        if granted := lots[parts]:
            accruals[order.line] = Accrual(account, ORDER, order.external_id, 1, granted)
    answers = await ledger.accrue(connection, judge.programme.id, list(accruals.values()), now=now)
    entries = dict(zip(accruals, zip(accruals.values(), answers, strict=True), strict=True))
    return [_row(order, accounts.get(order.customer), *entries.get(order.line, (None, None))) for order in orders]


def _row(order: PreparedOrder, account: int | None, accrual: Accrual | None, accrued: Accrued | None) -> _Row:
    state = _state(order, account)
    if accrual is None or accrued is None:
        return _Row(order, account, state)
    if accrued.status == "duplicate":
        raise RacedError
    if accrued.seq is None:
        return _Row(order, account, state)
    return _Row(order, account, state, points_in(accrual.lots), accrued.seq)


async def _keep_from_joining(connection: Connection, programme_id: int, customers: set[str]) -> None:
    """Whoever has not joined does not until the orders that are parked for them are there."""
    if customers and any((await lock_customers(connection, programme_id, customers)).values()):
        raise RacedError


async def _insert(
    connection: Connection,
    judge: Judge,
    rows: Iterable[_Row],
    *,
    now: datetime,
) -> None:
    in_key_order = sorted(rows, key=lambda row: row.order.external_id)
    columns = zip(*map(_values, in_key_order), strict=True)
    programme, version = judge.programme, judge.version.version
    inserted = await connection.fetchval(_INSERT, programme.id, programme.currency, now, version, *columns)
    if inserted != len(in_key_order):
        raise RacedError


def _values(row: _Row) -> tuple[object, ...]:
    order = row.order
    return (
        order.external_id,
        row.account,
        order.customer,
        order.email if row.state == PARKED else None,
        order.type,
        order.status,
        order.placed_at,
        order.store,
        order.entry_channel,
        order.exit_channel,
        order.content,
        order.fingerprint,
        row.state,
        order.total,
        row.points,
        order.judgement if row.state == EARNED else None,
        row.entry,
    )


# An order that a voucher was captured for, by a call that named it, is not new although no row tells of it.
_KNOWN = """
select asked.order_id, known.fingerprint, known.status, known.state, known.customer_email as email
from unnest($2::text[]) as asked (order_id)
join sales_order as known on known.programme_id = $1 and known.external_id = asked.order_id
union all
select asked.order_id, null, null, null, null
from unnest($2::text[]) as asked (order_id)
join ledger.entry as capture
    on capture.programme_id = $1 and capture.kind in ('capture', 'late_capture')
    and capture.source_type = 'order' and capture.source_id = asked.order_id
where not exists (
    select from sales_order as known where known.programme_id = $1 and known.external_id = asked.order_id
)
"""

_INSERT = """
with inserted as (
    insert into sales_order (
        programme_id, currency, reported_at, settings_version, external_id, account_id, customer_external_id,
        customer_email, type, status, placed_at, store_id, entry_channel, exit_channel, document, fingerprint,
        state, total, points, judgement, entry_seq)
    select $1, $2, $3, case when given.state = 'EARNED' then $4::int end, given.*
    from unnest(
        $5::text[], $6::bigint[], $7::text[], $8::text[], $9::text[], $10::text[], $11::timestamptz[], $12::text[],
        $13::text[], $14::text[], $15::text[], $16::bytea[], $17::text[], $18::bigint[], $19::bigint[],
        $20::json[], $21::bigint[])
        as given (
            external_id, account_id, customer, email, type, status, placed_at, store, entry_channel, exit_channel,
            document, fingerprint, state, total, points, judgement, entry)
    on conflict do nothing
    returning 1
)
select count(*) from inserted
"""
