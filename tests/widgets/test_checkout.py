"""<pointbook-checkout>: paying with points, the code in the shop's own field, and the time it has."""

import re
from datetime import timedelta

import pytest
from playwright.async_api import Page, expect

from pointbook.services.members import set_redemption_lock
from tests.http.fixtures import Clock, make_shop
from tests.support import NOW, give_points, join_member, redeem, spendable, violations
from tests.support import cart as shop_cart
from tests.widgets.browser import Site
from tests.widgets.journeys import FIELD, LINES, ask_again, cart, shown, signed_in


async def test_e06_a_cart_is_paid_with_all_points_and_the_shop_gets_the_code(site: Site, page: Page) -> None:
    await signed_in(site, 1_000)
    await shown(site, page, cart("19.99"))
    await expect(page.get_by_text("You have 1,000 points, worth €50.00")).to_be_visible()
    await expect(page.get_by_text("This purchase earns 20 points.")).to_be_visible()
    await page.get_by_label("Use 399 points = €19.95; €0.04 left to pay").check()
    await page.get_by_role("button", name="Use points", exact=True).click()
    code = page.locator("[part=code] code")
    await expect(code).to_have_text(re.compile(r"^[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}$"))
    text = await code.inner_text()
    await expect(page.get_by_label("Voucher")).to_have_value(text)
    assert await page.locator("#used").inner_text() == f"{text};", "the shop's button was pressed once"
    told = dict(await page.evaluate("window.told"))
    assert told["redeemed"] == {
        "code": text,
        "points": 399,
        "value": {"amount": "19.95", "currency": "EUR"},
        "remainingToPay": {"amount": "0.04", "currency": "EUR"},
    }
    await expect(page.get_by_text("You have 601 points")).to_be_visible()
    assert await spendable(site.shop.installation, site.shop.programme) == 601
    assert await violations(site.shop.installation.db) == []


async def test_e06_part_of_the_points_with_its_limits(site: Site, page: Page) -> None:
    await signed_in(site, 250)
    await shown(site, page, cart("19.99", lines=LINES))
    await expect(page.get_by_label("Use 250 points = €12.50; €7.49 left to pay")).to_be_visible()
    await page.get_by_label("Use some of them").check()
    field = page.get_by_label("How many points")
    await expect(page.get_by_text("1 to 250")).to_be_visible()
    for wrong in ("251", "0", "1.5", ""):
        await field.fill(wrong)
        await page.get_by_role("button", name="Use points", exact=True).click()
        assert await field.evaluate("field => field.matches(':invalid')")
    await field.fill("120")
    await expect(page.get_by_text("= €6.00")).to_be_visible()
    await field.press("Enter")
    await expect(page.get_by_text("120 points = €6.00; €13.99 left to pay. Your code:")).to_be_visible()
    await expect(page.get_by_text("This purchase earns 74 points.")).to_be_visible()  # of 80.00 less 6.00
    await page.get_by_role("button", name="Change").click()
    await field.fill("40")
    await field.press("Enter")
    await expect(page.get_by_text("40 points = €2.00; €17.99 left to pay. Your code:")).to_be_visible()
    assert await spendable(site.shop.installation, site.shop.programme) == 210, "the first hold was replaced"


async def test_what_a_part_is_worth_is_of_the_cart_that_is_there(site: Site, page: Page) -> None:
    await signed_in(site, 250)
    await shown(site, page, cart("19.99"))
    await page.get_by_label("Use some of them").check()
    await page.get_by_label("How many points").fill("150")
    await expect(page.get_by_text("= €7.50")).to_be_visible()
    await page.evaluate(
        "(() => { const e = document.querySelector('pointbook-checkout'); e.cart = { ...e.cart, total: 2 }; })()"
    )
    await expect(page.get_by_text("1 to 40")).to_be_visible()
    await expect(page.get_by_label("Use 40 points = €2.00; €0.00 left to pay")).to_be_visible()


