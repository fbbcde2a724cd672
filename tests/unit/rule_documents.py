"""Earning rules with only what a test talks about, and orders judged by them."""

from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from pointbook.domain.orders import OrderContent
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.domain.rules import (
    EarningResult,
    Engine,
    Occasion,
    Place,
    Rule,
    RuleState,
    RuleTrace,
    RuleVersion,
    read_rule,
)
from tests.unit.documents import settings

BERLIN: Final = ZoneInfo("Europe/Berlin")
LONG_AGO: Final = datetime(2026, 1, 1, tzinfo=UTC)
TODAY: Final = Occasion(date(2026, 3, 4))  # a Wednesday
OPEN_HOUR: Final = datetime(2026, 3, 4, 12, tzinfo=UTC)


def rule(kind: str, **document: Any) -> Rule:
    return read_rule({"kind": kind, "name": "internal", **document}, "EUR")


def version(
    key: str, kind: str, number: int = 1, state: RuleState = RuleState.ACTIVE, **document: Any
) -> RuleVersion:
    return RuleVersion(key, number, 1, LONG_AGO, state, rule(kind, **document))


def versions(**rules: dict[str, Any]) -> tuple[RuleVersion, ...]:
    """Rules by their keys, the first the oldest."""
    return tuple(version(key, number=i, **document) for i, (key, document) in enumerate(rules.items()))


def sides(**document: Any) -> ProgrammeSettings:
    """Preset S of the examples: nothing is earned but by the rules that are named."""
    return settings(**{"earnsFromRevenue": False, **document})


def points(
    order: OrderContent, *rules: RuleVersion, occasion: Occasion = TODAY, redeemed_value: int = 0, **document: Any
) -> int:
    return judged(order, *rules, occasion=occasion, redeemed_value=redeemed_value, **document).points


def judged(
    order: OrderContent, *rules: RuleVersion, occasion: Occasion = TODAY, redeemed_value: int = 0, **document: Any
) -> EarningResult:
    return Engine(sides(**document), rules, BERLIN).evaluate(order, occasion, redeemed_value)


def at(instant: str, store: str | None = None, **more: Any) -> Occasion:
    """An instant in a store in Berlin, or in the programme."""
    holidays: dict[date, frozenset[str]] = more.pop("holidays", {})
    place = Place(store, BERLIN, lambda day: holidays.get(day, frozenset()))
    return place.occasion(datetime.fromisoformat(instant), **more)


def of(key: str, traces: tuple[RuleTrace, ...]) -> RuleTrace:
    (found,) = (trace for trace in traces if trace.rule == key)
    return found
