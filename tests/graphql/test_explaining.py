"""Why an entry granted points: told to its own customer, as it was judged, in words for the public."""

from typing import Any

from starlette.applications import Starlette

from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.services.directory import ProgrammeState
from pointbook.services.programmes import change_state
from pointbook.services.settings_versions import change_currency
from tests.http.fixtures import Shop, make_shop
from tests.rules.shop import add_rule, line, order, rule
from tests.support import DAY, give_points, join_member, redeem

EXPLAIN = """
query ($entry: ID!, $locale: String) {
  explain(entry: $entry, locale: $locale) {
    points at sourceType sourceId ruleCount
    rules {
      id label kind verdict why lostTo { id label } multiplier { id label } factor basis { amount currency }
      exact rounded points capUses { span limit before used } lineCount
      lines { line quantity verdict why lostTo { label } points }
    }
  }
}
"""
HISTORY = "{ me { history { nodes { id kind } } } }"
PIZZA = line("pizza", "2.5", "20.00")


async def entries(shop: Shop, customer: str = "c-1") -> dict[str, str]:
    """The newest entry of each kind."""
    nodes = (await shop.as_customer(HISTORY, customer=customer)).data["me"]["history"]["nodes"]
    return {node["kind"]: node["id"] for node in reversed(nodes)}


async def explained(shop: Shop, entry: str, customer: str = "c-1", **more: Any) -> Any:
    return (await shop.as_customer(EXPLAIN, customer=customer, entry=entry, **more)).data["explain"]


async def test_a_rule_is_explained_with_its_lines_factor_caps_and_rounding(shop: Shop) -> None:
    await join_member(shop.installation, shop.programme)
    made = await add_rule(
        shop.installation, shop.programme, rule(points=3, labels={"de": "Pizzatag"}, caps={"perDay": 10})
    )
    targets = [made.key]
    doubled = rule("MULTIPLIER", None, factor="1.5", targets=targets, labels={"de": "Mehr"})
    await add_rule(shop.installation, shop.programme, doubled)
    await order(shop.installation, shop.programme, lines=[PIZZA])
    told = await explained(shop, (await entries(shop))["ACCRUAL"])
    revenue, pizza, multiplier = told["rules"]
    assert (told["points"], told["sourceType"], told["sourceId"], told["ruleCount"]) == (30, "order", "o-1", 3)
    assert (revenue["basis"], revenue["exact"], revenue["points"]) == (
        {"amount": "20.00", "currency": "EUR"},
        "20",
        20,
    )
    assert pizza["lines"] == [
        {"line": "pizza", "quantity": "2.5", "verdict": "WON", "why": None, "lostTo": None, "points": 8}
    ]
    assert (pizza["factor"], pizza["exact"], pizza["rounded"], pizza["points"]) == ("1.5", "12", 12, 10)
    assert pizza["multiplier"] == {"id": multiplier["id"], "label": "Mehr"}
    assert pizza["capUses"] == [{"span": "DAY", "limit": 10, "before": 0, "used": 10}]
    assert (multiplier["kind"], multiplier["verdict"], multiplier["factor"]) == ("MULTIPLIER", "WON", "1.5")


async def test_labels_are_in_the_language_asked_for(shop: Shop) -> None:
    await join_member(shop.installation, shop.programme)
    labels = {"de": "Pizzatag", "en": "Pizza day"}
    await add_rule(shop.installation, shop.programme, rule(labels=labels))
    await order(shop.installation, shop.programme)
    entry = (await entries(shop))["ACCRUAL"]
    for locale, label in ((None, "Pizzatag"), ("en", "Pizza day"), ("xx", "Pizza day")):
        told = await explained(shop, entry, locale=locale)
        assert told["rules"][-1]["label"] == label
    standard = (await explained(shop, entry, locale="pl"))["rules"][0]["label"]
    assert standard.startswith("1 punkt za każde")


async def test_a_multiplier_of_what_lost_is_named_though_it_multiplied_nothing(shop: Shop) -> None:
    await join_member(shop.installation, shop.programme)
    await add_rule(shop.installation, shop.programme, rule(points=9))
    lost = await add_rule(shop.installation, shop.programme, rule(points=2))
    times = rule("MULTIPLIER", None, factor="2", targets=[lost.key], labels={"de": "Doppelt"})
    await add_rule(shop.installation, shop.programme, times)
    await order(shop.installation, shop.programme)
    told = await explained(shop, (await entries(shop))["ACCRUAL"])
    assert [each["verdict"] for each in told["rules"]] == ["WON", "WON", "LOST"]
    loser = told["rules"][-1]
    assert (loser["rounded"], loser["points"], loser["multiplier"]["label"]) == (4, 0, "Doppelt")
    assert loser["lostTo"]["id"] == told["rules"][1]["id"]


