"""Webhooks to others: who is told of events, what was sent to them, and sending it again."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from pointbook.domain.access import Right, staff
from pointbook.domain.errors import WebhookSendingNotFound as SendingNotFound
from pointbook.domain.errors import WebhookSubscriptionNotFound as SubscriptionNotFound
from pointbook.domain.webhook_states import DisabledReason, SendingState, SubscriptionState
from pointbook.graphql.connections import Connection, First, OlderThan, key_of, page_of, page_size
from pointbook.graphql.context import Info
from pointbook.graphql.described import described_enum
from pointbook.graphql.errors import (
    EditConflict,
    IdempotencyConflict,
    InvalidInput,
    WebhookDisabled,
    WebhookSendingNotFound,
    WebhookSubscriptionNotFound,
)
from pointbook.graphql.inputs import idempotency_key
from pointbook.graphql.policies import mutation_field, query_field
from pointbook.services import webhook_sendings as sendings
from pointbook.services import webhook_subscriptions as service

_MANAGE = staff(Right.MANAGE_WEBHOOKS)
_PAGE = 20
_CURSOR = "webhook"
_ID_DIGITS = 18
_PREVIOUS_HOURS = 24

described_enum(
    SubscriptionState,
    "Whether a webhook subscription is served.",
    name="WebhookSubscriptionState",
    ACTIVE="It is told of events.",
    DISABLED="Nothing is sent, and what happens meanwhile is not kept for it.",
)
described_enum(
    DisabledReason,
    "Why a webhook subscription is disabled.",
    name="WebhookDisabledReason",
    STAFF="The staff disabled it.",
    FAILING="Nothing but failures came from its URL for 3 days.",
    GONE="Its URL answered 410: it wants no more.",
)
described_enum(
    SendingState,
    "What has become of a webhook.",
    name="WebhookSendingState",
    PENDING="It is to be sent, for the first time or again.",
    DELIVERED="It was answered with a status of 200 to 299.",
    FAILED="The last of 12 attempts failed, too.",
)


@strawberry.type(description="A URL that is told of events.")
class WebhookSubscription:
    id: strawberry.ID = strawberry.field(description="Its id.")
    url: str = strawberry.field(description="Where webhooks are posted.")
    events: list[str] | None = strawberry.field(description='The events, like "points.credited"; null: all.')
    state: SubscriptionState = strawberry.field(description="Whether it is served.")
    disabled_reason: DisabledReason | None = strawberry.field(description="Why it is disabled; null: it is not.")
    failing_since: datetime | None = strawberry.field(
        description="Since when nothing but failures came; null: what was sent last was taken."
    )
    secret_version: int = strawberry.field(description="Which secret signs, counted from 1.")
    previous_secret_until: datetime | None = strawberry.field(
        description="Until when the secret before it signs, too; null: there was none, or it ended at once."
    )
    created_at: datetime = strawberry.field(description="Since when it is there.")

    @classmethod
    def of(cls, subscription: service.Subscription) -> Self:
        return cls(
            id=strawberry.ID(subscription.id.hex),
            url=subscription.url,
            events=None if subscription.events is None else list(subscription.events),
            state=subscription.state,
            disabled_reason=subscription.disabled_reason,
            failing_since=subscription.failing_since,
            secret_version=subscription.secret_version,
            previous_secret_until=subscription.previous_secret_until,
            created_at=subscription.created_at,
        )


@strawberry.type(description="An event for a webhook subscription, with its last attempt. Kept for 30 days.")
class WebhookSending:
    id: strawberry.ID = strawberry.field(description="Its id, by which it is sent again.")
    subscription_id: strawberry.ID = strawberry.field(description="For which subscription.")
    webhook_id: str = strawberry.field(description="The header `webhook-id`, the same whenever it is sent.")
    event: str = strawberry.field(description='What happened, like "points.credited".')
    data: JSON = strawberry.field(description="What is told of it.")
    occurred_at: datetime = strawberry.field(description="When it happened.")
    state: SendingState = strawberry.field(description="What has become of it.")
    attempts: int = strawberry.field(description="How often it was sent, since it was sent again by hand.")
    attempted_at: datetime | None = strawberry.field(description="The last attempt; null: there was none.")
    next_attempt_at: datetime | None = strawberry.field(description="The next attempt; null: there is none.")
    http_status: int | None = strawberry.field(description="The status of the last answer; null: there was none.")
    error: str | None = strawberry.field(description="Why the last attempt failed; null: it has not.")
    response: str | None = strawberry.field(description="The beginning of the last answer, up to 1,024 bytes.")

    @classmethod
    def of(cls, sending: sendings.Sending) -> Self:
        return cls(
            id=strawberry.ID(str(sending.id)),
            subscription_id=strawberry.ID(sending.subscription_id.hex),
            webhook_id=sending.webhook_id,
            event=sending.event,
            data=JSON(sending.data),
            occurred_at=sending.occurred_at,
            state=sending.state,
            attempts=sending.attempts,
            attempted_at=sending.attempted_at,
            next_attempt_at=sending.next_attempt_at,
            http_status=sending.http_status,
            error=sending.error,
            response=sending.response,
        )


@strawberry.input(description="Who is to be told of what.")
class CreateWebhookSubscriptionInput:
    url: str = strawberry.field(description="Where to post: https, at a public address.")
    events: list[str] = strawberry.field(
        default_factory=list, description='Of which events, like "points.credited"; none: of all.'
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="A name of this intention, 1 to 100 characters: sent again with the same input, it gets the "
        "same subscription, as it stands, and its secret, and is refused once that is deleted. Without one, each "
        "call makes a subscription.",
    )


@strawberry.input(description="What is to be otherwise of a webhook subscription; null: it stays.")
class EditWebhookSubscriptionInput:
    id: strawberry.ID = strawberry.field(description="The subscription's id.")
    url: str | None = strawberry.field(default=None, description="Where to post; also what is on its way.")
    events: list[str] | None = strawberry.field(
        default=None, description="Of which events; an empty list: of all."
    )
    active: bool | None = strawberry.field(
        default=None, description="Whether it is served. Activated, it is sent what waited for it."
    )


@strawberry.input(description="Whose secret to rotate.")
class RotateWebhookSecretInput:
    id: strawberry.ID = strawberry.field(description="The subscription's id.")
    secret_version: int = strawberry.field(
        description="The version that is to be replaced, so that it is not rotated twice."
    )
    previous_valid_hours: int = strawberry.field(
        default=_PREVIOUS_HOURS,
        description="How long the secret of that version signs, too: 0 to 168 hours, 24 by default.",
    )


@strawberry.input(description="Which webhook subscription to delete.")
class DeleteWebhookSubscriptionInput:
    id: strawberry.ID = strawberry.field(description="The subscription's id.")


@strawberry.input(description="Which webhook to send again.")
class RedeliverInput:
    id: strawberry.ID = strawberry.field(description="The webhook's id, as `webhookSendings` shows it.")


@strawberry.type(description="The subscription is made, or has a new secret.")
class WebhookSecretShown:
    subscription: WebhookSubscription = strawberry.field(description="The subscription.")
    secret: str = strawberry.field(
        description="What signs from now on, `whsec_` and Base64. It is shown now and never again."
    )

    @classmethod
    def of(cls, made: service.WithSecret) -> Self:
        return cls(subscription=WebhookSubscription.of(made.subscription), secret=made.secret)


@strawberry.type(description="The subscription is made.")
class CreateWebhookSubscriptionSuccess(WebhookSecretShown):
    pass


@strawberry.type(description="The subscription is as it was asked for.")
class EditWebhookSubscriptionSuccess:
    subscription: WebhookSubscription = strawberry.field(description="The subscription.")


@strawberry.type(description="The subscription has a new secret.")
class RotateWebhookSecretSuccess(WebhookSecretShown):
    pass


@strawberry.type(description="The subscription is gone, with all that was and would be sent to it.")
class DeleteWebhookSubscriptionSuccess:
    id: strawberry.ID = strawberry.field(description="The id that it had.")


@strawberry.type(description="It is sent again at once, with all its attempts.")
class RedeliverSuccess:
    sending: WebhookSending = strawberry.field(description="The webhook.")


CreateWebhookSubscriptionResult = Annotated[
    CreateWebhookSubscriptionSuccess | InvalidInput | IdempotencyConflict,
    strawberry.union("CreateWebhookSubscriptionResult", description="The subscription, or why there is none."),
]
EditWebhookSubscriptionResult = Annotated[
    EditWebhookSubscriptionSuccess | WebhookSubscriptionNotFound | InvalidInput,
    strawberry.union("EditWebhookSubscriptionResult", description="The subscription, or why it stays as it is."),
]
RotateWebhookSecretResult = Annotated[
    RotateWebhookSecretSuccess | WebhookSubscriptionNotFound | EditConflict | InvalidInput,
    strawberry.union("RotateWebhookSecretResult", description="The new secret, or why there is none."),
]
DeleteWebhookSubscriptionResult = Annotated[
    DeleteWebhookSubscriptionSuccess | WebhookSubscriptionNotFound,
    strawberry.union("DeleteWebhookSubscriptionResult", description="Its id, or why nothing was deleted."),
]
RedeliverResult = Annotated[
    RedeliverSuccess | WebhookSendingNotFound | WebhookDisabled,
    strawberry.union("RedeliverResult", description="The webhook, or why it is not sent."),
]


@strawberry.type
class WebhookOutQuery:
    @query_field(_MANAGE, "Who is told of events, oldest first; there are 20 at most.")
    async def webhook_subscriptions(
        self,
        info: Info,
        first: First = _PAGE,
    ) -> list[WebhookSubscription]:
        found = page_of(await service.list_subscriptions(*info.context.tenant), first)
        return [WebhookSubscription.of(each) for each in found]

    @query_field(_MANAGE, "What was sent in the last 30 days and what is to be sent, newest first.")
    async def webhook_sendings(
        self,
        info: Info,
        subscription: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only to this subscription.")
        ] = None,
        state: Annotated[
            SendingState | None, strawberry.argument(description="Only those of which this has become.")
        ] = None,
        first: First = _PAGE,
        after: OlderThan = None,
    ) -> Connection[WebhookSending]:
        size, before = page_size(first), None if after is None else key_of(_CURSOR, after)
        try:
            wanted = None if subscription is None else _subscription_id(subscription)
        except SubscriptionNotFound:
            return Connection[WebhookSending].of(_CURSOR, [], size, after)
        found = await sendings.list_sendings(
            *info.context.tenant, first=size + 1, subscription_id=wanted, state=state, before_id=before
        )
        return Connection[WebhookSending].of(
            _CURSOR, [(each.id, WebhookSending.of(each)) for each in found], size, after
        )


@strawberry.type
class WebhookOutMutation:
    @mutation_field(
        _MANAGE, "Tell a URL of events from now on. Its secret is shown once, or again by an idempotency key."
    )
    async def create_webhook_subscription(
        self,
        info: Info,
        input: Annotated[  # noqa: A002
            CreateWebhookSubscriptionInput, strawberry.argument(description="Who, of what.")
        ],
    ) -> CreateWebhookSubscriptionResult:
        context = info.context
        key = None if input.idempotency_key is None else idempotency_key(input.idempotency_key)
        made = await service.create_subscription(
            context.installation,
            context.principal,
            input.url,
            input.events,
            idempotency_key=key,
            now=context.now,
        )
        return CreateWebhookSubscriptionSuccess.of(made)

    @mutation_field(_MANAGE, "Change the URL or the events of a webhook subscription, or switch it.")
    async def edit_webhook_subscription(
        self,
        info: Info,
        input: Annotated[  # noqa: A002
            EditWebhookSubscriptionInput, strawberry.argument(description="Which, and what.")
        ],
    ) -> EditWebhookSubscriptionResult:
        context = info.context
        edited = await service.edit_subscription(
            context.installation,
            context.principal,
            _subscription_id(input.id),
            service.Edit(input.url, input.events, input.active),
            now=context.now,
        )
        return EditWebhookSubscriptionSuccess(subscription=WebhookSubscription.of(edited))

    @mutation_field(_MANAGE, "A new secret. For a while the previous one signs, too, so that nothing is missed.")
    async def rotate_webhook_secret(
        self,
        info: Info,
        input: Annotated[RotateWebhookSecretInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> RotateWebhookSecretResult:
        context = info.context
        rotated = await service.rotate_secret(
            context.installation,
            context.principal,
            _subscription_id(input.id),
            version=input.secret_version,
            previous_hours=input.previous_valid_hours,
            now=context.real_now,
        )
        return RotateWebhookSecretSuccess.of(rotated)

    @mutation_field(_MANAGE, "Delete a webhook subscription, with what was sent to it.")
    async def delete_webhook_subscription(
        self,
        info: Info,
        input: Annotated[DeleteWebhookSubscriptionInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> DeleteWebhookSubscriptionResult:
        context, wanted = info.context, _subscription_id(input.id)
        await service.delete_subscription(context.installation, context.principal, wanted, now=context.now)
        return DeleteWebhookSubscriptionSuccess(id=strawberry.ID(wanted.hex))

    @mutation_field(_MANAGE, "Send a webhook again, whatever became of it. Its `webhook-id` stays the same.")
    async def redeliver(
        self,
        info: Info,
        input: Annotated[RedeliverInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> RedeliverResult:
        context = info.context
        again = await sendings.redeliver(
            context.installation, context.principal, _sending_id(input.id), now=context.now
        )
        return RedeliverSuccess(sending=WebhookSending.of(again))


def _subscription_id(given: str) -> UUID:
    """Raises WebhookSubscriptionNotFound for what cannot be the id of one."""
    try:
        return UUID(hex=given)
    except ValueError:
        raise SubscriptionNotFound from None


def _sending_id(given: str) -> int:
    """Raises WebhookSendingNotFound for what cannot be the id of one."""
    if not (0 < len(given) <= _ID_DIGITS and given.isascii() and given.isdigit()):
        raise SendingNotFound
    return int(given)
