"""What every command needs: the settings, the servers, an installation, and a programme by its name."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import TypeVar

import uvloop
from pydantic import ValidationError

from pointbook import embedded
from pointbook.cli.output import itself
from pointbook.db.hints import hints_at
from pointbook.db.session import Database
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.programmes import find_programme, list_programmes
from pointbook.settings import Settings

Answer = TypeVar("Answer")


class CommandError(Exception):
    """A command cannot do what it was asked for; the message is one line for the person at the terminal."""


def now() -> datetime:
    return datetime.now(UTC)


def read_settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(
            f"POINTBOOK_{str(e['loc'][0]).upper()}: {e['msg'].removeprefix('Value error, ')}"
            for e in error.errors()
        )
        raise CommandError(wrong) from error


@contextlib.contextmanager
def ready(settings: Settings, *, watch: bool = False) -> Iterator[Settings]:
    """Servers that are up, and a database that is migrated if it is an embedded one.

    With ``watch``, for processes that run on: they end when their servers do.
    """
    with embedded.configured(settings, watch=watch) as found:
        migrated(settings, found)
        yield found


def migrated(settings: Settings, found: Settings) -> None:
    """Bring an embedded database up to date; a configured one is migrated by ``pointbook migrate`` alone."""
    if settings.database_url is None:
        assert found.owner_database_url is not None
        bring_up(found.owner_database_url.get_secret_value())


def bring_up(owner_url: str) -> None:
    """Migrate. Raises CommandError or OSError."""
    from sqlalchemy.exc import DBAPIError

    from pointbook.db.migrate import UnknownRevisionError, migrate

    try:
        asyncio.run(migrate(owner_url))
    except DBAPIError as error:
        raise CommandError(f"PostgreSQL refuses: {error.orig}") from error
    except UnknownRevisionError as error:
        raise CommandError(str(error)) from error


@contextlib.asynccontextmanager
async def installed(settings: Settings, *, patient: bool = False) -> AsyncIterator[Installation]:
    """A pool of connections and the caches of one process, of settings in which all servers stand.

    ``patient``: a statement may take as long as it takes.
    """
    assert settings.database_url is not None
    assert settings.secret is not None
    database = await Database.connect(
        settings.database_url.get_secret_value(),
        pool_size=settings.pool_size,
        transaction_pooler=settings.transaction_pooler,
        patient=patient,
    )
    redis_url = None if settings.redis_url is None else settings.redis_url.get_secret_value()
    try:
        installation = Installation.of(
            database, settings.secret.get_secret_value(), webhooks_to_private=settings.webhooks_to_private
        )
        async with hints_at(redis_url) as hints, installation.watches.sharing(hints):
            yield installation
    finally:
        await database.close()


def run(use: Callable[[Installation], Awaitable[Answer]], *, patient: bool = False) -> Answer:
    """Run one command on an installation and give its answer back. ``patient``: its statements may be long."""

    async def inside(settings: Settings) -> Answer:
        async with installed(settings, patient=patient) as installation:
            return await use(installation)

    with ready(read_settings()) as settings:
        return uvloop.run(inside(settings))


async def programme_of(installation: Installation, slug: str | None) -> ProgrammeSnapshot:
    """The programme named, or the only one there is. Raises InvalidInput or CommandError."""
    if slug is not None:
        return await find_programme(installation, slug)
    programmes = await list_programmes(installation)
    if len(programmes) != 1:
        slugs = [programme.slug for programme in programmes]
        create = f"create one first: {itself()} programme create SLUG --name NAME"
        which = f"name one of {', '.join(slugs)}" if slugs else create
        raise CommandError(
            f"There {'are' if slugs else 'is'} {len(slugs) or 'no'} programme{'s' * bool(slugs)}: {which}."
        )
    return programmes[0]
