"""Members who want notices, what happens to their points, and the mails that tell of it."""

import re
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any
from uuid import uuid4

from pointbook.domain.access import CallerKind, Principal
from pointbook.services import adjusting, outbox
from pointbook.services.adjusting import AdjustPoints
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.joining import Join, join
from pointbook.services.mailing import Mailer, Post
from pointbook.services.outbox import Delivery, Drained
from pointbook.worker.subscriptions import subscriptions
from tests.support import NOW
from tests.worker.mail_server import MailServer

SENDER = Address("", addr_spec="points@pointbook.example")
HASTY = Delivery(first_pause=timedelta(seconds=1))


async def drain(
    installation: Installation, url: str | None, *, now: datetime = NOW, public_url: str | None = None
) -> Drained:
    """Until nothing is left: a message may promise another."""
    post = None if url is None else Post(Mailer(url, SENDER), public_url)
    listening = subscriptions(installation, post, lambda: now)
    total = Drained()
    while (done := await outbox.drain(installation.db, listening, delivery=HASTY)).delivered:
        total += done
    return total + done


async def member(
    installation: Installation,
    programme: ProgrammeSnapshot,
    external_id: str = "c-1",
    *,
    email: str | None = "eva@example.com",
    locale: str | None = "de",
    opt_in: bool = True,
) -> None:
    await join(installation, programme.id, Join(external_id, email=email, locale=locale, opt_in=opt_in), now=NOW)


async def adjust(
    installation: Installation,
    programme: ProgrammeSnapshot,
    points: int = 50,
    description: str = "Verkostung",
    **more: Any,
) -> None:
    anna = Principal(CallerKind.STAFF, programme.id, "st")
    command = AdjustPoints("c-1", points, description, None, uuid4().hex, **more)
    await adjusting.adjust(installation, anna, command, now=NOW)


async def outcomes(installation: Installation, programme: ProgrammeSnapshot) -> list[tuple[str, str | None]]:
    """Kind and outcome of every notice."""
    async with installation.db.bare_transaction(programme.id) as connection:
        found = await connection.fetch("select kind, outcome from notice order by id")
    return [(row["kind"], row["outcome"]) for row in found]


def but_the_welcome(server: MailServer) -> EmailMessage:
    """The only other mail. They come in any order."""
    [mail] = [mail for mail in server.mails if not re.search("Will|Welcome|Wita", mail["Subject"])]
    return mail


def text_of(mail: EmailMessage) -> str:
    text, _ = mail.iter_parts()
    return str(text.get_content())


def html_of(mail: EmailMessage) -> str:
    _, html = mail.iter_parts()
    return str(html.get_content())
