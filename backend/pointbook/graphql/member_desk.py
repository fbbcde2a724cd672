"""Members as the staff see them: found, listed, with their history; and what they may do."""

import enum
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Final, Self

import strawberry

from pointbook.domain.access import Right, staff
from pointbook.graphql.account import HISTORY_PAGE, Balance, HistoryItem
from pointbook.graphql.adjustments import Adjustment
from pointbook.graphql.connections import (
    AfterSorted,
    Connection,
    First,
    OlderThan,
    key_of,
    moment_key,
    moment_of,
    page_size,
)
from pointbook.graphql.context import Info
from pointbook.graphql.described import described
from pointbook.graphql.errors import InvalidInput, NotAMember
from pointbook.graphql.leaving import LeavingLoss
from pointbook.graphql.member_enums import MemberState, NotificationSettings
from pointbook.graphql.policies import mutation_field, query_field
from pointbook.graphql.scalars import Points
from pointbook.ledger import EntryKind
from pointbook.services import adjustment_views, leaving, members
from pointbook.services import member_views as service

_LIST, _EDIT = staff(Right.LIST_MEMBERS), staff(Right.EDIT_MEMBERS)
_PAGE: Final = 20
_HISTORY: Final = "memberEntry"


@strawberry.enum(description="How members are ordered.")
class MemberSort(enum.Enum):
    NEWEST = strawberry.enum_value("NEWEST", description="Those who joined last first.")
    OLDEST = strawberry.enum_value("OLDEST", description="Those who joined first first.")


@strawberry.type(description="Something that happened to a member's points, as the staff see it.")
class MemberEntry:
    item: HistoryItem = strawberry.field(description="As the member sees it.")
    adjustment: Adjustment | None = strawberry.field(description="ADJUST: what else the staff know of it.")


@strawberry.type(description="A member as the staff see them.")
class MemberRecord:
    view: strawberry.Private[service.MemberView]
    currency: strawberry.Private[str]
    id: strawberry.ID = strawberry.field(description="Names the member; it never changes.")
    customer_external_ids: list[strawberry.ID] = strawberry.field(description="What the shop calls the member.")
    email: str | None = strawberry.field(description="Where notices go; in lower case.")
    email_verified: bool = strawberry.field(description="Whether the shop says that the address is the member's.")
    email_refused_at: datetime | None = strawberry.field(
        description="Since when no notices go to the address, because a mail server said that nobody is there; "
        "until it changes or is verified anew."
    )
    locale: str | None = strawberry.field(
        description="The language the member chose (BCP 47); null: the programme's first."
    )
    joined_at: datetime = strawberry.field(description="When the member joined.")
    state: MemberState = strawberry.field(description="What the member may do.")
    redemption_locked: bool = strawberry.field(description="Whether the member may earn but not redeem.")
    sign_up_points: Points = strawberry.field(description="The points that were given for joining.")
    birthday: date | None = strawberry.field(description="When the member was born, if they told.")
    notifications: NotificationSettings = strawberry.field(description="Which messages the member wants.")

    @described("How many points the member has.")
    def balance(self) -> Balance:
        return Balance.of(self.view.balance, self.currency)

    @described("What the member would lose by leaving now; null of one who is no member any more.")
    async def leaving_loss(self, info: Info) -> LeavingLoss | None:
        if not self.view.external_ids:
            return None
        name = self.view.external_ids[0]
        return LeavingLoss.of(await leaving.loss_of(*info.context.tenant, name, now=info.context.now))

    @described("What happened to the member's points, newest first.")
    async def history(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description="How many items, at most 100.")] = HISTORY_PAGE,
        after: OlderThan = None,
    ) -> Connection[MemberEntry]:
        size, before = page_size(first), None if after is None else key_of(_HISTORY, after)
        whose = *info.context.tenant, self.view.account_id
        entries = await service.history_of(*whose, first=size + 1, before_seq=before, now=info.context.now)
        adjusted = [entry.seq for entry in entries if entry.kind is EntryKind.ADJUST]
        made = await adjustment_views.of_entries(*whose, adjusted)

        async def descriptions() -> Mapping[int, str]:
            return {seq: adjustment.description for seq, adjustment in made.items()}

        items: list[tuple[int | str, MemberEntry]] = [
            (
                entry.seq,
                MemberEntry(
                    item=HistoryItem.of(entry, self.view.public_id, descriptions),
                    adjustment=Adjustment.of(made[entry.seq]) if entry.seq in made else None,
                ),
            )
            for entry in entries
        ]
        return Connection[MemberEntry].of(_HISTORY, items, size, after)

    @classmethod
    def of(cls, view: service.MemberView, currency: str) -> Self:
        return cls(
            view=view,
            currency=currency,
            id=strawberry.ID(view.public_id.hex),
            customer_external_ids=[strawberry.ID(name) for name in view.external_ids],
            email=view.email,
            email_verified=view.email_verified,
            email_refused_at=view.email_refused_at,
            locale=view.locale,
            joined_at=view.joined_at,
            state=view.state,
            redemption_locked=view.redemption_locked,
            sign_up_points=Points(view.sign_up_points),
            birthday=view.birthday,
            notifications=NotificationSettings.of(view.notifications),
        )


