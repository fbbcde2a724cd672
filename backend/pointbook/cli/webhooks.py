"""``pointbook webhook``: where a shop sends its webhooks. A secret is shown once, when it is made."""

from enum import StrEnum
from typing import Annotated

import typer

from pointbook.cli.output import console, secret, table
from pointbook.cli.programmes import Slug
from pointbook.cli.running import now, programme_of, run
from pointbook.services import webhooks as services
from pointbook.services.installation import Installation
from pointbook.services.key_directory import WebhookKind

webhook = typer.Typer(help="Endpoints that take a shop's webhooks.", no_args_is_help=True)


class Kind(StrEnum):
    STANDARD = "standard"
    WOOCOMMERCE = "woocommerce"


@webhook.command("create")
def create(
    kind: Annotated[Kind, typer.Argument(help="How the sender signs.")],
    *,
    label: Annotated[str, typer.Option(help="Who sends.")],
    slug: Slug = None,
) -> None:
    """Make an endpoint and show its secret, once. The address is this server's, and /webhooks/ with the id."""

    async def call(installation: Installation) -> None:
        found = await programme_of(installation, slug)
        made = await services.create_endpoint(installation, found.id, WebhookKind[kind.name], label, now=now())
        secret(f"Secret of {kind} webhooks to {found.slug} at /webhooks/{made.endpoint_id}", made.secret)

    run(call)


@webhook.command("list")
def list_all(slug: Slug = None) -> None:
    """Show the endpoints of a programme, without their secrets."""

    async def call(installation: Installation) -> None:
        found = await programme_of(installation, slug)
        rows = [
            (
                e.endpoint_id,
                e.kind.lower(),
                e.label,
                e.created_at.date(),
                f"revoked {e.revoked_at.date()}" if e.revoked_at else "",
            )
            for e in await services.list_endpoints(installation, found.id)
        ]
        table(f"Webhook endpoints of {found.slug}", ("id", "kind", "label", "made", "ends"), rows)

    run(call)


@webhook.command("revoke")
def revoke(endpoint_id: str, slug: Slug = None) -> None:
    """End an endpoint; other processes learn it within seconds."""

    async def call(installation: Installation) -> None:
        found = await programme_of(installation, slug)
        await services.revoke_endpoint(installation, found.id, endpoint_id, now=now())
        console.print(f"Webhook endpoint {endpoint_id} of {found.slug} is revoked.")

    run(call)