async def test_anothers_entry_and_what_no_rule_gave_are_not_explained(shop: Shop) -> None:
    for customer in ("c-1", "c-2"):
        await join_member(shop.installation, shop.programme, customer)
    await order(shop.installation, shop.programme)
    own = (await entries(shop))["ACCRUAL"]
    assert (await explained(shop, own))["points"] == 10
    assert await explained(shop, own, "c-2") is None
    assert await explained(shop, own, "stranger") is None
    await give_points(shop.installation, shop.programme, "c-1", 50)
    given = (await entries(shop))["ACCRUAL"]
    assert given != own
    assert await explained(shop, given) is None
    await redeem(shop.installation, shop.programme, 20)
    assert await explained(shop, (await entries(shop))["HOLD"]) is None


async def test_what_is_no_entry_is_not_explained(shop: Shop) -> None:
    await join_member(shop.installation, shop.programme)
    own = (await entries(shop))["ACCRUAL"]
    account = own.partition("-")[0]
    for entry in (
        "",
        "-",
        account,
        f"{account}-",
        f"{account}-0",
        f"{account}-99",
        f"{account}--1",
        f"{account}-1-1",
        f"{account}-{'9' * 18}",
        f"{account}-{'9' * 30}",
        f"{account}-\N{ARABIC-INDIC DIGIT ONE}",
        f"{account}- 1",
        "x" * 90_000,
    ):
        assert await explained(shop, entry) is None, entry[:60]
    assert (await explained(shop, own))["sourceType"] == "sign_up"


async def test_points_from_before_another_currency_are_not_explained_in_it(shop: Shop) -> None:
    await join_member(shop.installation, shop.programme)
    await order(shop.installation, shop.programme)
    entry = (await entries(shop))["ACCRUAL"]
    first = entry.replace("-2", "-1")
    await redeem_everything(shop)
    for state in (ProgrammeState.EARNING_STOPPED, ProgrammeState.CLOSED):
        shop.clock.now += DAY
        await change_state(shop.installation, shop.programme.id, state, now=shop.clock())
    settings = ProgrammeSettings.from_document({}, "PLN")
    await change_currency(shop.installation, shop.programme.id, "PLN", settings, now=shop.clock())
    assert await explained(shop, entry) is None
    assert await explained(shop, first) is None


async def redeem_everything(shop: Shop) -> None:
    held = await redeem(shop.installation, shop.programme, None)
    captured = await shop.as_server(
        "mutation ($input: CaptureRedemptionInput!) { captureRedemption(input: $input) { __typename } }",
        input={"voucherCode": held.code, "idempotencyKey": "k"},
    )
    assert captured.data["captureRedemption"] == {"__typename": "CaptureRedemptionSuccess"}


async def test_staff_are_told_of_every_members_entries_by_the_rules_names(shop: Shop) -> None:
    await join_member(shop.installation, shop.programme)
    await add_rule(shop.installation, shop.programme, rule(points=3), key="pizza-day")
    await order(shop.installation, shop.programme, lines=[PIZZA])
    entry = (await entries(shop))["ACCRUAL"]
    query = "query ($entry: ID!) { explain(entry: $entry) { points rules { ruleKey ruleName points } } }"
    told = (await shop.as_staff(query, entry=entry)).data["explain"]
    assert [(it["ruleKey"], it["ruleName"]) for it in told["rules"]] == [
        ("REVENUE", None),
        ("pizza-day", "internal"),
    ]
    own = (await shop.as_customer(query, entry=entry)).data["explain"]
    assert own["points"] == told["points"]
    assert {(it["ruleKey"], it["ruleName"]) for it in own["rules"]} == {(None, None)}
    for unknown in (f"{entry[:-1]}9", "nonsense", "0" * 32 + "-1"):
        assert (await shop.as_staff(query, entry=unknown)).data["explain"] is None


async def test_staff_of_another_programme_are_told_nothing(app: Starlette, shop: Shop) -> None:
    await join_member(shop.installation, shop.programme)
    await order(shop.installation, shop.programme, lines=[PIZZA])
    other = await make_shop(app, shop.client, shop.clock)
    asked = await other.as_staff(EXPLAIN, entry=(await entries(shop))["ACCRUAL"])
    assert asked.data["explain"] is None
