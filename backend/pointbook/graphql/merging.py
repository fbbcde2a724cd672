"""A member asks to have another account of theirs merged into this one, and sees what became of it."""

from datetime import datetime
from typing import Annotated, Final, Self
from uuid import UUID

import strawberry

from pointbook.domain.access import CUSTOMERS
from pointbook.domain.errors import MergeRequestNotFound as NotFound
from pointbook.domain.merging import MergeState
from pointbook.graphql.connections import Connection, moment_key, moment_of, page_size
from pointbook.graphql.context import Info
from pointbook.graphql.errors import (
    IdempotencyConflict,
    InvalidInput,
    MemberInactive,
    MergeRequestNotFound,
    MergeRequestNotOpen,
    NotAMember,
    ProgrammeNotOpen,
    TooManyMergeRequests,
)
from pointbook.graphql.inputs import IDEMPOTENCY_KEY, idempotency_key
from pointbook.graphql.policies import mutation_field
from pointbook.services import merging as service

MERGE_REQUESTS_PAGE: Final = 20
_CURSOR: Final = "mergeRequest"


@strawberry.type(
    description="A member's request to merge another account into theirs. The address that they named is not told "
    "again: that it is erased would say that a member had it."
)
class MergeRequest:
    id: strawberry.ID = strawberry.field(description="Its id; it never changes.")
    state: MergeState = strawberry.field(description="What has become of it.")
    requested_at: datetime = strawberry.field(description="When it was made.")
    expires_at: datetime = strawberry.field(
        description="While it is open: when it ends by itself. Afterwards: when it would have."
    )
    decided_at: datetime | None = strawberry.field(description="When it was merged, rejected or cancelled.")
    reason: str | None = strawberry.field(description="REJECTED: what the staff told the member; plain text.")

    @classmethod
    def of(cls, request: service.MergeRequest) -> Self:
        return cls(
            id=strawberry.ID(request.id.hex),
            state=request.state,
            requested_at=request.requested_at,
            expires_at=request.expires_at,
            decided_at=request.decided_at,
            reason=request.reason,
        )


@strawberry.input(description="Which account to merge into the member's own.")
class RequestMergeInput:
    email: str = strawberry.field(description="The e-mail address of the other account.")
    idempotency_key: str = strawberry.field(description=IDEMPOTENCY_KEY)


@strawberry.input(description="Which request to take back.")
class CancelMergeRequestInput:
    id: strawberry.ID = strawberry.field(description="The request's id.")


@strawberry.type(
    description="The request is written down. If a member has the address, a letter with a link goes there."
)
class RequestMergeSuccess:
    request: MergeRequest = strawberry.field(description="The request; of a repeated call, as it stands by now.")


@strawberry.type(description="The request is taken back.")
class CancelMergeRequestSuccess:
    request: MergeRequest = strawberry.field(description="The request.")


RequestMergeResult = Annotated[
    RequestMergeSuccess
    | InvalidInput
    | NotAMember
    | MemberInactive
    | TooManyMergeRequests
    | IdempotencyConflict
    | ProgrammeNotOpen,
    strawberry.union("RequestMergeResult", description="The request, or why there is none."),
]
CancelMergeRequestResult = Annotated[
    CancelMergeRequestSuccess | MergeRequestNotFound | MergeRequestNotOpen,
    strawberry.union("CancelMergeRequestResult", description="The request, or why it stands as it did."),
]


@strawberry.type
class MergeMutation:
    @mutation_field(
        CUSTOMERS,
        "Ask for the points of another account of one's own, by its e-mail address. The answer is the same "
        "whether or not anybody has the address. Its owner confirms by a link that is sent there, "
        "and the staff decide.",
    )
    async def request_merge(
        self,
        info: Info,
        input: Annotated[RequestMergeInput, strawberry.argument(description="Which account.")],  # noqa: A002
    ) -> RequestMergeResult:
        context = info.context
        command = service.RequestMerge(input.email, idempotency_key(input.idempotency_key))
        request = await service.request_merge(context.installation, context.principal, command, now=context.now)
        return RequestMergeSuccess(request=MergeRequest.of(request))

    @mutation_field(CUSTOMERS, "Take a request back that is not decided. Again: nothing.")
    async def cancel_merge_request(
        self,
        info: Info,
        input: Annotated[CancelMergeRequestInput, strawberry.argument(description="Which request.")],  # noqa: A002
    ) -> CancelMergeRequestResult:
        context = info.context
        request = await service.cancel(
            context.installation, context.principal, request_id(input.id), now=context.now
        )
        return CancelMergeRequestSuccess(request=MergeRequest.of(request))


async def merge_requests_of(info: Info, first: int, after: str | None) -> Connection[MergeRequest]:
    """A page of the calling customer's requests. Raises InvalidInput."""
    context, size = info.context, page_size(first)
    assert context.principal.subject is not None, "the policy admits customers only"
    place = None if after is None else service.Place(*moment_of(_CURSOR, after))
    found = await service.list_own(
        *context.tenant, context.principal.subject, before=place, most=size + 1, now=context.now
    )
    items: list[tuple[int | str, MergeRequest]] = [(moment_key(*one.place), MergeRequest.of(one)) for one in found]
    return Connection[MergeRequest].of(_CURSOR, items, size, after)


def request_id(given: str) -> UUID:
    """Raises MergeRequestNotFound for what cannot be the id of one."""
    try:
        return UUID(hex=given)
    except ValueError:
        raise NotFound from None
