"""R31 and E36 through the API: staff give and take points by hand, and take that back."""

import asyncio
from collections import Counter
from typing import Any
from uuid import uuid4

import pytest

from pointbook.domain.access import ALL_RIGHTS, Right
from pointbook.services.audit import Action, Wanted, list_entries
from pointbook.services.directory import ProgrammeState
from pointbook.services.keys import KeyKind, NewKey, create_key
from pointbook.services.members import MemberState, set_redemption_lock, set_state
from pointbook.services.programmes import SETTLING, change_state
from tests.http.statements import statements
from tests.scenarios.conftest import OpenShop
from tests.scenarios.shop import Shop, at
from tests.support import everything, give_points, outbox, topics

ADJUSTMENT = """
  id memberId customerExternalIds entry at points description internalNote madeBy madeByLabel undoesId undoneById
"""
REFUSALS = """
  ... on UserError { code message } ... on InvalidInput { field } ... on InsufficientPoints { requested available }
  ... on AdjustmentAboveLimit { maximumPoints }
"""
ADJUST = f"""
mutation ($input: AdjustPointsInput!) {{ adjustPoints(input: $input) {{
  {REFUSALS} ... on AdjustPointsSuccess {{ adjustment {{ {ADJUSTMENT} }} }}
}} }}
"""
UNDO = f"""
mutation ($input: UndoAdjustmentInput!) {{ undoAdjustment(input: $input) {{
  {REFUSALS} ... on AdjustmentUndone {{ undoneBy }}
  ... on UndoAdjustmentSuccess {{ adjustment {{ {ADJUSTMENT} }} }}
}} }}
"""
LIST = f"""
query ($filter: AdjustmentFilter, $first: Int! = 20, $after: String) {{
  adjustments(filter: $filter, first: $first, after: $after) {{
    nodes {{ {ADJUSTMENT} }} pageInfo {{ hasNextPage endCursor }}
  }}
}}
"""


async def opened_with(opened: OpenShop, points: int, **settings: Any) -> Shop:
    """A member with so many points."""
    shop = await opened("2026-03-01 12:00", **settings)
    await shop.join()
    if points:
        await give_points(shop.installation, shop.programme, "c-1", points, now=shop.clock())
    return shop


async def adjust(shop: Shop, points: int, **more: Any) -> dict[str, Any]:
    """The adjustment, or why there is none."""
    given = {"customerExternalId": "c-1", "description": "Goodwill", "idempotencyKey": uuid4().hex, **more}
    answer = (await shop.staff(ADJUST, input={"points": points, **given}))["adjustPoints"]
    found: dict[str, Any] = answer.get("adjustment", answer)
    return found


async def undo(shop: Shop, adjustment: str, **more: Any) -> dict[str, Any]:
    answer = (await shop.staff(UNDO, input={"id": adjustment, **more}))["undoAdjustment"]
    found: dict[str, Any] = answer.get("adjustment", answer)
    return found


async def figures(shop: Shop) -> tuple[int, int, int]:
    """Available, pending, debt."""
    balance = await shop.balance()
    return balance["available"], balance["pending"], balance["debt"]


def ended(answers: list[dict[str, Any]]) -> Counter[str]:
    return Counter(answer.get("code", "OK") for answer in answers)


async def test_e36_a_minus_beyond_the_balance_is_refused_unless_it_may_be_a_debt(opened: OpenShop) -> None:
    shop = await opened_with(opened, 30)
    before = await everything(shop.installation.db, shop.programme)
    refused = await adjust(shop, -50)
    assert (refused["code"], refused["requested"], refused["available"]) == ("INSUFFICIENT_POINTS", 50, 30)
    assert await everything(shop.installation.db, shop.programme) == before
    taken = await adjust(shop, -50, allowNegative=True)
    assert taken["points"] == -50
    assert await figures(shop) == (0, 0, 20)
    await adjust(shop, 50)
    assert await figures(shop) == (30, 0, 0)


