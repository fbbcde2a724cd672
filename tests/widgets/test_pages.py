"""The widgets on pages of all kinds: strict ones, broken ones, ones that are read aloud or driven by keys."""

import asyncio
import re
from html import escape
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.async_api import Locator, Page, Request, Route, expect

from pointbook.domain.access import ALL_RIGHTS, CallerKind, Principal
from pointbook.services.adjusting import AdjustPoints, adjust
from pointbook.services.catalogue import EXCHANGE_ITEMS, GIFT_CARDS, save_offer
from tests.http.fixtures import make_shop
from tests.rules.shop import add_rule, rule
from tests.support import DAY, NOW, give_points
from tests.widgets.browser import Site
from tests.widgets.journeys import ALL_LOADED, LINES, cart, extras, signed_in
from tests.widgets.payloads import PAYLOADS

SHIFTS = """
window.shifts = 0;
new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.shifts += entry.value; })
  .observe({ type: "layout-shift", buffered: true });
"""
TOLD = "addEventListener('pointbook:error', ({ detail }) => (window.code = detail.code));"
PANELS = (
    "History",
    "Gift cards for points",
    "Products for points",
    "Your gift cards",
    "Your exchanged products",
    "Your membership",
)


async def all_three(site: Site, **attributes: str) -> list[str]:
    return [
        await site.snippet(
            "product", article="tea", price="25.00", variation="assam", join_url="/join", **attributes
        ),
        await site.snippet("checkout", cart=cart(lines=LINES), login_url="/login", **attributes),
        await site.snippet("account", login_url="/login", **attributes),
    ]


async def loaded(page: Page) -> None:
    """All widgets of the page have what they show."""
    for _ in range(200):
        if await page.evaluate(ALL_LOADED):
            return
        await page.wait_for_timeout(25)
    raise AssertionError("a widget does not load")


async def open_all(page: Page) -> None:
    for title in PANELS:
        await page.locator("details[part=panel] > summary").filter(has_text=re.compile(f"^{title}$")).click()
    await expect(page.get_by_text("One moment …").locator("visible=true")).to_have_count(0)


async def with_everything(site: Site, name: str = "An offer") -> None:
    """A member who has something of each kind."""
    await extras(site)
    await signed_in(site, 600)
    installation, programme = site.shop.installation, site.shop.programme
    await give_points(installation, programme, "c-1", 30, expires_at=NOW + 9 * DAY)
    await give_points(installation, programme, "c-1", 40, available_from=NOW + DAY, expires_at=NOW + 90 * DAY)
    for price in (200, 5_000):
        document = {
            "names": {"en": name, "de": name},
            "descriptions": {"en": name, "de": name},
            "pricePoints": price,
        }
        card = {**document, "sku": f"card-{price}", "faceValue": "10.00"}
        await save_offer(installation, programme.id, GIFT_CARDS, card, now=NOW)
        await save_offer(installation, programme.id, EXCHANGE_ITEMS, {**document, "sku": f"{price}"}, now=NOW)


async def test_a_page_with_all_three_loads_one_script_and_asks_once_for_each(site: Site, page: Page) -> None:
    await with_everything(site)
    asked: list[str] = []
    kept_open: list[str] = []

    def note(request: Request) -> None:
        to = kept_open if request.headers.get("accept") == "text/event-stream" else asked
        to.append(f"{request.method} {request.url}")

    page.on("request", note)
    await site.show(page, *await all_three(site))
    await loaded(page)
    scripts = [line for line in asked if ".js" in line]
    assert len(scripts) == 1, scripts
    assert len([line for line in asked if line.startswith("POST") and "/graphql" in line]) == 3
    assert len([line for line in asked if "/token" in line]) == 1
    assert len(kept_open) <= 1, "both that follow the balance share a stream"


