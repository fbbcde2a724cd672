"""Who listens to the outbox: the one place where later features (mail, webhooks) add their handlers."""

from collections.abc import Callable
from datetime import datetime

from pointbook.services import gift_cards
from pointbook.services.adjusting import POINTS_ADJUSTED
from pointbook.services.exchange_deciding import EXCHANGE_CHANGED
from pointbook.services.exchange_placing import EXCHANGE_PLACED
from pointbook.services.gift_cards import (
    GIFT_CARD_BOUGHT,
    GIFT_CARD_DELIVERY,
    GIFT_CARD_REFUNDED,
    GIFT_CARD_USED,
    GIFT_CARD_VOIDED,
)
from pointbook.services.granting import POINTS_CREDITED
from pointbook.services.installation import Installation
from pointbook.services.joining import MEMBER_JOINED
from pointbook.services.outbox import Handler, Message, Subscriptions, log_message
from pointbook.services.redemption import REDEMPTION_CAPTURED
from pointbook.services.returns import POINTS_RETURNED
from pointbook.services.warnings import STAFF_WARNED

_TOLD_TO_THE_LOG = (
    POINTS_CREDITED,
    POINTS_RETURNED,
    POINTS_ADJUSTED,
    REDEMPTION_CAPTURED,
    MEMBER_JOINED,
    STAFF_WARNED,
    GIFT_CARD_BOUGHT,
    GIFT_CARD_USED,
    GIFT_CARD_REFUNDED,
    GIFT_CARD_VOIDED,
    EXCHANGE_PLACED,
    EXCHANGE_CHANGED,
)


def subscriptions(
    installation: Installation, post: gift_cards.Post | None, clock: Callable[[], datetime]
) -> Subscriptions:
    """Codes of gift cards leave by ``post``; without one, and whatever else is promised, is told to the log."""
    listening = Subscriptions()
    for topic in _TOLD_TO_THE_LOG:
        listening.add(topic, log_message)
    listening.add(GIFT_CARD_DELIVERY, log_message if post is None else _card_mail(installation, post, clock))
    return listening


def _card_mail(installation: Installation, post: gift_cards.Post, clock: Callable[[], datetime]) -> Handler:
    async def send(message: Message) -> None:
        await gift_cards.deliver(installation, post, message, now=clock())

    return send
