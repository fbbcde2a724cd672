"""Expected failures as the API shows them: one type each, all of them a ``UserError``.

A mutation's result union names the ones it can answer with; strawberry turns the raised exception into
that type only where the union has it.
"""

from decimal import Decimal
from typing import Any, Self

import strawberry

from pointbook.domain import errors
from pointbook.domain.exchange import Limit
from pointbook.domain.merging import MergeLimit, MergeObstacle, MergeState
from pointbook.graphql.described import described_enum
from pointbook.graphql.scalars import Points


@strawberry.interface(
    description="An expected failure: nothing was changed. Show `message`, branch on `code` or `__typename`."
)
class UserError:
    code: str = strawberry.field(description="What failed, in capitals; it never changes.")
    message: str = strawberry.field(description="What failed, as an English sentence.")

    @classmethod
    def of(cls, failure: errors.PointbookError) -> Self:
        """The type of a raised failure; its further fields are the failure's attributes of the same name."""
        names = [field.python_name for field in cls.__strawberry_definition__.fields]  # type: ignore[attr-defined]
        further = {name: getattr(failure, name) for name in names if name not in {"code", "message"}}
        return cls(code=failure.code, message=str(failure), **further)


@strawberry.type(description="A value is malformed or out of bounds.")
class InvalidInput(UserError):
    field: str = strawberry.field(description="The path of the value, as in the input.")


@strawberry.type(description="The programme has no such store.")
class UnknownStore(UserError):
    store: str = strawberry.field(description="The store that was named.")


@strawberry.type(description="The programme counts in another currency.")
class CurrencyMismatch(UserError):
    expected: str = strawberry.field(description="The programme's currency (ISO 4217).")
    given: str = strawberry.field(description="The currency of the input.")


@strawberry.type(description="The idempotency key was used before, with another input.")
class IdempotencyConflict(UserError):
    pass


@strawberry.type(description="The customer has not joined the programme.")
class NotAMember(UserError):
    pass


@strawberry.type(description="The loss is not what was shown: show this one and ask again.")
class LossChanged(UserError):
    points: Points = strawberry.field(description="All points that would be lost.")
    debt: Points = strawberry.field(description="The points owed, which would be written off.")


@strawberry.type(description="The customer's token is too old for what cannot be undone: get a new one.")
class TokenTooOld(UserError):
    seconds: int = strawberry.field(description="How old it may be.")


@strawberry.type(description="The shop calls another member so.")
class ExternalIdTaken(UserError):
    external_id: strawberry.ID = strawberry.field(description="The id that was to be given.")


@strawberry.type(description="The member is inactive and neither earns nor spends.")
class MemberInactive(UserError):
    pass


@strawberry.type(description="The member may earn points but not spend them.")
class RedemptionLocked(UserError):
    pass


@strawberry.type(description="The programme is not open: nobody joins, earns or redeems.")
class ProgrammeNotOpen(UserError):
    state: str = strawberry.field(description="The state the programme is in.")


@strawberry.type(description="Fewer points are available than were asked for.")
class InsufficientPoints(UserError):
    requested: Points = strawberry.field(description="The points asked for.")
    available: Points = strawberry.field(description="The points that are available.")


@strawberry.type(description="Too few points: below the programme's minimum, or worth nothing.")
class BelowMinimum(UserError):
    minimum_points: Points = strawberry.field(description="The fewest points that can be redeemed.")


@strawberry.type(description="The points are worth more than the cart lets points pay.")
class ExceedsCart(UserError):
    maximum_points: Points = strawberry.field(description="The most points that this cart takes.")


@strawberry.type(description="The cart carries a voucher already.")
class CheckoutHasVoucher(UserError):
    pass


@strawberry.type(description="There is no such redemption.")
class RedemptionNotFound(UserError):
    pass


@strawberry.type(description="The redemption has ended and cannot be changed.")
class RedemptionEnded(UserError):
    state: str = strawberry.field(description="How it ended: CAPTURED, RELEASED or LAPSED.")


