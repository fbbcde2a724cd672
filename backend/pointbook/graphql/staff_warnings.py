"""What staff should look at."""

from datetime import datetime
from typing import Self

import strawberry
from strawberry.scalars import JSON

from pointbook.domain.access import Right, staff
from pointbook.graphql.connections import Connection, First, OlderThan, key_of, page_size
from pointbook.graphql.context import Info
from pointbook.graphql.described import described_enum
from pointbook.graphql.policies import query_field
from pointbook.services import warnings as service

_PAGE = 20
_CURSOR = "warning"

described_enum(
    service.WarningKind,
    "What staff are warned of.",
    LATE_PURCHASE_OWED="A voucher paid late, or again for an order that was completed again, and its member "
    "owes points since.",
    LATE_PURCHASE_REFUSED="A purchase that was reported late, or completed again, was refused: its points are "
    "gone, and the programme lets nobody owe points.",
    REDEMPTION_NOT_REPEATED="An order was completed again; the points that had paid it were not taken again.",
    MEMBER_HAS_LEFT="Something was reported of a member who has left: nothing was given or taken back, or earned.",
    WEBHOOK_DISABLED="A webhook subscription was switched off: nothing but failures came from its URL.",
)


@strawberry.type(description="Something that staff should look at; told once.")
class StaffWarning:
    id: strawberry.ID = strawberry.field(description="Its id in the programme.")
    at: datetime = strawberry.field(description="When it happened.")
    kind: service.WarningKind = strawberry.field(description="What happened.")
    subject: str = strawberry.field(
        description='What it is about: "order <the shop\'s id>", "redemption <id>" or "webhook subscription <id>".'
    )
    detail: JSON = strawberry.field(description="The figures, in points; of a webhook subscription, the reason.")

    @classmethod
    def of(cls, warning: service.StaffWarning) -> Self:
        return cls(
            id=strawberry.ID(str(warning.id)),
            at=warning.at,
            kind=warning.kind,
            subject=warning.subject,
            detail=JSON(warning.detail),
        )


@strawberry.type
class StaffWarningQuery:
    @query_field(staff(Right.LIST_ORDERS), "What staff should look at, newest first.")
    async def staff_warnings(
        self,
        info: Info,
        first: First = _PAGE,
        after: OlderThan = None,
    ) -> Connection[StaffWarning]:
        size, before = page_size(first), None if after is None else key_of(_CURSOR, after)
        warnings = await service.list_warnings(*info.context.tenant, first=size + 1, before_id=before)
        return Connection[StaffWarning].of(
            _CURSOR, [(each.id, StaffWarning.of(each)) for each in warnings], size, after
        )
