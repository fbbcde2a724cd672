"""Leaving: what would be lost, and leaving for good, by the customer or by staff for them."""

from typing import Annotated, Self

import strawberry

from pointbook.domain.access import CUSTOMERS, Right, staff
from pointbook.graphql.context import Info
from pointbook.graphql.errors import IdempotencyConflict, InvalidInput, LossChanged, NotAMember, TokenTooOld
from pointbook.graphql.inputs import IDEMPOTENCY_KEY, idempotency_key
from pointbook.graphql.money import MoneyAmount
from pointbook.graphql.policies import mutation_field
from pointbook.graphql.scalars import Points
from pointbook.services import leaving as service


@strawberry.type(description="What a member loses who leaves now, and what stays.")
class LeavingLoss:
    points: Points = strawberry.field(description="All points that are lost: available, pending and held.")
    available: Points = strawberry.field(description="Of these: could be spent now.")
    pending: Points = strawberry.field(description="Of these: earned, available later.")
    held: Points = strawberry.field(description="Of these: set aside for a checkout, whose voucher becomes void.")
    debt: Points = strawberry.field(description="Owed, and written off.")
    gift_cards: int = strawberry.field(
        description="Bought gift cards with money on them: they stay good for whoever has the code."
    )
    gift_card_money: MoneyAmount = strawberry.field(description="The money on them.")
    unsent_gift_cards: int = strawberry.field(
        description="Of these: whose code has not been sent, and will not be. Copy it before."
    )
    exchange_orders: int = strawberry.field(
        description="Exchange orders that are not decided: they go on, without the note on delivery."
    )

    @classmethod
    def of(cls, loss: service.Loss) -> Self:
        return cls(
            points=Points(loss.points),
            available=Points(loss.available),
            pending=Points(loss.pending),
            held=Points(loss.held),
            debt=Points(loss.debt),
            gift_cards=loss.gift_cards,
            gift_card_money=MoneyAmount.of(loss.gift_card_money),
            unsent_gift_cards=loss.unsent_cards,
            exchange_orders=loss.exchange_orders,
        )


@strawberry.input(description="The loss as it was shown.")
class ConfirmLossInput:
    points: Points = strawberry.field(description="`leavingLoss { points }`")
    debt: Points = strawberry.field(default=Points(0), description="`leavingLoss { debt }`")

    def confirmed(self) -> service.Confirmed:
        return service.Confirmed(self.points, self.debt)


@strawberry.input(description="That one leaves for good.")
class LeaveProgrammeInput:
    confirm: ConfirmLossInput = strawberry.field(description="What one was told that one loses.")
    idempotency_key: str = strawberry.field(description=IDEMPOTENCY_KEY)


@strawberry.input(description="Which member leaves for good.")
class EraseMemberInput:
    customer_external_id: strawberry.ID = strawberry.field(description="What the shop calls the member.")
    confirm: ConfirmLossInput = strawberry.field(description="What the member loses, as it was shown.")
    idempotency_key: str = strawberry.field(description=IDEMPOTENCY_KEY)


@strawberry.type(description="The member has left; nothing personal is known any more.")
class LeaveProgrammeSuccess:
    points: Points = strawberry.field(description="The points that were forfeited.")
    debt: Points = strawberry.field(description="The points owed that were written off.")


@strawberry.type(description="The member has left; nothing personal is known any more.")
class EraseMemberSuccess:
    points: Points = strawberry.field(description="The points that were forfeited.")
    debt: Points = strawberry.field(description="The points owed that were written off.")


LeaveProgrammeResult = Annotated[
    LeaveProgrammeSuccess | InvalidInput | NotAMember | LossChanged | TokenTooOld | IdempotencyConflict,
    strawberry.union("LeaveProgrammeResult", description="What was forfeited, or why nobody left."),
]
EraseMemberResult = Annotated[
    EraseMemberSuccess | InvalidInput | NotAMember | LossChanged | IdempotencyConflict,
    strawberry.union("EraseMemberResult", description="What was forfeited, or why nobody left."),
]


@strawberry.type
class LeavingMutation:
    @mutation_field(
        CUSTOMERS,
        "Leave the programme for good: points are forfeited, open vouchers void, and whatever names the member is "
        "gone. The customer's token must be at most 5 minutes old.",
    )
    async def leave_programme(
        self,
        info: Info,
        input: Annotated[LeaveProgrammeInput, strawberry.argument(description="The confirmed loss.")],  # noqa: A002
    ) -> LeaveProgrammeResult:
        context = info.context
        subject = context.principal.subject
        assert subject is not None, "the policy admits customers only"
        key = idempotency_key(input.idempotency_key)
        whose = context.installation, context.principal, subject
        forfeited = await service.leave(*whose, input.confirm.confirmed(), key, now=context.now)
        return LeaveProgrammeSuccess(points=Points(forfeited.points), debt=Points(forfeited.debt))

    @mutation_field(staff(Right.ERASE_MEMBERS), "Let a member leave for good who has asked the staff to.")
    async def erase_member(
        self,
        info: Info,
        input: Annotated[EraseMemberInput, strawberry.argument(description="Who, and the confirmed loss.")],  # noqa: A002
    ) -> EraseMemberResult:
        context = info.context
        key = idempotency_key(input.idempotency_key)
        whose = context.installation, context.principal, input.customer_external_id
        forfeited = await service.leave(*whose, input.confirm.confirmed(), key, now=context.now)
        return EraseMemberSuccess(points=Points(forfeited.points), debt=Points(forfeited.debt))
