"""Bookings as they are known: read, locked, written. Whoever locks a booking has locked its accounts before."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from pointbook.db.session import Connection
from pointbook.domain.bookings import Appointment, BookingStatus, Told

EARNED: Final = "EARNED"
RECEIVED: Final = "RECEIVED"
PARKED: Final = "PARKED"
VOID: Final = "VOID"


@dataclass(frozen=True, slots=True)
class BookingRow:
    """All of a booking; ``customer_email`` only while it is parked."""

    external_id: str
    customer_external_id: str | None
    customer_email: str | None
    account_id: int | None
    service_id: str
    told: Told
    booked_at: datetime
    state: str
    occurrence: int
    reported_at: datetime


@dataclass(frozen=True, slots=True)
class OccurrenceRow:
    """One time that a booking earned; ``judgement`` is a JSON text."""

    occurrence: int
    account_id: int
    appointment: Appointment
    points: int
    available_from: datetime
    settings_version: int
    judgement: str
    entry_seq: int | None
    message_id: int | None
    earned_at: datetime


class Earner(NamedTuple):
    account_id: int
    public_id: UUID


class Seen(NamedTuple):
    """Whose a booking is: its customer's by now, or that of a member whose verified address released it."""

    customer: Earner | None
    booking: Earner | None

    @property
    def earner(self) -> Earner | None:
        return self.customer or self.booking

    @property
    def account_ids(self) -> list[int]:
        return sorted({earner.account_id for earner in (self.customer, self.booking) if earner is not None})


async def seen(connection: Connection, programme_id: int, booking: str, customer: str) -> Seen:
    """The accounts of a booking and of the customer who is named, nothing locked."""
    row = await connection.fetchrow(_SEEN, programme_id, booking, customer)
    assert row is not None, "the statement has one row"
    return Seen(
        None if row["joined_id"] is None else Earner(row["joined_id"], row["joined_public_id"]),
        None if row["earner_id"] is None else Earner(row["earner_id"], row["earner_public_id"]),
    )


async def locked(connection: Connection, programme_id: int, booking: str) -> BookingRow | None:
    """The booking as it stands, locked until the transaction ends."""
    row = await connection.fetchrow(_LOCKED, programme_id, booking)
    return None if row is None else _booking(row)


async def parked(
    connection: Connection, programme_id: int, customer: str, email: str | None, *, most: int
) -> list[BookingRow]:
    """Parked bookings of a customer's id, then of the address, locked, the earliest of each first."""
    rows = list(await connection.fetch(_PARKED_BY_CUSTOMER, programme_id, customer, most))
    if email is not None:
        rows += await connection.fetch(_PARKED_BY_EMAIL, programme_id, email, customer, most - len(rows))
    return [_booking(row) for row in rows]


async def add(connection: Connection, programme_id: int, booking: BookingRow) -> bool:
    """False when somebody else has reported the booking meanwhile: nothing was written then."""
    return bool(await connection.fetchval(_ADD, programme_id, *_values(booking)))


async def replace(connection: Connection, programme_id: int, booking: BookingRow) -> None:
    """Write a locked booking anew."""
    await connection.execute(_REPLACE, programme_id, *_values(booking)[:-1])


async def open_occurrence(
    connection: Connection, programme_id: int, booking: str, occurrence: int
) -> OccurrenceRow | None:
    """The occurrence with this number, unless it was taken back. It stands while the booking is locked."""
    row = await connection.fetchrow(_OPEN_OCCURRENCE, programme_id, booking, occurrence)
    if row is None:
        return None
    names = [name for name in OccurrenceRow.__dataclass_fields__ if name != "appointment"]
    return OccurrenceRow(appointment=_appointment(row), **{name: row[name] for name in names})


async def add_occurrence(
    connection: Connection, programme_id: int, booking: str, occurrence: OccurrenceRow
) -> None:
    """Keep what a booking earned that is written already."""
    await connection.execute(
        _ADD_OCCURRENCE,
        programme_id,
        booking,
        occurrence.occurrence,
        occurrence.account_id,
        *occurrence.appointment,
        occurrence.points,
        occurrence.available_from,
        occurrence.settings_version,
        occurrence.judgement,
        occurrence.entry_seq,
        occurrence.message_id,
        occurrence.earned_at,
    )


