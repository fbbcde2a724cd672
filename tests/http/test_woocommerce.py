"""A WooCommerce shop sends its orders: what its customers earn, spend and give back, over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest
import pytest_asyncio
from starlette.applications import Starlette

from pointbook.services.returns import submit_return
from pointbook.services.webhooks import revoke_endpoint
from tests.adapters import payloads
from tests.http.fixtures import Clock, Reply, Shop, make_shop
from tests.http.hostile import BODIES
from tests.http.webhooks import WooCommerce, make_sender, make_woocommerce
from tests.support import NOW, cart, everything, join_member, redeem, spendable, violations


@pytest_asyncio.fixture
async def woo_shop(
    app: Starlette,
    client: httpx.AsyncClient,
    clock: Clock,
    emptied: None,  # noqa: ARG001
) -> Shop:
    """1.00 earns a point worth 0.05 once an order is completed; 100 points for joining."""
    shop = await make_shop(app, client, clock, {"signUpPoints": 100, "qualifyingStatuses": ["completed"]})
    await join_member(shop.installation, shop.programme, "7")
    return shop


@pytest_asyncio.fixture
async def woo(woo_shop: Shop) -> AsyncIterator[WooCommerce]:
    yield await make_woocommerce(woo_shop)
    assert await violations(woo_shop.installation.db) == []


async def points(shop: Shop, customer: str = "7") -> int:
    return await spendable(shop.installation, shop.programme, customer)


def told(reply: Reply) -> list[tuple[str, str]]:
    """What became of each document."""
    assert reply.status == 200, reply.json
    return [(document["externalId"], document["outcome"]) for document in reply.json["documents"]]


async def test_the_life_of_an_order(woo_shop: Shop, woo: WooCommerce) -> None:
    parts: dict[str, Any] = {
        "line_items": [payloads.line(1, "30.00"), payloads.line(2, "15.00")],
        "shipping_total": "5.00",
    }
    created = await woo.send(payloads.order(status="pending", **parts), "order.created")
    assert (created.json["outcome"], told(created)) == ("TAKEN", [("700", "RECEIVED")])
    assert told(await woo.send(payloads.order(status="processing", **parts))) == [("700", "RECEIVED")]
    assert await points(woo_shop) == 100
    completed = await woo.send(payloads.order(status="completed", **parts))
    assert told(completed) == [("700", "EARNED")]
    assert completed.json["documents"][0]["total"] == "50.00"
    earned = completed.json["documents"][0]["points"]
    assert earned == 45  # shipping earns nothing
    assert await points(woo_shop) == 100 + earned

    partly = payloads.order(status="completed", refunds=[payloads.refund(901, "10.00")], **parts)
    first = await woo.send(partly)
    assert told(first) == [("700", "EARNED"), ("wc-refund-901", "APPLIED")]
    assert first.json["documents"][1]["money"] == "10.00"
    assert first.json["documents"][1]["pointsReversed"] == 9
    assert await points(woo_shop) == 100 + 36
    again = await woo.send(partly)
    assert [document["replayed"] for document in again.json["documents"]] == [True, True]
    assert await points(woo_shop) == 100 + 36

    refunds = [payloads.refund(905, "40.00"), payloads.refund(901, "10.00")]
    wholly = await woo.send(payloads.order(status="refunded", refunds=refunds, **parts))
    assert told(wholly) == [("700", "EARNED"), ("wc-refund-901", "APPLIED"), ("wc-refund-905", "APPLIED")]
    assert wholly.json["documents"][2]["money"] == "40.00"
    assert await points(woo_shop) == 100
    assert told(await woo.send({"id": 700}, "order.deleted")) == []
    assert await points(woo_shop) == 100


async def test_a_cancelled_order_gives_its_points_back(woo_shop: Shop, woo: WooCommerce) -> None:
    voucher = await redeem(woo_shop.installation, woo_shop.programme, 100, of=cart(total=5_000), external_id="7")
    parts: dict[str, Any] = {
        "line_items": [payloads.line(1, "50.00", total="45.00")],
        "coupon_lines": [payloads.coupon(voucher.code.lower(), "5.00")],
    }
    created = await woo.send(payloads.order(status="pending", **parts), "order.created")
    assert told(created) == [("700", "RECEIVED")]
    assert (created.json["documents"][0]["total"], created.json["documents"][0]["redeemed"]) == ("50.00", "5.00")
    assert await points(woo_shop) == 0
    cancelled = await woo.send(payloads.order(status="cancelled", **parts))
    assert told(cancelled) == [
        ("700", "RECEIVED"),
        ("wc-cancelled-700-2026-03-01T08:31:00Z", "APPLIED"),
    ]
    assert cancelled.json["documents"][1]["pointsGivenBack"] == 100
    assert cancelled.json["documents"][1]["money"] == "45.00"
    assert await points(woo_shop) == 100
    late = await woo.send(payloads.order(status="completed", **parts))  # an older one that comes late
    assert told(late) == [("700", "EARNED")]
    assert await points(woo_shop) == 100


async def test_an_order_that_was_cancelled_is_completed_after_all(woo_shop: Shop, woo: WooCommerce) -> None:
    """R28: WooCommerce says when it changed the order, so what comes late is known from what is new."""
    voucher = await redeem(woo_shop.installation, woo_shop.programme, 100, of=cart(total=5_000), external_id="7")
    parts: dict[str, Any] = {
        "line_items": [payloads.line(1, "50.00", total="45.00")],
        "coupon_lines": [payloads.coupon(voucher.code, "5.00")],
    }

    async def change(status: str, minute: int, **more: Any) -> list[tuple[str, str]]:
        payload = payloads.order(status=status, **parts, **more)
        return told(await woo.send({**payload, "date_modified_gmt": f"2026-03-01T08:{minute}:00"}))

    for _ in range(2):
        assert await change("completed", 31) == [("700", "EARNED")]
    assert await points(woo_shop) == 45
    await change("cancelled", 32)
    await change("cancelled", 33)  # a note was added, say
    assert await points(woo_shop) == 100
    await change("completed", 31)  # comes late
    assert await points(woo_shop) == 100
    await change("completed", 40)
    await change("cancelled", 33)  # comes late
    assert await points(woo_shop) == 45
    await change("cancelled", 41)
    assert await points(woo_shop) == 100
    await change("completed", 42)
    whole = payloads.refund(901, "45.00")
    await change("completed", 43, refunds=[whole])
    assert await points(woo_shop) == 100
    await change("completed", 44, refunds=[whole])  # a note
    assert await points(woo_shop) == 100


async def test_an_order_that_came_back_otherwise_and_is_changed_has_not_been_completed_again(
    woo_shop: Shop, woo: WooCommerce
) -> None:
    payload = payloads.order(status="completed")
    await woo.send({**payload, "date_modified_gmt": "2026-03-01T08:31:00"})
    whole = {
        "externalId": "RMA-1",
        "orderExternalId": "700",
        "type": "RETURN",
        "currency": "EUR",
        "everything": True,
    }
    await submit_return(woo_shop.installation, woo_shop.programme.id, whole, now=NOW)
    woo_shop.clock.now = NOW + timedelta(hours=2)
    await woo.send({**payload, "date_modified_gmt": "2026-03-01T10:30:00"})  # a note
    assert await points(woo_shop) == 100


async def test_a_delivery_that_was_held_up_is_paid_with_its_voucher(woo_shop: Shop, woo: WooCommerce) -> None:
    """R21: the customer paid in time, whatever kept WordPress from telling."""
    voucher = await redeem(woo_shop.installation, woo_shop.programme, 100, of=cart(total=5_000), external_id="7")
    parts: dict[str, Any] = {
        "line_items": [payloads.line(1, "50.00", total="45.00")],
        "coupon_lines": [payloads.coupon(voucher.code, "5.00")],
    }
    woo_shop.clock.now = NOW + timedelta(hours=3)
    early = payloads.order(701, status="completed", **parts)
    assert told(await woo.send(early)) == [("701", "REFUSED")]
    in_time = {**payloads.order(status="completed", **parts), "date_created_gmt": "2026-03-01T09:10:00"}
    assert told(await woo.send(in_time)) == [("700", "EARNED")]
    assert await points(woo_shop) == 45


async def test_a_refund_of_money_is_as_much_of_an_order_that_points_paid_too(
    woo_shop: Shop, woo: WooCommerce
) -> None:
    voucher = await redeem(woo_shop.installation, woo_shop.programme, 100, of=cart(total=5_000), external_id="7")
    parts: dict[str, Any] = {
        "line_items": [payloads.line(1, "50.00", total="45.00")],
        "coupon_lines": [payloads.coupon(voucher.code, "5.00")],
    }
    assert told(await woo.send(payloads.order(status="completed", **parts))) == [("700", "EARNED")]
    half = await woo.send(payloads.order(status="completed", refunds=[payloads.refund(1, "22.50")], **parts))
    refund = half.json["documents"][1]
    assert (refund["value"], refund["money"], refund["pointsGivenBack"]) == ("25.00", "22.50", 50)


async def test_ten_deliveries_at_once_have_one_effect(woo_shop: Shop, woo: WooCommerce) -> None:
    payload = payloads.order(status="completed", refunds=[payloads.refund(901, "10.00")])
    replies = await asyncio.gather(*(woo.send(payload) for _ in range(10)))
    assert {reply.json["outcome"] for reply in replies} == {"TAKEN"}
    assert await points(woo_shop) == 100 + 40


async def test_two_deliveries_of_one_second_are_both_taken(woo_shop: Shop, woo: WooCommerce) -> None:
    # WooCommerce makes the delivery's id of the second, so that two orders may come under the same.
    for order_id in (700, 701):
        assert told(await woo.send(payloads.order(order_id, status="completed"))) == [(str(order_id), "EARNED")]
    assert await points(woo_shop) == 200


async def test_guests_and_strangers_wait(woo: WooCommerce) -> None:
    assert told(await woo.send(payloads.order(status="completed", customer=0))) == [("700", "PARKED")]
    assert told(await woo.send(payloads.order(701, status="completed", customer=8))) == [("701", "PARKED")]


async def test_an_order_that_waited_earns_when_it_is_saved_again(woo_shop: Shop, woo: WooCommerce) -> None:
    payload = payloads.order(status="completed", customer=8)
    assert told(await woo.send(payload)) == [("700", "PARKED")]
    await join_member(woo_shop.installation, woo_shop.programme, "8")
    assert told(await woo.send(payload)) == [("700", "EARNED")]  # not a byte of it has changed
    assert await points(woo_shop, "8") == 150


async def test_a_guest_s_order_earns_once_woocommerce_has_put_it_to_a_customer(
    woo_shop: Shop, woo: WooCommerce
) -> None:
    await woo.send(payloads.order(status="completed", customer=0))
    assert told(await woo.send(payloads.order(status="completed", customer=7))) == [("700", "EARNED")]
    assert await points(woo_shop) == 150


async def test_what_is_no_order_yet_is_ignored(woo_shop: Shop, woo: WooCommerce) -> None:
    before = await everything(woo_shop.installation.db, woo_shop.programme)
    for payload, topic in (
        (payloads.order(status="checkout-draft"), "order.created"),
        (payloads.order(line_items=[]), "order.created"),
        ({"id": 700}, "order.deleted"),
        ({"id": 1, "name": "Tea"}, "product.updated"),
        ({"action": "woocommerce_order_refunded", "arg": 700}, "action.woocommerce_order_refunded"),
        (payloads.order(), ""),
    ):
        reply = await woo.send(payload, topic)
        assert (reply.status, reply.json) == (200, {"outcome": "IGNORED", "documents": []})
    assert await everything(woo_shop.installation.db, woo_shop.programme) == before


async def test_a_refused_order_is_no_failed_delivery(woo_shop: Shop, woo: WooCommerce) -> None:
    # After a few failures in a row WooCommerce would switch the webhook off, and send no order at all.
    before = await everything(woo_shop.installation.db, woo_shop.programme)
    reply = await woo.send(payloads.order(status="completed") | {"currency": "PLN"})
    assert (reply.status, reply.json["outcome"]) == (200, "REFUSED")
    assert reply.json["documents"] == [
        {
            "externalId": "700",
            "outcome": "REFUSED",
            "code": "CURRENCY_MISMATCH",
            "message": "The programme counts in EUR, not in 'PLN'.",
        }
    ]
    assert await everything(woo_shop.installation.db, woo_shop.programme) == before


async def test_of_an_order_that_changed_after_it_earned_the_refund_is_taken(
    woo_shop: Shop, woo: WooCommerce
) -> None:
    await woo.send(payloads.order(status="completed"))
    changed = payloads.order(
        status="completed", line_items=[payloads.line(1, "60.00")], refunds=[payloads.refund(1, "60.00")]
    )
    reply = await woo.send(changed)
    assert told(reply) == [("700", "REFUSED"), ("wc-refund-1", "APPLIED")]
    assert reply.json["documents"][0]["code"] == "ORDER_CONFLICT"
    assert await points(woo_shop) == 100


async def test_what_cannot_be_an_order_is_refused(woo: WooCommerce) -> None:
    denied = {"code": "woocommerce_rest_cannot_view", "message": "Sorry", "data": {"status": 401}}
    reply = await woo.send(denied)
    assert (reply.status, reply.json["code"], reply.json["field"]) == (422, "INVALID_INPUT", "id")


# Who may send.


async def test_the_form_that_tries_an_endpoint_is_answered(woo_shop: Shop, woo: WooCommerce) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    reply = await woo.post(b"webhook_id=5", form)
    assert (reply.status, reply.json) == (200, {"outcome": "READY"})
    for other in (b"webhook_id=5&more=1", b"webhook_id=", b"webhook_id=x", b"webhook_id=" + b"1" * 50):
        assert (await woo.post(other, form)).status == 401
    standard = await make_sender(woo_shop)
    assert (await standard.post(b"webhook_id=5", form)).status == 401
    unknown = await woo_shop.client.post(f"/webhooks/{'0' * 32}", content=b"webhook_id=5", headers=form)
    assert unknown.status_code == 401


async def test_only_what_is_signed_with_its_secret_is_taken(woo_shop: Shop, woo: WooCommerce) -> None:
    other, revoked, standard = (
        await make_woocommerce(woo_shop),
        await make_woocommerce(woo_shop),
        await make_sender(woo_shop),
    )
    await revoke_endpoint(woo_shop.installation, woo_shop.programme.id, revoked.endpoint.endpoint_id, now=NOW)
    body = orjson.dumps(payloads.order(status="completed"))
    good = woo.headers(body)
    before = await everything(woo_shop.installation.db, woo_shop.programme)
    tries = [
        (woo, body + b" ", good),
        (woo, body, other.headers(body)),
        (woo, body, {**good, "X-WC-Webhook-Signature": ""}),
        (woo, body, {**good, "X-WC-Webhook-Signature": good["X-WC-Webhook-Signature"].lower()}),
        (woo, body, {"Content-Type": "application/json"}),
        (woo, body, standard.headers(body)),
        (revoked, body, revoked.headers(body)),
    ]
    for by, sent, headers in tries:
        assert (await by.post(sent, headers)).status == 401
    assert (await standard.post(body, good)).status == 401
    assert await everything(woo_shop.installation.db, woo_shop.programme) == before
    assert told(await woo.post(body, good)) == [("700", "EARNED")]


async def test_an_old_delivery_undoes_nothing(woo_shop: Shop, woo: WooCommerce, clock: Clock) -> None:
    # WooCommerce signs no instant: whoever has caught a delivery may send it again, and it changes nothing.
    caught = orjson.dumps(payloads.order(status="completed"))
    headers = woo.headers(caught)
    await woo.post(caught, headers)
    refunded = payloads.order(status="refunded", refunds=[payloads.refund(1, "50.00")])
    await woo.send(refunded)
    clock.now = NOW + timedelta(days=1)
    again = await woo.post(caught, headers)
    assert again.json["documents"][0]["replayed"] is True
    assert await points(woo_shop) == 100


@pytest.mark.parametrize("name", BODIES)
async def test_a_hostile_body_is_a_client_error(woo_shop: Shop, woo: WooCommerce, name: str) -> None:
    body = BODIES[name]
    before = await everything(woo_shop.installation.db, woo_shop.programme)
    for headers in (woo.headers(body), {"Content-Type": "application/json"}):
        assert 400 <= (await woo.post(body, headers)).status < 500
    assert await everything(woo_shop.installation.db, woo_shop.programme) == before


@pytest.mark.parametrize(
    "more",
    [
        {"line_items": [payloads.line(subtotal="-5.00", total="-5.00")]},
        {"line_items": [payloads.line(quantity=-1)]},
        {"line_items": [payloads.line(quantity=1e15)]},
        {"line_items": [payloads.line(), payloads.line()]},
        {"line_items": [payloads.line(number) for number in range(1_001)]},
        {"line_items": [payloads.line(subtotal="9" * 13)]},
        {"line_items": "lines"},
        {"coupon_lines": [payloads.coupon("", "0")]},
        {"coupon_lines": [payloads.coupon("a\0b", "1.00")]},
        {"coupon_lines": [payloads.coupon("abcd-efgh-1234", "1.00")]},
        {"coupon_lines": [payloads.coupon(f"c{number}", "0.01") for number in range(101)]},
        {"refunds": [{"id": 1, "total": "x"}]},
        {"date_created_gmt": "yesterday"},
        {"date_created_gmt": None},
        {"status": ["completed"]},
        {"status": "x" * 100},
        {"currency": "eur"},
        {"billing": 5, "status": ""},
        {"customer_id": 2**63},
        {"meta_data": [{"key": "\0", "value": {"a": [{}] * 100}}], "status": None},
    ],
)
async def test_a_hostile_order_is_refused_and_changes_nothing(
    woo_shop: Shop, woo: WooCommerce, more: dict[str, Any]
) -> None:
    before = await everything(woo_shop.installation.db, woo_shop.programme)
    reply = await woo.send(payloads.order(status="completed") | more)
    assert reply.status == 422 or reply.json["outcome"] == "REFUSED"
    assert await everything(woo_shop.installation.db, woo_shop.programme) == before
