"""What 1,000 earning rules cost for a cart of 30 lines on one core: python -m bench.rules [carts].

Best of several rounds, CPU time; every cart differs. Most rules are for articles, groups and toppings, half of
them with conditions; some are cart rules and multipliers, which every cart meets.
"""

import sys
from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from bench.domain import best, consume, document
from pointbook.domain.orders import Line, LineKind, OrderContent, parse_order
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.domain.rules import Engine, Occasion, RuleState, RuleVersion, read_rule

RULES: Final = 1_000
LINES: Final = 30
ARTICLES: Final = 600
GROUPS: Final = 600
CROWDED: Final = 40
_SINCE: Final = datetime(2026, 1, 1, tzinfo=UTC)
_ZONE: Final = ZoneInfo("Europe/Berlin")
_TOPPING, _ARTICLE = 2, 10  # shapes of rules
_NESTED = 4  # of five lines one is a topping
_SATURDAY: Final = Occasion(date(2026, 3, 7), "store 3", "till", "counter")


def rule_document(number: int, groups: int) -> dict[str, Any]:
    """Of twenty rules ten are for articles, seven for groups or variations, one for toppings, one for the cart."""
    shape = number % 20
    conditions: dict[str, Any] = {}
    if number % 2:
        conditions = {
            "stores": [f"store {n}" for n in range(number % 9)],
            "entryChannels": ["till", "app"],
            "weekdays": ["SATURDAY", "SUNDAY"],
        }
    head = {"name": f"rule {number}", **conditions}
    if shape == 0:
        return {
            **head,
            "kind": "CART",
            "moneyPerPoint": f"{1 + number % 7}.00",
            "stackGroup": f"cart {number % 4}",
        }
    if shape == 1:
        return {**head, "kind": "MULTIPLIER", "factor": "1.5", "targets": [f"rule {n}" for n in range(2, 12)]}
    points = {**head, "points": 1 + number % 30}
    if shape == _TOPPING:
        return {**points, "kind": "TOPPING", "targets": [f"A-{n}" for n in range(ARTICLES // 10)]}
    if shape < _ARTICLE:
        kind = ("PRODUCT_GROUP", "CATEGORY", "VARIATION")[number % 3]
        return {**points, "kind": kind, "targets": [f"group {number % groups}", f"group {number * 7 % groups}"]}
    return {**points, "kind": "ARTICLE", "targets": [f"A-{(number * k) % ARTICLES}" for k in range(1, 6)]}


def engine(count: int, groups: int) -> Engine:
    """The fewer groups, the more rules every line meets."""
    rules = (
        RuleVersion(f"rule {n}", n, 1, _SINCE, RuleState.ACTIVE, read_rule(rule_document(n, groups), "EUR"))
        for n in range(count)
    )
    return Engine(ProgrammeSettings.from_document({"basePointsPerOrder": 10}, "EUR"), rules, _ZONE)


def cart(number: int) -> OrderContent:
    lines = tuple(
        Line(
            f"{i:02d}",
            f"A-{(number * 7 + i * 13) % ARTICLES}",
            1000 * (1 + i % 3),
            (number * 31 + i * 17) % 9_000,
            variation_id=f"group {(number + i) % GROUPS}",
            product_group_ids=(f"group {(number * 7 + i) % CROWDED}", f"group {i}"),
            parent_line_id=f"{i - 1:02d}" if i % 5 == _NESTED else None,
            kind=LineKind.TOPPING if i % 5 == _NESTED else LineKind.ITEM,
        )
        for i in range(LINES)
    )
    return OrderContent(lines)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    carts = [cart(number) for number in range(count)]
    plain = [parse_order(document(number), "EUR").content for number in range(count)]
    many, crowd, none = engine(RULES, GROUPS), engine(RULES, CROWDED), engine(0, 1)
    met, met_in_crowd = (
        sum(len(each.evaluate(one, _SATURDAY).trace()) for one in carts) // count for each in (many, crowd)
    )
    figures = {
        f"{LINES} lines, {RULES} rules of which they meet {met}": best(
            lambda: consume(many.evaluate(one, _SATURDAY) for one in carts), count
        ),
        "the same with its trace": best(
            lambda: consume(many.evaluate(one, _SATURDAY).trace() for one in carts), count
        ),
        "the same with the trace of every rule": best(
            lambda: consume(many.evaluate(one, _SATURDAY).trace(full=True) for one in carts), count
        ),
        f"{LINES} lines, {RULES} rules of which they meet {met_in_crowd}": best(
            lambda: consume(crowd.evaluate(one, _SATURDAY) for one in carts), count
        ),
        f"{LINES} lines, no rules": best(lambda: consume(none.evaluate(one, _SATURDAY) for one in carts), count),
        "10 lines, no rules": best(lambda: consume(none.evaluate(one, _SATURDAY) for one in plain), count),
        f"reading and compiling {RULES} rules": best(lambda: engine(RULES, GROUPS), 1),
    }
    for name, figure in figures.items():
        print(f"{figure:8.1f} µs  {name}")


if __name__ == "__main__":
    main()
