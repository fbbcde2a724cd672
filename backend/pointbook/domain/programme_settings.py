"""A programme's settings: what each means, its unit, bounds and default, and their versions in time.

People write rates in the currency's main unit ("0.05"); inside they are exact minor units per point (5).
"""

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple, TypeAlias

from pointbook.domain import placeholders, product_texts, text, values
from pointbook.domain.calendar import CountsFrom, Expiry, WaitingTime, WaitingUnit
from pointbook.domain.errors import InvalidInput
from pointbook.domain.money import Rounding
from pointbook.domain.return_types import (
    ALL_BOTH,
    ReturnType,
    TypeEffect,
    TypeEffects,
    effect_of,
    read_type_effects,
    write_type_effects,
)

MAX_WAITING_DAYS: Final = 3_650
MAX_STATUSES: Final = 100
MAX_NOTICE_DAYS: Final = 5
MAX_EXCHANGE: Final = 10**9
"""Points of one exchange order."""
MAX_UNITS: Final = 50_000
"""Pieces in one exchange order."""
Texts: TypeAlias = tuple[tuple[str, str], ...]
"""Locale and text, in order of locale."""
_AT_ONCE: Final = WaitingTime(0)
_ONE_YEAR: Final = Expiry(days=365)


class PointValuePolicy(enum.StrEnum):
    """Which value per point counts when points are redeemed (R4)."""

    AT_EARNING = "AT_EARNING"
    """Each lot keeps the value it was earned under."""
    CURRENT = "CURRENT"
    """Today's value, for all lots."""


class RefundSplit(enum.StrEnum):
    """What a return gives back first when an order was paid with money and points (R24)."""

    PROPORTIONAL = "PROPORTIONAL"
    POINTS_FIRST = "POINTS_FIRST"
    MONEY_FIRST = "MONEY_FIRST"


class Clawback(enum.StrEnum):
    """From what the points are taken back that a returned order had earned (R26)."""

    ALLOW_NEGATIVE = "ALLOW_NEGATIVE"
    """From what the member has; what is missing becomes debt."""
    WITHIN_BALANCE = "WITHIN_BALANCE"
    """From what the member has, and no more."""
    ONLY_PENDING = "ONLY_PENDING"
    """From points that are not available yet."""


