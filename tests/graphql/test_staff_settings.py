"""The staff's face: settings, from an instant on, and plans of them."""

import asyncio
from datetime import datetime
from typing import Any

import pytest

from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.graphql.inputs import camel
from pointbook.graphql.settings import SETTINGS
from tests.graphql.staff import IN_FORCE, PIZZA, audit, change, create, wait
from tests.http.fixtures import Clock, Shop
from tests.support import DAY, NOW, everything

_SETTINGS = "version effectiveFrom settings { valuePerPoint holdMinutes signUpFrom waitingTime { count unit } }"


async def test_settings_are_changed_from_an_instant_on(shop: Shop, clock: Clock) -> None:
    changed = await change(
        shop, "changeSettings", f"newest {{ {_SETTINGS} }}", version=1, settings={"valuePerPoint": "0.04"}
    )
    assert changed["newest"]["version"] == 2
    assert changed["newest"]["settings"]["valuePerPoint"] == "0.04"
    assert datetime.fromisoformat(changed["newest"]["effectiveFrom"]) == clock.now + IN_FORCE
    later = (clock.now + 30 * DAY).isoformat()
    given = {"signUpFrom": "2026-03-01", "waitingTime": {"hours": 48}}
    await change(shop, "changeSettings", "newest { version }", version=2, settings=given, effectiveFrom=later)
    both = (await shop.as_staff(f"{{ settings {{ inForce {{ {_SETTINGS} }} newest {{ {_SETTINGS} }} }} }}")).data
    assert both["settings"]["inForce"]["settings"]["valuePerPoint"] == "0.05"
    newest = both["settings"]["newest"]
    assert newest["settings"] == {
        "valuePerPoint": "0.04",
        "holdMinutes": 15,
        "signUpFrom": "2026-03-01",
        "waitingTime": {"count": 48, "unit": "HOURS"},
    }
    await change(
        shop,
        "changeSettings",
        "newest { version }",
        version=3,
        settings={"signUpFrom": None},
        effectiveFrom=later,
    )
    page = (await shop.as_staff(f"{{ settingsVersions(first: 1) {{ nodes {{ {_SETTINGS} }} }} }}")).data
    assert page["settingsVersions"]["nodes"][0]["settings"]["signUpFrom"] is None
    assert [it["action"] for it in await audit(shop, subject="settings")] == ["SETTINGS_CHANGED"] * 3
    wait(clock)
    reply = await shop.as_guest("{ __typename }")
    assert reply.codes == ["DOCUMENT_NOT_TRUSTED"]
    assert (await shop.as_server("{ programme { pointValue } }")).data["programme"]["pointValue"] == "0.04"


async def test_what_types_of_returns_reverse_is_a_setting(shop: Shop) -> None:
    given = {"typeEffects": [{"type": "WARRANTY", "effect": "NOTHING"}, {"type": "REPAIR", "effect": "EARNING"}]}
    shown = "newest { settings { typeEffects { type effect } } }"
    changed = await change(shop, "changeSettings", shown, version=1, settings=given)
    assert [tuple(one.values()) for one in changed["newest"]["settings"]["typeEffects"]] == [
        ("CREDIT_NOTE", "BOTH"),
        ("RETURN", "BOTH"),
        ("REPAIR", "EARNING"),
        ("WARRANTY", "NOTHING"),
    ]


async def test_a_rule_is_refused_whose_points_could_not_be_spent_under_planned_settings(
    shop: Shop, clock: Clock
) -> None:
    short = {**PIZZA, "expiry": {"days": 5}}
    planned = {"settings": {"expiryCountsFrom": "EARNING", "waitingTime": {"days": 7}}}
    next_year = (clock.now + 365 * DAY).isoformat()
    await change(shop, "changeSettings", "newest { version }", version=1, effectiveFrom=next_year, **planned)
    refused = await change(shop, "createRule", key="pizza", rule=short)
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "rule.expiry")
    await change(shop, "withdrawSettings", "newest { version }", version=2)
    assert (await create(shop, short, key="pizza"))["key"] == "pizza"


async def test_a_plan_neither_holds_up_a_change_of_today_nor_undoes_it(shop: Shop, clock: Clock) -> None:
    next_year = (clock.now + 365 * DAY).isoformat()
    planned = {"settings": {"valuePerPoint": "0.10"}, "effectiveFrom": next_year}
    await change(shop, "changeSettings", "newest { version }", version=1, **planned)
    today = await change(shop, "changeSettings", "newest { version }", version=2, settings={"holdMinutes": 20})
    assert today == {"newest": {"version": 3}}

    async def at(instant: datetime) -> tuple[str, int]:
        clock.now = instant
        found = (await shop.as_staff(f"{{ settings {{ inForce {{ {_SETTINGS} }} }} }}")).data["settings"]
        return found["inForce"]["settings"]["valuePerPoint"], found["inForce"]["settings"]["holdMinutes"]

    start = clock.now
    assert [await at(start + wait) for wait in (DAY, 366 * DAY)] == [("0.05", 20), ("0.1", 20)]
    clock.now = start + DAY
    stale = await change(shop, "withdrawSettings", "newest { version }", version=3)
    assert (stale["code"], stale["version"]) == ("EDIT_CONFLICT", 4)
    assert await change(shop, "withdrawSettings", "newest { version }", version=4) == {"newest": {"version": 5}}
    nothing = await change(shop, "withdrawSettings", "newest { version }", version=5)
    assert (nothing["code"], nothing["field"]) == ("INVALID_INPUT", "version")
    assert await at(start + 366 * DAY) == ("0.05", 20)
    mistyped = {"settings": {"holdMinutes": 30}, "effectiveFrom": "9999-01-01T00:00:00Z"}
    refused = await change(shop, "changeSettings", "newest { version }", version=5, **mistyped)
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "effectiveFrom")


