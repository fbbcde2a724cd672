"""Why an order earned what it earned: for each rule its inputs, exact and rounded points, and what became of it.

Built only when asked for, from the same evaluation: its methods say who bid, who won and who could not.
"""

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from operator import attrgetter
from typing import Any, Final, NamedTuple

from pointbook.domain.orders import Line
from pointbook.domain.rules.caps import CapUse
from pointbook.domain.rules.compiled import CompiledRule
from pointbook.domain.rules.evaluation import Bid, Evaluation, Gain, units, winners
from pointbook.domain.rules.occasion import Why
from pointbook.domain.rules.rule import UNIT_KINDS, RuleKind

_line_id: Final = attrgetter("line")
_BOUGHT: Final = UNIT_KINDS | {RuleKind.CART, RuleKind.BASE, RuleKind.MULTIPLIER}


class Verdict(enum.StrEnum):
    WON = "WON"
    LOST = "LOST"
    """A better rule of its stack group gave the points; of a multiplier, a larger one."""
    INERT = "INERT"


class LineTrace(NamedTuple):
    """What became of a rule at a line that it is for. ``points``: whole, before multiplying."""

    line: str
    quantity: int
    """Thousandths of a unit."""
    verdict: Verdict
    points: int = 0
    lost_to: str | None = None
    why: Why | None = None


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """What became of a rule. Points count for it only if it WON; a LOST one shows what it would have given."""

    rule: str
    version: int | None
    """None: what the settings give."""
    kind: RuleKind
    verdict: Verdict
    why: Why | None = None
    lost_to: str | None = None
    lines: tuple[LineTrace, ...] = ()
    basis: Fraction | None = None
    """Minor units that points come from."""
    multiplier: str | None = None
    factor: Fraction | None = None
    exact: Fraction | None = None
    """Points after multiplying, before rounding."""
    rounded: int = 0
    points: int = 0
    """After caps; 0 unless it won."""
    caps: tuple[CapUse, ...] = ()

    def to_document(self) -> dict[str, Any]:
        """As JSON, without what has nothing to say."""
        written: dict[str, Any] = {
            "rule": self.rule,
            "version": self.version,
            "kind": self.kind.value,
            "verdict": self.verdict.value,
            "why": self.why and self.why.value,
            "lostTo": self.lost_to,
            "lines": [_line_document(line) for line in self.lines],
            "basis": number(self.basis),
            "multiplier": self.multiplier,
            "factor": number(self.factor),
            "exact": number(self.exact),
            "rounded": self.rounded if self.exact is not None else None,
            "points": self.points if self.verdict is Verdict.WON else None,
            "caps": [[*use.counter, use.limit, use.given, use.used] for use in self.caps],
        }
        return {key: value for key, value in written.items() if value not in (None, [])}


def number(ratio: Fraction | None) -> str | None:
    """A ratio as people read it: a decimal if it is one of at most six places, else a quotient.

    >>> number(Fraction(39, 2)), number(Fraction(50, 3)), number(Fraction(20))
    ('19.5', '50/3', '20')
    """
    if ratio is None:
        return None
    millionths = ratio * 10**6
    if millionths.denominator != 1:
        return str(ratio)
    whole, part = divmod(abs(millionths.numerator), 10**6)
    return f"{'-' if ratio < 0 else ''}{whole}" + (f".{part:06d}".rstrip("0") if part else "")


def traced(evaluation: Evaluation, gains: Sequence[Gain], *, full: bool) -> tuple[RuleTrace, ...]:
    """The trace of every rule that could be meant here; without ``full`` only of those that are for something."""
    trace = _Trace(evaluation, gains)
    concerned = trace.concerns if full else trace.meets
    traces = [trace.of(rule) for rule in evaluation.engine.rules if concerned(rule)]
    return tuple(found for found in traces if full or found.why is not Why.NO_TARGET)


