"""The examples of earning by rules, through the API: what an order earns, what its cart was told, and why."""

from datetime import date, timedelta
from typing import Any, Final

import pytest

from pointbook.domain.errors import InvalidInput
from pointbook.services import places, programmes
from pointbook.services.directory import ProgrammeState
from pointbook.services.earning_rules import invert_stores
from pointbook.services.places import NewHolidays
from pointbook.services.stores import NewStore, add_store, add_stores
from tests.scenarios.conftest import OpenShop
from tests.scenarios.shop import Shop, at
from tests.support import give_points

_SECOND: Final = timedelta(seconds=1)
_MILLISECOND: Final = timedelta(milliseconds=1)
BY_RULES: Final = {"earnsFromRevenue": False}
"""Preset S, as far as it concerns earning."""
REVENUE, BASE = "1 Punkt je 1,00\N{NO-BREAK SPACE}€ Bestellwert", "10 Punkte je Bestellung"


def line(article: str, amount: str, quantity: int = 1, **more: Any) -> dict[str, Any]:
    return {"id": more.pop("id", article), "articleId": article, "quantity": quantity, "amount": amount, **more}


async def earns(shop: Shop, points: int, order_id: str = "o-1", **order: Any) -> dict[str, Any]:
    """What became of each rule, by its label, once it is seen that quote, posting and explanation agree.

    Points of a rule that won, the label of the one that was better, or the reason why it gave nothing.
    """
    redeemed, code = order.pop("redeemedValue", None), order.pop("voucherCode", None)
    quote = await shop.earn_quote(**order, redeemedValue=redeemed)
    submitted = await shop.order(order_id, "0.00", **order, **({} if code is None else {"voucherCode": code}))
    assert (quote["points"], submitted["points"], submitted["outcome"]) == (points, points, "EARNED")
    if points:
        explanation = await shop.explain()
        assert (explanation["points"], explanation["sourceId"]) == (points, order_id)
        assert explanation["rules"] == quote["rules"]
    return verdicts(quote)


def verdicts(told: dict[str, Any]) -> dict[str, Any]:
    found = {rule["label"]: _verdict(rule) for rule in told["rules"]}
    assert len(found) == len(told["rules"]), "rules of a scenario have labels of their own"
    return found


def _verdict(rule: dict[str, Any]) -> Any:
    if rule["verdict"] == "LOST":
        return rule["lostTo"]["label"]
    return rule["points"] if rule["verdict"] == "WON" else rule["why"]


# --- L: revenue and extras -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "points_of"),
    [("1.00", {"19.49": 19, "19.50": 20, "0.49": 0, "0.50": 1}), ("3.00", {"50.00": 17, "49.49": 16})],
)
async def test_e01_money_is_rounded_commercially(opened: OpenShop, rate: str, points_of: dict[str, int]) -> None:
    shop = await opened(**BY_RULES)
    await shop.join()
    await shop.add_rule("cart", "CART", moneyPerPoint=rate)
    for amount, points in points_of.items():
        assert await earns(shop, points, f"o-{amount}", lines=[line("tea", amount)]) == {"cart": points}


async def test_e02_three_lines_are_rounded_once_and_the_product_page_says_one(opened: OpenShop) -> None:
    shop = await opened()
    await shop.join()
    lines = [line("pin", "0.50", id=str(number)) for number in range(3)]
    assert await earns(shop, 2, lines=lines) == {REVENUE: 2}
    [rule] = (await shop.explain())["rules"]
    assert (rule["basis"], rule["exact"], rule["rounded"]) == ({"amount": "1.50"}, "1.5", 2)
    assert (await shop.product_points(articleId="pin", price="0.50"))["standardPoints"] == 1
    assert (await shop.product_points(articleId="pin", price="0.50", quantity=3))["standardPoints"] == 2