@dataclass(frozen=True, slots=True)
class ProgrammeSettings:
    """One version of all settings. Build it with ``from_document``, which knows bounds and defaults."""

    revenue_per_point: Decimal
    """Minor units of revenue that earn one point; exact, > 0."""
    value_per_point: Decimal
    """Minor units that one point pays; exact, > 0."""
    point_value_policy: PointValuePolicy = PointValuePolicy.AT_EARNING
    earns_from_revenue: bool = True
    """Orders earn points from their revenue at ``revenue_per_point``; off where only earning rules give points."""
    revenue_rounding: Rounding = Rounding.HALF_UP
    """What becomes of a fraction of a point from revenue (R2)."""
    base_points_per_order: int = 0
    sign_up_points: int = 0
    sign_up_available_at_once: bool = False
    """Sign-up points skip the waiting time."""
    sign_up_from: date | None = None
    """First local day of the period in which joining gives sign-up points; None: open."""
    sign_up_until: date | None = None
    """Last local day of that period; None: open."""
    sign_up_expiry: Expiry | None = None
    """Expiry of sign-up points; None: as all others."""
    waiting_time: WaitingTime = _AT_ONCE
    expiry: Expiry = _ONE_YEAR
    expiry_counts_from: CountsFrom = CountsFrom.EARNING
    net_basis: bool = False
    """Revenue points come from net amounts instead of gross ones."""
    shipping_in_basis: bool = False
    """The delivery fee earns revenue points too."""
    surcharge_in_basis: bool = False
    """The minimum-order surcharge earns revenue points too."""
    qualifying_statuses: tuple[str, ...] = ("goods booked out",)
    """Statuses of the shop under which an order earns, compared letter by letter."""
    type_effects: TypeEffects = ALL_BOTH
    """What return documents reverse that arrive by themselves, by their type (R23)."""
    hold_minutes: int = 15
    hold_extensions_max: int = 10
    minimum_redemption_points: int = 0
    maximum_share_of_cart: int = 100
    """Per cent of a cart's total that points may pay; 0: points pay no carts at all."""
    exchange_minimum_points: int = 0
    """The fewest points of an exchange order (R30)."""
    exchange_points_max: int | None = None
    """The most points of an exchange order; None: any number."""
    exchange_units_max: int | None = None
    """The most pieces in an exchange order; None: any number."""
    expiring_window_days: int = 30
    expiry_notice_days: tuple[int, ...] = (30, 7)
    """How many days before points expire a member who wants it is told so by mail; the most first."""
    release_parked_on_join: bool = False
    """Orders that came before their customer joined earn when the customer does."""
    adjustment_max_points: int | None = None
    """The most points of an adjustment without a right of its own (R31); None: any number."""
    rejoin_bonus_block_days: int = 180
    """Days after leaving during which joining again gives no sign-up points; 0 = off."""
    refund_split: RefundSplit = RefundSplit.PROPORTIONAL
    clawback: Clawback = Clawback.ALLOW_NEGATIVE
    give_back_grace_days: int = 30
    """How long points that a return gives back can be used when their lot has expired (R27); 0 = not at all."""
    merge_reverses_sign_up_bonus: bool = True
    """Of the sign-up points of two merged accounts, one's are reversed as far as they are not spent (R33)."""
    booking_delay_minutes: int = 180
    """From an appointment's end until its points are available (R13)."""
    booking_needs_completion: bool = False
    """A booking earns when the appointment is reported as completed, not when it is booked."""
    standard_points_text: Texts = ()
    """What a product page says of standard points, with the variables of ``product_texts``. A language without a
    text is served with a default."""
    extra_points_text: Texts = ()
    """What is appended to it when a product earns extra points."""

    @classmethod
    def from_document(cls, document: object, currency: str) -> "ProgrammeSettings":
        """Settings as people write them (camelCase keys); what is missing has its default.

        Raises InvalidInput naming the field: out of bounds, unknown, or contradicting another setting.

        >>> ProgrammeSettings.from_document({"valuePerPoint": "0.05"}, "EUR").value_per_point
        Decimal('5')
        """
        return _read({"revenuePerPoint": "1", "valuePerPoint": "0.05"}, document, currency)

    def changed(self, document: object, currency: str) -> "ProgrammeSettings":
        """These settings with those of ``document`` in their place; raises InvalidInput as ``from_document``."""
        return _read(self.to_document(currency), document, currency)

    def to_document(self, currency: str) -> dict[str, Any]:
        """Every setting as JSON, so that ``from_document`` of it gives the same settings."""
        return {
            key: setting.write(getattr(self, setting.attribute), currency) for key, setting in _SETTINGS.items()
        }

    @property
    def discount_percent(self) -> Decimal:
        """The discount that members are told: value by revenue per point, in per cent of two places (R5)."""
        value, value_per = self.value_per_point.as_integer_ratio()
        revenue, revenue_per = self.revenue_per_point.as_integer_ratio()
        hundredths = Rounding.HALF_UP.ratio(value * revenue_per * 10_000, value_per * revenue)
        return Decimal(hundredths).scaleb(-2)

    def effect_of(self, kind: ReturnType, *, by_hand: bool = False) -> TypeEffect:
        """What a return document of a type reverses; sent ``by_hand`` it reverses both (R23)."""
        return effect_of(self.type_effects, kind, by_hand=by_hand)

    @property
    def hold_length(self) -> timedelta:
        """How long a hold lives from its creation, or from its extension (R19)."""
        return timedelta(minutes=self.hold_minutes)

    @property
    def current_point_value(self) -> Decimal | None:
        """Minor units per point for all lots, or None when each lot has its own."""
        return self.value_per_point if self.point_value_policy is PointValuePolicy.CURRENT else None


@dataclass(frozen=True, slots=True)
class SettingsVersion:
    """Settings in force from ``effective_from`` (UTC) until the next version's."""

    version: int
    effective_from: datetime
    settings: ProgrammeSettings


