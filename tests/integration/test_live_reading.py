"""Who watches an account reads together, finds what other processes moved, and leaves nothing behind."""

import asyncio
import contextlib
from typing import Any
from uuid import uuid4

import pytest

from pointbook import ledger
from pointbook.db.session import Database
from pointbook.domain import errors
from pointbook.ledger import Balance
from pointbook.services import live, watches
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from tests.integration.streams import balances, clock, only_what_is_told, redemptions, spendable
from tests.live import RunningClock, listening
from tests.support import SECRET, cart, give_points, member_with_points, redeem

__all__ = ["clock", "only_what_is_told"]


async def test_all_who_watch_one_account_read_in_one_transaction(
    installation: Installation,
    programme: ProgrammeSnapshot,
    clock: RunningClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Else one customer with many pages would take every connection of the process.
    await member_with_points(installation, programme, 100)
    vouchers = [await redeem(installation, programme, 1, of=cart(f"{n}"), now=clock()) for n in range(10)]
    read, reads, at_once, most = ledger.standing, 0, 0, 0

    async def counting(*arguments: Any, **named: Any) -> ledger.Standing:
        nonlocal reads, at_once, most
        reads += 1
        at_once += 1
        most = max(most, at_once)
        try:
            return await read(*arguments, **named)
        finally:
            at_once -= 1

    monkeypatch.setattr(ledger, "standing", counting)
    async with contextlib.AsyncExitStack() as all_:
        listeners = [
            await all_.enter_async_context(listening(balances(installation, programme, clock))) for _ in range(50)
        ]
        held = [
            await all_.enter_async_context(listening(redemptions(installation, programme, one, clock)))
            for one in vouchers
        ]
        assert [await spendable(one) for one in listeners] == [90] * 50
        assert [(await one.next()).code for one in held] == [one.code for one in vouchers]
        assert most == 1
        reads = 0
        await give_points(installation, programme, "c-1", 50)
        assert [await spendable(one) for one in listeners] == [140] * 50
        assert reads == 1


async def test_who_asks_while_others_read_is_told_what_moved_in_between(
    installation: Installation,
    programme: ProgrammeSnapshot,
    clock: RunningClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await member_with_points(installation, programme, 100)
    read, begun, may_end = ledger.balance, asyncio.Event(), asyncio.Event()

    async def held_up(*arguments: Any, **named: Any) -> Balance:
        balance = await read(*arguments, **named)
        begun.set()
        await may_end.wait()
        return balance

    monkeypatch.setattr(ledger, "balance", held_up)
    async with listening(balances(installation, programme, clock)) as first:
        await begun.wait()
        await give_points(installation, programme, "c-1", 50)
        async with listening(balances(installation, programme, clock)) as second:
            await asyncio.sleep(0.3)  # it has asked by now
            may_end.set()
            assert await spendable(second) == 150
            assert [await spendable(first) for _ in range(2)] == [100, 150]


async def test_one_who_may_not_see_spoils_nothing_for_those_who_read_with_them(
    installation: Installation, programme: ProgrammeSnapshot, clock: RunningClock
) -> None:
    await member_with_points(installation, programme, 100)
    stream = live.redemptions(installation, programme.id, "c-1", uuid4(), clock=clock)
    async with listening(balances(installation, programme, clock)) as listener, listening(stream) as unknown:
        assert await spendable(listener) == 100
        with pytest.raises(errors.RedemptionNotFound):
            await unknown.ended()
        await give_points(installation, programme, "c-1", 50)
        assert await spendable(listener) == 150


async def test_one_who_leaves_while_others_read_with_them_takes_nothing_away(
    installation: Installation,
    programme: ProgrammeSnapshot,
    clock: RunningClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await member_with_points(installation, programme, 100)
    read, begun, may_end = ledger.balance, asyncio.Event(), asyncio.Event()

    async def held_up(*arguments: Any, **named: Any) -> Balance:
        begun.set()
        await may_end.wait()
        return await read(*arguments, **named)

    monkeypatch.setattr(ledger, "balance", held_up)
    async with listening(balances(installation, programme, clock)) as first:
        async with listening(balances(installation, programme, clock)):
            await begun.wait()
        may_end.set()
        assert await spendable(first) == 100


async def test_nothing_is_left_of_a_stream_that_was_closed(
    installation: Installation, programme: ProgrammeSnapshot, clock: RunningClock
) -> None:
    await member_with_points(installation, programme, 100)
    before = asyncio.all_tasks()
    for _ in range(3):
        async with listening(balances(installation, programme, clock)) as one:
            async with listening(balances(installation, programme, clock)) as other:
                assert await spendable(one) == await spendable(other) == 100
                assert installation.watches.count == 2
            assert installation.watches.count == 1
        assert installation.watches.count == 0
    await asyncio.sleep(0.05)
    assert asyncio.all_tasks() - before == set()


async def test_a_stream_outlives_a_database_that_was_away(
    installation: Installation,
    programme: ProgrammeSnapshot,
    clock: RunningClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await member_with_points(installation, programme, 100)
    async with listening(balances(installation, programme, clock)) as listener:
        assert await spendable(listener) == 100
        reads, away = ledger.balance, 7

        async def failing(*arguments: Any, **named: Any) -> Balance:
            nonlocal away
            if away:
                away -= 1
                raise ConnectionRefusedError
            return await reads(*arguments, **named)

        monkeypatch.setattr(live, "AWAY_SECONDS", 0.1)
        monkeypatch.setattr(ledger, "balance", failing)
        await give_points(installation, programme, "c-1", 50)
        assert await spendable(listener) == 150
        assert away == 0


@pytest.fixture
def other(db: Database) -> Installation:
    """As of another process: it has nothing in common with the first but the database."""
    return Installation.of(Database(db.pool), SECRET)


async def test_what_another_process_moves_is_found_by_looking(
    installation: Installation,
    other: Installation,
    programme: ProgrammeSnapshot,
    clock: RunningClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await member_with_points(installation, programme, 100)
    async with listening(balances(installation, programme, clock)) as listener:
        assert await spendable(listener) == 100
        await give_points(other, programme, "c-1", 50)
        assert await listener.silent(1.5)  # the control: nobody looks, nobody tells
    monkeypatch.setattr(watches, "LOOKS_SECONDS", 0.2)
    async with listening(balances(installation, programme, clock)) as listener:
        assert await spendable(listener) == 150
        await give_points(other, programme, "c-1", 50)
        assert await spendable(listener) == 200


async def test_whoever_looks_reads_nothing_while_nothing_moves(
    installation: Installation,
    programme: ProgrammeSnapshot,
    clock: RunningClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await member_with_points(installation, programme, 100)
    reads = 0
    read = ledger.standing

    async def counting(*arguments: Any, **named: Any) -> ledger.Standing:
        nonlocal reads
        reads += 1
        return await read(*arguments, **named)

    monkeypatch.setattr(ledger, "standing", counting)
    monkeypatch.setattr(watches, "LOOKS_SECONDS", 0.05)
    async with listening(balances(installation, programme, clock)) as listener:
        assert await spendable(listener) == 100
        assert await listener.silent(0.6)
    assert reads == 1
