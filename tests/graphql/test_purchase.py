"""A purchase paid with points through the API, and what is refused on the way."""

from typing import Any

import pytest

from pointbook.services.directory import ProgrammeState
from tests.http.fixtures import Reply, Shop, make_shop
from tests.http.statements import statements
from tests.support import (
    MINUTE,
    MOMENT,
    NOW,
    everything,
    join_member,
    member_with_points,
    order_document,
    violations,
)

CART = {"id": "cart-1", "total": "19.99", "currency": "EUR"}
REDEEM = """
mutation ($input: RedeemPointsInput!) {
  redeemPoints(input: $input) {
    __typename
    ... on RedeemPointsSuccess {
      redemption {
        id voucherCode state points value { amount currency } remainingToPay { amount } expiresAt extensionsLeft
        millisecondsLeft endedAt capturedPoints
      }
    }
    ... on UserError { code message }
    ... on InvalidInput { field }
    ... on InsufficientPoints { requested available }
    ... on ExceedsCart { maximumPoints }
  }
}
"""
EXTEND = """
mutation ($input: ExtendRedemptionInput!) {
  extendRedemption(input: $input) {
    ... on ExtendRedemptionSuccess { redemption { state expiresAt extensionsLeft millisecondsLeft endedAt } }
    ... on UserError { code }
  }
}
"""
CANCEL = """
mutation ($input: CancelRedemptionInput!) {
  cancelRedemption(input: $input) {
    ... on CancelRedemptionSuccess { redemption { state endedAt } }
    ... on UserError { code }
  }
}
"""
CAPTURE = """
mutation ($input: CaptureRedemptionInput!) {
  captureRedemption(input: $input) {
    ... on CaptureRedemptionSuccess { redemption { state capturedPoints capturedValue { amount } } }
    ... on UserError { code }
    ... on InvalidInput { field }
  }
}
"""
RELEASE = """
mutation ($input: ReleaseRedemptionInput!) {
  releaseRedemption(input: $input) {
    ... on ReleaseRedemptionSuccess { redemption { state } }
    ... on UserError { code }
  }
}
"""
SUBMIT = """
mutation ($input: SubmitOrderInput!) {
  submitOrder(input: $input) {
    ... on SubmitOrderSuccess { externalId outcome points total { amount } redeemed { amount } replayed }
    ... on UserError { code message }
    ... on InvalidInput { field }
  }
}
"""
SUBMIT_MANY = """
mutation ($input: SubmitOrdersInput!) {
  submitOrders(input: $input) {
    ... on SubmitOrdersSuccess {
      results {
        ... on SubmitOrderSuccess { externalId outcome points }
        ... on UserError { code }
        ... on InvalidInput { field }
      }
    }
    ... on UserError { code }
  }
}
"""


async def _redeem(shop: Shop, key: str = "k-1", mode: str = "FULL", **more: Any) -> Reply:
    given = {"mode": mode, "cart": {**CART, **more.pop("cart", {})}, "idempotencyKey": key, **more}
    return await shop.as_customer(REDEEM, input=given)


async def _held(shop: Shop, **more: Any) -> Any:
    return (await _redeem(shop, **more)).data["redeemPoints"]["redemption"]


async def test_a_purchase_paid_with_points_end_to_end(shop: Shop) -> None:
    join = (
        "mutation { join(input: {acceptTerms: true}) {"
        " ... on JoinSuccess { created signUpPoints member { id balance { spendable } } } } }"
    )
    joined = (await shop.as_customer(join)).data["join"]
    assert (joined["created"], joined["signUpPoints"]) == (True, 100)
    assert joined["member"]["balance"] == {"spendable": 100}
    assert (await shop.as_customer(join)).data["join"]["created"] is False

    order = order_document("o-1", "300.00", placedAt="2026-03-01T08:00:00Z")
    earned = (await shop.as_server(SUBMIT, input={"order": _copy(order)})).data["submitOrder"]
    assert (earned["outcome"], earned["points"], earned["replayed"]) == ("EARNED", 300, False)

    held = await _held(shop)  # E06: 399 points would be the most for 19.99
    assert (held["points"], held["value"], held["remainingToPay"]) == (
        399,
        {"amount": "19.95", "currency": "EUR"},
        {"amount": "0.04"},
    )
    assert held["expiresAt"] == "2026-03-01T09:15:00Z"

    shop.clock.now = NOW + 10 * MINUTE
    extended = await shop.as_customer(EXTEND, input={"redemptionId": held["id"], "idempotencyKey": "e-1"})
    extension = extended.data["extendRedemption"]["redemption"]
    assert (extension["expiresAt"], extension["extensionsLeft"]) == ("2026-03-01T09:25:00Z", 9)

    paid = order_document("o-2", "19.99", voucherCode=held["voucherCode"])
    submitted = (await shop.as_server(SUBMIT, input={"order": _copy(paid)})).data["submitOrder"]
    assert (submitted["redeemed"], submitted["points"]) == ({"amount": "19.95"}, 0)
    again = (await shop.as_server(SUBMIT, input={"order": _copy(paid)})).data["submitOrder"]
    assert again == {**submitted, "replayed": True}

    state = "query ($code: String!) { voucher(code: $code) { state capturedPoints } }"
    assert (await shop.as_server(state, code=held["voucherCode"])).data["voucher"] == {
        "state": "CAPTURED",
        "capturedPoints": 399,
    }
    assert await violations(shop.installation.db) == []


