"""<pointbook-account>: what a member has, why, and what may be had for it."""

import json
import re
from datetime import timedelta
from typing import Any

from playwright.async_api import Locator, Page, Route, expect

from pointbook.domain.access import ALL_RIGHTS, CallerKind, Principal
from pointbook.services.adjusting import AdjustPoints, adjust
from pointbook.services.catalogue import EXCHANGE_ITEMS, GIFT_CARDS, save_offer
from pointbook.services.intake import submit_order
from tests.http.fixtures import Clock, make_shop
from tests.rules.shop import add_rule, rule
from tests.support import DAY, NOW, give_points, order_document, redeem, spendable, violations
from tests.widgets.browser import Site
from tests.widgets.journeys import signed_in

EXCHANGED = """
mutation ($order: ID!) {
  setExchanged(input: {id: $order, exchanged: true}) { __typename ... on UserError { code } }
}
"""


async def shown(site: Site, page: Page, **attributes: str) -> Locator:
    await site.show(page, await site.snippet("account", **attributes))
    account = page.locator("pointbook-account")
    await expect(account.get_by_role("heading", level=2)).to_be_visible()
    return account


async def offered(site: Site, catalogue: Any, **document: Any) -> None:
    names = {"en": "An offer", "de": "Ein Angebot"}
    await save_offer(
        site.shop.installation, site.shop.programme.id, catalogue, {"names": names, **document}, now=NOW
    )


async def opened(account: Locator, title: str) -> Locator:
    """A panel by its title, opened."""
    panel = account.locator("details[part=panel]").filter(has=account.page.get_by_text(title, exact=True))
    await panel.get_by_text(title, exact=True).click()
    return panel


async def message_of(field: Locator) -> str:
    """What its browser says is wrong with a field."""
    found: str = await field.evaluate("field => field.validationMessage")
    return found


async def test_e23_a_member_sees_points_with_their_dates(site: Site, page: Page) -> None:
    await signed_in(site, 100)
    for points, days in ((40, 30), (25, 31)):
        await give_points(
            site.shop.installation,
            site.shop.programme,
            "c-1",
            points,
            expires_at=NOW.replace(hour=22) + days * DAY,
        )
    await give_points(
        site.shop.installation,
        site.shop.programme,
        "c-1",
        10,
        available_from=NOW + 19 * DAY,
        expires_at=NOW.replace(hour=23) + 24 * DAY,
    )
    await redeem(site.shop.installation, site.shop.programme, 20)
    account = await shown(site, page)
    await expect(account.locator("[part=tile]")).to_have_text(
        [re.compile(r"Available\s*145\s*= €7\.25"), re.compile(r"Pending\s*10"), re.compile(r"Set aside\s*20")]
    )
    await expect(account.get_by_text("Good until 25 Mar 2026: 10 points")).to_be_visible()
    await account.get_by_text("Good until 25 Mar 2026: 10 points").click()
    await expect(
        account.get_by_text("Good until 31 Mar 2026: 20 points")
    ).to_be_visible()  # 40 without what is held
    await expect(account.get_by_text("From 20 Mar 2026")).to_be_visible()


async def test_the_history_tells_why_and_shows_what_is_asked_for(site: Site, page: Page) -> None:
    await signed_in(site, 100)
    await add_rule(site.shop.installation, site.shop.programme, rule(points=7, targets=["tea"], stackGroup="a"))
    await add_rule(site.shop.installation, site.shop.programme, rule(points=5, targets=["tea"], stackGroup="a"))
    for number in range(25):
        await submit_order(
            site.shop.installation, site.shop.programme.id, order_document(f"o-{number}", "12.00"), now=NOW
        )
    voucher = await redeem(site.shop.installation, site.shop.programme, 30)
    document = order_document("o-paid", "1.50", voucherCode=voucher.code)
    await submit_order(site.shop.installation, site.shop.programme.id, document, now=NOW)
    account = await shown(site, page)
    history = await opened(account, "History")
    items = history.locator("li[part=item]")
    await expect(items).to_have_count(20)
    await expect(items.filter(has_text="Paid with points")).to_contain_text("-30")
    earned = items.filter(has_text="Order o-24")
    await expect(earned).to_contain_text("+19")
    await earned.get_by_text("Why?").click()
    reasons = earned.locator("li[part=row]")
    await expect(reasons).to_have_count(3)
    await expect(reasons.filter(has_text="counted by:")).to_have_count(1)
    await history.get_by_role("button", name="Used").click()
    await expect(items).to_have_count(1)
    await history.get_by_role("button", name="All").click()
    await history.get_by_role("button", name="More").click()
    await expect(items.filter(has_text="For joining")).to_have_count(1)
    await expect(history.get_by_role("button", name="More")).to_have_count(0)
    await expect(items.nth(20)).to_be_focused()


