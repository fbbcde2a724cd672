"""Values of settings and rules as people write them: a reader and a writer for each kind.

A reader takes the field's name, the value and the programme's currency, and raises InvalidInput naming the field.
Rates are written in the currency's main unit ("0.05") and are exact minor units inside (5).
"""

import enum
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from pointbook.domain import currencies
from pointbook.domain.calendar import Expiry
from pointbook.domain.errors import InvalidInput
from pointbook.domain.money import format_scaled, scaled

MAX_POINTS: Final = 1_000_000
MAX_EXPIRY_DAYS: Final = 36_500
LEAST_REVENUE: Final = 100
"""Millionths of the main unit that earn a point: more points than that are a typing error."""
_RATE_PLACES: Final = 6
_MAX_RATE: Final = 10**6 * 10**_RATE_PLACES  # a million of the currency's main unit per point
_LAST_YEAR: Final = 2999


def rate(least: int) -> Callable[[str, object, str], Decimal]:
    def read(field: str, value: object, currency: str) -> Decimal:
        millionths = scaled(field, value, _RATE_PLACES, _MAX_RATE)
        if millionths < least:
            raise InvalidInput(field, f"must be at least {format_scaled(least, _RATE_PLACES)}")
        return plain(Decimal(millionths).scaleb(currencies.exponent(currency) - _RATE_PLACES))

    return read


def plain(number: Decimal) -> Decimal:
    """Without trailing zeros and without an exponent: equal rates look equal."""
    number = number.normalize()
    return number.quantize(Decimal(1)) if number == number.to_integral_value() else number


def write_rate(rate: Decimal, currency: str) -> str:
    places = currencies.exponent(currency)
    amount = plain(rate.scaleb(-places))
    missing = places + int(amount.as_tuple().exponent)
    return f"{amount.quantize(Decimal(1).scaleb(-places)) if missing > 0 else amount:f}"


def whole(least: int, most: int) -> Callable[[str, object, str], int]:
    def read(field: str, value: object, _currency: str) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise InvalidInput(field, f"must be a whole number from {least} to {most}")
        return value

    return read


def truth(field: str, value: object, _currency: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(field, "must be true or false")
    return value


def choice(choices: type[enum.StrEnum]) -> Callable[[str, object, str], enum.StrEnum]:
    def read(field: str, value: object, _currency: str) -> enum.StrEnum:
        if isinstance(value, str) and value in choices.__members__:
            return choices[value]
        raise InvalidInput(field, f"must be one of {', '.join(choices.__members__)}")

    return read


def day(field: str, value: object) -> date:
    """A date in its one ISO form, in a century that somebody may mean."""
    try:
        day = date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        day = None
    if day is None or day.isoformat() != value or day.year > _LAST_YEAR:
        raise InvalidInput(field, f"must be a date like 2026-12-31, at most in {_LAST_YEAR}")
    return day


def optional_day(field: str, value: object, _currency: str) -> date | None:
    return None if value is None else day(field, value)


def one_entry(field: str, value: object, keys: str) -> tuple[str, object]:
    """``{"days": 30}`` → ``("days", 30)``."""
    if isinstance(value, Mapping) and len(value) == 1:
        (key, count), *_ = value.items()
        if key in keys.split():
            return str(key), count
    raise InvalidInput(field, f"must be an object with exactly one of: {', '.join(keys.split())}")


def expiry(field: str, value: object, currency: str) -> Expiry:
    key, given = one_entry(field, value, "days on never")
    if key == "days":
        return Expiry(days=whole(1, MAX_EXPIRY_DAYS)(f"{field}.days", given, currency))
    if key == "on":
        return Expiry(on=day(f"{field}.on", given))
    if given is not True:
        raise InvalidInput(f"{field}.never", "must be true")
    return Expiry()


def optional_expiry(field: str, value: object, currency: str) -> Expiry | None:
    return None if value is None else expiry(field, value, currency)


def write_expiry(expiry: Expiry | None, _currency: str) -> dict[str, Any] | None:
    if expiry is None:
        return None
    if expiry.on is not None:
        return {"on": expiry.on.isoformat()}
    return {"never": True} if expiry.days is None else {"days": expiry.days}


def as_is(value: Any, _currency: str) -> Any:
    return value
