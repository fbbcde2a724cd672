"""Merge requests as their member and the staff see them. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pointbook.db.queries import merging as rows
from pointbook.db.queries.merging import MergeRequestRow, Place
from pointbook.domain.merging import MergeState, state_at
from pointbook.services.installation import Installation
from pointbook.services.member_views import MemberView, views_of

__all__ = ["MergeRequest", "Place", "list_own", "list_requests", "request_of_row", "sides_of", "state_of"]


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """As of an instant. ``account`` goes on; ``source`` is known only once the address is proved.

    ``account_id`` and ``source_id`` stay inside. ``email`` and ``reason`` are None after an erasure.
    """

    id: UUID
    place: Place
    account_id: int
    account: UUID
    source_id: int | None
    source: UUID | None
    email: str | None
    state: MergeState
    expires_at: datetime
    verified_at: datetime | None
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None

    @property
    def requested_at(self) -> datetime:
        return self.place.at


def state_of(row: MergeRequestRow, now: datetime) -> MergeState:
    return state_at(MergeState(row.state), row.expires_at, now, is_void=row.is_void)


def request_of_row(row: MergeRequestRow, now: datetime) -> MergeRequest:
    return MergeRequest(
        id=row.public_id,
        place=Place(row.requested_at, row.id),
        account_id=row.account_id,
        account=row.account,
        source_id=row.source_account_id,
        source=row.source,
        email=row.email,
        state=state_of(row, now),
        expires_at=row.expires_at,
        verified_at=row.verified_at,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
        reason=row.reason,
    )


async def list_own(
    installation: Installation,
    programme_id: int,
    external_id: str,
    *,
    before: Place | None = None,
    most: int,
    now: datetime,
) -> list[MergeRequest]:
    """What the customer asked for, newest first. Raises NotAMember."""
    account = await installation.accounts.get(programme_id, external_id)
    async with installation.db.bare_transaction(programme_id) as connection:
        found = await rows.list_requests(
            connection, programme_id, account_id=account.account_id, before=before, most=most, now=now
        )
    return [request_of_row(row, now) for row in found]


async def list_requests(
    installation: Installation,
    programme_id: int,
    *,
    state: MergeState | None = None,
    before: Place | None = None,
    most: int,
    now: datetime,
) -> list[MergeRequest]:
    """Everybody's, newest first."""
    async with installation.db.bare_transaction(programme_id) as connection:
        found = await rows.list_requests(connection, programme_id, state=state, before=before, most=most, now=now)
    return [request_of_row(row, now) for row in found]


async def sides_of(
    installation: Installation, programme_id: int, requests: Sequence[MergeRequest], *, now: datetime
) -> dict[int, MemberView]:
    """The members on both sides of requests, by account, each with the balance of now."""
    ids = {one.account_id for one in requests} | {one.source_id for one in requests if one.source_id is not None}
    return await views_of(installation, programme_id, ids, now=now)
