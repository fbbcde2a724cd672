"""Granting points: one accrual or thousands, each source once (R12-R14, I4)."""

import asyncio
from uuid import uuid4

import pytest

from pointbook import ledger
from pointbook.db.retry import retrying
from pointbook.db.session import Database
from tests.ledger.desk import NOON, Desk, at, lot, minutes


def accrual(account_id: int, source: str, *lots: ledger.NewLot, occurrence: int = 1) -> ledger.Accrual:
    return ledger.Accrual(account_id, "order", source, occurrence, lots or (lot(10),))


async def test_one_entry_an_accrual_with_all_its_lots(desk: Desk) -> None:
    accrued = await desk.earn(lot(10), lot(20, available=minutes(60)), lot(30, expires=at("2026-04-01")))
    assert accrued == ledger.Accrued(desk.account_id, 1, "ok")
    assert await desk.balance() == ledger.Balance(40, pending=20, held=0, debt=0, spendable=40, value=200)
    assert await desk.story(NOON) == [("ACCRUAL", NOON, 60, 0)]


async def test_a_source_has_one_effect_an_occurrence(desk: Desk) -> None:
    """R13, R28: the occurrence is part of the source's key."""
    await desk.earn(lot(10), source="o-1")
    again = await desk.earn(lot(99), source="o-1", now=minutes(1))
    anew = await desk.earn(lot(5), source="o-1", occurrence=2)
    assert [again, anew] == [
        ledger.Accrued(desk.account_id, 1, "duplicate"),
        ledger.Accrued(desk.account_id, 2, "ok"),
    ]
    assert await desk.available() == 15


async def test_a_duplicate_names_the_account_of_the_first(desk: Desk) -> None:
    await desk.earn(lot(10), source="o-1")
    other = await desk.second_account()
    assert await other.earn(lot(10), source="o-1") == ledger.Accrued(desk.account_id, 1, "duplicate")


async def test_many_at_once_are_answered_in_their_order(desk: Desk) -> None:
    other = await desk.second_account()
    idle = await desk.second_account()
    await idle.restrict(may_earn=False, may_spend=True)
    await desk.earn(lot(1), source="known")
    answers = await ledger.accrue(
        desk.connection,
        1,
        [
            accrual(other.account_id, "a"),
            accrual(idle.account_id, "b"),
            accrual(desk.account_id, "c", lot(7), lot(8)),
            accrual(desk.account_id, "known"),
            accrual(desk.account_id, "a"),
            accrual(10**12, "d"),
            accrual(desk.account_id, "b"),
        ],
        now=NOON,
    )
    assert answers == [
        ledger.Accrued(other.account_id, 1, "ok"),
        ledger.Accrued(idle.account_id, None, "not_earning"),
        ledger.Accrued(desk.account_id, 2, "ok"),
        ledger.Accrued(desk.account_id, 1, "duplicate"),
        ledger.Accrued(other.account_id, 1, "duplicate"),
        ledger.Accrued(10**12, None, "no_account"),
        ledger.Accrued(desk.account_id, 3, "ok"),
    ]
    assert [await one.available() for one in (desk, other, idle)] == [26, 10, 0]


async def test_nothing_to_accrue_is_no_statement(desk: Desk) -> None:
    assert await ledger.accrue(desk.connection, 1, [], now=NOON) == []


async def test_a_thousand_in_one_statement(desk: Desk) -> None:
    answers = await ledger.accrue(
        desk.connection, 1, [accrual(desk.account_id, f"o-{n}") for n in range(1000)], now=NOON
    )
    assert [answer.seq for answer in answers] == list(range(1, 1001))
    assert await desk.available() == 10_000


async def test_r26_what_becomes_available_pays_debt_first(desk: Desk) -> None:
    """E27: debt 100, the next 150 leave 50."""
    await desk.adjust(-100, allow_negative=True)
    await desk.earn(lot(150), now=minutes(1))
    assert await desk.balance(minutes(1)) == ledger.Balance(50, 0, 0, 0, spendable=50, value=250)
    assert (await desk.story(minutes(1)))[1:] == [("ACCRUAL", minutes(1), 150, 0), ("SETTLE", minutes(1), 0, 0)]


async def test_what_was_due_is_booked_before(desk: Desk) -> None:
    await desk.earn(lot(10, expires=minutes(5)))
    await desk.earn(lot(20), now=minutes(9))
    assert [(kind, instant) for kind, instant, _, _ in await desk.story(minutes(9))] == [
        ("ACCRUAL", NOON),
        ("EXPIRY", minutes(5)),
        ("ACCRUAL", minutes(9)),
    ]


async def test_one_source_at_once_for_one_account_has_one_effect(desk: Desk, db: Database) -> None:
    async def once() -> ledger.Accrued:
        async with db.pool.acquire() as connection:
            [answer] = await ledger.accrue(connection, 1, [accrual(desk.account_id, "o-1")], now=NOON)
            return answer

    answers = await asyncio.gather(*(once() for _ in range(8)))
    assert sorted(answer.status for answer in answers) == ["duplicate"] * 7 + ["ok"]
    assert await desk.available() == 10


async def test_one_source_at_once_for_different_accounts_has_one_effect(desk: Desk, db: Database) -> None:
    """The loser's insert violates the source's key; ``retrying`` then finds the winner's entry."""
    other = await desk.second_account()

    async def once(account_id: int, source: str) -> ledger.Accrued:
        async def call() -> ledger.Accrued:
            async with db.pool.acquire() as connection:
                [answer] = await ledger.accrue(connection, 1, [accrual(account_id, source)], now=NOON)
                return answer

        return await retrying(call)

    for source in map(str, range(20)):
        one, two = await asyncio.gather(once(desk.account_id, source), once(other.account_id, source))
        assert {one.status, two.status} == {"ok", "duplicate"}
        assert (one.account_id, one.seq) == (two.account_id, two.seq)
    assert await desk.available() + await other.available() == 200


@pytest.mark.parametrize(
    "useless",
    [
        lot(0),
        lot(10, expires=NOON),
        lot(10, available=minutes(5), expires=minutes(5)),
        lot(10, value="0"),
    ],
)
async def test_a_lot_that_nobody_could_spend_is_a_defect(desk: Desk, useless: ledger.NewLot) -> None:
    with pytest.raises(AssertionError):
        await desk.earn(useless)


async def test_an_account_is_opened_once(desk: Desk) -> None:
    public_id = uuid4()
    first = await ledger.open_account(desk.connection, 1, public_id, now=NOON)
    assert await ledger.open_account(desk.connection, 1, public_id, now=minutes(5)) == first
