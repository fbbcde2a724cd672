"""A call whose answer was lost gets it when it is sent again, whatever programme and member have become (I8)."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.services.directory import ProgrammeState
from pointbook.services.members import MemberState, set_redemption_lock, set_state
from pointbook.services.programmes import SETTLING, change_state
from pointbook.services.settings_versions import change_currency
from tests.scenarios.conftest import OpenShop
from tests.scenarios.rewards import Rewards
from tests.scenarios.shop import Shop
from tests.scenarios.test_adjustments import adjust, undo
from tests.scenarios.test_leaving import leave
from tests.scenarios.test_merging import ask, decide, prove, two_members
from tests.support import DAY, everything

Call = Callable[[], Awaitable[dict[str, Any]]]
_ERRORS = "__typename ... on UserError { code message }"
_CARD = "giftCard { state balance { amount } held { amount } }"
GUEST = {"externalId": "guest"}
BAG = {"sku": "bag", "quantity": 1, "pricePoints": 40}


class Journey:
    """Every call with a key, or with a name of its own, that moves points or cards; each can be made again."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.calls: dict[str, Call] = {}

    async def make(self, name: str, call: Call) -> dict[str, Any]:
        answer = await call()
        assert "message" not in answer, (name, answer)
        self.calls[name] = call
        return answer

    async def again(self) -> dict[str, dict[str, Any]]:
        return {name: await call() for name, call in self.calls.items()}


async def by_server(shop: Shop, mutation: str, answer: str, **given: Any) -> dict[str, Any]:
    kind = mutation[0].upper() + mutation[1:]
    query = (
        f"mutation ($input: {kind}Input!) {{ {mutation}(input: $input) {{"
        f" {_ERRORS} ... on {kind}Success {{ {answer} }} }} }}"
    )
    found: dict[str, Any] = (await shop.as_server(query, input=given))[mutation]
    return found


