"""E32 and R34 through the API: a member leaves, and what comes after."""

import asyncio
from collections.abc import Coroutine
from typing import Any
from uuid import UUID, uuid4

import pytest

from pointbook import ledger
from pointbook.domain import errors
from pointbook.domain.access import ALL_RIGHTS, Right
from pointbook.ledger import Source
from pointbook.services.audit import Action, list_entries
from pointbook.services.caches import _Kept
from pointbook.services.directory import AccountKey, ProgrammeState
from pointbook.services.installation import Installation
from pointbook.services.keys import KeyKind, NewKey, create_key
from pointbook.services.member_editing import update_member
from pointbook.services.members import MemberState, set_notifications, set_state
from pointbook.services.programmes import SETTLING, change_state
from tests.scenarios.conftest import OpenShop
from tests.scenarios.rewards import Rewards
from tests.scenarios.shop import Shop, at
from tests.scenarios.test_member_editing import ask
from tests.support import SECRET, everything, give_points, outbox, redeem, topics

LOSS = "points available pending held debt giftCards giftCardMoney { amount } unsentGiftCards exchangeOrders"
_REFUSALS = "... on UserError { code message } ... on LossChanged { points debt }"


async def loss(shop: Shop, customer: str = "c-1") -> dict[str, Any]:
    found: dict[str, Any] = (await shop.me(f"leavingLoss {{ {LOSS} }}", customer))["leavingLoss"]
    return found


async def leave(
    shop: Shop, customer: str = "c-1", *, confirm: dict[str, int] | None = None, key: str | None = None
) -> dict[str, Any]:
    """What was forfeited, or why nobody left; confirmed is what would be lost now, unless stated."""
    if confirm is None:
        shown = await loss(shop, customer)
        confirm = {"points": shown["points"], "debt": shown["debt"]}
    answer = await shop.as_customer(
        customer,
        f"mutation ($input: LeaveProgrammeInput!) {{ leaveProgramme(input: $input) {{ {_REFUSALS}"
        " ... on LeaveProgrammeSuccess { points debt } } }",
        input={"confirm": confirm, "idempotencyKey": key or uuid4().hex},
    )
    result: dict[str, Any] = answer["leaveProgramme"]
    return result


async def erase(shop: Shop, customer: str, points: int, key: str | None = None) -> dict[str, Any]:
    answer = await shop.staff(
        f"mutation ($input: EraseMemberInput!) {{ eraseMember(input: $input) {{ {_REFUSALS}"
        " ... on EraseMemberSuccess { points debt } } }",
        input={
            "customerExternalId": customer,
            "confirm": {"points": points},
            "idempotencyKey": key or uuid4().hex,
        },
    )
    result: dict[str, Any] = answer["eraseMember"]
    return result


async def warnings(shop: Shop) -> list[dict[str, Any]]:
    answer = await shop.staff("{ staffWarnings { nodes { kind subject detail } } }")
    found: list[dict[str, Any]] = answer["staffWarnings"]["nodes"]
    return found


