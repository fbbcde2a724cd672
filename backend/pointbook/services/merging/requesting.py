"""A member asks to have another account merged into theirs, by its e-mail address.

The answer and the work are the same whether or not anybody has the address: nothing here looks for its member.
Whoever sends the letter does (``notices``), in another process and at another time.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from pointbook import ledger
from pointbook.db.queries import members
from pointbook.db.queries import merging as rows
from pointbook.db.queries.merging import NewMergeRequest
from pointbook.db.retry import retrying
from pointbook.db.session import Connection
from pointbook.domain import errors
from pointbook.domain.access import Principal
from pointbook.domain.merging import (
    ADDRESS_MAX,
    ADDRESS_WINDOW,
    OPEN,
    OPEN_MAX,
    PROOF_LIFE,
    MergeLimit,
    MergeState,
)
from pointbook.ledger import Request
from pointbook.services import outbox
from pointbook.services.directory import AccountKey, ProgrammeSnapshot, check_unchanged
from pointbook.services.installation import Installation
from pointbook.services.members import MemberState, members_email
from pointbook.services.merging.events import MERGE_CANCELLED, MERGE_PROOF, MERGE_REQUESTED
from pointbook.services.merging.proving import proof_token
from pointbook.services.merging.views import MergeRequest, request_of_row
from pointbook.services.requests import request_of
from pointbook.services.telling import Event, tell

THEMSELVES: Final = "member"
"""Who cancelled; the shop's name of them would have to be erased."""


@dataclass(frozen=True, slots=True)
class RequestMerge:
    email: str
    idempotency_key: str


async def request_merge(
    installation: Installation, principal: Principal, command: RequestMerge, *, now: datetime
) -> MergeRequest:
    """Ask for the account of ``email``; the same key again: the same request, as it stands.

    Raises NotAMember, MemberInactive (whoever asks), TooManyMergeRequests, IdempotencyConflict, InvalidInput,
    ProgrammeNotOpen. None of them says whether anybody has the address.
    """
    assert principal.subject is not None, "the policy admits customers only"
    subject, email = principal.subject, members_email("email", command.email)
    request = request_of(installation, principal, "requestMerge", command.idempotency_key, email)

    async def call(programme: ProgrammeSnapshot) -> MergeRequest:
        account = await installation.accounts.get(programme.id, subject)
        requesting = _Requesting(installation, programme, account, email, request, now)

        async def attempt() -> MergeRequest:
            async with installation.db.bare_transaction(programme.id) as connection:
                return await requesting.settle(connection)

        async with installation.turns.turn(programme.id, account.account_id):
            return await retrying(attempt)

    return await installation.programmes.while_unchanged(principal.programme_id, call)


@dataclass(frozen=True, slots=True)
class _Requesting:
    installation: Installation
    programme: ProgrammeSnapshot
    account: AccountKey
    email: str
    request: Request
    now: datetime

    async def settle(self, connection: Connection) -> MergeRequest:
        programme_id = self.programme.id
        locked = await ledger.lock(connection, programme_id, [self.account.account_id])
        account_id = locked.get(self.account.account_id)
        member = None if account_id is None else await members.locked(connection, programme_id, account_id)
        if account_id is None or member is None:
            raise errors.NotAMember
        earlier = await rows.made_by_request(connection, programme_id, self.request.digest)
        if earlier is not None:
            public_id, said = earlier
            if said != self.request.input:
                raise errors.IdempotencyConflict
            return await self._found(connection, public_id)
        self.programme.require_open()
        if member["state"] != MemberState.ACTIVE:
            raise errors.MemberInactive
        await self._refuse_too_many(connection, account_id)
        await check_unchanged(connection, self.programme)
        return await self._add(connection, account_id, member["public_id"])

    async def _refuse_too_many(self, connection: Connection, account_id: int) -> None:
        """An address is counted under a lock of its own, since several may name it at once."""
        programme_id, now = self.programme.id, self.now
        if await rows.open_of(connection, programme_id, account_id, now=now) >= OPEN_MAX:
            raise errors.TooManyMergeRequests(OPEN_MAX, MergeLimit.OPEN_OF_MEMBER)
        digest = self.installation.secrets.derive("merge address", str(programme_id), self.email)
        since = now - ADDRESS_WINDOW
        if not await rows.name_address(connection, programme_id, digest, most=ADDRESS_MAX, since=since, now=now):
            raise errors.TooManyMergeRequests(ADDRESS_MAX, MergeLimit.ADDRESS_OF_DAY)

    async def _add(self, connection: Connection, account_id: int, account: UUID) -> MergeRequest:
        public_id = uuid4()
        token = proof_token(self.installation, self.programme.id, public_id)
        new = NewMergeRequest(
            public_id,
            account_id,
            self.email,
            hashlib.sha256(token.encode()).digest(),
            self.now,
            self.now + PROOF_LIFE,
            self.request.digest,
            self.request.input,
        )
        await rows.add(connection, self.programme.id, new)
        told = {"mergeRequest": public_id.hex, "account": account.hex}
        await outbox.append(connection, self.programme.id, MERGE_REQUESTED, told, now=self.now)
        await outbox.append(connection, self.programme.id, MERGE_PROOF, told, now=self.now)
        return await self._found(connection, public_id)

    async def _found(self, connection: Connection, public_id: UUID) -> MergeRequest:
        row = await rows.find(connection, self.programme.id, public_id)
        assert row is not None, "it was made"
        return request_of_row(row, self.now)


async def cancel(
    installation: Installation, principal: Principal, request_id: UUID, *, now: datetime
) -> MergeRequest:
    """The member takes an open request back; again: nothing. Raises MergeRequestNotFound, MergeRequestNotOpen."""
    assert principal.subject is not None, "the policy admits customers only"
    programme_id = principal.programme_id
    account = await installation.accounts.find(programme_id, principal.subject)
    if account is None:
        raise errors.MergeRequestNotFound

    async def attempt() -> MergeRequest:
        async with installation.db.bare_transaction(programme_id) as connection:
            own = (await ledger.lock(connection, programme_id, [account.account_id])).get(account.account_id)
            row = await rows.lock(connection, programme_id, request_id)
            if row is None or row.account_id != own:
                raise errors.MergeRequestNotFound
            found = request_of_row(row, now)
            if found.state is MergeState.CANCELLED:
                return found
            if found.state not in OPEN:
                raise errors.MergeRequestNotOpen(found.state)
            await rows.decide(connection, programme_id, row.id, MergeState.CANCELLED, by=THEMSELVES, now=now)
            told = {"mergeRequest": found.id.hex, "account": found.account.hex}
            await tell(connection, programme_id, Event(MERGE_CANCELLED, told), now=now)
            cancelled = await rows.find(connection, programme_id, request_id)
            assert cancelled is not None, "it is locked"
            return request_of_row(cancelled, now)

    async with installation.turns.turn(programme_id, account.account_id):
        return await retrying(attempt)
