"""Holds on the ledger: what they charge, how they are replaced, and how they end (R3, R15, R18-R20)."""

from datetime import timedelta

import pytest

from pointbook import ledger
from pointbook.domain import errors
from tests.ledger.desk import NOON, QUARTER, Desk, at, lot, minutes

MILLISECOND = timedelta(milliseconds=1)


async def test_e06_full_redemption_takes_the_most_points_within_the_total(desk: Desk) -> None:
    await desk.earn(lot(1000))
    hold = await desk.hold(None, limit=1999)
    assert (hold.points, hold.value) == (399, 1995)


async def test_e06_full_redemption_of_a_small_balance_takes_all_of_it(desk: Desk) -> None:
    await desk.earn(lot(250))
    assert await desk.quote(None, limit=1999) == ledger.Quote(points=250, value=1250, available=250)


async def test_e06_partial_redemption(desk: Desk) -> None:
    await desk.earn(lot(250))
    hold = await desk.hold(120, limit=1999)
    assert (hold.points, hold.value) == (120, 600)


async def test_e07_only_the_fewest_points_that_reach_the_value_are_charged(desk: Desk) -> None:
    await desk.earn(lot(1000, value="0.5"))
    hold = await desk.hold(333)
    assert (hold.points, hold.value) == (332, 166)


async def test_e07_a_value_of_zero_is_below_minimum(desk: Desk) -> None:
    await desk.earn(lot(1000, value="0.5"))
    with pytest.raises(errors.BelowMinimum):
        await desk.hold(1)
    assert await desk.available() == 1000


@pytest.mark.parametrize(("point_value", "value"), [(None, 700), ("4", 600)])
async def test_e08_value_at_earning_and_current(desk: Desk, point_value: str | None, value: int) -> None:
    await desk.earn(lot(100, value="5", expires=at("2026-06-30")))
    await desk.earn(lot(100, value="4", expires=at("2026-12-31")))
    hold = await desk.hold(150, point_value=point_value)
    assert (hold.points, hold.value) == (150, value)


async def test_the_value_is_exact_where_a_division_would_round(desk: Desk) -> None:
    """R3: 7 points at a third (as near as decimals come) are worth 2, which 7 of them are needed for."""
    await desk.earn(lot(7, value="0.3333333333333333333333333333333333333333"))
    assert await desk.quote(7) == ledger.Quote(points=7, value=2, available=7)


async def test_more_than_the_cart_is_refused_with_the_most_that_fits(desk: Desk) -> None:
    await desk.earn(lot(1000))
    with pytest.raises(errors.ExceedsCart) as refused:
        await desk.hold(400, limit=1999)
    assert refused.value.maximum_points == 399


async def test_fewer_than_the_programme_redeems_is_refused(desk: Desk) -> None:
    await desk.earn(lot(1000))
    with pytest.raises(errors.BelowMinimum) as refused:
        await desk.hold(99, minimum=100)
    assert refused.value.minimum_points == 100


async def test_e20_lots_are_taken_in_order_of_expiry_never_last(desk: Desk) -> None:
    await desk.earn(lot(100, expires=at("2026-12-31")))
    await desk.earn(lot(50, expires=at("2026-06-30")))
    await desk.earn(lot(30))
    hold = await desk.hold(120)
    assert await desk.parts(hold) == [50, 70]


async def test_r15_equal_expiry_takes_what_was_available_first_then_the_older(desk: Desk) -> None:
    await desk.earn(lot(10, available=minutes(-1)), lot(20, available=minutes(-2)), lot(30, available=minutes(-1)))
    hold = await desk.hold(35)
    assert await desk.parts(hold) == [20, 10, 5]


async def test_e21_a_second_cart_finds_only_what_is_free(desk: Desk) -> None:
    await desk.earn(lot(100))
    await desk.hold(80, cart="one")
    with pytest.raises(errors.InsufficientPoints) as refused:
        await desk.hold(80, cart="two")
    assert (refused.value.requested, refused.value.available) == (80, 20)
    assert [row.kind for row in await desk.history(NOON)] == ["HOLD", "ACCRUAL"]


async def test_e22_capture_works_to_the_last_millisecond(desk: Desk) -> None:
    await desk.earn(lot(100))
    hold = await desk.hold(100)
    captured = await desk.capture(hold, now=minutes(15) - MILLISECOND)
    assert (captured.state, captured.captured_points, captured.captured_value) == ("CAPTURED", 100, 500)


