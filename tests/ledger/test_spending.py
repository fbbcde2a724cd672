"""Points spent at once, for what a source names (R15, R27, R29)."""

import pytest

from pointbook import ledger
from pointbook.domain import errors
from tests.ledger.desk import NOON, Desk, at, lot, minutes


async def test_a_spend_takes_the_lot_that_expires_first(desk: Desk) -> None:
    """E20, without a hold."""
    await desk.earn(lot(100, expires=at("2026-12-31")), lot(50, expires=at("2026-06-30")), lot(30))
    await desk.spend(120)
    lots = await desk.read("select granted, open from ledger.lot order by lot_id")
    assert [tuple(row) for row in lots] == [(100, 30), (50, 0), (30, 30)]
    assert (await desk.story(NOON))[-1] == ("SPEND", NOON, -120, 0)


async def test_a_spend_takes_neither_pending_nor_held_points(desk: Desk) -> None:
    await desk.earn(lot(40), lot(100, available=minutes(60)))
    await desk.hold(30)
    with pytest.raises(errors.InsufficientPoints) as refused:
        await desk.spend(11)
    assert (refused.value.requested, refused.value.available) == (11, 10)
    await desk.spend(10)
    assert await desk.available() == 0


async def test_a_spend_has_its_effect_once_a_request(desk: Desk) -> None:
    await desk.earn(lot(100))
    first = await desk.spend(30, key="k")
    again = await desk.spend(30, "other source", key="k")
    assert again == first
    assert await desk.available() == 70
    with pytest.raises(errors.IdempotencyConflict):
        await desk.spend(31, key="k")
    asked = ledger.Request.of("tester", "spend", "k", 30)
    assert await ledger.spent_by(desk.connection, 1, asked) == first
    assert await ledger.spent_by(desk.connection, 1, ledger.Request.of("tester", "spend", "new", 30)) is None


@pytest.mark.parametrize(
    ("may_earn", "refusal"), [(True, errors.RedemptionLocked), (False, errors.MemberInactive)]
)
async def test_who_may_not_spend_does_not(
    desk: Desk, *, may_earn: bool, refusal: type[errors.PointbookError]
) -> None:
    await desk.earn(lot(100))
    await desk.restrict(may_earn=may_earn, may_spend=False)
    with pytest.raises(refusal):
        await desk.spend(1)
    assert await desk.available() == 100


async def test_what_is_undone_goes_back_to_the_old_lots(desk: Desk) -> None:
    """R27, E35: cancelling gives every point back to where it came from, once."""
    await desk.earn(lot(300, expires=at("2026-06-30")), lot(100, expires=at("2026-12-31")))
    before = await desk.read("select lot_id, open, expires_at from ledger.lot order by lot_id")
    spent = await desk.spend(340)
    assert await desk.available() == 60
    given = await desk.unspend(spent, now=minutes(1))
    assert (given.points, given.anew, given.expired) == (340, 0, 0)
    assert await desk.unspend(spent, now=minutes(2)) == given
    assert await desk.read("select lot_id, open, expires_at from ledger.lot order by lot_id") == before


async def test_points_whose_lot_has_expired_come_back_with_the_grace(desk: Desk) -> None:
    await desk.earn(lot(50, expires=minutes(10)), lot(50))
    spent = await desk.spend(60)
    given = await desk.unspend(spent, grace=minutes(100), now=minutes(20))
    assert (given.points, given.anew, given.expired) == (60, 50, 0)
    assert await desk.available(minutes(99)) == 100
    assert await desk.available(minutes(100)) == 50


async def test_without_grace_they_expire_at_once(desk: Desk) -> None:
    await desk.earn(lot(50, expires=minutes(10)))
    given = await desk.unspend(await desk.spend(50), grace=None, now=minutes(20))
    assert (given.points, given.expired) == (50, 50)
    assert await desk.available(minutes(20)) == 0


async def test_points_that_come_back_pay_debt_first(desk: Desk) -> None:
    await desk.earn(lot(50))
    spent = await desk.spend(50)
    await desk.adjust(-20, allow_negative=True, now=minutes(1))
    await desk.unspend(spent, now=minutes(2))
    balance = await desk.balance(minutes(2))
    assert (balance.available, balance.debt) == (30, 0)
