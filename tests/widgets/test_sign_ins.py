"""Who has signed in or out elsewhere, and shops that are slow, busy or away when they are asked for a token."""

import pytest
from playwright.async_api import Page, expect

from tests.widgets.browser import Site, kept_pages
from tests.widgets.journeys import ask_again, cart, held, signed_in

AVAILABLE = "pointbook-account [part=tile] >> nth=0"
SIGN_IN = "Sign in to use your points."
REFRESH = "void document.querySelector('.pointbook > *').refresh()"
SEEN_AGAIN = "document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))"


async def accounts(site: Site, page: Page) -> None:
    await signed_in(site, 400)
    await site.show(page, await site.snippet("account"), await site.snippet("checkout", cart=cart()))
    await expect(page.locator(AVAILABLE)).to_contain_text("400")


async def test_who_has_signed_out_in_another_window_is_gone_when_this_one_is_seen_again(
    site: Site, page: Page
) -> None:
    await accounts(site, page)
    site.customer = None
    site.tokens.clear()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/token") else None)
    await page.evaluate(SEEN_AGAIN)
    await expect(page.locator("pointbook-account")).to_contain_text(SIGN_IN)
    await expect(page.locator("pointbook-checkout")).to_contain_text("Sign in")
    assert len(asked) == 1, "the elements share the answer"


async def test_a_page_that_the_browser_has_kept_asks_who_is_there(site: Site) -> None:
    async with kept_pages() as page:
        await accounts(site, page)
        site.customer = None
        await page.evaluate("window.kept = true")
        await page.goto(f"{site.api}/")
        await page.go_back(wait_until="commit")
        assert await page.evaluate("window.kept"), "else it was loaded anew"
        await expect(page.locator("pointbook-account")).to_contain_text(SIGN_IN)


async def test_a_token_that_the_browser_may_keep_is_asked_for_anew(site: Site, page: Page) -> None:
    site.keeping = "private, max-age=300"
    await accounts(site, page)
    site.customer = None
    await page.evaluate(REFRESH)
    await expect(page.locator("pointbook-account")).to_contain_text(SIGN_IN)


async def test_a_shop_that_does_not_answer_is_waited_for_five_seconds(site: Site, page: Page) -> None:
    await page.clock.install()
    await accounts(site, page)
    await page.route("**/token", lambda _route: None)
    await page.evaluate(REFRESH)
    await page.clock.run_for(4_000)
    await expect(page.locator(AVAILABLE)).to_contain_text("400")
    await page.clock.run_for(2_000)
    await expect(page.locator("pointbook-account")).to_contain_text(SIGN_IN)


@pytest.mark.parametrize("status", [408, 429, 503])
async def test_a_shop_that_is_busy_signs_nobody_out(site: Site, page: Page, status: int) -> None:
    await page.clock.install()
    code = await held(site, page)
    await page.route("**/token", lambda route: route.fulfill(status=status))
    await page.clock.fast_forward("12:10")  # four fifths of the token's life
    await ask_again(page)
    await expect(page.locator("[part=code] code")).to_have_text(code)
    await expect(page.get_by_label("Voucher")).to_have_value(code)


async def test_without_a_route_none_is_asked_for(site: Site, page: Page) -> None:
    await accounts(site, page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.locator("pointbook-account").evaluate("(account) => account.removeAttribute('data-token-url')")
    await expect(page.locator("pointbook-account")).to_contain_text(SIGN_IN)
    assert [url for url in asked if url.startswith(site.origin)] == []
