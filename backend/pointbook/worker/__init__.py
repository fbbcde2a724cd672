"""The worker: delivers the outbox and writes down what the clock has made due.

Nothing a customer sees depends on it. It may run as a process of its own or inside the API's, any number of
times, with Valkey or without.
"""

import asyncio
import signal

from pointbook.db.session import Database
from pointbook.services.outbox import Subscriptions
from pointbook.settings import Settings
from pointbook.worker.jobs import Clock, Jobs
from pointbook.worker.ticker import Ticker
from pointbook.worker.wakeups import Bell, Supervisor

__all__ = ["Bell", "run_until_signalled", "run_worker"]


async def run_worker(
    settings: Settings, database: Database, *, clock: Clock, subscriptions: Subscriptions | None = None
) -> None:
    """Work until cancelled; running jobs then get a few seconds to finish their batch.

    With ``redis_url`` arq wakes the jobs and workers share them; whenever Valkey cannot be reached, and
    without ``redis_url``, this process's own ticker does.
    """
    jobs = Jobs(database, subscriptions or Subscriptions(), clock)
    loops = []
    if settings.redis_url is None:
        ticker = Ticker(jobs)
    else:
        supervisor = Supervisor(settings.redis_url.get_secret_value(), jobs)
        loops.append(asyncio.create_task(supervisor.run(), name="worker supervisor"))
        ticker = Ticker(jobs, idle=lambda: supervisor.up)
    loops.append(asyncio.create_task(ticker.run(), name="worker ticker"))
    try:
        ended, _ = await asyncio.wait(loops, return_when=asyncio.FIRST_COMPLETED)
        for loop in ended:
            loop.result()  # loops do not end by themselves: this raises
    finally:
        await jobs.stop()
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)


async def run_until_signalled(settings: Settings, *, clock: Clock) -> None:
    """The whole life of a worker process: connect, work, end at SIGTERM or SIGINT."""
    assert settings.database_url is not None, "a worker process is told where its database is"
    database = await Database.connect(
        settings.database_url.get_secret_value(),
        pool_size=settings.pool_size,
        transaction_pooler=settings.transaction_pooler,
    )
    try:
        work = asyncio.create_task(run_worker(settings, database, clock=clock))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, work.cancel)
        await asyncio.wait([work])
        if not work.cancelled():
            work.result()
    finally:
        await database.close()
