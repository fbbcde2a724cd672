"""The sweep writes the books in bounded batches and changes no answer (I9)."""

from pointbook.db.session import Database
from tests.ledger.desk import Desk, lot, minutes


async def test_batches_are_bounded_and_nothing_is_left(desk: Desk) -> None:
    accounts = [desk, *[await desk.second_account() for _ in range(6)]]
    for number, account in enumerate(accounts):
        await account.earn(lot(10, expires=minutes(5 + number)), lot(20, expires=minutes(6)), lot(5))
    booked = [await desk.sweep(minutes(60), limit=3) for _ in range(4)]
    assert booked == [3, 3, 1, 0]
    assert len(await desk.read("select from ledger.entry where kind = 'expiry'")) == 13


async def test_lapses_expiries_and_settlements_are_found(desk: Desk) -> None:
    lapsing, indebted = await desk.second_account(), await desk.second_account()
    await desk.earn(lot(10, expires=minutes(5)))
    await lapsing.earn(lot(10))
    await lapsing.hold(10)
    await indebted.adjust(-5, allow_negative=True)
    await indebted.earn(lot(10, available=minutes(10)))
    assert await desk.sweep(minutes(4)) == 0
    assert await desk.sweep(minutes(20)) == 3
    kinds = await desk.read("select kind from ledger.entry where kind in ('lapse', 'expiry', 'settle') order by 1")
    assert [row["kind"] for row in kinds] == ["expiry", "lapse", "settle"]


async def test_debt_that_nothing_pays_and_points_that_are_held_are_not_swept(desk: Desk) -> None:
    indebted = await desk.second_account()
    await indebted.adjust(-5, allow_negative=True)
    await desk.earn(lot(10, expires=minutes(5)))
    await desk.hold(10)
    assert await desk.sweep(minutes(10)) == 0


async def test_one_account_with_many_lots_does_not_hide_the_others(desk: Desk) -> None:
    other = await desk.second_account()
    for number in range(20):
        await desk.earn(lot(10, expires=minutes(5)), lot(10, expires=minutes(5)), now=minutes(number / 10))
    await other.earn(lot(10, expires=minutes(6)))
    assert await desk.sweep(minutes(10), limit=2) == 2


async def test_an_account_that_somebody_has_locked_is_left_for_later(desk: Desk, db: Database) -> None:
    other = await desk.second_account()
    for account in (desk, other):
        await account.earn(lot(10, expires=minutes(5)))
    async with db.pool.acquire() as connection, connection.transaction():
        busy = Desk(connection, 1, other.account_id)
        await busy.hold(5)
        assert await desk.sweep(minutes(10)) == 1
    assert await desk.sweep(minutes(10)) == 1


async def test_entries_are_the_same_whenever_they_were_booked(desk: Desk, db: Database) -> None:
    """One programme is swept every minute, the other never."""
    async with db.pool.acquire() as connection:
        swept = await Desk.open(connection, 2)
        for account in (desk, swept):
            await account.earn(lot(100, expires=minutes(30)), lot(50, available=minutes(20)))
            await account.hold(60)
            await account.adjust(-70, allow_negative=True)
        for minute in range(60):
            await swept.sweep(minutes(minute))
        stories = [await account.story(minutes(60)) for account in (desk, swept)]
    assert stories[0] == stories[1]
    assert len(stories[0]) == 6
