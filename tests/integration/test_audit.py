"""Who changed a programme's settings, state, stores or channels is written down, in the same transaction."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import asyncpg
import pytest

from pointbook.domain import errors
from pointbook.domain.access import Right
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.services import audit, places
from pointbook.services.audit import Action, Wanted
from pointbook.services.directory import SETTINGS_NOTICE, ProgrammeSnapshot, ProgrammeState
from pointbook.services.installation import Installation
from pointbook.services.key_directory import WebhookKind
from pointbook.services.keys import KeyKind, NewKey, create_key, revoke_key
from pointbook.services.places import NewHolidays
from pointbook.services.programmes import change_state
from pointbook.services.settings_versions import change_currency, change_settings
from pointbook.services.stores import NewStore, add_store, add_stores, switch_store
from pointbook.services.tokens import create_token_key, revoke_token_key, rotate_own_key
from pointbook.services.webhooks import create_endpoint, revoke_endpoint
from tests.support import DAY, NOW, make_programme, refused

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


async def test_keys_and_endpoints_are_written_down_without_their_secrets_and_once(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    [begun] = await newest(installation, programme, 100)
    key = await create_key(
        installation, programme.id, NewKey(KeyKind.STAFF, "Anna", rights=frozenset({Right.LIST_AUDIT})), now=NOW
    )
    token_key = await create_token_key(installation, programme.id, "HS256", now=NOW)
    own = await rotate_own_key(installation, programme.id, now=NOW)
    endpoint = await create_endpoint(installation, programme.id, WebhookKind.STANDARD, "till", now=NOW)
    for _ in range(2):
        await revoke_key(installation, programme.id, key.key_id, now=NOW)
        await revoke_token_key(installation, programme.id, token_key.kid, now=NOW)
        await revoke_endpoint(installation, programme.id, endpoint.endpoint_id, now=NOW)
    anna = {"kind": "STAFF", "label": "Anna", "permissions": ["audit.list"], "origins": []}
    till = {"kind": "STANDARD", "label": "till"}
    entries = [entry for entry in reversed(await newest(installation, programme, 100)) if entry.id != begun.id]
    assert [(e.change.action.value, e.change.subject, e.change.before, e.change.after) for e in entries] == [
        ("KEY_CREATED", f"key {key.key_id}", None, anna),
        ("KEY_CREATED", f"token key {token_key.kid}", None, {"holder": "SHOP"}),
        ("KEY_CREATED", f"token key {own}", None, {"holder": "POINTBOOK"}),
        ("ENDPOINT_CREATED", f"webhook endpoint {endpoint.endpoint_id}", None, till),
        ("KEY_REVOKED", f"key {key.key_id}", anna, None),
        ("KEY_REVOKED", f"token key {token_key.kid}", {"holder": "SHOP"}, None),
        ("ENDPOINT_REVOKED", f"webhook endpoint {endpoint.endpoint_id}", till, None),
    ]


async def test_entries_are_found_by_who_did_what_and_when(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    ben = "STAFF:ben"
    for number, (by, at) in enumerate([(ANN, NOW), (ben, NOW), (ben, NOW + DAY)], 4):
        settings = programme.settings_at(NOW).changed({"valuePerPoint": f"0.0{number}"}, "EUR")
        await change_settings(installation, programme.id, settings, by=by, now=at)
    await add_store(installation, programme.id, NewStore("moon", "Moon", "Europe/Berlin"), by=ben, now=NOW + DAY)

    async def found(**wanted: Any) -> list[str]:
        entries = await audit.list_entries(installation, programme.id, first=100, wanted=Wanted(**wanted))
        return [entry.change.subject for entry in entries]

    assert await found() == ["store moon", *["settings"] * 3, "programme"]
    assert await found(changed_by=ben) == ["store moon", "settings", "settings"]
    assert await found(changed_by=ben, actions=[Action.STORE_ADDED, Action.STORE_CHANGED]) == ["store moon"]
    assert await found(since=NOW + DAY) == ["store moon", "settings"]
    assert await found(until=NOW + DAY, subject="settings") == ["settings", "settings"]
    assert await found(actions=[]) == []


async def test_the_application_can_neither_change_nor_delete_an_entry(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    for statement in (
        "update audit_entry set changed_by = 'nobody'",
        "delete from audit_entry",
        "truncate audit_entry",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with installation.db.bare_transaction(programme.id) as connection:
                await connection.execute(statement)
    assert len(await newest(installation, programme, 100)) == 1
