"""Members: found, and told apart by what they may do. Joining has a module of its own."""

import enum
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from pointbook import ledger
from pointbook.db.retry import retrying
from pointbook.db.session import Connection
from pointbook.domain import errors
from pointbook.domain.mailboxes import mailbox_address
from pointbook.domain.text import email_address, identifier
from pointbook.services import audit
from pointbook.services.audit import Action, Change
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.telling import Event, tell

MEMBER_CHANGED: Final = "member.changed"


class MemberState(enum.StrEnum):
    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"
    """Neither earns nor spends."""
    MERGED = "MERGED"
    """Became a part of another member, and is no longer named by any id of the shop's."""
    LEFT = "LEFT"
    """Left the programme; nothing personal is known any more."""


PRESENT: Final = (MemberState.ACTIVE, MemberState.INACTIVE)
"""Those who are members. The other two states are ends, and nobody sets them by hand."""


@dataclass(frozen=True, slots=True)
class Notifications:
    """Whether the member wants loyalty notices (R32), and since when it is so; None: they never said."""

    opt_in: bool
    since: datetime | None

    def said(self, opt_in: bool, now: datetime) -> "Notifications":  # noqa: FBT001  # it is what is said
        """What was said before changes nothing."""
        unchanged = self.since is not None and self.opt_in == opt_in
        return self if unchanged else Notifications(opt_in, now)


@dataclass(frozen=True, slots=True)
class Member:
    """``account_id`` stays inside; ``public_id`` is what anybody else sees. ``sign_up_points`` were granted."""

    account_id: int
    public_id: UUID
    email: str | None
    email_verified: bool
    locale: str | None
    joined_at: datetime
    state: MemberState
    redemption_locked: bool
    sign_up_points: int
    birthday: date | None
    notifications: Notifications


async def find_member(installation: Installation, programme_id: int, external_id: str) -> Member | None:
    """The member whom the shop calls ``external_id``; None: has not joined."""
    row = await installation.db.one_row(programme_id, MEMBER_OF_EXTERNAL_ID, programme_id, external_id)
    return None if row is None else member_of(row)


async def set_state(
    installation: Installation,
    programme_id: int,
    external_id: str,
    state: MemberState,
    *,
    by: str = audit.OPERATOR,
    now: datetime,
) -> Member:
    """An inactive member neither earns nor spends; open holds stay (R14). Raises NotAMember.

    Raises InvalidInput for a state that is an end.
    """
    if state not in PRESENT:
        raise errors.InvalidInput("state", f"must be {' or '.join(PRESENT)}")
    return await _restrict(installation, programme_id, external_id, _Change(by, now, state=state))


async def set_redemption_lock(
    installation: Installation,
    programme_id: int,
    external_id: str,
    *,
    locked: bool,
    by: str = audit.OPERATOR,
    now: datetime,
) -> Member:
    """A locked member earns and cannot spend; open holds stay. Raises NotAMember."""
    return await _restrict(installation, programme_id, external_id, _Change(by, now, redemption_locked=locked))


async def set_notifications(
    installation: Installation, programme_id: int, external_id: str, *, opt_in: bool, now: datetime
) -> Notifications:
    """The member wants loyalty notices, or none. What was said before changes nothing. Raises NotAMember."""
    name = identifier("externalId", external_id)

    async def call() -> Notifications:
        async with installation.db.bare_transaction(programme_id) as connection:
            row = await connection.fetchrow(_SET_NOTIFICATIONS, programme_id, name, opt_in, now)
            if row is None:
                raise errors.NotAMember
            member = member_of(row)
            if member.notifications != Notifications(row["had_notices"], row["had_notices_since"]):
                await tell_changed(connection, programme_id, member, ["optIn"], now=now)
            return member.notifications

    return await retrying(call)


async def tell_changed(
    connection: Connection, programme_id: int, member: Member, changed: Sequence[str], *, now: datetime
) -> None:
    """Tell in the caller's transaction which fields of a member have other values by now.

    No value but what the member may do.
    """
    payload = {
        "account": member.public_id.hex,
        "changed": changed,
        "state": member.state,
        "redemptionLocked": member.redemption_locked,
    }
    await tell(connection, programme_id, Event(MEMBER_CHANGED, payload), now=now)


