"""I4, I8, R20: parallel calls on real connections end as some order of them one by one would.

A race is repeated because one run of it may be lucky. The last tests are the controls: with the lock taken out of
the functions, the same races must go wrong.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import asyncpg
import pytest_asyncio

from pointbook import ledger
from pointbook.db.retry import retrying
from pointbook.ledger import HoldState
from tests.ledger.mutants import Mutation, spoiled
from tests.ledger.racing import QUARTER, Arena, Call, arena, double_spend, race, tally

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PROGRAMME = 4711
ROUNDS = 20


@pytest_asyncio.fixture
async def scene(database_url: str, emptied: None) -> AsyncIterator[Arena]:  # noqa: ARG001  # for its end
    async with arena(database_url, PROGRAMME, NOW) as opened:
        yield opened


async def held(scene: Arena, account_id: int, points: int = 80) -> ledger.Hold:
    async with scene.pool.acquire() as connection:
        return await scene.hold(connection, account_id, points, "cart")


async def endings(scene: Arena, hold: ledger.Hold) -> int:
    """How many entries of the books end this hold."""
    async with scene.pool.acquire() as connection, connection.transaction():
        await connection.execute("select set_config('app.programme', $1, true)", str(scene.programme_id))
        count: int = await connection.fetchval(
            "select count(*) from ledger.entry where hold_id = $1 and kind in ('capture', 'release', 'lapse')",
            hold.hold_id,
        )
        return count


async def test_one_account_is_never_spent_twice(scene: Arena) -> None:
    """E21: 400 buyers, points for 34 of them."""
    spent = await double_spend(scene, accounts=1, attempts=400, lots=(120, 90, 31), points=7)
    assert spent.exact(), spent
    assert (spent.possible, spent.captured_points, spent.left) == (34, 238, 3)


async def test_many_accounts_are_never_spent_twice(scene: Arena) -> None:
    """E21: 20 accounts, 20 buyers each, points for 6 of them."""
    spent = await double_spend(scene, accounts=20, attempts=400, lots=(31, 14), points=7)
    assert spent.exact(), spent
    assert (spent.possible, spent.captured_points, spent.left) == (120, 840, 60)


async def test_fifty_retries_with_one_key_make_one_hold(scene: Arena) -> None:
    """E21, I8: every retry names a hold id of its own, all get the first one's answer."""
    account_id = await scene.account(100)

    async def retry(connection: asyncpg.Connection) -> ledger.Hold:
        return await scene.hold(connection, account_id, 20, "cart", key="the one key")

    answers = await race(scene.pool, [retry] * 50)
    assert len({answer.hold_id for answer in answers if isinstance(answer, ledger.Hold)}) == 1
    assert tally(answers) == {"ok": 50}
    assert (await scene.balance(account_id)).held == 20
    assert await scene.violations() == []


async def test_fifty_retries_with_one_key_take_points_once(scene: Arena) -> None:
    """I8: nothing but the key tells these calls from fifty that are meant."""
    account_id = await scene.account(100)
    minus = partial(
        ledger.adjust,
        programme_id=PROGRAMME,
        account_id=account_id,
        points=-10,
        request=ledger.Request.of("racer", "adjust", "the one key", -10),
        now=NOW,
    )
    answers = await race(scene.pool, [minus] * 50)
    assert len(set(answers)) == 1
    assert tally(answers) == {"ok": 50}
    assert (await scene.balance(account_id)).available == 90
    assert await scene.violations() == []


async def test_a_hold_is_captured_once(scene: Arena) -> None:
    """I4: a voucher buys at most once."""
    for _ in range(ROUNDS):
        hold = await held(scene, await scene.account(100))
        answers = await race(scene.pool, [partial(scene.capture, hold_id=hold.hold_id)] * 5)
        assert tally(answers) == {"ok": 1, "RedemptionEnded": 4}
    assert await scene.violations() == []


