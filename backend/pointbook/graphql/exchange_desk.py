"""Exchange orders as the staff handle them: listed, marked as exchanged or not, cancelled."""

import enum
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from pointbook.domain.access import Right, staff
from pointbook.domain.errors import ExchangeOrderNotFound as NotFound
from pointbook.domain.exchange import ExchangeState
from pointbook.graphql.connections import AfterSorted, Connection, First
from pointbook.graphql.context import Info
from pointbook.graphql.errors import (
    CurrencyMismatch,
    ExchangeOrderDecided,
    ExchangeOrderNotFound,
    ProgrammeNotOpen,
)
from pointbook.graphql.exchange import ORDERS_PAGE, ExchangeOrder, page_of_orders, shown
from pointbook.graphql.policies import mutation_field, query_field
from pointbook.services import exchange_deciding as deciding
from pointbook.services import exchange_views as service

_LIST, _DECIDE = staff(Right.LIST_EXCHANGES), staff(Right.DECIDE_EXCHANGES)


@strawberry.enum(description="How exchange orders are ordered.")
class ExchangeOrderSort(enum.Enum):
    NEWEST = strawberry.enum_value("NEWEST", description="Those placed last first.")
    OLDEST = strawberry.enum_value("OLDEST", description="Those placed first first.")


@strawberry.input(description="Which exchange orders. Everything that is given has to hold.")
class ExchangeOrderFilter:
    state: ExchangeState | None = strawberry.field(default=None, description="Only those that stand so.")
    placed_from: datetime | None = strawberry.field(default=None, description="Only those placed then or later.")
    placed_to: datetime | None = strawberry.field(default=None, description="Only those placed before.")
    customer_external_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only those of this customer."
    )


@strawberry.input(description="How it is with an exchange order.")
class SetExchangedInput:
    id: strawberry.ID = strawberry.field(description="The order's id.")
    exchanged: bool = strawberry.field(description="True: the member has got it; false: not yet.")


@strawberry.input(description="Which exchange order to cancel.")
class CancelExchangeOrderInput:
    id: strawberry.ID = strawberry.field(description="The order's id.")


@strawberry.type(description="It stands as it was said. No point has moved.")
class SetExchangedSuccess:
    order: ExchangeOrder = strawberry.field(description="The order.")


@strawberry.type(
    description="The pieces are in stock again, and the points are given back, unless the member has left."
)
class CancelExchangeOrderSuccess:
    order: ExchangeOrder = strawberry.field(description="The order.")


SetExchangedResult = Annotated[
    SetExchangedSuccess | ExchangeOrderNotFound | ExchangeOrderDecided,
    strawberry.union("SetExchangedResult", description="The order, or why it stands as it did."),
]
CancelExchangeOrderResult = Annotated[
    CancelExchangeOrderSuccess
    | ExchangeOrderNotFound
    | ExchangeOrderDecided
    | CurrencyMismatch
    | ProgrammeNotOpen,
    strawberry.union("CancelExchangeOrderResult", description="The order, or why it is not cancelled."),
]


@strawberry.type
class ExchangeDeskQuery:
    @query_field(_LIST, "An exchange order; null if it is not known.")
    async def exchange_order(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The order's id.")],  # noqa: A002
    ) -> ExchangeOrder | None:
        try:
            order_id = _order_id(id)
        except NotFound:
            return None
        found = await service.find_order(*info.context.tenant, order_id)
        return None if found is None else await shown(info, found)

    @query_field(_LIST, "The orders for which members exchanged points: who, when, what and for how many points.")
    async def exchange_orders(
        self,
        info: Info,
        filter: Annotated[  # noqa: A002
            ExchangeOrderFilter | None, strawberry.argument(description="Which orders; null: all of them.")
        ] = None,
        sort: Annotated[
            ExchangeOrderSort, strawberry.argument(description="In which order.")
        ] = ExchangeOrderSort.NEWEST,
        first: First = ORDERS_PAGE,
        after: AfterSorted = None,
    ) -> Connection[ExchangeOrder]:
        chosen = filter or ExchangeOrderFilter()
        wanted = service.Wanted(
            state=chosen.state,
            placed_from=chosen.placed_from,
            placed_to=chosen.placed_to,
            customer=chosen.customer_external_id,
            oldest_first=sort is ExchangeOrderSort.OLDEST,
        )
        return await page_of_orders(info, wanted, first, after)


@strawberry.type
class ExchangeDeskMutation:
    @mutation_field(
        _DECIDE,
        "Say whether the member has got what was ordered. Nothing is booked and nobody is told by mail; the "
        "member sees it.",
    )
    async def set_exchanged(
        self,
        info: Info,
        input: Annotated[SetExchangedInput, strawberry.argument(description="Which order, and what.")],  # noqa: A002
    ) -> SetExchangedResult:
        context = info.context
        order = await deciding.set_exchanged(
            context.installation,
            context.principal,
            _order_id(input.id),
            exchanged=input.exchanged,
            now=context.now,
        )
        return SetExchangedSuccess(order=await shown(info, order))

    @mutation_field(
        _DECIDE,
        "Cancel an exchange order that is not exchanged: all points go back to where they came from, unless the "
        "member has left.",
    )
    async def cancel_exchange_order(
        self,
        info: Info,
        input: Annotated[CancelExchangeOrderInput, strawberry.argument(description="Which order.")],  # noqa: A002
    ) -> CancelExchangeOrderResult:
        context = info.context
        order = await deciding.cancel_order(
            context.installation, context.principal, _order_id(input.id), now=context.now
        )
        return CancelExchangeOrderSuccess(order=await shown(info, order))


def _order_id(given: str) -> UUID:
    """Raises ExchangeOrderNotFound for what cannot be the id of one."""
    try:
        return UUID(hex=given)
    except ValueError:
        raise NotFound from None
