"""Orders are taken back by documents from the shop's back end."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Self

import strawberry

from pointbook.domain.access import Scope, servers
from pointbook.domain.errors import refusals_under
from pointbook.graphql.context import Info
from pointbook.graphql.described import described_enum
from pointbook.graphql.errors import (
    CurrencyMismatch,
    InvalidInput,
    ProgrammeNotOpen,
    ReturnConflict,
    ReturnExceedsOrder,
)
from pointbook.graphql.inputs import document_of
from pointbook.graphql.money import MoneyAmount
from pointbook.graphql.policies import mutation_field
from pointbook.graphql.return_types import ReturnType  # described there
from pointbook.graphql.scalars import Points
from pointbook.services import returns as service

described_enum(
    service.ReturnOutcome,
    "What has become of a return document.",
    APPLIED="It has had its effect.",
    PARKED="It waits until its order is known.",
)
described_enum(
    service.OrderReturned,
    "How much of an order came back.",
    NONE="Nothing.",
    PART="A part of it.",
    ALL="All of it.",
    CANCELLED="All of it: it was cancelled.",
)


@strawberry.input(
    description="What of a line came back. Neither figure: all that is left of it; a quantity: its share of what "
    "the line cost; an amount: money only; both: so many units for this amount."
)
class ReturnLineInput:
    id: strawberry.ID = strawberry.field(description="The id of the line in the order.")
    quantity: Decimal | None = strawberry.field(default=None, description="How many, with up to 3 decimal places.")
    amount: Decimal | None = strawberry.field(
        default=None, description="How much of the line's amount, before discounts, in the currency's main unit."
    )


@strawberry.input(description="A document that takes an order back, as the shop knows it.")
class ReturnInput:
    external_id: strawberry.ID = strawberry.field(
        description="The shop's id of the document. Sent again, it has no second effect."
    )
    order_external_id: strawberry.ID = strawberry.field(description="The shop's id of the order.")
    type: ReturnType = strawberry.field(description="What kind of document it is.")
    currency: str = strawberry.field(description="ISO 4217 code; the programme's currency.")
    lines: list[ReturnLineInput] | None = strawberry.field(default=None, description="What of which lines.")
    delivery_fee: Decimal | None = strawberry.field(
        default=None, description="How much of the delivery fee; by default it comes back with the last line."
    )
    minimum_order_surcharge: Decimal | None = strawberry.field(
        default=None, description="How much of the surcharge; by default it comes back with the last line."
    )
    everything: bool | None = strawberry.field(
        default=None, description="True: all that is left of the order. A cancellation is always that."
    )
    status: str | None = strawberry.field(default=None, description="The shop's status of the document.")
    returned_at: datetime | None = strawberry.field(default=None, description="When it was made.")


@strawberry.input(description="The return document to record.")
class SubmitReturnInput:
    return_: ReturnInput = strawberry.field(name="return", description="The document.")


@strawberry.type(description="The document is recorded. Refund `money`; the points are given back.")
class SubmitReturnSuccess:
    external_id: strawberry.ID = strawberry.field(description="The shop's id of the document.")
    order_external_id: strawberry.ID = strawberry.field(description="The shop's id of the order.")
    outcome: service.ReturnOutcome = strawberry.field(description="What has become of it.")
    value: MoneyAmount = strawberry.field(description="What came back is worth, after discounts.")
    money: MoneyAmount | None = strawberry.field(
        description="The part of it that was paid with money or gift cards: refund it. Null where the programme "
        "does not let this type of document give points back, so that the refund is the shop's affair, while it "
        "waits, and where a later document has taken everything before."
    )
    points_given_back: Points = strawberry.field(description="Points of the redemption that are given back.")
    given_back_value: MoneyAmount = strawberry.field(description="What they had paid.")
    points_reversed: Points = strawberry.field(
        description="Points that the order had earned and does not any more."
    )
    debt: Points = strawberry.field(description="Of those: the member does not have them, and owes them.")
    forgiven: Points = strawberry.field(description="Of those: left to the member, as the programme has it.")
    order_returned: service.OrderReturned = strawberry.field(description="How much of the order has come back.")
    replayed: bool = strawberry.field(description="Whether this report changed nothing.")

    @classmethod
    def of(cls, submitted: service.SubmittedReturn) -> Self:
        return cls(
            external_id=strawberry.ID(submitted.external_id),
            order_external_id=strawberry.ID(submitted.order_external_id),
            outcome=submitted.outcome,
            value=MoneyAmount.of(submitted.value),
            money=None if submitted.money is None else MoneyAmount.of(submitted.money),
            points_given_back=Points(submitted.given_back),
            given_back_value=MoneyAmount.of(submitted.given_back_value),
            points_reversed=Points(submitted.reversed),
            debt=Points(submitted.debt),
            forgiven=Points(submitted.forgiven),
            order_returned=submitted.order_returned,
            replayed=submitted.replayed,
        )


SubmitReturnResult = Annotated[
    SubmitReturnSuccess | InvalidInput | CurrencyMismatch | ProgrammeNotOpen | ReturnExceedsOrder | ReturnConflict,
    strawberry.union("SubmitReturnResult", description="What the document came to, or why it is not recorded."),
]


@strawberry.type
class ReturnMutation:
    @mutation_field(
        servers(Scope.ORDERS_SUBMIT),
        "Record a credit note, return, repair, warranty case or cancellation, once per external id: points earned "
        "are taken back, points redeemed are given back.",
    )
    async def submit_return(
        self,
        info: Info,
        input: Annotated[SubmitReturnInput, strawberry.argument(description="The document.")],  # noqa: A002
    ) -> SubmitReturnResult:
        document = document_of(input.return_)
        with refusals_under("return"):
            submitted = await service.submit_return(*info.context.tenant, document, now=info.context.now)
        return SubmitReturnSuccess.of(submitted)
