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
    say = Phrasing(locale, currency)
    values = {
        "programme": programme,
        **_figures(say, settings, "points", "value", points.standard),
        **_figures(say, settings, "extraPoints", "extraValue", points.extra),
        **_figures(say, settings, "totalPoints", "totalValue", points.standard + points.extra),
    }
    return ProductText(
        filled(_text(settings.standard_points_text, STANDARD, locale), values) if points.standard else None,
        filled(_text(settings.extra_points_text, EXTRA, locale), values) if points.extra else None,
    )


def _figures(say: Phrasing, settings: ProgrammeSettings, name: str, value: str, points: int) -> dict[str, str]:
    worth = Rounding.FLOOR.ratio(*(points * settings.value_per_point).as_integer_ratio())
    return {name: say.number(points), f"{name}Phrase": say.points(points), value: say.money(worth)}


def _text(own: Texts, default: Texts, locale: str) -> str:
    for texts in (own, default):
        text = best_text(texts, locale)
        if text is not None:
            return text
    return best_text(own, FALLBACK) or dict(default)[FALLBACK]
