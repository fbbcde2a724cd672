"""What an element shows is of the customer who is there now: nothing of a former one stays, or comes late."""

import asyncio

from playwright.async_api import Page, Request, Route, expect

from pointbook.services.catalogue import GIFT_CARDS, save_offer
from pointbook.services.directory import ProgrammeState
from pointbook.services.programmes import change_state
from tests.http.fixtures import make_shop
from tests.support import NOW, give_points, join_member, redeem
from tests.support import cart as shop_cart
from tests.widgets.browser import Site
from tests.widgets.journeys import ALL_LOADED, FIELD, LISTEN, ask_again, cart, shown, signed_in, told

REFRESH = "document.querySelector('.pointbook > *').refresh()"
AVAILABLE = "pointbook-account [part=tile] >> nth=0"


async def both(site: Site, page: Page) -> str:
    """A member's account beside a checkout with a code, which is answered."""
    await join_member(site.shop.installation, site.shop.programme, "c-2")
    await signed_in(site, 400)
    hold = await redeem(site.shop.installation, site.shop.programme, 100, of=shop_cart("cart-1"))
    checkout = await site.snippet("checkout", cart=cart(), apply_to="#voucher", apply_button="#use")
    await site.show(page, FIELD, checkout, await site.snippet("account"))
    await page.evaluate(LISTEN)
    await expect(page.get_by_label("Voucher")).to_have_value(hold.code)
    await expect(page.locator(AVAILABLE)).to_contain_text("300")
    return hold.code


async def test_who_comes_next_does_not_find_the_codes_of_gift_cards(site: Site, page: Page) -> None:
    offer = {"names": {"en": "A card", "de": "A card"}, "sku": "card", "pricePoints": 100, "faceValue": "5.00"}
    await save_offer(site.shop.installation, site.shop.programme.id, GIFT_CARDS, offer, now=NOW)
    await signed_in(site, 100, "c-2")
    await signed_in(site, 300)
    await site.show(page, await site.snippet("account"))
    await page.get_by_text("Gift cards for points").click()
    await page.get_by_role("button", name="100 points").click()
    await page.get_by_role("button", name="Yes, for 100 points").click()
    await expect(page.get_by_text("Done.").first).to_be_visible()
    await expect(page.locator(AVAILABLE)).to_contain_text("200")  # nothing moves under the pointer any more
    await page.get_by_text("Your gift cards").click()
    code = await page.locator("[part=code] code").inner_text()
    site.customer = "c-2"
    asked = asyncio.Event()

    async def slow(route: Route) -> None:
        if '"after"' in (route.request.post_data or ""):
            await asked.wait()
        await route.continue_()

    await page.route("**/graphql", slow)
    await page.evaluate(REFRESH)
    await expect(page.locator(AVAILABLE)).to_contain_text("100")
    await page.get_by_text("Your gift cards").click()
    await expect(page.get_by_text("One moment …").locator("visible=true")).to_have_count(1)
    assert code not in await page.locator("pointbook-account").evaluate(
        "(account) => account.shadowRoot.innerHTML"
    )
    asked.set()
    await expect(page.get_by_text("Nothing yet.").locator("visible=true")).to_have_count(1)


async def test_nothing_of_a_former_customer_stays_when_the_api_is_down(site: Site, page: Page) -> None:
    code = await both(site, page)
    await page.route("**/graphql", lambda route: route.abort())
    for customer in (None, "c-2"):
        site.customer = customer
        await page.evaluate(REFRESH)
        await expect(page.get_by_label("Voucher")).to_have_value("")
        for widget in ("checkout", "account"):
            element = page.locator(f"pointbook-{widget}")
            shown_there = await element.evaluate("(element) => element.shadowRoot.textContent")
            assert code not in shown_there
            assert "300" not in shown_there
    assert await told(page, "ended") == [["ended", {"code": code, "why": "gone"}]]
    await page.unroute("**/graphql")
    await page.evaluate(REFRESH)
    await expect(page.locator(AVAILABLE)).to_contain_text("100")
    await expect(page.get_by_text("That did not work.")).to_have_count(0)


