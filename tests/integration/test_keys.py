"""Keys and customer tokens: what is good, and that everything else gets one answer."""

import asyncio
import base64
import hmac
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from pointbook.domain.access import ALL_RIGHTS, ALL_SCOPES, CallerKind, Right, Scope
from pointbook.domain.errors import InvalidInput, Unauthenticated
from pointbook.services import keys, tokens
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.keys import LIVE_KEYS_MAX, KeyKind, NewKey, authenticate, create_key, revoke_key
from pointbook.services.tokens import (
    LEEWAY,
    LONGEST_LIFE,
    OWN_KEY_REST,
    CreatedTokenKey,
    create_customer_token,
    create_token_key,
    list_token_keys,
    revoke_token_key,
    rotate_own_key,
)
from tests.support import DAY, MINUTE, MOMENT, NOW, SECRET, make_programme

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (KeyKind.PUBLISHABLE, (CallerKind.GUEST, "pk_", frozenset())),
        (KeyKind.SECRET, (CallerKind.SERVER, "sk_", ALL_SCOPES)),
        (KeyKind.STAFF, (CallerKind.STAFF, "st_", ALL_RIGHTS)),
    ],
)
async def test_a_key_proves_its_programme_and_what_it_may(
    installation: Installation,
    programme: ProgrammeSnapshot,
    kind: KeyKind,
    expected: tuple[CallerKind, str, frozenset[str]],
) -> None:
    caller, prefix, permissions = expected
    origins = ("https://shop.example", "http://localhost:8000")
    command = NewKey(kind, "till", rights=ALL_RIGHTS, origins=origins)
    made = await create_key(installation, programme.id, command, now=NOW)
    assert made.text.startswith(prefix)
    known = await authenticate(installation, made.text, now=NOW)
    assert (known.principal.kind, known.principal.programme_id) == (caller, programme.id)
    assert known.principal.scopes == permissions
    assert known.origins == origins


