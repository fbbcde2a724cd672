"""What may be had for points, as everybody sees it: gift-card products and exchange items."""

from abc import abstractmethod
from datetime import datetime
from typing import Annotated, Any, Final, NamedTuple, Self, TypeAlias, TypeVar

import strawberry

from pointbook.domain import catalogue as domain
from pointbook.domain.access import ANYBODY
from pointbook.domain.errors import InvalidInput
from pointbook.domain.money import Money
from pointbook.graphql.connections import AfterSorted, Connection, First, page_size, text_of
from pointbook.graphql.context import Info
from pointbook.graphql.described import described, described_enum
from pointbook.graphql.money import MoneyAmount
from pointbook.graphql.policies import query_field
from pointbook.graphql.rule_names import Locale
from pointbook.graphql.scalars import Points
from pointbook.graphql.values import LocalizedText
from pointbook.services import catalogue as service
from pointbook.services.catalogue import EXCHANGE_ITEMS, GIFT_CARDS
from pointbook.texts.phrasing import own_text

_PAGE: Final = 20
_MAX_KEY: Final = 2**63 - 1

described_enum(
    service.CatalogueSort,
    "How a catalogue is ordered.",
    POSITION="As the merchant has arranged it.",
    PRICE_ASC="The fewest points first.",
    PRICE_DESC="The most points first.",
    NEWEST="The newest first.",
)


@strawberry.input(description="Which offers of a catalogue. Everything that is given has to hold.")
class CatalogueFilter:
    category: str | None = strawberry.field(default=None, description="Only those of this category.")
    max_points: Points | None = strawberry.field(default=None, description="Only those that cost at most so much.")
    affordable_only: bool = strawberry.field(
        default=False, description="Only those for which the customer has points enough; needs a customer's token."
    )
    search: str | None = strawberry.field(
        default=None,
        description="Only those with this text in the SKU or in the name in any language, whatever its case; at "
        "most 64 characters.",
    )


Filter: TypeAlias = Annotated[
    CatalogueFilter | None, strawberry.argument(description="Which offers; null: all of them.")
]
Sort: TypeAlias = Annotated[service.CatalogueSort, strawberry.argument(description="In which order.")]


@strawberry.interface(description="Something that may be had for points.")
class Offer:
    view: strawberry.Private[service.OfferView[Any]]
    first_locale: strawberry.Private[str]
    sku: strawberry.ID = strawberry.field(description="Its name in the shop; it never changes.")
    active: bool = strawberry.field(description="Whether it is on sale; the public lists have no others.")
    price_points: Points = strawberry.field(description="The points that one piece costs.")
    category: str | None = strawberry.field(description="Its category, in the shop's words.")
    image_url: str | None = strawberry.field(description="Where pages may load its picture from; https.")
    position: int = strawberry.field(description="Where the merchant has arranged it: the smallest first.")
    affordable: bool | None = strawberry.field(
        description="Whether the customer's points suffice for one piece now; null for whoever is no member."
    )
    missing_points: Points | None = strawberry.field(
        description="How many points the customer lacks for that, 0 if none; null for whoever is no member."
    )
    updated_at: datetime = strawberry.field(description="When it was saved last.")

    @described("What it is called; plain text.")
    def name(self, locale: Locale = None) -> str:
        name = self._text(self.view.kept.offer.names, locale)
        assert name is not None, "no offer is saved without a name in the first language"
        return name

    @described("What is to be said of it; plain text with line breaks. Null: nothing.")
    def description(self, locale: Locale = None) -> str | None:
        return self._text(self.view.kept.offer.descriptions, locale)

    @described("What it is called in each language.")
    def names(self) -> list[LocalizedText]:
        return LocalizedText.list_of(self.view.kept.offer.names)

    @described("What is to be said of it in each language.")
    def descriptions(self) -> list[LocalizedText]:
        return LocalizedText.list_of(self.view.kept.offer.descriptions)

    def _text(self, texts: domain.Texts, locale: str | None) -> str | None:
        return own_text(texts, locale, self.first_locale)

    @classmethod
    def of(cls, view: service.OfferView[Any], first_locale: str, *, for_staff: bool = False) -> Self:
        offer, missing = view.kept.offer, view.missing_points
        return cls(
            view=view,
            first_locale=first_locale,
            sku=strawberry.ID(offer.sku),
            active=offer.active,
            price_points=Points(offer.price_points),
            category=offer.category,
            image_url=offer.image_url,
            position=offer.position,
            affordable=None if missing is None else missing == 0,
            missing_points=None if missing is None else Points(missing),
            updated_at=view.kept.updated_at,
            **cls._own(view.kept, for_staff=for_staff),
        )

    @staticmethod
    @abstractmethod
    def _own(kept: service.Kept[Any], *, for_staff: bool) -> dict[str, Any]:
        """The fields that only this kind of offer has."""


