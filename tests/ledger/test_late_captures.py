"""Vouchers that pay when their hold has ended (R21), and again when their order is completed again (R28)."""

from datetime import timedelta
from fractions import Fraction

import asyncpg
import pytest

from pointbook import ledger
from pointbook.domain import errors
from tests.ledger.desk import NOON, Desk, lot, minutes


async def lapsed(desk: Desk, points: int, *, cart: str = "cart") -> ledger.Hold:
    """A hold from noon to a quarter past."""
    return await desk.hold(points, cart=cart)


async def state_of(desk: Desk, hold: ledger.Hold, now: int) -> ledger.Hold:
    found = await ledger.hold_of_code(desk.connection, desk.programme_id, hold.code_hash, now=minutes(now))
    assert found is not None
    return found


async def test_r21_what_expired_with_the_hold_is_taken_first(desk: Desk) -> None:
    await desk.earn(lot(60, expires=minutes(10)), lot(100))
    hold = await lapsed(desk, 80)
    late = await desk.capture_late(hold, now=minutes(30))
    assert (late.points, late.value, late.debt) == (80, 400, 0)
    assert await desk.balance(minutes(30)) == ledger.Balance(80, 0, 0, 0, 80, 400)
    assert (await desk.story(minutes(30)))[-2:] == [
        ("LAPSE", minutes(15), -60, -80),
        ("LATE_CAPTURE", minutes(30), -20, 0),
    ]
    await desk.assert_sound()


async def test_r21_a_voucher_that_paid_late_is_captured(desk: Desk) -> None:
    await desk.earn(lot(100))
    hold = await lapsed(desk, 80)
    assert (await state_of(desk, hold, 20)).state == "LAPSED"
    await desk.capture_late(hold, now=minutes(30))
    found = await state_of(desk, hold, 40)
    assert (found.state, found.captured_points, found.captured_value) == ("CAPTURED", 80, 400)
    assert found.ended_at == minutes(30)


async def test_r21_what_is_missing_becomes_debt(desk: Desk) -> None:
    await desk.earn(lot(100))
    hold = await lapsed(desk, 80)
    await desk.capture(await desk.hold(70, cart="another", now=minutes(20)), now=minutes(20))
    late = await desk.capture_late(hold, now=minutes(30))
    assert (late.points, late.debt) == (80, 50)
    assert await desk.balance(minutes(30)) == ledger.Balance(0, 0, 0, 50, 0, 0)
    await desk.assert_sound()


async def test_r21_without_debt_it_is_refused_and_nothing_is_written(desk: Desk) -> None:
    await desk.earn(lot(100))
    hold = await lapsed(desk, 80)
    await desk.capture(await desk.hold(70, cart="another", now=minutes(20)), now=minutes(20))
    before = await desk.history(minutes(30))
    with pytest.raises(errors.InsufficientPoints) as refused:
        await desk.capture_late(hold, may_owe=False, now=minutes(30))
    assert (refused.value.requested, refused.value.available) == (80, 30)
    assert await desk.history(minutes(30)) == before
    await desk.assert_sound()


async def test_r21_it_pays_no_more_than_the_purchase_is_worth(desk: Desk) -> None:
    await desk.earn(lot(100))
    hold = await lapsed(desk, 80)
    late = await desk.capture_late(hold, 152, now=minutes(30))
    assert (late.points, late.value) == (30, 150)
    assert await desk.available(minutes(30)) == 70
    with pytest.raises(errors.BelowMinimum):
        await desk.capture_late(await lapsed(desk, 10, cart="b"), 4, now=minutes(60))


async def test_e21_the_same_purchase_again_is_answered_as_the_first_time(desk: Desk) -> None:
    await desk.earn(lot(200))
    hold = await lapsed(desk, 80)
    first = await desk.capture_late(hold, source="o1", now=minutes(30))
    assert await desk.capture_late(hold, source="o1", now=minutes(90)) == first
    with pytest.raises(errors.RedemptionEnded):
        await desk.capture_late(hold, source="o2", now=minutes(90))
    with pytest.raises(errors.OrderConflict):
        await desk.capture_late(await lapsed(desk, 10, cart="b"), source="o1", now=minutes(120))
    assert await desk.available(minutes(120)) == 120
    await desk.assert_sound()


async def test_a_key_has_one_effect_whether_it_came_in_time_or_late(desk: Desk) -> None:
    await desk.earn(lot(200))
    hold = await lapsed(desk, 80)
    first = await desk.capture_late(hold, source="o1", key="k", now=minutes(30))
    assert await desk.capture_late(hold, source="o1", key="k", now=minutes(31)) == first
    replayed = await desk.capture(hold, source="o1", key="k", now=minutes(32))
    assert (replayed.state, replayed.captured_points, replayed.ended_at) == ("CAPTURED", 80, minutes(30))
    with pytest.raises(errors.RedemptionEnded):
        await desk.capture_late(hold, source="o1", key="k2", now=minutes(33))
    with pytest.raises(errors.IdempotencyConflict):
        await desk.capture_late(hold, 100, source="o1", key="k", now=minutes(34))