async def test_e06_partial_and_e07_by_quote(shop: Shop) -> None:
    await member_with_points(shop.installation, shop.programme, 150)  # and 100 for joining
    query = """
    query ($cart: CartInput!, $points: Points) {
      redemptionQuote(cart: $cart, points: $points) {
        ... on RedemptionQuote { points value { amount } remainingToPay { amount } available }
        ... on UserError { code }
      }
    }
    """
    full = (await shop.as_customer(query, cart=CART)).data["redemptionQuote"]
    assert full == {
        "points": 250,
        "value": {"amount": "12.50"},
        "remainingToPay": {"amount": "7.49"},
        "available": 250,
    }
    partial = (await shop.as_customer(query, cart=CART, points=120)).data["redemptionQuote"]
    assert partial["value"] == {"amount": "6.00"}
    assert (await shop.as_customer(query, cart=CART, points=0)).data["redemptionQuote"] == {
        "code": "INVALID_INPUT"
    }


async def test_e21_the_second_cart_hears_what_is_left(shop: Shop) -> None:
    await join_member(shop.installation, shop.programme)
    await _held(shop, mode="PARTIAL", points=80, key="a")
    refused = (await _redeem(shop, mode="PARTIAL", points=80, key="b", cart={"id": "cart-2"})).data["redeemPoints"]
    assert (refused["code"], refused["requested"], refused["available"]) == ("INSUFFICIENT_POINTS", 80, 20)


async def test_the_same_key_gets_the_same_answer_and_another_input_a_conflict(shop: Shop) -> None:
    await join_member(shop.installation, shop.programme)
    first = await _held(shop, mode="PARTIAL", points=40)
    assert await _held(shop, mode="PARTIAL", points=40) == first
    conflict = (await _redeem(shop, mode="PARTIAL", points=41)).data["redeemPoints"]
    assert conflict["__typename"] == "IdempotencyConflict"


async def _cancel(shop: Shop, held: Any) -> None:
    await shop.as_customer(CANCEL, input={"redemptionId": held["id"], "idempotencyKey": "x"})


async def _capture(shop: Shop, held: Any) -> None:
    await shop.as_server(CAPTURE, input={"voucherCode": held["voucherCode"], "idempotencyKey": "x"})


async def _replace(shop: Shop, _held: Any) -> None:
    await _redeem(shop, key="other", mode="PARTIAL", points=50)


async def _let_lapse(shop: Shop, _held: Any) -> None:
    shop.clock.now = NOW + 15 * MINUTE


_ENDS = {"RELEASED": _cancel, "CAPTURED": _capture, "LAPSED": _let_lapse}
_WHAT_AND_HOW_MUCH = ("id", "voucherCode", "points", "value", "remainingToPay")


@pytest.mark.parametrize(("state", "end"), [*_ENDS.items(), ("RELEASED", _replace)])
async def test_who_asks_again_for_a_code_hears_that_it_is_void(shop: Shop, state: str, end: Any) -> None:
    """The first answer may have been lost: a client must not take the code for a good one."""
    await join_member(shop.installation, shop.programme)
    first = await _held(shop, mode="PARTIAL", points=40)
    shop.clock.now = NOW + MINUTE
    await end(shop, first)
    ended = shop.clock.now
    shop.clock.now += MINUTE
    again = await _held(shop, mode="PARTIAL", points=40)
    assert [again[part] for part in _WHAT_AND_HOW_MUCH] == [first[part] for part in _WHAT_AND_HOW_MUCH]
    assert again["endedAt"] == ended.isoformat().replace("+00:00", "Z")
    assert (again["state"], again["millisecondsLeft"], again["extensionsLeft"]) == (state, 0, 0)
    assert again["capturedPoints"] == (40 if state == "CAPTURED" else None)


