"""Exchange orders as their member sees them: what points were exchanged for, and how it stands."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Self

import strawberry

from pointbook.domain.access import CUSTOMERS
from pointbook.domain.exchange import ExchangeState
from pointbook.graphql.connections import Connection, moment_key, moment_of, page_size
from pointbook.graphql.context import Info
from pointbook.graphql.described import described, described_enum
from pointbook.graphql.errors import (
    BelowMinimum,
    ExchangeLimit,
    IdempotencyConflict,
    InsufficientPoints,
    InvalidInput,
    MemberInactive,
    NotAMember,
    NotInCatalogue,
    PriceChanged,
    ProgrammeNotOpen,
    RedemptionLocked,
    SoldOut,
)
from pointbook.graphql.inputs import IDEMPOTENCY_KEY, idempotency_key
from pointbook.graphql.money import MoneyAmount
from pointbook.graphql.policies import mutation_field
from pointbook.graphql.rule_names import Locale
from pointbook.graphql.scalars import Points
from pointbook.services import exchange_placing as placing
from pointbook.services import exchange_views as service
from pointbook.texts.phrasing import own_text

ORDERS_PAGE: Final = 20
_CURSOR: Final = "exchange"

described_enum(
    ExchangeState,
    "How an exchange order stands.",
    SUBMITTED="The points are spent; the shop has not handed it over yet.",
    EXCHANGED="The member has got it.",
    CANCELLED="The points were given back.",
)


@strawberry.type(description="Pieces of an item, with its name and price of when they were ordered.")
class ExchangeOrderLine:
    names: strawberry.Private[dict[str, str]]
    first_locale: strawberry.Private[str]
    sku: strawberry.ID = strawberry.field(description="The item's SKU.")
    quantity: int = strawberry.field(description="How many pieces.")
    price_points: Points = strawberry.field(description="The points of one piece.")
    points: Points = strawberry.field(description="The points of all pieces.")
    fee: MoneyAmount = strawberry.field(description="Money that the shop asks for one piece besides.")

    @described("What it was called; plain text.")
    def name(self, locale: Locale = None) -> str:
        return own_text(self.names.items(), locale, self.first_locale) or self.sku

    @classmethod
    def of(cls, line: service.ExchangeLine, first_locale: str) -> Self:
        return cls(
            names=dict(line.names),
            first_locale=first_locale,
            sku=strawberry.ID(line.sku),
            quantity=line.quantity,
            price_points=Points(line.price_points),
            points=Points(line.quantity * line.price_points),
            fee=MoneyAmount.of(line.fee),
        )


@strawberry.type(description="What a member exchanged points for. It is no order of the shop's and earns nothing.")
class ExchangeOrder:
    id: strawberry.ID = strawberry.field(description="Its id; it never changes.")
    member_id: strawberry.ID = strawberry.field(description="The member.")
    customer_external_ids: list[strawberry.ID] = strawberry.field(description="What the shop calls the member.")
    placed_at: datetime = strawberry.field(description="When it was placed.")
    state: ExchangeState = strawberry.field(description="How it stands.")
    exchanged_at: datetime | None = strawberry.field(description="EXCHANGED: since when.")
    cancelled_at: datetime | None = strawberry.field(description="CANCELLED: since when.")
    points: Points = strawberry.field(description="The points that were spent for it.")
    fee: MoneyAmount = strawberry.field(description="Money that the shop asks for all of it besides.")
    delivery_note: str | None = strawberry.field(description="What the member said of delivery; plain text.")
    entry: strawberry.ID = strawberry.field(description="The item of the member's history that spent the points.")
    lines: list[ExchangeOrderLine] = strawberry.field(description="What it is made of, at most 50 lines.")

    @classmethod
    def of(cls, order: service.ExchangeOrder, first_locale: str) -> Self:
        return cls(
            id=strawberry.ID(order.id.hex),
            member_id=strawberry.ID(order.account.hex),
            customer_external_ids=[strawberry.ID(name) for name in order.customers],
            placed_at=order.placed_at,
            state=order.state,
            exchanged_at=order.exchanged_at,
            cancelled_at=order.cancelled_at,
            points=Points(order.points),
            fee=MoneyAmount.of(order.fee),
            delivery_note=order.note,
            entry=strawberry.ID(f"{order.entry_account.hex}-{order.entry_seq}"),
            lines=[ExchangeOrderLine.of(line, first_locale) for line in order.lines],
        )


@strawberry.input(description="Pieces of an item at the price that the member has seen.")
class ExchangeLineInput:
    sku: strawberry.ID = strawberry.field(description="The item's SKU; each item once in an order.")
    quantity: int = strawberry.field(description="How many pieces, 1 to 1,000.")
    price_points: Points = strawberry.field(description="The points of one piece that were shown.")
    fee: Decimal | None = strawberry.field(
        default=None,
        description="The fee of one piece that was shown, in the main unit of the programme's currency; null: "
        "none was shown, and it is not compared.",
    )


@strawberry.input(description="What to exchange points for.")
class PlaceExchangeOrderInput:
    lines: list[ExchangeLineInput] = strawberry.field(description="1 to 50 lines.")
    delivery_note: str | None = strawberry.field(
        default=None, description="What the member says of delivery; plain text of at most 1,000 characters."
    )
    idempotency_key: str = strawberry.field(description=IDEMPOTENCY_KEY)

    def command(self) -> placing.PlaceOrder:
        lines = [placing.PlaceLine(line.sku, line.quantity, line.price_points, line.fee) for line in self.lines]
        return placing.PlaceOrder(lines, self.delivery_note, idempotency_key(self.idempotency_key))


@strawberry.type(description="The points are spent, and the shop knows of the order.")
class PlaceExchangeOrderSuccess:
    order: ExchangeOrder = strawberry.field(description="The order; of a repeated call, as it stands by now.")


PlaceExchangeOrderResult = Annotated[
    PlaceExchangeOrderSuccess
    | InvalidInput
    | NotAMember
    | MemberInactive
    | RedemptionLocked
    | ProgrammeNotOpen
    | NotInCatalogue
    | PriceChanged
    | SoldOut
    | BelowMinimum
    | ExchangeLimit
    | InsufficientPoints
    | IdempotencyConflict,
    strawberry.union("PlaceExchangeOrderResult", description="The order, or why no point is spent."),
]


@strawberry.type
class ExchangeMutation:
    @mutation_field(CUSTOMERS, "Exchange points for products: all of the lines at the prices shown, or nothing.")
    async def place_exchange_order(
        self,
        info: Info,
        input: Annotated[PlaceExchangeOrderInput, strawberry.argument(description="What for.")],  # noqa: A002
    ) -> PlaceExchangeOrderResult:
        context = info.context
        order = await placing.place_order(
            context.installation, context.principal, input.command(), now=context.now
        )
        return PlaceExchangeOrderSuccess(order=await shown(info, order))


async def shown(info: Info, order: service.ExchangeOrder) -> ExchangeOrder:
    installation, programme_id = info.context.tenant
    return ExchangeOrder.of(order, (await installation.programmes.get(programme_id)).locales[0])


async def page_of_orders(
    info: Info, wanted: service.Wanted, first: int, after: str | None
) -> Connection[ExchangeOrder]:
    """A page of the orders that are ``wanted``. Raises InvalidInput."""
    installation, programme_id = info.context.tenant
    cursor, size = f"{_CURSOR} {'oldest' if wanted.oldest_first else 'newest'}", page_size(first)
    place = None if after is None else service.Place(*moment_of(cursor, after))
    orders = await service.list_orders(installation, programme_id, wanted, after=place, most=size + 1)
    locale = (await installation.programmes.get(programme_id)).locales[0]
    items: list[tuple[int | str, Any]] = [
        (moment_key(*order.place), ExchangeOrder.of(order, locale)) for order in orders
    ]
    return Connection[ExchangeOrder].of(cursor, items, size, after)
