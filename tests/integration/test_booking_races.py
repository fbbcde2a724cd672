"""Bookings earn once, as the newest report says, whatever comes at the same time."""

import asyncio
from typing import Any

import pytest

from pointbook.db.queries import bookings
from pointbook.domain import errors
from pointbook.services.bookings import BookingOutcome, SubmittedBooking, submit_booking
from pointbook.services.installation import Installation
from tests.integration.bookings import HOUR, book, entries, figures, processes, salon, waiting
from tests.support import (
    DAY,
    MINUTE,
    NOW,
    SECRET,
    booking_document,
    customer,
    give_points,
    join_member,
    outcomes,
    redeem,
    spendable,
)


async def test_r14_of_a_joining_and_a_report_at_the_same_time_one_gives_the_points(
    installation: Installation,
) -> None:
    programme = await salon(installation, joined=False, releaseParkedOnJoin=True)
    others = [Installation.of(installation.db, SECRET) for _ in range(4)]
    for number in range(5):
        name = f"n-{number}"
        calls = [
            submit_booking(one, programme.id, booking_document(f"b-{number}", customer_id=name), now=NOW)
            for one in others
        ]
        await asyncio.gather(join_member(installation, programme, name), *calls)
        assert await figures(installation, programme, customer=name) == (0, 25, 0)


@pytest.mark.parametrize("release", [False, True])
async def test_r14_whoever_joins_while_a_report_is_looked_at_earns_by_it(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, *, release: bool
) -> None:
    programme = await salon(installation, joined=False, releaseParkedOnJoin=release)
    look, looks = bookings.seen, iter([True])
    [other] = processes(installation, 1)

    async def seen(*arguments: Any) -> bookings.Seen:
        answer = await look(*arguments)
        if next(looks, False):
            await join_member(other, programme)
        return answer

    monkeypatch.setattr(bookings, "seen", seen)
    told = await book(installation, programme)
    assert (told.outcome, told.points) == (BookingOutcome.EARNED, 25)


@pytest.mark.parametrize("earlier", ["c-2", "stranger"])
async def test_a_booking_that_is_reported_for_another_while_it_is_looked_at_is_a_conflict(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, earlier: str
) -> None:
    programme = await salon(installation)
    await join_member(installation, programme, "c-2")
    find, finds = bookings.locked, iter([True])

    async def locked(*arguments: Any) -> bookings.BookingRow | None:
        answer = await find(*arguments)
        if next(finds, False):
            await book(installation, programme, customer_id=earlier)
        return answer

    monkeypatch.setattr(bookings, "locked", locked)
    with pytest.raises(errors.BookingConflict):
        await book(installation, programme)
    assert await figures(installation, programme) == (0, 0, 0)


async def test_the_same_report_twenty_times_at_once_is_credited_once(installation: Installation) -> None:
    programme = await salon(installation)
    calls = [book(one, programme) for one in processes(installation, 20)]
    answers = await asyncio.gather(*calls)
    assert {answer.points for answer in answers} == {25}
    assert sum(not answer.replayed for answer in answers) == 1
    assert await entries(installation, programme) == [("accrual", 1)]
    assert len(await waiting(installation, programme)) == 1


async def test_reports_of_every_kind_at_once_end_as_the_newest_says(installation: Installation) -> None:
    # Goal: booked, moved, booked again and cancelled race in any interleaving; the newest report stands.
    programme = await salon(installation)
    instants = [(NOW - (9 - number) * MINUTE).isoformat() for number in range(5)]
    for number in range(6):
        name, cancelled = f"b-{number}", number % 2
        reports = [
            booking_document(name, statusAt=instants[0]),
            booking_document(name, NOW + DAY, statusAt=instants[1]),
            booking_document(name, NOW + DAY, status="CANCELLED", statusAt=instants[2]),
            booking_document(name, NOW + 2 * DAY, statusAt=instants[3]),
        ]
        if cancelled:
            reports.append(booking_document(name, NOW + 2 * DAY, status="NO_SHOW", statusAt=instants[4]))
        calls = [
            submit_booking(one, programme.id, report, now=NOW)
            for one, report in zip(processes(installation, 3 * len(reports)), reports * 3, strict=True)
        ]
        await asyncio.gather(*calls)
        final = await submit_booking(installation, programme.id, reports[-1], now=NOW)
        assert (final.points, final.replayed) == (0 if cancelled else 25, True)
    assert await figures(installation, programme) == (0, 75, 0)
    assert await waiting(installation, programme) == [(52 * HOUR, 25)] * 3


async def test_of_two_customers_of_one_booking_at_once_one_is_told_of_the_conflict(
    installation: Installation,
) -> None:
    programme = await salon(installation)
    await join_member(installation, programme, "c-2")
    for number in range(5):
        calls = [
            book(one, programme, external_id=f"b-{number}", customer_id=name)
            for one, name in zip(processes(installation, 4), ("c-1", "c-2", "stranger", "c-1"), strict=True)
        ]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert outcomes(answers, SubmittedBooking) + outcomes(answers, errors.BookingConflict) == 4
        assert outcomes(answers, SubmittedBooking) >= 1


async def test_a_booking_and_a_purchase_of_the_same_member_at_once(installation: Installation) -> None:
    programme = await salon(installation)
    await give_points(installation, programme, "c-1", 100)
    assert customer(programme).subject == "c-1"
    await asyncio.gather(
        book(installation, programme),
        redeem(installation, programme, 60),
        book(installation, programme, external_id="b-2"),
        book(installation, programme, status="CANCELLED"),
    )
    assert await spendable(installation, programme) == 40
