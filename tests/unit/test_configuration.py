"""A configuration as one document: read, checked against itself, written back; typed errors with their path."""

import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointbook.domain.configuration import read_configuration, write_configuration
from pointbook.domain.errors import InvalidInput
from tests.unit.test_programme_settings import DOCUMENTS as SETTINGS

LEAST: Final[dict[str, Any]] = {"name": "Treue", "currency": "EUR", "timeZone": "Europe/Berlin"}
CART: Final[dict[str, Any]] = {"kind": "CART", "name": "internal", "moneyPerPoint": "1.00"}
IDS: Final = st.sampled_from(["a", "b", "Köln 1", "9"])
NAMES: Final = st.sampled_from(["Mitte", "São Paulo", "x" * 128])
DAYS: Final = st.dates().filter(lambda day: 1 < day.year < 3000).map(str)
HOLIDAYS: Final = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "country": st.sampled_from(["DE", "PL"]),
        "own": st.dictionaries(DAYS, NAMES, max_size=3),
    },
)
STORE: Final = st.fixed_dictionaries(
    {"id": IDS, "name": NAMES},
    optional={
        "timeZone": st.sampled_from([None, "Europe/Warsaw"]),
        "active": st.booleans(),
        "holidays": HOLIDAYS,
    },
)
CHANNELS: Final = st.lists(IDS, max_size=3, unique=True)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    stores = draw(st.lists(STORE, max_size=3, unique_by=lambda store: str(store["id"])))
    document = {
        **LEAST,
        "locales": draw(st.lists(st.sampled_from(["de", "en", "pt-BR"]), min_size=1, max_size=3, unique=True)),
        "holidays": draw(HOLIDAYS),
        "entryChannels": draw(CHANNELS),
        "exitChannels": draw(CHANNELS),
        "settings": draw(SETTINGS),
        "stores": stores,
    }
    keys = draw(st.lists(IDS, max_size=3, unique=True))
    return {**document, "rules": [draw(_rule(key, document)) for key in keys]}


@st.composite
def _rule(draw: st.DrawFn, key: str, document: dict[str, Any]) -> dict[str, Any]:
    conditions = {
        "stores": [store["id"] for store in document["stores"]],
        "entryChannels": document["entryChannels"] or "ALL",
        "exitChannels": "ALL",
        "labels": dict.fromkeys(document["locales"], "Extra"),
    }
    kinds: list[dict[str, Any]] = [
        {"kind": "CART", "moneyPerPoint": "0.75", "caps": {"perDay": 3}},
        {"kind": "ARTICLE", "points": 3, "targets": ["x", "y"], "weekdays": ["SUNDAY"]},
        {"kind": "MULTIPLIER", "factor": "2.5", "targets": ["REVENUE"]},
    ]
    rule = {**draw(st.sampled_from(kinds)), "name": "internal", **draw(st.sampled_from([{}, conditions]))}
    return {"key": key, "state": draw(st.sampled_from(["ACTIVE", "INACTIVE"])), "rule": rule}


@given(documents())
def test_a_configuration_comes_back_as_it_was(document: dict[str, Any]) -> None:
    read = read_configuration(document)
    written = json.loads(json.dumps(write_configuration(read)))
    assert read_configuration(written) == read
    assert write_configuration(read_configuration(written)) == written
    for key in ("name", "currency", "timeZone", "locales", "entryChannels", "exitChannels"):
        assert written[key] == document[key]
    assert [one["key"] for one in written["rules"]] == [one["key"] for one in document["rules"]]
    assert [one["id"] for one in written["stores"]] == [one["id"] for one in document["stores"]]


def test_only_name_currency_and_time_zone_are_asked_for() -> None:
    read = read_configuration(LEAST)
    assert (read.locales, read.rules, read.stores) == (("en",), (), ())
    for key in LEAST:
        with pytest.raises(InvalidInput) as refusal:
            read_configuration({name: value for name, value in LEAST.items() if name != key})
        assert refusal.value.field == key


