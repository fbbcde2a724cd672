"""Programmes: their settings in time, their states, stores and currency."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from pointbook.domain.errors import InvalidInput, UnknownStore
from pointbook.domain.programme_settings import ProgrammeSettings, SettingsVersion
from pointbook.services import directory
from pointbook.services.directory import CACHE_LIFE, SETTINGS_NOTICE, ProgrammeSnapshot, ProgrammeState
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from pointbook.services.programmes import SETTLING, NewProgramme, change_state, create_programme, find_programme
from pointbook.services.redemption import Capture, capture
from pointbook.services.settings_versions import (
    amend_settings,
    change_currency,
    change_settings,
    withdraw_settings,
)
from pointbook.services.stores import NewStore, add_store, switch_store
from tests.support import (
    DAY,
    MOMENT,
    NOW,
    SECRET,
    cart,
    give_points,
    join_member,
    make_programme,
    member_with_points,
    order_document,
    redeem,
    refused,
    server,
)

DRAFT, ACTIVE, STOPPED, CLOSED = ProgrammeState
SETTINGS = ProgrammeSettings.from_document({}, "EUR")


async def test_a_programme_is_found_as_it_was_made(installation: Installation) -> None:
    settings = ProgrammeSettings.from_document({"valuePerPoint": "0.025", "waitingTime": {"hours": 3}}, "EUR")
    command = NewProgramme("tea-shop", "Tea", "EUR", "Europe/Warsaw", ("pl", "de-AT", "pl"), settings)
    made = await create_programme(installation, command, now=NOW)
    assert made == await find_programme(installation, "tea-shop")
    assert (made.name, made.currency, made.time_zone, made.locales) == (
        "Tea", "EUR", "Europe/Warsaw", ("pl", "de-AT"),
    )  # fmt: skip
    assert (made.state, made.sandbox, made.stores) == (DRAFT, False, {})
    assert made.versions == (SettingsVersion(1, NOW, settings),)


@pytest.mark.parametrize(
    "change",
    [
        {"slug": "Tea"},
        {"slug": "-tea"},
        {"slug": "tea\n"},
        {"name": ""},
        {"currency": "EURO"},
        {"time_zone": "Mars/Base"},
        {"locales": ()},
        {"locales": ("deutsch",)},
        {"state": CLOSED},
    ],
)
async def test_a_programme_that_makes_no_sense_is_not_made(
    installation: Installation, change: dict[str, Any]
) -> None:
    good = NewProgramme("tea", "Tea", "EUR", "UTC", ("de",), SETTINGS)
    with pytest.raises(InvalidInput):
        await create_programme(installation, replace(good, **change), now=NOW)
    assert await installation.db.pool.fetchval("select count(*) from programme") == 0


async def test_a_slug_belongs_to_one_programme_even_when_taken_at_once(installation: Installation) -> None:
    made = await asyncio.gather(
        *(make_programme(installation, slug="tea") for _ in range(4)), return_exceptions=True
    )
    assert sum(isinstance(it, ProgrammeSnapshot) for it in made) == 1
    assert sum(isinstance(it, InvalidInput) for it in made) == 3
    with pytest.raises(InvalidInput):
        await find_programme(installation, "coffee")


async def test_r04_new_settings_act_from_their_instant_on_points_earned_after_it(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await join_member(installation, programme)
    generous = programme.settings_at(NOW).changed({"revenuePerPoint": "0.50"}, "EUR")
    start = NOW + DAY
    version = await change_settings(installation, programme.id, generous, effective_from=start, now=NOW)
    assert (version.version, version.effective_from) == (2, start)
    before = await submit_order(installation, programme.id, order_document("o-1"), now=start - MOMENT)
    after = await submit_order(installation, programme.id, order_document("o-2"), now=start)
    assert (before.points, after.points) == (50, 100)
    async with installation.db.bare_transaction(programme.id) as connection:
        rows = await connection.fetch("select granted, settings_version from ledger.lot order by lot_id")
        pinned = await connection.fetch("select settings_version from sales_order order by external_id")
    assert [tuple(row) for row in rows] == [(50, 1), (100, 2)]
    assert [row["settings_version"] for row in pinned] == [1, 2]


async def test_settings_give_every_process_the_time_to_hear_of_them(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    assert timedelta(seconds=CACHE_LIFE) < SETTINGS_NOTICE
    settings = programme.settings_at(NOW)
    with pytest.raises(InvalidInput):
        await change_settings(
            installation, programme.id, settings, effective_from=NOW + SETTINGS_NOTICE - MOMENT, now=NOW
        )
    soonest = await change_settings(installation, programme.id, settings, now=NOW)
    assert soonest.effective_from == NOW + SETTINGS_NOTICE
    planned = settings.changed({"holdMinutes": 20}, "EUR")
    later = await change_settings(installation, programme.id, planned, effective_from=NOW + DAY, now=NOW)
    with pytest.raises(InvalidInput):  # nobody could tell what becomes of the plan
        await change_settings(installation, programme.id, settings, effective_from=NOW + DAY - MOMENT, now=NOW)
    versions = (await installation.programmes.get(programme.id)).versions
    assert [version.version for version in versions] == [1, soonest.version, later.version]


async def test_a_drafts_settings_count_at_once(installation: Installation) -> None:
    programme = await make_programme(installation, state=DRAFT)
    version = await change_settings(installation, programme.id, SETTINGS, now=NOW)
    assert version.effective_from == NOW
    assert (await installation.programmes.get(programme.id)).version_at(NOW) == version


async def test_changes_at_once_are_versions_one_after_the_other(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    made = await asyncio.gather(
        *(change_settings(installation, programme.id, SETTINGS, now=NOW) for _ in range(6))
    )
    assert sorted(version.version for version in made) == [2, 3, 4, 5, 6, 7]


async def test_the_application_cannot_change_settings_that_were_pinned(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    async with installation.db.bare_transaction(programme.id) as connection:
        rights = await connection.fetchrow(
            "select has_table_privilege('settings_version', 'update') as update,"
            " has_table_privilege('settings_version', 'delete') as delete,"
            " has_table_privilege('programme', 'delete') as programme"
        )
    assert tuple(rights or ()) == (False, False, False)


@pytest.mark.parametrize(
    ("way", "allowed"),
    [
        ((ACTIVE,), True),
        ((ACTIVE, STOPPED), True),
        ((ACTIVE, STOPPED, ACTIVE), True),
        ((ACTIVE, ACTIVE), True),
        ((CLOSED,), False),
        ((STOPPED,), False),
        ((ACTIVE, DRAFT), False),
        ((ACTIVE, CLOSED), False),
        ((ACTIVE, STOPPED, DRAFT), False),
    ],
)
async def test_a_programme_goes_only_the_ways_there_are(
    installation: Installation, way: tuple[ProgrammeState, ...], *, allowed: bool
) -> None:
    programme = await make_programme(installation, state=DRAFT)
    for state in way[:-1]:
        await change_state(installation, programme.id, state, now=NOW)
    if allowed:
        changed = await change_state(installation, programme.id, way[-1], now=NOW)
        assert changed.state is way[-1]
        return
    call = change_state(installation, programme.id, way[-1], now=NOW)
    await refused(call, InvalidInput, installation.db, programme)


async def test_e38_a_programme_closes_when_no_point_is_open_and_none_is_held(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await member_with_points(installation, programme, 100)
    voucher = await redeem(installation, programme, 100)
    await change_state(installation, programme.id, STOPPED, now=NOW)
    settled = NOW + SETTLING
    for moment in (NOW, settled):  # the hold is open
        with pytest.raises(InvalidInput):
            await change_state(installation, programme.id, CLOSED, now=moment)
    command = Capture(voucher.code, "key", amount=voucher.value)
    await capture(installation, server(programme), command, now=settled)
    with pytest.raises(InvalidInput):  # earning stopped only just now
        await change_state(installation, programme.id, CLOSED, now=settled - MOMENT)
    assert (await change_state(installation, programme.id, CLOSED, now=settled)).state is CLOSED
    assert (await change_state(installation, programme.id, ACTIVE, now=settled)).state is ACTIVE


async def test_points_that_have_expired_and_holds_that_have_lapsed_do_not_keep_a_programme_open(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await join_member(installation, programme)
    await give_points(installation, programme, "c-1", 100, expires_at=NOW + DAY)
    await redeem(installation, programme, 60, of=cart())
    await change_state(installation, programme.id, STOPPED, now=NOW)
    with pytest.raises(InvalidInput):
        await change_state(installation, programme.id, CLOSED, now=NOW + DAY - MOMENT)
    assert (await change_state(installation, programme.id, CLOSED, now=NOW + DAY)).state is CLOSED


async def test_the_currency_changes_only_while_nothing_counts_in_it(installation: Installation) -> None:
    programme = await make_programme(installation, state=DRAFT)
    yen = ProgrammeSettings.from_document({"revenuePerPoint": "100", "valuePerPoint": "5"}, "JPY")
    await change_currency(installation, programme.id, "JPY", yen, now=NOW)
    changed = await installation.programmes.get(programme.id)
    assert (changed.currency, changed.settings_at(NOW)) == ("JPY", yen)
    again = change_currency(installation, programme.id, "JPY", yen, now=NOW)
    await refused(again, InvalidInput, installation.db, programme)
    await change_state(installation, programme.id, ACTIVE, now=NOW)
    call = change_currency(installation, programme.id, "EUR", SETTINGS, now=NOW)
    await refused(call, InvalidInput, installation.db, programme)


async def test_a_change_of_currency_makes_all_versions_before_it_void(installation: Installation) -> None:
    # Rates of one currency never count in another: not those in force before, and not those that were scheduled.
    programme = await make_programme(installation, state=DRAFT)
    await change_settings(installation, programme.id, SETTINGS, effective_from=NOW + 30 * DAY, now=NOW)
    yen = ProgrammeSettings.from_document({"revenuePerPoint": "100", "valuePerPoint": "5"}, "JPY")
    third = await change_currency(installation, programme.id, "JPY", yen, now=NOW)
    changed = await installation.programmes.get(programme.id)
    assert {changed.version_at(NOW + day * DAY) for day in (-1, 0, 29, 30, 365)} == {third}
    fourth = await change_currency(installation, programme.id, "EUR", SETTINGS, now=NOW + DAY)
    back = await installation.programmes.get(programme.id)
    assert {back.version_at(NOW + day * DAY) for day in (-1, 0, 29, 30, 365)} == {fourth}


async def test_while_a_version_is_scheduled_none_comes_before_it(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    # Each version is made from the one before: a change of now would be undone then, or bring that one early.
    scheduled = NOW + 30 * DAY
    await change_settings(installation, programme.id, SETTINGS, effective_from=scheduled, now=NOW)
    call = change_settings(installation, programme.id, SETTINGS, now=NOW)
    refusal = await refused(call, InvalidInput, installation.db, programme)
    assert f"version 2 comes into force, at {scheduled.isoformat()}" in str(refusal)
    third = await change_settings(installation, programme.id, SETTINGS, now=scheduled)
    assert third.effective_from == scheduled + SETTINGS_NOTICE


async def test_changes_within_moments_follow_each_other_at_once(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    first = await change_settings(installation, programme.id, SETTINGS, now=NOW + timedelta(seconds=1))
    second = await change_settings(installation, programme.id, SETTINGS, now=NOW)  # by a clock that is behind
    assert second.effective_from == first.effective_from
    assert (await installation.programmes.get(programme.id)).version_at(second.effective_from) == second


async def test_a_settings_version_is_read_once_in_a_process(
    installation: Installation, programme: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    _tell_reading(monkeypatch, read.append)
    other = Installation.of(installation.db, SECRET)
    for day in (1, 2, 3):
        await change_settings(installation, programme.id, SETTINGS, effective_from=NOW + day * DAY, now=NOW)
        other.programmes.forget(programme.id)
        known = await other.programmes.get(programme.id)
        assert [version.version for version in known.versions] == list(range(1, day + 2))
    assert sorted(read) == [1, 2, 2, 3, 3, 4]  # the process that changes them knew the first already


async def test_thousands_of_versions_are_read_while_others_have_their_turn(
    installation: Installation,
    programme: ProgrammeSnapshot,
    admin: "asyncpg.Connection[asyncpg.Record]",
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await admin.execute(
        "insert into settings_version (programme_id, version, effective_from, currency, document)"
        " select programme_id, n, effective_from, currency, document"
        f" from settings_version, generate_series(2, 1000) as n where programme_id = {programme.id}"
    )
    turns: list[int] = []
    turn = 0
    _tell_reading(monkeypatch, lambda _: turns.append(turn))
    loading = asyncio.create_task(Installation.of(installation.db, SECRET).programmes.get(programme.id))
    while not loading.done():
        turn += 1
        await asyncio.sleep(0)
    assert len((await loading).versions) == 1000
    assert max(Counter(turns).values()) == 100


async def test_stores_are_added_renamed_and_switched(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await add_store(installation, programme.id, NewStore("1", "Mitte"), now=NOW)
    await add_store(installation, programme.id, NewStore("2", "Lisbon", "Europe/Lisbon"), now=NOW)
    await add_store(installation, programme.id, NewStore("1", "Berlin"), now=NOW)
    await switch_store(installation, programme.id, "2", active=False, now=NOW)
    stores = (await installation.programmes.get(programme.id)).stores
    assert {it.store_id: (it.name, it.time_zone, it.active) for it in stores.values()} == {
        "1": ("Berlin", "Europe/Berlin", True),
        "2": ("Lisbon", "Europe/Lisbon", False),
    }
    with pytest.raises(UnknownStore):
        await switch_store(installation, programme.id, "3", active=True, now=NOW)
    for store in (NewStore("", "x"), NewStore("3", "\x00"), NewStore("3", "x", "Mars/Base")):
        call = add_store(installation, programme.id, store, now=NOW)
        await refused(call, InvalidInput, installation.db, programme)


async def test_another_process_hears_of_a_change_when_its_cache_has_ended(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    other = Installation.of(installation.db, "another process of the same installation")
    assert (await other.programmes.get(programme.id)).state is ACTIVE
    await change_state(installation, programme.id, STOPPED, now=NOW)
    assert (await installation.programmes.get(programme.id)).state is STOPPED
    assert (await other.programmes.get(programme.id)).state is ACTIVE
    other.programmes.forget(programme.id)
    assert (await other.programmes.get(programme.id)).state is STOPPED


def _tell_reading(monkeypatch: pytest.MonkeyPatch, tell: Callable[[int], None]) -> None:
    """Of every settings version that is read, its number."""
    read = directory._version

    def telling(row: Mapping[str, Any]) -> SettingsVersion:
        tell(row["version"])
        return read(row)

    monkeypatch.setattr(directory, "_version", telling)


async def test_what_was_given_up_does_not_undo_a_later_change_of_all_settings(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await amend_settings(installation, programme.id, {"holdMinutes": 30}, effective_from=NOW + 9 * DAY, now=NOW)
    replaced = programme.settings_at(NOW).changed({"holdMinutes": 20}, "EUR")
    with pytest.raises(InvalidInput, match="must not be before version 2"):
        await change_settings(installation, programme.id, replaced, now=NOW)
    await withdraw_settings(installation, programme.id, 2, now=NOW)
    await change_settings(installation, programme.id, replaced, now=NOW)
    current = await installation.programmes.current(programme.id)
    held = [current.settings_at(NOW + wait).hold_minutes for wait in (0 * DAY, DAY, 10 * DAY)]
    assert held == [15, 20, 20]
