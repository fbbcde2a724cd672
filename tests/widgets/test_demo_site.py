"""The demo as a visitor has it: a button moves time or an order on, and the drawer shows what came of it."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
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

    site = DemoSite(shop.installation, SHOPS, opening, shop.clock, shipped(), tmp_path)
    async with serving(Starlette(routes=[*site.routes, Mount("/", app=app)]), lifespan="off") as port:
        for name, value in {"shop": "loyalista", "customer": "clara", "lang": "en"}.items():
            await page.context.add_cookies(
                [{"name": name, "value": value, "domain": "127.0.0.1", "path": "/demo"}]
            )
        refused: list[str] = []
        page.on("console", lambda said: refused.append(said.text) if "Security Policy" in said.text else None)
        await page.goto(f"http://127.0.0.1:{port}/demo")
        yield page
        await page.close()  # before its server: what it is asking yet is nobody's concern
        assert refused == []
    assert await violations(shop.installation.db) == []


def new_entries(page: Page) -> Locator:
    return page.locator("#entries tr.new td:nth-child(2)")


def asked(page: Page, name: str) -> Locator:
    """Calls in the drawer, the newest first."""
    return page.locator("#calls li").filter(has=page.locator("summary", has_text=name))


async def look_as(page: Page, customer: str) -> None:
    async with page.expect_navigation():
        await page.get_by_label("Customer").select_option(customer)


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
    await expect(asked(demo, "query Checkout").first).to_be_visible()
    await demo.get_by_role("button", name="+15 minutes").click()
    await expect(new_entries(demo)).to_have_text(["LAPSE"])
    await expect(asked(demo, "mutation MoveSandboxClock").locator("summary")).to_have_text(
        re.compile("the shop's staff LAPSE .*40")
    )
    await expect(demo.locator("[part=code] code")).to_have_count(0)

    # An order earns when it is complete; its points wait 30 days.
    await demo.get_by_role("button", name="Order", exact=True).click()
    await expect(demo.locator("aside form em")).to_have_text("open")
    await expect(new_entries(demo)).to_have_count(0)
    await demo.get_by_role("button", name="Complete").click()
    await expect(new_entries(demo)).to_have_text(["ACCRUAL"])
    tiles = demo.locator("pointbook-account [part=tile]")
    await expect(tiles.nth(1)).to_contain_text("45")
    await demo.get_by_role("button", name="+30 days").click()
    await expect(tiles.nth(1)).to_contain_text("0")
    await demo.get_by_role("button", name="Return", exact=True).click()
    await expect(new_entries(demo)).to_have_text(["REVERSAL"])
    await expect(demo.locator("aside form em")).to_have_text("returned")


async def test_the_drawer_keeps_what_was_asked_on_the_way_to_an_order(demo: Page) -> None:
    await demo.locator(".cards li").filter(has_text="Sencha").get_by_role("button").click()
    await demo.get_by_label("Use some of them").check()
    await demo.get_by_label("How many points").fill("40")
    await demo.get_by_role("button", name="Use points", exact=True).click()
    code = await demo.locator("[part=code] code").inner_text()
    await expect(demo.locator("#applied")).to_have_text("Paid with points: €2.00. Left to pay: €12.90.")
    await demo.get_by_role("button", name="Order", exact=True).click()

    await expect(asked(demo, "query Account")).to_have_count(1)
    order, redeemed = asked(demo, "mutation SubmitOrder"), asked(demo, "mutation RedeemPoints")
    await expect(order.locator("summary")).to_have_text(re.compile("the shop's server CAPTURE .40"))
    await expect(redeemed.locator("summary")).to_have_text("mutation RedeemPoints")
    await expect(asked(demo, "query Voucher")).to_contain_text("the shop's server")
    names = [summary.split(" ")[1] for summary in await demo.locator("#calls summary").all_inner_texts()]
    way = [name for name in names if name in {"SubmitOrder", "Voucher", "RedeemPoints"}]
    assert way == ["SubmitOrder", "Voucher", "RedeemPoints"], "the newest first"
    await order.locator("summary").click()
    await expect(order).to_contain_text(f'"voucherCode": "{code}"')
    await expect(order).to_contain_text('"outcome": "RECEIVED"')

    # Once, however often the page is loaded, and for no other customer.
    await demo.reload()
    await expect(asked(demo, "query Account")).to_have_count(2)
    await expect(order).to_have_count(1)
    await look_as(demo, "mia")
    await expect(asked(demo, "query Account")).to_have_count(1)
    await expect(order).to_have_count(0)
    for _ in range(35):
        await demo.evaluate("keep([{ ...calls[0] }])")
    await demo.reload()
    await expect(demo.locator("#calls li")).to_have_count(30)


async def test_a_guest_comes_and_goes(demo: Page) -> None:
    await look_as(demo, "")
    await expect(demo.get_by_label("Customer")).to_have_value("")
    await demo.get_by_role("link", name="Account").click()
    await expect(demo.get_by_text("Please choose a customer above.")).to_be_visible()
    await expect(demo.get_by_text("Sign in to use your points.")).to_be_visible()
    await look_as(demo, "clara")
    await expect(demo.get_by_text("Please choose a customer above.")).to_have_count(0)


async def test_a_code_that_cannot_be_used_is_refused_when_it_is_applied(demo: Page) -> None:
    await demo.locator(".cards li").filter(has_text="Sencha").get_by_role("button").click()
    voucher = demo.get_by_role("textbox", name="Voucher code")
    await voucher.fill("AAAA-BBBB-CCCC")
    await demo.get_by_role("button", name="Apply", exact=True).click()
    await expect(demo.locator("#applied")).to_have_text("This voucher code cannot be used.")
    await voucher.fill("AAAA-BBBB-CCC")
    await expect(demo.locator("#applied")).to_have_text("")


@pytest.mark.parametrize("width", [390, 1200])
async def test_points_come_before_the_order_on_every_screen(demo: Page, width: int) -> None:
    await demo.set_viewport_size({"width": width, "height": 900})
    await demo.locator(".cards li").filter(has_text="Sencha").get_by_role("button").click()
    await expect(demo.get_by_label("Use some of them")).to_be_visible()
    order, points = demo.get_by_role("button", name="Order", exact=True), demo.locator("pointbook-checkout")
    field, button = demo.locator("#voucher"), demo.locator("#apply")
    boxes = [await one.bounding_box() for one in (points, field, button, order)]
    tops = [box["y"] for box in boxes if box is not None]
    assert tops[0] < tops[1] == tops[2] < tops[3], "the button stands beside its field"
    await demo.get_by_role("button", name="Remove").focus()
    reached = []
    for _ in range(4):
        await demo.keyboard.press("Tab")
        reached.append(await demo.evaluate("document.activeElement.id || document.activeElement.localName"))
    assert reached == ["pointbook-checkout", "voucher", "apply", "button"]
    await expect(order).to_be_focused()
