"""Rule documents: bounds, contradictions, and one canonical form; what a rule names has to exist."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointbook.domain.calendar import Expiry
from pointbook.domain.errors import InvalidInput
from pointbook.domain.placeholders import filled
from pointbook.domain.rules import (
    CapPeriod,
    Caps,
    Known,
    Rule,
    RuleKind,
    Weekday,
    check_rule,
    read_rule,
    write_rule,
)
from pointbook.domain.rules.reading import FIELDS_OF_KIND
from tests.unit.documents import settings
from tests.unit.rule_documents import rule

WORDS = st.sampled_from(["a", "b", "Menge ü", "9", "x y"])
LISTS = st.lists(WORDS, min_size=1, max_size=4)
CHOSEN = st.just("ALL") | LISTS
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "name": WORDS,
    "labels": st.fixed_dictionaries({}, optional={"de": st.just("Extra"), "pt-BR": WORDS}),
    "points": st.integers(1, 1_000_000),
    "moneyPerPoint": st.integers(100, 10**12).map(lambda millionths: f"{Decimal(millionths).scaleb(-6):f}"),
    "factor": st.integers(1, 10**6).map(lambda parts: f"{Decimal(parts).scaleb(-4):f}"),
    "targets": LISTS,
    "rounding": st.sampled_from(["HALF_UP", "FLOOR", "CEILING"]),
    "stackGroup": WORDS,
    "excludesMenus": st.booleans(),
    "exclusiveVoucherTypes": LISTS | st.just([]),
    "inclusiveOfRedeemedValue": st.booleans(),
    "surchargeInBasis": st.booleans(),
    "deliveryFeeInBasis": st.booleans(),
    "availableAtOnce": st.booleans(),
    "expiry": st.sampled_from([None, {"never": True}, {"days": 150}, {"on": "2031-01-01"}]),
    "stores": CHOSEN | st.just([]),
    "entryChannels": CHOSEN,
    "exitChannels": CHOSEN,
    "validFrom": st.none() | st.dates(date(2020, 1, 1), date(2025, 1, 1)).map(str),
    "validUntil": st.none() | st.dates(date(2025, 1, 1), date(2030, 12, 31)).map(str),
    "weekdays": st.lists(st.sampled_from(list(Weekday)).map(str), max_size=7),
    "holidays": CHOSEN | st.just([]),
    "caps": st.fixed_dictionaries(
        {},
        optional={
            "perOrder": st.integers(1, 10**9),
            "perDay": st.integers(1, 10**9),
            "perMember": st.fixed_dictionaries(
                {"points": st.integers(1, 9), "period": st.sampled_from(list(CapPeriod)).map(str)}
            ),
        },
    ),
}
REQUIRED = {"name", "points", "moneyPerPoint", "factor", "targets"}


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(list(RuleKind)))
    fields = FIELDS_OF_KIND[kind]
    required = {key: FIELDS[key] for key in sorted(fields & REQUIRED)}
    optional = {key: FIELDS[key] for key in sorted(fields - REQUIRED)}
    return {"kind": kind.value, **draw(st.fixed_dictionaries(required, optional=optional))}


@given(documents(), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_a_rule_comes_back_as_it_was_read(document: dict[str, Any], currency: str) -> None:
    read = read_rule(document, currency)
    written = write_rule(read, currency)
    assert read_rule(written, currency) == read
    assert write_rule(read_rule(written, currency), currency) == written
    assert set(written) == {"kind", *FIELDS_OF_KIND[read.kind]}


@given(documents())
def test_order_and_repetition_in_lists_say_nothing(document: dict[str, Any]) -> None:
    turned = {
        key: [*reversed(value), *value] if isinstance(value, list) else value for key, value in document.items()
    }
    turned["weekdays"] = list(reversed(document.get("weekdays", [])))
    assert read_rule(turned, "EUR") == read_rule(document, "EUR")


def test_what_is_missing_or_null_has_its_default() -> None:
    read = read_rule(
        {"kind": "CART", "name": "x", "moneyPerPoint": "10.00", "expiry": None, "stores": None}, "EUR"
    )
    assert read == Rule(RuleKind.CART, "x", money_per_point=Decimal(1000), stack_group="cart")


def test_all_fields_are_read() -> None:
    read = rule(
        "CATEGORY",
        points=20,
        labels={"en": "{points} for tea", "de": "{points} für Tee"},
        targets=["tea", "green tea", "tea"],
        caps={"perOrder": 5, "perDay": 10, "perMember": {"points": 100, "period": "MONTH"}},
        expiry={"days": 30},
        weekdays=["SUNDAY", "MONDAY"],
        holidays="ALL",
        entryChannels=["app"],
    )
    assert read.labels == (("de", "{points} für Tee"), ("en", "{points} for tea"))
    assert filled(read.labels[1][1], {"points": "20"}) == "20 for tea"
    assert read.targets == ("green tea", "tea")
    assert read.caps == Caps(5, 10, 100, CapPeriod.MONTH)
    assert (read.expiry, read.weekdays) == (Expiry(days=30), (Weekday.MONDAY, Weekday.SUNDAY))
    assert (read.holidays, read.entry_channels, read.exit_channels) == (None, ("app",), None)


CART = {"kind": "CART", "name": "x", "moneyPerPoint": "1"}
ARTICLE = {"kind": "ARTICLE", "name": "x", "points": 1, "targets": ["A"]}


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (None, "rule"),
        ([], "rule"),
        ({}, "kind"),
        ({"kind": "COUPON"}, "kind"),
        ({"kind": ["CART"]}, "kind"),
        ({**CART, "kind": "cart"}, "kind"),
        ({**CART, "pionts": 5}, "pionts"),
        ({**CART, "points": 5}, "points"),
        ({**CART, "targets": ["A"]}, "targets"),
        ({**CART, "excludesMenus": True}, "excludesMenus"),
        ({**ARTICLE, "moneyPerPoint": "1"}, "moneyPerPoint"),
        ({**ARTICLE, "kind": "TOPPING", "excludesMenus": True}, "excludesMenus"),
        ({**ARTICLE, "kind": "MULTIPLIER"}, "points"),
        ({"kind": "MULTIPLIER", "name": "x", "factor": 2, "targets": ["a"], "caps": {"perOrder": 1}}, "caps"),
        ({"kind": "MULTIPLIER", "name": "x", "factor": 0, "targets": ["a"]}, "factor"),
        ({"kind": "MULTIPLIER", "name": "x", "factor": "100.0001", "targets": ["a"]}, "factor"),
        ({"kind": "MULTIPLIER", "name": "x", "factor": 1.5, "targets": ["a"]}, "factor"),
        ({"kind": "MULTIPLIER", "name": "x", "factor": "1.5"}, "targets"),
        ({"kind": "CART", "name": "x"}, "moneyPerPoint"),
        ({"kind": "BASE", "name": "x"}, "points"),
        ({"kind": "CART", "moneyPerPoint": "1"}, "name"),
        ({**CART, "name": ""}, "name"),
        ({**CART, "moneyPerPoint": "0"}, "moneyPerPoint"),
        ({**CART, "moneyPerPoint": 0.5}, "moneyPerPoint"),
        ({**ARTICLE, "points": 0}, "points"),
        ({**ARTICLE, "points": 1_000_001}, "points"),
        ({**ARTICLE, "points": True}, "points"),
        ({**ARTICLE, "targets": []}, "targets"),
        ({**ARTICLE, "targets": "A"}, "targets"),
        ({**ARTICLE, "targets": ["A", ""]}, "targets[1]"),
        ({**ARTICLE, "targets": ["A"] * 5001}, "targets"),
        ({**ARTICLE, "exclusiveVoucherTypes": [1]}, "exclusiveVoucherTypes[0]"),
        ({**CART, "rounding": "UP"}, "rounding"),
        ({**CART, "stackGroup": " "}, "stackGroup"),
        ({**CART, "stores": "berlin"}, "stores"),
        ({**CART, "stores": [None]}, "stores[0]"),
        ({**CART, "entryChannels": []}, "entryChannels"),
        ({**CART, "exitChannels": []}, "exitChannels"),
        ({**CART, "exitChannels": {"a": 1}}, "exitChannels"),
        ({**CART, "weekdays": ["SUNDAY", "Sunday"]}, "weekdays[1]"),
        ({**CART, "holidays": "New Year's Day"}, "holidays"),
        ({**CART, "validFrom": "2026-02-30"}, "validFrom"),
        ({**CART, "validFrom": "2026-03-02", "validUntil": "2026-03-01"}, "validUntil"),
        ({**CART, "validFrom": "2026-03-02", "expiry": {"on": "2026-03-01"}}, "expiry.on"),
        ({**CART, "expiry": {"days": 0}}, "expiry.days"),
        ({**CART, "expiry": {"days": 1, "never": True}}, "expiry"),
        ({**CART, "caps": {"perOrder": 0}}, "caps.perOrder"),
        ({**CART, "caps": {"perWeek": 1}}, "caps.perWeek"),
        ({**CART, "caps": {"perMember": {"points": 5}}}, "caps.perMember.period"),
        ({**CART, "caps": {"perMember": {"period": "MONTH"}}}, "caps.perMember.points"),
        ({**CART, "labels": {"german": "x"}}, "labels.german"),
        ({**CART, "labels": {"de": "{points} extra"}}, "labels.de"),
        ({**CART, "labels": {"de": "{moneyPerPoint"}}, "labels.de"),
        ({**CART, "labels": {"de": "{}"}}, "labels.de"),
        ({**CART, "labels": {"de": ""}}, "labels.de"),
        ({**CART, "labels": "Extra"}, "labels"),
        ({**CART, "availableAtOnce": "yes"}, "availableAtOnce"),
    ],
)
def test_a_bad_rule_is_refused_by_the_name_of_its_field(document: object, field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_rule(document, "EUR")
    assert refusal.value.field == field


KNOWN = Known(
    stores=["berlin", "bonn"],
    entry_channels=["app"],
    exit_channels=["counter"],
    locales=["de"],
    rules={"tea": RuleKind.CATEGORY, "double": RuleKind.MULTIPLIER},
)


@pytest.mark.parametrize(
    ("kind", "more", "refused"),
    [
        ("CART", {"stores": ["berlin", "kiel"]}, ("stores", "'kiel'")),
        ("CART", {"entryChannels": ["app", "till"]}, ("entryChannels", "'till'")),
        ("CART", {"exitChannels": ["app"]}, ("exitChannels", "'app'")),
        ("CART", {"labels": {"de": "x", "en": "y"}}, ("labels.en", "locale")),
        ("CART", {"expiry": {"days": 2}}, ("expiry", "waiting time")),
        ("MULTIPLIER", {"targets": ["coffee", "tea"]}, ("targets", "'coffee' is no rule")),
        ("MULTIPLIER", {"targets": ["tea", "double"]}, ("targets", "'double' is a multiplier")),
        ("CART", {"stores": "ALL", "entryChannels": ["app"], "labels": {"de": "x"}}, None),
        ("CART", {"stores": [], "expiry": {"days": 3}}, None),
        ("CART", {"expiry": {"days": 2}, "availableAtOnce": True}, None),
        ("MULTIPLIER", {"targets": ["REVENUE", "tea"]}, None),
    ],
)
def test_what_a_rule_names_has_to_exist(kind: str, more: dict[str, Any], refused: tuple[str, str] | None) -> None:
    value = {"factor": "2"} if kind == "MULTIPLIER" else {"moneyPerPoint": "1"}
    read = rule(kind, **value, **more)
    waiting = settings(waitingTime={"hours": 48})
    check_rule(read, Known())
    if refused is None:
        check_rule(read, KNOWN, waiting)
        return
    with pytest.raises(InvalidInput) as refusal:
        check_rule(read, KNOWN, waiting)
    assert refusal.value.field == refused[0]
    assert refused[1] in refusal.value.reason
