"""The worker as a whole: with Valkey, without, and while Valkey dies and comes back."""

import asyncio
import contextlib
import os
import pickle
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from pointbook import worker
from pointbook.db.session import Database
from pointbook.services import order_sendings, rule_simulations
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from pointbook.services.order_sendings import SendingState, SendOrders, find_sending, send_orders
from pointbook.services.outbox import Subscriptions
from pointbook.services.rule_simulations import Period, Proposal, SimulationState, find_simulation, simulate_rule
from pointbook.settings import Settings
from pointbook.worker import heartbeat, run_worker, wakeups
from pointbook.worker.ending import end
from pointbook.worker.jobs import Job, Jobs
from pointbook.worker.ticker import Ticker
from tests.faults.processes import Process, free_port, valkey
from tests.support import NOW, SECRET, join_member, make_programme, order_document
from tests.worker.messages import Receiver, new_programme, promise, rows
from tests.worker.running import becomes, running, until

TOPIC = "order.earned"


def clock() -> datetime:
    return datetime.now(UTC)


def settings(redis_url: str | None) -> Settings:
    return Settings(redis_url=SecretStr(redis_url) if redis_url else None, _env_file=None)


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[tuple[Process, str]]:
    port = free_port()
    with valkey(tmp_path, port) as server:
        yield server, f"redis://127.0.0.1:{port}/0"


@contextlib.asynccontextmanager
async def working(db: Database, redis_url: str | None, receiver: Receiver) -> AsyncIterator[None]:
    subscriptions = Subscriptions()
    subscriptions.add(TOPIC, receiver)
    installation = Installation.of(db, SECRET)
    async with running(settings(redis_url), installation, clock=clock, subscriptions=subscriptions):
        yield


async def test_messages_leave_within_seconds_without_valkey(db: Database) -> None:
    programme_id = await new_programme(db)
    receiver = Receiver()
    async with working(db, None, receiver):
        await promise(db, programme_id, 1)
        await until(lambda: receiver.received.total() == 1, seconds=3)


async def test_a_simulation_begins_within_seconds_and_is_done(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule_simulations, "AT_ONCE_MAX", -1)
    installation = Installation.of(db, SECRET)
    programme = await make_programme(installation)
    await join_member(installation, programme)
    await submit_order(installation, programme.id, order_document(), now=NOW)
    period = Period(NOW - timedelta(days=9), NOW + timedelta(days=9))
    proposal = Proposal(document={"kind": "BASE", "name": "more", "points": 3})
    started = await simulate_rule(installation, programme.id, proposal, period, now=NOW)
    assert started.state is SimulationState.QUEUED

    async def state() -> SimulationState:
        return (await find_simulation(installation, programme.id, started.id)).state

    async with working(db, None, Receiver()):
        await becomes(SimulationState.DONE, state)
    assert (await find_simulation(installation, programme.id, started.id)).difference == 3


async def test_orders_sent_by_hand_are_settled_within_seconds(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_sendings, "AT_ONCE_MAX", -1)
    installation = Installation.of(db, SECRET)
    programme = await make_programme(installation)
    await join_member(installation, programme)
    await submit_order(installation, programme.id, order_document(status="OPEN"), now=NOW)
    started = await send_orders(installation, programme.id, SendOrders("k", ["o-1"]), now=NOW)
    assert started.state is SendingState.QUEUED

    async def state() -> SendingState:
        return (await find_sending(installation, programme.id, started.id)).state

    async with working(db, None, Receiver()):
        await becomes(SendingState.DONE, state)
    assert (await find_sending(installation, programme.id, started.id)).points_earned == 50


async def test_the_heartbeat_says_that_the_worker_is_well(db: Database, tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    configured = settings(None).model_copy(update={"heartbeat_file": file})
    work = asyncio.create_task(run_worker(configured, Installation.of(db, SECRET), clock=clock))
    await until(file.exists)
    await end([work])


async def test_no_heartbeat_while_the_database_does_not_answer(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "EVERY_SECONDS", 0.01)
    file = tmp_path / "heartbeat"
    gone = await Database.connect(database_url, pool_size=1)
    await gone.close()
    beating = asyncio.create_task(heartbeat.beat(file, gone))
    await asyncio.sleep(0.1)
    assert not file.exists()
    assert not beating.done(), "the worker goes on"
    gone.pool = await asyncpg.create_pool(database_url, min_size=1, max_size=1)
    await until(file.exists)
    await end([beating])
    await gone.close()


async def test_messages_leave_while_valkey_is_there_dead_and_back_again(
    db: Database, own_valkey: tuple[Process, str], caplog: pytest.LogCaptureFixture
) -> None:
    server, url = own_valkey
    programme_id = await new_programme(db)
    receiver = Receiver()
    found = []
    started = wakeups.Supervisor._report_up

    async def noticed(self: wakeups.Supervisor, ctx: dict[str, object]) -> None:
        found.append(time.monotonic())
        await started(self, ctx)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wakeups.Supervisor, "_report_up", noticed)
        async with working(db, url, receiver):
            await until(lambda: len(found) == 1)
            await promise(db, programme_id, 1)
            await until(lambda: receiver.received.total() == 1, seconds=5)
            server.kill()
            await promise(db, programme_id, 2)
            await until(lambda: receiver.received.total() == 2, seconds=5)
            server.start()
            await until(lambda: len(found) == 2)
            await promise(db, programme_id, 3)
            await until(lambda: receiver.received.total() == 3, seconds=5)
    assert set(receiver.received.values()) == {1}
    assert server.kills == 1
    assert [record for record in caplog.records if record.name == "asyncio"] == []  # no task was lost on the way


