"""The staff send orders and returns by hand, and look at what came of each document."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

import strawberry

from pointbook.domain.access import Right, staff
from pointbook.domain.errors import SendingNotFound as NotFound
from pointbook.graphql.connections import After, Connection, First, OlderThan, key_of, page_size, text_of
from pointbook.graphql.context import Info
from pointbook.graphql.described import described, described_enum
from pointbook.graphql.errors import IdempotencyConflict, InvalidInput, ProgrammeNotOpen, SendingNotFound
from pointbook.graphql.policies import mutation_field, query_field
from pointbook.graphql.scalars import Points
from pointbook.services import order_sendings as service

_SEND = staff(Right.SEND_ORDERS)
_PAGE = 20
_CURSOR, _DOCUMENT_CURSOR = "sending", "sent-document"
_NOBODY = UUID(int=0)

described_enum(
    service.SendingState,
    "How far a sending has come.",
    QUEUED="It waits for a worker.",
    RUNNING="It goes on; its figures are of the documents that are settled.",
    DONE="Every document has its result.",
    CANCELLED="It was cancelled; what was settled before stays so.",
)
described_enum(
    service.PointsAsOf,
    "What waiting time and expiry of the points count from.",
    NOW="From now.",
    ORDER_DATE="From when the order was placed; points that would have expired by now are not given.",
)
described_enum(
    service.SendOutcome,
    "What came of a document.",
    EARNED="The order has earned; the points may be 0.",
    REVERSED="The return document has had its effects.",
    PARKED="It goes on waiting for its customer, or for its order.",
    ALREADY_PROCESSED="It had had its effect before.",
    REFUSED="Nothing was changed; `refusal` says why.",
)
described_enum(
    service.DocumentType,
    "What kind of document it is.",
    SALE="An order.",
    CREDIT_NOTE="A credit note.",
    RETURN="A return.",
    REPAIR="A repair.",
    WARRANTY="A warranty case.",
    CANCELLATION="A cancellation.",
)


@strawberry.type(description="Why a document was refused.")
class DocumentRefusal:
    code: str = strawberry.field(
        description="Stable: that of a failure, UNKNOWN for an id that nothing has, UNEXPECTED."
    )
    message: str = strawberry.field(description="For people.")


@strawberry.type(description="A document of a sending. Points are what this sending did.")
class SentDocument:
    external_id: strawberry.ID = strawberry.field(description="The shop's id of the document.")
    is_return: bool = strawberry.field(description="Whether it takes an order back.")
    outcome: service.SendOutcome | None = strawberry.field(
        description="What came of it; null: its turn has not come."
    )
    points_earned: Points = strawberry.field(description="Points that the order has earned.")
    points_reversed: Points = strawberry.field(
        description="Points that an order had earned and does not any more."
    )
    points_given_back: Points = strawberry.field(description="Points of a redemption that were given back.")
    refusal: DocumentRefusal | None = strawberry.field(description="Why it was refused; null if it was not.")

    @classmethod
    def of(cls, sent: service.SentDocument) -> Self:
        return cls(
            external_id=strawberry.ID(sent.external_id),
            is_return=sent.is_return,
            outcome=sent.outcome,
            points_earned=Points(sent.points_earned),
            points_reversed=Points(sent.points_reversed),
            points_given_back=Points(sent.points_given_back),
            refusal=None
            if sent.refusal is None
            else DocumentRefusal(code=sent.refusal[0], message=sent.refusal[1]),
        )


@strawberry.type(description="Which documents a sending looked for, of those that had had no effect.")
class OrderSendingFilter:
    placed_from: datetime | None = strawberry.field(description="Placed from this instant on.")
    placed_to: datetime | None = strawberry.field(description="Placed before this instant.")
    types: list[service.DocumentType] | None = strawberry.field(description="Of one of these types.")
    statuses: list[str] | None = strawberry.field(description="In one of these statuses of the shop's.")
    joined_until: datetime | None = strawberry.field(description="Of members who had joined by then.")

    @classmethod
    def of(cls, given: service.Filter) -> Self:
        return cls(
            placed_from=given.placed_from,
            placed_to=given.placed_to,
            types=None if given.types is None else list(given.types),
            statuses=None if given.statuses is None else list(given.statuses),
            joined_until=given.joined_until,
        )


@strawberry.type(
    description="Documents that were sent by hand, each settled by itself. While it goes on, its figures are "
    "of the documents that are settled; those of a dry run are what would have come of it."
)
class OrderSending:
    id: strawberry.ID = strawberry.field(description="Names the sending.")
    state: service.SendingState = strawberry.field(description="How far it has come.")
    filter: OrderSendingFilter | None = strawberry.field(description="What was looked for; null: it went by ids.")
    dry_run: bool = strawberry.field(description="Whether it only tells what would come of it.")
    points_as_of: service.PointsAsOf = strawberry.field(description="What points count from.")
    created_at: datetime = strawberry.field(description="When it was started.")
    created_by: str = strawberry.field(description="Who started it, as in the audit.")
    documents_total: int = strawberry.field(description="How many documents it has.")
    documents_done: int = strawberry.field(description="How many have their result.")
    points_earned: Points = strawberry.field(description="Points that orders have earned by it.")
    points_reversed: Points = strawberry.field(description="Points that orders had earned and do not any more.")
    points_given_back: Points = strawberry.field(description="Points of redemptions that were given back.")
    sending_id: strawberry.Private[UUID]

    @classmethod
    def of(cls, sending: service.OrderSending) -> Self:
        return cls(
            id=strawberry.ID(sending.id.hex),
            state=sending.state,
            filter=None if sending.filter is None else OrderSendingFilter.of(sending.filter),
            dry_run=sending.dry_run,
            points_as_of=sending.points_as_of,
            created_at=sending.created_at,
            created_by=sending.created_by,
            documents_total=sending.documents_total,
            documents_done=sending.documents_done,
            points_earned=Points(sending.points_earned),
            points_reversed=Points(sending.points_reversed),
            points_given_back=Points(sending.points_given_back),
            sending_id=sending.id,
        )

    @described("Its documents: those of a customer together, orders before returns.")
    async def documents(
        self,
        info: Info,
        outcome: Annotated[
            service.SendOutcome | None, strawberry.argument(description="Only those of which this came.")
        ] = None,
        first: First = _PAGE,
        after: After = None,
    ) -> Connection[SentDocument]:
        size, last = page_size(first), 0 if after is None else key_of(_DOCUMENT_CURSOR, after)
        found = await service.sent_documents(
            *info.context.tenant, self.sending_id, outcome=outcome, first=size + 1, after=last
        )
        items = [(sent.position, SentDocument.of(sent)) for sent in found]
        return Connection[SentDocument].of(_DOCUMENT_CURSOR, items, size, after)


@strawberry.input(description="Documents that have had no effect yet. What is null does not matter.")
class OrderSendingFilterInput:
    placed_from: datetime | None = strawberry.field(
        default=None, description="Placed from this instant on; a return: made, or else reported."
    )
    placed_to: datetime | None = strawberry.field(default=None, description="Placed before this instant.")
    types: list[service.DocumentType] | None = strawberry.field(default=None, description="Of one of these types.")
    statuses: list[str] | None = strawberry.field(
        default=None, description="In one of these statuses of the shop's."
    )
    joined_until: datetime | None = strawberry.field(
        default=None,
        description="Of members who had joined by this instant; not of customers who have not joined.",
    )

    def criteria(self) -> service.Filter:
        return service.Filter(
            self.placed_from,
            self.placed_to,
            None if self.types is None else tuple(self.types),
            None if self.statuses is None else tuple(self.statuses),
            self.joined_until,
        )


@strawberry.input(description="Which documents are to be sent by hand: `ids`, or a `filter`.")
class SendOrdersInput:
    idempotency_key: str = strawberry.field(
        description="Names this call: sent again, it is the same sending. Another input needs another key."
    )
    ids: list[strawberry.ID] | None = strawberry.field(
        default=None,
        description="The shop's ids of orders and return documents, whatever their status and type; an item may "
        "be several ids, separated by commas. The filter is ignored then.",
    )
    filter: OrderSendingFilterInput | None = strawberry.field(default=None, description="What to look for.")
    dry_run: bool = strawberry.field(default=False, description="Only tell what would come of it.")
    points_as_of: service.PointsAsOf = strawberry.field(
        default=service.PointsAsOf.NOW, description="What waiting time and expiry of the points count from."
    )


@strawberry.input(description="Which sending is to end.")
class CancelOrderSendingInput:
    id: strawberry.ID = strawberry.field(description="The sending.")


@strawberry.type(description="The sending has begun; a short one is done.")
class SendOrdersSuccess:
    sending: OrderSending = strawberry.field(description="The sending.")


@strawberry.type(description="The sending has ended.")
class CancelOrderSendingSuccess:
    sending: OrderSending = strawberry.field(description="The sending; one that was done stays so.")


SendOrdersResult = Annotated[
    SendOrdersSuccess | InvalidInput | ProgrammeNotOpen | IdempotencyConflict,
    strawberry.union("SendOrdersResult", description="The sending, or why there is none."),
]
CancelOrderSendingResult = Annotated[
    CancelOrderSendingSuccess | SendingNotFound,
    strawberry.union("CancelOrderSendingResult", description="The sending, or why nothing was cancelled."),
]


@strawberry.type
class OrderSendingQuery:
    @query_field(_SEND, "A sending by hand; null if there is none. It is kept for 30 days.")
    async def order_sending(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The sending.")],  # noqa: A002
    ) -> OrderSending | None:
        try:
            return OrderSending.of(await service.find_sending(*info.context.tenant, _id(id)))
        except NotFound:
            return None

    @query_field(_SEND, "The sendings by hand, newest first.")
    async def order_sendings(
        self,
        info: Info,
        first: First = _PAGE,
        after: OlderThan = None,
    ) -> Connection[OrderSending]:
        size, last = page_size(first), None if after is None else _id(text_of(_CURSOR, after))
        found = await service.list_sendings(*info.context.tenant, first=size + 1, before=last)
        items = [(one.id.hex, OrderSending.of(one)) for one in found]
        return Connection[OrderSending].of(_CURSOR, items, size, after)


@strawberry.type
class OrderSendingMutation:
    @mutation_field(
        _SEND,
        "Send orders and returns by hand that the shop has reported: an order earns whatever its status, a return "
        "reverses both earning and redemption. What has had its effect is left alone. A few hundred documents are "
        "settled in the call; more of them by a worker: `orderSending` tells how far it has come.",
    )
    async def send_orders(
        self,
        info: Info,
        input: Annotated[SendOrdersInput, strawberry.argument(description="Which documents, and how.")],  # noqa: A002
    ) -> SendOrdersResult:
        command = service.SendOrders(
            input.idempotency_key,
            input.ids,
            None if input.filter is None else input.filter.criteria(),
            input.dry_run,
            input.points_as_of,
        )
        sending = await service.send_orders(
            *info.context.tenant, command, by=info.context.principal.identity, now=info.context.now
        )
        return SendOrdersSuccess(sending=OrderSending.of(sending))

    @mutation_field(_SEND, "End a sending after the document at hand.")
    async def cancel_order_sending(
        self,
        info: Info,
        input: Annotated[CancelOrderSendingInput, strawberry.argument(description="Which one.")],  # noqa: A002
    ) -> CancelOrderSendingResult:
        sending = await service.cancel_sending(
            *info.context.tenant, _id(input.id), by=info.context.principal.identity, now=info.context.now
        )
        return CancelOrderSendingSuccess(sending=OrderSending.of(sending))


def _id(given: str) -> UUID:
    """What is no id at all is nobody's."""
    try:
        return UUID(hex=given)
    except ValueError:
        return _NOBODY