async def loyalista(opened: OpenShop, **settings: Any) -> Shop:
    """Preset L with both extras."""
    shop = await opened(basePointsPerOrder=10, **settings)
    await shop.add_rule("category", "CATEGORY", points=20, targets=["shoes"])
    await shop.add_rule("variation", "VARIATION", points=50, targets=["red"])
    return shop


SHOES: Final = line("shoe", "50.00", 2, variationId="red", productGroupIds=["shoes", "sale"])


async def test_e03_extras_of_category_and_variation_add_up(opened: OpenShop) -> None:
    shop = await loyalista(opened)
    await shop.join()
    told = await earns(shop, 200, lines=[SHOES])
    assert told == {REVENUE: 50, BASE: 10, "category": 40, "variation": 100}
    rules = {rule["label"]: rule for rule in (await shop.explain())["rules"]}
    [seen] = rules["variation"]["lines"]
    assert (seen["line"], seen["quantity"], seen["verdict"], seen["points"]) == ("shoe", "2", "WON", 100)
    assert rules[REVENUE]["basis"] == {"amount": "50.00"}


@pytest.mark.parametrize(("paid", "revenue", "points"), [(1000, 0, 150), (600, 20, 170)])
async def test_e04_extras_and_base_are_given_for_what_points_pay(
    opened: OpenShop, paid: int, revenue: int, points: int
) -> None:
    shop = await loyalista(opened)
    await shop.join()
    await give_points(shop.installation, shop.programme, "c-1", 1000, now=shop.clock())
    held = await shop.redeem(paid, "50.00")
    redeemed: dict[str, Any] = {"redeemedValue": held["value"]["amount"], "voucherCode": held["voucherCode"]}
    told = await earns(shop, points, lines=[SHOES], **redeemed)
    assert told == {REVENUE: revenue, BASE: 10, "category": 40, "variation": 100}


async def test_e05_the_conditions_say_the_discount_that_points_amount_to(opened: OpenShop) -> None:
    shop = await opened()
    answer = await shop.public(
        'programme { discountPercent } guidelines(locale: "en") { sections { paragraphs } }'
    )
    assert float(answer["programme"]["discountPercent"]) == 5
    said = [text for section in answer["guidelines"]["sections"] for text in section["paragraphs"]]
    assert sum("discount of 5%" in text for text in said) == 1


async def test_e37_a_product_page_says_standard_points_then_extra_points(opened: OpenShop) -> None:
    shop = await loyalista(opened, signUpPoints=100)
    shoe: dict[str, Any] = {
        "articleId": "shoe",
        "price": "25.00",
        "variationId": "red",
        "productGroupIds": ["shoes"],
    }
    guest, stranger = await shop.product_points(**shoe), await shop.product_points("c-1", **shoe)
    await shop.join()
    member = await shop.product_points("c-1", **shoe)
    assert (guest["standardPoints"], guest["extraPoints"]) == (25, 70)
    assert guest["text"].replace("\N{NO-BREAK SPACE}", " ") == "25 Punkte + 70 Punkte extra"
    assert guest["signUpPoints"] == 100
    assert guest == stranger == {**member, "signUpPoints": 100}
    assert member["signUpPoints"] is None
    told = await earns(shop, 25 + 70 + 10, lines=[{**SHOES, "quantity": 1, "amount": "25.00"}])
    assert told[BASE] == 10


# --- S: items, toppings, menus ---------------------------------------------------------------------------------


async def sides(opened: OpenShop, instant: str = "2026-03-01 09:00", **settings: Any) -> Shop:
    """A member of a restaurant that gives points by rules only."""
    shop = await opened(instant, **BY_RULES, **settings)
    await add_store(shop.installation, shop.programme.id, NewStore("berlin", "Berlin"), now=shop.clock())
    channels = ("web shop", "app"), ("pick-up", "delivery")
    await places.change_channels(shop.installation, shop.programme.id, *channels, now=shop.clock())
    await shop.join()
    return shop


