"""A redemption is told until it ends, however it does."""

from datetime import timedelta
from uuid import uuid4

import pytest

from pointbook.domain import errors
from pointbook.ledger import HoldState
from pointbook.services import live, redemption
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.redemption import Capture
from tests.integration.streams import clock, only_what_is_told, redemptions
from tests.live import RunningClock, listening
from tests.support import MINUTE, NOW, cart, member_with_points, redeem, server

__all__ = ["clock", "only_what_is_told"]


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
