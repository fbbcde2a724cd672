"""Orders as they are known: read, locked, written. Whoever locks an order has locked its accounts before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

from pointbook.db.session import Connection

EARNED: Final = "EARNED"
RECEIVED: Final = "RECEIVED"
PARKED: Final = "PARKED"
NOT_RETURNED: Final = "NONE"
CANCELLED: Final = "CANCELLED"
RETURNED_WHOLE: Final = frozenset({"ALL", CANCELLED})


@dataclass(frozen=True, slots=True)
class OrderRow:
    """What counts of an order that was reported before. Amounts in minor units."""

    external_id: str
    customer_external_id: str | None
    customer_email: str | None
    account_id: int | None
    store_id: str | None
    status: str
    state: str
    fingerprint: bytes
    total: int
    redeemed_value: int
    points: int
    hold_id: UUID | None
    returned: str
    occurrence: int
    status_at: datetime | None


class Known(NamedTuple):
    """What the database knows when an order is reported.

    The account is the customer's, or that of a member whose verified address released the order. ``captured_*``:
    the voucher that was captured by naming this order.
    """

    order: OrderRow | None
    account_id: int | None
    public_id: UUID | None
    captured_hold_id: UUID | None
    captured_value: int | None
    returns_wait: bool
    """There are return documents that wait for this order."""


class CapturedHold(Protocol):
    @property
    def hold_id(self) -> UUID: ...
    @property
    def captured_value(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """All of an order, to be written.

    ``document`` and ``judgement`` are JSON texts; ``customer_email`` only while parked.
    """

    external_id: str
    account_id: int | None
    customer_external_id: str
    customer_email: str | None
    type: str
    status: str
    placed_at: datetime
    currency: str
    store_id: str | None
    entry_channel: str | None
    exit_channel: str | None
    document: str
    fingerprint: bytes
    state: str
    total: int
    redeemed_value: int
    points: int
    settings_version: int | None
    judgement: str | None
    hold_id: UUID | None
    entry_seq: int | None
    status_at: datetime | None
    reported_at: datetime


async def known(connection: Connection, programme_id: int, order: str, customer: str) -> Known:
    """Order, account and voucher in one read, nothing locked."""
    row = await connection.fetchrow(_KNOWN, programme_id, order, customer)
    assert row is not None, "the statement has one row"
    return Known(
        None if row["external_id"] is None else _order(row),
        row["member_account_id"],
        row["public_id"],
        row["captured_hold_id"],
        row["captured_value"],
        row["returns_wait"],
    )


async def find(connection: Connection, programme_id: int, order: str) -> OrderRecord | None:
    """All of an order as it stands, not locked."""
    row = await connection.fetchrow(_FIND, programme_id, order)
    if row is None:
        return None
    return OrderRecord(**{name: row[name] for name in OrderRecord.__dataclass_fields__})


async def member_with_address(connection: Connection, programme_id: int, email: str) -> tuple[int, UUID] | None:
    """Account and public id of the one member with this verified address; None also if there are several."""
    rows = await connection.fetch(_MEMBER_WITH_ADDRESS, programme_id, email)
    return (rows[0]["account_id"], rows[0]["public_id"]) if len(rows) == 1 else None


async def locked(connection: Connection, programme_id: int, order: str) -> OrderRow | None:
    """The order as it stands, locked until the transaction ends."""
    row = await connection.fetchrow(_LOCKED, programme_id, order)
    return None if row is None else _order(row)


async def add(connection: Connection, programme_id: int, record: OrderRecord, *, programme_state: str) -> bool:
    """False when somebody else has reported the order, captured a voucher for it, or its member left, meanwhile.

    Also when the programme has another state or currency by now. Nothing was written then. The caller has locked
    the order's account, or its customer.
    """
    return bool(await connection.fetchval(_ADD, programme_id, *_values(record), programme_state))


async def replace(connection: Connection, programme_id: int, record: OrderRecord, *, programme_state: str) -> bool:
    """Write a locked order anew; when it was first reported stays.

    False when the programme has another state or currency by now: nothing was written then.
    """
    return bool(await connection.fetchval(_REPLACE, programme_id, *_values(record)[:-1], programme_state))


async def set_status(
    connection: Connection, programme_id: int, order: OrderRow, status: str, status_at: datetime | None
) -> bool:
    """False when returns have taken back more or less of the order than was seen: nothing was written then."""
    seen = (order.external_id, order.occurrence, order.returned)
    return bool(await connection.fetchval(_SET_STATUS, programme_id, *seen, status, status_at))


async def begin_anew(
    connection: Connection, programme_id: int, order: str, *, purchase: int, redeemed_value: int, at: datetime
) -> None:
    """A locked order that came back whole begins its next occurrence; what it was is kept.

    It is received, or parked if nobody is known whose it is; ``purchase`` of its voucher pays ``redeemed_value``.
    """
    await connection.execute(_KEEP_OCCURRENCE, programme_id, order)
    await connection.execute(_BEGIN_ANEW, programme_id, order, purchase, redeemed_value, at)


async def set_redeemed(connection: Connection, programme_id: int, order: str, hold: CapturedHold) -> None:
    """Note on an order what was captured for it; nothing if it has not been submitted, or has that note."""
    await connection.execute(_SET_REDEEMED, programme_id, order, hold.hold_id, hold.captured_value)


async def capture_source(connection: Connection, programme_id: int, hold_id: UUID) -> tuple[str, str]:
    """What a captured hold was captured for."""
    row = await connection.fetchrow(_CAPTURE_SOURCE, programme_id, hold_id)
    assert row is not None, "a captured hold has a source"
    return row["source_type"], row["source_id"]


async def parked(
    connection: Connection, programme_id: int, customer: str, email: str | None, *, currency: str, most: int
) -> list[Any]:
    """Parked orders of a customer's id, then of the address, locked, the earliest of each first.

    An order in another currency than the programme's of now stays where it is: its amounts cannot be counted.
    """
    rows: list[Any] = await connection.fetch(_PARKED_BY_CUSTOMER, programme_id, customer, currency, most)
    if email is not None:
        rows += await connection.fetch(_PARKED_BY_EMAIL, programme_id, email, customer, currency, most - len(rows))
    return rows


class Released(NamedTuple):
    """What a parked order became."""

    external_id: str
    state: str
    points: int
    settings_version: int | None
    judgement: str | None
    entry_seq: int | None


async def release(connection: Connection, programme_id: int, account_id: int, orders: Sequence[Released]) -> None:
    """Give parked orders their account. Their addresses are not needed any more."""
    columns: list[list[Any]] = [list(column) for column in zip(*orders, strict=True)]
    await connection.execute(_RELEASE, programme_id, account_id, *columns)


def _order(row: Any) -> OrderRow:
    return OrderRow(**{name: row[name] for name in OrderRow.__dataclass_fields__})


def _values(record: OrderRecord) -> list[Any]:
    return [getattr(record, name) for name in OrderRecord.__dataclass_fields__]


_COLUMNS = ", ".join(f"known.{name}" for name in OrderRow.__dataclass_fields__)

# Joins compare plain columns: under row-level security anything else, a coalesce say, is judged only after
# every row of the programme has been read.
_KNOWN = f"""
select
    {_COLUMNS},
    coalesce(joined.account_id, released.account_id) as member_account_id,
    coalesce(joined.public_id, released.public_id) as public_id,
    capture.hold_id as captured_hold_id, coalesce(late.value, captured.captured_value) as captured_value,
    exists (
        select from return_document as waiting
        where waiting.programme_id = asked.programme_id and waiting.order_external_id = asked.order_id
            and waiting.state = 'PARKED'
    ) as returns_wait
