"""Mail leaves through the one server that is configured, a connection for each message.

Who sends is told what became of it: taken, not taken (perhaps later), or refused for good. What servers say is
kept out of errors, and so of logs: it quotes addresses.
"""

import asyncio
import contextlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import policy
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import Policy
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

from pointbook.domain import mailboxes
from pointbook.services.outbox import Delivery, Undeliverable

SECONDS: Final = 60.0
"""A message is with the server after this, or was not taken. Servers look at a mail before they say that they have
taken it, and whoever does not wait for that sends it again.
"""
CONNECTING_SECONDS: Final = 7.0
"""A server that is away is known by then."""
SENDING: Final = Delivery(
    lease=timedelta(seconds=120), handler_seconds=SECONDS + 15, batch=10, at_once=10, slow=True
)
"""How the outbox hands mail over: a handler looks things up and writes down what became of it, besides."""
_GOODBYE_SECONDS: Final = 1.0
_FOR_GOOD: Final = 500  # and above: SMTP's permanent answers; below it a server asks to come again
_STATUS: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_NOBODY_THERE: Final = frozenset({550, 551, 553})
_NOBODY_THERE_IN_DETAIL: Final = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
"""RFC 3463: no such mailbox or host, moved, disabled. Without such a code the other is believed."""
_AT_HOME: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class _AsItIs(UnstructuredHeader, BaseHeader):
    """A header that is not folded: a long address would become encoded words, which no mail program reads."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


_HEADERS: Final = HeaderRegistry()
_HEADERS.map_to_type("list-unsubscribe", _AsItIs)
_POLICY: Final = policy.default.clone(header_factory=_HEADERS)


class MailRefused(Undeliverable):
    """A mail that no server will ever take."""


class AddressRefused(MailRefused):
    """A mail that was refused because there is nobody at its address."""


class MailNotTaken(Exception):
    """The server did not take the mail, or did not say so in time. It may take it later."""


class Picture(NamedTuple):
    """A PNG that the HTML shows as ``cid:`` and this id."""

    content_id: str
    png: bytes


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says, and to whom, who all see each other. ``message_id`` without its brackets.

    ``unsubscribe_url``: where a POST ends such mail without a question (RFC 8058).
    """

    sender: Address
    to: tuple[Address, ...]
    subject: str
    text: str
    html: str
    language: str
    message_id: str
    date: datetime
    picture: Picture | None = None
    reply_to: Address | None = None
    unsubscribe_url: str | None = None


@dataclass(frozen=True, slots=True)
class Post:
    """How mail leaves, and at which address browsers find the pages it leads to; None: nobody has said."""

    mailer: "Mailer"
    public_url: str | None = None

    def page(self, path: str) -> str | None:
        """The address of a page by its path; None: pages have none."""
        return None if self.public_url is None else self.public_url.rstrip("/") + path


def address(name: str | None, mailbox: str) -> Address:
    """For a header. Raises AddressRefused: it is none that mail can be sent to."""
    try:
        return mailboxes.mailbox(mailbox, name or "")
    except ValueError:
        raise AddressRefused("the address is none that mail can be sent to") from None


def written(letter: Letter) -> EmailMessage:
    """The letter as mail: text, and HTML with its picture, if there is one.

    Raises MailRefused if a header would have two lines.
    """
    mail = EmailMessage(_POLICY)
    try:
        mail["From"] = letter.sender
        mail["To"] = letter.to
        mail["Subject"] = letter.subject
        if letter.reply_to is not None:
            mail["Reply-To"] = letter.reply_to
        if letter.unsubscribe_url is not None:
            mail["List-Unsubscribe"] = f"<{letter.unsubscribe_url}>"
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    except ValueError:
        raise MailRefused("a line break in a header") from None
    mail["Date"] = letter.date
    mail["Message-ID"] = f"<{letter.message_id}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(letter.text)
    mail.add_alternative(letter.html, subtype="html")
    mail["Content-Language"] = letter.language  # of the whole: before, it would have become the text's
    if letter.picture is not None:
        _, html = mail.iter_parts()
        content_id, png = letter.picture
        html.add_related(png, "image", "png", cid=f"<{content_id}>", filename="qr-code.png", disposition="inline")
    return mail


class Mailer:
    """The way to the mail server. ``sender`` is whom mail comes from, unless a letter names it otherwise.

    ``url`` is smtp://user:password@host:port, which is encrypted if the server offers it, or smtps://, which is
    always. To this very machine smtp is not: there is nobody in between, and no certificate for its name.
    """

    def __init__(self, url: str, sender: Address) -> None:
        self.sender = sender
        self._server = urlsplit(url)

    def __repr__(self) -> str:
        return "Mailer(...)"

    async def send(self, mail: EmailMessage) -> None:
        """Return when the server has taken it. Raises MailNotTaken or MailRefused."""
        client = self._client()
        try:
            async with asyncio.timeout(SECONDS):
                async with asyncio.timeout(CONNECTING_SECONDS):
                    await client.connect()
                await client.send_message(mail)
        except SMTPRecipientsRefused as refused:
            raise _of_recipient(max(refused.recipients, key=lambda one: one.code)) from None
        except SMTPDataError as refused:
            raise _told(refused.code) from None
        except SMTPResponseException as refused:  # of the sender, of the password: a person can mend it
            raise MailNotTaken(f"the server answered {refused.code}") from None
        except (SMTPException, OSError) as failure:  # TimeoutError is one
            raise MailNotTaken(type(failure).__qualname__) from None
        else:
            with contextlib.suppress(SMTPException, OSError):  # it has the mail, whatever it says now
                async with asyncio.timeout(_GOODBYE_SECONDS):
                    await client.quit()
        finally:
            client.close()

    def _client(self) -> SMTP:
        server = self._server
        secure = server.scheme == "smtps"
        host = server.hostname or ""
        return SMTP(
            hostname=host,
            port=server.port or (465 if secure else 587),
            username=None if server.username is None else unquote(server.username),
            password=None if server.password is None else unquote(server.password),
            use_tls=secure,
            start_tls=False if secure or host in _AT_HOME else None,
            local_hostname=self.sender.domain,
            timeout=SECONDS,
        )


def _of_recipient(refusal: SMTPRecipientRefused) -> Exception:
    """Nobody there, or something else, of the sender's name say: then the address is as good as before."""
    status = _STATUS.match(refusal.message)
    nobody = refusal.code in _NOBODY_THERE if status is None else status[0] in _NOBODY_THERE_IN_DETAIL
    return AddressRefused(f"the server answered {refusal.code}") if nobody else _told(refusal.code)


def _told(code: int) -> Exception:
    return (MailRefused if code >= _FOR_GOOD else MailNotTaken)(f"the server answered {code}")
