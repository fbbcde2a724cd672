"""The two catalogues: what everybody may see of them, what the staff put into them, what is on sale."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from pointbook.db.queries import catalogue as rows
from pointbook.db.queries.catalogue import (
    EXCHANGE_ITEMS,
    GIFT_CARDS,
    CatalogueSort,
    Kept,
    Place,
    Search,
    Shelf,
    place_of,
)
from pointbook.db.queries.programmes import lock_programme
from pointbook.db.retry import retrying
from pointbook.db.session import Connection
from pointbook.domain import errors, text
from pointbook.domain.catalogue import MAX_PRICE, Offer, check_locales, read_offer, write_offer
from pointbook.domain.errors import InvalidInput
from pointbook.services import audit
from pointbook.services.audit import Action, Change
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation

__all__ = [
    "EXCHANGE_ITEMS",
    "GIFT_CARDS",
    "CatalogueSort",
    "Kept",
    "OfferView",
    "Place",
    "Search",
    "Shelf",
    "export_offers",
    "import_offers",
    "list_offers",
    "on_sale",
    "place_of",
    "save_offer",
]

Kind = TypeVar("Kind", bound=Offer)

OFFERS_MAX: Final = 10_000
"""Of one catalogue of a programme."""


@dataclass(frozen=True, slots=True)
class OfferView(Generic[Kind]):
    """An offer as one caller sees it. ``spendable``: their points now; None for whoever is no member."""

    kept: Kept[Kind]
    spendable: int | None

    @property
    def missing_points(self) -> int | None:
        """How many points the caller lacks for one piece; 0 when it is affordable (R29)."""
        return None if self.spendable is None else max(0, self.kept.offer.price_points - self.spendable)


async def list_offers(
    installation: Installation,
    programme: ProgrammeSnapshot,
    shelf: Shelf[Kind],
    search: Search,
    *,
    customer: str | None,
    most: int,
    now: datetime,
) -> list[OfferView[Kind]]:
    """A page of a catalogue; ``customer`` is the shop's id of whoever looks, if they have one.

    Raises InvalidInput for a filter that is out of bounds, or that needs a customer.
    """
    with errors.refusals_under("filter"):
        text.optional_identifier("category", search.category, text.MAX_WORD)
        text.optional_identifier("search", search.words, text.MAX_WORD)
        if search.max_points is not None and not 0 <= search.max_points <= MAX_PRICE:
            raise InvalidInput("maxPoints", f"must be 0 to {MAX_PRICE}")
        if search.affordable_only and customer is None:
            raise InvalidInput("affordableOnly", "needs a customer")
    account = None if customer is None else await installation.accounts.find(programme.id, customer)
    async with installation.db.bare_transaction(programme.id) as connection:
        found = await rows.list_offers(
            connection,
            programme.id,
            shelf,
            search,
            account_id=None if account is None else account.account_id,
            most=most,
            now=now,
        )
    return [OfferView(kept, spendable) for kept, spendable in found]


async def on_sale(
    connection: Connection, programme: ProgrammeSnapshot, shelf: Shelf[Kind], sku: str
) -> Kept[Kind]:
    """The offer that ``sku`` names, for whoever buys it in the transaction of ``connection``.

    Raises NotInCatalogue if there is none, or if it is not on sale, and InvalidInput for what cannot be a SKU.
    """
    text.identifier("sku", sku, text.MAX_WORD)
    kept = await rows.find_offer(connection, programme.id, shelf, sku)
    if kept is None or not kept.offer.active or kept.currency != programme.currency:
        raise errors.NotInCatalogue(text.shown(sku))
    return kept


async def save_offer(
    installation: Installation,
    programme_id: int,
    shelf: Shelf[Kind],
    document: object,
    *,
    by: str = audit.OPERATOR,
    now: datetime,
) -> Kept[Kind]:
    """Put an offer into a catalogue, or in the place of the one with its SKU; the same again changes nothing.

    ``document`` has all of its fields, as ``read_offer`` takes them. On sale at once. Raises InvalidInput.
    """

    async def attempt() -> Kept[Kind]:
        async with _changing(installation, programme_id, by, now) as desk:
            offer = read_offer(shelf.kind, document, desk.programme.currency)
            before = await rows.find_offer(desk.connection, programme_id, shelf, offer.sku)
            if before is None and await rows.count_offers(desk.connection, programme_id, shelf) >= OFFERS_MAX:
                raise InvalidInput("sku", f"a catalogue has at most {OFFERS_MAX} offers")
            return await desk.put(shelf, offer, before)

    return await retrying(attempt)


async def import_offers(
    installation: Installation,
    programme_id: int,
    shelf: Shelf[Kind],
    offers: Sequence[Kind],
    *,
    by: str = audit.OPERATOR,
    now: datetime,
) -> int:
    """``save_offer`` of each of them, all or none; how many were new or another. Raises InvalidInput."""
    if not offers:
        return 0

    async def attempt() -> int:
        async with _changing(installation, programme_id, by, now) as desk:
            known = {kept.offer.sku: kept for kept in await rows.all_offers(desk.connection, programme_id, shelf)}
            if len(known.keys() | {offer.sku for offer in offers}) > OFFERS_MAX:
                raise InvalidInput("", f"a catalogue has at most {OFFERS_MAX} offers")
            puts = [await desk.put(shelf, offer, known.get(offer.sku)) for offer in offers]
            return sum(kept is not known.get(kept.offer.sku) for kept in puts)

    return await retrying(attempt)


async def export_offers(installation: Installation, programme_id: int, shelf: Shelf[Kind]) -> list[Kind]:
    """Those that count in the programme's currency, on sale or not, the oldest first."""
    programme = await installation.programmes.current(programme_id)
    async with installation.db.bare_transaction(programme_id) as connection:
        found = await rows.all_offers(connection, programme_id, shelf)
    return [kept.offer for kept in found if kept.currency == programme.currency]


@dataclass(frozen=True, slots=True)
class _Desk:
    """The catalogues while nobody else changes them."""

    connection: Connection
    programme: ProgrammeSnapshot
    by: str
    now: datetime

    async def put(self, shelf: Shelf[Kind], offer: Kind, before: Kept[Kind] | None) -> Kept[Kind]:
        """``before``: what the catalogue has under its SKU; if that is the same, it stays."""
        programme = self.programme
        check_locales(offer, programme.locales, programme.locales[0])
        if before is not None and (before.offer, before.currency) == (offer, programme.currency):
            return before
        kept = await rows.save_offer(self.connection, programme.id, shelf, offer, programme.currency, now=self.now)
        was, becomes = None if before is None else _audited(before), _audited(kept)
        change = Change(Action.OFFER_SAVED, subject_of(shelf, offer.sku), was, becomes)
        await audit.append(self.connection, programme.id, [change], by=self.by, now=self.now)
        return kept


@contextlib.asynccontextmanager
async def _changing(installation: Installation, programme_id: int, by: str, now: datetime) -> AsyncIterator[_Desk]:
    """A transaction that holds the programme's row: its currency and languages stay what they are."""
    async with installation.db.bare_transaction(programme_id) as connection:
        await lock_programme(connection, programme_id)
        yield _Desk(connection, await installation.programmes.inside(connection, programme_id), by, now)


def subject_of(shelf: Shelf[Any], sku: str) -> str:
    """What the audit calls an offer: "exchange item mug"."""
    return f"{shelf.table.replace('_', ' ')} {sku}"


def _audited(kept: Kept[Any]) -> dict[str, Any]:
    return {"currency": kept.currency, "offer": write_offer(kept.offer, kept.currency)}
