"""Members: found, and told apart by what they may do. Joining has a module of its own."""

import enum
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pointbook import ledger
from pointbook.db.retry import retrying
from pointbook.domain import errors
from pointbook.domain.text import email_address
from pointbook.services.installation import Installation


class MemberState(enum.StrEnum):
    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"
    """Neither earns nor spends."""


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


async def find_member(installation: Installation, programme_id: int, external_id: str) -> Member | None:
    """The member whom the shop calls ``external_id``; None: has not joined."""
    row = await installation.db.one_row(programme_id, MEMBER_OF_EXTERNAL_ID, programme_id, external_id)
    return None if row is None else member_of(row)


async def set_state(
    installation: Installation, programme_id: int, external_id: str, state: MemberState, *, now: datetime
) -> Member:
    """An inactive member neither earns nor spends; open holds stay (R14). Raises NotAMember."""
    return await _restrict(installation, programme_id, external_id, {"state": state}, now)


async def set_redemption_lock(
    installation: Installation, programme_id: int, external_id: str, *, locked: bool, now: datetime
) -> Member:
    """A locked member earns and cannot spend; open holds stay. Raises NotAMember."""
    return await _restrict(installation, programme_id, external_id, {"redemption_locked": locked}, now)


def normalised_email(field: str, address: str) -> str:
    """Two spellings of one address are one: people do not remember how they wrote it. Raises InvalidInput."""
    return unicodedata.normalize("NFC", email_address(field, address)).casefold()


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
    )


async def _restrict(
    installation: Installation, programme_id: int, external_id: str, change: dict[str, Any], now: datetime
) -> Member:
    account = await installation.accounts.get(programme_id, external_id)

    async def call() -> Member:
        async with installation.db.bare_transaction(programme_id) as connection:
            await ledger.lock(connection, programme_id, [account.account_id])
            row = await connection.fetchrow(
                _RESTRICT, programme_id, account.account_id, change.get("state"), change.get("redemption_locked")
            )
            if row is None:
                raise errors.NotAMember
            member = member_of(row)
            active = member.state is MemberState.ACTIVE
            await ledger.restrict(
                connection,
                programme_id,
                account.account_id,
                may_earn=active,
                may_spend=active and not member.redemption_locked,
                now=now,
            )
            return member

    async with installation.turns.turn(programme_id, account.account_id):
        return await retrying(call)


MEMBER_OF_EXTERNAL_ID = """
select member.*
from member_external_id as known
join member on member.programme_id = known.programme_id and member.account_id = known.account_id
where known.programme_id = $1 and known.external_id = $2
"""

_RESTRICT = """
update member
set state = coalesce($3, state), redemption_locked = coalesce($4, redemption_locked)
where programme_id = $1 and account_id = $2
returning *
"""
