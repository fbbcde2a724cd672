"""What would be earned: a product's points, and a cart's with the reasons."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Self

import strawberry

from pointbook.domain.access import ANYBODY, SHOPPERS
from pointbook.domain.errors import InvalidInput as Invalid
from pointbook.domain.errors import refusals_under
from pointbook.domain.orders import LineKind
from pointbook.domain.rules import ProductPoints as EarnedByProduct
from pointbook.graphql.connections import First
from pointbook.graphql.context import Info
from pointbook.graphql.described import described
from pointbook.graphql.errors import (
    CurrencyMismatch,
    InvalidInput,
    MemberInactive,
    ProgrammeNotOpen,
    UnknownStore,
)
from pointbook.graphql.explaining import RULES, RuleExplanation, explanations, names_of, told
from pointbook.graphql.inputs import document_of
from pointbook.graphql.orders import DiscountInput, OrderLineInput, ShopVoucherInput
from pointbook.graphql.policies import query_field
from pointbook.graphql.rule_names import Locale, RuleNames
from pointbook.graphql.scalars import Points
from pointbook.services import earning_quotes as quoting
from pointbook.texts import product_text

_ID = "The shop's id"
_STORE = strawberry.argument(description="The shop's id of the store; null: an order without one.")
_ENTRY = strawberry.argument(description="How the order would come in: web shop, app, till.")
_EXIT = strawberry.argument(description="How it would leave: pick-up, delivery, counter.")
_SIGN_UP = (
    "Points for joining now; null for a customer who has joined, 0 for one who left not long ago (within"
    " `rejoinBonusBlockDays`), as far as the id tells."
)


@strawberry.input(description="A product as a page of the shop shows it.")
class ProductInput:
    article_id: strawberry.ID = strawberry.field(description=f"{_ID} of the article.")
    price: Decimal = strawberry.field(description="What one costs, tax included, in the currency's main unit.")
    quantity: Decimal | None = strawberry.field(
        default=None, description="How many, with up to 3 decimal places; 1 by default."
    )
    net_price: Decimal | None = strawberry.field(
        default=None, description="The part of the price that is no tax, for programmes that count net amounts."
    )
    variation_id: strawberry.ID | None = strawberry.field(default=None, description=f"{_ID} of the variation.")
    product_group_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="The shop's ids of the product groups it belongs to."
    )
    kind: LineKind | None = strawberry.field(default=None, description="What it is; ITEM by default.")
    topping_group_id: strawberry.ID | None = strawberry.field(
        default=None, description="The shop's id of the group of toppings."
    )


@strawberry.type(
    description="What a product earns if so many of it are bought alone, now, with money. Points per order are no"
    " property of a product, and what a member got before is not counted."
)
class ProductPoints:
    standard_points: Points = strawberry.field(
        description="From what it costs, rounded once for the quantity. An order is rounded as a whole: several"
        " products together may earn a point more or less than their sum."
    )
    extra_points: Points = strawberry.field(
        description="For each unit: of the article, variation, group, category or topping."
    )
    standard_text: str | None = strawberry.field(
        description="What the programme says of the standard points, plain text; null where there are none."
    )
    extra_text: str | None = strawberry.field(
        description="What it says of the extra points; null where there are none."
    )
    text: str = strawberry.field(
        description="Both, the extra points appended; empty for a product without points."
    )
    sign_up_points: Points | None = strawberry.field(description=_SIGN_UP)

    @classmethod
    def of(cls, points: EarnedByProduct, quotes: quoting.ProductQuotes, locale: str | None) -> Self:
        programme = quotes.programme
        said = product_text(
            points,
            quotes.settings,
            programme=programme.name,
            currency=programme.currency,
            locale=locale or programme.locales[0],
        )
        return cls(
            standard_points=Points(points.standard),
            extra_points=Points(points.extra),
            standard_text=said.standard,
            extra_text=said.extra,
            text=said.whole,
            sign_up_points=_optional(quotes.sign_up),
        )


@strawberry.type(description="What several products earn, each by itself.")
class ProductPointsList:
    products: list[ProductPoints] = strawberry.field(description="One for each product, in their sequence.")


@strawberry.input(description="A cart that is no order yet.")
class EarnCartInput:
    currency: str = strawberry.field(description="ISO 4217 code; the programme's currency.")
    lines: list[OrderLineInput] = strawberry.field(description="What is in it, 1 to 1,000 lines.")
    redeemed_value: Decimal | None = strawberry.field(
        default=None,
        description="What points would pay of it, as `redemptionQuote` tells, in the currency's main unit.",
    )
    placed_at: datetime | None = strawberry.field(
        default=None, description="When the order would be placed; null: now."
    )
    store: strawberry.ID | None = strawberry.field(default=None, description=f"{_ID} of the store.")
    entry_channel: str | None = strawberry.field(
        default=None, description="How the order would come in: web shop, app, till."
    )
    exit_channel: str | None = strawberry.field(
        default=None, description="How it would leave: pick-up, delivery, counter."
    )
    discounts: list[DiscountInput] | None = strawberry.field(default=None, description="What is taken off.")
    minimum_order_surcharge: Decimal | None = strawberry.field(
        default=None, description="Surcharge for a small order, in the currency's main unit."
    )
    delivery_fee: Decimal | None = strawberry.field(
        default=None, description="What shipping costs, in the currency's main unit."
    )
    shop_vouchers: list[ShopVoucherInput] | None = strawberry.field(
        default=None, description="Vouchers of the shop's own."
    )


@strawberry.type(description="Points that become available and end together.")
class EarnedPart:
    points: Points = strawberry.field(description="How many.")
    available_from: datetime = strawberry.field(description="From this instant on they could be spent.")
    expires_at: datetime | None = strawberry.field(description="When they would end; null: never.")

    @classmethod
    def of(cls, part: quoting.QuotedPart) -> Self:
        return cls(points=Points(part.points), available_from=part.available_from, expires_at=part.expires_at)


@strawberry.type(
    description="What a cart earns if it becomes an order that earns, at this instant. For a member it counts what"
    " capped rules gave before."
)
class EarnQuote:
    quoted: strawberry.Private[quoting.EarnQuote]
    names: strawberry.Private[RuleNames]
    points: Points = strawberry.field(description="All its points.")
    parts: list[EarnedPart] = strawberry.field(description="When they become available and end.")
    rule_count: int = strawberry.field(description="How many rules have a say in it.")
    sign_up_points: Points | None = strawberry.field(description=_SIGN_UP)

    @described(
        "What became of each rule: those that WON first, then LOST, then INERT, the older before the newer."
    )
    def rules(
        self,
        first: First = RULES,
    ) -> list[RuleExplanation]:
        return explanations(self.quoted.rules, self.names, first)

    @classmethod
    def of(cls, info: Info, quoted: quoting.EarnQuote, locale: str | None) -> Self:
        names = names_of(info, quoted, locale)
        return cls(
            quoted=quoted,
            names=names,
            points=Points(quoted.points),
            parts=[EarnedPart.of(part) for part in quoted.parts],
            rule_count=len(told(quoted.rules, names)),
            sign_up_points=_optional(quoted.sign_up),
        )


ProductPointsResult = Annotated[
    ProductPoints | InvalidInput | UnknownStore | ProgrammeNotOpen,
    strawberry.union("ProductPointsResult", description="The product's points, or why they are not told."),
]
ProductPointsListResult = Annotated[
    ProductPointsList | InvalidInput | UnknownStore | ProgrammeNotOpen,
    strawberry.union("ProductPointsListResult", description="The products' points, or why they are not told."),
]
EarnQuoteResult = Annotated[
    EarnQuote | InvalidInput | UnknownStore | CurrencyMismatch | ProgrammeNotOpen | MemberInactive,
    strawberry.union("EarnQuoteResult", description="A quote, or why there is none."),
]


@strawberry.type
class EarningQuoteQuery:
    @query_field(ANYBODY, "What a product earns, as its page shows it.")
    async def product_points(
        self,
        info: Info,
        *,
        product: Annotated[ProductInput, strawberry.argument(description="The product.")],
        store: Annotated[strawberry.ID | None, _STORE] = None,
        entry_channel: Annotated[str | None, _ENTRY] = None,
        exit_channel: Annotated[str | None, _EXIT] = None,
        locale: Locale = None,
    ) -> ProductPointsResult:
        try:
            quotes = await _quotes(info, [product], store, entry_channel, exit_channel)
        except Invalid as refusal:
            raise Invalid(refusal.field.replace("products[0]", "product"), refusal.reason) from None
        [points] = quotes.points
        return ProductPoints.of(points, quotes, locale)

    @query_field(
        ANYBODY, f"What each of at most {quoting.MAX_PRODUCTS} products earns, as a page of many shows them."
    )
    async def product_points_list(
        self,
        info: Info,
        *,
        products: Annotated[
            list[ProductInput], strawberry.argument(description=f"At most {quoting.MAX_PRODUCTS}.")
        ],
        store: Annotated[strawberry.ID | None, _STORE] = None,
        entry_channel: Annotated[str | None, _ENTRY] = None,
        exit_channel: Annotated[str | None, _EXIT] = None,
        locale: Locale = None,
    ) -> ProductPointsListResult:
        quotes = await _quotes(info, products, store, entry_channel, exit_channel)
        return ProductPointsList(products=[ProductPoints.of(points, quotes, locale) for points in quotes.points])

    @query_field(
        ANYBODY, "What a booking of a service or class earns, as its page shows it: all in standardPoints."
    )
    async def service_points(
        self,
        info: Info,
        *,
        service: Annotated[strawberry.ID, strawberry.argument(description="The site's id of the service.")],
        participants: Annotated[int, strawberry.argument(description="How many take part.")] = 1,
        store: Annotated[strawberry.ID | None, _STORE] = None,
        entry_channel: Annotated[str | None, _ENTRY] = None,
        locale: Locale = None,
    ) -> ProductPointsResult:
        context = info.context
        quotes = await quoting.service_points(
            context.installation,
            context.principal.programme_id,
            service,
            participants=participants,
            store=store,
            entry_channel=entry_channel,
            customer=context.principal.subject,
            now=context.now,
        )
        [points] = quotes.points
        return ProductPoints.of(points, quotes, locale)

    @query_field(
        SHOPPERS,
        "What a cart would earn, and why; the same as submitting it as an order. Of a customer's token, for that"
        " customer.",
    )
    async def earn_quote(
        self,
        info: Info,
        cart: Annotated[EarnCartInput, strawberry.argument(description="The cart.")],
        locale: Locale = None,
    ) -> EarnQuoteResult:
        context = info.context
        with refusals_under("cart"):
            quoted = await quoting.earn_quote(
                context.installation,
                context.principal.programme_id,
                document_of(cart),
                customer=context.principal.subject,
                now=context.now,
            )
        return EarnQuote.of(info, quoted, locale)


async def _quotes(
    info: Info,
    products: list[ProductInput],
    store: str | None,
    entry_channel: str | None,
    exit_channel: str | None,
) -> quoting.ProductQuotes:
    context = info.context
    return await quoting.product_points(
        context.installation,
        context.principal.programme_id,
        document_of(products),
        store=store,
        entry_channel=entry_channel,
        exit_channel=exit_channel,
        customer=context.principal.subject,
        now=context.now,
    )


def _optional(points: int | None) -> Points | None:
    return None if points is None else Points(points)
