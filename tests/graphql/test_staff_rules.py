"""The staff's face: earning rules from their creation to their end."""

import asyncio
from datetime import datetime
from typing import Any

import pytest
from starlette.applications import Starlette

from pointbook.services.stores import NewStore, add_store
from tests.graphql.staff import PIZZA, audit, change, create, earned, find, wait
from tests.http.fixtures import Clock, Shop, make_shop
from tests.support import NOW, everything, join_member


async def test_a_rule_from_its_creation_to_its_end(shop: Shop, clock: Clock) -> None:
    await join_member(shop.installation, shop.programme)
    made = await create(shop, key="pizza")
    assert (made["key"], made["state"], made["inertReason"], made["inForce"]) == (
        "pizza",
        "ACTIVE",
        "NOT_YET",
        None,
    )
    assert await earned(shop, "o-1") == 10
    wait(clock)
    assert (await find(shop, "pizza"))["inertReason"] is None
    assert await earned(shop, "o-2") == 15

    doubled = (await change(shop, "editRule", key="pizza", version=1, rule={**PIZZA, "points": 10}))["rule"]
    assert (doubled["newest"]["version"], doubled["inForce"]["rule"]["points"]) == (2, 5)
    wait(clock)
    assert await earned(shop, "o-3") == 20

    stopped = (await change(shop, "deactivateRule", key="pizza", version=2))["rule"]
    assert (stopped["state"], stopped["inertReason"]) == ("INACTIVE", None), "it gives points for 5 seconds more"
    wait(clock)
    assert (await find(shop, "pizza"))["inertReason"] == "INACTIVE"
    assert await earned(shop, "o-4") == 10
    again = (await change(shop, "activateRule", key="pizza", version=3))["rule"]
    assert (again["state"], again["newest"]["rule"]["points"]) == ("ACTIVE", 10)

    assert await change(shop, "deleteRule", "key", key="pizza", version=4) == {"key": "pizza"}
    assert await find(shop, "pizza") is None
    wait(clock)
    assert await earned(shop, "o-5") == 10
    reply = await shop.as_staff(
        '{ earningRuleVersions(key: "pizza") { nodes { version state effectiveFrom createdBy rule { points } } } }'
    )
    versions = reply.data["earningRuleVersions"]["nodes"]
    assert [(it["version"], it["state"], it["rule"]["points"]) for it in versions] == [
        (5, "DELETED", 10),
        (4, "ACTIVE", 10),
        (3, "INACTIVE", 10),
        (2, "ACTIVE", 10),
        (1, "ACTIVE", 5),
    ]
    [staff] = {it["createdBy"] for it in versions}
    assert staff.startswith("STAFF:")


async def test_every_change_is_in_the_audit_with_before_and_after_and_who(shop: Shop, clock: Clock) -> None:
    await create(shop, key="pizza")
    await change(shop, "editRule", key="pizza", version=1, rule={**PIZZA, "points": 10})
    await change(shop, "deactivateRule", key="pizza", version=2)
    entries = await audit(shop, subject="rule pizza")
    assert [(it["action"], it["label"]) for it in entries] == [
        ("RULE_DEACTIVATED", "Anna"),
        ("RULE_EDITED", "Anna"),
        ("RULE_CREATED", "Anna"),
    ]
    created, edited = entries[2], entries[1]
    assert created["before"] is None
    assert edited["before"] == created["after"]
    assert [it["rule"]["points"] for it in (edited["before"], edited["after"])] == [5, 10]
    assert datetime.fromisoformat(created["at"]) == clock.now
    [made] = [it for it in await audit(shop) if it["action"] == "PROGRAMME_CREATED"]
    assert (made["changedBy"], made["label"]) == ("operator", None)


async def test_of_two_who_change_the_same_version_the_second_is_told(shop: Shop) -> None:
    await create(shop, key="pizza")
    answers = await asyncio.gather(
        *(change(shop, "editRule", key="pizza", version=1, rule={**PIZZA, "points": n}) for n in range(10, 18))
    )
    [won] = [answer["rule"] for answer in answers if "rule" in answer]
    lost = [answer for answer in answers if "rule" not in answer]
    assert {(it["__typename"], it["code"], it["subject"], it["version"]) for it in lost} == {
        ("EditConflict", "EDIT_CONFLICT", "pizza", 2)
    }
    assert len(lost) == 7
    assert (await find(shop, "pizza"))["newest"] == won["newest"]
    for mutation in ("activateRule", "deactivateRule", "invertRuleStores"):
        assert (await change(shop, mutation, key="pizza", version=1))["code"] == "EDIT_CONFLICT"
    assert (await change(shop, "deleteRule", "key", key="pizza", version=1))["code"] == "EDIT_CONFLICT"
    assert (await create(shop, key="pizza"))["code"] == "EDIT_CONFLICT"