async def test_capture_or_release_but_not_both(scene: Arena) -> None:
    """I4: a hold ends once."""
    for _ in range(ROUNDS):
        account_id = await scene.account(100)
        hold = await held(scene, account_id)
        answers = await race(
            scene.pool,
            [
                partial(scene.capture, hold_id=hold.hold_id),
                partial(scene.release, hold_id=hold.hold_id),
            ],
        )
        assert tally(answers) == {"ok": 1, "RedemptionEnded": 1}
        assert await endings(scene, hold) == 1
        [answer] = [answer for answer in answers if isinstance(answer, ledger.Hold)]
        left = {HoldState.CAPTURED: 20, HoldState.RELEASED: 100}[answer.state]
        assert (await scene.balance(account_id)).available == left
    assert await scene.violations() == []


async def test_capture_in_the_last_moment_or_lapse_but_not_both(scene: Arena) -> None:
    """R19, E22: one server still has 12:14:59.999, the sweep of another 12:15:00.000."""
    end = NOW + QUARTER
    for _ in range(ROUNDS):
        account_id = await scene.account(100)
        hold = await held(scene, account_id)
        answers = await race(
            scene.pool,
            [
                partial(scene.capture, hold_id=hold.hold_id, now=end - timedelta(milliseconds=1)),
                partial(scene.sweep, now=end),
            ],
        )
        await race(scene.pool, [partial(scene.sweep, now=end)])
        assert set(tally(answers)) <= {"ok", "RedemptionEnded"}
        assert await endings(scene, hold) == 1
        captured = isinstance(answers[0], ledger.Hold)
        assert (await scene.balance(account_id)).available == (20 if captured else 100)
    assert await scene.violations() == []


async def test_parallel_sweeps_book_everything_once(scene: Arena) -> None:
    """I5, I9: while customers hold points again."""
    end = NOW + QUARTER
    ids = [await scene.account(100) for _ in range(ROUNDS)]
    holds = [await held(scene, account_id) for account_id in ids]
    later = replace(scene, now=end)
    answers = await race(
        scene.pool,
        [
            call
            for account_id in ids
            for call in (
                partial(scene.sweep, now=end),
                partial(later.hold, account_id=account_id, points=30, cart="next cart"),
                partial(scene.sweep, now=end),
            )
        ],
    )
    assert tally(answers) == {"ok": 3 * ROUNDS}
    assert [await endings(scene, hold) for hold in holds] == [1] * ROUNDS
    assert [(await later.balance(account_id)).available for account_id in ids] == [70] * ROUNDS
    assert await scene.violations() == []


async def test_extend_against_capture(scene: Arena) -> None:
    """R19: extended first and then captured, or captured and no longer there to extend."""
    for _ in range(ROUNDS):
        account_id = await scene.account(100)
        hold = await held(scene, account_id)
        extended, captured = await race(
            scene.pool,
            [
                partial(scene.extend, account_id=account_id, hold_id=hold.hold_id),
                partial(scene.capture, hold_id=hold.hold_id),
            ],
        )
        assert isinstance(captured, ledger.Hold)
        assert captured.extensions == isinstance(extended, ledger.Hold)
        assert set(tally([extended])) <= {"ok", "RedemptionEnded"}
        assert await endings(scene, hold) == 1
    assert await scene.violations() == []


async def test_a_cart_has_one_hold_however_often_it_is_replaced(scene: Arena) -> None:
    """R20: ten tabs of one cart; the points of the replaced holds are free for their successors."""
    account_id = await scene.account(60, 40)

    tabs = [
        partial(scene.hold, account_id=account_id, points=91 + number % 10, cart="cart") for number in range(100)
    ]
    answers = await race(scene.pool, tabs)
    assert tally(answers) == {"ok": 100}
    async with scene.pool.acquire() as connection:
        [last] = await ledger.holds(connection, PROGRAMME, account_id, now=NOW)
    assert (await scene.balance(account_id)).held == last.points
    assert await scene.violations() == []


