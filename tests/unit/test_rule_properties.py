"""R2, R8, R9: what holds for any rules and any order, and a model without an index that has to agree."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from fractions import Fraction
from itertools import groupby
from json import loads
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pointbook.domain.orders import Discount, Line, LineKind, OrderContent
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.domain.rules import Engine, Occasion, Rule, RuleKind, RuleVersion, Standard, Verdict
from pointbook.domain.rules.reading import FIELDS_OF_KIND
from pointbook.domain.rules.rule import ITEM_KINDS, TOPPING_KINDS, UNIT_KINDS
from tests.unit.documents import settings
from tests.unit.rule_documents import version

SATURDAY = date(2026, 3, 7)
IDS = st.sampled_from(["a", "b", "c"])
SOME = st.lists(IDS, min_size=1, max_size=2, unique=True)
CHOSEN = st.just("ALL") | SOME
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "name": st.just("internal"),
    "points": st.integers(1, 9),
    "moneyPerPoint": st.sampled_from(["0.30", "1.00", "7.00"]),
    "factor": st.sampled_from(["0.5", "1.5", "2", "2.3333"]),
    "targets": SOME,
    "rounding": st.sampled_from(["HALF_UP", "FLOOR", "CEILING"]),
    "stackGroup": st.sampled_from(["item", "other", "revenue"]),
    "excludesMenus": st.booleans(),
    "exclusiveVoucherTypes": st.lists(IDS, max_size=1),
    "inclusiveOfRedeemedValue": st.booleans(),
    "surchargeInBasis": st.booleans(),
    "deliveryFeeInBasis": st.booleans(),
    "availableAtOnce": st.booleans(),
    "expiry": st.sampled_from([None, {"days": 30}, {"never": True}]),
    "stores": CHOSEN | st.just([]),
    "entryChannels": CHOSEN,
    "exitChannels": CHOSEN,
    "weekdays": st.sampled_from([[], ["SATURDAY"], ["MONDAY"]]),
    "holidays": st.sampled_from([[], "ALL", ["Carnival"]]),
    "caps": st.none() | st.builds(lambda most: {"perOrder": most}, st.integers(1, 30)),
}
REQUIRED = {"name", "points", "moneyPerPoint", "factor", "targets"}
SETTINGS = st.builds(
    lambda revenue, base, shipping: settings(
        earnsFromRevenue=revenue, basePointsPerOrder=base, shippingInBasis=shipping, waitingTime={"days": 3}
    ),
    st.booleans(),
    st.integers(0, 5),
    st.booleans(),
)
OCCASIONS = st.tuples(
    st.just(SATURDAY) | st.just(date(2026, 3, 9)),
    st.none() | IDS,
    st.none() | IDS,
    st.none() | IDS,
    st.sampled_from([frozenset(), frozenset({"Carnival"})]),
).map(lambda places: Occasion(*places))


@st.composite
def rule_sets(draw: st.DrawFn) -> list[RuleVersion]:
    kinds = [kind for kind in RuleKind if kind not in (RuleKind.REGISTRATION, RuleKind.SERVICE)]
    chosen = draw(st.lists(st.sampled_from(kinds), max_size=8))
    return [_drawn(draw, number, kind) for number, kind in enumerate(chosen)]


def _drawn(draw: st.DrawFn, number: int, kind: RuleKind) -> RuleVersion:
    fields = FIELDS_OF_KIND[kind] & FIELDS.keys()
    required = {key: FIELDS[key] for key in sorted(fields & REQUIRED)}
    if kind is RuleKind.MULTIPLIER:
        keys = [f"rule {n}" for n in range(8)]
        required["targets"] = st.lists(st.sampled_from([*keys, "REVENUE", "BASE"]), min_size=1, max_size=4)
    optional = {key: FIELDS[key] for key in sorted(fields - REQUIRED)}
    document = draw(st.fixed_dictionaries(required, optional=optional))
    return version(f"rule {number}", kind, number, **document)


@st.composite
def lines(draw: st.DrawFn, number: int) -> Line:
    return Line(
        str(number),
        draw(IDS),
        draw(st.sampled_from([0, 500, 1000, 1000, 2000, 3250])),
        draw(st.integers(0, 2_000)),
        variation_id=draw(st.none() | IDS),
        product_group_ids=tuple(sorted(draw(st.lists(IDS, max_size=2, unique=True)))),
        parent_line_id=draw(st.none() | st.just(str(number - 1))) if number else None,
        kind=draw(st.sampled_from(LineKind)),
        topping_group_id=draw(st.none() | IDS),
    )


@st.composite
def orders(draw: st.DrawFn) -> OrderContent:
    count = draw(st.integers(1, 5))
    bought = tuple(draw(lines(number)) for number in range(count))
    named = st.lists(st.sampled_from([line.id for line in bought]), max_size=2, unique=True).map(tuple)
    vouchers = st.lists(st.builds(Discount, st.integers(0, 300), named, st.just("V"), IDS), max_size=2).map(tuple)
    return OrderContent(bought, (), draw(vouchers), draw(st.integers(0, 300)), draw(st.integers(0, 300)))


Scene = tuple[ProgrammeSettings, list[RuleVersion], OrderContent, Occasion, int]
SCENES = st.tuples(SETTINGS, rule_sets(), orders(), OCCASIONS, st.integers(0, 3_000))


@given(SCENES, st.randoms(use_true_random=False))
def test_the_order_of_rules_and_lines_makes_no_difference(scene: Scene, chance: Any) -> None:
    programme, rules, order, occasion, redeemed = scene
    turned_rules, turned_lines = list(rules), list(order.lines)
    chance.shuffle(turned_rules)
    chance.shuffle(turned_lines)
    result = Engine(programme, rules).evaluate(order, occasion, redeemed)
    turned = Engine(programme, turned_rules).evaluate(
        replace(order, lines=tuple(turned_lines)), occasion, redeemed
    )
    assert (turned.points, turned.parts) == (result.points, result.parts)
    documents = [[trace.to_document() for trace in found.trace(full=True)] for found in (result, turned)]
    for document in (trace for documents_of_one in documents for trace in documents_of_one):
        document.get("lines", []).sort(key=lambda line: line["line"])
    assert documents[0] == documents[1]


@given(SCENES)
def test_a_quote_equals_the_posting(scene: Scene) -> None:
    """What a cart was told is what its order earns: by an engine made anew, from the order as it was kept."""
    programme, rules, order, occasion, redeemed = scene
    quote = Engine(programme, rules).evaluate(order, occasion, redeemed)
    kept = OrderContent.from_stored(loads(order.to_json()))
    posted = Engine(programme, rules).evaluate(kept, occasion, redeemed)
    assert posted.parts == quote.parts
    assert posted.trace(full=True) == quote.trace(full=True)


@given(SCENES, st.data())
def test_splitting_a_line_changes_nothing(scene: Scene, data: st.DataObject) -> None:
    """Into lines of whole quantities with the same total; vouchers that named the line name its parts."""
    programme, rules, order, occasion, redeemed = scene
    whole = [replace_line(line, quantity=line.quantity // 1000 * 1000) for line in order.lines]
    order = replace(order, lines=tuple(whole))
    line = data.draw(st.sampled_from(whole))
    moved = data.draw(st.integers(0, line.quantity // 1000)) * 1000
    amount = data.draw(st.integers(0, line.amount))
    parts = (
        replace_line(line, quantity=line.quantity - moved, amount=line.amount - amount),
        replace_line(line, quantity=moved, amount=amount, id="part"),
    )
    split = replace(
        order,
        lines=tuple(part for other in whole for part in (parts if other is line else (other,))),
        shop_vouchers=tuple(
            voucher._replace(line_ids=(*voucher.line_ids, "part")) if line.id in voucher.line_ids else voucher
            for voucher in order.shop_vouchers
        ),
    )
    engine = Engine(programme, rules)
    assert engine.evaluate(split, occasion, redeemed).parts == engine.evaluate(order, occasion, redeemed).parts


def replace_line(line: Line, **changes: Any) -> Line:
    return line._replace(**changes)


@given(SCENES)
def test_the_trace_adds_up(scene: Scene) -> None:
    programme, rules, order, occasion, redeemed = scene
    engine = Engine(programme, rules)
    result = engine.evaluate(order, occasion, redeemed)
    traces = result.trace(full=True)
    won = [trace for trace in traces if trace.verdict is Verdict.WON and trace.kind is not RuleKind.MULTIPLIER]
    assert sum(trace.points for trace in won) == sum(part.points for part in result.parts) == result.points
    assert {trace.rule for trace in won} == {gain.rule.key for gain in result.gains}
    assert all((trace.why is not None) == (trace.verdict is Verdict.INERT) for trace in traces)
    assert all((trace.lost_to is not None) == (trace.verdict is Verdict.LOST) for trace in traces)
    assert {trace.rule for trace in traces} == {rule.key for rule in rules} | {
        rule.key for rule in engine.rules if rule.version is None
    }
    assert all(result.parts[i].points > 0 for i in range(len(result.parts)))


@given(SCENES)
def test_a_model_without_an_index_agrees(scene: Scene) -> None:
    programme, rules, order, occasion, redeemed = scene
    result = Engine(programme, rules).evaluate(order, occasion, redeemed)
    expected = dict(Model(programme, rules, order, occasion, redeemed).earned())
    assert {gain.rule.key: gain.points for gain in result.gains} == expected


class Model:
    """The rules read once more from the specification: every rule is tried on every line."""

    def __init__(
        self,
        programme: ProgrammeSettings,
        rules: list[RuleVersion],
        order: OrderContent,
        occasion: Occasion,
        redeemed: int,
    ) -> None:
        self.programme, self.order, self.occasion, self.redeemed = programme, order, occasion, redeemed
        self.rules = [(each.key, each.rule) for each in rules if self.matches(each.rule)]
        self.whole = [
            *self.standard(),
            *((k, r) for k, r in self.rules if r.kind in (RuleKind.CART, RuleKind.BASE)),
        ]
        self.unit = [(key, rule) for key, rule in self.rules if rule.kind in UNIT_KINDS]

    def standard(self) -> Iterator[tuple[str, Rule]]:
        programme = self.programme
        if programme.earns_from_revenue:
            yield (
                Standard.REVENUE,
                Rule(
                    RuleKind.CART,
                    "",
                    money_per_point=programme.revenue_per_point,
                    stack_group="revenue",
                    delivery_fee_in_basis=programme.shipping_in_basis,
                ),
            )
        if programme.base_points_per_order:
            yield (
                Standard.BASE,
                Rule(RuleKind.BASE, "", points=programme.base_points_per_order, stack_group="base"),
            )

    def matches(self, rule: Rule) -> bool:
        occasion = self.occasion
        places = [
            (rule.stores, occasion.store),
            (rule.entry_channels, occasion.entry_channel),
            (rule.exit_channels, occasion.exit_channel),
        ]
        day = occasion.day.strftime("%A").upper() in rule.weekdays
        holiday = bool(occasion.holidays) and (
            rule.holidays is None or bool(occasion.holidays & set(rule.holidays))
        )
        any_day = not rule.weekdays and rule.holidays == ()
        return all(some is None or place in some for some, place in places) and (day or holiday or any_day)

    def earned(self) -> Iterator[tuple[str, int]]:
        exact: dict[str, Fraction] = {}
        ages = {key: age for age, (key, _) in enumerate([*self.whole, *self.unit])}
        for line in self.order.lines:
            found = [(key, rule) for key, rule in self.unit if self.is_for(rule, line) and line.quantity]
            for key, rule in self.best(found, {key: self.one_unit(rule, line) for key, rule in found}, ages):
                exact[key] = exact.get(key, Fraction(0)) + self.of_line(rule, line)
        values = {key: self.of_whole(rule) for key, rule in self.whole}
        for key, _ in self.best(self.whole, values, ages):
            exact[key] = values[key]
        for key, rule in [*self.whole, *self.unit]:
            if key in exact:
                rounded = rule.rounding.ratio(*(exact[key] * self.factor(key)).as_integer_ratio())
                yield key, min(rounded, rule.caps.per_order or rounded)

    def best(
        self, rules: list[tuple[str, Rule]], values: dict[str, Fraction], ages: dict[str, int]
    ) -> list[tuple[str, Rule]]:
        def rank(keyed: tuple[str, Rule]) -> tuple[int, int]:
            key, rule = keyed
            figure = rule.rounding.ratio(*(values[key] * self.factor(key)).as_integer_ratio())
            return -figure, ages[key]

        in_groups = groupby(
            sorted(rules, key=lambda keyed: keyed[1].stack_group), lambda keyed: keyed[1].stack_group
        )
        return [min(group, key=rank) for _, group in in_groups]

    def is_for(self, rule: Rule, line: Line) -> bool:
        if (rule.kind in TOPPING_KINDS) != (line.kind is LineKind.TOPPING):
            return False
        ids: set[str | None]
        if rule.kind in (RuleKind.ARTICLE, RuleKind.TOPPING):
            ids = {line.article_id}
        elif rule.kind in (RuleKind.PRODUCT_GROUP, RuleKind.CATEGORY):
            ids = set(line.product_group_ids)
        elif rule.kind is RuleKind.VARIATION:
            ids = {line.variation_id}
        else:
            ids = {line.topping_group_id}
        excluded = rule.kind in ITEM_KINDS and (
            (rule.excludes_menus and self.in_menu(line))
            or any(
                voucher.type in rule.exclusive_voucher_types and line.id in voucher.line_ids
                for voucher in self.order.shop_vouchers
            )
        )
        return bool(ids & set(rule.targets)) and not excluded

    def in_menu(self, line: Line) -> bool:
        parents = [other for other in self.order.lines if other.id == line.parent_line_id]
        return line.kind is LineKind.MENU or any(self.in_menu(parent) for parent in parents)

    def of_line(self, rule: Rule, line: Line) -> Fraction:
        return Fraction(rule.rounding.ratio((rule.points or 0) * line.quantity, 1000))

    def one_unit(self, rule: Rule, line: Line) -> Fraction:
        return Fraction(rule.points or 0) if line.quantity % 1000 == 0 else self.of_line(rule, line)

    def of_whole(self, rule: Rule) -> Fraction:
        if rule.money_per_point is None:
            return Fraction(rule.points or 0)
        order = self.order
        parts = [order.goods, order.minimum_order_surcharge, order.delivery_fee]
        for taken in (order.reductions, 0 if rule.inclusive_of_redeemed_value else self.redeemed):
            left = taken
            for i, part in enumerate(parts):
                parts[i], left = max(0, part - left), max(0, left - part)
        goods, surcharge, delivery_fee = parts
        basis = goods + surcharge * rule.surcharge_in_basis + delivery_fee * rule.delivery_fee_in_basis
        return Fraction(basis) / Fraction(rule.money_per_point)

    def factor(self, key: str) -> Fraction:
        factors = [
            Fraction(rule.factor)
            for _, rule in self.rules
            if rule.kind is RuleKind.MULTIPLIER and rule.factor is not None and key in rule.targets
        ]
        return max(factors, default=Fraction(1))
