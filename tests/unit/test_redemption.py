"""R3, R20, R21 and the examples E06, E07, E08, E41: what points are worth and how many a cart takes."""

import hashlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointbook.domain.errors import (
    BelowMinimum,
    CheckoutHasVoucher,
    CurrencyMismatch,
    ExceedsCart,
    InsufficientPoints,
    InvalidInput,
    PointbookError,
)
from pointbook.domain.redemption import (
    MAX_POINTS,
    NOTHING,
    Cart,
    Charge,
    ValuedPoints,
    at_current_value,
    charge,
    charge_within,
    most_within,
    parse_cart,
    points_asked,
    purchase_instant,
    redeem,
    worth,
)
from tests.unit.documents import settings

FIVE = Decimal(5)
RATES = st.integers(1, 99_999).map(lambda number: Decimal(number).scaleb(-4))
LOTS = st.lists(st.builds(ValuedPoints, st.integers(0, 40), RATES), max_size=5)


def lots(*parts: tuple[int, str]) -> list[ValuedPoints]:
    return [ValuedPoints(points, Decimal(value)) for points, value in parts]


def prices(some: list[ValuedPoints]) -> list[Fraction]:
    """The value of every single point, in their order."""
    return [Fraction(lot.value_per_point) for lot in some for _ in range(lot.points)]


# --- against brute force ----------------------------------------------------------------------------------------


@given(LOTS, st.data())
def test_r3_points_are_worth_their_exact_sum_rounded_down(some: list[ValuedPoints], data: st.DataObject) -> None:
    single = prices(some)
    points = data.draw(st.integers(0, len(single)))
    assert worth(some, points) == int(sum(single[:points]))
    assert worth(some) == int(sum(single))


@given(LOTS, st.data())
def test_r3_only_the_fewest_points_that_reach_the_value_are_charged(
    some: list[ValuedPoints], data: st.DataObject
) -> None:
    single = prices(some)
    points = data.draw(st.integers(0, len(single)))
    value = int(sum(single[:points]))
    fewest = next(n for n in range(len(single) + 1) if sum(single[:n]) >= value)
    assert charge(some, points) == Charge(fewest, value)


@given(LOTS, st.integers(-1, 400))
def test_r3_full_redemption_takes_the_most_that_do_not_exceed_the_total(
    some: list[ValuedPoints], limit: int
) -> None:
    single = prices(some)
    most = max((n for n in range(len(single) + 1) if int(sum(single[:n])) <= limit), default=0)
    if limit >= 0:
        assert most_within(some, limit) == most
    assert charge_within(some, limit) == charge(some, most)
    assert charge_within(some, limit).value <= max(limit, 0)


@given(LOTS, st.none() | st.integers(1, 250), st.integers(0, 400), st.integers(0, 50))
def test_r3_a_redemption_is_within_all_limits_or_refused(
    some: list[ValuedPoints], points: int | None, limit: int, minimum: int
) -> None:
    try:
        taken = redeem(some, points, limit, minimum)
    except PointbookError as refusal:
        assert isinstance(refusal, (InsufficientPoints, ExceedsCart, BelowMinimum))  # noqa: PT017
        return
    assert 0 < taken.value <= limit
    assert max(minimum, 1) <= taken.points <= sum(lot.points for lot in some)
    assert points is None or taken.points <= points
    assert charge(some, taken.points) == taken


def test_r3_nothing_is_rounded_between_lots() -> None:
    thirds = lots((1, "0.3333"), (1, "0.3333"), (1, "0.3334"))
    assert worth(thirds) == 1
    assert charge(thirds, 3) == Charge(3, 1)
    assert charge(thirds, 2) == NOTHING
    huge = lots((10**15, "0.0001"), (1, "9999999.9999"))
    assert worth(huge) == 10**11 + 9_999_999


@pytest.mark.parametrize("value", ["5", "5.0", "5E+0", "0.5E1"])
def test_r3_equal_values_are_equal_however_written(value: str) -> None:
    assert charge(lots((100, value), (100, "0.5")), 101) == Charge(100, 500)


def test_more_points_than_there_are_is_a_defect() -> None:
    with pytest.raises(AssertionError):
        worth(lots((1, "5")), 2)
    with pytest.raises(AssertionError):
        redeem(lots((1, "5")), 0, 100)


# --- the examples -----------------------------------------------------------------------------------------------


def test_e06_full_and_partial_redemption() -> None:
    assert redeem(lots((1000, "5")), None, 1999) == Charge(399, 1995)
    assert redeem(lots((250, "5")), None, 1999) == Charge(250, 1250)
    assert redeem(lots((250, "5")), 120, 1999) == Charge(120, 600)


def test_e07_points_that_pay_nothing_more_are_not_charged() -> None:
    assert redeem(lots((1000, "0.5")), 333, 10_000) == Charge(332, 166)
    with pytest.raises(BelowMinimum):
        redeem(lots((1000, "0.5")), 1, 10_000)


def test_e08_each_lot_has_its_own_value_or_todays() -> None:
    a_then_b = lots((100, "5"), (100, "4"))
    today = {"valuePerPoint": "0.04"}
    at_earning = at_current_value(a_then_b, settings(**today, pointValuePolicy="AT_EARNING"))
    current = at_current_value(a_then_b, settings(**today, pointValuePolicy="CURRENT"))
    assert [redeem(some, 150, 10_000).value for some in (at_earning, current)] == [700, 600]


def test_e41_a_smaller_capture_takes_fewer_points() -> None:
    assert charge_within(lots((400, "5")), 1500) == Charge(300, 1500)