async def test_a_source_earns_once(scene: Arena) -> None:
    """I4: the same order by event, by id and by retry, at once."""
    account_id = await scene.account()
    for number in range(ROUNDS):
        accrual = scene.accrual(account_id, 10, source=f"order {number}")

        async def earn(connection: asyncpg.Connection, accrual: ledger.Accrual = accrual) -> str:
            [accrued] = await ledger.accrue(connection, PROGRAMME, [accrual], now=NOW)
            return accrued.status

        answers = await race(scene.pool, [earn] * 5)
        assert sorted(map(str, answers)) == ["duplicate"] * 4 + ["ok"]
    assert (await scene.balance(account_id)).available == 10 * ROUNDS
    assert await scene.violations() == []


async def test_accruals_of_many_accounts_in_opposite_order_do_not_deadlock(scene: Arena) -> None:
    """Accounts are locked in key order, whatever the order of the call."""
    ids = [await scene.account() for _ in range(20)]

    def earn(order: list[int]) -> Call:
        accruals = [scene.accrual(account_id, 1) for account_id in order]
        return partial(ledger.accrue, programme_id=PROGRAMME, accruals=accruals, now=NOW)

    answers = await race(scene.pool, [earn(order) for _ in range(ROUNDS) for order in (ids, ids[::-1])])
    assert tally(answers) == {"ok": 2 * ROUNDS}
    balances = await asyncio.gather(*(scene.balance(account_id) for account_id in ids))
    assert {balance.available for balance in balances} == {2 * ROUNDS}
    assert await scene.violations() == []


async def spent(scene: Arena, account_id: int, points: int = 80) -> ledger.Hold:
    async with scene.pool.acquire() as connection:
        return await scene.capture(connection, (await scene.hold(connection, account_id, points, "cart")).hold_id)


async def test_a_return_has_its_effect_once(scene: Arena) -> None:
    """R23, I4: by event, by id and by retry, at once."""
    for number in range(ROUNDS):
        account_id = await scene.account(100)
        hold = await spent(scene, account_id)
        source = f"return {number}"
        answers = await race(
            scene.pool, [partial(scene.give_back, hold_id=hold.hold_id, points=30, source=source)] * 5
        )
        assert len(set(answers)) == 1
        assert tally(answers) == {"ok": 5}
        assert (await scene.balance(account_id)).available == 50
    assert await scene.violations() == []


async def test_returns_of_one_purchase_never_give_back_more_than_it_cost(scene: Arena) -> None:
    """I6: eight returns of 15 points each, of a purchase of 80."""
    for _ in range(ROUNDS):
        account_id = await scene.account(100)
        hold = await spent(scene, account_id)
        answers = await race(scene.pool, [partial(scene.give_back, hold_id=hold.hold_id, points=15)] * 8)
        assert tally(answers) == {"ok": 5, "InsufficientPoints": 3}
        assert (await scene.balance(account_id)).available == 95
    assert await scene.violations() == []


async def test_returns_of_one_order_never_take_back_more_than_it_earned(scene: Arena) -> None:
    """I6: though the account has more."""
    for number in range(ROUNDS):
        account_id = await scene.account(100)
        order = f"order {number}"
        async with scene.pool.acquire() as connection:
            await ledger.accrue(connection, PROGRAMME, [scene.accrual(account_id, 80, source=order)], now=NOW)
        answers = await race(scene.pool, [partial(scene.reverse, order=order, points=15)] * 8)
        assert tally(answers) == {"ok": 5, "InsufficientPoints": 3}
        assert (await scene.balance(account_id)).available == 105
    assert await scene.violations() == []


