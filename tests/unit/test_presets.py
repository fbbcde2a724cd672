"""The presets: valid, whole, and giving the points of the examples that belong to them (E01-E05, E09-E19, E37)."""

from collections.abc import Mapping
from dataclasses import replace
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

import pytest

from pointbook.domain.calendar import time_zone
from pointbook.domain.configuration import Configuration, read_configuration, write_configuration
from pointbook.domain.errors import InvalidInput
from pointbook.domain.guidelines import Terms
from pointbook.domain.rules import (
    EarningResult,
    Engine,
    Occasion,
    ProductPoints,
    RuleState,
    RuleVersion,
    inverted,
)
from pointbook.presets import PRESETS, preset, preset_document
from pointbook.services.holiday_names import check_region, holidays_in
from pointbook.texts import guidelines, product_text
from tests.unit.documents import amounts, content, line, line_of
from tests.unit.rule_documents import LONG_AGO, OPEN_HOUR, TODAY, at

Changes = Mapping[str, dict[str, Any]]
UNCHANGED: Final[Changes] = MappingProxyType({})


def engine(programme: Configuration, *keys: str, changed: Changes = UNCHANGED) -> Engine:
    """The preset with the named rules active; ``changed`` are fields of rules' documents, by key."""
    document = write_configuration(programme)
    for one in document["rules"]:
        one["rule"].update(changed.get(one["key"], {}))
    read = read_configuration(document)
    assert set(keys) <= {one.key for one in read.rules}
    versions = [
        RuleVersion(one.key, number, 1, LONG_AGO, RuleState.ACTIVE, one.rule)
        for number, one in enumerate(read.rules)
        if one.key in keys
    ]
    return Engine(read.settings, versions, time_zone(read.time_zone))


def sides(
    order: Any, *keys: str, redeemed: int = 0, occasion: Occasion = TODAY, changed: Changes = UNCHANGED
) -> EarningResult:
    return engine(preset("sides"), *keys, changed=changed).evaluate(order, occasion, redeemed)


# --- each of them ----------------------------------------------------------------------------------------------


def test_every_file_is_a_preset() -> None:
    files = {file.name for file in resources.files("pointbook.presets").iterdir()}
    assert {name.removesuffix(".json") for name in files if name.endswith(".json")} == set(PRESETS)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_valid_and_has_all_languages(name: str) -> None:
    programme = preset(name)
    assert read_configuration(write_configuration(programme)) == programme
    assert set(programme.locales) == {"de", "en", "pl"}
    for one in programme.rules:
        assert {locale for locale, _ in one.rule.labels} == {"de", "en", "pl"}
    for texts in (programme.settings.standard_points_text, programme.settings.extra_points_text):
        assert {locale for locale, _ in texts} in (set(), {"de", "en", "pl"})
    for holidays in (programme.holidays, *(store.holidays for store in programme.stores)):
        check_region(holidays.country, holidays.subdivision)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_promises_nothing_for_ids_that_are_not_the_shops(name: str) -> None:
    for one in preset(name).rules:
        assert (one.state is RuleState.INACTIVE) == bool(one.rule.targets)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_sells_nothing_that_the_shop_may_not_have(name: str) -> None:
    for offer in (*preset(name).gift_cards, *preset(name).exchange_items):
        assert not offer.active
        for texts in (offer.names, offer.descriptions):
            assert {locale for locale, _ in texts} in (set(), {"de", "en", "pl"})


def test_azpl_exchanges_and_simplybook_sells_gift_cards() -> None:
    assert {item.fee for item in preset("azpl").exchange_items} == {10}
    assert [(card.price_points, card.face_value) for card in preset("simplybook").gift_cards] == [(500, 5000)]


