"""The engine: a programme's settings and rules, compiled once, judging orders, joinings and bookings.

Pure and deterministic; an engine keeps nothing of what it judged and may be shared by threads.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from pointbook.domain.orders import Line, OrderContent
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.domain.rules.admission import Admission, places_of
from pointbook.domain.rules.caps import CapUse, Counter
from pointbook.domain.rules.compiled import CompiledRule, Index, compiled, standard
from pointbook.domain.rules.effect import age
from pointbook.domain.rules.evaluation import NOTHING_GIVEN, Evaluation, Gain
from pointbook.domain.rules.lots import Lot, lot_order
from pointbook.domain.rules.occasion import Occasion
from pointbook.domain.rules.rule import UNIT_KINDS, RuleKind, RuleVersion, Standard
from pointbook.domain.rules.trace import RuleTrace, traced

_UTC: Final = ZoneInfo("UTC")


class Part(NamedTuple):
    """Points that become one lot of the ledger."""

    points: int
    lot: Lot


@dataclass(frozen=True, slots=True, eq=False)
class EarningResult:
    """What is to be granted. ``parts`` have points each; those with the programme's usual lifetime come first."""

    points: int
    parts: tuple[Part, ...]
    gains: tuple[Gain, ...]
    """What every rule that won gave, the oldest first; also 0 points."""
    evaluation: Evaluation

    def points_of(self, key: str) -> int:
        """What one rule gave, or one of ``Standard``."""
        return sum(gain.points for gain in self.gains if gain.rule.key == key)

    @property
    def cap_uses(self) -> tuple[CapUse, ...]:
        """What to add to the counters. A later evaluation of what remains is given what *this* one was given."""
        return tuple(
            CapUse(counter, limit, self.evaluation.given.get(counter, 0), gain.points)
            for gain in self.gains
            for counter, limit in self.evaluation.limits(gain.rule)
        )

    def trace(self, *, full: bool = False) -> tuple[RuleTrace, ...]:
        """Why, rule by rule, the oldest first: those that were for something here, or (``full``) every rule."""
        return traced(self.evaluation, self.gains, full=full)


class ProductPoints(NamedTuple):
    """What a product page says. Points per order are no property of a product and left out."""

    standard: int
    """From what it costs, rounded once, as it would be for an order."""
    extra: int
    """From its units: by article, group, variation, category or topping."""


class Engine:
    """``rules`` are versions in force (``rules_in_force``), ``zone`` is the programme's."""

    def __init__(
        self, settings: ProgrammeSettings, rules: Iterable[RuleVersion] = (), zone: ZoneInfo = _UTC
    ) -> None:
        self.settings = settings
        self.zone = zone
        usual = standard(settings)
        oldest_first = sorted(rules, key=age)
        self.rules: tuple[CompiledRule, ...] = (
            *usual,
            *(
                compiled(place, version, settings)
                for place, version in enumerate(oldest_first, start=len(Standard))
            ),
        )
        giving = [rule for rule in self.rules if rule.inert is None]
        self.index = Index(self.rules)
        self.admission = Admission({rule.place: rule.conditions for rule in giving})
        self.base_rules = places_of(rule.place for rule in giving if rule.kind is RuleKind.BASE)
        self.doubtful_lots = {
            lot: places_of(rule.place for rule in giving if rule.lot == lot)
            for lot in {rule.lot for rule in self.rules if rule.lot.may_be_over(settings)}
        }
        """The rules of each lot whose points may be over before they can be spent."""
        self.counted_rules = places_of(rule.place for rule in giving if rule.caps.counted)
        self.counts = bool(self.counted_rules)
        """Whether points may depend on what a member got before."""

    def evaluate(
        self,
        content: OrderContent,
        occasion: Occasion,
        redeemed_value: int = 0,
        given: Mapping[Counter, int] = NOTHING_GIVEN,
    ) -> EarningResult:
        """The points of a qualifying order, or of a cart that might become one.

        ``redeemed_value``: minor units of it that points pay. ``given``: what ``counters`` stood at before it. An
        order of which nothing remains has no lines; of one partly returned the lines are what remains of them.
        """
        order = Evaluation(
            self,
            occasion,
            self.index.of_orders,
            content=content,
            redeemed_value=redeemed_value,
            given=given,
        )
        return _result(order)

    def joining(self, occasion: Occasion, given: Mapping[Counter, int] = NOTHING_GIVEN) -> EarningResult:
        """The points for joining (R12). That a member gets them once is the caller's care."""
        return _result(Evaluation(self, occasion, self.index.of_joining, given=given))

    def booking(
        self, service_id: str, occasion: Occasion, units: int = 1, given: Mapping[Counter, int] = NOTHING_GIVEN
    ) -> EarningResult:
        """The points of a booking (R13) of so many units; when they become available is the caller's care."""
        rules = self.index.of_service(service_id)
        return _result(Evaluation(self, occasion, rules, units=units, given=given))

    def product(self, occasion: Occasion, line: Line) -> ProductPoints:
        """What a product earns if this line of it is bought alone, with money."""
        gains = self.evaluate(OrderContent((line,)), occasion).gains
        return ProductPoints(
            sum(gain.points for gain in gains if gain.rule.kind is RuleKind.CART),
            sum(gain.points for gain in gains if gain.rule.kind in UNIT_KINDS),
        )

    def counters(self, occasion: Occasion) -> tuple[Counter, ...]:
        """What the caller must count for a member on this occasion: for all capped rules that may give."""
        order = Evaluation(self, occasion, ())
        able = order.able & self.counted_rules
        return tuple(counter for rule in self.rules if able >> rule.place & 1 for counter, _ in order.limits(rule))

    def depends_on_counters(self, content: OrderContent, occasion: Occasion) -> bool:
        """Whether an order could earn otherwise if its member had been given something before."""
        return Evaluation(self, occasion, self.index.of_orders, content=content).depends_on_counters()


def _result(evaluation: Evaluation) -> EarningResult:
    gains = tuple(evaluation.gains())
    by_lot: dict[Lot, int] = {}
    for gain in gains:
        by_lot[gain.rule.lot] = by_lot.get(gain.rule.lot, 0) + gain.points
    parts = [Part(points, lot) for lot, points in by_lot.items() if points]
    if len(parts) > 1:
        parts.sort(key=lambda part: lot_order(part.lot))
    return EarningResult(sum([part.points for part in parts]), tuple(parts), gains, evaluation)
