"""Paying with points: what a cart would take, holding, extending, cancelling."""

import enum
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Final, Self

import strawberry

from pointbook.domain.access import CUSTOMERS
from pointbook.domain.errors import InvalidInput as Invalid
from pointbook.domain.money import Money
from pointbook.domain.redemption import Cart, parse_cart
from pointbook.graphql.context import Info
from pointbook.graphql.described import described_enum
from pointbook.graphql.errors import (
    BelowMinimum,
    CheckoutHasVoucher,
    CurrencyMismatch,
    ExceedsCart,
    ExtensionsExhausted,
    IdempotencyConflict,
    InsufficientPoints,
    InvalidInput,
    MemberInactive,
    NotAMember,
    ProgrammeNotOpen,
    RedemptionEnded,
    RedemptionLocked,
    RedemptionNotFound,
)
from pointbook.graphql.inputs import IDEMPOTENCY_KEY, document_of, idempotency_key, redemption_id
from pointbook.graphql.money import MoneyAmount
from pointbook.graphql.policies import mutation_field, query_field
from pointbook.graphql.scalars import Points
from pointbook.ledger import HoldState
from pointbook.services import redemption as service

_KEY: Final = (
    "A name of this intention, 1 to 100 characters. Sent again with the same input, it has no second effect and "
    "gets the same redemption, as it is by then: its code may be void. With another input it is a conflict."
)
_MILLISECOND: Final = timedelta(milliseconds=1)

described_enum(
    HoldState,
    "What has become of a redemption.",
    name="RedemptionState",
    HELD="The points are set aside and the code can be used.",
    CAPTURED="The points are spent.",
    RELEASED="The points were given back.",
    LAPSED="Its time ran out; the points are free again.",
)


@strawberry.enum(description="How much of a cart points shall pay.")
class RedemptionMode(enum.Enum):
    FULL = strawberry.enum_value("FULL", description="As much as the points and the cart allow.")
    PARTIAL = strawberry.enum_value("PARTIAL", description="As many points as are named.")


@strawberry.input(description="A checkout, as the shop knows it.")
class CartInput:
    id: strawberry.ID = strawberry.field(
        description="The shop's id of the cart, the same as long as it is one cart."
    )
    total: Decimal = strawberry.field(description="What is to be paid before points, in the currency's main unit.")
    currency: str = strawberry.field(description="ISO 4217 code; the programme's currency.")
    shop_vouchers: list[str] | None = strawberry.field(
        default=None, description="Codes of the shop's own that the cart carries."
    )
    voucher_code: str | None = strawberry.field(
        default=None, description="The Pointbook code that the cart carries already."
    )


@strawberry.type(description="Points set aside for a checkout, and the single-use voucher that stands for them.")
class Redemption:
    id: strawberry.ID = strawberry.field(description="Names it in further calls.")
    voucher_code: str = strawberry.field(description="The code for the shop's voucher field.")
    state: HoldState = strawberry.field(description="What has become of it.")
    points: Points = strawberry.field(description="The points set aside.")
    value: MoneyAmount = strawberry.field(description="What they pay.")
    created_at: datetime = strawberry.field(description="When the points were set aside.")
    expires_at: datetime = strawberry.field(description="From this instant on the code is void.")
    milliseconds_left: int = strawberry.field(
        description="How long that is from the moment of this answer, rounded down: the clock of a browser may be"
        " wrong. 0 when it has ended."
    )
    extensions_left: int = strawberry.field(description="How often it can still be extended.")
    ended_at: datetime | None = strawberry.field(description="When it ended; null while it is held.")
    captured_points: Points | None = strawberry.field(description="The points spent; null unless captured.")
    captured_value: MoneyAmount | None = strawberry.field(description="What they paid; null unless captured.")
    remaining_to_pay: MoneyAmount | None = strawberry.field(
        description="What the cart leaves to pay with money; only in the answer to `redeemPoints`."
    )

    @classmethod
    def of(cls, voucher: service.Voucher, cart: Cart | None = None) -> Self:
        points, value = voucher.captured_points, voucher.captured_value
        return cls(
            id=strawberry.ID(voucher.hold_id.hex),
            voucher_code=voucher.code,
            state=voucher.state,
            points=Points(voucher.points),
            value=MoneyAmount.of(voucher.value),
            created_at=voucher.created_at,
            expires_at=voucher.expires_at,
            milliseconds_left=voucher.left // _MILLISECOND,
            extensions_left=voucher.extensions_left,
            ended_at=voucher.ended_at,
            captured_points=None if points is None else Points(points),
            captured_value=None if value is None else MoneyAmount.of(value),
            remaining_to_pay=None if cart is None else _left(cart, voucher),
        )


@strawberry.type(description="What redeeming would come to; nothing is held.")
class RedemptionQuote:
    points: Points = strawberry.field(description="The points that would be charged.")
    value: MoneyAmount = strawberry.field(description="What they would pay.")
    remaining_to_pay: MoneyAmount = strawberry.field(description="What would be left to pay with money.")
    available: Points = strawberry.field(description="The points that are free for this cart.")


@strawberry.type(description="The points are set aside.")
class RedeemPointsSuccess:
    redemption: Redemption = strawberry.field(description="The redemption with its voucher code.")


@strawberry.type(description="The redemption ends later now.")
class ExtendRedemptionSuccess:
    redemption: Redemption = strawberry.field(description="The redemption with its new end.")


@strawberry.type(description="The points are given back and the code is void.")
class CancelRedemptionSuccess:
    redemption: Redemption = strawberry.field(description="The redemption, released.")


