"""The staff's face: earning rules, settings, states and the audit, over HTTP with a key of their own."""

import asyncio
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from graphql import GraphQLUnionType
from starlette.applications import Starlette

from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.graphql.inputs import camel
from pointbook.graphql.schema import build_schema
from pointbook.graphql.settings import SETTINGS
from pointbook.services.stores import NewStore, add_store
from tests.http.fixtures import Clock, Shop, make_shop
from tests.support import DAY, NOW, everything, join_member, order_document

_IN_FORCE = timedelta(seconds=5)
_REFUSALS = {"InvalidInput": "field", "EditConflict": "subject version", "RuleNotFound": "key"}
_SCHEMA = build_schema()
_RULE = """
  key state inertReason
  inForce { version rule { points } }
  newest {
    version effectiveFrom state
    rule {
      kind name labels { locale text } points moneyPerPoint factor targets rounding stackGroup excludesMenus
      exclusiveVoucherTypes inclusiveOfRedeemedValue surchargeInBasis deliveryFeeInBasis availableAtOnce
      expiry { days on } stores { all only } entryChannels { all only } exitChannels { all only }
      validFrom validUntil weekdays holidays { all only }
      caps { perOrder perDay perMember { points period } }
    }
  }
"""
PIZZA = {"kind": "ARTICLE", "name": "pizza, Anna's idea", "points": 5, "targets": ["pizza"]}


async def change(shop: Shop, mutation: str, selection: str | None = None, **given: Any) -> Any:
    """The answer to a mutation: its success, or its refusal with ``__typename``."""
    name = mutation[0].upper() + mutation[1:]
    shown = f"rule {{ {_RULE} }}" if selection is None else selection
    union = cast("GraphQLUnionType", _SCHEMA._schema.get_type(f"{name}Result"))
    refusals = " ".join(
        f"... on {kind.name} {{ {_REFUSALS[kind.name]} }}" for kind in union.types if kind.name in _REFUSALS
    )
    reply = await shop.as_staff(
        f"mutation ($input: {name}Input!) {{ {mutation}(input: $input) {{"
        f" ... on UserError {{ __typename code message }} {refusals} ... on {name}Success {{ {shown} }} }} }}",
        input=given,
    )
    return reply.data[mutation]


async def create(shop: Shop, rule: dict[str, Any] | None = None, **more: Any) -> Any:
    answer = await change(shop, "createRule", rule=rule or PIZZA, **more)
    return answer.get("rule", answer)


async def find(shop: Shop, key: str) -> Any:
    reply = await shop.as_staff(f"query ($key: ID!) {{ earningRule(key: $key) {{ {_RULE} }} }}", key=key)
    return reply.data["earningRule"]


async def audit(shop: Shop, **wanted: Any) -> list[dict[str, Any]]:
    reply = await shop.as_staff(
        "query ($filter: AuditFilter) { auditEntries(filter: $filter) {"
        " nodes { at changedBy label action subject before after } } }",
        filter=wanted,
    )
    entries: list[dict[str, Any]] = reply.data["auditEntries"]["nodes"]
    return entries


def wait(clock: Clock, time: timedelta = _IN_FORCE) -> None:
    clock.now += time


async def earned(shop: Shop, order: str) -> int:
    document = order_document(
        order, "10.00", lines=[{"id": "1", "articleId": "pizza", "quantity": 1, "amount": "10.00"}]
    )
    reply = await shop.as_server(
        "mutation ($order: OrderInput!) {"
        " submitOrder(input: {order: $order}) { ... on SubmitOrderSuccess { points } } }",
        order=document,
    )
    points: int = reply.data["submitOrder"]["points"]
    return points


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


_SETTINGS = "version effectiveFrom settings { valuePerPoint holdMinutes signUpFrom waitingTime { count unit } }"


async def test_settings_are_changed_from_an_instant_on(shop: Shop, clock: Clock) -> None:
    changed = await change(
        shop, "changeSettings", f"newest {{ {_SETTINGS} }}", version=1, settings={"valuePerPoint": "0.04"}
    )
    assert changed["newest"]["version"] == 2
    assert changed["newest"]["settings"]["valuePerPoint"] == "0.04"
    assert datetime.fromisoformat(changed["newest"]["effectiveFrom"]) == clock.now + _IN_FORCE
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
    assert answer == {"newest": {"version": 3}}
    assert (await shop.as_staff(query)).data["settings"]["newest"]["settings"] == newest["settings"]


