"""Every state that the widgets can be in: each function of ``STATES`` brings a page into one, in any language."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from playwright.async_api import Locator, Page, expect

from pointbook.domain.access import ALL_RIGHTS, CallerKind, Principal
from pointbook.services.adjusting import AdjustPoints, adjust
from pointbook.services.catalogue import EXCHANGE_ITEMS, GIFT_CARDS, save_offer
from pointbook.services.intake import submit_order
from pointbook.services.members import MemberState, set_redemption_lock, set_state
from tests.rules.shop import add_rule, rule
from tests.support import DAY, NOW, give_points, order_document, redeem
from tests.support import cart as shop_cart
from tests.widgets.browser import Site
from tests.widgets.journeys import LINES, cart, extras, signed_in


@dataclass(frozen=True, slots=True)
class Stage:
    """A shop's page, and the language in which the widgets speak on it."""

    site: Site
    page: Page
    lang: str

    async def show(self, widget: str, **attributes: str) -> None:
        """The widget alone on the page, with what it has to show."""
        await self.site.show(self.page, await self.site.snippet(widget, lang=self.lang, **attributes))
        await expect(
            self.page.locator(f"pointbook-{widget} section, pointbook-product [part=points]")
        ).to_be_visible()

    async def checkout(self, of: str = "", **attributes: str) -> None:
        await self.show("checkout", cart=of or cart(lines=LINES), login_url="/login", **attributes)

    async def account(self) -> None:
        await self.show("account", login_url="/login")

    async def press(self, part: str, which: int = 0) -> None:
        await self.page.locator(part).nth(which).click()

    async def panel(self, which: int) -> Locator:
        """A panel of the account, opened and loaded."""
        panel = self.page.locator("details[part=panel]").nth(which)
        await panel.locator("> summary").click()
        await expect(panel.locator("li, form, [part=empty], label").first).to_be_visible()
        return panel


HISTORY, CARDS, PRODUCTS, MY_CARDS, MY_ORDERS, MEMBERSHIP = range(6)
NAMES: Final = {"de": "Kaffeebecher aus Steinzeug", "en": "Stoneware coffee cup"}
STATES: Final[dict[str, Callable[[Stage], Awaitable[None]]]] = {}


def state(reach: Callable[[Stage], Awaitable[None]]) -> Callable[[Stage], Awaitable[None]]:
    STATES[reach.__name__] = reach
    return reach


async def _offers(site: Site) -> None:
    installation, programme = site.shop.installation, site.shop.programme
    for price in (200, 5_000):
        document = {"names": NAMES, "descriptions": NAMES, "pricePoints": price}
        card = {**document, "sku": f"card-{price}", "faceValue": "10.00"}
        await save_offer(installation, programme.id, GIFT_CARDS, card, now=NOW)
        item = {**document, "sku": f"cup-{price}", "fee": "2.50"}
        await save_offer(installation, programme.id, EXCHANGE_ITEMS, item, now=NOW)


@state
async def product_for_a_guest(stage: Stage) -> None:
    await extras(stage.site)
    await stage.show("product", article="tea", price="25.00", variation="assam", join_url="/join")


@state
async def product_for_a_member(stage: Stage) -> None:
    await signed_in(stage.site, 600)
    await stage.show("product", article="tea", price="1234.00")


@state
async def service_to_be_booked(stage: Stage) -> None:
    await add_rule(stage.site.shop.installation, stage.site.shop.programme, rule("SERVICE", 25, targets=["cut"]))
    await stage.show("product", service="cut", participants="2", join_url="/join")


@state
async def checkout_of_a_guest(stage: Stage) -> None:
    await stage.checkout()


@state
async def checkout_of_one_who_joins(stage: Stage) -> None:
    stage.site.customer = "new"
    await stage.checkout()
    await stage.press("button")
    await stage.press("details > summary")
    await expect(stage.page.locator("[part=terms] strong").first).to_be_visible()


@state
async def checkout_keeping(stage: Stage) -> None:
    await signed_in(stage.site, 600)
    await stage.checkout()


@state
async def checkout_choosing_a_part(stage: Stage) -> None:
    await checkout_keeping(stage)
    await stage.press("input[value=PARTIAL]")
    await stage.page.locator("#points").fill("120")
    await expect(stage.page.locator("#worth")).to_contain_text("=")


@state
async def checkout_choosing_too_much(stage: Stage) -> None:
    await checkout_keeping(stage)
    await stage.press("input[value=PARTIAL]")
    await stage.page.locator("#points").fill("9999")


@state
async def checkout_with_cents_that_remain(stage: Stage) -> None:
    await signed_in(stage.site, 1_000)
    await stage.checkout(cart("19.99"))
    await stage.press("input[value=FULL]")


@state
async def checkout_with_a_code(stage: Stage) -> None:
    await signed_in(stage.site, 600)
    await redeem(stage.site.shop.installation, stage.site.shop.programme, 120, of=shop_cart("cart-1"))
    await stage.checkout()
    await expect(stage.page.locator("[role=timer]")).to_be_visible()


@state
async def checkout_changing_the_points(stage: Stage) -> None:
    await checkout_with_a_code(stage)
    await stage.press("[part=actions] button", 1)


@state
async def checkout_after_cancelling(stage: Stage) -> None:
    await checkout_with_a_code(stage)
    await stage.press("[part=actions] button", 2)
    await expect(stage.page.locator("[part=note]")).to_be_visible()


@state
async def checkout_in_the_last_minute(stage: Stage) -> None:
    await signed_in(stage.site, 600)
    await redeem(stage.site.shop.installation, stage.site.shop.programme, 120, of=shop_cart("cart-1"))
    stage.site.shop.clock.now = NOW + timedelta(minutes=14, seconds=10)
    await stage.checkout()
    await expect(stage.page.locator("[role=timer]")).to_contain_text("0:")


