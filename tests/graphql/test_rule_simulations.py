"""The staff try rules out over HTTP: started, watched, cancelled, and read in pages."""

from typing import Any

import pytest
from starlette.applications import Starlette

from pointbook.domain.access import Right
from pointbook.services import rule_simulations
from pointbook.services.directory import ProgrammeDirectory
from pointbook.services.keys import KeyKind, NewKey, create_key
from pointbook.services.simulation_batches import run
from tests.http.fixtures import Clock, Shop, make_shop
from tests.rules.shop import LONG_BEFORE, add_rule, pizzas, rule
from tests.support import NOW, join_member, order_document

PERIOD = {"placedFrom": "2026-02-01T00:00:00Z", "placedTo": "2026-04-01T00:00:00Z"}
DOUBLED = {"kind": "ARTICLE", "name": "pizza, twice", "points": 10, "targets": ["pizza"]}
SHOWN = """
  id state key version ruleState rule { name points } placedFrom placedTo createdAt createdBy
  ordersTotal ordersDone ordersChanged membersChanged pointsBefore pointsAfter difference
  byRule { key name difference } failure
  members { nodes { id externalId ordersChanged pointsBefore pointsAfter difference } pageInfo { hasNextPage } }
  orders { nodes { externalId placedAt memberId memberExternalId pointsBefore pointsAfter difference } }
"""
START = f"""
mutation ($input: SimulateRuleInput!) {{ simulateRule(input: $input) {{
  ... on SimulateRuleSuccess {{ simulation {{ {SHOWN} }} }}
  ... on UserError {{ __typename code message }} ... on InvalidInput {{ field }} ... on RuleNotFound {{ key }}
  ... on TooManySimulations {{ maximum }}
}} }}
"""
CANCEL = """
mutation ($id: ID!) { cancelRuleSimulation(input: {id: $id}) {
  ... on CancelRuleSimulationSuccess { simulation { id state ordersDone } } ... on UserError { __typename code }
} }
"""
FIND = f"query ($id: ID!) {{ ruleSimulation(id: $id) {{ {SHOWN} }} }}"


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every simulation waits for a worker."""
    monkeypatch.setattr(rule_simulations, "AT_ONCE_MAX", -1)


async def start(shop: Shop, **given: Any) -> Any:
    answer = (await shop.as_staff(START, input={**PERIOD, **given})).data["simulateRule"]
    return answer.get("simulation", answer)


async def sold(shop: Shop, orders: dict[str, int]) -> None:
    """A pizza is worth 5 points more than its price; orders of so many pizzas, each of a member of its own."""
    await add_rule(shop.installation, shop.programme, key="pizza")
    submit = "mutation ($order: OrderInput!) { submitOrder(input: {order: $order}) { __typename } }"
    for order, number in orders.items():
        await join_member(shop.installation, shop.programme, f"c {order}", now=LONG_BEFORE)
        document = pizzas(order, number, customer_id=f"c {order}")
        assert (await shop.as_server(submit, order=document)).data["submitOrder"] == {
            "__typename": "SubmitOrderSuccess"
        }


async def test_a_doubled_rule_is_answered_at_once_and_found_again(shop: Shop) -> None:
    await sold(shop, {"o-1": 1, "o-2": 3})
    answer = await start(shop, key="pizza", rule=DOUBLED)
    figures = {name: answer[name] for name in ("state", "ordersTotal", "ordersDone", "ordersChanged")}
    assert figures == {"state": "DONE", "ordersTotal": 2, "ordersDone": 2, "ordersChanged": 2}
    assert (answer["pointsBefore"], answer["pointsAfter"], answer["difference"]) == (60, 80, 20)
    assert answer["byRule"] == [{"key": "pizza", "name": "internal", "difference": 20}]
    assert (answer["key"], answer["version"], answer["ruleState"]) == ("pizza", None, "ACTIVE")
    assert (answer["rule"], answer["failure"]) == ({"name": "pizza, twice", "points": 10}, None)
    assert (answer["placedFrom"], answer["placedTo"]) == tuple(PERIOD.values())
    assert (answer["createdAt"], answer["createdBy"][:6]) == ("2026-03-01T09:00:00Z", "STAFF:")
    members = answer["members"]["nodes"]
    assert [(it["externalId"], it["pointsBefore"], it["pointsAfter"]) for it in members] == [
        ("c o-2", 45, 60),
        ("c o-1", 15, 20),
    ]
    orders = answer["orders"]["nodes"]
    assert [(it["externalId"], it["memberExternalId"], it["difference"]) for it in orders] == [
        ("o-2", "c o-2", 15),
        ("o-1", "c o-1", 5),
    ]
    assert [it["memberId"] for it in orders] == [it["id"] for it in members]
    assert (await shop.as_staff(FIND, id=answer["id"])).data["ruleSimulation"] == answer


async def test_a_new_rule_has_a_key_of_its_own_and_its_name(shop: Shop) -> None:
    await sold(shop, {"o-1": 2})
    answer = await start(shop, rule={"kind": "BASE", "name": "for every order", "points": 3})
    assert answer["byRule"] == [{"key": answer["key"], "name": "for every order", "difference": 3}]
    cart = {"kind": "CART", "name": "more", "moneyPerPoint": "0.50", "stackGroup": "revenue"}
    answer = await start(shop, rule=cart)
    assert answer["byRule"] == [
        {"key": answer["key"], "name": "more", "difference": 40},
        {"key": "REVENUE", "name": None, "difference": -20},
    ]


@pytest.mark.parametrize(
    ("given", "difference"),
    [({"version": 1}, 0), ({"state": "INACTIVE"}, -5), ({"state": "DELETED"}, -5), ({"state": "ACTIVE"}, 0)],
)
async def test_a_version_or_a_state_of_a_rule(shop: Shop, given: dict[str, Any], difference: int) -> None:
    await sold(shop, {"o-1": 1})
    answer = await start(shop, key="pizza", **given)
    assert (answer["difference"], answer["version"]) == (difference, given.get("version"))
    assert answer["ruleState"] == given.get("state", "ACTIVE")


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"key": "nobody", "rule": DOUBLED}, {"code": "RULE_NOT_FOUND", "key": "nobody"}),
        ({"key": "pizza", "version": 9}, {"code": "RULE_NOT_FOUND", "key": "pizza"}),
        ({"key": "pizza"}, {"code": "INVALID_INPUT", "field": "state"}),
        ({}, {"code": "INVALID_INPUT", "field": "rule"}),
        ({"rule": {**DOUBLED, "points": 0}}, {"code": "INVALID_INPUT", "field": "rule.points"}),
        ({"rule": {**DOUBLED, "stores": {}}}, {"code": "INVALID_INPUT", "field": "rule.stores"}),
        ({"rule": DOUBLED, "placedTo": PERIOD["placedFrom"]}, {"code": "INVALID_INPUT", "field": "placedTo"}),
    ],
)
async def test_what_is_wrong_is_named_as_it_was_written(
    shop: Shop, given: dict[str, Any], refusal: dict[str, str]
) -> None:
    await sold(shop, {})
    answer = await start(shop, **given)
    assert {name: answer[name] for name in refusal} == refusal


@pytest.mark.usefixtures("queued")
async def test_a_long_one_waits_for_a_worker_is_watched_and_can_be_cancelled(shop: Shop) -> None:
    await sold(shop, {"o-1": 1, "o-2": 3})
    first, second, third = [await start(shop, key="pizza", rule=DOUBLED) for _ in range(3)]
    assert (first["state"], first["ordersTotal"], first["ordersDone"]) == ("QUEUED", 2, 0)
    full = await start(shop, key="pizza", rule=DOUBLED)
    assert (full["__typename"], full["maximum"]) == ("TooManySimulations", 3)
    for _ in range(2):
        cancelled = (await shop.as_staff(CANCEL, id=second["id"])).data["cancelRuleSimulation"]
        assert cancelled == {"simulation": {"id": second["id"], "state": "CANCELLED", "ordersDone": 0}}
    database = shop.installation.db
    await run(database, ProgrammeDirectory(database))
    listed = (await shop.as_staff("{ ruleSimulations { nodes { id state difference } } }")).data["ruleSimulations"]
    assert {it["id"]: (it["state"], it["difference"]) for it in listed["nodes"]} == {
        first["id"]: ("DONE", 20),
        second["id"]: ("CANCELLED", 0),
        third["id"]: ("DONE", 20),
    }
    done = (await shop.as_staff(CANCEL, id=first["id"])).data["cancelRuleSimulation"]
    assert done["simulation"]["state"] == "DONE"


async def test_lists_come_in_pages(shop: Shop, clock: Clock) -> None:
    await sold(shop, {f"o-ö{number}": number for number in range(1, 6)})
    simulations = []
    for _ in range(3):
        simulations.append((await start(shop, key="pizza", rule=DOUBLED))["id"])
        clock.now += (clock.now - NOW) or (NOW - LONG_BEFORE) / 1000
    pages = {
        "members": ("externalId", [f"c o-ö{number}" for number in (5, 4, 3, 2, 1)]),
        "orders": ("externalId", [f"o-ö{number}" for number in (5, 4, 3, 2, 1)]),
    }
    page_info = "pageInfo { hasNextPage hasPreviousPage endCursor }"
    for field, (name, expected) in pages.items():
        query = (
            f"query ($id: ID!, $after: String) {{ ruleSimulation(id: $id) {{"
            f" {field}(first: 2, after: $after) {{ nodes {{ {name} }} {page_info} }} }} }}"
        )
        seen, after = [], None
        for has_next in (True, True, False):
            reply = await shop.as_staff(query, id=simulations[0], after=after)
            page = reply.data["ruleSimulation"][field]
            assert page["pageInfo"]["hasNextPage"] is has_next
            assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
            seen += [node[name] for node in page["nodes"]]
            after = page["pageInfo"]["endCursor"]
        assert seen == expected
        for wrong in ("x", "", after[:-1] if after else "", "c2ltdWxhdGVkLW1lbWJlcjo", "c2ltdWxhdGlvbjp4"):
            assert (await shop.as_staff(query, id=simulations[0], after=wrong)).codes == ["INVALID_INPUT"]
        too_many = query.replace("first: 2", "first: 101")
        assert "errors" in (await shop.as_staff(too_many, id=simulations[0])).json
    query = (
        f"query ($after: String) {{ ruleSimulations(first: 2, after: $after) {{ nodes {{ id }} {page_info} }} }}"
    )
    newest = (await shop.as_staff(query)).data["ruleSimulations"]
    assert [node["id"] for node in newest["nodes"]] == simulations[:0:-1]
    last = (await shop.as_staff(query, after=newest["pageInfo"]["endCursor"])).data["ruleSimulations"]
    assert ([node["id"] for node in last["nodes"]], last["pageInfo"]["hasNextPage"]) == (simulations[:1], False)
    assert (await shop.as_staff(query, after="x")).codes == ["INVALID_INPUT"]


async def test_another_programmes_simulation_is_none(shop: Shop, app: Starlette, clock: Clock) -> None:
    await sold(shop, {"o-1": 1})
    simulation = (await start(shop, key="pizza", rule=DOUBLED))["id"]
    other = await make_shop(app, shop.client, clock)
    for someone, name in ((other, simulation), (shop, "nonsense"), (shop, "0" * 32)):
        assert (await someone.as_staff(FIND, id=name)).data == {"ruleSimulation": None}
        refusal = (await someone.as_staff(CANCEL, id=name)).data["cancelRuleSimulation"]
        assert refusal["code"] == "SIMULATION_NOT_FOUND"
    assert (await other.as_staff("{ ruleSimulations { nodes { id } } }")).data["ruleSimulations"]["nodes"] == []


async def test_who_may_see_simulations_may_not_start_them(shop: Shop) -> None:
    await sold(shop, {"o-1": 1})
    simulation = (await start(shop, key="pizza", rule=DOUBLED))["id"]
    reader = await create_key(
        shop.installation,
        shop.programme.id,
        NewKey(KeyKind.STAFF, "Ben", rights=frozenset({Right.LIST_PROVISION})),
        now=NOW,
    )
    headers = {"Authorization": f"Bearer {reader.text}"}
    found = await shop.send({"query": FIND, "variables": {"id": simulation}}, headers)
    assert found.data["ruleSimulation"]["id"] == simulation
    given = {**PERIOD, "key": "pizza", "version": 1}
    for query, variables in ((START, {"input": given}), (CANCEL, {"id": simulation})):
        assert (await shop.send({"query": query, "variables": variables}, headers)).codes == ["FORBIDDEN"]


async def test_no_simulation_tells_who_somebody_is(shop: Shop) -> None:
    await add_rule(shop.installation, shop.programme, rule("BASE", 5), key="base")
    join = "mutation { join(input: {acceptTerms: true}) { __typename } }"
    await shop.as_customer(join, customer="clara 1")
    submit = "mutation ($order: OrderInput!) { submitOrder(input: {order: $order}) { __typename } }"
    customer = {"externalId": "clara 1", "email": "ann@example.com"}
    await shop.as_server(submit, order=order_document(customer=customer))
    answer = await start(shop, key="base", state="INACTIVE")
    assert answer["ordersChanged"] == 1
    assert "ann" not in str(answer)
    async with shop.installation.db.bare_transaction(shop.programme.id) as connection:
        for table in ("rule_simulation", "rule_simulation_order", "rule_simulation_member"):
            for row in await connection.fetch(f"select t::text as row from {table} as t"):
                assert "clara" not in row["row"]