async def test_messages_leave_while_valkey_hangs(db: Database, own_valkey: tuple[Process, str]) -> None:
    server, url = own_valkey
    programme_id = await new_programme(db)
    receiver = Receiver()
    async with working(db, url, receiver):
        await promise(db, programme_id, 1)
        await until(lambda: receiver.received.total() == 1, seconds=5)
        os.kill(server.pid, signal.SIGSTOP)
        try:
            await promise(db, programme_id, 2)
            await until(lambda: receiver.received.total() == 2, seconds=8)
        finally:
            os.kill(server.pid, signal.SIGCONT)


async def test_a_poisoned_queue_does_not_stop_the_worker(db: Database, own_valkey: tuple[Process, str]) -> None:
    _, url = own_valkey
    programme_id = await new_programme(db)
    receiver = Receiver()
    redis = wakeups.connect(url)
    for number, poison in enumerate((pickle.dumps(print), b"\xff", b'{"t":null,"f":["x"],"a":[],"k":{},"et":0}')):
        await redis.set(f"arq:job:poison-{number}", poison)
        await redis.zadd(wakeups.QUEUE, {f"poison-{number}": 1})
    try:
        async with working(db, url, receiver):
            await promise(db, programme_id, 1)
            await until(lambda: receiver.received.total() == 1, seconds=5)
            deadline = time.monotonic() + 5
            while await redis.zcount(wakeups.QUEUE, 0, 10):
                assert time.monotonic() < deadline, "the poison stays in the queue"
                await asyncio.sleep(0.05)
        jobs = [await redis.get(key) for key in await redis.keys("arq:job:*")]
        assert all(job.startswith(b"{") for job in jobs)
    finally:
        await redis.aclose(close_connection_pool=True)


async def test_two_workers_share_the_outbox(db: Database, own_valkey: tuple[Process, str]) -> None:
    _, url = own_valkey
    programme_id = await new_programme(db)
    receiver = Receiver(takes=0.002)
    async with working(db, url, receiver), working(db, None, receiver):
        for start in range(0, 400, 100):
            await promise(db, programme_id, *range(start, start + 100))
            await asyncio.sleep(0.3)
        await until(lambda: receiver.received.total() >= 400)
    assert set(receiver.received.values()) == {1}
    assert receiver.at_the_same_time == set()
    assert all(row["delivered_at"] is not None for row in await rows(db, programme_id))


async def test_a_worker_that_is_stopped_finishes_its_batch(db: Database) -> None:
    programme_id = await new_programme(db)
    await promise(db, programme_id, *range(5))
    receiver = Receiver(takes=0.5)
    async with working(db, None, receiver):
        await until(lambda: bool(receiver._in_hand))
    assert receiver.received.total() == 5
    assert all(row["delivered_at"] is not None for row in await rows(db, programme_id))


async def test_a_job_is_not_started_twice_and_a_failure_is_not_its_end(db: Database) -> None:
    jobs = Jobs(db, Subscriptions(), clock)
    runs: Counter[str] = Counter()

    async def failing() -> None:
        runs["started"] += 1
        await asyncio.sleep(0.01)
        raise ConnectionError("the database is away")

    job = Job("failing", timedelta(milliseconds=20), failing)
    await asyncio.gather(*(jobs.run(job) for _ in range(10)))
    assert runs["started"] == 1
    jobs.all = (job,)
    ticker = asyncio.create_task(Ticker(jobs).run())
    await until(lambda: runs["started"] > 3)
    ticker.cancel()
    await asyncio.gather(ticker, return_exceptions=True)
    await jobs.stop()
    seen = runs["started"]
    await jobs.run(job)
    assert runs["started"] == seen  # a stopped worker starts nothing more


async def test_a_job_that_hangs_is_cancelled_in_the_end(db: Database) -> None:
    jobs = Jobs(db, Subscriptions(), clock)
    hanging = Job("hanging", timedelta(seconds=1), asyncio.Event().wait, seconds=0.05)
    await asyncio.wait_for(jobs.run(hanging), 5)
    assert jobs._running == {}


async def test_a_worker_waits_for_a_database_that_is_not_up_yet(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[BaseException] = [ConnectionRefusedError(), asyncpg.CannotConnectNowError("starting up")]
    connect = Database.connect

    async def connect_in_the_end(url: str, **options: object) -> Database:
        if answers:
            raise answers.pop()
        return await connect(url, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("pointbook.worker._PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(Database, "connect", connect_in_the_end)
    configured = Settings(database_url=SecretStr(database_url), _env_file=None)
    database = await worker._connected(configured)
    await database.close()
    assert answers == []
    answers.append(asyncpg.InvalidPasswordError("wrong"))
    with pytest.raises(asyncpg.InvalidPasswordError):
        await worker._connected(configured)


async def test_a_task_that_loses_a_cancellation_is_cancelled_again() -> None:
    lost: list[BaseException] = []

    async def deaf() -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError as error:
                if lost:
                    raise
                lost.append(error)

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    await asyncio.wait_for(end([task]), 10)
    assert task.cancelled()
    assert len(lost) == 1
