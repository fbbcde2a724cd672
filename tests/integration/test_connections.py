"""Connections that break, callers that give up, failures that are worth another try."""

import asyncio

import asyncpg
import pytest

from pointbook.db.retry import MAX_TRIES, retrying
from pointbook.db.session import Database
from pointbook.domain.errors import BelowMinimum
from pointbook.services import account
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from tests.support import NOW, member_with_points, redeem, spendable


async def test_broken_connections_cost_another_try_and_nothing_else(
    installation: Installation, programme: ProgrammeSnapshot, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await member_with_points(installation, programme, 100)
    await _break_connections(admin)
    page = await account.page(installation, programme.id, "c-1", now=NOW)
    assert page is not None
    assert page.balance.spendable == 100
    await _break_connections(admin)
    assert (await redeem(installation, programme, 80)).points == 80
    assert await spendable(installation, programme) == 20


async def test_a_caller_that_gives_up_leaves_no_lock_and_no_change(
    installation: Installation, programme: ProgrammeSnapshot, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await member_with_points(installation, programme, 100)

    async def hang() -> None:
        async with installation.db.bare_transaction(programme.id) as connection:
            await connection.execute("update member set locale = 'en'")
            await connection.execute("select pg_sleep(60)")

    task = asyncio.create_task(hang())
    # A cancellation that reaches the server before its statement does is lost.
    asleep = "select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'"
    while not await admin.fetchval(asleep):  # noqa: ASYNC110  # the server has no event for it
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with installation.db.bare_transaction(programme.id) as connection:
        assert await connection.fetchval("select locale from member for update nowait") is None


async def test_waits_for_locks_and_idle_transactions_are_bounded(db: Database) -> None:
    for setting in ("lock_timeout", "idle_in_transaction_session_timeout"):
        assert await db.pool.fetchval(f"select setting::int from pg_settings where name = '{setting}'") > 0


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.SerializationError("40001"),
        asyncpg.DeadlockDetectedError("40P01"),
        asyncpg.LockNotAvailableError("55P03"),
        asyncpg.AdminShutdownError("57P01"),
        asyncpg.ConnectionDoesNotExistError("08003"),
        ConnectionResetError(),
        asyncpg.InterfaceError("connection is closed"),
    ],
)
async def test_a_transient_failure_is_tried_again_a_bounded_number_of_times(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    _do_not_wait(monkeypatch)
    calls = 0

    async def fail() -> None:
        nonlocal calls
        calls += 1
        raise error

    with pytest.raises(type(error)):
        await retrying(fail)
    assert calls == MAX_TRIES


@pytest.mark.parametrize(
    "error",
    [
        BelowMinimum(1),
        asyncpg.CheckViolationError("23514"),
        asyncpg.ClientConfigurationError("no such host pattern"),
        TimeoutError(),
        ValueError(),
    ],
)
async def test_what_will_fail_again_is_not_tried_again(error: Exception) -> None:
    calls = 0

    async def fail() -> None:
        nonlocal calls
        calls += 1
        raise error

    with pytest.raises(type(error)):
        await retrying(fail)
    assert calls == 1


async def test_an_argument_that_cannot_be_sent_is_not_tried_again(db: Database) -> None:
    calls = 0

    async def send() -> None:
        nonlocal calls
        calls += 1
        await db.pool.fetchval("select $1::int", "seven")

    with pytest.raises(asyncpg.DataError, match="seven"):
        await retrying(send)
    assert calls == 1


@pytest.mark.parametrize(
    ("constraint", "tries"), [("idempotency_pkey", 2), ("entry_source_key", 2), ("sales_order_hold_id_key", 1)]
)
async def test_a_collision_of_keys_is_tried_again_once(
    monkeypatch: pytest.MonkeyPatch, constraint: str, tries: int
) -> None:
    _do_not_wait(monkeypatch)
    calls = 0

    async def collide() -> None:
        nonlocal calls
        calls += 1
        error = asyncpg.UniqueViolationError("23505")
        error.constraint_name = constraint
        raise error

    with pytest.raises(asyncpg.UniqueViolationError):
        await retrying(collide)
    assert calls == tries


async def test_a_collision_in_the_last_try_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    _do_not_wait(monkeypatch)
    collision = asyncpg.UniqueViolationError("23505")
    collision.constraint_name = "entry_source_key"
    failures = iter([*[ConnectionResetError()] * (MAX_TRIES - 1), collision])

    async def fail() -> None:
        raise next(failures)

    with pytest.raises(asyncpg.UniqueViolationError):
        await retrying(fail)


async def _break_connections(admin: "asyncpg.Connection[asyncpg.Record]") -> None:
    broken = await admin.fetch(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and usename = 'pointbook'"
    )
    assert broken


def _do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    # Not by another asyncio.sleep: that is everybody's, and a server of this process would never give way again.
    monkeypatch.setattr("pointbook.db.retry._PAUSE", 0.0)