@strawberry.type(description="The redemption was extended as often as the programme allows.")
class ExtensionsExhausted(UserError):
    maximum: int = strawberry.field(description="How often a redemption can be extended.")


@strawberry.type(description="The voucher code cannot be used; why is not said.")
class VoucherNotUsable(UserError):
    pass


@strawberry.type(description="This code cannot be used as a gift card.")
class GiftCardNotUsable(UserError):
    pass


@strawberry.type(description="The gift card has expired or is void.")
class GiftCardEnded(UserError):
    state: str = strawberry.field(description="EXPIRED or VOID.")


@strawberry.type(description="The gift card, or what was set aside of it, has less than was asked for.")
class GiftCardOverdrawn(UserError):
    available_minor: int = strawberry.field(description="What there is, in minor units of the currency (cents).")


@strawberry.type(description="Only an unused gift card can be voided.")
class GiftCardInUse(UserError):
    pass


@strawberry.type(description="Too many wrong codes were tried; there is a pause now.")
class TooManyGuesses(UserError):
    retry_after: int = strawberry.field(description="Seconds until the next attempt.")


@strawberry.type(description="More was to be refunded than the gift card had paid.")
class RefundExceedsUse(UserError):
    refundable_minor: int = strawberry.field(
        description="What can still be refunded, in minor units of the currency (cents)."
    )


@strawberry.type(description="The order was reported before with another content and has had its effect.")
class OrderConflict(UserError):
    external_id: strawberry.ID = strawberry.field(description="The shop's id of the order.")


@strawberry.type(description="The return has had its effect with another content.")
class ReturnConflict(UserError):
    external_id: strawberry.ID = strawberry.field(description="The shop's id of the return.")


@strawberry.type(description="More of a line or fee is to be returned than is left of it.")
class ReturnExceedsOrder(UserError):
    line: str = strawberry.field(description="The shop's id of the line, or the fee: deliveryFee.")
    measure: str = strawberry.field(description="What is too much: quantity or amount.")
    ordered: str = strawberry.field(description="How much was ordered, a decimal.")
    returned: str = strawberry.field(description="How much was returned before.")
    asked: str = strawberry.field(description="How much is to be returned now.")


@strawberry.type(description="The booking was reported before with another service, or for another customer.")
class BookingConflict(UserError):
    external_id: strawberry.ID = strawberry.field(description="The site's id of the booking.")
    part: str = strawberry.field(description="What differs: serviceId or customer.")


@strawberry.type(description="There is no such earning rule.")
class RuleNotFound(UserError):
    key: strawberry.ID = strawberry.field(description="The key that was named.")


@strawberry.type(
    description="What was to be changed is not at the version that was named: look at it and decide anew."
)
class EditConflict(UserError):
    subject: str = strawberry.field(description="What was to be changed: the key of a rule, or settings.")
    version: int = strawberry.field(description="The version it is at.")


@strawberry.type(description="There is no such simulation.")
class SimulationNotFound(UserError):
    pass


@strawberry.type(description="So many simulations are under way already: wait for one, or cancel one.")
class TooManySimulations(UserError):
    maximum: int = strawberry.field(description="How many may be under way at the same time.")


@strawberry.type(description="There is no such sending of orders.")
class SendingNotFound(UserError):
    pass


@strawberry.type(description="Nothing with this SKU is on sale.")
class NotInCatalogue(UserError):
    sku: strawberry.ID = strawberry.field(description="The SKU that was named.")


@strawberry.type(description="It costs another price by now: show the new one and ask again.")
class PriceChanged(UserError):
    sku: strawberry.ID = strawberry.field(description="What costs another price.")
    price_points: Points = strawberry.field(description="The points that one piece costs now.")
    fee: Decimal | None = strawberry.field(
        description="Of an exchange item: the money that a piece costs now, in the programme's currency."
    )
    face_value: Decimal | None = strawberry.field(
        description="Of a gift card: what it is good for now, in the programme's currency."
    )


@strawberry.type(description="Not as many are left.")
class SoldOut(UserError):
    sku: strawberry.ID = strawberry.field(description="Of what.")
    left: int = strawberry.field(description="How many there are.")


