"""A programme's settings in versions: changed as a whole or in part, planned, withdrawn.

A version is in force once every process has heard of it, or from a later instant on; it is never changed.
"""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import orjson

from pointbook.db.queries.programmes import lock_programme
from pointbook.db.session import Connection
from pointbook.domain import currencies
from pointbook.domain.errors import EditConflict, InvalidInput, refusals_under
from pointbook.domain.programme_settings import ProgrammeSettings, SettingsVersion
from pointbook.domain.rules import Known, Rule, RuleKind, RuleState, check_rule
from pointbook.services import audit
from pointbook.services.audit import Action, Change
from pointbook.services.directory import SETTINGS_NOTICE, ProgrammeSnapshot, ProgrammeState
from pointbook.services.installation import Installation

VERSIONS_MAX: Final = 10_000

PLANNED_MAX: Final = timedelta(days=3_650)
"""How far ahead settings are planned: what is later is a typing error."""


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

    Lots keep what they were earned under. In DRAFT they are in force at once. ``seen_version`` is the newest one
    known to the caller (None: whichever it is).
    Raises EditConflict if there is a newer one, and InvalidInput for an instant that is too soon, too far ahead or
    before a plan (None too, while something is planned), or if points of a rule could never be spent.
    """
    async with _changing_settings(installation, programme_id, seen_version, now) as (
        connection,
        programme,
        earliest,
    ):
        starts = _start(programme, effective_from, earliest)
        with refusals_under("settings"):
            _check_settings(programme, settings)
        instants = [starts, *(given_up.effective_from for given_up in _later(programme, starts))]
        made = await _append_versions(connection, programme, [(at, settings) for at in instants], by, now)
    return made[0]


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
    """The settings that a document names, all others as they are, from an instant on; None: as soon as may be.

    What is planned for later instants is kept and gets the same change, so that a plan neither holds up a change
    of today nor undoes it. What the document says already holds makes no version. Answers the new version that
    comes into force first; if there is none, the one that is in force then.
    Raises EditConflict as ``change_settings``, and InvalidInput naming what is wrong in the document as
    ``settings.valuePerPoint``, or an instant that is too soon or more than 10 years away.
    """
    async with _changing_settings(installation, programme_id, seen_version, now) as (
        connection,
        programme,
        earliest,
    ):
        starts = earliest if effective_from is None else effective_from
        if starts < earliest:
            raise InvalidInput("effectiveFrom", f"must not be before {earliest.isoformat()}")
        bases = [programme.version_at(starts), *_later(programme, starts)]
        settings = [_amended(programme, base.settings, document) for base in bases]
        instants = [starts, *(base.effective_from for base in bases[1:])]
        changes = [
            (at, amended)
            for at, base, amended in zip(instants, bases, settings, strict=True)
            if amended != base.settings
        ]
        made = await _append_versions(connection, programme, changes, by, now)
    return made[0] if made else bases[0]


async def withdraw_settings(
    installation: Installation,
    programme_id: int,
    seen_version: int,
    *,
    by: str = audit.OPERATOR,
    now: datetime,
) -> SettingsVersion:
    """Let what is planned not come into force: from each planned instant on, the settings of before count.

    Raises EditConflict, and InvalidInput if nothing is planned.
    """
    async with _changing_settings(installation, programme_id, seen_version, now) as (
        connection,
        programme,
        earliest,
    ):
        if not _plans_after(programme, earliest):
            raise InvalidInput("version", "is in force, or will be within seconds: nothing is planned")
        stays = programme.version_at(earliest).settings
        changes = [(version.effective_from, stays) for version in _later(programme, earliest)]
        made = await _append_versions(connection, programme, changes, by, now)
    return made[-1]


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
        await insert_version(connection, programme_id, version, currency)
        before = last, programme.currency
        change = _changed_settings(Action.CURRENCY_CHANGED, before, (version, currency))
        await audit.append(connection, programme_id, [change], by=by, now=now)
    installation.programmes.forget(programme_id)
    return version


@contextlib.asynccontextmanager
async def _changing_settings(
    installation: Installation, programme_id: int, seen_version: int | None, now: datetime
) -> AsyncIterator[tuple[Connection, ProgrammeSnapshot, datetime]]:
    """A transaction that holds the programme's row, with the earliest instant of a change. Raises EditConflict."""
    async with installation.db.bare_transaction(programme_id) as connection:
        await lock_programme(connection, programme_id)
        programme = await installation.programmes.inside(connection, programme_id)
        last = programme.versions[-1]
        if seen_version not in (None, last.version):
            raise EditConflict("settings", last.version)
        draft = programme.state is ProgrammeState.DRAFT
        yield connection, programme, now if draft else now + SETTINGS_NOTICE
    installation.programmes.forget(programme_id)


