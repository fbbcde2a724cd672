"""The demo's inbox shows what was sent, and nothing that stands in a mail can do anything."""

import re
from collections.abc import AsyncIterator
from email.headerregistry import Address
from email.message import EmailMessage

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette

from pointbook.http import inbox as inbox_pages
from pointbook.http.inbox import Inbox, catching
from pointbook.services.mailing import Letter, Mailer, Picture, written
from tests.http.fixtures import Shop
from tests.support import NOW

SENDER = Address("Morgenrot", addr_spec="points@morgenrot.example")
HOSTILE = "<script>alert(1)</script>"


def letter(
    subject: str = "Grüße", *, html: str = "<!doctype html><html><head></head><p>Hallo</p>"
) -> EmailMessage:
    return written(
        Letter(
            sender=SENDER,
            to=(Address(addr_spec="eva@example.com"),),
            subject=subject,
            text=f"Hallo {HOSTILE}\n",
            html=html,
            language="de",
            message_id="1@morgenrot.example",
            date=NOW,
            picture=Picture("qr@morgenrot.example", b"\x89PNG"),
            unsubscribe_url="https://loyalty.example/notices/unsubscribe/1",
        )
    )


@pytest_asyncio.fixture
async def opened(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[httpx.AsyncClient, Mailer]]:
    """A browser at an inbox that keeps three mails, and the way by which mail comes into it."""
    monkeypatch.setattr(inbox_pages, "_MOST", 3)
    async with catching() as (inbox, port):
        assert isinstance(inbox, Inbox)
        transport = httpx.ASGITransport(app=Starlette(routes=inbox.routes))
        async with httpx.AsyncClient(transport=transport, base_url="http://pointbook.test") as browser:
            yield browser, Mailer(f"smtp://127.0.0.1:{port}", SENDER)


async def test_what_was_sent_is_listed_the_newest_first(opened: tuple[httpx.AsyncClient, Mailer]) -> None:
    browser, mailer = opened
    none = (await browser.get("/dev/inbox")).text
    assert "No mail yet." in none
    assert '<a href="/demo">' in none, "one comes back to the shops"
    await mailer.send(letter("Erste"))
    await mailer.send(letter(f"Zweite {HOSTILE}"))
    page = (await browser.get("/dev/inbox")).text
    assert page.index("Zweite") < page.index("Erste")
    assert HOSTILE not in page
    assert "eva@example.com" in page


async def test_a_mail_is_shown_with_headers_text_and_html_that_can_do_nothing(
    opened: tuple[httpx.AsyncClient, Mailer],
) -> None:
    browser, mailer = opened
    html = f'<!doctype html><html><head></head><img src="cid:qr@morgenrot.example">{HOSTILE}'
    await mailer.send(letter(html=html))
    page = await browser.get("/dev/inbox/1")
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox" src="/dev/inbox/1/html"' in page.text
    assert HOSTILE not in page.text
    assert {'<a href="/dev/inbox">', '<a href="/demo">'} <= set(re.findall("<a [^>]*>", page.text))
    for shown in ("Hallo &lt;script&gt;", "List-Unsubscribe-Post", "&lt;1@morgenrot.example&gt;"):
        assert shown in page.text
    assert "script-src" not in page.headers["content-security-policy"]
    frame = await browser.get("/dev/inbox/1/html")
    assert '<img src="data:image/png;base64,iVBORw==">' in frame.text
    assert '<base target="_blank">' in frame.text
    policy = frame.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "sandbox allow-popups allow-popups-to-escape-sandbox" in policy
    assert "allow-scripts" not in policy
    assert frame.headers["x-frame-options"] == "SAMEORIGIN"


async def test_what_is_not_there_is_not_found(opened: tuple[httpx.AsyncClient, Mailer]) -> None:
    browser, mailer = opened
    for path in ("/dev/inbox/1", "/dev/inbox/1/html"):
        assert (await browser.get(path)).status_code == 404
    for _ in range(4):
        await mailer.send(letter())
    assert (await browser.get("/dev/inbox/1")).status_code == 404, "the oldest are forgotten"
    assert (await browser.get("/dev/inbox/4")).status_code == 200


async def test_no_other_process_has_it(shop: Shop) -> None:
    assert (await shop.client.get("/dev/inbox")).status_code == 404