def in_force(versions: Sequence[SettingsVersion], at: datetime) -> SettingsVersion:
    """The version in force at an instant: the one that came into force last, of several at once the newest.

    The first version counts for every instant before it, when there was no programme to ask about.
    """
    begun = [version for version in versions if version.effective_from <= at]
    if not begun:
        return min(versions, key=lambda version: (version.effective_from, version.version))
    return max(begun, key=lambda version: (version.effective_from, version.version))


class _Setting(NamedTuple):
    attribute: str
    read: Callable[[str, Any, str], Any]
    write: Callable[[Any, str], Any]


def _read(base: Mapping[str, Any], document: object, currency: str) -> ProgrammeSettings:
    if not isinstance(document, Mapping):
        raise InvalidInput("settings", "must be an object")
    for key in document:
        if key not in _SETTINGS:
            raise InvalidInput(text.shown(key), "is not a setting")
    given = {**base, **document}
    read = {_SETTINGS[key].attribute: _SETTINGS[key].read(key, value, currency) for key, value in given.items()}
    settings = ProgrammeSettings(**read)
    _refuse_contradictions(settings)
    return settings


def _refuse_contradictions(settings: ProgrammeSettings) -> None:
    """Points that could end before they begin (R16), a sign-up period that ends before it begins, and exchanges
    that could be of no size.
    """
    hours = settings.waiting_time.hours
    if settings.expiry_counts_from is CountsFrom.EARNING and hours:
        if settings.expiry.days is not None and hours >= settings.expiry.days * 24:
            raise InvalidInput("waitingTime", "reaches the expiry: points would end before they can be spent")
        own = settings.sign_up_expiry
        if own and own.days is not None and hours >= own.days * 24 and not settings.sign_up_available_at_once:
            raise InvalidInput("signUpExpiry", "is reached by the waiting time: points could never be spent")
    most = settings.exchange_points_max
    if most is not None and most < settings.exchange_minimum_points:
        raise InvalidInput("exchangePointsMax", "must not be less than exchangeMinimumPoints")
    if settings.sign_up_from and settings.sign_up_until and settings.sign_up_until < settings.sign_up_from:
        raise InvalidInput("signUpUntil", "must not be before signUpFrom")


def _waiting(field: str, value: object, currency: str) -> WaitingTime:
    unit, count = values.one_entry(field, value, "days hours")
    most = MAX_WAITING_DAYS * (1 if unit == "days" else 24)
    return WaitingTime(values.whole(0, most)(f"{field}.{unit}", count, currency), WaitingUnit[unit.upper()])


