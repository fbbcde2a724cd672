"""The demo as a visitor has it: a button moves time or an order on, and the drawer shows what came of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Locator, Page, expect
from starlette.applications import Starlette
from starlette.routing import Mount

from pointbook.demo import SHOPS, OpenShop, open_shop
from pointbook.demo.shops import Shop as DemoShop
from pointbook.demo.site import DemoSite
from pointbook.graphql.trusted import shipped
from tests.http.fixtures import Shop
from tests.support import violations
from tests.widgets.served import serving


@pytest_asyncio.fixture
async def demo(app: Starlette, shop: Shop, page: Page, tmp_path: Path) -> AsyncIterator[Page]:
    """The demo's site and the API at one address; the page shows its tea house to clara, in English."""

    async def opening(wanted: DemoShop) -> OpenShop:
        return await open_shop(shop.installation, wanted, tmp_path, now=shop.clock())

    site = DemoSite(shop.installation, SHOPS, opening, shop.clock, shipped())
    async with serving(Starlette(routes=[*site.routes, Mount("/", app=app)]), lifespan="off") as port:
        for name, value in {"shop": "loyalista", "customer": "clara", "lang": "en"}.items():
            await page.context.add_cookies([{"name": name, "value": value, "url": f"http://127.0.0.1:{port}"}])
        await page.goto(f"http://127.0.0.1:{port}/demo")
        yield page
    assert await violations(shop.installation.db) == []


def new_entries(page: Page) -> Locator:
    return page.locator("#entries tr.new td:nth-child(2)")


async def test_time_and_orders_go_on_by_buttons_and_the_drawer_shows_it(demo: Page) -> None:
    card = demo.locator(".cards li").filter(has_text="Sencha")
    await expect(card).to_contain_text("You receive 15 points for this item.")
    await card.get_by_role("button", name="Add to cart").click()
    await demo.get_by_label("Use some of them").check()
    await demo.get_by_label("How many points").fill("40")
    await demo.get_by_role("button", name="Use points", exact=True).click()
    await expect(demo.locator("[part=code] code")).to_be_visible()
    await expect(demo.get_by_role("textbox", name="Voucher code")).not_to_have_value("")

    # The hold lapses when its 15 minutes are over.
    await demo.locator("#drawer > summary").click()
    await expect(demo.locator("#calls li").first).to_contain_text("query Checkout")
    await demo.get_by_role("button", name="+15 minutes").click()
    await expect(new_entries(demo)).to_have_text(["LAPSE"])
    await expect(demo.locator("[part=code] code")).to_have_count(0)

    # An order earns when it is complete; its points wait 30 days.
    await demo.get_by_role("button", name="Order", exact=True).click()
    await expect(demo.locator("aside em")).to_have_text("open")
    await expect(new_entries(demo)).to_have_count(0)
    await demo.get_by_role("button", name="Complete").click()
    await expect(new_entries(demo)).to_have_text(["ACCRUAL"])
    tiles = demo.locator("pointbook-account [part=tile]")
    await expect(tiles.nth(1)).to_contain_text("45")
    await demo.get_by_role("button", name="+30 days").click()
    await expect(tiles.nth(1)).to_contain_text("0")
    await demo.get_by_role("button", name="Return", exact=True).click()
    await expect(new_entries(demo)).to_have_text(["REVERSAL"])
    await expect(demo.locator("aside em")).to_have_text("returned")
