"""The calling customer as a member: ``me`` and joining."""

from datetime import date, datetime
from typing import Annotated

import strawberry

from pointbook.domain.access import CUSTOMERS
from pointbook.domain.errors import InvalidInput as Invalid
from pointbook.domain.redemption import cart_key
from pointbook.graphql.account import (
    HISTORY_PAGE,
    AccountReads,
    Balance,
    ExpiringBatch,
    HistoryConnection,
    PendingBatch,
)
from pointbook.graphql.bought_gift_cards import PAGE as GIFT_CARDS_PAGE
from pointbook.graphql.bought_gift_cards import MyGiftCard, gift_cards_of
from pointbook.graphql.connections import Connection, First, OlderThan
from pointbook.graphql.context import Info
from pointbook.graphql.data_export import DataExport
from pointbook.graphql.described import described
from pointbook.graphql.errors import InvalidInput, NotAMember, ProgrammeNotOpen
from pointbook.graphql.exchange import ORDERS_PAGE, ExchangeOrder, page_of_orders
from pointbook.graphql.leaving import LeavingLoss
from pointbook.graphql.member_enums import MemberState, NotificationSettings
from pointbook.graphql.merging import MERGE_REQUESTS_PAGE, MergeRequest, merge_requests_of
from pointbook.graphql.policies import mutation_field, query_field
from pointbook.graphql.redemption import Redemption
from pointbook.graphql.scalars import Points
from pointbook.services import joining, leaving, members
from pointbook.services.exchange_views import Wanted


