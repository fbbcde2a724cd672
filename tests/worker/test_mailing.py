"""Mail leaves through the server that is configured, and who sends is told truly what became of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

import pytest
from aiosmtpd.smtp import SMTP

from pointbook.db.session import Database
from pointbook.services import mailing
from pointbook.services.mailing import Letter, Mailer, MailNotTaken, MailRefused, Picture, address, written
from pointbook.services.outbox import Subscriptions
from pointbook.worker.jobs import WORKING_SECONDS, Jobs
from tests.support import NOW
from tests.worker.mail_server import MailServer, certificate, knows, serving

SENDER = Address("Morgenrot", addr_spec="cards@morgenrot.example")


def letter(name: str | None = None, mailbox: str = "ola@example.com", *, subject: str = "Grüße") -> Letter:
    return Letter(
        sender=SENDER,
        to=(address(name, mailbox),),
        subject=subject,
        text="Zażółć gęślą jaźń\n",
        html="<p>Zażółć gęślą jaźń</p>",
        picture=Picture("qr@morgenrot.example", b"\x89PNG"),
        language="pl",
        message_id="1@morgenrot.example",
        date=NOW,
    )


async def send(url: str, mail: EmailMessage | None = None) -> None:
    await Mailer(url, SENDER).send(mail or written(letter()))


async def test_a_letter_arrives_as_it_was_written() -> None:
    async with serving(MailServer()) as server:
        await send(server.url, written(letter("Ola Ó'Neill, jr.")))
    [mail] = server.mails
    assert server.envelopes == [("cards@morgenrot.example", ["ola@example.com"])]
    assert (mail["From"], mail["Subject"]) == ("Morgenrot <cards@morgenrot.example>", "Grüße")
    [to] = mail["To"].addresses
    assert (to.display_name, to.addr_spec) == ("Ola Ó'Neill, jr.", "ola@example.com")
    assert (mail["Message-ID"], mail["Auto-Submitted"]) == ("<1@morgenrot.example>", "auto-generated")
    assert mail["Date"].datetime == NOW
    text, rich = mail.iter_parts()
    assert (text.get_content_type(), text.get_content().strip()) == ("text/plain", "Zażółć gęślą jaźń")
    html, picture = rich.iter_parts()
    assert html.get_content().strip() == "<p>Zażółć gęślą jaźń</p>"
    assert (picture["Content-ID"], picture.get_content()) == ("<qr@morgenrot.example>", b"\x89PNG")
    assert picture.get_content_disposition() == "inline"


@pytest.mark.parametrize("signs", ["\r\nBcc: everybody@example.com", "\nX", "\rX"])
def test_no_name_makes_a_header_of_its_own(signs: str) -> None:
    with pytest.raises(MailRefused):
        letter(f"Ola{signs}")
    with pytest.raises(MailRefused):
        written(letter(subject=f"Card{signs}"))


@pytest.mark.parametrize(
    "mailbox", ["a@b@c", "ola@", "ola@ex ample.com", "a,b@c.de", "x@y.de>", "<x@y.de", "..@x", "ola@😀.example"]
)
def test_what_is_no_address_is_refused_for_good(mailbox: str) -> None:
    with pytest.raises(MailRefused) as refusal:
        address("Ola", mailbox)
    assert mailbox not in str(refusal.value)


@pytest.mark.parametrize(
    ("host", "told"), [("Żółw.example", "xn--w-uga1v8h.example"), ("straße.example", "xn--strae-oqa.example")]
)
async def test_hosts_beyond_ascii_are_written_as_servers_know_them(host: str, told: str) -> None:
    async with serving(MailServer()) as server:
        await send(server.url, written(letter(mailbox=f"ola@{host}")))
    assert server.envelopes[0][1] == [f"ola@{told}"]


@pytest.mark.parametrize(
    ("answer", "error"), [("550 5.1.1", MailRefused), ("553", MailRefused), ("450 4.2.1", MailNotTaken)]
)
async def test_a_recipient_is_refused_for_good_or_for_now_and_no_address_is_told(
    answer: str, error: type[Exception]
) -> None:
    async with serving(MailServer(recipient=answer)) as server:
        with pytest.raises(error, match=f"^the server answered {answer[:3]}$"):
            await send(server.url)


@pytest.mark.parametrize(("answer", "error"), [("554 spam", MailRefused), ("452 full", MailNotTaken)])
async def test_so_is_a_mail(answer: str, error: type[Exception]) -> None:
    async with serving(MailServer(data=answer)) as server:
        with pytest.raises(error):
            await send(server.url)


async def test_a_server_that_is_away_or_silent_has_not_taken_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailing, "SECONDS", 0.3)
    with pytest.raises(MailNotTaken):
        await send("smtp://127.0.0.1:1")
    async with _silent() as port:
        with pytest.raises(MailNotTaken, match="TimeoutError"):
            await send(f"smtp://127.0.0.1:{port}")


async def test_a_server_may_look_at_a_mail_for_longer_than_it_may_be_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailing, "CONNECTING_SECONDS", 0.5)
    async with serving(MailServer(thinks=1)) as server:
        await send(server.url)
    assert len(server.mails) == 1
    async with _silent() as port:
        with pytest.raises(MailNotTaken, match="TimeoutError"):
            await send(f"smtp://127.0.0.1:{port}")


def test_whatever_hands_a_mail_over_has_more_time_than_the_server() -> None:
    assert mailing.SECONDS >= 60, "RFC 5321: some minutes after the last dot"
    assert mailing.SECONDS < mailing.SENDING.handler_seconds < mailing.SENDING.lease.total_seconds()
    [job] = [
        job for job in Jobs(cast("Database", None), Subscriptions(), lambda: NOW).all if job.name == "send_mail"
    ]
    assert job.seconds >= WORKING_SECONDS + mailing.SENDING.handler_seconds, "a batch begun in time is done"


@contextlib.asynccontextmanager
async def _silent() -> AsyncIterator[int]:
    ended = asyncio.Event()

    async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ended.wait()
        writer.close()

    listener = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        ended.set()
        listener.close()
        await listener.wait_closed()


async def test_what_a_server_has_taken_is_sent_though_it_says_no_goodbye(monkeypatch: pytest.MonkeyPatch) -> None:
    async def break_off(self: Any, _argument: str | None) -> None:
        self.transport.abort()

    monkeypatch.setattr(SMTP, "smtp_QUIT", break_off)
    async with serving(MailServer()) as server:
        await send(server.url)
    assert len(server.mails) == 1


async def test_a_user_logs_in_and_a_wrong_password_is_nobody_s_last_word() -> None:
    options = {"authenticator": knows(b"cards@morgenrot", b"pa/ss:wo@rd"), "auth_require_tls": False}
    async with serving(MailServer(), **options) as server:
        await send(f"smtp://cards%40morgenrot:pa%2Fss%3Awo%40rd@127.0.0.1:{server.port}")
        with pytest.raises(MailNotTaken, match="535"):
            await send(f"smtp://cards%40morgenrot:wrong@127.0.0.1:{server.port}")
    assert len(server.mails) == 1


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_mail_is_encrypted_for_a_server_that_is_known_and_withheld_from_others(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailing, "_AT_HOME", frozenset())
    context, trusted = certificate(tmp_path)
    options = {"ssl": context} if scheme == "smtps" else {"tls_context": context}
    async with serving(MailServer(), **options) as server:
        url = f"{scheme}://127.0.0.1:{server.port}"
        with pytest.raises(MailNotTaken):
            await send(url)
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        await send(url)
    assert server.encrypted == [True]


async def test_to_this_very_machine_no_certificate_is_asked_for(tmp_path: Path) -> None:
    context, _ = certificate(tmp_path)
    async with serving(MailServer(), tls_context=context) as server:
        await send(server.url)
    assert server.encrypted == [False]


def test_a_mailer_is_shown_without_its_password() -> None:
    assert "secret" not in repr(Mailer("smtp://user:secret@mail.example", SENDER))
