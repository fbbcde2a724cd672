"""What a change of rules would have changed for one order (pure; nothing is written)."""

from collections.abc import Iterable, Mapping, MutableMapping
from typing import Final, NamedTuple

from pointbook.domain.orders import OrderContent
from pointbook.domain.rules.caps import CapUse, Counter
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


class Stand(NamedTuple):
    """The points that a counter of a member had counted, and those that it would have."""

    before: int = 0
    after: int = 0


_NOTHING_COUNTED: Final = Stand()


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
    would: Mapping[Counter, int] | None = None,
) -> Simulated:
    """One order under both; the engines are compiled once for a whole period.

    ``given``: what the counters stood at before the order; ``would``: at what they would have stood (None: the
    same).
    """
    return Simulated(
        before.evaluate(content, occasion, redeemed_value, given),
        after.evaluate(content, occasion, redeemed_value, given if would is None else would),
    )


def simulate_counted(
    before: Engine,
    after: Engine,
    content: OrderContent,
    occasion: Occasion,
    stands: MutableMapping[Counter, Stand],
    *,
    redeemed_value: int = 0,
    given: Mapping[Counter, int] = NOTHING_GIVEN,
) -> Simulated:
    """One of a member's orders, after others of theirs: ``stands`` go from one to the next, and are moved here.

    What the order was ``given`` says where the counters stood, if they were read then: an import reads them only
    for orders that depend on them. Points that other orders gave meanwhile move both sides alike, so that both
    leave the same room as long as nothing differs. A counter that nobody has read, since the rule had no such cap,
    begins at 0.
    """
    were_read = bool(given) or before.depends_on_counters(content, occasion)
    for counter in before.counters(occasion) if were_read else ():
        stand = stands.get(counter, _NOTHING_COUNTED)
        moved = given.get(counter, 0) - stand.before
        stands[counter] = Stand(stand.before + moved, stand.after + moved)
    would = {counter: max(0, stands[counter].after) for counter in after.counters(occasion) if counter in stands}
    simulated = simulate(before, after, content, occasion, redeemed_value=redeemed_value, given=given, would=would)
    for use in simulated.before.cap_uses:
        _count(stands, use, before=use.used)
    for use in simulated.after.cap_uses:
        _count(stands, use, after=use.used)
    return simulated


def _count(stands: MutableMapping[Counter, Stand], use: CapUse, *, before: int = 0, after: int = 0) -> None:
    if before or after:
        stand = stands.get(use.counter, _NOTHING_COUNTED)
        stands[use.counter] = Stand(stand.before + before, stand.after + after)
