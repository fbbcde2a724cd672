"""Points that staff give and take by hand: done, undone, listed."""

from datetime import date, datetime
from typing import Annotated, Final, Self
from uuid import UUID

import strawberry

from pointbook.domain.access import Right, staff
from pointbook.domain.errors import AdjustmentNotFound as NotFound
from pointbook.graphql.account import Balance
from pointbook.graphql.connections import Connection, First, moment_key, moment_of, page_size
from pointbook.graphql.context import Info
from pointbook.graphql.described import described
from pointbook.graphql.errors import (
    AdjustmentAboveLimit,
    AdjustmentNotFound,
    AdjustmentUndone,
    IdempotencyConflict,
    InsufficientPoints,
    InvalidInput,
    NotAMember,
    ProgrammeNotOpen,
)
from pointbook.graphql.inputs import IDEMPOTENCY_KEY, idempotency_key
from pointbook.graphql.policies import mutation_field, query_field, require
from pointbook.graphql.scalars import Points
from pointbook.services import account, adjusting
from pointbook.services import adjustment_views as service

_ADJUST = staff(Right.ADJUST_POINTS)
_PAGE: Final = 20
_CURSOR: Final = "adjustment"
_NEGATIVE: Final = (
    f"Take the points though the member has not so many: what is missing becomes a debt. Needs the right "
    f"`{Right.ADJUST_BELOW_ZERO}`, too."
)


@strawberry.type(description="Points that the staff gave or took by hand.")
class Adjustment:
    id: strawberry.ID = strawberry.field(description="Its id; it never changes.")
    member_id: strawberry.ID = strawberry.field(description="The member.")
    customer_external_ids: list[strawberry.ID] = strawberry.field(description="What the shop calls the member.")
    entry: strawberry.ID = strawberry.field(description="The item of the member's history that it is.")
    at: datetime = strawberry.field(description="When it was made.")
    points: Points = strawberry.field(description="The points that were given, or below zero taken.")
    description: str = strawberry.field(description="What the member is told of it; plain text.")
    internal_note: str | None = strawberry.field(description="What only the staff see; plain text.")
    made_by: str = strawberry.field(description="Who made it: kind and id of a key, or the operator.")
    made_by_label: str | None = strawberry.field(
        description="What that key is called; of a staff key, whose it is."
    )
    undoes_id: strawberry.ID | None = strawberry.field(description="The adjustment that this one undoes.")
    undone_by_id: strawberry.ID | None = strawberry.field(description="The adjustment that undid this one.")

    @classmethod
    def of(cls, made: service.Adjustment) -> Self:
        return cls(
            id=strawberry.ID(made.id.hex),
            member_id=strawberry.ID(made.account.hex),
            customer_external_ids=[strawberry.ID(name) for name in made.customers],
            entry=strawberry.ID(f"{made.entry_account.hex}-{made.seq}"),
            at=made.at,
            points=Points(made.points),
            description=made.description,
            internal_note=made.internal_note,
            made_by=made.made_by,
            made_by_label=made.label,
            undoes_id=None if made.undoes is None else strawberry.ID(made.undoes.hex),
            undone_by_id=None if made.undone_by is None else strawberry.ID(made.undone_by.hex),
        )


@strawberry.input(description="Points to give to a member, or to take.")
class AdjustPointsInput:
    customer_external_id: strawberry.ID = strawberry.field(description="What the shop calls the member.")
    points: Points = strawberry.field(description="1 to 1,000,000 points to give, -1 to -1,000,000 to take.")
    description: str = strawberry.field(
        description="What the member is told of it; plain text of at most 200 characters."
    )
    internal_note: str | None = strawberry.field(
        default=None, description="What only the staff see; plain text of at most 1,000 characters."
    )
    expires_on: date | None = strawberry.field(
        default=None,
        description="Of points that are given: the last day on which they can be spent, in the programme's time "
        "zone. Null: they end as points that are earned now.",
    )
    available_from: datetime | None = strawberry.field(
        default=None, description="Of points that are given: when they can be spent. Null, or passed: at once."
    )
    allow_negative: bool = strawberry.field(default=False, description=_NEGATIVE)
    idempotency_key: str = strawberry.field(description=IDEMPOTENCY_KEY)

    def command(self) -> adjusting.AdjustPoints:
        return adjusting.AdjustPoints(
            customer=self.customer_external_id,
            points=self.points,
            description=self.description,
            internal_note=self.internal_note,
            idempotency_key=idempotency_key(self.idempotency_key),
            expires_on=self.expires_on,
            available_from=self.available_from,
            allow_negative=self.allow_negative,
        )


@strawberry.input(description="Which adjustment to undo.")
class UndoAdjustmentInput:
    id: strawberry.ID = strawberry.field(description="The adjustment's id.")
    allow_negative: bool = strawberry.field(default=False, description=_NEGATIVE)
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="A name of this intention, 1 to 100 characters: sent again with the same input, it gets the "
        "first answer. Without one, what is undone already is an AdjustmentUndone.",
    )


@strawberry.input(description="Which adjustments. Everything that is given has to hold.")
class AdjustmentFilter:
    customer_external_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only those of this customer."
    )
    from_: datetime | None = strawberry.field(
        default=None, name="from", description="Only those made then or later."
    )
    to: datetime | None = strawberry.field(default=None, description="Only those made before.")