@pytest.mark.parametrize("width", [375, 1100])
async def test_nothing_moves_when_the_widgets_of_a_snippet_load(site: Site, page: Page, width: int) -> None:
    await with_everything(site)
    await page.set_viewport_size({"width": width, "height": 900})
    await page.add_init_script(SHIFTS)

    async def late(route: Route) -> None:
        await page.wait_for_timeout(150)  # the page is painted before
        await route.continue_()

    await page.route("**/widgets/v1/*", late)
    for language in ("de", "en", "pl"):
        await site.show(page, *await all_three(site, lang=language))
        await loaded(page)
        await page.wait_for_timeout(150)
        assert await page.evaluate("window.shifts") == 0, language
    without_room = [re.sub("<svg.*</svg>|<br>.*?(?=</)", "", found) for found in await all_three(site)]
    await site.show(page, *without_room)
    await loaded(page)
    await page.wait_for_timeout(150)
    assert await page.evaluate("window.shifts") > 0, "else this would not notice"


async def test_they_work_on_a_page_that_allows_nothing_but_us(site: Site, page: Page) -> None:
    await with_everything(site)
    site.policy = (
        f"default-src 'none'; script-src {site.api}; connect-src 'self' {site.api}; style-src 'self'; "
        "img-src 'self'; base-uri 'none'; require-trusted-types-for 'script'; "
        "trusted-types pointbook pointbook-panels"
    )
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if message.type == "error" else None)
    await site.show(page, *await all_three(site))
    await loaded(page)
    await expect(page.locator("pointbook-product [part=points]")).to_have_text("25 points + 50 points extra")
    await expect(page.get_by_text("You have 630 points").first).to_be_visible()
    await open_all(page)
    await page.get_by_role("button", name="200 points").first.click()
    await page.get_by_role("button", name="Yes, for 200 points").click()
    await expect(page.get_by_text("You have 430 points").first).to_be_visible()
    await page.get_by_text("QR code", exact=True).click()
    await expect(page.get_by_role("img", name="QR code")).to_be_visible()
    assert [line for line in refused if "favicon" not in line and "404" not in line] == []


async def test_a_script_that_is_not_what_the_snippet_says_does_not_run(site: Site, page: Page) -> None:
    async def changed(route: Route) -> None:
        answer = await route.fetch()
        await route.fulfill(response=answer, body="window.ran = 1;" + await answer.text())

    await page.route("**/widgets/v1/*", changed)
    await site.show(page, *await all_three(site))
    await expect(page.get_by_text("Your points at A shop")).to_be_visible()  # the snippet's own text
    assert await page.evaluate("window.ran") is None
    assert await page.evaluate("customElements.get('pointbook-account')") is None


async def test_with_the_api_down_the_page_stays_whole(site: Site, page: Page) -> None:
    await with_everything(site)
    found = await all_three(site)
    await page.route("**/graphql**", lambda route: route.abort())
    await page.add_init_script(SHIFTS)
    await site.show(page, *found)
    await loaded(page)
    for widget in ("product", "checkout"):
        assert (await page.locator(f"pointbook-{widget}").inner_text()).strip() == ""
    await expect(page.locator("pointbook-account")).to_contain_text("That did not work.")
    assert await page.evaluate("window.shifts") == 0
    await page.unroute("**/graphql**")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_text("Your points at A shop")).to_be_visible()


async def test_a_page_is_told_that_its_key_is_wrong_or_not_for_it(site: Site, page: Page) -> None:
    app: Any = site.shop.client._transport.app  # type: ignore[attr-defined]
    bound = await make_shop(app, site.shop.client, site.shop.clock, origins=("https://elsewhere.example",))
    for key, code in (("pk_mistyped", "KEY_UNKNOWN"), (bound.publishable_key, "ORIGIN_NOT_ALLOWED")):
        found = (await site.snippet("product", article="tea", price="25.00")).replace(
            site.shop.publishable_key, key
        )
        await site.show(page, f"<script>{TOLD}</script>", found)
        await page.wait_for_function("window.code")
        assert await page.evaluate("window.code") == code


