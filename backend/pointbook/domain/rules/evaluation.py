"""Judging one order, joining or booking (R8): who bids for what, who wins, what is left after caps.

Stages: the rules that are for a line bid for each of its units, then the rules for the whole order bid for it; in
each stack group the best bid wins (R9), by what it would give after multiplying and rounding. What a rule won is
summed, multiplied once, rounded once (R2) and capped. Nothing depends on the order of rules or lines.

The trace asks the same methods again; they are all there is.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from pointbook.domain.orders import Line, LineKind, OrderContent
from pointbook.domain.rules.admission import NO_PLACES, Places
from pointbook.domain.rules.basis import BasisKind, basis
from pointbook.domain.rules.caps import Counter, counters, room
from pointbook.domain.rules.compiled import CompiledRule
from pointbook.domain.rules.lots import Lot, lot_lifetime, lot_lifetime_from
from pointbook.domain.rules.occasion import Occasion, Why
from pointbook.domain.rules.rule import NO_CAPS, RuleKind

if TYPE_CHECKING:
    from pointbook.domain.rules.engine import Engine

UNIT: Final = 1_000
"""Quantities are thousandths."""
NOTHING_GIVEN: Final[Mapping[Counter, int]] = {}
_NO_TYPES: Final[frozenset[str]] = frozenset()


Bid: TypeAlias = tuple[int, CompiledRule, int, int]
"""What a rule would give for a unit or a whole order. The first is what bids are compared by: whole points after
multiplying and rounding. The last two are the exact result as a ratio, not yet multiplied.

