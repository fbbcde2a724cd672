"""The data export that a member may ask for."""

from typing import Final, Self

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
        end = None if following is None else cursor_of(_CURSOR, f"{following.kind} {following.behind}")
        return cls(records=[JSON(record) for record in page.records], end_cursor=end)


def _place(after: str) -> service.Place:
    """Raises InvalidInput."""
    kind, _, behind = text_of(_CURSOR, after).partition(" ")
    if not (kind.isdecimal() and behind.isdecimal() and len(kind) <= 2 and len(behind) <= 9):  # noqa: PLR2004
        raise InvalidInput("after", "is not a cursor of this list")
    return service.Place(int(kind), int(behind))
