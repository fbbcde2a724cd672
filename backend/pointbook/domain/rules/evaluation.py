"""Judging one order, joining or booking (R8): who bids for what, who wins, what is left after caps.

Stages: the rules that are for a line bid for each of its units, then the rules for the whole order bid for it; in
each stack group the best bid wins (R9), by what it would give after multiplying and rounding. What a rule won is
summed, multiplied once, rounded once (R2) and capped. Nothing depends on the order of rules or lines.

The trace asks the same methods again; they are all there is.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from pointbook.domain.orders import Line, LineKind, OrderContent
from pointbook.domain.rules.basis import BasisKind, basis
from pointbook.domain.rules.caps import Counter, counters, room
from pointbook.domain.rules.compiled import CompiledRule
from pointbook.domain.rules.lots import Lot, lot_lifetime
from pointbook.domain.rules.occasion import Occasion, Why
from pointbook.domain.rules.rule import NO_CAPS, RuleKind

if TYPE_CHECKING:
    from pointbook.domain.rules.engine import Engine

UNIT: Final = 1_000
"""Quantities are thousandths."""
NOTHING_GIVEN: Final[Mapping[Counter, int]] = {}
_NO_TYPES: Final[frozenset[str]] = frozenset()


Bid: TypeAlias = tuple[int, CompiledRule, int, int]
"""What a rule would give for a line or a whole order. The first is what bids are compared by: whole points for one
unit, after multiplying and rounding. The last two are the exact result as a ratio, not yet multiplied.

A plain tuple, for there are hundreds of them in a large cart."""


class Gain(NamedTuple):
    """What a rule won: whole points after multiplying and rounding once, and what caps leave of them."""

    rule: CompiledRule
    rounded: int
    points: int


def winners(bids: Iterable[Bid]) -> Iterable[Bid]:
    """The best bid of each stack group; of equal ones the older rule's."""
    best: dict[str, Bid] = {}
    for bid in bids:
        figure, rule, _, _ = bid
        leader = best.get(rule.group)
        if leader is None or figure > leader[0] or (figure == leader[0] and rule.place < leader[1].place):
            best[rule.group] = bid
    return best.values()


