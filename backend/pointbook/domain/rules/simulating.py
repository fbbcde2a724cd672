"""What a change of rules would have changed for one order (pure; nothing is written)."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pointbook.domain.orders import OrderContent
from pointbook.domain.rules.caps import Counter
from pointbook.domain.rules.engine import EarningResult, Engine
from pointbook.domain.rules.evaluation import NOTHING_GIVEN
from pointbook.domain.rules.occasion import Occasion
from pointbook.domain.rules.rule import RuleState, RuleVersion


class Simulated(NamedTuple):
    before: EarningResult
    after: EarningResult

    @property
    def difference(self) -> int:
        """Points more (or fewer) than before."""
        return self.after.points - self.before.points

    def by_rule(self) -> dict[str, int]:
        """The difference of every rule for which there is one, by key."""
        points = {gain.rule.key: -gain.points for gain in self.before.gains}
        for gain in self.after.gains:
            points[gain.rule.key] = points.get(gain.rule.key, 0) + gain.points
        return {key: difference for key, difference in points.items() if difference}


def with_version(rules: Iterable[RuleVersion], changed: RuleVersion) -> tuple[RuleVersion, ...]:
    """The rules with this version in place of the one of the same key; a deleted one is gone."""
    others = tuple(version for version in rules if version.key != changed.key)
    return others if changed.state is RuleState.DELETED else (*others, changed)


def simulate(
    before: Engine,
    after: Engine,
    content: OrderContent,
    occasion: Occasion,
    *,
    redeemed_value: int = 0,
    given: Mapping[Counter, int] = NOTHING_GIVEN,
) -> Simulated:
    """One order under both; the engines are compiled once for a whole period."""
    return Simulated(
        before.evaluate(content, occasion, redeemed_value, given),
        after.evaluate(content, occasion, redeemed_value, given),
    )
