"""``pointbook key``, ``token``: who may call. Secrets are shown once, when they are made."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import typer

from pointbook.cli.output import console, secret, table
from pointbook.cli.programmes import Slug
from pointbook.cli.running import now, programme_of, run
from pointbook.domain.access import ALL_SCOPES, Scope
from pointbook.services import keys as services
from pointbook.services import tokens
from pointbook.services.installation import Installation

key = typer.Typer(help="API keys: publishable ones for pages, secret ones for servers.", no_args_is_help=True)
token = typer.Typer(help="Customers' tokens and the keys that sign them.", no_args_is_help=True)


class Kind(StrEnum):
    PUBLISHABLE = "publishable"
    SECRET = "secret"  # noqa: S105  # a kind


@key.command("create")
def create(
    kind: Annotated[Kind, typer.Argument(help="For pages, or for the shop's server.")],
    *,
    label: Annotated[str, typer.Option(help="What it is for.")],
    slug: Slug = None,
    scope: Annotated[
        list[Scope] | None, typer.Option(help="Of a secret key; may be repeated. Default: all.")
    ] = None,
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
            (k.key_id, k.kind.lower(), k.label, f"…{k.last_four}", k.created_at.date(), _end(k))
            for k in await services.list_keys(installation, found.id)
        ]
        table(f"Keys of {found.slug}", ("id", "kind", "label", "key", "made", "ends"), rows)

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


def _end(listed: services.ListedKey) -> str:
    if listed.revoked_at is not None:
        return f"revoked {listed.revoked_at.date()}"
    return listed.expires_at.isoformat(timespec="minutes") if listed.expires_at else ""
