"""The staff send orders by hand over HTTP: started, watched, cancelled, and read in pages."""

from typing import Any
from uuid import uuid4

import pytest
from starlette.applications import Starlette

from pointbook.domain.access import Right
from pointbook.services import order_sendings
from pointbook.services.directory import ProgrammeDirectory
from pointbook.services.keys import KeyKind, NewKey, create_key
from pointbook.services.sending_batches import run
from tests.http.fixtures import Clock, Shop, make_shop
from tests.support import NOW, join_member, order_document, violations

SIGN_UP = 100
SHOWN = """
  id state dryRun pointsAsOf createdAt createdBy documentsTotal documentsDone
  pointsEarned pointsReversed pointsGivenBack
  filter { placedFrom placedTo types statuses joinedUntil }
  documents { nodes {
    externalId isReturn outcome pointsEarned pointsReversed pointsGivenBack refusal { code message }
  } pageInfo { hasNextPage } }
"""
SEND = f"""
mutation ($input: SendOrdersInput!) {{ sendOrders(input: $input) {{
  ... on SendOrdersSuccess {{ sending {{ {SHOWN} }} }}
  ... on UserError {{ __typename code message }} ... on InvalidInput {{ field }}
}} }}
"""
CANCEL = """
mutation ($id: ID!) { cancelOrderSending(input: {id: $id}) {
  ... on CancelOrderSendingSuccess { sending { id state documentsDone } } ... on UserError { __typename code }
} }
"""
FIND = f"query ($id: ID!) {{ orderSending(id: $id) {{ {SHOWN} }} }}"
SUBMIT = "mutation ($order: OrderInput!) { submitOrder(input: {order: $order}) { __typename } }"


async def send(shop: Shop, **given: Any) -> Any:
    answer = (await shop.as_staff(SEND, input={"idempotencyKey": uuid4().hex, **given})).data["sendOrders"]
    return answer.get("sending", answer)


async def open_orders(shop: Shop, *names: str) -> None:
    """Orders of a member that wait for their status; 50 points each."""
    await join_member(shop.installation, shop.programme)
    for name in names:
        document = order_document(name, status="OPEN")
        answer = await shop.as_server(SUBMIT, order=document)
        assert answer.data["submitOrder"] == {"__typename": "SubmitOrderSuccess"}


def document(name: str, outcome: str, points: int = 0, refusal: dict[str, str] | None = None) -> dict[str, Any]:
    return {
        "externalId": name,
        "isReturn": False,
        "outcome": outcome,
        "pointsEarned": points,
        "pointsReversed": 0,
        "pointsGivenBack": 0,
        "refusal": refusal,
    }


async def test_orders_are_sent_by_one_text_of_ids_and_found_again(shop: Shop) -> None:
    await open_orders(shop, "o-1", "o-2")
    answer = await send(shop, ids="o-2, o-1,nobody")
    assert {name: answer[name] for name in ("state", "documentsTotal", "documentsDone", "pointsEarned")} == {
        "state": "DONE",
        "documentsTotal": 3,
        "documentsDone": 3,
        "pointsEarned": 100,
    }
    assert (answer["dryRun"], answer["pointsAsOf"], answer["filter"]) == (False, "NOW", None)
    assert (answer["createdAt"], answer["createdBy"][:6]) == ("2026-03-01T09:00:00Z", "STAFF:")
    refusal = {"code": "UNKNOWN", "message": "There is no order and no return document with this id."}
    assert answer["documents"]["nodes"] == [
        document("nobody", "REFUSED", refusal=refusal),
        document("o-1", "EARNED", 50),
        document("o-2", "EARNED", 50),
    ]
    assert (await shop.as_staff(FIND, id=answer["id"])).data["orderSending"] == answer
    balance = await shop.as_customer("{ me { balance { spendable } } }")
    assert balance.data["me"]["balance"]["spendable"] == SIGN_UP + 100
    assert await violations(shop.installation.db) == []


