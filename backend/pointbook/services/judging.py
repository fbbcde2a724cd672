"""What orders, bookings and joinings earn: the engine of an instant, the occasion, the lots, the record of why.

Pure; who reads and adds to the counters of capped rules holds the account's lock. The record of an order pins what
it was judged by: what remains after a return is judged again by the same.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple, Self
from zoneinfo import ZoneInfo

import orjson

from pointbook.domain.calendar import Lifetime
from pointbook.domain.earning import engine_of
from pointbook.domain.orders import OrderContent
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.domain.rules import (
    Counter,
    EarningResult,
    Engine,
    Lot,
    Occasion,
    Part,
    Why,
    lot_lifetime,
    lot_lifetime_from,
)
from pointbook.ledger import NewLot
from pointbook.services.directory import ProgrammeSnapshot

_ANY_DAY: Final = Occasion(date.min)
_REMEMBERED: Final = 8_192
NOTHING_GIVEN: Final[Mapping[Counter, int]] = {}


class Circumstances(NamedTuple):
    """Of an order: what conditions of rules are tested on."""

    placed_at: datetime
    store: str | None = None
    entry_channel: str | None = None
    exit_channel: str | None = None


class Judge:
    """A programme's settings and rules at an instant, which is when the points would be earned."""

    __slots__ = ("_by_settings_alone", "_counts", "_lifetimes", "at", "engine", "programme", "version")

    def __init__(self, programme: ProgrammeSnapshot, at: datetime) -> None:
        self.programme = programme
        self.at = at
        self.version = programme.version_at(at)
        self.engine = programme.engine_at(at)
        self._counts = self.engine.counts
        self._lifetimes: dict[tuple[Lot, datetime], Lifetime | None] = {}
        self._by_settings_alone = not (has_rules(self.engine) or self.engine.doubtful_lots)

    def occasion(self, order: Circumstances, *, exact: bool = False) -> Occasion:
        """Where and when an order is placed; ``exact`` also if settings alone judge it. Raises UnknownStore.

        What is judged exactly is recorded: an order of which a part had come back is not judged again as a whole.
        """
        store = self.programme.store(order.store)
        closed = self._closed()
        if closed is None and store is not None and not store.active:
            closed = Why.STORE_OFF
        if closed is None and self._by_settings_alone and not exact:
            return _ANY_DAY
        return self.programme.place(store).occasion(
            order.placed_at,
            entry_channel=order.entry_channel,
            exit_channel=order.exit_channel,
            earned_at=self.at,
            closed=closed,
        )

    def counters(self, occasion: Occasion, content: OrderContent | None = None) -> tuple[Counter, ...]:
        """What must be known of the member before; read under the account's lock, if the order is to count.

        Nothing, if no capped rule is for an order of this ``content``, or for what may remain of it.
        """
        if not self._counts:
            return ()
        if content is not None and not self.engine.depends_on_counters(content, occasion):
            return ()
        return self.engine.counters(occasion)

    def order(
        self,
        content: OrderContent,
        occasion: Occasion,
        redeemed_value: int = 0,
        given: Mapping[Counter, int] = NOTHING_GIVEN,
    ) -> EarningResult:
        """The points of a qualifying order; ``redeemed_value`` in minor units."""
        if occasion is _ANY_DAY and len(content.lines) == 1 and not redeemed_value:
            return _by_settings_alone(self.engine, content)
        return self.engine.evaluate(content, occasion, redeemed_value, given)

    def joining(self, joined_at: datetime) -> EarningResult:
        """The points for joining at an instant (R12), which is also when they are earned."""
        occasion = self.programme.place(None).occasion(joined_at, earned_at=joined_at, closed=self._closed())
        return self.engine.joining(occasion)

    def booking(
        self,
        service_id: str,
        occasion: Occasion,
        participants: int,
        given: Mapping[Counter, int] = NOTHING_GIVEN,
    ) -> EarningResult:
        """The points of a booking (R13): those of one for each of the participants."""
        return self.engine.booking(service_id, occasion, participants, given)

    def lots(self, parts: Iterable[Part], at: datetime, *, now: datetime | None = None) -> tuple[NewLot, ...]:
        """The lots of points earned at an instant; none that ends before it begins, or (if given) by ``now``."""
        return self._new_lots(((part.points, self._lifetime(part.lot, at)) for part in parts), now)

    def lots_from(self, parts: Iterable[Part], available_from: datetime, *, now: datetime) -> tuple[NewLot, ...]:
        """The lots of points of a booking, spendable from this instant on; none that has ended by ``now``."""
        settings, zone = self.version.settings, self.engine.zone
        spans = ((part.points, lot_lifetime_from(settings, part.lot, available_from, zone)) for part in parts)
        return self._new_lots(spans, now)

    def _new_lots(self, spans: Iterable[tuple[int, Lifetime | None]], now: datetime | None) -> tuple[NewLot, ...]:
        return tuple(
            NewLot(
                points=points,
                value_per_point=self.version.settings.value_per_point,
                available_from=span.available_from,
                expires_at=span.expires_at,
                settings_version=self.version.version,
            )
            for points, span in spans
            if points and span is not None and (now is None or span.expires_at is None or span.expires_at > now)
        )

    def record(
        self, result: EarningResult, *, traced: bool = True, earned_at: datetime | None = None
    ) -> str | None:
        """Why an order earned what it did, as JSON; None: by the settings alone, which can be judged again.

        ``earned_at``: what lots were counted from, if not the instant of judging. Without ``traced``, and where
        nothing is earned, the record only pins what judged the order: the trace can be made again from that. It is
        four times as large as the order and takes twice as long as judging it, which counts in an import.
        """
        occasion = result.evaluation.occasion
        if occasion is _ANY_DAY:
            return None
        return Judgement(
            at=self.at,
            day=occasion.day,
            holidays=tuple(sorted(occasion.holidays)),
            closed=occasion.closed,
            given={counter: points for counter, points in sorted(result.evaluation.given.items()) if points},
            rules=[trace.to_document() for trace in result.trace()] if traced and not occasion.closed else None,
            earned_at=earned_at,
        ).to_json()

    def _lifetime(self, lot: Lot, at: datetime) -> Lifetime | None:
        """Asked for every order of an import, at one instant."""
        if (lot, at) not in self._lifetimes:
            self._lifetimes[lot, at] = lot_lifetime(self.version.settings, lot, at, self.engine.zone)
        return self._lifetimes[lot, at]

    def _closed(self) -> Why | None:
        return None if self.programme.earns else Why.PROGRAMME_STOPPED


