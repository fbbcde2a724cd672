"""Gift cards at the customer's side and at the staff's desk: bought with points, shown, found again."""

from datetime import date, datetime
from typing import Annotated, Self

import strawberry

from pointbook.domain.access import CUSTOMERS, SHOPPERS, Right, staff
from pointbook.domain.errors import InvalidInput as Invalid
from pointbook.graphql.connections import Connection, First, OlderThan, key_of, page_size
from pointbook.graphql.context import Info
from pointbook.graphql.described import described
from pointbook.graphql.errors import (
    GiftCardNotUsable,
    IdempotencyConflict,
    InsufficientPoints,
    InvalidInput,
    MemberInactive,
    NotAMember,
    NotInCatalogue,
    PriceChanged,
    ProgrammeNotOpen,
    RedemptionLocked,
    TooManyGuesses,
)
from pointbook.graphql.gift_cards import GiftCard
from pointbook.graphql.inputs import IDEMPOTENCY_KEY, idempotency_key
from pointbook.graphql.money import MoneyAmount, MoneyInput
from pointbook.graphql.policies import mutation_field, query_field
from pointbook.graphql.rule_names import Locale
from pointbook.graphql.scalars import Points
from pointbook.services import gift_cards as service
from pointbook.texts.phrasing import own_text
from pointbook.texts.qr_codes import qr_svg

PAGE = 20
_CURSOR = "gift-card"
_CODE = "The code, in any case, with or without hyphens."


@strawberry.type(description="To whom the code of a gift card is sent.")
class GiftCardRecipient:
    email: str = strawberry.field(description="The address.")
    name: str | None = strawberry.field(description="How they are addressed.")
    message: str | None = strawberry.field(description="What the buyer has written to them.")


@strawberry.interface(description="A gift card that was bought with points, and what stands beside it.")
class BoughtCard:
    bought: strawberry.Private[service.BoughtCard]

    @described("The card with its balance and its history.")
    def card(self) -> GiftCard:
        return GiftCard.of(self.bought.card)

    @described("The SKU of its product.")
    def sku(self) -> strawberry.ID:
        return strawberry.ID(self.bought.row.sku)

    @described("What its product is called now; plain text.")
    async def name(self, info: Info, locale: Locale = None) -> str:
        names = self.bought.row.names
        first = (await info.context.installation.programmes.get(info.context.principal.programme_id)).locales[0]
        return own_text(names.items(), locale, first) or next(iter(names.values()))

    @described("To whom its code is sent; null: to the member who bought it.")
    def recipient(self) -> GiftCardRecipient | None:
        row = self.bought.row
        if row.recipient_email is None:
            return None
        return GiftCardRecipient(email=row.recipient_email, name=row.recipient_name, message=row.message)

    @described("When its code is sent.")
    def deliver_at(self) -> datetime:
        return self.bought.row.deliver_at

    @described("When its code was sent; null: it was not sent yet, or there is no address.")
    def delivered_at(self) -> datetime | None:
        return self.bought.row.delivered_at


@strawberry.type(description="A gift card that the member has bought.")
class MyGiftCard(BoughtCard):
    @described("The code that pays; whoever has it can use the card.")
    def code(self) -> str:
        return self.bought.card.code

    @described("The code as a QR code: an SVG document.")
    def qr_code(self) -> str:
        return qr_svg(self.bought.card.code)

    @described("Path of the page to print, on Pointbook's own address. It shows the code: give it to nobody else.")
    def page_path(self, info: Info, locale: Locale = None) -> str:
        return service.page_path(*info.context.tenant, self.bought.card.card_id, locale)


@strawberry.type(description="A gift card as staff see it; its code stays with its owner.")
class IssuedGiftCard(BoughtCard):
    @described("The shop's ids of the member who bought it.")
    def customer_external_ids(self) -> list[strawberry.ID]:
        return [strawberry.ID(one) for one in self.bought.buyer]


@strawberry.type(description="What a gift card is still good for.")
class GiftCardBalance:
    balance: MoneyAmount = strawberry.field(description="What can be used now.")
    expires_at: datetime | None = strawberry.field(
        description="From this instant on it is worth nothing; null: never."
    )

    @classmethod
    def of(cls, card: service.GiftCard) -> Self:
        return cls(balance=MoneyAmount.of(card.balance), expires_at=card.expires_at)


@strawberry.input(description="Who is to get the code of a gift card by mail.")
class GiftCardRecipientInput:
    email: str = strawberry.field(description="The address.")
    name: str | None = strawberry.field(default=None, description="How to address them; at most 100 characters.")
    message: str | None = strawberry.field(
        default=None, description="What to tell them; plain text, at most 500 characters."
    )
    deliver_on: date | None = strawberry.field(
        default=None,
        description="On which day, at 8 in the morning there: today or one of the next 366. Null: at once.",
    )


