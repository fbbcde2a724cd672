"""R21 through the API: what was bought in a voucher's time is paid although it is reported late."""

from typing import Any

import pytest

from pointbook.services import warnings
from tests.scenarios.conftest import OpenShop
from tests.scenarios.shop import Shop, at
from tests.support import give_points, outbox

IN_TIME, LATE = "2026-03-01 12:14:59", "2026-03-01 14:00"


async def holding(opened: OpenShop, points: int = 400, held: int = 300, **settings: Any) -> tuple[Shop, str]:
    """A member with points, some of them held from noon to a quarter past, and the code."""
    shop = await opened("2026-03-01 12:00", **settings)
    await shop.join()
    await give_points(shop.installation, shop.programme, "c-1", points, now=shop.clock())
    return shop, (await shop.redeem(held, "50.00"))["voucherCode"]


async def told(shop: Shop) -> list[tuple[str, str, dict[str, Any]]]:
    found = await warnings.list_warnings(shop.installation, shop.programme.id, first=20)
    return [(warning.kind, warning.subject, dict(warning.detail)) for warning in found]


async def spend_elsewhere(shop: Shop, points: int) -> None:
    held = await shop.redeem(points, "100.00", cart="another")
    assert (await shop.capture(held["voucherCode"]))["state"] == "CAPTURED"


async def test_r21_an_order_placed_in_time_is_paid_however_late_it_comes(opened: OpenShop) -> None:
    shop, code = await holding(opened)
    shop.clock.now = at(LATE)
    assert (await shop.balance())["spendable"] == 400
    answer = await shop.order("o-1", "50.00", placedAt=at(IN_TIME).isoformat(), voucherCode=code)
    assert (answer["outcome"], answer["points"], answer["redeemed"]["amount"]) == ("EARNED", 35, "15.00")
    assert (await shop.balance())["spendable"] == 135
    assert (await shop.voucher(code) or {})["state"] == "CAPTURED"
    again = await shop.order("o-1", "50.00", placedAt=at(IN_TIME).isoformat(), voucherCode=code)
    assert again == answer
    history = await shop.me("history(first: 3) { nodes { kind points } }")
    assert [(it["kind"], it["points"]) for it in history["history"]["nodes"]] == [
        ("ACCRUAL", 35),
        ("LATE_CAPTURE", -300),
        ("LAPSE", 0),
    ]
    assert await told(shop) == []


@pytest.mark.parametrize("placed", ["2026-03-01 11:59:59", "2026-03-01 12:15:00", "2026-03-01 13:00"])
async def test_r21_an_order_placed_outside_of_its_time_is_refused(opened: OpenShop, placed: str) -> None:
    shop, code = await holding(opened)
    shop.clock.now = at(LATE)
    answer = await shop.order("o-1", "50.00", placedAt=at(placed).isoformat(), voucherCode=code)
    assert answer["code"] == "VOUCHER_NOT_USABLE"
    assert (await shop.balance())["spendable"] == 400
    assert await told(shop) == []


async def test_r21_what_is_missing_is_owed_and_staff_are_warned_once(opened: OpenShop) -> None:
    shop, code = await holding(opened)
    shop.clock.now = at(LATE)
    await spend_elsewhere(shop, 250)
    for _ in range(2):
        answer = await shop.order("o-1", "50.00", placedAt=at(IN_TIME).isoformat(), voucherCode=code)
        assert (answer["outcome"], answer["redeemed"]["amount"]) == ("EARNED", "15.00")
    balance = await shop.balance()
    assert (balance["spendable"], balance["debt"]) == (0, 115)
    warned = {"points": 300, "owed": 150}
    assert await told(shop) == [("LATE_PURCHASE_OWED", "order o-1", warned)]
    messages = await outbox(shop.installation.db, shop.programme)
    assert [payload for topic, payload in messages if topic == "staff.warned"] == [
        {"kind": "LATE_PURCHASE_OWED", "subject": "order o-1", **warned}
    ]


async def test_r21_where_nobody_may_owe_it_is_refused_whole_and_staff_are_warned(opened: OpenShop) -> None:
    shop, code = await holding(opened, clawback="WITHIN_BALANCE")
    shop.clock.now = at(LATE)
    await spend_elsewhere(shop, 250)
    for _ in range(2):
        answer = await shop.order("o-1", "50.00", placedAt=at(IN_TIME).isoformat(), voucherCode=code)
        assert (answer["code"], answer["requested"], answer["available"]) == ("INSUFFICIENT_POINTS", 300, 150)
    assert (await shop.balance())["spendable"] == 150
    assert await told(shop) == [("LATE_PURCHASE_REFUSED", "order o-1", {"requested": 300, "available": 150})]
    without = await shop.order("o-1", "50.00", placedAt=at(IN_TIME).isoformat())
    assert (without["outcome"], without["points"]) == ("EARNED", 50)


