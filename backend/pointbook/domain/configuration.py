"""A programme's whole configuration as one document: what a preset is, and what is exported and imported.

Settings with the product texts, stores, channels, holidays, rules and catalogues; no members, points, keys or
stock. Everything refers only to what the same document has, so that it can be read, checked and kept without a
programme.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from pointbook.domain import currencies, values
from pointbook.domain.calendar import time_zone
from pointbook.domain.catalogue import ExchangeItem, GiftCardProduct, Kind, check_locales, read_offer, write_offer
from pointbook.domain.errors import InvalidInput, refusals_under
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.domain.reading import list_of, object_of, optional_truth
from pointbook.domain.rules import Known, Rule, RuleState, Standard, check_rule, read_rule, write_rule
from pointbook.domain.text import MAX_WORD, identifier, optional_identifier, shown

MAX_STORES: Final = 10_000
MAX_RULES: Final = 2_000
MAX_OFFERS: Final = 10_000
MAX_CHANNELS: Final = 100
MAX_LOCALES: Final = 20
MAX_OWN_HOLIDAYS: Final = 1_000

_LOCALE: Final = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")
_KEYS: Final = frozenset(
    {
        "name",
        "currency",
        "timeZone",
        "locales",
        "holidays",
        "entryChannels",
        "exitChannels",
        "settings",
        "stores",
        "rules",
        "giftCards",
        "exchangeItems",
    }
)
_STORE_KEYS: Final = frozenset({"id", "name", "timeZone", "active", "holidays"})
_HOLIDAY_KEYS: Final = frozenset({"country", "subdivision", "own"})
_RULE_KEYS: Final = frozenset({"key", "state", "rule"})


@dataclass(frozen=True, slots=True)
class ConfiguredHolidays:
    """Those of a region (ISO 3166; whether there is a calendar of it is not known here) and some of one's own."""

    country: str | None = None
    subdivision: str | None = None
    own: tuple[tuple[date, str], ...] = ()
    """In order of day."""


NO_HOLIDAYS: Final = ConfiguredHolidays()


@dataclass(frozen=True, slots=True)
class ConfiguredStore:
    """``store_id`` is the shop's; without a time zone it has the programme's."""

    store_id: str
    name: str
    time_zone: str | None = None
    active: bool = True
    holidays: ConfiguredHolidays = NO_HOLIDAYS


@dataclass(frozen=True, slots=True)
class ConfiguredRule:
    """``state`` is ACTIVE or INACTIVE."""

    key: str
    state: RuleState
    rule: Rule


@dataclass(frozen=True, slots=True)
class Configuration:
    """``rules`` stand in order of age, the oldest first. Build it with ``read_configuration``."""

    name: str
    currency: str
    time_zone: str
    locales: tuple[str, ...]
    settings: ProgrammeSettings
    holidays: ConfiguredHolidays = NO_HOLIDAYS
    entry_channels: tuple[str, ...] = ()
    exit_channels: tuple[str, ...] = ()
    stores: tuple[ConfiguredStore, ...] = ()
    rules: tuple[ConfiguredRule, ...] = ()
    gift_cards: tuple[GiftCardProduct, ...] = ()
    exchange_items: tuple[ExchangeItem, ...] = ()


def read_configuration(document: object) -> Configuration:
    """A configuration as people write it; what is missing has its default, but for name, currency and time zone.

    Raises InvalidInput naming the field (``rules[2].rule.points``): unknown, out of bounds, twice there, or
    referring to what the document does not have.
    """
    raw = object_of("" if isinstance(document, Mapping) else "configuration", document, _KEYS)
    currency = _currency(raw.get("currency"))
    configuration = Configuration(
        name=identifier("name", raw.get("name")),
        currency=currency,
        time_zone=time_zone(raw.get("timeZone")).key,
        locales=_locales(raw.get("locales")),
        settings=_settings(raw.get("settings"), currency),
        holidays=_holidays("holidays", raw.get("holidays")),
        entry_channels=_channels("entryChannels", raw.get("entryChannels")),
        exit_channels=_channels("exitChannels", raw.get("exitChannels")),
        stores=tuple(list_of("stores", raw.get("stores"), MAX_STORES, _store)),
        rules=tuple(list_of("rules", raw.get("rules"), MAX_RULES, _rule_in(currency))),
        gift_cards=_offers("giftCards", raw.get("giftCards"), GiftCardProduct, currency),
        exchange_items=_offers("exchangeItems", raw.get("exchangeItems"), ExchangeItem, currency),
    )
    _refuse_twins(configuration)
    _check_rules(configuration)
    _check_offers(configuration)
    return configuration


def write_configuration(configuration: Configuration) -> dict[str, Any]:
    """The whole configuration as JSON, so that ``read_configuration`` of it gives an equal one."""
    currency = configuration.currency
    return {
        "name": configuration.name,
        "currency": currency,
        "timeZone": configuration.time_zone,
        "locales": list(configuration.locales),
        "holidays": _write_holidays(configuration.holidays),
        "entryChannels": list(configuration.entry_channels),
        "exitChannels": list(configuration.exit_channels),
        "settings": configuration.settings.to_document(currency),
        "stores": [_write_store(store) for store in configuration.stores],
        "rules": [
            {"key": one.key, "state": one.state.value, "rule": write_rule(one.rule, currency)}
            for one in configuration.rules
        ],
        "giftCards": [write_offer(offer, currency) for offer in configuration.gift_cards],
        "exchangeItems": [write_offer(offer, currency) for offer in configuration.exchange_items],
    }