@strawberry.type(description="The stock is not what was expected: look at it and decide anew.")
class StockChanged(UserError):
    sku: strawberry.ID = strawberry.field(description="Of what.")
    stock: int | None = strawberry.field(description="How many there are; null: nobody counts them.")


described_enum(
    Limit,
    "What a programme or an item bounds.",
    name="ExchangeLimitKind",
    POINTS_PER_ORDER="The points of an exchange order.",
    UNITS_PER_ORDER="The pieces in an exchange order.",
    ITEM_PER_ORDER="The pieces of one item in an exchange order.",
    ITEM_PER_MEMBER="The pieces of one item in all orders of a member, without cancelled ones.",
)


@strawberry.type(description="More than is exchanged at once, or than an item allows.")
class ExchangeLimit(UserError):
    limit: Limit = strawberry.field(description="Which limit.")
    maximum: Points = strawberry.field(description="The most points, or the most pieces.")
    item: strawberry.ID | None = strawberry.field(description="The SKU of the item whose limit it is.")


@strawberry.type(description="There is no such exchange order.")
class ExchangeOrderNotFound(UserError):
    pass


@strawberry.type(
    description="It was decided on the exchange order: what is exchanged is not cancelled, and the reverse."
)
class ExchangeOrderDecided(UserError):
    state: str = strawberry.field(description="How it stands: EXCHANGED or CANCELLED.")


@strawberry.type(description="There is no such adjustment.")
class AdjustmentNotFound(UserError):
    pass


@strawberry.type(
    description="More points than the programme lets be given or taken at a time without another right."
)
class AdjustmentAboveLimit(UserError):
    maximum_points: Points = strawberry.field(description="The most points, given or taken.")


@strawberry.type(description="The adjustment is undone already: it is undone once.")
class AdjustmentUndone(UserError):
    undone_by: strawberry.ID = strawberry.field(description="The adjustment that undid it.")


@strawberry.type(description="There is no such webhook subscription.")
class WebhookSubscriptionNotFound(UserError):
    pass


@strawberry.type(description="There is no such webhook, or it was sent more than 30 days ago.")
class WebhookSendingNotFound(UserError):
    pass


@strawberry.type(description="The webhook subscription is disabled: nothing is sent until it is activated.")
class WebhookDisabled(UserError):
    pass


@strawberry.type(description="This installation has no mail server.")
class MailNotConfigured(UserError):
    pass


@strawberry.type(description="There were as many test mails within an hour as there may be.")
class TooManyTestNotices(UserError):
    limit: int = strawberry.field(description="How many a programme may send within an hour.")


described_enum(
    MergeObstacle,
    "What does not let two members be merged.",
    ONESELF="They are one member.",
    MERGED="One of them was merged meanwhile.",
    INACTIVE="One of them is inactive: activate it first.",
)
described_enum(
    MergeState,
    "What has become of a merge request.",
    REQUESTED="It waits 24 hours for a proof that the address is the member's, whether or not anybody has it.",
    VERIFIED="The address is proved; the staff decide, within 30 days.",
    MERGED="The other account has become a part of the member's.",
    REJECTED="The staff did not merge.",
    CANCELLED="The member took it back.",
    EXPIRED="Nothing happened in time, or one of the two is no member any more: it cannot be decided.",
)


@strawberry.type(description="These two members cannot be merged.")
class MembersNotMergeable(UserError):
    reason: MergeObstacle = strawberry.field(description="Why.")


@strawberry.type(description="There is no such merge request.")
class MergeRequestNotFound(UserError):
    pass


@strawberry.type(description="The merge request is in a state in which this cannot be done.")
class MergeRequestNotOpen(UserError):
    request_state: MergeState = strawberry.field(description="The state it is in.")


described_enum(
    MergeLimit,
    "How many merge requests are taken.",
    OPEN_OF_MEMBER="So many of one member may be open at the same time.",
    ADDRESS_OF_DAY="So many may name one address in 24 hours, whoever makes them.",
)


