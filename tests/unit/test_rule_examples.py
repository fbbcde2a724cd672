"""The examples of earning (E01-E04, E09-E19, E25, E26, E30, E37, E38), judged by the engine of the rules."""

from datetime import UTC, date, datetime
from typing import Any, Final

import pytest

from pointbook.domain.rules import (
    Engine,
    Lot,
    ProductPoints,
    RuleVersion,
    Verdict,
    Why,
    effect,
    inverted,
    lot_lifetime,
)
from tests.earning_by_settings import evaluate
from tests.unit.documents import amounts, content, line, line_of, loyalista, settings
from tests.unit.rule_documents import (
    BERLIN,
    OPEN_HOUR,
    TODAY,
    at,
    judged,
    of,
    points,
    sides,
    version,
    versions,
)

CATEGORY: Final = version("category", "CATEGORY", 1, points=20, targets=["c"])
VARIATION: Final = version("variation", "VARIATION", 2, points=50, targets=["v"])
PIZZA: Final = version("pizza", "ARTICLE", 1, points=5, targets=["pizza"])
PIZZAS: Final = version("pizzas", "PRODUCT_GROUP", 2, points=3, targets=["pizzas", "pasta"])
CART: Final = version("cart", "CART", 3, moneyPerPoint="1.00")


def bought(number: int, amount: str, article: str, **more: Any) -> dict[str, Any]:
    return line(number, amount, articleId=article, **more)


def listed(**more: Any) -> dict[str, Any]:
    return bought(1, "50.00", "A", quantity=2, variationId="v", productGroupIds=["c", "other"], **more)


# --- L: revenue and extras -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "amount", "earned"),
    [
        ("1", "19.49", 19),
        ("1", "19.50", 20),
        ("1", "0.49", 0),
        ("1", "0.50", 1),
        ("3", "50", 17),
        ("3", "49.49", 16),
    ],
)
def test_e01_money_is_rounded_commercially(rate: str, amount: str, earned: int) -> None:
    by_settings = Engine(settings(revenuePerPoint=rate)).evaluate(amounts(amount), TODAY)
    by_rule = judged(amounts(amount), version("cart", "CART", moneyPerPoint=rate))
    assert (by_settings.points, by_rule.points) == (earned, earned)


def test_e02_money_is_rounded_once_per_order() -> None:
    assert points(amounts("0.50", "0.50", "0.50"), CART) == 2
    assert Engine(loyalista()).product(TODAY, line_of(price="0.50")).standard == 1


def test_e03_extras_of_category_and_variation_add_up() -> None:
    result = Engine(loyalista(), [CATEGORY, VARIATION]).evaluate(content(listed()), TODAY)
    assert result.points == 200
    assert [(gain.rule.key, gain.points) for gain in result.gains] == [
        ("REVENUE", 50),
        ("BASE", 10),
        ("category", 40),
        ("variation", 100),
    ]


@pytest.mark.parametrize(("redeemed", "earned"), [(5000, 150), (3000, 170)])
def test_e04_extras_and_base_are_given_for_what_points_pay(redeemed: int, earned: int) -> None:
    engine = Engine(loyalista(), [CATEGORY, VARIATION])
    assert engine.evaluate(content(listed()), TODAY, redeemed).points == earned


def test_e37_a_product_page_says_standard_then_extra_points() -> None:
    sign_up = version("welcome", "REGISTRATION", 3, points=100)
    engine = Engine(loyalista(), [CATEGORY, VARIATION, sign_up])
    assert engine.product(TODAY, line_of(price="25.00", variationId="v", productGroupIds=["c"])) == ProductPoints(
        standard=25, extra=70
    )
    assert engine.joining(TODAY).points == 100  # what a guest sees beside them


# --- S: items, toppings, menus ---------------------------------------------------------------------------------


def test_e09_of_article_and_group_the_better_gives() -> None:
    pizzas = bought(1, "20.00", "pizza", quantity=2, productGroupIds=["pizzas"])
    assert points(content(pizzas), PIZZA, PIZZAS) == 10
    pasta = bought(1, "9.00", "carbonara", productGroupIds=["pasta"])
    only = version("pasta", "PRODUCT_GROUP", points=2, targets=["pasta"])
    assert points(content(pasta), PIZZA, only) == 2


def test_e10_a_cart_rule_adds() -> None:
    tens = version("cart", "CART", 3, moneyPerPoint="10.00")
    pizzas = bought(1, "50.00", "pizza", quantity=2, productGroupIds=["pizzas"])
    assert points(content(pizzas), PIZZA, PIZZAS, tens) == 15


