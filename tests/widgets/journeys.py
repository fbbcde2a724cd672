"""What journeys on a shop's site begin with."""

import json
from typing import Any

from playwright.async_api import Page, expect

from pointbook.services.installation import Installation
from tests.rules.shop import add_rule, rule
from tests.support import give_points, join_member
from tests.widgets.browser import Site

FIELD = """
<form id="shop"><label>Voucher <input id="voucher"></label><button id="use" type="button">Use</button></form>
<output id="used"></output>
"""
LISTEN = """
window.told = [];
for (const name of ["redeemed", "ended", "error", "changed", "loaded"])
  addEventListener("pointbook:" + name, (event) => window.told.push([name, event.detail]));
document.getElementById("use").addEventListener("click", () =>
  document.getElementById("used").textContent += document.getElementById("voucher").value + ";");
"""
ALL_LOADED = """
[...document.querySelectorAll(".pointbook > *")].every((each) =>
  each.shadowRoot && !each.shadowRoot.querySelector("slot"))
"""
LINES = [{"id": "1", "articleId": "tea", "quantity": "2", "amount": "80.00"}]


async def extras(site: Site) -> None:
    """E37: 50 more for the tea, and 20 more for whatever belongs to the category hot."""
    for document in (rule("VARIATION", 50, targets=["assam"]), rule("CATEGORY", 20, targets=["hot"])):
        await add_rule(site.shop.installation, site.shop.programme, document)


async def signed_in(site: Site, points: int, customer: str = "c-1") -> None:
    """A member with so many points, the hundred for joining included, is signed in to the shop."""
    installation: Installation = site.shop.installation
    await join_member(installation, site.shop.programme, customer)
    if points > 100:
        await give_points(installation, site.shop.programme, customer, points - 100)
    site.customer = customer


def cart(total: str = "80.00", **more: Any) -> str:
    return json.dumps({"id": "cart-1", "total": total, "currency": "EUR", **more})


async def shown(site: Site, page: Page, of: str, **attributes: str) -> None:
    """A checkout beside a shop's own field. What it tells is in ``told``, the codes the shop used in ``#used``."""
    into = {"apply_to": "#voucher", "apply_button": "#use", **attributes}
    await site.show(page, FIELD, await site.snippet("checkout", cart=of, **into))
    await page.evaluate(LISTEN)


async def held(site: Site, page: Page) -> str:
    """The code of 200 of a member's 400 points, which were put aside at the checkout."""
    await signed_in(site, 400)
    await shown(site, page, cart("10.00"))
    await page.get_by_label("Use 200 points").check()
    await page.get_by_role("button", name="Use points", exact=True).click()
    await expect(page.locator("[part=code] code")).to_be_visible()
    return await page.locator("[part=code] code").inner_text()


async def told(page: Page, *names: str) -> list[list[Any]]:
    """What the widgets have told the page, of these names."""
    found: list[list[Any]] = await page.evaluate("window.told")
    return [each for each in found if each[0] in names]


async def ask_again(page: Page) -> None:
    asked = "new Promise((done) => addEventListener('pointbook:loaded', done, { once: true }))"
    await page.evaluate(
        f"() => {{ const asked = {asked}; dispatchEvent(new Event('pointbook:changed')); return asked; }}"
    )
