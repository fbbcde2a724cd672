"""Orders and returns as staff look at them, with every entry and its explanation."""

from datetime import datetime
from typing import Annotated, Self

import strawberry

from pointbook.domain.access import Right, staff
from pointbook.domain.errors import InvalidInput
from pointbook.domain.reading import instant
from pointbook.graphql.account import HistoryItem
from pointbook.graphql.connections import After, Connection, First, key_of, page_size, text_of
from pointbook.graphql.context import Info
from pointbook.graphql.described import described, described_enum
from pointbook.graphql.explaining import Explanation
from pointbook.graphql.money import MoneyAmount
from pointbook.graphql.policies import query_field
from pointbook.graphql.return_types import ReturnType, TypeEffect  # described there
from pointbook.graphql.rule_names import Locale
from pointbook.graphql.scalars import Points
from pointbook.ledger import EntryKind, HistoryEntry
from pointbook.services import order_views as service
from pointbook.services.explaining import explain_entry

_LIST = staff(Right.LIST_ORDERS)
_PAGE = 20
_ORDER, _ENTRY, _RETURN, _WAITING = "order", "order-entry", "order-return", "waiting-return"

described_enum(
    service.OrderState,
    "How an order stands.",
    RECEIVED="It is known; its status does not earn yet.",
    PARKED="It is known; its customer has not joined.",
    EARNED="It has earned; the points may be 0.",
    PARTLY_RETURNED="A part of it came back.",
    RETURNED="All of it came back.",
    CANCELLED="It was cancelled.",
)
described_enum(
    service.ReturnState,
    "How a return document stands.",
    PARKED="It waits until its order is known.",
    REFUSED="It does not fit its order, and waits until the shop corrects it.",
    APPLIED="It has had its effect.",
)


@strawberry.type(description="A document that takes an order back, and what it came to.")
class ReturnDocument:
    external_id: strawberry.ID = strawberry.field(description="The shop's id of it.")
    order_external_id: strawberry.ID = strawberry.field(description="The shop's id of the order.")
    type: ReturnType = strawberry.field(description="What kind of document it is.")
    status: str | None = strawberry.field(description="The shop's status of it.")
    state: service.ReturnState = strawberry.field(description="How it stands.")
    refusal: str | None = strawberry.field(description="REFUSED: what is wrong with it.")
    by_hand: bool = strawberry.field(description="Whether it was sent by hand.")
    returned_at: datetime | None = strawberry.field(description="When it was made, as the shop says.")
    reported_at: datetime = strawberry.field(description="When it was reported first.")
    applied_at: datetime | None = strawberry.field(description="When it had its effect.")
    occurrence: int | None = strawberry.field(
        description="Which occurrence of the order it took back; 0: a later document had taken everything before."
    )
    effect: TypeEffect | None = strawberry.field(description="What it reversed.")
    value: MoneyAmount = strawberry.field(description="What came back is worth, after discounts.")
    money: MoneyAmount | None = strawberry.field(
        description="The part of it that was paid with money; null where points are not given back."
    )
    points_given_back: Points = strawberry.field(description="Points of the redemption that were given back.")
    given_back_value: MoneyAmount = strawberry.field(description="What they had paid.")
    points_reversed: Points = strawberry.field(description="Points earned that were taken back.")
    debt: Points = strawberry.field(description="Of those: what the member owed then.")
    forgiven: Points = strawberry.field(description="Of those: what was left to the member.")

    @classmethod
    def of(cls, view: service.ReturnView) -> Self:
        return cls(
            external_id=strawberry.ID(view.external_id),
            order_external_id=strawberry.ID(view.order_external_id),
            type=view.type,
            status=view.status,
            state=view.state,
            refusal=view.refusal,
            by_hand=view.by_hand,
            returned_at=view.returned_at,
            reported_at=view.reported_at,
            applied_at=view.applied_at,
            occurrence=view.occurrence,
            effect=view.effect,
            value=MoneyAmount.of(view.value),
            money=None if view.money is None else MoneyAmount.of(view.money),
            points_given_back=Points(view.given_back),
            given_back_value=MoneyAmount.of(view.given_back_value),
            points_reversed=Points(view.reversed),
            debt=Points(view.debt),
            forgiven=Points(view.forgiven),
        )