async def test_e22_at_its_end_a_hold_is_over_and_the_balance_whole_though_no_job_has_run(desk: Desk) -> None:
    await desk.earn(lot(100))
    hold = await desk.hold(100)
    assert await desk.available(minutes(15) - MILLISECOND) == 0
    assert await desk.available(minutes(15)) == 100
    with pytest.raises(errors.RedemptionEnded) as refused:
        await desk.capture(hold, now=minutes(15))
    assert refused.value.state == "LAPSED"
    assert await desk.story(minutes(20)) == [
        ("ACCRUAL", NOON, 100, 0),
        ("HOLD", NOON, 0, 100),
        ("LAPSE", minutes(15), 0, -100),
    ]


async def test_r19_an_extension_counts_from_its_instant(desk: Desk) -> None:
    await desk.earn(lot(100))
    hold = await desk.hold(100)
    extended = await desk.extend(hold, now=minutes(14))
    assert (extended.expires_at, extended.extensions) == (minutes(29), 1)
    assert (await desk.capture(hold, now=minutes(29) - MILLISECOND)).state == "CAPTURED"


async def test_r19_extensions_are_limited_and_refused_after_the_end(desk: Desk) -> None:
    await desk.earn(lot(100))
    hold = await desk.hold(100)
    await desk.extend(hold, now=minutes(1), maximum=1)
    with pytest.raises(errors.ExtensionsExhausted):
        await desk.extend(hold, now=minutes(2), maximum=1)
    with pytest.raises(errors.RedemptionEnded):
        await desk.extend(hold, now=minutes(16))


async def test_r20_the_same_cart_and_points_is_the_same_hold(desk: Desk) -> None:
    await desk.earn(lot(100))
    hold = await desk.hold(60)
    assert await desk.hold(60, now=minutes(1)) == hold
    assert len(await desk.history(minutes(1))) == 2


async def test_r20_other_points_replace_the_hold_whose_points_count_as_free(desk: Desk) -> None:
    await desk.earn(lot(100))
    first = await desk.hold(80)
    second = await desk.hold(100, now=minutes(1))
    assert second.hold_id != first.hold_id
    assert await desk.story(minutes(1)) == [
        ("ACCRUAL", NOON, 100, 0),
        ("HOLD", NOON, 0, 80),
        ("RELEASE", minutes(1), 0, -80),
        ("HOLD", minutes(1), 0, 100),
    ]
    with pytest.raises(errors.RedemptionEnded):
        await desk.capture(first, now=minutes(2))


async def test_r20_another_value_replaces_the_hold(desk: Desk) -> None:
    """The same points under another point value are another promise."""
    await desk.earn(lot(100))
    first = await desk.hold(80, point_value="5")
    second = await desk.hold(80, point_value="4")
    assert (first.value, second.value) == (400, 320)


async def test_r20_a_refused_replacement_leaves_the_hold(desk: Desk) -> None:
    await desk.earn(lot(100))
    hold = await desk.hold(80)
    with pytest.raises(errors.InsufficientPoints) as refused:
        await desk.hold(101)
    assert refused.value.available == 100
    assert await ledger.holds(desk.connection, 1, desk.account_id, now=NOON) == [hold]


async def test_r20_points_of_a_lot_that_expired_meanwhile_are_free_for_the_successor(desk: Desk) -> None:
    await desk.earn(lot(100, expires=minutes(5)))
    await desk.hold(80)
    quote = await desk.quote(70, now=minutes(6))
    second = await desk.hold(70, now=minutes(6))
    assert (quote.points, quote.available, second.points) == (70, 80, 70)
    assert await desk.story(minutes(6)) == [
        ("ACCRUAL", NOON, 100, 0),
        ("HOLD", NOON, 0, 80),
        ("EXPIRY", minutes(5), -20, 0),
        ("RELEASE", minutes(6), 0, -80),
        ("HOLD", minutes(6), 0, 70),
        ("EXPIRY", minutes(6), -10, 0),
    ]


async def test_r20_debt_takes_only_what_the_successor_leaves(desk: Desk) -> None:
    await desk.earn(lot(100))
    await desk.hold(100)
    await desk.adjust(-30, allow_negative=True, now=minutes(1))
    second = await desk.hold(90, now=minutes(2))
    assert second.points == 90
    assert await desk.balance(minutes(2)) == ledger.Balance(0, 0, held=90, debt=20, spendable=0, value=0)


