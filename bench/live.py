"""Subscriptions: 500 customers watch their balance at one process, over WebSockets, then over server-sent events.

What they cost while nothing happens (memory, CPU, transactions), and how long it takes from a commit in another
process until the customer has heard of it; with hints through Valkey, and without Valkey.
"""

import argparse
import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import orjson
import psutil
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from bench.comparing import document_of
from bench.load import cpu_seconds
from bench.scene import Member, Scene, Served, run, utc_now
from pointbook import ledger
from pointbook.db.hints import hints_at
from pointbook.ledger import Accrual, NewLot

DOCUMENT = document_of(Path(__file__).parent.parent / "widgets" / "documents" / "balance_changed.graphql")
_PAUSE = 0.05
_HEARD_SECONDS = 30
_AT_ONCE = 20
_SETTLED_SECONDS = 13
"""PostgreSQL counts what a connection did up to 10 seconds after it fell idle."""


@dataclass
class Subscriber:
    """One customer's connection; ``heard`` are the instants of its events, ``news`` wakes who waits for one."""

    member: Member
    heard: list[float]
    news: asyncio.Event

    def hear(self) -> None:
        self.heard.append(time.perf_counter())
        self.news.set()


async def over_web_socket(scene: Scene, port: int, subscriber: Subscriber) -> None:
    url = f"ws://127.0.0.1:{port}/graphql"
    protocols = [Subprotocol("graphql-transport-ws")]
    async with connect(
        url, subprotocols=protocols, proxy=None, compression=None, ping_interval=None
    ) as connection:
        given = {"authorization": f"Bearer {subscriber.member.token}", "pointbookKey": scene.publishable_key}
        await _say(connection, type="connection_init", payload=given)
        assert orjson.loads(await connection.recv())["type"] == "connection_ack"
        await _say(connection, id="1", type="subscribe", payload={"documentId": DOCUMENT})
        async for message in connection:
            kind = orjson.loads(message)["type"]
            if kind == "next":
                subscriber.hear()
            elif kind == "ping":
                await _say(connection, type="pong")


