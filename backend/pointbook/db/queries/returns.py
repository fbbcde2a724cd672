"""Return documents as they are known, and the orders that they take back, locked by whoever applies one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson

from pointbook.db.session import Connection

PARKED: Final = "PARKED"
APPLIED: Final = "APPLIED"
PASSED_OVER: Final = 0
"""The occurrence of documents that came when a later one had taken everything."""


class Effect(NamedTuple):
    """What an applied document came to. Money in minor units, whole points; see ``ReturnDocument``."""

    occurrence: int
    number: int
    effect: str
    value: int
    money: int
    given_back: int
    given_back_value: int
    reversed: int
    debt: int
    forgiven: int


def made_at(returned_at: datetime | None, reported_at: datetime) -> datetime:
    """When a document was made: when the shop says, but not after it was reported."""
    return reported_at if returned_at is None else min(returned_at, reported_at)


@dataclass(frozen=True, slots=True)
class ReturnRow:
    """``effect`` None: it is parked, or refused. ``document`` as ``ReturnContent.to_json`` wrote it."""

    external_id: str
    order_external_id: str
    type: str
    status: str | None
    currency: str
    returned_at: datetime | None
    document: Mapping[str, Any]
    fingerprint: bytes
    by_hand: bool
    reported_at: datetime
    effect: Effect | None

    @property
    def made_at(self) -> datetime:
        return made_at(self.returned_at, self.reported_at)


@dataclass(frozen=True, slots=True)
class ReturnRecord:
    """A document as it is reported; ``document`` is JSON text."""

    external_id: str
    order_external_id: str
    type: str
    status: str | None
    currency: str
    returned_at: datetime | None
    document: str
    fingerprint: bytes
    by_hand: bool
    reported_at: datetime


@dataclass(frozen=True, slots=True)
class ReturnableOrder:
    """All of an order that its returns are reckoned from. ``document``, ``judgement``: as they are kept."""

    external_id: str
    account_id: int | None
    customer_external_id: str | None
    currency: str
    placed_at: datetime
    store_id: str | None
    entry_channel: str | None
    exit_channel: str | None
    document: str
    state: str
    total: int
    redeemed_value: int
    points: int
    settings_version: int | None
    judgement: str | None
    hold_id: UUID | None
    holder_id: int | None
    """Whose points paid."""
    entry_seq: int | None
    returned: str
    occurrence: int
    purchase: int
    begun_at: datetime | None
    public_id: UUID | None
    """Of the member's account."""
    customer_account_id: int | None
    """The account of the order's customer, who may have joined since it was parked."""


async def find(connection: Connection, programme_id: int, external_id: str) -> ReturnRow | None:
    row = await connection.fetchrow(_FIND, programme_id, external_id)
    return None if row is None else _row(row)


async def locked(connection: Connection, programme_id: int, external_id: str) -> ReturnRow | None:
    """A document, locked until the transaction ends. Whoever asks has locked its order before, if there is one."""
    row = await connection.fetchrow(_FIND + " for no key update", programme_id, external_id)
    return None if row is None else _row(row)


async def keep(connection: Connection, programme_id: int, record: ReturnRecord) -> bool:
    """Keep a document, parked, in place of what its id had before; False when that has had its effect.

    What was sent by hand once stays so.
    """
    values = (getattr(record, name) for name in ReturnRecord.__dataclass_fields__)
    return bool(await connection.fetchval(_KEEP, programme_id, *values))


async def refuse(connection: Connection, programme_id: int, external_id: str, reason: str) -> None:
    """A parked document does not fit its order: it waits for a correction, and is not tried again by itself."""
    await connection.execute(_REFUSE, programme_id, external_id, reason)


async def postpone(connection: Connection, programme_id: int, external_id: str, now: datetime) -> None:
    """A parked document could not be looked at: others come first, and it is tried again later."""
    await connection.execute(_POSTPONE, programme_id, external_id, now)


async def set_status(connection: Connection, programme_id: int, external_id: str, status: str | None) -> None:
    await connection.execute(_SET_STATUS, programme_id, external_id, status)


async def apply(
    connection: Connection, programme_id: int, external_id: str, effect: Effect, *, by_hand: bool, now: datetime
) -> None:
    """Write down what a parked document came to."""
    changed = await connection.fetchval(_APPLY, programme_id, external_id, by_hand, now, *effect)
    assert changed, "it was parked, under the lock of its order"


async def applied(connection: Connection, programme_id: int, order: str, occurrence: int) -> list[ReturnRow]:
    """The documents of an order's occurrence that have had their effect, in that order."""
    return [_row(row) for row in await connection.fetch(_APPLIED, programme_id, order, occurrence)]


async def all_taken_since(
    connection: Connection, programme_id: int, order: str, occurrence: int, made_at: datetime
) -> bool:
    """Whether a document of the occurrence that was made then or later took all that was left, of both kinds."""
    return bool(await connection.fetchval(_ALL_TAKEN_SINCE, programme_id, order, occurrence, made_at))


async def passed_over(connection: Connection, programme_id: int, order: str) -> int:
    """How many documents of an order were passed over."""
    count: int = await connection.fetchval(_PASSED_OVER, programme_id, order, PASSED_OVER)
    return count


async def park_again(
    connection: Connection, programme_id: int, order: str, occurrence: int, *, since: datetime
) -> None:
    """Documents of an occurrence that were made ``since`` then wait for the next one, as if they came anew.

    So do those that did not fit: they may now.
    """
    await connection.execute(_PARK_AGAIN, programme_id, order, occurrence, since)


