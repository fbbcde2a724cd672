"""Who is told of events: made, with a secret that is shown once; changed, its secret rotated; deleted."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from pointbook.db.queries import webhook_subscriptions as rows
from pointbook.db.queries.programmes import lock_programme
from pointbook.db.retry import retrying
from pointbook.db.session import Connection
from pointbook.domain.access import Principal
from pointbook.domain.errors import EditConflict, IdempotencyConflict, InvalidInput, WebhookSubscriptionNotFound
from pointbook.domain.webhook_states import DisabledReason, SubscriptionState
from pointbook.domain.webhook_targets import checked_target
from pointbook.ledger import Request
from pointbook.services import audit
from pointbook.services.audit import Action, Change
from pointbook.services.installation import Installation
from pointbook.services.requests import request_of
from pointbook.services.webhook_events import EVENTS
from pointbook.services.webhook_secrets import secret_text

SUBSCRIPTIONS_MAX: Final = 20
"""Of a programme."""
PREVIOUS_HOURS_MAX: Final = 168


@dataclass(frozen=True, slots=True)
class Subscription:
    """``events`` None: all of them. ``failing_since``: nothing but failures came since then."""

    id: UUID
    url: str
    events: tuple[str, ...] | None
    state: SubscriptionState
    disabled_reason: DisabledReason | None
    secret_version: int
    previous_secret_until: datetime | None
    failing_since: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class WithSecret:
    """``secret`` is what webhooks are signed with from now on. It is shown now and never again."""

    subscription: Subscription
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Edit:
    """What is to be otherwise; None: as it is. ``events`` empty: all of them."""

    url: str | None = None
    events: Sequence[str] | None = None
    active: bool | None = None


async def create_subscription(
    installation: Installation,
    principal: Principal,
    url: str,
    events: Sequence[str],
    *,
    idempotency_key: str | None = None,
    now: datetime,
) -> WithSecret:
    """Tell ``url`` of these events from now on; of all if there are none.

    The same key again: the same subscription as it stands, with the secret of now; without a key each call makes
    one. Raises IdempotencyConflict, and InvalidInput, also when what the key has made is deleted by now and when
    there are ``SUBSCRIPTIONS_MAX``.
    """
    checked_target("url", url, private_allowed=installation.webhooks_to_private)
    chosen, programme_id = _checked_events(events), principal.programme_id
    key = uuid4().hex if idempotency_key is None else idempotency_key
    request = request_of(installation, principal, "createWebhookSubscription", key, url, chosen)
    subscription_id = _id_of(request)

    async def attempt() -> rows.SubscriptionRow:
        async with installation.db.bare_transaction(programme_id) as connection:
            await lock_programme(connection, programme_id)
            earlier = await rows.made_by_request(connection, programme_id, request.digest)
            if earlier is not None:  # it was committed, and the answer lost
                made, said = earlier
                if said != request.input:
                    raise IdempotencyConflict
                return made
            if await _is_deleted(connection, programme_id, subscription_id):
                raise InvalidInput(
                    "idempotencyKey", "has made a subscription that is deleted by now: take another"
                )
            if await rows.count(connection, programme_id) >= SUBSCRIPTIONS_MAX:
                raise InvalidInput("url", f"there are {SUBSCRIPTIONS_MAX} webhook subscriptions: delete one first")
            asked = request.digest, request.input
            made = await rows.insert(connection, programme_id, subscription_id, url, chosen, asked, now=now)
            await _audit(connection, principal, Action.WEBHOOK_CREATED, None, made, now=now)
            return made

    return _with_secret(installation, await retrying(attempt))


async def edit_subscription(
    installation: Installation, principal: Principal, subscription_id: UUID, edit: Edit, *, now: datetime
) -> Subscription:
    """Change it; what is on its way goes to the new URL. Activated, it is sent what waited and has new patience.

    Raises WebhookSubscriptionNotFound, InvalidInput.
    """
    if edit.url is not None:
        checked_target("url", edit.url, private_allowed=installation.webhooks_to_private)
    chosen = None if edit.events is None else _checked_events(edit.events)
    programme_id = principal.programme_id

    async def attempt() -> Subscription:
        async with installation.db.bare_transaction(programme_id) as connection:
            before = await _locked(connection, programme_id, subscription_id)
            after = before
            if edit.url not in (None, before.url):
                after = after._replace(url=edit.url, failing_since=None)
            if edit.events is not None:
                after = after._replace(events=chosen)
            after = _switched(after, edit.active)
            if after != before:
                await rows.update(connection, programme_id, after)
                await _audit(connection, principal, Action.WEBHOOK_CHANGED, before, after, now=now)
            return subscription_of(after)

    return await retrying(attempt)


async def rotate_secret(
    installation: Installation,
    principal: Principal,
    subscription_id: UUID,
    *,
    version: int,
    previous_hours: int,
    now: datetime,
) -> WithSecret:
    """A new secret in the place of ``version``, which signs too for ``previous_hours`` more.

    Two sign at most: while the one before ``version`` still does, only a rotation that ends both at once is taken.
    Raises WebhookSubscriptionNotFound, InvalidInput, EditConflict: it has another version by now.
    """
    if not 0 <= previous_hours <= PREVIOUS_HOURS_MAX:
        raise InvalidInput("previousValidHours", f"must be 0 to {PREVIOUS_HOURS_MAX}")
    programme_id = principal.programme_id
    written: rows.SubscriptionRow | None = None

    async def attempt() -> rows.SubscriptionRow:
        nonlocal written
        async with installation.db.bare_transaction(programme_id) as connection:
            before = await _locked(connection, programme_id, subscription_id)
            if written is not None and _secrets_of(before) == _secrets_of(written):
                return before  # an earlier try was committed, and the answer lost
            if before.secret_version != version:
                raise EditConflict(_subject(subscription_id), before.secret_version)
            until = before.previous_secret_until
            if previous_hours and until is not None and until > now:
                raise InvalidInput("previousValidHours", f"must be 0 while another secret signs, to {until}")
            after = before._replace(
                secret_version=version + 1,
                previous_secret_until=now + timedelta(hours=previous_hours) if previous_hours else None,
            )
            await rows.update(connection, programme_id, after)
            await _audit(connection, principal, Action.WEBHOOK_SECRET_ROTATED, before, after, now=now)
            written = after
            return after

    return _with_secret(installation, await retrying(attempt))


async def delete_subscription(
    installation: Installation, principal: Principal, subscription_id: UUID, *, now: datetime
) -> None:
    """It and all that was and would be sent to it. Raises WebhookSubscriptionNotFound."""
    programme_id = principal.programme_id
    is_deleted = False

    async def attempt() -> None:
        nonlocal is_deleted
        async with installation.db.bare_transaction(programme_id) as connection:
            before = await rows.lock(connection, programme_id, subscription_id)
            if before is None and is_deleted:
                return  # an earlier try was committed, and the answer lost
            if before is None:
                raise WebhookSubscriptionNotFound
            await rows.delete(connection, programme_id, subscription_id)
            await _audit(connection, principal, Action.WEBHOOK_DELETED, before, None, now=now)
            is_deleted = True

    await retrying(attempt)


async def list_subscriptions(installation: Installation, programme_id: int) -> list[Subscription]:
    """All of the programme, oldest first; at most ``SUBSCRIPTIONS_MAX``."""
    async with installation.db.bare_transaction(programme_id) as connection:
        return [subscription_of(row) for row in await rows.all_of(connection, programme_id)]


def subscription_of(row: rows.SubscriptionRow) -> Subscription:
    return Subscription(
        row.subscription_id,
        row.url,
        None if row.events is None else tuple(row.events),
        SubscriptionState(row.state),
        None if row.disabled_reason is None else DisabledReason(row.disabled_reason),
        row.secret_version,
        row.previous_secret_until,
        row.failing_since,
        row.created_at,
    )


def _checked_events(events: Sequence[str]) -> list[str] | None:
    """In the order of the product; None for all. Raises InvalidInput for one that there is not."""
    for place, event in enumerate(events):
        if event not in EVENTS:
            raise InvalidInput(f"events[{place}]", f"must be one of {', '.join(EVENTS)}")
    return [event for event in EVENTS if event in events] or None


def _switched(row: rows.SubscriptionRow, active: bool | None) -> rows.SubscriptionRow:  # noqa: FBT001  # a field
    is_active = row.state == SubscriptionState.ACTIVE
    if active is None or active == is_active:
        return row
    if active:
        return row._replace(state=SubscriptionState.ACTIVE.value, disabled_reason=None, failing_since=None)
    return row._replace(state=SubscriptionState.DISABLED.value, disabled_reason=DisabledReason.STAFF.value)


async def _locked(connection: Connection, programme_id: int, subscription_id: UUID) -> rows.SubscriptionRow:
    found = await rows.lock(connection, programme_id, subscription_id)
    if found is None:
        raise WebhookSubscriptionNotFound
    return found


def _id_of(request: Request) -> UUID:
    """What a request makes has one id, by which the audit still knows it when its row is gone."""
    return UUID(bytes=request.digest[:16], version=4)


async def _is_deleted(connection: Connection, programme_id: int, subscription_id: UUID) -> bool:
    return await audit.has_happened(connection, programme_id, Action.WEBHOOK_DELETED, _subject(subscription_id))


def _subject(subscription_id: UUID) -> str:
    return f"webhook subscription {subscription_id.hex}"


async def _audit(  # who did what
    connection: Connection,
    principal: Principal,
    action: Action,
    before: rows.SubscriptionRow | None,
    after: rows.SubscriptionRow | None,
    *,
    now: datetime,
) -> None:
    changed = after or before
    assert changed is not None, "there was one, or there is one"
    change = Change(action, _subject(changed.subscription_id), _document(before), _document(after))
    await audit.append(connection, principal.programme_id, [change], by=principal.identity, now=now)


def _document(row: rows.SubscriptionRow | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return {"url": row.url, "events": row.events, "state": row.state, "secretVersion": row.secret_version}


def _secrets_of(row: rows.SubscriptionRow) -> tuple[int, datetime | None]:
    return row.secret_version, row.previous_secret_until


def _with_secret(installation: Installation, row: rows.SubscriptionRow) -> WithSecret:
    return WithSecret(
        subscription_of(row), secret_text(installation.secrets, row.subscription_id, row.secret_version)
    )
