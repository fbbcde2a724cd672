"""Booking what is due goes in bounded batches, programme by programme, and may run any number of times."""

from collections import Counter, defaultdict
from datetime import datetime

import pytest

from pointbook.db.session import Connection, Database
from pointbook.services import sweeping
from pointbook.services.sweeping import Swept
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
    assert await sweeping.book_due(db, now=NOW) == Swept(accounts=1_253, failed=0)
    assert due.accounts.total() == 0
    assert due.limits == {500}
    # The large programme waits its turn behind the others, and nobody is asked again who had nothing more.
    assert due.turns == ["large", "small", "rest", "large", "large"]


async def test_a_run_is_bounded_in_time_and_the_next_one_continues(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    due = await due_in(db, monkeypatch, large=1_000)
    stopped = await sweeping.book_due(db, now=NOW, batch=200, stopping=lambda: len(due.turns) == 2)
    assert stopped == Swept(accounts=400, failed=0)
    assert await sweeping.book_due(db, now=NOW, batch=200, seconds=0) == Swept(0, 0)
    assert await sweeping.book_due(db, now=NOW, batch=200) == Swept(accounts=600, failed=0)


async def test_a_programme_that_fails_does_not_stop_the_others(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await due_in(db, monkeypatch, broken=1, sound=2)
    assert await sweeping.book_due(db, now=NOW) == Swept(accounts=2, failed=1)
