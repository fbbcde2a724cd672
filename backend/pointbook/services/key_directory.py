"""Keys by what a caller shows: the digest of an API key, the kid of a customer token, a webhook's address."""

import base64
import enum
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from pointbook.db.session import Database
from pointbook.domain.access import ALL_SCOPES, CallerKind, Permission, Principal, Right, Scope
from pointbook.services.caches import ExpiringCache
from pointbook.services.directory import CACHE_LIFE

HS256: Final = "HS256"
PublicKey: TypeAlias = EllipticCurvePublicKey | Ed25519PublicKey | RSAPublicKey
_KEYS: Final = 10_000
_CALLERS: Final = {"PUBLISHABLE": CallerKind.GUEST, "SECRET": CallerKind.SERVER, "STAFF": CallerKind.STAFF}


class DerivesSecrets(Protocol):
    def derive(self, purpose: str, *parts: str) -> bytes: ...


def shared_secret(secrets: DerivesSecrets, kid: str) -> str:
    """The secret of an HS256 key as the text both sides sign with: 43 signs, derived and never stored."""
    return base64.urlsafe_b64encode(secrets.derive("customer token", kid)).rstrip(b"=").decode("ascii")


class WebhookKind(enum.StrEnum):
    """Whose manner of signing and speaking the webhooks of an endpoint have."""

    STANDARD = "STANDARD"
    """Standard Webhooks, with Pointbook's own documents."""
    WOOCOMMERCE = "WOOCOMMERCE"


def webhook_secret(secrets: DerivesSecrets, endpoint_id: str) -> bytes:
    """The 32 bytes by which the webhooks of an endpoint are signed, derived and never stored."""
    return secrets.derive("webhook", endpoint_id)


@dataclass(frozen=True, slots=True)
class ApiKeyRecord:
    """A key that was not revoked when it was read. ``origins`` empty: pages of every origin may use it."""

    principal: Principal
    origins: tuple[str, ...]
    any_document: bool
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class TokenKeyRecord:
    """``verifier`` proves signatures of exactly ``algorithm``: the shared secret's text, or a public key."""

    programme_id: int
    kid: str
    algorithm: str
    verifier: str | PublicKey


@dataclass(frozen=True, slots=True)
class WebhookEndpointRecord:
    """An endpoint that was not revoked when it was read."""

    programme_id: int
    endpoint_id: str
    kind: WebhookKind
    secret: bytes = field(repr=False)


class KeyDirectory:
    """Live keys, at most ``CACHE_LIFE`` old. Unknown ones are looked up every time."""

    def __init__(self, db: Database, secrets: DerivesSecrets) -> None:
        self._db = db
        self._secrets = secrets
        self._api: ExpiringCache[bytes, ApiKeyRecord] = ExpiringCache(self._load_api, life=CACHE_LIFE, size=_KEYS)
        self._token: ExpiringCache[str, TokenKeyRecord] = ExpiringCache(
            self._load_token, life=CACHE_LIFE, size=_KEYS
        )
        self._own: ExpiringCache[int, str] = ExpiringCache(self._load_own, life=CACHE_LIFE, size=_KEYS)
        self._webhook: ExpiringCache[str, WebhookEndpointRecord] = ExpiringCache(
            self._load_webhook, life=CACHE_LIFE, size=_KEYS
        )

    async def api_key(self, digest: bytes) -> ApiKeyRecord | None:
        return await self._api.get(digest)

    async def token_key(self, kid: str) -> TokenKeyRecord | None:
        return await self._token.get(kid)

    async def own_kid(self, programme_id: int) -> str | None:
        """The kid under which Pointbook itself signs tokens of the programme."""
        return await self._own.get(programme_id)

    async def webhook_endpoint(self, endpoint_id: str) -> WebhookEndpointRecord | None:
        return await self._webhook.get(endpoint_id)

    def forget(self, programme_id: int, *, digest: bytes = b"", kid: str = "", endpoint_id: str = "") -> None:
        self._api.forget(digest)
        self._token.forget(kid)
        self._webhook.forget(endpoint_id)
        self._own.forget(programme_id)

    async def _load_api(self, digest: bytes) -> ApiKeyRecord | None:
        row = await self._db.one_row(None, _API_KEY, digest)
        if row is None:
            return None
        principal = Principal(
            _CALLERS[row["kind"]], row["programme_id"], str(row["key_id"]), permissions(row["scopes"])
        )
        return ApiKeyRecord(principal, tuple(row["origins"]), row["any_document"], row["expires_at"])

    async def _load_token(self, kid: str) -> TokenKeyRecord | None:
        row = await self._db.one_row(None, _TOKEN_KEY, kid)
        if row is None:
            return None
        pem = row["public_key"]
        verifier = shared_secret(self._secrets, kid) if pem is None else public_key(pem)
        return TokenKeyRecord(row["programme_id"], kid, row["algorithm"], verifier)

    async def _load_own(self, programme_id: int) -> str | None:
        row = await self._db.one_row(None, _OWN_KID, programme_id)
        return None if row is None else str(row["kid"])

    async def _load_webhook(self, endpoint_id: str) -> WebhookEndpointRecord | None:
        row = await self._db.one_row(None, _WEBHOOK_ENDPOINT, endpoint_id)
        if row is None:
            return None
        secret = webhook_secret(self._secrets, endpoint_id)
        return WebhookEndpointRecord(row["programme_id"], endpoint_id, WebhookKind(row["kind"]), secret)


def permissions(words: Iterable[str]) -> frozenset[Permission]:
    """Scopes and rights as a key's row has them."""
    return frozenset(Scope(word) if word in ALL_SCOPES else Right(word) for word in words)


def public_key(pem: str) -> PublicKey:
    """Raises ValueError for anything but a public key of a kind that signs tokens."""
    key = load_pem_public_key(pem.encode("ascii"))
    if isinstance(key, EllipticCurvePublicKey | Ed25519PublicKey | RSAPublicKey):
        return key
    raise ValueError("no key that signs tokens")


_API_KEY = "select * from api_key where digest = $1 and revoked_at is null"
_TOKEN_KEY = "select * from token_key where kid = $1 and revoked_at is null"  # noqa: S105  # a statement
_WEBHOOK_ENDPOINT = "select programme_id, kind from webhook_endpoint where endpoint_id = $1 and revoked_at is null"
_OWN_KID = """
select kid from token_key where programme_id = $1 and holder = 'POINTBOOK' and revoked_at is null
order by created_at desc, kid limit 1
"""
