"""The command ``pointbook``. Commands read arguments, call a use case and print; they decide nothing.

What only some commands need and takes long to load (GraphQL, Alembic, uvicorn) they import themselves.
"""

import sys

import asyncpg
import typer

from pointbook import embedded
from pointbook.cli import checks, exports, imports, keys, members, messages, programmes, serving, webhooks
from pointbook.cli.output import complain, itself
from pointbook.cli.running import CommandError
from pointbook.domain.errors import PointbookError

app = typer.Typer(
    help="Pointbook: a loyalty engine that shops run themselves.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for command in (
    *(serving.demo, serving.serve, serving.worker),
    *(checks.migrate, checks.verify, checks.schema, checks.documents, exports.export),
):
    app.command()(command)
app.add_typer(programmes.programme, name="programme")
app.add_typer(programmes.settings, name="settings")
app.add_typer(programmes.store, name="store")
app.add_typer(members.member, name="member")
app.add_typer(keys.key, name="key")
app.add_typer(keys.token, name="token")
app.add_typer(keys.token_key, name="token-key")
app.add_typer(webhooks.webhook, name="webhook")
app.add_typer(messages.message, name="message")
app.add_typer(imports.importing, name="import")


def main() -> None:
    """Exit codes: 0 done, 1 refused or failed (one line says why), 2 wrong usage, 130 broken off."""
    try:
        app()
    except (PointbookError, CommandError, embedded.EmbeddedError) as error:
        _fail(error)
    except asyncpg.UndefinedTableError:
        _fail(f"The database is not set up: run {itself()} migrate.")
    except asyncpg.PostgresError as error:
        _fail(f"PostgreSQL refuses: {error}")
    except asyncpg.InterfaceError as error:
        _fail(f"PostgreSQL cannot be used as configured: {error}")
    except TimeoutError:
        _fail("PostgreSQL does not answer in time.")
    except OSError as error:
        _fail(f"A server cannot be reached or a file not be used: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def _fail(message: object) -> None:
    complain(message)
    sys.exit(1)
