"""Both catalogues, each in a table with a column for every field of its offers: lists, one offer, saving one."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final, Generic, NamedTuple, TypeVar

import orjson

from pointbook.db.session import Connection
from pointbook.domain.catalogue import ExchangeItem, GiftCardProduct, Offer

Kind = TypeVar("Kind", bound=Offer)

_TEXTS: Final = ("names", "descriptions")


@dataclass(frozen=True, slots=True)
class Shelf(Generic[Kind]):
    """Where the offers of a kind are kept."""

    table: str
    kind: type[Kind]

    @property
    def columns(self) -> list[str]:
        return [field.name for field in fields(self.kind)]


GIFT_CARDS: Final = Shelf("gift_card_product", GiftCardProduct)
EXCHANGE_ITEMS: Final = Shelf("exchange_item", ExchangeItem)


@dataclass(frozen=True, slots=True)
class Kept(Generic[Kind]):
    """An offer as it is kept. Its amounts are in ``currency``; ``stock`` None: nobody counts it."""

    id: int
    offer: Kind
    currency: str
    created_at: datetime
    updated_at: datetime
    stock: int | None = None


class CatalogueSort(enum.StrEnum):
    POSITION = "POSITION"
    PRICE_ASC = "PRICE_ASC"
    PRICE_DESC = "PRICE_DESC"
    NEWEST = "NEWEST"


class Place(NamedTuple):
    """Where a page ended: what the list is ordered by, and the id."""

    key: int
    id: int


_ORDERS: Final[Mapping[CatalogueSort, tuple[str, str, str]]] = {
    CatalogueSort.POSITION: ("o.position", "asc", ">"),
    CatalogueSort.PRICE_ASC: ("o.price_points", "asc", ">"),
    CatalogueSort.PRICE_DESC: ("o.price_points", "desc", "<"),
    CatalogueSort.NEWEST: ("o.id", "desc", "<"),
}


def place_of(kept: Kept[Any], sort: CatalogueSort) -> Place:
    """Where an offer stands in a list of that order."""
    keys = {CatalogueSort.POSITION: kept.offer.position, CatalogueSort.NEWEST: kept.id}
    return Place(keys.get(sort, kept.offer.price_points), kept.id)


@dataclass(frozen=True, slots=True)
class Search:
    """Which offers, in which order. ``on_sale_in``: only those on sale in that currency; None: all of them."""

    on_sale_in: str | None
    sort: CatalogueSort = CatalogueSort.POSITION
    category: str | None = None
    max_points: int | None = None
    affordable_only: bool = False
    words: str | None = None
    """In the SKU or the name in any language, whatever their case."""
    after: Place | None = None


async def list_offers(
    connection: Connection,
    programme_id: int,
    shelf: Shelf[Kind],
    search: Search,
    *,
    account_id: int | None,
    most: int,
    now: datetime,
) -> list[tuple[Kept[Kind], int | None]]:
    """Each with the points that ``account_id`` can spend now; without an account nothing is affordable."""
    key, direction, beyond = _ORDERS[search.sort]
    statement = _LIST.format(table=shelf.table, key=key, direction=direction, beyond=beyond)
    rows = await connection.fetch(
        statement,
        programme_id,
        account_id,
        now,
        search.on_sale_in,
        search.category,
        search.max_points,
        search.affordable_only,
        search.words,
        *(search.after or (None, None)),
        most,
    )
    return [(kept_of(shelf, row), row["spendable"]) for row in rows]


async def find_offer(connection: Connection, programme_id: int, shelf: Shelf[Kind], sku: str) -> Kept[Kind] | None:
    row = await connection.fetchrow(_FIND.format(table=shelf.table), programme_id, sku)
    return None if row is None else kept_of(shelf, row)


async def count_offers(connection: Connection, programme_id: int, shelf: Shelf[Kind]) -> int:
    counted = f"select count(*) from {shelf.table} where programme_id = $1"  # noqa: S608  # a table of ours
    count: int = await connection.fetchval(counted, programme_id)
    return count


async def all_offers(connection: Connection, programme_id: int, shelf: Shelf[Kind]) -> list[Kept[Kind]]:
    """The oldest first."""
    listed = f"select * from {shelf.table} where programme_id = $1 order by id"  # noqa: S608  # a table of ours
    return [kept_of(shelf, row) for row in await connection.fetch(listed, programme_id)]


async def save_offer(
    connection: Connection, programme_id: int, shelf: Shelf[Kind], offer: Kind, currency: str, *, now: datetime
) -> Kept[Kind]:
    """Put an offer into the catalogue, or all of its fields in the place of those that it has there."""
    values = [_written(name, getattr(offer, name)) for name in shelf.columns]
    row = await connection.fetchrow(_save_statement(shelf), programme_id, currency, now, *values)
    assert row is not None, "an upsert returns its row"
    return kept_of(shelf, row)


def kept_of(shelf: Shelf[Kind], row: Mapping[str, Any]) -> Kept[Kind]:
    given = {name: _read(name, row[name]) for name in shelf.columns}
    stock = row["stock"] if shelf.kind is ExchangeItem else None
    return Kept(row["id"], shelf.kind(**given), row["currency"], row["created_at"], row["updated_at"], stock)


def _written(column: str, value: Any) -> Any:
    return orjson.dumps(dict(value)).decode() if column in _TEXTS else value


def _read(column: str, value: Any) -> Any:
    return tuple(sorted(orjson.loads(value).items())) if column in _TEXTS else value


def _save_statement(shelf: Shelf[Any]) -> str:
    columns = shelf.columns
    places = [f"${n}::text::jsonb" if name in _TEXTS else f"${n}" for n, name in enumerate(columns, 4)]
    return f"""
        insert into {shelf.table} (programme_id, currency, created_at, updated_at, {", ".join(columns)})
        values ($1, $2, $3, $3, {", ".join(places)})
        on conflict (programme_id, sku) do update
        set (currency, updated_at, {", ".join(columns)})
            = (excluded.currency, excluded.updated_at, {", ".join(f"excluded.{name}" for name in columns)})
        returning *
    """  # noqa: S608  # tables and columns of ours


_FIND: Final = "select * from {table} where programme_id = $1 and sku = $2"

# The points of the account are reckoned once for the page.
_LIST: Final = """
with purse as materialized (
    select balance.available from ledger.balance($1, $2, $3, $3, null) as balance where $2::bigint is not null
)
select o.*, (select available from purse) as spendable
from {table} as o
where o.programme_id = $1
    and ($4::text is null or o.active and o.currency = $4)
    and ($5::text is null or o.category = $5)
    and ($6::bigint is null or o.price_points <= $6)
    and (not $7::bool or o.price_points <= (select available from purse))
    and (
        $8::text is null
        or strpos(lower(o.sku), lower($8)) > 0
        or exists (select from jsonb_each_text(o.names) as name where strpos(lower(name.value), lower($8)) > 0)
    )
    and ($9::bigint is null or ({key}, o.id) {beyond} ($9::bigint, $10::bigint))
order by {key} {direction}, o.id {direction}
limit $11
"""
