"""Who has a card's code, or the link of its page, may look at it: the public side of gift cards (R22)."""

import base64
import contextlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote
from uuid import UUID

from pointbook.domain import errors
from pointbook.domain.access import Principal
from pointbook.ledger import CardState
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.gift_cards.buying import BoughtCard, find_bought
from pointbook.services.gift_cards.cards import GiftCard, find_card, gift_card_of
from pointbook.services.installation import Installation
from pointbook.texts.gift_card_texts import CardFacts

_MAC_BYTES: Final = 15
_TOKEN_LENGTH: Final = 80
_MOMENT: Final = timedelta(microseconds=1)
_ENDED: Final = (CardState.USED, CardState.EXPIRED, CardState.VOID)


@dataclass(frozen=True, slots=True)
class CardPage:
    """What the printable page of a card shows."""

    programme: ProgrammeSnapshot
    bought: BoughtCard


async def balance(
    installation: Installation, principal: Principal, code: str, peer: str | None, *, now: datetime
) -> GiftCard:
    """A card of which something is left or set aside, for a guest or a customer; ``peer``: the address that asks.

    Raises GiftCardNotUsable for every other code, whatever is wrong with it, and TooManyGuesses.
    """
    who = f"{principal.programme_id}:{principal.subject or peer or principal.key_id}"
    installation.guesses.attempt(who)
    programme = await installation.programmes.get(principal.programme_id)
    with contextlib.suppress(errors.GiftCardNotUsable):
        card = gift_card_of(installation, await find_card(installation, programme, code, now=now))
        if card.balance.amount + card.held.amount and card.balance.currency == programme.currency:
            installation.guesses.succeeded(who)
            return card
    raise errors.GiftCardNotUsable


def page_path(installation: Installation, programme_id: int, card_id: UUID, locale: str | None = None) -> str:
    """Of the printable page of a card, below Pointbook's own address."""
    path = f"/gift-cards/{page_token(installation, programme_id, card_id)}"
    return path if locale is None else f"{path}?lang={quote(locale)}"


def page_token(installation: Installation, programme_id: int, card_id: UUID) -> str:
    """Names the printable page of a card; who has it sees the code, and nobody can make one up."""
    return f"{programme_id}-{card_id.hex}-{_seal(installation, programme_id, card_id)}"


async def card_page(installation: Installation, token: str, *, now: datetime) -> CardPage | None:
    """The page of a token; None for one that is none. ``now`` is real."""
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
    bought = await find_bought(installation, programme_id, card_id, now=snapshot.now(now))
    return None if bought is None else CardPage(snapshot, bought)


def facts_of(programme: ProgrammeSnapshot, bought: BoughtCard) -> CardFacts:
    """What is so of a card now, to be put into words of any language."""
    card, row = bought.card, bought.row
    # It ends with a local day, so its last moment is on the last day on which it is good.
    last = None if card.expires_at is None else (card.expires_at - _MOMENT).astimezone(programme.zone).date()
    return CardFacts(
        programme=programme.name,
        first=programme.locales[0],
        names=row.names,
        face=card.face,
        left=card.balance,
        held=card.held,
        code=card.code,
        last_four=card.last_four,
        ended=card.state.value if card.state in _ENDED else None,
        last_day=last,
        recipient=row.recipient_name,
        message=row.message,
    )


def _seal(installation: Installation, programme_id: int, card_id: UUID) -> str:
    mac = installation.secrets.derive("gift card page", str(programme_id), card_id.hex)[:_MAC_BYTES]
    return base64.b32encode(mac).decode().lower()