@strawberry.input(description="Which gift card to buy with points, and for whom.")
class BuyGiftCardInput:
    sku: strawberry.ID = strawberry.field(description="The product of the catalogue.")
    price_points: Points = strawberry.field(description="The price that the customer was shown.")
    face_value: MoneyInput | None = strawberry.field(
        default=None, description="What the card was shown to be good for; null: that is not compared."
    )
    recipient: GiftCardRecipientInput | None = strawberry.field(
        default=None, description="Who gets the code by mail; null: the member."
    )
    idempotency_key: str = strawberry.field(description=IDEMPOTENCY_KEY)


@strawberry.type(description="The card is bought; its code leaves by mail, too.")
class BuyGiftCardSuccess:
    gift_card: MyGiftCard = strawberry.field(description="The card with its code.")


BuyGiftCardResult = Annotated[
    BuyGiftCardSuccess
    | InvalidInput
    | NotAMember
    | MemberInactive
    | RedemptionLocked
    | ProgrammeNotOpen
    | NotInCatalogue
    | PriceChanged
    | InsufficientPoints
    | IdempotencyConflict,
    strawberry.union("BuyGiftCardResult", description="The card, or why it was not bought."),
]
GiftCardBalanceResult = Annotated[
    GiftCardBalance | GiftCardNotUsable | TooManyGuesses,
    strawberry.union("GiftCardBalanceResult", description="What is left, or that the code cannot be used."),
]


@strawberry.input(description="Which gift cards. Everything that is given has to hold.")
class IssuedGiftCardFilter:
    customer_external_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only those that this customer has bought."
    )
    last_four: str | None = strawberry.field(default=None, description="Only those whose code ends like this.")
    bought_from: datetime | None = strawberry.field(default=None, description="Only those bought then or later.")
    bought_to: datetime | None = strawberry.field(default=None, description="Only those bought before.")


async def gift_cards_of(info: Info, account_id: int, first: int, after: str | None) -> Connection[MyGiftCard]:
    """The cards that the member of an account has bought, newest first."""
    which = service.BoughtFilter(account_id=account_id)
    return await _page(info, MyGiftCard, which, first, after)


async def _page(
    info: Info,
    kind: type,
    which: service.BoughtFilter,
    first: int,
    after: str | None,
) -> Connection:  # type: ignore[type-arg]  # of kind
    size, before = page_size(first), None if after is None else key_of(_CURSOR, after)
    found = await service.list_bought(
        *info.context.tenant,
        which,
        first=size + 1,
        before_id=before,
        with_buyers=kind is IssuedGiftCard,
        now=info.context.now,
    )
    return Connection[kind].of(_CURSOR, [(one.id, kind(bought=one)) for one in found], size, after)  # type: ignore[valid-type]


@strawberry.type
class BoughtGiftCardQuery:
    @query_field(SHOPPERS, "What is left on a gift card, for whoever has its code. Asked by POST only.")
    async def gift_card_balance(
        self, info: Info, code: Annotated[str, strawberry.argument(description=_CODE)]
    ) -> GiftCardBalanceResult:
        context = info.context
        card = await service.balance(context.installation, context.principal, code, context.peer, now=context.now)
        return GiftCardBalance.of(card)

    @query_field(staff(Right.LIST_GIFT_CARDS), "Gift cards that were bought, newest first.")
    async def issued_gift_cards(
        self,
        info: Info,
        filter: Annotated[  # noqa: A002
            IssuedGiftCardFilter | None, strawberry.argument(description="Which cards; null: all of them.")
        ] = None,
        first: First = PAGE,
        after: OlderThan = None,
    ) -> Connection[IssuedGiftCard]:
        asked = filter or IssuedGiftCardFilter()
        account_id = None
        if asked.customer_external_id is not None:
            account = await info.context.installation.accounts.find(
                info.context.principal.programme_id, asked.customer_external_id
            )
            account_id = 0 if account is None else account.account_id  # nobody's
        which = service.BoughtFilter(account_id, _last_four(asked.last_four), asked.bought_from, asked.bought_to)
        return await _page(info, IssuedGiftCard, which, first, after)


@strawberry.type
class BoughtGiftCardMutation:
    @mutation_field(CUSTOMERS, "Buy a gift card with points, for the price that was shown.")
    async def buy_gift_card(
        self,
        info: Info,
        input: Annotated[BuyGiftCardInput, strawberry.argument(description="Which card, for whom.")],  # noqa: A002
    ) -> BuyGiftCardResult:
        context = info.context
        to = input.recipient
        command = service.BuyGiftCard(
            input.sku,
            input.price_points,
            idempotency_key(input.idempotency_key),
            None if to is None else service.Recipient(to.email, to.name, to.message, to.deliver_on),
            None if input.face_value is None else input.face_value.parse("faceValue"),
        )
        bought = await service.buy(context.installation, context.principal, command, now=context.now)
        return BuyGiftCardSuccess(gift_card=MyGiftCard(bought=bought))


def _last_four(given: str | None) -> str | None:
    if given is not None and len(given) != 4:  # noqa: PLR2004
        raise Invalid("filter.lastFour", "must be four signs")
    return None if given is None else given.upper()