async def test_who_asks_again_hears_how_long_a_code_is_good_now(shop: Shop) -> None:
    await join_member(shop.installation, shop.programme)
    held = await _held(shop)
    assert (held["millisecondsLeft"], held["extensionsLeft"]) == (900_000, 10)
    shop.clock.now = NOW + 5 * MINUTE
    assert (await _held(shop))["millisecondsLeft"] == 600_000
    for key, minute in (("e-1", 6), ("e-2", 8)):
        shop.clock.now = NOW + minute * MINUTE
        await shop.as_customer(EXTEND, input={"redemptionId": held["id"], "idempotencyKey": key})
    now = {"expiresAt": "2026-03-01T09:23:00Z", "extensionsLeft": 8}
    again = await _held(shop)
    assert {part: again[part] for part in now} == now
    extended = await shop.as_customer(EXTEND, input={"redemptionId": held["id"], "idempotencyKey": "e-1"})
    assert extended.data["extendRedemption"]["redemption"] == {
        **now,
        "state": "HELD",
        "millisecondsLeft": 900_000,
        "endedAt": None,
    }


@pytest.mark.parametrize(("state", "end"), _ENDS.items())
async def test_who_asks_again_to_extend_hears_that_it_has_ended(shop: Shop, state: str, end: Any) -> None:
    await join_member(shop.installation, shop.programme)
    held = await _held(shop)
    asked = {"redemptionId": held["id"], "idempotencyKey": "e-1"}
    await shop.as_customer(EXTEND, input=asked)  # at this very instant, so that its end tells nothing
    await end(shop, held)
    again = (await shop.as_customer(EXTEND, input=asked)).data["extendRedemption"]["redemption"]
    ended = shop.clock.now.isoformat().replace("+00:00", "Z")
    assert again == {
        "state": state,
        "expiresAt": "2026-03-01T09:15:00Z",
        "extensionsLeft": 0,
        "millisecondsLeft": 0,
        "endedAt": ended,
    }


async def test_holding_and_extending_are_one_statement_each(shop: Shop) -> None:
    await join_member(shop.installation, shop.programme)
    await shop.as_customer("{ me { id } }")
    for key in ("k-1", "k-2"):  # the second is answered by the open hold of the cart
        with statements() as sent:
            held = await _held(shop, key=key)
        assert len(sent) == 1, sent
    with statements() as sent:
        await shop.as_customer(EXTEND, input={"redemptionId": held["id"], "idempotencyKey": "e-1"})
    assert len(sent) == 1, sent


async def test_e22_a_code_is_void_at_the_limit(shop: Shop) -> None:
    await join_member(shop.installation, shop.programme)
    code = (await _held(shop))["voucherCode"]
    shop.clock.now = NOW + 15 * MINUTE
    late = await shop.as_server(CAPTURE, input={"voucherCode": code, "idempotencyKey": "c"})
    assert late.data["captureRedemption"] == {"code": "REDEMPTION_ENDED"}
    shop.clock.now = NOW + 15 * MINUTE - MOMENT
    in_time = await shop.as_server(
        CAPTURE,
        input={"voucherCode": code, "idempotencyKey": "c", "amount": {"amount": "2.00", "currency": "EUR"}},
    )
    assert in_time.data["captureRedemption"]["redemption"] == {
        "state": "CAPTURED",
        "capturedPoints": 40,
        "capturedValue": {"amount": "2.00"},
    }


async def test_cancel_and_release_give_the_points_back(shop: Shop) -> None:
    await join_member(shop.installation, shop.programme)
    held = await _held(shop)
    cancelled = await shop.as_customer(CANCEL, input={"redemptionId": held["id"], "idempotencyKey": "x"})
    assert cancelled.data["cancelRedemption"]["redemption"] == {
        "state": "RELEASED",
        "endedAt": "2026-03-01T09:00:00Z",
    }
    second = await _held(shop, key="k-2")
    released = await shop.as_server(RELEASE, input={"voucherCode": second["voucherCode"], "idempotencyKey": "r"})
    assert released.data["releaseRedemption"]["redemption"] == {"state": "RELEASED"}
    balance = await shop.as_customer("{ me { balance { spendable } } }")
    assert balance.data["me"]["balance"] == {"spendable": 100}


async def test_another_customers_redemption_is_not_found(shop: Shop) -> None:
    await join_member(shop.installation, shop.programme)
    await join_member(shop.installation, shop.programme, "c-2")
    held = await _held(shop)
    for given in (held["id"], "not an id"):
        refused = await shop.as_customer(
            CANCEL, customer="c-2", input={"redemptionId": given, "idempotencyKey": "x"}
        )
        assert refused.data["cancelRedemption"] == {"code": "REDEMPTION_NOT_FOUND"}