async def test_a_key_stands_nowhere_in_the_database_and_in_no_representation(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    made = await create_key(installation, programme.id, NewKey(KeyKind.SECRET, "till"), now=NOW)
    rows = await installation.db.pool.fetch("select k::text as row from api_key k")
    secret = made.text.removeprefix("sk_")
    assert secret not in str(rows)
    assert secret not in repr(made)
    assert SECRET not in repr(installation)


async def test_a_key_has_the_scopes_it_was_made_with(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    scopes = frozenset({Scope.VOUCHERS_READ})
    made = await create_key(installation, programme.id, NewKey(KeyKind.SECRET, "till", scopes), now=NOW)
    assert (await authenticate(installation, made.text, now=NOW)).principal.scopes == scopes
    rights = frozenset({Right.LIST_PROVISION})
    later = NOW + SECOND
    anna = await create_key(installation, programme.id, NewKey(KeyKind.STAFF, "Anna", rights=rights), now=later)
    assert (await authenticate(installation, anna.text, now=later)).principal.scopes == rights
    assert [key.permissions for key in await keys.list_keys(installation, programme.id)] == [scopes, rights]


async def test_an_expired_or_revoked_key_is_no_key(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    expiring = NewKey(KeyKind.SECRET, "old", expires_at=NOW + DAY)
    old = await create_key(installation, programme.id, expiring, now=NOW)
    new = await create_key(installation, programme.id, NewKey(KeyKind.SECRET, "new"), now=NOW)
    assert await _knows(installation, old.text, NOW + DAY - MOMENT)
    with pytest.raises(Unauthenticated):
        await authenticate(installation, old.text, now=NOW + DAY)
    assert await _knows(installation, new.text, NOW + DAY)
    await revoke_key(installation, programme.id, new.key_id, now=NOW)
    with pytest.raises(Unauthenticated):
        await authenticate(installation, new.text, now=NOW)
    listed = await keys.list_keys(installation, programme.id)
    assert {(it.label, it.last_four, it.revoked_at) for it in listed} == {
        ("old", old.text[-4:], None),
        ("new", new.text[-4:], NOW),
    }


async def test_nobody_revokes_another_programmes_key(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    made = await create_key(installation, programme.id, NewKey(KeyKind.SECRET, "till"), now=NOW)
    elsewhere = await make_programme(installation)
    with pytest.raises(InvalidInput):
        await revoke_key(installation, elsewhere.id, made.key_id, now=NOW)
    assert await _knows(installation, made.text, NOW)


async def test_live_keys_are_limited_even_when_made_at_once(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    made = await asyncio.gather(
        *(
            create_key(installation, programme.id, NewKey(KeyKind.SECRET, "till"), now=NOW)
            for _ in range(LIVE_KEYS_MAX + 3)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(it, InvalidInput) for it in made) == 3
    await create_key(installation, programme.id, NewKey(KeyKind.PUBLISHABLE, "page"), now=NOW)


@pytest.mark.parametrize(
    "command",
    [
        NewKey(KeyKind.SECRET, ""),
        NewKey(KeyKind.STAFF, "Anna"),
        NewKey(KeyKind.SECRET, "till", expires_at=NOW),
        NewKey(KeyKind.PUBLISHABLE, "page", origins=("https://shop.example/path",)),
        NewKey(KeyKind.PUBLISHABLE, "page", origins=("https://SHOP.example",)),
        NewKey(KeyKind.PUBLISHABLE, "page", origins=("*",)),
        NewKey(KeyKind.PUBLISHABLE, "page", origins=("https://a.example",) * 51),
    ],
)
async def test_keys_that_make_no_sense_are_refused(
    installation: Installation, programme: ProgrammeSnapshot, command: NewKey
) -> None:
    with pytest.raises(InvalidInput):
        await create_key(installation, programme.id, command, now=NOW)


@pytest.mark.parametrize(
    "credential",
    [
        "",
        "sk_",
        "sk_unknown",
        "pk_unknown",
        "nonsense",
        "a.b.c",
        "sk_\ud800",
        "ü",
        "\x00",
        "x" * 10_000,
        "e30.e30.",
    ],
)
async def test_what_is_no_credential_is_refused(installation: Installation, credential: str) -> None:
    with pytest.raises(Unauthenticated):
        await authenticate(installation, credential, now=NOW)


async def test_pointbook_makes_tokens_for_a_shop_that_does_not(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    made = await create_customer_token(installation, programme.id, "customer ü", now=NOW)
    assert made.expires_at == NOW + LONGEST_LIFE
    known = (await authenticate(installation, made.token, now=NOW)).principal
    assert (known.kind, known.programme_id, known.subject) == (CallerKind.CUSTOMER, programme.id, "customer ü")
    for subject, lifetime in (("", LONGEST_LIFE), ("c", LONGEST_LIFE + SECOND), ("c", timedelta(0))):
        with pytest.raises(InvalidInput):
            await create_customer_token(installation, programme.id, subject, now=NOW, lifetime=lifetime)


async def test_a_shop_signs_with_the_secret_it_was_given(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    key = await create_token_key(installation, programme.id, "HS256", now=NOW)
    principal = (await authenticate(installation, _token(key), now=NOW)).principal
    assert (principal.programme_id, principal.subject, principal.key_id) == (programme.id, "c-1", key.kid)
    assert str(key.secret) not in str(await installation.db.pool.fetch("select k::text from token_key k"))


def _private_keys() -> Iterator[tuple[str, Any]]:
    yield "ES256", ec.generate_private_key(ec.SECP256R1())
    yield "RS256", rsa.generate_private_key(65_537, 2_048)
    yield "EdDSA", ed25519.Ed25519PrivateKey.generate()


async def test_a_shop_signs_with_its_own_private_key(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    for algorithm, private in _private_keys():
        key = await create_token_key(installation, programme.id, algorithm, _pem(private), now=NOW)
        assert key.secret is None
        token = _token(key, signer=private)
        assert (await authenticate(installation, token, now=NOW)).principal.subject == "c-1"
        # The public key is public: nobody may use it as the secret of another algorithm.
        forged = _signed_by_hand(key.kid, "HS256", _pem(private).encode())
        with pytest.raises(Unauthenticated):
            await authenticate(installation, forged, now=NOW)
        await revoke_token_key(installation, programme.id, key.kid, now=NOW)
        with pytest.raises(Unauthenticated):
            await authenticate(installation, token, now=NOW)


async def test_two_token_keys_live_side_by_side_and_no_third(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    old, new = [await create_token_key(installation, programme.id, "HS256", now=NOW) for _ in range(2)]
    with pytest.raises(InvalidInput):
        await create_token_key(installation, programme.id, "HS256", now=NOW)
    for key in (old, new):
        assert await _knows(installation, _token(key), NOW)
    await revoke_token_key(installation, programme.id, old.kid, now=NOW)
    with pytest.raises(Unauthenticated):
        await authenticate(installation, _token(old), now=NOW)
    assert await _knows(installation, _token(new), NOW)
    await create_token_key(installation, programme.id, "HS256", now=NOW)
    elsewhere = await make_programme(installation)
    with pytest.raises(InvalidInput):
        await revoke_token_key(installation, elsewhere.id, new.kid, now=NOW)


async def test_pointbooks_own_key_rests_until_its_tokens_have_ended(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    (first,) = await list_token_keys(installation, programme.id)
    old = (await create_customer_token(installation, programme.id, "c-1", now=NOW)).token
    with pytest.raises(InvalidInput, match="rotate it first"):
        await revoke_token_key(installation, programme.id, first.kid, now=NOW + DAY)
    second = await rotate_own_key(installation, programme.id, now=NOW)
    new = (await create_customer_token(installation, programme.id, "c-1", now=NOW)).token
    assert jwt.get_unverified_header(new)["kid"] == second != first.kid
    last_instant = NOW + LONGEST_LIFE + LEEWAY - MOMENT
    assert await _knows(installation, old, last_instant)
    with pytest.raises(InvalidInput, match="still good"):
        await revoke_token_key(installation, programme.id, first.kid, now=last_instant)
    with pytest.raises(InvalidInput, match="2 own keys are live"):
        await rotate_own_key(installation, programme.id, now=NOW)
    # Its successor is a moment younger, because both are of one instant.
    await revoke_token_key(installation, programme.id, first.kid, now=NOW + OWN_KEY_REST + MOMENT)
    with pytest.raises(Unauthenticated):
        await authenticate(installation, old, now=NOW)
    assert await _knows(installation, new, NOW)
    third = await rotate_own_key(installation, programme.id, now=NOW - DAY)  # a clock that was set back
    assert [(it.kid, it.own) for it in await list_token_keys(installation, programme.id)] == [
        (first.kid, True),
        (second, True),
        (third, True),
    ]


async def test_own_keys_do_not_take_the_shops_place(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await rotate_own_key(installation, programme.id, now=NOW)
    for _ in range(2):
        await create_token_key(installation, programme.id, "HS256", now=NOW)
    assert [it.own for it in await list_token_keys(installation, programme.id)].count(False) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "somebody else"},
        {"aud": ["pointbook", "somebody else"]},
        {"aud": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": None},
        {"sub": "a\x00"},
        {"iat": None},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"exp": float("inf")},
        {"exp": 10**400},
        {"iat": NOW.timestamp() + 31},
        {"nbf": NOW.timestamp() + 31},
        {"exp": NOW.timestamp() + LONGEST_LIFE.total_seconds() + 1},
        {"iat": NOW.timestamp() - 60, "exp": NOW.timestamp() - 30},
        {"iat": NOW.timestamp() + 20, "exp": NOW.timestamp() + 20},
    ],
)
async def test_a_token_with_other_claims_is_refused(
    installation: Installation, programme: ProgrammeSnapshot, change: dict[str, Any]
) -> None:
    key = await create_token_key(installation, programme.id, "HS256", now=NOW)
    with pytest.raises(Unauthenticated):
        await authenticate(installation, _token(key, **change), now=NOW)


async def test_a_token_lives_for_its_time_and_the_leeway(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    key = await create_token_key(installation, programme.id, "HS256", now=NOW)
    token = _token(key, exp=(NOW + 5 * MINUTE).timestamp())
    for at in (NOW - LEEWAY, NOW + 5 * MINUTE + LEEWAY - MOMENT):
        assert await _knows(installation, token, at)
    for at in (NOW - LEEWAY - SECOND, NOW + 5 * MINUTE + LEEWAY):
        with pytest.raises(Unauthenticated):
            await authenticate(installation, token, now=at)


async def test_forged_tokens_are_refused(installation: Installation, programme: ProgrammeSnapshot) -> None:
    key = await create_token_key(installation, programme.id, "HS256", now=NOW)
    good = _token(key)
    header, claims, signature = good.split(".")
    other = await create_token_key(installation, programme.id, "HS256", now=NOW)
    forgeries = [
        f"{header}.{_segment(_claims(sub='rich'))}.{signature}",
        f"{header}.{claims}.",
        f"{header}.{claims}",
        f"{_segment({'alg': 'none', 'kid': key.kid})}.{claims}.",
        f"{_segment({'alg': 'None', 'kid': key.kid})}.{claims}.{signature}",
        f"{_segment({'alg': 'HS512', 'kid': key.kid})}.{claims}.{signature}",
        f"{_segment({'kid': key.kid})}.{claims}.{signature}",
        f"{_segment({'alg': 'HS256'})}.{claims}.{signature}",
        f"{_segment({'alg': 'HS256', 'kid': 7})}.{claims}.{signature}",
        f"{_segment({'alg': 'HS256', 'kid': 'unknown'})}.{claims}.{signature}",
        f"{_segment({'alg': 'HS256', 'kid': other.kid})}.{claims}.{signature}",
        f"{_segment([])}.{claims}.{signature}",
        _token(key, signer="a secret of somebody else's, long enough"),
        _signed_by_hand(key.kid, "HS512", str(key.secret).encode()),  # signed well, but not as agreed
        good + "\n",
    ]
    for forged in forgeries:
        with pytest.raises(Unauthenticated):
            await authenticate(installation, forged, now=NOW)
    assert await _knows(installation, good, NOW)


async def test_a_token_is_good_for_the_programme_of_its_key_only(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    elsewhere = await make_programme(installation)
    key = await create_token_key(installation, elsewhere.id, "HS256", now=NOW)
    token = _token(key, programme=programme.id, programme_id=programme.id)  # claims are not believed
    assert (await authenticate(installation, token, now=NOW)).principal.programme_id == elsewhere.id


async def test_another_installations_token_is_forged(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    stranger = Installation.of(installation.db, "another secret that is long enough")
    token = (await create_customer_token(stranger, programme.id, "c-1", now=NOW)).token
    with pytest.raises(Unauthenticated):
        await authenticate(installation, token, now=NOW)


@pytest.mark.parametrize(
    ("algorithm", "pem"),
    [
        ("none", None),
        ("HS512", None),
        ("ES256", None),
        ("HS256", "-----BEGIN PUBLIC KEY-----"),
        ("RS256", "no key"),
        ("ES256", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"),
        ("EdDSA", "ü"),
    ],
)
async def test_keys_that_cannot_sign_are_refused(
    installation: Installation, programme: ProgrammeSnapshot, algorithm: str, pem: str | None
) -> None:
    with pytest.raises(InvalidInput):
        await create_token_key(installation, programme.id, algorithm, pem, now=NOW)


async def test_a_key_must_fit_its_algorithm_and_be_strong(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    weak = rsa.generate_private_key(65_537, 1_024)  # noqa: S505  # that is the point
    other_curve = ec.generate_private_key(ec.SECP384R1())
    edwards = ed25519.Ed25519PrivateKey.generate()
    for algorithm, private in (("RS256", weak), ("ES256", other_curve), ("RS256", edwards), ("ES256", edwards)):
        with pytest.raises(InvalidInput):
            await create_token_key(installation, programme.id, algorithm, _pem(private), now=NOW)
    secret_half = edwards.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with pytest.raises(InvalidInput):
        await create_token_key(installation, programme.id, "EdDSA", secret_half, now=NOW)


async def test_who_is_known_is_looked_up_once_and_who_is_not_every_time(
    installation: Installation, programme: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await create_key(installation, programme.id, NewKey(KeyKind.SECRET, "till"), now=NOW)
    await authenticate(installation, made.text, now=NOW)
    monkeypatch.setattr(installation.db, "pool", None)
    assert await _knows(installation, made.text, NOW)
    with pytest.raises(AttributeError):
        await authenticate(installation, "sk_unknown", now=NOW)


async def _knows(installation: Installation, credential: str, at: datetime) -> bool:
    return (await authenticate(installation, credential, now=at)).principal.programme_id > 0


def _claims(*, now: datetime = NOW, **changes: Any) -> dict[str, Any]:
    claims = {
        "aud": tokens.AUDIENCE,
        "sub": "c-1",
        "iat": now.timestamp(),
        "exp": (now + LONGEST_LIFE).timestamp(),
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def _token(key: CreatedTokenKey, *, signer: Any = None, **changes: Any) -> str:
    """Signed as the shop would, and without the library's look at the claims."""
    payload, secret = json.dumps(_claims(**changes)).encode(), signer or key.secret
    assert secret is not None
    return jwt.api_jws.PyJWS().encode(payload, secret, key.algorithm, headers={"kid": key.kid})


def _signed_by_hand(kid: str, algorithm: str, secret: bytes) -> str:
    """As somebody would who does not use a library that refuses to do it."""
    head = f"{_segment({'alg': algorithm, 'kid': kid})}.{_segment(_claims())}"
    signature = hmac.digest(secret, head.encode(), f"sha{algorithm[2:]}")
    return f"{head}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _segment(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _pem(private: Any) -> str:
    pem: bytes = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()
