"""Bookings as staff look at them: how each stands, and every entry that it caused."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pointbook.db.queries import booking_views as rows
from pointbook.db.queries.booking_views import Filter
from pointbook.db.queries.order_views import OrderEntry, Place
from pointbook.domain import text
from pointbook.domain.bookings import BookingStatus
from pointbook.services.booking_settling import BookingOutcome
from pointbook.services.installation import Installation

__all__ = ["BookingView", "Filter", "OrderEntry", "Place", "entries_of", "find_booking", "list_bookings"]


@dataclass(frozen=True, slots=True)
class BookingView:
    """A booking as it stands; ``points`` that it has earned by now, with the settings of ``settings_version``."""

    external_id: str
    customer_external_id: str | None
    service_id: str
    status: BookingStatus
    status_at: datetime | None
    starts_at: datetime
    ends_at: datetime
    participants: int
    booked_at: datetime
    reported_at: datetime
    store: str | None
    entry_channel: str | None
    outcome: BookingOutcome
    occurrence: int
    points: int
    available_from: datetime | None
    settings_version: int | None

    @property
    def place(self) -> Place:
        return Place(self.starts_at, self.external_id)


async def find_booking(installation: Installation, programme_id: int, external_id: str) -> BookingView | None:
    async with installation.db.bare_transaction(programme_id) as connection:
        row = await rows.booking(connection, programme_id, external_id)
    return None if row is None else _booking(row)


async def list_bookings(
    installation: Installation, programme_id: int, asked: Filter, *, before: Place | None = None, most: int
) -> list[BookingView]:
    """Those that start last come first. Raises InvalidInput for ids that cannot be any."""
    text.optional_identifier("serviceId", asked.service)
    text.optional_identifier("customerExternalId", asked.customer)
    async with installation.db.bare_transaction(programme_id) as connection:
        found = await rows.list_bookings(connection, programme_id, asked, before=before, most=most)
    return [_booking(row) for row in found]


async def entries_of(
    installation: Installation, programme_id: int, booking: str, *, first: int, offset: int
) -> list[OrderEntry]:
    """Every entry of the ledger that a booking caused, on whatever account, the oldest first."""
    async with installation.db.bare_transaction(programme_id) as connection:
        return await rows.entries_of(connection, programme_id, booking, first=first, offset=offset)


def _booking(row: Any) -> BookingView:
    return BookingView(
        external_id=row["external_id"],
        customer_external_id=row["customer_external_id"],
        service_id=row["service_id"],
        status=BookingStatus(row["status"]),
        status_at=row["status_at"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        participants=row["participants"],
        booked_at=row["booked_at"],
        reported_at=row["reported_at"],
        store=row["store_id"],
        entry_channel=row["entry_channel"],
        outcome=BookingOutcome(row["state"]),
        occurrence=row["occurrence"],
        points=row["points"],
        available_from=row["available_from"],
        settings_version=row["settings_version"],
    )
