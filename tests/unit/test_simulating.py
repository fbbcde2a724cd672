"""Simulating one order after another: what differs is the rule, and caps count as if it had always been so."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pointbook.domain.orders import Line, OrderContent
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.domain.rules import (
    Counter,
    Engine,
    Occasion,
    RuleState,
    RuleVersion,
    Simulated,
    Stand,
    simulate_counted,
    with_version,
)
from tests.unit.rule_documents import sides, version
from tests.unit.test_rule_properties import SETTINGS, orders, rule_sets

MONDAY = date(2026, 3, 2)
CONTENT = OrderContent((Line("1", "a", 1_000, 500),))
CAPS = st.fixed_dictionaries(
    {},
    optional={
        "perOrder": st.integers(1, 20),
        "perDay": st.integers(1, 12),
        "perMember": st.builds(
            lambda points, period: {"points": points, "period": period},
            st.integers(1, 40),
            st.sampled_from(["WEEK", "MONTH", "RULE"]),
        ),
    },
)
Shopping = Sequence[tuple[OrderContent, Occasion]]
SHOPPING: st.SearchStrategy[Shopping] = st.lists(
    st.tuples(orders(), st.integers(0, 9).map(lambda days: Occasion(MONDAY + timedelta(days)))), max_size=5
)


@st.composite
def capped(draw: st.DrawFn, key: str, number: int) -> RuleVersion:
    """Base points or points for everything in a group: so that rules meet, and caps are reached."""
    weekdays = draw(st.sampled_from([[], ["MONDAY"], ["TUESDAY", "SATURDAY"]]))
    more: dict[str, Any] = {"points": draw(st.integers(1, 9)), "weekdays": weekdays, "caps": draw(CAPS)}
    if draw(st.booleans()):
        return version(key, "BASE", number, **more)
    return version(key, "ARTICLE", number, targets=["a", "b"], **more)


def earned(engine: Engine, shopping: Shopping, *, imported: bool = False) -> list[tuple[int, dict[Counter, int]]]:
    """Points of a member's orders and what their records pin; an import reads counters only if it has to."""
    counts: dict[Counter, int] = {}
    told = []
    for content, occasion in shopping:
        pinned = {counter: counts[counter] for counter in engine.counters(occasion) if counter in counts}
        if imported and not engine.depends_on_counters(content, occasion):
            pinned = {}
        result = engine.evaluate(content, occasion, given=pinned)
        for use in result.cap_uses:
            counts[use.counter] = counts.get(use.counter, 0) + use.used
        told.append((result.points, {counter: points for counter, points in pinned.items() if points}))
    return told


def simulated(before: Engine, after: Engine, shopping: Shopping, *, imported: bool = False) -> list[Simulated]:
    stands: dict[Counter, Stand] = {}
    return [
        simulate_counted(before, after, content, occasion, stands, given=pinned)
        for (content, occasion), (_, pinned) in zip(
            shopping, earned(before, shopping, imported=imported), strict=True
        )
    ]


@given(SETTINGS, st.tuples(capped("x", 20), capped("y", 21)), rule_sets(), SHOPPING, st.permutations(range(8)))
def test_the_rules_in_force_change_nothing_in_whatever_order_they_are_asked(
    programme: ProgrammeSettings,
    rules: tuple[RuleVersion, ...],
    others: list[RuleVersion],
    shopping: Shopping,
    turned: list[int],
) -> None:
    engine = Engine(programme, [*rules, *others])
    told = earned(engine, shopping)
    stands: dict[Counter, Stand] = {}
    for place in (number for number in turned if number < len(shopping)):
        content, occasion = shopping[place]
        points, pinned = told[place]
        same = Engine(programme, with_version([*rules, *others], rules[0]))
        one = simulate_counted(engine, same, content, occasion, stands, given=pinned)
        assert (one.before.points, one.after.points, one.by_rule()) == (points, points, {})
    assert all(stand.before == stand.after for stand in stands.values())


@given(
    SETTINGS,
    st.tuples(capped("x", 20), capped("x", 20)),
    st.lists(capped("y", 21), max_size=1),
    SHOPPING,
    st.booleans(),
)
def test_from_the_first_order_on_it_is_as_if_the_proposed_rule_had_always_been_in_force(
    programme: ProgrammeSettings,
    versions: tuple[RuleVersion, RuleVersion],
    others: list[RuleVersion],
    shopping: Shopping,
    imported: bool,  # noqa: FBT001  # drawn
) -> None:
    current, proposed = versions
    rules = [current, *others]
    before, after = Engine(programme, rules), Engine(programme, with_version(rules, proposed))
    told = simulated(before, after, shopping, imported=imported)
    assert [one.before.points for one in told] == [points for points, _ in earned(before, shopping)]
    assert [one.after.points for one in told] == [points for points, _ in earned(after, shopping)]


@given(SETTINGS, capped("x", 20), rule_sets(), SHOPPING, st.sampled_from([RuleState.INACTIVE, RuleState.DELETED]))
def test_switching_off_what_was_never_there_changes_nothing(
    programme: ProgrammeSettings,
    rule: RuleVersion,
    others: list[RuleVersion],
    shopping: Shopping,
    state: RuleState,
) -> None:
    off = RuleVersion(rule.key, rule.number, 2, rule.effective_from, state, rule.rule)
    before, after = Engine(programme, others), Engine(programme, with_version(others, off))
    assert [one.by_rule() for one in simulated(before, after, shopping)] == [{} for _ in shopping]


def test_points_that_other_orders_gave_meanwhile_leave_both_sides_the_same_room() -> None:
    month = {"perMember": {"points": 10, "period": "MONTH"}}
    before = Engine(sides(), [version("x", "BASE", points=4, caps=month)])
    after = Engine(sides(), [version("x", "BASE", points=5, caps=month)])
    counter = Counter("x", "month 2026-03")
    stands: dict[Counter, Stand] = {}

    def one(pinned: int) -> tuple[int, int]:
        order = simulate_counted(before, after, CONTENT, Occasion(MONDAY), stands, given={counter: pinned})
        return order.before.points, order.after.points

    assert one(2) == (4, 5), "2 before the period"
    assert stands[counter] == Stand(6, 7)
    assert one(8) == (2, 1), "2 by an order that is not looked at"
    assert stands[counter] == Stand(10, 10)
    assert one(10) == (0, 0)


def test_an_order_for_which_no_counter_was_read_says_nothing_of_it() -> None:
    caps = {"perMember": {"points": 10, "period": "MONTH"}}
    before = Engine(sides(), [version("x", "ARTICLE", points=4, targets=["a"], caps=caps)])
    after = Engine(sides(), [version("x", "ARTICLE", points=8, targets=["a", "b"], caps=caps)])
    stands: dict[Counter, Stand] = {}
    points = []
    for article, pinned in (("a", 0), ("b", 0), ("a", 4)):
        bought = OrderContent((Line("1", article, 1_000, 500),))
        given = {Counter("x", "month 2026-03"): pinned} if pinned else {}
        one = simulate_counted(before, after, bought, Occasion(MONDAY), stands, given=given)
        points.append((one.before.points, one.after.points))
    assert points == [(4, 8), (0, 2), (4, 0)]
