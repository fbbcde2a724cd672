"""Exchange orders as their member and the staff look at them. Reads only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from pointbook.db.queries import exchange as rows
from pointbook.db.queries.exchange import Criteria, Place
from pointbook.domain import text
from pointbook.domain.catalogue import Texts
from pointbook.domain.errors import InvalidInput
from pointbook.domain.exchange import ExchangeState
from pointbook.domain.money import Money
from pointbook.services.installation import Installation

__all__ = ["ExchangeLine", "ExchangeOrder", "Place", "Wanted", "find_order", "list_orders", "order_of"]


@dataclass(frozen=True, slots=True)
class ExchangeLine:
    """Pieces of an item with its name and price of then; ``price_points`` and ``fee`` are of one piece."""

    sku: str
    names: Texts
    quantity: int
    price_points: int
    fee: Money


@dataclass(frozen=True, slots=True)
class ExchangeOrder:
    """An order as it stands. ``customers``: the shop's ids of the member whose ``account`` it is.

    ``fee`` is of all pieces together; the shop asks for it. The points were spent by the entry ``entry_seq``
    of ``entry_account``, which is another where it was merged into this one.
    """

    id: UUID
    place: Place
    account: UUID
    entry_account: UUID
    customers: tuple[str, ...]
    points: int
    fee: Money
    note: str | None
    state: ExchangeState
    exchanged_at: datetime | None
    cancelled_at: datetime | None
    entry_seq: int
    lines: tuple[ExchangeLine, ...]

    @property
    def placed_at(self) -> datetime:
        return self.place.at


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which orders: all that is given has to hold. ``customer`` is the shop's id; ``placed_to`` is too late."""

    state: ExchangeState | None = None
    placed_from: datetime | None = None
    placed_to: datetime | None = None
    customer: str | None = None
    oldest_first: bool = False


async def find_order(installation: Installation, programme_id: int, order_id: UUID) -> ExchangeOrder | None:
    async with installation.db.bare_transaction(programme_id) as connection:
        row = await rows.find_order(connection, programme_id, order_id)
    return None if row is None else order_of(row)


async def list_orders(
    installation: Installation, programme_id: int, wanted: Wanted, *, after: Place | None = None, most: int
) -> list[ExchangeOrder]:
    """By when they were placed, the newest first unless ``wanted`` says otherwise. Raises InvalidInput."""
    text.optional_identifier("filter.customerExternalId", wanted.customer)
    if wanted.placed_from and wanted.placed_to and wanted.placed_to <= wanted.placed_from:
        raise InvalidInput("filter.placedTo", "must be after placedFrom")
    account_id = None
    if wanted.customer is not None:
        account = await installation.accounts.find(programme_id, wanted.customer)
        if account is None:
            return []
        account_id = account.account_id
    criteria = Criteria(wanted.state, wanted.placed_from, wanted.placed_to, account_id, wanted.oldest_first)
    async with installation.db.bare_transaction(programme_id) as connection:
        found = await rows.list_orders(connection, programme_id, criteria, after=after, most=most)
    return [order_of(row) for row in found]


def order_of(row: Mapping[str, Any]) -> ExchangeOrder:
    """The order of a row of ``db.queries.exchange``."""
    currency = row["currency"]
    return ExchangeOrder(
        id=row["public_id"],
        place=Place(row["placed_at"], row["id"]),
        account=row["account"],
        entry_account=row["entry_account"],
        customers=tuple(row["customers"]),
        points=row["points"],
        fee=Money(row["fee"], currency),
        note=row["note"],
        state=ExchangeState(row["state"]),
        exchanged_at=row["exchanged_at"],
        cancelled_at=row["cancelled_at"],
        entry_seq=row["entry_seq"],
        lines=tuple(_line(line, currency) for line in orjson.loads(row["lines"])),
    )


def _line(line: Mapping[str, Any], currency: str) -> ExchangeLine:
    return ExchangeLine(
        sku=line["sku"],
        names=tuple(sorted(line["names"].items())),
        quantity=line["quantity"],
        price_points=line["price_points"],
        fee=Money(line["fee"], currency),
    )
