"""Who listens to the outbox: the one place where later features add their handlers."""

from collections.abc import Callable
from datetime import datetime

from pointbook.services import gift_cards, notices
from pointbook.services.gift_cards import GIFT_CARD_DELIVERY
from pointbook.services.installation import Installation
from pointbook.services.mailing import Post
from pointbook.services.outbox import Handler, Message, Subscriptions, log_message
from pointbook.services.webhook_events import EVENTS
from pointbook.services.webhook_sendings import fan_out


def subscriptions(installation: Installation, post: Post | None, clock: Callable[[], datetime]) -> Subscriptions:
    """Events are told to the log and to whoever subscribed to them. Mail leaves by ``post``; without one, what is
    nothing but mail is told to the log, and notices of events are not promised.
    """
    listening = Subscriptions()
    listening.record(EVENTS, fan_out)
    for event in EVENTS:
        listening.add(event, log_message)
    listening.add(GIFT_CARD_DELIVERY, log_message if post is None else _card_mail(installation, post, clock))
    if post is not None:
        notices.listen(listening, installation, post, clock)
    return listening


def _card_mail(installation: Installation, post: Post, clock: Callable[[], datetime]) -> Handler:
    async def send(message: Message) -> None:
        await gift_cards.deliver(installation, post, message, now=clock())

    return send
