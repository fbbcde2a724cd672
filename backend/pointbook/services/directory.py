"""What every request needs to know about programmes, keys and accounts, cached for a few seconds a process.

A change is seen at once by the process that makes it and within ``CACHE_LIFE`` by all others. Settings take effect
``SETTINGS_NOTICE`` after they are made at the earliest: no two processes disagree on what is in force.
"""

import asyncio
import enum
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from pointbook.db.session import Connection, Database
from pointbook.domain import errors
from pointbook.domain.programme_settings import ProgrammeSettings, SettingsVersion, in_force
from pointbook.domain.rules import Engine, Place, RuleState, RuleVersion, read_rule
from pointbook.services.caches import ExpiringCache
from pointbook.services.holiday_names import holidays_in
from pointbook.services.rule_books import RuleBook

CACHE_LIFE: Final = 4.0
"""Seconds."""
SETTINGS_NOTICE: Final = timedelta(seconds=5)
_ACCOUNT_LIFE: Final = 60.0
_ATTEMPTS: Final = 5
_PROGRAMMES, _ACCOUNTS = 1_000, 100_000
_VERSIONS_AT_A_TIME: Final = 100

Answer = TypeVar("Answer")


class ProgrammeState(enum.StrEnum):
    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    EARNING_STOPPED = "EARNING_STOPPED"
    CLOSED = "CLOSED"


@dataclass(frozen=True, slots=True)
class HolidayCalendar:
    """The holidays of a region (ISO 3166) and days of one's own with their names; pure data, and may travel."""

    country: str | None = None
    subdivision: str | None = None
    own: tuple[tuple[date, str], ...] = ()

    @classmethod
    def of(cls, row: Mapping[str, Any], own: Mapping[str, str]) -> "HolidayCalendar":
        days = sorted((date.fromisoformat(day), name) for day, name in own.items())
        return cls(row["country"], row["subdivision"], tuple(days))

    def place(self, store_id: str | None, time_zone: str) -> Place:
        return Place(store_id, ZoneInfo(time_zone), holidays_in(self.country, self.subdivision, dict(self.own)))


NO_HOLIDAYS: Final = HolidayCalendar()


@dataclass(frozen=True, slots=True)
class StoreSnapshot:
    """``store_id`` is the shop's; an inactive store earns nothing."""

    store_id: str
    name: str
    time_zone: str
    active: bool
    holidays: HolidayCalendar = NO_HOLIDAYS

    @property
    def place(self) -> Place:
        return self.holidays.place(self.store_id, self.time_zone)


@dataclass(frozen=True, slots=True)
class ProgrammeSnapshot:
    """A programme as it was at most ``CACHE_LIFE`` seconds ago. ``stores`` and ``book`` are complete.

    ``versions`` are all since the last change of currency, which makes those before it void. ``holidays`` are for
    orders without a store. ``clock_ahead``: by how much the clock of a sandbox was moved.
    """

    id: int
    slug: str
    name: str
    state: ProgrammeState
    state_since: datetime
    currency: str
    time_zone: str
    locales: tuple[str, ...]
    sandbox: bool
    versions: tuple[SettingsVersion, ...]
    stores: Mapping[str, StoreSnapshot]
    clock_ahead: timedelta = timedelta(0)
    entry_channels: tuple[str, ...] = ()
    exit_channels: tuple[str, ...] = ()
    holidays: HolidayCalendar = NO_HOLIDAYS
    book: RuleBook = field(default_factory=RuleBook)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def now(self, real: datetime) -> datetime:
        """The programme's time at a real instant. Only here is the clock of a sandbox ahead."""
        return real + self.clock_ahead

    @property
    def earns(self) -> bool:
        return self.state is ProgrammeState.ACTIVE

    @property
    def open_stores(self) -> list[StoreSnapshot]:
        """Those that are not switched off."""
        return [store for store in self.stores.values() if store.active]

    def version_at(self, at: datetime) -> SettingsVersion:
        return in_force(self.versions, at)

    def settings_at(self, at: datetime) -> ProgrammeSettings:
        return in_force(self.versions, at).settings

    def version(self, number: int) -> SettingsVersion:
        return next(version for version in self.versions if version.version == number)

    def engine_at(self, at: datetime) -> Engine:
        """The settings and rules in force at an instant, compiled once."""
        return self.book.engine(self.version_at(at), self.zone, at)

    def place(self, store: StoreSnapshot | None) -> Place:
        """Where an order of a store, or of none, is at home."""
        return self.holidays.place(None, self.time_zone) if store is None else store.place

    def store(self, store_id: str | None) -> StoreSnapshot | None:
        """The store with the shop's id; None stays None. Raises UnknownStore."""
        if store_id is None:
            return None
        try:
            return self.stores[store_id]
        except KeyError:
            raise errors.UnknownStore(store_id) from None

    @property
    def is_open(self) -> bool:
        """Not in DRAFT or CLOSED: nobody joins, earns or redeems then."""
        return self.state not in (ProgrammeState.DRAFT, ProgrammeState.CLOSED)

    def require_open(self) -> None:
        """Raises ProgrammeNotOpen."""
        if not self.is_open:
            raise errors.ProgrammeNotOpen(self.state)


