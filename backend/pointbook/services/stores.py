"""A programme's stores: added, renamed, switched on and off. In force within seconds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from pointbook.db.queries.programmes import lock_programme
from pointbook.domain import calendar, text
from pointbook.domain.errors import InvalidInput, UnknownStore
from pointbook.services import audit
from pointbook.services.audit import Action, Change
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation

STORES_MAX: Final = 10_000


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


def _checked_store(programme: ProgrammeSnapshot, command: NewStore, known: set[str]) -> _Store:
    store_id = text.identifier("storeId", command.store_id)
    name = text.identifier("name", command.name)
    zone = command.time_zone or programme.time_zone
    calendar.time_zone(zone)
    if store_id not in known and len(known) >= STORES_MAX:
        raise InvalidInput("storeId", f"a programme has at most {STORES_MAX} stores")
    return _Store(store_id, name, zone)


def _changed_store(before: _Store | None, after: _Store) -> Change:
    action = Action.STORE_ADDED if before is None else Action.STORE_CHANGED
    return Change(action, f"store {after.store_id}", before and before.shown(), after.shown())


_STORES = "select store_id, name, time_zone from store where programme_id = $1"

_UPSERT_STORE = """
insert into store (programme_id, store_id, name, time_zone, created_at)
values ($1, $2, $3, $4, $5)
on conflict (programme_id, store_id) do update set name = excluded.name, time_zone = excluded.time_zone
"""

_LOCK_STORE = "select active from store where programme_id = $1 and store_id = $2 for no key update"

_SWITCH_STORE = "update store set active = $3 where programme_id = $1 and store_id = $2"