async def test_elements_that_could_not_ask_come_back_by_themselves(site: Site, page: Page) -> None:
    await page.clock.install()
    await with_everything(site)
    found = await all_three(site)
    for again in ("online", "seen", "later", "pressed"):
        await page.route("**/graphql**", lambda route: route.abort())
        await site.show(page, *found)
        await loaded(page)
        await expect(page.locator("pointbook-account")).to_contain_text("That did not work.")
        await page.unroute("**/graphql**")
        match again:
            case "online":
                await page.evaluate("dispatchEvent(new Event('online'))")
            case "seen":
                await page.evaluate("document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))")
            case "later":
                await page.clock.fast_forward(30_000)
            case _:
                await page.get_by_role("button", name="Try again").click()
        await expect(page.get_by_text("Your points at A shop")).to_be_visible()
        await expect(page.locator("pointbook-product [part=points]")).to_be_visible()
        await expect(page.get_by_text("This purchase earns")).to_be_visible()


async def test_a_panel_opened_before_its_script_could_be_loaded_is_asked_for_with_the_next(
    site: Site, page: Page
) -> None:
    await with_everything(site)
    await page.route("**/panels*.js", lambda route: route.abort())
    await site.show(page, await site.snippet("account"))
    await page.get_by_text("History").click()
    await expect(page.get_by_text("That did not work.").first).to_be_visible()
    await page.unroute("**/panels*.js")
    await page.get_by_text("Gift cards for points").click()
    await expect(page.get_by_text("For joining")).to_be_visible()


async def test_two_versions_on_one_page_do_not_clash(site: Site, page: Page) -> None:
    first = await site.snippet("account")
    second = (await site.snippet("product", article="tea", price="25.00", script="evergreen")).replace(
        ".js", ".js?another"
    )
    site.policy = (
        f"trusted-types pointbook pointbook-panels; require-trusted-types-for 'script'; script-src {site.api}"
    )
    failures: list[str] = []
    page.on("console", lambda message: failures.append(message.text) if message.type == "error" else None)
    await site.show(page, first, second)
    await expect(page.locator("[part=points]")).to_have_text("25 points")
    assert [line for line in failures if "404" not in line] == []


async def test_a_token_that_is_refused_is_asked_for_once_more(site: Site, page: Page) -> None:
    await signed_in(site, 600)
    await site.show(page, await site.snippet("account"))
    await loaded(page)
    site.tokens.clear()
    site.token = "forged"
    await page.reload()
    await expect(page.locator("pointbook-account")).to_contain_text("That did not work.")
    assert site.tokens == ["forged", "forged"], "and not more often"
    site.tokens.clear()
    await site.show(page, *await all_three(site))
    await expect(page.locator("pointbook-account")).to_contain_text("That did not work.")
    await page.wait_for_load_state("networkidle")
    assert site.tokens == ["forged", "forged"], "nor for each element"
    site.token = None
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_text("Available")).to_be_visible()


async def test_a_token_is_renewed_when_four_fifths_of_its_life_are_over(site: Site, page: Page) -> None:
    await page.clock.install()
    await signed_in(site, 600)
    await site.show(page, await site.snippet("account"))
    await loaded(page)
    for forward, expected in (("11:45", 1), ("00:16", 2)):  # of 15 minutes; the clock runs on meanwhile
        await page.clock.fast_forward(forward)
        await page.evaluate("dispatchEvent(new Event('pointbook:changed'))")
        await page.wait_for_timeout(300)
        assert len(site.tokens) == expected


