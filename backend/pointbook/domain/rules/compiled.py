"""Rules made ready for many orders: exact ratios, sets to look in, and an index of what each rule is for.

Made once for a version of the settings and a set of rule versions. The settings' own points (revenue, base,
sign-up) become rules like all others, older than any.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from pointbook.domain.money import Rounding
from pointbook.domain.orders import Line, LineKind
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.domain.rules.admission import UNCONDITIONAL, Conditions
from pointbook.domain.rules.basis import BasisKind
from pointbook.domain.rules.lots import STANDARD_LOT, Lot
from pointbook.domain.rules.occasion import Why
from pointbook.domain.rules.rule import (
    DEFAULT_STACK_GROUPS,
    NO_CAPS,
    REVENUE_STACK_GROUP,
    UNIT_KINDS,
    Caps,
    Rule,
    RuleKind,
    RuleState,
    RuleVersion,
    Standard,
)


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
    conditions: Conditions = UNCONDITIONAL
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
    excludes: bool = False
    """It is not for some lines that it is for otherwise."""


def compiled(place: int, version: RuleVersion, settings: ProgrammeSettings) -> CompiledRule:
    """A version of a rule, made ready under these settings."""
    rule = version.rule
    inert = Why.INACTIVE if version.state is not RuleState.ACTIVE else Why.NO_STORE if rule.stores == () else None
    return CompiledRule(
        place=place,
        key=version.key,
        version=version.version,
        kind=rule.kind,
        inert=inert,
        conditions=Conditions.of(rule),
        points=rule.points or 0,
        money=(0, 1) if rule.money_per_point is None else rule.money_per_point.as_integer_ratio(),
        factor=Fraction(1) if rule.factor is None else Fraction(rule.factor),
        rounding=rule.rounding,
        group=rule.stack_group,
        lot=Lot.of(rule, settings),
        basis=_basis(rule, settings),
        targets=rule.targets,
        excludes_menus=rule.excludes_menus,
        exclusive_voucher_types=frozenset(rule.exclusive_voucher_types),
        caps=rule.caps,
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
        money=settings.revenue_per_point.as_integer_ratio(),
        rounding=settings.revenue_rounding,
        group=REVENUE_STACK_GROUP,
        basis=BasisKind(settings.net_basis, settings.surcharge_in_basis, settings.shipping_in_basis),
    )
    base = CompiledRule(
        place=1,
        key=Standard.BASE.value,
        version=None,
        kind=RuleKind.BASE,
        inert=None,
        points=settings.base_points_per_order,
        group=DEFAULT_STACK_GROUPS[RuleKind.BASE],
    )
    sign_up = CompiledRule(
        place=2,
        key=Standard.SIGN_UP.value,
        version=None,
        kind=RuleKind.REGISTRATION,
        inert=None,
        conditions=Conditions(valid_from=settings.sign_up_from, valid_until=settings.sign_up_until),
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
        of_kind: dict[RuleKind, list[CompiledRule]] = defaultdict(list)
        by_target: dict[RuleKind, dict[str, list[CompiledRule]]] = defaultdict(lambda: defaultdict(list))
        for rule in rules:
            of_kind[rule.kind].append(rule)
            for target in rule.targets:
                by_target[_ALIKE.get(rule.kind, rule.kind)][target].append(rule)
        self.of_orders = (*of_kind[RuleKind.CART], *of_kind[RuleKind.BASE])
        self.of_joining = tuple(of_kind[RuleKind.REGISTRATION])
        self.has_unit_rules = any(rule.inert is None for kind in UNIT_KINDS for rule in of_kind[kind])
        self._articles = _frozen(by_target[RuleKind.ARTICLE])
        self._variations = _frozen(by_target[RuleKind.VARIATION])
        self._groups = _frozen(by_target[RuleKind.PRODUCT_GROUP])
        self._toppings = _frozen(by_target[RuleKind.TOPPING])
        self._topping_groups = _frozen(by_target[RuleKind.TOPPING_GROUP])
        self._services = _frozen(by_target[RuleKind.SERVICE])
        self.multipliers = {
            key: tuple(sorted(found, key=lambda rule: (-rule.factor, rule.place)))
            for key, found in by_target[RuleKind.MULTIPLIER].items()
        }
        """By the keys of the rules that they multiply: the largest first, of equal ones the oldest."""

    def of_line(self, line: Line) -> list[tuple[CompiledRule, ...]]:
        """The rules that are for a line, in tuples; one for several of its groups is in several of them."""
        if line.kind is LineKind.TOPPING:
            articles, further, named = self._toppings, self._topping_groups, line.topping_group_id
            found = []
        else:
            articles, further, named = self._articles, self._variations, line.variation_id
            found = [self._groups[group] for group in line.product_group_ids if group in self._groups]
        if line.article_id in articles:
            found.append(articles[line.article_id])
        if named in further:
            found.append(further[named])
        return found

    def of_service(self, service_id: str) -> tuple[CompiledRule, ...]:
        return self._services.get(service_id, ())


_ALIKE: Final = {RuleKind.CATEGORY: RuleKind.PRODUCT_GROUP}
"""Categories are product groups; what differs is their stack group."""


def _frozen(rules: Mapping[str, list[CompiledRule]]) -> dict[str | None, tuple[CompiledRule, ...]]:
    return {target: tuple(found) for target, found in rules.items()}