async def test_r22_a_code_of_another_programme_is_like_one_that_nobody_has(shop: Shop) -> None:
    await join_member(shop.installation, shop.programme)
    code = (await _held(shop))["voucherCode"]
    app: Any = shop.client._transport
    other = await make_shop(app.app, shop.client, shop.clock)
    for text in (code, "0000-0000-0000", "'; drop table ledger.hold", "x" * 5_000):
        captured = await other.as_server(CAPTURE, input={"voucherCode": text, "idempotencyKey": "c"})
        assert captured.data["captureRedemption"] == {"code": "VOUCHER_NOT_USABLE"}
        seen = await other.as_server("query ($c: String!) { voucher(code: $c) { state } }", c=text)
        assert seen.data == {"voucher": None}


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"mode": "FULL", "points": 5}, "INVALID_INPUT", "points"),
        ({"mode": "PARTIAL"}, "INVALID_INPUT", "points"),
        ({"mode": "PARTIAL", "points": 0}, "INVALID_INPUT", "points"),
        ({"mode": "PARTIAL", "points": -5}, "INVALID_INPUT", "points"),
        ({"key": ""}, "INVALID_INPUT", "idempotencyKey"),
        ({"key": "k" * 101}, "INVALID_INPUT", "idempotencyKey"),
        ({"cart": {"currency": "PLN"}}, "CURRENCY_MISMATCH", None),
        ({"cart": {"currency": "XYZ"}}, "CURRENCY_MISMATCH", None),
        ({"cart": {"total": "-1"}}, "INVALID_INPUT", "cart.total"),
        ({"cart": {"total": "1.999"}}, "INVALID_INPUT", "cart.total"),
        ({"cart": {"id": ""}}, "INVALID_INPUT", "cart.id"),
        ({"cart": {"shopVouchers": ["SUMMER"]}}, "CHECKOUT_HAS_VOUCHER", None),
        ({"cart": {"voucherCode": "ABCD-EFGH-JKMN"}}, "CHECKOUT_HAS_VOUCHER", None),
        ({"cart": {"total": "0"}}, "BELOW_MINIMUM", None),
        ({"mode": "PARTIAL", "points": 90, "cart": {"total": "1.00"}}, "EXCEEDS_CART", None),
        ({"mode": "PARTIAL", "points": 10**15}, "INSUFFICIENT_POINTS", None),
    ],
)
async def test_a_refused_redemption_is_typed_and_changes_nothing(
    shop: Shop, change: dict[str, Any], code: str, field: str | None
) -> None:
    await join_member(shop.installation, shop.programme)
    before = await everything(shop.installation.db, shop.programme)
    refused = (await _redeem(shop, **change)).data["redeemPoints"]
    assert (refused["code"], refused.get("field")) == (code, field)
    assert await everything(shop.installation.db, shop.programme) == before


async def test_who_has_not_joined_redeems_nothing(shop: Shop) -> None:
    assert (await _redeem(shop)).data["redeemPoints"]["__typename"] == "NotAMember"


async def test_a_draft_is_not_open(shop: Shop) -> None:
    app: Any = shop.client._transport
    draft = await make_shop(app.app, shop.client, shop.clock, state=ProgrammeState.DRAFT)
    joined = await draft.as_customer(
        "mutation { join(input: {acceptTerms: true}) { ... on ProgrammeNotOpen { code state } } }"
    )
    assert joined.data["join"] == {"code": "PROGRAMME_NOT_OPEN", "state": "DRAFT"}


async def test_orders_are_judged_one_by_one(shop: Shop) -> None:
    await join_member(shop.installation, shop.programme)
    good, stranger = order_document("o-1", "12.00"), order_document("o-2", "9.00", customer_id="nobody")
    odd_store = order_document("o-3", store="mars")
    odd_line = order_document("o-4")
    odd_line["lines"] = [{**odd_line["lines"][0], "amount": "-1"}]
    orders = [_copy(order) for order in (good, stranger, odd_store, odd_line)]
    results = (await shop.as_server(SUBMIT_MANY, input={"orders": orders})).data["submitOrders"]["results"]
    assert results == [
        {"externalId": "o-1", "outcome": "EARNED", "points": 12},
        {"externalId": "o-2", "outcome": "PARKED", "points": 0},
        {"code": "UNKNOWN_STORE"},
        {"code": "INVALID_INPUT", "field": "orders[3].lines[0].amount"},
    ]


