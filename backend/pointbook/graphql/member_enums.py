"""What a member may do and wants, as the schema says it to the member and to the staff."""

from datetime import datetime
from typing import Self

import strawberry

from pointbook.graphql.described import described_enum
from pointbook.services import members
from pointbook.services.members import MemberState

__all__ = ["MemberState", "NotificationSettings"]

described_enum(
    MemberState,
    "What a member may do.",
    ACTIVE="Earns and redeems.",
    INACTIVE="Neither earns nor redeems.",
    MERGED="Has become a part of another member; an end, set by merging only.",
    LEFT="Has left the programme; an end, set by leaving only. Nothing personal is known any more.",
)


@strawberry.type(description="Which messages a member wants. A gift card they buy is delivered in any case.")
class NotificationSettings:
    opt_in: bool = strawberry.field(
        description="Whether the member wants notices: of points credited, expiring or changed by the merchant."
    )
    since: datetime | None = strawberry.field(description="Since when it is so; null: the member never said.")

    @classmethod
    def of(cls, settings: members.Notifications) -> Self:
        return cls(opt_in=settings.opt_in, since=settings.since)