async def test_an_answer_for_a_former_customer_comes_to_nothing(site: Site, page: Page) -> None:
    await join_member(site.shop.installation, site.shop.programme, "c-2")
    await signed_in(site, 400)
    await shown(site, page, cart("10.00"))
    await page.get_by_label("Use 200 points").check()
    answer, token = asyncio.Event(), asyncio.Event()

    async def slow(route: Route) -> None:
        answered = await route.fetch() if "idempotencyKey" in (route.request.post_data or "") else None
        if answered:
            await answer.wait()
            await route.fulfill(response=answered)
        else:
            await route.continue_()

    async def slow_token(route: Route) -> None:
        await token.wait()
        await route.continue_()

    await page.route("**/graphql", slow)
    async with page.expect_request(lambda request: "idempotencyKey" in (request.post_data or "")):
        await page.get_by_role("button", name="Use points", exact=True).click()
    site.customer = "c-2"
    await page.route("**/token", slow_token)
    async with page.expect_request("**/token"):
        await page.evaluate(f"window.done = {REFRESH}; 0")
    answer.set()  # it comes while nobody knows yet who is there
    await page.wait_for_timeout(200)
    token.set()
    await page.evaluate("window.done")
    await expect(page.get_by_text("You have 100 points")).to_be_visible()
    assert await told(page, "redeemed") == []
    await expect(page.get_by_label("Voucher")).to_have_value("")
    assert await page.locator("#used").inner_text() == ""
    await expect(page.get_by_label("Use 100 points")).to_be_enabled()


async def test_the_points_that_are_followed_are_those_of_who_is_there(site: Site, page: Page) -> None:
    await both(site, page)
    streams: list[str] = []

    def note(request: Request) -> None:
        if request.headers.get("accept") == "text/event-stream":
            streams.append(request.headers["authorization"])

    page.on("request", note)
    async with page.expect_request(lambda request: request.headers.get("accept") == "text/event-stream"):
        site.customer = "c-2"
        await page.evaluate(REFRESH)
    await expect(page.locator(AVAILABLE)).to_contain_text("100")
    await page.wait_for_timeout(500)  # until the stream is there
    await give_points(site.shop.installation, site.shop.programme, "c-2", 7)
    await expect(page.locator(AVAILABLE)).to_contain_text("107")
    assert [each.removeprefix("Bearer ") for each in streams] == site.tokens[-1:]
    token = (await site.shop.customer_headers("c-1"))["Authorization"].removeprefix("Bearer ")
    await page.evaluate(
        "(token) => { document.querySelector('pointbook-account').tokenProvider = async () => token; }", token
    )
    await expect(page.locator(AVAILABLE)).to_contain_text("300")
    await expect(page.locator("pointbook-checkout")).to_contain_text("You have 107 points")


async def test_a_token_route_that_asks_to_sign_in_means_nobody_and_one_that_fails_the_same_one(
    site: Site, page: Page
) -> None:
    await page.clock.install()
    await signed_in(site, 400)
    page_of_html = "<!doctype html>\n<p>Please sign in"
    await page.route("**/token", lambda route: route.fulfill(content_type="text/html", body=page_of_html))
    product = await site.snippet("product", article="tea", price="25.00")
    await site.show(page, product, await site.snippet("account"))
    await expect(page.locator("[part=points]")).to_have_text("25 points")
    await expect(page.locator("pointbook-account section")).to_contain_text("Sign in")
    await page.unroute("**/token")
    await page.evaluate(REFRESH)
    await expect(page.locator(AVAILABLE)).to_contain_text("400")
    await page.route("**/token", lambda route: route.fulfill(status=500))
    await page.clock.fast_forward("12:01")  # four fifths of the token's life
    await ask_again(page)
    await expect(page.locator(AVAILABLE)).to_contain_text("400")