@strawberry.input(description="Which members. Everything that is given has to hold.")
class MemberFilter:
    search: str | None = strawberry.field(
        default=None,
        description="What the shop calls the member, the member's id (of any state), or how the e-mail begins.",
    )
    state: MemberState | None = strawberry.field(
        default=None, description="Only those in this state. Null: those who are ACTIVE or INACTIVE."
    )
    redemption_locked: bool | None = strawberry.field(
        default=None, description="Only those who may not redeem, or only those not locked so."
    )
    opted_in: bool | None = strawberry.field(
        default=None, description="Only those who want notices, or only those who do not."
    )
    joined_from: datetime | None = strawberry.field(
        default=None, description="Only those who joined then or later."
    )
    joined_to: datetime | None = strawberry.field(default=None, description="Only those who joined before.")


@strawberry.input(description="Whether a member earns and redeems.")
class SetMemberStateInput:
    customer_external_id: strawberry.ID = strawberry.field(description="What the shop calls the member.")
    state: MemberState = strawberry.field(description="What the member may do from now on: ACTIVE or INACTIVE.")


@strawberry.input(description="Whether a member redeems.")
class SetRedemptionLockInput:
    customer_external_id: strawberry.ID = strawberry.field(description="What the shop calls the member.")
    locked: bool = strawberry.field(description="True: the member may earn but not redeem.")


@strawberry.type(description="What a member may do.")
class MemberStanding:
    id: strawberry.ID = strawberry.field(description="Names the member.")
    state: MemberState = strawberry.field(description="What the member may do.")
    redemption_locked: bool = strawberry.field(description="Whether the member may earn but not redeem.")

    @classmethod
    def of(cls, member: members.Member) -> Self:
        return cls(
            id=strawberry.ID(member.public_id.hex),
            state=member.state,
            redemption_locked=member.redemption_locked,
        )


@strawberry.type(description="It is as it was said.")
class SetMemberStateSuccess:
    standing: MemberStanding = strawberry.field(description="What the member may do.")


@strawberry.type(description="It is as it was said.")
class SetRedemptionLockSuccess:
    standing: MemberStanding = strawberry.field(description="What the member may do.")


SetMemberStateResult = Annotated[
    SetMemberStateSuccess | InvalidInput | NotAMember,
    strawberry.union("SetMemberStateResult", description="What the member may do, or why nothing changed."),
]
SetRedemptionLockResult = Annotated[
    SetRedemptionLockSuccess | InvalidInput | NotAMember,
    strawberry.union("SetRedemptionLockResult", description="What the member may do, or why nothing changed."),
]


@strawberry.type
class MemberDeskQuery:
    @query_field(_LIST, "A member, by what the shop calls them; null for a customer who has not joined.")
    async def member(
        self,
        info: Info,
        customer_external_id: Annotated[
            strawberry.ID, strawberry.argument(description="What the shop calls the member.")
        ],
    ) -> MemberRecord | None:
        context = info.context
        view = await service.find_member(*context.tenant, customer_external_id, now=context.now)
        return None if view is None else MemberRecord.of(view, await _currency(info))

    @query_field(_LIST, "The members, each with the balance of now.")
    async def members(
        self,
        info: Info,
        filter: Annotated[  # noqa: A002
            MemberFilter | None, strawberry.argument(description="Which members; null: all of them.")
        ] = None,
        sort: Annotated[MemberSort, strawberry.argument(description="In which order.")] = MemberSort.NEWEST,
        first: First = _PAGE,
        after: AfterSorted = None,
    ) -> Connection[MemberRecord]:
        context, chosen, size = info.context, filter or MemberFilter(), page_size(first)
        wanted = service.Wanted(
            search=chosen.search,
            state=chosen.state,
            redemption_locked=chosen.redemption_locked,
            opted_in=chosen.opted_in,
            joined_from=chosen.joined_from,
            joined_to=chosen.joined_to,
            oldest_first=sort is MemberSort.OLDEST,
        )
        cursor = f"member {'oldest' if wanted.oldest_first else 'newest'}"
        place = None if after is None else service.Place(*moment_of(cursor, after))
        found = await service.list_members(*context.tenant, wanted, after=place, most=size + 1, now=context.now)
        currency = await _currency(info)
        items: list[tuple[int | str, MemberRecord]] = [
            (moment_key(*view.place), MemberRecord.of(view, currency)) for view in found
        ]
        return Connection[MemberRecord].of(cursor, items, size, after)


@strawberry.type
class MemberDeskMutation:
    @mutation_field(_EDIT, "Let a member earn and redeem, or neither. Open redemptions stay.")
    async def set_member_state(
        self,
        info: Info,
        input: Annotated[SetMemberStateInput, strawberry.argument(description="Who, and what.")],  # noqa: A002
    ) -> SetMemberStateResult:
        context = info.context
        whose = *context.tenant, input.customer_external_id
        member = await members.set_state(*whose, input.state, by=context.principal.identity, now=context.now)
        return SetMemberStateSuccess(standing=MemberStanding.of(member))

    @mutation_field(_EDIT, "Let a member redeem, or earn only. Open redemptions stay.")
    async def set_redemption_lock(
        self,
        info: Info,
        input: Annotated[SetRedemptionLockInput, strawberry.argument(description="Who, and what.")],  # noqa: A002
    ) -> SetRedemptionLockResult:
        context = info.context
        member = await members.set_redemption_lock(
            *context.tenant,
            input.customer_external_id,
            locked=input.locked,
            by=context.principal.identity,
            now=context.now,
        )
        return SetRedemptionLockSuccess(standing=MemberStanding.of(member))


async def _currency(info: Info) -> str:
    return (await info.context.installation.programmes.get(info.context.principal.programme_id)).currency
