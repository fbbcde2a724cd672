"""The shops of the examples work with the widgets as they stand."""

import asyncio
import os
import shutil
import socket
import sys
from datetime import UTC, datetime

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


@pytest.mark.parametrize("name", SHOPS_THAT_RUN_HERE)
async def test_a_customer_of_an_example_sees_their_points(shop: Shop, port: int, page: Page, name: str) -> None:
    await join_member(shop.installation, shop.programme, "clara")
    key = await create_token_key(shop.installation, shop.programme.id, "HS256", now=shop.clock())
    with socket.create_server(("127.0.0.1", 0)) as free:
        own = free.getsockname()[1]
    environment = {
        **os.environ,
        "PORT": str(own),
        "POINTBOOK": f"http://127.0.0.1:{port}",
        "POINTBOOK_KEY": shop.publishable_key,
        "TOKEN_KID": key.kid,
        "TOKEN_SECRET": key.secret or "",
    }
    command = [part.format(shop=SHOPS / name, port=own) for part in _RUN[name]]
    running = await asyncio.create_subprocess_exec(*command, env=environment)
    try:
        await _until_up(own)
        await page.goto(f"http://127.0.0.1:{own}/")
        await expect(page.locator("pointbook-product")).to_contain_text("25 Punkte")
        assert (await page.request.get(f"http://127.0.0.1:{own}/pointbook-token")).status == 204
        await page.context.add_cookies([{"name": "customer", "value": "clara", "url": f"http://127.0.0.1:{own}"}])
        token = (await (await page.request.get(f"http://127.0.0.1:{own}/pointbook-token")).json())["token"]
        signed = await verify_customer_token(shop.installation, token, now=datetime.now(UTC))
        assert signed.subject == "clara"
    finally:
        running.kill()
        await running.wait()


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
