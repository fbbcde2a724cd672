"""Where a programme earns: the channels of its orders, and the holidays of its stores. In force within seconds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

import orjson

from pointbook.db.queries.programmes import lock_programme
from pointbook.domain import text
from pointbook.domain.errors import InvalidInput
from pointbook.domain.rules import Chosen, RuleState
from pointbook.services import audit
from pointbook.services.audit import Action, Change
from pointbook.services.directory import HolidayCalendar, ProgrammeSnapshot
from pointbook.services.holiday_names import check_region
from pointbook.services.installation import Installation

CHANNELS_MAX: Final = 100
OWN_HOLIDAYS_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class NewHolidays:
    """The holidays of a region (ISO 3166 country and part of it) and days of one's own with their names."""

    country: str | None = None
    subdivision: str | None = None
    own: Mapping[date, str] = field(default_factory=dict)


async def change_channels(
    installation: Installation,
    programme_id: int,
    entry: Sequence[str],
    exit_: Sequence[str],
    *,
    by: str = audit.OPERATOR,
    now: datetime,
) -> None:
    """The words for how orders come in and leave that rules may name; an order may carry others.

    Raises InvalidInput, also while a rule names a channel that would be gone.
    """
    channels = {"entryChannels": _checked("entryChannels", entry), "exitChannels": _checked("exitChannels", exit_)}
    async with installation.db.bare_transaction(programme_id) as connection:
        await lock_programme(connection, programme_id)
        programme = await installation.programmes.inside(connection, programme_id)
        _refuse_losing(programme, channels)
        before = {"entryChannels": list(programme.entry_channels), "exitChannels": list(programme.exit_channels)}
        if before != channels:
            await connection.execute(_SET_CHANNELS, programme_id, *channels.values())
            change = Change(Action.CHANNELS_CHANGED, "programme", before, channels)
            await audit.append(connection, programme_id, [change], by=by, now=now)
    installation.programmes.forget(programme_id)


async def change_holidays(
    installation: Installation,
    programme_id: int,
    store_id: str | None,
    holidays: NewHolidays,
    *,
    by: str = audit.OPERATOR,
    now: datetime,
) -> None:
    """The holidays of a store, or (None) of orders without one. Raises UnknownStore, InvalidInput."""
    check_region(holidays.country, holidays.subdivision)
    if len(holidays.own) > OWN_HOLIDAYS_MAX:
        raise InvalidInput("own", f"must be at most {OWN_HOLIDAYS_MAX} days")
    own = {day.isoformat(): text.identifier(f"own.{day}", name) for day, name in sorted(holidays.own.items())}
    after = {"country": holidays.country, "subdivision": holidays.subdivision, "own": own}
    async with installation.db.bare_transaction(programme_id) as connection:
        await lock_programme(connection, programme_id)
        programme = await installation.programmes.inside(connection, programme_id)
        store = programme.store(store_id)
        before = _shown(programme.holidays if store is None else store.holidays)
        if before != after:
            statement, names = (_SET_OF_PROGRAMME, ()) if store is None else (_SET_OF_STORE, (store.store_id,))
            values = holidays.country, holidays.subdivision, orjson.dumps(own).decode()
            await connection.execute(statement, programme_id, *values, *names)
            subject = "programme" if store is None else f"store {store.store_id}"
            change = Change(Action.HOLIDAYS_CHANGED, subject, before, after)
            await audit.append(connection, programme_id, [change], by=by, now=now)
    installation.programmes.forget(programme_id)


def _checked(name: str, channels: Sequence[str]) -> list[str]:
    if len(channels) > CHANNELS_MAX:
        raise InvalidInput(name, f"must be at most {CHANNELS_MAX}")
    words = (text.identifier(f"{name}[{i}]", word, text.MAX_WORD) for i, word in enumerate(channels))
    return list(dict.fromkeys(words))


def _refuse_losing(programme: ProgrammeSnapshot, channels: Mapping[str, Iterable[str]]) -> None:
    for version in programme.book.newest().values():
        if version.state is not RuleState.DELETED:
            rule = version.rule
            _refuse_missing("entryChannels", channels, rule.entry_channels, rule.name)
            _refuse_missing("exitChannels", channels, rule.exit_channels, rule.name)


def _refuse_missing(name: str, channels: Mapping[str, Iterable[str]], chosen: Chosen, rule: str) -> None:
    missing = set(chosen or ()) - set(channels[name])
    if missing:
        raise InvalidInput(name, f"must have {min(missing)!r}, which the rule {rule!r} names")


def _shown(holidays: HolidayCalendar) -> dict[str, Any]:
    own = {day.isoformat(): name for day, name in holidays.own}
    return {"country": holidays.country, "subdivision": holidays.subdivision, "own": own}


_SET_CHANNELS = "update programme set entry_channels = $2, exit_channels = $3 where id = $1"

_SET_OF_PROGRAMME = """
update programme set country = $2, subdivision = $3, own_holidays = $4::text::jsonb where id = $1
"""

_SET_OF_STORE = """
update store set country = $2, subdivision = $3, own_holidays = $4::text::jsonb
where programme_id = $1 and store_id = $5
"""
