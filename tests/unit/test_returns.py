"""The examples of returns (E24-E26, E28-E30, E43), and what remains of orders that are no plain list."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from pointbook.domain.errors import InvalidInput, ReturnExceedsOrder
from pointbook.domain.orders import OrderContent
from pointbook.domain.programme_settings import RefundSplit
from pointbook.domain.redemption import ValuedPoints
from pointbook.domain.returns import (
    NOTHING_RETURNED,
    CapturedPart,
    GivenBack,
    LineFigures,
    Ordered,
    Paid,
    ReturnContent,
    Returned,
    Share,
    given_back,
    giving_order,
    grace_end,
    remaining,
)
from pointbook.domain.rules import Engine, Rule, RuleVersion, rules_in_force
from tests.unit.documents import amounts, content, line, loyalista, settings
from tests.unit.return_documents import EVERYTHING, Step, points_worth, returned, steps
from tests.unit.rule_documents import TODAY, sides, version

L: Final = Engine(loyalista())
PIZZA: Final = version("pizza", "ARTICLE", 1, points=5, targets=["pizza"], excludesMenus=True)
COLA: Final = version("cola", "ARTICLE", 2, points=2, targets=["cola"])
CHEESE: Final = version("cheese", "TOPPING", 3, points=1, targets=["cheese"])
CART: Final = version("cart", "CART", 4, moneyPerPoint="1.00")
S: Final = Engine(sides(), [PIZZA, COLA, CHEESE])
POINTS_FIRST, MONEY_FIRST, PROPORTIONAL = (
    RefundSplit.POINTS_FIRST,
    RefundSplit.MONEY_FIRST,
    RefundSplit.PROPORTIONAL,
)


def so_far(order: OrderContent, *documents: ReturnContent) -> Returned:
    return sum(Ordered(order, "EUR").walked(documents), NOTHING_RETURNED)


def left(order: OrderContent, *documents: ReturnContent) -> OrderContent:
    """What remains after documents."""
    return remaining(Ordered(order, "EUR"), so_far(order, *documents))


def values(order: OrderContent, *documents: ReturnContent) -> list[int]:
    """The value that each document returns."""
    ordered = Ordered(order, "EUR")
    figures = [ordered.figures(so_far(order, *documents[:n])).value for n in range(len(documents) + 1)]
    return [after - before for before, after in pairwise(figures)]


def units(number: int, quantity: float | str, amount: str | None = None) -> dict[str, Any]:
    asked: dict[str, Any] = {"id": f"L{number}", "quantity": quantity}
    return asked if amount is None else asked | {"amount": amount}


def money(number: int, amount: str) -> dict[str, Any]:
    return {"id": f"L{number}", "amount": amount}


# --- The examples ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("split", RefundSplit)
def test_e24_a_full_return_gives_all_points_and_the_money_back(split: RefundSplit) -> None:
    earned, done = steps(amounts("80.00"), [EVERYTHING], L, TODAY, captured=points_worth(600), split=split)
    assert (earned, done) == (60, [Step(8000, 600, 5000, 60, 3000)])


@pytest.mark.parametrize(
    ("split", "first", "second"),
    [
        (POINTS_FIRST, Step(3200, 600, 200, 2, 3000), Step(4800, 0, 4800, 58, 0)),
        (MONEY_FIRST, Step(3200, 0, 3200, 32, 0), Step(4800, 600, 1800, 28, 3000)),
        (PROPORTIONAL, Step(3200, 240, 2000, 20, 1200), Step(4800, 360, 3000, 40, 1800)),
    ],
)
def test_e25_a_partial_return_is_split_as_the_programme_says(
    split: RefundSplit, first: Step, second: Step
) -> None:
    order, documents = amounts("32.00", "48.00"), [returned("L0"), returned("L1")]
    assert steps(order, documents, L, TODAY, captured=points_worth(600), split=split) == (60, [first, second])


def test_e26_one_by_one_is_judged_as_a_whole() -> None:
    order = content(line(1, "3.00", quantity=3))
    earned, done = steps(order, [returned(units(1, 1))] * 3, Engine(settings(revenuePerPoint="2")), TODAY)
    assert (earned, [step.reversed for step in done]) == (2, [1, 0, 1])
    assert [step.value for step in done] == [100, 100, 100]


@pytest.mark.parametrize(
    ("days", "zone", "end"),
    [
        (30, "Europe/Berlin", datetime(2026, 7, 10, 22, tzinfo=UTC)),
        (30, "UTC", datetime(2026, 7, 11, tzinfo=UTC)),
        (1, "Europe/Berlin", datetime(2026, 6, 11, 22, tzinfo=UTC)),
        (0, "Europe/Berlin", None),
    ],
)
def test_e28_the_grace_is_counted_in_local_days(days: int, zone: str, end: datetime | None) -> None:
    assert grace_end(datetime(2026, 6, 10, 21, 59, tzinfo=UTC), days, ZoneInfo(zone)) == end


def test_e29_more_than_was_ordered_is_refused_and_the_rest_can_still_be_returned() -> None:
    order = Ordered(content(line(1, "20.00", quantity=2), line(2, "5.00")), "EUR")
    with pytest.raises(ReturnExceedsOrder) as refusal:
        order.taken(NOTHING_RETURNED, returned("L2", units(1, 3)))
    failure = refusal.value
    assert (failure.line, failure.measure, failure.ordered, failure.returned, failure.asked) == (
        *("L1", "quantity", "2", "0", "3"),
    )
    one = order.taken(NOTHING_RETURNED, returned(units(1, "1.5")))
    with pytest.raises(ReturnExceedsOrder) as refusal:
        order.taken(one, returned(units(1, 1)))
    assert (refusal.value.returned, refusal.value.asked) == ("1.5", "1")
    rest = order.taken(one, returned(units(1, "0.5")))
    assert order.figures(one + rest).lines == {"L1": LineFigures(2000, 2000)}


def test_e30_what_remains_is_judged_by_the_rules_of_then() -> None:
    then = version("cart", "CART", moneyPerPoint="1.00")
    rule: Rule = version("cart", "CART", moneyPerPoint="0.50").rule
    doubled = RuleVersion("cart", 1, 2, datetime(2026, 3, 5, tzinfo=UTC), then.state, rule)
    ordered, later = (
        Engine(sides(), rules_in_force([then, doubled], datetime(2026, 3, day, 12, tzinfo=UTC))) for day in (4, 6)
    )
    order = amounts("10.00", "5.00")
    assert later.evaluate(order, TODAY).points == 30
    earned, done = steps(order, [returned("L1"), EVERYTHING], ordered, TODAY)
    assert (earned, [step.reversed for step in done]) == (15, [5, 10])


def test_e43_odd_cents_wait_for_the_next_document() -> None:
    order = amounts("3.33", "3.33", "3.34")
    documents = [returned(f"L{n}") for n in range(3)]
    earned, done = steps(order, documents, L, TODAY, captured=points_worth(100))
    assert earned == 15
    assert done == [Step(333, 33, 167, 2, 165), Step(333, 33, 166, 1, 165), Step(334, 34, 167, 12, 170)]


# --- The value of what is returned (R23) -----------------------------------------------------------------------


def test_a_line_is_worth_its_share_after_all_discounts() -> None:
    order = content(
        line(1, "20.00", quantity=2, discounts=[{"amount": "2.00"}]),
        line(2, "12.00"),
        line(3, "10.00"),
        discounts=[{"amount": "3.70"}],
        shopVouchers=[{"code": "V", "amount": "3.00", "lineIds": ["L2"]}],
    )
    assert [Ordered(order, "EUR").values[f"L{n}"] for n in (1, 2, 3)] == [1620, 810, 900]
    assert values(order, returned(units(1, 1)), returned("L2"), returned("L3"), returned("L1")) == [
        *(810, 810, 900, 810),
    ]


def test_an_amount_is_before_discounts_as_the_line_states_it() -> None:
    order = content(line(1, "20.00", quantity=2), discounts=[{"amount": "5.00"}])
    assert values(order, returned(money(1, "4.00")), returned(units(1, 1, "10.00"))) == [300, 750]
    with pytest.raises(ReturnExceedsOrder) as refusal:
        so_far(order, returned(money(1, "4.00")), returned(units(1, 2, "16.01")))
    failure = refusal.value
    assert (failure.measure, failure.ordered, failure.returned, failure.asked) == (
        "amount",
        "20.00",
        "4.00",
        "16.01",
    )


def test_a_quantity_returns_what_amounts_have_left_of_its_share() -> None:
    order = content(line(1, "20.00", quantity=2))
    assert values(order, returned(money(1, "3.00")), returned(units(1, 1)), returned(units(1, 1))) == [
        *(300, 1000, 700),
    ]


def test_shares_are_rounded_half_up_over_all_documents() -> None:
    assert values(content(line(1, "2.00", quantity=3)), *[returned(units(1, 1))] * 3) == [67, 66, 67]


def test_a_shop_may_round_a_share_up() -> None:
    order = content(line(1, "10.00", quantity=3))
    (first, second) = Ordered(order, "EUR").walked([returned(units(1, 1)), returned(units(1, 2, "6.67"))])
    assert (first + second).of("L1") == Share(3000, Fraction(1))
    assert values(order, returned(units(1, 1)), returned(units(1, 2, "6.67"))) == [333, 667]
    with pytest.raises(ReturnExceedsOrder):
        so_far(order, returned(units(1, 1)), returned(units(1, 2, "6.68")))


def test_units_may_come_back_for_less_and_the_rest_of_the_value_stays() -> None:
    order = amounts("20.00", "5.00")
    kept = left(order, returned(units(0, 1, "15.00")), returned("L1"))
    assert [(each.id, each.quantity) for each in kept.lines] == [("L0", 0)]
    assert kept.total == 500
    assert L.evaluate(kept, TODAY).points == 5 + 10
    assert left(order, returned(units(0, 1, "15.00")), returned("L1"), returned("L0")).lines == ()


def test_fees_are_returned_when_they_are_named_or_nothing_remains() -> None:
    order = content(line(1, "10.00"), line(2, "5.00"), deliveryFee="4.90", minimumOrderSurcharge="1.00")
    assert values(order, returned("L1"), returned("L2")) == [1000, 500 + 590]
    assert values(order, returned("L1", deliveryFee="2.00"), returned("L2")) == [1200, 500 + 390]
    assert values(order, returned("L1", "L2", deliveryFee="4.90"), EVERYTHING) == [2090, 0]
    assert values(order, returned(minimumOrderSurcharge="1.00"), EVERYTHING) == [100, 1990]
    with pytest.raises(ReturnExceedsOrder) as refusal:
        so_far(order, returned(deliveryFee="2.00"), returned(deliveryFee="3.00"))
    assert (refusal.value.line, refusal.value.returned) == ("deliveryFee", "2.00")
    with pytest.raises(ReturnExceedsOrder):
        so_far(amounts("10.00"), returned("L0", deliveryFee="0.01"))


def test_fees_count_as_far_as_they_are_in_the_basis() -> None:
    order = content(line(1, "10.00"), line(2, "5.00"), deliveryFee="4.00")
    engine = Engine(loyalista(shippingInBasis=True))
    earned, done = steps(order, [returned("L1"), returned(deliveryFee="4.00"), returned("L2")], engine, TODAY)
    assert (earned, [step.reversed for step in done]) == (29, [10, 4, 15])
    earned, done = steps(order, [returned("L1"), returned(deliveryFee="4.00"), returned("L2")], L, TODAY)
    assert (earned, [step.reversed for step in done]) == (25, [10, 0, 15])


def test_a_discount_beyond_the_goods_lowers_the_fee_that_is_returned() -> None:
    order = content(line(1, "3.00"), deliveryFee="4.00", discounts=[{"amount": "5.00"}])
    assert values(order, returned(deliveryFee="2.00"), EVERYTHING) == [100, 100]


def test_a_line_that_the_order_does_not_have_is_refused() -> None:
    with pytest.raises(InvalidInput, match="L9 is not the id of a line of the order"):
        so_far(amounts("10.00"), returned("L9"))


# --- What remains (R25) ----------------------------------------------------------------------------------------


def test_money_alone_leaves_the_units_and_their_points() -> None:
    order = content(line(1, "20.00", articleId="cola", quantity=2))
    engine = Engine(loyalista(), [COLA])
    kept = left(order, returned(money(1, "20.00")))
    assert [(each.quantity, kept.total) for each in kept.lines] == [(2000, 0)]
    earned, done = steps(
        order, [returned(money(1, "5.00")), returned(money(1, "15.00")), EVERYTHING], engine, TODAY
    )
    assert (earned, [step.reversed for step in done]) == (20 + 4 + 10, [5, 15, 14])


def test_a_line_of_quantity_0_is_returned_by_its_amount_or_whole() -> None:
    order = content(line(1, "10.00", quantity=0), line(2, "1.00"))
    assert values(order, returned(money(1, "4.00")), returned("L1")) == [400, 600]
    assert [each.id for each in left(order, returned("L1")).lines] == ["L2"]
    with pytest.raises(ReturnExceedsOrder):
        so_far(order, returned(units(1, 1)))


def test_a_paid_part_of_a_menu_stays_a_part_of_it_when_the_menu_is_gone() -> None:
    order = content(
        line(1, "10.00", articleId="menu", kind="MENU"),
        line(2, "5.00", articleId="pizza", parentLineId="L1"),
        line(3, "1.00", articleId="cheese", parentLineId="L2", kind="TOPPING"),
    )
    documents = [returned("L1"), returned("L2"), returned("L3")]
    kept = left(order, *documents[:2])
    assert [(each.id, each.quantity) for each in kept.lines] == [("L1", 0), ("L2", 0), ("L3", 1000)]
    assert kept.total == 100
    earned, done = steps(order, documents, S, TODAY)
    assert (earned, [step.reversed for step in done]) == (1, [0, 0, 1])


def test_what_costs_nothing_goes_with_the_line_that_it_belongs_to() -> None:
    order = content(
        line(1, "20.00", articleId="menu", kind="MENU", quantity=2),
        line(2, "0.00", articleId="cola", parentLineId="L1", quantity=2),
        line(3, "0.00", articleId="cheese", parentLineId="L2", kind="TOPPING", quantity=4),
    )
    earned, done = steps(order, [returned(units(1, 1)), returned(units(1, 1))], S, TODAY)
    assert (earned, [step.reversed for step in done]) == (8, [4, 4])
    assert left(order, returned("L1")).lines == ()
    assert left(order, returned("L1"), returned(units(2, 2))).lines == ()
    with pytest.raises(ReturnExceedsOrder):
        so_far(order, returned("L1"), returned(units(2, 3)))


def test_exclusive_vouchers_go_on_excluding_the_lines_that_remain() -> None:
    exclusive = version("pizza", "ARTICLE", 1, points=5, targets=["pizza"], exclusiveVoucherTypes=["2for1"])
    order = content(
        line(1, "8.00", articleId="pizza"),
        line(2, "8.00", articleId="pizza"),
        line(3, "8.00", articleId="pizza"),
        shopVouchers=[{"code": "V", "type": "2for1", "amount": "8.00", "lineIds": ["L1", "L2"]}],
    )
    engine = Engine(sides(), [exclusive, CART])
    earned, done = steps(order, [returned("L1"), returned("L3"), returned("L2")], engine, TODAY)
    assert (earned, [step.reversed for step in done]) == (16 + 5, [4, 8 + 5, 4])


def test_a_net_basis_falls_in_proportion() -> None:
    order = content(line(1, "11.90", net="10.00", quantity=2), line(2, "10.00", net="9.35"))
    engine = Engine(settings(netBasis=True))
    earned, done = steps(order, [returned(units(1, 1)), returned(money(2, "5.00")), EVERYTHING], engine, TODAY)
    assert (earned, [step.reversed for step in done]) == (19, [5, 4, 10])


def test_base_points_fall_only_when_nothing_remains() -> None:
    order = content(line(1, "10.00"), line(2, "0.00"))
    earned, done = steps(order, [returned("L1"), returned("L2")], L, TODAY)
    assert (earned, [step.reversed for step in done]) == (20, [10, 10])


def test_what_remains_may_earn_more_and_nothing_is_reversed_then() -> None:
    order = content(line(1, "50.00"), line(2, "50.00", earns=False))
    documents = [returned("L2"), returned(money(1, "10.00")), EVERYTHING]
    earned, done = steps(order, documents, L, TODAY, captured=points_worth(1000), split=POINTS_FIRST)
    assert (earned, [step.reversed for step in done]) == (35, [0, 0, 35])


# --- The split (R24) -------------------------------------------------------------------------------------------


def test_points_return_to_the_lots_that_would_have_been_spent_last() -> None:
    def part(lot: int, cents: str, available: int, expires: datetime | None) -> CapturedPart:
        return CapturedPart(lot, 10, Decimal(cents), datetime(2026, 1, available, tzinfo=UTC), expires)

    june, december = datetime(2026, 6, 30, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC)
    spent = [
        part(3, "1", 1, june),
        part(1, "2", 1, december),
        part(4, "3", 1, december),
        part(2, "4", 2, december),
    ]
    spent.append(part(0, "5", 1, None))
    for parts in (spent, spent[::-1]):
        assert [each.value_per_point for each in giving_order(parts)] == [5, 4, 3, 2, 1]


def test_each_point_counts_with_the_value_that_it_was_captured_at() -> None:
    # 10 points of 6 cents expire last and come back first, then 10 of 4 cents; 10.00 were paid, 1.00 by points
    paid = Paid(1000, (ValuedPoints(10, Decimal(6)), ValuedPoints(10, Decimal(4))))
    assert [given_back(paid, POINTS_FIRST, value) for value in (5, 6, 67, 68, 100)] == [
        GivenBack(0, 0, 0),
        GivenBack(0, 1, 6),
        GivenBack(0, 11, 64),
        GivenBack(0, 12, 68),
        GivenBack(0, 20, 100),
    ]


def test_points_that_are_worth_more_than_the_order_are_all_given_back_in_the_end() -> None:
    paid = Paid(1000, points_worth(300))
    assert (paid.by_points, paid.by_money) == (1000, 0)
    assert given_back(paid, PROPORTIONAL, 500) == GivenBack(0, 100, 500)
    assert given_back(paid, PROPORTIONAL, 1000) == GivenBack(0, 300, 1500)


def test_a_changed_split_takes_nothing_back_and_still_closes() -> None:
    paid = Paid(8000, points_worth(600))
    first = given_back(paid, POINTS_FIRST, 3200)
    second = given_back(paid, MONEY_FIRST, 4000, first)
    third = given_back(paid, PROPORTIONAL, 6000, second)
    assert (second, third) == (GivenBack(1000, 600, 3000), GivenBack(3000, 600, 3000))
    assert given_back(paid, MONEY_FIRST, 8000, third) == GivenBack(5000, 600, 3000)
