"""Events for whoever subscribed to them: written down for each subscription, listed, sent again, forgotten.

The outbox only writes them down, which is no receiver's affair: what a slow or dead receiver keeps waiting is its
own sendings. ``webhook_delivering`` sends them.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from pointbook.db.queries import webhook_sendings as rows
from pointbook.db.queries import webhook_subscriptions
from pointbook.db.queries.programme_ids import programme_ids
from pointbook.db.retry import retrying
from pointbook.db.session import Connection, Database
from pointbook.domain.access import Principal
from pointbook.domain.errors import WebhookDisabled, WebhookSendingNotFound
from pointbook.domain.webhook_patience import KEPT_FOR
from pointbook.domain.webhook_states import SendingState, SubscriptionState
from pointbook.services import audit
from pointbook.services.audit import Action, Change
from pointbook.services.installation import Installation
from pointbook.services.outbox import Message
from pointbook.services.programme_turns import take_turns

_PRUNED_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Sending:
    """An event for a subscription, with its last attempt. ``response``: the beginning of what was answered."""

    id: int
    subscription_id: UUID
    webhook_id: str
    event: str
    data: dict[str, Any]
    occurred_at: datetime
    state: SendingState
    attempts: int
    attempted_at: datetime | None
    next_attempt_at: datetime | None
    http_status: int | None
    error: str | None
    response: str | None


def webhook_id(subscription_id: UUID, message_id: int) -> str:
    """The same whenever a message is sent to a subscription: by it the receiver knows what it has had."""
    return f"msg_{uuid5(subscription_id, str(message_id)).hex}"


async def fan_out(connection: Connection, messages: Sequence[Message]) -> None:
    """A recorder of the outbox: each active subscription that wants an event gets it once."""
    await rows.fan_out(
        connection,
        messages[0].programme_id,
        [rows.Event(each.id, each.topic, each.payload, each.created_at) for each in messages],
    )


async def list_sendings(
    installation: Installation,
    programme_id: int,
    *,
    first: int,
    subscription_id: UUID | None = None,
    state: SendingState | None = None,
    before_id: int | None = None,
) -> list[Sending]:
    """At most ``first``, newest first, older than ``before_id``; of one subscription, in one state, if given."""
    async with installation.db.bare_transaction(programme_id) as connection:
        found = await rows.page(
            connection,
            programme_id,
            subscription_id=subscription_id,
            state=None if state is None else state.value,
            before_id=before_id,
            first=first,
        )
    return [_sending(row) for row in found]


async def redeliver(
    installation: Installation, principal: Principal, sending_id: int, *, now: datetime
) -> Sending:
    """Send it again at once, with all its attempts, whatever became of it. Its webhook id stays the same.

    Raises WebhookSendingNotFound, WebhookDisabled.
    """
    programme_id = principal.programme_id

    async def attempt() -> Sending:
        async with installation.db.bare_transaction(programme_id) as connection:
            found = await rows.find(connection, programme_id, sending_id)
            if found is None:
                raise WebhookSendingNotFound
            subscription = await webhook_subscriptions.lock(connection, programme_id, found.subscription_id)
            if subscription is None:
                raise WebhookSendingNotFound
            if subscription.state != SubscriptionState.ACTIVE:
                raise WebhookDisabled
            again = await rows.send_again(connection, programme_id, sending_id)
            if again is None:
                raise WebhookSendingNotFound
            change = Change(
                Action.WEBHOOK_REDELIVERED,
                f"webhook subscription {found.subscription_id.hex}",
                {"webhook": webhook_id(found.subscription_id, found.message_id), "state": found.state},
                {"webhook": webhook_id(found.subscription_id, found.message_id), "state": again.state},
            )
            await audit.append(connection, programme_id, [change], by=principal.identity, now=now)
            return _sending(again)

    return await retrying(attempt)


async def tidy(database: Database, *, seconds: float = 20) -> int:
    """Give up what no worker survived sending, and forget what was written ``KEPT_FOR`` ago; returns how many.

    Programmes take turns, bounded, as elsewhere. One that fails is logged and does not stop the others.
    """

    async def prune(programme_id: int) -> int:
        async with database.bare_transaction(programme_id) as connection:
            await rows.give_up_abandoned(connection, programme_id)
            return await rows.prune(connection, programme_id, kept_for=KEPT_FOR, most=_PRUNED_AT_ONCE)

    pruned = await take_turns(
        deque(await programme_ids(database)),
        prune,
        more=lambda deleted: deleted == _PRUNED_AT_ONCE,
        failure="webhooks.tidy_failed",
        seconds=seconds,
    )
    return sum(pruned.done)


def _sending(row: rows.SendingRow) -> Sending:
    return Sending(
        row.id,
        row.subscription_id,
        webhook_id(row.subscription_id, row.message_id),
        row.event,
        row.payload,
        row.occurred_at,
        SendingState(row.state),
        row.attempts,
        row.attempted_at,
        row.next_attempt_at,
        row.http_status,
        row.error,
        row.response,
    )
