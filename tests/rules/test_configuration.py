"""Configurations: made into programmes, taken out of them, put into others; what is refused changes nothing."""

from datetime import timedelta
from typing import Any

import pytest

from pointbook.domain.configuration import Configuration, read_configuration, write_configuration
from pointbook.domain.errors import InvalidInput
from pointbook.presets import PRESETS, preset
from pointbook.services import earning_rules, programmes
from pointbook.services.audit import list_entries
from pointbook.services.configuration import (
    Imported,
    create_programme_from,
    export_configuration,
    import_configuration,
    import_document,
)
from pointbook.services.directory import ProgrammeSnapshot, ProgrammeState
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from tests.rules.shop import LONG_BEFORE
from tests.support import NOW, join_member, order_document, spendable

LATER = NOW + timedelta(minutes=1)


async def made(installation: Installation, of: str = "sides", /, **more: Any) -> ProgrammeSnapshot:
    return await create_programme_from(
        installation, f"{of}-1", preset(of), **{"sandbox": True, "now": LONG_BEFORE, **more}
    )


def edited(configuration: Configuration, **changes: Any) -> Configuration:
    return read_configuration({**write_configuration(configuration), **changes})


def with_rules(configuration: Configuration, **rules: dict[str, Any]) -> Configuration:
    document = write_configuration(configuration)
    for one in document["rules"]:
        change = rules.get(one["key"].replace("-", "_"), {})
        one["state"] = change.pop("state", one["state"])
        one["rule"].update(change)
    return read_configuration(document)


@pytest.mark.parametrize("name", PRESETS)
async def test_a_preset_becomes_a_programme_and_comes_out_again(installation: Installation, name: str) -> None:
    programme = await made(installation, name)
    assert (programme.state, programme.sandbox) == (ProgrammeState.ACTIVE, True)
    exported = await export_configuration(installation, programme.id)
    assert {**write_configuration(exported), "stores": []} == {**write_configuration(preset(name)), "stores": []}
    assert {store.store_id: store for store in exported.stores} == {
        store.store_id: store for store in preset(name).stores
    }
    again = await create_programme_from(installation, "copy", exported, now=LONG_BEFORE)
    assert await export_configuration(installation, again.id) == exported


async def test_rules_of_a_preset_are_in_force_at_once(installation: Installation) -> None:
    programme = await made(installation)
    views = {
        view.key: view for view in await earning_rules.list_rules(installation, programme.id, now=LONG_BEFORE)
    }
    assert list(views) == [one.key for one in preset("sides").rules]
    assert {key for key, view in views.items() if view.effect.inert_reason is None} == {"cart", "registration"}
    await join_member(installation, programme, now=LONG_BEFORE)
    assert await spendable(installation, programme) == 50
    order = order_document(amount="50.00", status="goods booked out", store="mitte")
    assert (await submit_order(installation, programme.id, order, now=NOW)).points == 50


async def test_a_draft_may_be_asked_for_and_a_name_of_its_own(installation: Installation) -> None:
    programme = await made(installation, state=ProgrammeState.DRAFT, name="Pizza Nord")
    assert (programme.state, programme.name) == (ProgrammeState.DRAFT, "Pizza Nord")


async def test_the_same_configuration_again_changes_nothing(installation: Installation) -> None:
    programme = await made(installation)
    before = await list_entries(installation, programme.id, first=100)
    done = await import_configuration(installation, programme.id, preset("sides"), now=NOW)
    assert done == Imported(settings=(), created=(), changed=(), untouched=())
    assert await list_entries(installation, programme.id, first=100) == before


