"""<pointbook-product>: what an item or a service earns, where its page shows it."""

from playwright.async_api import Page, expect

from tests.rules.shop import add_rule, rule
from tests.support import join_member
from tests.widgets.browser import Site
from tests.widgets.journeys import extras

TEA = {"article": "tea", "price": "25.00", "variation": "assam", "groups": "hot, new"}


async def test_e37_a_product_tells_its_points_and_appends_the_extras(site: Site, page: Page) -> None:
    await extras(site)
    await site.show(page, await site.snippet("product", **TEA, join_url="/join"))
    product = page.locator("pointbook-product")
    await expect(product.locator("[part=points]")).to_have_text("25 points + 70 points extra")
    await expect(product.get_by_role("link", name="Join and get 100 points")).to_have_attribute("href", "/join")
    await page.evaluate("document.querySelector('pointbook-product').variation = 'other'")
    await expect(product.locator("[part=points]")).to_have_text("25 points + 20 points extra")


async def test_a_member_is_not_asked_to_join(site: Site, page: Page) -> None:
    await join_member(site.shop.installation, site.shop.programme)
    site.customer = "c-1"
    await site.show(page, await site.snippet("product", **TEA, join_url="/join"))
    await expect(page.locator("[part=points]")).to_have_text("25 points")
    await expect(page.locator("[part=offer]")).to_have_count(0)


async def test_e02_points_follow_the_quantity_in_the_pages_own_field(site: Site, page: Page) -> None:
    field = '<label>Quantity <input id="q" type="number" value="1"></label>'
    found = await site.snippet("product", article="tea", price="0.50", quantity_from="#q", lang="de")
    await site.show(page, field, found)
    points = page.locator("pointbook-product [part=points]")
    await expect(points).to_have_text("1 Punkt")
    for quantity, expected in (("3", "2 Punkte"), ("1.5", "1 Punkt"), ("4000", "2.000 Punkte")):
        await page.get_by_label("Quantity").fill(quantity)
        await expect(points).to_have_text(expected)


async def test_a_service_tells_what_booking_it_earns(site: Site, page: Page) -> None:
    await add_rule(site.shop.installation, site.shop.programme, rule("SERVICE", 25, targets=["cut"]))
    await site.show(page, await site.snippet("product", service="cut", participants="2", lang="pl"))
    await expect(page.locator("[part=points]")).to_have_text("50 punktów")


async def test_what_cannot_be_told_is_not_there_and_nothing_moves(site: Site, page: Page) -> None:
    found = await site.snippet("product", **TEA)
    await site.show(page, found)
    await expect(page.locator("[part=points]")).to_have_text("25 points")
    before = await page.locator("#end").bounding_box()
    await page.evaluate("document.querySelector('pointbook-product').price = 'dear'")
    await expect(page.locator("[part=points]")).to_have_count(0)
    assert (await page.locator("pointbook-product").inner_text()).strip() == ""
    assert await page.locator("#end").bounding_box() == before


async def test_many_products_on_a_page_are_asked_for_without_a_token_and_can_be_cached(
    site: Site, page: Page
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.method) if "/graphql" in request.url else None)
    await site.show(page, *[await site.snippet("product", article=f"tea-{n}", price="2.00") for n in range(3)])
    await expect(page.locator("[part=points]")).to_have_text(["2 points"] * 3)
    assert [method for method in asked if method != "OPTIONS"] == ["GET"] * 3
