"""Rules made ready for many orders: exact ratios, sets to look in, and an index of what each rule is for.

Made once for a version of the settings and a set of rule versions. The settings' own points (revenue, base,
sign-up) become rules like all others, older than any.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Final, NamedTuple

from pointbook.domain.money import Rounding
from pointbook.domain.orders import Line, LineKind
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.domain.rules.basis import BasisKind
from pointbook.domain.rules.lots import STANDARD_LOT, Lot
from pointbook.domain.rules.occasion import Occasion, Why
from pointbook.domain.rules.rule import (
    DEFAULT_STACK_GROUPS,
    NO_CAPS,
    REVENUE_STACK_GROUP,
    Caps,
    Rule,
    RuleKind,
    RuleState,
    RuleVersion,
    Standard,
    Weekday,
)

_WEEKDAYS: Final = tuple(Weekday)


class Conditions(NamedTuple):
    """Where and when a rule gives points; None: everywhere, always."""

    stores: frozenset[str] | None
    entry_channels: frozenset[str] | None
    exit_channels: frozenset[str] | None
    first: date
    last: date
    weekdays: frozenset[int] | None
    """Monday is 0; None: every day, whatever the holidays."""
    holidays: frozenset[str] | None
    """None: all of them."""

    @classmethod
    def of(cls, rule: Rule) -> "Conditions | None":
        any_day = not rule.weekdays and rule.holidays == ()
        conditions = cls(
            None if rule.stores is None else frozenset(rule.stores),
            None if rule.entry_channels is None else frozenset(rule.entry_channels),
            None if rule.exit_channels is None else frozenset(rule.exit_channels),
            rule.valid_from or date.min,
            rule.valid_until or date.max,
            None if any_day else frozenset(map(_WEEKDAYS.index, rule.weekdays)),
            None if rule.holidays is None else frozenset(rule.holidays),
        )
        return None if conditions == _UNCONDITIONAL else conditions

    def why_not(self, occasion: Occasion) -> Why | None:
        """Which condition fails; an order without a store or channel matches only rules for all of them."""
        if self.stores is not None and occasion.store not in self.stores:
            return Why.STORE
        if self.entry_channels is not None and occasion.entry_channel not in self.entry_channels:
            return Why.ENTRY_CHANNEL
        if self.exit_channels is not None and occasion.exit_channel not in self.exit_channels:
            return Why.EXIT_CHANNEL
        if not self.first <= occasion.day <= self.last:
            return Why.PERIOD
        if self.weekdays is not None and occasion.day.weekday() not in self.weekdays:
            named = occasion.holidays if self.holidays is None else self.holidays & occasion.holidays
            return None if named else Why.DAY
        return None


_UNCONDITIONAL: Final = Conditions(None, None, None, date.min, date.max, None, frozenset())


@dataclass(frozen=True, slots=True, eq=False)
class CompiledRule:
    """A rule, or what the settings give, as evaluation wants it."""

    place: int
    """By age: of two, the smaller is the older."""
    key: str
    version: int | None
    """None: the settings'."""
    kind: RuleKind
    inert: Why | None
    conditions: Conditions | None
    points: int = 0
    money: tuple[int, int] = (0, 1)
    """CART: minor units per point, as a ratio."""
    factor: Fraction = Fraction(1)
    rounding: Rounding = Rounding.HALF_UP
    group: str = ""
    lot: Lot = STANDARD_LOT
    basis: BasisKind | None = None
    targets: tuple[str, ...] = ()
    excludes_menus: bool = False
    exclusive_voucher_types: frozenset[str] = frozenset()
    caps: Caps = NO_CAPS
    always: bool = False
    """Wherever and whenever something earns, so does this."""
    excludes: bool = False
    """It is not for some lines that it is for otherwise."""


def compiled(place: int, version: RuleVersion, settings: ProgrammeSettings) -> CompiledRule:
    """A version of a rule, made ready under these settings."""
    rule = version.rule
    conditions, lot = Conditions.of(rule), Lot.of(rule, settings)
    inert = Why.INACTIVE if version.state is not RuleState.ACTIVE else Why.NO_STORE if rule.stores == () else None
    return CompiledRule(
        place=place,
        key=version.key,
        version=version.version,
        kind=rule.kind,
        inert=inert,
        conditions=conditions,
        points=rule.points or 0,
        money=(0, 1) if rule.money_per_point is None else rule.money_per_point.as_integer_ratio(),
        factor=Fraction(1) if rule.factor is None else Fraction(rule.factor),
        rounding=rule.rounding,
        group=rule.stack_group,
        lot=lot,
        basis=_basis(rule, settings),
        targets=rule.targets,
        excludes_menus=rule.excludes_menus,
        exclusive_voucher_types=frozenset(rule.exclusive_voucher_types),
        caps=rule.caps,
        always=not (inert or conditions or rule.kind is RuleKind.BASE or lot.may_be_over(settings)),
        excludes=rule.excludes_menus or bool(rule.exclusive_voucher_types),
    )