class Evaluation:
    """``content``: None where nothing is bought. ``whole_rules`` bid for the order, joining or booking itself."""

    __slots__ = (
        "_able_of",
        "_bases",
        "_ended",
        "_menu_lines",
        "_verdicts",
        "_voucher_types",
        "content",
        "engine",
        "given",
        "multipliers",
        "occasion",
        "redeemed_value",
        "units",
        "whole_rules",
    )

    def __init__(
        self,
        engine: "Engine",
        occasion: Occasion,
        whole_rules: Sequence[CompiledRule],
        *,
        content: OrderContent | None = None,
        units: int = 1,
        redeemed_value: int = 0,
        given: Mapping[Counter, int] = NOTHING_GIVEN,
    ) -> None:
        self.engine = engine
        self.occasion = occasion
        self.content = content
        self.whole_rules = whole_rules
        self.units = units
        self.redeemed_value = redeemed_value
        self.given = given
        self._able_of: dict[int, tuple[CompiledRule, ...]] = {}
        self._bases: dict[BasisKind, int | Fraction] = {}
        self._verdicts: dict[int, Why | None] = {}
        self._menu_lines: frozenset[str] | None = None
        self._voucher_types: dict[str, frozenset[str]] | None = None
        self._ended = self._lots_that_ended() if engine.doubtful_lots else ()
        self.multipliers = self._multipliers() if engine.index.multipliers else {}

    def gains(self) -> list[Gain]:
        """What every rule that won gives, the oldest rule first."""
        if self.occasion.closed is not None:
            return []
        won = [self._gain(rule, figure) for figure, rule, _, _ in winners(self.whole_bids())]
        if self.content is not None and self.engine.index.has_unit_rules:
            totals: dict[CompiledRule, int] = {}
            for line in self.content.lines:
                for _, rule, points, _ in winners(self.unit_bids(line)):
                    totals[rule] = totals.get(rule, 0) + points
            won += [self._gain(rule, self._multiplied(rule, total, 1)) for rule, total in totals.items()]
        if len(won) > 1:
            won.sort(key=_age)
        return won

    def why_not(self, rule: CompiledRule) -> Why | None:
        """Why a rule gives nothing here, whatever is bought; None: it may."""
        if rule.always and self.occasion.closed is None:
            return None
        place = rule.place
        if place not in self._verdicts:
            self._verdicts[place] = self._judged(rule)
        return self._verdicts[place]

    def unit_bids(self, line: Line) -> list[Bid]:
        """What every rule for a line would give for it; nothing for a line that does not earn or has no units."""
        if not line.earns or not line.quantity:
            return []
        bid = self._bid_for_units if line.quantity % UNIT == 0 else self._bid_for_a_fraction
        return [
            bid(rule, line.quantity)
            for aimed in self.engine.index.of_line(line)
            for rule in self._able(aimed)
            if not (rule.excludes and self.barred(rule, line))
        ]

    def whole_bids(self) -> list[Bid]:
        return [self._whole_bid(rule) for rule in self.whole_rules if self.why_not(rule) is None]

    def barred(self, rule: CompiledRule, line: Line) -> Why | None:
        """Why a rule gives nothing for a line that it is for (R10)."""
        if rule.excludes_menus and line.id in self._menus():
            return Why.MENU
        types = rule.exclusive_voucher_types
        if types and not types.isdisjoint(self._types_of_vouchers().get(line.id, _NO_TYPES)):
            return Why.SHOP_VOUCHER
        return None

    def basis(self, kind: BasisKind) -> int | Fraction:
        """The money that points come from, minor units."""
        if kind not in self._bases:
            assert self.content is not None, "only what is bought has a price"
            self._bases[kind] = basis(self.content, kind, self.redeemed_value)
        return self._bases[kind]

    def limits(self, rule: CompiledRule) -> list[tuple[Counter, int]]:
        return counters(rule.key, rule.caps, self.occasion.day)

    def _judged(self, rule: CompiledRule) -> Why | None:
        if self.occasion.closed is not None:
            return self.occasion.closed
        if rule.inert is not None:
            return rule.inert
        if rule.kind is RuleKind.BASE and self.content is not None and not self.content.lines:
            return Why.NOTHING_LEFT
        if rule.lot in self._ended:
            return Why.ENDED
        return None if rule.conditions is None else rule.conditions.why_not(self.occasion)

    def _able(self, aimed: tuple[CompiledRule, ...]) -> tuple[CompiledRule, ...]:
        """Those that may give something here. The index hands out the same tuples again and again."""
        if id(aimed) not in self._able_of:
            self._able_of[id(aimed)] = tuple([rule for rule in aimed if self.why_not(rule) is None])
        return self._able_of[id(aimed)]

    def _bid_for_units(self, rule: CompiledRule, quantity: int) -> Bid:
        unit = rule.points
        figure = self._multiplied(rule, unit, 1) if rule.key in self.multipliers else unit
        return figure, rule, unit * (quantity // UNIT), 1

    def _bid_for_a_fraction(self, rule: CompiledRule, quantity: int) -> Bid:
        """A fractional quantity is rounded, and then counts as one unit."""
        points = rule.rounding.ratio(rule.points * quantity, UNIT)
        return self._multiplied(rule, points, 1), rule, points, 1

    def _whole_bid(self, rule: CompiledRule) -> Bid:
        if rule.basis is None:
            numerator, denominator = rule.points * self.units, 1
        else:
            amount, part = self.basis(rule.basis).as_integer_ratio()
            rate, rate_part = rule.money
            numerator, denominator = amount * rate_part, part * rate
        return self._multiplied(rule, numerator, denominator), rule, numerator, denominator

    def _multiplied(self, rule: CompiledRule, numerator: int, denominator: int) -> int:
        if rule.key in self.multipliers:
            multiplier = self.multipliers[rule.key]
            numerator *= multiplier.factor.numerator
            denominator *= multiplier.factor.denominator
        return rule.rounding.ratio(numerator, denominator)

    def _gain(self, rule: CompiledRule, rounded: int) -> Gain:
        points = rounded
        if rule.caps is not NO_CAPS:
            points = room(rule.caps, self.limits(rule), self.given, rounded)
        return Gain(rule, rounded, points)

    def _multipliers(self) -> dict[str, CompiledRule]:
        """The multiplier of each rule that has one: of several the largest, which stand first."""
        chosen: dict[str, CompiledRule] = {}
        for multiplier in self.engine.index.multipliers:
            if self.why_not(multiplier) is None:
                for key in multiplier.targets:
                    chosen.setdefault(key, multiplier)
        return chosen

    def _lots_that_ended(self) -> tuple[Lot, ...]:
        at = self.occasion.earned_at
        if at is None:
            return ()
        engine = self.engine
        return tuple(
            lot for lot in engine.doubtful_lots if not lot_lifetime(engine.settings, lot, at, engine.zone)
        )

    def _menus(self) -> frozenset[str]:
        """The lines that are menus, or part of one at any depth."""
        if self._menu_lines is None:
            assert self.content is not None
            inside = {line.id for line in self.content.lines if line.kind is LineKind.MENU}
            found = inside
            while found and inside:
                found = {line.id for line in self.content.lines if line.parent_line_id in found} - inside
                inside |= found
            self._menu_lines = frozenset(inside)
        return self._menu_lines

    def _types_of_vouchers(self) -> dict[str, frozenset[str]]:
        """The types of the shop vouchers that name a line; one that names none concerns the whole order."""
        if self._voucher_types is None:
            assert self.content is not None
            types: dict[str, frozenset[str]] = {}
            for voucher in self.content.shop_vouchers:
                if voucher.type is not None:
                    for line_id in voucher.line_ids:
                        types[line_id] = types.get(line_id, _NO_TYPES) | {voucher.type}
            self._voucher_types = types
        return self._voucher_types


def _age(gain: Gain) -> int:
    return gain.rule.place
