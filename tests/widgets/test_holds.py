"""What a checkout shows and tells of a hold is what the API says of it, wherever it was made, changed or ended."""

import re
from datetime import timedelta

from playwright.async_api import Page, Request, Route, expect

from tests.http.fixtures import Clock, make_shop
from tests.support import NOW, give_points, join_member, redeem, spendable, violations
from tests.support import cart as shop_cart
from tests.widgets.browser import Site
from tests.widgets.journeys import ask_again, cart, held, shown, signed_in, told

CANCELLED = """
mutation ($id: ID!) {
  cancelRedemption(input: {redemptionId: $id, idempotencyKey: "elsewhere"}) { ... on UserError { code } }
}
"""
EXTENDED = CANCELLED.replace("cancel", "extend")
HELD = "{ me { holds { id } } }"


async def elsewhere(site: Site, mutation: str) -> None:
    """What the same customer does in another window."""
    [hold] = (await site.shop.as_customer(HELD)).data["me"]["holds"]
    answer = (await site.shop.as_customer(mutation, id=hold["id"])).data
    assert "code" not in next(iter(answer.values()))


class Line:
    """What happens to the requests of a page: the answer to the first redemption is lost, and later all is."""

    def __init__(self) -> None:
        self.lost = 0
        self.down = False

    async def __call__(self, route: Route) -> None:
        if not self.lost and "idempotencyKey" in (route.request.post_data or ""):
            self.lost += 1
            await route.fetch()  # it has its effect
            await route.abort()
        elif self.down or route.request.headers.get("accept") == "text/event-stream":
            await route.abort()
        else:
            await route.continue_()


async def test_r19_at_the_end_the_api_is_asked_and_not_the_clock(site: Site, page: Page, clock: Clock) -> None:
    await page.clock.install()
    code = await held(site, page)
    field, time = page.get_by_label("Voucher"), page.locator("[role=timer]")
    await page.clock.fast_forward("01:00:00")  # somebody has put the browser's clock right
    await expect(time).to_have_text(re.compile("1[45]:"))
    clock.now = NOW + timedelta(minutes=14)
    await elsewhere(site, EXTENDED)
    await page.clock.fast_forward("15:01")
    clock.now = NOW + timedelta(minutes=15, seconds=1)
    await expect(time).to_have_text(re.compile("1[34]:"))
    await expect(field).to_have_value(code)
    assert await told(page, "ended") == []
    await expect(page.locator("[part=note]")).to_have_count(0)


async def test_a_browser_whose_clock_is_set_back_promises_no_more_time(site: Site, page: Page) -> None:
    await page.clock.install(time=NOW)
    await held(site, page)
    await page.clock.set_system_time(NOW - timedelta(hours=1))
    await page.clock.run_for(61_000)
    await expect(page.locator("[role=timer]")).to_have_text(re.compile("^13:"))


async def test_r19_an_extension_in_another_window_is_shown_as_it_happens(
    site: Site, page: Page, clock: Clock
) -> None:
    await page.clock.install()
    await held(site, page)
    time = page.locator("[role=timer]")
    clock.now = NOW + timedelta(minutes=10)
    await page.clock.fast_forward("10:00")
    await expect(time).to_have_text(re.compile("4:|5:00"))
    await elsewhere(site, EXTENDED)
    await expect(time).to_have_text(re.compile("14:|15:00"))


async def test_a_hold_that_is_replaced_or_cancelled_elsewhere_is_told_of(site: Site, page: Page) -> None:
    code = await held(site, page)
    status = page.locator("[role=status]")
    await expect(status).to_contain_text("15 minutes")
    other = await redeem(site.shop.installation, site.shop.programme, 50, of=shop_cart("cart-1", 1_000))
    await ask_again(page)
    await expect(page.locator("[part=code] code")).to_have_text(other.code)
    await expect(page.get_by_label("Voucher")).to_have_value(other.code)
    await elsewhere(site, CANCELLED)
    await ask_again(page)
    await expect(page.get_by_label("Use 200 points")).to_be_visible()
    await expect(page.get_by_label("Voucher")).to_have_value("")
    await expect(status).to_have_text("The code was used or cancelled.")
    ended = await told(page, "ended")
    assert ended == [
        ["ended", {"code": code, "why": "replaced"}],
        ["ended", {"code": other.code, "why": "gone"}],
    ]
    assert await page.locator("#used").inner_text() == f"{code};", "nothing was pressed in another window's name"