async def test_what_was_opened_stays_open_when_something_new_comes_in(site: Site, page: Page) -> None:
    await signed_in(site, 100)
    installation, programme = site.shop.installation, site.shop.programme
    await submit_order(installation, programme.id, order_document("o-1", "12.00"), now=NOW)
    account = await shown(site, page)
    items = (await opened(account, "History")).locator("li[part=item]")
    first = items.filter(has_text="Order o-1")
    await first.get_by_text("Why?").click()
    await expect(first.locator("li[part=row]")).to_have_count(1)
    await submit_order(installation, programme.id, order_document("o-2", "7.00"), now=NOW)
    await expect(items.filter(has_text="Order o-2")).to_have_count(1)
    await expect(items.locator("details[open]")).to_have_count(1)
    await expect(first.locator("details[open] li[part=row]")).to_have_count(1)


async def test_why_points_were_multiplied_adds_up(site: Site, page: Page) -> None:
    await signed_in(site, 100)
    double = rule("MULTIPLIER", None, factor="2", targets=["REVENUE"], name="double")
    await add_rule(site.shop.installation, site.shop.programme, double)
    document = order_document("o-1", "12.00")
    await submit_order(site.shop.installation, site.shop.programme.id, document, now=NOW)
    account = await shown(site, page)
    history = await opened(account, "History")
    earned = history.locator("li[part=item]").filter(has_text="Order o-1")
    await expect(earned).to_contain_text("+24")
    await earned.get_by_text("Why?").click()
    rows = earned.locator("li[part=row]")
    revenue = re.compile(r"€1\.00 of an order\s*\u00d7\s2\s*24\s*$")
    await expect(rows).to_have_text([revenue, re.compile(r"\u00d7\s2\s*$")])


async def test_what_is_told_is_seen_wherever_the_customer_is_and_goes_with_the_next_click(
    site: Site, page: Page
) -> None:
    await page.set_viewport_size({"width": 390, "height": 500})
    await offered(site, GIFT_CARDS, sku="card-50", pricePoints=500, faceValue="50.00")
    await signed_in(site, 500)
    account = await shown(site, page)
    await opened(account, "History")
    offers = await opened(account, "Gift cards for points")
    await offers.get_by_role("button", name="500 points").click()
    await offers.get_by_role("button", name="Yes, for 500 points").click()
    note = account.locator("[part=note]")
    await expect(note).to_have_text("Done. You find it below.")
    await expect(note).to_be_in_viewport(ratio=1)
    await account.get_by_text("History").click()
    await expect(note).to_have_count(0)


async def test_e34_a_gift_card_is_bought_exactly_when_the_points_suffice(site: Site, page: Page) -> None:
    await offered(site, GIFT_CARDS, sku="card-50", pricePoints=500, faceValue="50.00")
    await signed_in(site, 480)
    account = await shown(site, page)
    offers = await opened(account, "Gift cards for points")
    await expect(offers.get_by_text("20 points are missing")).to_be_visible()
    await expect(offers.get_by_role("button", name="500 points")).to_be_disabled()
    await give_points(site.shop.installation, site.shop.programme, "c-1", 40)
    await page.evaluate("document.querySelector('pointbook-account').refresh()")
    await offers.get_by_role("button", name="500 points").click()
    await offers.get_by_role("button", name="Yes, for 500 points").click()
    await expect(account.get_by_text("Done. You find it below.").first).to_be_visible()
    await expect(account.locator("[part=tile]").first).to_contain_text("20")
    cards = await opened(account, "Your gift cards")
    await expect(cards.locator("[part=code] code")).to_have_text(re.compile(r"^([0-9A-Z]{4}-){3}[0-9A-Z]{4}$"))
    await cards.get_by_text("QR code").click()
    drawing = cards.get_by_role("img", name="QR code")
    await expect(drawing).to_be_visible()
    assert (await drawing.locator("path").last.get_attribute("d") or "").startswith("M4 4.5h7")
    async with page.context.expect_page() as printed:
        await cards.get_by_role("link", name="View and print").click()
    await expect((await printed.value).get_by_text("€50.00").first).to_be_visible()
    assert await spendable(site.shop.installation, site.shop.programme) == 20
    assert await violations(site.shop.installation.db) == []


