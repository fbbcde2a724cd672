"""Bookings come in from the booking site's back end."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

from pointbook.domain.access import Scope, servers
from pointbook.domain.errors import InvalidInput as Invalid
from pointbook.domain.errors import PointbookError
from pointbook.graphql.booking_enums import BookingOutcome, BookingStatus
from pointbook.graphql.context import Info
from pointbook.graphql.errors import SHOWN, BookingConflict, InvalidInput, ProgrammeNotOpen, UnknownStore
from pointbook.graphql.inputs import document_of
from pointbook.graphql.policies import mutation_field
from pointbook.graphql.scalars import Points
from pointbook.services import bookings as service

_SUBMITTERS = servers(Scope.BOOKINGS_SUBMIT)
_ID = "The site's id"


@strawberry.input(description="Who booked.")
class BookingCustomerInput:
    external_id: strawberry.ID = strawberry.field(description=f"{_ID} of the customer.")
    email: str | None = strawberry.field(default=None, description="The customer's address.")
    email_verified: bool | None = strawberry.field(default=None, description="Whether the site has proved it.")


@strawberry.input(description="A booking, as the site knows it now.")
class BookingInput:
    external_id: strawberry.ID = strawberry.field(
        description="The site's id of the booking. Report it again, under the same id, whenever it changes; sent "
        "again as it was, it has no second effect."
    )
    service_id: strawberry.ID = strawberry.field(
        description=f"{_ID} of the service or class, which rules name. It never changes."
    )
    starts_at: datetime = strawberry.field(description="When the appointment begins.")
    ends_at: datetime = strawberry.field(description="When it ends, at most 366 days after that.")
    status: BookingStatus = strawberry.field(description="What has become of it.")
    status_at: datetime | None = strawberry.field(
        default=None,
        description="Since when it is as this report says. Send it, and reports may come in any order: an older "
        "one than is known changes nothing. Without it, a report counts that names other times or a later status, "
        "and a booking that was cancelled stays so until it gets other times.",
    )
    booked_at: datetime | None = strawberry.field(
        default=None,
        description="When it was booked: rules test their days and periods on it. When it is first reported, by "
        "default.",
    )
    participants: int | None = strawberry.field(
        default=None,
        description="How many take part in it, 1 to 1,000; each earns the points of a booking for the customer. "
        "1 by default.",
    )
    customer: BookingCustomerInput = strawberry.field(description="Who booked. It never changes.")
    store: strawberry.ID | None = strawberry.field(default=None, description=f"{_ID} of the store.")
    entry_channel: str | None = strawberry.field(default=None, description="How it came in: web shop, app, till.")


@strawberry.input(description="A booking.")
class SubmitBookingInput:
    booking: BookingInput = strawberry.field(description="The booking.")


@strawberry.input(description="Several bookings.")
class SubmitBookingsInput:
    bookings: list[BookingInput] = strawberry.field(
        description="At most 100, each judged by itself, in this sequence."
    )


@strawberry.type(description="The booking is recorded.")
class SubmitBookingSuccess:
    external_id: strawberry.ID = strawberry.field(description=f"{_ID} of the booking.")
    outcome: BookingOutcome = strawberry.field(description="What has become of it.")
    status: BookingStatus = strawberry.field(
        description="Its status by the newest report, which this one may not be."
    )
    points: Points = strawberry.field(description="The points it has earned as it stands.")
    available_from: datetime | None = strawberry.field(
        description="When they can be spent; null unless it has EARNED."
    )
    replayed: bool = strawberry.field(description="Whether this report changed nothing.")


@strawberry.type(description="The bookings were judged one by one.")
class SubmitBookingsSuccess:
    results: list["SubmitBookingResult"] = strawberry.field(description="One for each booking, in their sequence.")


SubmitBookingResult = Annotated[
    SubmitBookingSuccess | InvalidInput | UnknownStore | ProgrammeNotOpen | BookingConflict,
    strawberry.union(
        "SubmitBookingResult", description="What has become of the booking, or why it is not recorded."
    ),
]
SubmitBookingsResult = Annotated[
    SubmitBookingsSuccess | InvalidInput | ProgrammeNotOpen,
    strawberry.union(
        "SubmitBookingsResult", description="The outcomes, or why none of the bookings was looked at."
    ),
]


@strawberry.type
class BookingMutation:
    @mutation_field(
        _SUBMITTERS, "Record a booking, and give or take back its points: as the newest report says, once."
    )
    async def submit_booking(
        self,
        info: Info,
        input: Annotated[SubmitBookingInput, strawberry.argument(description="The booking.")],  # noqa: A002
    ) -> SubmitBookingResult:
        try:
            submitted = await service.submit_booking(
                *info.context.tenant, document_of(input.booking), now=info.context.now
            )
        except Invalid as refusal:
            raise refusal.under("booking") from None
        return _success(submitted)

    @mutation_field(_SUBMITTERS, "Record several bookings; one that is refused leaves the others untouched.")
    async def submit_bookings(
        self,
        info: Info,
        input: Annotated[SubmitBookingsInput, strawberry.argument(description="The bookings.")],  # noqa: A002
    ) -> SubmitBookingsResult:
        outcomes = await service.submit_bookings(
            *info.context.tenant, document_of(input.bookings), now=info.context.now
        )
        return SubmitBookingsSuccess(results=[_result(place, outcome) for place, outcome in enumerate(outcomes)])


def _result(place: int, outcome: service.SubmittedBooking | PointbookError) -> Any:
    if isinstance(outcome, Invalid):
        outcome = outcome.under(f"bookings[{place}]")
    return SHOWN[type(outcome)].of(outcome) if isinstance(outcome, PointbookError) else _success(outcome)


def _success(booking: service.SubmittedBooking) -> SubmitBookingSuccess:
    return SubmitBookingSuccess(
        external_id=strawberry.ID(booking.external_id),
        outcome=booking.outcome,
        status=booking.status,
        points=Points(booking.points),
        available_from=booking.available_from,
        replayed=booking.replayed,
    )