def _basis(rule: Rule, settings: ProgrammeSettings) -> BasisKind | None:
    if rule.kind is not RuleKind.CART:
        return None
    return BasisKind(
        settings.net_basis, rule.surcharge_in_basis, rule.delivery_fee_in_basis, rule.inclusive_of_redeemed_value
    )


def standard(settings: ProgrammeSettings) -> list[CompiledRule]:
    """What the settings give without any rule, oldest first."""
    revenue = CompiledRule(
        place=0,
        key=Standard.REVENUE.value,
        version=None,
        kind=RuleKind.CART,
        inert=None,
        conditions=None,
        money=settings.revenue_per_point.as_integer_ratio(),
        rounding=settings.revenue_rounding,
        group=REVENUE_STACK_GROUP,
        basis=BasisKind(settings.net_basis, settings.surcharge_in_basis, settings.shipping_in_basis),
        always=not STANDARD_LOT.may_be_over(settings),
    )
    base = CompiledRule(
        place=1,
        key=Standard.BASE.value,
        version=None,
        kind=RuleKind.BASE,
        inert=None,
        conditions=None,
        points=settings.base_points_per_order,
        group=DEFAULT_STACK_GROUPS[RuleKind.BASE],
    )
    first, last = settings.sign_up_from or date.min, settings.sign_up_until or date.max
    sign_up = CompiledRule(
        place=2,
        key=Standard.SIGN_UP.value,
        version=None,
        kind=RuleKind.REGISTRATION,
        inert=None,
        conditions=_UNCONDITIONAL._replace(first=first, last=last),
        points=settings.sign_up_points,
        group=DEFAULT_STACK_GROUPS[RuleKind.REGISTRATION],
        lot=Lot.like(settings, at_once=settings.sign_up_available_at_once, expiry=settings.sign_up_expiry),
    )
    return [
        rule for rule in (revenue, base, sign_up) if rule.points or (rule.basis and settings.earns_from_revenue)
    ]


class Index:
    """Which rules are for what: looked up by what a line carries, so that other rules cost nothing."""

    def __init__(self, rules: Iterable[CompiledRule]) -> None:
        by_kind: dict[RuleKind, dict[str, list[CompiledRule]]] = defaultdict(lambda: defaultdict(list))
        self.of_orders: list[CompiledRule] = []
        self.of_joining: list[CompiledRule] = []
        self.multipliers: list[CompiledRule] = []
        """The largest first, of equal ones the oldest."""
        whole = {
            RuleKind.CART: self.of_orders,
            RuleKind.BASE: self.of_orders,
            RuleKind.REGISTRATION: self.of_joining,
            RuleKind.MULTIPLIER: self.multipliers,
        }
        for rule in rules:
            if rule.kind in whole:
                whole[rule.kind].append(rule)
            for target in rule.targets:
                by_kind[_ALIKE.get(rule.kind, rule.kind)][target].append(rule)
        self.multipliers.sort(key=lambda rule: (-rule.factor, rule.place))
        self._articles = _frozen(by_kind[RuleKind.ARTICLE])
        self._variations = _frozen(by_kind[RuleKind.VARIATION])
        self._groups = _frozen(by_kind[RuleKind.PRODUCT_GROUP])
        self._toppings = _frozen(by_kind[RuleKind.TOPPING])
        self._topping_groups = _frozen(by_kind[RuleKind.TOPPING_GROUP])
        self._services = _frozen(by_kind[RuleKind.SERVICE])
        self.has_unit_rules = bool(
            self._articles or self._variations or self._groups or self._toppings or self._topping_groups
        )

    def of_line(self, line: Line) -> Iterable[tuple[CompiledRule, ...]]:
        """The rules that are for a line, in tuples; one for several of its groups is in several of them."""
        if line.kind is LineKind.TOPPING:
            yield self._toppings.get(line.article_id, ())
            yield self._topping_groups.get(line.topping_group_id or "", ())
        else:
            yield self._articles.get(line.article_id, ())
            if line.variation_id is not None:
                yield self._variations.get(line.variation_id, ())
            for group in line.product_group_ids if self._groups else ():
                yield self._groups.get(group, ())

    def of_service(self, service_id: str) -> tuple[CompiledRule, ...]:
        return self._services.get(service_id, ())


_ALIKE: Final = {RuleKind.CATEGORY: RuleKind.PRODUCT_GROUP}
"""Categories are product groups; what differs is their stack group."""


def _frozen(rules: Mapping[str, list[CompiledRule]]) -> dict[str, tuple[CompiledRule, ...]]:
    return {target: tuple(found) for target, found in rules.items()}
