"""Members as the staff look at them: found, listed, with balance and history. Reads only."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pointbook import ledger
from pointbook.db.queries import member_views as rows
from pointbook.db.queries.member_views import At, Criteria, Place
from pointbook.domain import text
from pointbook.domain.errors import InvalidInput
from pointbook.ledger import Balance, HistoryEntry
from pointbook.services.installation import Installation
from pointbook.services.members import PRESENT, MemberState, Notifications, notifications_of

__all__ = ["MemberView", "Place", "Wanted", "find_member", "history_of", "list_members", "views_of"]


@dataclass(frozen=True, slots=True)
class MemberView:
    """A member as of an instant. ``account_id`` stays inside; ``external_ids`` are the shop's."""

    account_id: int
    public_id: UUID
    external_ids: tuple[str, ...]
    email: str | None
    email_verified: bool
    email_refused_at: datetime | None
    locale: str | None
    joined_at: datetime
    state: MemberState
    redemption_locked: bool
    sign_up_points: int
    birthday: date | None
    notifications: Notifications
    balance: Balance

    @property
    def place(self) -> Place:
        return Place(self.joined_at, self.account_id)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which members: all that is given has to hold. ``search``: an external id, the public id, or how
    an e-mail begins.

    ``joined_to`` is too late. Without ``state`` those who are members; who merged or left is found by asking so,
    or by the public id, which the audit and events name.
    """

    search: str | None = None
    state: MemberState | None = None
    redemption_locked: bool | None = None
    opted_in: bool | None = None
    joined_from: datetime | None = None
    joined_to: datetime | None = None
    oldest_first: bool = False


async def find_member(
    installation: Installation, programme_id: int, external_id: str, *, now: datetime
) -> MemberView | None:
    """Raises InvalidInput for what cannot be an id."""
    text.identifier("customerExternalId", external_id)
    at = await _at(installation, programme_id, now)
    async with installation.db.bare_transaction(programme_id) as connection:
        row = await rows.find_member(connection, programme_id, external_id, at)
    return None if row is None else _member(row)


async def list_members(
    installation: Installation,
    programme_id: int,
    wanted: Wanted,
    *,
    after: Place | None = None,
    most: int,
    now: datetime,
) -> list[MemberView]:
    """By when they joined, the newest first unless ``wanted`` says otherwise. Raises InvalidInput."""
    search = text.optional_identifier("filter.search", wanted.search, text.MAX_EMAIL)
    if wanted.joined_from and wanted.joined_to and wanted.joined_to <= wanted.joined_from:
        raise InvalidInput("filter.joinedTo", "must be after joinedFrom")
    public_id = None if search is None else _public_id(search)
    states = PRESENT if public_id is None else tuple(MemberState)
    criteria = Criteria(
        external_id=search,
        email_prefix=None if search is None else unicodedata.normalize("NFC", search.lower()),
        public_id=public_id,
        states=states if wanted.state is None else (wanted.state,),
        redemption_locked=wanted.redemption_locked,
        opted_in=wanted.opted_in,
        joined_from=wanted.joined_from,
        joined_to=wanted.joined_to,
        oldest_first=wanted.oldest_first,
    )
    at = await _at(installation, programme_id, now)
    async with installation.db.bare_transaction(programme_id) as connection:
        found = await rows.list_members(connection, programme_id, criteria, at, after=after, most=most)
    return [_member(row) for row in found]


def _public_id(search: str) -> UUID | None:
    return UUID(hex=search) if re.fullmatch("[0-9a-f]{32}", search) else None


async def views_of(
    installation: Installation, programme_id: int, account_ids: Iterable[int], *, now: datetime
) -> dict[int, MemberView]:
    """Members by their accounts, also those who were merged or have left."""
    if not (ids := sorted(set(account_ids))):
        return {}
    at = await _at(installation, programme_id, now)
    async with installation.db.bare_transaction(programme_id) as connection:
        found = await rows.of_accounts(connection, programme_id, ids, at)
    return {row["account_id"]: _member(row) for row in found}


async def history_of(
    installation: Installation,
    programme_id: int,
    account_id: int,
    *,
    first: int,
    before_seq: int | None,
    now: datetime,
) -> list[HistoryEntry]:
    """At most ``first`` entries, newest first, older than ``before_seq``; of a merged member those until then."""
    return await installation.db.one_statement(
        lambda connection: ledger.own_history(
            connection, programme_id, account_id, now=now, first=first, before_seq=before_seq
        )
    )


async def _at(installation: Installation, programme_id: int, now: datetime) -> At:
    programme = await installation.programmes.get(programme_id)
    return At(now, programme.settings_at(now).current_point_value)


def _member(row: Any) -> MemberView:
    return MemberView(
        account_id=row["account_id"],
        public_id=row["public_id"],
        external_ids=tuple(row["external_ids"]),
        email=row["email"],
        email_verified=row["email_verified"],
        email_refused_at=row["email_refused_at"],
        locale=row["locale"],
        joined_at=row["joined_at"],
        state=MemberState(row["state"]),
        redemption_locked=row["redemption_locked"],
        sign_up_points=row["sign_up_points"],
        birthday=row["birthday"],
        notifications=notifications_of(row),
        balance=Balance(
            row["available"], row["pending"], row["held"], row["debt"], row["available"], row["value"]
        ),
    )