class ProgrammeChangedError(Exception):
    """The programme is not what its snapshot says any more: roll back, forget the snapshot and begin again."""


async def check_unchanged(connection: Connection, programme: ProgrammeSnapshot) -> None:
    """Raises ProgrammeChangedError if state or currency are others by now.

    To be asked inside the transaction, after everything that waits for locks.
    """
    if not await connection.fetchval(_UNCHANGED, programme.id, programme.state, programme.currency):
        raise ProgrammeChangedError


async def keep_unchanged(connection: Connection, programme: ProgrammeSnapshot) -> None:
    """As ``check_unchanged``, and nobody changes the programme until the transaction ends.

    For what makes points while earning is stopped: closing waits for it, or it sees that the programme is closed.
    """
    if not await connection.fetchval(_KEPT, programme.id, programme.state, programme.currency):
        raise ProgrammeChangedError


@dataclass(frozen=True, slots=True)
class _History:
    """The versions since the last change of currency, oldest first, all in ``currency``."""

    currency: str | None = None
    versions: tuple[SettingsVersion, ...] = ()

    @property
    def newest(self) -> int:
        return self.versions[-1].version if self.versions else 0

    async def followed_by(self, rows: Iterable[Mapping[str, Any]]) -> "_History":
        """With the versions made since, oldest first. Others have their turn in between: it may be thousands."""
        currency, versions = self.currency, list(self.versions)
        for count, row in enumerate(rows, 1):
            if row["currency"] != currency:
                currency, versions = row["currency"], []
            versions.append(_version(row))
            if count % _VERSIONS_AT_A_TIME == 0:
                await asyncio.sleep(0)
        return _History(currency, tuple(versions))


