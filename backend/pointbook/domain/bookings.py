"""The booking document: what a booking site reports of an appointment or class, and which report counts (R13).

A site reports a booking again whenever something changes, and reports come in any order and often. Which of two
counts does not depend on which came first, if they say when they were true (``statusAt``): the later one, and of
one instant that with the later status, then the later appointment. Without ``statusAt`` a report counts if it
names another appointment, or a later status of the same one: so cancelled and no-show are final until the site
names other times.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from pointbook.domain.errors import InvalidInput
from pointbook.domain.orders import Customer, parse_customer
from pointbook.domain.reading import instant, object_of
from pointbook.domain.text import MAX_WORD, identifier, optional_identifier

MAX_PARTICIPANTS: Final = 1_000
LONGEST: Final = timedelta(days=366)
CLOCKS_DIFFER: Final = timedelta(minutes=1)
"""By how much the site's clock may be ahead."""

_KEYS: Final = frozenset(
    {
        *("externalId", "serviceId", "startsAt", "endsAt", "status", "statusAt", "bookedAt"),
        *("participants", "customer", "store", "entryChannel"),
    }
)


class BookingStatus(enum.StrEnum):
    """In the order in which a booking goes through them; of reports at one instant the later status counts."""

    BOOKED = "BOOKED"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    NO_SHOW = "NO_SHOW"

    @property
    def stands(self) -> bool:
        """Whether the appointment takes place, or has."""
        return self in (BookingStatus.BOOKED, BookingStatus.COMPLETED)


_RANK: Final = {status: rank for rank, status in enumerate(BookingStatus)}


class Appointment(NamedTuple):
    """What points depend on: with another one the booking earns anew. ``participants`` is at least 1."""

    starts_at: datetime
    ends_at: datetime
    participants: int = 1
    store: str | None = None
    entry_channel: str | None = None


class Told(NamedTuple):
    """What the site has said of a booking, and since when it is so (None: it did not say)."""

    appointment: Appointment
    status: BookingStatus
    status_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BookingDocument:
    """One report. ``booked_at``: what rules test their days and periods on; None: when it is first reported."""

    external_id: str
    service_id: str
    customer: Customer
    told: Told
    booked_at: datetime | None = None


def is_stale(report: Told, known: Told) -> bool:
    """Whether the site has said something of a later instant already."""
    return report.status_at is not None and known.status_at is not None and report.status_at < known.status_at


def counts(report: Told, known: Told) -> bool:
    """Whether a report takes the place of what is known; never when it says the same.

    >>> tea_time = Appointment(datetime(2026, 3, 1, 16), datetime(2026, 3, 1, 17))
    >>> booked, cancelled = Told(tea_time, BookingStatus.BOOKED), Told(tea_time, BookingStatus.CANCELLED)
    >>> counts(cancelled, booked), counts(booked, cancelled)
    (True, False)
    """
    if report.status_at is None or known.status_at is None:
        return report.appointment != known.appointment or _rank(report) > _rank(known)
    if report.status_at != known.status_at:
        return report.status_at > known.status_at
    return _place(report) > _place(known)


def _rank(told: Told) -> int:
    return _RANK[told.status]


def _place(told: Told) -> tuple[int, datetime, datetime, int, str, str]:
    """Any total order will do, as long as it is one."""
    starts, ends, participants, store, channel = told.appointment
    return _rank(told), starts, ends, participants, store or "", channel or ""


def parse_booking(document: object, now: datetime) -> BookingDocument:
    """Read a booking document (camelCase keys); a key with null counts as missing.

    ``statusAt`` and ``bookedAt`` may be ahead of ``now`` by as much as clocks differ. Raises InvalidInput naming
    the field.
    """
    if not isinstance(document, Mapping):
        raise InvalidInput("booking", "must be an object")
    raw = object_of("", document, _KEYS)
    return BookingDocument(
        external_id=identifier("externalId", raw.get("externalId")),
        service_id=identifier("serviceId", raw.get("serviceId")),
        customer=parse_customer(raw.get("customer")),
        told=Told(_appointment(raw), _status(raw.get("status")), _past("statusAt", raw, now)),
        booked_at=_past("bookedAt", raw, now),
    )


def _appointment(raw: Mapping[str, Any]) -> Appointment:
    starts_at, ends_at = instant("startsAt", raw.get("startsAt")), instant("endsAt", raw.get("endsAt"))
    if ends_at <= starts_at:
        raise InvalidInput("endsAt", "must be after startsAt")
    if ends_at - starts_at > LONGEST:
        raise InvalidInput("endsAt", f"must be at most {LONGEST.days} days after startsAt")
    return Appointment(
        starts_at,
        ends_at,
        participants_of(raw.get("participants")),
        optional_identifier("store", raw.get("store")),
        optional_identifier("entryChannel", raw.get("entryChannel"), MAX_WORD),
    )


def participants_of(value: object) -> int:
    """How many take part, 1 for None. Raises InvalidInput."""
    if value is None:
        return 1
    if type(value) is not int or not 1 <= value <= MAX_PARTICIPANTS:
        raise InvalidInput("participants", f"must be a whole number from 1 to {MAX_PARTICIPANTS}")
    return value


def _status(value: object) -> BookingStatus:
    if isinstance(value, str) and value in BookingStatus.__members__:
        return BookingStatus(value)
    raise InvalidInput("status", "must be BOOKED, COMPLETED, CANCELLED or NO_SHOW")


def _past(field: str, raw: Mapping[str, Any], now: datetime) -> datetime | None:
    if raw.get(field) is None:
        return None
    found = instant(field, raw[field])
    if found > now + CLOCKS_DIFFER:
        raise InvalidInput(field, "must not be in the future")
    return found
