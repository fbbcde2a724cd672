"""``pointbook key``, ``token``, ``token-key``: who may call. Secrets are shown once, when they are made."""

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from pointbook.cli.output import console, secret, table
from pointbook.cli.programmes import Slug
from pointbook.cli.running import now, programme_of, run
from pointbook.domain.access import ALL_SCOPES, Right, Scope
from pointbook.services import keys as services
from pointbook.services import tokens
from pointbook.services.installation import Installation

key = typer.Typer(help="API keys: for pages, for the shop's server, for its staff.", no_args_is_help=True)
token = typer.Typer(help="Customers' tokens, to try the API with.", no_args_is_help=True)
token_key = typer.Typer(help="Keys that sign customers' tokens.", no_args_is_help=True)


class Kind(StrEnum):
    PUBLISHABLE = "publishable"
    SECRET = "secret"  # noqa: S105  # a kind
    STAFF = "staff"


class Algorithm(StrEnum):
    HS256 = "HS256"
    ES256 = "ES256"
    RS256 = "RS256"
    EDDSA = "EdDSA"


@key.command("create")
def create(
    kind: Annotated[Kind, typer.Argument(help="For pages, the shop's server, or a person of its staff.")],
    *,
    label: Annotated[str, typer.Option(help="What it is for; of a staff key, whose it is.")],
    slug: Slug = None,
    scope: Annotated[
        list[Scope] | None, typer.Option(help="Of a secret key; may be repeated. Default: all.")
    ] = None,
    right: Annotated[list[Right] | None, typer.Option(help="Of a staff key; may be repeated.")] = None,
    origin: Annotated[list[str] | None, typer.Option(help="Whose pages may use it; may be repeated.")] = None,
    any_document: Annotated[
        bool, typer.Option("--any-document", help="A publishable key that runs more than the widgets' documents.")
    ] = False,
    expires: Annotated[datetime | None, typer.Option(help="UTC instant.")] = None,
) -> None:
    """Make a key and show it, once."""
    command = services.NewKey(
        kind=services.KeyKind[kind.name],
        label=label,
        scopes=frozenset(scope) if scope else ALL_SCOPES,
        rights=frozenset(right or ()),
        origins=tuple(origin or ()),
        any_document=any_document,
        expires_at=expires and expires.replace(tzinfo=expires.tzinfo or UTC),
    )

    async def call(installation: Installation) -> None:
        found = await programme_of(installation, slug)
        made = await services.create_key(installation, found.id, command, now=now())
        secret(f"{kind.capitalize()} key {made.key_id} of {found.slug}", made.text)

    run(call)


@key.command("list")
def list_all(slug: Slug = None) -> None:
    """Show the keys of a programme, without their secrets."""

    async def call(installation: Installation) -> None:
        found = await programme_of(installation, slug)
        rows = [
            (k.key_id, k.kind.lower(), k.label, f"…{k.last_four}", _may(k), k.created_at.date(), _end(k))
            for k in await services.list_keys(installation, found.id)
        ]
        table(f"Keys of {found.slug}", ("id", "kind", "label", "key", "may", "made", "ends"), rows)

    run(call)


@key.command("revoke")
def revoke(key_id: UUID, slug: Slug = None) -> None:
    """End a key; other processes learn it within seconds."""

    async def call(installation: Installation) -> None:
        found = await programme_of(installation, slug)
        await services.revoke_key(installation, found.id, key_id, now=now())
        console.print(f"Key {key_id} of {found.slug} is revoked.")

    run(call)


@token.command("create")
def create_token(
    customer: Annotated[str, typer.Argument(help="The shop's id of the customer.")], slug: Slug = None
) -> None:
    """Make a customer's token of 15 minutes, to try the API with."""

    async def call(installation: Installation) -> None:
        found = await programme_of(installation, slug)
        made = await tokens.create_customer_token(installation, found.id, customer, now=now())
        secret(f"Token of {customer} in {found.slug}, until {made.expires_at:%H:%M:%S} UTC", made.token)

    run(call)


@token_key.command("create")
def create_token_key(
    algorithm: Annotated[Algorithm, typer.Option(help="HS256 has a secret; the others a public key.")] = (
        Algorithm.HS256
    ),
    public_key: Annotated[
        Path | None, typer.Option(help="PEM file, for ES256, RS256 and EdDSA.", exists=True, dir_okay=False)
    ] = None,
    slug: Slug = None,
) -> None:
    """Make a key that the shop signs its customers' tokens with; two may be live. A secret is shown once."""
    # What is no ASCII is no PEM, and refused as such.
    pem = None if public_key is None else public_key.read_text("ascii", "replace")

    async def call(installation: Installation) -> None:
        found = await programme_of(installation, slug)
        made = await tokens.create_token_key(installation, found.id, algorithm.value, pem, now=now())
        if made.secret is None:
            console.print(f"{made.algorithm} token key {made.kid} of {found.slug} verifies by its public key.")
        else:
            secret(f"Secret of {made.algorithm} token key {made.kid} of {found.slug}", made.secret)

    run(call)


@token_key.command("list")
def list_token_keys(slug: Slug = None) -> None:
    """Show who signs tokens of a programme: the shop, and Pointbook itself."""

    async def call(installation: Installation) -> None:
        found = await programme_of(installation, slug)
        rows = [
            (
                k.kid,
                k.algorithm,
                "Pointbook" if k.own else "shop",
                k.created_at.isoformat(timespec="minutes"),
                f"revoked {k.revoked_at.date()}" if k.revoked_at else "",
            )
            for k in await tokens.list_token_keys(installation, found.id)
        ]
        table(f"Token keys of {found.slug}", ("kid", "algorithm", "signs", "made", "ends"), rows)

    run(call)


@token_key.command("revoke")
def revoke_token_key(kid: str, slug: Slug = None) -> None:
    """End a token key and with it all tokens it has signed; other processes learn it within seconds."""

    async def call(installation: Installation) -> None:
        found = await programme_of(installation, slug)
        await tokens.revoke_token_key(installation, found.id, kid, now=now())
        console.print(f"Token key {kid} of {found.slug} is revoked.")

    run(call)


@token_key.command("rotate-own")
def rotate_own_key(slug: Slug = None) -> None:
    """Let Pointbook sign with a new key; the old one verifies until it is revoked, 16 minutes later or more."""

    async def call(installation: Installation) -> None:
        found = await programme_of(installation, slug)
        kid = await tokens.rotate_own_key(installation, found.id, now=now())
        console.print(f"Pointbook signs tokens of {found.slug} with {kid}.")

    run(call)


def _may(listed: services.ListedKey) -> str:
    return "everything" if listed.permissions == ALL_SCOPES else ", ".join(sorted(listed.permissions))


def _end(listed: services.ListedKey) -> str:
    if listed.revoked_at is not None:
        return f"revoked {listed.revoked_at.date()}"
    return listed.expires_at.isoformat(timespec="minutes") if listed.expires_at else ""
