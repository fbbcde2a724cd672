"""What a customer is told as it happens: the state at once, then each change, also those of the clock alone."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from pointbook import ledger
from pointbook.db.session import Database
from pointbook.domain import errors
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.ledger import Balance, HoldState
from pointbook.services import live, redemption, watches
from pointbook.services.directory import SETTINGS_NOTICE, ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.redemption import Capture, Voucher
from pointbook.services.settings_versions import change_settings
from tests.live import Listener, RunningClock, listening
from tests.support import (
    MINUTE,
    NOW,
    SECRET,
    cart,
    customer,
    give_points,
    join_member,
    make_programme,
    member_with_points,
    redeem,
    server,
)


@pytest.fixture
def clock() -> RunningClock:
    return RunningClock()


@pytest.fixture(autouse=True)
def only_what_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks by themselves, unless a test says so."""
    monkeypatch.setattr(watches, "LOOKS_SECONDS", 1_000.0)


def balances(
    installation: Installation, programme: ProgrammeSnapshot, clock: RunningClock
) -> AsyncGenerator[Balance | None, None]:
    return live.balances(installation, programme.id, "c-1", clock=clock)


def redemptions(
    installation: Installation, programme: ProgrammeSnapshot, voucher: Voucher, clock: RunningClock
) -> AsyncGenerator[Voucher, None]:
    return live.redemptions(installation, programme.id, "c-1", voucher.hold_id, clock=clock)


async def spendable(listener: Listener[Balance | None]) -> int:
    told = await listener.next()
    assert told is not None
    return told.spendable


async def test_the_balance_is_told_at_once_and_after_each_change(
    installation: Installation, programme: ProgrammeSnapshot, clock: RunningClock
) -> None:
    await member_with_points(installation, programme, 100)
    async with listening(balances(installation, programme, clock)) as listener:
        assert await spendable(listener) == 100
        await give_points(installation, programme, "c-1", 50)
        assert await spendable(listener) == 150
        voucher = await redeem(installation, programme, 30, now=clock())
        told = await listener.next()
        assert told is not None
        assert (told.spendable, told.held) == (120, 30)
        await redemption.cancel(installation, customer(programme), voucher.hold_id, uuid4().hex, now=clock())
        assert await spendable(listener) == 150


async def test_what_changes_nothing_is_not_told(
    installation: Installation, programme: ProgrammeSnapshot, clock: RunningClock
) -> None:
    await member_with_points(installation, programme, 100)
    await join_member(installation, programme, "c-2")
    async with listening(balances(installation, programme, clock)) as listener:
        assert await spendable(listener) == 100
        await give_points(installation, programme, "c-2", 50)
        voucher = await redeem(installation, programme, 30, now=clock())
        assert await spendable(listener) == 70
        key = uuid4().hex
        await redemption.extend(installation, customer(programme), voucher.hold_id, key, now=clock() + MINUTE)
        assert await listener.silent(0.5)
    async with listening(redemptions(installation, programme, voucher, clock)) as held:
        assert (await held.next()).points == 30
        await give_points(installation, programme, "c-1", 50)
        assert await held.silent(0.5)  # though less of its time is left


async def test_time_alone_changes_a_balance(
    installation: Installation, programme: ProgrammeSnapshot, clock: RunningClock
) -> None:
    # R15, R18: a lot becomes available, a hold lapses and its points are free again, a lot expires. No job runs.
    member = await member_with_points(installation, programme, 100)
    await give_points(installation, programme, "c-1", 50, available_from=NOW + timedelta(hours=1))
    await give_points(installation, programme, "c-1", 25, expires_at=NOW + timedelta(hours=2))
    assert member.subject == "c-1"
    clock.jump(NOW + timedelta(hours=1) - timedelta(seconds=0.4))
    async with listening(balances(installation, programme, clock)) as listener:
        assert await spendable(listener) == 125
        assert await spendable(listener) == 175
    clock.jump(NOW + timedelta(hours=2) - timedelta(seconds=0.4))
    async with listening(balances(installation, programme, clock)) as listener:
        assert await spendable(listener) == 175
        assert await spendable(listener) == 150
    voucher = await redeem(installation, programme, 40, now=clock())
    clock.jump(voucher.expires_at - timedelta(seconds=0.4))
    async with listening(balances(installation, programme, clock)) as listener:
        assert await spendable(listener) == 110
        assert await spendable(listener) == 150


