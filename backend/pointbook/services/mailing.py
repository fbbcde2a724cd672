"""Mail leaves through the one server that is configured, a connection for each message.

Who sends is told what became of it: taken, not taken (perhaps later), or refused for good. What servers say is
kept out of errors, and so of logs: it quotes addresses.
"""

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

from pointbook.services.outbox import Undeliverable

SECONDS: Final = 7.0
"""A message is with the server after this, or was not taken: less than a handler of the outbox has."""
_GOODBYE_SECONDS: Final = 1.0
_FOR_GOOD: Final = 500  # and above: SMTP's permanent answers; below it a server asks to come again
_AT_HOME: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class MailRefused(Undeliverable):
    """A mail that no server will ever take."""


class MailNotTaken(Exception):
    """The server did not take the mail, or did not say so in time. It may take it later."""


class Picture(NamedTuple):
    """A PNG that the HTML shows as ``cid:`` and this id."""

    content_id: str
    png: bytes


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says, and to whom. ``message_id`` without its brackets."""

    sender: Address
    to: Address
    subject: str
    text: str
    html: str
    picture: Picture
    language: str
    message_id: str
    date: datetime


def address(name: str | None, mailbox: str) -> Address:
    """For a header; a host beyond ASCII is written as servers know it. Raises MailRefused: it is none."""
    local, _, host = mailbox.rpartition("@")
    try:
        spelt = host if host.isascii() else host.encode("idna").decode()
        return Address(name or "", addr_spec=f"{local}@{spelt}")
    except (ValueError, MessageError, IndexError):  # all that the parser of addresses raises
        raise MailRefused("the address is none that mail can be sent to") from None


def written(letter: Letter) -> EmailMessage:
    """The letter as mail: text, and HTML with its picture. Raises MailRefused if a header would have two lines."""
    mail = EmailMessage()
    try:
        mail["From"] = letter.sender
        mail["To"] = letter.to
        mail["Subject"] = letter.subject
    except ValueError:
        raise MailRefused("a line break in a header") from None
    mail["Date"] = letter.date
    mail["Message-ID"] = f"<{letter.message_id}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(letter.text)
    mail.add_alternative(letter.html, subtype="html")
    mail["Content-Language"] = letter.language  # of the whole: before, it would have become the text's
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
                await client.connect()
                await client.send_message(mail)
        except SMTPRecipientsRefused as refused:
            raise _told(max(one.code for one in refused.recipients)) from None
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


def _told(code: int) -> Exception:
    return (MailRefused if code >= _FOR_GOOD else MailNotTaken)(f"the server answered {code}")