async def test_r21_a_voucher_that_paid_late_has_ended_as_captured(desk: Desk) -> None:
    await desk.earn(lot(200))
    hold = await lapsed(desk, 80)
    await desk.capture_late(hold, source="o1", now=minutes(30))
    for call in (desk.capture(hold, source="o2", key="k", now=minutes(31)), desk.release(hold, now=minutes(31))):
        with pytest.raises(errors.RedemptionEnded) as refused:
            await call
        assert refused.value.state == "CAPTURED"


async def test_a_source_is_captured_for_once_in_time_or_late(desk: Desk) -> None:
    await desk.earn(lot(200))
    await desk.capture_late(await lapsed(desk, 80), source="o1", now=minutes(30))
    with pytest.raises(errors.OrderConflict):
        await desk.capture(await desk.hold(20, cart="b", now=minutes(31)), source="o1", key="k", now=minutes(32))
    await desk.assert_sound()


@pytest.mark.parametrize("ending", ["captured", "released"])
async def test_r21_only_a_hold_that_lapsed_pays_late(desk: Desk, ending: str) -> None:
    await desk.earn(lot(200))
    hold = await desk.hold(80)
    await (desk.capture if ending == "captured" else desk.release)(hold, now=minutes(5))
    with pytest.raises(errors.RedemptionEnded) as refused:
        await desk.capture_late(hold, now=minutes(30))
    assert refused.value.state == ending.upper()


async def test_r27_what_was_owed_is_owed_no_more_when_it_is_given_back(desk: Desk) -> None:
    await desk.earn(lot(80))
    hold = await lapsed(desk, 80)
    await desk.capture(await desk.hold(50, cart="another", now=minutes(20)), now=minutes(20))
    await desk.capture_late(hold, now=minutes(30))
    await desk.give_back(hold, 60, now=minutes(40))
    assert await desk.balance(minutes(40)) == ledger.Balance(10, 0, 0, 0, 10, 50)
    await desk.give_back(hold, 20, now=minutes(41))
    assert await desk.available(minutes(41)) == 30
    await desk.assert_sound()


async def test_r27_what_has_been_paid_of_the_debt_comes_back_as_points_of_the_hold(desk: Desk) -> None:
    await desk.earn(lot(80, value="7", expires=minutes(500)))
    hold = await lapsed(desk, 80)
    await desk.capture(await desk.hold(50, cart="another", now=minutes(20)), now=minutes(20))
    await desk.capture_late(hold, now=minutes(30))
    await desk.earn(lot(200), now=minutes(35))
    assert await desk.available(minutes(35)) == 150
    given = await desk.give_back(hold, 80, now=minutes(40))
    assert (given.points, given.anew, given.expired) == (80, 50, 0)
    assert await desk.balance(minutes(40)) == ledger.Balance(230, 0, 0, 0, 230, 150 * 5 + 80 * 7)
    assert await desk.available(minutes(500)) == 150
    await desk.assert_sound()


async def test_r24_every_point_of_a_late_capture_is_worth_its_share(desk: Desk) -> None:
    await desk.earn(lot(30, value="0.5", expires=minutes(5)), lot(303, value="0.5"))
    hold = await lapsed(desk, 333)
    late = await desk.capture_late(hold, now=minutes(30))
    assert (late.points, late.value) == (332, 166)
    parts = await ledger.captured_parts(desk.connection, 1, hold.hold_id)
    assert [(part.captured, part.value_per_point) for part in parts] == [
        (302, Fraction(166, 332)),
        (30, Fraction(166, 332)),
    ]


async def test_r28_a_purchase_that_was_given_back_whole_may_be_made_again(desk: Desk) -> None:
    await desk.earn(lot(100))
    hold = await desk.hold(80)
    await desk.capture(hold, source="o1", now=minutes(1))
    await desk.give_back(hold, 80, now=minutes(2))
    again = await desk.capture_late(hold, source="o1", purchase=2, now=minutes(3))
    assert (again.points, again.value, again.debt) == (80, 400, 0)
    assert await desk.available(minutes(3)) == 20
    await desk.give_back(hold, 80, purchase=2, source="r2", now=minutes(4))
    await desk.capture(await desk.hold(90, cart="another", now=minutes(5)), now=minutes(5))
    third = await desk.capture_late(hold, source="o1", purchase=3, now=minutes(6))
    assert (third.points, third.debt) == (80, 70)
    await desk.assert_sound()


async def test_r28_but_not_what_is_still_spent(desk: Desk) -> None:
    await desk.earn(lot(100))
    hold = await desk.hold(80)
    await desk.capture(hold, source="o1", now=minutes(1))
    await desk.give_back(hold, 79, now=minutes(2))
    with pytest.raises(asyncpg.RaiseError, match="has not been given back"):
        await desk.capture_late(hold, source="o1", purchase=2, now=minutes(3))


async def test_i6_what_a_return_has_taken_of_the_expired_is_not_taken_again(desk: Desk) -> None:
    await desk.earn(lot(60, expires=NOON + timedelta(minutes=10)), source="earned")
    hold = await lapsed(desk, 60)
    await desk.reverse("earned", 60, now=minutes(20))
    late = await desk.capture_late(hold, now=minutes(30))
    assert (late.points, late.debt) == (60, 60)
    await desk.assert_sound()
