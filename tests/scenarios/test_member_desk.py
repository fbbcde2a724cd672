"""Members at the staff's desk, and E39: what a locked and an inactive member may still do."""

from typing import Any

import pytest

from pointbook.domain.access import ALL_RIGHTS, Right
from pointbook.services.audit import Wanted, list_entries
from pointbook.services.joining import Join, join
from pointbook.services.keys import KeyKind, NewKey, create_key
from tests.http.statements import statements
from tests.scenarios.conftest import OpenShop
from tests.scenarios.shop import Shop, at
from tests.scenarios.test_adjustments import adjust
from tests.support import everything, give_points, redeem

RECORD = """
  id customerExternalIds email emailVerified locale joinedAt state redemptionLocked signUpPoints birthday
  notifications { optIn since }
  balance { available pending held debt spendable value { amount currency } }
"""
MEMBERS = f"""
query ($filter: MemberFilter, $sort: MemberSort! = NEWEST, $first: Int! = 20, $after: String) {{
  members(filter: $filter, sort: $sort, first: $first, after: $after) {{
    nodes {{ {RECORD} }} pageInfo {{ hasNextPage endCursor }}
  }}
}}
"""


async def members(shop: Shop, **arguments: Any) -> dict[str, Any]:
    page: dict[str, Any] = (await shop.staff(MEMBERS, **arguments))["members"]
    return page


async def restrict(shop: Shop, mutation: str, customer: str = "c-1", **what: Any) -> dict[str, Any]:
    """``setMemberState`` or ``setRedemptionLock``: what the member may do, or why nothing changed."""
    name = mutation[0].upper() + mutation[1:]
    answer = await shop.staff(
        f"mutation ($input: {name}Input!) {{ {mutation}(input: $input) {{"
        " ... on UserError { code message } ... on InvalidInput { field }"
        f" ... on {name}Success {{ standing {{ id state redemptionLocked }} }} }} }}",
        input={"customerExternalId": customer, **what},
    )
    result: dict[str, Any] = answer[mutation]
    standing: dict[str, Any] = result.get("standing", result)
    return standing


async def test_e39_a_locked_member_earns_and_an_inactive_one_does_neither(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    await shop.join()
    await give_points(shop.installation, shop.programme, "c-1", 100, now=shop.clock())
    locked = await restrict(shop, "setRedemptionLock", locked=True)
    assert (locked["state"], locked["redemptionLocked"]) == ("ACTIVE", True)
    assert (await shop.order("o-1", "10.00"))["points"] == 10
    assert (await shop.redeem(50, "100.00"))["code"] == "REDEMPTION_LOCKED"
    inactive = await restrict(shop, "setMemberState", state="INACTIVE")
    assert (inactive["state"], inactive["redemptionLocked"]) == ("INACTIVE", True)
    assert (await shop.order("o-2", "10.00"))["points"] == 0
    assert (await shop.redeem(50, "100.00"))["code"] == "MEMBER_INACTIVE"
    await restrict(shop, "setRedemptionLock", locked=False)
    assert (await shop.redeem(50, "100.00"))["code"] == "MEMBER_INACTIVE", (
        "one restriction does not lift the other"
    )
    await restrict(shop, "setMemberState", state="ACTIVE")
    assert (await shop.order("o-3", "10.00"))["points"] == 10
    assert (await shop.redeem(50, "100.00"))["state"] == "HELD"


async def test_what_a_member_may_do_is_audited_once_with_before_and_after(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    await shop.join()
    for locked in (True, True, False):
        standing = await restrict(shop, "setRedemptionLock", locked=locked)
    await restrict(shop, "setMemberState", state="INACTIVE")
    subject = f"member {standing['id']}"
    entries = await list_entries(shop.installation, shop.programme.id, first=9, wanted=Wanted(subject))
    assert [(entry.change.before, entry.change.after, entry.label) for entry in reversed(entries)] == [
        ({"state": old, "redemptionLocked": was}, {"state": new, "redemptionLocked": now}, "Anna")
        for old, was, new, now in (
            ("ACTIVE", False, "ACTIVE", True),
            ("ACTIVE", True, "ACTIVE", False),
            ("ACTIVE", False, "INACTIVE", False),
        )
    ]
    before = await everything(shop.installation.db, shop.programme)
    for end in ("MERGED", "LEFT"):
        refused = await restrict(shop, "setMemberState", state=end)
        assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "state")
    assert (await restrict(shop, "setMemberState", "nobody", state="ACTIVE"))["code"] == "NOT_A_MEMBER"
    for bad in ("", "x" * 129, "a\nb"):
        for mutation, what in (("setMemberState", {"state": "ACTIVE"}), ("setRedemptionLock", {"locked": True})):
            refused = await restrict(shop, mutation, bad, **what)
            assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "customerExternalId")
    assert await everything(shop.installation.db, shop.programme) == before


