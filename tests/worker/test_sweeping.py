"""Booking what is due goes in bounded batches, programme by programme, and may run any number of times."""

import asyncio
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from pointbook import ledger
from pointbook.db.session import Connection, Database
from pointbook.ledger import Accrual, NewLot, Request
from pointbook.services import sweeping
from pointbook.services.directory import ProgrammeDirectory
from pointbook.services.sweeping import Swept
from tests.faults.scenarios import hold_of_points
from tests.worker.messages import NOW, new_programme


class Due:
    """Stands for the ledger's sweep: how many accounts have something due, and who asked for how many."""

    def __init__(self, **accounts: int) -> None:
        self.accounts = Counter(accounts)
        self.turns: list[str] = []
        self.limits: set[int] = set()
        self.slugs: dict[int, str] = defaultdict(lambda: "unknown")

    async def sweep(self, connection: Connection, programme_id: int, *, limit: int, now: datetime) -> int:
        assert not connection.is_in_transaction(), "each batch is a transaction of its own"
        assert now == NOW
        slug = self.slugs[programme_id]
        self.turns.append(slug)
        self.limits.add(limit)
        if slug == "broken":
            raise LookupError("a defect of one programme")
        booked = min(limit, self.accounts[slug])
        self.accounts[slug] -= booked
        return booked


async def due_in(db: Database, monkeypatch: pytest.MonkeyPatch, **accounts: int) -> Due:
    due = Due(**accounts)
    for slug in accounts:
        due.slugs[await new_programme(db, slug)] = slug
    monkeypatch.setattr("pointbook.ledger.sweep", due.sweep, raising=False)
    return due


async def test_everything_due_is_booked_in_bounded_batches(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    due = await due_in(db, monkeypatch, large=1_250, small=3, rest=0)
    assert await sweeping.book_due(db, ProgrammeDirectory(db), now=NOW) == Swept(accounts=1_253, cards=0, failed=0)
    assert due.accounts.total() == 0
    assert due.limits == {500}
    # The large programme waits its turn behind the others, and nobody is asked again who had nothing more.
    assert due.turns == ["large", "small", "rest", "large", "large"]


async def test_a_run_is_bounded_in_time_and_the_next_one_continues(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    due = await due_in(db, monkeypatch, large=1_000)
    stopped = await sweeping.book_due(
        db, ProgrammeDirectory(db), now=NOW, batch=200, stopping=lambda: len(due.turns) == 2
    )
    assert stopped == Swept(accounts=400, cards=0, failed=0)
    assert await sweeping.book_due(db, ProgrammeDirectory(db), now=NOW, batch=200, seconds=0) == Swept(0, 0, 0)
    assert await sweeping.book_due(db, ProgrammeDirectory(db), now=NOW, batch=200) == Swept(
        accounts=600, cards=0, failed=0
    )


async def test_a_programme_that_fails_does_not_stop_the_others(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await due_in(db, monkeypatch, broken=1, sound=2)
    assert await sweeping.book_due(db, ProgrammeDirectory(db), now=NOW) == Swept(accounts=2, cards=0, failed=1)


async def test_booking_twice_and_by_two_workers_at_once_books_once(db: Database) -> None:
    # 30 accounts, each with a hold that lapses and a lot that expires afterwards: two entries for each.
    programme_id = await new_programme(db, "sandbox")
    async with db.pool.acquire() as connection:
        await ledger.open_programme(connection, programme_id, sandbox=True)
        lot = NewLot(10, Decimal(5), available_from=NOW, expires_at=NOW + timedelta(days=1))
        for number in range(30):
            account_id = await ledger.open_account(connection, programme_id, uuid4(), now=NOW)
            accrual = Accrual(account_id, "order", str(number), 1, (lot,))
            await ledger.accrue(connection, programme_id, [accrual], now=NOW)
            request = Request.of("customer", "redeemPoints", str(number))
            await ledger.hold(
                connection, programme_id, account_id, hold_of_points(7, str(number)), request, now=NOW
            )
    later = NOW + timedelta(days=2)
    runs = await asyncio.gather(
        *(sweeping.book_due(db, ProgrammeDirectory(db), now=later, batch=4) for _ in range(2))
    )
    again = await sweeping.book_due(db, ProgrammeDirectory(db), now=later, batch=4)
    # An account that the other one has just booked may be counted once more; the entries say what was done.
    assert sum(run.accounts for run in runs) + again.accounts >= 30
    assert await sweeping.book_due(db, ProgrammeDirectory(db), now=later, batch=4) == Swept(0, 0, 0)
    async with db.bare_transaction(programme_id) as connection:
        kinds = await connection.fetch("select kind, count(*) from ledger.entry group by kind")
        assert dict(kinds) == {"accrual": 30, "hold": 30, "lapse": 30, "expiry": 30}
        assert await ledger.violations(connection, programme_id) == []