async def test_r31_a_plus_is_available_at_once_with_the_standard_expiry(opened: OpenShop) -> None:
    shop = await opened_with(opened, 0, waitingTime={"days": 14}, expiry={"days": 60})
    made = await adjust(shop, 50)
    assert await figures(shop) == (50, 0, 0)
    batches = (await shop.me("expiringPoints(days: 365) { points lastDay }"))["expiringPoints"]
    assert batches == [{"points": 50, "lastDay": "2026-04-30"}]
    assert (made["points"], made["at"], made["customerExternalIds"]) == (50, "2026-03-01T12:00:00Z", ["c-1"])
    assert (made["madeBy"].split(":")[0], made["madeByLabel"]) == ("STAFF", "Anna")


async def test_r31_a_plus_begins_and_ends_as_stated(opened: OpenShop) -> None:
    shop = await opened_with(opened, 0)
    await adjust(shop, 50, expiresOn="2026-03-20", availableFrom="2026-03-05T12:00:00Z")
    assert await figures(shop) == (0, 50, 0)
    shop.clock.now = at("2026-03-05 12:00")
    assert await figures(shop) == (50, 0, 0)
    shop.clock.now = at("2026-03-20 22:59:59")
    assert await figures(shop) == (50, 0, 0)
    shop.clock.now = at("2026-03-20 23:00")
    assert await figures(shop) == (0, 0, 0)


async def test_r31_a_beginning_that_has_passed_counts_as_now(opened: OpenShop) -> None:
    shop = await opened_with(opened, 0)
    await adjust(shop, 50, availableFrom="2026-02-01T12:00:00Z")
    assert await figures(shop) == (50, 0, 0)


async def test_r15_a_minus_is_taken_from_what_expires_first(opened: OpenShop) -> None:
    shop = await opened_with(opened, 0)
    await adjust(shop, 40, expiresOn="2026-12-31")
    await adjust(shop, 30, expiresOn="2026-06-30")
    await adjust(shop, -50)
    batches = (await shop.me("expiringPoints(days: 365) { points lastDay }"))["expiringPoints"]
    assert batches == [{"points": 20, "lastDay": "2026-12-31"}]


async def test_r31_the_member_sees_the_description_and_never_the_note(opened: OpenShop) -> None:
    shop = await opened_with(opened, 30)
    await shop.order("o-1", "10.00")
    plus = await adjust(shop, 50, description="Sorry for the delay", internalNote="parcel lost,\ncase 7")
    minus = await adjust(shop, -5, description="Correction")
    assert (plus["internalNote"], minus["internalNote"]) == ("parcel lost,\ncase 7", None)
    with statements() as sent:
        history = (await shop.me("history(first: 9) { nodes { id kind points description } }"))["history"]["nodes"]
    told = [(item["kind"], item["points"], item["description"]) for item in history]
    assert told[:2] == [("ADJUST", -5, "Correction"), ("ADJUST", 50, "Sorry for the delay")]
    assert {description for _, _, description in told[2:]} == {None}
    assert [item["id"] for item in history[:2]] == [minus["entry"], plus["entry"]]
    assert sum("from adjustment" in statement for statement in sent) == 1, "one query for the page"
    older = await shop.me("history(first: 1) { pageInfo { endCursor } }")
    after = older["history"]["pageInfo"]["endCursor"]
    page = await shop.me(f'history(first: 1, after: "{after}") {{ nodes {{ description }} }}')
    assert page["history"]["nodes"] == [{"description": "Sorry for the delay"}]
    with statements() as sent:
        await shop.me("history(first: 9) { nodes { kind points } }")
    assert not any("from adjustment" in statement for statement in sent), "nobody asked"
    schema = await shop.staff('{ __type(name: "HistoryItem") { fields { name } } }')
    assert "internalNote" not in {field["name"] for field in schema["__type"]["fields"]}


