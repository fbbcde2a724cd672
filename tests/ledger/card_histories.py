"""Random histories of a gift card, played through the functions and through a plain model.

The model keeps time as a clock that walks from instant to instant, and money as five numbers.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID, uuid4

import asyncpg
from hypothesis import strategies as st

from pointbook import ledger
from pointbook.domain.errors import PointbookError
from tests.ledger.desk import NOON, Desk, lot
from tests.ledger.till import Till

_FACE = 100
_TICK = timedelta(minutes=5)
_HOLD = 3 * _TICK

Figures = tuple[int, int, int, int, int]


class CardStep(NamedTuple):
    ticks: int
    kind: Literal["use", "hold", "use held", "release", "refund", "void", "rest"]
    amount: int
    which: int  # of the holds made so far, or of the orders
    grace: int | None
    sweep: bool


card_histories = st.lists(
    st.builds(
        CardStep,
        ticks=st.sampled_from([0, 0, 0, 1, 1, 2]),
        kind=st.sampled_from(
            ["hold", "hold", "hold", "use", "use held", "use held", "release", "refund", "refund", "void", "rest"]
        ),
        amount=st.integers(1, 60),
        which=st.integers(0, 3),
        grace=st.sampled_from([None, 0, 2, 6]),
        sweep=st.booleans(),
    ),
    min_size=8,
    max_size=25,
)


card_lives = st.sampled_from([None, 2, 4, 8])
"""In ticks; None: for ever."""


class Refused(Exception):
    pass


@dataclass
class Model:
    """The card from the page of rules alone."""

    expires: datetime | None
    open: int = _FACE
    held: dict[UUID, tuple[int, datetime, datetime | None]] = field(default_factory=dict)
    used: int = 0
    expired: int = 0
    void: int = 0
    paid: dict[str, int] = field(default_factory=dict)

    def advance(self, now: datetime) -> None:
        """What falls due, in order of its instants; a hold that ends as the card does expires with it."""
        ends = sorted((end, hold) for hold, (_, end, _) in self.held.items() if end <= now)
        for end, hold in ends:
            self._expire(end)
            amount, _, good_until = self.held.pop(hold)
            self._give_back(amount, end, good_until)
        self._expire(now)

    def _expire(self, at: datetime) -> None:
        if self.expires is not None and self.expires <= at:
            self.expired, self.open = self.expired + self.open, 0

    def _give_back(self, amount: int, at: datetime, good_until: datetime | None) -> None:
        """What was set aside is good as long as its card was then, whatever a refund has done since."""
        if good_until is not None and good_until <= at:
            self.expired += amount
        else:
            self.open += amount

    def use(self, amount: int, order: str) -> None:
        if amount > self.open:
            raise Refused
        self.open -= amount
        self._pay(amount, order)

    def _pay(self, amount: int, order: str) -> None:
        self.used += amount
        self.paid[order] = self.paid.get(order, 0) + amount

    def hold(self, amount: int, hold: UUID, now: datetime) -> None:
        if amount > self.open:
            raise Refused
        self.open -= amount
        self.held[hold] = amount, now + _HOLD, self.expires

    def use_held(self, amount: int, hold: UUID, order: str, now: datetime) -> None:
        if hold not in self.held or amount > self.held[hold][0]:
            raise Refused
        held, _, good_until = self.held.pop(hold)
        self._pay(amount, order)
        self._give_back(held - amount, now, good_until)

    def release(self, hold: UUID, now: datetime) -> None:
        if hold not in self.held:
            raise Refused
        amount, _, good_until = self.held.pop(hold)
        self._give_back(amount, now, good_until)

    def refund(self, amount: int, order: str, grace: datetime | None, now: datetime) -> None:
        if amount > self.paid.get(order, 0):
            raise Refused
        if self.expires is not None and self.expires <= now and grace is not None and grace > now:
            self.expires = grace
        self.paid[order] -= amount
        self.used -= amount
        self._give_back(amount, now, self.expires)

    def be_void(self) -> None:
        if self.void:
            return
        if self.open < _FACE:
            raise Refused
        self.open, self.void = 0, _FACE

    @property
    def figures(self) -> Figures:
        held = sum(amount for amount, _, _ in self.held.values())
        return self.open, held, self.used, self.expired, self.void


async def play_card(connection: asyncpg.Connection, steps: list[CardStep], life: int | None) -> None:
    desk = await Desk.open(connection, 6_999_999)
    await desk.earn(lot(10))
    model = Model(None if life is None else NOON + life * _TICK)
    till = Till(desk)
    player = Player(till, await till.buy(_FACE, 10, expires=model.expires), model)
    now = NOON
    for step in steps:
        now += step.ticks * _TICK
        model.advance(now)
        await player.do(step, now)
        if step.sweep:
            await till.sweep(now)
        assert (await till.figures(player.card, now))[1:] == model.figures, step
    later = now + 100 * _TICK
    model.advance(later)
    assert (await till.figures(player.card, later))[1:] == model.figures
    story = await till.story(player.card, later)
    await till.sweep(later)
    assert await till.story(player.card, later) == story
    await desk.assert_sound()


@dataclass
class Player:
    """Does each step to the card and to the model, and sees that both refuse or none."""

    till: Till
    card: ledger.Card
    model: Model
    holds: list[UUID] = field(default_factory=lambda: [uuid4()])  # the first is nobody's

    async def do(self, step: CardStep, now: datetime) -> None:
        refused = None
        try:
            made = await self._do(step, now)
        except PointbookError as error:
            refused, made = error, None
        try:
            self._tell(step, made, now)
        except Refused:
            assert refused is not None, (step, "the model refuses")
        else:
            assert refused is None, (step, refused)

    async def _do(self, step: CardStep, now: datetime) -> UUID | None:
        till, card, amount, hold = self.till, self.card, step.amount, self._hold(step)
        match step.kind:
            case "use":
                await till.use(card, amount, order=str(step.which), now=now)
            case "hold":
                return await till.hold(card, amount, lifetime=_HOLD, now=now)
            case "use held":
                await till.use(card, amount, hold=hold, order=str(step.which), now=now)
            case "release":
                await till.release(card, hold, now=now)
            case "refund":
                await till.refund(card, amount, order=str(step.which), grace=_grace(step, now), now=now)
            case "void":
                await till.void(card, now=now)
            case _:
                pass
        return None

    def _tell(self, step: CardStep, made: UUID | None, now: datetime) -> None:
        model, amount, hold = self.model, step.amount, self._hold(step)
        match step.kind:
            case "use":
                model.use(amount, str(step.which))
            case "hold":
                model.hold(amount, made or uuid4(), now)
                self.holds.extend([] if made is None else [made])
            case "use held":
                model.use_held(amount, hold, str(step.which), now)
            case "release":
                model.release(hold, now)
            case "refund":
                model.refund(amount, str(step.which), _grace(step, now), now)
            case "void":
                model.be_void()
            case _:
                pass

    def _hold(self, step: CardStep) -> UUID:
        return self.holds[-1 - step.which % len(self.holds)]


def _grace(step: CardStep, now: datetime) -> datetime | None:
    return None if step.grace is None else now + step.grace * _TICK
