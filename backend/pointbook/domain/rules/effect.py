"""Which version of a rule is in force, and whether it can give points at all."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.domain.rules.lots import Lot, lot_lifetime
from pointbook.domain.rules.occasion import Why
from pointbook.domain.rules.rule import Rule, RuleState, RuleVersion


class Effect(NamedTuple):
    """``inert_reason`` is one of NO_STORE, INACTIVE, NOT_YET, ENDED, PROGRAMME_STOPPED; None: it gives points."""

    state: RuleState
    inert_reason: Why | None


def rules_in_force(versions: Iterable[RuleVersion], at: datetime) -> tuple[RuleVersion, ...]:
    """Of each rule the version in force at an instant, oldest rule first; no deleted rule, and none to come.

    Versions are never changed and take effect after they are made, so an instant always gives the same answer: it
    pins them all.
    """
    newest: dict[str, RuleVersion] = {}
    for version in versions:
        if version.effective_from <= at:
            known = newest.get(version.key)
            if known is None or _begun(known) < _begun(version):
                newest[version.key] = version
    kept = (version for version in newest.values() if version.state is not RuleState.DELETED)
    return tuple(sorted(kept, key=age))


def age(version: RuleVersion) -> tuple[int, str]:
    """The order of rules by age, oldest first."""
    return version.number, version.key


def effect(
    version: RuleVersion,
    settings: ProgrammeSettings,
    zone: ZoneInfo,
    *,
    now: datetime,
    earns: bool = True,
    open_stores: Collection[str] | None = None,
) -> Effect:
    """What staff are shown of a rule: a ``version``'s state, and why it is inert.

    ``zone`` and ``earns`` are the programme's; ``open_stores`` are the stores that are not switched off (None: not
    asked).
    """
    if version.state is not RuleState.ACTIVE:
        return Effect(version.state, Why.INACTIVE)
    if not earns:
        return Effect(version.state, Why.PROGRAMME_STOPPED)
    rule = version.rule
    if _nowhere(rule, open_stores):
        return Effect(version.state, Why.NO_STORE)
    if version.effective_from > now:
        return Effect(version.state, Why.NOT_YET)
    return Effect(version.state, _out_of_time(rule, settings, zone, now))


def giving(
    versions: Iterable[RuleVersion],
    settings: ProgrammeSettings,
    zone: ZoneInfo,
    *,
    now: datetime,
    earns: bool,
    open_stores: Collection[str],
) -> tuple[RuleVersion, ...]:
    """Of all versions of all rules those that give points at an instant, the oldest rule first."""
    return tuple(
        version
        for version in rules_in_force(versions, now)
        if effect(version, settings, zone, now=now, earns=earns, open_stores=open_stores).inert_reason is None
    )


def _nowhere(rule: Rule, open_stores: Collection[str] | None) -> bool:
    if rule.stores is None:
        return False
    return not rule.stores or (open_stores is not None and not any(store in open_stores for store in rule.stores))


def _out_of_time(rule: Rule, settings: ProgrammeSettings, zone: ZoneInfo, now: datetime) -> Why | None:
    today = now.astimezone(zone).date()
    if rule.valid_until is not None and rule.valid_until < today:
        return Why.ENDED
    if rule.factor is None and lot_lifetime(settings, Lot.of(rule, settings), now, zone) is None:
        return Why.ENDED
    return Why.NOT_YET if rule.valid_from is not None and rule.valid_from > today else None


def _begun(version: RuleVersion) -> tuple[datetime, int]:
    return version.effective_from, version.version