async def test_e22_the_time_runs_out_to_the_second_by_the_servers_clock(
    site: Site, page: Page, clock: Clock
) -> None:
    await page.clock.install(time="2031-01-01T00:00:00Z")  # which is wrong
    await signed_in(site, 400)
    await shown(site, page, cart("10.00"))
    await page.get_by_label("Use 200 points").check()
    await page.get_by_role("button", name="Use points", exact=True).click()
    time, said = page.locator("[role=timer]"), page.locator("[role=status]")
    await expect(time).to_have_text("15:00")
    await expect(said).to_have_text("Your points are set aside for 15 minutes.")
    code = await page.get_by_label("Voucher").input_value()
    for forward, left, announced in (
        ("09:59", "5:01", "15 minutes"),
        ("00:02", "4:59", "5 minutes"),
        ("04:00", "0:59", "1 minute"),
        ("00:58", "0:01", "1 minute"),
    ):
        clock.now += timedelta(minutes=int(forward[:2]), seconds=int(forward[3:]))
        await page.clock.fast_forward(forward)
        await expect(time).to_have_text(left)
        await expect(said).to_contain_text(f"{announced}.")
    clock.now = NOW + timedelta(minutes=15)
    await page.clock.fast_forward("00:01")
    await expect(page.get_by_text("The time is up").first).to_be_visible()
    await expect(page.get_by_label("Voucher")).to_have_value("")
    await expect(page.get_by_text("You have 400 points")).to_be_visible()
    assert ["ended", {"code": code, "why": "lapsed"}] in await page.evaluate("window.told")


async def test_r19_the_time_is_extended_and_the_points_are_set_free(site: Site, page: Page, clock: Clock) -> None:
    await page.clock.install()
    await signed_in(site, 400)
    await shown(site, page, cart("10.00"))
    await page.get_by_label("Use 200 points").check()
    await page.get_by_role("button", name="Use points", exact=True).click()
    await expect(page.locator("[role=timer]")).to_have_text("15:00")
    code = await page.get_by_label("Voucher").input_value()
    clock.now = NOW + timedelta(minutes=10)
    await page.clock.fast_forward("10:00")
    await expect(page.locator("[role=timer]")).to_have_text("5:00")
    await page.get_by_role("button", name="Keep for another 15 minutes").click()
    await expect(page.locator("[role=timer]")).to_have_text("15:00")
    await expect(page.get_by_label("Voucher")).to_have_value(code)
    await page.get_by_role("button", name="Do not use points").click()
    await expect(page.get_by_text("Your points are free again.").first).to_be_visible()
    await expect(page.get_by_label("Voucher")).to_have_value("")
    assert await spendable(site.shop.installation, site.shop.programme, now=clock.now) == 400


async def test_a_page_that_is_loaded_again_has_its_carts_code_and_presses_nothing(site: Site, page: Page) -> None:
    await signed_in(site, 400)
    other = await redeem(site.shop.installation, site.shop.programme, 50, of=shop_cart("another"))
    mine = await redeem(site.shop.installation, site.shop.programme, 100, of=shop_cart("cart-1"))
    await shown(site, page, cart("10.00"))
    await expect(page.locator("[part=code] code")).to_have_text(mine.code)
    assert mine.code != other.code
    await expect(page.get_by_label("Voucher")).to_have_value(mine.code)
    assert await page.locator("#used").inner_text() == ""


async def test_the_shops_field_is_the_customers_after_that(site: Site, page: Page) -> None:
    await signed_in(site, 400)
    await redeem(site.shop.installation, site.shop.programme, 100, of=shop_cart("cart-1"))
    await shown(site, page, cart("10.00"))
    await expect(page.get_by_label("Voucher")).to_have_value(re.compile("-"))
    await page.get_by_label("Voucher").fill("SUMMER")
    await ask_again(page)
    await expect(page.get_by_label("Voucher")).to_have_value("SUMMER")


