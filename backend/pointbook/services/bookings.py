"""Bookings come in: each report recorded, and the booking brought to what the newest of them says (R13).

A booking is known by the site's id. Reported once or often, in whatever order, it is credited once, and ends as
the newest report says; ``domain.bookings`` says which that is. Stated rules:

- Booked, it earns at once, points that can be spent some hours after the appointment; where the programme asks for
  it, it earns when it is completed.
- With other times, participants or another store it is taken back and earns anew, in one transaction.
- Cancelled or no-show it is taken back, whenever that is. Booked again after that, it earns anew.
- Service and customer of a booking do not change: that is a conflict, and nothing changes.
- A booking of somebody who has not joined is parked. Reported again after its customer joined, it earns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from pointbook import ledger
from pointbook.db.queries import bookings as rows
from pointbook.db.queries.bookings import BookingRow
from pointbook.db.queries.customers import lock_customer
from pointbook.db.queries.members import who_left
from pointbook.db.retry import retrying
from pointbook.db.session import Connection
from pointbook.domain import errors
from pointbook.domain.bookings import BookingDocument, BookingStatus, Told, counts, is_stale, parse_booking
from pointbook.domain.orders import Customer
from pointbook.services.booking_settling import BookingOutcome, BookingSettling, Settled
from pointbook.services.directory import AccountKey, ProgrammeSnapshot, check_unchanged, keep_unchanged
from pointbook.services.installation import Installation
from pointbook.services.judging import Judge
from pointbook.services.members import normalised_email
from pointbook.services.one_by_one import one_by_one
from pointbook.services.order_settling import Overtaken
from pointbook.services.warnings import WarningKind, warn

__all__ = ["BOOKINGS_MAX", "BookingOutcome", "SubmittedBooking", "submit_booking", "submit_bookings"]

BOOKINGS_MAX: Final = 100
"""In one call of ``submit_bookings``."""
_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class SubmittedBooking:
    """How a booking stands, whose ``points`` can be spent from ``available_from`` on (None: it has not earned).

    ``status`` is that of the newest report, which may be another; ``replayed``: nothing changed now.
    """

    external_id: str
    outcome: BookingOutcome
    status: BookingStatus
    points: int
    available_from: datetime | None
    replayed: bool


async def submit_booking(
    installation: Installation,
    programme_id: int,
    document: Mapping[str, Any],
    *,
    tells: bool = True,
    now: datetime,
) -> SubmittedBooking:
    """Record a report of a booking and give it its effect, once; the same report again: the same answer.

    Without ``tells`` nobody is told of the points: it is a booking of the past.
    Raises InvalidInput, UnknownStore, ProgrammeNotOpen and BookingConflict (it was of another service or
    customer); nothing is recorded then.
    """

    async def call(programme: ProgrammeSnapshot) -> SubmittedBooking:
        booking = parse_booking(document, now)
        programme.store(booking.told.appointment.store)
        email = _waiting_email(booking.customer)
        settling = BookingSettling(programme, Judge(programme, now), now, tells)
        report = _Report(installation, settling, booking, email)
        async with installation.turns.turn(programme.id, booking.customer.external_id):
            return await retrying(report.settle)

    for _ in range(_ATTEMPTS):
        try:
            return await installation.programmes.while_unchanged(programme_id, call)
        except Overtaken:
            continue
    raise AssertionError(f"a booking was overtaken {_ATTEMPTS} times")


async def submit_bookings(
    installation: Installation, programme_id: int, documents: Sequence[Mapping[str, Any]], *, now: datetime
) -> list[SubmittedBooking | errors.PointbookError]:
    """Up to 100 reports in their sequence, each by itself: one that is refused stands in its place, as its error.

    Raises InvalidInput for too many.
    """

    async def submit(document: Mapping[str, Any]) -> SubmittedBooking:
        return await submit_booking(installation, programme_id, document, now=now)

    return await one_by_one(documents, submit, field="bookings", most=BOOKINGS_MAX)


def _waiting_email(customer: Customer) -> str | None:
    """Only an address that the site has verified may find its member later."""
    if customer.email is None or not customer.email_verified:
        return None
    return normalised_email("customer.email", customer.email)


@dataclass(frozen=True, slots=True)
class _Report:
    """One report, made once; ``settle`` may run several times and has its effect in the last."""

    installation: Installation
    settling: BookingSettling
    booking: BookingDocument
    email: str | None

    @property
    def programme(self) -> ProgrammeSnapshot:
        return self.settling.programme

    async def settle(self) -> SubmittedBooking:
        """Raises Overtaken when somebody joined, or reported the booking for another customer, meanwhile."""
        booking, programme_id = self.booking, self.programme.id
        async with self.installation.db.bare_transaction(programme_id) as connection:
            seen = await rows.seen(connection, programme_id, booking.external_id, booking.customer.external_id)
            await self._lock(connection, seen)
            known = await rows.locked(connection, programme_id, booking.external_id)
            if known is None:
                return await self._settle(connection, None, self._first(), seen)
            if known.account_id is not None and known.customer_external_id is None:
                return await self._hear_of_who_left(connection, known)
            self._require_same(known, seen)
            if is_stale(booking.told, known.told):
                return await self._hear_stale(connection, known, seen)
            return await self._settle(connection, known, self._followed(known), seen)

    async def _hear_of_who_left(self, connection: Connection, known: BookingRow) -> SubmittedBooking:
        """It stays what it was, because nobody is there to earn or to lose (R34); staff are told of news."""
        if counts(self.booking.told, known.told) and not is_stale(self.booking.told, known.told):
            kind, subject = WarningKind.MEMBER_HAS_LEFT, f"booking {known.external_id}"
            detail = {"status": self.booking.told.status.value}
            await warn(connection, self.programme.id, kind, subject, detail, now=self.settling.now)
        return await self._answer_of(connection, known)

    async def _hear_stale(self, connection: Connection, known: BookingRow, seen: rows.Seen) -> SubmittedBooking:
        """It says nothing that counts, but a parked booking may earn by now, or be found by an address."""
        if known.state != BookingOutcome.PARKED:
            return await self._answer_of(connection, known)
        found = replace(known, customer_email=known.customer_email or self.email)
        return await self._settle(connection, known, found, seen)

    async def _lock(self, connection: Connection, seen: rows.Seen) -> None:
        """The accounts; or the customer, so that nobody joins as them until this report has been heard."""
        if seen.account_ids:
            await ledger.lock(connection, self.programme.id, seen.account_ids)
            if seen.customer is not None and await who_left(
                connection, self.programme.id, [seen.customer.account_id]
            ):
                raise Overtaken
        if seen.customer is None and seen.earner is None:
            joined = await lock_customer(connection, self.programme.id, self.booking.customer.external_id)
            if joined is not None:
                raise Overtaken

    def _require_same(self, known: BookingRow, seen: rows.Seen) -> None:
        """Service and customer; another id of the same member is the same customer."""
        booking, customer = self.booking, self.booking.customer.external_id
        if known.service_id != booking.service_id:
            raise errors.BookingConflict(booking.external_id, "serviceId")
        own = known.account_id is not None and known.account_id in seen.account_ids
        if known.account_id is not None and not own:
            raise Overtaken  # it was released, or reported for another, after this looked
        if known.customer_external_id in (None, customer):
            return
        if seen.customer is None or seen.customer.account_id != known.account_id:
            raise errors.BookingConflict(booking.external_id, "customer")

    def _first(self) -> BookingRow:
        booking = self.booking
        return BookingRow(
            external_id=booking.external_id,
            customer_external_id=booking.customer.external_id,
            customer_email=self.email,
            account_id=None,
            service_id=booking.service_id,
            told=booking.told,
            booked_at=booking.booked_at or self.settling.now,
            state=BookingOutcome.RECEIVED,
            occurrence=0,
            reported_at=self.settling.now,
        )

    def _followed(self, known: BookingRow) -> BookingRow:
        """What is known by this report: what it says, if it counts, and the address to find the customer by."""
        booking = self.booking
        known = replace(known, customer_email=self.email or known.customer_email)
        if not counts(booking.told, known.told):
            return known
        said_at = booking.told.status_at or known.told.status_at
        told = Told(booking.told.appointment, booking.told.status, said_at)
        return replace(known, told=told, booked_at=booking.booked_at or known.booked_at)

    async def _settle(
        self, connection: Connection, known: BookingRow | None, booking: BookingRow, seen: rows.Seen
    ) -> SubmittedBooking:
        earner = None if seen.earner is None else AccountKey(*seen.earner)
        settled = await self.settling.settle(connection, known, booking, earner)
        if settled.booking != known:
            self.programme.require_open()
        await (check_unchanged if self.programme.earns else keep_unchanged)(connection, self.programme)
        return _answer(settled, replayed=settled.booking == known)

    async def _answer_of(self, connection: Connection, known: BookingRow) -> SubmittedBooking:
        occurrence = await self.settling.open_occurrence(connection, known)
        return _answer(Settled(known, occurrence), replayed=True)


def _answer(settled: Settled, *, replayed: bool) -> SubmittedBooking:
    booking, occurrence = settled
    return SubmittedBooking(
        booking.external_id,
        BookingOutcome(booking.state),
        booking.told.status,
        settled.points,
        None if occurrence is None else occurrence.available_from,
        replayed,
    )
