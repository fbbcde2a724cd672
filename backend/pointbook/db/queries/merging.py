"""Merge requests, whose they are, and the rows that become the target's by a merge."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from pointbook.db.session import Connection
from pointbook.domain.merging import MergeState


@dataclass(frozen=True, slots=True)
class NewMergeRequest:
    public_id: UUID
    account_id: int
    email: str
    token_digest: bytes
    requested_at: datetime
    expires_at: datetime
    request: bytes
    request_input: bytes


@dataclass(frozen=True, slots=True)
class MergeRequestRow:
    """``account`` and ``source``: the public ids. ``is_void``: one of the two has left, or was merged."""

    id: int
    public_id: UUID
    account_id: int
    account: UUID
    email: str | None
    source_account_id: int | None
    source: UUID | None
    state: str
    requested_at: datetime
    expires_at: datetime
    verified_at: datetime | None
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None
    is_void: bool


class Place(NamedTuple):
    """Where a page ended: when the request was made, and its internal id."""

    at: datetime
    id: int


class Candidate(NamedTuple):
    """A member whom an address names."""

    account_id: int
    public_id: UUID
    locale: str | None


async def open_of(connection: Connection, programme_id: int, account_id: int, *, now: datetime) -> int:
    """How many requests of the member are open."""
    count: int = await connection.fetchval(_OPEN_OF, programme_id, account_id, now)
    return count


async def name_address(  # what is counted
    connection: Connection, programme_id: int, email_digest: bytes, *, most: int, since: datetime, now: datetime
) -> bool:
    """Count that a request names the address; False: ``most`` did after ``since``.

    Locks the row of the address until the transaction ends. Rows of addresses that nobody named since go.
    """
    await connection.execute(_FORGET_ADDRESSES, programme_id, since)
    return await connection.fetchval(_NAME_ADDRESS, programme_id, email_digest, now, since, most) is not None


async def made_by_request(connection: Connection, programme_id: int, request: bytes) -> tuple[UUID, bytes] | None:
    """The public id of the request that a call made, and what the call said."""
    row = await connection.fetchrow(_MADE_BY, programme_id, request)
    return None if row is None else (row["public_id"], row["request_input"])


async def add(connection: Connection, programme_id: int, new: NewMergeRequest) -> None:
    await connection.execute(
        _ADD,
        programme_id,
        new.public_id,
        new.account_id,
        new.email,
        new.token_digest,
        new.requested_at,
        new.expires_at,
        new.request,
        new.request_input,
    )


async def find(connection: Connection, programme_id: int, public_id: UUID) -> MergeRequestRow | None:
    row = await connection.fetchrow(f"{_REQUESTS} and one.public_id = $2", programme_id, public_id)
    return None if row is None else MergeRequestRow(**row)


async def lock(connection: Connection, programme_id: int, public_id: UUID) -> MergeRequestRow | None:
    """The request as it stands until the transaction ends."""
    if await connection.fetchrow(_LOCK, programme_id, public_id) is None:
        return None
    return await find(connection, programme_id, public_id)


async def list_requests(  # what a list is asked by
    connection: Connection,
    programme_id: int,
    *,
    account_id: int | None = None,
    state: MergeState | None = None,
    before: Place | None = None,
    most: int,
    now: datetime,
) -> list[MergeRequestRow]:
    """The newest first."""
    at, number = before or (None, None)
    wanted = None if state is None else state.value
    rows = await connection.fetch(_LIST, programme_id, account_id, wanted, at, number, most, now)
    return [MergeRequestRow(**row) for row in rows]


async def token_digest(connection: Connection, programme_id: int, public_id: UUID) -> bytes | None:
    digest: bytes | None = await connection.fetchval(_TOKEN, programme_id, public_id)
    return digest


async def members_of_email(connection: Connection, programme_id: int, email: str, *, but: int) -> list[Candidate]:
    """Those who are members and have the address, without the account ``but``.

    Most likely meant first: whose address is verified, then who has been a member longest.
    """
    rows = await connection.fetch(_OF_EMAIL, programme_id, email, but)
    return [Candidate(*row) for row in rows]


async def verify(  # what is written
    connection: Connection,
    programme_id: int,
    request_id: int,
    *,
    source_account_id: int,
    expires_at: datetime,
    now: datetime,
) -> None:
    await connection.execute(_VERIFY, programme_id, request_id, source_account_id, expires_at, now)


async def decide(  # what is written
    connection: Connection,
    programme_id: int,
    request_id: int,
    state: MergeState,
    *,
    by: str,
    reason: str | None = None,
    now: datetime,
) -> None:
    await connection.execute(_DECIDE, programme_id, request_id, state.value, now, by, reason)


async def follow(connection: Connection, programme_id: int, target: int, source: int) -> None:
    """Whatever was the merged account's is the target's from now on; both are locked.

    Entries stay: a row that names one by its number keeps the account that it was of.
    """
    for statement in _FOLLOW:
        await connection.execute(statement, programme_id, source, target)


async def end_member(connection: Connection, programme_id: int, source: int, target: int, *, locked: bool) -> None:
    """The source is a member no more, and nothing personal is kept; ``locked``: nor may the target redeem."""
    await connection.execute(_END, programme_id, source)
    await connection.execute(_FORGET_REFUSAL, programme_id, source)
    if locked:
        await connection.execute(_LOCK_REDEMPTION, programme_id, target)


async def take_over_email(connection: Connection, programme_id: int, account_id: int, email: str) -> None:
    """The address that was proved is the member's, if they had none."""
    await connection.execute(_TAKE_OVER_EMAIL, programme_id, account_id, email)