def _currency(value: object) -> str:
    currencies.exponent(value)
    assert isinstance(value, str), "only a text is a currency"
    return value


def _settings(value: object, currency: str) -> ProgrammeSettings:
    try:
        return ProgrammeSettings.from_document({} if value is None else value, currency)
    except InvalidInput as refusal:
        raise refusal if refusal.field == "settings" else refusal.under("settings") from None


def _locales(value: object) -> tuple[str, ...]:
    locales = list_of("locales", ["en"] if value is None else value, MAX_LOCALES, _locale)
    if not locales:
        raise InvalidInput("locales", "must name at least one")
    return tuple(dict.fromkeys(locales))


def _locale(value: object) -> str:
    if not isinstance(value, str) or not _LOCALE.fullmatch(value):
        raise InvalidInput("", "must be a language tag like de or de-AT")
    return value


def _channels(field: str, value: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(list_of(field, value, MAX_CHANNELS, lambda word: identifier("", word, MAX_WORD))))


def _holidays(field: str, value: object) -> ConfiguredHolidays:
    if value is None:
        return NO_HOLIDAYS
    raw = object_of(field, value, _HOLIDAY_KEYS)
    own = raw.get("own") or {}
    if not isinstance(own, Mapping) or len(own) > MAX_OWN_HOLIDAYS:
        raise InvalidInput(
            f"{field}.own", f"must be an object of at most {MAX_OWN_HOLIDAYS} days with their names"
        )
    country = optional_identifier(f"{field}.country", raw.get("country"), MAX_WORD)
    subdivision = optional_identifier(f"{field}.subdivision", raw.get("subdivision"), MAX_WORD)
    if subdivision is not None and country is None:
        raise InvalidInput(f"{field}.subdivision", "needs a country")
    days = (
        (values.day(f"{field}.own.{shown(day)}", day), identifier(f"{field}.own.{shown(day)}", name))
        for day, name in own.items()
    )
    return ConfiguredHolidays(country, subdivision, tuple(sorted(days)))


def _write_holidays(holidays: ConfiguredHolidays) -> dict[str, Any] | None:
    if holidays == NO_HOLIDAYS:
        return None
    own = {day.isoformat(): name for day, name in holidays.own}
    return {"country": holidays.country, "subdivision": holidays.subdivision, "own": own}


def _store(value: object) -> ConfiguredStore:
    raw = object_of("", value, _STORE_KEYS)
    zone = raw.get("timeZone")
    return ConfiguredStore(
        store_id=identifier("id", raw.get("id")),
        name=identifier("name", raw.get("name")),
        time_zone=None if zone is None else time_zone(zone).key,
        active=optional_truth("active", raw.get("active"), default=True),
        holidays=_holidays("holidays", raw.get("holidays")),
    )


def _write_store(store: ConfiguredStore) -> dict[str, Any]:
    return {
        "id": store.store_id,
        "name": store.name,
        "timeZone": store.time_zone,
        "active": store.active,
        "holidays": _write_holidays(store.holidays),
    }


def _rule_in(currency: str) -> Callable[[object], ConfiguredRule]:
    def read(value: object) -> ConfiguredRule:
        raw = object_of("", value, _RULE_KEYS)
        key = identifier("key", raw.get("key"), MAX_WORD)
        if key in Standard.__members__:
            raise InvalidInput("key", "names what the settings give")
        state = raw.get("state")
        if state not in (None, RuleState.ACTIVE, RuleState.INACTIVE):
            raise InvalidInput("state", "must be ACTIVE or INACTIVE")
        try:
            rule = read_rule(raw.get("rule"), currency)
        except InvalidInput as refusal:
            raise refusal if refusal.field == "rule" else refusal.under("rule") from None
        return ConfiguredRule(key, RuleState(state or RuleState.ACTIVE), rule)

    return read


def _offers(field: str, value: object, kind: type[Kind], currency: str) -> tuple[Kind, ...]:
    return tuple(list_of(field, value, MAX_OFFERS, lambda one: read_offer(kind, one, currency)))


def _refuse_twins(configuration: Configuration) -> None:
    ids = {
        "stores[{}].id": [store.store_id for store in configuration.stores],
        "rules[{}].key": [one.key for one in configuration.rules],
        "giftCards[{}].sku": [offer.sku for offer in configuration.gift_cards],
        "exchangeItems[{}].sku": [offer.sku for offer in configuration.exchange_items],
    }
    for field, names in ids.items():
        seen: set[str] = set()
        for place, name in enumerate(names):
            if name in seen:
                raise InvalidInput(field.format(place), f"{shown(name)!r} is there twice")
            seen.add(name)


def _check_rules(configuration: Configuration) -> None:
    known = Known(
        stores={store.store_id for store in configuration.stores},
        entry_channels=configuration.entry_channels,
        exit_channels=configuration.exit_channels,
        locales=configuration.locales,
        rules={one.key: one.rule.kind for one in configuration.rules},
    )
    for place, one in enumerate(configuration.rules):
        try:
            check_rule(one.rule, known, configuration.settings)
        except InvalidInput as refusal:
            raise refusal.under(f"rules[{place}].rule") from None


def _check_offers(configuration: Configuration) -> None:
    locales = configuration.locales
    lists = {"giftCards": configuration.gift_cards, "exchangeItems": configuration.exchange_items}
    for field, offers in lists.items():
        for place, offer in enumerate(offers):
            with refusals_under(f"{field}[{place}]"):
                check_locales(offer, locales, locales[0])