async def test_elements_that_are_removed_ask_for_nothing_more(site: Site, page: Page) -> None:
    await signed_in(site, 400)
    await page.route("**/widgets/v1/*", lambda route: route.continue_())
    async with page.expect_request(lambda request: request.headers.get("accept") == "text/event-stream"):
        await site.show(page, await site.snippet("account"))
    await expect(page.locator(AVAILABLE)).to_contain_text("400")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/graphql" in request.url else None)
    await page.evaluate(
        """async (key) => {
          for (let n = 0; n < 20; n++) {
            const account = document.createElement("pointbook-account");
            account.setAttribute("api-key", key);
            account.setAttribute("data-token-url", "/token");
            document.body.append(account);
            await account.updateComplete;
            account.remove();
          }
          document.querySelector("pointbook-account").remove();
        }""",
        site.shop.publishable_key,
    )
    await page.wait_for_timeout(300)
    await page.evaluate("dispatchEvent(new Event('pointbook:changed'))")
    await page.wait_for_timeout(300)
    assert asked == []


async def test_a_page_that_listens_late_tells_a_frame_who_is_there_and_who_has_left(
    site: Site, page: Page
) -> None:
    await signed_in(site, 600)
    source = f"{site.api}/widgets/frame/account?api-key={site.shop.publishable_key}&lang=en-GB"
    await site.show(page, f'<iframe id="frame" title="Points" src="{source}"></iframe>')
    inside = page.frame_locator("#frame")
    await page.wait_for_timeout(500)
    await page.evaluate(
        """() => addEventListener("message", async ({ data, source, origin }) => {
          if (data.type !== "pointbook:token") return;
          const { token } = await (await fetch("/token")).json();
          source.postMessage({ type: "pointbook:token", token }, origin);
        })"""
    )
    await expect(inside.get_by_text("= €30.00")).to_be_visible()
    await page.locator("#frame").evaluate(
        "(frame) => frame.contentWindow.postMessage({ type: 'pointbook:token', token: null }, '*')"
    )
    await expect(inside.get_by_text("Sign in to use your points.")).to_be_visible()


async def test_a_token_goes_only_where_the_script_comes_from_or_the_page_says(site: Site, page: Page) -> None:
    await signed_in(site, 400)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if "elsewhere" in request.url else None)
    elsewhere = 'api="http://elsewhere.example" api-key="x" data-token-url="/token"'
    planted = f"<pointbook-account {elsewhere}></pointbook-account>"
    await site.show(page, await site.snippet("account"), planted)
    await expect(page.locator(AVAILABLE)).to_contain_text("400")
    await expect(page.locator("pointbook-account").last).to_contain_text("That did not work.")
    assert sent == []


async def test_a_programme_that_is_not_open_is_joined_by_nobody(site: Site, page: Page) -> None:
    app = site.shop.client._transport.app  # type: ignore[attr-defined]
    site.shop = await make_shop(app, site.shop.client, site.shop.clock, {}, state=ProgrammeState.DRAFT)
    for customer in (None, "new"):
        site.customer = customer
        await site.show(page, await site.snippet("checkout", cart=cart()), await site.snippet("account"))
        await page.wait_for_function(ALL_LOADED)
        await expect(page.locator("pointbook-checkout section, pointbook-account button")).to_have_count(0)


async def test_who_joins_where_nothing_is_earned_is_promised_nothing(site: Site, page: Page) -> None:
    stopped = ProgrammeState.EARNING_STOPPED
    await change_state(site.shop.installation, site.shop.programme.id, stopped, now=NOW)
    site.customer = "new"
    await site.show(page, await site.snippet("checkout", cart=cart()), await site.snippet("account"))
    await expect(page.get_by_role("button", name="Join", exact=True)).to_have_count(2)


async def test_words_of_another_language_than_the_pages_say_so(site: Site, page: Page) -> None:
    await signed_in(site, 1_000)
    await site.show(page, '<div dir="rtl">', await site.snippet("checkout", cart=cart(), lang="ar"), "</div>")
    await expect(page.locator("section[lang=en]")).to_contain_text("You have 1,000 points, worth €50.00")
    await expect(page.locator("section [part=head]")).to_have_css("unicode-bidi", "plaintext")
