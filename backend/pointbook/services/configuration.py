"""A programme's configuration as one document: made into a programme, taken out of one, put into another.

Members, points, keys and history do not travel. Nothing is removed by an import: what the document does not name
stays as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from pointbook.domain.catalogue import check_locales
from pointbook.domain.configuration import (
    Configuration,
    ConfiguredHolidays,
    ConfiguredRule,
    ConfiguredStore,
    read_configuration,
    write_configuration,
)
from pointbook.domain.configuration_parts import completed
from pointbook.domain.errors import InvalidInput, refusals_under
from pointbook.domain.rules import RuleState, RuleVersion, write_rule
from pointbook.domain.text import shown
from pointbook.services import audit, catalogue, earning_rules, places, programmes, settings_versions, stores
from pointbook.services.audit import Action
from pointbook.services.catalogue import EXCHANGE_ITEMS, GIFT_CARDS
from pointbook.services.directory import HolidayCalendar, ProgrammeSnapshot, ProgrammeState
from pointbook.services.holiday_names import check_region
from pointbook.services.installation import Installation
from pointbook.services.places import NewHolidays
from pointbook.services.programmes import NewProgramme
from pointbook.services.rule_desk import RuleDesk, locked_rules
from pointbook.services.stores import NewStore


@dataclass(frozen=True, slots=True)
class Imported:
    """Names of settings with other values, and keys of rules; ``untouched`` are those of the programme alone."""

    settings: tuple[str, ...]
    created: tuple[str, ...]
    changed: tuple[str, ...]
    untouched: tuple[str, ...]
    offers: int = 0
    """Offers of the catalogues that are new or have another content."""


async def create_programme_from(
    installation: Installation,
    slug: str,
    configuration: Configuration,
    *,
    name: str | None = None,
    sandbox: bool = False,
    state: ProgrammeState = ProgrammeState.ACTIVE,
    by: str = audit.OPERATOR,
    now: datetime,
) -> ProgrammeSnapshot:
    """A programme with everything that the configuration has, in force at once; ``name`` None: as it says.

    It is a draft until all is in place: broken off in between, it is one that may be imported into. Raises
    InvalidInput.
    """
    _check_regions(configuration)
    command = NewProgramme(
        slug=slug,
        name=configuration.name if name is None else name,
        currency=configuration.currency,
        time_zone=configuration.time_zone,
        locales=configuration.locales,
        settings=configuration.settings,
        sandbox=sandbox,
    )
    made = await programmes.create_programme(installation, command, by=by, now=now)
    await import_configuration(installation, made.id, configuration, by=by, now=now)
    if state is not ProgrammeState.DRAFT:
        await programmes.change_state(installation, made.id, state, by=by, now=now)
    return await installation.programmes.current(made.id)


async def export_configuration(installation: Installation, programme_id: int) -> Configuration:
    """The newest version of everything, also of what is still to come into force; no deleted rules."""
    programme = await installation.programmes.current(programme_id)
    return Configuration(
        name=programme.name,
        currency=programme.currency,
        time_zone=programme.time_zone,
        locales=programme.locales,
        settings=programme.versions[-1].settings,
        holidays=_exported(programme.holidays),
        entry_channels=programme.entry_channels,
        exit_channels=programme.exit_channels,
        stores=tuple(
            ConfiguredStore(
                store.store_id,
                store.name,
                None if store.time_zone == programme.time_zone else store.time_zone,
                store.active,
                _exported(store.holidays),
            )
            for _, store in sorted(programme.stores.items())
        ),
        rules=tuple(
            ConfiguredRule(version.key, version.state, version.rule)
            for version in programme.book.newest().values()
            if version.state is not RuleState.DELETED
        ),
        gift_cards=tuple(await catalogue.export_offers(installation, programme_id, GIFT_CARDS)),
        exchange_items=tuple(await catalogue.export_offers(installation, programme_id, EXCHANGE_ITEMS)),
    )


async def import_document(
    installation: Installation,
    programme_id: int,
    document: object,
    *,
    by: str = audit.OPERATOR,
    now: datetime,
) -> Imported:
    """Bring a programme to what a document says; what it leaves out stays as the programme has it.

    Raises InvalidInput as ``import_configuration``.
    """
    own = await export_configuration(installation, programme_id)
    configuration = read_configuration(completed(document, write_configuration(own)))
    done = await import_configuration(installation, programme_id, configuration, by=by, now=now)
    assert isinstance(document, Mapping), "it was read"
    named = {one["key"] for one in document.get("rules") or ()}
    return replace(done, untouched=tuple(sorted({one.key for one in own.rules} - named)))


async def import_configuration(
    installation: Installation,
    programme_id: int,
    configuration: Configuration,
    *,
    by: str = audit.OPERATOR,
    now: datetime,
) -> Imported:
    """Bring a programme to a configuration: settings and holidays replaced, the rest added and changed.

    Each change is in force as soon as every process knows of it, in a draft at once; the same document again
    changes nothing. The programme keeps its name and locales. Raises InvalidInput before anything is changed for
    what does not fit the programme; what else is refused on the way leaves what came before it.
    """
    programme = await installation.programmes.current(programme_id)
    _check_fit(programme, configuration)
    _check_regions(configuration)
    await _import_places(installation, programme, configuration, by=by, now=now)
    others = _differing(programme, configuration)
    if others:
        await settings_versions.change_settings(installation, programme_id, configuration.settings, by=by, now=now)
    async with locked_rules(installation, programme_id, by, now) as desk:
        created = await _create_rules(desk, configuration)
    kept = _kept(programme)
    changed = [one for one in configuration.rules if one.key in kept and not _same(kept[one.key], one)]
    for one in changed:
        await _change_rule(installation, programme, kept[one.key], one, by=by, now=now)
    untouched = kept.keys() - {one.key for one in configuration.rules}
    offers = await _import_offers(installation, programme_id, configuration, by=by, now=now)
    return Imported(others, tuple(created), tuple(one.key for one in changed), tuple(sorted(untouched)), offers)


def _differing(programme: ProgrammeSnapshot, configuration: Configuration) -> tuple[str, ...]:
    before = programme.versions[-1].settings.to_document(programme.currency)
    after = configuration.settings.to_document(programme.currency)
    return tuple(name for name, value in after.items() if before[name] != value)


def _kept(programme: ProgrammeSnapshot) -> Mapping[str, RuleVersion]:
    newest = programme.book.newest().items()
    return {key: version for key, version in newest if version.state is not RuleState.DELETED}


def _check_fit(programme: ProgrammeSnapshot, configuration: Configuration) -> None:
    if configuration.currency != programme.currency:
        raise InvalidInput("currency", f"must be the programme's, {programme.currency}")
    if configuration.time_zone != programme.time_zone:
        raise InvalidInput("timeZone", f"must be the programme's, {programme.time_zone}")
    for place, locale in enumerate(configuration.locales):
        if locale not in programme.locales:
            raise InvalidInput(f"locales[{place}]", "is not a locale of this programme")
    newest = programme.book.newest()
    for place, one in enumerate(configuration.rules):
        before = newest.get(one.key)
        if before is not None and before.state is RuleState.DELETED:
            raise InvalidInput(f"rules[{place}].key", f"{shown(one.key)!r} was deleted, and is not used again")
        if before is not None and before.rule.kind is not one.rule.kind:
            raise InvalidInput(
                f"rules[{place}].rule.kind", f"is {before.rule.kind} in the programme, and stays so"
            )
    for field, offers in {
        "giftCards": configuration.gift_cards,
        "exchangeItems": configuration.exchange_items,
    }.items():
        for place, offer in enumerate(offers):
            with refusals_under(f"{field}[{place}]"):
                check_locales(offer, programme.locales, programme.locales[0])


async def _import_offers(
    installation: Installation, programme_id: int, configuration: Configuration, *, by: str, now: datetime
) -> int:
    cards, items = configuration.gift_cards, configuration.exchange_items
    return await catalogue.import_offers(
        installation, programme_id, GIFT_CARDS, cards, by=by, now=now
    ) + await catalogue.import_offers(installation, programme_id, EXCHANGE_ITEMS, items, by=by, now=now)


def _check_regions(configuration: Configuration) -> None:
    fields = {f"stores[{place}].holidays": store.holidays for place, store in enumerate(configuration.stores)}
    for field, holidays in {"holidays": configuration.holidays, **fields}.items():
        try:
            check_region(holidays.country, holidays.subdivision)
        except InvalidInput as refusal:
            raise refusal.under(field) from None


async def _import_places(
    installation: Installation,
    programme: ProgrammeSnapshot,
    configuration: Configuration,
    *,
    by: str,
    now: datetime,
) -> None:
    entry = dict.fromkeys((*programme.entry_channels, *configuration.entry_channels))
    exit_ = dict.fromkeys((*programme.exit_channels, *configuration.exit_channels))
    await places.change_channels(installation, programme.id, list(entry), list(exit_), by=by, now=now)
    await places.change_holidays(
        installation, programme.id, None, _imported(configuration.holidays), by=by, now=now
    )
    wanted = [NewStore(store.store_id, store.name, store.time_zone) for store in configuration.stores]
    for refusal in await stores.add_stores(installation, programme.id, wanted, by=by, now=now):
        if refusal is not None:
            raise refusal.under("stores")
    known = (await installation.programmes.current(programme.id)).stores
    for store in configuration.stores:
        before = known[store.store_id]
        if _exported(before.holidays) != store.holidays:
            holidays = _imported(store.holidays)
            await places.change_holidays(installation, programme.id, store.store_id, holidays, by=by, now=now)
        if before.active != store.active:
            await stores.switch_store(
                installation, programme.id, store.store_id, active=store.active, by=by, now=now
            )


async def _create_rules(desk: RuleDesk, configuration: Configuration) -> list[str]:
    """Those that the programme does not have, all or none: one may name another that stands below it."""
    number = max((version.number for version in desk.newest.values()), default=0)
    missing = [one for one in configuration.rules if one.key not in desk.newest]
    made = [
        RuleVersion(one.key, number + place, 1, desk.starts(None, None), one.state, one.rule)
        for place, one in enumerate(missing, start=1)
    ]
    for version in made:
        desk.refuse_too_many()
        desk.newest[version.key] = version
    for version in made:
        desk.checked(version.rule, version.effective_from)
        await desk.append(Action.RULE_CREATED, None, [version])
    return [version.key for version in made]


def _same(version: RuleVersion, one: ConfiguredRule) -> bool:
    return version.rule == one.rule and version.state is one.state


async def _change_rule(
    installation: Installation,
    programme: ProgrammeSnapshot,
    newest: RuleVersion,
    one: ConfiguredRule,
    *,
    by: str,
    now: datetime,
) -> None:
    version = newest.version
    if newest.rule != one.rule:
        document = write_rule(one.rule, programme.currency)
        view = await earning_rules.edit_rule(
            installation, programme.id, one.key, version, document, by=by, now=now
        )
        version = view.newest.version
    if newest.state is not one.state:
        active = one.state is RuleState.ACTIVE
        switch = earning_rules.activate_rule if active else earning_rules.deactivate_rule
        await switch(installation, programme.id, one.key, version, by=by, now=now)


def _exported(holidays: HolidayCalendar) -> ConfiguredHolidays:
    return ConfiguredHolidays(holidays.country, holidays.subdivision, holidays.own)


def _imported(holidays: ConfiguredHolidays) -> NewHolidays:
    return NewHolidays(holidays.country, holidays.subdivision, dict(holidays.own))