async def test_a_refused_order_names_the_path_as_it_was_sent(shop: Shop) -> None:
    order = _copy(order_document())
    order["lines"][0]["id"] = ""
    refused = (await shop.as_server(SUBMIT, input={"order": order})).data["submitOrder"]
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "order.lines[0].id")


async def test_an_order_with_everything_on_it_comes_through(shop: Shop) -> None:
    await join_member(shop.installation, shop.programme)
    order = {
        **_copy(order_document("o-9", "40.00")),
        "entryChannel": "web",
        "exitChannel": "delivery",
        "discounts": [{"amount": "1.00", "code": "SPRING", "lineIds": ["1"]}],
        "shopVouchers": [{"code": "V", "amount": "2.00", "type": "gift", "lineIds": ["1"]}],
        "payments": [{"kind": "card", "amount": "38.90"}],
        "minimumOrderSurcharge": "1.00",
        "deliveryFee": "4.90",
    }
    order["customer"] |= {"email": "a@example.com", "emailVerified": True}
    order["lines"][0] |= {
        "variationId": "v",
        "productGroupIds": ["g"],
        "unitPrice": "20.00",
        "net": "33.61",
        "kind": "ITEM",
        "discounts": [{"amount": "4.00", "code": "L"}],
        "earns": True,
    }
    order["lines"].append(
        {"id": "2", "articleId": "t", "quantity": "1", "amount": "0", "parentLineId": "1", "kind": "TOPPING"}
    )
    submitted = (await shop.as_server(SUBMIT, input={"order": order})).data["submitOrder"]
    assert submitted == {
        "externalId": "o-9",
        "outcome": "EARNED",
        "points": 33,  # 40 - 4 - 1 - 2; surcharge and delivery earn nothing unless the programme says so
        "total": {"amount": "38.90"},
        "redeemed": {"amount": "0.00"},
        "replayed": False,
    }


@pytest.mark.parametrize("amount", [{"amount": "1", "currency": "PLN"}, {"amount": "1", "currency": "?"}])
async def test_a_capture_in_another_currency_is_refused(shop: Shop, amount: dict[str, str]) -> None:
    await join_member(shop.installation, shop.programme)
    code = (await _held(shop))["voucherCode"]
    given = {"voucherCode": code, "amount": amount, "idempotencyKey": "c"}
    refused = (await shop.as_server(CAPTURE, input=given)).data["captureRedemption"]
    assert refused in ({"code": "CURRENCY_MISMATCH"}, {"code": "INVALID_INPUT", "field": "amount.currency"})


@pytest.mark.parametrize(("seconds", "made"), [(0, False), (1, True), (900, True), (901, False), (-5, False)])
async def test_a_customer_token_lives_at_most_15_minutes(shop: Shop, seconds: int, made: bool) -> None:  # noqa: FBT001
    query = """
    mutation ($input: CustomerTokenCreateInput!) {
      customerTokenCreate(input: $input) { ... on CustomerTokenCreateSuccess { token } ... on UserError { code } }
    }
    """
    answer = await shop.as_server(query, input={"customerExternalId": "c-1", "lifetimeSeconds": seconds})
    assert ("token" in answer.data["customerTokenCreate"]) is made


async def test_the_programme_tells_its_settings(shop: Shop) -> None:
    query = """{ programme {
      name currency timeZone locales state sandbox pointValue pointValuePolicy revenuePerPoint discountPercent
      basePointsPerOrder signUpPoints waitingTime { count unit } expiry { days on countsFrom } expiringWindowDays
      holdMinutes holdExtensionsMax minimumRedemptionPoints maximumShareOfCart stores { id name timeZone active }
    } }"""
    assert (await shop.as_server(query)).data["programme"] == {
        "name": "A shop",
        "currency": "EUR",
        "timeZone": "Europe/Berlin",
        "locales": ["de", "en"],
        "state": "ACTIVE",
        "sandbox": True,
        "pointValue": "0.05",
        "pointValuePolicy": "AT_EARNING",
        "revenuePerPoint": "1",
        "discountPercent": "5.00",  # E05
        "basePointsPerOrder": 0,
        "signUpPoints": 100,
        "waitingTime": {"count": 0, "unit": "DAYS"},
        "expiry": {"days": 365, "on": None, "countsFrom": "EARNING"},
        "expiringWindowDays": 30,
        "holdMinutes": 15,
        "holdExtensionsMax": 10,
        "minimumRedemptionPoints": 0,
        "maximumShareOfCart": 100,
        "stores": [],
    }


def _copy(order: dict[str, Any]) -> dict[str, Any]:
    """A document that a test may change."""
    return {**order, "lines": [dict(line) for line in order["lines"]], "customer": dict(order["customer"])}
