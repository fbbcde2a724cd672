"""What an order and a joining earn by settings alone, in the words of the tests. Whole points; minor units."""

from datetime import date, datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from pointbook.domain.calendar import Lifetime
from pointbook.domain.earning import engine_of
from pointbook.domain.money import Rounding
from pointbook.domain.orders import OrderContent
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.domain.rules import STANDARD_LOT, Occasion, Standard, lot_lifetime
from pointbook.domain.rules.basis import BasisKind

_ANY_DAY: Final = Occasion(date.min)


class Earning(NamedTuple):
    """``points`` is the sum of the other two; ``basis`` is the money behind the revenue points, minor units."""

    points: int
    revenue_points: int
    base_points: int
    basis: int


class SignUp(NamedTuple):
    """Points for joining, and when they can be spent."""

    points: int
    lifetime: Lifetime


def evaluate(content: OrderContent, settings: ProgrammeSettings, redeemed_value: int = 0) -> Earning:
    """The points of a qualifying order of which ``redeemed_value`` was paid with points.

    Revenue points come from goods less discounts, shop vouchers and what points paid, with the fees that are
    switched on, at least 0; they are rounded once per order. Base points are given for every qualifying order,
    also one whose total is 0 or that was paid with points.
    """
    result = engine_of(settings).evaluate(content, _ANY_DAY, redeemed_value)
    kind = BasisKind(settings.net_basis, settings.surcharge_in_basis, settings.shipping_in_basis)
    return Earning(
        result.points,
        result.points_of(Standard.REVENUE),
        result.points_of(Standard.BASE),
        Rounding.HALF_UP.ratio(*result.evaluation.basis(kind).as_integer_ratio()),
    )


def points_lifetime(settings: ProgrammeSettings, earned_at: datetime, zone: ZoneInfo) -> Lifetime | None:
    """When points earned at an instant can be spent; None when the programme's expiry has passed: give none."""
    return lot_lifetime(settings, STANDARD_LOT, earned_at, zone)


def sign_up(settings: ProgrammeSettings, joined_at: datetime, zone: ZoneInfo) -> SignUp | None:
    """The points for joining at an instant, or None: there are none, or it lies outside the period."""
    joining = Occasion(joined_at.astimezone(zone).date(), earned_at=joined_at)
    for part in engine_of(settings, zone).joining(joining).parts:
        span = lot_lifetime(settings, part.lot, joined_at, zone)
        assert span is not None, "what would have ended is not given"
        return SignUp(part.points, span)
    return None
