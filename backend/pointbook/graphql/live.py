"""What a page is told as it happens: the balance, and what becomes of a redemption."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import strawberry

from pointbook.domain import errors
from pointbook.domain.access import CUSTOMERS
from pointbook.graphql.account import Balance
from pointbook.graphql.context import Info
from pointbook.graphql.errors import NotAMember, RedemptionNotFound
from pointbook.graphql.inputs import redemption_id as id_of
from pointbook.graphql.policies import subscription_field
from pointbook.graphql.redemption import Redemption
from pointbook.services import live
from pointbook.services.installation import Installation

RedemptionChangedResult = Annotated[
    Redemption | NotAMember | RedemptionNotFound,
    strawberry.union("RedemptionChangedResult", description="The redemption as it is, or why nothing is told."),
]


@strawberry.type
class LiveSubscription:
    @subscription_field(
        CUSTOMERS,
        "The calling customer's balance: at once as it is, then after every change, also those that time brings "
        "about, and when a voucher's time is extended, though the figures are the same then. Null, and the "
        "end, for a customer who has not joined.",
    )
    async def balance_changed(self, info: Info) -> AsyncGenerator[Balance | None, None]:
        programme = await info.context.installation.programmes.get(info.context.principal.programme_id)
        async with aclosing(live.balances(*_customer(info), clock=info.context.clock)) as balances:
            async for balance in balances:
                yield None if balance is None else Balance.of(balance, programme.currency)

    @subscription_field(
        CUSTOMERS,
        "A redemption of the calling customer: at once as it is, then when it is extended, and how it ends: "
        "captured, released or lapsed. Then the subscription ends.",
    )
    async def redemption_changed(
        self,
        info: Info,
        redemption_id: Annotated[strawberry.ID, strawberry.argument(description="The redemption's id.")],
    ) -> AsyncGenerator[RedemptionChangedResult, None]:
        try:
            hold_id = id_of(redemption_id)
            async with aclosing(live.redemptions(*_customer(info), hold_id, clock=info.context.clock)) as vouchers:
                async for voucher in vouchers:
                    yield Redemption.of(voucher)
        except errors.NotAMember as failure:  # of a subscription strawberry turns no error into its type
            yield NotAMember.of(failure)
        except errors.RedemptionNotFound as failure:
            yield RedemptionNotFound.of(failure)


def _customer(info: Info) -> tuple[Installation, int, str]:
    subject = info.context.principal.subject
    assert subject is not None, "the policy admits customers only"
    return *info.context.tenant, subject
