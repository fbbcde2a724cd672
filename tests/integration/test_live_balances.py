"""A balance is told at once, then each change of it, also those of the clock alone."""

from datetime import timedelta
from uuid import uuid4

import pytest

from pointbook import ledger
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.ledger import HoldState
from pointbook.services import redemption, watches
from pointbook.services.directory import SETTINGS_NOTICE, ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.settings_versions import change_settings
from tests.integration.streams import balances, clock, only_what_is_told, redemptions, spendable
from tests.live import RunningClock, listening
from tests.support import (
    MINUTE,
    NOW,
    customer,
    give_points,
    join_member,
    make_programme,
    member_with_points,
    redeem,
    server,
)

__all__ = ["clock", "only_what_is_told"]


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
        assert await listener.silent(0.5)
    async with listening(redemptions(installation, programme, voucher, clock)) as held:
        assert (await held.next()).points == 30
        await give_points(installation, programme, "c-1", 50)
        assert await held.silent(0.5)  # though less of its time is left


async def test_an_extension_is_told_though_the_balance_is_the_same(
    installation: Installation, programme: ProgrammeSnapshot, clock: RunningClock
) -> None:
    # R19: what shows the time of a hold in another window has to ask again.
    await member_with_points(installation, programme, 100)
    voucher = await redeem(installation, programme, 30, now=clock())
    async with listening(balances(installation, programme, clock)) as listener:
        assert await spendable(listener) == 70
        key = uuid4().hex
        await redemption.extend(installation, customer(programme), voucher.hold_id, key, now=clock() + MINUTE)
        assert await spendable(listener) == 70
        await redemption.extend(installation, customer(programme), voucher.hold_id, key, now=clock() + MINUTE)
        assert await listener.silent(0.5)  # a repeat extends nothing


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