def test_e11_what_points_pay_counts_only_if_inclusive() -> None:
    inclusive = version("cart", "CART", moneyPerPoint="1.00", inclusiveOfRedeemedValue=True)
    assert points(amounts("10.00"), inclusive, redeemed_value=1000) == 10
    assert points(amounts("10.00"), CART, redeemed_value=1000) == 0


@pytest.mark.parametrize(
    ("surcharge", "delivery", "earned"),
    [(False, False, 10), (True, False, 12), (False, True, 13), (True, True, 15)],
)
def test_e12_a_cart_rule_has_switches_for_fees(surcharge: bool, delivery: bool, earned: int) -> None:  # noqa: FBT001
    order = content(minimumOrderSurcharge="2.00", deliveryFee="3.00")
    cart = version("cart", "CART", moneyPerPoint="1", surchargeInBasis=surcharge, deliveryFeeInBasis=delivery)
    assert points(order, cart) == earned


def test_e13_items_of_a_menu_are_excluded_and_toppings_are_not() -> None:
    rules = versions(
        pizza={"kind": "ARTICLE", "points": 5, "targets": ["pizza"], "excludesMenus": True},
        cola={"kind": "ARTICLE", "points": 2, "targets": ["cola"], "excludesMenus": True},
        cheese={"kind": "TOPPING", "points": 1, "targets": ["cheese"]},
    )
    menu = bought(1, "12.00", "menu", kind="MENU")
    pizza, cola = (bought(n, "0", article, parentLineId="L1") for n, article in ((2, "pizza"), (3, "cola")))
    cheese = bought(4, "1.00", "cheese", kind="TOPPING", parentLineId="L2")
    assert points(content(menu, pizza, cola, cheese), *rules) == 1
    alone = [{**item, "parentLineId": None} for item in (pizza, cola)]
    assert points(content(*alone, cheese), *rules) == 8
    both = content(menu, pizza, cola, cheese, {**alone[0], "id": "L5"})
    result = judged(both, *rules, CART)
    assert result.points == 1 + 5 + 13  # the same article bought normally, and the whole cart, still earn
    assert [(seen.line, seen.why) for seen in of("pizza", result.trace()).lines] == [
        ("L2", Why.MENU),
        ("L5", None),
    ]


# --- where and when --------------------------------------------------------------------------------------------


def test_e14_without_a_store_a_rule_is_inert() -> None:
    nowhere = version("cart", "CART", moneyPerPoint="1", stores=[])
    result = judged(amounts("10.00"), nowhere, occasion=at("2026-03-04T12:00Z", "berlin"))
    assert result.points == 0
    assert of("cart", result.trace()).why is Why.NO_STORE
    assert effect(nowhere, sides(), BERLIN, now=OPEN_HOUR).inert_reason is Why.NO_STORE
    twenty = tuple(f"store {n:02d}" for n in range(20))
    complement = inverted(twenty[:2], twenty)
    assert complement == twenty[2:]
    assert inverted(complement, twenty) == twenty[:2]
    assert (inverted(None, twenty), inverted((), twenty)) == ((), None)


@pytest.mark.parametrize(
    ("entry", "exit_", "earned", "why"),
    [
        ("app", "pick-up", 0, Why.ENTRY_CHANNEL),
        ("web shop", "delivery", 0, Why.EXIT_CHANNEL),
        ("web shop", "pick-up", 10, None),
        (None, "pick-up", 0, Why.ENTRY_CHANNEL),
    ],
)
def test_e15_both_channels_have_to_match(entry: str | None, exit_: str, earned: int, why: Why | None) -> None:
    rule = version("cart", "CART", moneyPerPoint="1", entryChannels=["web shop"], exitChannels=["pick-up"])
    result = judged(
        amounts("10.00"), rule, occasion=at("2026-03-04T12:00Z", entry_channel=entry, exit_channel=exit_)
    )
    assert (result.points, of("cart", result.trace()).why) == (earned, why)


NEW_YEAR: Final = {date(2027, 1, 1): frozenset({"New Year's Day"})}


@pytest.mark.parametrize(
    ("placed", "matches"),
    [
        ("2026-12-31T23:30:00Z", True),  # Friday 1 January 00:30 in Berlin
        ("2026-12-31T22:30:00Z", False),  # Thursday
        ("2027-01-01T22:59:00Z", True),
        ("2027-01-01T23:00:00Z", True),  # Saturday
        ("2027-01-03T23:00:00Z", False),  # Monday
    ],
)
def test_e16_days_are_those_of_the_store(placed: str, matches: bool) -> None:  # noqa: FBT001
    days: dict[str, Any] = {"weekdays": ["SATURDAY", "SUNDAY"], "holidays": ["New Year's Day"]}
    rule = version("cart", "CART", moneyPerPoint="1", **days)
    result = judged(amounts("10.00"), rule, occasion=at(placed, "berlin", holidays=NEW_YEAR))
    assert (result.points == 10) == matches
    assert of("cart", result.trace()).why is (None if matches else Why.DAY)


