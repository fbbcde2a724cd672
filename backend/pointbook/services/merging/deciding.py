"""Staff decide on a verified request: the two accounts become one, or they do not."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from pointbook import ledger
from pointbook.db.queries import members, notices
from pointbook.db.queries import merging as rows
from pointbook.db.queries.leaving import block_bonus
from pointbook.db.retry import retrying
from pointbook.db.session import Connection
from pointbook.domain import errors, text
from pointbook.domain.access import Principal
from pointbook.domain.calendar import expiring_until, last_day
from pointbook.domain.merging import OPEN, REASON_MAX, MergeState
from pointbook.domain.notices import about_expiry
from pointbook.ledger import Source
from pointbook.services import audit, outbox
from pointbook.services.audit import Action, Change
from pointbook.services.directory import ProgrammeSnapshot, keep_unchanged
from pointbook.services.granting import SIGN_UP
from pointbook.services.installation import Installation
from pointbook.services.merging.events import MERGE_MERGED, MERGE_REJECTED
from pointbook.services.merging.views import MergeRequest, request_of_row
from pointbook.services.rejoining import rejoin_digest

MERGE: Final = "merge"
"""The source of the entries that a merge makes; its id is the request's."""


async def approve(
    installation: Installation, principal: Principal, request_id: UUID, *, now: datetime
) -> MergeRequest:
    """Merge, for good: points, holds, orders and cards of the other account become the asking member's.

    Again: the request as it stands. Raises MergeRequestNotFound, MergeRequestNotOpen (it is not verified, decided
    otherwise, or one of the two is no member any more), MembersNotMergeable, ProgrammeNotOpen.
    """

    async def call(programme: ProgrammeSnapshot) -> MergeRequest:
        async def attempt() -> tuple[MergeRequest, list[str]]:
            async with installation.db.bare_transaction(programme.id) as connection:
                merging = _Merging(installation, connection, programme, principal, now)
                return await merging.merge(request_id)

        merged, names = await retrying(attempt)
        for name in names:
            installation.accounts.forget(programme.id, name)
        return merged

    return await installation.programmes.while_unchanged(principal.programme_id, call)


@dataclass(frozen=True, slots=True)
class _Merging:
    installation: Installation
    connection: Connection
    programme: ProgrammeSnapshot
    principal: Principal
    now: datetime

    async def merge(self, request_id: UUID) -> tuple[MergeRequest, list[str]]:
        """The merged request, and the ids of the shop's that lead to another account by it."""
        connection, programme_id = self.connection, self.programme.id
        request = await _locked(connection, programme_id, request_id, self.now)
        if request.state is MergeState.MERGED:
            return request, []
        self.programme.require_open()
        if request.state is not MergeState.VERIFIED:
            raise errors.MergeRequestNotOpen(request.state)
        assert request.source_id is not None, "it is verified"
        await keep_unchanged(connection, self.programme)
        return await self._merge(request, request.source_id)

    async def _merge(self, request: MergeRequest, source: int) -> tuple[MergeRequest, list[str]]:
        connection, programme_id, now = self.connection, self.programme.id, self.now
        settings = self.programme.settings_at(now)
        merged = await ledger.merge(
            connection,
            programme_id,
            request.account_id,
            source,
            single_bonus=SIGN_UP if settings.merge_reverses_sign_up_bonus else None,
            for_=Source(MERGE, request.id.hex),
            now=now,
        )
        other = await members.locked(connection, programme_id, source)
        assert other is not None, "the ledger has merged its account now"
        await self._block_bonus(other["email"])
        await self._keep_told(other["public_id"], merged.account_id, request.account)
        names = await members.external_ids(connection, programme_id, source)
        await rows.follow(connection, programme_id, merged.account_id, source)
        await rows.end_member(
            connection, programme_id, source, merged.account_id, locked=other["redemption_locked"]
        )
        if request.email is not None:
            await rows.take_over_email(connection, programme_id, merged.account_id, request.email)
        moved = {"open": merged.open, "held": merged.held, "debt": merged.debt, "reversed": merged.reversed}
        told = {
            "mergeRequest": request.id.hex,
            "account": request.account.hex,
            "merged": other["public_id"].hex,
            "points": merged.open + merged.held,
        }
        await outbox.append(connection, programme_id, MERGE_MERGED, told, now=now)
        decided = await _decide(
            connection,
            self.principal,
            request,
            MergeState.MERGED,
            after={"merged": told["merged"], **moved},
            now=now,
        )
        return decided, names

    async def _keep_told(self, source: UUID, account_id: int, target: UUID) -> None:
        """What the source was told of points that expire is told to the member for whom they go on.

        A mail that is promised and not sent yet goes to that member.
        """
        zone, days = self.programme.zone, self.programme.settings_at(self.now).expiry_notice_days
        if not days:
            return
        whose, until = [account_id], expiring_until(self.now, max(days), zone)
        ends = await notices.expiring(self.connection, self.programme.id, whose, now=self.now, until=until)
        steps = [(last_day(end, zone), step) for _, end in ends for step in days]
        abouts = {about_expiry(source, *one): about_expiry(target, *one) for one in steps}
        await notices.follow(self.connection, self.programme.id, abouts, now=self.now)

    async def _block_bonus(self, email: str | None) -> None:
        """Whoever joins by the merged address gets no second bonus for a while, as after leaving (R34)."""
        days = self.programme.settings_at(self.now).rejoin_bonus_block_days
        if email is not None and days > 0:
            digest = rejoin_digest(self.installation, self.programme.id, email)
            until = self.now + timedelta(days=days)
            await block_bonus(self.connection, self.programme.id, digest, until=until)