async def test_a_gift_card_is_bought_for_somebody_else_and_a_day(site: Site, page: Page, clock: Clock) -> None:
    await offered(site, GIFT_CARDS, sku="card-5", pricePoints=100, faceValue="5.00", validityDays=10)
    await signed_in(site, 100)
    account = await shown(site, page)
    offers = await opened(account, "Gift cards for points")
    await offers.get_by_role("button", name="100 points").click()
    buy = offers.get_by_role("button", name="Yes, for 100 points")
    address, day = offers.get_by_label("Send to"), offers.get_by_label("On which day")
    await offers.get_by_label("Name").fill("Ola")
    await buy.click()
    assert await message_of(address) == "Please enter the e-mail address to write to.", (
        "else the name would be lost"
    )
    await address.fill("ola@shop.example")
    await offers.get_by_label("Message").fill("For you")
    assert (await day.get_attribute("min"), await day.get_attribute("max")) == ("2026-03-01", "2026-03-11")
    await day.fill("2026-03-12")
    assert await day.evaluate("field => field.matches(':invalid')")
    await day.fill("2026-03-01")
    clock.now = NOW + DAY
    await buy.click()
    await expect(account.get_by_text("Please check what you have entered.").first).to_be_visible()
    await expect(buy).to_be_enabled()
    assert "from today on" in await message_of(day)
    await day.fill("2026-03-09")
    await buy.click()
    await expect(account.get_by_text("Done. You find it below.").first).to_be_visible()
    cards = await opened(account, "Your gift cards")
    await expect(cards.locator("li")).to_contain_text("good until 12 Mar 2026 · for Ola · is sent on 9 Mar 2026")
    bought = (await site.shop.as_customer("{ me { giftCards { nodes { recipient { email message } } } } }")).data
    [card] = bought["me"]["giftCards"]["nodes"]
    assert card["recipient"] == {"email": "ola@shop.example", "message": "For you"}
    assert await violations(site.shop.installation.db) == []


async def test_e35_points_are_exchanged_for_products(site: Site, page: Page, clock: Clock) -> None:
    await offered(site, EXCHANGE_ITEMS, sku="cup", pricePoints=170, fee="2.55")
    await signed_in(site, 290)
    account = await shown(site, page)
    offers = await opened(account, "Products for points")
    await offers.get_by_role("button", name="170 points").click()
    await offers.get_by_label("Quantity").fill("2")
    buy = offers.get_by_role("button", name="Yes, for 340 points plus €5.10")
    await expect(buy).to_be_disabled()
    await expect(offers.get_by_text("50 points are missing")).to_be_visible()
    await give_points(site.shop.installation, site.shop.programme, "c-1", 110)
    await page.evaluate("document.querySelector('pointbook-account').refresh()")
    await expect(offers.get_by_text("missing")).to_have_count(0)
    await offers.get_by_label("Note on delivery").fill("<b>Ring twice</b>")
    await buy.click()
    await expect(account.locator("[part=tile]").first).to_contain_text("60")
    orders = await opened(account, "Your exchanged products")
    await expect(orders.locator("li")).to_contain_text("An offer")
    await expect(orders.locator("li")).to_contain_text("ordered on 1 Mar 2026")
    clock.now = NOW + timedelta(days=3)
    placed = (await site.shop.as_customer("{ me { exchangeOrders { nodes { id } } } }")).data["me"][
        "exchangeOrders"
    ]
    await site.shop.as_staff(EXCHANGED, order=placed["nodes"][0]["id"])
    await page.evaluate("document.querySelector('pointbook-account').refresh()")
    await expect(orders.locator("li")).to_contain_text("handed over on 4 Mar 2026")
    assert await spendable(site.shop.installation, site.shop.programme, now=clock.now) == 60


async def test_r30_an_exchange_below_the_least_points_says_so(site: Site, page: Page) -> None:
    app: Any = site.shop.client._transport.app  # type: ignore[attr-defined]
    site.shop = await make_shop(
        app, site.shop.client, site.shop.clock, {"exchangeMinimumPoints": 50, "signUpPoints": 100}
    )
    await offered(site, EXCHANGE_ITEMS, sku="pen", pricePoints=20)
    await signed_in(site, 100)
    account = await shown(site, page)
    offers = await opened(account, "Products for points")
    await offers.get_by_role("button", name="20 points").click()
    await offers.get_by_role("button", name="Yes, for 20 points").click()
    await expect(account.get_by_text("Points can be used from 50 points on.").first).to_be_visible()
    assert await spendable(site.shop.installation, site.shop.programme) == 100


