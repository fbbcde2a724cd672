"""Every text stands in every language, with the forms of its plural and the values that the others name."""

import json
import re
from typing import Any

import pytest

from pointbook.http.widget_scripts import widget_files
from tests.house.files import ROOT

LANGUAGES = ("de", "en", "pl")
FORMS = {"de": {"one", "other"}, "en": {"one", "other"}, "pl": {"one", "few", "many"}}
PARTS = ("", "panels/")


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
