"""Bookings that shops report."""

from pointbook.domain.errors.base import PointbookError


class BookingConflict(PointbookError):
    """A booking with this external id is known to be of another service, or of another customer.

    ``part`` is the field that differs.
    """

    code = "BOOKING_CONFLICT"

    def __init__(self, external_id: str, part: str) -> None:
        super().__init__(f"Booking {external_id!r} was reported before with another {part}.")
        self.external_id = external_id
        self.part = part
