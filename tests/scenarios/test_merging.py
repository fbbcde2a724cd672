"""R33, E31: a member asks for another account of theirs, proves the address, and the staff make the two one."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from pointbook.domain.access import ALL_RIGHTS, CallerKind, Principal
from pointbook.services import merging
from pointbook.services.audit import list_entries
from pointbook.services.installation import Installation
from pointbook.services.joining import Join, join
from pointbook.services.members import set_redemption_lock
from tests.cards import offer_card
from tests.scenarios.conftest import OpenShop
from tests.scenarios.shop import Shop, at
from tests.scenarios.test_adjustments import adjust
from tests.support import SECRET, give_points

OTHER = "other@shop.example"
REQUEST = "id state requestedAt expiresAt decidedAt reason"
SIDE = "id customerExternalIds email state redemptionLocked balance { available pending held debt }"
CASE = f"request {{ {REQUEST} }} email verifiedAt decidedBy member {{ {SIDE} }} other {{ {SIDE} }}"
REFUSALS = """
  __typename ... on UserError { code message } ... on TooManyMergeRequests { maximum limit }
  ... on InvalidInput { field }
"""
DECISIONS = "__typename ... on UserError { code } ... on MergeRequestNotOpen { requestState }"


_OBSTACLE = {"approveMerge": "... on MembersNotMergeable { reason }", "rejectMerge": ""}


async def two_members(shop: Shop, email: str = OTHER) -> None:
    """The one who asks, and the one whose account has the address."""
    for customer, address in (("c-1", "me@shop.example"), ("c-2", email)):
        await join(shop.installation, shop.programme.id, Join(customer, email=address), now=shop.clock())


async def ask(shop: Shop, email: str = OTHER, *, customer: str = "c-1", key: str | None = None) -> dict[str, Any]:
    """The request, or why there is none."""
    answer = await shop.as_customer(
        customer,
        "mutation ($input: RequestMergeInput!) { requestMerge(input: $input) {"
        f" {REFUSALS} ... on RequestMergeSuccess {{ request {{ {REQUEST} }} }} }} }}",
        input={"email": email, "idempotencyKey": key or uuid4().hex},
    )
    result: dict[str, Any] = answer["requestMerge"]
    request: dict[str, Any] = result.get("request", result)
    return request


def link(shop: Shop, request: dict[str, Any], lang: str | None = None) -> str:
    """What stands in the letter."""
    return merging.proof_path(shop.installation, shop.programme.id, UUID(hex=request["id"]), lang)


async def prove(shop: Shop, request: dict[str, Any]) -> None:
    response = await shop.client.post(link(shop, request))
    assert response.status_code == 200


async def decide(shop: Shop, mutation: str, request: dict[str, Any], **more: Any) -> dict[str, Any]:
    """``approveMerge`` or ``rejectMerge``: the case, or why it stands as it did."""
    name = mutation[0].upper() + mutation[1:]
    answer = await shop.staff(
        f"mutation ($input: {name}Input!) {{ {mutation}(input: $input) {{ {DECISIONS} {_OBSTACLE[mutation]}"
        f" ... on {name}Success {{ case {{ {CASE} }} }} }} }}",
        input={"id": request["id"], **more},
    )
    result: dict[str, Any] = answer[mutation]
    case: dict[str, Any] = result.get("case", result)
    return case


async def merged(shop: Shop) -> dict[str, Any]:
    request = await ask(shop)
    await prove(shop, request)
    return await decide(shop, "approveMerge", request)


async def own(shop: Shop, customer: str = "c-1") -> list[dict[str, Any]]:
    page = (await shop.me(f"mergeRequests {{ nodes {{ {REQUEST} }} }}", customer))["mergeRequests"]
    found: list[dict[str, Any]] = page["nodes"]
    return found


async def cases(shop: Shop, state: str | None = None) -> list[dict[str, Any]]:
    answer = await shop.staff(
        f"query ($state: MergeState) {{ mergeRequests(state: $state) {{ nodes {{ {CASE} }} }} }}", state=state
    )
    found: list[dict[str, Any]] = answer["mergeRequests"]["nodes"]
    return found


async def test_e31_points_holds_and_codes_of_the_other_account_go_on(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    await two_members(shop)
    now = shop.clock()
    await give_points(shop.installation, shop.programme, "c-1", 100, now=now)
    await give_points(shop.installation, shop.programme, "c-1", 50, available_from=at("2026-04-01"), now=now)
    await give_points(shop.installation, shop.programme, "c-2", 50, expires_at=at("2026-07-01"), now=now)
    await give_points(shop.installation, shop.programme, "c-2", 40, available_from=at("2026-03-20"), now=now)
    held = await shop.redeem(20, "100.00", customer="c-2")
    case = await merged(shop)
    assert (case["request"]["state"], case["decidedBy"][:5]) == ("MERGED", "STAFF")
    for customer in ("c-1", "c-2"):
        balance = await shop.balance(customer)
        assert (balance["available"], balance["pending"], balance["held"]) == (130, 90, 20)
    expiring = (await shop.me("expiringPoints(days: 365) { points expiresAt }"))["expiringPoints"]
    assert expiring == [{"points": 30, "expiresAt": "2026-07-01T00:00:00Z"}]
    captured = await shop.capture(held["voucherCode"])
    assert (captured["state"], captured["capturedPoints"]) == ("CAPTURED", 20)
    assert (await shop.balance())["held"] == 0


async def test_whatever_was_the_others_is_the_members(opened: OpenShop) -> None:
    """Orders, returns, exchange orders, cards, adjustments: of the one account, under either id."""
    shop = await opened("2026-03-01 12:00", waitingTime={"hours": 0})
    await two_members(shop)
    await shop.sell("mug", 10, stock=5)
    await offer_card(shop.installation, shop.programme)
    await shop.order("o-1", "30.00", customer={"externalId": "c-2"})
    await adjust(shop, points=600, description="Welcome back", customerExternalId="c-2")
    exchanged = await shop.exchange({"sku": "mug", "quantity": 1, "pricePoints": 10}, customer="c-2")
    assert exchanged["state"] == "SUBMITTED"
    await merged(shop)
    for customer in ("c-1", "c-2"):
        seen = await shop.me(
            "id balance { available } exchangeOrders { nodes { id entry customerExternalIds memberId } }"
            " history { nodes { kind points } }",
            customer,
        )
        assert seen["balance"]["available"] == 620
        assert [node["kind"] for node in seen["history"]["nodes"]] == ["MERGE_IN"]
        [order] = seen["exchangeOrders"]["nodes"]
        assert (order["id"], order["entry"]) == (exchanged["id"], exchanged["entry"]), (
            "the entry stays where it was"
        )
        assert (order["memberId"], order["customerExternalIds"]) == (seen["id"], ["c-1", "c-2"])
    returned = await shop.take_back("r-1", "o-1")
    assert (returned["outcome"], returned["pointsReversed"]) == ("APPLIED", 30)
    cancelled = await shop.decide("cancelExchangeOrder", exchanged["id"])
    assert cancelled["state"] == "CANCELLED"
    assert (await shop.balance())["available"] == 600
    listed = await shop.staff('{ adjustments(filter: {customerExternalId: "c-1"}) { nodes { description } } }')
    assert listed["adjustments"]["nodes"] == [{"description": "Welcome back"}]
    assert (await shop.order("o-2", "5.00", customer={"externalId": "c-2"}))["points"] == 5
    assert (await shop.balance("c-1"))["available"] == 605


async def test_the_staff_see_both_sides_and_afterwards_what_the_other_had(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    await two_members(shop)
    await give_points(shop.installation, shop.programme, "c-2", 40, now=shop.clock())
    request = await ask(shop)
    [waiting] = await cases(shop)
    assert waiting["other"] is None, "nobody knows yet whether anybody has the address"
    assert waiting["member"]["customerExternalIds"] == ["c-1"]
    await prove(shop, request)
    [verified] = await cases(shop, "VERIFIED")
    assert (verified["other"]["email"], verified["other"]["balance"]["available"]) == (OTHER, 40)
    await decide(shop, "approveMerge", request)
    [done] = await cases(shop, "MERGED")
    assert (done["member"]["customerExternalIds"], done["other"]["customerExternalIds"]) == (["c-1", "c-2"], [])
    assert (done["other"]["state"], done["other"]["email"], done["other"]["balance"]["available"]) == (
        *("MERGED", None),
        0,
    )
    answer = await shop.staff(
        "{ mergeRequests { nodes { other { history { nodes { item { kind points } } } } } } }"
    )
    [case] = answer["mergeRequests"]["nodes"]
    kinds = [node["item"]["kind"] for node in case["other"]["history"]["nodes"]]
    assert kinds == ["MERGE_OUT", "ACCRUAL"]
    [entry] = [
        e
        for e in await list_entries(shop.installation, shop.programme.id, first=10)
        if "merge" in e.change.subject
    ]
    assert entry.change.after is not None
    assert (entry.change.after["state"], entry.change.after["open"]) == ("MERGED", 40)
    assert OTHER not in repr(entry)


async def test_of_two_sign_up_bonuses_one_stays(opened: OpenShop) -> None:
    """R33, by setting: what is open of the other's is taken back."""
    shop = await opened("2026-03-01 12:00", signUpPoints=100, waitingTime={"hours": 0})
    await two_members(shop)
    assert (await shop.redeem(30, "100.00", customer="c-2"))["points"] == 30
    await merged(shop)
    balance = await shop.balance()
    assert (balance["available"], balance["held"]) == (100, 30)


