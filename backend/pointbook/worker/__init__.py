"""The worker: delivers the outbox and writes down what the clock has made due.

Nothing a customer sees depends on it. It may run as a process of its own or inside the API's, any number of
times, with Valkey or without.
"""

import asyncio
import signal

import structlog

from pointbook.db.hints import hints_at
from pointbook.db.retry import is_transient
from pointbook.db.session import Database
from pointbook.services.installation import Installation
from pointbook.services.mailing import Mailer, Post
from pointbook.services.outbox import Subscriptions
from pointbook.services.webhook_delivering import Deliverer
from pointbook.services.webhook_posting import Poster
from pointbook.settings import Settings
from pointbook.worker.ending import end
from pointbook.worker.heartbeat import beat
from pointbook.worker.jobs import Clock, Jobs
from pointbook.worker.subscriptions import subscriptions as shipped
from pointbook.worker.ticker import Ticker
from pointbook.worker.wakeups import Supervisor

__all__ = ["run_until_signalled", "run_worker"]

_PAUSE_SECONDS = 1.0

log = structlog.get_logger(__name__)


async def run_worker(
    settings: Settings, installation: Installation, *, clock: Clock, subscriptions: Subscriptions | None = None
) -> None:
    """Work until cancelled; running jobs then get a few seconds to finish their batch.

    With ``redis_url`` arq wakes the jobs and workers share them; whenever Valkey cannot be reached, and
    without ``redis_url``, this process's own ticker does.
    """
    deliverer = Deliverer(installation, Poster(private_allowed=installation.webhooks_to_private), clock)
    post = _post(settings)
    jobs = Jobs(
        installation.db,
        subscriptions or shipped(installation, post, clock),
        clock,
        webhooks=deliverer,
        mails=post is not None,
    )
    loops = []
    if settings.redis_url is None:
        ticker = Ticker(jobs)
    else:
        supervisor = Supervisor(settings.redis_url.get_secret_value(), jobs)
        loops.append(asyncio.create_task(supervisor.run(), name="worker supervisor"))
        ticker = Ticker(jobs, idle=lambda: supervisor.up)
    loops.append(asyncio.create_task(ticker.run(), name="worker ticker"))
    if settings.heartbeat_file is not None:
        loops.append(asyncio.create_task(beat(settings.heartbeat_file, installation.db), name="worker heartbeat"))
    log.info("worker.started")
    try:
        ended, _ = await asyncio.wait(loops, return_when=asyncio.FIRST_COMPLETED)
        for loop in ended:
            loop.result()  # loops do not end by themselves: this raises
    finally:
        await jobs.stop()
        await end(loops, patience=10)  # they clean up behind themselves


async def run_until_signalled(settings: Settings, *, clock: Clock) -> None:
    """The whole life of a worker process: connect, work, end at SIGTERM or SIGINT."""
    life = asyncio.create_task(_live(settings, clock))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, life.cancel)
    await asyncio.wait([life])
    if not life.cancelled():
        life.result()


async def _live(settings: Settings, clock: Clock) -> None:
    assert settings.secret is not None, "a worker process is told the secret of its database"
    database = await _connected(settings)
    try:
        installation = Installation.of(
            database, settings.secret.get_secret_value(), webhooks_to_private=settings.webhooks_to_private
        )
        redis_url = None if settings.redis_url is None else settings.redis_url.get_secret_value()
        async with hints_at(redis_url) as hints, installation.watches.sharing(hints):
            await run_worker(settings, installation, clock=clock)
    finally:
        await database.close()


def _post(settings: Settings) -> Post | None:
    if settings.smtp_url is None or settings.mail_from is None:
        return None
    return Post(Mailer(settings.smtp_url.get_secret_value(), settings.mail_from), settings.public_url)


async def _connected(settings: Settings) -> Database:
    """Waits for a database that is not up yet; wrong credentials are an error at once."""
    assert settings.database_url is not None, "a worker process is told where its database is"
    while True:
        try:
            return await Database.connect(
                settings.database_url.get_secret_value(),
                pool_size=settings.pool_size,
                transaction_pooler=settings.transaction_pooler,
            )
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("worker.no_database", error=error, again_in=_PAUSE_SECONDS)
        await asyncio.sleep(_PAUSE_SECONDS)
