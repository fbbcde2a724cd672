"""Merge requests as the staff handle them: both sides looked at, merged or rejected."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Final, Self

import strawberry

from pointbook.domain.access import Right, staff
from pointbook.domain.merging import MergeState
from pointbook.graphql.connections import AfterSorted, Connection, First, moment_key, moment_of, page_size
from pointbook.graphql.context import Info
from pointbook.graphql.errors import (
    InvalidInput,
    MembersNotMergeable,
    MergeRequestNotFound,
    MergeRequestNotOpen,
    NotAMember,
    ProgrammeNotOpen,
)
from pointbook.graphql.member_desk import MemberRecord
from pointbook.graphql.merging import MERGE_REQUESTS_PAGE, MergeRequest, request_id
from pointbook.graphql.policies import mutation_field, query_field
from pointbook.services import merging as service
from pointbook.services.member_views import MemberView

_LIST, _DECIDE = staff(Right.LIST_MERGES), staff(Right.DECIDE_MERGES)
_CURSOR: Final = "mergeToDecide"


@strawberry.type(description="A merge request as the staff see it.")
class MergeCase:
    request: MergeRequest = strawberry.field(description="As the member sees it.")
    email: str | None = strawberry.field(
        description="The address of the other account, as the member named it; null once it is erased."
    )
    verified_at: datetime | None = strawberry.field(description="When the address was proved.")
    decided_by: str | None = strawberry.field(description="Who decided: kind and id of a key, or `member`.")
    member: MemberRecord = strawberry.field(description="Who asks, and whose account goes on.")
    other: MemberRecord | None = strawberry.field(
        description="Whose account becomes a part of it, and ends; null until the address is proved. Once merged, "
        "it has nothing any more, and its history shows what it had."
    )

    @classmethod
    def of(cls, request: service.MergeRequest, sides: Mapping[int, MemberView], currency: str) -> Self:
        other = None if request.source_id is None else MemberRecord.of(sides[request.source_id], currency)
        return cls(
            request=MergeRequest.of(request),
            email=request.email,
            verified_at=request.verified_at,
            decided_by=request.decided_by,
            member=MemberRecord.of(sides[request.account_id], currency),
            other=other,
        )


@strawberry.input(description="Which two members to merge.")
class ApproveMergeInput:
    id: strawberry.ID = strawberry.field(description="The request's id.")


@strawberry.input(description="Which request not to follow, and why.")
class RejectMergeInput:
    id: strawberry.ID = strawberry.field(description="The request's id.")
    reason: str = strawberry.field(description="What the member is told; plain text of at most 500 characters.")


@strawberry.type(description="The two members are one.")
class ApproveMergeSuccess:
    case: MergeCase = strawberry.field(description="The request, with both sides as they are now.")


@strawberry.type(description="The two members stay as they are.")
class RejectMergeSuccess:
    case: MergeCase = strawberry.field(description="The request, with both sides as they are now.")


ApproveMergeResult = Annotated[
    ApproveMergeSuccess
    | MergeRequestNotFound
    | MergeRequestNotOpen
    | MembersNotMergeable
    | NotAMember
    | ProgrammeNotOpen,
    strawberry.union("ApproveMergeResult", description="The merged members, or why they are two."),
]
RejectMergeResult = Annotated[
    RejectMergeSuccess | InvalidInput | MergeRequestNotFound | MergeRequestNotOpen,
    strawberry.union("RejectMergeResult", description="The request, or why it stands as it did."),
]


@strawberry.type
class MergeDeskQuery:
    @query_field(
        _LIST, "Requests to merge two members, newest first. Those in state VERIFIED wait for a decision."
    )
    async def merge_requests(
        self,
        info: Info,
        state: Annotated[
            MergeState | None, strawberry.argument(description="Only those in this state; null: all of them.")
        ] = None,
        first: First = MERGE_REQUESTS_PAGE,
        after: AfterSorted = None,
    ) -> Connection[MergeCase]:
        context, size = info.context, page_size(first)
        place = None if after is None else service.Place(*moment_of(_CURSOR, after))
        found = await service.list_requests(
            *context.tenant, state=state, before=place, most=size + 1, now=context.now
        )
        cases = await _cases(info, found)
        items: list[tuple[int | str, MergeCase]] = [
            (moment_key(*request.place), case) for request, case in zip(found, cases, strict=True)
        ]
        return Connection[MergeCase].of(_CURSOR, items, size, after)


@strawberry.type
class MergeDeskMutation:
    @mutation_field(
        _DECIDE,
        "Merge two members, for good: points, redemptions, orders and cards of the one who ends become the "
        "other's. Again: nothing.",
    )
    async def approve_merge(
        self,
        info: Info,
        input: Annotated[ApproveMergeInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> ApproveMergeResult:
        context = info.context
        request = await service.approve(
            context.installation, context.principal, request_id(input.id), now=context.now
        )
        [case] = await _cases(info, [request])
        return ApproveMergeSuccess(case=case)

    @mutation_field(
        _DECIDE,
        "Do not merge two members, also before the address is proved. Whoever asked is told why. Again: nothing.",
    )
    async def reject_merge(
        self,
        info: Info,
        input: Annotated[RejectMergeInput, strawberry.argument(description="Which, and why.")],  # noqa: A002
    ) -> RejectMergeResult:
        context = info.context
        request = await service.reject(
            context.installation, context.principal, request_id(input.id), input.reason, now=context.now
        )
        [case] = await _cases(info, [request])
        return RejectMergeSuccess(case=case)


async def _cases(info: Info, requests: Sequence[service.MergeRequest]) -> list[MergeCase]:
    installation, programme_id = info.context.tenant
    currency = (await installation.programmes.get(programme_id)).currency
    sides = await service.sides_of(installation, programme_id, requests, now=info.context.now)
    return [MergeCase.of(request, sides, currency) for request in requests]
