"""What is known of a member is changed: address, language, birthday, opt-in, and what the shop calls them.

The shop's server and the staff may; the audit says which fields were changed, not what they hold.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeAlias

from pointbook import ledger
from pointbook.db.queries import members as rows
from pointbook.db.queries import notices
from pointbook.db.queries.customers import lock_customer
from pointbook.db.retry import retrying
from pointbook.db.session import Connection
from pointbook.domain import errors
from pointbook.domain.members import birthday
from pointbook.domain.reading import object_of, truth
from pointbook.domain.text import identifier
from pointbook.services import audit
from pointbook.services.audit import Action, Change
from pointbook.services.directory import (
    AccountKey,
    ProgrammeChangedError,
    ProgrammeSnapshot,
    check_unchanged,
)
from pointbook.services.installation import Installation
from pointbook.services.judging import Judge
from pointbook.services.members import (
    Member,
    MemberState,
    checked_locale,
    member_of,
    members_email,
    tell_changed,
)
from pointbook.services.releasing import Names, Releasing

FIELDS: Final = frozenset({"email", "emailVerified", "locale", "birthday", "optIn"})
_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class Edited:
    """``released`` parked orders and bookings were given to the member by it."""

    member: Member
    external_ids: tuple[str, ...]
    released: int = 0


async def update_member(
    installation: Installation,
    programme_id: int,
    external_id: str,
    changes: Mapping[str, Any],
    *,
    by: str,
    now: datetime,
) -> Edited:
    """Change what ``changes`` names, by the names of ``FIELDS``; what it does not name stays, None empties.

    Another address is not verified unless it is said so. An address that is verified by this releases what waits
    for it, as joining does; one that is said to be verified gets notices again.
    Raises InvalidInput, NotAMember.
    """

    async def edit(editing: _Editing) -> Edited:
        before = editing.member
        after = _changed(editing.programme, before, changes, now)
        if fields := _differing(before, after):
            await rows.update(editing.connection, programme_id, after)
            await editing.write_down(after, fields, by=by)
        is_news = after.email_verified and (before.email, before.email_verified) != (after.email, True)
        released = 0
        if changes.get("emailVerified"):
            await notices.forget_refusal(editing.connection, programme_id, after.account_id)
        if is_news:
            released = await editing.release(after, Names(external_id, after.email))
        return await editing.edited(after, released)

    return await _edit(installation, programme_id, external_id, edit, now=now)


async def add_external_id(
    installation: Installation, programme_id: int, external_id: str, further: str, *, by: str, now: datetime
) -> Edited:
    """The shop calls the member ``further``, too; what waits for that customer is released as by joining.

    Again: nothing. Raises InvalidInput, NotAMember, and ExternalIdTaken if it is another member's.
    """
    identifier("furtherExternalId", further)

    async def edit(editing: _Editing) -> Edited:
        member = editing.member
        owner = await lock_customer(editing.connection, programme_id, further)
        if owner not in {None, member.account_id}:
            raise errors.ExternalIdTaken(further)
        released = 0
        if owner is None:
            await rows.name(editing.connection, programme_id, further, member.account_id)
            await editing.write_down(member, ["externalIds"], by=by)
            released = await editing.release(member, Names(further, None))
        return await editing.edited(member, released)

    return await _edit(installation, programme_id, external_id, edit, now=now)


@dataclass(frozen=True, slots=True)
class _Editing:
    """One try at one member, whose account and row are locked in the transaction of ``connection``."""

    connection: Connection
    programme: ProgrammeSnapshot
    member: Member
    now: datetime

    async def write_down(self, after: Member, changed: list[str], *, by: str) -> None:
        """For the audit, and for who is told of it."""
        change = Change(Action.MEMBER_EDITED, f"member {after.public_id.hex}", None, {"changed": changed})
        await audit.append(self.connection, self.programme.id, [change], by=by, now=self.now)
        await tell_changed(self.connection, self.programme.id, after, changed, now=self.now)

    async def release(self, member: Member, names: Names) -> int:
        """Nothing where nobody earns: it goes on waiting, to be reported or sent again."""
        if member.state is not MemberState.ACTIVE or not self.programme.is_open:
            return 0
        releasing = Releasing(self.programme, Judge(self.programme, self.now), tells=True, now=self.now)
        account = AccountKey(member.account_id, member.public_id)
        released = await releasing.release(self.connection, account, names)
        if released:
            await check_unchanged(self.connection, self.programme)
        return released

    async def edited(self, member: Member, released: int) -> Edited:
        names = await rows.external_ids(self.connection, self.programme.id, member.account_id)
        return Edited(member, tuple(names), released)


_Edit: TypeAlias = Callable[[_Editing], Awaitable[Edited]]


async def _edit(
    installation: Installation, programme_id: int, external_id: str, edit: _Edit, *, now: datetime
) -> Edited:
    """Also in a programme that is closed: what is known of a person can be put right at any time."""
    known = await installation.accounts.get(programme_id, identifier("customerExternalId", external_id))

    async def attempt(programme: ProgrammeSnapshot) -> Edited:
        async with installation.db.bare_transaction(programme_id) as connection:
            locked = await ledger.lock(connection, programme_id, [known.account_id])
            row = await rows.locked(connection, programme_id, locked.get(known.account_id, known.account_id))
            if row is None:
                raise errors.NotAMember
            return await edit(_Editing(connection, programme, member_of(row), now))

    async with installation.turns.turn(programme_id, known.account_id):
        for _ in range(_ATTEMPTS):
            programme = await installation.programmes.get(programme_id)
            try:
                return await retrying(partial(attempt, programme))
            except ProgrammeChangedError:
                installation.programmes.forget(programme_id)
    raise AssertionError(f"programme {programme_id} changed {_ATTEMPTS} times")


def _changed(programme: ProgrammeSnapshot, member: Member, changes: Mapping[str, Any], now: datetime) -> Member:
    """Raises InvalidInput."""
    object_of("", changes, FIELDS)
    after = member
    if "email" in changes:
        email = changes["email"]
        address = None if email is None else members_email("email", email)
        after = replace(after, email=address, email_verified=member.email_verified and address == member.email)
    if "emailVerified" in changes:
        verified = truth("emailVerified", changes["emailVerified"])
        if verified and after.email is None:
            raise errors.InvalidInput("emailVerified", "needs an email")
        after = replace(after, email_verified=verified)
    if "locale" in changes:
        after = replace(after, locale=checked_locale(programme, changes["locale"]))
    if "birthday" in changes:
        today = now.astimezone(programme.zone).date()
        after = replace(after, birthday=birthday("birthday", changes["birthday"], today))
    if "optIn" in changes:
        after = replace(after, notifications=after.notifications.said(truth("optIn", changes["optIn"]), now))
    return after


def _differing(before: Member, after: Member) -> list[str]:
    """Which fields of ``FIELDS`` have another value by now."""
    return [name for name, value in _values(after).items() if _values(before)[name] != value]


def _values(member: Member) -> dict[str, object]:
    return {
        "birthday": member.birthday,
        "email": member.email,
        "emailVerified": member.email_verified,
        "locale": member.locale,
        "optIn": member.notifications,
    }