PIZZAS: Final = line("pizza", "50.00", 2, productGroupIds=["pizzas"])


async def test_e09_of_article_and_group_the_better_gives(opened: OpenShop) -> None:
    shop = await sides(opened)
    await shop.add_rule("pizza", "ARTICLE", points=5, targets=["pizza"])
    await shop.add_rule("pizzas", "PRODUCT_GROUP", points=3, targets=["pizzas"])
    await shop.add_rule("pasta", "PRODUCT_GROUP", points=2, targets=["pasta"])
    assert await earns(shop, 10, lines=[PIZZAS]) == {"pizza": 10, "pizzas": "pizza"}
    pasta = line("carbonara", "9.00", productGroupIds=["pasta"])
    assert await earns(shop, 2, "o-2", lines=[pasta]) == {"pasta": 2}


async def test_e10_a_cart_rule_adds(opened: OpenShop) -> None:
    shop = await sides(opened)
    await shop.add_rule("pizza", "ARTICLE", points=5, targets=["pizza"])
    await shop.add_rule("pizzas", "PRODUCT_GROUP", points=3, targets=["pizzas"])
    await shop.add_rule("cart", "CART", moneyPerPoint="10.00")
    assert await earns(shop, 15, lines=[PIZZAS]) == {"pizza": 10, "pizzas": "pizza", "cart": 5}


@pytest.mark.parametrize(("inclusive", "points"), [(True, 10), (False, 0)])
async def test_e11_what_points_pay_counts_only_if_inclusive(
    opened: OpenShop,
    inclusive: bool,  # noqa: FBT001
    points: int,
) -> None:
    shop = await sides(opened)
    await shop.add_rule("cart", "CART", moneyPerPoint="1.00", inclusiveOfRedeemedValue=inclusive)
    await give_points(shop.installation, shop.programme, "c-1", 200, now=shop.clock())
    held = await shop.redeem(200, "10.00")
    redeemed: dict[str, Any] = {"redeemedValue": "10.00", "voucherCode": held["voucherCode"]}
    assert await earns(shop, points, lines=[line("pizza", "10.00")], **redeemed) == {"cart": points}


@pytest.mark.parametrize(
    ("surcharge", "delivery", "points"),
    [(False, False, 10), (True, False, 12), (False, True, 13), (True, True, 15)],
)
async def test_e12_a_cart_rule_has_switches_for_fees(
    opened: OpenShop,
    surcharge: bool,  # noqa: FBT001
    delivery: bool,  # noqa: FBT001
    points: int,
) -> None:
    shop = await sides(opened)
    switches = {"surchargeInBasis": surcharge, "deliveryFeeInBasis": delivery}
    await shop.add_rule("cart", "CART", moneyPerPoint="1.00", **switches)
    fees: dict[str, Any] = {"minimumOrderSurcharge": "2.00", "deliveryFee": "3.00"}
    assert await earns(shop, points, lines=[line("pizza", "10.00")], **fees) == {"cart": points}


async def test_e13_items_of_a_menu_are_excluded_and_toppings_are_not(opened: OpenShop) -> None:
    shop = await sides(opened)
    for article, points in (("pizza", 5), ("cola", 2)):
        await shop.add_rule(article, "ARTICLE", points=points, targets=[article], excludesMenus=True)
    await shop.add_rule("cheese", "TOPPING", points=1, targets=["cheese"])
    menu = line("menu", "12.00", kind="MENU")
    pizza, cola = (line(article, "0.00", parentLineId="menu") for article in ("pizza", "cola"))
    cheese = line("cheese", "1.00", kind="TOPPING", parentLineId="pizza")
    told = await earns(shop, 1, lines=[menu, pizza, cola, cheese])
    assert told == {"pizza": "MENU", "cola": "MENU", "cheese": 1}
    alone = [line("pizza", "9.00"), line("cola", "3.00"), cheese]
    assert await earns(shop, 8, "o-2", lines=alone) == {"pizza": 5, "cola": 2, "cheese": 1}


