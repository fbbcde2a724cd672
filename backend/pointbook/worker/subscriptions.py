"""Who listens to the outbox: the one place where later features add their handlers."""

from collections.abc import Callable
from datetime import datetime

from pointbook.services import notices
from pointbook.services.installation import Installation
from pointbook.services.mailing import Post
from pointbook.services.outbox import Subscriptions, log_message
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
    if post is None:
        for topic in notices.MAILS:
            listening.add(topic, log_message)
    else:
        notices.listen(listening, installation, post, clock)
    return listening