class ProgrammeDirectory:
    """Programmes by their number. A settings version never changes, so each is read once."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._cache: ExpiringCache[int, ProgrammeSnapshot] = ExpiringCache(
            self.load, life=CACHE_LIFE, size=_PROGRAMMES
        )
        self._histories: dict[int, _History] = {}
        self._books: dict[int, tuple[int, RuleBook]] = {}

    async def get(self, programme_id: int) -> ProgrammeSnapshot:
        programme = await self._cache.get(programme_id)
        assert programme is not None, "a principal names a programme that exists, and programmes are never deleted"
        return programme

    async def now(self, programme_id: int, real: datetime) -> datetime:
        """The programme's time at a real instant."""
        return (await self.get(programme_id)).now(real)

    async def while_open(
        self, programme_id: int, call: Callable[[ProgrammeSnapshot], Awaitable[Answer]]
    ) -> Answer:
        """As ``while_unchanged``, but for repeats too only of an open programme. Raises ProgrammeNotOpen."""

        async def if_open(programme: ProgrammeSnapshot) -> Answer:
            programme.require_open()
            return await call(programme)

        return await self.while_unchanged(programme_id, if_open)

    async def while_unchanged(
        self, programme_id: int, call: Callable[[ProgrammeSnapshot], Awaitable[Answer]]
    ) -> Answer:
        """Call with the programme, again when the call has found that it changed."""
        for _ in range(_ATTEMPTS):
            programme = await self.get(programme_id)
            try:
                return await call(programme)
            except ProgrammeChangedError:
                self.forget(programme_id)
        raise AssertionError(f"programme {programme_id} changed {_ATTEMPTS} times")

    def forget(self, programme_id: int) -> None:
        self._cache.forget(programme_id)

    async def load(self, programme_id: int) -> ProgrammeSnapshot | None:
        """The programme as it is now, past the cache."""
        known = self._histories.get(programme_id, _History())
        row = await self._db.one_row(programme_id, _PROGRAMME, programme_id, known.newest)
        if row is None:
            return None
        history = await known.followed_by(orjson.loads(row["versions"]))
        self._keep(programme_id, history)
        return _snapshot(row, history.versions, await self._book(programme_id, row["rules_revision"]))

    async def current(self, programme_id: int) -> ProgrammeSnapshot:
        """A programme that exists, as it is now, past the cache."""
        programme = await self.load(programme_id)
        assert programme is not None, "a principal names a programme that exists, and programmes are never deleted"
        return programme

    def _keep(self, programme_id: int, history: _History) -> None:
        self._histories.pop(programme_id, None)
        while len(self._histories) >= _PROGRAMMES:
            del self._histories[next(iter(self._histories))]
        self._histories[programme_id] = history

    async def _book(self, programme_id: int, revision: int) -> RuleBook:
        """The rules, read only when they have changed. They may be newer than the revision, never older."""
        kept = self._books.pop(programme_id, None)
        if kept is None or kept[0] != revision:
            while len(self._books) >= _PROGRAMMES:
                del self._books[next(iter(self._books))]
            kept = revision, await self._read_book(programme_id) if revision else RuleBook()
        self._books[programme_id] = kept
        return kept[1]

    async def inside(self, connection: Connection, programme_id: int) -> ProgrammeSnapshot:
        """The programme as it is inside a transaction, for whoever changes it under its lock."""
        known = self._histories.get(programme_id, _History())
        row = await connection.fetchrow(_PROGRAMME, programme_id, known.newest)
        assert row is not None, "it was locked"
        history = await known.followed_by(orjson.loads(row["versions"]))
        self._keep(programme_id, history)  # it is committed: the change of this transaction is still to come
        return _snapshot(row, history.versions, book_of(await connection.fetchval(_RULES, programme_id)))

    async def _read_book(self, programme_id: int) -> RuleBook:
        row = await self._db.one_row(programme_id, _RULES, programme_id)
        assert row is not None, "an aggregate has a row"
        return await asyncio.to_thread(book_of, row["versions"])


@dataclass(frozen=True, slots=True)
class AccountKey:
    """A member's account in the ledger, and the id that may be shown."""

    account_id: int
    public_id: UUID