# --- where and when --------------------------------------------------------------------------------------------


async def test_e14_without_a_store_a_rule_is_inert_and_inverting_gives_the_others(opened: OpenShop) -> None:
    shop = await sides(opened, "2026-03-01 09:00")
    stores = [f"store {number:02d}" for number in range(1, 20)]
    named = [NewStore(store, store) for store in stores]
    await add_stores(shop.installation, shop.programme.id, named, now=shop.clock())
    await shop.add_rule("nowhere", "CART", moneyPerPoint="1.00", stores=[])
    inverted = await shop.add_rule("some", "CART", moneyPerPoint="1.00", stores=["berlin", "store 01"])
    assert (await shop.public("rules { label stores { id } }"))["rules"] == [
        {"label": "some", "stores": [{"id": "berlin"}, {"id": "store 01"}]}
    ]
    two: dict[str, Any] = {"lines": [line("pizza", "10.00")]}
    assert await earns(shop, 10, store="berlin", **two) == {"nowhere": "NO_STORE", "some": 10}
    changed = await invert_stores(shop.installation, shop.programme.id, inverted.key, 1, now=shop.clock())
    shop.clock.now = changed.newest.effective_from
    [rule] = (await shop.public("rules { label storeCount stores { id } }"))["rules"]
    assert (rule["storeCount"], {store["id"] for store in rule["stores"]}) == (18, set(stores[1:]))
    assert await earns(shop, 0, "o-2", store="berlin", **two) == {"nowhere": "NO_STORE", "some": "STORE"}
    assert await earns(shop, 10, "o-3", store="store 19", **two) == {"nowhere": "NO_STORE", "some": 10}


async def test_e15_both_channels_have_to_match(opened: OpenShop) -> None:
    shop = await sides(opened)
    await shop.add_rule("cart", "CART", moneyPerPoint="1.00", entryChannels=["web shop"], exitChannels=["pick-up"])
    expected = {
        ("app", "pick-up"): "ENTRY_CHANNEL",
        ("web shop", "delivery"): "EXIT_CHANNEL",
        (None, "pick-up"): "ENTRY_CHANNEL",
        ("web shop", "pick-up"): 10,
    }
    for number, ((entry, leaves), verdict) in enumerate(expected.items()):
        points = verdict if isinstance(verdict, int) else 0
        ways: dict[str, Any] = {"entryChannel": entry, "exitChannel": leaves, "lines": [line("pizza", "10.00")]}
        assert await earns(shop, points, f"o-{number}", **ways) == {"cart": verdict}


@pytest.mark.parametrize(
    ("placed", "verdict"),
    [
        ("2026-12-31T23:30:00Z", 10),  # Friday 1 January 00:30 in Berlin
        ("2026-12-31T22:30:00Z", "DAY"),  # Thursday
        ("2027-01-01T23:00:00Z", 10),  # Saturday
        ("2027-01-03T23:00:00Z", "DAY"),  # Monday
    ],
)
async def test_e16_days_are_those_of_the_store(opened: OpenShop, placed: str, verdict: int | str) -> None:
    shop = await sides(opened, "2026-12-31 09:00")
    berlin = NewHolidays("DE", "BE")
    await places.change_holidays(shop.installation, shop.programme.id, "berlin", berlin, now=shop.clock())
    days: dict[str, Any] = {"weekdays": ["SATURDAY", "SUNDAY"], "holidays": ["New Year's Day"]}
    await shop.add_rule("cart", "CART", moneyPerPoint="1.00", **days)
    shop.clock.now = at("2027-01-05")
    points = verdict if isinstance(verdict, int) else 0
    order: dict[str, Any] = {"store": "berlin", "placedAt": placed, "lines": [line("pizza", "10.00")]}
    assert await earns(shop, points, **order) == {"cart": verdict}