def _later(programme: ProgrammeSnapshot, instant: datetime) -> list[SettingsVersion]:
    """The versions that come into force later, one for each of their instants, the soonest first."""
    later = {version.effective_from: version for version in programme.versions if version.effective_from > instant}
    return [later[starts] for starts in sorted(later)]


def _plans_after(programme: ProgrammeSnapshot, instant: datetime) -> list[SettingsVersion]:
    """Those of them that change something: what was given up stands there too, as what counted before."""
    before = programme.version_at(instant).settings
    return [version for version in _later(programme, instant) if version.settings != before]


def _amended(programme: ProgrammeSnapshot, settings: ProgrammeSettings, document: object) -> ProgrammeSettings:
    with refusals_under("settings"):
        amended = settings.changed(document, programme.currency)
        _check_settings(programme, amended)
    return amended


async def _append_versions(
    connection: Connection,
    programme: ProgrammeSnapshot,
    changes: Sequence[tuple[datetime, ProgrammeSettings]],
    by: str,
    now: datetime,
) -> list[SettingsVersion]:
    made: list[SettingsVersion] = []
    currency = programme.currency
    for starts, settings in changes:
        if starts > now + PLANNED_MAX:
            raise InvalidInput("effectiveFrom", f"must not be after {(now + PLANNED_MAX).isoformat()}")
        last = made[-1] if made else programme.versions[-1]
        version = SettingsVersion(last.version + 1, starts, settings)
        await insert_version(connection, programme.id, version, currency)
        before = programme.version_at(starts)
        change = _changed_settings(Action.SETTINGS_CHANGED, (before, currency), (version, currency))
        await audit.append(connection, programme.id, [change], by=by, now=now)
        made.append(version)
    return made


def _start(programme: ProgrammeSnapshot, wanted: datetime | None, earliest: datetime) -> datetime:
    starts = earliest if wanted is None else wanted
    if starts < earliest:
        raise InvalidInput("effectiveFrom", f"must not be before {earliest.isoformat()}")
    plans = _plans_after(programme, starts)
    if not plans:
        return starts
    comes = plans[-1].effective_from
    if wanted is None and comes <= earliest + SETTINGS_NOTICE:
        return comes  # made a moment ago, perhaps by a clock that is a little ahead
    planned = f"version {plans[-1].version} comes into force, at {comes.isoformat()}"
    raise InvalidInput("effectiveFrom", f"must not be before {planned}")


def _check_settings(programme: ProgrammeSnapshot, settings: ProgrammeSettings) -> None:
    """Texts are in the programme's languages, and no rule's points end while they still wait."""
    texts = {"standardPointsText": settings.standard_points_text, "extraPointsText": settings.extra_points_text}
    for field, by_locale in texts.items():
        for locale, _ in by_locale:
            if locale not in programme.locales:
                raise InvalidInput(f"{field}.{locale}", "is not a locale of this programme")
    for rule in _kept_rules(programme):
        try:
            check_rule(rule, Known(), settings)
        except InvalidInput as refusal:
            raise InvalidInput("waitingTime", f"reaches the expiry of the rule {rule.name!r}") from refusal


def _kept_rules(programme: ProgrammeSnapshot) -> list[Rule]:
    newest = programme.book.newest().values()
    return [version.rule for version in newest if version.state is not RuleState.DELETED]


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


async def insert_version(
    connection: Connection, programme_id: int, version: SettingsVersion, currency: str
) -> None:
    if version.version > VERSIONS_MAX:
        raise InvalidInput("settings", f"a programme has at most {VERSIONS_MAX} settings versions")
    document = orjson.dumps(version.settings.to_document(currency)).decode()
    await connection.execute(
        _INSERT_VERSION, programme_id, version.version, version.effective_from, currency, document
    )


_INSERT_VERSION = """
insert into settings_version (programme_id, version, effective_from, currency, document)
values ($1, $2, $3, $4, $5::text::jsonb)
"""