@dataclass(frozen=True, slots=True)
class Judgement:
    """The record of an order that earned. ``at`` pins the versions of rules, ``given`` the room that caps left.

    A member who does not earn was granted nothing of what the rules gave; the order's points say so.
    """

    at: datetime
    day: date
    holidays: tuple[str, ...]
    closed: Why | None
    given: Mapping[Counter, int]
    rules: list[dict[str, Any]] | None
    """``RuleTrace.to_document`` of each; None: to be judged again."""
    earned_at: datetime | None = None
    """What lots were counted from, if not from ``at``: those that had expired by then were not granted."""

    def grants(self, settings: ProgrammeSettings, lot: Lot, zone: ZoneInfo) -> bool:
        """Whether points of a lot were granted when the order was judged."""
        span = lot_lifetime(settings, lot, self.earned_at or self.at, zone)
        if span is None or self.earned_at is None:
            return span is not None
        return span.expires_at is None or span.expires_at > self.at

    def to_json(self) -> str:
        written: dict[str, Any] = {"at": self.at.isoformat(), "day": self.day.isoformat()}
        if self.rules is not None:
            written["rules"] = self.rules
        if self.holidays:
            written["holidays"] = self.holidays
        if self.closed is not None:
            written["closed"] = self.closed.value
        if self.earned_at is not None:
            written["earnedAt"] = self.earned_at.isoformat()
        if self.given:
            written["given"] = [[*counter, points] for counter, points in self.given.items()]
        return orjson.dumps(written).decode()

    @classmethod
    def of(cls, text: str) -> Self:
        read = orjson.loads(text)
        return cls(
            at=datetime.fromisoformat(read["at"]),
            day=date.fromisoformat(read["day"]),
            holidays=tuple(read.get("holidays", ())),
            closed=Why(read["closed"]) if "closed" in read else None,
            given={Counter(rule, bucket): points for rule, bucket, points in read.get("given", ())},
            rules=read.get("rules"),
            earned_at=datetime.fromisoformat(read["earnedAt"]) if "earnedAt" in read else None,
        )