async def test_a_code_stands_there_though_it_cannot_be_changed_any_more_or_copied(site: Site, page: Page) -> None:
    await signed_in(site, 400)
    hold = await redeem(site.shop.installation, site.shop.programme, 100, of=shop_cart("cart-1"))
    await page.add_init_script("navigator.clipboard.writeText = () => Promise.reject()")
    await shown(site, page, cart("10.00"))
    await page.get_by_role("button", name="Change").click()
    await expect(page.get_by_label("How many points")).to_be_visible()
    await page.evaluate(
        "(cart) => document.querySelector('pointbook-checkout').setAttribute('cart', cart)",
        cart("10.00", shopVouchers=["SUMMER"]),
    )
    await expect(page.locator("[part=code] code")).to_have_text(hold.code)
    await page.get_by_role("button", name="Copy").click()
    await expect(page.get_by_text("That did not work.").first).to_be_visible()


async def test_a_hold_that_the_server_counts_a_moment_longer_ends_once(
    site: Site, page: Page, clock: Clock
) -> None:
    await page.clock.install()
    await signed_in(site, 400)
    await redeem(site.shop.installation, site.shop.programme, 100, of=shop_cart("cart-1"))
    await shown(site, page, cart("10.00"))
    await expect(page.locator("[role=timer]")).to_have_text("15:00")
    clock.now = NOW + timedelta(minutes=14, seconds=59.9)
    await page.clock.fast_forward("15:00")
    await ask_again(page)
    await expect(page.locator("[part=code] code")).to_be_visible()
    clock.now = NOW + timedelta(minutes=15)
    await page.clock.fast_forward("00:01")
    await expect(page.get_by_text("The time is up").first).to_be_visible()
    await expect(page.get_by_text("You have 400 points")).to_be_visible()
    assert [name for name, _ in await page.evaluate("window.told")].count("ended") == 1


async def test_who_signs_in_after_another_sees_nothing_of_theirs(site: Site, page: Page) -> None:
    await join_member(site.shop.installation, site.shop.programme, "c-2")
    await signed_in(site, 400)
    await redeem(site.shop.installation, site.shop.programme, 100, of=shop_cart("cart-1"))
    await site.show(
        page,
        FIELD,
        await site.snippet("checkout", cart=cart(), apply_to="#voucher"),
        await site.snippet("account"),
    )
    await expect(page.get_by_label("Voucher")).to_have_value(re.compile("-"))
    available = page.locator("pointbook-account [part=tile]").first
    await expect(available).to_contain_text("300")
    site.customer = None
    await page.evaluate("document.querySelector('pointbook-account').refresh()")
    await expect(page.locator("pointbook-checkout")).to_contain_text("Sign in to use your points")
    await expect(page.get_by_label("Voucher")).to_have_value("")
    site.customer = "c-2"
    await page.evaluate("document.querySelector('pointbook-checkout').refresh()")
    await expect(available).to_contain_text("100")
    await give_points(site.shop.installation, site.shop.programme, "c-2", 7)
    await expect(page.locator("pointbook-checkout")).to_contain_text("You have 107 points", timeout=15_000)


async def test_a_hold_that_ends_while_a_number_is_typed_leaves_the_number(
    site: Site, page: Page, clock: Clock
) -> None:
    await page.clock.install()
    await signed_in(site, 400)
    await redeem(site.shop.installation, site.shop.programme, 100, of=shop_cart("cart-1"))
    await shown(site, page, cart("10.00"))
    await page.get_by_role("button", name="Change").click()
    field = page.get_by_label("How many points")
    await field.fill("77")
    clock.now = NOW + timedelta(minutes=15)
    await page.clock.fast_forward("15:00")
    await expect(page.get_by_text("The time is up").first).to_be_visible()
    await expect(field).to_have_value("77")
    await expect(page.get_by_role("button", name="Back")).to_have_count(0)
    await expect(field).to_be_focused()
    await field.press("Enter")
    await expect(page.get_by_text("77 points = €3.85; €6.15 left to pay. Your code:")).to_be_visible()


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (cart(shopVouchers=["SUMMER"]), "With a voucher in the cart, points cannot be used."),
        (cart(voucherCode="AAAA-BBBB-CCCC"), "With a voucher in the cart, points cannot be used."),
        (cart("0.04"), "This cart is too small for points."),
    ],
)
async def test_why_points_cannot_be_used_is_said(site: Site, page: Page, of: str, expected: str) -> None:
    await signed_in(site, 400)
    await shown(site, page, of)
    await expect(page.get_by_text(expected)).to_be_visible()
    await expect(page.get_by_role("radio")).to_have_count(0)


