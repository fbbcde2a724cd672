"""Chromium as Debian has it, and the site of a shop on which the widgets stand."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from tests.http.fixtures import Shop
from tests.widgets.served import serving

CHROMIUM = Path("/usr/bin/chromium")
_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@pytest_asyncio.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    assert CHROMIUM.exists(), "the widgets are tested in Debian's Chromium: apt-get install chromium"
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(_FLAGS))
        yield started
        await started.close()


@contextlib.asynccontextmanager
async def kept_pages() -> AsyncIterator[Page]:
    """A page of a browser that keeps pages one comes back to, as browsers do when nobody tests with them."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=list(_FLAGS), ignore_default_args=["--disable-back-forward-cache"]
        )
        yield await started.new_page()
        await started.close()


@dataclass
class Site:
    """A shop's site. ``customer`` is who is signed in to it; ``body`` and ``policy`` are of its one page."""

    shop: Shop
    api: str
    origin: str = ""
    customer: str | None = None
    body: str = ""
    policy: str | None = None
    tokens: list[str] = field(default_factory=list)
    """That were given out."""
    token: str | None = None
    """Is given out instead of a good one."""
    keeping: str = "no-store"
    """How long a browser may keep a token."""

    async def snippet(self, widget: str, **attributes: str) -> str:
        """What the shop pastes, as the server gives it."""
        given = {name.replace("_", "-"): value for name, value in attributes.items()}
        query = {"api-key": self.shop.publishable_key, "lang": "en-GB", "data-token-url": "/token", **given}
        answer = await self.shop.client.get(
            f"/widgets/snippet/{widget}", params=query, headers={"Host": self.api.removeprefix("http://")}
        )
        assert answer.status_code == 200, answer.text
        return answer.text

    async def show(self, page: Page, *parts: str) -> None:
        self.body = "\n".join(parts)
        await page.goto(f"{self.origin}/")

    async def answer(self, _request: Request) -> Response:
        headers = {} if self.policy is None else {"Content-Security-Policy": self.policy}
        head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>A shop</title>'
        return HTMLResponse(
            f'<!doctype html><html lang="en"><head>{head}<link rel="stylesheet" href="/shop.css"></head>'
            f"<body><main><h1>A shop</h1>{self.body}<p id=end>The end.</p></main></body></html>",
            headers=headers,
        )

    async def give_token(self, _request: Request) -> Response:
        if self.customer is None:
            return Response(status_code=204, headers={"Cache-Control": self.keeping})
        headers = await self.shop.customer_headers(self.customer)
        token = self.token or headers["Authorization"].removeprefix("Bearer ")
        self.tokens.append(token)
        return JSONResponse({"token": token}, headers={"Cache-Control": self.keeping})


_STYLE = """
body { margin: 0; font: 16px/1.5 system-ui, sans-serif }
main { max-width: 900px; margin: 0 auto; padding: 16px }
"""


@pytest_asyncio.fixture
async def site(shop: Shop, port: int) -> AsyncIterator[Site]:
    made = Site(shop, f"http://127.0.0.1:{port}")
    style = Route("/shop.css", lambda _request: Response(_STYLE, media_type="text/css"))
    application = Starlette(routes=[Route("/", made.answer), Route("/token", made.give_token), style])
    async with serving(application, lifespan="off") as own:
        made.origin = f"http://127.0.0.1:{own}"
        yield made


@pytest_asyncio.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A window of its own. Whatever goes wrong in a script fails the test."""
    context = await browser.new_context(viewport={"width": 375, "height": 900}, locale="en-GB")
    opened = await context.new_page()
    failures: list[Any] = []
    opened.on("pageerror", lambda failure: failures.append(failure))  # noqa: PLW0108  # a method cannot be wrapped
    yield opened
    await context.close()
    assert failures == []