async def test_150_payloads_in_every_text_stay_text(site: Site, page: Page) -> None:
    app: Any = site.shop.client._transport.app  # type: ignore[attr-defined]
    texts = {
        "standardPointsText": {"en": PAYLOADS[2] + " {points}"},
        "extraPointsText": {"en": PAYLOADS[4] + " {extraPoints}"},
    }
    site.shop = await make_shop(app, site.shop.client, site.shop.clock, texts, name=PAYLOADS[1])
    installation, programme = site.shop.installation, site.shop.programme
    await add_rule(installation, programme, rule(points=7, targets=["tea"], labels={"en": PAYLOADS[0]}))
    await signed_in(site, 100_000)
    staff = Principal(CallerKind.STAFF, programme.id, "st", ALL_RIGHTS)
    for number, payload in enumerate(PAYLOADS):
        document = {
            "sku": f"{number}",
            "pricePoints": 1,
            "names": {"de": payload},
            "descriptions": {"de": payload},
        }
        await save_offer(installation, programme.id, EXCHANGE_ITEMS, document, now=NOW)
        await adjust(installation, staff, AdjustPoints("c-1", 1, payload, None, f"{number}"), now=NOW)
    await site.show(page, *await all_three(site))
    await loaded(page)
    await open_all(page)
    products, history = (page.locator("details[part=panel]").nth(number) for number in (2, 0))
    for panel in (products, history):
        more = panel.get_by_role("button", name="More", exact=True)
        while await more.count():
            await more.click()
            await expect(more.and_(page.locator(":disabled"))).to_have_count(0)
    await expect(products.locator("li")).to_have_count(150)
    seen = await page.locator("pointbook-account").evaluate("(account) => account.shadowRoot.textContent")
    assert all(seen.count(payload) >= 3 for payload in PAYLOADS)
    foreign = (
        "script, iframe, object, embed, img, video, audio, style, link, meta, [onerror], [onload], a[href^=java]"
    )
    assert (
        await page.locator("pointbook-account").evaluate(
            f"(a) => a.shadowRoot.querySelectorAll('{foreign}').length"
        )
        == 0
    )
    assert await page.evaluate("window.ran") is None


async def with_pictures(site: Site, *addresses: str) -> None:
    """Products with pictures, and nothing else that a page might show."""
    await signed_in(site, 100)
    for number, address in enumerate(addresses):
        document = {"sku": f"{number}", "names": {"de": f"Mug {number}"}, "pricePoints": 10, "imageUrl": address}
        await save_offer(site.shop.installation, site.shop.programme.id, EXCHANGE_ITEMS, document, now=NOW)


async def products(page: Page) -> Locator:
    await loaded(page)
    await page.get_by_text("Products for points").click()
    return page.locator("li[part=item]")


async def test_a_picture_has_its_room_before_it_is_there_and_none_if_it_is_missing(site: Site, page: Page) -> None:
    site_of_pictures = "https://images.example.com"
    await with_pictures(
        site, f"{site_of_pictures}/mug.svg", f"{site_of_pictures}/none.png", f"{site_of_pictures}/x"
    )
    drawn = asyncio.Event()

    async def picture(route: Route) -> None:
        if route.request.url.endswith("mug.svg"):
            await drawn.wait()
            drawing = (
                '<svg xmlns="http://www.w3.org/2000/svg" width="400" height="900" onload="parent.ran=1"></svg>'
            )
            await route.fulfill(body=drawing, content_type="image/svg+xml")
        else:
            await route.fulfill(status=404)

    async def tampered(route: Route) -> None:
        if "after" in (route.request.post_data or ""):
            answer = await route.fetch()
            text = (await answer.text()).replace(f"{site_of_pictures}/x", "javascript:window.ran=1")
            await route.fulfill(response=answer, body=text)
        else:
            await route.continue_()

    await page.route(f"{site_of_pictures}/**", picture)
    await page.route("**/graphql", tampered)
    await site.show(page, await site.snippet("account"))
    items = await products(page)
    await expect(items.locator("img")).to_have_count(1)
    mug = items.get_by_role("img", name="Mug 0")
    room, whole = await mug.bounding_box(), await items.first.bounding_box()
    drawn.set()
    await expect(mug).to_have_js_property("naturalHeight", 900)
    assert await mug.bounding_box() == room
    assert await items.first.bounding_box() == whole
    one, other = [await items.nth(number).locator("span").bounding_box() for number in (1, 2)]
    assert whole
    assert one
    assert other
    assert one["x"] == other["x"] == whole["x"], "no hole"
    assert await page.evaluate("window.ran") is None