_OPEN_OF: Final = """
select count(*) from merge_request as one
left join member as other on other.programme_id = $1 and other.account_id = one.source_account_id
where one.programme_id = $1 and one.account_id = $2 and one.state in ('REQUESTED', 'VERIFIED')
    and one.expires_at > $3 and coalesce(other.state in ('ACTIVE', 'INACTIVE') and other.account_id <> $2, true)
"""

_NAME_ADDRESS: Final = """
insert into merge_address as known (programme_id, email_digest, named_at) values ($1, $2, array[$3::timestamptz])
on conflict (programme_id, email_digest) do update
set named_at = array(select at from unnest(known.named_at) as at where at > $4) || excluded.named_at
where (select count(*) from unnest(known.named_at) as at where at > $4) < $5
returning true
"""

# A row that is locked is being named again.
_FORGET_ADDRESSES: Final = """
delete from merge_address
where programme_id = $1 and email_digest in (
    select email_digest from merge_address
    where programme_id = $1 and $2 >= all(named_at)
    limit 100
    for update skip locked
)
"""

_MADE_BY: Final = "select public_id, request_input from merge_request where programme_id = $1 and request = $2"

_ADD: Final = """
insert into merge_request
    (programme_id, public_id, account_id, email, token_digest, requested_at, expires_at, request, request_input)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""

# Whom an address names is not known before it is proved: a request for it waits as if nobody had it.
_IS_VOID: Final = """
(
    target.state not in ('ACTIVE', 'INACTIVE')
    or coalesce(source.state not in ('ACTIVE', 'INACTIVE') or source.account_id = target.account_id, false)
)
"""

_REQUESTS: Final = f"""
select
    one.id, one.public_id, one.account_id, target.public_id as account, one.email, one.source_account_id,
    source.public_id as source, one.state, one.requested_at, one.expires_at, one.verified_at, one.decided_at,
    one.decided_by, one.reason, {_IS_VOID} as is_void
from merge_request as one
join member as target on target.programme_id = $1 and target.account_id = one.account_id
left join member as source on source.programme_id = $1 and source.account_id = one.source_account_id
where one.programme_id = $1
"""  # noqa: S608  # the condition above

_LOCK: Final = "select from merge_request where programme_id = $1 and public_id = $2 for no key update"

_LIST: Final = f"""
{_REQUESTS}
    and ($2::bigint is null or one.account_id = ledger.stands_for($1, $2))
    and ($3::text is null or $3 = case
        when one.state in ('REQUESTED', 'VERIFIED') and (one.expires_at <= $7 or {_IS_VOID}) then 'EXPIRED'
        else one.state
    end)
    and ($4::timestamptz is null or (one.requested_at, one.id) < ($4::timestamptz, $5::bigint))
order by one.requested_at desc, one.id desc
limit $6
"""

_TOKEN: Final = "select token_digest from merge_request where programme_id = $1 and public_id = $2"  # noqa: S105

_OF_EMAIL: Final = """
select account_id, public_id, locale from member
where programme_id = $1 and email = $2 and state in ('ACTIVE', 'INACTIVE') and account_id <> $3
order by email_verified desc, joined_at, account_id
"""

_VERIFY: Final = """
update merge_request set state = 'VERIFIED', source_account_id = $3, expires_at = $4, verified_at = $5
where programme_id = $1 and id = $2
"""

_DECIDE: Final = """
update merge_request set state = $3, decided_at = $4, decided_by = $5, reason = $6
where programme_id = $1 and id = $2
"""

_FOLLOW: Final = (
    "update member_external_id set account_id = $3 where programme_id = $1 and account_id = $2",
    "update sales_order set account_id = $3 where programme_id = $1 and account_id = $2",
    """
    update order_occurrence as former set account_id = $3
    from sales_order as known
    where known.programme_id = $1 and known.account_id = $3
        and former.programme_id = $1 and former.order_external_id = known.external_id and former.account_id = $2
    """,
    "update booking set account_id = $3 where programme_id = $1 and account_id = $2",
    """
    update booking_occurrence as earned set account_id = $3
    from booking as known
    where known.programme_id = $1 and known.account_id = $3
        and earned.programme_id = $1 and earned.booking_external_id = known.external_id and earned.account_id = $2
    """,
    "update gift_card set account_id = $3 where programme_id = $1 and account_id = $2",
    """
    update exchange_order set account_id = $3, entry_account_id = coalesce(entry_account_id, $2)
    where programme_id = $1 and account_id = $2
    """,
    """
    update adjustment set account_id = $3, entry_account_id = coalesce(entry_account_id, $2)
    where programme_id = $1 and account_id = $2
    """,
    """
    with former as (
        delete from rule_count where programme_id = $1 and account_id = $2 returning rule_key, bucket, points
    )
    insert into rule_count as known (programme_id, account_id, rule_key, bucket, points)
    select $1, $3, rule_key, bucket, points from former
    on conflict (programme_id, account_id, rule_key, bucket) do update set points = known.points + excluded.points
    """,
    "update merge_request set account_id = $3 where programme_id = $1 and account_id = $2",
)

_END: Final = """
update member
set state = 'MERGED', email = null, email_verified = false, birthday = null, notices = false
where programme_id = $1 and account_id = $2
"""

_FORGET_REFUSAL: Final = "delete from mail_refusal where programme_id = $1 and account_id = $2"

_TAKE_OVER_EMAIL: Final = """
update member set email = $3, email_verified = true where programme_id = $1 and account_id = $2 and email is null
"""

_LOCK_REDEMPTION: Final = "update member set redemption_locked = true where programme_id = $1 and account_id = $2"
