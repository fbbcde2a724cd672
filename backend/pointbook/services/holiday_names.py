"""Which holidays a date is in a country, one of its regions, or one store: what rules for holidays are tested on.

Names are English where the calendar of a country has them, else in its own language. Computed a year at a time and
remembered; nothing is fetched. The domain is handed a function and knows no country.
"""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Final

import holidays

from pointbook.domain.errors import InvalidInput
from pointbook.domain.rules import Holidays
from pointbook.domain.text import shown

_LANGUAGE: Final = "en_US"
_NONE: Final[frozenset[str]] = frozenset()
_COUNTRIES: Final = holidays.list_supported_countries(include_aliases=False)


def check_region(country: str | None, subdivision: str | None) -> None:
    """Raises InvalidInput naming the field: no calendar is known for this country (ISO 3166) or part of it."""
    if country is None:
        if subdivision is not None:
            raise InvalidInput("subdivision", "needs a country")
    elif country not in _COUNTRIES:
        raise InvalidInput("country", f"has no calendar: {shown(country)!r}")
    elif subdivision is not None and subdivision not in _COUNTRIES[country]:
        raise InvalidInput("subdivision", f"is no part of {country} with a calendar: {shown(subdivision)!r}")


def holidays_in(
    country: str | None = None, subdivision: str | None = None, own: Mapping[date, str] | None = None
) -> Holidays:
    """The holidays of a store: those of a region that ``check_region`` knows, and days of its own by name."""
    own_days = dict(own or {})

    def names(day: date) -> frozenset[str]:
        public = _NONE if country is None else _of_year(country, subdivision, day.year).get(day, _NONE)
        return public | {own_days[day]} if day in own_days else public

    return names


@lru_cache(maxsize=4_096)
def _of_year(country: str, subdivision: str | None, year: int) -> dict[date, frozenset[str]]:
    languages = holidays.country_holidays(country).supported_languages
    calendar = holidays.country_holidays(
        country, subdivision, years=year, expand=False, language=_LANGUAGE if _LANGUAGE in languages else None
    )
    return {day: frozenset(calendar.get_list(day)) for day in calendar}
