"""Product texts: fixed variables, plurals, locales; E37."""

from typing import Any

import pytest

from pointbook.domain.errors import InvalidInput
from pointbook.domain.product_texts import VARIABLES
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.domain.rules import ProductPoints
from pointbook.texts import ProductText, product_text
from tests.unit.documents import settings


def text(standard: int, extra: int, locale: str, currency: str = "EUR", **document: Any) -> ProductText:
    points = ProductPoints(standard, extra)
    rules = settings(currency, **document)
    return product_text(points, rules, programme="Treue & Co", currency=currency, locale=locale)


@pytest.mark.parametrize(
    ("locale", "whole"),
    [
        ("de", "25 Punkte + 70 Punkte extra"),
        ("en", "25 points + 70 points extra"),
        ("pl", "25 punktów + 70 punktów ekstra"),
        ("de-CH", "25 Punkte + 70 Punkte extra"),
        ("fr", "25 points + 70 points extra"),
        ("no such", "25 points + 70 points extra"),
    ],
)
def test_e37_extra_points_are_appended(locale: str, whole: str) -> None:
    assert text(25, 70, locale).whole == whole


@pytest.mark.parametrize(
    ("points", "polish", "german"),
    [
        (1, "1 punkt", "1 Punkt"),
        (2, "2 punkty", "2 Punkte"),
        (5, "5 punktów", "5 Punkte"),
        (12, "12 punktów", "12 Punkte"),
        (22, "22 punkty", "22 Punkte"),
        (1001, "1001 punktów", "1.001 Punkte"),
        (9_999, "9999 punktów", "9.999 Punkte"),
        (10_000, "10\N{NO-BREAK SPACE}000 punktów", "10.000 Punkte"),
        (12_345, "12\N{NO-BREAK SPACE}345 punktów", "12.345 Punkte"),
    ],
)
def test_points_are_counted_as_each_language_does(points: int, polish: str, german: str) -> None:
    assert (text(points, 0, "pl").standard, text(points, 0, "de").standard) == (polish, german)


def test_no_points_no_text() -> None:
    assert text(0, 0, "de") == (None, None)
    assert text(0, 70, "de").whole == "+ 70 Punkte extra"
    assert text(25, 0, "de") == ("25 Punkte", None)


def test_a_programme_has_texts_of_its_own() -> None:
    own: dict[str, Any] = {
        "standardPointsText": {
            "de": "{programme}: {pointsPhrase} ({value})",
            "de-AT": "{points}!",
            "fr": "{points} ou {value}",
        },
        "extraPointsText": {"de": "und {extraPoints} dazu ({extraValue}): {totalPointsPhrase}, {totalValue}"},
    }
    nbsp = "\N{NO-BREAK SPACE}"
    assert text(25, 70, "de", **own) == (
        f"Treue & Co: 25 Punkte (1,25{nbsp}€)",
        f"und 70 dazu (3,50{nbsp}€): 95 Punkte, 4,75{nbsp}€",
    )
    assert text(25, 0, "de-AT", **own).standard == "25!"
    assert text(25, 0, "de-CH", **own).standard == f"Treue & Co: 25 Punkte (EUR{nbsp}1.25)"
    assert text(25, 0, "pl", **own).standard == "25 punktów"
    assert text(25, 0, "fr", **own).standard == f"25 ou 1,25{nbsp}€"


def test_points_are_worth_their_value_rounded_down() -> None:
    shown: dict[str, Any] = {"standardPointsText": {"en": "{value}"}}
    assert text(333, 0, "en", valuePerPoint="0.005", **shown).standard == "€1.66"
    assert text(333, 0, "en", "JPY", valuePerPoint="0.5", **shown).standard == "¥166"


def test_every_variable_can_be_filled() -> None:
    every = {"en": " ".join(f"{{{name}}}" for name in sorted(VARIABLES))}
    said = text(25, 70, "en", standardPointsText=every, extraPointsText=every)
    assert said.standard == said.extra == ("70 70 points €3.50 25 25 points Treue & Co 95 95 points €4.75 €1.25")


@pytest.mark.parametrize(
    ("texts", "field", "reason"),
    [
        ({"de": "{punkte}"}, ".de", "unknown variable {punkte}; there is {extraPoints}, "),
        ({"de": "{points"}, ".de", "brace"),
        ({"de": "{points.__class__}"}, ".de", "unknown variable"),
        ({"de": ""}, ".de", "1 to 500"),
        ({"de": "x" * 501}, ".de", "1 to 500"),
        ({"Deutsch": "{points}"}, ".Deutsch", "locale"),
        ("{points}", "", "object"),
    ],
)
@pytest.mark.parametrize("setting", ["standardPointsText", "extraPointsText"])
def test_a_text_that_could_not_be_filled_is_refused(setting: str, texts: Any, field: str, reason: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        ProgrammeSettings.from_document({setting: texts}, "EUR")
    assert refusal.value.field == f"{setting}{field}"
    assert reason in refusal.value.reason