async def test_who_has_no_points_is_told_that_and_not_of_the_cart(site: Site, page: Page) -> None:
    await signed_in(site, 100)
    await redeem(site.shop.installation, site.shop.programme, 100, of=shop_cart("another"))
    await shown(site, page, cart())
    await expect(page.get_by_text("You do not have enough points for this yet.")).to_be_visible()


async def test_where_points_pay_no_carts_nothing_is_said_of_paying(site: Site, page: Page) -> None:
    shop = site.shop
    app = shop.client._transport.app  # type: ignore[attr-defined]
    site.shop = await make_shop(app, shop.client, shop.clock, {"maximumShareOfCart": 0})
    await signed_in(site, 400)
    await shown(site, page, cart())
    await expect(page.get_by_text("This purchase earns 80 points.")).to_be_visible()
    await expect(page.locator("pointbook-checkout")).not_to_contain_text("too small")
    await expect(page.get_by_role("radio")).to_have_count(0)


async def test_e39_a_member_whose_redeeming_is_locked_is_told(site: Site, page: Page) -> None:
    await signed_in(site, 400)
    await set_redemption_lock(site.shop.installation, site.shop.programme.id, "c-1", locked=True, now=NOW)
    await shown(site, page, cart())
    await expect(page.get_by_text("using them is locked")).to_be_visible()
    await expect(page.get_by_text("This purchase earns 80 points.")).to_be_visible()


async def test_a_guest_is_led_to_signing_in(site: Site, page: Page) -> None:
    await shown(site, page, cart(), login_url="/login")
    link = page.get_by_role("link", name="Sign in to use your points, or join and get 100 points.")
    await expect(link).to_have_attribute("href", "/login")
    await expect(page.get_by_text("This purchase earns 80 points.")).to_be_visible()


async def test_a_customer_joins_at_the_checkout_with_the_conditions_shown(site: Site, page: Page) -> None:
    site.customer = "new"
    await shown(site, page, cart("4.00"))
    await page.get_by_role("button", name="Join and get 100 points").click()
    join = page.get_by_role("button", name="Join and get 100 points")
    await join.click()
    assert await page.get_by_label("I accept the conditions.").evaluate("box => box.matches(':invalid')")
    await page.get_by_text("Conditions", exact=True).click()
    await expect(
        page.get_by_role("group", name="Conditions").get_by_text("Taking part", exact=True)
    ).to_be_visible()
    await page.get_by_label("I accept the conditions.").check()
    await page.get_by_label("Tell me by e-mail about my points.").check()
    await join.click()
    address = page.get_by_label("E-mail address for them")
    assert await address.evaluate("field => field.matches(':invalid')"), "else there would be nowhere to tell them"
    await address.fill("new@shop.example")
    await join.click()
    await expect(page.get_by_text("You have 100 points, worth €5.00")).to_be_visible()
    await expect(page.locator("[part=note]")).to_have_text("You take part now.")
    await expect(page.get_by_label("Use 80 points = €4.00; €0.00 left to pay")).to_be_visible()
    joined = await site.shop.as_customer("{ me { email locale notifications { optIn } } }", customer="new")
    assert joined.data["me"] == {"email": "new@shop.example", "locale": "en", "notifications": {"optIn": True}}
