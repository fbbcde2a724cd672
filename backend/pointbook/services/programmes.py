"""Programmes: made, configured, opened and closed. Their state and settings live in the directory's cache."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import asyncpg
import orjson

from pointbook import ledger
from pointbook.db.queries.programme_ids import programme_ids
from pointbook.db.queries.programmes import lock_programme, outstanding_points
from pointbook.db.session import Connection
from pointbook.domain import calendar, currencies, text
from pointbook.domain.errors import EditConflict, InvalidInput, UnknownStore, refusals_under
from pointbook.domain.programme_settings import ProgrammeSettings, SettingsVersion
from pointbook.domain.rules import Known, Rule, RuleKind, RuleState, check_rule
from pointbook.services import audit, tokens
from pointbook.services.audit import Action, Change
from pointbook.services.directory import SETTINGS_NOTICE, ProgrammeSnapshot, ProgrammeState
from pointbook.services.installation import Installation

SETTLING: Final = timedelta(seconds=10)
"""How long earning has been stopped before a programme closes: every process has heard of it by then."""
STORES_MAX: Final = 10_000
VERSIONS_MAX: Final = 10_000
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


@dataclass(frozen=True, slots=True)
class NewStore:
    """``store_id`` is the shop's own; without a time zone it has the programme's."""

    store_id: str
    name: str
    time_zone: str | None = None


class _Store(NamedTuple):
    store_id: str
    name: str
    time_zone: str

    def shown(self) -> Mapping[str, str]:
        return {"name": self.name, "timeZone": self.time_zone}


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
        await _insert_version(
            connection, programme_id, SettingsVersion(1, now, command.settings), command.currency
        )
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


async def change_settings(
    installation: Installation,
    programme_id: int,
    settings: ProgrammeSettings,
    *,
    effective_from: datetime | None = None,
    seen_version: int | None = None,
    by: str = audit.OPERATOR,
    now: datetime,
) -> SettingsVersion:
    """Settings in force from an instant on; None = as soon as every process will have heard of them.

    Lots keep what they were earned under. In DRAFT they are in force at once. Versions come into force in the
    order in which they are made, because each is made from the one before. ``seen_version`` is the newest one
    known to the caller (None: whichever it is).
    Raises EditConflict if there is a newer one, and InvalidInput for an instant before that of the last version
    (None too, while one is scheduled), one that is too soon, or if points of a rule could never be spent.
    """

    def wholly(_last: ProgrammeSettings, _currency: str) -> ProgrammeSettings:
        return settings

    return await _change_settings(
        installation, programme_id, wholly, effective_from, seen_version=seen_version, by=by, now=now
    )


async def amend_settings(
    installation: Installation,
    programme_id: int,
    document: object,
    *,
    effective_from: datetime | None = None,
    seen_version: int | None = None,
    by: str = audit.OPERATOR,
    now: datetime,
) -> SettingsVersion:
    """The settings that a document names, all others as in the newest version; else as ``change_settings``.

    Raises InvalidInput naming what is wrong in the document as ``settings.valuePerPoint``.
    """

    def amended(last: ProgrammeSettings, currency: str) -> ProgrammeSettings:
        return last.changed(document, currency)

    return await _change_settings(
        installation, programme_id, amended, effective_from, seen_version=seen_version, by=by, now=now
    )


async def change_currency(
    installation: Installation,
    programme_id: int,
    currency: str,
    settings: ProgrammeSettings,
    *,
    by: str = audit.OPERATOR,
    now: datetime,
) -> SettingsVersion:
    """Another currency, with settings that count in it, at once: what was scheduled in the old one is void.

    Raises InvalidInput unless DRAFT or CLOSED, while there are rules for points from money, or if the programme
    counts in this currency already.
    """
    currencies.exponent(currency)
    async with installation.db.bare_transaction(programme_id) as connection:
        await lock_programme(connection, programme_id)
        programme = await installation.programmes.inside(connection, programme_id)
        last = programme.versions[-1]
        if programme.state not in (ProgrammeState.DRAFT, ProgrammeState.CLOSED):
            raise InvalidInput("currency", f"cannot change while the programme is {programme.state}")
        if currency == programme.currency:
            raise InvalidInput("currency", "is the programme's already: change its settings instead")
        if any(rule.kind is RuleKind.CART for rule in _kept_rules(programme)):
            raise InvalidInput("currency", "cannot change while there are cart rules: they count in it")
        version = SettingsVersion(last.version + 1, now, settings)
        await connection.execute("update programme set currency = $2 where id = $1", programme_id, currency)
        await _insert_version(connection, programme_id, version, currency)
        before = last, programme.currency
        change = _changed_settings(Action.CURRENCY_CHANGED, before, (version, currency))
        await audit.append(connection, programme_id, [change], by=by, now=now)
    installation.programmes.forget(programme_id)
    return version


async def change_state(
    installation: Installation,
    programme_id: int,
    state: ProgrammeState,
    *,
    by: str = audit.OPERATOR,
    now: datetime,
) -> ProgrammeSnapshot:
    """DRAFT → ACTIVE → EARNING_STOPPED → CLOSED, and back to ACTIVE; the same state again: nothing.

    Raises InvalidInput: no such way, or CLOSED while a point is outstanding or earning stopped only just now.
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


