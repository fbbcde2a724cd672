"""The rows of members, for whoever has locked their accounts."""

from collections.abc import Iterable
from typing import Any, Protocol

from pointbook.db.session import Connection


class _Notifications(Protocol):
    @property
    def opt_in(self) -> bool: ...
    @property
    def since(self) -> Any: ...


class _Member(Protocol):
    @property
    def account_id(self) -> int: ...
    @property
    def email(self) -> str | None: ...
    @property
    def email_verified(self) -> bool: ...
    @property
    def locale(self) -> str | None: ...
    @property
    def birthday(self) -> Any: ...
    @property
    def notifications(self) -> _Notifications: ...


async def locked(connection: Connection, programme_id: int, account_id: int) -> Any | None:
    """The row of a member, locked until the transaction ends; None of one who was merged or has left."""
    return await connection.fetchrow(_LOCKED, programme_id, account_id)


async def account_of(connection: Connection, programme_id: int, public_id: str) -> int | None:
    """The account of who is known by this opaque id, also of one who was merged or has left."""
    account_id: int | None = await connection.fetchval(_ACCOUNT_OF, programme_id, public_id)
    return account_id


async def update(connection: Connection, programme_id: int, member: _Member) -> None:
    """Write what a member is known by, and what they want."""
    await connection.execute(
        _UPDATE,
        programme_id,
        member.account_id,
        member.email,
        member.email_verified,
        member.locale,
        member.birthday,
        member.notifications.opt_in,
        member.notifications.since,
    )


async def name(connection: Connection, programme_id: int, external_id: str, account_id: int) -> None:
    """The shop's customer, whose id is locked, is this member."""
    await connection.execute(_NAME, programme_id, external_id, account_id)


async def external_ids(connection: Connection, programme_id: int, account_id: int) -> list[str]:
    rows = await connection.fetch(_EXTERNAL_IDS, programme_id, account_id)
    return [row["external_id"] for row in rows]


async def who_left(connection: Connection, programme_id: int, account_ids: Iterable[int]) -> set[int]:
    """Those of the accounts whose member has left, also as another with whom they were merged."""
    rows = await connection.fetch(_WHO_LEFT, programme_id, list(account_ids))
    return {row["account_id"] for row in rows}


_LOCKED = """
select * from member
where programme_id = $1 and account_id = $2 and state in ('ACTIVE', 'INACTIVE')
for no key update
"""

_ACCOUNT_OF = "select account_id from member where programme_id = $1 and public_id = $2::text::uuid"

_UPDATE = """
update member
set email = $3, email_verified = $4, locale = $5, birthday = $6, notices = $7, notices_since = $8
where programme_id = $1 and account_id = $2
"""

_NAME = "update member_external_id set account_id = $3 where programme_id = $1 and external_id = $2"

_EXTERNAL_IDS = """
select external_id from member_external_id where programme_id = $1 and account_id = $2 order by 1
"""

_WHO_LEFT = """
select asked.account_id
from unnest($2::bigint[]) as asked (account_id)
cross join lateral (
    select * from ledger.account as a where a.programme_id = $1 and a.account_id = asked.account_id
    limit 1  -- looked up row by row: without statistics a join reads the whole table
) as own
where own.left_at is not null or own.merged_into is not null and exists (
    select from ledger.account as a
    where a.programme_id = $1 and a.account_id = ledger.stands_for($1, asked.account_id) and a.left_at is not null
)
"""
