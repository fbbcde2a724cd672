"""What points are worth and how many a cart takes (R3, R19, R20). The ledger decides the same under its lock.

Values per point are exact decimals of minor units. They are added as whole numbers of a common fraction, so
nothing is rounded but once, down, at the end.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import Any, Final, NamedTuple

from pointbook.domain import currencies
from pointbook.domain.errors import (
    BelowMinimum,
    CheckoutHasVoucher,
    CurrencyMismatch,
    ExceedsCart,
    InsufficientPoints,
    InvalidInput,
    VoucherNotUsable,
)
from pointbook.domain.money import MAX_AMOUNT, scaled
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.domain.reading import list_of, object_of
from pointbook.domain.text import MAX_WORD, identifier, optional_identifier
from pointbook.domain.vouchers import normalise

MAX_POINTS: Final = 10**15
_MAX_VOUCHERS: Final = 100
_REPORT_WITHIN: Final = timedelta(days=7)
_CART_KEYS: Final = frozenset({"id", "total", "currency", "shopVouchers", "voucherCode"})


class ValuedPoints(NamedTuple):
    """Points of one lot; ``value_per_point`` in minor units, > 0."""

    points: int
    value_per_point: Decimal | Fraction


class Charge(NamedTuple):
    """``points`` are taken and pay ``value`` minor units: the fewest points that pay it."""

    points: int
    value: int


NOTHING: Final = Charge(0, 0)


@dataclass(frozen=True, slots=True)
class Cart:
    """A checkout, as the shop knows it. ``total`` is what is to be paid before points, minor units."""

    id: str
    total: int
    currency: str
    shop_vouchers: tuple[str, ...] = ()
    voucher_code: str | None = None

    @property
    def key(self) -> bytes:
        return cart_key(self.id)

    def limit(self, settings: ProgrammeSettings) -> int:
        """The most, in minor units, that points may pay of this cart."""
        return self.total * settings.maximum_share_of_cart // 100

    def refuse_other_vouchers(self, own_code: str | None) -> None:
        """Raise CheckoutHasVoucher if the checkout carries a voucher other than this cart's own hold's (R20)."""
        if self.shop_vouchers or (self.voucher_code is not None and not _same_code(self.voucher_code, own_code)):
            raise CheckoutHasVoucher


def cart_key(cart_id: str) -> bytes:
    """SHA-256 of the shop's cart id: the ledger compares carts and needs no name of one."""
    return hashlib.sha256(cart_id.encode()).digest()


def parse_cart(document: object, currency: str) -> Cart:
    """Read a cart: ``id, total, currency, shopVouchers: [code], voucherCode``.

    Raises InvalidInput with the field's path, or CurrencyMismatch.
    """
    raw = object_of("cart", document, _CART_KEYS)
    try:
        return _cart(raw, currency)
    except InvalidInput as refusal:
        raise refusal.under("cart") from None


def worth(lots: Sequence[ValuedPoints], points: int | None = None) -> int:
    """The value in minor units of the first ``points`` (None: all), lots taken as they stand.

    >>> worth([ValuedPoints(100, Decimal(5)), ValuedPoints(100, Decimal(4))], 150)
    700
    """
    return _sum(lots, points, scale := _scale(lots)) // scale


def charge(lots: Sequence[ValuedPoints], points: int) -> Charge:
    """The fewest of the first ``points`` that are worth as much as all of them, rounded down.

    >>> charge([ValuedPoints(1000, Decimal("0.5"))], 333)
    Charge(points=332, value=166)
    """
    scale = _scale(lots)
    value = _sum(lots, points, scale) // scale
    return Charge(_fewest_reaching(lots, value * scale, scale), value)


