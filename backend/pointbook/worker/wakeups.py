"""arq: wakes the jobs, shares their schedule among workers, and nothing else. Truth is in PostgreSQL.

arq's own process ends on any error of its connection, so ``Supervisor`` starts it again for ever. Jobs are
never aborted through arq: cancelling in the middle of a statement costs a connection.
"""

import asyncio
import contextlib
import logging
import random
from datetime import UTC
from time import monotonic
from typing import Any

import structlog
from arq.connections import ArqRedis
from arq.cron import CronJob, cron
from arq.typing import StartupShutdown, WorkerCoroutine
from arq.worker import Worker
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from pointbook.worker import serialiser
from pointbook.worker.ending import end
from pointbook.worker.jobs import Job, Jobs

QUEUE = "pointbook:queue"
_POLL_SECONDS = 0.5
_ANSWER_SECONDS = 2
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 15.0
_STEADY_SECONDS = 60  # a run as long as this was no failed start: the next pause is short again

log = structlog.get_logger(__name__)
logging.getLogger("arq").setLevel(logging.WARNING)  # it tells of every run, and the outbox runs every second


def connect(redis_url: str) -> ArqRedis:
    """A client that speaks JSON. A server that hangs is as bad as none: every answer has a time limit."""
    pool: ConnectionPool = ConnectionPool.from_url(
        redis_url, socket_timeout=_ANSWER_SECONDS, socket_connect_timeout=_ANSWER_SECONDS
    )
    return ArqRedis(
        pool,
        job_serializer=serialiser.dumps,
        job_deserializer=serialiser.loads,
        default_queue_name=QUEUE,
    )


class Supervisor:
    """Keeps an arq worker running, whatever becomes of Valkey. ``up`` is false while there is none."""

    def __init__(self, redis_url: str, jobs: Jobs) -> None:
        self.up = False
        self._redis_url = redis_url
        self._jobs = jobs

    async def run(self) -> None:
        """Until cancelled."""
        pause = _FIRST_PAUSE
        while True:
            started = monotonic()
            try:
                await self._run_once()
            except (RedisError, OSError) as error:
                log.warning("worker.valkey_lost", error=error, again_in=pause)
            except Exception:
                log.exception("worker.arq_failed", again_in=pause)
            if monotonic() - started > _STEADY_SECONDS:
                pause = _FIRST_PAUSE
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  # jitter, no secret
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _run_once(self) -> None:
        redis = connect(self._redis_url)
        worker = arq_worker(redis, self._jobs, on_startup=self._report_up)
        worker.main_task = asyncio.create_task(worker.main(), name="arq")
        try:
            await asyncio.wait([worker.main_task])
            worker.main_task.result()
        finally:
            self.up = False
            await _close(worker, redis)

    async def _report_up(self, ctx: dict[Any, Any]) -> None:  # noqa: ARG002  # arq's signature
        self.up = True
        log.info("worker.valkey_found")


def arq_worker(redis: ArqRedis, jobs: Jobs, *, on_startup: StartupShutdown) -> Worker:
    """An arq worker over ``jobs``, each by its schedule."""
    return Worker(
        cron_jobs=[_cron(job, _runner(jobs, job)) for job in jobs.all],
        queue_name=QUEUE,
        redis_pool=redis,
        on_startup=on_startup,
        handle_signals=False,
        keep_result=0,
        poll_delay=_POLL_SECONDS,
        job_serializer=serialiser.dumps,
        job_deserializer=serialiser.loads,
        timezone=UTC,
        log_results=False,
    )


def _runner(jobs: Jobs, job: Job) -> WorkerCoroutine:
    async def run(ctx: dict[Any, Any], *_args: Any, **_options: Any) -> None:  # noqa: ARG001  # arq's signature
        await jobs.run(job)

    return run


def _cron(job: Job, run: WorkerCoroutine) -> CronJob:
    seconds = int(job.every.total_seconds())
    assert 0 < seconds < 3600, "a schedule of seconds or of minutes"  # noqa: PLR2004
    second = set(range(0, 60, seconds)) if seconds < 60 else 0  # noqa: PLR2004
    minute = None if seconds < 60 else set(range(0, 60, seconds // 60))  # noqa: PLR2004
    return cron(run, name=f"cron:{job.name}", minute=minute, second=second, timeout=job.seconds + 5)


async def _close(worker: Worker, redis: ArqRedis) -> None:
    """What arq's own close does, but for a server that may be gone and tasks that may have failed with it.

    Tasks first get the time in which each answer must come: arq shields its last words on a job, and cancelling
    in the middle of them would leave an error that nobody collects.
    """
    if worker.main_task is not None:
        await end([worker.main_task])
    tasks = [*worker.tasks.values()]
    if tasks:
        await asyncio.wait(tasks, timeout=_ANSWER_SECONDS + 1)
    await end(tasks)
    with contextlib.suppress(RedisError, OSError):
        await redis.aclose(close_connection_pool=True)
