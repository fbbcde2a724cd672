"""What a proposed version of a rule changes for orders that have earned. Pure: others read and write.

Before is what judged an order: its settings, and the rules in force at the instant that its record pins. After is
the same with the proposed version in place of the rule's, as if it had been so all along: also before the rule was
made, and after it was deleted. Conditions are tested on the record's day; an order without a record, which the
settings judged alone, is tested on where and when it was placed, in the zone and by the holidays of today.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson

from pointbook.domain.orders import OrderContent
from pointbook.domain.rules import (
    Counter,
    Engine,
    Occasion,
    RuleVersion,
    Stand,
    rules_in_force,
    simulate_counted,
    with_version,
)
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.judging import NOTHING_GIVEN, Circumstances, Judgement, occasion_again
from pointbook.services.rule_books import RuleBook

_ENGINES: Final = 16
"""Pairs that are kept compiled; orders of one time have few."""


class Engines(NamedTuple):
    before: Engine
    after: Engine


class PastOrder(NamedTuple):
    """An order ready to be judged again, by its ``row``. ``rules_at`` None: settings alone judged it."""

    row: Mapping[str, Any]
    rules_at: datetime | None
    occasion: Occasion
    given: Mapping[Counter, int]
    counters: frozenset[Counter]

    @property
    def account_id(self) -> int:
        return int(self.row["account_id"])


class ChangedOrder(NamedTuple):
    external_id: str
    account_id: int
    placed_at: datetime
    points_before: int
    points_after: int


Stands = dict[int, dict[Counter, Stand]]
"""By account."""


@dataclass(slots=True)
class Outcome:
    """What some orders came to. ``looked_at`` are those that had earned when the simulation was started."""

    looked_at: int = 0
    points_before: int = 0
    points_after: int = 0
    by_rule: dict[str, int] = field(default_factory=dict)
    """The differences, by key; none that is 0."""
    changed: list[ChangedOrder] = field(default_factory=list)


class Simulator:
    """A proposed version over a programme's orders. Compiles engines of its own, and so may live in any thread.

    ``until``: orders that earned later are passed over.
    """

    def __init__(self, programme: ProgrammeSnapshot, proposed: RuleVersion, until: datetime) -> None:
        self._programme = programme
        self._proposed = proposed
        self._until = until
        self._book = RuleBook(programme.book.versions)
        self._settings = {version.version: version.settings for version in programme.versions}
        self._engines: dict[tuple[int, int | None], Engines] = {}

    def prepared(self, rows: Iterable[Mapping[str, Any]]) -> list[PastOrder]:
        """The orders with what will judge them, and with the counters that must be known of their members."""
        return [order for row in rows if (order := self._prepared(row)) is not None]

    def judged(self, orders: Sequence[PastOrder], stands: Stands) -> Outcome:
        """Judge orders in their sequence; ``stands`` are brought on from one to the next."""
        outcome = Outcome()
        for order in orders:
            self._judge(order, stands.setdefault(order.account_id, {}), outcome)
        outcome.by_rule = {key: points for key, points in outcome.by_rule.items() if points}
        return outcome

    def _prepared(self, row: Mapping[str, Any]) -> PastOrder | None:
        placed = Circumstances(row["placed_at"], row["store_id"], row["entry_channel"], row["exit_channel"])
        if row["judgement"] is None:
            at, rules_at, given = row["earned_at"], None, NOTHING_GIVEN
            place = self._programme.place(self._programme.store(placed.store))
            occasion = place.occasion(
                placed.placed_at,
                entry_channel=placed.entry_channel,
                exit_channel=placed.exit_channel,
                earned_at=at,
            )
        else:
            judgement = Judgement.of(row["judgement"])
            at = rules_at = judgement.at
            given, occasion = judgement.given, occasion_again(placed, judgement)
        if at > self._until:
            return None
        engines = self._engines_of(row["settings_version"], rules_at)
        counters = {*engines.before.counters(occasion), *engines.after.counters(occasion)}
        return PastOrder(row, rules_at, occasion, given, frozenset(counters))

    def _engines_of(self, settings_version: int, rules_at: datetime | None) -> Engines:
        key = settings_version, None if rules_at is None else self._book.edition(rules_at)
        if key not in self._engines:
            while len(self._engines) >= _ENGINES:
                del self._engines[next(iter(self._engines))]
            settings, zone = self._settings[settings_version], self._programme.zone
            rules = () if rules_at is None else rules_in_force(self._book.versions, rules_at)
            self._engines[key] = Engines(
                Engine(settings, rules, zone), Engine(settings, with_version(rules, self._proposed), zone)
            )
        return self._engines[key]

    def _judge(self, order: PastOrder, stands: dict[Counter, Stand], outcome: Outcome) -> None:
        row = order.row
        engines = self._engines_of(row["settings_version"], order.rules_at)
        outcome.looked_at += 1
        moved = dict(stands)
        simulated = simulate_counted(
            engines.before,
            engines.after,
            OrderContent.from_stored(orjson.loads(row["document"])),
            order.occasion,
            moved,
            redeemed_value=row["redeemed_value"],
            given=order.given,
        )
        before, after = simulated.before.points, simulated.after.points
        if not _earns(row, before):
            return
        stands.update(moved)
        outcome.points_before += before
        outcome.points_after += after
        for key, difference in simulated.by_rule().items():
            outcome.by_rule[key] = outcome.by_rule.get(key, 0) + difference
        if before != after:
            outcome.changed.append(
                ChangedOrder(row["external_id"], order.account_id, row["placed_at"], before, after)
            )


def _earns(row: Mapping[str, Any], before: int) -> bool:
    """Whether the order's member earns: an accrual proves it, points without one prove the contrary.

    Of an order that was worth no points nobody knows how its member stood: as today, then.
    """
    if row["entry_seq"] is not None:
        return True
    return before == 0 and bool(row["may_earn"])