def entry_item(found: service.OrderEntry) -> HistoryItem:
    """An entry as its member's history shows it."""
    entry = HistoryEntry(
        found.seq,
        EntryKind(found.kind.upper()),
        found.at,
        found.points,
        found.held,
        found.moved,
        found.source_type,
        found.source_id,
        found.hold_id,
    )
    return HistoryItem.of(entry, found.account)


async def explanation_of(info: Info, found: service.OrderEntry, locale: str | None) -> Explanation | None:
    """Why an entry granted its points; None if it did not."""
    if found.kind.upper() != EntryKind.ACCRUAL:
        return None
    explained = await explain_entry(*info.context.tenant, found.account, found.seq)
    return None if explained is None else Explanation.of(info, explained, locale)


@strawberry.type(description="An entry that an order caused, with its explanation.")
class OrderEntry:
    item: HistoryItem = strawberry.field(description="The entry, as it stands in its member's history.")
    occurrence: int | None = strawberry.field(description="Which occurrence of the order, counted from 1.")
    customer_external_ids: list[strawberry.ID] = strawberry.field(
        description="The shop's ids of the member whose points it moved, who may be another than the order's."
    )
    found: strawberry.Private[service.OrderEntry]

    @described("Why it granted its points; null if it did not.")
    async def explanation(self, info: Info, locale: Locale = None) -> Explanation | None:
        return await explanation_of(info, self.found, locale)

    @described("The document that gave points back or took them back; null if it was none.")
    async def return_document(self, info: Info) -> ReturnDocument | None:
        if self.item.kind not in {EntryKind.GIVE_BACK, EntryKind.REVERSAL} or self.found.source_id is None:
            return None
        found = await service.find_return(*info.context.tenant, self.found.source_id)
        return None if found is None else ReturnDocument.of(found)

    @classmethod
    def of(cls, found: service.OrderEntry) -> Self:
        return cls(
            item=entry_item(found),
            occurrence=found.occurrence,
            customer_external_ids=[strawberry.ID(customer) for customer in found.customers],
            found=found,
        )


@strawberry.type(description="An order as it stands.")
class Order:
    external_id: strawberry.ID = strawberry.field(description="The shop's id of it.")
    customer_external_id: strawberry.ID | None = strawberry.field(description="The shop's id of its customer.")
    type: str = strawberry.field(description="What kind of document it is.")
    status: str = strawberry.field(description="The shop's status.")
    status_at: datetime | None = strawberry.field(description="When it got that status, as the shop says.")
    placed_at: datetime = strawberry.field(description="When it was placed.")
    reported_at: datetime = strawberry.field(description="When it was reported first.")
    store: strawberry.ID | None = strawberry.field(description="The store's id.")
    entry_channel: str | None = strawberry.field(description="How it came in.")
    exit_channel: str | None = strawberry.field(description="How it left.")
    state: service.OrderState = strawberry.field(description="How it stands.")
    occurrence: int = strawberry.field(
        description="1, and one more each time that it was completed again after all of it had come back."
    )
    total: MoneyAmount = strawberry.field(description="What was to be paid, with money or points.")
    redeemed: MoneyAmount = strawberry.field(description="What points paid of it.")
    points_redeemed: Points = strawberry.field(
        description="How many points that were; some may have expired with the voucher before they paid."
    )
    points: Points = strawberry.field(description="What it earned, before what came back afterwards.")
    settings_version: int | None = strawberry.field(description="The settings that judged it, once it earned.")
    view: strawberry.Private[service.OrderView]

    @described("Every entry that it and its documents caused, on whatever account, the oldest first.")
    async def entries(
        self,
        info: Info,
        first: First = _PAGE,
        after: After = None,
    ) -> Connection[OrderEntry]:
        size, offset = page_size(first), 0 if after is None else key_of(_ENTRY, after)
        found = await service.entries_of(*info.context.tenant, self.view, first=size + 1, offset=offset)
        items = [(offset + number, OrderEntry.of(entry)) for number, entry in enumerate(found, 1)]
        return Connection[OrderEntry].of(_ENTRY, items, size, after)

    @described("Its return documents: those that had their effect in that order, then those that wait.")
    async def returns(
        self,
        info: Info,
        first: First = _PAGE,
        after: After = None,
    ) -> Connection[ReturnDocument]:
        size, offset = page_size(first), 0 if after is None else key_of(_RETURN, after)
        name = self.view.external_id
        found = await service.returns_of(*info.context.tenant, name, first=size + 1, offset=offset)
        items = [(offset + number, ReturnDocument.of(view)) for number, view in enumerate(found, 1)]
        return Connection[ReturnDocument].of(_RETURN, items, size, after)

    @classmethod
    def of(cls, view: service.OrderView) -> Self:
        return cls(
            external_id=strawberry.ID(view.external_id),
            customer_external_id=None
            if view.customer_external_id is None
            else strawberry.ID(view.customer_external_id),
            type=view.type,
            status=view.status,
            status_at=view.status_at,
            placed_at=view.placed_at,
            reported_at=view.reported_at,
            store=None if view.store is None else strawberry.ID(view.store),
            entry_channel=view.entry_channel,
            exit_channel=view.exit_channel,
            state=view.state,
            occurrence=view.occurrence,
            total=MoneyAmount.of(view.total),
            redeemed=MoneyAmount.of(view.redeemed),
            points_redeemed=Points(view.points_redeemed),
            points=Points(view.points),
            settings_version=view.settings_version,
            view=view,
        )


