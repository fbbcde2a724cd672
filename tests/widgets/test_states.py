"""In every state: nothing for axe to find, nothing wider than a phone, no text with a gap left in it."""

from importlib import resources

import pytest
from playwright.async_api import Page

from tests.widgets.browser import Site
from tests.widgets.states import STATES, Stage

AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()
LANGUAGES = ("en", "de", "pl")
TEXT = "document.querySelector('.pointbook > *').shadowRoot.textContent"

PAGE = "(theme) => { document.body.style = theme === 'dark' ? 'background: #111; color: #eee' : '' }"


async def look(page: Page, theme: str) -> None:
    """The page of the shop is light or dark, and the widget on it."""
    await page.evaluate(PAGE, theme)
    await page.locator(".pointbook > *").evaluate("(it, theme) => it.setAttribute('theme', theme)", theme)


@pytest.mark.parametrize(
    ("name", "lang"), [(name, LANGUAGES[number % len(LANGUAGES)]) for number, name in enumerate(STATES)]
)
async def test_every_state_can_be_read_by_everybody(site: Site, page: Page, name: str, lang: str) -> None:
    await STATES[name](Stage(site, page, lang))
    await page.evaluate(AXE)
    for theme in ("light", "dark"):
        await look(page, theme)
        found = await page.evaluate("axe.run('main', { resultTypes: ['violations'] })")
        assert [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == [], theme
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    text = await page.evaluate(TEXT)
    assert "{" not in text
    assert "undefined" not in text
