"""What a return document comes to, after all documents of its order before it. Whoever asks has the locks."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

import orjson

from pointbook import ledger
from pointbook.db.queries import returns as rows
from pointbook.db.queries.orders import EARNED
from pointbook.db.session import Connection
from pointbook.domain.orders import OrderContent
from pointbook.domain.programme_settings import RefundSplit
from pointbook.domain.redemption import ValuedPoints
from pointbook.domain.return_types import TypeEffect
from pointbook.domain.returns import (
    NOTHING_RETURNED,
    GivenBack,
    Ordered,
    Paid,
    ReturnContent,
    Returned,
    given_back,
    redeemed_left,
    remaining,
    to_reverse,
)
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.judging import Circumstances, JudgedOrder, granted_again

Reckoned = TypeVar("Reckoned")
_LARGE: Final = 200
"""Lines times documents that are reckoned in a few milliseconds."""


class Undone(NamedTuple):
    """Of one document: minor units and whole points; ``leaves_something`` of the order, whoever took the rest."""

    value: int
    money: int
    given_back: int
    given_back_value: int
    reversed: int
    leaves_something: bool


class Left(NamedTuple):
    """What there is to judge of an order that came back in part before it earned."""

    content: OrderContent
    redeemed_value: int


@dataclass(frozen=True, slots=True)
class _Taken:
    """A document that had its effect, and what it returned exactly."""

    row: rows.ReturnRow
    effect: TypeEffect
    returned: Returned


@dataclass(frozen=True, slots=True)
class Reckoning:
    """An order with what paid it, and the documents that had their effect on it, of its present occurrence."""

    programme: ProgrammeSnapshot
    order: rows.ReturnableOrder
    ordered: Ordered
    paid: Paid
    taken: tuple[_Taken, ...]

    @classmethod
    async def of(
        cls, connection: Connection, programme: ProgrammeSnapshot, order: rows.ReturnableOrder
    ) -> "Reckoning":
        ordered = Ordered(OrderContent.from_stored(orjson.loads(order.document)), order.currency)
        parts = (
            []
            if order.hold_id is None
            else await ledger.captured_parts(connection, programme.id, order.hold_id, order.purchase)
        )
        applied = await rows.applied(connection, programme.id, order.external_id, order.occurrence)
        contents = [ReturnContent.from_stored(row.document) for row in applied]
        walked = await _reckoned(len(ordered.content.lines) * len(contents), lambda: ordered.walked(contents))
        return cls(
            programme,
            order,
            ordered,
            Paid(ordered.total, tuple(ValuedPoints(part.captured, part.value_per_point) for part in parts)),
            tuple(_Taken(row, _effect(row), returned) for row, returned in zip(applied, walked, strict=True)),
        )

    @property
    def number(self) -> int:
        """Of the next document."""
        return len(self.taken) + 1

    async def undone_by(self, content: ReturnContent, effect: TypeEffect, split: RefundSplit) -> Undone:
        """What the next document does. Raises InvalidInput and ReturnExceedsOrder."""
        return await _reckoned(len(self.ordered.content.lines), lambda: self._undone_by(content, effect, split))

    def _undone_by(self, content: ReturnContent, effect: TypeEffect, split: RefundSplit) -> Undone:
        before = self._returned(lambda _: True)
        now = self.ordered.taken(before, content)
        value = self.ordered.figures(before + now).value - self.ordered.figures(before).value
        given = self._given_now(now, split) if effect.reverses_redemption else GivenBack()
        return Undone(
            value=value,
            money=given.money,
            given_back=given.points,
            given_back_value=given.value,
            reversed=self._reversed_now(now, split) if effect.reverses_earning else 0,
            leaves_something=bool(self.ordered.left(before + now)),
        )

    def left(self, split: RefundSplit) -> Left:
        """What is to be judged when an order earns after documents had their effect on it."""
        returned = self._returned(lambda effect: effect.reverses_earning)
        return Left(remaining(self.ordered, returned), self._redeemed_left(returned, split))

    def _given_now(self, now: Returned, split: RefundSplit) -> GivenBack:
        before = self._given_before()
        returned = self._returned(lambda effect: effect.reverses_redemption) + now
        return given_back(self.paid, split, self.ordered.figures(returned).value, before).less(before)

    def _reversed_now(self, now: Returned, split: RefundSplit) -> int:
        order = self.order
        if order.state != EARNED or order.settings_version is None or not order.points:
            return 0
        returned = self._returned(lambda effect: effect.reverses_earning) + now
        judged = JudgedOrder(
            Circumstances(order.placed_at, order.store_id, order.entry_channel, order.exit_channel),
            order.settings_version,
            order.judgement,
        )
        left = granted_again(
            self.programme, judged, remaining(self.ordered, returned), self._redeemed_left(returned, split)
        )
        return to_reverse(order.points, left, sum(one.row.effect.reversed for one in self.taken if one.row.effect))

    def _redeemed_left(self, returned: Returned, split: RefundSplit) -> int:
        """What points pay of what remains, had all that reverses earning reversed redemption too."""
        value = self.ordered.figures(returned).value
        return redeemed_left(self.paid, value, given_back(self.paid, split, value))

    def _given_before(self) -> GivenBack:
        effects = [one.row.effect for one in self.taken if one.row.effect is not None]
        return GivenBack(
            sum(effect.money for effect in effects),
            sum(effect.given_back for effect in effects),
            sum(effect.given_back_value for effect in effects),
        )

    def _returned(self, counts: Callable[[TypeEffect], bool]) -> Returned:
        return sum((one.returned for one in self.taken if counts(one.effect)), NOTHING_RETURNED)


async def _reckoned(size: int, call: Callable[[], Reckoned]) -> Reckoned:
    """The answer; of what is large from a thread, so that others go on meanwhile."""
    return call() if size <= _LARGE else await asyncio.to_thread(call)


def _effect(row: rows.ReturnRow) -> TypeEffect:
    assert row.effect is not None, "it had its effect"
    return TypeEffect(row.effect.effect)
