"""What staff see of orders and returns: how each stands, every entry, and why."""

from typing import Any

from pointbook.services.redemption import Capture, capture
from tests.http.fixtures import Shop
from tests.support import DAY, NOW, give_points, join_member, order_document, redeem, server

FIGURES = "externalId state status points redeemed { amount } total { amount } occurrence customerExternalId"
ORDER = f"""
query ($id: ID!, $first: Int! = 20, $after: String) {{ order(externalId: $id) {{
  {FIGURES} pointsRedeemed statusAt placedAt reportedAt settingsVersion store
  entries(first: $first, after: $after) {{
    nodes {{
      item {{ id kind points sourceType sourceId redemptionId }} occurrence customerExternalIds
      explanation {{ points rules(first: 3) {{ kind points label }} }}
      returnDocument {{ externalId pointsGivenBack pointsReversed }}
    }}
    pageInfo {{ hasNextPage endCursor }}
  }}
  returns {{ nodes {{ externalId state occurrence effect value {{ amount }} money {{ amount }} }} }}
}} }}
"""
ORDERS = """
query ($first: Int! = 20, $after: String, $state: OrderState, $customer: ID) {
  orders(first: $first, after: $after, state: $state, customerExternalId: $customer) {
    nodes { externalId state } pageInfo { hasNextPage endCursor }
  }
}
"""
WAITING = """
query ($first: Int! = 20, $after: String, $refused: Boolean) {
  waitingReturns(first: $first, after: $after, refused: $refused) {
    nodes { externalId orderExternalId state refusal type } pageInfo { hasNextPage endCursor }
  }
}
"""
SUBMIT = """
mutation ($order: OrderInput!) { submitOrder(input: {order: $order}) {
  __typename ... on UserError { message }
} }
"""
RETURN = """
mutation ($return: ReturnInput!) { submitReturn(input: {return: $return}) {
  __typename ... on UserError { message }
} }
"""


async def submit(shop: Shop, external_id: str = "o-1", amount: str = "50.00", **more: Any) -> None:
    answer = await shop.as_server(SUBMIT, order=order_document(external_id, amount, **more))
    assert answer.data["submitOrder"]["__typename"] == "SubmitOrderSuccess", answer.json


async def take_back(shop: Shop, external_id: str, order: str = "o-1", **more: Any) -> str:
    document = {"externalId": external_id, "orderExternalId": order, "type": "RETURN", "currency": "EUR"}
    answer = await shop.as_server(RETURN, **{"return": {**document, "everything": True, **more}})
    name: str = answer.data["submitReturn"]["__typename"]
    return name


async def seen(shop: Shop, external_id: str = "o-1", **more: Any) -> Any:
    return (await shop.as_staff(ORDER, id=external_id, **more)).data["order"]


def told(order: Any) -> list[tuple[str, int, int | None]]:
    return [
        (entry["item"]["kind"], entry["item"]["points"], entry["occurrence"])
        for entry in order["entries"]["nodes"]
    ]


async def test_an_order_is_shown_with_every_entry_and_why(shop: Shop) -> None:
    await join_member(shop.installation, shop.programme)
    await give_points(shop.installation, shop.programme, "c-1", 300, now=NOW)
    voucher = await redeem(shop.installation, shop.programme, 200)
    half = {"id": "1", "amount": "25.00"}
    await submit(shop, voucherCode=voucher.code, statusAt=NOW.isoformat())
    await take_back(shop, "r-1", everything=None, lines=[half], returnedAt=(NOW + DAY).isoformat())
    order = await seen(shop)
    assert (order["state"], order["points"], order["redeemed"]["amount"], order["occurrence"]) == (
        "PARTLY_RETURNED",
        40,
        "10.00",
        1,
    )
    assert (order["customerExternalId"], order["settingsVersion"], order["store"]) == ("c-1", 1, None)
    assert order["pointsRedeemed"] == 200
    assert {tuple(entry["customerExternalIds"]) for entry in order["entries"]["nodes"]} == {("c-1",)}
    assert told(order) == [
        ("CAPTURE", -200, 1),
        ("ACCRUAL", 40, 1),
        ("GIVE_BACK", 100, 1),
        ("REVERSAL", -20, 1),
    ]
    captured, earned, given_back, reversed_ = order["entries"]["nodes"]
    assert captured["item"]["redemptionId"] == voucher.hold_id.hex
    revenue = {"kind": "CART", "points": 40, "label": "1 Punkt je 1,00\xa0€ Bestellwert"}
    assert earned["explanation"] == {"points": 40, "rules": [revenue]}
    assert captured["explanation"] is None
    document = {"externalId": "r-1", "pointsGivenBack": 100, "pointsReversed": 20}
    assert given_back["returnDocument"] == reversed_["returnDocument"] == document
    assert order["returns"]["nodes"] == [
        {
            "externalId": "r-1",
            "state": "APPLIED",
            "occurrence": 1,
            "effect": "BOTH",
            "value": {"amount": "25.00"},
            "money": {"amount": "20.00"},
        }
    ]


