"""How numbers, money, dates and numbers of things are written in one locale."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, get_day_names
from babel.lists import format_list
from babel.numbers import format_currency, format_decimal, format_percent

from pointbook.domain import currencies
from pointbook.domain.rules import Weekday

FALLBACK: Final = "en"
LANGUAGES: Final = ("de", "en", "pl")
"""Those that there are texts in."""

_MAX_TAG: Final = 35  # of a stranger's; RFC 5646 asks for no more
_PLURALS: Final = {"de": ("one", "other"), "en": ("one", "other"), "pl": ("one", "few", "many")}
"""Of whole numbers, in the order in which forms are given to ``counted``."""
_POINTS: Final = {"de": ("Punkt", "Punkte"), "en": ("point", "points"), "pl": ("punkt", "punkty", "punktów")}
_DAYS: Final = {"de": ("Tag", "Tage"), "en": ("day", "days"), "pl": ("dzień", "dni", "dni")}
_UNTIL: Final = {"de": "{} bis {}", "en": "{} through {}", "pl": "{} do {}"}
_WEEKDAYS: Final = tuple(Weekday)
_FOUR_DIGITS_TOGETHER: Final = frozenset(
    {"be", "bg", "es", "es_ES", "et", "hu", "hy", "it", "ka", "lv", "pl", "pt_PT", "sl", "sq"}
)
"""They write 1000 beside 10 000, as browsers do: CLDR's ``minimumGroupingDigits``, which Babel leaves out."""
_BY_REGION: Final = ("es", "pt")
"""Languages of which this is so in some regions only."""
_FIVE_DIGITS: Final = 10_000


class Phrasing:
    """Words and figures of a locale and a currency.

    ``tag`` is a language tag like de-AT. An unknown region falls back to its language, an unknown language to
    English; one that is known but has no texts here keeps its own figures beside English words.

    >>> Phrasing("de-AT", "EUR").points(1200), Phrasing("pl", "PLN").points(22)
    ('1.200 Punkte', '22 punkty')
    """

    def __init__(self, tag: str, currency: str) -> None:
        self.locale: Final = _known(tag)
        self.currency: Final = currency
        self.language: Final = self.locale.language if self.locale.language in LANGUAGES else FALLBACK

    @classmethod
    def of_texts(cls, tag: str, currency: str) -> "Phrasing":
        """For whole texts: wholly in English where there is none in the language asked for."""
        asked = cls(tag, currency)
        return asked if asked.locale.language == asked.language else cls(FALLBACK, currency)

    @property
    def tag(self) -> str:
        """Of the locale that was found: de-AT."""
        return str(self.locale).replace("_", "-")

    def number(self, number: int | Decimal) -> str:
        return format_decimal(
            number, locale=self.locale, decimal_quantization=False, group_separator=self._groups(number)
        )

    def counted(self, number: int, *forms: str) -> str:
        """The number and the right one of a noun's forms: one and other, in Polish one, few and many."""
        plural = _language(self.language).plural_form(number)
        return f"{self.number(number)} {forms[_PLURALS[self.language].index(plural)]}"

    def points(self, points: int) -> str:
        return self.counted(points, *_POINTS[self.language])

    def days(self, days: int) -> str:
        return self.counted(days, *_DAYS[self.language])

    def points_until(self, points: int, last_day: date) -> str:
        """With the last day on which they are good.

        >>> Phrasing("en", "EUR").points_until(40, date(2027, 3, 31))
        '40 points through March 31, 2027'
        """
        return _UNTIL[self.language].format(self.points(points), self.date(last_day))

    def money(self, minor_units: int | Decimal) -> str:
        """With the currency's decimal places, and more where an exact rate has more.

        >>> Phrasing("en", "EUR").money(Decimal("0.5")), Phrasing("en", "JPY").money(1200)
        ('€0.005', '¥1,200')
        """
        amount = Decimal(minor_units).scaleb(-currencies.exponent(self.currency))
        return format_currency(
            amount,
            self.currency,
            locale=self.locale,
            decimal_quantization=False,
            group_separator=self._groups(amount),
        )

    def percent(self, percent: int | Decimal) -> str:
        return format_percent(
            Decimal(percent).scaleb(-2),
            locale=self.locale,
            decimal_quantization=False,
            group_separator=self._groups(percent),
        )

    def date(self, day: date) -> str:
        return format_date(day, "long", locale=self.locale)

    def weekdays(self, days: Iterable[Weekday]) -> str:
        names = get_day_names("wide", locale=self.locale)
        return self.listed([names[_WEEKDAYS.index(day)] for day in days])

    def listed(self, items: Sequence[str]) -> str:
        return format_list(items, locale=self.locale)

    def _groups(self, number: int | Decimal) -> bool:
        """Whether the thousands of a number stand apart."""
        language = self.locale.language
        name = str(self.locale) if language in _BY_REGION else language
        return name not in _FOUR_DIGITS_TOGETHER or not -_FIVE_DIGITS < number < _FIVE_DIGITS


def best_text(texts: Iterable[tuple[str, str]], tag: str) -> str | None:
    """Of texts by locale the one for ``tag`` or for its language.

    >>> best_text([("de", "Punkte"), ("en", "points")], "de-CH")
    'Punkte'
    """
    known = dict(texts)
    return known.get(tag, known.get(tag.partition("-")[0]))


def own_text(texts: Iterable[tuple[str, str]], tag: str | None, first: str) -> str | None:
    """Of a merchant's texts the one for ``tag``, or that of the programme's ``first`` locale. Where there are no
    words in the language that was asked for, all around is English, and so is this, if it can be.

    >>> cup = [("de", "Becher"), ("en", "Cup")]
    >>> [own_text(cup, tag, "de") for tag in ("en-GB", "pl", "fr", None)]
    ['Cup', 'Becher', 'Cup', 'Becher']
    """
    known = tuple(texts)
    wanted = [first] if tag is None else [tag, first]
    if tag is not None and tag.partition("-")[0] not in LANGUAGES:
        wanted.insert(1, FALLBACK)
    return next((found for each in wanted if (found := best_text(known, each))), None)


@lru_cache(maxsize=256)
def _known(tag: str) -> Locale:
    parts = tag[:_MAX_TAG].split("-")
    for attempt in ("-".join(parts[:length]) for length in range(len(parts), 0, -1)):
        try:
            return Locale.parse(attempt, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    return Locale.parse(FALLBACK)


@lru_cache(maxsize=len(LANGUAGES))
def _language(language: str) -> Locale:
    return Locale.parse(language)