async def test_a_shop_that_tells_its_cart_at_every_change_is_asked_for_no_end_of_them(
    site: Site, page: Page
) -> None:
    await signed_in(site, 400)
    hold = await redeem(site.shop.installation, site.shop.programme, 100, of=shop_cart("cart-1"))
    await shown(site, page, cart("10.00"))
    await page.evaluate("""() => {
      const [checkout, field] = [document.querySelector("pointbook-checkout"), document.getElementById("voucher")];
      field.addEventListener("change", () => {
        checkout.cart = { ...checkout.cart, voucherCode: field.value || null };
      });
    }""")
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request) if request.url.endswith("/graphql") else None)
    await page.get_by_label("Voucher").fill("")
    await page.get_by_label("Voucher").fill(hold.code)
    await page.get_by_label("Voucher").blur()
    for _ in range(10):
        before = len(asked)
        await page.wait_for_timeout(1_000)
        if len(asked) == before:
            break
    else:
        raise AssertionError(f"it is still asking, after {len(asked)} requests")
    await expect(page.locator("[part=code] code")).to_have_text(hold.code)


async def test_e24_a_hold_whose_answer_was_lost_is_found_and_told_of_once(site: Site, page: Page) -> None:
    await page.route("**/graphql", Line())
    code = await held(site, page)
    await expect(page.get_by_label("Voucher")).to_have_value(code)
    assert await page.locator("#used").inner_text() == f"{code};"
    [[_, redeemed]] = await told(page, "redeemed")
    assert redeemed["code"] == code
    assert redeemed["remainingToPay"] is None, "the answer had it"
    await expect(page.locator("[part=note]")).to_have_count(0)
    await ask_again(page)
    assert len(await told(page, "redeemed")) == 1
    assert await violations(site.shop.installation.db) == []


async def test_an_answer_that_comes_when_its_hold_has_lapsed_is_no_success(
    site: Site, page: Page, clock: Clock
) -> None:
    line = Line()
    await signed_in(site, 400)
    await shown(site, page, cart("10.00"))
    await page.get_by_label("Use 200 points").check()
    await page.route("**/graphql", line)
    line.down = True
    use = page.get_by_role("button", name="Use points", exact=True)
    await use.click()
    await expect(page.get_by_text("That did not work.").first).to_be_visible()
    assert line.lost == 1
    clock.now = NOW + timedelta(minutes=16)
    line.down = False
    await use.click()
    await expect(page.get_by_text("The time is up").first).to_be_visible()
    assert await told(page, "redeemed", "ended") == []
    await expect(page.get_by_label("Voucher")).to_have_value("")
    await use.click()
    await expect(page.locator("[part=code] code")).to_be_visible()
    assert await spendable(site.shop.installation, site.shop.programme, now=clock.now) == 200


async def test_a_field_that_the_shop_shows_later_gets_the_code_and_a_selector_that_is_none_does_no_harm(
    site: Site, page: Page
) -> None:
    await signed_in(site, 400)
    await shown(site, page, cart("10.00"), apply_to="#1st")
    await page.get_by_label("Use 200 points").check()
    await page.get_by_role("button", name="Use points", exact=True).click()
    await expect(page.locator("[part=code] code")).to_be_visible()
    code = await page.locator("[part=code] code").inner_text()
    assert await told(page, "error") == []
    await page.evaluate("document.querySelector('pointbook-checkout').applyTo = '#late'")
    await page.evaluate("document.body.insertAdjacentHTML('beforeend', '<input id=late aria-label=Late>')")
    await expect(page.get_by_label("Late")).to_have_value(code)
    await expect(page.locator("#used")).to_have_text(";")  # the button once, beside which the other field is empty


async def test_three_clicks_at_once_are_one(site: Site, page: Page) -> None:
    await signed_in(site, 400)
    await shown(site, page, cart("10.00"))
    await page.get_by_label("Use 200 points").check()
    button = page.get_by_role("button", name="Use points", exact=True)
    await button.evaluate("(button) => { button.click(); button.click(); button.click(); }")
    code = await page.locator("[part=code] code").inner_text()
    await ask_again(page)
    assert await page.locator("#used").inner_text() == f"{code};"
    assert len(await told(page, "redeemed")) == 1


