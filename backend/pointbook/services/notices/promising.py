"""A notice is promised: a row says what it is about, and a message of the outbox is the mail."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pointbook.db.queries import notices as rows
from pointbook.db.session import Connection
from pointbook.domain.notices import TYPES, Audience, NoticeKind
from pointbook.services import outbox
from pointbook.services.notices.facts import Source
from pointbook.services.notices.settings import settings_of
from pointbook.services.notices.sources import OF_EVENT
from pointbook.services.outbox import Message

NOTICE_MAIL: Final = "notice.mail"


async def promise(
    connection: Connection,
    programme_id: int,
    kind: NoticeKind,
    about: str,
    payload: Mapping[str, Any],
    *,
    now: datetime,
) -> bool:
    """Promise a mail in the caller's transaction, once for whatever it is ``about``; False: it was before.

    ``payload`` is what its source gathers from; it names members by opaque id only.
    """
    if not await rows.insert(connection, programme_id, kind, [about], now=now):
        return False
    await append_mail(connection, programme_id, kind, [about], payload, now=now)
    return True


async def append_mail(
    connection: Connection,
    programme_id: int,
    kind: NoticeKind,
    abouts: Sequence[str],
    payload: Mapping[str, Any],
    *,
    now: datetime,
) -> None:
    """The message of a mail that tells of all ``abouts``, whose rows the caller has just written."""
    about, *also = abouts
    told = {"kind": kind.value, "about": about, "also": also, "payload": dict(payload)}
    await outbox.append(connection, programme_id, NOTICE_MAIL, told, now=now)


async def promise_of_events(connection: Connection, messages: Sequence[Message], *, now: datetime) -> None:
    """Promise the mails that tell of events of one programme, but those that nobody wants, or which another mail
    tells of together with what else their cause has brought.

    Joins the caller's transaction. Who wants a mail is asked again when it is due; here it saves most of those
    that would never be sent.
    """
    programme_id = messages[0].programme_id
    off = (await settings_of(connection, programme_id)).off
    told = [(OF_EVENT[message.topic], message) for message in messages if "together" not in message.payload]
    told = [(source, message) for source, message in told if source.kind not in off]
    asked = [UUID(hex=message.payload["account"]) for source, message in told if _needs_opt_in(source)]
    wanting = await rows.wanting(connection, programme_id, asked) if asked else frozenset()
    for source, message in told:
        if not _needs_opt_in(source) or UUID(hex=message.payload["account"]) in wanting:
            about = about_message(message.id)
            await promise(connection, programme_id, source.kind, about, message.payload, now=now)


def about_message(message_id: int) -> str:
    return f"message {message_id}"


def _needs_opt_in(source: Source) -> bool:
    return TYPES[source.kind].audience is Audience.OPTED_IN
