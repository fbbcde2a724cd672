"""What an earning rule is: a condition, an amount of points, and versions that never change.

Points are whole; money is minor units of the programme's currency; days are local. Nothing here evaluates.
"""

import enum
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final, TypeAlias

from pointbook.domain.calendar import Expiry
from pointbook.domain.money import Rounding


class RuleKind(enum.StrEnum):
    """What a rule gives points for. ``targets`` are the ids that the order document has."""

    ARTICLE = "ARTICLE"
    """Per unit of an article."""
    PRODUCT_GROUP = "PRODUCT_GROUP"
    """Per unit of an article of a product group."""
    TOPPING = "TOPPING"
    """Per unit of a topping, by its article."""
    TOPPING_GROUP = "TOPPING_GROUP"
    """Per unit of a topping, by its group."""
    CART = "CART"
    """From the money of the whole order."""
    BASE = "BASE"
    """Per order."""
    REGISTRATION = "REGISTRATION"
    """Once, for joining."""
    SERVICE = "SERVICE"
    """Per booking of a service or class."""
    VARIATION = "VARIATION"
    """Extra points per unit of a variation."""
    CATEGORY = "CATEGORY"
    """Extra points per unit of an article of a category; categories are product groups."""
    MULTIPLIER = "MULTIPLIER"
    """Multiplies what the rules it names give. Its targets are keys of rules, or of ``Standard``."""


class Standard(enum.StrEnum):
    """Keys of what a programme's settings give without any rule; multipliers and traces name them like rules."""

    REVENUE = "REVENUE"
    BASE = "BASE"
    SIGN_UP = "SIGN_UP"


ITEM_KINDS: Final = frozenset(
    {RuleKind.ARTICLE, RuleKind.PRODUCT_GROUP, RuleKind.VARIATION, RuleKind.CATEGORY},
)
TOPPING_KINDS: Final = frozenset({RuleKind.TOPPING, RuleKind.TOPPING_GROUP})
UNIT_KINDS: Final = ITEM_KINDS | TOPPING_KINDS

DEFAULT_STACK_GROUPS: Final = {
    RuleKind.ARTICLE: "item",
    RuleKind.PRODUCT_GROUP: "item",
    RuleKind.TOPPING: "topping",
    RuleKind.TOPPING_GROUP: "topping",
    RuleKind.CART: "cart",
    RuleKind.BASE: "base",
    RuleKind.REGISTRATION: "registration",
    RuleKind.SERVICE: "service",
    RuleKind.VARIATION: "variation",
    RuleKind.CATEGORY: "category",
}
REVENUE_STACK_GROUP: Final = "revenue"
"""Of the standard revenue points: a cart rule adds to them, unless it is put into this group."""


class Weekday(enum.StrEnum):
    """In the order of ``date.weekday``."""

    MONDAY = "MONDAY"
    TUESDAY = "TUESDAY"
    WEDNESDAY = "WEDNESDAY"
    THURSDAY = "THURSDAY"
    FRIDAY = "FRIDAY"
    SATURDAY = "SATURDAY"
    SUNDAY = "SUNDAY"


class CapPeriod(enum.StrEnum):
    """The local calendar period over which the points of one member are capped."""

    WEEK = "WEEK"
    """Monday to Sunday."""
    MONTH = "MONTH"
    YEAR = "YEAR"
    RULE = "RULE"
    """As long as there is the rule."""


Chosen: TypeAlias = tuple[str, ...] | None
"""Some of what there is, in order; None: all, also what comes later."""


@dataclass(frozen=True, slots=True)
class Caps:
    """The most points that a rule gives, in whole points after rounding; None: no limit."""

    per_order: int | None = None
    per_day: int | None = None
    """To one member on one local day."""
    per_member: int | None = None
    """To one member in a ``period``."""
    period: CapPeriod | None = None

    @property
    def counted(self) -> bool:
        """Whether somebody must count what a member got before."""
        return self.per_day is not None or self.per_member is not None


NO_CAPS: Final = Caps()


@dataclass(frozen=True, slots=True)
class Rule:
    """The content of one version of a rule. Build it with ``read_rule``, which knows bounds and defaults."""

    kind: RuleKind
    name: str
    """For the staff; it is in no answer to anybody else."""
    labels: tuple[tuple[str, str], ...] = ()
    """Locale and public text, in order of locale."""
    points: int | None = None
    """Per unit, order, joining or booking; None for CART and MULTIPLIER."""
    money_per_point: Decimal | None = None
    """CART: exact minor units that earn one point."""
    factor: Decimal | None = None
    """MULTIPLIER."""
    rounding: Rounding = Rounding.HALF_UP
    stack_group: str = ""
    """Of the rules of one group only the best gives points, for each unit or order; groups add up."""
    targets: tuple[str, ...] = ()
    excludes_menus: bool = False
    """Menus, and what is part of one, earn nothing by this rule."""
    exclusive_voucher_types: tuple[str, ...] = ()
    """Lines that a shop voucher of one of these types names earn nothing by this rule."""
    inclusive_of_redeemed_value: bool = False
    """CART: what points pay earns as if it were paid with money."""
    surcharge_in_basis: bool = False
    delivery_fee_in_basis: bool = False
    available_at_once: bool = False
    """The points skip the programme's waiting time."""
    expiry: Expiry | None = None
    """None: as the programme's other points."""
    stores: Chosen = None
    """Empty: no store, so that the rule is inert."""
    entry_channels: Chosen = None
    exit_channels: Chosen = None
    valid_from: date | None = None
    """First local day; None: open."""
    valid_until: date | None = None
    """Last local day; None: open."""
    weekdays: tuple[Weekday, ...] = ()
    holidays: Chosen = ()
    """Names of holidays of the store; None: all. With no weekday and no holiday chosen, every day counts."""
    caps: Caps = NO_CAPS


class RuleState(enum.StrEnum):
    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class RuleVersion:
    """A rule as it is from ``effective_from`` (UTC) until its next version. Versions are never changed.

    Activating, deactivating and deleting make a version too, so that any instant can be judged again later.
    """

    key: str
    """The rule's id in its programme: stable, not its name."""
    number: int
    """Rules are numbered as they are made: of two, the smaller is the older."""
    version: int
    effective_from: datetime
    state: RuleState
    rule: Rule


def inverted(stores: Chosen, existing: tuple[str, ...]) -> Chosen:
    """The complement of the chosen stores among the existing ones; of all, none, and of none, all.

    >>> inverted(("berlin",), ("berlin", "bonn", "kiel"))
    ('bonn', 'kiel')
    """
    if stores is None:
        return ()
    return tuple(sorted(set(existing) - set(stores))) if stores else None