async def test_e14_stores_are_chosen_all_none_and_inverted(shop: Shop, clock: Clock) -> None:
    for number in range(20):
        await add_store(
            shop.installation, shop.programme.id, NewStore(f"s-{number:02}", f"Store {number}"), now=NOW
        )
    await create(shop, key="pizza")
    none = (await change(shop, "selectRuleStores", key="pizza", version=1, stores={"only": []}))["rule"]
    assert none["inertReason"] == "NO_STORE"
    two = (await change(shop, "selectRuleStores", key="pizza", version=2, stores={"only": ["s-01", "s-00"]}))[
        "rule"
    ]
    assert two["newest"]["rule"]["stores"] == {"all": False, "only": ["s-00", "s-01"]}
    others = (await change(shop, "invertRuleStores", key="pizza", version=3))["rule"]
    assert len(others["newest"]["rule"]["stores"]["only"]) == 18
    every = (await change(shop, "selectRuleStores", key="pizza", version=4, stores={"all": True}))["rule"]
    assert every["newest"]["rule"]["stores"] == {"all": True, "only": []}
    unknown = await change(shop, "selectRuleStores", key="pizza", version=5, stores={"only": ["moon"]})
    assert (unknown["code"], unknown["field"]) == ("INVALID_INPUT", "stores")
    both = await change(shop, "selectRuleStores", key="pizza", version=5, stores={"all": True, "only": []})
    assert (both["code"], both["field"]) == ("INVALID_INPUT", "stores")
    wait(clock)
    assert (await find(shop, "pizza"))["inertReason"] is None


async def test_everything_that_a_rule_says_is_shown_as_it_was_written(shop: Shop) -> None:
    cart = {
        "kind": "CART",
        "name": "weekend",
        "labels": [{"locale": "de", "text": "1 Punkt je {moneyPerPoint}"}],
        "moneyPerPoint": "2.5",
        "rounding": "FLOOR",
        "stackGroup": "revenue",
        "inclusiveOfRedeemedValue": True,
        "surchargeInBasis": True,
        "deliveryFeeInBasis": True,
        "availableAtOnce": True,
        "expiry": {"on": "2027-12-31"},
        "validFrom": "2026-03-01",
        "validUntil": "2026-12-31",
        "weekdays": ["SATURDAY", "SUNDAY"],
        "holidays": {"all": True},
        "caps": {"perOrder": 100, "perDay": 200, "perMember": {"points": 1000, "period": "MONTH"}},
    }
    shown = (await create(shop, cart))["newest"]["rule"]
    assert shown == {
        **cart,
        "points": None,
        "factor": None,
        "targets": [],
        "excludesMenus": False,
        "exclusiveVoucherTypes": [],
        "expiry": {"days": None, "on": "2027-12-31"},
        "stores": {"all": True, "only": []},
        "entryChannels": {"all": True, "only": []},
        "exitChannels": {"all": True, "only": []},
        "holidays": {"all": True, "only": []},
    }
    tripled = {"kind": "MULTIPLIER", "name": "x3", "factor": "3", "targets": ["REVENUE"]}
    assert (await create(shop, tripled))["newest"]["rule"]["factor"] == "3"
    forever = {**PIZZA, "expiry": {"never": True}, "excludesMenus": True, "exclusiveVoucherTypes": ["GIFT"]}
    shown = (await create(shop, forever))["newest"]["rule"]
    assert (shown["expiry"], shown["excludesMenus"]) == ({"days": None, "on": None}, True)


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({**PIZZA, "points": 0}, "rule.points"),
        ({**PIZZA, "points": 10**9}, "rule.points"),
        ({**PIZZA, "targets": []}, "rule.targets"),
        ({**PIZZA, "factor": "2"}, "rule.factor"),
        ({**PIZZA, "name": ""}, "rule.name"),
        ({**PIZZA, "stores": {"only": ["moon"]}}, "rule.stores"),
        ({**PIZZA, "stores": {}}, "rule.stores"),
        ({**PIZZA, "entryChannels": {"only": ["pigeon"]}}, "rule.entryChannels"),
        ({**PIZZA, "entryChannels": {"only": []}}, "rule.entryChannels"),
        ({**PIZZA, "exitChannels": {"all": False}}, "rule.exitChannels"),
        ({**PIZZA, "expiry": {}}, "rule.expiry"),
        ({**PIZZA, "expiry": {"days": 3, "never": True}}, "rule.expiry"),
        ({**PIZZA, "validFrom": "2026-03-02", "validUntil": "2026-03-01"}, "rule.validUntil"),
        ({**PIZZA, "labels": [{"locale": "de", "text": "{name}"}]}, "rule.labels.de"),
        ({**PIZZA, "labels": [{"locale": "fr", "text": "x"}]}, "rule.labels.fr"),
        ({**PIZZA, "labels": [{"locale": "de", "text": "x"}, {"locale": "de", "text": "y"}]}, "rule.labels"),
        ({**PIZZA, "caps": {"perDay": 0}}, "rule.caps.perDay"),
        ({"kind": "CART", "name": "cart"}, "rule.moneyPerPoint"),
        ({"kind": "CART", "name": "cart", "moneyPerPoint": "-1"}, "rule.moneyPerPoint"),
        ({"kind": "MULTIPLIER", "name": "m", "factor": "2", "targets": ["nobody"]}, "rule.targets"),
    ],
)
async def test_what_is_wrong_with_a_rule_is_named_as_it_was_written(
    shop: Shop, rule: dict[str, Any], field: str
) -> None:
    before = await everything(shop.installation.db, shop.programme)
    answer = await create(shop, rule)
    assert (answer["code"], answer["field"]) == ("INVALID_INPUT", field)
    assert await everything(shop.installation.db, shop.programme) == before
    await create(shop, key="pizza")
    answer = await change(shop, "editRule", key="pizza", version=1, rule=rule)
    assert answer["code"] == "INVALID_INPUT"
    assert answer["field"] == (
        field if rule["kind"] == "ARTICLE" or field == "rule.moneyPerPoint" else "rule.kind"
    )