def _statuses(field: str, value: object, _currency: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= MAX_STATUSES:
        raise InvalidInput(field, f"must be a list of 1 to {MAX_STATUSES} statuses")
    statuses = (text.identifier(f"{field}[{i}]", status, text.MAX_WORD) for i, status in enumerate(value))
    return tuple(dict.fromkeys(statuses))


def _notice_days(field: str, value: object, currency: str) -> tuple[int, ...]:
    if not isinstance(value, list | tuple) or len(value) > MAX_NOTICE_DAYS:
        raise InvalidInput(field, f"must be a list of at most {MAX_NOTICE_DAYS} numbers of days")
    day = values.whole(1, 365)
    return tuple(sorted({day(f"{field}[{i}]", days, currency) for i, days in enumerate(value)}, reverse=True))


def _optional(read: Callable[[str, Any, str], Any]) -> Callable[[str, Any, str], Any]:
    return lambda field, value, currency: None if value is None else read(field, value, currency)


def _product_text(field: str, value: object, _currency: str) -> Texts:
    return placeholders.per_locale(field, value, product_texts.VARIABLES)


_SETTINGS: Final[dict[str, _Setting]] = {
    "revenuePerPoint": _Setting("revenue_per_point", values.rate(values.LEAST_REVENUE), values.write_rate),
    "valuePerPoint": _Setting("value_per_point", values.rate(1), values.write_rate),
    "pointValuePolicy": _Setting("point_value_policy", values.choice(PointValuePolicy), values.as_is),
    "earnsFromRevenue": _Setting("earns_from_revenue", values.truth, values.as_is),
    "revenueRounding": _Setting("revenue_rounding", values.choice(Rounding), values.as_is),
    "basePointsPerOrder": _Setting("base_points_per_order", values.whole(0, values.MAX_POINTS), values.as_is),
    "signUpPoints": _Setting("sign_up_points", values.whole(0, values.MAX_POINTS), values.as_is),
    "signUpAvailableAtOnce": _Setting("sign_up_available_at_once", values.truth, values.as_is),
    "signUpFrom": _Setting("sign_up_from", values.optional_day, lambda day, _: day and day.isoformat()),
    "signUpUntil": _Setting("sign_up_until", values.optional_day, lambda day, _: day and day.isoformat()),
    "signUpExpiry": _Setting("sign_up_expiry", values.optional_expiry, values.write_expiry),
    "waitingTime": _Setting("waiting_time", _waiting, lambda wait, _: {wait.unit.lower(): wait.count}),
    "expiry": _Setting("expiry", values.expiry, values.write_expiry),
    "expiryCountsFrom": _Setting("expiry_counts_from", values.choice(CountsFrom), values.as_is),
    "netBasis": _Setting("net_basis", values.truth, values.as_is),
    "shippingInBasis": _Setting("shipping_in_basis", values.truth, values.as_is),
    "surchargeInBasis": _Setting("surcharge_in_basis", values.truth, values.as_is),
    "qualifyingStatuses": _Setting("qualifying_statuses", _statuses, lambda statuses, _: list(statuses)),
    "typeEffects": _Setting("type_effects", read_type_effects, write_type_effects),
    "holdMinutes": _Setting("hold_minutes", values.whole(1, 60), values.as_is),
    "holdExtensionsMax": _Setting("hold_extensions_max", values.whole(0, 20), values.as_is),
    "minimumRedemptionPoints": _Setting(
        "minimum_redemption_points", values.whole(0, values.MAX_POINTS), values.as_is
    ),
    "maximumShareOfCart": _Setting("maximum_share_of_cart", values.whole(0, 100), values.as_is),
    "exchangeMinimumPoints": _Setting("exchange_minimum_points", values.whole(0, values.MAX_POINTS), values.as_is),
    "exchangePointsMax": _Setting("exchange_points_max", _optional(values.whole(1, MAX_EXCHANGE)), values.as_is),
    "exchangeUnitsMax": _Setting("exchange_units_max", _optional(values.whole(1, MAX_UNITS)), values.as_is),
    "expiringWindowDays": _Setting("expiring_window_days", values.whole(1, 365), values.as_is),
    "expiryNoticeDays": _Setting("expiry_notice_days", _notice_days, lambda days, _: list(days)),
    "releaseParkedOnJoin": _Setting("release_parked_on_join", values.truth, values.as_is),
    "adjustmentMaxPoints": _Setting(
        "adjustment_max_points", _optional(values.whole(0, values.MAX_POINTS)), values.as_is
    ),
    "rejoinBonusBlockDays": _Setting("rejoin_bonus_block_days", values.whole(0, MAX_WAITING_DAYS), values.as_is),
    "refundSplit": _Setting("refund_split", values.choice(RefundSplit), values.as_is),
    "clawback": _Setting("clawback", values.choice(Clawback), values.as_is),
    "giveBackGraceDays": _Setting("give_back_grace_days", values.whole(0, 365), values.as_is),
    "mergeReversesSignUpBonus": _Setting("merge_reverses_sign_up_bonus", values.truth, values.as_is),
    "bookingDelayMinutes": _Setting("booking_delay_minutes", values.whole(180, 240), values.as_is),
    "bookingNeedsCompletion": _Setting("booking_needs_completion", values.truth, values.as_is),
    "standardPointsText": _Setting("standard_points_text", _product_text, lambda texts, _: dict(texts)),
    "extraPointsText": _Setting("extra_points_text", _product_text, lambda texts, _: dict(texts)),
}
