"""Same key, one effect and one answer; another input under it is an error (I8)."""

import asyncio
from uuid import uuid4

import pytest

from pointbook import ledger
from pointbook.db.session import Database
from pointbook.domain import errors
from tests.ledger.desk import NOON, QUARTER, Desk, digest, lot, minutes, request


async def test_a_hold_replays_its_first_answer_whatever_became_of_it(desk: Desk) -> None:
    await desk.earn(lot(100))
    hold = await desk.hold(40, key="k")
    await desk.extend(hold, now=minutes(1))
    await desk.capture(hold, 100, now=minutes(2))
    assert await desk.hold(40, key="k", now=minutes(3)) == hold
    assert await desk.available(minutes(3)) == 80


async def test_an_answer_says_whether_it_is_a_repeat(desk: Desk) -> None:
    await desk.earn(lot(100))
    hold = await desk.hold(40, key="k")
    asked = [
        hold,
        await desk.hold(40, key="of the cart's hold"),
        await desk.hold(40, key="k"),
        await desk.extend(hold, now=minutes(1), key="x"),
        await desk.extend(hold, now=minutes(1), key="x"),
    ]
    assert [answer.repeated for answer in asked] == [False, False, True, False, True]


async def test_a_key_that_was_answered_by_the_open_hold_of_the_cart_makes_no_other_later(desk: Desk) -> None:
    await desk.earn(lot(100))
    hold = await desk.hold(40, key="first")
    assert await desk.hold(40, key="second") == hold
    await desk.capture(hold, 200, now=minutes(2))
    assert await desk.hold(40, key="second", now=minutes(3)) == hold
    assert await desk.available(minutes(3)) == 60
    with pytest.raises(errors.IdempotencyConflict):
        await desk.hold(41, key="second", now=minutes(3))


async def test_every_call_replays(desk: Desk) -> None:
    await desk.earn(lot(100))
    one, two = await desk.hold(40, cart="one"), await desk.hold(40, cart="two")
    extended = await desk.extend(one, now=minutes(1), key="x")
    captured = await desk.capture(one, 100, now=minutes(2), key="c")
    released = await desk.release(two, now=minutes(2), key="r")
    adjusted = await desk.adjust(-5, key="a", now=minutes(2))
    entries = await desk.history(minutes(3))
    assert await desk.extend(one, now=minutes(3), key="x") == extended
    assert await desk.capture(one, 100, now=minutes(3), key="c") == captured
    assert await desk.release(two, now=minutes(3), key="r") == released
    assert await desk.adjust(-5, key="a", now=minutes(3)) == adjusted
    assert await desk.history(minutes(3)) == entries


async def test_another_input_under_the_key_is_a_conflict(desk: Desk) -> None:
    await desk.earn(lot(100))
    hold = await desk.hold(40, key="h")
    await desk.adjust(-5, key="a")
    await desk.capture(hold, 100, now=minutes(1), key="c")
    for call in (
        desk.hold(41, key="h"),
        desk.adjust(-6, key="a"),
        desk.capture(hold, 101, now=minutes(1), key="c"),
    ):
        with pytest.raises(errors.IdempotencyConflict):
            await call


async def test_principals_and_operations_have_keys_of_their_own(desk: Desk) -> None:
    assert ledger.Request.of("a", "hold", "k").digest != ledger.Request.of("b", "hold", "k").digest
    assert ledger.Request.of("a", "hold", "k").digest != ledger.Request.of("a", "release", "k").digest
    assert await desk.available() == 0


async def test_a_refusal_is_judged_anew(desk: Desk) -> None:
    with pytest.raises(errors.InsufficientPoints):
        await desk.hold(40, key="k")
    await desk.earn(lot(100))
    assert (await desk.hold(40, key="k")).points == 40


async def test_a_replay_comes_before_the_member_is_looked_at(desk: Desk) -> None:
    await desk.earn(lot(100))
    hold = await desk.hold(40, key="k")
    await desk.restrict(may_earn=True, may_spend=False)
    assert await desk.hold(40, key="k") == hold


async def test_e21_fifty_retries_at_once_make_one_hold(desk: Desk, db: Database) -> None:
    await desk.earn(lot(100))
    keyed = request("hold", "k", 80)

    async def once(number: int) -> ledger.Hold:
        # Each retry makes an id of its own.
        asked = ledger.HoldPoints(
            uuid4(), digest("cart"), 80, 10**9, 0, None, QUARTER, digest(f"code {number}"), "ABCD"
        )
        async with db.pool.acquire() as connection:
            return await ledger.hold(connection, 1, desk.account_id, asked, keyed, now=NOON)

    holds = await asyncio.gather(*(once(number) for number in range(50)))
    assert len(set(holds)) == 1
    assert await desk.available() == 20