def normalised_email(field: str, address: str) -> str:
    """Two spellings of one address are one: people do not remember how they wrote it. Raises InvalidInput.

    In lower case and not folded: a host with ß is not that with ss.
    """
    return unicodedata.normalize("NFC", email_address(field, address).lower())


def members_email(field: str, address: str) -> str:
    """The same of an address that is kept to send mail to. Raises InvalidInput."""
    return mailbox_address(field, normalised_email(field, address))


def checked_locale(programme: ProgrammeSnapshot, locale: str | None) -> str | None:
    """One of the programme's, or None. Raises InvalidInput."""
    if locale is not None and locale not in programme.locales:
        raise errors.InvalidInput("locale", f"must be one of {', '.join(programme.locales)}")
    return locale


def member_of(row: Any) -> Member:
    """The member of a row that has the columns of the table."""
    return Member(
        row["account_id"],
        row["public_id"],
        row["email"],
        row["email_verified"],
        row["locale"],
        row["joined_at"],
        MemberState(row["state"]),
        row["redemption_locked"],
        row["sign_up_points"],
        row["birthday"],
        notifications_of(row),
    )


def notifications_of(row: Any) -> Notifications:
    return Notifications(row["notices"], row["notices_since"])


@dataclass(frozen=True, slots=True)
class _Change:
    """What is None stays as it is."""

    by: str
    now: datetime
    state: MemberState | None = None
    redemption_locked: bool | None = None


async def _restrict(installation: Installation, programme_id: int, external_id: str, change: _Change) -> Member:
    account = await installation.accounts.get(programme_id, identifier("customerExternalId", external_id))

    async def call() -> Member:
        async with installation.db.bare_transaction(programme_id) as connection:
            locked = await ledger.lock(connection, programme_id, [account.account_id])
            account_id = locked.get(account.account_id, account.account_id)  # it may have been merged meanwhile
            row = await connection.fetchrow(
                _RESTRICT, programme_id, account_id, change.state, change.redemption_locked
            )
            if row is None:
                raise errors.NotAMember
            member = member_of(row)
            active = member.state is MemberState.ACTIVE
            await ledger.restrict(
                connection,
                programme_id,
                account_id,
                may_earn=active,
                may_spend=active and not member.redemption_locked,
                now=change.now,
            )
            await _write_down(connection, programme_id, row, change)
            return member

    async with installation.turns.turn(programme_id, account.account_id):
        return await retrying(call)


async def _write_down(connection: Connection, programme_id: int, row: Any, change: _Change) -> None:
    """For the audit, and for who is told of it. What was said again has changed nothing."""
    before = {"state": row["was_state"], "redemptionLocked": row["was_locked"]}
    after = {"state": row["state"], "redemptionLocked": row["redemption_locked"]}
    if before != after:
        changed = Change(Action.MEMBER_RESTRICTED, f"member {row['public_id'].hex}", before, after)
        await audit.append(connection, programme_id, [changed], by=change.by, now=change.now)
        fields = [name for name, value in after.items() if before[name] != value]
        await tell_changed(connection, programme_id, member_of(row), fields, now=change.now)


MEMBER_OF_EXTERNAL_ID = """
select member.*
from member_external_id as known
join member on member.programme_id = known.programme_id and member.account_id = known.account_id
where known.programme_id = $1 and known.external_id = $2
"""

# Whoever changes it has locked the account, so that the old row is the one that is changed.
_RESTRICT = """
update member
set state = coalesce($3, member.state), redemption_locked = coalesce($4, member.redemption_locked)
from member as old
where member.programme_id = $1 and member.account_id = $2 and member.state in ('ACTIVE', 'INACTIVE')
    and old.programme_id = $1 and old.account_id = $2
returning member.*, old.state as was_state, old.redemption_locked as was_locked
"""

# Without the account's lock: it is one row, and its state is looked at again once the row is locked.
_SET_NOTIFICATIONS = """
with old as materialized (
    select member.account_id, member.notices, member.notices_since
    from member_external_id as known
    join member on member.programme_id = known.programme_id and member.account_id = known.account_id
    where known.programme_id = $1 and known.external_id = $2 and member.state in ('ACTIVE', 'INACTIVE')
    for no key update of member
)
update member
set notices = $3, notices_since = case
        when old.notices_since is not null and old.notices = $3 then old.notices_since else $4
    end
from old
where member.programme_id = $1 and member.account_id = old.account_id
returning member.*, old.notices as had_notices, old.notices_since as had_notices_since
"""