@pytest.mark.parametrize("locale", ["de", "en", "pl"])
@pytest.mark.parametrize("name", PRESETS)
def test_the_conditions_of_a_preset_can_be_written(name: str, locale: str) -> None:
    programme = preset(name)
    versions = [
        RuleVersion(one.key, number, 1, LONG_AGO, RuleState.ACTIVE, one.rule)
        for number, one in enumerate(programme.rules)
    ]
    terms = Terms.in_force(
        programme.name,
        programme.currency,
        time_zone(programme.time_zone),
        programme.settings,
        versions,
        now=OPEN_HOUR,
        stores={store.store_id: store.name for store in programme.stores},
    )
    assert guidelines(terms, locale).locale == locale
    assert len(terms.rules) == len(versions)


def test_another_name_is_refused() -> None:
    for name in ("none", "../sides", ""):
        with pytest.raises(InvalidInput, match="loyalista"):
            preset_document(name)


# --- loyalista -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("amount", "earned"), [("19.49", 19), ("19.50", 20), ("0.49", 0), ("0.50", 1)])
def test_e01_loyalista_rounds_commercially(amount: str, earned: int) -> None:
    assert engine(preset("loyalista")).evaluate(amounts(amount), TODAY).points_of("REVENUE") == earned


def test_e02_loyalista_rounds_once_per_order() -> None:
    assert engine(preset("loyalista")).evaluate(amounts("0.50", "0.50", "0.50"), TODAY).points_of("REVENUE") == 2
    assert engine(preset("loyalista")).product(TODAY, line_of(price="0.50")).standard == 1


@pytest.mark.parametrize(("redeemed", "earned"), [(0, 200), (5000, 150), (3000, 170)])
def test_e03_e04_the_extras_of_loyalista_add_up(redeemed: int, earned: int) -> None:
    both = engine(preset("loyalista"), "category-extra", "variation-extra")
    listed = line(1, "50.00", quantity=2, variationId="variation", productGroupIds=["category"])
    assert both.evaluate(content(listed), TODAY, redeemed).points == earned


def test_e05_loyalista_gives_a_discount_of_five_per_cent() -> None:
    assert preset("loyalista").settings.discount_percent == 5


@pytest.mark.parametrize(
    ("locale", "whole"),
    [
        ("de", "Für diesen Artikel erhalten Sie 25 Punkte. Dazu kommen 70 Punkte extra."),
        ("en", "You receive 25 points for this item. In addition you receive 70 points extra."),
        ("pl", "Za ten artykuł otrzymasz 25 punktów. Do tego 70 punktów ekstra."),
    ],
)
def test_e37_loyalista_says_standard_points_then_extra_points(locale: str, whole: str) -> None:
    programme = preset("loyalista")
    both = engine(programme, "category-extra", "variation-extra")
    points = both.product(TODAY, line_of(price="25.00", variationId="variation", productGroupIds=["category"]))
    assert points == ProductPoints(25, 70)
    said = product_text(
        points, programme.settings, programme=programme.name, currency=programme.currency, locale=locale
    )
    assert said.whole == whole


# --- sides -----------------------------------------------------------------------------------------------------

PIZZAS = line(1, "50.00", articleId="pizza", quantity=2, productGroupIds=["pizzas"])


def test_sides_earns_by_its_rules_only() -> None:
    assert sides(content(PIZZAS)).points == 0


def test_e09_of_article_and_group_the_better_gives() -> None:
    assert sides(content(PIZZAS), "article", "group").points == 10


def test_e09_of_topping_and_topping_group_the_better_gives() -> None:
    cheese = line(2, "1.00", articleId="cheese", kind="TOPPING", toppingGroupId="cheeses")
    doubled = {"topping-group": {"points": 2}}
    assert sides(content(PIZZAS, cheese), "article", "topping", "topping-group", changed=doubled).points == 10 + 2


def test_e10_a_cart_rule_adds() -> None:
    tens = {"cart": {"moneyPerPoint": "10.00"}}
    assert sides(content(PIZZAS), "article", "group", "cart", changed=tens).points == 15


