"""The field gets a code only if it is good, now, for the cart that is there, and keeps none that is void."""

import asyncio
from datetime import timedelta

from playwright.async_api import Page, Route, expect

from tests.http.fixtures import Clock
from tests.support import NOW, redeem, violations
from tests.support import cart as shop_cart
from tests.widgets.browser import Site
from tests.widgets.journeys import FIELD, ask_again, cart, held, shown, signed_in, told

CODE = "[part=code] code"


def spends(route: Route) -> bool:
    return "idempotencyKey" in (route.request.post_data or "")


async def lose_the_first(page: Page) -> None:
    """The first answer to what changes something never comes, though it has its effect."""
    lost = False

    async def line(route: Route) -> None:
        nonlocal lost
        if spends(route) and not lost:
            lost = True
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    await page.route("**/graphql", line)


async def test_what_is_asked_for_again_after_a_lost_answer_and_its_end_is_a_new_code(
    site: Site, page: Page
) -> None:
    await lose_the_first(page)
    first = await held(site, page)
    await page.get_by_role("button", name="Do not use points").click()
    await page.get_by_label("Use 200 points").check()
    await page.get_by_role("button", name="Use points", exact=True).click()
    await expect(page.locator(CODE)).to_be_visible()
    second = await page.locator(CODE).inner_text()
    assert second != first
    assert await page.locator("#used").inner_text() == f"{first};{second};"
    assert [name for name, _ in await told(page, "redeemed", "ended")] == ["redeemed", "ended", "redeemed"]
    assert await violations(site.shop.installation.db) == []


async def test_the_code_of_a_cart_that_has_gone_is_not_used_for_the_next_one(site: Site, page: Page) -> None:
    answered = asyncio.Event()

    async def slow(route: Route) -> None:
        if spends(route):
            await answered.wait()
        await route.continue_()

    await signed_in(site, 400)
    await shown(site, page, cart("10.00"))
    await page.get_by_label("Use 200 points").check()
    await page.route("**/graphql", slow)
    async with page.expect_request(lambda request: "idempotencyKey" in (request.post_data or "")):
        await page.get_by_role("button", name="Use points", exact=True).click()
    await page.evaluate(
        "document.querySelector('pointbook-checkout').cart = { id: 'cart-2', total: '20.00', currency: 'EUR' }"
    )
    answered.set()
    await expect(page.get_by_label("Use 200 points = €10.00; €10.00 left to pay")).to_be_visible()
    await expect(page.get_by_label("Voucher")).to_have_value("")
    assert await page.locator("#used").inner_text() == ""
    assert await told(page, "redeemed", "ended") == []


async def test_the_code_of_a_cart_that_waits_is_not_called_used(site: Site, page: Page) -> None:
    await held(site, page)
    note = page.locator("[part=note]")
    change = (
        "(to) => { const e = document.querySelector('pointbook-checkout'); e.cart = to && { ...e.cart, ...to }; }"
    )
    await page.evaluate(change, {"id": "cart-2"})
    await expect(page.get_by_role("radio").first).to_be_visible()
    await expect(note).to_have_count(0)
    await page.evaluate(change, {"id": "cart-1"})
    await expect(page.locator(CODE)).to_be_visible()
    await expect(note).to_have_count(0)
    await page.evaluate(change, None)
    await expect(page.get_by_label("Voucher")).to_have_value("")
    assert [detail["why"] for _, detail in await told(page, "ended")] == ["gone", "gone"]


async def test_beside_a_good_code_stands_nothing_of_what_was_before(site: Site, page: Page) -> None:
    await held(site, page)
    await page.get_by_role("button", name="Do not use points").click()
    await expect(page.locator("[part=note]")).to_have_text("Your points are free again.")
    await redeem(site.shop.installation, site.shop.programme, 50, of=shop_cart("cart-1", 1_000))
    await ask_again(page)
    await expect(page.locator(CODE)).to_be_visible()
    await expect(page.locator("[part=note]")).to_have_count(0)


async def test_a_code_that_was_put_off_elsewhere_is_not_called_void_any_more(site: Site, page: Page) -> None:
    await page.clock.install()
    await held(site, page)
    await page.route("**/graphql", lambda route: route.abort())
    await page.clock.fast_forward("16:00")
    await expect(page.locator("[part=note]")).to_contain_text("The time is up")
    await page.unroute("**/graphql")
    await page.clock.fast_forward("00:11")  # the shop's clock has not gone on: the browser's is wrong
    await expect(page.locator("[role=timer]")).to_contain_text("1")
    await expect(page.locator("[part=note]")).to_have_count(0)


