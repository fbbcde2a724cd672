"""Manual plus and minus, and the debt they may leave (R26, R31)."""

import pytest

from pointbook import ledger
from pointbook.domain import errors
from tests.ledger.desk import NOON, Desk, at, lot, minutes


async def test_a_plus_is_a_lot_of_its_own(desk: Desk) -> None:
    plus = lot(40, expires=at("2026-06-30"))
    assert await desk.adjust(40, plus=plus) == ledger.Adjusted(desk.account_id, 1)
    assert await desk.available() == 40
    assert await desk.available(at("2026-06-30")) == 0


async def test_a_minus_is_taken_in_the_order_of_spending(desk: Desk) -> None:
    await desk.earn(lot(30), lot(50, expires=at("2026-06-30")))
    await desk.adjust(-60)
    left = await desk.read("select open from ledger.lot order by lot_id")
    assert [row["open"] for row in left] == [20, 0]
    assert (await desk.story(NOON))[-1] == ("ADJUST", NOON, -60, 0)


async def test_e36_beyond_the_balance_it_is_refused(desk: Desk) -> None:
    await desk.earn(lot(30))
    with pytest.raises(errors.InsufficientPoints) as refused:
        await desk.adjust(-50)
    assert (refused.value.requested, refused.value.available) == (50, 30)
    assert await desk.balance() == ledger.Balance(30, 0, 0, 0, 30, 150)
    assert len(await desk.history(NOON)) == 1


async def test_e36_or_becomes_debt(desk: Desk) -> None:
    await desk.earn(lot(30))
    await desk.adjust(-50, allow_negative=True)
    assert await desk.balance() == ledger.Balance(0, 0, 0, debt=20, spendable=0, value=0)
    assert (await desk.story(NOON))[-1] == ("ADJUST", NOON, -50, 0)


async def test_held_and_pending_points_are_not_taken(desk: Desk) -> None:
    await desk.earn(lot(30), lot(100, available=minutes(60)))
    await desk.hold(20)
    with pytest.raises(errors.InsufficientPoints) as refused:
        await desk.adjust(-50)
    assert refused.value.available == 10


async def test_r26_debt_is_paid_in_order_of_instants(desk: Desk) -> None:
    """A lapse at 12:15 comes before a lot of 12:30, whose earlier expiry does not matter."""
    await desk.earn(lot(40), lot(50, available=minutes(30), expires=minutes(60)))
    await desk.hold(40)
    await desk.adjust(-70, allow_negative=True, now=minutes(1))
    assert await desk.balance(minutes(14)) == ledger.Balance(0, pending=50, held=40, debt=70, spendable=0, value=0)
    assert await desk.balance(minutes(15)) == ledger.Balance(0, pending=50, held=0, debt=30, spendable=0, value=0)
    assert await desk.balance(minutes(30)) == ledger.Balance(20, 0, 0, 0, spendable=20, value=100)
    assert (await desk.story(minutes(60)))[3:] == [
        ("LAPSE", minutes(15), 0, -40),
        ("SETTLE", minutes(15), 0, 0),
        ("SETTLE", minutes(30), 0, 0),
        ("EXPIRY", minutes(60), -20, 0),
    ]


async def test_with_debt_nothing_is_spendable(desk: Desk) -> None:
    await desk.adjust(-10, allow_negative=True)
    with pytest.raises(errors.InsufficientPoints) as refused:
        await desk.hold(1)
    assert refused.value.available == 0
    with pytest.raises(errors.BelowMinimum):
        await desk.hold(None)


async def test_what_a_release_gives_back_pays_debt(desk: Desk) -> None:
    await desk.earn(lot(40))
    hold = await desk.hold(40)
    await desk.adjust(-30, allow_negative=True)
    await desk.release(hold, now=minutes(1))
    assert await desk.balance(minutes(1)) == ledger.Balance(10, 0, 0, 0, 10, 50)


async def test_what_a_capture_leaves_pays_debt(desk: Desk) -> None:
    await desk.earn(lot(40))
    hold = await desk.hold(40)
    await desk.adjust(-30, allow_negative=True)
    await desk.capture(hold, 100, now=minutes(1))
    assert await desk.balance(minutes(1)) == ledger.Balance(0, 0, 0, debt=10, spendable=0, value=0)


async def test_an_inactive_member_is_adjusted_all_the_same(desk: Desk) -> None:
    await desk.restrict(may_earn=False, may_spend=False)
    await desk.adjust(40, plus=lot(40))
    assert await desk.available() == 40


async def test_a_plus_that_a_later_entry_has_outlived_expires_at_once(desk: Desk) -> None:
    await desk.earn(lot(1), now=minutes(10))
    await desk.adjust(5, plus=lot(5, expires=minutes(5)))
    assert await desk.available(minutes(10)) == 1
