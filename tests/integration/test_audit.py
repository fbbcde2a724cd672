"""Who changed a programme's settings, state, stores or channels is written down, in the same transaction."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import pytest

from pointbook.domain import errors
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.services import audit, places
from pointbook.services.audit import Action
from pointbook.services.directory import SETTINGS_NOTICE, ProgrammeSnapshot, ProgrammeState
from pointbook.services.installation import Installation
from pointbook.services.places import NewHolidays
from pointbook.services.programmes import change_state
from pointbook.services.settings_versions import change_currency, change_settings
from pointbook.services.stores import NewStore, add_store, add_stores, switch_store
from tests.support import NOW, make_programme, refused

ANN = "STAFF:ann"


async def newest(installation: Installation, programme: ProgrammeSnapshot, number: int = 1) -> list[Any]:
    return await audit.list_entries(installation, programme.id, first=number)


async def test_a_programme_begins_with_an_entry(installation: Installation, programme: ProgrammeSnapshot) -> None:
    [entry] = await newest(installation, programme, 2)
    assert (entry.change.action, entry.changed_by, entry.change.before) == (
        Action.PROGRAMME_CREATED,
        audit.OPERATOR,
        None,
    )
    assert entry.change.after["settings"]["valuePerPoint"] == "0.05"


async def test_settings_before_and_after(installation: Installation, programme: ProgrammeSnapshot) -> None:
    settings = programme.settings_at(NOW).changed({"valuePerPoint": "0.04"}, "EUR")
    await change_settings(installation, programme.id, settings, by=ANN, now=NOW)
    [entry] = await newest(installation, programme)
    change = entry.change
    assert (change.action, change.subject, entry.changed_by, entry.at) == (
        Action.SETTINGS_CHANGED,
        "settings",
        ANN,
        NOW,
    )
    figures = [(each["version"], each["settings"]["valuePerPoint"]) for each in (change.before, change.after)]
    assert figures == [(1, "0.05"), (2, "0.04")]
    assert change.after["effectiveFrom"] == (NOW + SETTINGS_NOTICE).isoformat()


async def test_two_who_change_settings_at_once_the_second_is_told(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    settings = programme.settings_at(NOW)
    await change_settings(installation, programme.id, settings, seen_version=1, now=NOW)
    call = change_settings(installation, programme.id, settings, seen_version=1, now=NOW)
    conflict = await refused(call, errors.EditConflict, installation.db, programme)
    assert (conflict.subject, conflict.version) == ("settings", 2)
    await change_settings(installation, programme.id, settings, now=NOW)


async def test_the_currency_before_and_after(installation: Installation) -> None:
    programme = await make_programme(installation, state=ProgrammeState.DRAFT)
    yen = ProgrammeSettings.from_document({"valuePerPoint": "5"}, "JPY")
    await change_currency(installation, programme.id, "JPY", yen, by=ANN, now=NOW)
    [entry] = await newest(installation, programme)
    change = entry.change
    assert [(each["currency"], each["settings"]["valuePerPoint"]) for each in (change.before, change.after)] == [
        ("EUR", "0.05"),
        ("JPY", "5"),
    ]


async def test_states_and_stores_before_and_after(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await change_state(installation, programme.id, ProgrammeState.EARNING_STOPPED, by=ANN, now=NOW)
    await add_store(installation, programme.id, NewStore("7", "Mitte"), by=ANN, now=NOW)
    await add_store(installation, programme.id, NewStore("7", "Mitte", "Europe/Paris"), by=ANN, now=NOW)
    await switch_store(installation, programme.id, "7", active=False, by=ANN, now=NOW)
    entries = await newest(installation, programme, 4)
    assert {entry.changed_by for entry in entries} == {ANN}
    assert [(entry.change.action, entry.change.subject) for entry in reversed(entries)] == [
        (Action.STATE_CHANGED, "programme"),
        (Action.STORE_ADDED, "store 7"),
        (Action.STORE_CHANGED, "store 7"),
        (Action.STORE_SWITCHED, "store 7"),
    ]
    assert [(entry.change.before, entry.change.after) for entry in reversed(entries)] == [
        ({"state": "ACTIVE"}, {"state": "EARNING_STOPPED"}),
        (None, {"name": "Mitte", "timeZone": "Europe/Berlin"}),
        ({"name": "Mitte", "timeZone": "Europe/Berlin"}, {"name": "Mitte", "timeZone": "Europe/Paris"}),
        ({"active": True}, {"active": False}),
    ]


Call = Callable[[Installation, int], Awaitable[Any]]
UNCHANGED: dict[str, Call] = {
    "state": lambda inst, of: change_state(inst, of, ProgrammeState.ACTIVE, now=NOW),
    "store": lambda inst, of: add_stores(inst, of, [NewStore("7", "Mitte")] * 2, now=NOW),
    "switch": lambda inst, of: switch_store(inst, of, "7", active=True, now=NOW),
    "channels": lambda inst, of: places.change_channels(inst, of, ["web"], [], now=NOW),
    "holidays": lambda inst, of: places.change_holidays(inst, of, "7", NewHolidays("DE", "BE"), now=NOW),
}


@pytest.mark.parametrize("name", UNCHANGED)
async def test_what_changes_nothing_is_not_written_down(
    installation: Installation, programme: ProgrammeSnapshot, name: str
) -> None:
    await add_store(installation, programme.id, NewStore("7", "Mitte"), now=NOW)
    await UNCHANGED["channels"](installation, programme.id)
    await UNCHANGED["holidays"](installation, programme.id)
    before = await newest(installation, programme, 100)
    await UNCHANGED[name](installation, programme.id)
    assert await newest(installation, programme, 100) == before


async def test_channels_and_holidays_before_and_after(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await places.change_channels(installation, programme.id, ["web", "app", "web"], ["counter"], by=ANN, now=NOW)
    own = NewHolidays("PL", own={date(2026, 5, 2): "Party"})
    await places.change_holidays(installation, programme.id, None, own, by=ANN, now=NOW)
    holidays, channels = await newest(installation, programme, 2)
    assert channels.change.before == {"entryChannels": [], "exitChannels": []}
    assert channels.change.after == {"entryChannels": ["web", "app"], "exitChannels": ["counter"]}
    assert holidays.change.before == {"country": None, "subdivision": None, "own": {}}
    assert holidays.change.after == {"country": "PL", "subdivision": None, "own": {"2026-05-02": "Party"}}
    current = await installation.programmes.get(programme.id)
    days = date(2026, 5, 1), date(2026, 5, 2), date(2026, 5, 5)
    found = [current.place(None).holidays(day) for day in days]
    assert [bool(names) for names in found] == [True, True, False]
    assert (current.entry_channels, current.exit_channels) == (("web", "app"), ("counter",))


@pytest.mark.parametrize(
    ("field", "holidays"),
    [
        ("country", NewHolidays("XX")),
        ("subdivision", NewHolidays("DE", "XX")),
        ("subdivision", NewHolidays(None, "BE")),
        ("own.2026-05-02", NewHolidays(own={date(2026, 5, 2): ""})),
        ("own", NewHolidays(own={date.fromordinal(700_000 + n): "x" for n in range(1_001)})),
    ],
)
async def test_holidays_that_nobody_knows_are_refused(
    installation: Installation, programme: ProgrammeSnapshot, field: str, holidays: NewHolidays
) -> None:
    call = places.change_holidays(installation, programme.id, None, holidays, now=NOW)
    assert (await refused(call, errors.InvalidInput, installation.db, programme)).field == field
    call = places.change_holidays(installation, programme.id, "moon", NewHolidays(), now=NOW)
    await refused(call, errors.UnknownStore, installation.db, programme)
    call = places.change_channels(installation, programme.id, [""], [], now=NOW)
    assert (await refused(call, errors.InvalidInput, installation.db, programme)).field == "entryChannels[0]"
    call = places.change_channels(installation, programme.id, [], [str(n) for n in range(101)], now=NOW)
    assert (await refused(call, errors.InvalidInput, installation.db, programme)).field == "exitChannels"