async def test_a_page_that_does_not_allow_pictures_has_the_products_without(site: Site, page: Page) -> None:
    await with_pictures(site, "https://images.example.com/mug.png")
    site.policy = f"default-src 'none'; script-src {site.api}; connect-src 'self' {site.api}; style-src 'self'"
    await site.show(page, await site.snippet("account"))
    items = await products(page)
    await expect(items.locator("img")).to_have_count(0)
    await expect(items.get_by_role("button", name="10 points")).to_be_enabled()


async def test_everything_can_be_done_with_keys(site: Site, page: Page) -> None:
    await with_everything(site)
    await site.show(page, await site.snippet("checkout", cart=cart()), await site.snippet("account"))
    await loaded(page)
    press = page.keyboard.press
    await press("Tab")
    await press("ArrowDown")
    await press("ArrowDown")
    await press("Tab")
    await page.keyboard.type("50")
    await press("Tab")
    await press("Enter")
    await expect(page.get_by_text("50 points = €2.50; €77.50 left to pay. Your code:")).to_be_visible()
    for _ in range(9):
        await press("Tab")
        if (
            await page.evaluate("document.activeElement.shadowRoot?.activeElement?.textContent.trim()")
            == "History"
        ):
            break
    await press("Enter")
    await expect(page.locator("details[part=panel] li").first).to_be_visible()


async def test_a_frame_asks_the_page_around_it_for_the_customer(site: Site, page: Page) -> None:
    await signed_in(site, 600)
    source = f"{site.api}/widgets/frame/account?api-key={site.shop.publishable_key}&lang=en-GB"
    await site.show(page, f'<iframe id="frame" title="Points" src="{source}"></iframe>')
    await page.evaluate(
        """() => addEventListener("message", async ({ data, source, origin }) => {
          if (data.type === "pointbook:height") document.getElementById("frame").height = data.height;
          if (data.type !== "pointbook:token") return;
          const { token } = await (await fetch("/token")).json();
          source.postMessage({ type: "pointbook:token", token }, origin);
        })"""
    )
    inside = page.frame_locator("#frame")
    await expect(inside.get_by_text("= €30.00")).to_be_visible()
    await expect(page.locator("#frame")).to_have_attribute("height", re.compile(r"^[3-9]\d\d$"))


async def test_a_link_in_a_frame_leads_the_whole_page_on(site: Site, page: Page) -> None:
    source = f"{site.api}/widgets/frame/checkout?api-key={site.shop.publishable_key}&lang=en-GB"
    given = urlencode({"cart": cart(), "login-url": f"{site.origin}/?login"})
    answering = """<script>addEventListener("message", ({ data: { type }, source }) => {
      if (type === "pointbook:token") source.postMessage({ type, token: null }, "*");
    })</script>"""
    await site.show(page, answering, f'<iframe id="frame" title="Points" src="{source}&{escape(given)}"></iframe>')
    await page.frame_locator("#frame").get_by_role("link", name="Sign in").first.click()
    await page.wait_for_url(f"{site.origin}/?login")


async def test_a_page_from_right_to_left_has_them_so_too(site: Site, page: Page) -> None:
    await with_everything(site)
    await site.show(page, '<div dir="rtl">', *await all_three(site), "</div>")
    await loaded(page)
    tiles = page.locator("[part=tile]")
    first, second = await tiles.nth(0).bounding_box(), await tiles.nth(1).bounding_box()
    assert first
    assert second
    assert first["x"] > second["x"]
    await expect(page.locator("[part=head]").first).to_have_css("text-align", "right")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
