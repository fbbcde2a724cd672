"""R1: whole numbers, minor units, commercial rounding, no float."""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointbook.domain import currencies
from pointbook.domain.errors import InvalidInput
from pointbook.domain.money import (
    MAX_AMOUNT,
    Money,
    Rounding,
    format_scaled,
    scaled,
    spread,
)

NUMBERS = st.integers(min_value=0, max_value=MAX_AMOUNT)
PLACES = st.integers(min_value=0, max_value=8)


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**4))
def test_rounding_is_that_of_the_decimal_library(numerator: int, denominator: int) -> None:
    exact = Decimal(numerator) / Decimal(denominator)  # 28 digits are exact enough to tell a half of 4 digits
    modes = {Rounding.HALF_UP: ROUND_HALF_UP, Rounding.FLOOR: ROUND_FLOOR, Rounding.CEILING: ROUND_CEILING}
    for rounding, mode in modes.items():
        assert rounding.ratio(numerator, denominator) == int(exact.to_integral_value(mode))


@given(st.integers(-(10**12), 10**12))
def test_a_half_goes_away_from_zero(whole: int) -> None:
    half = Fraction(2 * whole + 1, 2)
    assert abs(Rounding.HALF_UP.ratio(*half.as_integer_ratio())) == abs(half) + Fraction(1, 2)


@given(st.data(), st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_shares_sum_to_what_is_spread_and_none_exceeds_its_weight(data: st.DataObject, weights: list[int]) -> None:
    amount = data.draw(st.integers(0, sum(weights)))
    shares = spread(amount, weights)
    assert sum(shares) == amount
    assert all(0 <= share <= weight for share, weight in zip(shares, weights, strict=True))
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share * sum(weights) - amount * weight) <= sum(weights)  # less than a unit from its exact share


def test_the_largest_remainder_gets_the_odd_cent_and_of_equals_the_earlier() -> None:
    assert spread(5, [1, 1, 1]) == [2, 2, 1]
    assert spread(100, [333, 333, 334]) == [33, 33, 34]
    assert spread(0, [0, 0]) == [0, 0]


@pytest.mark.parametrize(("amount", "weights"), [(1, [0]), (1, []), (-1, [5])])
def test_what_nobody_can_bear_is_a_defect(amount: int, weights: list[int]) -> None:
    with pytest.raises(AssertionError):
        spread(amount, weights)


@given(NUMBERS, PLACES)
def test_a_formatted_number_reads_as_itself(number: int, places: int) -> None:
    assert scaled("amount", format_scaled(number, places), places, MAX_AMOUNT) == number


@given(NUMBERS, st.integers(0, 4))
def test_a_decimal_a_text_and_a_whole_number_mean_the_same(number: int, places: int) -> None:
    maximum = MAX_AMOUNT * 10**4
    exact = Decimal(number).scaleb(-places)
    assert scaled("amount", exact, places, maximum) == number
    assert scaled("amount", f"{exact:f}", places, maximum) == number
    assert scaled("amount", number, places, maximum) == number * 10**places


@pytest.mark.parametrize(
    ("text", "number"), [("12.5", 1250), ("12", 1200), ("007.50", 750), ("1.500", 150), ("0", 0)]
)
def test_a_decimal_may_have_fewer_places_or_zeros_beyond_them(text: str, number: int) -> None:
    assert scaled("amount", text, 2, MAX_AMOUNT) == number


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (12.5, "floating-point"),
        (float("nan"), "floating-point"),
        (True, "decimal number"),
        (None, "is required"),
        ([], "decimal number"),
        ("", "decimal number"),
        (".5", "decimal number"),
        ("5.", "decimal number"),
        ("1.2.3", "decimal number"),
        ("1e3", "decimal number"),
        ("+1", "decimal number"),
        (" 1", "decimal number"),
        ("1,50", "decimal number"),
        ("١٢", "decimal number"),
        ("NaN", "decimal number"),
        ("\x00", "decimal number"),
        ("-1.00", "not be negative"),
        (-1, "not be negative"),
        (Decimal("-0.01"), "not be negative"),
        (Decimal("Infinity"), "decimal number"),
        (Decimal("1e999999"), "decimal number"),
        (Decimal("1e-999999"), "decimal number"),
        ("1.005", "at most 2 decimal places"),
        (Decimal("1.005"), "at most 2 decimal places"),
        ("10000000000.01", "at most 10000000000.00"),
        ("9" * 5000, "at most"),
        (10**30, "at most"),
    ],
)
def test_what_is_no_amount_is_refused_with_its_field(value: Any, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason) as refusal:
        scaled("amount", value, 2, MAX_AMOUNT)
    assert refusal.value.field == "amount"


def test_a_whole_number_that_is_remembered_lets_no_float_in() -> None:
    assert scaled("amount", "1", 2, MAX_AMOUNT) == scaled("amount", 1, 2, MAX_AMOUNT) == 100
    for odd in (1.0, True):
        with pytest.raises(InvalidInput):
            scaled("amount", odd, 2, MAX_AMOUNT)


def test_money_has_the_places_of_its_currency() -> None:
    assert Money.parse("1.5", "KWD") == Money(1500, "KWD")
    assert [str(Money(-5, "EUR")), str(Money(5, "JPY")), str(Money(5, "CLF"))] == [
        "-0.05 EUR",
        "5 JPY",
        "0.0005 CLF",
    ]
    with pytest.raises(InvalidInput, match=r"total: .* at most 0 decimal places"):
        Money.parse("1.5", "JPY", "total")


def test_every_currency_has_three_letters_and_known_places() -> None:
    assert len(currencies.EXPONENTS) == 165
    assert all(code.isascii() and code.isupper() and len(code) == 3 for code in currencies.EXPONENTS)
    assert set(currencies.EXPONENTS.values()) == {0, 2, 3, 4}


@pytest.mark.parametrize("code", ["eur", "EURO", "XXX", "XAU", "", "E\x00R", None, 978, [], "DEM"])
def test_what_is_no_currency_is_refused(code: Any) -> None:
    with pytest.raises(InvalidInput, match="ISO 4217"):
        currencies.exponent(code)