@pytest.mark.parametrize(("instant", "points"), [("2026-03-31 23:59+02:00", 100), ("2026-04-01 00:00+02:00", 0)])
async def test_e17_joining_earns_within_its_period_once_and_at_once(
    opened: OpenShop, instant: str, points: int
) -> None:
    shop = await opened("2026-03-30 09:00", **BY_RULES, waitingTime={"hours": 48})
    await shop.add_rule(
        "welcome",
        "REGISTRATION",
        points=100,
        validFrom="2026-03-01",
        validUntil="2026-03-31",
        availableAtOnce=True,
    )
    shop.clock.now = at(instant)
    cart: dict[str, Any] = {"lines": [line("pizza", "10.00")]}
    assert (await shop.earn_quote(None, **cart))["signUpPoints"] == points
    assert (await shop.product_points(articleId="pizza", price="10.00"))["signUpPoints"] == points
    first, second = await shop.join(), await shop.join()
    assert (first["signUpPoints"], second["created"]) == (points, False)
    assert (await shop.balance())["spendable"] == points
    assert (await shop.earn_quote(**cart))["signUpPoints"] is None
    history = (await shop.me("history { nodes { kind } }"))["history"]["nodes"]
    assert len(history) == (1 if points else 0)
    if points:
        explanation = await shop.explain()
        assert (explanation["points"], explanation["sourceType"]) == (100, "sign_up")
        assert verdicts(explanation) == {"welcome": 100}


@pytest.mark.parametrize(
    ("expiry", "last"),
    [({"days": 150}, "2026-07-30 00:00+02:00"), ({"on": "2026-12-31"}, "2027-01-01 00:00+01:00")],
)
async def test_e18_points_of_a_rule_can_be_used_through_their_last_day(
    opened: OpenShop, expiry: dict[str, Any], last: str
) -> None:
    shop = await sides(opened, "2026-03-01 09:00")
    await shop.add_rule("cart", "CART", moneyPerPoint="1.00", expiry=expiry)
    cart: dict[str, Any] = {"lines": [line("pizza", "100.00")]}
    [part] = (await shop.earn_quote(**cart))["parts"]
    assert (part["points"], at(part["expiresAt"])) == (100, at(last))
    assert await earns(shop, 100, **cart) == {"cart": 100}
    shop.clock.now = at(last) - _MILLISECOND
    assert (await shop.balance())["spendable"] == 100
    shop.clock.now = at(last)
    assert (await shop.balance())["spendable"] == 0


@pytest.mark.parametrize(
    ("earned", "waiting", "available"),
    [
        ("2026-03-01 10:00+01:00", {"days": 30}, "2026-03-31 08:00Z"),
        ("2026-03-28 12:00+01:00", {"hours": 48}, "2026-03-30 13:00+02:00"),
    ],
)
async def test_e19_a_quote_says_from_when_points_can_be_spent(
    opened: OpenShop, earned: str, waiting: dict[str, int], available: str
) -> None:
    shop = await sides(opened, "2026-02-01", waitingTime=waiting)
    await shop.add_rule("cart", "CART", moneyPerPoint="1.00")
    await shop.add_rule("at once", "ARTICLE", points=7, targets=["pizza"], availableAtOnce=True)
    shop.clock.now = at(earned)
    cart: dict[str, Any] = {"lines": [line("pizza", "100.00")]}
    parts = (await shop.earn_quote(**cart))["parts"]
    assert {(part["points"], at(part["availableFrom"])) for part in parts} == {
        (100, at(available)),
        (7, at(earned)),
    }
    assert await earns(shop, 107, **cart) == {"cart": 100, "at once": 7}
    assert ((await shop.balance())["pending"], (await shop.balance())["spendable"]) == (100, 7)
    shop.clock.now = at(available) - _MILLISECOND
    assert (await shop.balance())["pending"] == 100
    shop.clock.now = at(available)
    assert (await shop.balance())["spendable"] == 107