async def test_e38_earning_stops_closing_waits_for_the_last_point_and_the_programme_reopens(
    shop: Shop, clock: Clock
) -> None:
    await join_member(shop.installation, shop.programme)
    assert await earned(shop, "o-1") == 10
    stopped = await change(shop, "changeProgrammeState", "programme { state }", state="EARNING_STOPPED")
    assert stopped == {"programme": {"state": "EARNING_STOPPED"}}
    await create(shop, key="pizza")
    wait(clock, timedelta(minutes=1))
    assert (await find(shop, "pizza"))["inertReason"] == "PROGRAMME_STOPPED"
    assert await earned(shop, "o-2") == 0
    refused = await change(shop, "changeProgrammeState", "programme { state }", state="CLOSED")
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "state")
    assert "110 points are still outstanding" in refused["message"]
    reopened = await change(shop, "changeProgrammeState", "programme { state }", state="ACTIVE")
    assert reopened == {"programme": {"state": "ACTIVE"}}
    assert await earned(shop, "o-3") == 15
    back = await change(shop, "changeProgrammeState", "programme { state }", state="DRAFT")
    assert back["code"] == "INVALID_INPUT"
    states = [(it["before"]["state"], it["after"]["state"]) for it in (await audit(shop, subject="programme"))[:2]]
    assert states == [("EARNING_STOPPED", "ACTIVE"), ("ACTIVE", "EARNING_STOPPED")]


async def test_languages_are_added_put_in_order_and_taken_away_while_no_text_is_in_them(shop: Shop) -> None:
    tags = shop.programme.locales

    async def to(*locales: str) -> Any:
        answer = await change(shop, "changeProgrammeLocales", "programme { locales }", locales=list(locales))
        return answer["programme"]["locales"] if "programme" in answer else answer

    assert await to(*tags, "pl", "pl") == [*tags, "pl"]
    assert await to("pl", *tags) == ["pl", *tags]
    label = {**PIZZA, "labels": [{"locale": "pl", "text": "Pizza"}]}
    await create(shop, label, key="pizza")
    refused = await to(*tags)
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "locales")
    assert "must have pl, in which the rule" in refused["message"]
    offer = {"sku": "mug", "names": [{"locale": "pl", "text": "Kubek"}], "pricePoints": 9}
    await change(shop, "saveExchangeItem", "item { sku }", **offer)
    refused = await to(*tags, "pl")
    assert "must have a name in" in refused["message"]
    for wrong in ((), ("english",)):
        assert (await to(*wrong))["field"] == "locales"
    assert await to("pl", *tags) == ["pl", *tags]
    entries = [entry for entry in await audit(shop, subject="programme") if entry["action"] == "LOCALES_CHANGED"]
    assert [entry["after"]["locales"] for entry in entries] == [["pl", *tags], [*tags, "pl"]]


async def test_a_store_that_is_switched_off_earns_nothing(shop: Shop, clock: Clock) -> None:
    await join_member(shop.installation, shop.programme)
    await add_store(shop.installation, shop.programme.id, NewStore("s-1", "Mitte"), now=NOW)
    off = await change(shop, "switchStore", "switched { id active }", storeId="s-1", active=False)
    assert off == {"switched": {"id": "s-1", "active": False}}
    await create(shop, {**PIZZA, "stores": {"only": ["s-1"]}}, key="pizza")
    wait(clock)
    assert (await find(shop, "pizza"))["inertReason"] == "NO_STORE"
    unknown = await change(shop, "switchStore", "switched { id }", storeId="moon", active=False)
    assert (unknown["__typename"], unknown["code"]) == ("UnknownStore", "UNKNOWN_STORE")
    [entry] = [it for it in await audit(shop, subject="store s-1") if it["action"] == "STORE_SWITCHED"]
    assert (entry["before"], entry["after"], entry["label"]) == ({"active": True}, {"active": False}, "Anna")
