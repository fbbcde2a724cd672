"""What is given back of an order that money and points paid (R24): always reckoned over all its returns.

T is the order's total, P what points paid of it, M = T - P, R what is returned so far. Money is minor units.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import Final, NamedTuple

from pointbook.domain.money import Rounding
from pointbook.domain.programme_settings import RefundSplit
from pointbook.domain.redemption import ValuedPoints, most_within, worth

_NEVER: Final = datetime.max.replace(tzinfo=UTC)


class CapturedPart(NamedTuple):
    """Points of one lot that paid a part of an order; ``value_per_point`` in minor units, as captured."""

    lot: int
    """The ledger's number: the older lot has the smaller one."""
    points: int
    value_per_point: Decimal
    available_from: datetime
    expires_at: datetime | None
    """None: never."""


def giving_order(parts: Iterable[CapturedPart]) -> tuple[ValuedPoints, ...]:
    """The points as a return gives them back: the lot first that spending would have taken last (R15, R27)."""
    latest_first = sorted(
        parts, key=lambda part: (part.expires_at or _NEVER, part.available_from, part.lot), reverse=True
    )
    return tuple(ValuedPoints(part.points, part.value_per_point) for part in latest_first)


@dataclass(frozen=True)
class Paid:
    """How an order was paid. ``captured`` stands in ``giving_order``; empty: with money alone."""

    total: int
    captured: tuple[ValuedPoints, ...] = ()

    @cached_property
    def by_points(self) -> int:
        """P: what the points are worth, but not more than there was to pay."""
        return min(self.total, worth(self.captured))

    @property
    def by_money(self) -> int:
        """M."""
        return self.total - self.by_points


class GivenBack(NamedTuple):
    """``value`` is what ``points`` are worth, minor units."""

    money: int = 0
    points: int = 0
    value: int = 0

    def less(self, before: "GivenBack") -> "GivenBack":
        """What a document gives back, when ``before`` is what had been given back earlier."""
        return GivenBack(self.money - before.money, self.points - before.points, self.value - before.value)


NOTHING_GIVEN_BACK: Final = GivenBack()


def given_back(paid: Paid, split: RefundSplit, returned: int, before: GivenBack = NOTHING_GIVEN_BACK) -> GivenBack:
    """All that is given back when ``returned`` is the value of all returns so far.

    Cents that make no whole point wait for the next document; when everything is returned, it is all the money and
    all the points. ``before`` was given back already and stays, also if the programme has changed its ``split``
    meanwhile.

    >>> order = Paid(8000, (ValuedPoints(600, Decimal(5)),))
    >>> [given_back(order, split, 3200) for split in (RefundSplit.POINTS_FIRST, RefundSplit.PROPORTIONAL)]
    [GivenBack(money=200, points=600, value=3000), GivenBack(money=2000, points=240, value=1200)]
    """
    assert 0 <= returned <= paid.total
    if returned == paid.total:
        return GivenBack(paid.by_money, sum(part.points for part in paid.captured), worth(paid.captured))
    money = min(max(_money(paid, split, returned), before.money), returned - before.value)
    points = most_within(paid.captured, returned - money)
    return GivenBack(money, points, worth(paid.captured, points))


def redeemed_left(paid: Paid, returned: int, given: GivenBack) -> int:
    """What points pay of what remains: the value redeemed for judging it again.

    All of R that is not given back in money falls to the points, also the cents that still wait for a whole point:
    their goods are gone, and they are no money that the member has paid. So what remains, less this, is exactly
    the money that the member paid and did not get back, and that is what revenue points are for (R11).

    >>> order = Paid(1000, (ValuedPoints(100, Decimal(5)),))
    >>> given = given_back(order, RefundSplit.PROPORTIONAL, 333)
    >>> given, redeemed_left(order, 333, given)
    (GivenBack(money=167, points=33, value=165), 334)
    """
    return paid.by_points - (returned - given.money)


def _money(paid: Paid, split: RefundSplit, returned: int) -> int:
    if split is RefundSplit.POINTS_FIRST:
        return max(0, returned - paid.by_points)
    if split is RefundSplit.MONEY_FIRST:
        return min(returned, paid.by_money)
    return Rounding.HALF_UP.ratio(paid.by_money * returned, paid.total)