async def test_an_import_adds_and_changes_and_removes_nothing(installation: Installation) -> None:
    programme = await made(installation)
    whole = preset("sides")
    changed = with_rules(
        whole, cart={"moneyPerPoint": "2.00"}, article={"state": "ACTIVE"}, registration={"state": "INACTIVE"}
    )
    document = write_configuration(changed)
    document["entryChannels"] = ["kiosk"]
    document["settings"]["valuePerPoint"] = "0.12"
    document["stores"] = [
        {"id": "mitte", "name": "Mitte", "active": False},
        {"id": "kiel", "name": "Kiel", "timeZone": "Europe/Warsaw", "holidays": {"country": "PL"}},
    ]
    document["rules"] = [one for one in document["rules"] if one["key"] in ("cart", "article", "registration")]
    double = {"kind": "MULTIPLIER", "name": "Double", "factor": "2", "targets": ["new"]}
    new = {"kind": "BASE", "name": "New", "points": 1, "entryChannels": ["kiosk"], "stores": ["kiel"]}
    document["rules"] += [{"key": "double", "rule": double}, {"key": "new", "rule": new}]

    done = await import_configuration(installation, programme.id, read_configuration(document), now=NOW)
    assert done == Imported(
        settings=("valuePerPoint",),
        created=("double", "new"),
        changed=("article", "cart", "registration"),
        untouched=("group", "topping", "topping-group"),
    )
    now = await export_configuration(installation, programme.id)
    assert now.settings.value_per_point == 12
    assert now.entry_channels == (*whole.entry_channels, "kiosk")
    assert [store.store_id for store in now.stores] == ["altona", "kiel", "mitte", "schwabing"]
    assert [(store.active, store.time_zone) for store in now.stores[1:3]] == [
        (True, "Europe/Warsaw"),
        (False, None),
    ]
    rules = {one.key: one for one in now.rules}
    assert list(rules)[-2:] == ["double", "new"]
    assert rules["cart"].rule.money_per_point == 200
    states = {key: one.state.value for key, one in rules.items() if key in ("article", "registration", "group")}
    assert states == {"article": "ACTIVE", "registration": "INACTIVE", "group": "INACTIVE"}


async def test_a_file_that_broke_off_may_be_imported_again(installation: Installation) -> None:
    # What is left when the process dies between making the programme and its rules.
    whole = preset("sides")
    empty = edited(whole, rules=[], stores=[], entryChannels=[], exitChannels=[], holidays=None)
    programme = await create_programme_from(
        installation, "half", empty, state=ProgrammeState.DRAFT, now=LONG_BEFORE
    )
    await import_configuration(installation, programme.id, whole, now=NOW)
    exported = await export_configuration(installation, programme.id)
    assert exported.rules == whole.rules
    assert sorted(exported.stores, key=str) == sorted(whole.stores, key=str)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"currency": "PLN"}, "currency"),
        ({"timeZone": "Europe/Warsaw"}, "timeZone"),
        ({"locales": ["de", "en", "pl", "fr"]}, "locales[3]"),
        ({"holidays": {"country": "XX"}}, "holidays.country"),
        (
            {
                "stores": [{"id": "a", "name": "A", "holidays": {"country": "DE", "subdivision": "ZZ"}}],
                "rules": [],
            },
            "stores[0].holidays.subdivision",
        ),
        ({"rules": [{"key": "gone", "rule": {"kind": "BASE", "name": "x", "points": 1}}]}, "rules[0].key"),
        ({"rules": [{"key": "cart", "rule": {"kind": "BASE", "name": "x", "points": 1}}]}, "rules[0].rule.kind"),
    ],
)
async def test_what_does_not_fit_the_programme_is_refused_and_changes_nothing(
    installation: Installation, change: dict[str, Any], field: str
) -> None:
    programme = await made(installation)
    gone = {"kind": "BASE", "name": "x", "points": 1}
    await earning_rules.create_rule(installation, programme.id, gone, key="gone", now=LONG_BEFORE)
    await earning_rules.delete_rule(installation, programme.id, "gone", 1, now=LONG_BEFORE)
    before = await list_entries(installation, programme.id, first=100)
    document = {"settings": {"valuePerPoint": "9"}, **change}
    with pytest.raises(InvalidInput) as refusal:
        await import_configuration(installation, programme.id, edited(preset("sides"), **document), now=LATER)
    assert refusal.value.field == field
    assert await list_entries(installation, programme.id, first=100) == before


async def test_a_region_without_a_calendar_makes_no_programme(installation: Installation) -> None:
    with pytest.raises(InvalidInput, match=r"holidays\.country"):
        await create_programme_from(
            installation, "x", edited(preset("azpl"), holidays={"country": "XX"}), now=LONG_BEFORE
        )
    assert await programmes.list_programmes(installation) == []


async def test_offers_are_made_and_changed_by_their_sku_and_none_is_removed(installation: Installation) -> None:
    programme = await made(installation, "azpl")
    configuration = preset("azpl")
    again = await import_configuration(installation, programme.id, configuration, now=NOW)
    assert again.offers == 0
    mug, *_ = write_configuration(configuration)["exchangeItems"]
    card = {"sku": "card", "names": {"pl": "Karta"}, "pricePoints": 500, "faceValue": "50.00"}
    changed = edited(configuration, exchangeItems=[{**mug, "active": True}], giftCards=[card])
    assert (await import_configuration(installation, programme.id, changed, now=NOW)).offers == 2
    exported = await export_configuration(installation, programme.id)
    assert [(item.sku, item.active) for item in exported.exchange_items] == [
        ("mug", True),
        ("tote-bag", False),
        ("notebook", False),
    ]
    assert [offer.face_value for offer in exported.gift_cards] == [5_000]


