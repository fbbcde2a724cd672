"""Gift cards bought with points (R22, R29; E34), as everybody concerned sees them over HTTP."""

import asyncio
import json
from datetime import timedelta
from typing import Any

from pointbook.services.intake import submit_order
from pointbook.services.members import set_redemption_lock
from pointbook.services.programme_export import export_programme
from tests.scenarios.conftest import OpenShop
from tests.scenarios.rewards import Rewards
from tests.scenarios.shop import Shop
from tests.support import give_points, join_member, make_programme, outbox


async def with_points(opened: OpenShop, *points: int, **settings: Any) -> tuple[Shop, Rewards]:
    """A shop with a card of 50.00 for 500 points, and a member who has so many."""
    shop = await opened(**settings)
    rewards = Rewards(shop)
    await rewards.offer_card()
    await shop.join()
    if points:
        await give_points(shop.installation, shop.programme, "c-1", *points, now=shop.clock())
    return shop, rewards


async def test_e34_a_card_is_affordable_when_the_balance_suffices_and_never_overdrawn(opened: OpenShop) -> None:
    shop, rewards = await with_points(opened, 480)
    [shown] = await rewards.catalogue()
    assert (shown["affordable"], shown["missingPoints"]) == (False, 20)
    assert [(one["affordable"], one["missingPoints"]) for one in await rewards.catalogue(None)] == [(None, None)]
    refused = await rewards.buy()
    assert (refused["code"], refused["available"]) == ("INSUFFICIENT_POINTS", 480)

    await give_points(shop.installation, shop.programme, "c-1", 40, now=shop.clock())
    [shown] = await rewards.catalogue()
    assert (shown["affordable"], shown["missingPoints"]) == (True, 0)
    bought = await rewards.buy()
    assert (await shop.balance())["spendable"] == 20
    assert bought["card"]["balance"]["amount"] == "50.00"

    used = await rewards.use(bought["code"], "30.00", order="A-1")
    assert (used["balance"]["amount"], used["state"]) == ("20.00", "PARTLY_USED")
    answers = await asyncio.gather(*(rewards.use(bought["code"], "20.00", order="A-2") for _ in range(2)))
    assert sorted(answer.get("__typename", "used") for answer in answers) == ["GiftCardOverdrawn", "used"]
    seen = await rewards.look(bought["code"])
    assert seen is not None
    assert (seen["state"], seen["balance"]["amount"]) == ("USED", "0.00")
    assert [(entry["kind"], entry["paidExternalId"]) for entry in seen["history"]["nodes"]] == [
        ("USE", "A-2"),
        ("USE", "A-1"),
        ("ISSUE", None),
    ]
    [entry] = (await shop.me("history(first: 1) { nodes { kind points sourceType } }"))["history"]["nodes"]
    assert entry == {"kind": "SPEND", "points": -500, "sourceType": "gift_card"}


async def test_a_purchase_has_its_effect_once_and_the_code_is_found_again(opened: OpenShop) -> None:
    shop, rewards = await with_points(opened, 1_200)
    answers = await asyncio.gather(*(rewards.buy(key="k") for _ in range(10)))
    assert all(answer == answers[0] for answer in answers)
    assert (await shop.balance())["spendable"] == 700
    await rewards.use(answers[0]["code"], "5.00")
    await rewards.offer_card(pricePoints=600)  # what was bought stays bought
    assert await rewards.buy(key="k") == answers[0]
    [mine] = (await rewards.mine())["nodes"]
    assert (mine["code"], mine["name"], mine["card"]["balance"]["amount"]) == (
        answers[0]["code"],
        "Gutschein",
        "45.00",
    )
    assert mine["qrCode"].startswith("<svg ")
    conflict = await rewards.buy(key="k", price=600)
    assert conflict["code"] == "IDEMPOTENCY_CONFLICT"


