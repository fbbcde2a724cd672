"""The examples of earning from revenue, redeeming and expiring, each through the API."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.scenarios.conftest import OpenShop
from tests.scenarios.shop import Shop, at
from tests.support import give_points

_MILLISECOND = timedelta(milliseconds=1)


async def _points(shop: Shop, external_id: str, amount: str) -> int:
    points: int = (await shop.order(external_id, amount))["points"]
    return points


@pytest.mark.parametrize(
    ("rate", "amount", "points"),
    [
        ("1.00", "19.49", 19),
        ("1.00", "19.50", 20),
        ("1.00", "0.49", 0),
        ("1.00", "0.50", 1),
        ("3.00", "50.00", 17),
        ("3.00", "49.49", 16),
    ],
)
async def test_e01_revenue_is_rounded_half_up_once(opened: OpenShop, rate: str, amount: str, points: int) -> None:
    shop = await opened(revenuePerPoint=rate)
    await shop.join()
    assert await _points(shop, "o-1", amount) == points
    assert (await shop.balance())["spendable"] == points


async def test_e02_lines_are_added_before_they_are_rounded(opened: OpenShop) -> None:
    shop = await opened()
    await shop.join()
    lines = [{"id": str(n), "articleId": "pin", "quantity": 1, "amount": "0.50"} for n in range(3)]
    assert (await shop.order("o-1", "0.50", lines=lines))["points"] == 2


async def test_e04_points_redeemed_earn_no_revenue_points_but_base_points_stay(opened: OpenShop) -> None:
    shop = await opened(basePointsPerOrder=10)
    await shop.join()
    await give_points(shop.installation, shop.programme, "c-1", 600, now=shop.clock())
    held = await shop.redeem(600, "50.00")
    answer = await shop.order("o-1", "50.00", voucherCode=held["voucherCode"])
    assert (answer["points"], Decimal(answer["redeemed"]["amount"])) == (20 + 10, Decimal(30))


async def test_e05_the_discount_is_the_value_of_a_point_by_its_price(opened: OpenShop) -> None:
    shop = await opened()
    assert Decimal((await shop.ask_programme("discountPercent"))["discountPercent"]) == 5


@pytest.mark.parametrize(
    ("balance", "asked", "answer"),
    [
        (1000, None, (399, "19.95", "0.04")),
        (250, None, (250, "12.50", "7.49")),
        (1000, 120, (120, "6.00", "13.99")),
    ],
)
async def test_e06_full_and_partial_redemption(
    opened: OpenShop, balance: int, asked: int | None, answer: tuple[int, str, str]
) -> None:
    points, value, left = answer
    shop = await opened()
    await shop.join()
    await give_points(shop.installation, shop.programme, "c-1", balance, now=shop.clock())
    quote, held = await shop.quote(asked, "19.99"), await shop.redeem(asked, "19.99")
    assert held["points"] == quote["points"] == points
    assert held["value"] == quote["value"] == {"amount": value}
    assert held["remainingToPay"] == quote["remainingToPay"] == {"amount": left}


async def test_e07_only_the_points_that_reach_the_value_are_charged(opened: OpenShop) -> None:
    shop = await opened(valuePerPoint="0.005")
    await shop.join()
    await give_points(shop.installation, shop.programme, "c-1", 1000, value="0.5", now=shop.clock())
    assert (await shop.redeem(1, "50.00"))["code"] == "BELOW_MINIMUM"
    held = await shop.redeem(333, "50.00")
    assert (held["points"], held["value"]["amount"]) == (332, "1.66")
    assert (await shop.balance())["spendable"] == 668


@pytest.mark.parametrize(("policy", "value"), [("AT_EARNING", "7.00"), ("CURRENT", "6.00")])
async def test_e08_points_keep_their_value_or_have_todays(opened: OpenShop, policy: str, value: str) -> None:
    shop = await opened(pointValuePolicy=policy)
    await shop.join()
    await _points(shop, "o-1", "100.00")
    await shop.change(valuePerPoint="0.04", expiry={"days": 400})
    await _points(shop, "o-2", "100.00")
    held = await shop.redeem(150, "50.00")
    assert (held["points"], held["value"]["amount"]) == (150, value)


async def test_e18_points_can_be_used_through_the_last_day_of_their_expiry(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 10:00+01:00", expiry={"days": 150})
    await shop.join()
    await _points(shop, "o-1", "100.00")
    shop.clock.now = at("2026-07-29 23:59:59+02:00")
    assert (await shop.balance())["spendable"] == 100
    shop.clock.now = at("2026-07-30 00:00+02:00")
    assert (await shop.balance())["spendable"] == 0
    assert (await shop.redeem(1, "50.00"))["available"] == 0


async def test_e18_a_fixed_day_is_usable_to_its_end(opened: OpenShop) -> None:
    shop = await opened(expiry={"on": "2026-12-31"})
    await shop.join()
    await _points(shop, "o-1", "100.00")
    shop.clock.now = at("2027-01-01 00:00+01:00") - _MILLISECOND
    assert (await shop.balance())["spendable"] == 100
    shop.clock.now += _MILLISECOND
    assert (await shop.balance())["spendable"] == 0


@pytest.mark.parametrize(
    ("earned", "waiting", "available"),
    [
        ("2026-03-01 10:00+01:00", {"days": 30}, "2026-03-31 08:00Z"),
        ("2026-03-28 12:00+01:00", {"hours": 48}, "2026-03-30 13:00+02:00"),
    ],
)
async def test_e19_days_keep_the_wall_clock_and_hours_are_exact(
    opened: OpenShop, earned: str, waiting: dict[str, int], available: str
) -> None:
    shop = await opened(earned, waitingTime=waiting)
    await shop.join()
    await _points(shop, "o-1", "100.00")
    shop.clock.now = at(available) - _MILLISECOND
    before = await shop.balance()
    assert (before["pending"], before["spendable"]) == (100, 0)
    assert (await shop.redeem(100, "50.00"))["code"] == "INSUFFICIENT_POINTS"
    shop.clock.now = at(available)
    after = await shop.balance()
    assert (after["pending"], after["spendable"]) == (0, 100)
    assert (await shop.redeem(100, "50.00"))["points"] == 100


async def test_e20_what_expires_first_is_spent_first(opened: OpenShop) -> None:
    shop = await opened()
    await shop.join()
    lots = {"2027-01-01": 100, "2026-07-01": 50}
    for day, points in lots.items():
        await give_points(shop.installation, shop.programme, "c-1", points, expires_at=at(day), now=shop.clock())
    await give_points(shop.installation, shop.programme, "c-1", 30, now=shop.clock())
    held = await shop.redeem(120, "50.00")
    assert (await shop.capture(held["voucherCode"]))["capturedPoints"] == 120
    left = (await shop.me("expiringPoints(days: 365) { points expiresAt }"))["expiringPoints"]
    assert [(batch["points"], at(batch["expiresAt"])) for batch in left] == [(30, at("2027-01-01"))]
    assert (await shop.balance())["spendable"] == 60


async def test_e21_two_carts_cannot_hold_the_same_points(opened: OpenShop) -> None:
    shop = await opened()
    await shop.join()
    await give_points(shop.installation, shop.programme, "c-1", 100, now=shop.clock())
    answers = await asyncio.gather(*(shop.redeem(80, "50.00", cart=f"cart-{n}") for n in range(2)))
    held = [answer for answer in answers if answer.get("state") == "HELD"]
    refused = [answer for answer in answers if answer.get("code") == "INSUFFICIENT_POINTS"]
    assert (len(held), [answer["available"] for answer in refused]) == (1, [20])


async def test_e21_fifty_retries_with_one_key_are_one_hold(opened: OpenShop) -> None:
    shop = await opened()
    await shop.join()
    await give_points(shop.installation, shop.programme, "c-1", 100, now=shop.clock())
    answers = await asyncio.gather(*(shop.redeem(80, "50.00", key="once") for _ in range(50)))
    assert len({answer["voucherCode"] for answer in answers}) == 1
    assert (await shop.balance())["held"] == 80


async def test_e22_a_hold_can_be_captured_until_the_instant_of_its_end(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00")
    await shop.join()
    await give_points(shop.installation, shop.programme, "c-1", 1000, now=shop.clock())
    first = await shop.redeem(100, "50.00", cart="a")
    second = await shop.redeem(100, "50.00", cart="b")
    shop.clock.now = at("2026-03-01 12:14:59.999")
    assert (await shop.capture(first["voucherCode"]))["state"] == "CAPTURED"
    shop.clock.now = at("2026-03-01 12:15")
    refused = await shop.capture(second["voucherCode"])
    assert refused["code"] == "REDEMPTION_ENDED"
    balance = await shop.balance()
    assert (balance["spendable"], balance["held"]) == (900, 0)


async def test_e23_points_that_expire_within_the_window(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 09:00")
    await shop.join()
    midnight = {
        "03-31": "2026-04-01 00:00+02:00",
        "04-01": "2026-04-02 00:00+02:00",
        "03-25": "2026-03-26 00:00+01:00",
    }
    for points, day, start in ((40, "03-31", None), (25, "04-01", None), (10, "03-25", at("2026-03-20"))):
        await give_points(
            shop.installation,
            shop.programme,
            "c-1",
            points,
            available_from=start,
            expires_at=at(midnight[day]),
            now=shop.clock(),
        )
    batches = (await shop.me("expiringPoints { points lastDay }"))["expiringPoints"]
    assert batches == [{"points": 10, "lastDay": "2026-03-25"}, {"points": 40, "lastDay": "2026-03-31"}]


@pytest.mark.parametrize("captured", [True, False])
async def test_e40_held_points_outlive_their_lot(opened: OpenShop, captured: bool) -> None:  # noqa: FBT001
    shop = await opened("2026-03-01 22:55")
    await shop.join()
    await give_points(
        shop.installation, shop.programme, "c-1", 100, expires_at=at("2026-03-01 23:00"), now=shop.clock()
    )
    held = await shop.redeem(60, "50.00")
    shop.clock.now = at("2026-03-01 23:05")
    if captured:
        assert (await shop.capture(held["voucherCode"]))["capturedPoints"] == 60
    shop.clock.now = at("2026-03-01 23:10")
    balance = await shop.balance()
    assert (balance["spendable"], balance["held"]) == (0, 0)
    history = (await shop.me("history { nodes { kind points at } }"))["history"]["nodes"]
    gone = [(item["kind"], item["points"], at(item["at"])) for item in history if item["points"] < 0]
    ended = ("CAPTURE", -60, at("2026-03-01 23:05")) if captured else ("LAPSE", -60, at("2026-03-01 23:10"))
    assert gone == [ended, ("EXPIRY", -40, at("2026-03-01 23:00"))]


async def test_e41_capturing_less_gives_the_rest_back(opened: OpenShop) -> None:
    shop = await opened()
    await shop.join()
    await give_points(shop.installation, shop.programme, "c-1", 500, now=shop.clock())
    held = await shop.redeem(400, "20.00")
    captured = await shop.capture(held["voucherCode"], "15.00")
    assert (captured["capturedPoints"], captured["capturedValue"]["amount"]) == (300, "15.00")
    assert (await shop.balance())["spendable"] == 200


async def test_r12_sign_up_points_come_once_and_may_skip_the_waiting_time(opened: OpenShop) -> None:
    shop = await opened(signUpPoints=100, signUpAvailableAtOnce=True, waitingTime={"hours": 48})
    first, second = await shop.join(), await shop.join()
    assert (first["created"], first["signUpPoints"], second["created"]) == (True, 100, False)
    assert (await shop.balance())["spendable"] == 100


async def test_r19_a_hold_is_extended_from_the_instant_of_the_action(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 12:00", holdExtensionsMax=1)
    await shop.join()
    await give_points(shop.installation, shop.programme, "c-1", 100, now=shop.clock())
    held = await shop.redeem(100, "50.00")
    shop.clock.now = at("2026-03-01 12:10")
    extended = await shop.extend(held["id"], "once")
    assert (at(extended["expiresAt"]), extended["extensionsLeft"]) == (at("2026-03-01 12:25"), 0)
    assert await shop.extend(held["id"], "once") == extended
    assert (await shop.extend(held["id"]))["code"] == "EXTENSIONS_EXHAUSTED"
    shop.clock.now = at("2026-03-01 12:24:59.999")
    assert (await shop.capture(held["voucherCode"]))["state"] == "CAPTURED"


async def test_r20_another_amount_for_the_same_cart_replaces_the_voucher(opened: OpenShop) -> None:
    shop = await opened()
    await shop.join()
    await give_points(shop.installation, shop.programme, "c-1", 100, now=shop.clock())
    first = await shop.redeem(80, "50.00")
    again, other = await shop.redeem(80, "50.00"), await shop.redeem(90, "50.00")
    assert again["voucherCode"] == first["voucherCode"] != other["voucherCode"]
    assert (await shop.capture(first["voucherCode"]))["code"] == "REDEMPTION_ENDED"
    assert (await shop.voucher(first["voucherCode"]) or {})["state"] == "RELEASED"
    balance = await shop.balance()
    assert (balance["held"], balance["spendable"]) == (90, 10)


async def test_balances_of_the_past_and_of_the_future(opened: OpenShop) -> None:
    shop = await opened("2026-03-01 09:00", waitingTime={"days": 30}, expiry={"days": 60})
    await shop.join()
    await _points(shop, "o-1", "100.00")
    ask = "balance(asOf: $asOf) { pending spendable }"

    async def on(day: str) -> tuple[int, int]:
        answer = (await shop.me(ask, asOf=at(day).isoformat()))["balance"]
        return answer["pending"], answer["spendable"]

    assert [await on(day) for day in ("2026-02-28", "2026-03-02", "2026-04-02", "2026-06-01")] == [
        (0, 0),
        (100, 0),
        (0, 100),
        (0, 0),
    ]
    shop.clock.now = at("2026-06-01")
    assert [await on(day) for day in ("2026-03-02", "2026-04-02")] == [(100, 0), (0, 100)]
