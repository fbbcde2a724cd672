"""Voucher codes at the shop's back end: look at one, capture it, release it."""

from datetime import datetime
from typing import Annotated

import strawberry

from pointbook.domain.access import Scope, servers
from pointbook.domain.errors import VoucherNotUsable as NotUsable
from pointbook.graphql.context import Info
from pointbook.graphql.errors import (
    BelowMinimum,
    CurrencyMismatch,
    IdempotencyConflict,
    InsufficientPoints,
    InvalidInput,
    OrderConflict,
    ProgrammeNotOpen,
    RedemptionEnded,
    VoucherNotUsable,
)
from pointbook.graphql.inputs import IDEMPOTENCY_KEY, idempotency_key
from pointbook.graphql.money import MoneyInput
from pointbook.graphql.policies import mutation_field, query_field
from pointbook.graphql.redemption import Redemption
from pointbook.services import redemption as service

_READERS = servers(Scope.VOUCHERS_READ)
_CAPTURERS = servers(Scope.REDEMPTIONS_CAPTURE)


@strawberry.type(description="The points are spent.")
class CaptureRedemptionSuccess:
    redemption: Redemption = strawberry.field(description="The redemption with what was captured.")


@strawberry.type(description="The points are given back.")
class ReleaseRedemptionSuccess:
    redemption: Redemption = strawberry.field(description="The redemption, released.")


@strawberry.input(description="Which voucher was used, and for how much.")
class CaptureRedemptionInput:
    voucher_code: str = strawberry.field(description="The code as the customer gave it.")
    amount: MoneyInput | None = strawberry.field(
        default=None,
        description="What points shall pay; what is not needed is given back. Null: all that is held.",
    )
    order_external_id: strawberry.ID | None = strawberry.field(
        default=None, description="The shop's id of the order it was used for."
    )
    purchased_at: datetime | None = strawberry.field(
        default=None,
        description="When the purchase was made: not in the future, at most 7 days back. Null: now. A voucher "
        "that has run out of time since then still pays, from what the member has, else as a debt.",
    )
    idempotency_key: str = strawberry.field(description=IDEMPOTENCY_KEY)


@strawberry.input(description="Which voucher to give back.")
class ReleaseRedemptionInput:
    voucher_code: str = strawberry.field(description="The code as the customer gave it.")
    idempotency_key: str = strawberry.field(description=IDEMPOTENCY_KEY)


CaptureRedemptionResult = Annotated[
    CaptureRedemptionSuccess
    | InvalidInput
    | VoucherNotUsable
    | RedemptionEnded
    | BelowMinimum
    | InsufficientPoints
    | CurrencyMismatch
    | OrderConflict
    | ProgrammeNotOpen
    | IdempotencyConflict,
    strawberry.union("CaptureRedemptionResult", description="The redemption, or why nothing was captured."),
]
ReleaseRedemptionResult = Annotated[
    ReleaseRedemptionSuccess | InvalidInput | VoucherNotUsable | RedemptionEnded | IdempotencyConflict,
    strawberry.union("ReleaseRedemptionResult", description="The redemption, or why it was not given back."),
]


@strawberry.type
class VoucherQuery:
    @query_field(
        _READERS,
        "The redemption of a voucher code, whatever its state; null for a code nobody has. Asked by POST only.",
    )
    async def voucher(
        self,
        info: Info,
        code: Annotated[str, strawberry.argument(description="The code as the customer gave it.")],
    ) -> Redemption | None:
        context = info.context
        try:
            found = await service.voucher(context.installation, context.principal, code, now=context.now)
        except NotUsable:
            return None
        return Redemption.of(found)


@strawberry.type
class VoucherMutation:
    @mutation_field(_CAPTURERS, "Spend the points of a voucher. It ends for good.")
    async def capture_redemption(
        self,
        info: Info,
        input: Annotated[CaptureRedemptionInput, strawberry.argument(description="Which voucher, how much.")],  # noqa: A002
    ) -> CaptureRedemptionResult:
        context = info.context
        command = service.Capture(
            code=input.voucher_code,
            idempotency_key=idempotency_key(input.idempotency_key),
            amount=input.amount.parse("amount") if input.amount else None,
            order=input.order_external_id,
            purchased_at=input.purchased_at,
        )
        voucher = await service.capture(context.installation, context.principal, command, now=context.now)
        return CaptureRedemptionSuccess(redemption=Redemption.of(voucher))

    @mutation_field(_CAPTURERS, "Give the points of a voucher back to the customer.")
    async def release_redemption(
        self,
        info: Info,
        input: Annotated[ReleaseRedemptionInput, strawberry.argument(description="Which voucher.")],  # noqa: A002
    ) -> ReleaseRedemptionResult:
        context = info.context
        key = idempotency_key(input.idempotency_key)
        voucher = await service.release(
            context.installation, context.principal, input.voucher_code, key, now=context.now
        )
        return ReleaseRedemptionSuccess(redemption=Redemption.of(voucher))