async def test_r18_replacing_a_hold_keeps_no_expired_point_alive(desk: Desk) -> None:
    await desk.earn(lot(100, expires=minutes(5)), lot(1))
    first = await desk.hold(100)
    second = await desk.hold(101, now=minutes(4))
    third = await desk.hold(100, now=minutes(14))
    assert [hold.expires_at for hold in (first, second, third)] == [minutes(15), minutes(19), minutes(19)]
    assert await desk.balance(minutes(19)) == ledger.Balance(1, 0, 0, 0, spendable=1, value=5)


async def test_r20_a_successor_has_the_extensions_that_are_left(desk: Desk) -> None:
    await desk.earn(lot(100))
    await desk.extend(await desk.hold(80), now=minutes(1), maximum=1)
    successor = await desk.hold(90, now=minutes(2))
    assert successor.expires_at == minutes(17)
    with pytest.raises(errors.ExtensionsExhausted):
        await desk.extend(successor, now=minutes(3), maximum=1)


async def test_r20_a_successor_that_debt_leaves_ends_with_the_hold_it_replaced(desk: Desk) -> None:
    await desk.earn(lot(100))
    first = await desk.hold(100)
    await desk.adjust(-30, allow_negative=True, now=minutes(1))
    assert (await desk.hold(90, now=minutes(2))).expires_at == first.expires_at


async def test_r19_an_extension_never_shortens_a_hold(desk: Desk) -> None:
    await desk.earn(lot(100))
    hold = await desk.hold(100, lifetime=timedelta(minutes=60))
    assert (await desk.extend(hold, now=minutes(1))).expires_at == minutes(60)


async def test_i4_a_captured_hold_is_not_captured_by_another_request_for_its_source(desk: Desk) -> None:
    await desk.earn(lot(100))
    hold = await desk.hold(100)
    first = await desk.capture(hold, now=minutes(1), source="o-1", key="till-1")
    assert await desk.capture(hold, now=minutes(2), source="o-1", key="till-1") == first
    with pytest.raises(errors.RedemptionEnded):
        await desk.capture(hold, now=minutes(2), source="o-1", key="till-2")
    assert await desk.capture(hold, now=minutes(2), source="o-1") == first


@pytest.mark.parametrize("by_server", [False, True])
async def test_release_gives_the_points_back(desk: Desk, *, by_server: bool) -> None:
    await desk.earn(lot(100))
    hold = await desk.hold(100)
    released = await desk.release(hold, now=minutes(1), by_server=by_server)
    assert (released.state, released.ended_at) == ("RELEASED", minutes(1))
    assert await desk.available(minutes(1)) == 100
    with pytest.raises(errors.RedemptionEnded):
        await desk.release(hold, now=minutes(2))


async def test_r18_released_points_of_an_expired_lot_expire_at_once(desk: Desk) -> None:
    await desk.earn(lot(50, expires=minutes(5)), lot(50))
    hold = await desk.hold(80)
    await desk.release(hold, now=minutes(6))
    assert await desk.available(minutes(6)) == 50
    assert (await desk.story(minutes(6)))[-1] == ("RELEASE", minutes(6), -50, -80)


async def test_e40_a_captured_hold_outlives_its_lot(desk: Desk) -> None:
    midnight = at("2026-03-02")
    await desk.earn(lot(100, expires=midnight))
    hold = await desk.hold(60, now=midnight - timedelta(minutes=5))
    await desk.capture(hold, now=midnight + timedelta(minutes=5))
    assert await desk.story(midnight + timedelta(minutes=5)) == [
        ("ACCRUAL", NOON, 100, 0),
        ("HOLD", midnight - timedelta(minutes=5), 0, 60),
        ("EXPIRY", midnight, -40, 0),
        ("CAPTURE", midnight + timedelta(minutes=5), -60, -60),
    ]


async def test_e40_a_hold_that_is_not_captured_expires_with_its_end(desk: Desk) -> None:
    midnight = at("2026-03-02")
    await desk.earn(lot(100, expires=midnight))
    await desk.hold(60, now=midnight - timedelta(minutes=5))
    assert (await desk.story(midnight + timedelta(minutes=10)))[2:] == [
        ("EXPIRY", midnight, -40, 0),
        ("LAPSE", midnight + timedelta(minutes=10), -60, -60),
    ]


async def test_e41_capture_of_less_spends_in_order_and_gives_the_rest_back(desk: Desk) -> None:
    await desk.earn(lot(250, expires=at("2026-12-31")), lot(150))
    hold = await desk.hold(None, limit=2000)
    captured = await desk.capture(hold, 1500, now=minutes(1), source="o-1")
    assert (captured.captured_points, captured.captured_value) == (300, 1500)
    assert await desk.available(minutes(1)) == 100
    left = await desk.read("select open from ledger.lot order by lot_id")
    assert [row["open"] for row in left] == [0, 100]


