"""R2, R6, R11, R12 and the examples E01, E02, E04, E12, E17: what an order and a joining earn."""

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointbook.domain.discounts import after_discounts
from pointbook.domain.earning import qualifies
from pointbook.domain.money import Rounding
from pointbook.domain.orders import Discount, Line, OrderContent
from pointbook.domain.programme_settings import ProgrammeSettings
from tests.earning_by_settings import evaluate, points_lifetime, sign_up
from tests.unit.documents import amounts, content, line, loyalista, settings

BERLIN = ZoneInfo("Europe/Berlin")
CENTS = st.integers(0, 2_000)


def revenue_points(order: OrderContent, redeemed_value: int = 0, **document: Any) -> int:
    return evaluate(order, settings(**document), redeemed_value).revenue_points


# --- rounding -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "amount", "points"),
    [
        ("1.00", "19.49", 19),
        ("1.00", "19.50", 20),
        ("1.00", "0.49", 0),
        ("1.00", "0.50", 1),
        ("3.00", "50.00", 17),
        ("3.00", "49.49", 16),
    ],
)
def test_e01_revenue_is_rounded_commercially(rate: str, amount: str, points: int) -> None:
    assert revenue_points(amounts(amount), revenuePerPoint=rate) == points


def test_e02_points_are_rounded_once_per_order_not_per_line() -> None:
    assert revenue_points(amounts("0.50", "0.50", "0.50")) == 2
    assert revenue_points(amounts("0.50")) == 1


@pytest.mark.parametrize(("mode", "points"), [("HALF_UP", 2), ("FLOOR", 1), ("CEILING", 2)])
def test_r2_the_mode_of_rounding_is_a_setting(mode: str, points: int) -> None:
    assert revenue_points(amounts("39.99"), revenuePerPoint="20.00", revenueRounding=mode) == points


@given(st.integers(0, 10**9), st.integers(1, 10**7))
def test_r2_revenue_points_are_the_exact_quotient_rounded(cents: int, ten_thousandths: int) -> None:
    rate = Decimal(ten_thousandths).scaleb(-2)  # minor units per point
    order = OrderContent((Line("1", "A", 1000, cents),))
    exact = Fraction(cents) / Fraction(rate)
    earned = evaluate(order, ProgrammeSettings(revenue_per_point=rate, value_per_point=Decimal(5))).points
    assert abs(earned - exact) <= Fraction(1, 2)
    assert earned == Rounding.HALF_UP.ratio(*exact.as_integer_ratio())


# --- the basis ----------------------------------------------------------------------------------------------


def test_e04_what_points_paid_earns_no_revenue_points() -> None:
    order = amounts("50.00")
    earned = [evaluate(order, loyalista(), value) for value in (0, 3000, 5000)]
    assert [(e.revenue_points, e.base_points, e.points) for e in earned] == [
        (50, 10, 60),
        (20, 10, 30),
        (0, 10, 10),
    ]
    assert [e.basis for e in earned] == [5000, 2000, 0]


@pytest.mark.parametrize(
    ("surcharge", "shipping", "points"),
    [(False, False, 10), (True, False, 12), (False, True, 13), (True, True, 15)],
)
def test_e12_fees_count_only_if_switched_on(surcharge: bool, shipping: bool, points: int) -> None:  # noqa: FBT001
    order = content(minimumOrderSurcharge="2.00", deliveryFee="3.00")
    assert revenue_points(order, surchargeInBasis=surcharge, shippingInBasis=shipping) == points