@strawberry.type
class OrderViewQuery:
    @query_field(_LIST, "An order with every entry that it caused; null if it is not known.")
    async def order(
        self,
        info: Info,
        external_id: Annotated[strawberry.ID, strawberry.argument(description="The shop's id of the order.")],
    ) -> Order | None:
        found = await service.find_order(*info.context.tenant, external_id)
        return None if found is None else Order.of(found)

    @query_field(_LIST, "The orders that the shop has reported, those placed last first.")
    async def orders(
        self,
        info: Info,
        first: First = _PAGE,
        after: After = None,
        state: Annotated[
            service.OrderState | None, strawberry.argument(description="Only those that stand so.")
        ] = None,
        customer_external_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only those of this customer.")
        ] = None,
    ) -> Connection[Order]:
        size, before = page_size(first), None if after is None else place_of(_ORDER, after)
        found = await service.list_orders(
            *info.context.tenant, state=state, customer=customer_external_id, before=before, most=size + 1
        )
        items = [(key_of_place(view.place), Order.of(view)) for view in found]
        return Connection[Order].of(_ORDER, items, size, after)

    @query_field(_LIST, "A return document; null if it is not known.")
    async def return_document(
        self,
        info: Info,
        external_id: Annotated[strawberry.ID, strawberry.argument(description="The shop's id of the document.")],
    ) -> ReturnDocument | None:
        found = await service.find_return(*info.context.tenant, external_id)
        return None if found is None else ReturnDocument.of(found)

    @query_field(_LIST, "Return documents without effect, those reported last first: parked, or refused.")
    async def waiting_returns(
        self,
        info: Info,
        first: First = _PAGE,
        after: After = None,
        refused: Annotated[
            bool | None, strawberry.argument(description="Only refused ones, or with false only parked ones.")
        ] = None,
    ) -> Connection[ReturnDocument]:
        size, before = page_size(first), None if after is None else place_of(_WAITING, after)
        found = await service.waiting_returns(*info.context.tenant, refused=refused, before=before, most=size + 1)
        items = [(key_of_place(view.place), ReturnDocument.of(view)) for view in found]
        return Connection[ReturnDocument].of(_WAITING, items, size, after)


def key_of_place(place: service.Place) -> str:
    return f"{place.at.isoformat()} {place.external_id}"


def place_of(kind: str, cursor: str) -> service.Place:
    """Raises InvalidInput for what is no cursor of this list."""
    at, _, external_id = text_of(kind, cursor).partition(" ")
    try:
        return service.Place(instant("after", at), external_id)
    except InvalidInput:
        raise InvalidInput("after", "is not a cursor of this list") from None