@state
async def checkout_with_a_voucher_of_the_shop(stage: Stage) -> None:
    await signed_in(stage.site, 600)
    await stage.checkout(cart(shopVouchers=["SUMMER"]))


@state
async def checkout_of_a_small_cart(stage: Stage) -> None:
    await signed_in(stage.site, 600)
    await stage.checkout(cart("0.04"))


@state
async def checkout_while_redeeming_is_locked(stage: Stage) -> None:
    await signed_in(stage.site, 600)
    shop = stage.site.shop
    await set_redemption_lock(shop.installation, shop.programme.id, "c-1", locked=True, now=NOW)
    await stage.checkout()


@state
async def checkout_with_a_debt(stage: Stage) -> None:
    await _owing(stage.site)
    await stage.checkout()


@state
async def account_of_a_guest(stage: Stage) -> None:
    await stage.account()


@state
async def account_of_one_who_joins(stage: Stage) -> None:
    stage.site.customer = "new"
    await stage.account()
    await stage.press("button")


@state
async def account_of_one_who_has_just_joined(stage: Stage) -> None:
    await signed_in(stage.site, 100)
    await stage.account()
    for which in (CARDS, PRODUCTS, MY_CARDS, MY_ORDERS):
        await stage.panel(which)


@state
async def account_with_points_of_all_kinds(stage: Stage) -> None:
    await signed_in(stage.site, 12_600)
    installation, programme = stage.site.shop.installation, stage.site.shop.programme
    for points, days in ((30, 9), (45, 30)):
        await give_points(installation, programme, "c-1", points, expires_at=NOW + days * DAY)
    for points, days in ((40, 1), (15, 14)):
        await give_points(
            installation, programme, "c-1", points, available_from=NOW + days * DAY, expires_at=NOW + 90 * DAY
        )
    await redeem(installation, programme, 120)
    await stage.account()
    for dated in await stage.page.locator("details[part=dated] > summary").all():
        await dated.click()


@state
async def account_with_a_debt(stage: Stage) -> None:
    await _owing(stage.site)
    await stage.account()


@state
async def account_that_is_locked(stage: Stage) -> None:
    await signed_in(stage.site, 600)
    shop = stage.site.shop
    await set_redemption_lock(shop.installation, shop.programme.id, "c-1", locked=True, now=NOW)
    await _offers(stage.site)
    await stage.account()
    await stage.panel(CARDS)


@state
async def account_that_is_inactive(stage: Stage) -> None:
    await signed_in(stage.site, 600)
    shop = stage.site.shop
    await set_state(shop.installation, shop.programme.id, "c-1", MemberState.INACTIVE, now=NOW)
    await stage.account()


@state
async def account_with_the_history_and_why(stage: Stage) -> None:
    await signed_in(stage.site, 100)
    await extras(stage.site)
    installation, programme = stage.site.shop.installation, stage.site.shop.programme
    for number in range(3):
        await submit_order(installation, programme.id, order_document(f"o-{number}", "12.00"), now=NOW)
    voucher = await redeem(installation, programme, 30)
    paid = order_document("o-paid", "1.50", voucherCode=voucher.code)
    await submit_order(installation, programme.id, paid, now=NOW)
    await redeem(installation, programme, 20)
    await stage.account()
    history = await stage.panel(HISTORY)
    await history.locator("li details > summary").first.click()
    await expect(history.locator("li details[open] li").first).to_be_visible()


@state
async def account_buying_a_gift_card(stage: Stage) -> None:
    await _offers(stage.site)
    await signed_in(stage.site, 600)
    await stage.account()
    cards = await stage.panel(CARDS)
    await cards.locator("li button:not([disabled])").first.click()


@state
async def account_with_a_gift_card(stage: Stage) -> None:
    await account_buying_a_gift_card(stage)
    await stage.press("form button")
    await expect(stage.page.locator("[part=note]")).to_be_visible()
    mine = await stage.panel(MY_CARDS)
    await mine.locator("details > summary").first.click()


@state
async def account_exchanging_points_for_a_product(stage: Stage) -> None:
    await _offers(stage.site)
    await signed_in(stage.site, 600)
    await stage.account()
    products = await stage.panel(PRODUCTS)
    await products.locator("li button:not([disabled])").first.click()


@state
async def account_with_an_exchange_order(stage: Stage) -> None:
    await account_exchanging_points_for_a_product(stage)
    await stage.press("form button")
    await expect(stage.page.locator("[part=note]")).to_be_visible()
    await stage.panel(MY_ORDERS)


@state
async def account_with_the_membership(stage: Stage) -> None:
    await signed_in(stage.site, 600)
    await stage.account()
    membership = await stage.panel(MEMBERSHIP)
    await membership.locator("details[part=merge] > summary").click()
    await membership.locator("details[part=merge] input").fill("nobody@shop.example")
    await membership.locator("details[part=merge] button").first.click()
    await expect(membership.locator("details[part=merge] li")).to_be_visible()
    await membership.locator("details[part=leave] > summary").click()


@state
async def account_that_cannot_be_loaded(stage: Stage) -> None:
    await signed_in(stage.site, 600)
    await stage.page.route("**/graphql**", lambda route: route.abort())
    await stage.account()


async def _owing(site: Site) -> None:
    await signed_in(site, 100)
    staff = Principal(CallerKind.STAFF, site.shop.programme.id, "st", ALL_RIGHTS)
    taken = AdjustPoints("c-1", -150, "Taken back", None, "1", allow_negative=True)
    await adjust(site.shop.installation, staff, taken, now=NOW)
