"""The work of the worker, whoever wakes it: each job calls one use case, is bounded and may run twice."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from pointbook.db.session import Database
from pointbook.services import (
    notices,
    outbox,
    returns,
    sending_batches,
    simulation_batches,
    sweeping,
    webhook_intake,
    webhook_sendings,
)
from pointbook.services.directory import ProgrammeDirectory
from pointbook.services.mailing import SENDING
from pointbook.services.outbox import Delivery, Subscriptions
from pointbook.services.webhook_delivering import Deliverer
from pointbook.worker.ending import end

Clock = Callable[[], datetime]

WORKING_SECONDS = 20
"""A job starts no new batch after this; what is left waits for its next run."""
TIMEOUT_SECONDS = 50
MAILING_SECONDS = WORKING_SECONDS + SENDING.lease.total_seconds()
"""A batch of mails that was begun in time is done by then: cut off, a mail may have been taken and comes again."""
GRACE_SECONDS = 5
"""How long a job may finish its batch when the worker is asked to stop."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """One kind of work and how long to wait between two runs of it."""

    name: str
    every: timedelta
    run: Callable[[], Awaitable[object]]
    seconds: float = TIMEOUT_SECONDS
    """It is cancelled after this: its transaction rolls back, its leases run out."""


class Jobs:
    """The jobs of one worker process. A job that is asked for while it runs is not started a second time."""

    def __init__(
        self,
        database: Database,
        subscriptions: Subscriptions,
        clock: Clock,
        *,
        webhooks: Deliverer | None = None,
        mails: bool = False,
    ) -> None:
        """Without ``webhooks`` none are sent; without ``mails`` nobody is told of points that expire."""
        self._database = database
        self._subscriptions = subscriptions
        self._clock = clock
        self._webhooks = webhooks
        self._mails = mails
        self._programmes = ProgrammeDirectory(database)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._stopping = False
        self.all: tuple[Job, ...] = (
            Job("drain_outbox", timedelta(seconds=1), self._drain_outbox),
            Job("send_mail", timedelta(seconds=1), self._send_mail, MAILING_SECONDS),
            Job("send_webhooks", timedelta(seconds=1), self._send_webhooks),
            Job("apply_returns", timedelta(seconds=15), self._apply_returns),
            Job("send_orders", timedelta(seconds=2), self._send_orders),
            Job("simulate_rules", timedelta(seconds=3), self._simulate_rules),
            Job("book_due", timedelta(minutes=1), self._book_due),
            Job("tell_of_expiry", timedelta(minutes=10), self._tell_of_expiry),
            Job("tidy_outbox", timedelta(minutes=10), self._tidy_outbox),
            Job("tidy_notices", timedelta(minutes=10), self._tidy_notices),
            Job("tidy_simulations", timedelta(minutes=10), self._tidy_simulations),
            Job("tidy_webhooks", timedelta(minutes=10), self._tidy_webhooks),
            Job("tidy_webhook_sendings", timedelta(minutes=10), self._tidy_webhook_sendings),
            Job("tidy_sendings", timedelta(minutes=10), self._tidy_sendings),
        )

    async def run(self, job: Job) -> None:
        """Run ``job`` or wait for the run that is under way. Failures are logged: the next run is the retry.

        Cancelling the caller does not cancel the job; ``stop`` ends it.
        """
        if self._stopping:
            return
        task = self._running.get(job.name)
        if task is None:
            task = self._running[job.name] = asyncio.create_task(self._guarded(job), name=job.name)
            task.add_done_callback(lambda _done: self._running.pop(job.name, None))
        await asyncio.shield(task)

    async def stop(self) -> None:
        """Start nothing more, let running jobs finish their batch, cancel those that take too long."""
        self._stopping = True
        sending = None if self._webhooks is None else asyncio.create_task(self._webhooks.stop(GRACE_SECONDS))
        running = list(self._running.values())
        if running:
            await asyncio.wait(running, timeout=GRACE_SECONDS)
            await end(running)
        if sending is not None:
            await sending

    async def _guarded(self, job: Job) -> None:
        try:
            async with asyncio.timeout(job.seconds):
                await job.run()
        except Exception:
            log.exception("worker.job_failed", job=job.name)

    async def _drain_outbox(self) -> None:
        await self._drain(Delivery(slow=False))

    async def _send_mail(self) -> None:
        if self._subscriptions.slow:
            await self._drain(SENDING)

    async def _drain(self, delivery: Delivery) -> None:
        drained = await outbox.drain(
            self._database,
            self._subscriptions,
            delivery=delivery,
            seconds=WORKING_SECONDS,
            stopping=lambda: self._stopping,
        )
        if drained != outbox.Drained():
            log.info("outbox.drained", delivered=drained.delivered, failed=drained.failed)

    async def _send_webhooks(self) -> None:
        if self._webhooks is not None:
            await self._webhooks.start_due()

    async def _apply_returns(self) -> None:
        looked_at = await returns.apply_all_parked(
            self._database, self._programmes, now=self._clock(), seconds=WORKING_SECONDS
        )
        if looked_at:
            log.info("returns.applied", looked_at=looked_at)

    async def _send_orders(self) -> None:
        worked = await sending_batches.run(
            self._database,
            self._programmes,
            self._clock,
            seconds=WORKING_SECONDS,
            stopping=lambda: self._stopping,
        )
        if worked != sending_batches.Worked():
            log.info("sending.worked", batches=worked.batches, failed=worked.failed)

    async def _simulate_rules(self) -> None:
        worked = await simulation_batches.run(
            self._database, self._programmes, seconds=WORKING_SECONDS, stopping=lambda: self._stopping
        )
        if worked != simulation_batches.Worked():
            log.info("simulation.worked", batches=worked.batches, failed=worked.failed)

    async def _book_due(self) -> None:
        swept = await sweeping.book_due(
            self._database,
            self._programmes,
            now=self._clock(),
            seconds=WORKING_SECONDS,
            stopping=lambda: self._stopping,
        )
        if swept != sweeping.Swept(0, 0, 0):
            log.info("sweep.booked", accounts=swept.accounts, cards=swept.cards, failed_programmes=swept.failed)

    async def _tell_of_expiry(self) -> None:
        if self._mails:
            promised = await notices.promise_of_expiry(
                self._database,
                self._programmes,
                now=self._clock(),
                seconds=WORKING_SECONDS,
                stopping=lambda: self._stopping,
            )
            if promised != notices.Promised():
                log.info("notices.promised", mails=promised.mails, failed_programmes=promised.failed)

    async def _tidy_outbox(self) -> None:
        await outbox.tidy(self._database)

    async def _tidy_notices(self) -> None:
        await notices.tidy(self._database)

    async def _tidy_simulations(self) -> None:
        await simulation_batches.tidy(self._database)

    async def _tidy_webhooks(self) -> None:
        await webhook_intake.tidy(self._database)

    async def _tidy_webhook_sendings(self) -> None:
        await webhook_sendings.tidy(self._database)

    async def _tidy_sendings(self) -> None:
        await sending_batches.tidy(self._database)