@pytest.mark.parametrize(
    ("offers", "field"),
    [
        (
            {"exchangeItems": [{"sku": "a", "names": {"pl": "a"}, "pricePoints": 0}]},
            "exchangeItems[0].pricePoints",
        ),
        ({"exchangeItems": [{"sku": "a", "names": {"fr": "a"}, "pricePoints": 1}]}, "exchangeItems[0].names.fr"),
        ({"giftCards": [{"sku": "a", "names": {"pl": "a"}, "pricePoints": 1}]}, "giftCards[0].faceValue"),
        (
            {"exchangeItems": [{"sku": "a", "names": {"pl": "a"}, "pricePoints": 1}] * 2},
            "exchangeItems[1].sku",
        ),
    ],
)
async def test_an_offer_that_cannot_be_names_its_field(offers: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        edited(preset("azpl"), **offers)
    assert refusal.value.field == field


async def test_what_a_file_leaves_out_stays_as_the_programme_has_it(installation: Installation) -> None:
    programme = await made(installation)
    own = {"country": "DE", "own": {"2026-09-01": "Founders' day"}}
    kiel = {"id": "kiel", "name": "Kiel", "timeZone": "Europe/Warsaw", "active": False, "holidays": own}
    rules: dict[str, Any] = {"cart": {"state": "INACTIVE"}, "registration": {"stores": ["kiel"]}}
    settings = {"holdMinutes": 20, "waitingTime": {"days": 9}, "expiry": {"never": True}}
    changed = write_configuration(with_rules(edited(preset("sides"), stores=[kiel]), **rules))
    changed["settings"] |= settings
    changed["giftCards"] = [
        {"sku": "card", "names": {"de": "Gutschein"}, "pricePoints": 500, "faceValue": "50.00", "active": False}
    ]
    await import_document(installation, programme.id, {**changed, "holidays": own}, now=NOW)
    before = write_configuration(await export_configuration(installation, programme.id))

    said = {
        "settings": {"valuePerPoint": "0.12"},
        "stores": [{"id": "kiel", "name": "Kiel Nord"}],
        "rules": [{"key": "registration", "state": "INACTIVE"}],
        "giftCards": [{"sku": "card", "pricePoints": 450}],
    }
    done = await import_document(installation, programme.id, said, now=LATER)
    assert (done.settings, done.created, done.changed) == (("valuePerPoint",), (), ("registration",))
    assert len(done.untouched) == len(before["rules"]) - 1
    after = write_configuration(await export_configuration(installation, programme.id))
    before["settings"]["valuePerPoint"] = "0.12"
    [store] = [store for store in before["stores"] if store["id"] == "kiel"]
    store["name"] = "Kiel Nord"
    [rule] = [rule for rule in before["rules"] if rule["key"] == "registration"]
    rule["state"] = "INACTIVE"
    before["giftCards"][0]["pricePoints"] = 450
    assert after == before

    entries = await list_entries(installation, programme.id, first=100)
    nothing = Imported((), (), (), tuple(sorted(one["key"] for one in before["rules"])))
    assert await import_document(installation, programme.id, {}, now=LATER + timedelta(minutes=1)) == nothing
    assert await list_entries(installation, programme.id, first=100) == entries


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (None, "configuration"),
        ([], "configuration"),
        ({"settings": []}, "settings"),
        ({"settings": {"holdMinutes": 61}}, "settings.holdMinutes"),
        ({"setings": {}}, "setings"),
        ({"stores": 1}, "stores"),
        ({"stores": ["mitte"]}, "stores[0]"),
        ({"stores": [{"id": "mitte"}, {"id": "kiel"}]}, "stores[1].name"),
        ({"rules": [{"key": "cart"}, {"key": "new", "state": "ACTIVE"}]}, "rules[1].rule"),
        ({"rules": [{"key": ["cart"]}]}, "rules[0].key"),
        ({"exchangeItems": [{"names": {"de": "Becher"}}]}, "exchangeItems[0].sku"),
        ({"stores": [{"id": "mitte", "name": "A"}, {"id": "mitte", "name": "B"}]}, "stores[1].id"),
        ({"currency": "PLN"}, "currency"),
    ],
)
async def test_a_part_that_cannot_be_is_refused_by_its_place_in_the_file(
    installation: Installation, document: Any, field: str
) -> None:
    programme = await made(installation)
    before = await list_entries(installation, programme.id, first=100)
    with pytest.raises(InvalidInput) as refusal:
        await import_document(installation, programme.id, document, now=NOW)
    assert refusal.value.field == field
    assert await list_entries(installation, programme.id, first=100) == before
