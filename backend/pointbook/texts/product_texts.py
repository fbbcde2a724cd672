"""What a product page says of a product's points."""

from typing import Final, NamedTuple

from pointbook.domain.money import Rounding
from pointbook.domain.placeholders import filled
from pointbook.domain.programme_settings import ProgrammeSettings, Texts
from pointbook.domain.rules import ProductPoints
from pointbook.texts.phrasing import FALLBACK, LANGUAGES, Phrasing, best_text

STANDARD: Final[Texts] = tuple((language, "{pointsPhrase}") for language in LANGUAGES)
EXTRA: Final[Texts] = (
    ("de", "+ {extraPointsPhrase} extra"),
    ("en", "+ {extraPointsPhrase} extra"),
    ("pl", "+ {extraPointsPhrase} ekstra"),
)


class ProductText(NamedTuple):
    """Plain text; None where there are no such points."""

    standard: str | None
    extra: str | None

    @property
    def whole(self) -> str:
        """Both, the extra points appended; empty for a product without points."""
        return " ".join(text for text in self if text is not None)


def product_text(
    points: ProductPoints, settings: ProgrammeSettings, *, programme: str, currency: str, locale: str
) -> ProductText:
    """The texts of ``settings`` in force, filled in. Values are today's, rounded down (R3).

    A language that the programme has no text for is served in the product's own words, then in English.
    """
    values = _Values(points, settings, Phrasing(locale, currency), programme)
    return ProductText(
        filled(_text(settings.standard_points_text, STANDARD, locale), values) if points.standard else None,
        filled(_text(settings.extra_points_text, EXTRA, locale), values) if points.extra else None,
    )


class _Values(dict[str, str]):
    """The variables of product texts. Each is written when a text names it: most texts name one of them."""

    def __init__(self, points: ProductPoints, settings: ProgrammeSettings, say: Phrasing, programme: str) -> None:
        super().__init__(programme=programme)
        total = points.standard + points.extra
        self._points = {"points": points.standard, "extraPoints": points.extra, "totalPoints": total}
        self._worth = {"value": points.standard, "extraValue": points.extra, "totalValue": total}
        self._value_per_point = settings.value_per_point
        self._say = say

    def __missing__(self, name: str) -> str:
        if name in self._worth:
            exact = self._worth[name] * self._value_per_point
            return self._say.money(Rounding.FLOOR.ratio(*exact.as_integer_ratio()))
        if name in self._points:
            return self._say.number(self._points[name])
        return self._say.points(self._points[name.removesuffix("Phrase")])


def _text(own: Texts, default: Texts, locale: str) -> str:
    for texts in (own, default):
        text = best_text(texts, locale)
        if text is not None:
            return text
    return best_text(own, FALLBACK) or dict(default)[FALLBACK]
