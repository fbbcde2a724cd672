"""Earning rules: what they are, how they are read, and the one engine that turns orders into points.

``Engine`` judges an order, a cart, a joining, a booking or a product with the rules in force and says why. The
points that the settings give without rules (revenue, base, sign-up) are rules to it like any other.
"""

from pointbook.domain.rules.caps import CapUse, Counter
from pointbook.domain.rules.checks import Known, check_rule
from pointbook.domain.rules.effect import Effect, effect, giving, rules_in_force
from pointbook.domain.rules.engine import EarningResult, Engine, Part, ProductPoints
from pointbook.domain.rules.evaluation import Gain
from pointbook.domain.rules.lots import STANDARD_LOT, Lot, lot_lifetime, lot_lifetime_from
from pointbook.domain.rules.occasion import Holidays, Occasion, Place, Why
from pointbook.domain.rules.reading import read_rule, write_rule
from pointbook.domain.rules.rule import (
    CapPeriod,
    Caps,
    Chosen,
    Rule,
    RuleKind,
    RuleState,
    RuleVersion,
    Standard,
    Weekday,
    inverted,
)
from pointbook.domain.rules.simulating import Simulated, Stand, simulate, simulate_counted, with_version
from pointbook.domain.rules.trace import LineTrace, RuleTrace, Verdict

__all__ = [
    "STANDARD_LOT",
    "CapPeriod",
    "CapUse",
    "Caps",
    "Chosen",
    "Counter",
    "EarningResult",
    "Effect",
    "Engine",
    "Gain",
    "Holidays",
    "Known",
    "LineTrace",
    "Lot",
    "Occasion",
    "Part",
    "Place",
    "ProductPoints",
    "Rule",
    "RuleKind",
    "RuleState",
    "RuleTrace",
    "RuleVersion",
    "Simulated",
    "Stand",
    "Standard",
    "Verdict",
    "Weekday",
    "Why",
    "check_rule",
    "effect",
    "giving",
    "inverted",
    "lot_lifetime",
    "lot_lifetime_from",
    "read_rule",
    "rules_in_force",
    "simulate",
    "simulate_counted",
    "with_version",
    "write_rule",
]