async def test_i11_an_adjustment_is_told_and_audited_in_its_transaction_without_its_words(
    opened: OpenShop,
) -> None:
    shop = await opened_with(opened, 30)
    made = await adjust(shop, -10, description="Secret words", internalNote="more of them")
    undone = await undo(shop, made["id"])
    messages = [(topic, payload) for topic, payload in await outbox(shop.installation.db, shop.programme)]
    told = {"account": made["memberId"], "entry": made["entry"], "adjustment": made["id"], "points": -10}
    back = {
        "account": made["memberId"],
        "entry": undone["entry"],
        "adjustment": undone["id"],
        "points": 10,
        "undoes": made["id"],
    }
    assert messages[-2:] == [("points.adjusted", told), ("points.adjusted", back)]
    entries = await list_entries(
        shop.installation, shop.programme.id, first=9, wanted=Wanted(f"member {made['memberId']}")
    )
    assert [(entry.change.action, entry.change.after, entry.label) for entry in entries] == [
        (Action.POINTS_ADJUSTED, {"adjustment": undone["id"], "points": 10, "undoes": made["id"]}, "Anna"),
        (Action.POINTS_ADJUSTED, {"adjustment": made["id"], "points": -10}, "Anna"),
    ]


async def test_r31_what_a_member_may_do_is_no_matter(opened: OpenShop) -> None:
    shop = await opened_with(opened, 30)
    whose = shop.installation, shop.programme.id, "c-1"
    await set_redemption_lock(*whose, locked=True, now=shop.clock())
    await set_state(*whose, MemberState.INACTIVE, now=shop.clock())
    await adjust(shop, 50)
    await adjust(shop, -10)
    assert await figures(shop) == (70, 0, 0)


# --- undoing -----------------------------------------------------------------------------------------------------


async def test_a_plus_and_a_minus_are_undone_once(opened: OpenShop) -> None:
    shop = await opened_with(opened, 30)
    plus, minus = await adjust(shop, 50), await adjust(shop, -20)
    assert await figures(shop) == (60, 0, 0)
    counter = await undo(shop, plus["id"])
    assert (counter["points"], counter["description"], counter["undoesId"]) == (-50, "Goodwill", plus["id"])
    await undo(shop, minus["id"])
    assert await figures(shop) == (30, 0, 0)
    again = await undo(shop, plus["id"])
    assert (again["code"], again["undoneBy"]) == ("ADJUSTMENT_UNDONE", counter["id"])
    seen = (await shop.staff(LIST))["adjustments"]["nodes"]
    assert [(it["points"], it["undoneById"] is not None) for it in seen] == [
        (20, False),
        (-50, False),
        (-20, True),
        (50, True),
    ]
    for unknown in ("x", "0" * 32):
        assert (await undo(shop, unknown))["code"] == "ADJUSTMENT_NOT_FOUND"


async def test_a_plus_that_is_spent_is_undone_only_into_debt(opened: OpenShop) -> None:
    shop = await opened_with(opened, 0)
    plus = await adjust(shop, 50)
    await adjust(shop, -30)
    refused = await undo(shop, plus["id"])
    assert (refused["code"], refused["available"]) == ("INSUFFICIENT_POINTS", 20)
    await undo(shop, plus["id"], allowNegative=True)
    assert await figures(shop) == (0, 0, 30)


async def test_i8_undoing_with_a_key_again_gets_the_first_answer(opened: OpenShop) -> None:
    shop = await opened_with(opened, 0)
    plus, other = await adjust(shop, 50), await adjust(shop, 50)
    first = await undo(shop, plus["id"], idempotencyKey="k")
    assert await undo(shop, plus["id"], idempotencyKey="k") == first
    assert (await undo(shop, plus["id"], idempotencyKey="k2"))["code"] == "ADJUSTMENT_UNDONE"
    assert (await undo(shop, other["id"], idempotencyKey="k"))["code"] == "IDEMPOTENCY_CONFLICT"
    assert await figures(shop) == (50, 0, 0)


