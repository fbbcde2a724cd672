"""Who calls: a key in ``Pointbook-Key`` or ``Authorization``, and a customer's token beside a key.

- ``Authorization: Bearer sk_...``: the shop's back end; ``st_...``: a person at the merchant's
- ``Pointbook-Key: pk_...`` (or as Bearer): a page, anybody
- ``Authorization: Bearer <token>`` with ``Pointbook-Key: pk_...``: a customer on a page. With a secret key
  instead, the shop's back end acts for the customer and may send documents of its own.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from starlette.datastructures import Headers

from pointbook.domain.access import CallerKind, Principal
from pointbook.domain.errors import Unauthenticated
from pointbook.http.problems import Problem, unauthenticated
from pointbook.services import keys
from pointbook.services.installation import Installation
from pointbook.services.tokens import kid_of

KEY_HEADER = "Pointbook-Key"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the headers of a request show; nothing of it is checked yet."""

    key: str
    token: str | None


@dataclass(frozen=True, slots=True)
class Caller:
    """``origins``: whose pages may use the key, empty for all. ``trusted_only``: published documents only.

    ``introspection``: the key is no page's, so that whoever has it may ask for the schema, for a customer, too.
    """

    principal: Principal
    origins: tuple[str, ...]
    trusted_only: bool
    introspection: bool


def credentials(headers: Headers) -> Credentials:
    """Raises Problem 401 without a key, 400 when there are two."""
    bearer = _bearer(headers.get("authorization"))
    key = headers.get(KEY_HEADER)
    if bearer is not None and bearer.startswith(keys.KEY_PREFIXES):
        if key is not None and key != bearer:
            raise unauthenticated("TWO_KEYS", "Send one key.")
        return Credentials(bearer, None)
    if key is None:
        raise unauthenticated("KEY_MISSING", f"Send a key: {KEY_HEADER}: pk_..., or Authorization: Bearer sk_...")
    return Credentials(key, bearer)


async def key_holder(installation: Installation, given: Credentials, *, now: datetime) -> Caller:
    """Whoever holds the key, before the token is looked at. Raises Problem 401."""
    if not given.key.startswith(keys.KEY_PREFIXES):
        raise _unknown_key()
    try:
        known = await keys.authenticate(installation, given.key, now=now)
    except Unauthenticated:
        raise _unknown_key() from None
    of_a_page = known.principal.kind is CallerKind.GUEST
    return Caller(known.principal, known.origins, not known.any_document, not of_a_page)


async def customer(installation: Installation, holder: Caller, token: str, *, now: datetime) -> Caller:
    """The customer a token names, in the programme of the key. Raises Problem 401."""
    try:
        known = await keys.authenticate(installation, token, now=now)
    except Unauthenticated:
        raise _bad_token() from None
    if known.principal.programme_id != holder.principal.programme_id:
        raise _bad_token()
    return replace(holder, principal=known.principal)


def signing_key(token: str) -> str:
    """What the token says of its key, unproven; the token itself when it names none."""
    try:
        return kid_of(token)
    except Unauthenticated:
        return token


def _bearer(authorization: str | None) -> str | None:
    if authorization is None:
        return None
    scheme, _, credential = authorization.partition(" ")
    if scheme.lower() != "bearer" or not credential.strip():
        raise unauthenticated("UNAUTHENTICATED", "The Authorization header is not a Bearer credential.")
    return credential.strip()


def _unknown_key() -> Problem:
    return unauthenticated("KEY_UNKNOWN", "This key is not known, expired or revoked.")


def _bad_token() -> Problem:
    return unauthenticated("TOKEN_INVALID", "The customer token is forged, expired or not of this programme.")
