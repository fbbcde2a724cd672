"""Hints between processes: what one moves, watchers of another hear at once; and nothing depends on Valkey."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from pointbook.db import hints
from pointbook.db.hints import hints_at
from pointbook.db.session import Database
from pointbook.ledger import Balance
from pointbook.services import live, sandbox_clocks, watches
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.watches import Watches
from tests.faults.processes import Process, free_port, valkey
from tests.live import Listener, RunningClock, listening
from tests.support import DAY, NOW, SECRET, give_points, member_with_points

AGES = 1_000.0


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[tuple[Process, str]]:
    port = free_port()
    with valkey(tmp_path, port) as server:
        yield server, f"redis://127.0.0.1:{port}/0"


@asynccontextmanager
async def process(db: Database, url: str | None) -> AsyncIterator[Installation]:
    """What a process has of its own."""
    installation = Installation.of(Database(db.pool), SECRET)
    async with hints_at(url) as told, installation.watches.sharing(told):
        yield installation


@asynccontextmanager
async def watched(
    installation: Installation, programme: ProgrammeSnapshot, points: int
) -> AsyncIterator[Listener[Balance | None]]:
    async with listening(live.balances(installation, programme.id, "c-1", clock=RunningClock())) as listener:
        assert await spendable(listener) == points
        yield listener


async def spendable(listener: Listener[Balance | None], seconds: float = 15) -> int:
    told = await listener.next(seconds)
    assert told is not None
    return told.spendable


async def hears(installation: Installation, *, yes: bool = True) -> None:
    """Until hints of others come, or come no more."""
    async with asyncio.timeout(15):
        while installation.watches._hinted is not yes:  # noqa: ASYNC110  # it has no event
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)  # the look that goes with it is over


def looking(monkeypatch: pytest.MonkeyPatch, seconds: float, *, beside_hints: float) -> None:
    monkeypatch.setattr(watches, "LOOKS_SECONDS", seconds)
    monkeypatch.setattr(watches, "LOOKS_SECONDS_BESIDE_HINTS", beside_hints)


async def test_a_sandbox_clock_that_one_process_moves_is_heard_of_at_once(
    db: Database, programme: ProgrammeSnapshot, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking(monkeypatch, AGES, beside_hints=AGES)
    async with process(db, redis_url) as one, process(db, redis_url) as other:
        await member_with_points(one, programme, 100)
        await give_points(one, programme, "c-1", 50, expires_at=NOW + DAY)
        async with watched(one, programme, 150) as listener:
            await hears(one)
            await sandbox_clocks.move_clock(other, programme.id, DAY, now=NOW)
            assert await spendable(listener, seconds=5) == 100


async def test_what_one_process_moves_another_hears_of_at_once(
    db: Database, programme: ProgrammeSnapshot, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking(monkeypatch, AGES, beside_hints=AGES)
    async with process(db, redis_url) as one, process(db, redis_url) as other:
        await member_with_points(one, programme, 100)
        async with watched(one, programme, 100) as listener:
            await hears(one)
            await give_points(other, programme, "c-1", 50)
            assert await spendable(listener, 2) == 150
        async with process(db, None) as silent, watched(one, programme, 150) as listener:
            await hears(one)
            await give_points(silent, programme, "c-1", 50)
            assert await listener.silent(1)  # the control: without hints nobody hears


async def test_a_change_arrives_that_was_made_while_valkey_was_dead(
    db: Database,
    programme: ProgrammeSnapshot,
    own_valkey: tuple[Process, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server, url = own_valkey
    looking(monkeypatch, 0.3, beside_hints=AGES)
    async with process(db, url) as one, process(db, url) as other:
        await member_with_points(one, programme, 100)
        async with watched(one, programme, 100) as listener:
            await hears(one)
            await asyncio.to_thread(server.kill)
            await give_points(other, programme, "c-1", 50)
            assert await spendable(listener) == 150  # by looking, Valkey is still dead
            await asyncio.to_thread(server.start)
            await hears(one)
            await give_points(other, programme, "c-1", 50)
            assert await spendable(listener, 2) == 200  # by a hint again


async def test_the_state_of_now_follows_when_valkey_is_back(
    db: Database,
    programme: ProgrammeSnapshot,
    own_valkey: tuple[Process, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server, url = own_valkey
    looking(monkeypatch, AGES, beside_hints=AGES)  # but for the look that the connection's return asks for
    looks = Watches._look_at

    async def blind(_self: Watches, _programme_id: int) -> None:
        """Does not look."""

    async with process(db, url) as one, process(db, url) as other:
        await member_with_points(one, programme, 100)
        async with watched(one, programme, 100) as listener:
            await hears(one)
            monkeypatch.setattr(Watches, "_look_at", blind)
            await asyncio.to_thread(server.kill)
            await hears(one, yes=False)
            await give_points(other, programme, "c-1", 50)
            await asyncio.sleep(0.2)
            await asyncio.to_thread(server.start)
            await hears(one)
            assert await listener.silent(1)  # the control: whoever does not look has missed it for good
            monkeypatch.setattr(Watches, "_look_at", looks)
            await asyncio.to_thread(server.kill)
            await hears(one, yes=False)
            await asyncio.to_thread(server.start)
            assert await spendable(listener) == 150


async def test_a_valkey_that_hangs_keeps_nobody_waiting(
    db: Database,
    programme: ProgrammeSnapshot,
    own_valkey: tuple[Process, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server, url = own_valkey
    looking(monkeypatch, 0.2, beside_hints=AGES)
    monkeypatch.setattr(hints, "_SILENCE_SECONDS", 0.3)
    async with process(db, url) as one, process(db, url) as other:
        await member_with_points(one, programme, 100)
        async with watched(one, programme, 100) as listener:
            await hears(one)
            os.kill(server.pid, signal.SIGSTOP)
            try:
                began = time.monotonic()
                await give_points(other, programme, "c-1", 50)
                assert time.monotonic() - began < 0.9  # less than Valkey is waited for
                assert await spendable(listener) == 150
            finally:
                os.kill(server.pid, signal.SIGCONT)


async def test_fifty_watchers_have_one_connection_and_leave_none(
    db: Database, programme: ProgrammeSnapshot, own_valkey: tuple[Process, str]
) -> None:
    _, url = own_valkey
    async with process(db, url) as one:
        await member_with_points(one, programme, 100)
        streams = [live.balances(one, programme.id, "c-1", clock=RunningClock()) for _ in range(50)]
        await asyncio.gather(*(anext(stream) for stream in streams))
        await hears(one)
        assert one.watches.count == 50
        assert await _listening_connections(url) == 1
        for stream in streams:
            await stream.aclose()
        await asyncio.sleep(0.2)
        assert await _listening_connections(url) == 0


@pytest.mark.parametrize(
    "rubbish", [b"", b"{", b"[]", b'{"by": 1}', b'{"by": "x", "moved": [[1]]}', b"\xff", b"null"]
)
async def test_a_message_that_is_none_of_ours_is_passed_over(
    db: Database,
    programme: ProgrammeSnapshot,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    rubbish: bytes,
) -> None:
    looking(monkeypatch, AGES, beside_hints=AGES)
    redis: Any = Redis.from_url(redis_url)
    async with process(db, redis_url) as one, process(db, redis_url) as other:
        await member_with_points(one, programme, 100)
        async with watched(one, programme, 100) as listener:
            await hears(one)
            await redis.publish(hints._CHANNEL, rubbish)
            await give_points(other, programme, "c-1", 50)
            assert await spendable(listener, 2) == 150
    await redis.aclose()


async def test_listening_ends_whenever_it_is_asked_to(redis_url: str) -> None:
    # A request to end that met a time limit of the client was lost, and the task ran on for ever.
    async with hints_at(redis_url) as told:
        assert told is not None
        hearing = []
        for number in range(60):
            task = asyncio.create_task(told.hear(lambda _accounts: None, lambda _connected: None))
            await asyncio.sleep(number * 0.00005)
            task.cancel()
            hearing.append(task)
        _, running = await asyncio.wait(hearing, timeout=5)
        assert running == set()


async def _listening_connections(url: str) -> int:
    redis: Any = Redis.from_url(url)
    try:
        return len(await redis.client_list(_type="pubsub"))
    finally:
        await redis.aclose()