@lru_cache(maxsize=_REMEMBERED)
def _by_settings_alone(engine: Engine, content: OrderContent) -> EarningResult:
    """An import sums the lines of an order up, and of four sums of real baskets three have come before."""
    return engine.evaluate(content, _ANY_DAY)


class JudgedOrder(NamedTuple):
    """An order that earned, as it is kept: ``judgement`` is its record."""

    circumstances: Circumstances
    settings_version: int
    judgement: str | None


def judged_again(
    programme: ProgrammeSnapshot, order: JudgedOrder, remaining: OrderContent, redeemed_value: int
) -> EarningResult:
    """What an order, or what remains of it, earns by what it was judged by: versions, day, room under caps."""
    version = programme.version(order.settings_version)
    if order.judgement is None:
        return engine_of(version.settings, programme.zone).evaluate(remaining, _ANY_DAY, redeemed_value)
    judgement = Judgement.of(order.judgement)
    occasion = occasion_again(order.circumstances, judgement)
    engine = programme.book.engine(version, programme.zone, judgement.at)
    return engine.evaluate(remaining, occasion, redeemed_value, judgement.given)


def cap_uses(
    programme: ProgrammeSnapshot, order: JudgedOrder, content: OrderContent, redeemed_value: int
) -> Mapping[Counter, int]:
    """The points under caps that an order was given when it earned."""
    recorded = None if order.judgement is None else Judgement.of(order.judgement).rules
    if recorded is not None:
        return recorded_cap_uses(recorded)
    uses: dict[Counter, int] = {}
    for use in judged_again(programme, order, content, redeemed_value).cap_uses:
        uses[use.counter] = uses.get(use.counter, 0) + use.used
    return uses


def recorded_cap_uses(traces: Iterable[Mapping[str, Any]]) -> Mapping[Counter, int]:
    """The same, as a record tells it."""
    uses: dict[Counter, int] = {}
    for trace in traces:
        for _, bucket, _, _, used in trace.get("caps", ()):
            counter = Counter(trace["rule"], bucket)
            uses[counter] = uses.get(counter, 0) + used
    return uses


def occasion_again(placed: Circumstances, judgement: Judgement) -> Occasion:
    """The occasion of an order as it was judged, whatever has become of zones and holidays since."""
    return Occasion(
        judgement.day,
        placed.store,
        placed.entry_channel,
        placed.exit_channel,
        frozenset(judgement.holidays),
        judgement.at,
        judgement.closed,
    )


def granted_again(
    programme: ProgrammeSnapshot, order: JudgedOrder, remaining: OrderContent, redeemed_value: int
) -> int:
    """The points that an order, or what remains of it, is granted by what it was judged by."""
    result = judged_again(programme, order, remaining, redeemed_value)
    if order.judgement is None:
        return result.points
    judgement, settings = Judgement.of(order.judgement), programme.version(order.settings_version).settings
    return sum(part.points for part in result.parts if judgement.grants(settings, part.lot, programme.zone))


def has_rules(engine: Engine) -> bool:
    """Whether there is more than what the settings give, which stands first."""
    return bool(engine.rules) and engine.rules[-1].version is not None


def looks_at_lines(engine: Engine) -> bool:
    """Whether points may depend on more than the sums of an order."""
    return engine.index.has_unit_rules