async def test_staff_see_a_member_with_balance_and_history_and_notes(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00", signUpPoints=100)
    await join(shop.installation, shop.programme.id, Join("c-1", "Clara@Example.org"), now=shop.clock())
    made = await adjust(shop, 50, description="Sorry", internalNote="parcel lost")
    await redeem(shop.installation, shop.programme, 30, now=shop.clock())
    asked = f"""{{ member(customerExternalId: "c-1") {{ {RECORD}
        history(first: 2) {{
          nodes {{ item {{ kind points held description }} adjustment {{ id internalNote madeByLabel }} }}
          pageInfo {{ hasNextPage endCursor }}
        }}
    }} }}"""
    seen = (await shop.staff(asked))["member"]
    history = seen.pop("history")
    assert seen == {
        "id": made["memberId"],
        "customerExternalIds": ["c-1"],
        "email": "clara@example.org",
        "emailVerified": False,
        "locale": None,
        "joinedAt": "2026-03-01T12:00:00Z",
        "state": "ACTIVE",
        "redemptionLocked": False,
        "signUpPoints": 100,
        "birthday": None,
        "notifications": {"optIn": False, "since": None},
        "balance": {
            "available": 120,
            "pending": 0,
            "held": 30,
            "debt": 0,
            "spendable": 120,
            "value": {"amount": "6.00", "currency": "EUR"},
        },
    }
    assert history["nodes"] == [
        {"item": {"kind": "HOLD", "points": 0, "held": 30, "description": None}, "adjustment": None},
        {
            "item": {"kind": "ADJUST", "points": 50, "held": 0, "description": "Sorry"},
            "adjustment": {"id": made["id"], "internalNote": "parcel lost", "madeByLabel": "Anna"},
        },
    ]
    assert history["pageInfo"]["hasNextPage"]
    after = history["pageInfo"]["endCursor"]
    rest = await shop.staff(
        f'{{ member(customerExternalId: "c-1") {{ history(first: 2, after: "{after}") {{'
        " nodes { item { kind points } } pageInfo { hasNextPage } } } }"
    )
    assert rest["member"]["history"] == {
        "nodes": [{"item": {"kind": "ACCRUAL", "points": 100}}],
        "pageInfo": {"hasNextPage": False},
    }
    assert (await shop.staff(f'{{ member(customerExternalId: "nobody") {{ {RECORD} }} }}'))["member"] is None


async def test_a_page_of_members_with_their_balances_is_one_statement(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00", signUpPoints=5)
    for number in range(9):
        await shop.join(f"c-{number}")
    await members(shop)
    with statements() as sent:
        page = await members(shop)
    assert [node["balance"]["available"] for node in page["nodes"]] == [5] * 9
    assert sum("ledger.balance" in statement for statement in sent) == 1
    shop.clock.now = at("2027-06-01 12:00")
    assert {node["balance"]["available"] for node in (await members(shop))["nodes"]} == {0}, "no job has run"


async def test_staff_find_members_page_by_page(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    for day, (name, email) in enumerate(
        [
            ("ann", "Ann_1@example.org"),
            ("bob", "annabel@example.org"),
            ("cy", None),
            ("ann@shop", "dora@example.org"),
        ],
        1,
    ):
        shop.clock.now = at(f"2026-03-0{day} 13:00")
        command = Join(name, email, opt_in={"bob": True, "cy": False}.get(name))
        await join(shop.installation, shop.programme.id, command, now=shop.clock())
    await restrict(shop, "setMemberState", "bob", state="INACTIVE")
    await restrict(shop, "setRedemptionLock", "cy", locked=True)

    async def found(**arguments: Any) -> list[str]:
        return [node["customerExternalIds"][0] for node in (await members(shop, **arguments))["nodes"]]

    assert await found() == ["ann@shop", "cy", "bob", "ann"]
    assert await found(sort="OLDEST") == ["ann", "bob", "cy", "ann@shop"]
    for filtering, names in (
        ({"search": "ann"}, ["bob", "ann"]),
        ({"search": "ANN"}, ["bob", "ann"]),
        ({"search": "ann_"}, ["ann"]),
        ({"search": "ann%"}, []),
        ({"search": "\\"}, []),
        ({"search": "ann@shop"}, ["ann@shop"]),
        ({"search": "cy"}, ["cy"]),
        ({"search": "nobody"}, []),
        ({"state": "INACTIVE"}, ["bob"]),
        ({"redemptionLocked": True}, ["cy"]),
        ({"redemptionLocked": False, "state": "ACTIVE"}, ["ann@shop", "ann"]),
        ({"optedIn": True}, ["bob"]),
        ({"optedIn": False}, ["ann@shop", "cy", "ann"]),
        ({"state": "LEFT"}, []),
        ({"joinedFrom": "2026-03-02T13:00:00Z", "joinedTo": "2026-03-04T13:00:00Z"}, ["cy", "bob"]),
    ):
        assert await found(filter=filtering) == names, filtering
    ids = {node["customerExternalIds"][0]: node["id"] for node in (await members(shop))["nodes"]}
    assert await found(filter={"search": ids["bob"]}) == ["bob"], "the id that the audit and events tell"
    for sort, last in (("NEWEST", ["ann"]), ("OLDEST", ["ann@shop"])):
        first = await members(shop, sort=sort, first=3)
        assert first["pageInfo"]["hasNextPage"]
        assert await found(sort=sort, first=3, after=first["pageInfo"]["endCursor"]) == last


@pytest.mark.parametrize(
    "arguments",
    [
        {"first": 101},
        {"first": -1},
        {"after": "x"},
        {"filter": {"search": ""}},
        {"filter": {"search": "x" * 255}},
        {"filter": {"joinedFrom": "2026-03-02T13:00:00Z", "joinedTo": "2026-03-02T13:00:00Z"}},
    ],
    ids=str,
)
async def test_questions_that_cannot_be_are_refused(opened: OpenShop, arguments: dict[str, Any]) -> None:
    shop = await opened("2026-03-01 12:00")
    headers = {"Authorization": f"Bearer {shop.staff_key}"}
    answer = await shop.client.post("/graphql", headers=headers, json={"query": MEMBERS, "variables": arguments})
    assert [error["extensions"]["code"] for error in answer.json()["errors"]] == ["INVALID_INPUT"]


async def test_a_cursor_of_the_other_order_is_refused(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    await shop.join()
    cursor = (await members(shop))["pageInfo"]["endCursor"]
    body = {"query": MEMBERS, "variables": {"sort": "OLDEST", "after": cursor}}
    headers = {"Authorization": f"Bearer {shop.staff_key}"}
    answer = (await shop.client.post("/graphql", headers=headers, json=body)).json()
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["INVALID_INPUT"]


async def test_who_may_only_edit_sees_no_members(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    ben = NewKey(KeyKind.STAFF, "Ben", rights=ALL_RIGHTS - {Right.LIST_MEMBERS})
    key = await create_key(shop.installation, shop.programme.id, ben, now=shop.clock())
    headers = {"Authorization": f"Bearer {key.text}"}
    answer = (await shop.client.post("/graphql", headers=headers, json={"query": MEMBERS})).json()
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