@pytest.mark.parametrize("order", [None, "o-1"])
async def test_r21_a_call_says_when_it_was_bought(opened: OpenShop, order: str | None) -> None:
    shop, code = await holding(opened)
    shop.clock.now = at(LATE)
    assert (await shop.capture(code, order=order))["code"] == "REDEMPTION_ENDED"
    outside = at("2026-03-01 12:15:00").isoformat()
    assert (await shop.capture(code, order=order, purchased_at=outside))["code"] == "REDEMPTION_ENDED"
    inside = at(IN_TIME).isoformat()
    for _ in range(2):
        captured = await shop.capture(code, "12.00", key="k", order=order, purchased_at=inside)
        assert (captured["state"], captured["capturedPoints"], captured["capturedValue"]["amount"]) == (
            "CAPTURED",
            240,
            "12.00",
        )
    assert (await shop.balance())["spendable"] == 160
    assert (await shop.capture(code, "12.00", key="k2", order=order, purchased_at=inside))[
        "code"
    ] == "REDEMPTION_ENDED"
    answer = await shop.order("o-1", "50.00", placedAt=inside, voucherCode=code)
    assert (answer["points"], answer["redeemed"]["amount"]) == (38, "12.00")
    other = await shop.order("o-2", "50.00", placedAt=inside, voucherCode=code)
    assert other["code"] == "VOUCHER_NOT_USABLE"


async def test_r21_a_call_without_points_to_take_is_refused_where_nobody_may_owe(opened: OpenShop) -> None:
    shop, code = await holding(opened, clawback="WITHIN_BALANCE")
    shop.clock.now = at(LATE)
    await spend_elsewhere(shop, 250)
    answer = await shop.capture(code, purchased_at=at(IN_TIME).isoformat())
    assert (answer["code"], answer["available"]) == ("INSUFFICIENT_POINTS", 150)
    [(kind, subject, _)] = await told(shop)
    assert kind == "LATE_PURCHASE_REFUSED"
    assert subject.startswith("redemption ")


async def test_r21_what_was_paid_late_is_given_back_like_any_other(opened: OpenShop) -> None:
    """E24 of a late order whose member had not enough: the debt goes, and the points come back."""
    shop, code = await holding(opened)
    shop.clock.now = at(LATE)
    await spend_elsewhere(shop, 250)
    await shop.order("o-1", "50.00", placedAt=at(IN_TIME).isoformat(), voucherCode=code)
    half = await shop.take_back("r-1", "o-1", {"id": "1", "amount": "25.00"})
    assert (half["pointsGivenBack"], half["money"]["amount"]) == (150, "17.50")
    rest = await shop.take_back("r-2", "o-1")
    assert (rest["pointsGivenBack"], rest["money"]["amount"]) == (150, "17.50")
    balance = await shop.balance()
    assert (balance["spendable"], balance["debt"]) == (150, 0)


async def test_r21_an_order_is_paid_by_one_voucher_in_time_or_late(opened: OpenShop) -> None:
    shop, code = await holding(opened)
    shop.clock.now = at(LATE)
    late = await shop.capture(code, order="o-1", purchased_at=at(IN_TIME).isoformat())
    assert late["state"] == "CAPTURED"
    second = (await shop.redeem(50, "50.00", cart="b"))["voucherCode"]
    assert (await shop.capture(second, order="o-1"))["code"] == "ORDER_CONFLICT"
    answer = await shop.order("o-1", "50.00", placedAt=at(IN_TIME).isoformat(), voucherCode=code)
    assert answer["redeemed"]["amount"] == "15.00"


async def test_r21_what_paid_late_is_captured_to_everybody(opened: OpenShop) -> None:
    shop, code = await holding(opened)
    shop.clock.now = at(LATE)
    first = await shop.capture(code, key="k", purchased_at=at(IN_TIME).isoformat())
    shop.clock.now = at("2026-03-01 15:00")
    assert await shop.capture(code, key="k", purchased_at=at(IN_TIME).isoformat()) == first
    ended = await shop.capture(code, key="other")
    assert (ended["code"], ended["message"]) == ("REDEMPTION_ENDED", ended["message"])
    assert "CAPTURED" in ended["message"].upper()
