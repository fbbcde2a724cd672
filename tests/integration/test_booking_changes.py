"""A booking that is moved, cancelled or booked again has earned what its newest report says (R13, R26)."""

from datetime import timedelta
from typing import Any

import pytest

from pointbook.domain import errors
from pointbook.services.bookings import BookingOutcome, submit_booking
from pointbook.services.installation import Installation
from tests.integration.bookings import HOUR, LATER, book, entries, figures, salon, waiting
from tests.support import DAY, MINUTE, NOW, booking_document, everything, join_member, redeem, refused


@pytest.mark.parametrize("arrival", [(0, 1), (1, 0)])
async def test_r13_where_completion_is_needed_it_is_taken_back_with_the_completion(
    installation: Installation, arrival: tuple[int, int]
) -> None:
    programme = await salon(installation, bookingNeedsCompletion=True)
    reports = (
        {"status": "COMPLETED", "statusAt": (NOW + 3 * HOUR).isoformat()},
        {"status": "BOOKED", "statusAt": (NOW + 4 * HOUR).isoformat()},
    )
    for number in arrival:
        told = await book(installation, programme, now=NOW + 9 * HOUR, **reports[number])
    assert (told.outcome, told.points) == (BookingOutcome.RECEIVED, 0)
    assert await figures(installation, programme, now=LATER) == (0, 0, 0)


async def test_r13_rescheduled_it_is_taken_back_and_earned_anew_at_the_new_time(
    installation: Installation,
) -> None:
    programme = await salon(installation)
    await book(installation, programme)
    moved = await book(installation, programme, starts_at=NOW + DAY)
    assert (moved.points, moved.available_from) == (25, NOW + DAY + 4 * HOUR)
    assert await entries(installation, programme) == [("accrual", 1), ("reversal", 1), ("accrual", 2)]
    assert await figures(installation, programme, now=NOW + 6 * HOUR) == (0, 25, 0)
    assert await waiting(installation, programme) == [(28 * HOUR, 25)]


@pytest.mark.parametrize("status", ["CANCELLED", "NO_SHOW"])
@pytest.mark.parametrize("after", [1 * HOUR, 9 * HOUR], ids=["before", "after"])
async def test_e33_cancelled_or_no_show_is_taken_back(
    installation: Installation, status: str, after: timedelta
) -> None:
    programme = await salon(installation)
    await book(installation, programme)
    ended = await book(installation, programme, status=status, now=NOW + after)
    assert (ended.outcome, ended.points) == (BookingOutcome.VOID, 0)
    assert await figures(installation, programme, now=LATER) == (0, 0, 0)
    assert await waiting(installation, programme) == []


async def test_without_instants_cancelled_is_final_until_it_gets_other_times(installation: Installation) -> None:
    programme = await salon(installation)
    for status in ("BOOKED", "CANCELLED", "BOOKED", "COMPLETED"):
        told = await book(installation, programme, status=status)
    assert (told.outcome, told.status, told.replayed) == (BookingOutcome.VOID, "CANCELLED", True)
    assert (await book(installation, programme, starts_at=NOW + DAY)).points == 25
    assert await entries(installation, programme) == [("accrual", 1), ("reversal", 1), ("accrual", 2)]


async def test_booked_again_after_it_was_cancelled_it_earns_anew(installation: Installation) -> None:
    programme = await salon(installation)
    instants = [(NOW + number * MINUTE).isoformat() for number in range(4)]
    now = NOW + 9 * MINUTE
    await book(installation, programme, statusAt=instants[0], now=now)
    await book(installation, programme, status="CANCELLED", statusAt=instants[1], now=now)
    late = await book(installation, programme, statusAt=instants[0], now=now)
    assert (late.outcome, late.replayed) == (BookingOutcome.VOID, True)
    assert (await book(installation, programme, statusAt=instants[2], now=now)).points == 25
    assert await entries(installation, programme) == [("accrual", 1), ("reversal", 1), ("accrual", 2)]
    assert len(await waiting(installation, programme)) == 1


async def test_an_older_report_is_answered_as_things_stand_and_has_no_effect(installation: Installation) -> None:
    programme = await salon(installation)
    older, newer = ((NOW - minutes * MINUTE).isoformat() for minutes in (2, 1))
    await book(installation, programme, starts_at=NOW + DAY, statusAt=newer)
    before = await everything(installation.db, programme)
    stale = await book(installation, programme, statusAt=older)
    assert (stale.outcome, stale.replayed) == (BookingOutcome.EARNED, True)
    assert stale.available_from == NOW + DAY + 4 * HOUR
    assert await everything(installation.db, programme) == before


async def test_r26_what_was_spent_is_owed_and_paid_by_the_new_appointment(installation: Installation) -> None:
    programme = await salon(installation)
    await book(installation, programme)
    now = NOW + 6 * HOUR
    await redeem(installation, programme, 25, now=now)
    moved = await book(installation, programme, starts_at=NOW + DAY, now=now)
    assert moved.points == 25
    assert await figures(installation, programme, now=now) == (0, 25, 25)
    assert await figures(installation, programme, now=LATER) == (25, 0, 0)  # the hold lapsed, so nothing is owed


@pytest.mark.parametrize("clawback", ["WITHIN_BALANCE", "ONLY_PENDING"])
async def test_r26_what_the_policy_leaves_to_the_member_is_not_earned_a_second_time(
    installation: Installation, clawback: str
) -> None:
    programme = await salon(installation, clawback=clawback)
    await book(installation, programme)
    now = NOW + 6 * HOUR
    await redeem(installation, programme, 25, now=now)  # so that none of it can be taken back
    moved = await book(installation, programme, starts_at=NOW + DAY, participants=2, now=now)
    assert moved.points == 25  # of 50; the other 25 the member has
    ended = await book(installation, programme, starts_at=NOW + DAY, participants=2, status="CANCELLED", now=now)
    assert ended.points == 0
    back = await book(installation, programme, starts_at=NOW + 2 * DAY, now=now)
    assert (back.outcome, back.points) == (BookingOutcome.EARNED, 0)
    assert await figures(installation, programme, now=now + DAY) == (25, 0, 0)


async def test_service_and_customer_never_change(installation: Installation) -> None:
    programme = await salon(installation)
    await join_member(installation, programme, "c-2")
    await book(installation, programme)
    other: list[tuple[dict[str, Any], str]] = [
        ({"serviceId": "shave"}, "serviceId"),
        ({"customer_id": "c-2"}, "customer"),
        ({"customer_id": "stranger"}, "customer"),
    ]
    for change, part in other:
        call = book(installation, programme, status="CANCELLED", **change)
        conflict = await refused(call, errors.BookingConflict, installation.db, programme)
        assert (conflict.external_id, conflict.part) == ("b-1", part)


async def test_the_same_report_again_changes_nothing(installation: Installation) -> None:
    programme = await salon(installation)
    first = await book(installation, programme)
    before = await everything(installation.db, programme)
    again = await book(installation, programme, now=NOW + DAY)
    assert (again.outcome, again.points, again.available_from) == (first.outcome, 25, first.available_from)
    assert (first.replayed, again.replayed) == (False, True)
    assert await everything(installation.db, programme) == before


async def test_a_report_from_the_future_is_refused(installation: Installation) -> None:
    programme = await salon(installation)
    for field in ("statusAt", "bookedAt"):
        document = {**booking_document(), field: (NOW + 2 * MINUTE).isoformat()}
        call = submit_booking(installation, programme.id, document, now=NOW)
        refusal = await refused(call, errors.InvalidInput, installation.db, programme)
        assert refusal.field == field
