"""``pointbook message``: what could not be delivered and waits for a person."""

from typing import Annotated

import typer

from pointbook.cli.output import console, table
from pointbook.cli.programmes import Slug
from pointbook.cli.running import CommandError, programme_of, run
from pointbook.services import outbox
from pointbook.services.installation import Installation

message = typer.Typer(help="Messages that were given up.", no_args_is_help=True)


@message.command("parked")
def parked(slug: Slug = None) -> None:
    """Show messages that were given up, the oldest first, at most 100, and why."""

    async def call(installation: Installation) -> None:
        found = await programme_of(installation, slug)
        rows = [
            (one.id, one.topic, one.created_at.date(), one.attempts, one.last_error or "")
            for one in await outbox.parked(installation.db, found.id)
        ]
        table(f"Parked messages of {found.slug}", ("number", "topic", "promised", "attempts", "why"), rows)

    run(call)


@message.command("retry")
def retry(
    numbers: Annotated[list[int], typer.Argument(help="As parked shows them.", metavar="NUMBER...")],
    slug: Slug = None,
) -> None:
    """Have parked messages delivered again, once what stopped them is mended."""

    async def call(installation: Installation) -> None:
        found = await programme_of(installation, slug)
        revived = await outbox.revive(installation.db, found.id, numbers)
        if not revived:
            raise CommandError(f"None of these is a parked message of {found.slug}.")
        console.print(f"The worker delivers again: {revived} of {found.slug}'s messages.")

    run(call)
