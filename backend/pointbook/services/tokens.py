"""Customer tokens: JWTs that name a shop's customer for at most 15 minutes, and the keys that sign them.

A token's header names its key by ``kid``; the key's record, not the token, says which algorithm counts.
Claims: ``aud`` "pointbook", ``sub`` the shop's customer id, ``iat`` and ``exp``.
"""

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pointbook.db.queries.programmes import lock_programme
from pointbook.db.session import Connection
from pointbook.domain import text
from pointbook.domain.access import CallerKind, Principal
from pointbook.domain.errors import InvalidInput, Unauthenticated
from pointbook.services import audit
from pointbook.services.audit import Action, Change
from pointbook.services.installation import Installation
from pointbook.services.key_directory import HS256, PublicKey, public_key, shared_secret

AUDIENCE: Final = "pointbook"
LONGEST_LIFE: Final = timedelta(minutes=15)
LEEWAY: Final = timedelta(seconds=30)
LIVE_TOKEN_KEYS_MAX: Final = 2
"""A shop signs with one and has at most one more, to go over to. The same counts for Pointbook's own."""
OWN_KEY_REST: Final = timedelta(minutes=16)
"""How long an own key still verifies once it has a successor: a token's life, the leeway, and what caches take."""
ALGORITHMS: Final = (HS256, "ES256", "RS256", "EdDSA")
_LAST_SECOND: Final = 2**40
_MAX_PEM: Final = 4_096
_LEAST_RSA_BITS: Final = 2_048
_CLAIMS: Final = ["aud", "sub", "iat", "exp"]


@dataclass(frozen=True, slots=True)
class CreatedTokenKey:
    """``secret`` of an HS256 key goes to the shop's back end; a public key has none here."""

    kid: str
    algorithm: str
    secret: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ListedTokenKey:
    """``own``: Pointbook signs with it, not the shop."""

    kid: str
    algorithm: str
    own: bool
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class CustomerToken:
    token: str = field(repr=False)
    expires_at: datetime


async def create_token_key(
    installation: Installation, programme_id: int, algorithm: str, pem: str | None = None, *, now: datetime
) -> CreatedTokenKey:
    """A key the shop signs with: HS256 (its secret is answered), or ES256, RS256, EdDSA by its public key (PEM).

    Raises InvalidInput: unknown algorithm, a key that does not fit it, or two keys live already.
    """
    normal_pem = _checked_pem(algorithm, pem)
    kid = new_kid()
    async with installation.db.bare_transaction(programme_id) as connection:
        await lock_programme(connection, programme_id)
        if await connection.fetchval(_LIVE, programme_id, "SHOP") >= LIVE_TOKEN_KEYS_MAX:
            raise InvalidInput("algorithm", f"{LIVE_TOKEN_KEYS_MAX} token keys are live: revoke one first")
        await connection.execute(_INSERT, programme_id, kid, algorithm, "SHOP", normal_pem, now)
        await _note(connection, programme_id, Action.KEY_CREATED, kid, "SHOP", now)
    secret = shared_secret(installation.secrets, kid) if algorithm == HS256 else None
    return CreatedTokenKey(kid, algorithm, secret)


async def add_own_key(connection: Connection, programme_id: int, *, now: datetime) -> str:
    """The key with which Pointbook signs for ``customerTokenCreate``; each programme has one from its start."""
    kid = new_kid()
    await connection.execute(_INSERT, programme_id, kid, HS256, "POINTBOOK", None, now)
    return kid


async def rotate_own_key(installation: Installation, programme_id: int, *, now: datetime) -> str:
    """The kid of a new key that Pointbook signs with from now on; the old one verifies until it is revoked.

    Raises InvalidInput while an older one than the last is live.
    """
    async with installation.db.bare_transaction(programme_id) as connection:
        await lock_programme(connection, programme_id)
        if await connection.fetchval(_LIVE, programme_id, "POINTBOOK") >= LIVE_TOKEN_KEYS_MAX:
            raise InvalidInput("kid", f"{LIVE_TOKEN_KEYS_MAX} own keys are live: revoke the older one first")
        # The newest signs, so a clock that was set back must not make this one older than the last.
        last: datetime = await connection.fetchval(_LAST_OWN, programme_id)
        kid = await add_own_key(connection, programme_id, now=max(now, last + timedelta(microseconds=1)))
        await _note(connection, programme_id, Action.KEY_CREATED, kid, "POINTBOOK", now)
    installation.keys.forget(programme_id)
    return kid


