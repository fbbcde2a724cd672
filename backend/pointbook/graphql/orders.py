"""Orders come in from the shop's back end."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import strawberry

from pointbook.domain.access import Scope, servers
from pointbook.domain.errors import InvalidInput as Invalid
from pointbook.domain.errors import PointbookError
from pointbook.domain.orders import LineKind, OrderType
from pointbook.graphql.context import Info
from pointbook.graphql.described import described_enum
from pointbook.graphql.errors import (
    SHOWN,
    BelowMinimum,
    CurrencyMismatch,
    InsufficientPoints,
    InvalidInput,
    OrderConflict,
    ProgrammeNotOpen,
    UnknownStore,
    VoucherNotUsable,
)
from pointbook.graphql.inputs import document_of
from pointbook.graphql.money import MoneyAmount
from pointbook.graphql.policies import mutation_field
from pointbook.graphql.scalars import Points
from pointbook.services import intake as service

_SUBMITTERS = servers(Scope.ORDERS_SUBMIT)
_ID = "The shop's id"

described_enum(OrderType, "What kind of document an order is.", SALE="Something was sold.")
described_enum(
    LineKind,
    "What a line of an order is.",
    ITEM="An article by itself.",
    MENU="A menu, of which other lines are parts.",
    TOPPING="Something added to another line.",
)
described_enum(
    service.Outcome,
    "What has become of an order.",
    name="OrderOutcome",
    EARNED="It is settled; the points may be 0.",
    RECEIVED="It is known; its status does not earn yet.",
    PARKED="It is known; its customer has not joined.",
)


@strawberry.input(description="Money taken off a line.")
class LineDiscountInput:
    amount: Decimal = strawberry.field(description="How much, in the currency's main unit.")
    code: str | None = strawberry.field(default=None, description="The shop's code of it.")


@strawberry.input(description="Money taken off the order.")
class DiscountInput:
    amount: Decimal = strawberry.field(description="How much, in the currency's main unit.")
    code: str | None = strawberry.field(default=None, description="The shop's code of it.")
    line_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="The lines it is for; none: the whole order."
    )


@strawberry.input(description="A voucher of the shop's own that was used for the order.")
class ShopVoucherInput:
    code: str = strawberry.field(description="Its code.")
    amount: Decimal = strawberry.field(description="How much it took off, in the currency's main unit.")
    type: str | None = strawberry.field(default=None, description="The shop's type of it.")
    line_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="The lines it is for; none: the whole order."
    )


@strawberry.input(description="How a part of the order is paid.")
class PaymentInput:
    kind: str = strawberry.field(description="The shop's name of the means of payment.")
    amount: Decimal = strawberry.field(description="How much, in the currency's main unit.")
    gift_card_code: str | None = strawberry.field(
        default=None,
        description="The code, if it was a gift card. What one of this programme's cards has paid counts like "
        "points redeemed; the card itself is used by `useGiftCard`.",
    )


@strawberry.input(description="Who ordered.")
class OrderCustomerInput:
    external_id: strawberry.ID = strawberry.field(description=f"{_ID} of the customer.")
    email: str | None = strawberry.field(default=None, description="The customer's address.")
    email_verified: bool | None = strawberry.field(default=None, description="Whether the shop has proved it.")


@strawberry.input(description="A line of an order.")
class OrderLineInput:
    id: strawberry.ID = strawberry.field(description=f"{_ID} of the line, unique in the order.")
    article_id: strawberry.ID = strawberry.field(description=f"{_ID} of the article.")
    quantity: Decimal = strawberry.field(description="How many, with up to 3 decimal places.")
    amount: Decimal = strawberry.field(
        description="What the line costs before its discounts, tax included, in the currency's main unit."
    )
    variation_id: strawberry.ID | None = strawberry.field(default=None, description=f"{_ID} of the variation.")
    product_group_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="The shop's ids of the product groups it belongs to."
    )
    unit_price: Decimal | None = strawberry.field(default=None, description="The price of one.")
    net: Decimal | None = strawberry.field(default=None, description="The part of the amount that is no tax.")
    tax: Decimal | None = strawberry.field(
        default=None, description="The tax in the amount, if `net` is not given."
    )
    parent_line_id: strawberry.ID | None = strawberry.field(
        default=None, description="The line it is a part or a topping of."
    )
    kind: LineKind | None = strawberry.field(default=None, description="What the line is; ITEM by default.")
    topping_group_id: strawberry.ID | None = strawberry.field(
        default=None, description="The shop's id of the group of toppings."
    )
    discounts: list[LineDiscountInput] | None = strawberry.field(
        default=None, description="What was taken off the line."
    )
    earns: bool | None = strawberry.field(
        default=None, description="False for what never earns, such as gift cards and deposits; true by default."
    )


@strawberry.input(description="An order, as the shop knows it.")
class OrderInput:
    external_id: strawberry.ID = strawberry.field(
        description="The shop's id of the order. Sent again, it has no second effect."
    )
    type: OrderType = strawberry.field(description="What kind of document it is.")
    status: str = strawberry.field(description="The shop's status; the programme says which ones earn.")
    status_at: datetime | None = strawberry.field(
        default=None,
        description="When it got this status. An order that came back whole earns anew when it is completed later "
        "than that; and a report with an older status than is known changes nothing.",
    )
    placed_at: datetime = strawberry.field(description="When it was placed.")
    currency: str = strawberry.field(description="ISO 4217 code; the programme's currency.")
    customer: OrderCustomerInput = strawberry.field(description="Who ordered.")
    lines: list[OrderLineInput] = strawberry.field(description="What was ordered, 1 to 1,000 lines.")
    store: strawberry.ID | None = strawberry.field(default=None, description=f"{_ID} of the store.")
    entry_channel: str | None = strawberry.field(default=None, description="How it came in: web shop, app, till.")
    exit_channel: str | None = strawberry.field(
        default=None, description="How it leaves: pick-up, delivery, counter."
    )
    discounts: list[DiscountInput] | None = strawberry.field(default=None, description="What was taken off.")
    minimum_order_surcharge: Decimal | None = strawberry.field(
        default=None, description="Surcharge for a small order, in the currency's main unit."
    )
    delivery_fee: Decimal | None = strawberry.field(
        default=None, description="What shipping costs, in the currency's main unit."
    )
    shop_vouchers: list[ShopVoucherInput] | None = strawberry.field(
        default=None, description="Vouchers of the shop's own."
    )
    voucher_code: str | None = strawberry.field(
        default=None, description="The Pointbook code that was used; its points are spent with the order."
    )
    payments: list[PaymentInput] | None = strawberry.field(default=None, description="How it is paid.")


@strawberry.input(description="An order.")
class SubmitOrderInput:
    order: OrderInput = strawberry.field(description="The order.")


@strawberry.input(description="Several orders.")
class SubmitOrdersInput:
    orders: list[OrderInput] = strawberry.field(
        description="At most 100, each judged by itself, in this sequence."
    )


@strawberry.type(description="The order is recorded.")
class SubmitOrderSuccess:
    external_id: strawberry.ID = strawberry.field(description=f"{_ID} of the order.")
    outcome: service.Outcome = strawberry.field(description="What has become of it.")
    points: Points = strawberry.field(description="The points it earned.")
    total: MoneyAmount = strawberry.field(description="What is to be paid, with money or points.")
    redeemed: MoneyAmount = strawberry.field(description="What points paid of it.")
    replayed: bool = strawberry.field(description="Whether this report changed nothing.")


@strawberry.type(description="The orders were judged one by one.")
class SubmitOrdersSuccess:
    results: list["SubmitOrderResult"] = strawberry.field(description="One for each order, in their sequence.")


SubmitOrderResult = Annotated[
    SubmitOrderSuccess
    | InvalidInput
    | CurrencyMismatch
    | UnknownStore
    | ProgrammeNotOpen
    | VoucherNotUsable
    | BelowMinimum
    | InsufficientPoints
    | OrderConflict,
    strawberry.union("SubmitOrderResult", description="What has become of the order, or why it is not recorded."),
]
SubmitOrdersResult = Annotated[
    SubmitOrdersSuccess | InvalidInput | ProgrammeNotOpen,
    strawberry.union("SubmitOrdersResult", description="The outcomes, or why none of the orders was looked at."),
]


@strawberry.type
class OrderMutation:
    @mutation_field(_SUBMITTERS, "Record an order, spend its voucher and give its points, once per external id.")
    async def submit_order(
        self,
        info: Info,
        input: Annotated[SubmitOrderInput, strawberry.argument(description="The order.")],  # noqa: A002
    ) -> SubmitOrderResult:
        context = info.context
        try:
            submitted = await service.submit_order(
                context.installation, context.principal.programme_id, document_of(input.order), now=context.now
            )
        except Invalid as refusal:
            raise refusal.under("order") from None
        return _success(submitted)

    @mutation_field(_SUBMITTERS, "Record several orders; one that is refused leaves the others untouched.")
    async def submit_orders(
        self,
        info: Info,
        input: Annotated[SubmitOrdersInput, strawberry.argument(description="The orders.")],  # noqa: A002
    ) -> SubmitOrdersResult:
        context = info.context
        outcomes = await service.submit_orders(
            context.installation, context.principal.programme_id, document_of(input.orders), now=context.now
        )
        return SubmitOrdersSuccess(results=[_result(place, outcome) for place, outcome in enumerate(outcomes)])


def _result(place: int, outcome: service.SubmittedOrder | PointbookError) -> Any:
    if isinstance(outcome, Invalid):
        outcome = outcome.under(f"orders[{place}]")
    return SHOWN[type(outcome)].of(outcome) if isinstance(outcome, PointbookError) else _success(outcome)


def _success(order: service.SubmittedOrder) -> SubmitOrderSuccess:
    return SubmitOrderSuccess(
        external_id=strawberry.ID(order.external_id),
        outcome=order.outcome,
        points=Points(order.points),
        total=MoneyAmount.of(order.total),
        redeemed=MoneyAmount.of(order.redeemed),
        replayed=order.replayed,
    )
