"""Every text stands in every language, with the forms of its plural and the values that the others name."""

import json
import re
from typing import Any

import pytest
from playwright.async_api import Browser

from pointbook.http.widget_scripts import widget_files
from pointbook.texts.phrasing import Phrasing
from tests.house.files import ROOT

LANGUAGES = ("de", "en", "pl")
FORMS = {"de": {"one", "other"}, "en": {"one", "other"}, "pl": {"one", "few", "many"}}
PARTS = ("", "panels/")
WRITTEN = """([tag, numbers]) => {
  const figures = new Intl.NumberFormat(tag);
  const money = new Intl.NumberFormat(tag, { style: "currency", currency: "EUR" });
  return numbers.map((number) => [figures.format(number), money.format(number)]);
}"""


def texts(part: str, language: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((ROOT / "widgets" / "locales" / f"{part}{language}.json").read_text())
    return read


def named(text: Any) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", json.dumps(text)))


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_is_complete(part: str, language: str) -> None:
    ours, english = texts(part, language), texts(part, "en")
    assert set(ours) == set(english)
    for key, text in ours.items():
        assert named(text) == named(english[key]), key
        if isinstance(english[key], dict):
            assert set(text) == FORMS[language], key
        else:
            assert text.strip(), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_built_scripts_have_the_texts(language: str) -> None:
    built = "".join(file.content.decode() for file in widget_files().values())
    said = [text for part in PARTS for text in texts(part, language).values() if isinstance(text, str)]
    assert [text for text in said if text not in built] == []


async def test_the_server_writes_figures_as_the_browser_does(browser: Browser) -> None:
    # The text of a snippet stands where the widget's will, and a mail tells what the account shows.
    page = await browser.new_page()
    amounts = [sign * amount for amount in (0, 999, 1_000, 9_999, 10_000, 1_234_567) for sign in (1, -1)]
    for tag in (*LANGUAGES, "en-GB", "pl-PL", "de-AT", "es", "es-ES", "es-MX", "pt", "pt-PT", "it", "hu", "fr"):
        say = Phrasing(tag, "EUR")
        ours = [[say.number(amount), say.money(amount * 100)] for amount in amounts]
        theirs = await page.evaluate(WRITTEN, [tag, amounts])
        if tag in LANGUAGES:
            assert ours == theirs, tag
        for our, their in zip(ours, theirs, strict=True):
            assert [re.findall(r"\d+", text) for text in our] == [re.findall(r"\d+", text) for text in their], tag
    await page.close()