@pytest.mark.parametrize(
    ("joined", "earned"),
    [
        ("2026-02-28T23:59:59+01:00", 0),
        ("2026-03-01T00:00:00+01:00", 100),
        ("2026-03-31T23:59:59+02:00", 100),
        ("2026-04-01T00:00:00+02:00", 0),
    ],
)
def test_e17_joining_earns_within_the_period(joined: str, earned: int) -> None:
    march = version("welcome", "REGISTRATION", points=100, validFrom="2026-03-01", validUntil="2026-03-31")
    assert Engine(sides(), [march], BERLIN).joining(at(joined)).points == earned


def test_e17_joining_may_be_available_at_once() -> None:
    rules = sides(waitingTime={"hours": 48})
    at_once = version("welcome", "REGISTRATION", points=100, availableAtOnce=True)
    (part,) = Engine(rules, [at_once], BERLIN).joining(TODAY).parts
    assert part == (100, Lot(available_at_once=True))
    span = lot_lifetime(rules, part.lot, OPEN_HOUR, BERLIN)
    assert span is not None
    assert span.available_from == OPEN_HOUR


@pytest.mark.parametrize(
    ("expiry", "ends"),
    [
        ({"days": 150}, datetime(2026, 7, 29, 22, tzinfo=UTC)),
        ({"on": "2026-12-31"}, datetime(2026, 12, 31, 23, tzinfo=UTC)),
        ({"never": True}, None),
    ],
)
def test_e18_points_of_a_rule_end_as_it_says(expiry: dict[str, Any], ends: datetime | None) -> None:
    (part,) = judged(amounts("10.00"), version("cart", "CART", moneyPerPoint="1", expiry=expiry)).parts
    span = lot_lifetime(sides(), part.lot, datetime(2026, 3, 1, 9, tzinfo=UTC), BERLIN)
    assert span is not None
    assert span.expires_at == ends


def test_e19_points_of_a_rule_wait_as_all_others_do() -> None:
    rules = sides(waitingTime={"days": 30})
    (part,) = Engine(rules, [CART], BERLIN).evaluate(amounts("10.00"), TODAY).parts
    span = lot_lifetime(rules, part.lot, datetime(2026, 3, 1, 9, tzinfo=UTC), BERLIN)
    assert span is not None
    assert span.available_from == datetime(2026, 3, 31, 8, tzinfo=UTC)


def test_e38_while_earning_is_stopped_nothing_earns() -> None:
    engine = Engine(loyalista(), [CART], BERLIN)
    for closed in (Why.PROGRAMME_STOPPED, Why.STORE_OFF):
        result = engine.evaluate(amounts("10.00"), at("2026-03-04T12:00Z", closed=closed))
        assert (result.points, result.parts) == (0, ())
        assert {(seen.verdict, seen.why) for seen in result.trace()} == {(Verdict.INERT, closed)}
    assert effect(CART, sides(), BERLIN, now=OPEN_HOUR, earns=False).inert_reason is Why.PROGRAMME_STOPPED


# --- what remains after a return (R25) -------------------------------------------------------------------------


def test_e26_what_remains_is_judged_as_if_it_were_all() -> None:
    engine = Engine(settings(revenuePerPoint="2.00"))
    remains = [engine.evaluate(amounts(*["1.00"] * n), TODAY).points for n in (3, 2, 1)]
    assert remains == [2, 1, 1]


def test_r25_base_points_fall_only_when_nothing_remains() -> None:
    engine = Engine(loyalista())
    order = content(listed())
    nothing = type(order)(())
    assert [engine.evaluate(left, TODAY).points for left in (order, amounts("0.00"), nothing)] == [60, 10, 0]
    assert of("BASE", engine.evaluate(nothing, TODAY).trace()).why is Why.NOTHING_LEFT


def test_e30_rules_as_they_were_judge_what_remains() -> None:
    def engine(each: int) -> Engine:
        rule: RuleVersion = version("variation", "VARIATION", points=each, targets=["v"])
        return Engine(loyalista(), [rule])

    pinned, doubled = engine(50), engine(100)
    kept = content(listed(), bought(2, "10.00", "B"))
    remaining = content(bought(2, "10.00", "B"))
    before, after = (pinned.evaluate(order, TODAY).points for order in (kept, remaining))
    assert before - after == 150
    assert doubled.evaluate(kept, TODAY).points - after == 250


def test_programmes_without_rules_earn_as_the_settings_say() -> None:
    assert evaluate(content(listed()), loyalista()) == (60, 50, 10, 5000)
    assert evaluate(content(listed()), loyalista(earnsFromRevenue=False)) == (10, 0, 10, 5000)
