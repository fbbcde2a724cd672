"""The data export that a member may ask for."""

from typing import Final, Self

import orjson
import strawberry
from strawberry.scalars import JSON

from pointbook.domain.errors import InvalidInput
from pointbook.graphql.connections import cursor_of, text_of
from pointbook.graphql.context import Info
from pointbook.services import member_export as service

_CURSOR: Final = "export"


@strawberry.type(description="A page of all that is kept of the member.")
class DataExport:
    records: list[JSON] = strawberry.field(
        description="Records, each with its `type`: the export itself with the balance, then member, lot, hold, "
        "entry, adjustment, order, orderOccurrence, return, booking, bookingOccurrence, giftCard, exchangeOrder, "
        "mergeRequest."
    )
    end_cursor: str | None = strawberry.field(
        description="For `after` of the next page; null: this is the last one."
    )

    @classmethod
    async def of(cls, info: Info, external_id: str, after: str | None) -> Self:
        context = info.context
        page = await service.page(
            *context.tenant, external_id, after=None if after is None else _place(after), now=context.now
        )
        following = page.following
        end = (
            None
            if following is None
            else cursor_of(_CURSOR, orjson.dumps([following.kind, *following.behind]).decode())
        )
        return cls(records=[JSON(record) for record in page.records], end_cursor=end)


def _place(after: str) -> service.Place:
    """Raises InvalidInput."""
    try:
        match orjson.loads(text_of(_CURSOR, after)):
            case [int(kind), *behind] if (place := service.Place(kind, tuple(behind))).is_one:
                return place
    except ValueError:
        pass
    raise InvalidInput("after", "is not a cursor of this list")
