"""Subscriptions to webhooks as the tests make them, events for them, and workers that send."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest_asyncio

from pointbook.db.session import Database
from pointbook.services import outbox
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.webhook_delivering import Deliverer
from pointbook.services.webhook_posting import Poster
from pointbook.services.webhook_sendings import Sending, list_sendings
from pointbook.services.webhook_subscriptions import (
    Subscription,
    WithSecret,
    create_subscription,
    list_subscriptions,
)
from pointbook.worker.subscriptions import subscriptions
from tests.support import NOW, SECRET, join_member, make_programme, server, violations
from tests.worker.hook_receiver import HookReceiver

HOUR = timedelta(hours=1)


@pytest_asyncio.fixture
async def installation(db: Database) -> AsyncIterator[Installation]:
    yield Installation.of(db, SECRET, webhooks_to_private=True)
    assert await violations(db) == []


@pytest_asyncio.fixture
async def programme(installation: Installation) -> ProgrammeSnapshot:
    return await make_programme(installation)


def deliverer(installation: Installation, now: datetime = NOW, *, seconds: float = 10) -> Deliverer:
    return Deliverer(installation, Poster(private_allowed=True, seconds=seconds), lambda: now)


async def subscribe(
    installation: Installation, programme: ProgrammeSnapshot, receiver: HookReceiver, *events: str
) -> WithSecret:
    return await create_subscription(installation, server(programme), receiver.url, events, now=NOW)


async def happen(installation: Installation, programme: ProgrammeSnapshot, *members: str) -> None:
    """Members join, and the outbox is drained."""
    for member in members:
        await join_member(installation, programme, member)
    drained = await outbox.drain(installation.db, subscriptions(installation, None, lambda: NOW))
    assert drained.failed == 0


async def send(installation: Installation, now: datetime = NOW) -> None:
    """A round of a worker."""
    worker = deliverer(installation, now)
    await worker.start_due()
    await worker.settled()


async def sendings(installation: Installation, programme: ProgrammeSnapshot, **wanted: Any) -> list[Sending]:
    return await list_sendings(installation, programme.id, first=100, **wanted)


async def found(installation: Installation, programme: ProgrammeSnapshot) -> Subscription:
    [subscription] = await list_subscriptions(installation, programme.id)
    return subscription


async def age(
    installation: Installation, programme: ProgrammeSnapshot, time: timedelta, *, also_subscriptions: bool = False
) -> None:
    """As if so much time had passed."""
    async with installation.db.bare_transaction(programme.id) as connection:
        await connection.execute(
            "update webhook_sending set next_attempt_at = next_attempt_at - $1::interval,"
            " leased_until = leased_until - $1::interval, created_at = created_at - $1::interval",
            time,
        )
        if also_subscriptions:
            await connection.execute(
                "update webhook_subscription set failing_since = failing_since - $1::interval", time
            )
