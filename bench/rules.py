"""What earning rules cost on one core, by rules and lines of a cart, with and without the trace.

A restaurant chain with 200 stores, 600 articles in 60 groups and three channels: most rules are for articles and
groups, half of them in some of the stores only; every cart is of another store, in a week with a holiday. How
many rules may give points to a cart, and how many are for something in it, is printed with the figures. Best of
several rounds, CPU time; Python calls are what does not depend on the machine or on what else it does.
"""

import cProfile
import pstats
import random
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from bench.domain import best, consume
from pointbook.domain.orders import Line, LineKind, OrderContent
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.domain.rules import Engine, Occasion, RuleState, RuleVersion, Verdict, Why, read_rule

RULES: Final = (0, 10, 100, 1_000)
LINES: Final = (1, 10, 30)
STORES: Final = 200
ARTICLES: Final = 600
GROUPS: Final = 60
TOPPINGS: Final = 40
KINDS: Final = {
    "ARTICLE": 46,
    "PRODUCT_GROUP": 20,
    "CATEGORY": 12,
    "VARIATION": 8,
    "TOPPING": 6,
    "TOPPING_GROUP": 2,
    "CART": 3,
    "BASE": 1,
    "MULTIPLIER": 2,
}
"""Rules of a hundred. The n-th rule has the same kind whatever their number, so 10 rules are ten of the 1,000."""
CHANNELS: Final = ("web shop", "app", "till")
EXITS: Final = ("pick-up", "delivery", "counter")
_SINCE: Final = datetime(2026, 1, 1, tzinfo=UTC)
_ZONE: Final = ZoneInfo("Europe/Berlin")
_MONDAY: Final = date(2026, 4, 6)  # Easter Monday
_HOLIDAY: Final = frozenset({"Ostermontag"})


def rule_document(number: int) -> dict[str, Any]:
    """Anything that a rule of its kind may have is drawn, always the same for a number."""
    chance = random.Random(number)  # noqa: S311  # no secret
    kind = chance.choices(list(KINDS), list(KINDS.values()))[0]
    document = {"kind": kind, "name": f"rule {number}", **_conditions(chance)}
    if kind == "MULTIPLIER":
        targets = [f"rule {chance.randrange(RULES[-1])}" for _ in range(5)]
        return {**document, "factor": chance.choice(["1.5", "2", "3"]), "targets": ["REVENUE", *targets]}
    if kind == "CART":
        return {**document, "moneyPerPoint": chance.choice(["0.50", "1.00", "3.00"]), "rounding": "FLOOR"}
    document["points"] = chance.randint(1, 50)
    if kind == "BASE":
        return document
    document["targets"] = sorted({chance.choice(_targets(kind)) for _ in range(chance.randint(1, 6))})
    if chance.random() < 0.1:  # noqa: PLR2004
        document["caps"] = {"perOrder": 100, "perDay": 150}
    if not kind.startswith("TOPPING"):
        document["excludesMenus"] = chance.random() < 0.3  # noqa: PLR2004
    return document


def _conditions(chance: random.Random) -> dict[str, Any]:
    """Each with a likelihood of its own; a third of the rules has none."""
    if chance.random() < 1 / 3:
        return {}
    some_stores = [f"store {n}" for n in sorted(chance.sample(range(STORES), chance.choice([1, 5, 50, 180])))]
    start = date(2026, 1, 1) + timedelta(days=chance.randrange(200))
    drawn = {
        "stores": (0.7, some_stores),
        "entryChannels": (0.3, chance.sample(CHANNELS, 2)),
        "exitChannels": (0.2, chance.sample(EXITS, 2)),
        "weekdays": (0.3, ["SATURDAY", "SUNDAY"]),
        "holidays": (0.2, "ALL"),
        "validFrom": (0.3, start.isoformat()),
        "validUntil": (0.3, (start + timedelta(days=60)).isoformat()),
    }
    return {name: value for name, (likelihood, value) in drawn.items() if chance.random() < likelihood}


def _targets(kind: str) -> list[str]:
    if kind == "ARTICLE":
        return [f"article {n}" for n in range(ARTICLES)]
    if kind == "VARIATION":
        return [f"variation {n}" for n in range(ARTICLES * 2)]
    if kind == "TOPPING":
        return [f"topping {n}" for n in range(TOPPINGS)]
    return [f"group {n}" for n in range(GROUPS)]


