"""Bookings as staff look at them, with every entry and its explanation."""

from datetime import datetime
from typing import Annotated, Self

import strawberry

from pointbook.domain.access import Right, staff
from pointbook.graphql.account import HistoryItem
from pointbook.graphql.booking_enums import BookingOutcome, BookingStatus
from pointbook.graphql.connections import After, Connection, First, key_of, page_size
from pointbook.graphql.context import Info
from pointbook.graphql.described import described
from pointbook.graphql.explaining import Explanation
from pointbook.graphql.order_views import entry_item, explanation_of, key_of_place, place_of
from pointbook.graphql.policies import query_field
from pointbook.graphql.rule_names import Locale
from pointbook.graphql.scalars import Points
from pointbook.services import booking_views as service

_LIST = staff(Right.LIST_BOOKINGS)
_PAGE = 20
_BOOKING, _ENTRY = "booking", "booking-entry"


@strawberry.type(description="An entry that a booking caused, with its explanation.")
class BookingEntry:
    item: HistoryItem = strawberry.field(description="The entry, as it stands in its member's history.")
    occurrence: int | None = strawberry.field(
        description="Which occurrence of the booking, counted from 1: each time that it earned is one."
    )
    customer_external_ids: list[strawberry.ID] = strawberry.field(
        description="The site's ids of the member whose points it moved."
    )
    found: strawberry.Private[service.OrderEntry]

    @described("Why it granted its points; null if it did not.")
    async def explanation(self, info: Info, locale: Locale = None) -> Explanation | None:
        return await explanation_of(info, self.found, locale)

    @classmethod
    def of(cls, found: service.OrderEntry) -> Self:
        return cls(
            item=entry_item(found),
            occurrence=found.occurrence,
            customer_external_ids=[strawberry.ID(customer) for customer in found.customers],
            found=found,
        )


@strawberry.type(description="A booking as it stands.")
class Booking:
    external_id: strawberry.ID = strawberry.field(description="The site's id of it.")
    customer_external_id: strawberry.ID | None = strawberry.field(description="The site's id of its customer.")
    service_id: strawberry.ID = strawberry.field(description="The site's id of the service or class.")
    status: BookingStatus = strawberry.field(description="What the site said of it last.")
    status_at: datetime | None = strawberry.field(description="Since when it is so, as the site says.")
    starts_at: datetime = strawberry.field(description="When the appointment begins.")
    ends_at: datetime = strawberry.field(description="When it ends.")
    participants: int = strawberry.field(description="How many take part in it.")
    booked_at: datetime = strawberry.field(description="When it was booked.")
    reported_at: datetime = strawberry.field(description="When it was reported first.")
    store: strawberry.ID | None = strawberry.field(description="The store's id.")
    entry_channel: str | None = strawberry.field(description="How it came in.")
    outcome: BookingOutcome = strawberry.field(description="What has become of it.")
    occurrence: int = strawberry.field(
        description="How often it was judged: once for each appointment that it had, and each time it was booked "
        "again; 0: not yet."
    )
    points: Points = strawberry.field(description="The points it has earned as it stands.")
    available_from: datetime | None = strawberry.field(description="EARNED: when they can be spent.")
    settings_version: int | None = strawberry.field(description="EARNED: the settings that judged it.")

    @described("Every entry that it caused, on whatever account, the oldest first.")
    async def entries(
        self,
        info: Info,
        first: First = _PAGE,
        after: After = None,
    ) -> Connection[BookingEntry]:
        size, offset = page_size(first), 0 if after is None else key_of(_ENTRY, after)
        found = await service.entries_of(*info.context.tenant, self.external_id, first=size + 1, offset=offset)
        items = [(offset + number, BookingEntry.of(entry)) for number, entry in enumerate(found, 1)]
        return Connection[BookingEntry].of(_ENTRY, items, size, after)

    @classmethod
    def of(cls, view: service.BookingView) -> Self:
        customer = view.customer_external_id
        return cls(
            external_id=strawberry.ID(view.external_id),
            customer_external_id=None if customer is None else strawberry.ID(customer),
            service_id=strawberry.ID(view.service_id),
            status=view.status,
            status_at=view.status_at,
            starts_at=view.starts_at,
            ends_at=view.ends_at,
            participants=view.participants,
            booked_at=view.booked_at,
            reported_at=view.reported_at,
            store=None if view.store is None else strawberry.ID(view.store),
            entry_channel=view.entry_channel,
            outcome=view.outcome,
            occurrence=view.occurrence,
            points=Points(view.points),
            available_from=view.available_from,
            settings_version=view.settings_version,
        )


@strawberry.input(description="Which bookings: those that fit all that is given.")
class BookingFilterInput:
    status: BookingStatus | None = strawberry.field(default=None, description="Only of this status.")
    service_id: strawberry.ID | None = strawberry.field(default=None, description="Only of this service or class.")
    customer_external_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this customer."
    )
    starts_from: datetime | None = strawberry.field(
        default=None, description="Only appointments that begin then or later."
    )
    starts_to: datetime | None = strawberry.field(
        default=None, description="Only appointments that begin before that."
    )

    def asked(self) -> service.Filter:
        return service.Filter(
            self.status, self.service_id, self.customer_external_id, self.starts_from, self.starts_to
        )


@strawberry.type
class BookingViewQuery:
    @query_field(_LIST, "A booking with every entry that it caused; null if it is not known.")
    async def booking(
        self,
        info: Info,
        external_id: Annotated[strawberry.ID, strawberry.argument(description="The site's id of the booking.")],
    ) -> Booking | None:
        found = await service.find_booking(*info.context.tenant, external_id)
        return None if found is None else Booking.of(found)

    @query_field(_LIST, "The bookings that the site has reported, the latest appointment first.")
    async def bookings(
        self,
        info: Info,
        filter: Annotated[  # noqa: A002
            BookingFilterInput | None, strawberry.argument(description="Only those that fit; all without it.")
        ] = None,
        first: First = _PAGE,
        after: After = None,
    ) -> Connection[Booking]:
        size, before = page_size(first), None if after is None else place_of(_BOOKING, after)
        asked = service.Filter() if filter is None else filter.asked()
        found = await service.list_bookings(*info.context.tenant, asked, before=before, most=size + 1)
        items = [(key_of_place(view.place), Booking.of(view)) for view in found]
        return Connection[Booking].of(_BOOKING, items, size, after)