async def list_token_keys(installation: Installation, programme_id: int) -> list[ListedTokenKey]:
    """All of the programme, revoked ones and Pointbook's own too, oldest first."""
    return [
        ListedTokenKey(
            row["kid"], row["algorithm"], row["holder"] == "POINTBOOK", row["created_at"], row["revoked_at"]
        )
        for row in await installation.db.pool.fetch(_LIST, programme_id)
    ]


async def revoke_token_key(installation: Installation, programme_id: int, kid: str, *, now: datetime) -> None:
    """Tokens of this key end at once here, within seconds in other processes; again: nothing.

    Raises InvalidInput if unknown, or Pointbook's own without a successor for ``OWN_KEY_REST``.
    """
    async with installation.db.bare_transaction(programme_id) as connection:
        await lock_programme(connection, programme_id)
        key = await connection.fetchrow(_KEY, programme_id, kid)
        if key is None:
            raise InvalidInput("kid", "is no token key of this programme")
        if key["holder"] == "POINTBOOK":
            _check_replaced(key["replaced_at"], now)
        if await connection.fetchval(_REVOKE, programme_id, kid, now):
            await _note(connection, programme_id, Action.KEY_REVOKED, kid, key["holder"], now)
    installation.keys.forget(programme_id, kid=kid)


async def create_customer_token(
    installation: Installation,
    programme_id: int,
    subject: str,
    *,
    now: datetime,
    lifetime: timedelta = LONGEST_LIFE,
) -> CustomerToken:
    """A token for the shop's customer ``subject``, made by Pointbook for a shop that does not sign itself.

    Raises InvalidInput for a subject that cannot be one, or a lifetime outside of 1 second to 15 minutes.
    """
    text.identifier("customerExternalId", subject)
    if not timedelta(seconds=1) <= lifetime <= LONGEST_LIFE:
        raise InvalidInput("lifetime", "must be 1 second to 15 minutes")
    kid = await installation.keys.own_kid(programme_id)
    assert kid is not None, "a programme is made with a key of its own"
    issued = int(now.timestamp())
    expires = issued + int(lifetime.total_seconds())
    token = jwt.encode(
        {"aud": AUDIENCE, "sub": subject, "iat": issued, "exp": expires},
        shared_secret(installation.secrets, kid),
        algorithm=HS256,
        headers={"kid": kid},
    )
    return CustomerToken(token, datetime.fromtimestamp(expires, tz=now.tzinfo))


async def verify_customer_token(installation: Installation, token: str, *, now: datetime) -> Principal:
    """The customer a token names. Raises Unauthenticated: no token, forged, expired, too long-lived, too early."""
    record = await installation.keys.token_key(kid_of(token))
    if record is None:
        raise Unauthenticated
    claims = _claims(token, record.verifier, record.algorithm)
    _check_instants(claims, now)
    issued_at = datetime.fromtimestamp(_seconds(claims["iat"]), tz=UTC)
    subject = _subject(claims)
    return Principal(CallerKind.CUSTOMER, record.programme_id, record.kid, subject=subject, issued_at=issued_at)


def new_kid() -> str:
    return secrets.token_hex(8)


def _check_replaced(at: datetime | None, now: datetime) -> None:
    if at is None:
        raise InvalidInput("kid", "is the key that Pointbook signs with: rotate it first")
    if now < at + OWN_KEY_REST:
        ends = (at + OWN_KEY_REST).isoformat(timespec="seconds")
        raise InvalidInput("kid", f"has signed tokens that are still good: revoke it from {ends} on")


def kid_of(token: str) -> str:
    """The name of the key that a token is said to be signed with. Raises Unauthenticated."""
    try:
        kid = jwt.get_unverified_header(token).get("kid")
    except (jwt.PyJWTError, ValueError) as error:
        raise Unauthenticated from error
    if not isinstance(kid, str) or not kid.isascii() or not kid.isalnum():
        raise Unauthenticated
    return kid


