"""Two processes as they are run: what one moves is told by the other, and a stop lets nobody wait."""

import asyncio
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from pointbook.db.session import Database
from pointbook.services.installation import Installation
from tests.faults.processes import Process, free_port
from tests.http.fixtures import make_shop
from tests.http.live_server import Live
from tests.live import RunningClock
from tests.support import SECRET, join_member, violations

REDEEM = """mutation { redeemPoints(input: {mode: PARTIAL, points: 60, idempotencyKey: "k",
    cart: {id: "c", total: "20.00", currency: "EUR"}}) { ... on RedeemPointsSuccess { redemption { id } } } }"""


@contextmanager
def serve(database_url: str, redis_url: str | None, log: Path) -> Iterator[tuple[Process, int]]:
    """``pointbook serve`` and its port."""
    port = free_port()
    environment = {
        "POINTBOOK_DATABASE_URL": database_url,
        "POINTBOOK_REDIS_URL": redis_url or "",
        "POINTBOOK_SECRET": SECRET,
        "POINTBOOK_PORT": str(port),
    }
    if redis_url is None:
        del environment["POINTBOOK_REDIS_URL"]

    def is_up() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/health/live", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    command: list[str | Path] = [
        Path(sysconfig.get_path("scripts")) / "pointbook",
        "serve",
        "--log-level",
        "warning",
    ]
    with Process(command, log=log, is_up=is_up, environment=environment) as process:
        yield process, port


async def test_one_process_tells_what_another_moves_and_both_stop_at_once(
    database_url: str, optional_redis_url: str | None, db: Database, tmp_path: Path
) -> None:
    clock = RunningClock(datetime.now(UTC))
    with (
        serve(database_url, optional_redis_url, tmp_path / "one.log") as (one, telling),
        serve(database_url, optional_redis_url, tmp_path / "two.log") as (_, writing),
    ):
        app = cast(
            "Any", type("App", (), {"state": type("State", (), {"installation": Installation.of(db, SECRET)})})
        )
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{writing}", timeout=30) as client:
            shop = await make_shop(app, client, clock, {"signUpPoints": 100}, sandbox=False, now=clock())
            await join_member(shop.installation, shop.programme, now=clock())
            live = Live(shop, app, clock, telling, cast("Any", None))
            async with live.events() as events, live.socket() as socket:
                await socket.subscribe()
                assert (await events.next())[1]["data"]["balanceChanged"]["spendable"] == 100
                assert (await socket.told())["balanceChanged"]["spendable"] == 100
                assert "redemption" in (await shop.as_customer(REDEEM)).data["redeemPoints"]
                assert (await events.next())[1]["data"]["balanceChanged"]["held"] == 60
                assert (await socket.told())["balanceChanged"]["held"] == 60

                began = time.monotonic()
                ending = asyncio.create_task(asyncio.to_thread(one.stop))
                await events.ended()
                with pytest.raises(ConnectionClosed):
                    await socket.next()
                assert socket.connection.close_code in (1001, 1012)
                assert await ending == 0
                assert time.monotonic() - began < 3
        assert "error" not in one.last_words().lower(), one.last_words()
    assert await violations(db) == []
