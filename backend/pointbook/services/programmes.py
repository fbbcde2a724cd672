"""Programmes: made, opened and closed. Their state lives in the directory's cache."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from pointbook import ledger
from pointbook.db.queries.exchange import any_open
from pointbook.db.queries.programme_ids import programme_ids
from pointbook.db.queries.programmes import cards_outstanding, lock_programme, outstanding_points
from pointbook.db.session import Connection
from pointbook.domain import calendar, currencies, text
from pointbook.domain.errors import InvalidInput
from pointbook.domain.programme_settings import ProgrammeSettings, SettingsVersion
from pointbook.services import audit, tokens
from pointbook.services.audit import Action, Change
from pointbook.services.directory import ProgrammeSnapshot, ProgrammeState
from pointbook.services.installation import Installation
from pointbook.services.settings_versions import insert_version

SETTLING: Final = timedelta(seconds=10)
"""How long earning has been stopped before a programme closes: every process has heard of it by then."""
_LOCALES_MAX: Final = 20
_SWEEP: Final = 500
_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_LOCALE: Final = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")

_NEXT_STATES: Final = {
    ProgrammeState.DRAFT: {ProgrammeState.ACTIVE},
    ProgrammeState.ACTIVE: {ProgrammeState.EARNING_STOPPED},
    ProgrammeState.EARNING_STOPPED: {ProgrammeState.ACTIVE, ProgrammeState.CLOSED},
    ProgrammeState.CLOSED: {ProgrammeState.ACTIVE},
}


@dataclass(frozen=True, slots=True)
class NewProgramme:
    """``slug`` is the name in addresses and commands. A sandbox may be given a clock ahead of the real one."""

    slug: str
    name: str
    currency: str
    time_zone: str
    locales: tuple[str, ...]
    settings: ProgrammeSettings
    sandbox: bool = False
    state: ProgrammeState = ProgrammeState.DRAFT


async def create_programme(
    installation: Installation, command: NewProgramme, *, by: str = audit.OPERATOR, now: datetime
) -> ProgrammeSnapshot:
    """A programme with its first settings, in force at once, and a token key of its own.

    Raises InvalidInput; the slug is another programme's when two are made at once.
    """
    _check(command)
    async with installation.db.acquire() as connection, connection.transaction():
        programme_id = await _insert_programme(connection, command, now)
        await connection.execute("select set_config('app.programme', $1, true)", str(programme_id))
        await insert_version(connection, programme_id, SettingsVersion(1, now, command.settings), command.currency)
        await tokens.add_own_key(connection, programme_id, now=now)
        await ledger.open_programme(connection, programme_id, sandbox=command.sandbox)
        await audit.append(connection, programme_id, [_created(command)], by=by, now=now)
    return await installation.programmes.get(programme_id)


async def find_programme(installation: Installation, slug: str) -> ProgrammeSnapshot:
    """The programme of a slug. Raises InvalidInput if there is none."""
    programme_id = await installation.db.pool.fetchval("select id from programme where slug = $1", slug)
    if programme_id is None:
        raise InvalidInput("programme", f"there is no programme {text.shown(slug)}")
    return await installation.programmes.get(programme_id)


async def list_programmes(installation: Installation) -> list[ProgrammeSnapshot]:
    """Every programme of the installation, in the order they were made."""
    return [await installation.programmes.get(number) for number in await programme_ids(installation.db)]


async def change_state(
    installation: Installation,
    programme_id: int,
    state: ProgrammeState,
    *,
    by: str = audit.OPERATOR,
    now: datetime,
) -> ProgrammeSnapshot:
    """DRAFT → ACTIVE → EARNING_STOPPED → CLOSED, and back to ACTIVE; the same state again: nothing.

    Raises InvalidInput: no such way, or CLOSED while a point, money on a gift card or an exchange order
    is outstanding, or earning stopped only just now.
    """
    if state is ProgrammeState.CLOSED:
        await _book_all_due(installation, programme_id, now)
    async with installation.db.bare_transaction(programme_id) as connection:
        await lock_programme(connection, programme_id)
        row = await connection.fetchrow("select state, state_since from programme where id = $1", programme_id)
        assert row is not None, "it was locked"
        current = ProgrammeState(row["state"])
        if state is not current:
            if state not in _NEXT_STATES[current]:
                raise InvalidInput("state", f"{current} cannot become {state}")
            if state is ProgrammeState.CLOSED:
                await _check_nothing_outstanding(connection, programme_id, row["state_since"], now)
            await connection.execute(_SET_STATE, programme_id, state, now)
            change = Change(Action.STATE_CHANGED, "programme", {"state": current.value}, {"state": state.value})
            await audit.append(connection, programme_id, [change], by=by, now=now)
    installation.programmes.forget(programme_id)
    return await installation.programmes.get(programme_id)


def _check(command: NewProgramme) -> None:
    if not _SLUG.fullmatch(command.slug):
        raise InvalidInput("slug", "must be 1 to 63 of a-z, 0-9 and hyphen, and not begin with a hyphen")
    text.identifier("name", command.name)
    currencies.exponent(command.currency)
    calendar.time_zone(command.time_zone)
    check_locales(command.locales)
    if command.state not in (ProgrammeState.DRAFT, ProgrammeState.ACTIVE):
        raise InvalidInput("state", "a programme begins as DRAFT or ACTIVE")


def check_locales(locales: tuple[str, ...]) -> None:
    if not 1 <= len(locales) <= _LOCALES_MAX or not all(map(_LOCALE.fullmatch, locales)):
        raise InvalidInput("locales", f"must be 1 to {_LOCALES_MAX} language tags like de or de-AT")


async def _insert_programme(connection: Connection, command: NewProgramme, now: datetime) -> int:
    try:
        programme_id: int = await connection.fetchval(
            _INSERT_PROGRAMME,
            command.slug,
            command.name,
            command.state,
            command.currency,
            command.time_zone,
            list(dict.fromkeys(command.locales)),
            command.sandbox,
            now,
        )
    except asyncpg.UniqueViolationError as error:
        raise InvalidInput("slug", "is another programme's") from error
    return programme_id


def _created(command: NewProgramme) -> Change:
    after = {
        "slug": command.slug,
        "name": command.name,
        "currency": command.currency,
        "timeZone": command.time_zone,
        "locales": list(command.locales),
        "state": command.state.value,
        "settings": command.settings.to_document(command.currency),
    }
    return Change(Action.PROGRAMME_CREATED, "programme", None, after)


async def _check_nothing_outstanding(
    connection: Connection, programme_id: int, since: datetime, now: datetime
) -> None:
    if now < since + SETTLING:
        raise InvalidInput("state", "earning stopped only just now: orders may still be on their way")
    points = await outstanding_points(connection, programme_id)
    if points:
        raise InvalidInput("state", f"{points} points are still outstanding")
    if await cards_outstanding(connection, programme_id):
        raise InvalidInput("state", "there are gift cards with money on them")
    if await any_open(connection, programme_id):
        raise InvalidInput("state", "there are exchange orders that are neither exchanged nor cancelled")


async def _book_all_due(installation: Installation, programme_id: int, now: datetime) -> None:
    """What has expired and holds that have lapsed are not outstanding, but may not be booked yet."""
    for sweep in (ledger.sweep, ledger.sweep_cards):
        swept = _SWEEP
        while swept == _SWEEP:
            async with installation.db.bare_transaction(programme_id) as connection:
                swept = await sweep(connection, programme_id, limit=_SWEEP, now=now)


_INSERT_PROGRAMME = """
insert into programme (slug, name, state, state_since, currency, time_zone, locales, sandbox, created_at)
values ($1, $2, $3, $8, $4, $5, $6, $7, $8)
returning id
"""


_SET_STATE = "update programme set state = $2, state_since = $3 where id = $1"