def euros(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


async def through_all(shop: Shop) -> Journey:
    """Nothing is outstanding at its end."""
    journey, rewards = Journey(shop), Rewards(shop)
    make = journey.make
    await two_members(shop)
    await rewards.offer_card()
    await shop.sell("bag", 40)
    await change_state(shop.installation, shop.programme.id, ProgrammeState.EARNING_STOPPED, now=shop.clock())
    await make("join", lambda: shop.join("c-1"))
    placed = shop.clock().isoformat()
    await make("submitOrder", lambda: shop.order("o-1", "10.00", placedAt=placed))
    await make("submitOrder of a guest", lambda: shop.order("o-2", "10.00", placedAt=placed, customer=GUEST))
    await make("submitReturn", lambda: shop.take_back("r-1", "o-1"))
    await make("submitReturn before its order", lambda: shop.take_back("r-2", "unknown"))
    await shop.add_rule("cut", "SERVICE", points=25, targets=["cut"])
    begins = shop.clock().isoformat()
    await make("submitBooking", lambda: shop.book(starts_at=begins))
    await make("submitBooking of a guest", lambda: shop.book("b-2", begins, customer=GUEST))
    await make("adjustPoints", lambda: adjust(shop, 2_000, idempotencyKey="adjust"))
    plus = await adjust(shop, 10)
    await make("undoAdjustment", lambda: undo(shop, plus["id"], idempotencyKey="undo"))
    held = await make("redeemPoints", lambda: shop.redeem(100, "50.00", key="redeem"))
    await make("extendRedemption", lambda: shop.extend(held["id"], "extend"))
    await make("captureRedemption", lambda: shop.capture(held["voucherCode"], key="capture"))
    other = (await shop.redeem(100, "50.00", cart="cart-2"))["id"]
    await make("cancelRedemption", lambda: cancel(shop, other))
    third = (await shop.redeem(100, "50.00", cart="cart-3"))["voucherCode"]
    await make("releaseRedemption", lambda: release(shop, third))
    code = (await make("buyGiftCard", lambda: rewards.buy(key="buy")))["code"]
    card = {"code": code, "amount": euros("50.00")}
    hold = await make(
        "holdGiftCard", lambda: by_server(shop, "holdGiftCard", f"holdId {_CARD}", idempotencyKey="hold", **card)
    )
    await make(
        "releaseGiftCardHold",
        lambda: by_server(
            shop, "releaseGiftCardHold", _CARD, code=code, holdId=hold["holdId"], idempotencyKey="release"
        ),
    )
    await make("useGiftCard", lambda: by_server(shop, "useGiftCard", _CARD, idempotencyKey="use", **card))
    await make("refundGiftCard", lambda: by_server(shop, "refundGiftCard", _CARD, idempotencyKey="refund", **card))
    await by_server(shop, "useGiftCard", _CARD, idempotencyKey="use again", **card)
    void = (await rewards.buy())["card"]["id"]
    await make("voidGiftCard", lambda: rewards.void(void))
    order = await make("placeExchangeOrder", lambda: shop.exchange(BAG, key="exchange"))
    await shop.decide("setExchanged", order["id"], exchanged=True)
    cancelled = (await shop.exchange(BAG))["id"]
    await make("cancelExchangeOrder", lambda: shop.decide("cancelExchangeOrder", cancelled))
    request = await make("requestMerge", lambda: ask(shop, key="merge"))
    await prove(shop, request)
    await make("approveMerge", lambda: approve(shop, request))
    await adjust(shop, -(await shop.balance())["available"])
    return journey


async def cancel(shop: Shop, redemption: str) -> dict[str, Any]:
    answer = await shop.as_customer(
        "c-1",
        "mutation ($input: CancelRedemptionInput!) { cancelRedemption(input: $input) {"
        f" {_ERRORS} ... on CancelRedemptionSuccess {{ redemption {{ id state points }} }} }} }}",
        input={"redemptionId": redemption, "idempotencyKey": "cancel"},
    )
    found: dict[str, Any] = answer["cancelRedemption"]
    return found


async def release(shop: Shop, voucher: str) -> dict[str, Any]:
    answer = "redemption { id state points }"
    return await by_server(shop, "releaseRedemption", answer, voucherCode=voucher, idempotencyKey="give back")


async def approve(shop: Shop, request: dict[str, Any]) -> dict[str, Any]:
    """The request, without the two members as they stand."""
    decided = await decide(shop, "approveMerge", request)
    found: dict[str, Any] = decided.get("request", decided)
    return found


async def close(shop: Shop) -> None:
    shop.clock.now += SETTLING
    await change_state(shop.installation, shop.programme.id, ProgrammeState.CLOSED, now=shop.clock())


async def test_i8_what_was_answered_is_answered_again_when_the_programme_is_closed(opened: OpenShop) -> None:
    shop = await opened()
    journey = await through_all(shop)
    answered = await journey.again()
    await close(shop)
    assert await journey.again() == answered


async def test_what_is_new_is_refused_when_the_programme_is_closed(opened: OpenShop) -> None:
    shop = await opened()
    await through_all(shop)
    await close(shop)
    before = await everything(shop.installation.db, shop.programme)
    now = shop.clock().isoformat()
    answers = [
        await shop.order("o-3", "10.00"),
        await shop.order("o-2", "11.00", customer=GUEST),
        await shop.take_back("r-3", "o-1"),
        await shop.take_back("r-2", "another"),
        await shop.book("b-3"),
        await shop.book(starts_at=now, status="CANCELLED"),
        await shop.join("c-3"),
        await adjust(shop, 10),
        await shop.redeem(10, "50.00"),
        await shop.exchange(BAG),
        await ask(shop, "somebody@shop.example"),
        await Rewards(shop).buy(),
    ]
    assert {answer["code"] for answer in answers} == {"PROGRAMME_NOT_OPEN"}
    assert await everything(shop.installation.db, shop.programme) == before


async def test_i8_a_member_who_may_do_nothing_any_more_is_answered_what_was_done(opened: OpenShop) -> None:
    shop = await opened()
    journey = await through_all(shop)
    answered = await journey.again()
    member = shop.installation, shop.programme.id, "c-1"
    await set_redemption_lock(*member, locked=True, now=shop.clock())
    await set_state(*member, MemberState.INACTIVE, now=shop.clock())
    assert await journey.again() == answered


async def test_r21_a_late_purchase_is_answered_again_when_it_could_not_be_reported_any_more(
    opened: OpenShop,
) -> None:
    shop = await opened()
    await shop.join()
    await adjust(shop, 100)
    held = await shop.redeem(100, "50.00")
    bought = shop.clock().isoformat()
    shop.clock.now += DAY

    async def capture(key: str) -> dict[str, Any]:
        return await shop.capture(held["voucherCode"], key=key, purchased_at=bought)

    captured = await capture("k")
    shop.clock.now += 7 * DAY
    assert await capture("k") == captured
    assert (await capture("another"))["code"] == "INVALID_INPUT"


async def test_a_card_of_a_former_currency_is_answered_what_it_did(opened: OpenShop) -> None:
    shop = await opened()
    journey = await through_all(shop)
    await close(shop)
    dollars = ProgrammeSettings.from_document({}, "USD")
    await change_currency(shop.installation, shop.programme.id, "USD", dollars, now=shop.clock())
    await change_state(shop.installation, shop.programme.id, ProgrammeState.ACTIVE, now=shop.clock())
    again = await journey.again()
    for name in ("useGiftCard", "holdGiftCard", "releaseGiftCardHold", "refundGiftCard"):
        assert again[name]["__typename"].endswith("Success"), again[name]


async def test_r34_who_has_left_is_answered_so_also_by_a_token_that_is_not_fresh_any_more(
    opened: OpenShop,
) -> None:
    shop = await opened()
    await shop.join()
    token = await shop._token("c-1")
    shop.clock.now += timedelta(minutes=4)
    shop._tokens["c-1"] = (shop.clock(), token)
    left = await leave(shop, key="k")
    shop.clock.now += timedelta(minutes=4)
    shop._tokens["c-1"] = (shop.clock(), token)
    nothing = {"points": 0, "debt": 0}
    assert await leave(shop, key="k", confirm=nothing) == left == nothing
    assert (await leave(shop, confirm=nothing))["code"] == "TOKEN_TOO_OLD"
