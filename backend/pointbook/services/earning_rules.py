"""Staff keep the earning rules: each change is a new version, in force once every process has heard of it.

Whoever changes a rule names the version they have seen; of two who saw the same, the second is told by an
EditConflict. Nothing here judges an order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

import orjson

from pointbook.domain import text
from pointbook.domain.errors import InvalidInput, RuleNotFound, refusals_under
from pointbook.domain.rules import (
    Effect,
    Rule,
    RuleState,
    RuleVersion,
    effect,
    inverted,
    read_rule,
    rules_in_force,
)
from pointbook.services import audit
from pointbook.services.audit import Action
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.rule_desk import RuleDesk, locked_rules

HISTORY_MAX: Final = 101
"""Versions at once: a page, and one that says that there are more."""


@dataclass(frozen=True, slots=True)
class RuleView:
    """A rule as staff see it. ``newest`` is the version to name in a change, and may not be in force yet.

    ``effect`` is of what counts now: of the version in force, or of the newest before there is one.
    """

    newest: RuleVersion
    in_force: RuleVersion | None
    effect: Effect

    @property
    def key(self) -> str:
        return self.newest.key


@dataclass(frozen=True, slots=True)
class RuleHistoryEntry:
    """A version with who made it when. ``document`` as ``write_rule`` writes it, in ``currency``."""

    version: RuleVersion
    document: dict[str, Any]
    currency: str
    created_at: datetime
    created_by: str


async def create_rule(
    installation: Installation,
    programme_id: int,
    document: object,
    *,
    key: str | None = None,
    state: RuleState = RuleState.ACTIVE,
    effective_from: datetime | None = None,
    by: str = audit.OPERATOR,
    now: datetime,
) -> RuleView:
    """A new rule; ``key`` None: one is made up. ``effective_from`` None: as soon as every process knows of it.

    Raises InvalidInput naming the field (of the document as ``rule.points``), and EditConflict if there is or was
    a rule of this key.
    """
    if state is RuleState.DELETED:
        raise InvalidInput("state", "a rule begins as ACTIVE or INACTIVE")
    async with locked_rules(installation, programme_id, by, now) as desk:
        checked = uuid4().hex if key is None else desk.checked_key(key)
        starts = desk.starts(effective_from, None)
        with refusals_under("rule"):
            rule = desk.checked(read_rule(document, desk.programme.currency), starts)
        number = 1 + max((version.number for version in desk.newest.values()), default=0)
        desk.refuse_too_many()
        made = RuleVersion(checked, number, 1, starts, state, rule)
        await desk.append(Action.RULE_CREATED, None, [made])
    return await _view(installation, programme_id, made.key, now)


async def edit_rule(
    installation: Installation,
    programme_id: int,
    key: str,
    version: int,
    document: object,
    *,
    effective_from: datetime | None = None,
    by: str = audit.OPERATOR,
    now: datetime,
) -> RuleView:
    """Other content from an instant on, in the rule's state; what was earned before stays as it is (R4).

    ``version`` is the newest one that the caller has seen. Raises EditConflict, RuleNotFound, and InvalidInput
    naming the field (of the document as ``rule.points``); the kind of a rule never changes.
    """

    def changed(desk: RuleDesk, newest: RuleVersion, starts: datetime) -> Rule:
        with refusals_under("rule"):
            rule = read_rule(document, desk.programme.currency)
            if rule.kind is not newest.rule.kind:
                raise InvalidInput("kind", f"is {newest.rule.kind}, and stays so: make another rule")
            return desk.checked(rule, starts)

    return await _edit(
        installation, programme_id, key, version, changed, effective_from=effective_from, by=by, now=now
    )


async def choose_stores(
    installation: Installation,
    programme_id: int,
    key: str,
    version: int,
    stores: Sequence[str] | None,
    *,
    by: str = audit.OPERATOR,
    now: datetime,
) -> RuleView:
    """Give the rule other stores: None all of them, also later ones; empty none, so that it is inert.

    Raises EditConflict, RuleNotFound, InvalidInput.
    """

    def changed(desk: RuleDesk, newest: RuleVersion, starts: datetime) -> Rule:
        chosen = None if stores is None else tuple(sorted(set(stores)))
        return desk.checked(replace(newest.rule, stores=chosen), starts)

    return await _edit(installation, programme_id, key, version, changed, by=by, now=now)


async def invert_stores(
    installation: Installation,
    programme_id: int,
    key: str,
    version: int,
    *,
    by: str = audit.OPERATOR,
    now: datetime,
) -> RuleView:
    """The stores that the rule does not have in place of those it has (R7). Raises EditConflict, RuleNotFound."""

    def changed(desk: RuleDesk, newest: RuleVersion, starts: datetime) -> Rule:
        stores = inverted(newest.rule.stores, tuple(desk.programme.stores))
        return desk.checked(replace(newest.rule, stores=stores), starts)

    return await _edit(installation, programme_id, key, version, changed, by=by, now=now)


async def activate_rule(
    installation: Installation,
    programme_id: int,
    key: str,
    version: int,
    *,
    effective_from: datetime | None = None,
    by: str = audit.OPERATOR,
    now: datetime,
) -> RuleView:
    """The rule gives points from an instant on; an active one: nothing. Raises EditConflict, RuleNotFound."""
    async with locked_rules(installation, programme_id, by, now) as desk:
        newest = desk.seen(key, version)
        if newest.state is not RuleState.ACTIVE:
            desk.refuse_too_many_versions()
            starts = desk.starts(effective_from, newest)
            made = replace(
                newest,
                version=version + 1,
                effective_from=starts,
                state=RuleState.ACTIVE,
                rule=desk.checked(newest.rule, starts),
            )
            await desk.append(Action.RULE_ACTIVATED, newest, [made])
    return await _view(installation, programme_id, key, now)


async def deactivate_rule(
    installation: Installation,
    programme_id: int,
    key: str,
    version: int,
    *,
    by: str = audit.OPERATOR,
    now: datetime,
) -> RuleView:
    """The rule gives nothing, as soon as every process knows; what was planned for it stays, but inactive.

    Raises EditConflict, RuleNotFound.
    """
    async with locked_rules(installation, programme_id, by, now) as desk:
        newest = desk.seen(key, version)
        if newest.state is not RuleState.INACTIVE:
            await desk.append(Action.RULE_DEACTIVATED, newest, desk.stopped(newest, RuleState.INACTIVE))
    return await _view(installation, programme_id, key, now)


async def delete_rule(
    installation: Installation,
    programme_id: int,
    key: str,
    version: int,
    *,
    by: str = audit.OPERATOR,
    now: datetime,
) -> None:
    """The rule is gone for good, as soon as every process knows; its versions stay for what they have earned.

    Raises EditConflict, RuleNotFound.
    """
    async with locked_rules(installation, programme_id, by, now) as desk:
        newest = desk.seen(key, version)
        await desk.append(Action.RULE_DELETED, newest, desk.stopped(newest, RuleState.DELETED))


async def list_rules(installation: Installation, programme_id: int, *, now: datetime) -> list[RuleView]:
    """All rules that are not deleted, the oldest first, as they are in the database at this moment."""
    return list(_views(await installation.programmes.current(programme_id), now).values())


async def find_rule(installation: Installation, programme_id: int, key: str, *, now: datetime) -> RuleView:
    """Raises RuleNotFound, also for a deleted one."""
    return await _view(installation, programme_id, key, now)


async def rule_history(
    installation: Installation, programme_id: int, key: str, *, first: int = HISTORY_MAX, before: int | None = None
) -> list[RuleHistoryEntry]:
    """At most ``first`` versions of a rule, newest first, older than version ``before``; also of a deleted rule.

    Raises RuleNotFound.
    """
    async with installation.db.bare_transaction(programme_id) as connection:
        rows = await connection.fetch(_HISTORY, programme_id, key, before, min(first, HISTORY_MAX))
        if not rows and not await connection.fetchval(_KNOWN, programme_id, key):
            raise RuleNotFound(text.shown(key))
    return [_history_entry(row) for row in rows]


async def _edit(
    installation: Installation,
    programme_id: int,
    key: str,
    version: int,
    changed: Callable[[RuleDesk, RuleVersion, datetime], Rule],
    *,
    effective_from: datetime | None = None,
    by: str,
    now: datetime,
) -> RuleView:
    async with locked_rules(installation, programme_id, by, now) as desk:
        newest = desk.seen(key, version)
        desk.refuse_too_many_versions()
        starts = desk.starts(effective_from, newest)
        rule = changed(desk, newest, starts)
        if rule != newest.rule or effective_from is not None:
            made = replace(newest, version=version + 1, effective_from=starts, rule=rule)
            await desk.append(Action.RULE_EDITED, newest, [made])
    return await _view(installation, programme_id, key, now)


async def _view(installation: Installation, programme_id: int, key: str, now: datetime) -> RuleView:
    view = _views(await installation.programmes.current(programme_id), now).get(key)
    if view is None:
        raise RuleNotFound(text.shown(key))
    return view


def _views(programme: ProgrammeSnapshot, now: datetime) -> dict[str, RuleView]:
    settings, zone = programme.settings_at(now), programme.zone
    open_stores = frozenset(store.store_id for store in programme.stores.values() if store.active)
    in_force = {version.key: version for version in rules_in_force(programme.book.versions, now)}
    return {
        key: RuleView(
            newest,
            in_force.get(key),
            effect(
                in_force.get(key, newest), settings, zone, now=now, earns=programme.earns, open_stores=open_stores
            ),
        )
        for key, newest in programme.book.newest().items()
        if newest.state is not RuleState.DELETED
    }


def _history_entry(row: Any) -> RuleHistoryEntry:
    document = orjson.loads(row["document"])
    version = RuleVersion(
        row["rule_key"],
        row["number"],
        row["version"],
        row["effective_from"],
        RuleState(row["state"]),
        read_rule(document, row["currency"]),
    )
    return RuleHistoryEntry(version, document, row["currency"], row["created_at"], row["created_by"])


_HISTORY = """
select rule_key, number, version, effective_from, state, document, currency, created_at, created_by
from earning_rule_version
where programme_id = $1 and rule_key = $2 and ($3::int is null or version < $3)
order by version desc
limit $4
"""

_KNOWN = "select exists (select from earning_rule_version where programme_id = $1 and rule_key = $2)"