async def test_a_code_that_cannot_be_changed_offers_no_change(site: Site, page: Page) -> None:
    await held(site, page)
    await expect(page.get_by_role("button", name="Change")).to_be_visible()
    await page.evaluate(
        "(() => { const e = document.querySelector('pointbook-checkout');"
        " e.cart = { ...e.cart, shopVouchers: ['SUMMER'] }; })()"
    )
    await expect(page.get_by_role("button", name="Change")).to_have_count(0)
    await expect(page.locator(CODE)).to_be_visible()


async def test_a_code_of_another_window_is_not_ones_own_after_a_refusal(site: Site, page: Page) -> None:
    refusal = {"errors": [{"message": "", "extensions": {"code": "RATE_LIMITED"}}]}

    async def refuse(route: Route) -> None:
        await (route.fulfill(status=429, json=refusal) if spends(route) else route.continue_())

    await signed_in(site, 400)
    await shown(site, page, cart("10.00"))
    await page.get_by_label("Use 200 points").check()
    await page.route("**/graphql", refuse)
    await page.get_by_role("button", name="Use points", exact=True).click()
    await expect(page.get_by_text("That did not work.").first).to_be_visible()
    await redeem(site.shop.installation, site.shop.programme, 50, of=shop_cart("cart-1", 1_000))
    await ask_again(page)
    await expect(page.locator(CODE)).to_be_visible()
    assert await page.locator("#used").inner_text() == ""
    assert await told(page, "redeemed") == []


async def test_a_field_that_writes_codes_in_its_own_way_is_emptied_when_the_code_is_void(
    site: Site, page: Page
) -> None:
    await signed_in(site, 400)
    await shown(site, page, cart("10.00"))
    await page.evaluate(
        "document.getElementById('voucher').addEventListener('input', ({ target }) =>"
        " { target.value = target.value.replaceAll('-', '').toLowerCase(); })"
    )
    await page.get_by_label("Use 200 points").check()
    await page.get_by_role("button", name="Use points", exact=True).click()
    code = (await page.locator(CODE).inner_text()).replace("-", "").lower()
    await expect(page.get_by_label("Voucher")).to_have_value(code)
    await page.get_by_role("button", name="Do not use points").click()
    await expect(page.get_by_label("Voucher")).to_have_value("")


async def test_a_field_that_has_the_code_already_is_emptied_when_it_is_void(site: Site, page: Page) -> None:
    await signed_in(site, 400)
    hold = await redeem(site.shop.installation, site.shop.programme, 100, of=shop_cart("cart-1"))
    filled = FIELD.replace('id="voucher"', f'id="voucher" value="{hold.code}"')
    await site.show(page, filled, await site.snippet("checkout", cart=cart("10.00"), apply_to="#voucher"))
    await page.get_by_role("button", name="Do not use points").click()
    await expect(page.get_by_label("Voucher")).to_have_value("")


async def test_a_field_of_a_class_of_the_shops_own_gets_the_code(site: Site, page: Page) -> None:
    await signed_in(site, 400)
    await shown(site, page, cart("10.00"), apply_to="#own")
    await page.evaluate("""() => {
      customElements.define("shop-input", class extends HTMLInputElement {}, { extends: "input" });
      document.body.insertAdjacentHTML("beforeend", '<input is="shop-input" id="own" aria-label="Own">');
    }""")
    await page.get_by_label("Use 200 points").check()
    await page.get_by_role("button", name="Use points", exact=True).click()
    await expect(page.get_by_label("Own")).to_have_value(await page.locator(CODE).inner_text())


async def test_when_the_time_is_up_and_the_api_is_down_that_is_said(site: Site, page: Page, clock: Clock) -> None:
    await page.clock.install()
    code = await held(site, page)
    await page.route("**/graphql", lambda route: route.abort())
    clock.now = NOW + timedelta(minutes=16)
    await page.clock.fast_forward("16:00")
    await expect(page.locator("[part=note]")).to_contain_text("The time is up")
    await expect(page.locator(CODE)).to_have_text(code)  # it may have been put off elsewhere
    await page.unroute("**/graphql")
    await page.clock.fast_forward("00:11")
    await expect(page.locator(CODE)).to_have_count(0)
    assert [detail["why"] for _, detail in await told(page, "ended")] == ["lapsed"]