async def test_a_purchase_that_was_not_answered_is_sent_again_and_made_once(site: Site, page: Page) -> None:
    await offered(site, GIFT_CARDS, sku="card-5", pricePoints=100, faceValue="5.00")
    await signed_in(site, 300)
    account = await shown(site, page)
    offers = await opened(account, "Gift cards for points")
    await offers.get_by_role("button", name="100 points").click()
    lost = 0

    async def lose(route: Route) -> None:
        nonlocal lost
        if "idempotencyKey" in (route.request.post_data or "") and not lost:
            lost += 1
            await route.fetch()  # it has its effect, and the answer is lost
            await route.abort()
        else:
            await route.continue_()

    await page.route("**/graphql", lose)
    await offers.get_by_role("button", name="Yes, for 100 points").click()
    await expect(account.locator("[part=note]")).to_contain_text("We do not know whether that was done.")
    assert await spendable(site.shop.installation, site.shop.programme) == 200
    await offers.get_by_role("button", name="Yes, for 100 points").click()
    await expect(account.get_by_text("Done. You find it below.").first).to_be_visible()
    assert lost == 1
    assert await spendable(site.shop.installation, site.shop.programme) == 200


async def test_what_is_sent_again_is_made_once_whatever_was_done_meanwhile(site: Site, page: Page) -> None:
    await offered(site, GIFT_CARDS, sku="card-5", pricePoints=100, faceValue="5.00")
    await signed_in(site, 300)
    account = await shown(site, page)
    offers = await opened(account, "Gift cards for points")
    membership = await opened(account, "Your membership")
    await offers.get_by_role("button", name="100 points").click()
    lost = 0

    async def lose(route: Route) -> None:
        nonlocal lost
        if "faceValue" in (route.request.post_data or "") and not lost:
            lost += 1
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    await page.route("**/graphql", lose)
    buy = offers.get_by_role("button", name="Yes, for 100 points")
    await buy.click()
    await expect(account.locator("[part=note]")).to_contain_text("We do not know whether that was done.")
    await expect(account.locator("[part=tile]").first).to_contain_text("200")  # it is seen that something was done
    box = membership.get_by_label("Tell me by e-mail about my points.")
    await box.click()
    await expect(box).to_be_enabled()
    await buy.click()
    await expect(account.get_by_text("Done. You find it below.").first).to_be_visible()
    assert await spendable(site.shop.installation, site.shop.programme) == 200


async def test_a_guest_and_one_who_has_not_joined(site: Site, page: Page) -> None:
    await site.show(page, await site.snippet("account", login_url="/login"))
    await expect(page.get_by_role("link", name="Sign in to use your points.")).to_be_visible()
    site.customer = "new"
    account = await shown(site, page)
    await expect(account.get_by_text("You do not take part.")).to_be_visible()
    await expect(account.locator("details[part=panel]")).to_have_count(0)


async def test_r32_a_member_decides_about_notices(site: Site, page: Page) -> None:
    await signed_in(site, 100)
    account = await shown(site, page)
    await opened(account, "Your membership")
    box = account.get_by_label("Tell me by e-mail about my points.")
    await expect(box).not_to_be_checked()
    for wanted in (True, False):
        await box.click()
        await expect(box).to_be_checked(checked=wanted)
        await expect(box).to_be_enabled()
        told = (await site.shop.as_customer("{ me { notifications { optIn } } }")).data["me"]["notifications"]
        assert told["optIn"] is wanted


async def test_a_choice_that_was_not_taken_is_not_shown_as_taken(site: Site, page: Page) -> None:
    await signed_in(site, 100)
    account = await shown(site, page)
    await opened(account, "Your membership")
    box = account.get_by_label("Tell me by e-mail about my points.")
    await expect(box).not_to_be_checked()
    await page.route("**/graphql", lambda route: route.abort())
    await box.click()
    await expect(account.get_by_text("That did not work.").first).to_be_visible()
    await expect(box).not_to_be_checked()
    await page.unroute("**/graphql")
    await box.click()
    await expect(account.get_by_text("We do not know your e-mail address yet.")).to_be_visible()
    await expect(box).to_be_checked()