async def order(connection: Connection, programme_id: int, external_id: str) -> ReturnableOrder | None:
    """The order as it stands, not locked."""
    row = await connection.fetchrow(_ORDER, programme_id, external_id)
    return None if row is None else _order(row)


async def locked_order(connection: Connection, programme_id: int, external_id: str) -> ReturnableOrder | None:
    """The order, locked until the transaction ends. Whoever asks has locked its account before."""
    row = await connection.fetchrow(_ORDER + "for no key update of known", programme_id, external_id)
    return None if row is None else _order(row)


async def set_returned(connection: Connection, programme_id: int, order: str, returned: str) -> None:
    await connection.execute(_SET_RETURNED, programme_id, order, returned)


async def ready(
    connection: Connection, programme_id: int, most: int, *, order: str | None = None, now: datetime
) -> list[str]:
    """Parked documents whose order is known by now, in the order in which they came: at most so many.

    Of one order, if it is named.
    """
    rows = await connection.fetch(_READY, programme_id, order, most, now)
    return [row["external_id"] for row in rows]


def _row(row: Any) -> ReturnRow:
    effect = None if row["number"] is None else Effect(*(row[name] for name in Effect._fields))
    plain = {name: row[name] for name in ReturnRow.__dataclass_fields__ if name not in {"effect", "document"}}
    return ReturnRow(**plain, document=orjson.loads(row["document"]), effect=effect)


def _order(row: Any) -> ReturnableOrder:
    return ReturnableOrder(**{name: row[name] for name in ReturnableOrder.__dataclass_fields__})


_FIND = "select * from return_document where programme_id = $1 and external_id = $2"

_KEEP = """
insert into return_document as kept (
    programme_id, external_id, order_external_id, type, status, currency, returned_at, document, fingerprint,
    by_hand, reported_at, state)
values ($1, $2, $3, $4, $5, $6, $7, $8::text::json, $9, $10, $11, 'PARKED')
on conflict (programme_id, external_id) do update
set order_external_id = excluded.order_external_id, type = excluded.type, status = excluded.status,
    currency = excluded.currency, returned_at = excluded.returned_at, document = excluded.document,
    fingerprint = excluded.fingerprint, by_hand = kept.by_hand or excluded.by_hand, state = 'PARKED',
    refusal = null, tried_at = null,
    reported_at = case
        when kept.fingerprint = excluded.fingerprint then kept.reported_at else excluded.reported_at
    end
where kept.state <> 'APPLIED'
returning true
"""

_REFUSE = """
update return_document set state = 'REFUSED', refusal = $3
where programme_id = $1 and external_id = $2 and state = 'PARKED'
"""

_POSTPONE = "update return_document set tried_at = $3 where programme_id = $1 and external_id = $2"

_SET_STATUS = "update return_document set status = $3 where programme_id = $1 and external_id = $2"

_APPLY = """
update return_document
set state = 'APPLIED', by_hand = $3, applied_at = $4, occurrence = $5, number = $6, effect = $7, value = $8,
    money = $9, given_back = $10, given_back_value = $11, reversed = $12, debt = $13, forgiven = $14
where programme_id = $1 and external_id = $2 and state = 'PARKED'
returning true
"""

_APPLIED = """
select * from return_document
where programme_id = $1 and order_external_id = $2 and occurrence = $3
order by number
"""

_ALL_TAKEN_SINCE = """
select exists (
    select from return_document
    where programme_id = $1 and order_external_id = $2 and occurrence = $3
        and (document ->> 'everything')::boolean and effect = 'BOTH' and least(returned_at, reported_at) >= $4
)
"""

_PASSED_OVER = """
select count(*) from return_document where programme_id = $1 and order_external_id = $2 and occurrence = $3
"""

_PARK_AGAIN = """
update return_document
set state = 'PARKED', refusal = null, tried_at = null, applied_at = null, occurrence = null, number = null,
    effect = null, value = 0, money = 0, given_back = 0, given_back_value = 0, reversed = 0, debt = 0, forgiven = 0
where programme_id = $1 and order_external_id = $2
    and (state = 'REFUSED' or occurrence = $3) and least(returned_at, reported_at) >= $4
"""

_ORDER = """
select
    *,
    (
        select h.owner_id from ledger.hold as h
        where h.programme_id = known.programme_id and h.hold_id = known.hold_id
    ) as holder_id,
    (
        select m.public_id from member as m
        where m.programme_id = known.programme_id and m.account_id = known.account_id
    ) as public_id,
    (
        select c.account_id from member_external_id as c
        where c.programme_id = known.programme_id and c.external_id = known.customer_external_id
    ) as customer_account_id
from sales_order as known
where known.programme_id = $1 and known.external_id = $2
"""

_SET_RETURNED = "update sales_order set returned = $3 where programme_id = $1 and external_id = $2"

_READY = """
select r.external_id
from return_document as r
join sales_order as known on known.programme_id = r.programme_id and known.external_id = r.order_external_id
where r.programme_id = $1 and r.state = 'PARKED' and ($2::text is null or r.order_external_id = $2)
    and (r.tried_at is null or r.tried_at < $4::timestamptz - interval '1 minute')
order by r.tried_at nulls first, r.reported_at, r.external_id
limit $3
"""