async def test_a_cart_with_what_the_api_does_not_know_is_paid_all_the_same(site: Site, page: Page) -> None:
    await signed_in(site, 400)
    await shown(site, page, cart("10.00", coupon="SUMMER", discounts=[{"wrong": True}]))
    await expect(page.get_by_label("Use 200 points")).to_be_visible()
    await expect(page.get_by_text("This purchase earns")).to_have_count(0)
    await page.evaluate("""() => {
      const line = { articleId: "a".repeat(200), quantity: "1", amount: "0.01" };
      const lines = Array.from({ length: 1000 }, (_, n) => ({ id: `${n}`, ...line }));
      const checkout = document.querySelector("pointbook-checkout");
      checkout.cart = { id: "cart-2", total: "20.00", currency: "EUR", lines };
    }""")
    await expect(page.get_by_label("Use 400 points = €20.00; €0.00 left to pay")).to_be_visible()


async def test_of_another_cart_nothing_stays_but_the_code_when_the_api_is_down(site: Site, page: Page) -> None:
    await signed_in(site, 400)
    await shown(site, page, cart("10.00"))
    await expect(page.get_by_label("Use 200 points")).to_be_visible()
    hold = await redeem(site.shop.installation, site.shop.programme, 50, of=shop_cart("cart-1"))
    for left in (hold.code, None):
        if left is None:
            await page.unroute("**/graphql")
            await elsewhere(site, CANCELLED)
        await ask_again(page)
        await page.route("**/graphql", lambda route: route.abort())
        failed = "new Promise((done) => addEventListener('pointbook:error', done, { once: true }))"
        change = (
            "{ const e = document.querySelector('pointbook-checkout'); e.cart = { ...e.cart, total: '80.00' }; }"
        )
        await page.evaluate(f"() => {{ const failed = {failed}; {change} return failed; }}")
        await expect(page.locator("[part=code] code")).to_have_count(0 if left is None else 1)
        await expect(page.get_by_role("radio")).to_have_count(0)
        await expect(page.get_by_text("This purchase earns")).to_have_count(0)


async def test_e07_the_least_that_can_be_typed_is_worth_something(site: Site, page: Page) -> None:
    app = site.shop.client._transport.app  # type: ignore[attr-defined]
    site.shop = await make_shop(app, site.shop.client, site.shop.clock, {"valuePerPoint": "0.005"})
    await join_member(site.shop.installation, site.shop.programme)
    await give_points(site.shop.installation, site.shop.programme, "c-1", 1_000, value="0.5")
    site.customer = "c-1"
    await shown(site, page, cart("10.00"))
    await page.get_by_label("Use some of them").check()
    await expect(page.get_by_text("2 to 1,000")).to_be_visible()
    field = page.get_by_label("How many points")
    await field.fill("1")
    assert await field.evaluate("field => field.matches(':invalid')")


FOCUSED = "document.activeElement.shadowRoot?.activeElement"
SAID = """() => {
  window.said = [];
  const status = document.querySelector("pointbook-checkout").shadowRoot.querySelector("[role=status]");
  const note = () => said.push(status.textContent.trim());
  new MutationObserver(note).observe(status, { subtree: true, characterData: true, childList: true });
}"""


async def test_whoever_works_with_keys_is_led_on_and_hears_everything(site: Site, page: Page) -> None:
    await signed_in(site, 400)
    await shown(site, page, cart("10.00"))
    await page.get_by_label("Use 200 points").check()
    await page.evaluate(SAID)
    extend = "Keep for another 15 minutes"
    for pressed, there in (
        ("Use points", "Copy"),
        (extend, extend),
        ("Change", "PARTIAL"),
        ("Back", "Copy"),
        (extend, extend),
        ("Do not use points", "PARTIAL"),
    ):
        await page.get_by_role("button", name=pressed, exact=True).press("Enter")
        expected = f"{FOCUSED}?.matches('input') ? 'PARTIAL' : {FOCUSED}?.textContent.trim()"
        await page.wait_for_function(f"() => ({expected}) === {there!r}", timeout=5_000)
        await expect(page.locator("[part=actions] :disabled")).to_have_count(0)
    said: list[str] = await page.evaluate("window.said")
    assert said.count("Your points are set aside for 15 minutes.") == 3, "each time anew"
    assert said[-1] == "Your points are free again."