async def test_e32_leaving_with_available_pending_and_held_points(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    await shop.join()
    await give_points(shop.installation, shop.programme, "c-1", 320, now=shop.clock())
    later = at("2026-03-02 12:00")
    await give_points(shop.installation, shop.programme, "c-1", 50, available_from=later, now=shop.clock())
    hold = await shop.redeem(20, "100.00")
    assert await loss(shop) == {
        "points": 370,
        "available": 300,
        "pending": 50,
        "held": 20,
        "debt": 0,
        "giftCards": 0,
        "giftCardMoney": {"amount": "0.00"},
        "unsentGiftCards": 0,
        "exchangeOrders": 0,
    }
    issued = await totals(shop)
    assert await leave(shop) == {"points": 370, "debt": 0}
    assert await shop.me("id") is None
    assert (await shop.capture(hold["voucherCode"], "1.00"))["code"] == "REDEMPTION_ENDED"
    assert (await shop.order("o-1", "10.00", voucherCode=hold["voucherCode"]))["code"] == "VOUCHER_NOT_USABLE"
    assert await totals(shop) == {**issued, "forfeited": 370}
    assert (await outbox(shop.installation.db, shop.programme))[-1][0] == "member.left"
    assert (await topics(shop.installation.db, shop.programme)).count("member.left") == 1


async def totals(shop: Shop) -> dict[str, int]:
    async with shop.installation.db.bare_transaction(shop.programme.id) as connection:
        rows = await connection.fetch(
            "select name, sum(points)::bigint as points from ("
            "select debit as name, -points as points from ledger.transfer"
            " union all select credit, points from ledger.transfer) as lines"
            " where name not in ('open', 'held', 'debt') group by name having sum(points) <> 0"
        )
    return {row["name"]: row["points"] for row in rows}


@pytest.mark.parametrize(("points", "debt"), [(99, 0), (101, 0), (100, 1), (0, 0)])
async def test_the_loss_must_be_the_one_that_was_shown(opened: OpenShop, points: int, debt: int) -> None:
    shop = await opened("2026-03-01 12:00")
    await shop.join()
    await give_points(shop.installation, shop.programme, "c-1", 100, now=shop.clock())
    before = await everything(shop.installation.db, shop.programme)
    refused = await leave(shop, confirm={"points": points, "debt": debt})
    assert (refused["code"], refused["points"], refused["debt"]) == ("LOSS_CHANGED", 100, 0)
    assert await everything(shop.installation.db, shop.programme) == before


@pytest.mark.parametrize(("seconds", "may"), [(299, True), (300, True), (301, False)])
async def test_leaving_needs_a_token_that_is_at_most_five_minutes_old(
    opened: OpenShop, *, seconds: int, may: bool
) -> None:
    shop = await opened("2026-03-01 12:00:00")
    await shop.join()
    token = await shop._token("c-1")
    shop.clock.now = at(f"2026-03-01 12:0{seconds // 60}:{seconds % 60:02d}")
    before = await everything(shop.installation.db, shop.programme)
    answer = await shop.post(
        {"Authorization": f"Bearer {token}", "Pointbook-Key": shop.secret_key},
        'mutation { leaveProgramme(input: {confirm: {points: 0}, idempotencyKey: "k"}) {'
        " __typename ... on TokenTooOld { code seconds } } }",
        {},
    )
    if may:
        assert answer["leaveProgramme"] == {"__typename": "LeaveProgrammeSuccess"}
    else:
        assert answer["leaveProgramme"] == {"__typename": "TokenTooOld", "code": "TOKEN_TOO_OLD", "seconds": 300}
        assert await everything(shop.installation.db, shop.programme) == before


async def test_the_same_key_again_gets_the_first_answer_and_changes_nothing(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    await shop.join()
    await give_points(shop.installation, shop.programme, "c-1", 100, now=shop.clock())
    confirm = {"points": 100, "debt": 0}
    answers = await asyncio.gather(*(leave(shop, confirm=confirm, key="k") for _ in range(6)))
    assert answers == [{"points": 100, "debt": 0}] * 6
    before = await everything(shop.installation.db, shop.programme)
    assert await leave(shop, confirm=confirm, key="k") == answers[0]
    assert (await leave(shop, confirm={"points": 1, "debt": 0}, key="k"))["code"] == "IDEMPOTENCY_CONFLICT"
    assert (await leave(shop, confirm=confirm, key="other"))["code"] == "NOT_A_MEMBER"
    assert await everything(shop.installation.db, shop.programme) == before


async def test_staff_with_the_right_let_a_member_leave_and_the_audit_names_nobody(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00", signUpPoints=10)
    for name in ("c-1", "c-2"):
        await shop.join(name)
    members = {name: (await shop.me("id", name))["id"] for name in ("c-1", "c-2")}
    asked = f'{{ member(customerExternalId: "c-1") {{ leavingLoss {{ {LOSS} }} }} }}'
    assert (await shop.staff(asked))["member"]["leavingLoss"]["points"] == 10
    ben = NewKey(KeyKind.STAFF, "Ben", rights=ALL_RIGHTS - {Right.ERASE_MEMBERS})
    key = await create_key(shop.installation, shop.programme.id, ben, now=shop.clock())
    mutation = (
        'mutation { eraseMember(input: {customerExternalId: "c-1", confirm: {points: 10}, idempotencyKey: "k"})'
        " { __typename } }"
    )
    headers = {"Authorization": f"Bearer {key.text}"}
    answer = (await shop.client.post("/graphql", headers=headers, json={"query": mutation})).json()
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
    assert (await erase(shop, "c-1", 9))["code"] == "LOSS_CHANGED"
    assert await erase(shop, "c-1", 10, "k") == {"points": 10, "debt": 0}
    assert await erase(shop, "c-1", 10, "k") == {"points": 10, "debt": 0}
    assert (await erase(shop, "nobody", 10))["code"] == "NOT_A_MEMBER"
    await leave(shop, "c-2")
    entries = [
        entry
        for entry in await list_entries(shop.installation, shop.programme.id, first=20)
        if entry.change.action is Action.MEMBER_LEFT
    ]
    assert [(entry.change.subject, entry.change.after, entry.label) for entry in reversed(entries)] == [
        (f"member {members['c-1']}", {"points": 10, "debt": 0}, "Anna"),
        (f"member {members['c-2']}", {"points": 10, "debt": 0}, None),
    ]
    assert "'c-2'" not in str(entries)
    listed = await shop.staff("{ members(filter: {state: LEFT}) { nodes { id customerExternalIds email } } }")
    assert {node["id"] for node in listed["members"]["nodes"]} == set(members.values())
    assert (await shop.staff("{ members { nodes { id } } }"))["members"]["nodes"] == []


async def test_a_member_leaves_in_a_programme_that_is_stopped(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00", signUpPoints=10)
    await shop.join()
    shop.clock.now += SETTLING
    await change_state(shop.installation, shop.programme.id, ProgrammeState.EARNING_STOPPED, now=shop.clock())
    assert await leave(shop) == {"points": 10, "debt": 0}


async def test_a_return_after_leaving_gives_nothing_back_and_staff_are_told(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00", refundSplit="PROPORTIONAL")
    await shop.join()
    await give_points(shop.installation, shop.programme, "c-1", 600, now=shop.clock())
    hold = await shop.redeem(600, "80.00")
    assert (await shop.order("o-1", "80.00", voucherCode=hold["voucherCode"]))["points"] == 50
    await leave(shop)
    before = await totals(shop)
    back = await shop.take_back("r-1", "o-1")
    assert (back["outcome"], back["value"]["amount"], back["money"]["amount"]) == ("APPLIED", "80.00", "50.00")
    assert (back["pointsGivenBack"], back["pointsReversed"], back["forgiven"]) == (0, 50, 50)
    assert await totals(shop) == before
    [warning] = await warnings(shop)
    assert (warning["kind"], warning["subject"]) == ("MEMBER_HAS_LEFT", "order o-1")
    assert warning["detail"] == {"return": "r-1", "notGivenBack": 600, "notReversed": 50}
    again = await shop.take_back("r-1", "o-1")
    assert (again["replayed"], again["money"]) == (True, back["money"])
    assert len(await warnings(shop)) == 1


async def test_a_return_takes_back_from_who_earned_though_whose_points_paid_has_left(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    for name in ("c-1", "c-2"):
        await shop.join(name)
    await give_points(shop.installation, shop.programme, "c-1", 600, now=shop.clock())
    hold = await shop.redeem(600, "80.00")
    order = await shop.order("o-1", "80.00", customer={"externalId": "c-2"}, voucherCode=hold["voucherCode"])
    assert order["points"] == 50
    await leave(shop)
    back = await shop.take_back("r-1", "o-1")
    assert (back["pointsGivenBack"], back["pointsReversed"], back["forgiven"]) == (0, 50, 0)
    assert (await shop.balance("c-2"))["available"] == 0


async def test_what_is_reported_of_an_order_after_leaving_changes_no_points_and_names_nobody(
    opened: OpenShop,
) -> None:
    shop = await opened("2026-03-01 12:00")
    await shop.join()
    earned = await shop.order("earned", "10.00")
    waiting = await shop.order("waiting", "10.00", status="NEW")
    assert (earned["outcome"], waiting["outcome"]) == ("EARNED", "RECEIVED")
    await leave(shop)
    again = await shop.order("earned", "10.00", status="SHIPPED")
    assert (again["outcome"], again["points"]) == ("EARNED", 10)
    for _ in range(2):
        paid = await shop.order("waiting", "10.00")
        assert (paid["outcome"], paid["points"]) == ("RECEIVED", 0)
    assert [(warning["kind"], warning["subject"]) for warning in await warnings(shop)] == [
        ("MEMBER_HAS_LEFT", "order waiting")
    ]
    async with shop.installation.db.bare_transaction(shop.programme.id) as connection:
        assert await connection.fetchval("select count(*) from member_external_id") == 0
        assert await connection.fetchval("select count(customer_external_id) from sales_order") == 0


async def test_a_booking_that_is_cancelled_after_leaving_moves_nothing(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00", basePointsPerOrder=0)
    await shop.add_rule("Schnitt", "SERVICE", targets=["cut"], points=25)
    await shop.join()
    booked = await shop.book("b-1", "2026-03-09 10:00", serviceId="cut")
    assert booked["points"] == 25
    assert (await leave(shop)) == {"points": 25, "debt": 0}
    before = await totals(shop)
    for _ in range(2):
        cancelled = await shop.book("b-1", "2026-03-09 10:00", serviceId="cut", status="CANCELLED")
        assert (cancelled["outcome"], cancelled["replayed"]) == ("EARNED", True)
    assert await totals(shop) == before
    assert [(warning["kind"], warning["subject"]) for warning in await warnings(shop)] == [
        ("MEMBER_HAS_LEFT", "booking b-1")
    ]


async def test_a_voucher_of_who_left_pays_nothing_late_and_staff_are_told(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    await shop.join()
    await give_points(shop.installation, shop.programme, "c-1", 600, now=shop.clock())
    hold = await shop.redeem(600, "80.00")
    shop.clock.now = at("2026-03-01 12:20")
    await leave(shop)
    bought = "2026-03-01T12:10:00Z"
    late = await shop.order("o-1", "80.00", placedAt=bought, voucherCode=hold["voucherCode"])
    assert late["code"] == "VOUCHER_NOT_USABLE"
    captured = await shop.capture(hold["voucherCode"], "10.00", purchased_at=bought)
    assert captured["code"] == "REDEMPTION_ENDED"
    assert {warning["subject"].partition(" ")[0] for warning in await warnings(shop)} == {"order", "redemption"}


async def test_issued_gift_cards_stay_good_and_what_would_give_points_back_is_refused(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    rewards = Rewards(shop)
    await rewards.offer_card()
    await shop.sell("mug", 100)
    await shop.join()
    await give_points(shop.installation, shop.programme, "c-1", 1_000, now=shop.clock())
    card = await rewards.buy()
    order = await shop.exchange({"sku": "mug", "quantity": 1, "pricePoints": 100})
    shown = await loss(shop)
    assert (shown["points"], shown["giftCards"], shown["giftCardMoney"]) == (400, 1, {"amount": "50.00"})
    assert (shown["unsentGiftCards"], shown["exchangeOrders"]) == (1, 1)
    await leave(shop)
    void = await shop.staff(
        "mutation ($id: ID!) { voidGiftCard(input: {id: $id}) { ... on UserError { code } } }",
        id=card["card"]["id"],
    )
    assert void["voidGiftCard"] == {"code": "NOT_A_MEMBER"}
    assert (await rewards.use(card["code"], "20.00"))["balance"]["amount"] == "30.00"
    assert (await shop.decide("setExchanged", order["id"], exchanged=True))["state"] == "EXCHANGED"
    assert "gift_card.delivery" not in await topics(shop.installation.db, shop.programme)


async def test_an_exchange_order_of_who_has_left_is_cancelled_and_gives_only_the_pieces_back(
    opened: OpenShop,
) -> None:
    shop = await opened("2026-03-01 12:00")
    await shop.sell("mug", 100, stock=5)
    await shop.join()
    await give_points(shop.installation, shop.programme, "c-1", 300, now=shop.clock())
    order = await shop.exchange({"sku": "mug", "quantity": 2, "pricePoints": 100})
    await leave(shop)
    before = await totals(shop)
    for _ in range(2):
        assert (await shop.decide("cancelExchangeOrder", order["id"]))["state"] == "CANCELLED"
    assert await totals(shop) == before, "they stay redeemed"
    assert await shop.stock("mug") == 5


@pytest.mark.parametrize(("days", "again"), [(0, 100), (30, 0)])
async def test_joining_again_is_a_new_member_without_a_second_bonus_for_a_while(
    opened: OpenShop, days: int, again: int
) -> None:
    shop = await opened("2026-03-01 12:00", signUpPoints=100, rejoinBonusBlockDays=days)
    told: dict[str, Any] = {"customerExternalId": "c-1", "email": "ann@example.org", "emailVerified": True}
    first = await ask(shop, "enrolMember", **told)
    await leave(shop)
    second = await ask(shop, "enrolMember", **told | {"email": "ANN@example.org"})
    assert (first["signUpPoints"], second["created"], second["signUpPoints"]) == (100, True, again)
    assert first["member"]["id"] != second["member"]["id"]
    assert (await shop.me("id"))["id"] == second["member"]["id"], "an old token leads to the new account"
    assert (await shop.balance())["available"] == again
    await leave(shop)
    shop.clock.now = at("2026-03-31 12:00")  # the block ends 30 days after leaving
    assert (await ask(shop, "enrolMember", **told))["signUpPoints"] == 100


@pytest.mark.parametrize("again", ["c-1", "c-2"])
async def test_who_tells_no_address_gets_no_second_bonus_by_an_id_of_before(opened: OpenShop, again: str) -> None:
    shop = await opened("2026-03-01 12:00", signUpPoints=100, rejoinBonusBlockDays=30)
    assert (await ask(shop, "enrolMember", customerExternalId="c-1"))["signUpPoints"] == 100
    await ask(shop, "addCustomerExternalId", customerExternalId="c-1", furtherExternalId="c-2")
    await leave(shop)
    assert (await ask(shop, "enrolMember", customerExternalId=again))["signUpPoints"] == 0
    assert (await ask(shop, "enrolMember", customerExternalId="c-3"))["signUpPoints"] == 100


async def promised(shop: Shop, customer: str | None) -> list[int | None]:
    """The points for joining that a customer is told of, wherever a page asks for them."""
    placed = "... on ProductPoints { signUpPoints }"
    query = f"""query ($product: ProductInput!, $cart: EarnCartInput!) {{
      programme {{ signUpPoints }}
      productPoints(product: $product) {{ {placed} }}
      productPointsList(products: [$product]) {{ ... on ProductPointsList {{ products {{ signUpPoints }} }} }}
      servicePoints(service: "cut") {{ {placed} }}
      earnQuote(cart: $cart) {{ ... on EarnQuote {{ signUpPoints }} }}
    }}"""
    lines = [{"id": "1", "articleId": "tea", "quantity": 1, "amount": "2.50"}]
    asked: dict[str, Any] = {
        "product": {"articleId": "tea", "price": "2.50"},
        "cart": {"currency": "EUR", "lines": lines},
    }
    told = await (
        shop.as_guest(query, **asked) if customer is None else shop.as_customer(customer, query, **asked)
    )
    [of_list] = told.pop("productPointsList")["products"]
    return [each["signUpPoints"] for each in (*told.values(), of_list)]


async def test_who_gets_no_second_bonus_is_not_promised_one(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00", signUpPoints=100, rejoinBonusBlockDays=30)
    await shop.join()
    assert await promised(shop, "c-1") == [100, None, None, None, None], "a member is told of the programme's"
    await leave(shop)
    assert await promised(shop, "c-1") == [0] * 5
    assert await promised(shop, "c-2") == [100] * 5, "who was no member"
    assert await promised(shop, None) == [100] * 5, "a guest, who may be anybody"
    shop.clock.now = at("2026-03-31 12:00")  # the block ends 30 days after leaving
    assert await promised(shop, "c-1") == [100] * 5
    assert (await ask(shop, "enrolMember", customerExternalId="c-1"))["signUpPoints"] == 100


def of_a_member(shop: Shop, what: str, name: str) -> Coroutine[Any, Any, Any]:
    customer = {"externalId": name, "email": "a@example.org", "emailVerified": True}
    mug = {"sku": "mug", "quantity": 1, "pricePoints": 100}
    match what:
        case "order":
            return shop.order(f"o-{name}", "0.10", customer=customer)
        case "received":
            return shop.order(f"o-{name}", "10.00", customer=customer, status="NEW")
        case "redeem":
            return shop.redeem(50, "100.00", customer=name)
        case "exchange":
            return shop.exchange(mug, note="mine", customer=name)
        case "edit":
            return ask(shop, "updateMember", customerExternalId=name, email="a@example.org")
    return shop.book(f"b-{name}", "2026-03-09 10:00", customer=customer)


@pytest.mark.parametrize("other", ["order", "received", "redeem", "exchange", "edit", "book"])
async def test_leaving_while_something_else_happens_leaves_nothing_behind(opened: OpenShop, other: str) -> None:
    shop = await opened("2026-03-01 12:00")
    await shop.sell("mug", 100)
    for turn in range(8):
        name = f"c-{turn}"
        await shop.join(name)
        await give_points(shop.installation, shop.programme, name, 500, now=shop.clock())
        leaving = leave(shop, name, confirm={"points": 500, "debt": 0})
        both = [leaving, of_a_member(shop, other, name)] if turn % 2 else [of_a_member(shop, other, name), leaving]
        answers = await asyncio.gather(*both)
        left = answers[0 if turn % 2 else 1]
        if left.get("code") == "LOSS_CHANGED":
            left = await leave(shop, name)
        assert "points" in left, left
    async with shop.installation.db.bare_transaction(shop.programme.id) as connection:
        rows = await connection.fetch(
            "select external_id from sales_order where account_id is not null and customer_external_id is not null"
            " union all select external_id from booking"
            " where account_id is not null and customer_external_id is not null"
            " union all select note from exchange_order where note is not null"
            " union all select email from member where email is not null"
        )
    assert rows == []


async def test_another_process_that_still_knows_the_account_writes_nothing_of_who_left(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    await shop.join()
    await give_points(shop.installation, shop.programme, "c-1", 500, now=shop.clock())
    elsewhere = Installation.of(shop.installation.db, SECRET)
    known = await elsewhere.accounts.get(shop.programme.id, "c-1")
    await leave(shop)
    before = await everything(shop.installation.db, shop.programme)
    assert await elsewhere.accounts.get(shop.programme.id, "c-1") == known, "the control: it does know it"
    for call in (
        redeem(elsewhere, shop.programme, 100, now=shop.clock()),
        set_state(elsewhere, shop.programme.id, "c-1", MemberState.INACTIVE, now=shop.clock()),
        update_member(elsewhere, shop.programme.id, "c-1", {"locale": "en"}, by="test", now=shop.clock()),
        set_notifications(elsewhere, shop.programme.id, "c-1", opt_in=True, now=shop.clock()),
    ):
        with pytest.raises(errors.NotAMember):
            await call
    assert await everything(shop.installation.db, shop.programme) == before


async def test_a_balance_asked_of_another_process_is_that_of_nobody(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00", signUpPoints=10)
    await shop.join()
    await leave(shop)
    stale = shop.installation.accounts
    [member] = (await shop.staff("{ members(filter: {state: LEFT}) { nodes { id } } }"))["members"]["nodes"]
    async with shop.installation.db.bare_transaction(shop.programme.id) as connection:
        account_id = await connection.fetchval("select account_id from member")
    stale._cache._keep(
        (shop.programme.id, "c-1"), _Kept(AccountKey(account_id, UUID(hex=member["id"])), float("inf"))
    )
    headers = {"Authorization": f"Bearer {await shop._token('c-1')}", "Pointbook-Key": shop.secret_key}
    body = {"query": "{ me { email } }"}
    answer = (await shop.client.post("/graphql", headers=headers, json=body)).json()
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["NOT_A_MEMBER"]
    assert (await shop.balance())["spendable"] == 0


async def test_of_who_was_merged_nothing_is_left_either(opened: OpenShop) -> None:
    """Both rows are the one member's: the one that goes on, and the one that does not."""
    shop = await opened("2026-03-01 12:00", rejoinBonusBlockDays=30)
    for name in ("c-1", "c-2"):
        await ask(shop, "enrolMember", customerExternalId=name, email=f"{name}@example.org", birthday="1990-02-28")
        await give_points(shop.installation, shop.programme, name, 50, now=shop.clock())
    programme_id, accounts = shop.programme.id, shop.installation.accounts
    target, source = [(await accounts.get(programme_id, name)).account_id for name in ("c-1", "c-2")]
    async with shop.installation.db.bare_transaction(programme_id) as connection:
        for_ = Source("merge", "m")
        await ledger.merge(
            connection, programme_id, target, source, single_bonus=None, for_=for_, now=shop.clock()
        )
        await connection.execute("update member_external_id set account_id = $1", target)
        await connection.execute("update member set state = 'MERGED' where account_id = $1", source)
    assert await leave(shop, "c-2") == {"points": 100, "debt": 0}
    async with shop.installation.db.bare_transaction(programme_id) as connection:
        rows = await connection.fetch("select state, email, birthday from member order by state")
        assert [tuple(row) for row in rows] == [("LEFT", None, None), ("MERGED", None, None)]
        assert await connection.fetchval("select count(*) from member_external_id") == 0
        assert await connection.fetchval("select count(*) from rejoin_block") == 4, "two addresses, two ids"