async def test_a_rule_of_nobody_or_of_another_programme_is_not_found(
    app: Starlette, shop: Shop, clock: Clock
) -> None:
    other = await make_shop(app, shop.client, clock)
    await create(other, key="theirs")
    for key in ("theirs", "nobody's", "x" * 1000):
        assert await find(shop, key) is None
        refused = await change(shop, "editRule", key=key, version=1, rule=PIZZA)
        assert (refused["__typename"], refused["code"]) == ("RuleNotFound", "RULE_NOT_FOUND")
        reply = await shop.as_staff(
            "query ($key: ID!) { earningRuleVersions(key: $key) { nodes { version } } }", key=key
        )
        assert reply.data["earningRuleVersions"] is None


async def test_rules_are_listed_in_pages_and_by_what_they_are(shop: Shop, clock: Clock) -> None:
    for number in range(5):
        await create(shop, {**PIZZA, "name": f"rule {number}"}, active=number != 3)
    await create(shop, {"kind": "BASE", "name": "base", "points": 1})
    wait(clock)
    query = (
        "query ($first: Int!, $after: String, $matching: RuleFilterInput) {"
        " earningRules(first: $first, after: $after, matching: $matching) {"
        " nodes { newest { rule { name } } } pageInfo { hasNextPage endCursor } } }"
    )
    seen, after = [], None
    for _ in range(3):
        page = (await shop.as_staff(query, first=2, after=after)).data["earningRules"]
        seen += [node["newest"]["rule"]["name"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
    assert seen == [*(f"rule {number}" for number in range(5)), "base"]
    assert page["pageInfo"]["hasNextPage"] is False

    async def names(**matching: Any) -> list[str]:
        found = (await shop.as_staff(query, first=100, matching=matching)).data["earningRules"]["nodes"]
        return [node["newest"]["rule"]["name"] for node in found]

    assert await names(kind="BASE") == ["base"]
    assert await names(state="INACTIVE") == await names(inert=True) == ["rule 3"]
    assert len(await names(inert=False, kind="ARTICLE")) == 4
    refused = await shop.as_staff(query, first=101)
    assert refused.codes == ["INVALID_INPUT"]
    assert (await shop.as_staff(query, first=1, after="x")).codes == ["INVALID_INPUT"]