async def test_a_completion_after_all_came_back_is_shown_beside_the_first(shop: Shop) -> None:
    await join_member(shop.installation, shop.programme)
    await give_points(shop.installation, shop.programme, "c-1", 200, now=NOW)
    voucher = await redeem(shop.installation, shop.programme, 200)
    instants = [(NOW - number * DAY).isoformat() for number in (3, 2, 1)]
    await submit(shop, voucherCode=voucher.code, statusAt=instants[0])
    await take_back(shop, "r-1", type="CANCELLATION", everything=None, returnedAt=instants[1])
    assert (await seen(shop))["state"] == "CANCELLED"
    await submit(shop, voucherCode=voucher.code, statusAt=instants[2])
    order = await seen(shop)
    assert (order["state"], order["occurrence"], order["points"]) == ("EARNED", 2, 40)
    assert told(order) == [
        ("CAPTURE", -200, 1),
        ("ACCRUAL", 40, 1),
        ("GIVE_BACK", 200, 1),
        ("REVERSAL", -40, 1),
        ("LATE_CAPTURE", -200, 2),
        ("ACCRUAL", 40, 2),
    ]
    assert [entry["explanation"] and entry["explanation"]["points"] for entry in order["entries"]["nodes"]] == [
        None,
        40,
        None,
        None,
        None,
        40,
    ]


async def test_what_a_call_captured_belongs_to_the_order_that_carries_its_code(shop: Shop) -> None:
    await join_member(shop.installation, shop.programme)
    await give_points(shop.installation, shop.programme, "c-1", 200, now=NOW)
    voucher = await redeem(shop.installation, shop.programme, 200)
    await capture(shop.installation, server(shop.programme), Capture(voucher.code, "k"), now=NOW)
    await submit(shop, voucherCode=voucher.code)
    assert told(await seen(shop)) == [("CAPTURE", -200, 1), ("ACCRUAL", 40, 1)]


async def test_entries_come_in_pages(shop: Shop) -> None:
    await join_member(shop.installation, shop.programme)
    await submit(shop)
    for number in range(1, 4):
        await take_back(shop, f"r-{number}", everything=None, lines=[{"id": "1", "amount": "10.00"}])
    pages, after = [], None
    while True:
        entries = (await seen(shop, first=3, after=after))["entries"]
        pages.append([entry["item"]["points"] for entry in entries["nodes"]])
        after = entries["pageInfo"]["endCursor"]
        if not entries["pageInfo"]["hasNextPage"]:
            break
    assert pages == [[50, -10, -10], [-10]]


async def test_orders_are_listed_and_found_by_state_and_customer(shop: Shop) -> None:
    await join_member(shop.installation, shop.programme)
    opened: dict[str, Any] = {"status": "OPEN"}
    others: list[dict[str, Any]] = [{}, opened, {"customer": {"externalId": "c-2"}}, {}, {}, opened]
    for number, more in enumerate(others):
        await submit(shop, f"o-{number}", placedAt=(NOW - number * DAY).isoformat(), **more)
    await take_back(shop, "r-1", "o-3", everything=None, lines=[{"id": "1", "amount": "1.00"}])
    await take_back(shop, "r-2", "o-4")
    await take_back(shop, "r-3", "o-5", everything=None, type="CANCELLATION")

    async def listed(**asked: Any) -> list[str]:
        return [it["externalId"] for it in (await shop.as_staff(ORDERS, **asked)).data["orders"]["nodes"]]

    assert await listed() == [f"o-{number}" for number in range(6)]
    for state, order in (
        ("EARNED", "o-0"),
        ("RECEIVED", "o-1"),
        ("PARKED", "o-2"),
        ("PARTLY_RETURNED", "o-3"),
        ("RETURNED", "o-4"),
        ("CANCELLED", "o-5"),
    ):
        assert await listed(state=state) == [order]
    assert await listed(customer="c-2") == ["o-2"]
    assert await listed(customer="c-1") == ["o-0", "o-1", "o-3", "o-4", "o-5"]
    assert await listed(customer="nobody") == []
    first = (await shop.as_staff(ORDERS, first=4)).data["orders"]
    assert first["pageInfo"]["hasNextPage"]
    assert await listed(first=4, after=first["pageInfo"]["endCursor"]) == ["o-4", "o-5"]


async def test_returns_that_wait_are_listed_with_what_is_wrong(shop: Shop) -> None:
    await join_member(shop.installation, shop.programme)
    for number in range(3):
        await take_back(shop, f"r-{number}", f"unknown-{number}")
    await take_back(shop, "r-3", "o-1", everything=None, lines=[{"id": "1", "amount": "99.00"}])
    await submit(shop)

    async def listed(**asked: Any) -> Any:
        return (await shop.as_staff(WAITING, **asked)).data["waitingReturns"]

    assert {it["externalId"] for it in (await listed())["nodes"]} == {"r-0", "r-1", "r-2", "r-3"}
    [refused] = (await listed(refused=True))["nodes"]
    assert (refused["externalId"], refused["orderExternalId"], refused["state"]) == ("r-3", "o-1", "REFUSED")
    assert "99.00" in refused["refusal"]
    page = await listed(refused=False, first=2)
    assert page["pageInfo"]["hasNextPage"]
    rest = await listed(refused=False, first=2, after=page["pageInfo"]["endCursor"])
    assert [it["externalId"] for it in page["nodes"] + rest["nodes"]] == ["r-2", "r-1", "r-0"]
    [waiting] = (await seen(shop))["returns"]["nodes"]
    assert (waiting["state"], waiting["effect"], waiting["money"]) == ("REFUSED", None, None)


async def test_what_is_not_known_is_null_and_what_is_no_cursor_is_refused(shop: Shop) -> None:
    assert await seen(shop, "nothing") is None
    document = 'query { returnDocument(externalId: "x") { externalId } }'
    assert (await shop.as_staff(document)).data["returnDocument"] is None
    for query in (ORDERS, WAITING):
        for cursor in ("", "b3JkZXI6eA", "x" * 2_000, "b3JkZXI6MjAyNi0wMS0wMSAx"):
            answer = await shop.as_staff(query, after=cursor)
            [error] = answer.json["errors"]
            assert error["extensions"]["code"] == "INVALID_INPUT"