@strawberry.type(description="Whose points were moved, as they stand by now.")
class AdjustedMember:
    id: strawberry.ID = strawberry.field(description="Names the member; it never changes.")
    customer_external_ids: list[strawberry.ID] = strawberry.field(
        description="What the shop calls the member: name any of them to give or take more. None of one who left."
    )

    @described(
        "How many points the member has, for whoever may adjust them: `members.list` is not needed. Null of one "
        "who is no member any more."
    )
    async def balance(self, info: Info) -> Balance | None:
        context = info.context
        if not self.customer_external_ids:
            return None
        found = await account.balance(*context.tenant, self.customer_external_ids[0], now=context.now)
        currency = (await context.installation.programmes.get(context.principal.programme_id)).currency
        return None if found is None else Balance.of(found, currency)


@strawberry.interface(description="An adjustment that was made, and the member whom it concerns.")
class AdjustmentMade:
    adjustment: Adjustment = strawberry.field(
        description="The adjustment; of a repeated call, as it stands by now."
    )

    @described("The member, so that more can be given or taken without looking for them again.")
    def member(self) -> AdjustedMember:
        made = self.adjustment
        return AdjustedMember(id=made.member_id, customer_external_ids=made.customer_external_ids)


@strawberry.type(description="The points are given or taken.")
class AdjustPointsSuccess(AdjustmentMade):
    pass


@strawberry.type(description="The adjustment is undone, by the one that is told.")
class UndoAdjustmentSuccess(AdjustmentMade):
    pass


AdjustPointsResult = Annotated[
    AdjustPointsSuccess
    | InvalidInput
    | NotAMember
    | ProgrammeNotOpen
    | AdjustmentAboveLimit
    | InsufficientPoints
    | IdempotencyConflict,
    strawberry.union("AdjustPointsResult", description="The adjustment, or why no point has moved."),
]
UndoAdjustmentResult = Annotated[
    UndoAdjustmentSuccess
    | InvalidInput
    | AdjustmentNotFound
    | AdjustmentUndone
    | AdjustmentAboveLimit
    | ProgrammeNotOpen
    | InsufficientPoints
    | IdempotencyConflict,
    strawberry.union("UndoAdjustmentResult", description="The adjustment that undoes it, or why none does."),
]


@strawberry.type
class AdjustmentQuery:
    @query_field(_ADJUST, "Points that were given and taken by hand, the newest first.")
    async def adjustments(
        self,
        info: Info,
        filter: Annotated[  # noqa: A002
            AdjustmentFilter | None, strawberry.argument(description="Which adjustments; null: all of them.")
        ] = None,
        first: First = _PAGE,
        after: Annotated[str | None, strawberry.argument(description="Only what follows this cursor.")] = None,
    ) -> Connection[Adjustment]:
        chosen, size = filter or AdjustmentFilter(), page_size(first)
        wanted = service.Wanted(chosen.customer_external_id, chosen.from_, chosen.to)
        before = None if after is None else service.Place(*moment_of(_CURSOR, after))
        found = await service.list_adjustments(*info.context.tenant, wanted, before=before, most=size + 1)
        items: list[tuple[int | str, Adjustment]] = [(moment_key(*one.place), Adjustment.of(one)) for one in found]
        return Connection[Adjustment].of(_CURSOR, items, size, after)


@strawberry.type
class AdjustmentMutation:
    @mutation_field(_ADJUST, "Give points to a member, or take some, by hand. The member is told why.")
    async def adjust_points(
        self,
        info: Info,
        input: Annotated[AdjustPointsInput, strawberry.argument(description="To whom, how many, why.")],  # noqa: A002
    ) -> AdjustPointsResult:
        if input.allow_negative:
            require(info, Right.ADJUST_BELOW_ZERO)
        context = info.context
        made = await adjusting.adjust(context.installation, context.principal, input.command(), now=context.now)
        return AdjustPointsSuccess(adjustment=Adjustment.of(made))

    @mutation_field(
        _ADJUST,
        "Undo an adjustment by another one, once: take what was given, as far as the member has it, or give what "
        "was taken, as points of now. What was given is not taken once it has expired, nor before it is "
        "available.",
    )
    async def undo_adjustment(
        self,
        info: Info,
        input: Annotated[UndoAdjustmentInput, strawberry.argument(description="Which adjustment.")],  # noqa: A002
    ) -> UndoAdjustmentResult:
        if input.allow_negative:
            require(info, Right.ADJUST_BELOW_ZERO)
        key = None if input.idempotency_key is None else idempotency_key(input.idempotency_key)
        command = adjusting.UndoAdjustment(_adjustment_id(input.id), key, input.allow_negative)
        context = info.context
        made = await adjusting.undo(context.installation, context.principal, command, now=context.now)
        return UndoAdjustmentSuccess(adjustment=Adjustment.of(made))


def _adjustment_id(given: str) -> UUID:
    """Raises AdjustmentNotFound for what cannot be the id of one."""
    try:
        return UUID(hex=given)
    except ValueError:
        raise NotFound from None