from (values ($1::int, $2::text, $3::text)) as asked (programme_id, order_id, customer_id)
left join sales_order as known on known.programme_id = asked.programme_id and known.external_id = asked.order_id
left join member_external_id as customer
    on customer.programme_id = asked.programme_id and customer.external_id = asked.customer_id
left join member as joined
    on joined.programme_id = asked.programme_id and joined.account_id = customer.account_id
left join member as released
    on released.programme_id = asked.programme_id and released.account_id = known.account_id
    and known.customer_external_id = asked.customer_id
left join ledger.entry as capture
    on capture.programme_id = asked.programme_id and capture.kind in ('capture', 'late_capture')
    and capture.source_type = 'order' and capture.source_id = asked.order_id and capture.occurrence = 1
left join ledger.hold as captured
    on captured.programme_id = asked.programme_id and captured.hold_id = capture.hold_id
left join ledger.late_capture as late
    on late.programme_id = asked.programme_id and late.hold_id = capture.hold_id and late.purchase = 1
"""  # noqa: S608  # names of columns

_FIND = "select * from sales_order where programme_id = $1 and external_id = $2"

_MEMBER_WITH_ADDRESS = """
select account_id, public_id from member
where programme_id = $1 and email = $2 and email_verified
limit 2
"""

_LOCKED = f"""
select {_COLUMNS} from sales_order as known
where programme_id = $1 and external_id = $2
for no key update
"""  # noqa: S608  # names of columns

_ADD = """
insert into sales_order (
    programme_id, external_id, account_id, customer_external_id, customer_email, type, status, placed_at,
    currency, store_id, entry_channel, exit_channel, document, fingerprint, state, total, redeemed_value, points,
    settings_version, judgement, hold_id, entry_seq, status_at, reported_at)