@pytest.mark.parametrize("settings", [{}, {"valuePerPoint": "0.050", "signUpFrom": None, "holdMinutes": 15}])
async def test_a_change_of_nothing_makes_no_version(shop: Shop, clock: Clock, settings: dict[str, Any]) -> None:
    before = await everything(shop.installation.db, shop.programme)
    shown = f"newest {{ {_SETTINGS} }}"
    for later in (None, (clock.now + DAY).isoformat()):
        told = await change(
            shop,
            "changeSettings",
            shown,
            version=1,
            settings=settings,
            **({"effectiveFrom": later} if later else {}),
        )
        assert (told["newest"]["version"], told["newest"]["settings"]["valuePerPoint"]) == (1, "0.05")
    assert await everything(shop.installation.db, shop.programme) == before
    stale = await change(shop, "changeSettings", shown, version=2, settings=settings)
    assert stale["code"] == "EDIT_CONFLICT"


async def test_what_holds_today_and_is_planned_otherwise_changes_the_plan_alone(shop: Shop, clock: Clock) -> None:
    next_year = clock.now + 365 * DAY
    planned = {"settings": {"holdMinutes": 20}, "effectiveFrom": next_year.isoformat()}
    await change(shop, "changeSettings", "newest { version }", version=1, **planned)
    shown = "newest { version effectiveFrom settings { holdMinutes } }"
    told = await change(shop, "changeSettings", shown, version=2, settings={"holdMinutes": 15})
    assert (told["newest"]["version"], told["newest"]["settings"]["holdMinutes"]) == (3, 15)
    assert datetime.fromisoformat(told["newest"]["effectiveFrom"]) == next_year
    found = (await shop.as_staff("{ settingsVersions { nodes { version } } }")).data["settingsVersions"]["nodes"]
    assert [it["version"] for it in found] == [3, 2, 1]


async def test_of_two_who_change_the_settings_at_once_one_is_told(shop: Shop) -> None:
    answers = await asyncio.gather(
        *(
            change(shop, "changeSettings", "newest { version }", version=1, settings={"holdMinutes": 20 + n})
            for n in range(6)
        )
    )
    assert sorted(answer.get("code", "OK") for answer in answers) == [*["EDIT_CONFLICT"] * 5, "OK"]
    assert {answer["subject"] for answer in answers if "code" in answer} == {"settings"}


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"holdMinutes": 61}, "settings.holdMinutes"),
        ({"valuePerPoint": "0"}, "settings.valuePerPoint"),
        ({"valuePerPoint": None}, "settings.valuePerPoint"),
        ({"waitingTime": {"days": 365}}, "settings.waitingTime"),
        ({"waitingTime": {}}, "settings.waitingTime"),
        ({"expiry": {"days": 1, "on": "2027-01-01"}}, "settings.expiry"),
        ({"signUpFrom": "2026-03-02", "signUpUntil": "2026-03-01"}, "settings.signUpUntil"),
        ({"standardPointsText": [{"locale": "de", "text": "{nonsense}"}]}, "settings.standardPointsText.de"),
        ({"standardPointsText": [{"locale": "fr", "text": "x"}]}, "settings.standardPointsText.fr"),
        ({"qualifyingStatuses": []}, "settings.qualifyingStatuses"),
        ({"typeEffects": [{"type": "CANCELLATION", "effect": "BOTH"}]}, "settings.typeEffects.CANCELLATION"),
        ({"typeEffects": [{"type": "REPAIR", "effect": "BOTH"}] * 2}, "settings.typeEffects"),
    ],
)
async def test_settings_that_cannot_be_name_their_field(shop: Shop, settings: dict[str, Any], field: str) -> None:
    before = await everything(shop.installation.db, shop.programme)
    answer = await change(shop, "changeSettings", "newest { version }", version=1, settings=settings)
    assert (answer["code"], answer["field"]) == ("INVALID_INPUT", field)
    assert await everything(shop.installation.db, shop.programme) == before
    past = await change(
        shop,
        "changeSettings",
        "newest { version }",
        version=1,
        settings={"holdMinutes": 20},
        effectiveFrom=(NOW - DAY).isoformat(),
    )
    assert (past["code"], past["field"]) == ("INVALID_INPUT", "effectiveFrom")


async def test_all_settings_are_shown_and_can_be_written_back(shop: Shop) -> None:
    assert set(SETTINGS) == set(ProgrammeSettings.__dataclass_fields__)
    simple = {"count unit": "waitingTime", "days on": "expiry signUpExpiry", "locale text": "standardPointsText"}
    composite = {name: selection for selection, names in simple.items() for name in names.split()}
    composite |= {"extraPointsText": "locale text", "typeEffects": "type effect"}
    names = [camel(name) for name in SETTINGS]
    selection = " ".join(f"{name} {{ {composite[name]} }}" if name in composite else name for name in names)
    query = f"{{ settings {{ newest {{ version settings {{ {selection} }} }} }} }}"
    texts = [{"locale": "de", "text": "{points} Punkte"}]
    first = {"standardPointsText": texts, "signUpExpiry": {"never": True}, "waitingTime": {"days": 2}}
    await change(shop, "changeSettings", "newest { version }", version=1, settings=first)
    newest = (await shop.as_staff(query)).data["settings"]["newest"]
    written = {**newest["settings"], "waitingTime": {"days": 2}, "signUpExpiry": {"never": True}}
    written["expiry"] = {"days": written["expiry"]["days"]}
    answer = await change(shop, "changeSettings", "newest { version }", version=2, settings=written)
    assert answer == {"newest": {"version": 2}}
    assert (await shop.as_staff(query)).data["settings"]["newest"]["settings"] == newest["settings"]