def a_rule(key: str = "r", **more: Any) -> dict[str, Any]:
    return {"key": key, "rule": {**CART, **more}}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"currency": "EURO"}, "currency"),
        ({"timeZone": "Berlin"}, "timeZone"),
        ({"name": ""}, "name"),
        ({"nmae": "x"}, "nmae"),
        ({"locales": []}, "locales"),
        ({"locales": ["de", "Deutsch"]}, "locales[1]"),
        ({"locales": [f"{a}{b}" for a in "abcdefg" for b in "abc"]}, "locales"),
        ({"settings": []}, "settings"),
        ({"settings": {"valuePerPoint": "0"}}, "settings.valuePerPoint"),
        ({"settings": {"extraPointsText": {"de": "{x}"}}}, "settings.extraPointsText.de"),
        ({"entryChannels": ["web", ""]}, "entryChannels[1]"),
        ({"exitChannels": "web"}, "exitChannels"),
        ({"holidays": {"land": "DE"}}, "holidays.land"),
        ({"holidays": {"subdivision": "BE"}}, "holidays.subdivision"),
        ({"holidays": {"own": {"2026-02-30": "x"}}}, "holidays.own.2026-02-30"),
        ({"holidays": {"own": {"2026-02-03": ""}}}, "holidays.own.2026-02-03"),
        ({"holidays": {"own": ["2026-02-03"]}}, "holidays.own"),
        ({"stores": [{"id": "a"}]}, "stores[0].name"),
        ({"stores": [{"id": "a", "name": "A", "timeZone": "x"}]}, "stores[0].timeZone"),
        ({"stores": [{"id": "a", "name": "A", "active": "yes"}]}, "stores[0].active"),
        ({"stores": [{"id": "a", "name": "A"}, {"id": "a", "name": "B"}]}, "stores[1].id"),
        ({"stores": ["a"]}, "stores[0]"),
        ({"rules": [{"rule": CART}]}, "rules[0].key"),
        ({"rules": [a_rule("REVENUE")]}, "rules[0].key"),
        ({"rules": [a_rule("r"), a_rule("r")]}, "rules[1].key"),
        ({"rules": [{**a_rule(), "state": "DELETED"}]}, "rules[0].state"),
        ({"rules": [{**a_rule(), "state": []}]}, "rules[0].state"),
        ({"rules": [{"key": "r"}]}, "rules[0].rule"),
        ({"rules": [a_rule(points=3)]}, "rules[0].rule.points"),
        ({"rules": [a_rule(stores=["nowhere"])]}, "rules[0].rule.stores"),
        ({"rules": [a_rule(entryChannels=["fax"])]}, "rules[0].rule.entryChannels"),
        ({"rules": [a_rule(exitChannels=["fax"])]}, "rules[0].rule.exitChannels"),
        ({"rules": [a_rule(labels={"de": "x"})]}, "rules[0].rule.labels.de"),
        (
            {"settings": {"waitingTime": {"days": 30}}, "rules": [a_rule(expiry={"days": 30})]},
            "rules[0].rule.expiry",
        ),
        (
            {"rules": [{"key": "m", "rule": {"kind": "MULTIPLIER", "name": "x", "factor": 2, "targets": ["no"]}}]},
            "rules[0].rule.targets",
        ),
    ],
)
def test_what_is_wrong_is_refused_with_its_path(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_configuration({**LEAST, **change})
    assert refusal.value.field == field


def test_a_rule_may_name_one_that_stands_below_it() -> None:
    doubled = {"key": "m", "rule": {"kind": "MULTIPLIER", "name": "x", "factor": 2, "targets": ["r"]}}
    assert len(read_configuration({**LEAST, "rules": [doubled, a_rule()]}).rules) == 2


@pytest.mark.parametrize("document", [None, [], "{}", 1])
def test_a_configuration_is_an_object(document: object) -> None:
    with pytest.raises(InvalidInput, match="configuration: "):
        read_configuration(document)