class AccountDirectory:
    """Accounts by the shop's id of the customer. Whoever has not joined is looked up every time.

    An id leads to another account only when its member is merged into another, or leaves and joins again. Whoever
    does that forgets it here. In other processes the ledger leads a merged account on, and so do lists of what is
    the member's (``ledger.stands_for``); it refuses the account of who has left.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._cache: ExpiringCache[tuple[int, str], AccountKey] = ExpiringCache(
            self._load, life=_ACCOUNT_LIFE, size=_ACCOUNTS
        )

    async def find(self, programme_id: int, external_id: str) -> AccountKey | None:
        return await self._cache.get((programme_id, external_id))

    async def get(self, programme_id: int, external_id: str) -> AccountKey:
        """Raises NotAMember."""
        account = await self._cache.get((programme_id, external_id))
        if account is None:
            raise errors.NotAMember
        return account

    async def current(self, programme_id: int, external_id: str) -> AccountKey | None:
        """Past the cache, which from then on knows it too: for who has seen that what it says was merged."""
        self.forget(programme_id, external_id)
        return await self.find(programme_id, external_id)

    def forget(self, programme_id: int, external_id: str) -> None:
        self._cache.forget((programme_id, external_id))

    async def _load(self, key: tuple[int, str]) -> AccountKey | None:
        row = await self._db.one_row(key[0], _ACCOUNT, *key)
        return None if row is None else AccountKey(row["account_id"], row["public_id"])


def book_of(versions: str) -> RuleBook:
    """The book of the rule versions that ``_RULES`` answers."""
    return RuleBook(tuple(_rule_versions(orjson.loads(versions))))


def _rule_versions(rows: Iterable[Mapping[str, Any]]) -> Iterable[RuleVersion]:
    for row in rows:
        yield RuleVersion(
            key=row["rule_key"],
            number=row["number"],
            version=row["version"],
            effective_from=datetime.fromisoformat(row["effective_from"]).astimezone(UTC),
            state=RuleState(row["state"]),
            rule=read_rule(row["document"], row["currency"]),
        )


def _snapshot(row: Mapping[str, Any], versions: tuple[SettingsVersion, ...], book: RuleBook) -> ProgrammeSnapshot:
    stores = map(_store, orjson.loads(row["stores"]))
    return ProgrammeSnapshot(
        id=row["id"],
        slug=row["slug"],
        name=row["name"],
        state=ProgrammeState(row["state"]),
        state_since=row["state_since"],
        currency=row["currency"],
        time_zone=row["time_zone"],
        locales=tuple(row["locales"]),
        sandbox=row["sandbox"],
        versions=versions,
        stores={store.store_id: store for store in stores},
        clock_ahead=row["clock_ahead"],
        entry_channels=tuple(row["entry_channels"]),
        exit_channels=tuple(row["exit_channels"]),
        holidays=HolidayCalendar.of(row, orjson.loads(row["own_holidays"])),
        book=book,
    )


def _store(row: Mapping[str, Any]) -> StoreSnapshot:
    holidays = HolidayCalendar.of(row, row["own_holidays"])
    return StoreSnapshot(row["store_id"], row["name"], row["time_zone"], row["active"], holidays)


def _version(row: Mapping[str, Any]) -> SettingsVersion:
    return SettingsVersion(
        row["version"],
        datetime.fromisoformat(row["effective_from"]).astimezone(UTC),
        ProgrammeSettings.from_document(row["document"], row["currency"]),
    )


_UNCHANGED = "select exists (select from programme where id = $1 and state = $2 and currency = $3)"

_KEPT = "select true from programme where id = $1 and state = $2 and currency = $3 for share"

_PROGRAMME = """
select
    programme.*,
    (
        select coalesce(jsonb_agg(to_jsonb(one) - 'programme_id' order by one.version), '[]')
        from settings_version as one
        where one.programme_id = programme.id and one.version > $2
    ) as versions,
    (
        select coalesce(jsonb_agg(to_jsonb(one) - array['programme_id', 'created_at']), '[]')
        from store as one
        where one.programme_id = programme.id
    ) as stores
from programme
where programme.id = $1
"""

_RULES = """
select coalesce(jsonb_agg(to_jsonb(one) order by one.number, one.rule_key, one.version), '[]')::text as versions
from earning_rule_version as one
where one.programme_id = $1
"""

_ACCOUNT = """
select member.account_id, member.public_id
from member_external_id as known
join member on member.programme_id = known.programme_id and member.account_id = known.account_id
where known.programme_id = $1 and known.external_id = $2
"""
