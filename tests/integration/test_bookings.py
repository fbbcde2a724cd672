"""What a booking earns, when its points become available, and what rules and caps say of it (R8, R13, R16)."""

from datetime import UTC, datetime, timedelta

import pytest

from pointbook.domain import errors
from pointbook.services.bookings import BookingOutcome, SubmittedBooking, submit_bookings
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.settings_versions import change_settings
from pointbook.services.stores import NewStore, add_store, switch_store
from tests.integration.bookings import HOUR, LATER, add_rule, book, entries, figures, salon
from tests.support import DAY, MINUTE, NOW, booking_document, refused, topics


async def test_r13_booked_points_are_pending_until_three_hours_after_the_end(installation: Installation) -> None:
    programme = await salon(installation)
    booked = await book(installation, programme)
    ends = NOW + 2 * HOUR
    assert (booked.outcome, booked.points, booked.available_from) == (
        BookingOutcome.EARNED,
        25,
        ends + 3 * HOUR,
    )
    just_before = ends + 3 * HOUR - timedelta(microseconds=1)
    assert await figures(installation, programme, now=just_before) == (0, 25, 0)
    assert await figures(installation, programme, now=ends + 3 * HOUR) == (25, 0, 0)


async def test_r13_expiry_counts_from_when_they_become_available(installation: Installation) -> None:
    programme = await salon(installation, expiry={"days": 10}, expiryCountsFrom="EARNING", waitingTime={"days": 7})
    await book(installation, programme, starts_at=NOW + 20 * DAY)  # later than the expiry of what is earned today
    day = (NOW + 20 * DAY + 4 * HOUR).date()
    end = datetime.combine(day + timedelta(days=11), datetime.min.time(), UTC) - 2 * HOUR  # summer time by then
    moment = timedelta(microseconds=1)
    assert await figures(installation, programme, now=end - moment) == (25, 0, 0)
    assert await figures(installation, programme, now=end) == (0, 0, 0)


async def test_r16_an_end_on_a_date_is_measured_by_when_the_points_become_available(
    installation: Installation,
) -> None:
    # The waiting time, which is for other points, would be over after that date; an appointment may be too.
    programme = await salon(installation, waitingTime={"days": 30})
    end = (NOW + 10 * DAY).date().isoformat()
    await add_rule(installation, programme, points=40, expiry={"on": end})  # the better one, as long as it gives
    assert (await book(installation, programme, starts_at=NOW + 9 * DAY)).points == 40
    assert (await book(installation, programme, starts_at=NOW + 11 * DAY)).points == 25
    after = NOW + 12 * DAY
    assert await figures(installation, programme, now=after) == (25, 0, 0)


async def test_a_group_earns_for_each_participant(installation: Installation) -> None:
    programme = await salon(installation)
    assert (await book(installation, programme, participants=4)).points == 100
    assert (await book(installation, programme, participants=3)).points == 75
    assert await entries(installation, programme) == [("accrual", 1), ("reversal", 1), ("accrual", 2)]
    assert await figures(installation, programme) == (0, 75, 0)


async def test_a_service_without_a_rule_earns_nothing_and_is_recorded(installation: Installation) -> None:
    programme = await salon(installation)
    told = await book(installation, programme, serviceId="shave")
    assert (told.outcome, told.points) == (BookingOutcome.EARNED, 0)
    assert await topics(installation.db, programme) == ["member.joined"]


async def test_rules_test_their_days_on_when_it_was_booked(installation: Installation) -> None:
    programme = await salon(installation)
    await add_rule(installation, programme, points=5, stackGroup="monday", weekdays=["MONDAY"])
    sunday, monday = NOW - 7 * DAY, NOW - 6 * DAY
    assert (await book(installation, programme, bookedAt=sunday.isoformat())).points == 25
    assert (await book(installation, programme, external_id="b-2", bookedAt=monday.isoformat())).points == 30
    moved = await book(installation, programme, external_id="b-2", starts_at=NOW + DAY)
    assert moved.points == 30  # it was booked on that Monday all the same


async def test_stores_and_channels_are_tested_and_a_store_that_is_off_earns_nothing(
    installation: Installation,
) -> None:
    programme = await salon(installation)
    for store in ("mitte", "west"):
        await add_store(installation, programme.id, NewStore(store, store), now=NOW)
    await add_rule(installation, programme, points=5, stackGroup="mitte", stores=["mitte"])
    assert (await book(installation, programme, store="mitte")).points == 30
    assert (await book(installation, programme, store="west")).points == 25
    await switch_store(installation, programme.id, "mitte", active=False, now=NOW)
    assert (await book(installation, programme, store="mitte")).points == 0
    refusal = book(installation, programme, store="nord")
    await refused(refusal, errors.UnknownStore, installation.db, programme)


