"""Webhooks go out: what is due is leased, signed, posted and settled, each subscription by itself.

A round only starts what is due and waits for nobody, so that a receiver that takes its time keeps none but its own
sendings waiting. One that fails is asked one sending at a time until it takes one, and all of these together have
half of the room: dead receivers leave the other half to the living. No programme has more than a quarter of it,
however slowly its receivers take what they are given.

At least once: whoever dies between a receiver's answer and the settling leaves a lease that runs out. The receiver
knows a webhook again by its id.
"""

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson
import structlog

from pointbook.db.queries import webhook_sendings as rows
from pointbook.db.queries.programme_ids import programme_ids
from pointbook.db.queries.webhook_sendings import DueSubscription, Leased, Outcome
from pointbook.db.retry import retrying
from pointbook.domain.webhook_patience import DISABLED_AFTER, pause_after
from pointbook.domain.webhook_signatures import standard_signature
from pointbook.domain.webhook_states import DisabledReason
from pointbook.services.installation import Installation
from pointbook.services.warnings import WarningKind, warn
from pointbook.services.webhook_posting import Poster
from pointbook.services.webhook_secrets import live_secrets
from pointbook.services.webhook_sendings import webhook_id

LEASE: Final = timedelta(seconds=45)
"""Longer than a post and its settling take."""
AT_ONCE: Final = 5
"""Sendings of one subscription."""
ROOM: Final = 40
"""Subscriptions served at once by a process; at most half of them failing ones, a quarter of one programme."""
_BATCHES: Final = 20
_GONE: Final = 410
_JITTER: Final = 0.1

log = structlog.get_logger(__name__)


class Deliverer:
    """Sends from one process; any number of them may, at the same time. Belongs to one event loop."""

    def __init__(self, installation: Installation, poster: Poster, clock: Callable[[], datetime]) -> None:
        self._installation = installation
        self._poster = poster
        self._clock = clock
        self._serving: dict[tuple[int, UUID], asyncio.Task[None]] = {}
        self._failing: set[tuple[int, UUID]] = set()
        self._stopping = False

    async def start_due(self) -> None:
        """Begin with every subscription for which something is due, as far as there is room; the rest comes later.

        A programme that fails is logged and does not stop the others.
        """
        found = await programme_ids(self._installation.db)
        random.shuffle(found)  # neither a programme nor a subscription is always the last when there is no room
        for programme_id in found:
            if self._stopping or len(self._serving) >= ROOM:
                return
            try:
                async with self._installation.db.bare_transaction(programme_id) as connection:
                    due = await rows.due(connection, programme_id)
            except Exception:
                log.exception("webhooks.programme_failed", programme=programme_id)
                continue
            random.shuffle(due)
            for subscription in due:
                self._begin(programme_id, subscription)

    async def settled(self) -> None:
        """Wait until all that was begun is done."""
        while self._serving:
            await asyncio.wait(list(self._serving.values()))

    async def stop(self, patience: float) -> None:
        """Begin nothing more; what takes longer than ``patience`` seconds is left to its lease."""
        self._stopping = True
        tasks = list(self._serving.values())
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=patience)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _begin(self, programme_id: int, due: DueSubscription) -> None:
        key = (programme_id, due.subscription_id)
        of_programme = sum(programme == programme_id for programme, _ in self._serving)
        full = (
            len(self._serving) >= ROOM
            or of_programme >= ROOM // 4
            or (due.failing and len(self._failing) >= ROOM // 2)
        )
        if self._stopping or full or key in self._serving:
            return
        if due.failing:
            self._failing.add(key)
        task = self._serving[key] = asyncio.create_task(self._serve(programme_id, due), name="webhooks")
        task.add_done_callback(lambda _done: self._end(key))

    def _end(self, key: tuple[int, UUID]) -> None:
        self._serving.pop(key, None)
        self._failing.discard(key)

    async def _serve(self, programme_id: int, due: DueSubscription) -> None:
        """As long as it takes all that it is given, and there is more; after some batches it is others' turn."""
        most = 1 if due.failing else AT_ONCE
        try:
            for _ in range(_BATCHES):
                if self._stopping:
                    return
                leased = await self._lease(programme_id, due.subscription_id, most)
                taken = await asyncio.gather(
                    *(self._send(programme_id, due.subscription_id, each) for each in leased)
                )
                if not leased or not all(taken):
                    return
                most = AT_ONCE
        except Exception:
            log.exception("webhooks.failed", programme=programme_id, subscription=due.subscription_id.hex)

    async def _lease(self, programme_id: int, subscription_id: UUID, most: int) -> list[Leased]:
        async with self._installation.db.bare_transaction(programme_id) as connection:
            return await rows.lease(connection, programme_id, subscription_id, most=most, length=LEASE)

    async def _send(self, programme_id: int, subscription_id: UUID, leased: Leased) -> bool:
        """Whether it was taken."""
        body = orjson.dumps({"type": leased.event, "timestamp": _told(leased.occurred_at), "data": leased.payload})
        outcome = await self._poster.post(leased.url, self._headers(subscription_id, leased, body), body)
        await retrying(lambda: self._settle(programme_id, subscription_id, leased, outcome))
        if outcome.error is not None:
            log.info(
                "webhooks.not_taken",
                programme=programme_id,
                subscription=subscription_id.hex,
                sending=leased.id,
                attempt=leased.attempts,
                status=outcome.http_status,
            )
        return outcome.error is None

    def _headers(self, subscription_id: UUID, leased: Leased, body: bytes) -> dict[str, str]:
        now = self._clock()
        name, instant = webhook_id(subscription_id, leased.message_id), str(int(now.timestamp()))
        secrets = live_secrets(
            self._installation.secrets,
            subscription_id,
            leased.secret_version,
            leased.previous_secret_until,
            now=now,
        )
        signatures = [standard_signature(secret, name, instant, body) for secret in secrets]
        return {
            "Content-Type": "application/json",
            "User-Agent": "Pointbook",
            "webhook-id": name,
            "webhook-timestamp": instant,
            "webhook-signature": " ".join(signatures),
        }

    async def _settle(self, programme_id: int, subscription_id: UUID, leased: Leased, outcome: Outcome) -> None:
        """The subscription's row before the sending's, as everywhere."""
        async with self._installation.db.bare_transaction(programme_id) as connection:
            if outcome.error is None:
                await rows.mark_well(connection, programme_id, subscription_id, leased.url)
                await rows.delivered(connection, programme_id, leased, outcome)
                return
            await rows.mark_failing(connection, programme_id, subscription_id, leased.url)
            gone = outcome.http_status == _GONE
            reason, after = (
                (DisabledReason.GONE, timedelta(0)) if gone else (DisabledReason.FAILING, DISABLED_AFTER)
            )
            since = await rows.disable(connection, programme_id, subscription_id, leased.url, reason.value, after)
            if since is not None:
                await self._warn(connection, programme_id, subscription_id, reason)
            pause = pause_after(leased.attempts)
            await rows.failed(connection, programme_id, leased, outcome, pause=pause and _jittered(pause))

    async def _warn(
        self, connection: Any, programme_id: int, subscription_id: UUID, reason: DisabledReason
    ) -> None:
        subject = f"webhook subscription {subscription_id.hex}"
        await warn(
            connection,
            programme_id,
            WarningKind.WEBHOOK_DISABLED,
            subject,
            {"reason": reason.value},
            now=self._clock(),
        )


def _jittered(pause: timedelta) -> timedelta:
    return pause * random.uniform(1, 1 + _JITTER)  # noqa: S311  # no secret: so that failures do not march in step


def _told(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
