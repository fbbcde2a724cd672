"""The demo's site: its shops and their pages in every language, and what its buttons do."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette

from pointbook import demo as demo_data
from pointbook.demo import SHOPS, open_shop
from pointbook.demo.shops import Shop as DemoShop
from pointbook.demo.site import DemoSite
from pointbook.demo.words import WORDS
from pointbook.graphql.trusted import shipped
from pointbook.http.widget_scripts import widget_files
from tests.http.fixtures import Shop, app, client, clock, session_clock, shop
from tests.support import MINUTE, violations

__all__ = ["app", "client", "clock", "session_clock", "shop"]


def site_of(shop: Shop, data_dir: Path) -> DemoSite:
    async def opening(wanted: DemoShop) -> demo_data.OpenShop:
        return await open_shop(shop.installation, wanted, data_dir, now=shop.clock())

    return DemoSite(shop.installation, SHOPS, opening, shop.clock, shipped())


@pytest_asyncio.fixture
async def visitor(shop: Shop, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A browser on the demo's site."""
    transport = httpx.ASGITransport(app=Starlette(routes=site_of(shop, tmp_path).routes))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://shop.test", follow_redirects=True
    ) as browser:
        yield browser
    assert await violations(shop.installation.db) == []


async def newest(visitor: httpx.AsyncClient) -> tuple[str, int]:
    entry = (await visitor.get("/demo/entries")).json()[0]
    return entry["kind"], entry["points"]


def number_in(page: httpx.Response, of: str) -> str:
    found: str = re.findall(rf'name="number" value="({of}-[^"]+)"', page.text)[0]
    return found


@pytest.mark.parametrize("of", SHOPS, ids=lambda of: of.key)
async def test_every_shop_has_its_pages_with_widgets_in_every_language(
    visitor: httpx.AsyncClient, of: DemoShop
) -> None:
    for language in ("de", "en", "pl"):
        await visitor.post("/demo/look", content=f"shop={of.key}&customer=clara&lang={language}&theme=dark")
        pages = {"/account": "account"}
        if of.articles:
            await visitor.post("/demo/add", content=f"sku={of.articles[0].sku}&quantity=2")
            pages |= {"": "product", "/cart": "checkout"}
        if of.services:
            pages |= {"/services": "product"}
        for path, widget in pages.items():
            page = await visitor.get(f"/demo{path}")
            assert page.status_code == 200
            assert f"<title>{of.name}</title>" in page.text
            assert f"<pointbook-{widget} " in page.text
            assert f'lang="{language}"' in page.text
            assert "script-src 'self'" in page.headers["content-security-policy"]
    entries = (await visitor.get("/demo/entries")).json()
    assert len(entries) > 1, "its first member has a history"


async def test_an_order_earns_when_it_is_complete_and_not_before(shop: Shop, visitor: httpx.AsyncClient) -> None:
    await visitor.post("/demo/look", content="customer=jonas")
    assert (await visitor.get("/demo/token")).json()["token"].count(".") == 2
    before = await newest(visitor)
    await visitor.post("/demo/add", content="sku=decaf-250&quantity=2")
    ordered = await visitor.post("/demo/order", content="voucher=")
    assert await newest(visitor) == before
    number = number_in(ordered, "D")
    await visitor.post("/demo/act", content=f"number={number}&act=return")
    assert await newest(visitor) == before, "what is not complete cannot come back"
    await visitor.post("/demo/act", content=f"number={number}&act=complete")
    kind, points = await newest(visitor)
    assert (kind, points >= 18 + 10) == ("ACCRUAL", True)  # twice as much of it at weekends
    await visitor.post("/demo/act", content=f"number={number}&act=cancel")
    assert await newest(visitor) == ("REVERSAL", -points)
    shop.clock.now += MINUTE
    await visitor.post("/demo/act", content=f"number={number}&act=complete")
    assert await newest(visitor) == ("ACCRUAL", points), "it earns anew"
    await visitor.post("/demo/act", content=f"number={number}&act=return")
    assert await newest(visitor) == ("REVERSAL", -points)


