"""What bookings say of themselves, described."""

from pointbook.domain.bookings import BookingStatus
from pointbook.graphql.described import described_enum
from pointbook.services.booking_settling import BookingOutcome

__all__ = ["BookingOutcome", "BookingStatus"]

described_enum(
    BookingStatus,
    "What the booking site says of a booking.",
    BOOKED="The appointment is to come, or was not reported to be over.",
    COMPLETED="It took place.",
    CANCELLED="It does not take place.",
    NO_SHOW="The customer did not come.",
)
described_enum(
    BookingOutcome,
    "What has become of a booking.",
    EARNED="It has earned; the points may be 0, and are pending until `availableFrom`.",
    RECEIVED="It is known; it earns when it is completed.",
    PARKED="It is known; its customer has not joined.",
    VOID="Cancelled, or the customer did not come: it has no points, or not any more.",
)