async def test_a_filter_is_told_and_a_dry_run_only_tells(shop: Shop) -> None:
    await open_orders(shop, "o-1", "o-2")
    criteria = {
        "placedFrom": "2026-03-01T00:00:00Z",
        "placedTo": "2026-03-02T00:00:00Z",
        "types": ["SALE"],
        "statuses": ["OPEN"],
        "joinedUntil": "2026-03-01T09:00:00Z",
    }
    dry = await send(shop, filter=criteria, dryRun=True, pointsAsOf="ORDER_DATE")
    assert (dry["filter"], dry["dryRun"], dry["pointsAsOf"]) == (criteria, True, "ORDER_DATE")
    assert [node["outcome"] for node in dry["documents"]["nodes"]] == ["EARNED", "EARNED"]
    real = await send(shop, filter={"statuses": ["OPEN"]})
    assert real["documents"]["nodes"] == dry["documents"]["nodes"]
    assert (await send(shop, filter={"statuses": ["OPEN"]}))["documentsTotal"] == 0


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "ids"),
        ({"filter": {}}, "ids"),
        ({"ids": []}, "ids"),
        ({"ids": ["a", "b\nc"]}, "ids[1]"),
        ({"ids": "a", "idempotencyKey": ""}, "idempotencyKey"),
        (
            {"filter": {"placedFrom": "2026-03-01T00:00:00Z", "placedTo": "2026-02-01T00:00:00Z"}},
            "filter.placedTo",
        ),
    ],
)
async def test_what_cannot_be_sent_is_refused_by_its_field(shop: Shop, given: dict[str, Any], field: str) -> None:
    answer = await send(shop, **given)
    assert (answer["code"], answer["field"]) == ("INVALID_INPUT", field)
    assert (await shop.as_staff("{ orderSendings { nodes { id } } }")).data["orderSendings"]["nodes"] == []


async def test_the_key_names_the_sending(shop: Shop) -> None:
    await open_orders(shop, "o-1", "o-2")
    first = await send(shop, ids="o-1", idempotencyKey="k")
    assert await send(shop, ids=["o-1"], idempotencyKey="k") == first
    assert (await send(shop, ids="o-2", idempotencyKey="k"))["code"] == "IDEMPOTENCY_CONFLICT"


async def test_a_long_one_is_watched_and_cancelled(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_sendings, "AT_ONCE_MAX", -1)
    await open_orders(shop, "o-1", "o-2")
    sending = await send(shop, ids="o-1,o-2")
    assert (sending["state"], sending["documentsDone"]) == ("QUEUED", 0)
    assert [node["outcome"] for node in sending["documents"]["nodes"]] == [None, None]
    cancelled = (await shop.as_staff(CANCEL, id=sending["id"])).data["cancelOrderSending"]
    assert cancelled == {"sending": {"id": sending["id"], "state": "CANCELLED", "documentsDone": 0}}
    again = await send(shop, ids="o-1,o-2")
    db = shop.installation.db
    await run(db, ProgrammeDirectory(db), shop.clock)
    found = (await shop.as_staff(FIND, id=again["id"])).data["orderSending"]
    assert (found["state"], found["pointsEarned"]) == ("DONE", 100)
    refused = (await shop.as_staff(CANCEL, id=again["id"])).data["cancelOrderSending"]
    assert refused["sending"]["state"] == "DONE"


