"""Who listens to the outbox: the one place where later features add their handlers."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final

from pointbook.services import notices, sweeping
from pointbook.services.installation import Installation
from pointbook.services.mailing import Post
from pointbook.services.outbox import Message, Subscriptions, log_message
from pointbook.services.releasing import PARKED_REST
from pointbook.services.releasing_rest import release_rest
from pointbook.services.sandbox_clocks import CLOCK_MOVED
from pointbook.services.webhook_events import EVENTS
from pointbook.services.webhook_sendings import fan_out

_FOLLOWING_SECONDS: Final = 3.0
"""What is left after that is done by the jobs."""


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
    listening.add(PARKED_REST, partial(release_rest, installation, clock))
    listening.add(CLOCK_MOVED, partial(_follow_clock, installation, clock, mails=post is not None))
    return listening


async def _follow_clock(
    installation: Installation, clock: Callable[[], datetime], message: Message, /, *, mails: bool
) -> None:
    """What is due by the clock of a sandbox that was moved on is booked and told now."""
    of, now = [message.programme_id], clock()
    installation.programmes.forget(message.programme_id)
    await sweeping.book_due(installation.db, installation.programmes, of=of, now=now, seconds=_FOLLOWING_SECONDS)
    if mails:
        await notices.promise_of_expiry(
            installation.db, installation.programmes, of=of, now=now, seconds=_FOLLOWING_SECONDS
        )