async def end_occurrence(
    connection: Connection, programme_id: int, booking: str, occurrence: int, *, forgiven: int, now: datetime
) -> None:
    """Note that an occurrence was taken back, but for the points that were left to the member."""
    await connection.execute(_END_OCCURRENCE, programme_id, booking, occurrence, forgiven, now)


async def forgiven(connection: Connection, programme_id: int, booking: str) -> int:
    """The points of all occurrences that were left to the member when they were taken back."""
    points: int = await connection.fetchval(_FORGIVEN, programme_id, booking)
    return points


def _booking(row: Any) -> BookingRow:
    return BookingRow(
        external_id=row["external_id"],
        customer_external_id=row["customer_external_id"],
        customer_email=row["customer_email"],
        account_id=row["account_id"],
        service_id=row["service_id"],
        told=Told(_appointment(row), BookingStatus(row["status"]), row["status_at"]),
        booked_at=row["booked_at"],
        state=row["state"],
        occurrence=row["occurrence"],
        reported_at=row["reported_at"],
    )


def _appointment(row: Any) -> Appointment:
    return Appointment(
        row["starts_at"], row["ends_at"], row["participants"], row["store_id"], row["entry_channel"]
    )


def _values(booking: BookingRow) -> list[Any]:
    return [
        booking.external_id,
        booking.customer_external_id,
        booking.customer_email,
        booking.account_id,
        booking.service_id,
        *booking.told.appointment,
        booking.told.status,
        booking.told.status_at,
        booking.booked_at,
        booking.state,
        booking.occurrence,
        booking.reported_at,
    ]


# Joins compare plain columns: under row-level security anything else is judged only after every row has been read.
_SEEN = """
select
    joined.account_id as joined_id, joined.public_id as joined_public_id,
    earner.account_id as earner_id, earner.public_id as earner_public_id
from (values ($1::int, $2::text, $3::text)) as asked (programme_id, booking_id, customer_id)
left join booking as known on known.programme_id = asked.programme_id and known.external_id = asked.booking_id
left join member_external_id as customer
    on customer.programme_id = asked.programme_id and customer.external_id = asked.customer_id
left join member as joined
    on joined.programme_id = asked.programme_id and joined.account_id = customer.account_id
left join member as earner
    on earner.programme_id = asked.programme_id and earner.account_id = known.account_id
"""

_LOCKED = "select * from booking where programme_id = $1 and external_id = $2 for no key update"

_PARKED_BY_CUSTOMER = """
select * from booking
where programme_id = $1 and state = 'PARKED' and customer_external_id = $2
order by starts_at, external_id
limit $3
for no key update
"""

# Only parked bookings have an address. Saying so once more would lead the planner to the other index.
_PARKED_BY_EMAIL = """
select * from booking
where programme_id = $1 and customer_email = $2 and customer_external_id <> $3
    and not exists (
        select from member_external_id as known
        where known.programme_id = $1 and known.external_id = booking.customer_external_id
            and known.account_id is not null)
order by starts_at, external_id
limit $4
for no key update
"""

_ADD = """
insert into booking (
    programme_id, external_id, customer_external_id, customer_email, account_id, service_id, starts_at, ends_at,
    participants, store_id, entry_channel, status, status_at, booked_at, state, occurrence, reported_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
on conflict (programme_id, external_id) do nothing
returning true
"""

_REPLACE = """
update booking
set customer_external_id = $3, customer_email = $4, account_id = $5, service_id = $6, starts_at = $7, ends_at = $8,
    participants = $9, store_id = $10, entry_channel = $11, status = $12, status_at = $13, booked_at = $14,
    state = $15, occurrence = $16
where programme_id = $1 and external_id = $2
"""

_OPEN_OCCURRENCE = """
select * from booking_occurrence
where programme_id = $1 and booking_external_id = $2 and occurrence = $3 and reversed_at is null
"""

_ADD_OCCURRENCE = """
insert into booking_occurrence (
    programme_id, booking_external_id, occurrence, account_id, starts_at, ends_at, participants, store_id,
    entry_channel, points, available_from, settings_version, judgement, entry_seq, message_id, earned_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::text::json, $14, $15, $16)
"""

_END_OCCURRENCE = """
update booking_occurrence set reversed_at = $5, forgiven = $4
where programme_id = $1 and booking_external_id = $2 and occurrence = $3
"""

_FORGIVEN = """
select coalesce(sum(forgiven), 0)::bigint from booking_occurrence
where programme_id = $1 and booking_external_id = $2
"""
