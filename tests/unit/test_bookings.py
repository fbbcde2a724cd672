"""Booking documents as sites and strangers send them, and which of two reports counts (R13)."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointbook.domain.bookings import (
    Appointment,
    BookingStatus,
    Told,
    counts,
    is_stale,
    parse_booking,
)
from pointbook.domain.errors import InvalidInput
from pointbook.domain.orders import Customer
from tests.support import MINUTE, MOMENT, NOW, booking_document

TEA_TIME = Appointment(datetime(2026, 3, 1, 16, tzinfo=UTC), datetime(2026, 3, 1, 17, tzinfo=UTC))
BOOKED, COMPLETED, CANCELLED, NO_SHOW = BookingStatus


def test_every_field_is_read() -> None:
    read = parse_booking(
        booking_document(
            "b-7",
            NOW,
            status="COMPLETED",
            statusAt="2026-03-01T09:00:30+00:00",
            bookedAt="2026-02-20T10:00:00+01:00",
            participants=4,
            customer={"externalId": "c-9", "email": "a@example.org", "emailVerified": True},
            store="1",
            entryChannel="app",
        ),
        NOW,
    )
    assert (read.external_id, read.service_id) == ("b-7", "cut")
    assert read.told == Told(
        Appointment(NOW, NOW + timedelta(hours=1), 4, "1", "app"), COMPLETED, NOW + timedelta(seconds=30)
    )
    assert read.booked_at == datetime(2026, 2, 20, 9, tzinfo=UTC)
    assert read.customer == Customer("c-9", "a@example.org", email_verified=True)


def test_what_is_left_out_has_its_default() -> None:
    read = parse_booking(booking_document(participants=None, store=None, statusAt=None), NOW)
    assert (read.told.appointment.participants, read.told.appointment.store) == (1, None)
    assert (read.told.status_at, read.booked_at) == (None, None)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"externalId": ""}, "externalId"),
        ({"serviceId": None}, "serviceId"),
        ({"serviceId": 7}, "serviceId"),
        ({"startsAt": "2026-03-01T10:00:00"}, "startsAt"),
        ({"endsAt": None}, "endsAt"),
        ({"endsAt": (NOW + timedelta(hours=1)).isoformat()}, "endsAt"),
        ({"endsAt": NOW.isoformat()}, "endsAt"),
        ({"endsAt": (NOW + timedelta(days=366, hours=1) + MOMENT).isoformat()}, "endsAt"),
        ({"status": "booked"}, "status"),
        ({"status": None}, "status"),
        ({"participants": 0}, "participants"),
        ({"participants": 1001}, "participants"),
        ({"participants": True}, "participants"),
        ({"participants": "2"}, "participants"),
        ({"statusAt": (NOW + MINUTE + MOMENT).isoformat()}, "statusAt"),
        ({"bookedAt": (NOW + MINUTE + MOMENT).isoformat()}, "bookedAt"),
        ({"customer": None}, "customer"),
        ({"customer": {"externalId": "c", "phone": "1"}}, "customer.phone"),
        ({"store": " "}, "store"),
        ({"participant": 2}, "participant"),
    ],
)
def test_what_is_wrong_is_refused_with_its_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_booking({**booking_document(), **change}, NOW)
    assert refusal.value.field == field


@pytest.mark.parametrize("document", [None, [], "booking", 7])
def test_what_is_no_object_is_refused(document: object) -> None:
    with pytest.raises(InvalidInput):
        parse_booking(document, NOW)


def test_the_bounds_themselves_are_taken() -> None:
    longest = (NOW + timedelta(days=366, hours=1)).isoformat()
    ahead = (NOW + MINUTE).isoformat()
    document = booking_document(endsAt=longest, participants=1000, statusAt=ahead, bookedAt=ahead)
    assert parse_booking(document, NOW).told.appointment.participants == 1000


def later(told: Told, minutes: int) -> Told:
    assert told.status_at is not None
    return told._replace(status_at=told.status_at + minutes * MINUTE)


def test_the_later_report_counts_and_the_older_one_is_stale() -> None:
    booked = Told(TEA_TIME, BOOKED, NOW)
    for status in BookingStatus:
        newer = later(booked._replace(status=status), 1)
        assert counts(newer, booked)
        assert not is_stale(newer, booked)
        assert is_stale(booked, newer)
    assert not counts(booked, booked)
    assert not is_stale(booked, booked)


@pytest.mark.parametrize("instants", [(None, None), (NOW, None), (None, NOW)], ids=["neither", "new", "old"])
def test_without_instants_a_status_is_left_only_for_a_later_one_or_with_other_times(
    instants: tuple[datetime | None, datetime | None],
) -> None:
    for old, new in itertools.product(BookingStatus, BookingStatus):
        report, known = Told(TEA_TIME, new, instants[0]), Told(TEA_TIME, old, instants[1])
        assert counts(report, known) is (list(BookingStatus).index(new) > list(BookingStatus).index(old))
        assert not is_stale(report, known)
        moved = report._replace(appointment=TEA_TIME._replace(ends_at=TEA_TIME.ends_at + MINUTE))
        assert counts(moved, known)


TOLD = st.builds(
    Told,
    st.builds(
        Appointment,
        st.sampled_from([TEA_TIME.starts_at, TEA_TIME.starts_at - MINUTE]),
        st.just(TEA_TIME.ends_at),
        st.integers(1, 2),
        st.sampled_from([None, "1"]),
        st.sampled_from([None, "web"]),
    ),
    st.sampled_from(BookingStatus),
    st.sampled_from([NOW, NOW + MINUTE, NOW + 2 * MINUTE]),
)


@given(st.lists(TOLD, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_reports_with_instants_end_alike_in_any_order(reports: list[Told], dice: Any) -> None:
    def end(told: list[Told]) -> Told:
        known = told[0]
        for report in told[1:]:
            known = report if not is_stale(report, known) and counts(report, known) else known
        return known

    shuffled = reports * 2
    dice.shuffle(shuffled)
    assert end(shuffled) == end(reports)
