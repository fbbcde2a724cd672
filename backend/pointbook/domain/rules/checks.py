"""Whether what a rule names exists in its programme, and whether it fits its settings. The caller knows both."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pointbook.domain.calendar import CountsFrom
from pointbook.domain.errors import InvalidInput
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.domain.rules.rule import Chosen, Rule, RuleKind, Standard
from pointbook.domain.text import shown


@dataclass(frozen=True, slots=True)
class Known:
    """What a programme has; None: anything goes."""

    stores: Collection[str] | None = None
    entry_channels: Collection[str] | None = None
    exit_channels: Collection[str] | None = None
    locales: Collection[str] | None = None
    rules: Mapping[str, RuleKind] | None = None
    """Kinds of the rules that are not deleted, by their keys."""


def check_rule(rule: Rule, known: Known, settings: ProgrammeSettings | None = None) -> None:
    """Raises InvalidInput naming the field: what a rule names is unknown, or its points could never be spent.

    The reason says which name: a rule keeps its lists in an order of its own, so a place in them would mislead.
    """
    _check_chosen("stores", rule.stores, known.stores, "store")
    _check_chosen("entryChannels", rule.entry_channels, known.entry_channels, "entry channel")
    _check_chosen("exitChannels", rule.exit_channels, known.exit_channels, "exit channel")
    for locale, _ in rule.labels:
        if known.locales is not None and locale not in known.locales:
            raise InvalidInput(f"labels.{locale}", "is not a locale of this programme")
    if rule.kind is RuleKind.MULTIPLIER and known.rules is not None:
        _check_multiplied(rule, known.rules)
    if settings is not None:
        _check_expiry(rule, settings)


def _check_chosen(field: str, chosen: Chosen, existing: Collection[str] | None, what: str) -> None:
    for name in chosen or ():
        if existing is not None and name not in existing:
            raise InvalidInput(field, f"{shown(name)!r} is no {what} of this programme")


def _check_multiplied(rule: Rule, rules: Mapping[str, RuleKind]) -> None:
    for key in rule.targets:
        if key not in rules and key not in Standard.__members__:
            raise InvalidInput("targets", f"{shown(key)!r} is no rule of this programme")
        if rules.get(key) is RuleKind.MULTIPLIER:
            raise InvalidInput("targets", f"{shown(key)!r} is a multiplier, and those are not multiplied")


def _check_expiry(rule: Rule, settings: ProgrammeSettings) -> None:
    """Points that could end before they begin (R16)."""
    if rule.expiry is None or rule.expiry.days is None or rule.available_at_once:
        return
    hours = settings.waiting_time.hours
    if settings.expiry_counts_from is CountsFrom.EARNING and hours and hours >= rule.expiry.days * 24:
        raise InvalidInput("expiry", "is reached by the waiting time: points could never be spent")