async def test_i8_an_adjustment_undone_by_many_at_once_is_undone_once(opened: OpenShop) -> None:
    shop = await opened_with(opened, 500)
    minus = await adjust(shop, -50)
    answers = await asyncio.gather(*(undo(shop, minus["id"]) for _ in range(10)))
    assert ended(answers) == {"OK": 1, "ADJUSTMENT_UNDONE": 9}
    assert await figures(shop) == (500, 0, 0)


# --- at the same time --------------------------------------------------------------------------------------------


async def test_i8_the_same_key_twenty_times_at_once_is_one_adjustment(opened: OpenShop) -> None:
    shop = await opened_with(opened, 0)
    answers = await asyncio.gather(*(adjust(shop, 50, idempotencyKey="k") for _ in range(20)))
    assert len({answer["id"] for answer in answers}) == 1
    assert await figures(shop) == (50, 0, 0)
    assert (await topics(shop.installation.db, shop.programme)).count("points.adjusted") == 1
    others: list[dict[str, Any]] = [
        {"points": 51},
        {"description": "Other"},
        {"expiresOn": "2027-01-01"},
        {"internalNote": "n"},
    ]
    for other in others:
        answer = await adjust(shop, **{"points": 50, "idempotencyKey": "k", **other})
        assert answer["code"] == "IDEMPOTENCY_CONFLICT", other


async def test_i8_a_repetition_that_comes_late_gets_the_first_answer(opened: OpenShop) -> None:
    shop = await opened_with(opened, 0)
    said: dict[str, Any] = {"idempotencyKey": "k", "expiresOn": "2026-03-20"}
    first = await adjust(shop, 50, **said)
    shop.clock.now = at("2026-04-01 12:00")
    assert await adjust(shop, 50, **said) == first
    assert await figures(shop) == (0, 0, 0)


async def test_i8_one_key_for_two_members_at_once_is_one_adjustment(opened: OpenShop) -> None:
    shop = await opened_with(opened, 0)
    await shop.join("c-2")
    answers = await asyncio.gather(
        *(adjust(shop, 50, customerExternalId=f"c-{1 + n % 2}", idempotencyKey="k") for n in range(10))
    )
    assert ended(answers) == {"OK": 5, "IDEMPOTENCY_CONFLICT": 5}
    assert (await topics(shop.installation.db, shop.programme)).count("points.adjusted") == 1


async def test_r31_two_minuses_at_once_never_take_more_than_there_is(opened: OpenShop) -> None:
    shop = await opened_with(opened, 100)
    answers = await asyncio.gather(*(adjust(shop, -40) for _ in range(10)))
    assert ended(answers) == {"OK": 2, "INSUFFICIENT_POINTS": 8}
    assert await figures(shop) == (20, 0, 0)


async def test_a_minus_races_a_redemption_and_one_of_them_hears_the_truth(opened: OpenShop) -> None:
    shop = await opened_with(opened, 100)
    minus, hold = await asyncio.gather(adjust(shop, -80), shop.redeem(80, "100.00"))
    assert sorted([minus.get("code", "OK"), hold.get("code", "OK")]) == ["INSUFFICIENT_POINTS", "OK"]


# --- what is refused ---------------------------------------------------------------------------------------------