@strawberry.type(description="There are too many merge requests by now. That says nothing of the address.")
class TooManyMergeRequests(UserError):
    maximum: int = strawberry.field(description="How many are taken.")
    limit: MergeLimit = strawberry.field(description="Which of them are counted.")


@strawberry.type(description="The programme is no sandbox: its clock is the real one.")
class NotASandbox(UserError):
    pass


SHOWN: dict[type[errors.PointbookError], type[UserError]] = {
    errors.InvalidInput: InvalidInput,
    errors.UnknownStore: UnknownStore,
    errors.CurrencyMismatch: CurrencyMismatch,
    errors.IdempotencyConflict: IdempotencyConflict,
    errors.NotAMember: NotAMember,
    errors.ExternalIdTaken: ExternalIdTaken,
    errors.LossChanged: LossChanged,
    errors.TokenTooOld: TokenTooOld,
    errors.MemberInactive: MemberInactive,
    errors.RedemptionLocked: RedemptionLocked,
    errors.ProgrammeNotOpen: ProgrammeNotOpen,
    errors.InsufficientPoints: InsufficientPoints,
    errors.BelowMinimum: BelowMinimum,
    errors.ExceedsCart: ExceedsCart,
    errors.CheckoutHasVoucher: CheckoutHasVoucher,
    errors.RedemptionNotFound: RedemptionNotFound,
    errors.RedemptionEnded: RedemptionEnded,
    errors.ExtensionsExhausted: ExtensionsExhausted,
    errors.VoucherNotUsable: VoucherNotUsable,
    errors.GiftCardNotUsable: GiftCardNotUsable,
    errors.GiftCardEnded: GiftCardEnded,
    errors.GiftCardOverdrawn: GiftCardOverdrawn,
    errors.GiftCardInUse: GiftCardInUse,
    errors.RefundExceedsUse: RefundExceedsUse,
    errors.TooManyGuesses: TooManyGuesses,
    errors.OrderConflict: OrderConflict,
    errors.ReturnConflict: ReturnConflict,
    errors.ReturnExceedsOrder: ReturnExceedsOrder,
    errors.BookingConflict: BookingConflict,
    errors.RuleNotFound: RuleNotFound,
    errors.EditConflict: EditConflict,
    errors.SimulationNotFound: SimulationNotFound,
    errors.TooManySimulations: TooManySimulations,
    errors.SendingNotFound: SendingNotFound,
    errors.NotInCatalogue: NotInCatalogue,
    errors.PriceChanged: PriceChanged,
    errors.SoldOut: SoldOut,
    errors.StockChanged: StockChanged,
    errors.ExchangeLimit: ExchangeLimit,
    errors.ExchangeOrderNotFound: ExchangeOrderNotFound,
    errors.ExchangeOrderDecided: ExchangeOrderDecided,
    errors.AdjustmentNotFound: AdjustmentNotFound,
    errors.AdjustmentAboveLimit: AdjustmentAboveLimit,
    errors.AdjustmentUndone: AdjustmentUndone,
    errors.MembersNotMergeable: MembersNotMergeable,
    errors.MergeRequestNotFound: MergeRequestNotFound,
    errors.MergeRequestNotOpen: MergeRequestNotOpen,
    errors.TooManyMergeRequests: TooManyMergeRequests,
    errors.WebhookSubscriptionNotFound: WebhookSubscriptionNotFound,
    errors.WebhookSendingNotFound: WebhookSendingNotFound,
    errors.WebhookDisabled: WebhookDisabled,
    errors.MailNotConfigured: MailNotConfigured,
    errors.TooManyTestNotices: TooManyTestNotices,
    errors.NotASandbox: NotASandbox,
}


class _Shown:
    """Strawberry's handler for one failure."""

    def __init__(self, failure: type[errors.PointbookError], shown: type[UserError]) -> None:
        self.exception_type = failure
        self.error_type = shown

    def handle(self, exception: errors.PointbookError, *, field: Any, info: Any) -> UserError:  # noqa: ARG002
        return self.error_type.of(exception)


HANDLERS = [_Shown(failure, shown) for failure, shown in SHOWN.items()]