@pytest.mark.parametrize(("redeemed", "points"), [(0, 15), (400, 11), (1000, 5), (1100, 4), (1300, 2), (1500, 0)])
def test_r11_points_pay_goods_first_then_the_fees(redeemed: int, points: int) -> None:
    order = content(minimumOrderSurcharge="2.00", deliveryFee="3.00")
    assert revenue_points(order, redeemed, surchargeInBasis=True, shippingInBasis=True) == points
    assert revenue_points(order, redeemed) == max(0, 10 - redeemed // 100)
    assert revenue_points(order, redeemed, shippingInBasis=True) == max(0, 10 - redeemed // 100) + (
        3 - max(0, redeemed - 1200) // 100
    )


def test_r11_discounts_and_shop_vouchers_lower_the_basis() -> None:
    order = content(
        line(1, "10.00", discounts=[{"amount": "1.00"}]),
        line(2, "20.00"),
        discounts=[{"amount": "2.00"}],
        shopVouchers=[{"code": "V", "amount": "4.00"}],
    )
    assert revenue_points(order) == 23


def test_r11_the_basis_is_never_negative() -> None:
    more_than_goods = content(discounts=[{"amount": "12.00"}], deliveryFee="3.00")
    assert evaluate(more_than_goods, settings()).basis == 0
    assert evaluate(more_than_goods, settings(shippingInBasis=True)).basis == 100  # the 2.00 beyond lower the fee
    assert evaluate(content(discounts=[{"amount": "99.00"}]), settings(shippingInBasis=True)).basis == 0
    assert evaluate(amounts("10.00"), settings(), 999_999).basis == 0


def test_base_points_are_given_for_every_qualifying_order() -> None:
    for order, redeemed in [(amounts("0.00"), 0), (amounts("5.00"), 500), (content(line(1, "9", earns=False)), 0)]:
        assert evaluate(order, loyalista(), redeemed).points == 10


def test_a_line_of_quantity_0_counts_by_its_amount() -> None:
    assert revenue_points(content(line(1, "3.00", quantity=0), line(2, "2.00", quantity="2500"))) == 5


# --- lines that do not earn -----------------------------------------------------------------------------------


def test_r14_a_line_that_does_not_earn_earns_nothing_and_bears_its_share() -> None:
    card = line(2, "30.00", earns=False)
    assert revenue_points(content(line(1, "10.00"), card)) == 10
    assert revenue_points(content(line(1, "10.00"), card, discounts=[{"amount": "20.00"}])) == 5
    assert revenue_points(content(line(1, "10.00"), card, discounts=[{"amount": "8.00", "lineIds": ["L1"]}])) == 2
    assert revenue_points(content(line(1, "10.00"), card, discounts=[{"amount": "8.00", "lineIds": ["L2"]}])) == 10
    assert revenue_points(content(line(1, "10.00"), {**card, "discounts": [{"amount": "8.00"}]})) == 10
    assert revenue_points(content(line(1, "10.00"), card), 2000) == 5


def test_r23_an_order_level_discount_is_spread_by_largest_remainder() -> None:
    thirds = content(line(1, "0.01"), line(2, "0.01"), line(3, "0.01"), discounts=[{"amount": "0.02"}])
    assert after_discounts(thirds).lines == [0, 0, 1]
    order = content(line(1, "3.33"), line(2, "3.33"), line(3, "3.34"), discounts=[{"amount": "5.00"}])
    assert after_discounts(order).lines == [166, 167, 167]


def test_what_named_lines_cannot_bear_is_borne_by_all_then_by_the_fees() -> None:
    lines = [line(1, "5.00"), line(2, "10.00"), line(3, "10.00")]
    named = {"amount": "9.00", "lineIds": ["L1"]}
    due = after_discounts(content(*lines, discounts=[named]))
    assert list(due.lines) == [0, 800, 800]
    fees: dict[str, Any] = {"minimumOrderSurcharge": "1.00", "deliveryFee": "3.00"}
    due = after_discounts(content(*lines, discounts=[{**named, "amount": "27.00"}], **fees))
    assert (list(due.lines), due.surcharge, due.delivery_fee) == ([0, 0, 0], 0, 200)
    due = after_discounts(content(*lines, discounts=[{**named, "amount": "100.00"}], **fees))
    assert (list(due.lines), due.surcharge, due.delivery_fee) == ([0, 0, 0], 0, 0)


@st.composite
def contents(draw: st.DrawFn, earns: st.SearchStrategy[bool]) -> OrderContent:
    discounts = st.lists(st.builds(Discount, CENTS), max_size=2).map(tuple)
    lines = tuple(
        Line(
            str(i),
            "A",
            1000,
            amount,
            net=draw(st.none() | st.integers(0, amount)),
            discounts=draw(discounts),
            earns=draw(earns),
        )
        for i, amount in enumerate(draw(st.lists(CENTS, min_size=1, max_size=5)))
    )
    some_lines = st.lists(st.sampled_from([line.id for line in lines]), unique=True, max_size=3).map(tuple)
    named = st.lists(st.builds(Discount, CENTS, some_lines), max_size=2).map(tuple)
    return OrderContent(lines, draw(named), draw(named), draw(CENTS), draw(CENTS))


@given(contents(st.booleans()))
def test_what_is_due_after_discounts_is_the_total(order: OrderContent) -> None:
    due = after_discounts(order)
    assert all(0 <= left <= line.amount for left, line in zip(due.lines, order.lines, strict=True))
    assert 0 <= due.surcharge <= order.minimum_order_surcharge
    assert 0 <= due.delivery_fee <= order.delivery_fee
    assert sum(due.lines) + due.surcharge + due.delivery_fee == order.total


@given(contents(st.just(value=True)), CENTS, st.booleans(), st.booleans())
def test_the_sum_and_the_lines_give_the_same_points(
    order: OrderContent,
    redeemed: int,
    surcharge: bool,  # noqa: FBT001
    shipping: bool,  # noqa: FBT001
) -> None:
    """If every line earns, the goods count as one line; a free line that does not earn forces the other way."""
    rules = settings(surchargeInBasis=surcharge, shippingInBasis=shipping)
    by_lines = OrderContent(
        (*order.lines, Line("x", "A", 1000, 0, earns=False)),
        order.discounts,
        order.shop_vouchers,
        order.minimum_order_surcharge,
        order.delivery_fee,
    )
    assert evaluate(order, rules, redeemed) == evaluate(by_lines, rules, redeemed)
    bare = max(0, order.total - redeemed)
    assert evaluate(order, settings(surchargeInBasis=True, shippingInBasis=True), redeemed).basis == bare


# --- net ------------------------------------------------------------------------------------------------------


def test_r11_a_net_basis_counts_the_net_part_of_what_is_left() -> None:
    order = content(line(1, "11.90", net="10.00"), line(2, "10.70", tax="0.70"), line(3, "5.00"))
    assert evaluate(order, settings(netBasis=True)).basis == 2500
    assert evaluate(order, settings()).basis == 2760
    halved = content(line(1, "11.90", net="10.00"), discounts=[{"amount": "5.95"}], deliveryFee="3.00")
    assert evaluate(halved, settings(netBasis=True)).basis == 500
    assert evaluate(halved, settings(netBasis=True, shippingInBasis=True)).basis == 800
    assert evaluate(halved, settings(netBasis=True), 595).basis == 0


def test_r2_a_net_basis_is_rounded_once() -> None:
    thirds = content(*(line(n, "0.03", net="0.02") for n in range(3)), discounts=[{"amount": "0.03"}])
    earned = evaluate(thirds, settings(netBasis=True, revenuePerPoint="0.01"))
    assert (earned.revenue_points, earned.basis) == (4, 4)  # three times 4/3, not three times 1
    half = content(line(1, "0.04", net="0.03"), discounts=[{"amount": "0.02"}])
    assert evaluate(half, settings(netBasis=True)).basis == 2  # 1.5


# --- qualifying, lifetime, joining ------------------------------------------------------------------------------


def test_r6_an_order_qualifies_by_its_status() -> None:
    rules = settings(qualifyingStatuses=["paid", "7.1"])
    assert [qualifies(status, rules) for status in ("paid", "7.1", "Paid", "paid ", "7", "")] == [
        True,
        True,
        *[False] * 4,
    ]


def test_r16_points_have_the_programmes_waiting_time_and_expiry() -> None:
    earned = datetime(2026, 3, 1, 9, tzinfo=UTC)
    rules = settings(waitingTime={"days": 30}, expiry={"days": 150})
    assert points_lifetime(rules, earned, BERLIN) == (
        datetime(2026, 3, 31, 8, tzinfo=UTC),
        datetime(2026, 7, 29, 22, tzinfo=UTC),
    )
    assert points_lifetime(settings(expiry={"on": "2026-02-28"}), earned, BERLIN) is None


MARCH = {
    "signUpPoints": 100,
    "signUpFrom": "2026-03-01",
    "signUpUntil": "2026-03-31",
    "waitingTime": {"hours": 48},
}


@pytest.mark.parametrize(
    ("joined", "points"),
    [
        ("2026-02-28T23:59:59.999999+01:00", None),
        ("2026-03-01T00:00:00+01:00", 100),
        ("2026-03-31T23:59:59+02:00", 100),
        ("2026-04-01T00:00:00+02:00", None),
    ],
)
def test_e17_sign_up_points_are_for_joining_within_the_period(joined: str, points: int | None) -> None:
    gift = sign_up(settings(**MARCH), datetime.fromisoformat(joined), BERLIN)
    assert (gift and gift.points) == points


def test_e17_sign_up_points_may_be_available_at_once() -> None:
    joined = datetime(2026, 3, 10, 12, tzinfo=UTC)
    waiting = sign_up(settings(**MARCH), joined, BERLIN)
    at_once = sign_up(settings(**MARCH, signUpAvailableAtOnce=True), joined, BERLIN)
    assert waiting is not None
    assert at_once is not None
    assert [waiting.lifetime.available_from, at_once.lifetime.available_from] == [
        datetime(2026, 3, 12, 12, tzinfo=UTC),
        joined,
    ]


def test_r12_sign_up_points_may_have_an_expiry_of_their_own() -> None:
    joined = datetime(2026, 3, 10, 12, tzinfo=UTC)

    def ends(**document: Any) -> date | None:
        gift = sign_up(settings(signUpPoints=5, **document), joined, BERLIN)
        return gift and gift.lifetime.expires_at and gift.lifetime.expires_at.date()

    assert ends() == date(2027, 3, 10)
    assert ends(signUpExpiry={"days": 30}) == date(2026, 4, 9)
    assert ends(signUpExpiry={"on": "2026-01-01"}) is None
    assert sign_up(settings(), joined, BERLIN) is None
    for_ever = sign_up(settings(signUpPoints=5, signUpExpiry={"never": True}), joined, BERLIN)
    assert for_ever is not None
    assert for_ever.lifetime.expires_at is None
