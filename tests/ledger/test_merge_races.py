"""R33, I10: a merge against everything else that wants the points; either comes first, and no point is lost."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial

import asyncpg
import pytest_asyncio

from pointbook import ledger
from pointbook.db.retry import retrying
from tests.ledger.mutants import Mutation, spoiled
from tests.ledger.racing import Arena, Call, arena, race, tally
from tests.ledger.test_races import NOW, ROUNDS

PROGRAMME = 4712


@pytest_asyncio.fixture
async def scene(database_url: str, emptied: None) -> AsyncIterator[Arena]:  # noqa: ARG001  # for its end
    async with arena(database_url, PROGRAMME, NOW) as opened:
        yield opened


@dataclass(frozen=True, slots=True)
class Pair:
    """A target with 100 points and a source with 40, which may come first or last in key order."""

    target: int
    source: int

    @classmethod
    async def open(cls, scene: Arena, number: int) -> "Pair":
        if number % 2:
            return cls(await scene.account(100), await scene.account(40))
        source = await scene.account(40)
        return cls(await scene.account(100), source)

    def merge(self, scene: Arena) -> Call:
        return partial(scene.merge, target=self.target, source=self.source)


async def figures(scene: Arena, account_id: int) -> tuple[int, int, int]:
    """Available, held, debt."""
    balance = await scene.balance(account_id)
    return balance.available, balance.held, balance.debt


async def test_of_merges_in_both_directions_one_wins(scene: Arena) -> None:
    """No deadlock: the loser finds the two to be one. Others meanwhile wait for the account that is merged."""
    for number in range(ROUNDS):
        pair = await Pair.open(scene, number)
        answers = await race(
            scene.pool,
            [
                pair.merge(scene),
                partial(scene.merge, target=pair.source, source=pair.target),
                *[partial(scene.adjust, account_id=one, points=-1) for one in (pair.source, pair.target)] * 3,
            ],
        )
        assert tally(answers) == {"ok": 7, "MembersNotMergeable": 1}
        assert await figures(scene, pair.target) == (134, 0, 0)
    assert await scene.violations() == []


async def test_a_merge_is_done_once(scene: Arena) -> None:
    """I8: the same request from several hands has one answer."""
    for number in range(ROUNDS):
        pair = await Pair.open(scene, number)
        call = partial(scene.merge, target=pair.target, source=pair.source, done_for=f"request {number}")
        answers = await race(scene.pool, [call] * 5)
        assert len(set(answers)) == 1
        assert tally(answers) == {"ok": 5}
    assert await scene.violations() == []


async def test_merges_in_a_circle_of_three_leave_one_account(scene: Arena) -> None:
    """Three may wait for each other: who loses begins again, as every use case does."""

    async def merge(connection: asyncpg.Connection, target: int, source: int) -> ledger.Merged:
        return await retrying(lambda: scene.merge(connection, target, source))

    for number in range(ROUNDS):
        pair = await Pair.open(scene, number)
        third = await scene.account(7)
        ring = [(pair.target, pair.source), (pair.source, third), (third, pair.target)]
        answers = await race(scene.pool, [partial(merge, target=one, source=other) for one, other in ring])
        assert tally(answers) == {"ok": 2, "MembersNotMergeable": 1}
        assert await figures(scene, third) == (147, 0, 0)
    assert await scene.violations() == []


async def test_points_are_held_by_either_id(scene: Arena) -> None:
    """Before the merge of the source's own points, after it of both's."""
    for number in range(ROUNDS):
        pair = await Pair.open(scene, number)
        merged, held, more = await race(
            scene.pool,
            [
                pair.merge(scene),
                partial(scene.hold, account_id=pair.source, points=30, cart="a"),
                partial(scene.hold, account_id=pair.source, points=60, cart="b"),
            ],
        )
        assert tally([merged, held]) == {"ok": 2}
        assert set(tally([more])) <= {"ok", "InsufficientPoints"}
        kept = 30 + (60 if isinstance(more, ledger.Hold) else 0)
        assert await figures(scene, pair.target) == (140 - kept, kept, 0)
    assert await scene.violations() == []


async def test_a_held_code_captures_whoever_comes_first(scene: Arena) -> None:
    for number in range(ROUNDS):
        pair = await Pair.open(scene, number)
        async with scene.pool.acquire() as connection:
            hold = await scene.hold(connection, pair.source, 30, "cart")
        answers = await race(scene.pool, [pair.merge(scene), *[partial(scene.capture, hold_id=hold.hold_id)] * 2])
        assert tally(answers) == {"ok": 2, "RedemptionEnded": 1}
        assert await figures(scene, pair.target) == (110, 0, 0)
    assert await scene.violations() == []


async def test_an_order_earns_for_the_one_account(scene: Arena) -> None:
    for number in range(ROUNDS):
        pair = await Pair.open(scene, number)
        accrual = scene.accrual(pair.source, 5, source=f"order {number}")

        async def earn(connection: asyncpg.Connection, accrual: ledger.Accrual = accrual) -> str:
            [accrued] = await ledger.accrue(connection, PROGRAMME, [accrual], now=NOW)
            return accrued.status

        answers = await race(scene.pool, [pair.merge(scene), earn, earn])
        assert sorted(map(str, answers[1:])) == ["duplicate", "ok"]
        assert await figures(scene, pair.target) == (145, 0, 0)
    assert await scene.violations() == []


async def test_a_return_gives_back_and_takes_back_once(scene: Arena) -> None:
    """R23: of what the source bought and earned, while it becomes another's."""
    for number in range(ROUNDS):
        pair = await Pair.open(scene, number)
        order = f"order {number}"
        async with scene.pool.acquire() as connection:
            await ledger.accrue(connection, PROGRAMME, [scene.accrual(pair.source, 8, source=order)], now=NOW)
            held = await scene.hold(connection, pair.source, 30, "cart")
            await scene.capture(connection, held.hold_id)
        answers = await race(
            scene.pool,
            [
                pair.merge(scene),
                *[partial(scene.give_back, hold_id=held.hold_id, points=30, source=f"back {number}")] * 2,
                *[partial(scene.reverse, order=order, points=8, source=f"taken {number}")] * 2,
            ],
        )
        assert tally(answers) == {"ok": 5}
        assert await figures(scene, pair.target) == (140, 0, 0)
    assert await scene.violations() == []


async def test_points_are_taken_by_hand_from_what_there_is(scene: Arena) -> None:
    for number in range(ROUNDS):
        pair = await Pair.open(scene, number)
        merged, taken = await race(
            scene.pool, [pair.merge(scene), partial(scene.adjust, account_id=pair.source, points=-60)]
        )
        assert tally([merged]) == {"ok": 1}
        assert set(tally([taken])) <= {"ok", "InsufficientPoints"}
        left = 80 if isinstance(taken, ledger.Adjusted) else 140
        assert await figures(scene, pair.target) == (left, 0, 0)
    assert await scene.violations() == []


async def test_control_without_the_lock_merges_go_wrong(scene: Arena, owner_database_url: str) -> None:
    """Proves that these races can fail."""
    no_lock = Mutation("no lock on the account", ((r"for\s+no\s+key\s+update(\s+skip\s+locked)?", ""),))
    outcomes = []
    async with spoiled(owner_database_url, no_lock):
        for number in range(ROUNDS):
            pair = await Pair.open(scene, number)
            back = partial(scene.merge, target=pair.source, source=pair.target)
            outcomes.append(tally(await race(scene.pool, [pair.merge(scene), back] * 2)))
    assert any(outcome != {"ok": 1, "MembersNotMergeable": 3} for outcome in outcomes)