async def test_documents_and_sendings_come_in_pages(shop: Shop) -> None:
    await open_orders(shop, "o-1", "o-2", "o-3")
    sending = (await send(shop, ids="o-1,o-2,o-3,x"))["id"]
    query = """
    query ($id: ID!, $after: String, $outcome: SendOutcome) { orderSending(id: $id) {
      documents(first: 2, after: $after, outcome: $outcome) {
        nodes { externalId } pageInfo { hasNextPage endCursor }
      }
    } }
    """
    page = (await shop.as_staff(query, id=sending)).data["orderSending"]["documents"]
    assert ([node["externalId"] for node in page["nodes"]], page["pageInfo"]["hasNextPage"]) == (
        ["x", "o-1"],
        True,
    )
    after = page["pageInfo"]["endCursor"]
    page = (await shop.as_staff(query, id=sending, after=after)).data["orderSending"]["documents"]
    assert ([node["externalId"] for node in page["nodes"]], page["pageInfo"]["hasNextPage"]) == (
        ["o-2", "o-3"],
        False,
    )
    refused = (await shop.as_staff(query, id=sending, outcome="REFUSED")).data["orderSending"]["documents"]
    assert [node["externalId"] for node in refused["nodes"]] == ["x"]
    assert (await shop.as_staff(query, id=sending, after="x")).codes == ["INVALID_INPUT"]
    shop.clock.now = NOW
    newer = (await send(shop, ids="o-1"))["id"]
    listed = (await shop.as_staff("{ orderSendings(first: 1) { nodes { id } pageInfo { endCursor } } }")).data
    cursor = listed["orderSendings"]["pageInfo"]["endCursor"]
    rest = await shop.as_staff(
        "query ($after: String) { orderSendings(after: $after) { nodes { id } } }", after=cursor
    )
    both = listed["orderSendings"]["nodes"] + rest.data["orderSendings"]["nodes"]
    assert {node["id"] for node in both} == {sending, newer}
    assert len(both) == 2


async def test_another_programmes_sending_is_none(shop: Shop, app: Starlette, clock: Clock) -> None:
    await open_orders(shop, "o-1")
    sending = (await send(shop, ids="o-1"))["id"]
    other = await make_shop(app, shop.client, clock)
    for someone, name in ((other, sending), (shop, "nonsense"), (shop, "0" * 32)):
        assert (await someone.as_staff(FIND, id=name)).data == {"orderSending": None}
        refusal = (await someone.as_staff(CANCEL, id=name)).data["cancelOrderSending"]
        assert refusal["code"] == "SENDING_NOT_FOUND"
    assert (await other.as_staff("{ orderSendings { nodes { id } } }")).data["orderSendings"]["nodes"] == []


async def test_only_staff_with_the_right_may_send(shop: Shop) -> None:
    other_rights = frozenset(Right) - {Right.SEND_ORDERS}
    key = await create_key(
        shop.installation, shop.programme.id, NewKey(KeyKind.STAFF, "Ben", rights=other_rights), now=NOW
    )
    headers = {"Authorization": f"Bearer {key.text}"}
    given = {"input": {"ids": "o-1", "idempotencyKey": "k"}}
    for query, variables in ((SEND, given), (FIND, {"id": "a"}), (CANCEL, {"id": "a"})):
        body = {"query": query, "variables": variables}
        assert (await shop.send(body, headers)).codes == ["FORBIDDEN"]
        assert (await shop.send(body, shop.server_headers)).codes == ["FORBIDDEN"]


async def test_no_sending_tells_who_somebody_is(shop: Shop) -> None:
    await join_member(shop.installation, shop.programme, "anna 1")
    await shop.as_server(SUBMIT, order=order_document("o-1", status="OPEN", customer={"externalId": "anna 1"}))
    parked = order_document(
        "o-2", customer={"externalId": "c-2", "email": "ann@example.com", "emailVerified": True}
    )
    await shop.as_server(SUBMIT, order=parked)
    answer = await send(shop, ids="o-1,o-2")
    assert [node["outcome"] for node in answer["documents"]["nodes"]] == ["EARNED", "PARKED"]
    async with shop.installation.db.bare_transaction(shop.programme.id) as connection:
        for table in ("order_sending", "order_sending_document"):
            for row in await connection.fetch(f"select t::text as row from {table} as t"):
                assert "anna" not in row["row"]
                assert "example.com" not in row["row"]
