"""The catalogues as the staff keep them: also what is not on sale, with its stock."""

from decimal import Decimal
from typing import Annotated, Any, Final, TypeVar

import strawberry

from pointbook.domain.access import Right, staff
from pointbook.domain.errors import InvalidInput as Invalid
from pointbook.graphql.catalogue import (
    Asked,
    ExchangeItem,
    Filter,
    GiftCardProduct,
    Offer,
    Sort,
    page_of_offers,
)
from pointbook.graphql.connections import AfterSorted, Connection, First
from pointbook.graphql.context import Info
from pointbook.graphql.described import described
from pointbook.graphql.errors import IdempotencyConflict, InvalidInput, NotInCatalogue, SoldOut, StockChanged
from pointbook.graphql.inputs import IDEMPOTENCY_KEY, document_of, idempotency_key
from pointbook.graphql.policies import mutation_field, query_field
from pointbook.graphql.scalars import Points
from pointbook.graphql.values import LocalizedTextInput, texts_document
from pointbook.services import catalogue as service
from pointbook.services import exchange_stock
from pointbook.services.catalogue import EXCHANGE_ITEMS, GIFT_CARDS

_PAGE: Final = 20
_EDIT: Final = staff(Right.EDIT_CATALOGUE)


@strawberry.input(description="What both catalogues say of a thing.")
class OfferInput:
    sku: strawberry.ID = strawberry.field(
        description="Its name in the shop, at most 64 characters. One that the catalogue has is replaced."
    )
    names: list[LocalizedTextInput] = strawberry.field(
        description="What it is called, at most 200 characters; at least in the programme's first language."
    )
    descriptions: list[LocalizedTextInput] | None = strawberry.field(
        default=None, description="What is to be said of it; plain text of at most 2,000 characters."
    )
    price_points: Points = strawberry.field(description="The points that one piece costs, 1 to 1,000,000,000.")
    active: bool = strawberry.field(default=True, description="Whether it is on sale.")
    category: str | None = strawberry.field(default=None, description="Its category, at most 64 characters.")
    image_url: str | None = strawberry.field(
        default=None,
        description="Where pages may load its picture from: https, a public host by its name, no user name and no "
        "fragment, at most 2,000 characters. Pointbook does not load it.",
    )
    position: int = strawberry.field(default=0, description="Its place: the smallest first, 0 to 1,000,000.")

    def document(self) -> dict[str, Any]:
        """Raises InvalidInput for a language that is named twice."""
        texts = {"names": self.names, "descriptions": self.descriptions or []}
        document: dict[str, Any] = document_of(self)
        return document | {field: texts_document(field, given) for field, given in texts.items()}


@strawberry.input(description="A gift card that can be bought with points, with all that is to be said of it.")
class SaveGiftCardProductInput(OfferInput):
    face_value: Decimal = strawberry.field(
        description="What the card pays, in the main unit of the programme's currency; more than 0."
    )
    validity_days: int | None = strawberry.field(
        default=None,
        description="A card can be used until the end of the local day so many days after it was bought, 1 to "
        "36,500; null: for ever.",
    )


@strawberry.input(description="A product for which points are exchanged, with all that is to be said of it.")
class SaveExchangeItemInput(OfferInput):
    fee: Decimal | None = strawberry.field(
        default=None,
        description="Money that the shop asks for each piece besides, in the main unit of the programme's "
        "currency; null: none.",
    )
    max_per_order: int | None = strawberry.field(
        default=None, description="The most pieces in one order, 1 to 1,000; null: any number."
    )
    max_per_member: int | None = strawberry.field(
        default=None,
        description="The most pieces in all orders of a member, without cancelled ones, 1 to 1,000,000; null: any "
        "number.",
    )


@strawberry.input(description="A new stock in the place of the one that you have seen.")
class NewStockInput:
    stock: int | None = strawberry.field(
        default=None,
        description="How many may be ordered from now on, 0 to 1,000,000,000; null: nobody counts them any more.",
    )
    expected: int | None = strawberry.field(
        default=None,
        description="The stock that you have seen; null: nobody counted them. If it is another by now, nothing is "
        "changed.",
    )


@strawberry.input(description="How to change the stock of an item: exactly one of `change` and `set`.")
class ChangeExchangeStockInput:
    sku: strawberry.ID = strawberry.field(description="The item's SKU.")
    change: int | None = strawberry.field(
        default=None, description="So many pieces more, or with a negative number fewer."
    )
    set: NewStockInput | None = strawberry.field(default=None, description="A new stock.")
    idempotency_key: str = strawberry.field(description=IDEMPOTENCY_KEY)

    def command(self) -> exchange_stock.AddStock | exchange_stock.SetStock:
        if self.change is not None and self.set is None:
            return exchange_stock.AddStock(self.change)
        if self.set is not None and self.change is None:
            return exchange_stock.SetStock(self.set.stock, self.set.expected)
        raise Invalid("change", "or set: exactly one of them")


