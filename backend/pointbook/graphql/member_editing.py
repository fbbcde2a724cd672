"""Members as the shop's server makes them known: enrolled, put right, named by further ids.

The staff put right, too.
"""

from dataclasses import replace
from datetime import date, datetime
from typing import Annotated, Any, Self

import strawberry

from pointbook.domain.access import CallerKind, Principal, Right, Scope, servers, servers_and_staff
from pointbook.graphql.context import Info
from pointbook.graphql.errors import ExternalIdTaken, InvalidInput, NotAMember, ProgrammeNotOpen
from pointbook.graphql.inputs import camel
from pointbook.graphql.member_enums import MemberState, NotificationSettings
from pointbook.graphql.policies import mutation_field
from pointbook.graphql.scalars import Points
from pointbook.services import joining
from pointbook.services import member_editing as service
from pointbook.services.members import Member

_VERIFIED = "Whether the shop has made sure that the address is the customer's."
_RELEASED = (
    "How many orders and bookings that had waited were given to the member by this call. Beyond 1,000 orders or "
    "500 bookings the rest follows within seconds, and is not counted here."
)


@strawberry.type(
    description="What is known of a member. Staff who may not see members (right `members.list`) are told neither "
    "e-mail nor birthday, and no id but the one that they named."
)
class MemberData:
    id: strawberry.ID = strawberry.field(description="Names the member; it never changes.")
    customer_external_ids: list[strawberry.ID] = strawberry.field(description="What the shop calls the member.")
    email: str | None = strawberry.field(description="Where notices go; in lower case.")
    email_verified: bool = strawberry.field(description=_VERIFIED)
    locale: str | None = strawberry.field(
        description="The language the member chose (BCP 47); null: the programme's first."
    )
    birthday: date | None = strawberry.field(description="When the member was born, if they told.")
    notifications: NotificationSettings = strawberry.field(description="Which messages the member wants.")
    joined_at: datetime = strawberry.field(description="When the member joined.")
    state: MemberState = strawberry.field(description="What the member may do.")
    redemption_locked: bool = strawberry.field(description="Whether the member may earn but not redeem.")

    @classmethod
    def of(cls, member: Member, external_ids: tuple[str, ...]) -> Self:
        return cls(
            id=strawberry.ID(member.public_id.hex),
            customer_external_ids=[strawberry.ID(name) for name in external_ids],
            email=member.email,
            email_verified=member.email_verified,
            locale=member.locale,
            birthday=member.birthday,
            notifications=NotificationSettings.of(member.notifications),
            joined_at=member.joined_at,
            state=member.state,
            redemption_locked=member.redemption_locked,
        )


@strawberry.input(description="A customer who joins, as the shop knows them.")
class EnrolMemberInput:
    customer_external_id: strawberry.ID = strawberry.field(description="The shop's id of the customer.")
    email: str | None = strawberry.field(default=None, description="For notices.")
    email_verified: bool = strawberry.field(default=False, description=_VERIFIED)
    locale: str | None = strawberry.field(default=None, description="One of the programme's locales.")
    birthday: date | None = strawberry.field(
        default=None, description="When the customer was born; not before 1900."
    )
    opt_in: bool | None = strawberry.field(
        default=None, description="Whether the customer wants notices of their points; null: they did not say."
    )


@strawberry.input(description="What is to be changed: what is left out stays, and null empties.")
class UpdateMemberInput:
    customer_external_id: strawberry.ID = strawberry.field(description="What the shop calls the member.")
    email: str | None = strawberry.field(
        default=strawberry.UNSET, description="For notices. Another address is not verified unless that is said."
    )
    email_verified: bool | None = strawberry.field(
        default=strawberry.UNSET, description=f"{_VERIFIED} It is not emptied."
    )
    locale: str | None = strawberry.field(
        default=strawberry.UNSET, description="One of the programme's locales; null: the programme's first."
    )
    birthday: date | None = strawberry.field(default=strawberry.UNSET, description="Not before 1900.")
    opt_in: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Whether the member wants notices. It is not emptied."
    )

    def changes(self) -> dict[str, Any]:
        return {
            camel(name): value
            for name, value in vars(self).items()
            if name != "customer_external_id" and value is not strawberry.UNSET
        }