A plain tuple, for there are hundreds of them in a large cart."""


def units(line: Line) -> int:
    """How many units a line counts as; a fractional quantity is one."""
    return 1 if line.quantity % UNIT else line.quantity // UNIT


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
        "_bases",
        "_bids_of",
        "_ended",
        "_menu_lines",
        "_voucher_types",
        "able",
        "content",
        "engine",
        "given",
        "occasion",
        "redeemed_value",
        "units",
        "whole_rules",
    )

    def __init__(
        self,
        engine: "Engine",
        occasion: Occasion,
        whole_rules: tuple[CompiledRule, ...],
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
        self._bids_of: dict[int, list[Bid]] = {}
        self._bases: dict[BasisKind, int | Fraction] = {}
        self._menu_lines: frozenset[str] | None = None
        self._voucher_types: dict[str, frozenset[str]] | None = None
        self._ended = self._lots_that_ended() if engine.doubtful_lots else ()
        self.able = self._able_rules()
        """Those that ``may_give`` something."""

    def gains(self) -> list[Gain]:
        """What every rule that won gives, the oldest rule first."""
        won = [self._gain(rule, figure) for figure, rule, _, _ in winners(self.whole_bids())]
        if self.content is not None and self.engine.index.has_unit_rules:
            totals: dict[CompiledRule, int] = {}
            for line in self.content.lines:
                for _, rule, points, _ in winners(self.unit_bids(line)):
                    totals[rule] = totals.get(rule, 0) + points * units(line)
            won += [self._gain(rule, self._rounded(rule, total, 1)) for rule, total in totals.items()]
        if len(won) > 1:
            won.sort(key=_age)
        return won

    def may_give(self, rule: CompiledRule) -> bool:
        """Whether a rule may give something here, whatever is bought."""
        return bool(self.able >> rule.place & 1)

    def why_not(self, rule: CompiledRule) -> Why | None:
        """Why a rule may give nothing here; None: it may."""
        if self.may_give(rule):
            return None
        if self.occasion.closed is not None:
            return self.occasion.closed
        if rule.inert is not None:
            return rule.inert
        if rule.kind is RuleKind.BASE and self._nothing_is_left():
            return Why.NOTHING_LEFT
        return Why.ENDED if rule.lot in self._ended else self.engine.admission.why_not(rule.place, self.occasion)

    def depends_on_counters(self) -> bool:
        """Whether a rule that may give something, and is for something here, has a cap that counts.

        Not only one that would give: of what remains after a return, another may be the best.
        """
        able = self.able & self.engine.counted_rules
        if not able:
            return False
        lines = self.content.lines if self.content is not None else ()
        aimed = (self.whole_rules, *chain.from_iterable(map(self.engine.index.of_line, lines)))
        return any(able >> rule.place & 1 for rule in chain.from_iterable(aimed))

    def multiplier(self, rule: CompiledRule) -> CompiledRule | None:
        """The multiplier of a rule: of several that may give something the largest, which stands first."""
        able = self._able(self.engine.index.multipliers.get(rule.key, ()))
        return able[0] if able else None

    def unit_bids(self, line: Line) -> list[Bid]:
        """What every rule for a line would give for one of its ``units``; nothing for what does not earn."""
        quantity = line.quantity
        if not line.earns or not quantity:
            return []
        return [
            bid
            for aimed in self.engine.index.of_line(line)
            for bid in (self._part_bids(aimed, quantity) if quantity % UNIT else self._unit_bids(aimed))
            if not (bid[1].excludes and self.barred(bid[1], line))
        ]

    def whole_bids(self) -> list[Bid]:
        return [self._whole_bid(rule) for rule in self._able(self.whole_rules)]

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

    def _able_rules(self) -> Places:
        if self.occasion.closed is not None:
            return NO_PLACES
        able = self.engine.admission.admitted(self.occasion)
        if self._nothing_is_left():
            able &= ~self.engine.base_rules
        for lot in self._ended:
            able &= ~self.engine.doubtful_lots[lot]
        return able

    def _nothing_is_left(self) -> bool:
        return self.content is not None and not self.content.lines

    def _able(self, rules: tuple[CompiledRule, ...]) -> list[CompiledRule]:
        return [rule for rule in rules if self.able >> rule.place & 1]

    def _unit_bids(self, aimed: tuple[CompiledRule, ...]) -> list[Bid]:
        """Made once, for the index hands out the same tuples again and again."""
        bids = self._bids_of.get(id(aimed))
        if bids is None:
            bids = [(self._rounded(rule, rule.points, 1), rule, rule.points, 1) for rule in self._able(aimed)]
            self._bids_of[id(aimed)] = bids
        return bids

    def _part_bids(self, aimed: tuple[CompiledRule, ...], quantity: int) -> list[Bid]:
        """For a fractional quantity, which is rounded, and then counts as one unit."""
        given = [(rule, rule.rounding.ratio(rule.points * quantity, UNIT)) for rule in self._able(aimed)]
        return [(self._rounded(rule, points, 1), rule, points, 1) for rule, points in given]

    def _whole_bid(self, rule: CompiledRule) -> Bid:
        if rule.basis is None:
            numerator, denominator = rule.points * self.units, 1
        else:
            amount, part = self.basis(rule.basis).as_integer_ratio()
            rate, rate_part = rule.money
            numerator, denominator = amount * rate_part, part * rate
        return self._rounded(rule, numerator, denominator), rule, numerator, denominator

    def _rounded(self, rule: CompiledRule, numerator: int, denominator: int) -> int:
        """Whole points of an exact result, after multiplying."""
        if rule.key in self.engine.index.multipliers and (multiplier := self.multiplier(rule)):
            numerator *= multiplier.factor.numerator
            denominator *= multiplier.factor.denominator
        return numerator if denominator == 1 else rule.rounding.ratio(numerator, denominator)

    def _gain(self, rule: CompiledRule, rounded: int) -> Gain:
        points = rounded
        if rule.caps is not NO_CAPS:
            points = room(rule.caps, self.limits(rule), self.given, rounded)
        return Gain(rule, rounded, points)

    def _lots_that_ended(self) -> tuple[Lot, ...]:
        engine, begins, at = self.engine, self.occasion.available_from, self.occasion.earned_at
        if begins is not None:
            return tuple(
                lot
                for lot in engine.doubtful_lots
                if not lot_lifetime_from(engine.settings, lot, begins, engine.zone)
            )
        if at is None:
            return ()
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
