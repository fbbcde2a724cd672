"""Notices by mail: what happened is told to members who want it, and to the staff (R31, R32).

``sources`` is the registry of kinds, ``gathering`` finds out what there is to tell, ``promising`` writes down that
it will be told, ``sending`` tells it. The words are in ``texts/notices``, unless a programme has its own.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from pointbook.db.session import Connection
from pointbook.domain.notices import NoticeKind
from pointbook.services.installation import Installation
from pointbook.services.mailing import Post
from pointbook.services.notices.expiring import Promised, promise_of_expiry
from pointbook.services.notices.facts import Facts, Outcome, Recipient, Source
from pointbook.services.notices.promising import NOTICE_MAIL, about_message, promise, promise_of_events
from pointbook.services.notices.sending import Due, send
from pointbook.services.notices.sources import OF_EVENT, SOURCES
from pointbook.services.notices.tidying import KEPT_FOR, tidy
from pointbook.services.notices.trying import deliver_test
from pointbook.services.notices.unsubscribing import Subscriber, find_subscriber, unsubscribe
from pointbook.services.outbox import NOTICE_TEST, Handler, Message, Subscriptions

__all__ = [
    "KEPT_FOR",
    "MAILS",
    "NOTICE_MAIL",
    "SOURCES",
    "Due",
    "Facts",
    "Outcome",
    "Promised",
    "Recipient",
    "Source",
    "Subscriber",
    "find_subscriber",
    "listen",
    "promise",
    "promise_of_expiry",
    "send",
    "tidy",
    "unsubscribe",
]

_MAILED: Final = {source.topic: source for source in SOURCES.values() if source.topic and not source.is_event}
MAILS: Final = (NOTICE_MAIL, NOTICE_TEST, *_MAILED)
"""Topics whose messages are nothing but mail."""


def listen(
    subscriptions: Subscriptions, installation: Installation, post: Post, clock: Callable[[], datetime]
) -> None:
    """Take the messages that become mail."""

    async def record(connection: Connection, messages: Sequence[Message]) -> None:
        await promise_of_events(connection, messages, now=clock())

    async def send_promised(message: Message) -> None:
        told = message.payload
        kind = NoticeKind(told["kind"])
        due = Due(message.programme_id, kind, told["about"], told["payload"], tuple(told["also"]))
        await send(installation, post, due, now=clock())

    def sending(source: Source) -> Handler:
        async def handle(message: Message) -> None:
            due = Due(message.programme_id, source.kind, about_message(message.id), message.payload)
            await send(installation, post, due, now=clock())

        return handle

    async def send_test(message: Message) -> None:
        await deliver_test(installation, post, message, now=clock())

    subscriptions.record(OF_EVENT, record)
    subscriptions.add(NOTICE_TEST, send_test, slow=True)
    subscriptions.add(NOTICE_MAIL, send_promised, slow=True)
    for topic, source in _MAILED.items():
        subscriptions.add(topic, sending(source), slow=True)