@strawberry.type(description="A gift card that can be bought with points.")
class GiftCardProduct(Offer):
    face_value: MoneyAmount = strawberry.field(description="What the card pays.")
    validity_days: int | None = strawberry.field(
        description="A card can be used until the end of the local day so many days after it was bought; null: "
        "for ever."
    )

    @staticmethod
    def _own(kept: service.Kept[domain.GiftCardProduct], *, for_staff: bool) -> dict[str, Any]:  # noqa: ARG004
        offer = kept.offer
        value = MoneyAmount.of(Money(offer.face_value, kept.currency))
        return {"face_value": value, "validity_days": offer.validity_days}


@strawberry.type(description="A product for which points are exchanged.")
class ExchangeItem(Offer):
    fee: MoneyAmount = strawberry.field(description="Money that the shop asks for each piece besides the points.")
    max_per_order: int | None = strawberry.field(description="The most pieces in one order; null: any number.")
    max_per_member: int | None = strawberry.field(
        description="The most pieces in all orders of a member, without cancelled ones; null: any number."
    )
    in_stock: bool = strawberry.field(description="Whether there is one left, or nobody counts them.")
    stock: int | None = strawberry.field(
        description="For the staff: how many may still be ordered. Null: nobody counts them, or others ask; those "
        "learn it from `SoldOut`, when they want more than there are."
    )

    @staticmethod
    def _own(kept: service.Kept[domain.ExchangeItem], *, for_staff: bool) -> dict[str, Any]:
        offer = kept.offer
        return {
            "fee": MoneyAmount.of(Money(offer.fee, kept.currency)),
            "max_per_order": offer.max_per_order,
            "max_per_member": offer.max_per_member,
            "in_stock": kept.stock is None or kept.stock > 0,
            "stock": kept.stock if for_staff else None,
        }


Shown = TypeVar("Shown", bound=Offer)


class Asked(NamedTuple):
    """The arguments of a list."""

    filter: CatalogueFilter | None
    sort: service.CatalogueSort
    first: int
    after: str | None


async def page_of_offers(
    info: Info, shown: type[Shown], asked: Asked, *, for_staff: bool = False
) -> Connection[Shown]:
    """A page of the catalogue whose offers are ``shown``; ``for_staff`` with those that are not on sale."""
    chosen, sort, first, after = asked
    installation, programme_id = info.context.tenant
    programme = await installation.programmes.get(programme_id)
    cursor, size, wanted = f"{shown.__name__} {sort}", page_size(first), chosen or CatalogueFilter()
    search = service.Search(
        on_sale_in=None if for_staff else programme.currency,
        sort=sort,
        category=wanted.category,
        max_points=wanted.max_points,
        affordable_only=wanted.affordable_only,
        words=wanted.search,
        after=None if after is None else _place(cursor, after),
    )
    shelf: service.Shelf[Any] = GIFT_CARDS if issubclass(shown, GiftCardProduct) else EXCHANGE_ITEMS
    views = await service.list_offers(
        installation,
        programme,
        shelf,
        search,
        customer=info.context.principal.subject,
        most=size + 1,
        now=info.context.now,
    )
    items = [
        (
            "{} {}".format(*service.place_of(view.kept, sort)),
            shown.of(view, programme.locales[0], for_staff=for_staff),
        )
        for view in views
    ]
    return Connection[Shown].of(cursor, items, size, after)


def _place(kind: str, cursor: str) -> service.Place:
    """Raises InvalidInput for what is no cursor of a list in this order."""
    numbers = [
        int(word) if word.isascii() and word.isdecimal() else -1 for word in text_of(kind, cursor).split(" ")
    ]
    if len(numbers) != len(service.Place._fields) or not all(0 <= number <= _MAX_KEY for number in numbers):
        raise InvalidInput("after", "is not a cursor of this list")
    return service.Place(*numbers)


@strawberry.type
class CatalogueQuery:
    @query_field(ANYBODY, "The gift cards that can be bought with points.")
    async def gift_cards(
        self,
        info: Info,
        filter: Filter = None,  # noqa: A002
        sort: Sort = service.CatalogueSort.POSITION,
        first: First = _PAGE,
        after: AfterSorted = None,
    ) -> Connection[GiftCardProduct]:
        return await page_of_offers(info, GiftCardProduct, Asked(filter, sort, first, after))

    @query_field(ANYBODY, "The products for which points are exchanged.")
    async def exchange_items(
        self,
        info: Info,
        filter: Filter = None,  # noqa: A002
        sort: Sort = service.CatalogueSort.POSITION,
        first: First = _PAGE,
        after: AfterSorted = None,
    ) -> Connection[ExchangeItem]:
        return await page_of_offers(info, ExchangeItem, Asked(filter, sort, first, after))