class _Trace:
    """The bids of every line and of the whole, looked at rule by rule."""

    def __init__(self, evaluation: Evaluation, gains: Sequence[Gain]) -> None:
        self.evaluation = evaluation
        self.gains = {gain.rule: gain for gain in gains}
        self.lines: dict[CompiledRule, list[LineTrace]] = {}
        for line in evaluation.content.lines if evaluation.content else ():
            self._look_at(line)
        self.whole = {bid[1]: bid for bid in evaluation.whole_bids()}
        self.best = {rule.group: rule for _, rule, _, _ in winners(self.whole.values())}

    def concerns(self, rule: CompiledRule) -> bool:
        """Whether a rule of its kind could give points here at all."""
        if self.evaluation.content is not None:
            return rule.kind in _BOUGHT
        return rule in self.evaluation.whole_rules or rule.kind is RuleKind.MULTIPLIER

    def meets(self, rule: CompiledRule) -> bool:
        """Whether it is for something here, as far as one sees before it is judged."""
        return rule in self.lines if rule.kind in UNIT_KINDS else self.concerns(rule)

    def of(self, rule: CompiledRule) -> RuleTrace:
        why = self.evaluation.why_not(rule)
        if why is not None:
            return RuleTrace(rule.key, rule.version, rule.kind, Verdict.INERT, why)
        if rule.kind is RuleKind.MULTIPLIER:
            return self._of_multiplier(rule)
        return self._of_unit_rule(rule) if rule.kind in UNIT_KINDS else self._of_whole_rule(rule)

    def _of_multiplier(self, rule: CompiledRule) -> RuleTrace:
        won = [gain.rule for gain in self.gains.values() if gain.rule.key in rule.targets]
        acting = [self.evaluation.multiplier(each) for each in won]
        better = [each.key for each in acting if each is not None and each is not rule]
        if len(better) < len(won):
            verdict, why, lost_to = Verdict.WON, None, None
        elif won:
            verdict, why, lost_to = Verdict.LOST, None, better[0]
        else:
            verdict, why, lost_to = Verdict.INERT, Why.NO_TARGET, None
        return RuleTrace(rule.key, rule.version, rule.kind, verdict, why, lost_to, factor=rule.factor)

    def _of_unit_rule(self, rule: CompiledRule) -> RuleTrace:
        lines = tuple(sorted(self.lines.get(rule, ()), key=_line_id))  # the first of them may speak for the rule
        won, lost = _of(lines, Verdict.WON), _of(lines, Verdict.LOST)
        if won or lost:
            verdict = Verdict.WON if won else Verdict.LOST
            lost_to = None if won else lost[0].lost_to
            total = sum(line.points for line in won or lost)
            return self._valued(rule, verdict, lost_to, (total, 1), lines)
        why = lines[0].why if lines else Why.NO_TARGET
        return RuleTrace(rule.key, rule.version, rule.kind, Verdict.INERT, why, lines=lines)

    def _of_whole_rule(self, rule: CompiledRule) -> RuleTrace:
        best = self.best[rule.group]
        verdict, lost_to = (Verdict.WON, None) if best is rule else (Verdict.LOST, best.key)
        return self._valued(rule, verdict, lost_to, self.whole[rule][2:], ())

    def _valued(
        self,
        rule: CompiledRule,
        verdict: Verdict,
        lost_to: str | None,
        result: tuple[int, int],
        lines: tuple[LineTrace, ...],
    ) -> RuleTrace:
        evaluation = self.evaluation
        multiplier = evaluation.multiplier(rule)
        exact = Fraction(*result)
        if multiplier is not None:
            exact *= multiplier.factor
        points = self.gains[rule].points if verdict is Verdict.WON else 0
        return RuleTrace(
            rule.key,
            rule.version,
            rule.kind,
            verdict,
            lost_to=lost_to,
            lines=lines,
            basis=None if rule.basis is None else Fraction(evaluation.basis(rule.basis)),
            multiplier=None if multiplier is None else multiplier.key,
            factor=None if multiplier is None else multiplier.factor,
            exact=exact,
            rounded=rule.rounding.ratio(*exact.as_integer_ratio()),
            points=points,
            caps=tuple(
                CapUse(counter, limit, evaluation.given.get(counter, 0), points)
                for counter, limit in evaluation.limits(rule)
            ),
        )

    def _look_at(self, line: Line) -> None:
        """Note what becomes of every rule that is for a line, or that it is for it if it may give nothing."""
        bids = {bid[1]: bid for bid in self.evaluation.unit_bids(line)}
        best = {rule.group: rule for _, rule, _, _ in winners(bids.values())}
        for rule in dict.fromkeys(chain.from_iterable(self.evaluation.engine.index.of_line(line))):
            noted = self.lines.setdefault(rule, [])
            if rule in bids:
                noted.append(_judged(line, bids[rule], best[rule.group]))
            elif self.evaluation.may_give(rule):
                noted.append(self._barred(rule, line))

    def _barred(self, rule: CompiledRule, line: Line) -> LineTrace:
        if not line.earns:
            why: Why | None = Why.NOT_EARNING
        elif not line.quantity:
            why = Why.NO_UNITS
        else:
            why = self.evaluation.barred(rule, line)
        return LineTrace(line.id, line.quantity, Verdict.INERT, why=why)


def _judged(line: Line, bid: Bid, best: CompiledRule) -> LineTrace:
    _, rule, unit, _ = bid
    points = unit * units(line)
    if best is rule:
        return LineTrace(line.id, line.quantity, Verdict.WON, points)
    return LineTrace(line.id, line.quantity, Verdict.LOST, points, best.key)


def _of(lines: Iterable[LineTrace], verdict: Verdict) -> list[LineTrace]:
    return [line for line in lines if line.verdict is verdict]


def _line_document(line: LineTrace) -> dict[str, Any]:
    written = {
        "line": line.line,
        "quantity": line.quantity,
        "verdict": line.verdict.value,
        "points": line.points if line.why is None else None,
        "lostTo": line.lost_to,
        "why": line.why and line.why.value,
    }
    return {key: value for key, value in written.items() if value is not None}
