"""R23 to R25: what holds for any order, however it is paid and in whichever pieces it comes back."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import accumulate, pairwise
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from pointbook.domain.errors import ReturnExceedsOrder
from pointbook.domain.orders import Discount, OrderContent
from pointbook.domain.programme_settings import RefundSplit
from pointbook.domain.redemption import ValuedPoints, charge_within, worth
from pointbook.domain.returns import (
    NOTHING_GIVEN_BACK,
    NOTHING_RETURNED,
    Ordered,
    Paid,
    ReturnContent,
    Returned,
    ReturnedLine,
    Share,
    given_back,
    redeemed_left,
    remaining,
)
from pointbook.domain.rules import Engine
from tests.unit.return_documents import EVERYTHING, steps
from tests.unit.test_rule_properties import OCCASIONS, SETTINGS, orders, rule_sets

SPLITS = st.sampled_from(RefundSplit)
EARNS = st.sampled_from([True, True, True, False])
GROSS_ENGINES = st.builds(Engine, SETTINGS, rule_sets())
ENGINES = st.builds(
    lambda programme, rules, net: Engine(replace(programme, net_basis=net), rules),
    SETTINGS,
    rule_sets(),
    st.booleans(),
)


@st.composite
def discounted(draw: st.DrawFn) -> OrderContent:
    """An order of some value whose lines, fees and vouchers are reduced in every way there is."""
    order = draw(orders())
    cents = st.integers(0, 400)
    own = st.lists(cents.map(Discount), max_size=1).map(tuple)
    lines = tuple(
        line._replace(discounts=draw(own), net=draw(st.none() | st.integers(0, line.amount)), earns=draw(EARNS))
        for line in order.lines
    )
    order = replace(order, lines=lines, discounts=draw(own))
    assume(order.total and any(line.quantity or line.amount for line in lines))
    return order


@st.composite
def pieces(draw: st.DrawFn, order: OrderContent, *, rests: bool = True) -> ReturnContent:
    """A document that may ask for too much; ``rests``: also for whatever is left of a line."""
    chosen = draw(st.lists(st.sampled_from(order.lines), max_size=3, unique_by=lambda line: line.id))
    lines = []
    for line in chosen:
        quantity = draw(st.none() | st.sampled_from([250, 500, 1000, line.quantity or 1]))
        amount = draw(st.none() | st.integers(0 if quantity else 1, max(1, line.amount * 3 // 4)))
        if rests or quantity or amount:
            lines.append(ReturnedLine(line.id, quantity, amount))
    fees = (order.minimum_order_surcharge, order.delivery_fee)
    surcharge, delivery_fee = (draw(st.sampled_from([0, 0, 1, fee // 3, fee])) for fee in fees)
    return ReturnContent(tuple(lines), surcharge, delivery_fee)


def accepted(order: OrderContent, documents: Sequence[ReturnContent]) -> list[ReturnContent]:
    """Those of the documents that do not ask for more than is left when they arrive."""
    ordered, so_far, taken = Ordered(order, "EUR"), NOTHING_RETURNED, []
    for document in documents:
        try:
            so_far += ordered.taken(so_far, document)
        except ReturnExceedsOrder:
            continue
        taken.append(document)
    return taken


@st.composite
def histories(draw: st.DrawFn, *, rests: bool = True) -> tuple[OrderContent, list[ReturnContent]]:
    """An order and documents that were all accepted."""
    order = draw(discounted())
    return order, accepted(order, draw(st.lists(pieces(order, rests=rests), max_size=6)))


@st.composite
def payments(draw: st.DrawFn, total: int) -> Paid:
    """What the ledger charges of lots of several values for an order; they come back in the other order."""
    values = st.sampled_from([Decimal(5), Decimal(1), Decimal("0.7"), Decimal("0.5"), Decimal("33.3333")])
    lots = draw(st.lists(st.builds(ValuedPoints, st.integers(1, 300), values), max_size=3))
    left = charge_within(lots, draw(st.integers(0, total))).points
    captured = []
    for lot in lots:
        captured.append(ValuedPoints(min(lot.points, left), lot.value_per_point))
        left -= captured[-1].points
    return Paid(total, tuple(part for part in reversed(captured) if part.points))


def states(order: OrderContent, documents: Sequence[ReturnContent]) -> list[Returned]:
    """What was returned before and after each document."""
    each = Ordered(order, "EUR").walked(documents)
    return list(accumulate(each, initial=NOTHING_RETURNED))


@given(histories())
def test_any_sequence_returns_what_was_ordered_and_never_more(history: tuple[OrderContent, Any]) -> None:
    order, documents = history
    ordered = Ordered(order, "EUR")
    found = [ordered.figures(state) for state in states(order, [*documents, EVERYTHING])]
    for before, after in pairwise(found):
        now = after.less(before)
        assert min([now.surcharge, now.delivery_fee, *(min(line) for line in now.lines.values())], default=0) >= 0
        assert now.value == after.value - before.value
    last = found[-1]
    assert last.value == order.total
    assert {line_id: line.quantity for line_id, line in last.lines.items()} == {
        line.id: line.quantity for line in order.lines
    }
    assert {line_id: line.value for line_id, line in last.lines.items()} == ordered.values


@given(histories())
def test_what_remains_costs_what_is_not_returned(history: tuple[OrderContent, Any]) -> None:
    order, documents = history
    ordered = Ordered(order, "EUR")
    for state in states(order, documents):
        assert remaining(ordered, state).total == order.total - ordered.figures(state).value
    assert remaining(ordered, states(order, [*documents, EVERYTHING])[-1]) == OrderContent(())


@given(histories(rests=False), st.randoms(use_true_random=False))
def test_the_order_of_documents_makes_no_difference(history: tuple[OrderContent, Any], chance: Any) -> None:
    order, documents = history
    turned = list(documents)
    chance.shuffle(turned)
    assume(accepted(order, turned) == turned)
    one, other = states(order, documents)[-1], states(order, turned)[-1]
    ordered = Ordered(order, "EUR")
    assert ordered.figures(one) == ordered.figures(other)
    assert remaining(ordered, one) == remaining(ordered, other)


@given(discounted(), st.data())
def test_two_returns_are_worth_what_one_of_both_is(order: OrderContent, data: st.DataObject) -> None:
    line = data.draw(st.sampled_from(order.lines))
    ordered = Ordered(order, "EUR")
    for field, whole in (("quantity", line.quantity), ("amount", line.amount)):
        first = data.draw(st.integers(0, whole))
        second = data.draw(st.integers(0, whole - first))
        parts = [ReturnContent((ReturnedLine(line.id, **{field: part}),)) for part in (first, second) if part]
        at_once = ReturnContent((ReturnedLine(line.id, **{field: first + second}),))
        if first + second:
            assert ordered.figures(states(order, parts)[-1]) == ordered.figures(states(order, [at_once])[-1])


@given(st.integers(1, 5_000), SPLITS, st.data())
def test_any_sequence_gives_back_exactly_what_was_paid(
    total: int, split: RefundSplit, data: st.DataObject
) -> None:
    paid = data.draw(payments(total))
    returned = sorted({*data.draw(st.lists(st.integers(0, total), max_size=6)), total})
    before = NOTHING_GIVEN_BACK
    for value in returned:
        after = given_back(paid, split, value, before)
        assert min(after.less(before)) >= 0
        assert after == given_back(paid, split, value), "it depends on nothing but what is returned so far"
        assert after.money + after.value <= value
        if after.points < sum(part.points for part in paid.captured):
            assert worth(paid.captured, after.points + 1) > value - after.money, "no whole point waits"
        left = redeemed_left(paid, value, after)
        assert 0 <= left <= min(paid.by_points, total - value)
        assert total - value - left == paid.by_money - after.money
        before = after
    assert (before.money + before.value, before.points) == (total, sum(part.points for part in paid.captured))


@given(st.integers(1, 5_000), st.data())
def test_a_split_that_changes_meanwhile_closes_too(total: int, data: st.DataObject) -> None:
    paid = data.draw(payments(total))
    before = NOTHING_GIVEN_BACK
    for value in [*sorted(data.draw(st.lists(st.integers(0, total), max_size=6))), total]:
        after = given_back(paid, data.draw(SPLITS), value, before)
        assert min(after.less(before)) >= 0
        assert after.money + after.value <= value
        assert after.points <= sum(part.points for part in paid.captured)
        assert 0 <= redeemed_left(paid, value, after) <= min(paid.by_points, total - value)
        before = after
    assert before == given_back(paid, RefundSplit.PROPORTIONAL, total)


@given(histories(), ENGINES, OCCASIONS, SPLITS, st.data())
def test_all_points_earned_are_reversed_in_the_end(
    history: tuple[OrderContent, Any], engine: Engine, occasion: Any, split: Any, data: Any
) -> None:
    order, documents = history
    paid = data.draw(payments(order.total))
    earned, done = steps(order, [*documents, EVERYTHING], engine, occasion, captured=paid.captured, split=split)
    assert min(step.reversed for step in done) >= 0
    assert sum(step.reversed for step in done) == earned
    assert sum(step.money + step.points_value for step in done) == order.total


@given(discounted(), ENGINES, OCCASIONS, st.data())
def test_before_any_return_what_remains_earns_what_the_order_earned(
    order: OrderContent, engine: Engine, occasion: Any, data: st.DataObject
) -> None:
    redeemed = data.draw(st.integers(0, order.total))
    ordered, none_of_a_line = Ordered(order, "EUR"), Returned({order.lines[0].id: Share()})
    assume(ordered.left(none_of_a_line))
    assert remaining(ordered, NOTHING_RETURNED) == order
    whole = remaining(ordered, none_of_a_line)
    result, again = (engine.evaluate(content, occasion, redeemed) for content in (order, whole))
    assert (again.points, again.parts) == (result.points, result.parts)


@given(histories(), GROSS_ENGINES, OCCASIONS, SPLITS, st.data())
def test_what_remains_never_earns_more_where_every_line_earns_and_points_pay_no_fees(
    history: tuple[OrderContent, Any], engine: Engine, occasion: Any, split: Any, data: Any
) -> None:
    """On gross amounts and whole units. Elsewhere more may be earned meanwhile; then nothing is reversed (R25)."""
    order, documents = history
    order = replace(
        order,
        lines=tuple(line._replace(quantity=line.quantity // 1000 * 1000, earns=True) for line in order.lines),
    )
    whole = [
        replace(document, lines=tuple(line for line in document.lines if not (line.quantity or 0) % 1000))
        for document in documents
    ]
    paid = Paid(order.total)
    if not (order.minimum_order_surcharge or order.delivery_fee):
        paid = data.draw(payments(order.total))
    ordered = Ordered(order, "EUR")
    earned, given_so_far = [], NOTHING_GIVEN_BACK
    for state in states(order, accepted(order, whole)):
        value = ordered.figures(state).value
        given_so_far = given_back(paid, split, value, given_so_far)
        left = redeemed_left(paid, value, given_so_far)
        earned.append(engine.evaluate(remaining(ordered, state), occasion, left).points)
    assert earned == sorted(earned, reverse=True)