@strawberry.type(description="The gift card is in the catalogue.")
class SaveGiftCardProductSuccess:
    product: GiftCardProduct = strawberry.field(description="As it is now.")


@strawberry.type(description="The item is in the catalogue.")
class SaveExchangeItemSuccess:
    item: ExchangeItem = strawberry.field(description="As it is now.")


@strawberry.type(description="The stock is changed.")
class ChangeExchangeStockSuccess:
    sku: strawberry.ID = strawberry.field(description="The item's SKU.")
    stock: int | None = strawberry.field(
        description="How many may be ordered since that change; null: nobody counts them."
    )


SaveGiftCardProductResult = Annotated[
    SaveGiftCardProductSuccess | InvalidInput,
    strawberry.union("SaveGiftCardProductResult", description="The gift card, or why it is not saved."),
]
SaveExchangeItemResult = Annotated[
    SaveExchangeItemSuccess | InvalidInput,
    strawberry.union("SaveExchangeItemResult", description="The item, or why it is not saved."),
]
ChangeExchangeStockResult = Annotated[
    ChangeExchangeStockSuccess | InvalidInput | NotInCatalogue | SoldOut | StockChanged | IdempotencyConflict,
    strawberry.union("ChangeExchangeStockResult", description="The stock, or why it is as it was."),
]


@strawberry.type(description="Both catalogues, also with what is not on sale.")
class Catalogue:
    @described("The gift cards that can be bought with points.")
    async def gift_cards(
        self,
        info: Info,
        filter: Filter = None,  # noqa: A002
        sort: Sort = service.CatalogueSort.POSITION,
        first: First = _PAGE,
        after: AfterSorted = None,
    ) -> Connection[GiftCardProduct]:
        return await page_of_offers(info, GiftCardProduct, Asked(filter, sort, first, after), for_staff=True)

    @described("The products for which points are exchanged, with their stock.")
    async def exchange_items(
        self,
        info: Info,
        filter: Filter = None,  # noqa: A002
        sort: Sort = service.CatalogueSort.POSITION,
        first: First = _PAGE,
        after: AfterSorted = None,
    ) -> Connection[ExchangeItem]:
        return await page_of_offers(info, ExchangeItem, Asked(filter, sort, first, after), for_staff=True)


@strawberry.type
class CatalogueDeskQuery:
    @query_field(_EDIT, "What may be had for points, also what is not on sale.")
    async def catalogue(self) -> Catalogue:
        return Catalogue()


@strawberry.type
class CatalogueDeskMutation:
    @mutation_field(_EDIT, "Put a gift card into the catalogue, or in the place of the one with its SKU.")
    async def save_gift_card_product(
        self,
        info: Info,
        input: Annotated[SaveGiftCardProductInput, strawberry.argument(description="The gift card.")],  # noqa: A002
    ) -> SaveGiftCardProductResult:
        return SaveGiftCardProductSuccess(product=await _saved(info, GIFT_CARDS, GiftCardProduct, input))

    @mutation_field(
        _EDIT,
        "Put an item for which points are exchanged into the catalogue, or in the place of the one with its SKU. "
        "Its stock stays as it is; of a new one nobody counts the pieces.",
    )
    async def save_exchange_item(
        self,
        info: Info,
        input: Annotated[SaveExchangeItemInput, strawberry.argument(description="The item.")],  # noqa: A002
    ) -> SaveExchangeItemResult:
        return SaveExchangeItemSuccess(item=await _saved(info, EXCHANGE_ITEMS, ExchangeItem, input))

    @mutation_field(_EDIT, "Change how many of an exchange item may be ordered.")
    async def change_exchange_stock(
        self,
        info: Info,
        input: Annotated[ChangeExchangeStockInput, strawberry.argument(description="Of what, and how.")],  # noqa: A002
    ) -> ChangeExchangeStockResult:
        context = info.context
        stock = await exchange_stock.change_stock(
            context.installation,
            context.principal,
            input.sku,
            input.command(),
            idempotency_key(input.idempotency_key),
            now=context.now,
        )
        return ChangeExchangeStockSuccess(sku=input.sku, stock=stock)


Shown = TypeVar("Shown", bound=Offer)


async def _saved(info: Info, shelf: service.Shelf[Any], shown: type[Shown], given: OfferInput) -> Shown:
    context = info.context
    kept = await service.save_offer(
        *context.tenant, shelf, given.document(), by=context.principal.identity, now=context.now
    )
    programme = await context.installation.programmes.get(context.principal.programme_id)
    return shown.of(service.OfferView(kept, None), programme.locales[0], for_staff=True)
