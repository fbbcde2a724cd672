"""Orders and returns as staff look at them: how each stands, and every entry that it caused."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pointbook.db.queries import order_views as rows
from pointbook.db.queries.order_views import OrderEntry, Place
from pointbook.db.queries.orders import NOT_RETURNED
from pointbook.domain import text
from pointbook.domain.money import Money
from pointbook.domain.return_types import ReturnType, TypeEffect
from pointbook.services.installation import Installation

__all__ = [
    "OrderEntry",
    "OrderState",
    "OrderView",
    "Place",
    "ReturnState",
    "ReturnView",
    "entries_of",
    "find_order",
    "find_return",
    "list_orders",
    "returns_of",
    "waiting_returns",
]


class OrderState(enum.StrEnum):
    RECEIVED = "RECEIVED"
    PARKED = "PARKED"
    EARNED = "EARNED"
    PARTLY_RETURNED = "PARTLY_RETURNED"
    RETURNED = "RETURNED"
    CANCELLED = "CANCELLED"


class ReturnState(enum.StrEnum):
    PARKED = "PARKED"
    REFUSED = "REFUSED"
    APPLIED = "APPLIED"


_RETURNED: Final[Mapping[str, OrderState]] = {
    "PART": OrderState.PARTLY_RETURNED,
    "ALL": OrderState.RETURNED,
    "CANCELLED": OrderState.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order as it stands. ``points`` and ``redeemed`` are of its present occurrence, before what came back."""

    external_id: str
    customer_external_id: str | None
    type: str
    status: str
    status_at: datetime | None
    placed_at: datetime
    reported_at: datetime
    store: str | None
    entry_channel: str | None
    exit_channel: str | None
    state: OrderState
    occurrence: int
    total: Money
    redeemed: Money
    points_redeemed: int
    points: int
    settings_version: int | None
    hold_id: UUID | None

    @property
    def place(self) -> Place:
        return Place(self.placed_at, self.external_id)


@dataclass(frozen=True, slots=True)
class ReturnView:
    """A return document and what it came to; the figures are 0 until it is applied.

    ``refusal``: what is wrong with one that does not fit its order. ``money`` as in ``SubmittedReturn``.
    """

    external_id: str
    order_external_id: str
    type: ReturnType
    status: str | None
    state: ReturnState
    refusal: str | None
    by_hand: bool
    returned_at: datetime | None
    reported_at: datetime
    applied_at: datetime | None
    occurrence: int | None
    effect: TypeEffect | None
    value: Money
    money: Money | None
    given_back: int
    given_back_value: Money
    reversed: int
    debt: int
    forgiven: int

    @property
    def place(self) -> Place:
        return Place(self.reported_at, self.external_id)


async def find_order(installation: Installation, programme_id: int, external_id: str) -> OrderView | None:
    async with installation.db.bare_transaction(programme_id) as connection:
        row = await rows.order(connection, programme_id, external_id)
    return None if row is None else _order(row)


async def list_orders(
    installation: Installation,
    programme_id: int,
    *,
    state: OrderState | None = None,
    customer: str | None = None,
    before: Place | None = None,
    most: int,
) -> list[OrderView]:
    """Those placed last come first. ``customer`` is the shop's id. Raises InvalidInput."""
    text.optional_identifier("customerExternalId", customer)
    async with installation.db.bare_transaction(programme_id) as connection:
        found = await rows.list_orders(
            connection, programme_id, state=state, customer=customer, before=before, most=most
        )
    return [_order(row) for row in found]


async def entries_of(
    installation: Installation, programme_id: int, order: OrderView, *, first: int, offset: int
) -> list[OrderEntry]:
    """Every entry of the ledger that an order and its documents caused, on whatever account, the oldest first."""
    async with installation.db.bare_transaction(programme_id) as connection:
        return await rows.entries_of(
            connection, programme_id, order.external_id, order.hold_id, first=first, offset=offset
        )


async def returns_of(
    installation: Installation, programme_id: int, order: str, *, first: int, offset: int
) -> list[ReturnView]:
    async with installation.db.bare_transaction(programme_id) as connection:
        found = await rows.returns_of(connection, programme_id, order, first=first, offset=offset)
    return [_return(row) for row in found]


async def find_return(installation: Installation, programme_id: int, external_id: str) -> ReturnView | None:
    async with installation.db.bare_transaction(programme_id) as connection:
        row = await rows.return_document(connection, programme_id, external_id)
    return None if row is None else _return(row)


async def waiting_returns(
    installation: Installation,
    programme_id: int,
    *,
    refused: bool | None = None,
    before: Place | None = None,
    most: int,
) -> list[ReturnView]:
    """Return documents that have had no effect: parked, or refused because they do not fit their order."""
    async with installation.db.bare_transaction(programme_id) as connection:
        found = await rows.waiting_returns(connection, programme_id, refused=refused, before=before, most=most)
    return [_return(row) for row in found]


def _order(row: Any) -> OrderView:
    state = OrderState(row["state"]) if row["returned"] == NOT_RETURNED else _RETURNED[row["returned"]]
    return OrderView(
        external_id=row["external_id"],
        customer_external_id=row["customer_external_id"],
        type=row["type"],
        status=row["status"],
        status_at=row["status_at"],
        placed_at=row["placed_at"],
        reported_at=row["reported_at"],
        store=row["store_id"],
        entry_channel=row["entry_channel"],
        exit_channel=row["exit_channel"],
        state=state,
        occurrence=row["occurrence"],
        total=Money(row["total"], row["currency"]),
        redeemed=Money(row["redeemed_value"], row["currency"]),
        points_redeemed=row["points_redeemed"],
        points=row["points"],
        settings_version=row["settings_version"],
        hold_id=row["hold_id"],
    )


def _return(row: Any) -> ReturnView:
    effect, currency = None if row["effect"] is None else TypeEffect(row["effect"]), row["currency"]
    refunds = effect is not None and effect.reverses_redemption
    return ReturnView(
        external_id=row["external_id"],
        order_external_id=row["order_external_id"],
        type=ReturnType(row["type"]),
        status=row["status"],
        state=ReturnState(row["state"]),
        refusal=row["refusal"],
        by_hand=row["by_hand"],
        returned_at=row["returned_at"],
        reported_at=row["reported_at"],
        applied_at=row["applied_at"],
        occurrence=row["occurrence"],
        effect=effect,
        value=Money(row["value"], currency),
        money=Money(row["money"], currency) if refunds else None,
        given_back=row["given_back"],
        given_back_value=Money(row["given_back_value"], currency),
        reversed=row["reversed"],
        debt=row["debt"],
        forgiven=row["forgiven"],
    )
