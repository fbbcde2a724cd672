"""Who listens to the outbox: the one place where later features (mail, webhooks) add their handlers."""

from pointbook.services import joining, redemption
from pointbook.services.granting import POINTS_CREDITED
from pointbook.services.outbox import Subscriptions, log_message

_TOLD_TO_THE_LOG = (POINTS_CREDITED, redemption.REDEMPTION_CAPTURED, joining.MEMBER_JOINED)


def subscriptions() -> Subscriptions:
    """Every topic this version promises is told to the log; there is no other receiver yet."""
    listening = Subscriptions()
    for topic in _TOLD_TO_THE_LOG:
        listening.add(topic, log_message)
    return listening
