"""The proxy does lose answers of what was committed: without that the tests behind it would prove nothing."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import pytest

from tests.faults.proxy import LossyProxy


@pytest.fixture
async def counter(admin: "asyncpg.Connection[asyncpg.Record]") -> AsyncIterator[str]:
    """A table outside of the product's schemas, which is gone afterwards: other tests dump the database."""
    await admin.execute("create schema faults; create table faults.kept (number int)")
    yield "insert into faults.kept values ($1)"
    await admin.execute("drop schema faults cascade")


async def _try(url: str, insert: str, number: int, *, transaction: bool) -> bool:
    """Whether the caller heard of its success."""
    connection = await asyncpg.connect(url)
    try:
        if transaction:
            async with connection.transaction():
                await connection.execute(insert, number)
        else:
            await connection.execute(insert, number)
    except (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError):
        return False
    else:
        return True
    finally:
        connection.terminate()


@dataclass(frozen=True, slots=True)
class Case:
    """One write through the proxy; ``kept`` is how many rows it leaves."""

    transaction: bool
    swallow: float = 0
    cut: float = 0
    kept: int = 1

    @property
    def is_heard(self) -> bool:
        return self.swallow == self.cut == 0


@pytest.mark.parametrize(
    "case",
    [
        Case(transaction=True),
        Case(transaction=True, swallow=1),
        Case(transaction=True, cut=1, kept=0),
        Case(transaction=False),
        Case(transaction=False, swallow=1),
        Case(transaction=False, cut=1, kept=0),
    ],
)
async def test_an_answer_is_swallowed_after_and_cut_before_the_commit(
    admin_url: str, admin: "asyncpg.Connection[asyncpg.Record]", counter: str, case: Case
) -> None:
    async with LossyProxy(
        admin_url, swallow=case.swallow, cut=case.cut, seed=1, is_write=lambda text: "kept" in text
    ) as proxy:
        assert await _try(proxy.url, counter, 7, transaction=case.transaction) is case.is_heard
        assert await admin.fetchval("select count(*) from faults.kept") == case.kept
        assert (proxy.tally.commits, proxy.tally.swallowed, proxy.tally.cut) == (1, case.swallow, case.cut)


async def test_a_commit_that_failed_is_not_counted_as_swallowed(admin_url: str) -> None:
    async with LossyProxy(admin_url, swallow=1, cut=0, seed=1) as proxy:
        assert not await _try(proxy.url, "select 1 / ($1 - 7)", 7, transaction=False)
        assert (proxy.tally.swallowed, proxy.tally.refused) == (0, 1)