async def test_the_rest_of_a_capture_expires_at_once_if_its_lot_has(desk: Desk) -> None:
    await desk.earn(lot(100, expires=minutes(5)))
    hold = await desk.hold(100)
    await desk.capture(hold, 300, now=minutes(6))
    assert (await desk.story(minutes(6)))[-1] == ("CAPTURE", minutes(6), -100, -100)
    assert await desk.balance(minutes(6)) == ledger.Balance(0, 0, 0, 0, 0, 0)


async def test_a_capture_never_spends_more_than_was_held(desk: Desk) -> None:
    await desk.earn(lot(100))
    hold = await desk.hold(40)
    captured = await desk.capture(hold, 10_000, now=minutes(1))
    assert (captured.captured_points, captured.captured_value) == (40, 200)


async def test_a_capture_below_a_point_is_refused(desk: Desk) -> None:
    await desk.earn(lot(100))
    hold = await desk.hold(40)
    with pytest.raises(errors.BelowMinimum):
        await desk.capture(hold, 4, now=minutes(1))
    assert (await desk.balance(minutes(1))).held == 40


async def test_a_capture_values_points_as_its_hold_did(desk: Desk) -> None:
    """R3 with CURRENT: the hold promised today's value, whatever the lots' own."""
    await desk.earn(lot(100, value="5"))
    hold = await desk.hold(100, point_value="4")
    captured = await desk.capture(hold, 200, now=minutes(1))
    assert (captured.captured_points, captured.captured_value) == (50, 200)


async def test_r23_a_source_captures_once(desk: Desk) -> None:
    await desk.earn(lot(100))
    hold, other = await desk.hold(40), await desk.hold(40, cart="other")
    captured = await desk.capture(hold, now=minutes(1), source="o-1")
    assert await desk.capture(hold, now=minutes(2), source="o-1") == captured
    with pytest.raises(errors.OrderConflict):
        await desk.capture(other, now=minutes(2), source="o-1")
    with pytest.raises(errors.RedemptionEnded):
        await desk.capture(hold, now=minutes(2), source="o-2")


async def test_the_hold_of_a_code_is_lapsed_at_its_end_whether_booked_or_not(desk: Desk) -> None:
    await desk.earn(lot(100))
    hold = await desk.hold(40)
    before = await ledger.hold_of_code(desk.connection, 1, hold.code_hash, now=minutes(15) - MILLISECOND)
    unbooked = await ledger.hold_of_code(desk.connection, 1, hold.code_hash, now=minutes(15))
    assert await desk.sweep(minutes(20)) == 1
    booked = await ledger.hold_of_code(desk.connection, 1, hold.code_hash, now=minutes(20))
    assert before == hold
    assert unbooked == booked
    assert unbooked is not None
    assert (unbooked.state, unbooked.ended_at) == ("LAPSED", minutes(15))
    assert await ledger.hold_of_code(desk.connection, 1, b"unknown", now=NOON) is None


async def test_r14_a_locked_member_earns_and_an_inactive_one_does_neither(desk: Desk) -> None:
    await desk.earn(lot(100))
    await desk.restrict(may_earn=True, may_spend=False)
    with pytest.raises(errors.RedemptionLocked):
        await desk.hold(10)
    with pytest.raises(errors.RedemptionLocked):
        await desk.quote(10)
    assert (await desk.earn(lot(5))).status == "ok"
    await desk.restrict(may_earn=False, may_spend=False)
    with pytest.raises(errors.MemberInactive):
        await desk.hold(10)
    assert (await desk.earn(lot(5))).status == "not_earning"
    assert await desk.available() == 105


async def test_nobody_touches_the_hold_of_another(desk: Desk) -> None:
    await desk.earn(lot(100))
    hold = await desk.hold(40)
    stranger = await desk.second_account()
    with pytest.raises(errors.RedemptionNotFound):
        await stranger.release(hold, now=NOON)
    with pytest.raises(errors.RedemptionNotFound):
        await stranger.extend(hold, now=NOON)
    assert (await desk.balance()).held == 40


async def test_a_hold_lasts_as_long_as_was_said(desk: Desk) -> None:
    await desk.earn(lot(100))
    hold = await desk.hold(40, lifetime=2 * QUARTER)
    assert (hold.created_at, hold.expires_at) == (NOON, minutes(30))
