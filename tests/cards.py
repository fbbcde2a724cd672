"""Gift cards that a member has bought, for tests of what comes after."""

from datetime import date
from typing import Any
from uuid import uuid4

from pointbook.domain.money import Money
from pointbook.services import gift_cards
from pointbook.services.catalogue import GIFT_CARDS, save_offer
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.gift_cards import BoughtCard, BuyGiftCard, Recipient, UseCard
from pointbook.services.installation import Installation
from pointbook.services.joining import Join, join
from tests.support import NOW, customer, give_points, server

NAMES = {"de": "Gutschein für Kaffee", "en": "Coffee voucher"}


async def offer_card(installation: Installation, programme: ProgrammeSnapshot, **more: Any) -> None:
    """A card of 50.00 for 500 points."""
    document = {"sku": "card-50", "names": NAMES, "pricePoints": 500, "faceValue": "50.00", **more}
    await save_offer(installation, programme.id, GIFT_CARDS, document, now=NOW)


async def member_who_buys(
    installation: Installation,
    programme: ProgrammeSnapshot,
    *,
    email: str | None = None,
    locale: str | None = None,
) -> None:
    """c-1, with points for two cards."""
    await join(installation, programme.id, Join("c-1", email=email, locale=locale), now=NOW)
    await give_points(installation, programme, "c-1", 1_000)


async def buy_card(
    installation: Installation,
    programme: ProgrammeSnapshot,
    email: str | None = None,
    *,
    name: str | None = None,
    message: str | None = None,
    on: date | None = None,
) -> BoughtCard:
    """For c-1, or to be sent to this address."""
    to = None if email is None else Recipient(email, name, message, on)
    command = BuyGiftCard("card-50", 500, uuid4().hex, to)
    return await gift_cards.buy(installation, customer(programme), command, now=NOW)


async def use_card(
    installation: Installation, programme: ProgrammeSnapshot, bought: BoughtCard, minor_units: int
) -> None:
    command = UseCard(bought.card.code, uuid4().hex, Money(minor_units, programme.currency))
    await gift_cards.use(installation, server(programme), command, now=NOW)