select
    $1::int, $2::text, $3::bigint, $4::text, $5::text, $6::text, $7::text, $8::timestamptz, $9::text, $10::text,
    $11::text, $12::text, $13::text, $14::bytea, $15::text, $16::bigint, $17::bigint, $18::bigint, $19::int,
    $20::text::json, $21::uuid, $22::bigint, $23::timestamptz, $24::timestamptz
from programme
where programme.id = $1 and programme.state = $25 and programme.currency = $9 and not exists (
    select from ledger.entry as capture
    where capture.programme_id = $1 and capture.kind in ('capture', 'late_capture')
        and capture.source_type = 'order' and capture.source_id = $2 and capture.hold_id is distinct from $21
) and not exists (
    select from member where member.programme_id = $1 and member.account_id = $3 and member.state = 'LEFT'
)
on conflict (programme_id, external_id) do nothing
returning true
"""

_REPLACE = """
update sales_order
set account_id = $3, customer_external_id = $4, customer_email = $5, type = $6, status = $7, placed_at = $8,
    currency = $9, store_id = $10, entry_channel = $11, exit_channel = $12, document = $13::text,
    fingerprint = $14, state = $15, total = $16, redeemed_value = $17, points = $18, settings_version = $19,
    judgement = $20::text::json, hold_id = $21, entry_seq = $22,
    status_at = coalesce($23, case when status = $7 then status_at end)
from programme
where programme_id = $1 and external_id = $2
    and programme.id = $1 and programme.state = $24 and programme.currency = $9
returning true
"""

_SET_STATUS = """
update sales_order set status = $5, status_at = coalesce($6, case when status = $5 then status_at end)
where programme_id = $1 and external_id = $2 and occurrence = $3 and returned = $4
returning true
"""

_KEEP_OCCURRENCE = """
insert into order_occurrence (
    programme_id, order_external_id, occurrence, account_id, state, returned, redeemed_value, points,
    settings_version, judgement, entry_seq, begun_at)
select
    programme_id, external_id, occurrence, account_id, state, returned, redeemed_value, points, settings_version,
    judgement, entry_seq, begun_at
from sales_order
where programme_id = $1 and external_id = $2
"""

_BEGIN_ANEW = """
update sales_order
set occurrence = occurrence + 1, begun_at = $5, returned = 'NONE', points = 0, settings_version = null,
    judgement = null, entry_seq = null, purchase = $3, redeemed_value = $4,
    state = case when state = 'PARKED' then 'PARKED' else 'RECEIVED' end
where programme_id = $1 and external_id = $2
"""

_SET_REDEEMED = """
update sales_order set hold_id = $3, redeemed_value = $4
where programme_id = $1 and external_id = $2 and hold_id is null
"""

_CAPTURE_SOURCE = """
select source_type, source_id
from ledger.hold
where programme_id = $1 and hold_id = $2 and state = 'captured'
union all
select entry.source_type, entry.source_id
from ledger.late_capture as late
join ledger.entry as entry
    on entry.programme_id = late.programme_id and entry.account_id = late.account_id and entry.seq = late.seq
where late.programme_id = $1 and late.hold_id = $2 and late.purchase = 1
"""

_PARKED_BY_CUSTOMER = """
select
    external_id, status, placed_at, store_id, entry_channel, exit_channel, redeemed_value, document, returned,
    occurrence
from sales_order
where programme_id = $1 and state = 'PARKED' and customer_external_id = $2 and currency = $3
order by placed_at, external_id
limit $4
for no key update
"""

# Only parked orders have an address. Saying so once more would lead the planner to the other index.
_PARKED_BY_EMAIL = """
select
    external_id, status, placed_at, store_id, entry_channel, exit_channel, redeemed_value, document, returned,
    occurrence
from sales_order
where programme_id = $1 and customer_email = $2 and customer_external_id <> $3
    and not exists (
        select from member_external_id as known
        where known.programme_id = $1 and known.external_id = sales_order.customer_external_id
            and known.account_id is not null)
    and currency = $4
order by placed_at, external_id
limit $5
for no key update
"""

_RELEASE = """
update sales_order
set account_id = $2, customer_email = null, state = released.state, points = released.points,
    settings_version = released.version, judgement = released.judgement, entry_seq = released.seq
from unnest($3::text[], $4::text[], $5::bigint[], $6::int[], $7::json[], $8::bigint[])
    as released (external_id, state, points, version, judgement, seq)
where sales_order.programme_id = $1 and sales_order.external_id = released.external_id
"""
