"""R13 and E33 through the API: points for an appointment, from booking it to what becomes of it."""

import itertools
import random
from datetime import timedelta
from typing import Any

import pytest

from tests.scenarios.conftest import OpenShop
from tests.scenarios.shop import Shop, at

BEGIN = "2026-03-05 08:00"
"""A Thursday, 9:00 in Berlin."""
MOMENT = timedelta(microseconds=1)


async def salon(opened: OpenShop, **settings: Any) -> Shop:
    """25 points for a cut; the customer has joined."""
    shop = await opened(BEGIN, earnsFromRevenue=False, **settings)
    await shop.add_rule("cut", "SERVICE", points=25, targets=["cut"])
    await shop.join()
    return shop


async def figures(shop: Shop) -> tuple[int, int, int]:
    balance = await shop.balance()
    return balance["available"], balance["pending"], balance["debt"]


async def test_e33_points_are_pending_and_available_at_13_00_though_no_job_has_run(opened: OpenShop) -> None:
    shop = await salon(opened)
    booked = await shop.book(starts_at="2026-03-06 09:00")
    assert (booked["outcome"], booked["points"]) == ("EARNED", 25)
    assert booked["availableFrom"] == "2026-03-06T13:00:00Z"
    assert await figures(shop) == (0, 25, 0)
    shop.clock.now = at("2026-03-06 13:00") - MOMENT
    assert await figures(shop) == (0, 25, 0)
    shop.clock.now = at("2026-03-06 13:00")
    assert await figures(shop) == (25, 0, 0)
    assert (await shop.redeem(25, "10.00"))["state"] == "HELD"


@pytest.mark.parametrize(
    ("status", "when"),
    [("CANCELLED", "11:00"), ("NO_SHOW", "11:00"), ("CANCELLED", "18:00"), ("NO_SHOW", "18:00")],
)
async def test_e33_cancelled_or_no_show_leaves_nothing(opened: OpenShop, status: str, when: str) -> None:
    shop = await salon(opened)
    await shop.book(starts_at="2026-03-06 09:00")
    shop.clock.now = at(f"2026-03-06 {when}")
    ended = await shop.book(starts_at="2026-03-06 09:00", status=status)
    assert (ended["outcome"], ended["points"], ended["availableFrom"]) == ("VOID", 0, None)
    assert await figures(shop) == (0, 0, 0)
    shop.clock.now = at("2026-03-09 13:00")
    assert await figures(shop) == (0, 0, 0)


async def test_r13_what_was_spent_before_a_no_show_was_reported_is_owed(opened: OpenShop) -> None:
    shop = await salon(opened)
    await shop.book(starts_at="2026-03-06 09:00")
    shop.clock.now = at("2026-03-06 14:00")
    held = await shop.redeem(20, "1.00")
    await shop.capture(held["voucherCode"])
    await shop.book(starts_at="2026-03-06 09:00", status="NO_SHOW")
    assert await figures(shop) == (0, 0, 20)
    await shop.book("b-2", starts_at="2026-03-07 09:00")
    assert await figures(shop) == (0, 25, 20)
    shop.clock.now = at("2026-03-07 13:00")
    assert await figures(shop) == (5, 0, 0)


async def test_a_history_tells_of_bookings_and_every_accrual_is_explained(opened: OpenShop) -> None:
    shop = await salon(opened)
    await shop.book(starts_at="2026-03-06 09:00")
    await shop.add_rule("spring", "SERVICE", points=30, targets=["cut"])
    await shop.book(starts_at="2026-03-07 09:00", participants=2)
    history = (await shop.me("history(first: 5) { nodes { id kind points sourceType sourceId } }"))["history"][
        "nodes"
    ]
    assert [(it["kind"], it["points"], it["sourceType"], it["sourceId"]) for it in history] == [
        ("ACCRUAL", 60, "booking", "b-1"),
        ("REVERSAL", -25, "booking", "b-1"),
        ("ACCRUAL", 25, "booking", "b-1"),
    ]
    new, old = [await shop.explain_entry(history[place]["id"]) for place in (0, 2)]
    assert (new["points"], new["sourceType"], new["sourceId"]) == (60, "booking", "b-1")
    assert [(rule["label"], rule["verdict"], rule["points"]) for rule in new["rules"]] == [
        ("spring", "WON", 60),
        ("cut", "LOST", 0),
    ]
    assert [(rule["label"], rule["verdict"], rule["points"]) for rule in old["rules"]] == [("cut", "WON", 25)]


async def test_a_booking_is_no_order(opened: OpenShop) -> None:
    """The id of an order is free for a booking, and neither changes the other."""
    shop = await salon(opened)
    await shop.change(earnsFromRevenue=True)
    assert (await shop.book("1", starts_at="2026-03-06 09:00"))["points"] == 25
    assert (await shop.order("1", "10.00"))["points"] == 10
    assert (await shop.take_back("1", "1"))["pointsReversed"] == 10
    assert await figures(shop) == (0, 25, 0)


async def test_service_and_customer_are_conflicts(opened: OpenShop) -> None:
    shop = await salon(opened)
    await shop.book()
    told = await shop.book(serviceId="shave")
    assert (told["__typename"], told["code"], told["part"]) == ("BookingConflict", "BOOKING_CONFLICT", "serviceId")
    told = await shop.book(customer={"externalId": "c-2"})
    assert (told["__typename"], told["part"]) == ("BookingConflict", "customer")
    told = await shop.book(endsAt=shop.clock().isoformat())
    assert told["message"].startswith("booking.endsAt:")


REPORTS = {
    "booked": {"starts_at": "2026-03-06 09:00"},
    "moved": {"starts_at": "2026-03-07 09:00"},
    "completed": {"starts_at": "2026-03-07 09:00", "status": "COMPLETED"},
    "cancelled": {"starts_at": "2026-03-07 09:00", "status": "CANCELLED"},
}
ENDS = {"booked": (25, "06"), "moved": (25, "07"), "completed": (25, "07"), "cancelled": (0, None)}


@pytest.mark.parametrize("needs", [False, True], ids=["when booked", "when completed"])
@pytest.mark.parametrize("newest", REPORTS)
async def test_r13_reports_once_to_five_times_in_any_order_end_as_the_newest_says(
    opened: OpenShop, newest: str, *, needs: bool
) -> None:
    # Of the reports up to the newest every order of arrival is tried, each report repeated once to five times.
    shop = await salon(opened, bookingNeedsCompletion=needs)
    happened = list(REPORTS)[: list(REPORTS).index(newest) + 1]
    shop.clock.now = at("2026-03-05 12:00")
    instants = {name: at(f"2026-03-05 {9 + hour:02}:00").isoformat() for hour, name in enumerate(happened)}
    points, day = ENDS[newest]
    if needs and newest != "completed":
        points = 0
    dice = random.Random(f"{newest} {needs}")  # noqa: S311  # no secret
    for number, order in enumerate(itertools.permutations(happened)):
        deliveries = [name for name in order for _ in range(dice.randrange(5))]
        dice.shuffle(deliveries)
        for name in (*order, *deliveries):
            told = await shop.book(f"b-{number}", statusAt=instants[name], **REPORTS[name])
        told = await shop.book(f"b-{number}", statusAt=instants[newest], **REPORTS[newest])
        assert (told["points"], told["replayed"]) == (points, True)
        assert told["availableFrom"] == (f"2026-03-{day}T13:00:00Z" if points else None)
        assert await figures(shop) == (0, points * (number + 1), 0)