@pytest.mark.parametrize(("inclusive", "earned"), [(True, 10), (False, 0)])
def test_e11_what_points_pay_counts_only_if_inclusive(inclusive: bool, earned: int) -> None:  # noqa: FBT001
    changed = {"cart": {"inclusiveOfRedeemedValue": inclusive}}
    assert sides(amounts("10.00"), "cart", redeemed=1000, changed=changed).points == earned


@pytest.mark.parametrize(
    ("fees", "earned"),
    [
        ({}, 10),
        ({"surchargeInBasis": True}, 12),
        ({"deliveryFeeInBasis": True}, 13),
        ({"surchargeInBasis": True, "deliveryFeeInBasis": True}, 15),
    ],
)
def test_e12_fees_are_switches_of_the_cart_rule(fees: dict[str, Any], earned: int) -> None:
    order = content(minimumOrderSurcharge="2.00", deliveryFee="3.00")
    assert sides(order, "cart", changed={"cart": fees}).points == earned


def test_e13_menus_are_excluded_and_their_toppings_are_not() -> None:
    menu = line(1, "12.00", articleId="menu", kind="MENU")
    pizza = line(2, "0", articleId="pizza", parentLineId="L1")
    cheese = line(3, "1.00", articleId="cheese", kind="TOPPING", parentLineId="L2")
    assert sides(content(menu, pizza, cheese), "article", "topping").points == 1
    alone = {**pizza, "parentLineId": None}
    assert sides(content(alone, cheese), "article", "topping").points == 6


def test_e14_two_stores_of_three_inverted_are_the_third() -> None:
    stores = tuple(store.store_id for store in preset("sides").stores)
    assert len(stores) == 3
    third = inverted(stores[:2], stores)
    assert third == stores[2:]
    changed = {"cart": {"stores": list(third or ())}}
    earned = [
        sides(amounts("10.00"), "cart", occasion=at("2026-03-04T12:00Z", store), changed=changed).points
        for store in stores
    ]
    assert earned == [0, 0, 10]
    assert sides(amounts("10.00"), "cart", changed={"cart": {"stores": []}}).points == 0


def test_e15_both_channels_have_to_match() -> None:
    changed = {"cart": {"entryChannels": ["web shop"], "exitChannels": ["pick-up"]}}
    ways = [("app", "pick-up"), ("web shop", "delivery"), ("web shop", "pick-up")]
    occasions = [at("2026-03-04T12:00Z", entry_channel=entry, exit_channel=way) for entry, way in ways]
    assert [sides(amounts("10.00"), "cart", occasion=one, changed=changed).points for one in occasions] == [
        0,
        0,
        10,
    ]


def test_e16_holidays_are_those_of_the_store() -> None:
    store = preset("sides").stores[0]
    days = {"cart": {"weekdays": ["SATURDAY", "SUNDAY"], "holidays": ["New Year's Day"]}}
    names = holidays_in(store.holidays.country, store.holidays.subdivision)
    for instant, earned in (("2026-12-31T23:30Z", 10), ("2026-12-31T22:30Z", 0)):
        occasion = at(instant, store.store_id)
        occasion = occasion._replace(holidays=names(occasion.day))
        assert sides(amounts("10.00"), "cart", occasion=occasion, changed=days).points == earned


# --- azpl, simplybook ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("amount", "earned"), [("19.99", 0), ("20.00", 1), ("39.99", 1), ("40.00", 2)])
def test_azpl_gives_a_point_for_every_full_twenty(amount: str, earned: int) -> None:
    order = replace(amounts(amount), delivery_fee=2_000)
    assert engine(preset("azpl")).evaluate(order, TODAY).points == earned


@pytest.mark.parametrize("name", ["azpl", "simplybook"])
def test_where_points_are_exchanged_they_pay_no_carts(name: str) -> None:
    assert preset(name).settings.maximum_share_of_cart == 0


def test_simplybook_gives_points_per_service_only() -> None:
    both = engine(preset("simplybook"), "service", "class")
    assert both.evaluate(amounts("100.00"), TODAY).points == 0
    assert both.booking("service", TODAY).points == 25
    assert both.booking("class", TODAY, units=2).points == 20