async def over_events(scene: Scene, port: int, subscriber: Subscriber) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = orjson.dumps({"documentId": DOCUMENT})
    head = (
        "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAccept: text/event-stream\r\n"
        f"Authorization: Bearer {subscriber.member.token}\r\nPointbook-Key: {scene.publishable_key}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    assert (await reader.readline()).startswith(b"HTTP/1.1 200 "), await reader.read(2_000)
    try:
        while line := await reader.readline():
            if line == b"event: next\n":
                subscriber.hear()
    finally:
        writer.close()


_Way = Callable[[Scene, int, Subscriber], Coroutine[None, None, None]]


async def main(scene: Scene, *, subscribers: int, idle: int, changes: int) -> None:
    for name, way in (("WebSocket", over_web_socket), ("server-sent events", over_events)):
        with scene.pointbook() as served:
            print(f"{subscribers} subscribers over {name}, hints through Valkey")
            async with _subscribed(scene, served, way, subscribers) as subscribed:
                await _tell_idle(scene, served, idle)
                async with hints_at(scene.urls.redis) as hints, scene.installation.watches.sharing(hints):
                    await _tell_latency(scene, served, subscribed, changes)
    alone = replace(scene, urls=replace(scene.urls, redis=None))
    with alone.pointbook() as served:
        print(f"{subscribers} subscribers over WebSocket, without Valkey")
        async with _subscribed(scene, served, over_web_socket, subscribers) as subscribed:
            await _tell_idle(scene, served, idle)
            await _tell_latency(scene, served, subscribed, changes // 4)
    await scene.verify()


@contextlib.asynccontextmanager
async def _subscribed(scene: Scene, served: Served, way: _Way, count: int) -> AsyncIterator[list[Subscriber]]:
    process = psutil.Process(served.pid)
    members = [scene.members[number % len(scene.members)] for number in range(count)]
    everybody = [Subscriber(member, [], asyncio.Event()) for member in members]
    warm = asyncio.create_task(way(scene, served.port, first := replace(everybody[0])))
    await _heard(first)
    warm.cancel()
    await asyncio.sleep(1)
    memory, cpu, began = process.memory_info().rss, cpu_seconds(served.pid), time.perf_counter()
    tasks = []
    for start in range(0, count, _AT_ONCE):
        some = everybody[start : start + _AT_ONCE]
        tasks += [asyncio.create_task(way(scene, served.port, one)) for one in some]
        await asyncio.gather(*(_heard(one) for one in some))
    seconds, cpu = time.perf_counter() - began, cpu_seconds(served.pid) - cpu
    grown = (process.memory_info().rss - memory) / count / 1024
    print(f"  opened in {seconds:.1f} s, {cpu / count * 1000:.1f} ms of CPU and {grown:.0f} KiB of memory each")
    yield everybody
    for task in tasks:
        task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(ended, asyncio.CancelledError), ended


async def _tell_idle(scene: Scene, served: Served, seconds: int) -> None:
    await asyncio.sleep(_SETTLED_SECONDS)
    cpu, transactions = cpu_seconds(served.pid), await _transactions(scene)
    await asyncio.sleep(seconds)
    cpu, transactions = cpu_seconds(served.pid) - cpu, await _transactions(scene) - transactions
    print(f"  idle: {cpu / seconds:.1%} of a core, {transactions * 60 / seconds:.0f} transactions a minute")


async def _tell_latency(scene: Scene, served: Served, subscribers: list[Subscriber], changes: int) -> None:
    """Members get a point each, one after the other, from this process; an event is awaited for each."""
    cpu = cpu_seconds(served.pid)
    waits = []
    for number in range(changes):
        subscriber = subscribers[number % len(scene.members)]
        subscriber.news.clear()
        now = utc_now()
        accrual = Accrual(
            subscriber.member.account.account_id, "bench", uuid4().hex, 1, (NewLot(1, Decimal(5), now, None, 1),)
        )
        async with scene.installation.db.bare_transaction(scene.programme.id) as connection:
            await ledger.accrue(connection, scene.programme.id, [accrual], now=now)
        committed = time.perf_counter()
        await _heard(subscriber)
        waits.append((subscriber.heard[-1] - committed) * 1000)
        await asyncio.sleep(_PAUSE)
    cpu = cpu_seconds(served.pid) - cpu
    p50, p99 = statistics.median(waits), statistics.quantiles(waits, n=100)[98]
    each = cpu / changes * 1000
    print(f"  {changes} changes: heard of after p50 {p50:.1f} ms, p99 {p99:.1f} ms; {each:.1f} ms of CPU each")


async def _heard(subscriber: Subscriber) -> None:
    async with asyncio.timeout(_HEARD_SECONDS):
        await subscriber.news.wait()


async def _transactions(scene: Scene) -> int:
    """Those that ended in the database so far; what counts them is one of them."""
    connection = await asyncpg.connect(scene.urls.admin)
    try:
        await connection.execute("select pg_stat_force_next_flush()")
        name = urlsplit(scene.urls.database).path.strip("/")
        counted: int = await connection.fetchval(
            "select xact_commit + xact_rollback from pg_stat_database where datname = $1", name
        )
    finally:
        await connection.close()
    return counted


async def _say(connection: ClientConnection, **message: object) -> None:
    await connection.send(orjson.dumps(message).decode())


def _arguments() -> dict[str, int]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscribers", type=int, default=500)
    parser.add_argument("--idle", type=int, default=20, help="seconds")
    parser.add_argument("--changes", type=int, default=300)
    return vars(parser.parse_args())


if __name__ == "__main__":
    asked = _arguments()

    async def with_arguments(scene: Scene) -> None:
        await main(scene, **asked)

    run(with_arguments)
