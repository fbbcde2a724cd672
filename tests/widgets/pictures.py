"""Not a test: pictures of every state and mail to look at, in .pictures: `pytest tests/widgets/pictures.py`.

One file a state and language: phone and desktop width, light and dark, side by side.
"""

import base64
from typing import Literal

import pytest
from playwright.async_api import Page

from pointbook.domain.notices import NoticeKind
from pointbook.services.notices.trying import Preview, preview
from tests.house.files import ROOT
from tests.support import make_programme
from tests.widgets.browser import Site
from tests.widgets.states import STATES, Stage
from tests.widgets.test_states import LANGUAGES, look

_THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
_LOOKS = [(width, theme) for width in (375, 800) for theme in _THEMES]
_SIDE_BY_SIDE = """
<body style="margin:0; display:flex; gap:12px; align-items:start; background:#888; width:max-content">{}</body>
"""


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", STATES)
async def test_a_picture_of_a_state(site: Site, page: Page, name: str, lang: str) -> None:
    await STATES[name](Stage(site, page, lang))
    taken = []
    for width, theme in _LOOKS:
        await page.set_viewport_size({"width": width, "height": 200})
        await look(page, theme)
        taken.append(await page.screenshot(full_page=True))
    await _keep(page, taken, f"{name}-{lang}")


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("kind", NoticeKind)
async def test_a_picture_of_a_mail(site: Site, page: Page, kind: NoticeKind, lang: str) -> None:
    shop = site.shop
    programme = await make_programme(shop.installation, slug="abroad", name="Morgenrot", locales=LANGUAGES)
    mail = await preview(shop.installation, programme.id, Preview(kind, lang))
    await page.set_content(mail.html)
    taken = []
    for width, theme in _LOOKS:
        await page.set_viewport_size({"width": width, "height": 200})
        await page.emulate_media(color_scheme=theme)
        taken.append(await page.screenshot(full_page=True))
    await _keep(page, taken, f"mail-{kind}-{lang}")


async def _keep(page: Page, taken: list[bytes], name: str) -> None:
    folder = ROOT / ".pictures"
    folder.mkdir(exist_ok=True)
    shown = "".join(f'<img src="data:image/png;base64,{base64.b64encode(one).decode()}">' for one in taken)
    sheet = await page.context.new_page()
    await sheet.set_viewport_size({"width": 2386, "height": 100})
    await sheet.set_content(_SIDE_BY_SIDE.format(shown))
    await sheet.screenshot(path=folder / f"{name}.png", full_page=True)
    await sheet.close()