async def test_e38_while_earning_is_stopped_nothing_earns_and_redeeming_works(opened: OpenShop) -> None:
    shop = await loyalista(opened)
    await shop.join()
    await earns(shop, 200, lines=[SHOES])

    async def change(state: ProgrammeState) -> None:
        shop.clock.now += timedelta(minutes=1)
        await programmes.change_state(shop.installation, shop.programme.id, state, now=shop.clock())

    await change(ProgrammeState.EARNING_STOPPED)
    told = await earns(shop, 0, "o-2", lines=[SHOES])
    assert set(told.values()) == {"PROGRAMME_STOPPED"}
    assert (await shop.public("rules { label }"))["rules"] == []
    shoe: dict[str, Any] = {"articleId": "shoe", "price": "25.00", "variationId": "red"}
    assert (await shop.product_points(**shoe))["text"] == ""
    for points, last in ((199, False), (1, True)):
        with pytest.raises(InvalidInput, match="outstanding"):
            await change(ProgrammeState.CLOSED)
        held = await shop.redeem(points, "50.00", cart=str(points))
        assert (await shop.capture(held["voucherCode"]))["state"] == "CAPTURED", last
    await change(ProgrammeState.CLOSED)
    refused = await shop.earn_quote(lines=[SHOES])
    assert refused["code"] == "PROGRAMME_NOT_OPEN"


# --- carts of all sorts ----------------------------------------------------------------------------------------


async def test_a_quote_is_what_the_order_earns_whatever_is_in_the_cart(opened: OpenShop) -> None:
    shop = await sides(opened, waitingTime={"hours": 24})
    stores = [NewStore("bonn", "Bonn")]
    await add_stores(shop.installation, shop.programme.id, stores, now=shop.clock())
    holidays = NewHolidays(own={date(2026, 3, 1): "Party"})
    await places.change_holidays(shop.installation, shop.programme.id, "bonn", holidays, now=shop.clock())
    await shop.add_rule("pizza", "ARTICLE", points=5, targets=["pizza"], caps={"perDay": 37})
    await shop.add_rule("group", "PRODUCT_GROUP", points=6, targets=["a"], stores=["bonn"], expiry={"days": 30})
    await shop.add_rule("cart", "CART", moneyPerPoint="0.70", rounding="FLOOR", deliveryFeeInBasis=True)
    await shop.add_rule("party", "BASE", points=4, holidays=["Party"], availableAtOnce=True)
    await shop.add_rule("app", "MULTIPLIER", factor="1.5", targets=["REVENUE"], entryChannels=["app"])
    seen = set()
    for number in range(16):
        lines = [
            line(article, f"{number * 3 + place}.37", quantity, id=str(place), productGroupIds=groups)
            for place, (article, quantity, groups) in enumerate(
                [("pizza", number % 4, ["a"]), ("pasta", 1, ["a", "b"]), ("wine", 2, [])][: number % 3 + 1]
            )
        ]
        cart: dict[str, Any] = {
            "lines": lines,
            "store": [None, "berlin", "bonn"][number % 3],
            "entryChannel": ["app", "web shop"][number % 2],
            "discounts": [{"amount": "0.30"}] if number % 5 == 0 else None,
            "deliveryFee": "3.90" if number % 4 == 0 else None,
        }
        before = await shop.balance()
        quote = await shop.earn_quote(**cart)
        seen |= set(map(str, (await earns(shop, quote["points"], f"o-{number}", **cart)).values()))
        after = await shop.balance()
        now = [part["points"] for part in quote["parts"] if at(part["availableFrom"]) <= shop.clock()]
        assert after["spendable"] - before["spendable"] == sum(now)
        assert sum(part["points"] for part in quote["parts"]) == quote["points"]
        shop.clock.now += _SECOND
    assert {"STORE", "DAY", "NO_UNITS", "group", "0"} <= seen