@strawberry.input(description="A further id of the shop's for a member.")
class AddCustomerExternalIdInput:
    customer_external_id: strawberry.ID = strawberry.field(description="What the shop calls the member.")
    further_external_id: strawberry.ID = strawberry.field(description="What the shop calls the member, too.")


@strawberry.type(description="The customer is a member.")
class EnrolMemberSuccess:
    member: MemberData = strawberry.field(description="The member; of one who had joined before, as they stand.")
    created: bool = strawberry.field(description="Whether the customer joined by this call, not before.")
    sign_up_points: Points = strawberry.field(description="The points that were given for joining.")
    released: int = strawberry.field(description=_RELEASED)


@strawberry.type(description="It is as it was said.")
class UpdateMemberSuccess:
    member: MemberData = strawberry.field(description="The member.")
    released: int = strawberry.field(description=_RELEASED)


@strawberry.type(description="The shop calls the member so, too.")
class AddCustomerExternalIdSuccess:
    member: MemberData = strawberry.field(description="The member.")
    released: int = strawberry.field(description=_RELEASED)


EnrolMemberResult = Annotated[
    EnrolMemberSuccess | InvalidInput | ProgrammeNotOpen,
    strawberry.union("EnrolMemberResult", description="The member, or why the customer did not join."),
]
UpdateMemberResult = Annotated[
    UpdateMemberSuccess | InvalidInput | NotAMember,
    strawberry.union("UpdateMemberResult", description="The member, or why nothing changed."),
]
AddCustomerExternalIdResult = Annotated[
    AddCustomerExternalIdSuccess | InvalidInput | NotAMember | ExternalIdTaken,
    strawberry.union("AddCustomerExternalIdResult", description="The member, or why nothing changed."),
]


def _sees_members(principal: Principal) -> bool:
    return principal.kind is not CallerKind.STAFF or Right.LIST_MEMBERS in principal.scopes


@strawberry.type
class MemberEditingMutation:
    @mutation_field(
        servers(Scope.MEMBERS_WRITE),
        "Make a customer a member, who has agreed to that at the shop. A customer joins once, however often this "
        "is sent; of a member nothing is changed by it.",
    )
    async def enrol_member(
        self,
        info: Info,
        input: Annotated[EnrolMemberInput, strawberry.argument(description="Who joins.")],  # noqa: A002
    ) -> EnrolMemberResult:
        command = joining.Join(
            input.customer_external_id,
            input.email,
            input.email_verified,
            input.locale,
            input.opt_in,
            input.birthday,
        )
        joined = await joining.join(*info.context.tenant, command, now=info.context.now)
        return EnrolMemberSuccess(
            member=MemberData.of(joined.member, joined.external_ids),
            created=joined.created,
            sign_up_points=Points(joined.member.sign_up_points),
            released=joined.released,
        )

    @mutation_field(
        servers_and_staff(Scope.MEMBERS_WRITE, Right.EDIT_MEMBERS),
        "Put right what is known of a member. An address that is verified by it gives the member what waited for "
        "it, where the programme's `releaseParkedOnJoin` says so.",
    )
    async def update_member(
        self,
        info: Info,
        input: Annotated[UpdateMemberInput, strawberry.argument(description="Who, and what.")],  # noqa: A002
    ) -> UpdateMemberResult:
        context = info.context
        edited = await service.update_member(
            *context.tenant,
            input.customer_external_id,
            input.changes(),
            by=context.principal.identity,
            now=context.now,
        )
        member, names = edited.member, edited.external_ids
        if not _sees_members(context.principal):
            member, names = replace(member, email=None, birthday=None), (input.customer_external_id,)
        return UpdateMemberSuccess(member=MemberData.of(member, names), released=edited.released)

    @mutation_field(
        servers(Scope.MEMBERS_WRITE),
        "Say that a further customer of the shop is this member: orders of both are the member's from now on.",
    )
    async def add_customer_external_id(
        self,
        info: Info,
        input: Annotated[AddCustomerExternalIdInput, strawberry.argument(description="Who, and which id.")],  # noqa: A002
    ) -> AddCustomerExternalIdResult:
        context = info.context
        edited = await service.add_external_id(
            *context.tenant,
            input.customer_external_id,
            input.further_external_id,
            by=context.principal.identity,
            now=context.now,
        )
        return AddCustomerExternalIdSuccess(
            member=MemberData.of(edited.member, edited.external_ids), released=edited.released
        )