async def test_r8_what_is_taken_back_leaves_its_room_under_caps(installation: Installation) -> None:
    programme = await salon(installation)
    await add_rule(installation, programme, points=10, stackGroup="capped", caps={"perDay": 15})
    assert (await book(installation, programme)).points == 35
    assert (await book(installation, programme, external_id="b-2")).points == 30
    await book(installation, programme, status="CANCELLED")
    assert (await book(installation, programme, external_id="b-3")).points == 35
    assert (await book(installation, programme, external_id="b-4")).points == 25
    moved = await book(installation, programme, external_id="b-3", starts_at=NOW + DAY)
    assert moved.points == 35


async def test_completed_after_booked_is_only_noted(installation: Installation) -> None:
    programme = await salon(installation)
    booked = await book(installation, programme)
    completed = await book(installation, programme, status="COMPLETED", now=NOW + 2 * HOUR)
    assert (completed.status, completed.points, completed.available_from) == (
        "COMPLETED",
        25,
        booked.available_from,
    )
    assert await entries(installation, programme) == [("accrual", 1)]


@pytest.mark.parametrize(("hours", "available"), [(2, 5), (9, 9)])
async def test_r13_where_completion_is_needed_it_earns_then(
    installation: Installation, hours: int, available: int
) -> None:
    programme = await salon(installation, bookingNeedsCompletion=True)
    booked = await book(installation, programme)
    assert (booked.outcome, booked.points, booked.available_from) == (BookingOutcome.RECEIVED, 0, None)
    assert await figures(installation, programme) == (0, 0, 0)
    completed = await book(installation, programme, status="COMPLETED", now=NOW + hours * HOUR)
    assert (completed.outcome, completed.available_from) == (BookingOutcome.EARNED, NOW + available * HOUR)
    assert await book(installation, programme, status="COMPLETED", now=LATER) == (
        SubmittedBooking("b-1", completed.outcome, completed.status, 25, completed.available_from, replayed=True)
    )


async def test_what_has_earned_stays_earned_when_completion_is_asked_for_later(installation: Installation) -> None:
    programme = await salon(installation)
    await book(installation, programme)
    await needs_completion(installation, programme, needs=True)
    again = await book(installation, programme, now=NOW + MINUTE)
    assert (again.outcome, again.points) == (BookingOutcome.EARNED, 25)
    moved = await book(installation, programme, starts_at=NOW + DAY, now=NOW + MINUTE)
    assert moved.outcome is BookingOutcome.RECEIVED
    assert await figures(installation, programme, now=NOW + MINUTE) == (0, 0, 0)
    await needs_completion(installation, programme, needs=False, now=NOW + MINUTE)
    again = await book(installation, programme, starts_at=NOW + DAY, now=NOW + 2 * MINUTE)
    assert (again.outcome, again.points) == (BookingOutcome.EARNED, 25)


async def needs_completion(
    installation: Installation, programme: ProgrammeSnapshot, *, needs: bool, now: datetime = NOW
) -> None:
    current = await installation.programmes.current(programme.id)
    changed = current.settings_at(now).changed({"bookingNeedsCompletion": needs}, "EUR")
    await change_settings(installation, programme.id, changed, now=now)


async def test_bookings_of_a_batch_are_judged_one_by_one(installation: Installation) -> None:
    programme = await salon(installation)
    documents = [
        booking_document(),
        booking_document("b-2", participants=0),
        booking_document(serviceId="shave"),
        booking_document("b-3"),
    ]
    answers = await submit_bookings(installation, programme.id, documents, now=NOW)
    assert [type(answer) for answer in answers] == [
        SubmittedBooking,
        errors.InvalidInput,
        errors.BookingConflict,
        SubmittedBooking,
    ]
    assert await figures(installation, programme) == (0, 50, 0)
    too_many = submit_bookings(installation, programme.id, documents[:1] * 101, now=NOW)
    await refused(too_many, errors.InvalidInput, installation.db, programme)


async def test_one_whose_points_would_be_over_by_now_gives_none(installation: Installation) -> None:
    programme = await salon(installation, expiry={"days": 10})
    late = await book(installation, programme, starts_at=NOW - 20 * DAY, status="COMPLETED")
    assert (late.outcome, late.points) == (BookingOutcome.EARNED, 0)