async def test_by_setting_both_bonuses_stay(opened: OpenShop) -> None:
    shop = await opened(
        "2026-03-01 12:00", signUpPoints=100, waitingTime={"hours": 0}, mergeReversesSignUpBonus=False
    )
    await two_members(shop)
    await merged(shop)
    assert (await shop.balance())["available"] == 200


async def test_joining_again_by_the_merged_address_gives_no_second_bonus(opened: OpenShop) -> None:
    """As after leaving: otherwise one could join, spend and merge again and again."""
    shop = await opened("2026-03-01 12:00", signUpPoints=100, rejoinBonusBlockDays=30)
    await two_members(shop)
    await merged(shop)
    now = shop.clock()
    again = await join(shop.installation, shop.programme.id, Join("c-3", email=OTHER), now=now)
    assert again.member.sign_up_points == 0
    later = await join(
        shop.installation, shop.programme.id, Join("c-4", email=OTHER), now=now + timedelta(days=30)
    )
    assert later.member.sign_up_points == 100


async def test_a_redemption_lock_of_the_other_stays(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    await two_members(shop)
    await give_points(shop.installation, shop.programme, "c-1", 100, now=shop.clock())
    await shop.staff(
        'mutation { setRedemptionLock(input: {customerExternalId: "c-2", locked: true}) { __typename } }'
    )
    case = await merged(shop)
    assert case["member"]["redemptionLocked"] is True
    assert (await shop.redeem(10, "100.00"))["code"] == "REDEMPTION_LOCKED"


async def test_an_inactive_side_is_not_merged(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    await two_members(shop)
    await shop.staff(
        'mutation { setMemberState(input: {customerExternalId: "c-2", state: INACTIVE}) { __typename } }'
    )
    refusal = await merged(shop)
    assert (refusal["code"], refusal["reason"]) == ("MEMBERS_NOT_MERGEABLE", "INACTIVE")
    assert [one["state"] for one in await own(shop)] == ["VERIFIED"]


@pytest.mark.parametrize("email", ["nobody@shop.example", "me@shop.example"])
async def test_an_address_that_leads_nowhere_expires_like_one_that_is_not_confirmed(
    opened: OpenShop, email: str
) -> None:
    """R33: nothing reveals whether anybody has it; one's own address is like nobody's."""
    shop = await opened("2026-03-01 12:00")
    await two_members(shop)
    known, unknown = await ask(shop), await ask(shop, email)
    same = [{**one, "id": ""} for one in (known, unknown)]
    assert same[0] == same[1]
    shop.clock.now += timedelta(hours=24)
    assert [one["state"] for one in await own(shop)] == ["EXPIRED", "EXPIRED"]
    assert (await decide(shop, "approveMerge", known))["requestState"] == "EXPIRED"


async def test_a_verified_request_waits_thirty_days_for_the_staff(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    await two_members(shop)
    request = await ask(shop)
    await prove(shop, request)
    shop.clock.now += timedelta(days=30) - timedelta(microseconds=1)
    assert [one["state"] for one in await own(shop)] == ["VERIFIED"]
    shop.clock.now += timedelta(microseconds=1)
    assert [one["state"] for one in await own(shop)] == ["EXPIRED"]
    assert [case["request"]["id"] for case in await cases(shop, "EXPIRED")] == [request["id"]]
    assert await cases(shop, "VERIFIED") == []


async def test_a_request_is_made_once_and_too_many_are_refused(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    await two_members(shop)
    first = await ask(shop, key="k")
    assert await ask(shop, key="k") == first
    assert (await ask(shop, "else@shop.example", key="k"))["code"] == "IDEMPOTENCY_CONFLICT"
    await ask(shop, " Other@Shop.example ".strip())
    assert [case["email"] for case in await cases(shop)] == [OTHER, OTHER], "written in any way"
    await ask(shop, "third@shop.example")
    refused = await ask(shop, "fourth@shop.example")
    assert (refused["code"], refused["limit"], refused["maximum"]) == (
        *("TOO_MANY_MERGE_REQUESTS", "OPEN_OF_MEMBER"),
        3,
    )
    assert (await ask(shop, "no address"))["field"] == "email"


@pytest.mark.parametrize("email", [OTHER, "nobody@shop.example"])
async def test_an_address_is_written_to_three_times_a_day(opened: OpenShop, email: str) -> None:
    """Whoever asks, and whether or not anybody has it."""
    shop = await opened("2026-03-01 12:00")
    await two_members(shop)
    for number in range(3):
        customer = f"asks-{number}"
        await shop.join(customer)
        assert (await ask(shop, email, customer=customer))["state"] == "REQUESTED"
    refused = await ask(shop, email)
    assert (refused["code"], refused["limit"]) == ("TOO_MANY_MERGE_REQUESTS", "ADDRESS_OF_DAY")
    shop.clock.now += timedelta(hours=24)
    assert (await ask(shop, email))["state"] == "REQUESTED"


async def test_a_member_takes_a_request_back(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    await two_members(shop)
    request = await ask(shop)

    async def cancel(customer: str = "c-1") -> dict[str, Any]:
        answer = await shop.as_customer(
            customer,
            f"mutation ($input: CancelMergeRequestInput!) {{ cancelMergeRequest(input: $input) {{ {DECISIONS}"
            f" ... on CancelMergeRequestSuccess {{ request {{ {REQUEST} }} }} }} }}",
            input={"id": request["id"]},
        )
        result: dict[str, Any] = answer["cancelMergeRequest"]
        cancelled: dict[str, Any] = result.get("request", result)
        return cancelled

    assert (await cancel("c-2"))["code"] == "MERGE_REQUEST_NOT_FOUND"
    assert (await cancel())["state"] == "CANCELLED"
    assert (await cancel())["state"] == "CANCELLED"
    await prove(shop, request)
    refusal = await decide(shop, "approveMerge", request)
    assert (refusal["code"], refusal["requestState"]) == ("MERGE_REQUEST_NOT_OPEN", "CANCELLED")


async def test_the_staff_reject_with_a_reason_that_the_member_sees(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    await two_members(shop)
    request = await ask(shop)
    await prove(shop, request)
    for _ in range(2):
        assert (await decide(shop, "rejectMerge", request, reason="Two people"))["request"]["state"] == "REJECTED"
    assert [(one["state"], one["reason"]) for one in await own(shop)] == [("REJECTED", "Two people")]
    assert (await decide(shop, "approveMerge", request))["code"] == "MERGE_REQUEST_NOT_OPEN"
    assert (await shop.balance("c-2"))["available"] == 0, "still a member"


async def test_the_staff_reject_a_request_before_its_proof_and_the_link_is_over(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    await two_members(shop)
    request = await ask(shop)
    case = await decide(shop, "rejectMerge", request, reason="You have one account")
    assert (case["request"]["state"], case["other"]) == ("REJECTED", None)
    await shop.client.post(link(shop, request))
    assert [(one["state"], one["reason"]) for one in await own(shop)] == [("REJECTED", "You have one account")]


async def test_a_merge_is_done_once_and_not_the_other_way_round(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    await two_members(shop)
    await give_points(shop.installation, shop.programme, "c-2", 40, now=shop.clock())
    request, back = await ask(shop), await ask(shop, "me@shop.example", customer="c-2")
    for one in (request, back):
        await prove(shop, one)
    for _ in range(2):
        assert (await decide(shop, "approveMerge", request))["request"]["state"] == "MERGED"
    assert (await decide(shop, "approveMerge", back))["requestState"] == "EXPIRED", "it was for oneself by now"
    assert {one["id"] for one in await own(shop)} == {request["id"], back["id"]}, "both are the member's now"
    assert (await shop.balance())["available"] == 40


async def test_what_cannot_be_decided_any_more_is_over_and_not_in_the_way(opened: OpenShop) -> None:
    """R33: of a request whose other side was merged elsewhere nothing can come; it counts no more."""
    shop = await opened("2026-03-01 12:00")
    await two_members(shop)
    await join(shop.installation, shop.programme.id, Join("c-3", email="c3@shop.example"), now=shop.clock())
    elsewhere = [await ask(shop, customer="c-3") for _ in range(2)]
    request = await ask(shop)
    for one in (*elsewhere, request):
        await prove(shop, one)
    assert len(await cases(shop, "VERIFIED")) == 3
    await decide(shop, "approveMerge", request)
    assert await cases(shop, "VERIFIED") == []
    assert [one["state"] for one in await own(shop, "c-3")] == ["EXPIRED", "EXPIRED"]
    for mutation, more in (("approveMerge", {}), ("rejectMerge", {"reason": "Gone"})):
        assert (await decide(shop, mutation, elsewhere[0], **more))["requestState"] == "EXPIRED"
    asked = [await ask(shop, f"{number}@shop.example", customer="c-3") for number in range(3)]
    assert [one["state"] for one in asked] == ["REQUESTED"] * 3, "three may be open"


async def test_other_processes_answer_at_once_for_the_account_that_goes_on(opened: OpenShop) -> None:
    """A process that knows the old account by heart: its answers are of the new one, under its name."""
    shop = await opened("2026-03-01 12:00", waitingTime={"hours": 0})
    await two_members(shop)
    await give_points(shop.installation, shop.programme, "c-2", 40, now=shop.clock())
    await adjust(shop, points=5, description="Sorry", customerExternalId="c-1")
    await shop.me("id", "c-2")
    request = await ask(shop)
    await prove(shop, request)
    another_process = Installation.of(shop.installation.db, SECRET)
    anna = Principal(CallerKind.STAFF, shop.programme.id, "anna", ALL_RIGHTS)
    await merging.approve(another_process, anna, UUID(hex=request["id"]), now=shop.clock())
    me = (await shop.me("id"))["id"]
    seen = await shop.me("id balance { available } history { nodes { id kind description } }", "c-2")
    assert (seen["id"], seen["balance"]["available"]) == (me, 45)
    assert {node["id"].partition("-")[0] for node in seen["history"]["nodes"]} == {me}
    assert (await shop.redeem(45, "100.00", customer="c-2"))["points"] == 45


async def test_other_processes_lock_the_account_that_goes_on(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    await two_members(shop)
    await shop.me("id", "c-2")  # this process knows the account by now
    request = await ask(shop)
    await prove(shop, request)
    other = Installation.of(shop.installation.db, SECRET)
    anna = Principal(CallerKind.STAFF, shop.programme.id, "anna", ALL_RIGHTS)
    await merging.approve(other, anna, UUID(hex=request["id"]), now=shop.clock())
    locked = await set_redemption_lock(shop.installation, shop.programme.id, "c-2", locked=True, now=shop.clock())
    assert locked.redemption_locked
    assert (await shop.me("redemptionLocked", "c-1"))["redemptionLocked"]