def engine(count: int) -> Engine:
    """Nine of ten rules are active."""
    states = [RuleState.INACTIVE, *[RuleState.ACTIVE] * 9]
    rules = (
        RuleVersion(f"rule {n}", n, 1, _SINCE, states[n % 10], read_rule(rule_document(n), "EUR"))
        for n in range(count)
    )
    return Engine(ProgrammeSettings.from_document({"basePointsPerOrder": 10}, "EUR"), rules, _ZONE)


def cart(number: int, lines: int) -> OrderContent:
    """Of ten lines one is a menu, two are its parts and two are toppings; every thirteenth is sold by weight."""
    chance = random.Random(number)  # noqa: S311  # no secret
    return OrderContent(tuple(_line(chance, place) for place in range(lines)))


def _line(chance: random.Random, place: int) -> Line:
    article, (tens, ones) = chance.randrange(ARTICLES), divmod(place, 10)
    kind = _SHAPE[ones]
    topping = kind is LineKind.TOPPING
    return Line(
        f"{place:02d}",
        f"topping {article % TOPPINGS}" if topping else f"article {article}",
        1_250 if place % 13 == _BY_WEIGHT else 1_000 * chance.randint(1, 3),
        chance.randint(50, 3_000),
        variation_id=f"variation {article * 2 + chance.randrange(2)}",
        product_group_ids=() if topping else (f"group {article % GROUPS}", f"group {article % 7}"),
        parent_line_id=f"{tens}0" if ones in _OF_THE_MENU else None,
        kind=kind,
        topping_group_id=f"group {article % 5}" if topping else None,
    )


_SHAPE: Final = (LineKind.MENU, *[LineKind.ITEM] * 3, *[LineKind.TOPPING] * 2, *[LineKind.ITEM] * 4)
_OF_THE_MENU: Final = (1, 2)
_BY_WEIGHT: Final = 12


def occasion(number: int) -> Occasion:
    day = number % 7
    return Occasion(
        _MONDAY + timedelta(days=day),
        f"store {number * 7 % STORES}",
        CHANNELS[number % len(CHANNELS)],
        EXITS[number // 3 % len(EXITS)],
        frozenset() if day else _HOLIDAY,
    )


def calls(work: Callable[[], object], times: int) -> int:
    """Calls of Python functions and methods a time."""
    profile = cProfile.Profile()
    profile.runcall(work)
    return round(pstats.Stats(profile).total_calls / times)  # type: ignore[attr-defined, no-any-return]  # typeshed has it not


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print(f"{'rules':>5} {'lines':>5} {'µs':>8} {'calls':>6} {'traced':>8}   may give, are for something, give")
    for rules in RULES:
        judge = engine(rules)
        for lines in LINES:
            orders = [(cart(number, lines), occasion(number)) for number in range(count)]

            def judged() -> None:
                consume(judge.evaluate(*order) for order in orders)  # noqa: B023  # called at once

            def traced() -> None:
                consume(judge.evaluate(*order).trace() for order in orders)  # noqa: B023  # called at once

            print(
                f"{rules:>5} {lines:>5} {best(judged, count):>8.1f} {calls(judged, count):>6} "
                f"{best(traced, count):>8.1f}   {_met(judge, orders)}"
            )
    print(f"{best(lambda: engine(RULES[-1]), 1) / 1000:.0f} ms: reading and compiling {RULES[-1]:,} rules")


def _met(judge: Engine, orders: list[tuple[OrderContent, Occasion]]) -> str:
    """How many rules an order has to do with, on average."""
    traces = [judge.evaluate(*order).trace(full=True) for order in orders]
    able = sum(trace.why in (None, Why.NO_TARGET) for each in traces for trace in each)
    meant = sum(trace.verdict is not Verdict.INERT for each in traces for trace in each)
    won = sum(trace.verdict is Verdict.WON for each in traces for trace in each)
    return ", ".join(f"{total / len(orders):.0f}" for total in (able, meant, won))


if __name__ == "__main__":
    main()