REFUSED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"points": 0}, {"code": "INVALID_INPUT", "field": "points"}),
    ({"points": 1_000_001}, {"code": "INVALID_INPUT", "field": "points"}),
    ({"points": -1_000_001}, {"code": "INVALID_INPUT", "field": "points"}),
    ({"description": ""}, {"code": "INVALID_INPUT", "field": "description"}),
    ({"description": " "}, {"code": "INVALID_INPUT", "field": "description"}),
    ({"description": "x" * 201}, {"code": "INVALID_INPUT", "field": "description"}),
    ({"description": "a\nb"}, {"code": "INVALID_INPUT", "field": "description"}),
    ({"internalNote": ""}, {"code": "INVALID_INPUT", "field": "internalNote"}),
    ({"internalNote": "x" * 1_001}, {"code": "INVALID_INPUT", "field": "internalNote"}),
    ({"idempotencyKey": ""}, {"code": "INVALID_INPUT", "field": "idempotencyKey"}),
    ({"expiresOn": "2026-02-28"}, {"code": "INVALID_INPUT", "field": "expiresOn"}),
    (
        {"expiresOn": "2026-03-04", "availableFrom": "2026-03-05T00:00:00Z"},
        {"code": "INVALID_INPUT", "field": "expiresOn"},
    ),
    ({"availableFrom": "2028-03-05T00:00:00Z"}, {"code": "INVALID_INPUT", "field": "expiresOn"}),
    ({"expiresOn": "3000-01-01"}, {"code": "INVALID_INPUT", "field": "expiresOn"}),
    ({"availableFrom": "9999-12-31T23:59:59Z"}, {"code": "INVALID_INPUT", "field": "availableFrom"}),
    ({"points": -1, "expiresOn": "2026-12-31"}, {"code": "INVALID_INPUT", "field": "expiresOn"}),
    ({"points": -1, "availableFrom": "2026-12-31T00:00:00Z"}, {"code": "INVALID_INPUT", "field": "availableFrom"}),
    ({"points": -31}, {"code": "INSUFFICIENT_POINTS", "requested": 31, "available": 30}),
    ({"customerExternalId": "nobody"}, {"code": "NOT_A_MEMBER"}),
    ({"customerExternalId": ""}, {"code": "INVALID_INPUT", "field": "customerExternalId"}),
]


@pytest.mark.parametrize(("given", "answer"), REFUSED, ids=str)
async def test_what_is_refused_moves_nothing(
    opened: OpenShop, given: dict[str, Any], answer: dict[str, Any]
) -> None:
    shop = await opened_with(opened, 30)
    before = await everything(shop.installation.db, shop.programme)
    refused = await adjust(shop, **{"points": 10, **given})
    assert answer.items() <= refused.items(), refused
    assert await everything(shop.installation.db, shop.programme) == before


async def test_a_closed_programme_has_no_points_and_gets_none(opened: OpenShop) -> None:
    shop = await opened_with(opened, 0)
    await change_state(shop.installation, shop.programme.id, ProgrammeState.EARNING_STOPPED, now=shop.clock())
    plus = await adjust(shop, 10)
    minus = await adjust(shop, -10)
    shop.clock.now += SETTLING
    await change_state(shop.installation, shop.programme.id, ProgrammeState.CLOSED, now=shop.clock())
    assert (await adjust(shop, 10))["code"] == "PROGRAMME_NOT_OPEN"
    assert (await undo(shop, minus["id"]))["code"] == "PROGRAMME_NOT_OPEN"
    assert (await undo(shop, plus["id"]))["code"] == "PROGRAMME_NOT_OPEN"


async def test_r31_a_debt_needs_a_right_of_its_own(opened: OpenShop) -> None:
    shop = await opened_with(opened, 30)
    made = await adjust(shop, 10)
    ben = NewKey(KeyKind.STAFF, "Ben", rights=ALL_RIGHTS - {Right.ADJUST_BELOW_ZERO})
    key = await create_key(shop.installation, shop.programme.id, ben, now=shop.clock())
    headers = {"Authorization": f"Bearer {key.text}"}
    before = await everything(shop.installation.db, shop.programme)
    minus = {"customerExternalId": "c-1", "points": -1, "description": "d", "idempotencyKey": "k"}
    for query, given in ((ADJUST, minus), (UNDO, {"id": made["id"]})):
        body = {"query": query, "variables": {"input": {**given, "allowNegative": True}}}
        answer = (await shop.client.post("/graphql", headers=headers, json=body)).json()
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
    assert await everything(shop.installation.db, shop.programme) == before
    assert "adjustment" in (await shop.post(headers, ADJUST, {"input": minus}))["adjustPoints"]