def most_within(lots: Sequence[ValuedPoints], limit: int) -> int:
    """The most points, lots taken as they stand, whose value rounded down is at most ``limit`` minor units."""
    scale = _scale(lots)
    room = (limit + 1) * scale - 1
    most = 0
    for lot in lots:
        price = _price(lot, scale)
        taken = min(lot.points, room // price)
        most += taken
        room -= taken * price
        if taken < lot.points:
            break
    return most


def charge_within(lots: Sequence[ValuedPoints], limit: int) -> Charge:
    """Full redemption: the most points within ``limit``, then the fewest of them that are worth the same.

    >>> charge_within([ValuedPoints(1000, Decimal(5))], 1999)
    Charge(points=399, value=1995)
    """
    return charge(lots, most_within(lots, limit)) if limit >= 0 else NOTHING


def redeem(lots: Sequence[ValuedPoints], points: int | None, limit: int, minimum_points: int = 0) -> Charge:
    """What redeeming ``points`` (None: in full) of available ``lots`` takes, with ``limit`` the most it may pay.

    Raises, in this order, InsufficientPoints; ExceedsCart with the most points that would not; BelowMinimum when
    fewer than ``minimum_points`` would be charged, or none because what was asked for is worth nothing.
    """
    assert points is None or points > 0, "the face rejects non-positive requests before they come here"
    available = sum(lot.points for lot in lots)
    if points is not None and points > available:
        raise InsufficientPoints(points, available)
    most = most_within(lots, limit)
    if points is not None and points > most:
        raise ExceedsCart(most)
    taken = charge(lots, most if points is None else points)
    if taken.points < max(minimum_points, 1):
        raise BelowMinimum(minimum_points)
    return taken


def at_current_value(lots: Sequence[ValuedPoints], settings: ProgrammeSettings) -> list[ValuedPoints]:
    """The lots as the programme's policy values them today (R3): at their own value, or all at today's."""
    value = settings.current_point_value
    return list(lots) if value is None else [ValuedPoints(lot.points, value) for lot in lots]


def points_asked(field: str, value: object) -> int:
    """A positive number of points that somebody asked to redeem; else InvalidInput."""
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_POINTS:
        raise InvalidInput(field, f"must be a whole number from 1 to {MAX_POINTS}")
    return value


def purchase_instant(field: str, purchased_at: datetime, now: datetime) -> datetime:
    """When a captured purchase took place: not in the future, at most 7 days back (R21); else InvalidInput."""
    if not now - _REPORT_WITHIN <= purchased_at <= now:
        raise InvalidInput(field, f"must lie within the last {_REPORT_WITHIN.days} days")
    return purchased_at


def _cart(raw: Mapping[str, Any], currency: str) -> Cart:
    given = identifier("currency", raw.get("currency"), MAX_WORD)
    if given != currency:
        raise CurrencyMismatch(currency, given)
    vouchers = list_of("shopVouchers", raw.get("shopVouchers"), _MAX_VOUCHERS, lambda code: identifier("", code))
    return Cart(
        id=identifier("id", raw.get("id")),
        total=scaled("total", raw.get("total"), currencies.exponent(currency), MAX_AMOUNT),
        currency=currency,
        shop_vouchers=tuple(vouchers),
        voucher_code=optional_identifier("voucherCode", raw.get("voucherCode")),
    )


def _same_code(code: str, own_code: str | None) -> bool:
    try:
        return own_code is not None and normalise(code) == normalise(own_code)
    except VoucherNotUsable:
        return False


def _scale(lots: Sequence[ValuedPoints]) -> int:
    """The whole number by which every value per point becomes a whole number."""
    return lcm(*(lot.value_per_point.as_integer_ratio()[1] for lot in lots))


def _price(lot: ValuedPoints, scale: int) -> int:
    """The value of a point of the lot, in fractions of a minor unit."""
    numerator, denominator = lot.value_per_point.as_integer_ratio()
    return numerator * (scale // denominator)


def _sum(lots: Sequence[ValuedPoints], points: int | None, scale: int) -> int:
    """The value of the first points, in fractions of a minor unit."""
    left = sum(lot.points for lot in lots) if points is None else points
    value = 0
    for lot in lots:
        taken = min(lot.points, left)
        value += taken * _price(lot, scale)
        left -= taken
    assert left == 0, "more points than the lots hold"
    return value


def _fewest_reaching(lots: Sequence[ValuedPoints], value: int, scale: int) -> int:
    points = 0
    for lot in lots:
        price = _price(lot, scale)
        taken = min(lot.points, -(-value // price))
        points += taken
        value -= taken * price
        if value <= 0:
            break
    return points
