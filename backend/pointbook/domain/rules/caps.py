"""How many points a rule may still give (R8): per order, per local day, per member and period.

The engine keeps no counts. It says which counters it needs, is given what they stand at, and says what it used.
"""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from pointbook.domain.rules.rule import CapPeriod, Caps


class Counter(NamedTuple):
    """A count of the points that one rule gave to one member in a bucket: a day, a period, or as long as it is."""

    rule: str
    bucket: str


class CapUse(NamedTuple):
    """``given`` is what the caller said had been given before, ``used`` what this order adds; whole points."""

    counter: Counter
    limit: int
    given: int
    used: int


def counters(rule: str, caps: Caps, day: date) -> list[tuple[Counter, int]]:
    """The counters of a rule's caps on a local day, each with its limit.

    >>> counters("pizza", Caps(per_day=5), date(2026, 3, 1))
    [(Counter(rule='pizza', bucket='day 2026-03-01'), 5)]
    """
    found = []
    if caps.per_day is not None:
        found.append((Counter(rule, f"day {day.isoformat()}"), caps.per_day))
    if caps.per_member is not None and caps.period is not None:
        found.append((Counter(rule, _bucket(caps.period, day)), caps.per_member))
    return found


def room(caps: Caps, limits: list[tuple[Counter, int]], given: Mapping[Counter, int], points: int) -> int:
    """How many of ``points`` the caps leave."""
    if caps.per_order is not None:
        points = min(points, caps.per_order)
    for counter, limit in limits:
        points = min(points, max(0, limit - given.get(counter, 0)))
    return points


def _bucket(period: CapPeriod, day: date) -> str:
    if period is CapPeriod.WEEK:
        week = day.isocalendar()
        return f"week {week.year}-W{week.week:02d}"
    if period is CapPeriod.MONTH:
        return f"month {day.isoformat()[:7]}"
    return f"year {day.year}" if period is CapPeriod.YEAR else "rule"
