"""Webhook endpoints: made, their secret shown once, revoked; several live, so that one can replace another."""

import base64
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from pointbook.db.queries.programmes import lock_programme
from pointbook.domain import text
from pointbook.domain.errors import InvalidInput
from pointbook.domain.webhook_signatures import STANDARD_PREFIX
from pointbook.services import audit
from pointbook.services.audit import Action, Change
from pointbook.services.installation import Installation
from pointbook.services.key_directory import WebhookKind, webhook_secret

LIVE_ENDPOINTS_MAX: Final = 20
"""In a programme: room for every system of a shop, each with an old and a new one."""


@dataclass(frozen=True, slots=True)
class CreatedEndpoint:
    """``secret`` is what the sender signs with. It is shown now and never again."""

    endpoint_id: str
    kind: WebhookKind
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ListedEndpoint:
    endpoint_id: str
    kind: WebhookKind
    label: str
    created_at: datetime
    revoked_at: datetime | None


async def create_endpoint(
    installation: Installation, programme_id: int, kind: WebhookKind, label: str, *, now: datetime
) -> CreatedEndpoint:
    """An address that takes webhooks of a kind. Raises InvalidInput, also when ``LIVE_ENDPOINTS_MAX`` are live."""
    text.identifier("label", label)
    endpoint_id = secrets.token_hex(16)
    async with installation.db.bare_transaction(programme_id) as connection:
        await lock_programme(connection, programme_id)
        if await connection.fetchval(_LIVE, programme_id) >= LIVE_ENDPOINTS_MAX:
            raise InvalidInput("kind", f"{LIVE_ENDPOINTS_MAX} webhook endpoints are live: revoke one first")
        await connection.execute(_INSERT, programme_id, endpoint_id, kind, label, now)
        made = {"kind": kind.value, "label": label}
        change = Change(Action.ENDPOINT_CREATED, f"webhook endpoint {endpoint_id}", None, made)
        await audit.append(connection, programme_id, [change], by=audit.OPERATOR, now=now)
    return CreatedEndpoint(endpoint_id, kind, secret_text(kind, webhook_secret(installation.secrets, endpoint_id)))


async def list_endpoints(installation: Installation, programme_id: int) -> list[ListedEndpoint]:
    """All of the programme, revoked ones too, oldest first."""
    return [
        ListedEndpoint(
            row["endpoint_id"], WebhookKind(row["kind"]), row["label"], row["created_at"], row["revoked_at"]
        )
        for row in await installation.db.pool.fetch(_LIST, programme_id)
    ]


async def revoke_endpoint(
    installation: Installation, programme_id: int, endpoint_id: str, *, now: datetime
) -> None:
    """From now on nothing is taken there (other processes learn it within seconds); again: nothing.

    Raises InvalidInput for an endpoint the programme does not have.
    """
    async with installation.db.bare_transaction(programme_id) as connection:
        row = await connection.fetchrow(_FIND, programme_id, endpoint_id)
        if row is None:
            raise InvalidInput("endpointId", "is no webhook endpoint of this programme")
        if await connection.fetchval(_REVOKE, programme_id, endpoint_id, now):
            was = {"kind": row["kind"], "label": row["label"]}
            change = Change(Action.ENDPOINT_REVOKED, f"webhook endpoint {endpoint_id}", was, None)
            await audit.append(connection, programme_id, [change], by=audit.OPERATOR, now=now)
    installation.keys.forget(programme_id, endpoint_id=endpoint_id)


def secret_text(kind: WebhookKind, secret: bytes) -> str:
    """The secret as the sender is given it: Standard Webhooks sign with its bytes, WooCommerce with its text."""
    if kind is WebhookKind.STANDARD:
        return STANDARD_PREFIX + base64.b64encode(secret).decode("ascii")
    return base64.urlsafe_b64encode(secret).rstrip(b"=").decode("ascii")


_LIVE = "select count(*) from webhook_endpoint where programme_id = $1 and revoked_at is null"
_INSERT = """
insert into webhook_endpoint (programme_id, endpoint_id, kind, label, created_at) values ($1, $2, $3, $4, $5)
"""
_LIST = "select * from webhook_endpoint where programme_id = $1 order by created_at, endpoint_id"
_FIND = "select kind, label from webhook_endpoint where programme_id = $1 and endpoint_id = $2"
_REVOKE = """
update webhook_endpoint set revoked_at = $3
where programme_id = $1 and endpoint_id = $2 and revoked_at is null
returning true
"""