async def test_points_are_taken_back_or_spent_but_not_both(scene: Arena) -> None:
    """R26: what is held first is left to the hold; what is taken first cannot be held."""
    for number in range(ROUNDS):
        account_id = await scene.account()
        order = f"order {number}"
        async with scene.pool.acquire() as connection:
            await ledger.accrue(connection, PROGRAMME, [scene.accrual(account_id, 100, source=order)], now=NOW)
        held_answer, reversal = await race(
            scene.pool,
            [
                partial(scene.hold, account_id=account_id, points=80, cart="cart"),
                partial(scene.reverse, order=order, points=100),
            ],
        )
        assert set(tally([held_answer])) <= {"ok", "InsufficientPoints"}
        assert isinstance(reversal, ledger.Reversed)
        kept = 80 if isinstance(held_answer, ledger.Hold) else 0
        assert (reversal.own_open, reversal.forgiven) == (100 - kept, kept)
        assert (await scene.balance(account_id)).held == kept
    assert await scene.violations() == []


async def test_a_return_is_of_one_purchase_even_across_accounts(scene: Arena) -> None:
    """R23: no lock is common to the two; the key of the source is, and whoever comes second looks again."""
    for number in range(ROUNDS):
        holds = [await spent(scene, await scene.account(100)) for _ in range(2)]

        def give_back(hold: ledger.Hold, source: str) -> Call:
            async def call(connection: asyncpg.Connection) -> object:
                return await retrying(lambda: scene.give_back(connection, hold.hold_id, 30, source))

            return call

        answers = await race(scene.pool, [give_back(hold, f"return {number}") for hold in holds])
        assert tally(answers) == {"ok": 1, "IdempotencyConflict": 1}
    assert await scene.violations() == []


async def test_a_voucher_pays_late_once(scene: Arena) -> None:
    """R21, I4: of orders that come late with the same voucher one has it; the same order may come often."""
    late = NOW + timedelta(minutes=16)
    for number in range(ROUNDS):
        account_id = await scene.account(100)
        async with scene.pool.acquire() as connection:
            hold = await scene.hold(connection, account_id, 60, "cart")
        answers = await race(
            scene.pool,
            [
                partial(scene.capture_late, hold_id=hold.hold_id, source=f"late {number} {order}", now=late)
                for order in (1, 1, 1, 2, 2, 3)
            ],
        )
        assert set(tally(answers)) == {"ok", "RedemptionEnded"}
        assert len({(paid.account_id, paid.seq) for paid in answers if isinstance(paid, ledger.LateCapture)}) == 1
        assert (await scene.balance(account_id, now=late)).available == 40
    assert await scene.violations() == []


async def test_points_pay_late_or_are_set_aside_anew_but_not_both(scene: Arena) -> None:
    late = NOW + timedelta(minutes=16)
    for number in range(ROUNDS):
        account_id = await scene.account(100)
        async with scene.pool.acquire() as connection:
            hold = await scene.hold(connection, account_id, 60, "cart")
        answers = await race(
            scene.pool,
            [
                partial(scene.capture_late, hold_id=hold.hold_id, source=f"either {number}", now=late),
                partial(scene.hold, account_id=account_id, points=60, cart="another", now=late),
            ],
        )
        assert tally(answers) == {"ok": 1, "InsufficientPoints": 1}
    assert await scene.violations() == []


_NO_LOCK = Mutation("no lock on the account", ((r"for\s+no\s+key\s+update(\s+skip\s+locked)?", ""),))


async def test_control_without_the_lock_the_double_spend_goes_wrong(scene: Arena, owner_database_url: str) -> None:
    """Proves that ``double_spend`` can fail. The tables' guards turn double spends into database errors."""
    async with spoiled(owner_database_url, _NO_LOCK):
        spent = await double_spend(scene, accounts=1, attempts=400, lots=(120, 90, 31), points=7)
    assert not spent.exact(), spent
    assert any(outcome.startswith("defect") for outcome in spent.outcomes), spent


async def test_control_without_the_lock_returns_go_wrong(scene: Arena, owner_database_url: str) -> None:
    """Proves that the races of returns can fail."""
    hold = await spent(scene, await scene.account(100))
    async with spoiled(owner_database_url, _NO_LOCK):
        answers = await race(scene.pool, [partial(scene.give_back, hold_id=hold.hold_id, points=1)] * 80)
    assert tally(answers) != {"ok": 80}
