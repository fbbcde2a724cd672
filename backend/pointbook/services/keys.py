"""API keys: made, shown once, recognised, revoked. And the one door that turns a credential into a principal."""

import enum
import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from pointbook.db.queries.programmes import lock_programme
from pointbook.domain import text
from pointbook.domain.access import ALL_SCOPES, Permission, Principal, Right, Scope
from pointbook.domain.errors import InvalidInput, Unauthenticated
from pointbook.services import audit, tokens
from pointbook.services.audit import Action, Change
from pointbook.services.installation import Installation
from pointbook.services.key_directory import permissions

LIVE_KEYS_MAX: Final = 20
"""Of one kind in a programme: room for every system of a shop, each with an old and a new key."""
_ORIGINS_MAX: Final = 50
_ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]{1,253}(:[0-9]{1,5})?|https?://\[[0-9a-f:]{2,45}\](:[0-9]{1,5})?")
_MAX_CREDENTIAL: Final = 8_192


class KeyKind(enum.StrEnum):
    PUBLISHABLE = "PUBLISHABLE"
    """Stands in web pages: proves the programme, and nothing about who holds it."""
    SECRET = "SECRET"  # noqa: S105  # a kind
    """The shop's back end."""
    STAFF = "STAFF"
    """A person at the merchant's: one key each, so that the audit says who it was."""

    @property
    def prefix(self) -> str:
        return {KeyKind.PUBLISHABLE: "pk_", KeyKind.SECRET: "sk_", KeyKind.STAFF: "st_"}[self]


KEY_PREFIXES: Final = tuple(kind.prefix for kind in KeyKind)