@strawberry.type(description="A customer who joined the programme.")
class Member:
    reads: strawberry.Private[AccountReads]

    @described("Names the member; it never changes.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(self.reads.public_id.hex)

    @described("When the customer joined.")
    async def joined_at(self) -> datetime:
        return (await self.reads.member()).joined_at

    @described("The language the member chose (BCP 47); null: the programme's first.")
    async def locale(self) -> str | None:
        return (await self.reads.member()).locale

    @described("Where notices go; in lower case.")
    async def email(self) -> str | None:
        return (await self.reads.member()).email

    @described("Whether the shop says that the address is the member's.")
    async def email_verified(self) -> bool:
        return (await self.reads.member()).email_verified

    @described("When the member was born, if they told.")
    async def birthday(self) -> date | None:
        return (await self.reads.member()).birthday

    @described("Which messages the member wants.")
    async def notifications(self) -> NotificationSettings:
        return NotificationSettings.of((await self.reads.member()).notifications)

    @described("What the member may do.")
    async def state(self) -> MemberState:
        return (await self.reads.member()).state

    @described("Whether the member may earn but not redeem.")
    async def redemption_locked(self) -> bool:
        return (await self.reads.member()).redemption_locked

    @described("How many points the member has.")
    async def balance(
        self,
        as_of: Annotated[
            datetime | None,
            strawberry.argument(
                description="At this instant: as it was, or as time alone will make it. Null: now."
            ),
        ] = None,
    ) -> Balance:
        return await self.reads.balance(as_of)

    @described("Points that expire soon, by date.")
    async def expiring_points(
        self,
        days: Annotated[
            int | None,
            strawberry.argument(description="How many local days ahead, 1 to 365. Null: the programme's window."),
        ] = None,
    ) -> list[ExpiringBatch]:
        return await self.reads.expiring(days)

    @described("Points that are not available yet, by the instant from which they are.")
    async def pending_points(self) -> list[PendingBatch]:
        return await self.reads.pending()

    @described("What happened to the member's points, newest first.")
    async def history(
        self,
        first: Annotated[int, strawberry.argument(description="How many items, at most 100.")] = HISTORY_PAGE,
        after: OlderThan = None,
    ) -> HistoryConnection:
        return await self.reads.history(first, after)

    @described("What the member exchanged points for, newest first.")
    async def exchange_orders(
        self, info: Info, first: First = ORDERS_PAGE, after: OlderThan = None
    ) -> Connection[ExchangeOrder]:
        return await page_of_orders(info, Wanted(customer=self.reads.external_id), first, after)

    @described("Gift cards that the member has bought, newest first.")
    async def gift_cards(
        self, info: Info, first: First = GIFT_CARDS_PAGE, after: OlderThan = None
    ) -> Connection[MyGiftCard]:
        return await gift_cards_of(info, await self.reads.account_id(), first, after)

    @described("What the member would lose by leaving now: to be shown before `leaveProgramme`.")
    async def leaving_loss(self, info: Info) -> LeavingLoss:
        return LeavingLoss.of(
            await leaving.loss_of(*info.context.tenant, self.reads.external_id, now=info.context.now)
        )

    @described("All that is kept of the member, a page at a time: for a file, before leaving above all.")
    async def data_export(
        self,
        info: Info,
        after: Annotated[
            str | None,
            strawberry.argument(description="The `endCursor` of the page before; null: the first page."),
        ] = None,
    ) -> DataExport:
        return await DataExport.of(info, self.reads.external_id, after)

    @described("Requests to merge another account into the member's, newest first.")
    async def merge_requests(
        self, info: Info, first: First = MERGE_REQUESTS_PAGE, after: OlderThan = None
    ) -> Connection[MergeRequest]:
        return await merge_requests_of(info, first, after)

    @described("Open redemptions, oldest first.")
    async def holds(
        self,
        cart: Annotated[
            strawberry.ID | None,
            strawberry.argument(
                description="Only that of the cart with this id of the shop's. Null: all of them."
            ),
        ] = None,
    ) -> list[Redemption]:
        key = None if cart is None else cart_key(cart)
        return [
            Redemption.of(voucher) for voucher in await self.reads.vouchers() if key is None or voucher.cart == key
        ]


@strawberry.input(description="What the customer says of themselves.")
class JoinInput:
    accept_terms: bool = strawberry.field(
        default=False,
        description="True: the customer has been shown the programme's conditions (`guidelines`) and agrees. "
        "Nobody joins without.",
    )
    email: str | None = strawberry.field(default=None, description="For notices.")
    locale: str | None = strawberry.field(default=None, description="One of the programme's locales.")
    opt_in: bool | None = strawberry.field(
        default=None, description="Whether the customer wants notices of their points; null: they did not say."
    )
    birthday: date | None = strawberry.field(
        default=None, description="When the customer was born; not before 1900."
    )


@strawberry.input(description="Which messages a member wants.")
class SetNotificationsInput:
    opt_in: bool = strawberry.field(description="Whether the member wants notices of their points.")


@strawberry.type(description="It is as it was said.")
class SetNotificationsSuccess:
    notifications: NotificationSettings = strawberry.field(description="Which messages the member wants.")


@strawberry.type(description="The customer is a member.")
class JoinSuccess:
    member: Member = strawberry.field(description="The member.")
    created: bool = strawberry.field(description="Whether the customer joined by this call, not before.")
    sign_up_points: Points = strawberry.field(description="The points that were given for joining.")


JoinResult = Annotated[
    JoinSuccess | InvalidInput | ProgrammeNotOpen,
    strawberry.union("JoinResult", description="The member, or why the customer did not join."),
]


SetNotificationsResult = Annotated[
    SetNotificationsSuccess | NotAMember,
    strawberry.union(
        "SetNotificationsResult", description="Which messages the member wants, or why nothing changed."
    ),
]


@strawberry.type
class MemberQuery:
    @query_field(CUSTOMERS, "The calling customer as a member; null for a customer who has not joined.")
    async def me(self, info: Info) -> Member | None:
        reads = await AccountReads.of_caller(info)
        return None if reads is None else Member(reads=reads)


@strawberry.type
class MemberMutation:
    @mutation_field(
        CUSTOMERS, "Join the programme. The customer of the token joins once, however often this is sent."
    )
    async def join(
        self,
        info: Info,
        input: Annotated[JoinInput | None, strawberry.argument(description="About the customer.")] = None,  # noqa: A002
    ) -> JoinResult:
        context = info.context
        subject = context.principal.subject
        assert subject is not None, "the policy admits customers only"
        given = input or JoinInput()
        if not given.accept_terms:
            raise Invalid("acceptTerms", "must be true: show the customer the programme's conditions first")
        command = joining.Join(
            subject, given.email, locale=given.locale, opt_in=given.opt_in, birthday=given.birthday
        )
        joined = await joining.join(context.installation, context.principal.programme_id, command, now=context.now)
        reads = await AccountReads.of_member(info, joined.member)
        return JoinSuccess(
            member=Member(reads=reads), created=joined.created, sign_up_points=Points(joined.member.sign_up_points)
        )

    @mutation_field(CUSTOMERS, "Say whether one wants notices. Again the same: nothing changes.")
    async def set_notifications(
        self,
        info: Info,
        input: Annotated[SetNotificationsInput, strawberry.argument(description="What one wants.")],  # noqa: A002
    ) -> SetNotificationsResult:
        context = info.context
        subject = context.principal.subject
        assert subject is not None, "the policy admits customers only"
        chosen = await members.set_notifications(*context.tenant, subject, opt_in=input.opt_in, now=context.now)
        return SetNotificationsSuccess(notifications=NotificationSettings.of(chosen))
