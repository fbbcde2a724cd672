"""Who has a card's code, or the link of its page, may look at it: the public side of gift cards (R22)."""

import base64
import contextlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from pointbook.domain import errors
from pointbook.domain.access import Principal
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.gift_cards.buying import BoughtCard, find_bought
from pointbook.services.gift_cards.cards import GiftCard, find_card, gift_card_of
from pointbook.services.installation import Installation

_MAC_BYTES: Final = 15
_TOKEN_LENGTH: Final = 80


@dataclass(frozen=True, slots=True)
class CardPage:
    """What the printable page of a card shows."""

    programme: ProgrammeSnapshot
    bought: BoughtCard


async def balance(
    installation: Installation, principal: Principal, code: str, peer: str | None, *, now: datetime
) -> GiftCard:
    """A card of which something is left, for a guest or a customer; ``peer``: the address that asks.

    Raises GiftCardNotUsable for every other code, whatever is wrong with it, and TooManyGuesses.
    """
    who = f"{principal.programme_id}:{principal.subject or peer or principal.key_id}"
    installation.guesses.admit(who)
    programme = await installation.programmes.get(principal.programme_id)
    with contextlib.suppress(errors.GiftCardNotUsable):
        card = gift_card_of(installation, programme, await find_card(installation, programme, code, now=now))
        if card.balance.amount:
            return card
    installation.guesses.slipped(who)
    raise errors.GiftCardNotUsable


def page_token(installation: Installation, programme_id: int, card_id: UUID) -> str:
    """Names the printable page of a card; who has it sees the code, and nobody can make one up."""
    return f"{programme_id}-{card_id.hex}-{_seal(installation, programme_id, card_id)}"


async def card_page(installation: Installation, token: str, *, now: datetime) -> CardPage | None:
    """The page of a token; None for one that is none."""
    programme, _, rest = token.partition("-")
    card, _, seal = rest.partition("-")
    if len(token) > _TOKEN_LENGTH or not (token.isascii() and programme.isdigit() and len(card) == 32):  # noqa: PLR2004
        return None
    try:
        programme_id, card_id = int(programme), UUID(hex=card)
    except ValueError:
        return None
    if not hmac.compare_digest(seal, _seal(installation, programme_id, card_id)):
        return None
    snapshot = await installation.programmes.get(programme_id)
    bought = await find_bought(installation, programme_id, card_id, now=now)
    return None if bought is None else CardPage(snapshot, bought)


def _seal(installation: Installation, programme_id: int, card_id: UUID) -> str:
    mac = installation.secrets.derive("gift card page", str(programme_id), card_id.hex)[:_MAC_BYTES]
    return base64.b32encode(mac).decode().lower()
