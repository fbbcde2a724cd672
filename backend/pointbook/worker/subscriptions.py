"""Who listens to the outbox: the one place where later features (mail, webhooks) add their handlers."""

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
from pointbook.services.joining import MEMBER_JOINED
from pointbook.services.outbox import Subscriptions, log_message
from pointbook.services.redemption import REDEMPTION_CAPTURED
from pointbook.services.returns import POINTS_RETURNED
from pointbook.services.warnings import STAFF_WARNED

_TOLD_TO_THE_LOG = (
    POINTS_CREDITED,
    POINTS_RETURNED,
    REDEMPTION_CAPTURED,
    MEMBER_JOINED,
    STAFF_WARNED,
    GIFT_CARD_BOUGHT,
    GIFT_CARD_DELIVERY,
    GIFT_CARD_USED,
    GIFT_CARD_REFUNDED,
    GIFT_CARD_VOIDED,
    EXCHANGE_PLACED,
    EXCHANGE_CHANGED,
)


def subscriptions() -> Subscriptions:
    """Every topic this version promises is told to the log; there is no other receiver yet."""
    listening = Subscriptions()
    for topic in _TOLD_TO_THE_LOG:
        listening.add(topic, log_message)
    return listening