async def add_store(
    installation: Installation,
    programme_id: int,
    command: NewStore,
    *,
    by: str = audit.OPERATOR,
    now: datetime,
) -> None:
    """A branch; the same id again: its name and time zone change. Raises InvalidInput."""
    [refusal] = await add_stores(installation, programme_id, [command], by=by, now=now)
    if refusal is not None:
        raise refusal


async def add_stores(
    installation: Installation,
    programme_id: int,
    commands: Sequence[NewStore],
    *,
    by: str = audit.OPERATOR,
    now: datetime,
) -> list[InvalidInput | None]:
    """Branches in one transaction. Answers for each why it was refused; None: it is as the command says."""
    programme = await installation.programmes.get(programme_id)
    refusals: list[InvalidInput | None] = []
    stores: dict[str, _Store] = {}
    async with installation.db.bare_transaction(programme_id) as connection:
        await lock_programme(connection, programme_id)
        rows = await connection.fetch(_STORES, programme_id)
        before = {row["store_id"]: _Store(row["store_id"], row["name"], row["time_zone"]) for row in rows}
        for command in commands:
            try:
                store = _checked_store(programme, command, before.keys() | stores.keys())
            except InvalidInput as refusal:
                refusals.append(refusal)
                continue
            stores[store.store_id] = store
            refusals.append(None)
        changed = [store for store_id, store in stores.items() if before.get(store_id) != store]
        await connection.executemany(_UPSERT_STORE, [(programme_id, *store, now) for store in changed])
        changes = [_changed_store(before.get(store.store_id), store) for store in changed]
        await audit.append(connection, programme_id, changes, by=by, now=now)
    installation.programmes.forget(programme_id)
    return refusals


def _checked_store(programme: ProgrammeSnapshot, command: NewStore, known: set[str]) -> _Store:
    store_id = text.identifier("storeId", command.store_id)
    name = text.identifier("name", command.name)
    zone = command.time_zone or programme.time_zone
    calendar.time_zone(zone)
    if store_id not in known and len(known) >= STORES_MAX:
        raise InvalidInput("storeId", f"a programme has at most {STORES_MAX} stores")
    return _Store(store_id, name, zone)


async def switch_store(
    installation: Installation,
    programme_id: int,
    store_id: str,
    *,
    active: bool,
    by: str = audit.OPERATOR,
    now: datetime,
) -> None:
    """A store that is off earns nothing; redeeming there works. Raises UnknownStore."""
    async with installation.db.bare_transaction(programme_id) as connection:
        was = await connection.fetchval(_LOCK_STORE, programme_id, store_id)
        if was is None:
            raise UnknownStore(store_id)
        if was != active:
            await connection.execute(_SWITCH_STORE, programme_id, store_id, active)
            change = Change(Action.STORE_SWITCHED, f"store {store_id}", {"active": was}, {"active": active})
            await audit.append(connection, programme_id, [change], by=by, now=now)
    installation.programmes.forget(programme_id)


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


async def _insert_version(
    connection: Connection, programme_id: int, version: SettingsVersion, currency: str
) -> None:
    if version.version > VERSIONS_MAX:
        raise InvalidInput("settings", f"a programme has at most {VERSIONS_MAX} settings versions")
    document = orjson.dumps(version.settings.to_document(currency)).decode()
    await connection.execute(
        _INSERT_VERSION, programme_id, version.version, version.effective_from, currency, document
    )