async def test_pending_points_of_a_hold_are_told_when_it_lapses_and_when_they_become_available(
    installation: Installation, programme: ProgrammeSnapshot, clock: RunningClock
) -> None:
    # What a lapse gives back is not booked, so what is stored says nothing of it yet.
    await member_with_points(installation, programme, 100)
    voucher = await redeem(installation, programme, 100, now=NOW)
    await give_points(installation, programme, "c-1", 7, expires_at=voucher.expires_at + timedelta(seconds=0.4))
    clock.jump(voucher.expires_at - timedelta(seconds=0.4))
    async with listening(balances(installation, programme, clock)) as listener:
        assert [await spendable(listener) for _ in range(3)] == [7, 107, 100]


async def test_new_settings_change_what_points_are_worth(
    installation: Installation, clock: RunningClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # R4 under CURRENT: the same points, another value from an instant on. Nothing of the account has moved.
    monkeypatch.setattr(watches, "LOOKS_SECONDS", 0.1)
    programme = await make_programme(installation, {"pointValuePolicy": "CURRENT"})
    await member_with_points(installation, programme, 100)
    async with listening(balances(installation, programme, clock)) as listener:
        told = await listener.next()
        assert told is not None
        assert told.value == 500
        dearer = {"qualifyingStatuses": ["PAID"], "pointValuePolicy": "CURRENT", "valuePerPoint": "0.07"}
        settings = ProgrammeSettings.from_document(dearer, "EUR")
        made = clock() + timedelta(seconds=0.5) - SETTINGS_NOTICE
        await change_settings(installation, programme.id, settings, now=made)
        told = await listener.next()
        assert told is not None
        assert (told.spendable, told.value) == (100, 700)
        assert clock() >= made + SETTINGS_NOTICE


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


async def test_who_has_not_joined_is_told_so_and_that_is_all(
    installation: Installation, programme: ProgrammeSnapshot, clock: RunningClock
) -> None:
    stream = balances(installation, programme, clock)
    assert [told async for told in stream] == [None]
    assert installation.watches.count == 0


async def test_who_leaves_is_told_so_and_that_is_all(
    installation: Installation, programme: ProgrammeSnapshot, clock: RunningClock
) -> None:
    await member_with_points(installation, programme, 100)
    account = await installation.accounts.get(programme.id, "c-1")
    async with listening(balances(installation, programme, clock)) as listener:
        assert await spendable(listener) == 100
        async with installation.db.bare_transaction(programme.id) as connection:
            request = ledger.Request.of("tester", "leave", uuid4().hex)
            await ledger.forfeit(connection, programme.id, account.account_id, request=request, now=clock())
        assert await listener.next() is None
        await listener.ended()


async def test_a_redemption_is_told_until_it_ends(
    installation: Installation, programme: ProgrammeSnapshot, clock: RunningClock
) -> None:
    buyer = await member_with_points(installation, programme, 100)
    voucher = await redeem(installation, programme, 60, now=clock())
    async with listening(redemptions(installation, programme, voucher, clock)) as listener:
        assert (await listener.next()).expires_at == voucher.expires_at
        extended = await redemption.extend(installation, buyer, voucher.hold_id, uuid4().hex, now=clock() + MINUTE)
        told = await listener.next()
        assert (told.state, told.expires_at) == (HoldState.HELD, extended.expires_at)
        await redemption.capture(installation, server(programme), Capture(voucher.code, uuid4().hex), now=clock())
        told = await listener.next()
        assert (told.state, told.captured_points) == (HoldState.CAPTURED, 60)
        await listener.ended()


async def test_a_redemption_that_is_released_is_told(
    installation: Installation, programme: ProgrammeSnapshot, clock: RunningClock
) -> None:
    await member_with_points(installation, programme, 100)
    voucher = await redeem(installation, programme, 60, now=clock())
    async with listening(redemptions(installation, programme, voucher, clock)) as listener:
        await listener.next()
        await redemption.release(installation, server(programme), voucher.code, uuid4().hex, now=clock())
        assert (await listener.next()).state is HoldState.RELEASED
        await listener.ended()


async def test_a_redemption_that_is_replaced_is_told(
    installation: Installation, programme: ProgrammeSnapshot, clock: RunningClock
) -> None:
    # R20: the same cart and other points end the first voucher.
    await member_with_points(installation, programme, 100)
    voucher = await redeem(installation, programme, 60, of=cart("one"), now=clock())
    async with listening(redemptions(installation, programme, voucher, clock)) as listener:
        await listener.next()
        await redeem(installation, programme, 40, of=cart("one"), now=clock())
        assert (await listener.next()).state is HoldState.RELEASED


async def test_e22_a_redemption_lapses_at_its_very_end(
    installation: Installation, programme: ProgrammeSnapshot, clock: RunningClock
) -> None:
    # R19: to the exact instant, and no job has run.
    await member_with_points(installation, programme, 100)
    voucher = await redeem(installation, programme, 60, now=NOW)
    clock.jump(voucher.expires_at - timedelta(seconds=0.5))
    async with listening(redemptions(installation, programme, voucher, clock)) as listener:
        assert (await listener.next()).state is HoldState.HELD
        told = await listener.next()
        noticed = clock()
        assert (told.state, told.ended_at) == (HoldState.LAPSED, voucher.expires_at)
        assert timedelta(0) <= noticed - voucher.expires_at < timedelta(seconds=1)
        await listener.ended()


async def test_an_ended_redemption_is_told_once(
    installation: Installation, programme: ProgrammeSnapshot, clock: RunningClock
) -> None:
    await member_with_points(installation, programme, 100)
    voucher = await redeem(installation, programme, 60, now=clock())
    await redemption.capture(installation, server(programme), Capture(voucher.code, uuid4().hex), now=clock())
    told = [one.state async for one in redemptions(installation, programme, voucher, clock)]
    assert told == [HoldState.CAPTURED]
    assert installation.watches.count == 0


async def test_another_customers_redemption_is_as_unknown_as_none(
    installation: Installation, programme: ProgrammeSnapshot, clock: RunningClock
) -> None:
    await member_with_points(installation, programme, 100)
    await member_with_points(installation, programme, 100, external_id="c-2")
    voucher = await redeem(installation, programme, 60, external_id="c-2", now=clock())
    for hold_id in (voucher.hold_id, uuid4()):
        stream = live.redemptions(installation, programme.id, "c-1", hold_id, clock=clock)
        with pytest.raises(errors.RedemptionNotFound):
            await anext(stream)
    assert installation.watches.count == 0


async def test_who_was_merged_is_told_of_the_account_that_both_are(
    installation: Installation, programme: ProgrammeSnapshot, clock: RunningClock
) -> None:
    # R33: what the source had, its open holds too, is the target's; both customers see the one balance.
    await member_with_points(installation, programme, 100)
    await member_with_points(installation, programme, 7, external_id="c-2")
    voucher = await redeem(installation, programme, 60, now=clock())
    async with (
        listening(balances(installation, programme, clock)) as listener,
        listening(redemptions(installation, programme, voucher, clock)) as held,
    ):
        assert await spendable(listener) == 40
        await held.next()
        source, target = [
            (await installation.accounts.get(programme.id, name)).account_id for name in ("c-1", "c-2")
        ]
        async with installation.db.bare_transaction(programme.id) as connection:
            by = ledger.Source("merge", "m-1")
            await ledger.merge(connection, programme.id, target, source, single_bonus=None, for_=by, now=clock())
        assert await spendable(listener) == 47
        await give_points(installation, programme, "c-2", 3)
        assert await spendable(listener) == 50
        await redemption.release(installation, server(programme), voucher.code, uuid4().hex, now=clock())
        assert await spendable(listener) == 110
        assert (await held.next()).state is HoldState.RELEASED


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


async def test_a_hundred_changes_are_told_as_far_as_they_are_seen_and_the_last_for_certain(
    installation: Installation, programme: ProgrammeSnapshot, clock: RunningClock
) -> None:
    # Whoever reads slowly keeps nobody waiting: changes pile up as one.
    await member_with_points(installation, programme, 100)
    stream = balances(installation, programme, clock)
    first = await anext(stream)
    assert first is not None
    for _ in range(100):
        await give_points(installation, programme, "c-1", 1)
    told = await anext(stream)
    assert told is not None
    assert told.spendable == 200
    await stream.aclose()


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
