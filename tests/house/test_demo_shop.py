"""The demo's shop: its pages in every language, and what its buttons do."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette

from pointbook import demo as demo_data
from pointbook.graphql.trusted import shipped
from pointbook.http.demo_shop import NEWCOMER, DemoShop
from tests.http.fixtures import Shop, app, client, clock, session_clock, shop
from tests.support import violations

__all__ = ["app", "client", "clock", "session_clock", "shop"]


@pytest_asyncio.fixture
async def visitor(shop: Shop, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A browser on the shop of the demo's programme."""
    demo = await demo_data.load(shop.installation, tmp_path, configured=False, now=shop.clock())
    customers = (*demo.members, NEWCOMER)
    made = DemoShop(shop.installation, demo.programme_id, demo.publishable_key, customers, shop.clock, shipped())
    transport = httpx.ASGITransport(app=Starlette(routes=made.routes))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://shop.test", follow_redirects=True
    ) as browser:
        yield browser


@pytest.mark.parametrize("language", ["de", "en", "pl"])
async def test_every_page_has_its_widgets_in_every_language(visitor: httpx.AsyncClient, language: str) -> None:
    await visitor.post("/demo/look", content=f"customer=clara&lang={language}&theme=dark")
    await visitor.post("/demo/add", content="sku=grinder&quantity=2")
    for path, widget in (("", "product"), ("/cart", "checkout"), ("/course", "product"), ("/account", "account")):
        page = await visitor.get(f"/demo{path}")
        assert page.status_code == 200
        assert f"<pointbook-{widget} " in page.text
        assert f'lang="{language}"' in page.text
        assert "script-src 'self'" in page.headers["content-security-policy"]


async def newest(visitor: httpx.AsyncClient) -> tuple[str, int]:
    entry = (await visitor.get("/demo/entries")).json()[0]
    return entry["kind"], entry["points"]


async def test_an_order_and_a_booking_earn_and_are_taken_back(shop: Shop, visitor: httpx.AsyncClient) -> None:
    await visitor.post("/demo/look", content="customer=jonas")
    assert (await visitor.get("/demo/token")).json()["token"].count(".") == 2
    await visitor.post("/demo/add", content="sku=decaf-250&quantity=2")
    ordered = await visitor.post("/demo/order", content="voucher=")
    number = re.findall(r'name="number" value="(D-[^"]+)"', ordered.text)[0]
    points = (await newest(visitor))[1]
    assert points >= 18 + 10  # twice as much of it at weekends
    await visitor.post("/demo/undo", content=f"number={number}")
    assert await newest(visitor) == ("REVERSAL", -points)
    booked = await visitor.post("/demo/book")
    assert await newest(visitor) == ("ACCRUAL", 60)
    number = re.findall(r'name="number" value="(B-[^"]+)"', booked.text)[0]
    await visitor.post("/demo/undo", content=f"number={number}")
    assert await newest(visitor) == ("REVERSAL", -60)
    assert await violations(shop.installation.db) == []


async def test_what_is_refused_is_said_and_nothing_is_ordered(visitor: httpx.AsyncClient) -> None:
    await visitor.post("/demo/look", content="customer=jonas")
    await visitor.post("/demo/add", content="sku=decaf-250&quantity=2")
    before = await newest(visitor)
    refused = await visitor.post("/demo/order", content="voucher=AAAA-BBBB-CCCC")
    assert 'role="alert"' in refused.text
    assert "decaf-250" in refused.text, "the cart is as it was"
    assert await newest(visitor) == before


async def test_odd_cookies_and_forms_are_nobody_and_nothing(visitor: httpx.AsyncClient) -> None:
    cookies = {"lang": "<b>", "theme": "x", "cart": "moon:1.grinder:<script>..:"}
    page = await visitor.get("/demo/cart", headers={"Cookie": "; ".join(f"{k}={v}" for k, v in cookies.items())})
    assert page.status_code == 200
    assert "<script>." not in page.text
    assert (await visitor.get("/demo/token")).status_code == 204
    for path in ("/demo/order", "/demo/book", "/demo/undo", "/demo/add"):
        assert (await visitor.post(path, content="sku=%00&quantity=x")).status_code == 200