async def test_r31_an_adjustment_above_the_limit_needs_a_right_of_its_own(opened: OpenShop) -> None:
    shop = await opened_with(opened, 500, adjustmentMaxPoints=200)
    large = await adjust(shop, 201)
    ben = NewKey(KeyKind.STAFF, "Ben", rights=frozenset({Right.ADJUST_POINTS}))
    key = await create_key(shop.installation, shop.programme.id, ben, now=shop.clock())
    headers = {"Authorization": f"Bearer {key.text}"}
    before = await everything(shop.installation.db, shop.programme)
    given = {"customerExternalId": "c-1", "description": "d", "idempotencyKey": "k"}
    for query, said in (
        (ADJUST, {**given, "points": 201}),
        (ADJUST, {**given, "points": -201}),
        (UNDO, {"id": large["id"]}),
    ):
        [refused] = (await shop.post(headers, query, {"input": said})).values()
        assert (refused["code"], refused["maximumPoints"]) == ("ADJUSTMENT_ABOVE_LIMIT", 200)
    assert await everything(shop.installation.db, shop.programme) == before
    for points in (200, -200):
        said = {**given, "points": points, "idempotencyKey": str(points)}
        assert "adjustment" in (await shop.post(headers, ADJUST, {"input": said}))["adjustPoints"]
    assert await figures(shop) == (701, 0, 0)


async def test_r31_more_can_be_given_to_the_same_member_by_the_answer_alone(opened: OpenShop) -> None:
    shop = await opened_with(opened, 30)
    query = """
    mutation ($input: AdjustPointsInput!) { adjustPoints(input: $input) { ... on AdjustmentMade {
      member { id customerExternalIds balance { spendable debt value { amount } } }
    } } }
    """
    said: dict[str, Any] = {"customerExternalId": "c-1", "points": 20, "description": "d", "idempotencyKey": "k"}
    member = (await shop.staff(query, input=said))["adjustPoints"]["member"]
    assert member["balance"] == {"spendable": 50, "debt": 0, "value": {"amount": "2.50"}}
    [name] = member["customerExternalIds"]
    more = await adjust(shop, 5, customerExternalId=name)
    assert (more["memberId"], await figures(shop)) == (member["id"], (55, 0, 0))


async def test_r31_points_that_have_expired_are_not_taken_a_second_time(opened: OpenShop) -> None:
    shop = await opened_with(opened, 100)
    plus = await adjust(shop, 50, expiresOn="2026-03-02")
    shop.clock.now = at("2026-03-05 12:00")
    refused = await undo(shop, plus["id"])
    assert (refused["code"], await figures(shop)) == ("INVALID_INPUT", (100, 0, 0))


async def test_r31_a_plus_that_is_not_available_yet_makes_no_debt_when_it_is_undone(opened: OpenShop) -> None:
    shop = await opened_with(opened, 0)
    plus = await adjust(shop, 50, availableFrom="2026-03-05T12:00:00Z")
    refused = await undo(shop, plus["id"], allowNegative=True)
    assert (refused["code"], await figures(shop)) == ("INVALID_INPUT", (0, 50, 0))


# --- listing -----------------------------------------------------------------------------------------------------


async def test_staff_find_adjustments_by_customer_and_time_page_by_page(opened: OpenShop) -> None:
    shop = await opened_with(opened, 0)
    await shop.join("c-2")
    for day, customer in ((1, "c-1"), (2, "c-2"), (3, "c-1")):
        shop.clock.now = at(f"2026-03-0{day} 13:00")
        await adjust(shop, day, customerExternalId=customer)

    async def found(**arguments: Any) -> list[int]:
        page = (await shop.staff(LIST, **arguments))["adjustments"]
        return [adjustment["points"] for adjustment in page["nodes"]]

    assert await found() == [3, 2, 1]
    assert await found(filter={"customerExternalId": "c-1"}) == [3, 1]
    assert await found(filter={"customerExternalId": "nobody"}) == []
    assert await found(filter={"from": "2026-03-02T13:00:00Z", "to": "2026-03-03T13:00:00Z"}) == [2]
    first = (await shop.staff(LIST, first=2))["adjustments"]
    assert first["pageInfo"]["hasNextPage"]
    assert await found(first=2, after=first["pageInfo"]["endCursor"]) == [1]