@dataclass(frozen=True, slots=True)
class NewKey:
    """``scopes`` restrict a secret key, ``rights`` are all that a staff key may do.

    ``origins`` like https://shop.example say whose pages may use the key. A publishable key runs trusted documents
    only unless it is made for ``any_document``; the others run any.
    """

    kind: KeyKind
    label: str
    scopes: frozenset[Scope] = ALL_SCOPES
    rights: frozenset[Right] = frozenset()
    origins: tuple[str, ...] = ()
    any_document: bool = False
    expires_at: datetime | None = None

    @property
    def permissions(self) -> frozenset[Permission]:
        if self.kind is KeyKind.STAFF:
            return self.rights
        return self.scopes if self.kind is KeyKind.SECRET else frozenset()


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """``text`` is the key itself. It is shown now and never again."""

    key_id: UUID
    kind: KeyKind
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ListedKey:
    key_id: UUID
    kind: KeyKind
    label: str
    last_four: str
    permissions: frozenset[Permission]
    """Scopes of a secret key, rights of a staff key."""
    origins: tuple[str, ...]
    any_document: bool
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Who calls. ``origins``: whose pages may, empty for all; ``any_document``: not only trusted ones."""

    principal: Principal
    origins: tuple[str, ...] = ()
    any_document: bool = False


async def create_key(
    installation: Installation, programme_id: int, command: NewKey, *, now: datetime
) -> CreatedKey:
    """A key of the programme; two and more of a kind may live side by side, so that one can replace the other.

    Raises InvalidInput, also when ``LIVE_KEYS_MAX`` of the kind are live.
    """
    label = text.identifier("label", command.label)
    origins = _origins(command.origins)
    if command.kind is KeyKind.STAFF and not command.rights:
        raise InvalidInput("rights", "must be at least one for a staff key")
    if command.expires_at is not None and command.expires_at <= now:
        raise InvalidInput("expiresAt", "must lie in the future")
    key = command.kind.prefix + secrets.token_urlsafe(32)
    key_id = uuid4()
    async with installation.db.bare_transaction(programme_id) as connection:
        await lock_programme(connection, programme_id)
        if await connection.fetchval(_LIVE, programme_id, command.kind, now) >= LIVE_KEYS_MAX:
            raise InvalidInput("kind", f"{LIVE_KEYS_MAX} keys of this kind are live: revoke one first")
        await connection.execute(
            _INSERT,
            programme_id,
            key_id,
            command.kind,
            _digest(key),
            key[-4:],
            label,
            sorted(command.permissions),
            origins,
            command.any_document or command.kind is not KeyKind.PUBLISHABLE,
            now,
            command.expires_at,
        )
        made = _told(command.kind, label, sorted(command.permissions), origins)
        change = Change(Action.KEY_CREATED, f"key {key_id}", None, made)
        await audit.append(connection, programme_id, [change], by=audit.OPERATOR, now=now)
    return CreatedKey(key_id, command.kind, key)


async def revoke_key(installation: Installation, programme_id: int, key_id: UUID, *, now: datetime) -> None:
    """From now on nobody is known by this key (other processes learn it within seconds); again: nothing.

    Raises InvalidInput for a key the programme does not have.
    """
    async with installation.db.bare_transaction(programme_id) as connection:
        key = await connection.fetchrow(_FIND, programme_id, key_id)
        if key is None:
            raise InvalidInput("keyId", "is no key of this programme")
        if await connection.fetchval(_REVOKE, programme_id, key_id, now):
            was = _told(key["kind"], key["label"], key["scopes"], key["origins"])
            change = Change(Action.KEY_REVOKED, f"key {key_id}", was, None)
            await audit.append(connection, programme_id, [change], by=audit.OPERATOR, now=now)
    installation.keys.forget(programme_id, digest=key["digest"])


async def list_keys(installation: Installation, programme_id: int) -> list[ListedKey]:
    """All keys of the programme, revoked ones too, oldest first."""
    rows = await installation.db.pool.fetch(_LIST, programme_id)
    return [
        ListedKey(
            row["key_id"],
            KeyKind(row["kind"]),
            row["label"],
            row["last_four"],
            permissions(row["scopes"]),
            tuple(row["origins"]),
            row["any_document"],
            row["created_at"],
            row["expires_at"],
            row["revoked_at"],
        )
        for row in rows
    ]


async def authenticate(installation: Installation, credential: str, *, now: datetime) -> Authenticated:
    """Whose key or customer token this is. Raises Unauthenticated for whatever is not good."""
    if len(credential) > _MAX_CREDENTIAL or not credential.isascii():
        raise Unauthenticated
    if not credential.startswith(KEY_PREFIXES):
        return Authenticated(await tokens.verify_customer_token(installation, credential, now=now))
    record = await installation.keys.api_key(_digest(credential))
    if record is None or (record.expires_at is not None and record.expires_at <= now):
        raise Unauthenticated
    return Authenticated(record.principal, record.origins, record.any_document)


def _told(kind: str, label: str, permissions: Sequence[str], origins: Sequence[str]) -> dict[str, object]:
    """What the audit says of a key."""
    return {"kind": kind, "label": label, "permissions": list(permissions), "origins": list(origins)}


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("ascii")).digest()


def _origins(origins: tuple[str, ...]) -> list[str]:
    if len(origins) > _ORIGINS_MAX:
        raise InvalidInput("origins", f"must be at most {_ORIGINS_MAX}")
    for place, origin in enumerate(origins):
        if not _ORIGIN.fullmatch(origin):
            raise InvalidInput(f"origins[{place}]", "must be an origin like https://shop.example, in lower case")
    return list(dict.fromkeys(origins))


_LIVE = """
select count(*) from api_key
where programme_id = $1 and kind = $2 and revoked_at is null and (expires_at is null or expires_at > $3)
"""

_INSERT = """
insert into api_key
    (programme_id, key_id, kind, digest, last_four, label, scopes, origins, any_document, created_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""

_FIND = "select * from api_key where programme_id = $1 and key_id = $2"

_REVOKE = """
update api_key set revoked_at = $3 where programme_id = $1 and key_id = $2 and revoked_at is null returning true
"""

_LIST = "select * from api_key where programme_id = $1 order by created_at, key_id"