async def test_a_member_s_cards_come_in_pages_and_are_nobody_else_s(opened: OpenShop) -> None:
    shop, rewards = await with_points(opened, 1_500)
    codes = [(await rewards.buy())["code"] for _ in range(3)]
    page = await rewards.mine(first=2)
    rest = await rewards.mine(first=2, after=page["pageInfo"]["endCursor"])
    assert [card["code"] for card in page["nodes"] + rest["nodes"]] == codes[::-1]
    assert (page["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)
    await shop.join("c-2")
    assert (await rewards.mine("c-2"))["nodes"] == []


async def test_of_two_purchases_that_the_balance_does_not_cover_one_is_made(opened: OpenShop) -> None:
    shop, rewards = await with_points(opened, 700)
    answers = await asyncio.gather(*(rewards.buy() for _ in range(8)))
    assert [answer.get("code") for answer in answers].count("INSUFFICIENT_POINTS") == 7
    assert (await shop.balance())["spendable"] == 200


async def test_a_price_that_changed_since_it_was_shown_is_told(opened: OpenShop) -> None:
    shop, rewards = await with_points(opened, 1_000)
    await rewards.offer_card(pricePoints=600)
    refused = await rewards.buy(price=500)
    assert (refused["__typename"], refused["pricePoints"]) == ("PriceChanged", 600)
    await rewards.offer_card(active=False, pricePoints=600)
    assert (await rewards.buy(price=600))["code"] == "NOT_IN_CATALOGUE"
    assert (await rewards.buy("card-99"))["code"] == "NOT_IN_CATALOGUE"
    assert (await shop.balance())["spendable"] == 1_000


async def test_who_may_not_spend_buys_no_card(opened: OpenShop) -> None:
    shop, rewards = await with_points(opened, 500)
    assert (await rewards.buy(customer="nobody"))["code"] == "NOT_A_MEMBER"
    await set_redemption_lock(shop.installation, shop.programme.id, "c-1", locked=True, now=shop.clock())
    assert (await rewards.buy())["code"] == "REDEMPTION_LOCKED"
    assert (await shop.balance())["spendable"] == 500


async def test_a_card_for_somebody_else_is_sent_on_their_day(opened: OpenShop) -> None:
    shop, rewards = await with_points(opened, 1_000)  # 2026-03-01 10:00 in Berlin
    to = {"name": "Ola", "email": "ola@example.com", "message": "Alles Gute!\nEva", "deliverOn": "2026-03-14"}
    bought = await rewards.buy(recipient=to)
    assert bought["deliverAt"] == "2026-03-14T07:00:00Z"
    assert bought["recipient"] == {"name": "Ola", "email": "ola@example.com", "message": "Alles Gute!\nEva"}
    promised = [payload for topic, payload in await outbox(shop.installation.db, shop.programme)]
    assert {"giftCard": bought["card"]["id"]} in promised
    assert not any("ola" in str(payload) for payload in promised)
    for wrong, field in (
        ({"email": "ola"}, "recipient.email"),
        ({"email": "o@example.com", "deliverOn": "2026-02-28"}, "recipient.deliverOn"),
        ({"email": "o@example.com", "deliverOn": "2027-03-03"}, "recipient.deliverOn"),
        ({"email": "o@example.com", "message": "x" * 501}, "recipient.message"),
    ):
        refused = await rewards.buy(recipient=wrong)
        assert (refused["code"], refused["field"]) == ("INVALID_INPUT", field)
    assert (await shop.balance())["spendable"] == 500


async def test_a_card_ends_with_the_local_day_so_many_days_later(opened: OpenShop) -> None:
    shop, rewards = await with_points(opened, 500)
    await rewards.offer_card(validityDays=30)
    bought = await rewards.buy()
    assert bought["card"]["expiresAt"] == "2026-03-31T22:00:00Z"
    shop.clock.now += timedelta(days=31)
    seen = await rewards.look(bought["code"])
    assert seen is not None
    assert seen["state"] == "EXPIRED"
    assert (await rewards.use(bought["code"], "1.00"))["code"] == "GIFT_CARD_ENDED"


async def test_r22_the_public_learns_nothing_of_a_code_that_does_not_pay(opened: OpenShop) -> None:
    _, rewards = await with_points(opened, 500)
    bought = await rewards.buy()
    good = await rewards.balance(bought["code"].lower())
    assert good["balance"] == {"amount": "50.00", "currency": "EUR"}
    await rewards.use(bought["code"], "50.00")
    answers = [await rewards.balance(code) for code in (bought["code"], "0000-0000-0000-0000", "x")]
    assert answers[0]["code"] == "GIFT_CARD_NOT_USABLE"
    assert all(answer == answers[0] for answer in answers)
    assert await rewards.look("0000-0000-0000-0000") is None


async def test_a_card_that_is_set_aside_is_still_one(opened: OpenShop) -> None:
    _, rewards = await with_points(opened, 500)
    code = (await rewards.buy())["code"]
    await rewards.hold(code, "50.00")
    assert (await rewards.balance(code))["balance"]["amount"] == "0.00"


async def test_the_history_names_the_card_as_everybody_does(opened: OpenShop) -> None:
    shop, rewards = await with_points(opened, 500)
    card = (await rewards.buy())["card"]
    await rewards.void(card["id"])
    nodes = (await shop.me("history(first: 2) { nodes { sourceType sourceId } }"))["history"]["nodes"]
    assert nodes == [
        {"sourceType": "gift_card_void", "sourceId": card["id"]},
        {"sourceType": "gift_card", "sourceId": card["id"]},
    ]


async def test_what_a_form_leaves_empty_is_not_said(opened: OpenShop) -> None:
    _, rewards = await with_points(opened, 500)
    bought = await rewards.buy(recipient={"email": "ola@example.com", "name": "", "message": ""})
    assert bought["recipient"] == {"email": "ola@example.com", "name": None, "message": None}


async def test_r22_guesses_are_throttled_and_a_member_next_door_is_not(opened: OpenShop) -> None:
    shop, rewards = await with_points(opened, 500)
    bought = await rewards.buy()
    for number in range(10):
        assert (await rewards.balance(f"{number:016}"))["code"] == "GIFT_CARD_NOT_USABLE"
    throttled = await rewards.balance(bought["code"])
    assert throttled["__typename"] == "TooManyGuesses"
    assert 0 < throttled["retryAfter"] <= 601
    answer = await shop.as_customer(
        "c-1",
        "query ($code: String!) { giftCardBalance(code: $code) { __typename } }",
        code=bought["code"],
    )
    assert answer["giftCardBalance"]["__typename"] == "GiftCardBalance"


async def test_staff_find_cards_and_void_an_unused_one(opened: OpenShop) -> None:
    shop, rewards = await with_points(opened, 1_000)
    used, unused = await rewards.buy(), await rewards.buy()
    await rewards.use(used["code"], "1.00")
    found = await rewards.issued(customerExternalId="c-1")
    assert [(card["customerExternalIds"], card["card"]["lastFour"]) for card in found] == [
        (["c-1"], unused["code"][-4:]),
        (["c-1"], used["code"][-4:]),
    ]
    [by_code] = await rewards.issued(lastFour=used["code"][-4:].lower())
    assert by_code["card"]["id"] == used["card"]["id"]
    assert await rewards.issued(customerExternalId="nobody") == []
    assert (await rewards.void(used["card"]["id"]))["code"] == "GIFT_CARD_IN_USE"
    assert (await rewards.void("0" * 32))["code"] == "GIFT_CARD_NOT_USABLE"
    voided = await rewards.void(unused["card"]["id"])
    assert (voided["points"], voided["giftCard"]["state"]) == (500, "VOID")
    assert (await shop.balance())["spendable"] == 500
    assert (await rewards.use(unused["code"], "1.00"))["code"] == "GIFT_CARD_ENDED"


async def test_a_void_card_is_not_sent_any_more(opened: OpenShop) -> None:
    shop, rewards = await with_points(opened, 500)
    bought = await rewards.buy(recipient={"email": "ola@example.com", "deliverOn": "2026-03-14"})
    await rewards.void(bought["card"]["id"])
    topics = [topic for topic, _ in await outbox(shop.installation.db, shop.programme)]
    assert "gift_card.delivery" not in topics


def paid_by(code: str, amount: str) -> dict[str, Any]:
    return {"payments": [{"kind": "gift card", "amount": amount, "giftCardCode": code}]}


async def test_r11_what_a_bought_card_has_paid_counts_like_points_redeemed(opened: OpenShop) -> None:
    shop, rewards = await with_points(opened, 500)
    code = (await rewards.buy())["code"]
    assert (await shop.order("A", "80.00", **paid_by(code.lower(), "30.00")))["points"] == 50
    assert (await shop.order("B", "80.00", **paid_by("0000-0000-0000-0000", "30.00")))["points"] == 80
    assert (await shop.order("C", "80.00", **paid_by("the shop's own", "30.00")))["points"] == 80
    again = await shop.order("A", "80.00", **paid_by(code, "30.00"))
    assert (again["outcome"], again["points"]) == ("EARNED", 50)
    assert (await shop.balance())["available"] == 210


async def test_r25_a_return_takes_back_what_the_rest_would_not_have_earned(opened: OpenShop) -> None:
    """48.00 of 80.00 remain; of the card's 30.00 that is 18.00, so 30 of the 50 points are for what remains."""
    shop, rewards = await with_points(opened, 500)
    code = (await rewards.buy())["code"]
    lines = [
        {"id": "1", "articleId": "a", "quantity": "1", "amount": "32.00"},
        {"id": "2", "articleId": "b", "quantity": "1", "amount": "48.00"},
    ]
    await shop.order("A", "80.00", lines=lines, **paid_by(code, "30.00"))
    part = await shop.take_back("R-1", "A", {"id": "1", "quantity": "1"})
    assert (part["pointsReversed"], part["money"]["amount"]) == (20, "32.00")
    rest = await shop.take_back("R-2", "A")
    assert (rest["pointsReversed"], rest["money"]["amount"]) == (30, "48.00")


async def test_a_card_that_would_be_over_before_its_day_is_not_sold(opened: OpenShop) -> None:
    shop, rewards = await with_points(opened, 500)
    await rewards.offer_card(validityDays=1)
    refused = await rewards.buy(recipient={"email": "ola@example.com", "deliverOn": "2026-03-14"})
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "recipient.deliverOn")
    assert (await rewards.buy(recipient={"email": "ola@example.com", "deliverOn": "2026-03-02"}))["code"]
    assert (await shop.balance())["spendable"] == 0


async def test_another_face_value_than_was_shown_is_told(opened: OpenShop) -> None:
    shop, rewards = await with_points(opened, 500)
    shown = {"amount": "50.00", "currency": "EUR"}
    await rewards.offer_card(faceValue="5.00")
    refused = await rewards.buy(faceValue=shown)
    assert (refused["code"], refused["pricePoints"], refused["faceValue"]) == ("PRICE_CHANGED", 500, "5.00")
    assert (await shop.balance())["spendable"] == 500
    await rewards.offer_card()
    assert (await rewards.buy(faceValue=shown))["card"]["balance"]["amount"] == "50.00"


async def test_i8_a_repeated_purchase_tells_the_card_as_it_was_bought(opened: OpenShop) -> None:
    """Also when a refund has given it a later expiry since."""
    shop, rewards = await with_points(opened, 500)
    await rewards.offer_card(validityDays=1)
    bought = await rewards.buy(key="k")
    await rewards.use(bought["code"], "10.00", order="A")
    shop.clock.now += timedelta(days=5)
    await shop.as_server(
        "mutation ($input: RefundGiftCardInput!) { refundGiftCard(input: $input) { __typename } }",
        input={
            "code": bought["code"],
            "amount": {"amount": "10.00", "currency": "EUR"},
            "orderExternalId": "A",
            "idempotencyKey": "r",
        },
    )
    seen = await rewards.look(bought["code"])
    assert seen is not None
    assert (seen["balance"]["amount"], seen["expiresAt"]) == ("10.00", "2026-04-05T22:00:00Z")
    assert await rewards.buy(key="k") == bought


async def test_an_exported_order_keeps_that_a_card_paid(opened: OpenShop) -> None:
    shop, rewards = await with_points(opened, 500)
    code = (await rewards.buy())["code"]
    await shop.order("A", "80.00", **paid_by(code, "30.00"))
    lines = [
        json.loads(line) async for line in export_programme(shop.installation, shop.programme, now=shop.clock())
    ]
    [document] = [line["document"] for line in lines if line["type"] == "order"]
    assert document["payments"] == [{"kind": "gift card", "amount": "30.00", "withPoints": True}]
    again = await submit_order(shop.installation, shop.programme.id, document, now=shop.clock())
    assert (again.replayed, again.points) == (True, 50)
    other = await make_programme(shop.installation, now=shop.clock())
    await join_member(shop.installation, other, now=shop.clock())
    assert (await submit_order(shop.installation, other.id, document, now=shop.clock())).points == 50
