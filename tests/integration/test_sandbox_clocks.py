"""A sandbox programme has a clock of its own, that is moved ahead and never back; others have the real one."""

import asyncio
from datetime import datetime, timedelta

import pytest

from pointbook.db.session import Database
from pointbook.domain import errors
from pointbook.domain.access import CallerKind, Principal
from pointbook.ledger import HoldState
from pointbook.services import account, audit, live, redemption, sandbox_clocks
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.requests import request_of
from pointbook.services.sandbox_clocks import MOST_AT_ONCE, SandboxClock
from tests.live import RunningClock, listening
from tests.support import (
    DAY,
    MINUTE,
    MOMENT,
    NOW,
    SECRET,
    customer,
    give_points,
    join_member,
    make_programme,
    member_with_points,
    redeem,
    spendable,
    violations,
)
from tests.unanswered import commits_unanswered


async def moved(installation: Installation, programme: ProgrammeSnapshot, forward: timedelta) -> datetime:
    """What the clock shows then."""
    return (await sandbox_clocks.move_clock(installation, programme.id, forward, now=NOW)).now


async def test_a_hold_lapses_when_the_clock_is_moved_to_its_end(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await member_with_points(installation, programme, 100)
    voucher = await redeem(installation, programme, 40)
    just_before = await moved(installation, programme, 14 * MINUTE)
    assert await spendable(installation, programme, now=just_before) == 60
    at_the_end = await moved(installation, programme, MINUTE)
    assert at_the_end == voucher.expires_at == await installation.programmes.now(programme.id, NOW)
    assert await spendable(installation, programme, now=at_the_end) == 100
    # Real instants go on below it: the ledger takes the later one, so nothing comes back to life.
    with pytest.raises(errors.RedemptionEnded):
        await redemption.extend(installation, customer(programme), voucher.hold_id, "late", now=at_the_end)
    assert await violations(installation.db) == []


async def test_points_become_available_and_expire_by_the_clock(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await join_member(installation, programme)
    await give_points(installation, programme, "c-1", 50, available_from=NOW + 14 * DAY, expires_at=NOW + 30 * DAY)
    assert await spendable(installation, programme) == 0
    assert await spendable(installation, programme, now=await moved(installation, programme, 14 * DAY)) == 50
    later = await moved(installation, programme, 16 * DAY)
    assert await spendable(installation, programme, now=later) == 0
    entries = await account.history(installation, programme.id, "c-1", first=1, now=later)
    assert entries is not None
    [newest] = entries
    assert (newest.kind, newest.at) == ("EXPIRY", NOW + 30 * DAY)


async def test_only_the_clock_of_a_sandbox_is_moved_and_only_ahead(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    real = await make_programme(installation, sandbox=False)
    for move in (sandbox_clocks.clock_of(installation, real.id, now=NOW), moved(installation, real, DAY)):
        with pytest.raises(errors.NotASandbox):
            await move
    for forward in (-DAY, timedelta(0), MOMENT, MOST_AT_ONCE + MOMENT):
        with pytest.raises(errors.InvalidInput):
            await moved(installation, programme, forward)
    for _ in range(99):
        await moved(installation, programme, MOST_AT_ONCE)
    with pytest.raises(errors.InvalidInput):
        await moved(installation, programme, MOST_AT_ONCE)
    async with installation.db.bare_transaction(real.id) as connection:
        with pytest.raises(Exception, match="programme_clock_ahead_check"):
            await connection.execute("update programme set clock_ahead = '1 day' where id = $1", real.id)


async def test_a_move_without_a_request_happens_once_though_the_answer_is_lost_and_again_when_called_again(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    for days in (1, 2):
        with commits_unanswered():
            assert await moved(installation, programme, DAY) == NOW + days * DAY
    entries = await audit.list_entries(installation, programme.id, first=10, wanted=audit.Wanted(subject="clock"))
    assert len(entries) == 2


async def test_the_same_request_moves_once_and_others_add_up_however_many_come_at_once(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    anna = Principal(CallerKind.STAFF, programme.id, "st")

    async def move(key: str, days: int = 1) -> SandboxClock:
        request = request_of(installation, anna, "moveSandboxClock", key, days)
        return await sandbox_clocks.move_clock(
            installation, programme.id, days * DAY, request=request, by=anna.identity, now=NOW
        )

    twice = await asyncio.gather(*(move(key) for key in ("a", "a", "b", "b", "c")))
    assert [twice[0], twice[2]] == [twice[1], twice[3]]
    assert {clock.ahead for clock in twice} == {DAY, 2 * DAY, 3 * DAY}
    with pytest.raises(errors.IdempotencyConflict):
        await move("a", days=2)
    assert (await move("a")) == twice[0]
    assert await sandbox_clocks.clock_of(installation, programme.id, now=NOW) == SandboxClock(
        NOW + 3 * DAY, 3 * DAY
    )
    entries = await audit.list_entries(installation, programme.id, first=10, wanted=audit.Wanted(subject="clock"))
    assert [entry.change.after for entry in entries] == [{"aheadSeconds": n * 86_400} for n in (3, 2, 1)]
    assert entries[0].changed_by == "STAFF:st"


async def test_who_watches_hears_of_a_clock_that_was_moved(
    installation: Installation, programme: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pointbook.services.watches.LOOKS_SECONDS", 1_000.0)
    await member_with_points(installation, programme, 100)
    voucher = await redeem(installation, programme, 40)
    clock = RunningClock()
    stream = live.redemptions(installation, programme.id, "c-1", voucher.hold_id, clock=clock)
    async with listening(stream) as listener:
        assert (await listener.next()).state is HoldState.HELD
        await moved(installation, programme, 15 * MINUTE)
        assert (await listener.next()).state is HoldState.LAPSED


async def test_another_process_without_hints_sees_it_by_itself(
    db: Database, installation: Installation, programme: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pointbook.services.watches.LOOKS_SECONDS", 0.05)
    other = Installation.of(Database(db.pool), SECRET)
    await member_with_points(installation, programme, 100)
    voucher = await redeem(installation, programme, 40)
    stream = live.redemptions(other, programme.id, "c-1", voucher.hold_id, clock=RunningClock())
    async with listening(stream) as listener:
        assert (await listener.next()).state is HoldState.HELD
        await moved(installation, programme, 15 * MINUTE)
        other.programmes.forget(programme.id)  # which its cache does within seconds
        assert (await listener.next()).state is HoldState.LAPSED