@strawberry.input(description="Which points to set aside for which cart.")
class RedeemPointsInput:
    mode: RedemptionMode = strawberry.field(description="How much of the cart points shall pay.")
    points: Points | None = strawberry.field(
        default=None, description="With PARTIAL: how many points, at least 1. Not with FULL."
    )
    cart: CartInput = strawberry.field(description="The checkout.")
    idempotency_key: str = strawberry.field(description=_KEY)


@strawberry.input(description="Which redemption to extend.")
class ExtendRedemptionInput:
    redemption_id: strawberry.ID = strawberry.field(description="The redemption's id.")
    idempotency_key: str = strawberry.field(description=_KEY)


@strawberry.input(description="Which redemption to cancel.")
class CancelRedemptionInput:
    redemption_id: strawberry.ID = strawberry.field(description="The redemption's id.")
    idempotency_key: str = strawberry.field(description=IDEMPOTENCY_KEY)


RedemptionQuoteResult = Annotated[
    RedemptionQuote
    | InvalidInput
    | NotAMember
    | MemberInactive
    | RedemptionLocked
    | ProgrammeNotOpen
    | CurrencyMismatch
    | CheckoutHasVoucher
    | InsufficientPoints
    | BelowMinimum
    | ExceedsCart,
    strawberry.union("RedemptionQuoteResult", description="A quote, or why there is none."),
]
RedeemPointsResult = Annotated[
    RedeemPointsSuccess
    | InvalidInput
    | NotAMember
    | MemberInactive
    | RedemptionLocked
    | ProgrammeNotOpen
    | CurrencyMismatch
    | CheckoutHasVoucher
    | InsufficientPoints
    | BelowMinimum
    | ExceedsCart
    | IdempotencyConflict,
    strawberry.union("RedeemPointsResult", description="The redemption, or why nothing is held."),
]
ExtendRedemptionResult = Annotated[
    ExtendRedemptionSuccess
    | InvalidInput
    | NotAMember
    | MemberInactive
    | ProgrammeNotOpen
    | RedemptionNotFound
    | RedemptionEnded
    | ExtensionsExhausted
    | IdempotencyConflict,
    strawberry.union("ExtendRedemptionResult", description="The redemption, or why it ends as before."),
]
CancelRedemptionResult = Annotated[
    CancelRedemptionSuccess
    | InvalidInput
    | NotAMember
    | MemberInactive
    | ProgrammeNotOpen
    | RedemptionNotFound
    | RedemptionEnded
    | IdempotencyConflict,
    strawberry.union("CancelRedemptionResult", description="The redemption, or why it was not given back."),
]


@strawberry.type
class RedemptionQuery:
    @query_field(CUSTOMERS, "What redeeming points for a cart would come to. Nothing is held.")
    async def redemption_quote(
        self,
        info: Info,
        cart: Annotated[CartInput, strawberry.argument(description="The checkout.")],
        points: Annotated[
            Points | None, strawberry.argument(description="How many points; null for as many as possible.")
        ] = None,
    ) -> RedemptionQuoteResult:
        context = info.context
        read = await _cart(info, cart)
        quote = await service.quote(context.installation, context.principal, read, points, now=context.now)
        return RedemptionQuote(
            points=Points(quote.points),
            value=MoneyAmount.of(quote.value),
            remaining_to_pay=MoneyAmount.of(quote.remaining),
            available=Points(quote.available),
        )


@strawberry.type
class RedemptionMutation:
    @mutation_field(CUSTOMERS, "Set points aside for a cart and get the voucher code that stands for them.")
    async def redeem_points(
        self,
        info: Info,
        input: Annotated[RedeemPointsInput, strawberry.argument(description="Which points, for which cart.")],  # noqa: A002
    ) -> RedeemPointsResult:
        context = info.context
        cart = await _cart(info, input.cart)
        command = service.Redeem(cart, _points_asked(input), idempotency_key(input.idempotency_key))
        voucher = await service.redeem(context.installation, context.principal, command, now=context.now)
        return RedeemPointsSuccess(redemption=Redemption.of(voucher, cart))

    @mutation_field(CUSTOMERS, "Let a redemption end later, by the programme's hold length from now.")
    async def extend_redemption(
        self,
        info: Info,
        input: Annotated[ExtendRedemptionInput, strawberry.argument(description="Which redemption.")],  # noqa: A002
    ) -> ExtendRedemptionResult:
        context = info.context
        key = idempotency_key(input.idempotency_key)
        hold_id = redemption_id(input.redemption_id)
        voucher = await service.extend(context.installation, context.principal, hold_id, key, now=context.now)
        return ExtendRedemptionSuccess(redemption=Redemption.of(voucher))

    @mutation_field(CUSTOMERS, "Give the points of a redemption back; its code is void from then on.")
    async def cancel_redemption(
        self,
        info: Info,
        input: Annotated[CancelRedemptionInput, strawberry.argument(description="Which redemption.")],  # noqa: A002
    ) -> CancelRedemptionResult:
        context = info.context
        key = idempotency_key(input.idempotency_key)
        hold_id = redemption_id(input.redemption_id)
        voucher = await service.cancel(context.installation, context.principal, hold_id, key, now=context.now)
        return CancelRedemptionSuccess(redemption=Redemption.of(voucher))


def _left(cart: Cart, voucher: service.Voucher) -> MoneyAmount:
    return MoneyAmount.of(Money(cart.total - voucher.value.amount, cart.currency))


async def _cart(info: Info, cart: CartInput) -> Cart:
    context = info.context
    programme = await context.installation.programmes.get(context.principal.programme_id)
    return parse_cart(document_of(cart), programme.currency)


def _points_asked(input: RedeemPointsInput) -> int | None:  # noqa: A002
    if (input.points is None) != (input.mode is RedemptionMode.FULL):
        raise Invalid("points", "say how many for the mode PARTIAL, and leave it out for FULL")
    return input.points
