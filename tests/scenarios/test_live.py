"""A customer's page is told of a whole purchase as it happens, over both transports, with Valkey and without."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest_asyncio

from pointbook.db.session import Database
from tests.http.live_server import REDEMPTION, Live, serving
from tests.support import join_member, order_document, violations

REDEEM = """mutation($input: RedeemPointsInput!) { redeemPoints(input: $input) {
    ... on RedeemPointsSuccess { redemption { id voucherCode expiresAt } } ... on UserError { code } } }"""
SUBMIT = """mutation($input: SubmitOrderInput!) { submitOrder(input: $input) {
    __typename ... on UserError { code } } }"""


@pytest_asyncio.fixture
async def live(database_url: str, optional_redis_url: str | None, db: Database) -> AsyncIterator[Live]:
    async with serving(database_url, optional_redis_url) as served:
        live = await served.open()
        yield live
        await live.settled()
    assert await violations(db) == []


async def test_a_purchase_is_told_to_the_page_as_it_happens(live: Live) -> None:
    await join_member(live.installation, live.shop.programme)
    async with live.events() as events, live.socket() as client:
        await client.subscribe(name="balance")
        assert _balance(await events.next()) == (100, 0)
        assert await _told(client, "balance") == (100, 0)

        redemption = await _redeem(live, "cart-1", 60)
        assert _balance(await events.next()) == (40, 60)
        assert await _told(client, "balance") == (40, 60)
        await client.subscribe(REDEMPTION, name="voucher", id=redemption["id"])
        assert (await client.told("voucher"))["redemptionChanged"]["state"] == "HELD"

        order = order_document(amount="20.00", voucherCode=redemption["voucherCode"])
        order["placedAt"] = live.clock().isoformat()
        submitted = await live.shop.as_server(SUBMIT, input={"order": order})
        assert submitted.data["submitOrder"]["__typename"] == "SubmitOrderSuccess"
        # 17.00 of the order were paid with money
        assert _balance(await events.next()) == (57, 0)
        seen = [await client.next() for _ in range(3)]
        ended = [one for one in seen if one["id"] == "voucher"]
        assert [one["type"] for one in ended] == ["next", "complete"]
        assert ended[0]["payload"]["data"]["redemptionChanged"]["capturedPoints"] == 60
        [balance] = [one for one in seen if one["id"] == "balance"]
        assert balance["payload"]["data"]["balanceChanged"]["spendable"] == 57


async def test_points_of_a_checkout_that_was_left_come_back_by_the_clock_alone(live: Live) -> None:
    # E22: no job runs, and nobody writes anything.
    await join_member(live.installation, live.shop.programme)
    redemption = await _redeem(live, "cart-1", 60)
    live.clock.jump(live.clock() + timedelta(minutes=15) - timedelta(seconds=1))
    async with live.events() as events, live.socket() as client:
        assert _balance(await events.next()) == (40, 60)
        await client.subscribe(REDEMPTION, id=redemption["id"])
        assert (await client.told())["redemptionChanged"]["state"] == "HELD"
        assert _balance(await events.next()) == (100, 0)
        lapsed = (await client.told())["redemptionChanged"]
        assert (lapsed["state"], lapsed["endedAt"]) == ("LAPSED", redemption["expiresAt"])
        assert (await client.next())["type"] == "complete"


async def _redeem(live: Live, cart_id: str, points: int) -> dict[str, Any]:
    given = {
        "mode": "PARTIAL",
        "points": points,
        "cart": {"id": cart_id, "total": "20.00", "currency": "EUR"},
        "idempotencyKey": cart_id,
    }
    redemption: dict[str, Any] = (await live.shop.as_customer(REDEEM, input=given)).data["redeemPoints"][
        "redemption"
    ]
    return redemption


def _balance(told: tuple[str, Any]) -> tuple[int, int]:
    assert told[0] == "next", told
    balance = told[1]["data"]["balanceChanged"]
    return balance["spendable"], balance["held"]


async def _told(client: Any, name: str) -> tuple[int, int]:
    balance = (await client.told(name))["balanceChanged"]
    return balance["spendable"], balance["held"]
