"""How many points an order earns (R2, R6, R11), and a joining (R12). Whole points; amounts in minor units."""

from datetime import date, datetime
from fractions import Fraction
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from pointbook.domain.calendar import Lifetime, WaitingTime, lifetime
from pointbook.domain.discounts import Due, after_discounts
from pointbook.domain.money import round_half_away
from pointbook.domain.orders import Line, OrderContent
from pointbook.domain.programme_settings import ProgrammeSettings

_NO_WAIT: Final = WaitingTime(0)


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


def qualifies(status: str, settings: ProgrammeSettings) -> bool:
    """Whether an order of this status earns (R6)."""
    return status in settings.qualifying_statuses


def evaluate(content: OrderContent, settings: ProgrammeSettings, redeemed_value: int = 0) -> Earning:
    """The points of a qualifying order of which ``redeemed_value`` was paid with points.

    Revenue points come from goods less discounts, shop vouchers and what points paid, with the fees that are
    switched on, at least 0; they are rounded once per order. Stated rules:

    - Points pay goods first, then the surcharge, then the delivery fee.
    - A line that does not earn bears its share of discounts and of the points redeemed, and what is left of it
      does not count.
    - On a net basis a line counts with the net part of what is left of it; a line of which the shop says neither
      net nor tax counts as untaxed, and fees count as they are.
    - Base points are given for every qualifying order, also one whose total is 0 or that was paid with points.
    """
    basis = _basis(content, settings, redeemed_value)
    money, parts = basis.as_integer_ratio()
    rate, rate_parts = settings.revenue_per_point.as_integer_ratio()
    revenue_points = settings.revenue_rounding.ratio(money * rate_parts, parts * rate)
    base_points = settings.base_points_per_order
    return Earning(revenue_points + base_points, revenue_points, base_points, _whole(basis))


def points_lifetime(settings: ProgrammeSettings, earned_at: datetime, zone: ZoneInfo) -> Lifetime | None:
    """When points earned at an instant can be spent; None when the programme's expiry has passed: give none."""
    return lifetime(earned_at, settings.waiting_time, settings.expiry, settings.expiry_counts_from, zone)


def sign_up(settings: ProgrammeSettings, joined_at: datetime, zone: ZoneInfo) -> SignUp | None:
    """The points for joining at an instant, or None: there are none, or it lies outside the period."""
    day = joined_at.astimezone(zone).date()
    if not settings.sign_up_points or not _within(day, settings.sign_up_from, settings.sign_up_until):
        return None
    waiting = _NO_WAIT if settings.sign_up_available_at_once else settings.waiting_time
    expiry = settings.sign_up_expiry or settings.expiry
    span = lifetime(joined_at, waiting, expiry, settings.expiry_counts_from, zone)
    return None if span is None else SignUp(settings.sign_up_points, span)


def _within(day: date, first: date | None, last: date | None) -> bool:
    return (first is None or first <= day) and (last is None or day <= last)


def _basis(content: OrderContent, settings: ProgrammeSettings, redeemed_value: int) -> int | Fraction:
    reductions = content.reductions
    if not settings.net_basis and all(line.earns for line in content.lines):
        # Which line bears what makes no difference: the lines may count as one.
        if not (settings.surcharge_in_basis or settings.shipping_in_basis):
            return max(0, content.goods - reductions - redeemed_value)
        whole = Due([content.goods], content.minimum_order_surcharge, content.delivery_fee)
        due = whole.less(reductions).less(redeemed_value)
        goods: int | Fraction = due.lines[0]
    else:
        due = after_discounts(content).less(redeemed_value)
        counted = zip(content.lines, due.lines, strict=True)
        goods = sum((_counting(line, left, settings) for line, left in counted if line.earns), start=0)
    fees = due.surcharge * settings.surcharge_in_basis + due.delivery_fee * settings.shipping_in_basis
    return goods + fees


def _counting(line: Line, left: int, settings: ProgrammeSettings) -> int | Fraction:
    """The part of what is left of a line that revenue points come from."""
    if not settings.net_basis or line.net is None or not left:
        return left
    return Fraction(line.net * left, line.amount)


def _whole(basis: int | Fraction) -> int:
    return basis if isinstance(basis, int) else round_half_away(basis)
