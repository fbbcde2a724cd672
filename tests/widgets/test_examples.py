"""The shops of the examples work with the widgets as they stand."""

import asyncio
import contextlib
import os
import shutil
import socket
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Page, expect

from pointbook.services.tokens import create_token_key, verify_customer_token
from tests.house.files import ROOT
from tests.http.fixtures import Shop
from tests.support import join_member

SHOPS = ROOT / "examples" / "shops"
_RUN = {
    "shop.py": [sys.executable, "{shop}"],
    "shop.mjs": ["node", "{shop}"],
    "shop.php": ["php", "-S", "127.0.0.1:{port}", "{shop}"],
}
"""As examples/shops/README.md starts them."""
SHOPS_THAT_RUN_HERE = [shop for shop, [program, *_] in _RUN.items() if shutil.which(program)]


@contextlib.asynccontextmanager
async def running(name: str, pointbook: int, **environment: str) -> AsyncIterator[str]:
    """Where a shop of the examples answers, whose Pointbook is at that port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    known = {
        "PORT": str(port),
        "POINTBOOK": f"http://127.0.0.1:{pointbook}",
        "POINTBOOK_KEY": "pk_",
        **environment,
    }
    command = [part.format(shop=SHOPS / name, port=port) for part in _RUN[name]]
    shop = await asyncio.create_subprocess_exec(*command, env={**os.environ, **known})
    try:
        await _until_up(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        shop.kill()
        await shop.wait()


@pytest.mark.parametrize("name", SHOPS_THAT_RUN_HERE)
async def test_a_customer_of_an_example_sees_their_points(shop: Shop, port: int, page: Page, name: str) -> None:
    await join_member(shop.installation, shop.programme, "clara")
    key = await create_token_key(shop.installation, shop.programme.id, "HS256", now=shop.clock())
    environment = {
        "POINTBOOK_KEY": shop.publishable_key,
        "TOKEN_KID": key.kid,
        "TOKEN_SECRET": key.secret or "",
    }
    async with running(name, port, **environment) as origin:
        # A busy machine may need more than the second that shops wait, and then they leave it in peace for ten.
        for _ in range(30):
            await page.goto(f"{origin}/")
            if await page.locator("pointbook-product").count():
                break
            await page.wait_for_timeout(1_000)
        await expect(page.locator("pointbook-product")).to_contain_text("25 Punkte")
        assert await page.locator("meta[name=viewport]").get_attribute("content") == "width=device-width"
        assert (await page.request.get(f"{origin}/pointbook-token")).status == 204
        await page.context.add_cookies([{"name": "customer", "value": "clara", "url": origin}])
        token = (await (await page.request.get(f"{origin}/pointbook-token")).json())["token"]
        signed = await verify_customer_token(shop.installation, token, now=datetime.now(UTC))
        assert signed.subject == "clara"


@pytest.mark.parametrize("name", SHOPS_THAT_RUN_HERE)
async def test_the_token_route_of_an_example_is_for_whoever_the_cookie_names(shop: Shop, name: str) -> None:
    key = await create_token_key(shop.installation, shop.programme.id, "HS256", now=shop.clock())
    async with (
        running(name, 1, TOKEN_KID=key.kid, TOKEN_SECRET=key.secret or "") as origin,
        httpx.AsyncClient(base_url=origin) as client,
    ):
        for cookie, customer in (
            ("customer=w%C3%B6lf", "wölf"),
            ("other=1; customer=a%20b%2Bc", "a b+c"),
            ("customer=100%", "100%"),
            ("x@y=1; customer=clara", "clara"),
            ("a[b]=1; customer=clara", "clara"),
        ):
            for path in ("/pointbook-token", "/pointbook-token?x=1"):
                answer = await client.get(path, headers={"Cookie": cookie})
                assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
                token = answer.json()["token"]
                signed = await verify_customer_token(shop.installation, token, now=datetime.now(UTC))
                assert signed.subject == customer
        for cookie in ("", "customer=", "other=clara", "no-customer=clara", "customer[a]=x"):
            answer = await client.get("/pointbook-token?x=1", headers={"Cookie": cookie})
            assert (answer.status_code, answer.content) == (204, b""), "a guest"


async def test_an_example_sells_on_when_pointbook_ends_or_stalls_in_an_answer() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1000\r\n\r\n<div>cut")
        if b"/checkout" in asked:
            await reader.read()  # until the shop has lost its patience
        writer.close()

    async def page_of(name: str, port: int) -> str:
        async with running(name, port) as origin, httpx.AsyncClient() as client:
            shown = await client.get(origin, timeout=20)
            assert (await client.get(f"{origin}/pointbook-token")).status_code == 204, "it runs on"
            return shown.text

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as stalling:
        port = stalling.sockets[0].getsockname()[1]
        pages = await asyncio.gather(*(page_of(name, port) for name in SHOPS_THAT_RUN_HERE))
    for name, shown in zip(SHOPS_THAT_RUN_HERE, pages, strict=True):
        assert "Voucher" in shown, name
        assert "cut" not in shown, name


@pytest.mark.parametrize("name", SHOPS_THAT_RUN_HERE)
@pytest.mark.parametrize("begins", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\n\r\n<div>"])
async def test_an_example_waits_for_a_slow_pointbook_once_and_not_long(
    name: str, begins: bytes, tmp_path: Path
) -> None:
    """Slow: it takes the request and says nothing, or goes on for ever, some bytes at a time."""
    asked = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            asked += 1
            writer.write(begins)
            while not writer.transport.is_closing():
                writer.write(b"-" if begins else b"")
                await writer.drain()
                await asyncio.sleep(0.2)
        writer.close()

    async with (
        await asyncio.start_server(answer, "127.0.0.1", 0) as slow,
        running(name, slow.sockets[0].getsockname()[1], TMPDIR=str(tmp_path)) as origin,
        httpx.AsyncClient(base_url=origin, timeout=20) as client,
    ):
        begun = time.monotonic()
        assert "Voucher" in (await client.get("/")).text
        assert time.monotonic() - begun < 4, "about a second for all, on a machine that has much to do"
        first = asked
        assert first > 0
        assert "Voucher" in (await client.get("/")).text
        assert asked == first, "it is left in peace for a while"


async def _until_up(port: int) -> None:
    async with httpx.AsyncClient() as client:
        for _ in range(200):
            try:
                await client.get(f"http://127.0.0.1:{port}/pointbook-token")
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return
    raise AssertionError("the shop does not start")
