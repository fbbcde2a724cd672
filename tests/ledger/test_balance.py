"""Balances, expiring points, history and the page: computed from the clock, whatever is booked (R17, I9)."""

from datetime import datetime, timedelta

import pytest

from pointbook import ledger
from pointbook.domain import errors
from tests.ledger.desk import NOON, Desk, at, lot, minutes

MICROSECOND = timedelta(microseconds=1)
FAR = at("2027-01-01")


async def test_e18_a_lot_is_usable_up_to_its_expiry_and_from_its_availability(desk: Desk) -> None:
    starts, ends = at("2026-03-31T08:00"), at("2026-07-30")
    await desk.earn(lot(100, available=starts, expires=ends))
    spendable = [
        await desk.available(instant) for instant in (starts - MICROSECOND, starts, ends - MICROSECOND, ends)
    ]
    assert spendable == [0, 100, 100, 0]
    assert (await desk.balance(starts - MICROSECOND)).pending == 100


async def test_e23_expiring_in_the_window_as_batches(desk: Desk) -> None:
    await desk.earn(lot(40, expires=at("2026-04-01")), lot(25, expires=at("2026-04-02")))
    await desk.earn(lot(10, available=at("2026-03-20"), expires=at("2026-03-26")))
    batches = await ledger.expiring(desk.connection, 1, desk.account_id, now=NOON, until=at("2026-04-01"))
    assert batches == [
        ledger.ExpiringBatch(at("2026-03-26"), 10),
        ledger.ExpiringBatch(at("2026-04-01"), 40),
    ]


async def test_r17_held_points_are_not_expiring_and_the_expired_neither(desk: Desk) -> None:
    await desk.earn(lot(40, expires=at("2026-04-01")), lot(9, expires=minutes(5)))
    await desk.hold(20)
    batches = await ledger.expiring(desk.connection, 1, desk.account_id, now=minutes(5), until=FAR)
    assert batches == [ledger.ExpiringBatch(at("2026-04-01"), 29)]


async def test_the_value_is_rounded_down_once(desk: Desk) -> None:
    await desk.earn(lot(3, value="0.5"), lot(3, value="0.4"))
    assert (await desk.balance()).value == 2  # 1.5 + 1.2
    assert (await desk.balance(point_value="10")).value == 60


async def busy(desk: Desk) -> ledger.Hold:
    """Lots that start and end, holds of every fate, debt, all within a day."""
    await desk.earn(
        lot(100, expires=minutes(300)), lot(50, available=minutes(100), expires=minutes(400)), lot(60, value="4")
    )
    captured = await desk.hold(70, cart="one", now=minutes(1))
    await desk.capture(captured, 100, now=minutes(2))
    await desk.hold(120, cart="two", now=minutes(3))
    last = await desk.hold(10, cart="three", now=minutes(4))
    await desk.adjust(-40, allow_negative=True, now=minutes(5))
    return last


INSTANTS = [minutes(count) for count in (0, 1, 2, 3, 4, 5, 17, 18, 19, 99, 100, 299, 300, 400, 500)]


async def test_i9_the_past_is_what_it_was_and_the_future_what_it_will_be(desk: Desk) -> None:
    """As of every instant: before anything was booked, while it is booked step by step, and afterwards."""
    await busy(desk)
    foreseen = [await desk.balance(minutes(5), as_of=instant) for instant in INSTANTS]
    lived = []
    for instant in INSTANTS[5:]:
        await desk.sweep(instant)
        lived.append(await desk.balance(instant))
    remembered = [await desk.balance(minutes(900), as_of=instant) for instant in INSTANTS]
    assert foreseen == remembered
    assert foreseen[5:] == lived
    assert len(set(foreseen)) > 8


async def test_i9_the_page_is_the_same_before_and_after_booking(desk: Desk) -> None:
    """The closed form over booked rows and the general one through due() agree in all they show."""
    await busy(desk)
    unbooked = [await desk.page(instant, until=FAR) for instant in INSTANTS[5:]]
    booked = []
    for instant in INSTANTS[5:]:
        await desk.sweep(instant)
        booked.append(await desk.page(instant, until=FAR))
    assert unbooked == booked
    assert len(unbooked[-1].history) == 11


async def test_the_page_shows_what_the_single_reads_show(desk: Desk) -> None:
    await busy(desk)
    for instant in INSTANTS[5:]:
        page = await desk.page(instant, until=FAR, history=3)
        assert page.balance == await desk.balance(instant)
        assert list(page.history) == await desk.history(instant, first=3)
        assert list(page.holds) == await ledger.holds(desk.connection, 1, desk.account_id, now=instant)
        assert list(page.expiring) == await ledger.expiring(
            desk.connection, 1, desk.account_id, now=instant, until=FAR
        )


async def test_quotes_agree_with_holds_whatever_is_booked(desk: Desk) -> None:
    last = await busy(desk)
    for instant in INSTANTS[6:]:
        unbooked = [await quoted(desk, cart, instant) for cart in ("three", "new")]
        await desk.sweep(instant)
        assert unbooked == [await quoted(desk, cart, instant) for cart in ("three", "new")]
    assert last.points == 10


async def quoted(desk: Desk, cart: str, now: datetime) -> ledger.Quote | int:
    """A quote for a full redemption, and what is available when there is none."""
    try:
        return await desk.quote(None, cart=cart, now=now)
    except errors.BelowMinimum:
        return 0


async def test_history_is_paged_by_number_also_through_what_is_due(desk: Desk) -> None:
    await busy(desk)
    whole = await desk.history(minutes(500))
    paged: list[ledger.HistoryEntry] = []
    while len(paged) < len(whole):
        paged += await desk.history(minutes(500), first=3, before=paged[-1].seq if paged else None)
    assert paged == whole
    assert [row.seq for row in whole] == list(range(len(whole), 0, -1))
    assert await desk.history(minutes(500), before=1) == []


async def test_history_sums_to_what_is_owned(desk: Desk) -> None:
    await busy(desk)
    for instant in INSTANTS[5:]:
        balance = await desk.balance(instant)
        rows = await desk.history(instant)
        owned = balance.available + balance.pending + balance.held - balance.debt
        assert sum(row.points for row in rows) == owned
        assert sum(row.held for row in rows) == balance.held


async def test_history_names_sources_and_holds(desk: Desk) -> None:
    await desk.earn(lot(100), source="o-1")
    hold = await desk.hold(40)
    await desk.capture(hold, 100, now=minutes(1), source="o-2")
    capture, held, accrual = await desk.history(minutes(1))
    assert (accrual.source_type, accrual.source_id, accrual.hold_id) == ("order", "o-1", None)
    assert (held.hold_id, held.moved) == (hold.hold_id, 40)
    assert (capture.source_id, capture.hold_id) == ("o-2", hold.hold_id)
    assert (capture.points, capture.held, capture.moved) == (-20, -40, 40)


async def test_a_clock_that_was_set_back_reads_the_newest_state(desk: Desk) -> None:
    await desk.earn(lot(100), now=minutes(5))
    assert await desk.available(minutes(4)) == 100
    assert (await desk.page(minutes(4), until=FAR)).balance.available == 100


async def test_nobody_has_no_balance(desk: Desk) -> None:
    with pytest.raises(errors.NotAMember):
        await ledger.balance(desk.connection, 1, 10**12, now=NOON)
    with pytest.raises(errors.NotAMember):
        await ledger.account_page(desk.connection, 1, 10**12, now=NOON, expiring_until=FAR, history=5)
    assert await ledger.history(desk.connection, 1, 10**12, now=NOON, first=5) == []
