"""``pointbook migrate``, ``schema``, ``documents``, ``verify``: what an operator runs."""

import typer
from rich.text import Text

from pointbook.cli.output import complain, console, table
from pointbook.cli.running import CommandError, bring_up, read_settings, ready, run
from pointbook.ledger import Verification
from pointbook.services.verifying import verify_ledgers

_SHOWN = 50


def migrate() -> None:
    """Bring the database to the revision of this version; doing so again changes nothing."""
    settings = read_settings()
    if settings.owner_database_url is not None:
        bring_up(settings.owner_database_url.get_secret_value())
    elif settings.database_url is not None:
        raise CommandError("POINTBOOK_OWNER_DATABASE_URL is not set: only the owner of the tables migrates.")
    else:
        with ready(settings):
            pass
    console.print("The database is up to date.")


def schema() -> None:
    """Print the GraphQL schema."""
    from pointbook.graphql.schema import build_schema, printed

    typer.echo(printed(build_schema()), nl=False)


def documents() -> None:
    """Show the operations that pages may run with a publishable key, with the ids by which they are sent."""
    from pointbook.graphql.trusted import name_of, shipped

    for identity, text in shipped().items():
        console.print(f"{name_of(text)}  {identity}", soft_wrap=True, highlight=False)


def verify() -> None:
    """Check the invariants of all ledgers and of stock. Ends with 1 if one is broken or nothing was checked."""
    checked = run(verify_ledgers, patient=True)
    if not checked:
        complain("there is no programme, so nothing was checked")
        raise typer.Exit(1)
    rows = [
        (slug, f"{found.accounts:,}", f"{found.entries:,}", f"{found.cards:,}", _verdict(found))
        for slug, found in checked
    ]
    table("Ledger", ("programme", "accounts", "entries", "gift cards", "result"), rows)
    for slug, found in checked:
        for violation in found.violations[:_SHOWN]:
            whose = slug if violation.account_id is None else f"{slug}, account {violation.account_id}"
            complain(f"{whose}: {violation.violation}: {violation.detail}")
    nothing_checked = not any(found.accounts for _, found in checked)
    if nothing_checked or any(found.violations for _, found in checked):
        raise typer.Exit(1)


def _verdict(found: Verification) -> Text:
    if found.violations:
        return Text(f"{len(found.violations)} violations", style="red")
    return Text("sound", style="green") if found.accounts else Text("has no accounts", style="yellow")
