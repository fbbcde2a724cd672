"""Rows of gift cards that were bought, with the product that each is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from pointbook.db.session import Connection


@dataclass(frozen=True, slots=True)
class NewGiftCard:
    card_id: UUID
    account_id: int
    product_id: int
    bought_at: datetime
    recipient_name: str | None
    recipient_email: str | None
    message: str | None
    deliver_at: datetime
    delivery_id: int


@dataclass(frozen=True, slots=True)
class BoughtRow:
    """``names``: of the product, by locale. ``buyer``: the shop's ids of the member who bought it."""

    id: int
    card_id: UUID
    account_id: int
    sku: str
    names: Mapping[str, str]
    image_url: str | None
    bought_at: datetime
    recipient_name: str | None
    recipient_email: str | None
    message: str | None
    deliver_at: datetime
    delivery_id: int
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True)
class BoughtFilter:
    """Which cards; everything that is given has to hold. ``bought_to`` is exclusive."""

    account_id: int | None = None
    last_four: str | None = None
    bought_from: datetime | None = None
    bought_to: datetime | None = None


async def add(connection: Connection, programme_id: int, card: NewGiftCard) -> None:
    await connection.execute(
        _ADD,
        programme_id,
        card.card_id,
        card.account_id,
        card.product_id,
        card.bought_at,
        card.recipient_name,
        card.recipient_email,
        card.message,
        card.deliver_at,
        card.delivery_id,
    )


async def find(connection: Connection, programme_id: int, card_id: UUID) -> BoughtRow | None:
    row = await connection.fetchrow(_FIND, programme_id, card_id)
    return None if row is None else _bought(row)


async def list_bought(
    connection: Connection, programme_id: int, which: BoughtFilter, *, first: int, before_id: int | None
) -> list[BoughtRow]:
    """Newest first, older than ``before_id``."""
    rows = await connection.fetch(
        _LIST,
        programme_id,
        which.account_id,
        which.last_four,
        which.bought_from,
        which.bought_to,
        before_id,
        first,
    )
    return [_bought(row) for row in rows]


async def set_delivered(connection: Connection, programme_id: int, card_id: UUID, *, now: datetime) -> None:
    await connection.execute(_DELIVERED, programme_id, card_id, now)


async def buyers(connection: Connection, programme_id: int, account_ids: list[int]) -> dict[int, list[str]]:
    """The shop's ids of members, by account."""
    rows = await connection.fetch(_BUYERS, programme_id, account_ids)
    return {row["account_id"]: row["external_ids"] for row in rows}


async def buyer_address(
    connection: Connection, programme_id: int, account_id: int
) -> tuple[str | None, str | None]:
    """E-mail and locale of a member, as far as they are known."""
    row = await connection.fetchrow(_BUYER_ADDRESS, programme_id, account_id)
    return (None, None) if row is None else (row["email"], row["locale"])


def _bought(row: Any) -> BoughtRow:
    return BoughtRow(**{**row, "names": orjson.loads(row["names"])})


_ADD = """
insert into gift_card (
    programme_id, card_id, account_id, product_id, bought_at, recipient_name, recipient_email, message, deliver_at,
    delivery_id)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""

_COLUMNS = """
    g.id, g.card_id, g.account_id, p.sku, p.names::text as names, p.image_url, g.bought_at, g.recipient_name,
    g.recipient_email, g.message, g.deliver_at, g.delivery_id, g.delivered_at
from gift_card g
join gift_card_product p on p.programme_id = g.programme_id and p.id = g.product_id
"""

_FIND = f"select {_COLUMNS} where g.programme_id = $1 and g.card_id = $2"

_LIST = f"""
select {_COLUMNS}
where g.programme_id = $1
    and ($2::bigint is null or g.account_id = ledger.stands_for($1, $2))
    and ($3::text is null or exists (
        select from ledger.card c
        where c.programme_id = g.programme_id and c.card_id = g.card_id and c.last_four = $3))
    and ($4::timestamptz is null or g.bought_at >= $4)
    and ($5::timestamptz is null or g.bought_at < $5)
    and ($6::bigint is null or g.id < $6)
order by g.id desc
limit $7
"""  # noqa: S608  # fixed text

_DELIVERED = (
    "update gift_card set delivered_at = $3 where programme_id = $1 and card_id = $2 and delivered_at is null"
)

_BUYERS = """
select account_id, array_agg(external_id order by external_id) as external_ids
from member_external_id
where programme_id = $1 and account_id = any($2::bigint[])
group by account_id
"""

_BUYER_ADDRESS = "select email, locale from member where programme_id = $1 and account_id = $2"
