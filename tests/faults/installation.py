"""A whole installation of real processes on loopback, each of which may be killed and comes back.

PostgreSQL and Valkey are the embedded ones, which their keepers start again; API and worker are the product's
commands, which this class starts again, as an operator's supervisor would.
"""

import asyncio
import os
import signal
import sysconfig
import time
from collections.abc import Mapping
from enum import Enum
from http import HTTPStatus
from pathlib import Path
from typing import Self

import asyncpg
import httpx
from redis.asyncio import Redis
from redis.exceptions import RedisError

from pointbook import embedded
from pointbook.db.migrate import migrate
from tests.faults.processes import Process, free_port

_BACK_SECONDS = 60.0


class Part(Enum):
    """What can be killed."""

    API = "api"
    WORKER = "worker"
    POSTGRESQL = "postgresql"
    VALKEY = "valkey"


class Installation:
    """``async with Installation(folder) as installation:``; ``installation.url`` is the API's.

    ``environment`` is what API and worker are told besides.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._servers = embedded.start(folder / "data")
        self.urls = self._servers.urls
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = Path(sysconfig.get_path("scripts")) / "pointbook"
        told = {
            "POINTBOOK_DATABASE_URL": self.urls.database,
            "POINTBOOK_REDIS_URL": self.urls.redis or "",
            "POINTBOOK_SECRET": self.urls.secret,
            "POINTBOOK_HOST": "127.0.0.1",
            "POINTBOOK_PORT": str(port),
            **(environment or {}),
        }
        self.processes = {
            Part.API: Process(
                [command, "serve", "--log-level", "warning"],
                log=folder / "api.log",
                is_up=self._serves,
                environment=told,
            ),
            Part.WORKER: Process(
                [command, "worker"],
                log=folder / "worker.log",
                is_up=self._works,
                environment=told,
            ),
        }

    async def __aenter__(self) -> Self:
        try:
            await migrate(self.urls.owner_database)
            for process in self.processes.values():
                await asyncio.to_thread(process.start)
        except BaseException:
            self._stop()
            raise
        return self

    async def __aexit__(self, failure: object, *_: object) -> None:
        codes = await asyncio.to_thread(self._stop)
        assert failure is not None or codes == [0, 0], (
            f"API and worker end in order when asked to, not with {codes}"
        )

    def _stop(self) -> list[int | None]:
        codes = [process.stop() for process in self.processes.values()]
        self._servers.stop()
        return codes

    async def kill(self, part: Part) -> None:
        """As ``kill -9`` does, and wait until it serves again."""
        if part in self.processes:
            process = self.processes[part]
            await asyncio.to_thread(process.kill)
            await asyncio.to_thread(process.start)
            return
        pid = await (self._postmaster() if part is Part.POSTGRESQL else self._valkey())
        os.kill(pid, signal.SIGKILL)
        await self._until_another(part, pid)

    async def _until_another(self, part: Part, former: int) -> None:
        deadline = time.monotonic() + _BACK_SECONDS
        while True:
            try:
                pid = await (self._postmaster() if part is Part.POSTGRESQL else self._valkey())
            except (OSError, RedisError, asyncpg.PostgresError, asyncpg.InterfaceError):
                pid = former
            if pid != former:
                return
            assert time.monotonic() < deadline, f"{part.value} does not come back"
            await asyncio.sleep(0.05)

    async def _postmaster(self) -> int:
        connection = await asyncpg.connect(self.urls.admin)
        try:
            return int((await connection.fetchval("select pg_read_file('postmaster.pid')")).split()[0])
        finally:
            await connection.close()

    async def _valkey(self) -> int:
        assert self.urls.redis is not None, "this machine has a Valkey"
        redis = Redis.from_url(self.urls.redis)
        try:
            return int((await redis.info("server"))["process_id"])
        finally:
            await redis.aclose()

    def _works(self) -> bool:
        """Each start of a worker says so once."""
        starts = (self._folder / "worker.log").read_text(errors="replace").count("worker.started")
        return starts > self.processes[Part.WORKER].kills

    def _serves(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health/ready", timeout=2).status_code == HTTPStatus.OK
        except httpx.HTTPError:
            return False