# --- refusals ---------------------------------------------------------------------------------------------------


def test_more_than_is_available_is_refused_first() -> None:
    with pytest.raises(InsufficientPoints) as refusal:
        redeem(lots((20, "5")), 80, 10, minimum_points=100)
    assert (refusal.value.requested, refusal.value.available) == (80, 20)


def test_more_than_the_cart_takes_is_refused_with_what_it_takes() -> None:
    with pytest.raises(ExceedsCart) as refusal:
        redeem(lots((1000, "5")), 400, 1999)
    assert refusal.value.maximum_points == 399
    assert redeem(lots((1000, "5")), 399, 1999) == Charge(399, 1995)


def test_the_minimum_is_of_points_charged() -> None:
    some = lots((1000, "0.5"))
    assert redeem(some, 333, 10_000, minimum_points=332).points == 332
    for points in (333, 100):
        with pytest.raises(BelowMinimum) as refusal:
            redeem(some, points, 10_000, minimum_points=333)
        assert refusal.value.minimum_points == 333


@pytest.mark.parametrize(
    ("some", "limit"), [([], 1000), (lots((5, "5")), 0), (lots((5, "5")), 4), (lots((1, "0.5")), 99)]
)
def test_full_redemption_of_nothing_is_below_the_minimum(some: list[ValuedPoints], limit: int) -> None:
    with pytest.raises(BelowMinimum):
        redeem(some, None, limit)


# --- the cart ---------------------------------------------------------------------------------------------------

CART: dict[str, Any] = {"id": "C-1", "total": "19.99", "currency": "EUR"}


def test_a_cart_is_read() -> None:
    assert parse_cart(CART, "EUR") == Cart("C-1", 1999, "EUR")
    full = {**CART, "shopVouchers": ["SUMMER"], "voucherCode": "ABCD-EFGH-JKMN"}
    assert parse_cart(full, "EUR") == Cart("C-1", 1999, "EUR", ("SUMMER",), "ABCD-EFGH-JKMN")
    assert parse_cart({**CART, "shopVouchers": None, "voucherCode": None}, "EUR") == Cart("C-1", 1999, "EUR")
    assert Cart("Ü", 1, "EUR").key == hashlib.sha256("Ü".encode()).digest()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": None}, "cart.id"),
        ({"id": "\ud800"}, "cart.id"),
        ({"total": "-1"}, "cart.total"),
        ({"total": 19.99}, "cart.total"),
        ({"total": None}, "cart.total"),
        ({"currency": None}, "cart.currency"),
        ({"shopVouchers": [""]}, "cart.shopVouchers[0]"),
        ({"shopVouchers": "SUMMER"}, "cart.shopVouchers"),
        ({"voucherCode": 1}, "cart.voucherCode"),
        ({"totl": 1}, "cart.totl"),
    ],
)
def test_a_wrong_cart_is_refused_with_its_path(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_cart({**CART, **change}, "EUR")
    assert refusal.value.field == field


def test_a_cart_is_an_object_in_the_programmes_currency() -> None:
    for wrong, reason in ((None, "is required"), ([], "must be an object")):
        with pytest.raises(InvalidInput, match=f"cart: {reason}"):
            parse_cart(wrong, "EUR")
    with pytest.raises(CurrencyMismatch):
        parse_cart({**CART, "currency": "PLN"}, "EUR")


def test_the_share_of_a_cart_that_points_may_pay_is_rounded_down() -> None:
    cart = Cart("C-1", 1999, "EUR")
    assert [cart.limit(settings(maximumShareOfCart=share)) for share in (100, 50, 1, 0)] == [1999, 999, 19, 0]


def test_r20_a_checkout_carries_no_voucher_but_the_carts_own() -> None:
    own = "ABCD-EFGH-JKM0"
    for code in (None, own, "abcd efgh jkmo"):
        Cart("C-1", 1, "EUR", (), code).refuse_other_vouchers(own)
    Cart("C-1", 1, "EUR").refuse_other_vouchers(None)
    refused = [
        Cart("C-1", 1, "EUR", ("SUMMER",)),
        Cart("C-1", 1, "EUR", (), "ABCD-EFGH-JKMN"),
        Cart("C-1", 1, "EUR", (), "?"),
    ]
    for cart in refused:
        with pytest.raises(CheckoutHasVoucher):
            cart.refuse_other_vouchers(own)
    with pytest.raises(CheckoutHasVoucher):
        Cart("C-1", 1, "EUR", (), own).refuse_other_vouchers(None)


@pytest.mark.parametrize("value", [0, -1, MAX_POINTS + 1, 1.0, "1", True, None])
def test_points_asked_for_are_a_positive_whole_number(value: Any) -> None:
    assert points_asked("points", 1) == 1
    with pytest.raises(InvalidInput, match="points"):
        points_asked("points", value)


def test_r21_a_purchase_lies_within_the_last_seven_days() -> None:
    now = datetime(2026, 3, 8, 12, tzinfo=UTC)
    week, tick = timedelta(days=7), timedelta(microseconds=1)
    for good in (now, now - week):
        assert purchase_instant("purchasedAt", good, now) == good
    for bad in (now + tick, now - week - tick):
        with pytest.raises(InvalidInput, match="purchasedAt: must lie within the last 7 days"):
            purchase_instant("purchasedAt", bad, now)


def test_r19_a_hold_lives_as_long_as_the_setting_says() -> None:
    assert [settings(holdMinutes=minutes).hold_length for minutes in (1, 60)] == [
        timedelta(minutes=1),
        timedelta(hours=1),
    ]
    assert settings().hold_length == timedelta(minutes=15)
