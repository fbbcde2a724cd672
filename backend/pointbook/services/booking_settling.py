"""A booking is settled, whoever brings it: what it earns or loses, and the rows that say so (R13).

What it should have earned follows from what the site said last, from the settings and from whether its customer
has joined. What it has earned is its open occurrence, if there is one. Settling closes the difference: it takes an
occurrence back, begins the next one, or does both. Whoever settles has locked the accounts and the booking.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from pointbook import ledger
from pointbook.db.queries import bookings as rows
from pointbook.db.queries.bookings import BookingRow, OccurrenceRow
from pointbook.db.queries.rule_counts import add_counts, counts_of, reduce_counts
from pointbook.db.session import Connection
from pointbook.domain.bookings import BookingStatus
from pointbook.domain.rules import EarningResult
from pointbook.ledger import Accrual, NewLot, Reversal, Source
from pointbook.services import outbox
from pointbook.services.directory import AccountKey, ProgrammeSnapshot
from pointbook.services.granting import BOOKING, points_in, tell_credited
from pointbook.services.judging import Circumstances, Judge, Judgement, recorded_cap_uses
from pointbook.services.order_settling import Overtaken
from pointbook.services.telling import Event, tell

BOOKING_CHANGED: Final = "booking.changed"


class BookingOutcome(StrEnum):
    EARNED = "EARNED"
    """It has earned; the points may be 0, or pending."""
    RECEIVED = "RECEIVED"
    """Known; it earns when it is completed."""
    PARKED = "PARKED"
    """Known; its customer has not joined."""
    VOID = "VOID"
    """Cancelled or no-show: it has no points, or not any more."""


class Settled(NamedTuple):
    """A booking as it stands by now, and what it has earned by that."""

    booking: BookingRow
    occurrence: OccurrenceRow | None

    @property
    def points(self) -> int:
        return 0 if self.occurrence is None else self.occurrence.points


@dataclass(frozen=True, slots=True)
class BookingSettling:
    """Settles bookings of one programme at one instant; without ``tells`` nobody is told of it.

    ``together``: the cause that settles several, whose points that are available by now are told in one mail.
    """

    programme: ProgrammeSnapshot
    judge: Judge
    now: datetime
    tells: bool = True
    together: str | None = None

    async def settle(
        self, connection: Connection, earlier: BookingRow | None, booking: BookingRow, earner: AccountKey | None
    ) -> Settled:
        """Bring a booking, as it was and as it is told now, to what it should have earned, and write it.

        ``earner``: whose it is, if anybody's. Raises UnknownStore, ClockAhead, and Overtaken when a booking that
        was not known has been reported for another customer meanwhile.
        """
        earned = await self.open_occurrence(connection, booking)
        outcome = self._outcome(booking, earner, earned, earlier)
        if earned is not None and not self._stays(earned, booking, outcome):
            await self._take_back(connection, booking.external_id, earned)
            earned = None
        begun = None
        if earned is None and outcome is BookingOutcome.EARNED:
            assert earner is not None, "nobody earns for a booking that is parked"
            earned = begun = await self._earn(connection, booking, earner)
        booking = replace(
            booking,
            state=outcome,
            account_id=None if earner is None else earner.account_id,
            customer_email=booking.customer_email if outcome is BookingOutcome.PARKED else None,
            occurrence=booking.occurrence if begun is None else begun.occurrence,
        )
        if earlier is None:
            if not await rows.add(connection, self.programme.id, booking):
                raise Overtaken
        elif booking != earlier:
            await rows.replace(connection, self.programme.id, booking)
        if begun is not None:
            await rows.add_occurrence(connection, self.programme.id, booking.external_id, begun)
        settled = Settled(booking, earned)
        if self.tells and booking != earlier:
            await self._tell(connection, settled, earner)
        return settled

    async def _tell(self, connection: Connection, settled: Settled, earner: AccountKey | None) -> None:
        booking, occurrence = settled
        payload = {
            "booking": booking.external_id,
            "account": None if earner is None else earner.public_id.hex,
            "status": booking.told.status,
            "state": booking.state,
            "points": settled.points,
            "availableFrom": None if occurrence is None else occurrence.available_from.isoformat(),
        }
        await tell(connection, self.programme.id, Event(BOOKING_CHANGED, payload), now=self.now)

    async def open_occurrence(self, connection: Connection, booking: BookingRow) -> OccurrenceRow | None:
        if not booking.occurrence:
            return None
        return await rows.open_occurrence(connection, self.programme.id, booking.external_id, booking.occurrence)

    def _outcome(
        self,
        booking: BookingRow,
        earner: AccountKey | None,
        known: OccurrenceRow | None,
        earlier: BookingRow | None,
    ) -> BookingOutcome:
        """What was earned for the same appointment stays earned, whatever the settings ask for by now.

        Unless the site takes back that it was completed. What was earned in a currency of before stays in any
        case: its points are worth nothing any more.
        """
        if known is not None and self._is_of_former_currency(known):
            return BookingOutcome.EARNED
        if not booking.told.status.stands:
            return BookingOutcome.VOID
        if earner is None:
            return BookingOutcome.PARKED
        waits = self._needs_completion and booking.told.status is not BookingStatus.COMPLETED
        uncompleted = earlier is not None and earlier.told.status is BookingStatus.COMPLETED
        if known is not None and known.appointment == booking.told.appointment and not (waits and uncompleted):
            return BookingOutcome.EARNED
        return BookingOutcome.RECEIVED if waits else BookingOutcome.EARNED

    def _stays(self, known: OccurrenceRow, booking: BookingRow, outcome: BookingOutcome) -> bool:
        same = known.appointment == booking.told.appointment
        return outcome is BookingOutcome.EARNED and (same or self._is_of_former_currency(known))

    @property
    def _needs_completion(self) -> bool:
        return self.judge.version.settings.booking_needs_completion

    def _is_of_former_currency(self, known: OccurrenceRow) -> bool:
        """A snapshot may not have the newest version yet, but it has all since the currency changed."""
        return known.settings_version < self.programme.versions[0].version

    def _available_from(self, booking: BookingRow) -> datetime:
        settings = self.judge.version.settings
        available = booking.told.appointment.ends_at + timedelta(minutes=settings.booking_delay_minutes)
        return max(available, self.now) if settings.booking_needs_completion else available

    async def _earn(self, connection: Connection, booking: BookingRow, earner: AccountKey) -> OccurrenceRow:
        """The next occurrence; what the ledger does not grant (to an inactive member, say) is 0 points."""
        programme_id, judge, appointment = self.programme.id, self.judge, booking.told.appointment
        number, available_from = booking.occurrence + 1, self._available_from(booking)
        standing, result = await self._judged(connection, booking, earner, available_from)
        lots = judge.lots_from(result.parts, available_from, now=self.now)
        left = await rows.forgiven(connection, programme_id, booking.external_id) if booking.occurrence else 0
        lots = tuple(_less(lots, left))
        seq = message_id = None
        if lots:
            accrual = Accrual(earner.account_id, BOOKING, booking.external_id, number, lots)
            [accrued] = await ledger.accrue(connection, programme_id, [accrual], now=self.now)
            if accrued.status in {
                "duplicate",
                "no_account",
            }:  # a new booking has no row to lock; or nobody is left
                raise Overtaken
            seq = accrued.seq
        if seq is not None:
            await add_counts(
                connection, programme_id, {(standing, use.counter): use.used for use in result.cap_uses}
            )
            if self.tells:
                message_id = await tell_credited(
                    connection,
                    self.programme,
                    earner,
                    seq,
                    lots,
                    when_available=True,
                    together=self.together if available_from <= self.now else None,
                    now=self.now,
                )
        record = judge.record(result)
        assert record is not None, "it was judged exactly"
        return OccurrenceRow(
            occurrence=number,
            account_id=earner.account_id,
            appointment=appointment,
            points=0 if seq is None else points_in(lots),
            available_from=available_from,
            settings_version=judge.version.version,
            judgement=record,
            entry_seq=seq,
            message_id=message_id,
            earned_at=self.now,
        )

    async def _judged(
        self, connection: Connection, booking: BookingRow, earner: AccountKey, available_from: datetime
    ) -> tuple[int, EarningResult]:
        """What rules give, and the account by which it is counted."""
        judge, appointment = self.judge, booking.told.appointment
        placed = Circumstances(booking.booked_at, appointment.store, appointment.entry_channel)
        occasion = judge.occasion(placed, exact=True)._replace(available_from=available_from)
        locked = await ledger.lock(connection, self.programme.id, [earner.account_id])
        standing = locked[earner.account_id]
        if standing != earner.account_id:
            raise Overtaken  # merged meanwhile
        asked = ((standing, counter) for counter in judge.counters(occasion))
        counts = await counts_of(connection, self.programme.id, asked)
        given = {counter: points for (_, counter), points in counts.items()}
        return standing, judge.booking(booking.service_id, occasion, appointment.participants, given)

    async def _take_back(self, connection: Connection, booking: str, known: OccurrenceRow) -> None:
        """Reverse what an occurrence earned; a message that has not told of it yet never will."""
        programme_id, forgiven = self.programme.id, 0
        if known.message_id is not None:
            await outbox.withdraw(connection, programme_id, known.message_id)
        if known.points:
            source = Source(BOOKING, booking, known.occurrence)
            reversal = Reversal(source, known.points, self.judge.version.settings.clawback)
            forgiven = (await ledger.reverse(connection, programme_id, reversal, source, now=self.now)).forgiven
            uses = recorded_cap_uses(Judgement.of(known.judgement).rules or ())
            locked = await ledger.lock(connection, programme_id, [known.account_id])
            await reduce_counts(connection, programme_id, locked[known.account_id], uses)
        await rows.end_occurrence(
            connection, programme_id, booking, known.occurrence, forgiven=forgiven, now=self.now
        )


def _less(lots: Iterable[NewLot], points: int) -> Iterable[NewLot]:
    """The lots without so many of their points: those that the member was left of earlier occurrences."""
    for lot in lots:
        taken = min(points, lot.points)
        points -= taken
        if taken < lot.points:
            yield replace(lot, points=lot.points - taken)
