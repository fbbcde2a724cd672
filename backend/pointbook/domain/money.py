"""Amounts of money, exact decimals read from text, and the one place where anything is rounded.

Money is an integer of minor units with a currency. Nothing here is a float, and nothing becomes one.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

from pointbook.domain import currencies
from pointbook.domain.errors import InvalidInput

MAX_AMOUNT: Final = 10**12
"""Minor units; no single amount a stranger sends may be larger."""

_POWERS: Final = tuple(int(10**places) for places in range(20))
_MAX_TEXT: Final = 40  # characters of a decimal: far more than any amount needs, far less than hurts


class Rounding(enum.StrEnum):
    """What becomes of a fraction of a point (R2)."""

    HALF_UP = "HALF_UP"
    """Commercial: half away from zero."""
    FLOOR = "FLOOR"
    CEILING = "CEILING"

    def ratio(self, numerator: int, denominator: int) -> int:
        """``numerator / denominator`` as a whole number; ``denominator`` is positive.

        >>> Rounding.HALF_UP.ratio(1, 2), Rounding.HALF_UP.ratio(-1, 2), Rounding.FLOOR.ratio(-1, 2)
        (1, -1, -1)
        """
        assert denominator > 0
        if self is Rounding.FLOOR:
            return numerator // denominator
        if self is Rounding.CEILING:
            return -(-numerator // denominator)
        if numerator < 0:
            return -((-2 * numerator + denominator) // (2 * denominator))
        return (2 * numerator + denominator) // (2 * denominator)


def spread(amount: int, weights: Sequence[int]) -> list[int]:
    """Divide ``amount`` in proportion to ``weights`` by largest remainder; a tie goes to the earlier one.

    The shares sum to exactly ``amount``; with ``amount`` at most the sum of the weights, none exceeds its weight.
    ``amount`` is not negative, and is 0 when all weights are.

    >>> spread(10, [333, 333, 334])
    [3, 3, 4]
    """
    whole = sum(weights)
    if amount == 0:
        return [0] * len(weights)
    assert whole > 0
    assert amount > 0
    shares = [amount * weight // whole for weight in weights]
    missing = amount - sum(shares)
    if missing:
        by_remainder = sorted(range(len(weights)), key=lambda i: -(amount * weights[i] % whole))
        for i in by_remainder[:missing]:
            shares[i] += 1
    return shares


def scaled(field: str, value: object, places: int, maximum: int) -> int:
    """An exact decimal times ``10 ** places``: 0 to ``maximum``, a text, a whole number or a Decimal.

    Raises InvalidInput for anything else; a float is refused because it is seldom the number that was meant.

    >>> scaled("amount", "12.5", places=2, maximum=MAX_AMOUNT)
    1250
    """
    try:
        if isinstance(value, str):
            number = _scaled_text(value, places) if len(value) <= _MAX_TEXT else maximum + 1
        else:
            number = _scaled_number(value, places)
    except ValueError as refusal:
        raise InvalidInput(field, str(refusal)) from None
    if number > maximum:
        raise InvalidInput(field, f"must be at most {format_scaled(maximum, places)}")
    return number


@lru_cache(maxsize=16_384)
def _scaled_text(text: str, places: int) -> int:
    """Integer arithmetic only; the cache pays because prices and quantities repeat."""
    whole, point, part = text.partition(".")
    digits = whole + part
    if not (digits.isascii() and digits.isdigit() and whole and (part or not point)):
        negative = text.startswith("-")
        raise ValueError("must not be negative" if negative else "must be a decimal number like 12.50")
    if len(part) > places:
        part = part.rstrip("0")
        if len(part) > places:
            raise ValueError(f"must have at most {places} decimal places")
    return int(whole + part) * _POWERS[places - len(part)]


def _scaled_number(value: object, places: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        if value < 0:
            raise ValueError("must not be negative")
        return value * _POWERS[places]
    if isinstance(value, Decimal):
        plain = value.is_finite() and abs(value.adjusted()) < _MAX_TEXT
        return _scaled_text(f"{value:f}" if plain else str(value), places)
    if isinstance(value, float):
        raise ValueError("must be a text like 12.50 or a whole number: a floating-point number is not exact")  # noqa: TRY004
    raise ValueError("is required" if value is None else "must be a decimal number like 12.50")


def format_scaled(number: int, places: int) -> str:
    """The inverse of ``scaled``, always with all its places.

    >>> format_scaled(1250, 2), format_scaled(-5, 2), format_scaled(7, 0)
    ('12.50', '-0.05', '7')
    """
    if places == 0:
        return str(number)
    whole, part = divmod(abs(number), 10**places)
    return f"{'-' if number < 0 else ''}{whole}.{part:0{places}d}"


@dataclass(frozen=True, slots=True)
class Money:
    """``amount`` is in minor units of ``currency`` (ISO 4217).

    >>> Money.parse("12.5", "EUR")
    Money(amount=1250, currency='EUR')
    >>> str(Money(1250, "JPY")), Money(1250, "EUR").decimal
    ('1250 JPY', '12.50')
    """

    amount: int
    currency: str

    @classmethod
    def parse(cls, value: object, currency: str, field: str = "amount") -> "Money":
        """A non-negative amount with at most the currency's places; else InvalidInput naming ``field``."""
        return cls(scaled(field, value, currencies.exponent(currency), MAX_AMOUNT), currency)

    @property
    def decimal(self) -> str:
        """The amount in the currency's main unit, with all its places."""
        return format_scaled(self.amount, currencies.exponent(self.currency))

    def __str__(self) -> str:
        return f"{self.decimal} {self.currency}"