def end_of(token: str) -> datetime:
    """The instant from which on a token that was verified is good no more."""
    claims = jwt.decode(token, options={"verify_signature": False})
    return datetime.fromtimestamp(_seconds(claims["exp"]), UTC) + LEEWAY


def _claims(token: str, verifier: str | PublicKey, algorithm: str) -> dict[str, Any]:
    """Signature and audience are the library's part; instants are judged by the caller's clock."""
    options: Any = {
        "require": _CLAIMS,
        "strict_aud": True,
        "verify_exp": False,
        "verify_iat": False,
        "verify_nbf": False,
    }
    try:
        claims: dict[str, Any] = jwt.decode(
            token, verifier, algorithms=[algorithm], audience=AUDIENCE, options=options
        )
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise Unauthenticated from error
    return claims


def _check_instants(claims: dict[str, Any], now: datetime) -> None:
    issued, expires = _seconds(claims["iat"]), _seconds(claims["exp"])
    not_before = _seconds(claims.get("nbf", issued))
    current, leeway = now.timestamp(), LEEWAY.total_seconds()
    begun = max(issued, not_before) <= current + leeway
    ended = expires <= current - leeway
    if not begun or ended or not 0 < expires - issued <= LONGEST_LIFE.total_seconds():
        raise Unauthenticated


async def _note(  # noqa: PLR0917  # who did what
    connection: Connection, programme_id: int, action: Action, kid: str, holder: str, now: datetime
) -> None:
    key = {"holder": holder}
    made = action is Action.KEY_CREATED
    change = Change(action, f"token key {kid}", None if made else key, key if made else None)
    await audit.append(connection, programme_id, [change], by=audit.OPERATOR, now=now)


def _seconds(claim: object) -> float:
    """Since 1970; fractions are allowed (RFC 7519), infinities and numbers without sense are not."""
    if isinstance(claim, bool) or not isinstance(claim, int | float) or not 0 <= claim <= _LAST_SECOND:
        raise Unauthenticated
    return claim


def _subject(claims: dict[str, Any]) -> str:
    try:
        return text.identifier("sub", claims["sub"])
    except InvalidInput as error:
        raise Unauthenticated from error


def _checked_pem(algorithm: str, pem: str | None) -> str | None:
    """The public key in its one PEM form; None for HS256."""
    if algorithm not in ALGORITHMS:
        raise InvalidInput("algorithm", f"must be one of {', '.join(ALGORITHMS)}")
    if (pem is None) != (algorithm == HS256):
        raise InvalidInput("publicKey", "belongs to ES256, RS256 and EdDSA, and to them only")
    if pem is None:
        return None
    try:
        key = public_key(pem[:_MAX_PEM])
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidInput("publicKey", "must be a public key in PEM form") from error
    if not _fits(algorithm, key):
        raise InvalidInput("publicKey", f"is no key for {algorithm} (P-256, RSA from 2,048 bits, or Ed25519)")
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def _fits(algorithm: str, key: PublicKey) -> bool:
    match key:
        case EllipticCurvePublicKey():
            return algorithm == "ES256" and isinstance(key.curve, SECP256R1)
        case RSAPublicKey():
            return algorithm == "RS256" and key.key_size >= _LEAST_RSA_BITS
        case Ed25519PublicKey():
            return algorithm == "EdDSA"


_LIVE = "select count(*) from token_key where programme_id = $1 and holder = $2 and revoked_at is null"
_LAST_OWN = "select max(created_at) from token_key where programme_id = $1 and holder = 'POINTBOOK'"
_LIST = "select * from token_key where programme_id = $1 order by created_at, kid"
_INSERT = """
insert into token_key (programme_id, kid, algorithm, holder, public_key, created_at)
values ($1, $2, $3, $4, $5, $6)
"""
_KEY = """
select key.holder, (
    select min(newer.created_at) from token_key as newer
    where newer.programme_id = key.programme_id and newer.holder = key.holder and newer.created_at > key.created_at
) as replaced_at
from token_key as key
where key.programme_id = $1 and key.kid = $2
"""
_REVOKE = """
update token_key set revoked_at = $3 where programme_id = $1 and kid = $2 and revoked_at is null returning true
"""
