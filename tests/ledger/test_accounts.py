"""Accounts that were merged lead to their target; locks are taken in key order."""

from uuid import uuid4

import pytest
import pytest_asyncio

from pointbook import ledger
from pointbook.db.session import Database
from pointbook.domain import errors
from tests.ledger.desk import NOON, Desk, lot, minutes


@pytest_asyncio.fixture
async def target(desk: Desk) -> Desk:
    """The account that two others lead to, one of them by way of the other; ``desk`` is the first of the way."""
    middle, target = await desk.second_account(), await desk.second_account()
    await middle.merge(desk, now=NOON)
    await target.merge(middle, now=NOON)
    return target


async def test_r33_every_call_for_a_merged_account_is_the_targets(desk: Desk, target: Desk) -> None:
    assert await desk.earn(lot(100)) == ledger.Accrued(target.account_id, 2, "ok")
    assert await desk.adjust(-10) == ledger.Adjusted(target.account_id, 3)
    hold = await desk.hold(40)
    assert hold.account_id == target.account_id
    assert (await desk.extend(hold, now=minutes(1))).extensions == 1
    assert await desk.balance(minutes(1)) == await target.balance(minutes(1))
    assert await desk.history(minutes(1)) == await target.history(minutes(1))
    assert (await desk.quote(20, cart="other")).available == 50
    await desk.release(hold, now=minutes(2))
    await desk.restrict(may_earn=True, may_spend=False)
    with pytest.raises(errors.RedemptionLocked):
        await target.hold(1)


async def test_lock_names_the_account_that_stands_for_each(desk: Desk, target: Desk) -> None:
    locked = await ledger.lock(desk.connection, 1, [desk.account_id, target.account_id, 10**12])
    assert locked == {desk.account_id: target.account_id, target.account_id: target.account_id}


async def test_lock_holds_until_the_transaction_ends(desk: Desk, db: Database) -> None:
    await desk.earn(lot(100, expires=minutes(5)))
    async with db.pool.acquire() as connection, connection.transaction():
        await ledger.lock(connection, 1, [desk.account_id])
        assert await desk.sweep(minutes(10)) == 0  # leaves out what is locked
    assert await desk.sweep(minutes(10)) == 1


async def test_a_programme_is_opened_once(desk: Desk) -> None:
    await ledger.open_programme(desk.connection, 1, sandbox=False)
    public_id = uuid4()
    ahead = await ledger.open_account(desk.connection, 1, public_id, now=minutes(10**7))
    assert ahead == await ledger.open_account(desk.connection, 1, public_id, now=NOON)