async def reject(
    installation: Installation, principal: Principal, request_id: UUID, reason: str, *, now: datetime
) -> MergeRequest:
    """Do not merge, whether or not the address is proved; the member is told the ``reason``. Again: as it stands.

    Raises MergeRequestNotFound, MergeRequestNotOpen (also once one of the two has left: no word about them is
    written down), InvalidInput.
    """
    told = text.paragraphs("reason", reason, REASON_MAX)
    programme_id = principal.programme_id

    async def attempt() -> MergeRequest:
        async with installation.db.bare_transaction(programme_id) as connection:
            request = await _locked(connection, programme_id, request_id, now)
            if request.state is MergeState.REJECTED:
                return request
            if request.state not in OPEN:
                raise errors.MergeRequestNotOpen(request.state)
            message = {"mergeRequest": request.id.hex, "account": request.account.hex}
            await outbox.append(connection, programme_id, MERGE_REJECTED, message, now=now)
            return await _decide(connection, principal, request, MergeState.REJECTED, reason=told, now=now)

    return await retrying(attempt)


async def _locked(connection: Connection, programme_id: int, request_id: UUID, now: datetime) -> MergeRequest:
    """The request as it stands, locked behind the accounts that it is about. Raises MergeRequestNotFound."""
    seen = await rows.find(connection, programme_id, request_id)
    if seen is None:
        raise errors.MergeRequestNotFound
    accounts = [one for one in (seen.account_id, seen.source_account_id) if one is not None]
    await ledger.lock(connection, programme_id, accounts)
    row = await rows.lock(connection, programme_id, request_id)
    assert row is not None, "it was just read, and none is deleted"
    return request_of_row(row, now)


async def _decide(  # what is written down
    connection: Connection,
    principal: Principal,
    request: MergeRequest,
    state: MergeState,
    *,
    reason: str | None = None,
    after: dict[str, object] | None = None,
    now: datetime,
) -> MergeRequest:
    """The audit has opaque ids only; the reason stands in one place, where an erasure finds it."""
    programme_id, by = principal.programme_id, principal.identity
    await rows.decide(connection, programme_id, request.place.id, state, by=by, reason=reason, now=now)
    change = Change(
        Action.MERGE_DECIDED,
        f"merge request {request.id.hex}",
        {"state": request.state.value, "member": request.account.hex},
        {"state": state.value, **(after or {})},
    )
    await audit.append(connection, programme_id, [change], by=by, now=now)
    row = await rows.find(connection, programme_id, request.id)
    assert row is not None, "it is locked"
    return request_of_row(row, now)