async def test_a_booking_earns_and_is_cancelled(visitor: httpx.AsyncClient) -> None:
    await visitor.post("/demo/look", content="shop=simplybook&customer=mia")
    booked = await visitor.post("/demo/book", content="service=massage")
    assert await newest(visitor) == ("ACCRUAL", 25)
    await visitor.post("/demo/act", content=f"number={number_in(booked, 'B')}&act=cancel")
    assert await newest(visitor) == ("REVERSAL", -25)


async def test_the_clock_of_each_shop_is_moved_by_itself(visitor: httpx.AsyncClient) -> None:
    async def clock_of(name: str) -> str:
        page = await visitor.post("/demo/look", content=f"shop={name}&customer=clara")
        found: str = re.findall(r"<time>([^<]+)</time>", page.text)[0]
        return found

    begun = await clock_of("loyalista")
    page = await visitor.post("/demo/clock?page=/demo/account", content="by=30d")
    assert page.url.fragment == "drawer"
    assert await clock_of("loyalista") == "2026-03-31 11:00"  # summer has begun
    assert begun == await clock_of("sides") == "2026-03-01 10:00"


async def test_the_drawer_has_the_text_of_whatever_the_widgets_send(visitor: httpx.AsyncClient) -> None:
    known = (await visitor.get("/demo/documents")).json()
    sent = [
        identity
        for script in widget_files().values()
        for identity in re.findall(rb'"([0-9a-f]{16})"', script.content)
    ]
    assert len(sent) > 10
    assert [identity for identity in sent if f"sha256:{identity.decode()}" not in known] == []


async def test_what_is_refused_is_said_and_nothing_is_ordered(visitor: httpx.AsyncClient) -> None:
    await visitor.post("/demo/look", content="customer=jonas")
    await visitor.post("/demo/add", content="sku=decaf-250&quantity=2")
    before = await newest(visitor)
    refused = await visitor.post("/demo/order", content="voucher=AAAA-BBBB-CCCC")
    assert 'role="alert"' in refused.text
    assert "decaf-250" in refused.text, "the cart is as it was"
    assert await newest(visitor) == before


@pytest.mark.parametrize("of", SHOPS, ids=lambda of: of.key)
async def test_a_visitor_becomes_a_guest_again_in_every_shop(visitor: httpx.AsyncClient, of: DemoShop) -> None:
    await visitor.post("/demo/look", content=f"shop={of.key}&customer=clara")
    assert (await visitor.get("/demo/token")).status_code == 200
    page = await visitor.post("/demo/look?page=/demo/account", content="customer=")
    assert '<option value="" selected>' in page.text
    assert (await visitor.get("/demo/token")).status_code == 204


@pytest.mark.parametrize("lang", WORDS)
async def test_a_guest_is_told_to_choose_a_customer_wherever_one_is_needed(
    visitor: httpx.AsyncClient, lang: str
) -> None:
    await visitor.post("/demo/look", content=f"customer=&lang={lang}")
    await visitor.post("/demo/add", content="sku=decaf-250&quantity=2")
    for path in ("/cart", "/services", "/account"):
        assert WORDS[lang]["sign_in_first"] in (await visitor.get(f"/demo{path}")).text, path
    await visitor.post("/demo/look", content="customer=jonas")
    assert WORDS[lang]["sign_in_first"] not in (await visitor.get("/demo/account")).text


async def test_odd_cookies_and_forms_are_nobody_and_nothing(visitor: httpx.AsyncClient) -> None:
    cookies = {"shop": "x", "lang": "<b>", "theme": "x", "cart": f"moon:1.grinder:<script>.grinder:{'9' * 5000}:"}
    page = await visitor.get("/demo/cart", headers={"Cookie": "; ".join(f"{k}={v}" for k, v in cookies.items())})
    assert page.status_code == 200
    assert "<script>." not in page.text
    assert (await visitor.get("/demo/token")).status_code == 204
    odd = f"sku=%00&quantity=x&service=x&number=x&act=x&by={'9' * 5000}d"
    for path in ("/demo/order", "/demo/book", "/demo/act", "/demo/clock", "/demo/add"):
        assert (await visitor.post(path, content=odd)).status_code == 200