async def test_a_filter_looks_through_some_pages_and_asks_before_more(site: Site, page: Page) -> None:
    await signed_in(site, 100)
    account = await shown(site, page)
    pages = 0

    async def endless(route: Route) -> None:
        nonlocal pages
        if "after" in (route.request.post_data or ""):
            pages += 1
            answer = await route.fetch()
            text = (await answer.text()).replace('"hasNextPage":false', '"hasNextPage":true')
            await route.fulfill(response=answer, body=text)
        else:
            await route.continue_()

    await page.route("**/graphql", endless)
    history = await opened(account, "History")
    more = history.get_by_role("button", name="More")
    await expect(more).to_be_enabled()
    assert pages == 1
    await history.get_by_role("button", name="Used").click()
    await expect(history.get_by_text("Nothing yet.")).to_be_visible()
    await expect(more).to_be_enabled()
    assert pages == 1 + 5


async def test_points_that_change_elsewhere_change_on_the_page(site: Site, page: Page) -> None:
    await signed_in(site, 100)
    account = await shown(site, page)
    await expect(account.locator("[part=tile]").first).to_contain_text("100")
    staff = Principal(CallerKind.STAFF, site.shop.programme.id, "st", ALL_RIGHTS)
    for number, expected in ((7, "107"), (-20, "87")):
        given = AdjustPoints("c-1", number, "A gift", None, f"{number}")
        await adjust(site.shop.installation, staff, given, now=NOW)
        await expect(account.locator("[part=tile]").first).to_contain_text(expected)


async def test_e32_a_member_takes_their_data_along_and_leaves_knowing_what_is_lost(site: Site, page: Page) -> None:
    await offered(site, GIFT_CARDS, sku="card-5", pricePoints=50, faceValue="5.00")
    await signed_in(site, 300)
    await redeem(site.shop.installation, site.shop.programme, 20)

    async def silence(route: Route) -> None:
        told = route.request.headers.get("accept") == "text/event-stream"
        await (route.abort() if told else route.continue_())

    await page.route("**/graphql", silence)  # so that the page does not know yet what has changed
    account = await shown(site, page)
    cards = await opened(account, "Gift cards for points")
    await cards.get_by_role("button", name="50 points").click()
    await cards.get_by_role("button", name="Yes, for 50 points").click()
    await expect(account.get_by_text("Done. You find it below.").first).to_be_visible()
    membership = await opened(account, "Your membership")
    async with page.expect_download() as download:
        await membership.get_by_role("button", name="Save my data").click()
    saved = json.loads((await (await download.value).path()).read_text())
    assert {"member", "lot", "hold", "entry", "giftCard"} <= {record["type"] for record in saved}
    await membership.get_by_text("Leave the programme").click()
    await expect(membership.get_by_text("Lost for good: 250 points")).to_be_visible()
    await expect(membership.get_by_text("Your gift cards (€5.00) stay good")).to_be_visible()
    word = membership.get_by_label("To confirm, type LEAVE")
    await word.fill("live")
    await membership.get_by_role("button", name="Leave now").click()
    assert await word.evaluate("field => field.matches(':invalid')")
    await give_points(site.shop.installation, site.shop.programme, "c-1", 7)
    await word.fill("leave ")  # as a phone's keyboard puts it
    await membership.get_by_role("button", name="Leave now").click()
    await expect(account.get_by_text("Please look at the loss again.").first).to_be_visible()
    await expect(membership.get_by_text("Lost for good: 257 points")).to_be_visible()
    await membership.get_by_role("button", name="Leave now").click()
    await expect(account.get_by_text("You do not take part.")).to_be_visible()
    await expect(account.locator("[part=note]")).to_have_text("You have left the programme.")
    assert (await site.shop.as_customer("{ me { id } }")).data == {"me": None}
    assert await violations(site.shop.installation.db) == []


async def test_r33_a_member_asks_for_another_account_and_thinks_better_of_it(site: Site, page: Page) -> None:
    await signed_in(site, 100)
    account = await shown(site, page)
    membership = await opened(account, "Your membership")
    await membership.get_by_text("Merge another account of yours").click()
    field = membership.get_by_label("E-mail address of the other account")
    rows = membership.locator("details[part=merge] li")
    for asked, address in enumerate(("nobody@shop.example", "somebody@shop.example"), start=1):
        await field.fill(address)
        await membership.get_by_role("button", name="Ask for it").click()
        await expect(
            account.get_by_text("If this address has an account, a link is on its way to it.").first
        ).to_be_visible()
        await expect(rows).to_have_count(asked)
        await expect(rows.first).to_contain_text("waits for the link")
    first = rows.last
    await first.get_by_role("button", name="Withdraw").click()
    await expect(first).to_contain_text("withdrawn")
    await expect(first.get_by_role("button")).to_have_count(0)