async def _change_settings(
    installation: Installation,
    programme_id: int,
    changed: Callable[[ProgrammeSettings, str], ProgrammeSettings],
    effective_from: datetime | None,
    *,
    seen_version: int | None,
    by: str,
    now: datetime,
) -> SettingsVersion:
    async with installation.db.bare_transaction(programme_id) as connection:
        await lock_programme(connection, programme_id)
        programme = await installation.programmes.inside(connection, programme_id)
        last, currency = programme.versions[-1], programme.currency
        if seen_version not in (None, last.version):
            raise EditConflict("settings", last.version)
        earliest = now if programme.state is ProgrammeState.DRAFT else now + SETTINGS_NOTICE
        starts = _start(effective_from, earliest, last)
        with refusals_under("settings"):
            settings = changed(last.settings, currency)
            _check_rules(programme, settings)
        version = SettingsVersion(last.version + 1, starts, settings)
        await _insert_version(connection, programme_id, version, currency)
        change = _changed_settings(Action.SETTINGS_CHANGED, (last, currency), (version, currency))
        await audit.append(connection, programme_id, [change], by=by, now=now)
    installation.programmes.forget(programme_id)
    return version


def _start(wanted: datetime | None, earliest: datetime, last: SettingsVersion) -> datetime:
    scheduled = last.effective_from
    if wanted is None and scheduled <= earliest + SETTINGS_NOTICE:
        return max(earliest, scheduled)  # made a moment ago too, perhaps by a clock that is a little ahead
    starts = earliest if wanted is None else wanted
    if starts < earliest:
        raise InvalidInput("effectiveFrom", f"must not be before {earliest.isoformat()}")
    if starts < scheduled:
        comes = f"version {last.version} comes into force, at {scheduled.isoformat()}"
        raise InvalidInput("effectiveFrom", f"must not be before {comes}")
    return starts


def _check_rules(programme: ProgrammeSnapshot, settings: ProgrammeSettings) -> None:
    """No rule's points end while they still wait."""
    for rule in _kept_rules(programme):
        try:
            check_rule(rule, Known(), settings)
        except InvalidInput as refusal:
            raise InvalidInput("waitingTime", f"reaches the expiry of the rule {rule.name!r}") from refusal


def _kept_rules(programme: ProgrammeSnapshot) -> list[Rule]:
    newest = programme.book.newest().values()
    return [version.rule for version in newest if version.state is not RuleState.DELETED]


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


def _changed_settings(
    action: Action, before: tuple[SettingsVersion, str], after: tuple[SettingsVersion, str]
) -> Change:
    return Change(action, "settings", _audited(*before), _audited(*after))


def _audited(version: SettingsVersion, currency: str) -> Mapping[str, object]:
    return {
        "version": version.version,
        "effectiveFrom": version.effective_from.isoformat(),
        "currency": currency,
        "settings": version.settings.to_document(currency),
    }


def _changed_store(before: _Store | None, after: _Store) -> Change:
    action = Action.STORE_ADDED if before is None else Action.STORE_CHANGED
    return Change(action, f"store {after.store_id}", before and before.shown(), after.shown())


async def _check_nothing_outstanding(
    connection: Connection, programme_id: int, since: datetime, now: datetime
) -> None:
    if now < since + SETTLING:
        raise InvalidInput("state", "earning stopped only just now: orders may still be on their way")
    points = await outstanding_points(connection, programme_id)
    if points:
        raise InvalidInput("state", f"{points} points are still outstanding")


async def _book_all_due(installation: Installation, programme_id: int, now: datetime) -> None:
    """Points that have expired and holds that have lapsed are not outstanding, but may not be booked yet."""
    swept = _SWEEP
    while swept == _SWEEP:
        async with installation.db.bare_transaction(programme_id) as connection:
            swept = await ledger.sweep(connection, programme_id, limit=_SWEEP, now=now)


_INSERT_PROGRAMME = """
insert into programme (slug, name, state, state_since, currency, time_zone, locales, sandbox, created_at)
values ($1, $2, $3, $8, $4, $5, $6, $7, $8)
returning id
"""

_INSERT_VERSION = """
insert into settings_version (programme_id, version, effective_from, currency, document)
values ($1, $2, $3, $4, $5::text::jsonb)
"""

_SET_STATE = "update programme set state = $2, state_since = $3 where id = $1"

_STORES = "select store_id, name, time_zone from store where programme_id = $1"

_UPSERT_STORE = """
insert into store (programme_id, store_id, name, time_zone, created_at)
values ($1, $2, $3, $4, $5)
on conflict (programme_id, store_id) do update set name = excluded.name, time_zone = excluded.time_zone
"""

_LOCK_STORE = "select active from store where programme_id = $1 and store_id = $2 for no key update"

_SWITCH_STORE = "update store set active = $3 where programme_id = $1 and store_id = $2"
