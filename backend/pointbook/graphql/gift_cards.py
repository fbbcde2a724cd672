"""Gift cards at the shop's back end and at the staff's desk: look at one, use it, put money back, void it."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

import strawberry

from pointbook.domain.access import Right, Scope, servers, staff
from pointbook.domain.errors import GiftCardNotUsable as NotUsable
from pointbook.domain.errors import InvalidInput as Invalid
from pointbook.graphql.connections import Connection, First, OlderThan, key_of, page_size
from pointbook.graphql.context import Info
from pointbook.graphql.described import described, described_enum
from pointbook.graphql.errors import (
    CurrencyMismatch,
    GiftCardEnded,
    GiftCardInUse,
    GiftCardNotUsable,
    GiftCardOverdrawn,
    IdempotencyConflict,
    InvalidInput,
    NotAMember,
    ProgrammeNotOpen,
    RedemptionEnded,
    RedemptionNotFound,
    RefundExceedsUse,
)
from pointbook.graphql.inputs import IDEMPOTENCY_KEY, idempotency_key, redemption_id
from pointbook.graphql.money import MoneyAmount, MoneyInput
from pointbook.graphql.policies import mutation_field, query_field
from pointbook.graphql.scalars import Points
from pointbook.ledger import CardEntryKind, CardState
from pointbook.services import gift_cards as service

_READERS = servers(Scope.GIFT_CARDS_READ)
_USERS = servers(Scope.GIFT_CARDS_USE)
_PAGE = 20
_CURSOR = "card-entry"
_CODE = "The code as the customer gave it: any case, with or without hyphens."
_ORDER = "The shop's id of the order that it pays."
_BOOKING = "The shop's id of the booking that it pays, instead of an order."

described_enum(
    CardState,
    "How a gift card stands.",
    name="GiftCardState",
    ISSUED="All of its money is there.",
    PARTLY_USED="A part of its money is there.",
    USED="Nothing is left.",
    EXPIRED="What was left has expired.",
    VOID="It was voided, and its points were given back.",
)
described_enum(
    CardEntryKind,
    "What happened to a gift card.",
    name="GiftCardEntryKind",
    ISSUE="It was bought.",
    HOLD="Money was set aside for a checkout.",
    USE="It paid.",
    RELEASE="Money that was set aside was given back.",
    LAPSE="A checkout ran out of time; what was set aside is there again.",
    REFUND="Money was put back onto it.",
    EXPIRY="What was left expired.",
    VOID="It was voided.",
)
described_enum(service.PaidKind, "What a gift card pays.", ORDER="An order.", BOOKING="A booking.")


@strawberry.type(description="Something that happened to a gift card.")
class GiftCardEntry:
    at: datetime = strawberry.field(description="When it had its effect.")
    kind: CardEntryKind = strawberry.field(description="What happened.")
    amount: MoneyAmount = strawberry.field(description="How much money moved.")
    effect: MoneyAmount = strawberry.field(description="What that did to the card's balance, signed.")
    paid_kind: service.PaidKind | None = strawberry.field(description="What it paid, or was refunded for.")
    paid_external_id: strawberry.ID | None = strawberry.field(description="The shop's id of that.")

    @classmethod
    def of(cls, entry: service.CardEntry) -> Self:
        kind, external_id = entry.paid or (None, None)
        return cls(
            at=entry.at,
            kind=entry.kind,
            amount=MoneyAmount.of(entry.amount),
            effect=MoneyAmount.of(entry.effect),
            paid_kind=None if kind is None else service.PaidKind(kind),
            paid_external_id=None if external_id is None else strawberry.ID(external_id),
        )


@strawberry.type(
    description="A gift card: money that points bought, used over several purchases until it is empty."
)
class GiftCard:
    id: strawberry.ID = strawberry.field(description="Names it in further calls; it opens nothing.")
    last_four: str = strawberry.field(description="The last four signs of its code.")
    state: CardState = strawberry.field(description="How it stands.")
    face_value: MoneyAmount = strawberry.field(description="What it was good for when it was bought.")
    balance: MoneyAmount = strawberry.field(description="What can be used now.")
    held: MoneyAmount = strawberry.field(description="What is set aside for checkouts.")
    issued_at: datetime = strawberry.field(description="When it was bought.")
    expires_at: datetime | None = strawberry.field(
        description="From this instant on it is worth nothing; null: never."
    )
    card: strawberry.Private[service.GiftCard]

    @classmethod
    def of(cls, card: service.GiftCard) -> Self:
        return cls(
            id=strawberry.ID(card.card_id.hex),
            last_four=card.last_four,
            state=card.state,
            face_value=MoneyAmount.of(card.face),
            balance=MoneyAmount.of(card.balance),
            held=MoneyAmount.of(card.held),
            issued_at=card.issued_at,
            expires_at=card.expires_at,
            card=card,
        )

    @described("What happened to it, newest first.")
    async def history(
        self,
        info: Info,
        first: First = _PAGE,
        after: OlderThan = None,
    ) -> Connection[GiftCardEntry]:
        size, before = page_size(first), None if after is None else key_of(_CURSOR, after)
        entries = await service.history(
            *info.context.tenant, self.card, first=size + 1, before_seq=before, now=info.context.now
        )
        return Connection[GiftCardEntry].of(
            _CURSOR, [(entry.seq, GiftCardEntry.of(entry)) for entry in entries], size, after
        )


@strawberry.type(description="The gift card has paid.")
class UseGiftCardSuccess:
    gift_card: GiftCard = strawberry.field(description="The card after it.")
    amount: MoneyAmount = strawberry.field(description="What it paid.")


@strawberry.type(description="Money of a gift card is set aside for a checkout.")
class HoldGiftCardSuccess:
    gift_card: GiftCard = strawberry.field(description="The card after it.")
    hold_id: strawberry.ID = strawberry.field(description="Names what is set aside in further calls.")
    amount: MoneyAmount = strawberry.field(description="What is set aside.")
    expires_at: datetime = strawberry.field(description="From this instant on it is there again.")


@strawberry.type(description="What was set aside is there again.")
class ReleaseGiftCardHoldSuccess:
    gift_card: GiftCard = strawberry.field(description="The card after it.")


@strawberry.type(description="The money is back on the gift card.")
class RefundGiftCardSuccess:
    gift_card: GiftCard = strawberry.field(description="The card after it.")
    amount: MoneyAmount = strawberry.field(description="What was put back.")


@strawberry.type(description="The gift card is void and its points are given back.")
class VoidGiftCardSuccess:
    gift_card: GiftCard = strawberry.field(description="The card, void.")
    points: Points = strawberry.field(description="The points that were given back.")


@strawberry.input(description="Which gift card pays how much, and for what.")
class UseGiftCardInput:
    code: str = strawberry.field(description=_CODE)
    amount: MoneyInput | None = strawberry.field(
        default=None, description="How much. Null: all that the hold has set aside."
    )
    hold_id: strawberry.ID | None = strawberry.field(
        default=None, description="What was set aside for it; what is not needed of it is there again."
    )
    order_external_id: strawberry.ID | None = strawberry.field(default=None, description=_ORDER)
    booking_external_id: strawberry.ID | None = strawberry.field(default=None, description=_BOOKING)
    idempotency_key: str = strawberry.field(description=IDEMPOTENCY_KEY)


@strawberry.input(description="How much of which gift card to set aside for a checkout.")
class HoldGiftCardInput:
    code: str = strawberry.field(description=_CODE)
    amount: MoneyInput = strawberry.field(description="How much.")
    idempotency_key: str = strawberry.field(description=IDEMPOTENCY_KEY)


@strawberry.input(description="What was set aside and is not needed.")
class ReleaseGiftCardHoldInput:
    code: str = strawberry.field(description=_CODE)
    hold_id: strawberry.ID = strawberry.field(description="What was set aside.")
    idempotency_key: str = strawberry.field(description=IDEMPOTENCY_KEY)


@strawberry.input(description="How much to put back onto the gift card that paid it.")
class RefundGiftCardInput:
    code: str = strawberry.field(description=_CODE)
    amount: MoneyInput = strawberry.field(description="How much: at most what it paid and was not refunded yet.")
    order_external_id: strawberry.ID | None = strawberry.field(
        default=None, description="The order that it paid, as named when it was used."
    )
    booking_external_id: strawberry.ID | None = strawberry.field(
        default=None, description="The booking that it paid, as named when it was used."
    )
    idempotency_key: str = strawberry.field(description=IDEMPOTENCY_KEY)


@strawberry.input(description="Which gift card to void.")
class VoidGiftCardInput:
    id: strawberry.ID = strawberry.field(description="The card's id.")


UseGiftCardResult = Annotated[
    UseGiftCardSuccess
    | InvalidInput
    | GiftCardNotUsable
    | GiftCardOverdrawn
    | GiftCardEnded
    | RedemptionNotFound
    | RedemptionEnded
    | CurrencyMismatch
    | ProgrammeNotOpen
    | IdempotencyConflict,
    strawberry.union("UseGiftCardResult", description="The card, or why it did not pay."),
]
HoldGiftCardResult = Annotated[
    HoldGiftCardSuccess
    | InvalidInput
    | GiftCardNotUsable
    | GiftCardOverdrawn
    | GiftCardEnded
    | CurrencyMismatch
    | ProgrammeNotOpen
    | IdempotencyConflict,
    strawberry.union("HoldGiftCardResult", description="What is set aside, or why nothing is."),
]
ReleaseGiftCardHoldResult = Annotated[
    ReleaseGiftCardHoldSuccess
    | InvalidInput
    | GiftCardNotUsable
    | RedemptionNotFound
    | RedemptionEnded
    | CurrencyMismatch
    | ProgrammeNotOpen
    | IdempotencyConflict,
    strawberry.union("ReleaseGiftCardHoldResult", description="The card, or why nothing was given back."),
]
RefundGiftCardResult = Annotated[
    RefundGiftCardSuccess
    | InvalidInput
    | GiftCardNotUsable
    | RefundExceedsUse
    | CurrencyMismatch
    | ProgrammeNotOpen
    | IdempotencyConflict,
    strawberry.union("RefundGiftCardResult", description="The card, or why nothing was put back."),
]
VoidGiftCardResult = Annotated[
    VoidGiftCardSuccess | GiftCardNotUsable | GiftCardInUse | NotAMember | ProgrammeNotOpen,
    strawberry.union("VoidGiftCardResult", description="The card, or why it is not void."),
]


@strawberry.type
class GiftCardQuery:
    @query_field(
        _READERS,
        "The gift card of a code, whatever its state; null for a code nobody has. Asked by POST only.",
    )
    async def gift_card(
        self, info: Info, code: Annotated[str, strawberry.argument(description=_CODE)]
    ) -> GiftCard | None:
        context = info.context
        try:
            found = await service.gift_card(context.installation, context.principal, code, now=context.now)
        except NotUsable:
            return None
        return GiftCard.of(found)


@strawberry.type
class GiftCardMutation:
    @mutation_field(_USERS, "Pay with a gift card, from what was set aside of it or from its balance.")
    async def use_gift_card(
        self,
        info: Info,
        input: Annotated[UseGiftCardInput, strawberry.argument(description="Which card, how much.")],  # noqa: A002
    ) -> UseGiftCardResult:
        context = info.context
        command = service.UseCard(
            code=input.code,
            idempotency_key=idempotency_key(input.idempotency_key),
            amount=input.amount.parse("amount") if input.amount else None,
            hold_id=None if input.hold_id is None else redemption_id(input.hold_id),
            paid=_paid(input.order_external_id, input.booking_external_id),
        )
        used = await service.use(context.installation, context.principal, command, now=context.now)
        return UseGiftCardSuccess(gift_card=GiftCard.of(used.card), amount=MoneyAmount.of(used.amount))

    @mutation_field(_USERS, "Set money of a gift card aside for a checkout, for the programme's hold length.")
    async def hold_gift_card(
        self,
        info: Info,
        input: Annotated[HoldGiftCardInput, strawberry.argument(description="Which card, how much.")],  # noqa: A002
    ) -> HoldGiftCardResult:
        context = info.context
        command = service.HoldCard(
            input.code, idempotency_key(input.idempotency_key), input.amount.parse("amount")
        )
        held = await service.hold(context.installation, context.principal, command, now=context.now)
        return HoldGiftCardSuccess(
            gift_card=GiftCard.of(held.card),
            hold_id=strawberry.ID(held.hold_id.hex),
            amount=MoneyAmount.of(held.amount),
            expires_at=held.expires_at,
        )

    @mutation_field(_USERS, "Give what was set aside of a gift card back to it.")
    async def release_gift_card_hold(
        self,
        info: Info,
        input: Annotated[ReleaseGiftCardHoldInput, strawberry.argument(description="What was set aside.")],  # noqa: A002
    ) -> ReleaseGiftCardHoldResult:
        context = info.context
        command = service.ReleaseCard(
            input.code, idempotency_key(input.idempotency_key), redemption_id(input.hold_id)
        )
        released = await service.release(context.installation, context.principal, command, now=context.now)
        return ReleaseGiftCardHoldSuccess(gift_card=GiftCard.of(released.card))

    @mutation_field(_USERS, "Put money back onto the gift card that paid it.")
    async def refund_gift_card(
        self,
        info: Info,
        input: Annotated[RefundGiftCardInput, strawberry.argument(description="Which card, how much.")],  # noqa: A002
    ) -> RefundGiftCardResult:
        context = info.context
        command = service.RefundCard(
            input.code,
            idempotency_key(input.idempotency_key),
            input.amount.parse("amount"),
            _paid(input.order_external_id, input.booking_external_id),
        )
        refunded = await service.refund(context.installation, context.principal, command, now=context.now)
        return RefundGiftCardSuccess(gift_card=GiftCard.of(refunded.card), amount=MoneyAmount.of(refunded.amount))

    @mutation_field(
        staff(Right.VOID_GIFT_CARDS), "Void an unused gift card; the points that bought it are given back."
    )
    async def void_gift_card(
        self,
        info: Info,
        input: Annotated[VoidGiftCardInput, strawberry.argument(description="Which card.")],  # noqa: A002
    ) -> VoidGiftCardResult:
        context = info.context
        card, given = await service.void(
            context.installation, context.principal, _card_id(input.id), now=context.now
        )
        return VoidGiftCardSuccess(gift_card=GiftCard.of(card), points=Points(given.points))


def _paid(order: str | None, booking: str | None) -> service.Paid | None:
    if order is not None and booking is not None:
        raise Invalid("bookingExternalId", "a gift card pays an order or a booking, not both at once")
    if order is not None:
        return service.Paid(service.PaidKind.ORDER, order)
    return None if booking is None else service.Paid(service.PaidKind.BOOKING, booking)


def _card_id(given: str) -> UUID:
    try:
        return UUID(hex=given)
    except ValueError:
        raise NotUsable from None
