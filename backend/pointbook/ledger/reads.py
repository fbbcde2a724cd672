"""What a member has. Every read counts what the clock has made due, whether or not it is booked yet."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import asyncpg

from pointbook.db.session import Connection
from pointbook.domain import errors
from pointbook.ledger.answers import (
    AccountPage,
    Balance,
    EntryKind,
    ExpiringBatch,
    HistoryEntry,
    Hold,
    HoldState,
    PendingBatch,
    Standing,
)
from pointbook.ledger.rows import hold_of

_PAGE = "select * from ledger.account_page($1, $2, $3, $4, $5, $6)"
_BALANCE = "select * from ledger.balance($1, $2, $3, $4, $5)"
_EXPIRING = "select * from ledger.expiring($1, $2, $3, $4)"
_HISTORY = "select * from ledger.history($1, $2, $3, $4, $5)"
_OWN_HISTORY = "select * from ledger.own_history($1, $2, $3, $4, $5)"
_HOLDS = "select * from ledger.holds($1, $2, $3)"
_PENDING = """
with recursive way as (
    select account_id, merged_into, as_of from ledger.account where programme_id = $1 and account_id = $2
    union all
    select a.account_id, a.merged_into, a.as_of
    from way join ledger.account a on a.programme_id = $1 and a.account_id = way.merged_into
)
select l.available_from, sum(l.open)::bigint as points
from way
join ledger.lot l on l.programme_id = $1 and l.owner_id = way.account_id and l.live and l.open > 0
where way.merged_into is null and l.available_from > greatest($3, way.as_of)
group by l.available_from
order by l.available_from
limit 100
"""

_STANDING = """
with recursive standing as (
    select account_id, last_seq, merged_into, left_at
    from ledger.account
    where programme_id = $1 and account_id = $2
    union all
    select a.account_id, a.last_seq, a.merged_into, a.left_at
    from standing s
    join ledger.account a on a.programme_id = $1 and a.account_id = s.merged_into
)
select account_id, last_seq, nullif(least(
    (select min(available_from) from ledger.lot
        where programme_id = $1 and owner_id = standing.account_id and live and available_from > $3),
    (select min(expires_at) from ledger.lot
        where programme_id = $1 and owner_id = standing.account_id and live and expires_at > $3),
    (select min(expires_at) from ledger.hold
        where programme_id = $1 and owner_id = standing.account_id and state = 'held' and expires_at > $3)
), 'infinity') as next_at
from standing
where merged_into is null and left_at is null
"""
_SEQS = (
    "select account_id, last_seq from ledger.account where programme_id = $1 and account_id = any($2::bigint[])"
)
_HOLD_OF_ID = """
select answer.*
from (select code_hash from ledger.hold where programme_id = $1 and hold_id = $2 offset 0) as found
cross join lateral ledger.hold_of_code($1, found.code_hash, $3) as answer
"""


async def account_page(
    connection: Connection,
    programme_id: int,
    account_id: int,
    *,
    now: datetime,
    expiring_until: datetime,
    history: int,
    point_value: Decimal | None = None,
) -> AccountPage:
    """Balance, points that expire in (now, expiring_until], open holds and the newest entries: one statement.

    ``point_value``: as in HoldPoints. Raises NotAMember.
    """
    row = await connection.fetchrow(_PAGE, programme_id, account_id, now, expiring_until, history, point_value)
    balance = _balance(row)
    return AccountPage(
        account_id=row["account_id"],
        balance=balance,
        expiring=tuple(map(ExpiringBatch, row["expiring_at"], row["expiring_points"])),
        holds=tuple(
            Hold(
                hold_id,
                row["account_id"],
                cart,
                code_hash,
                last_four,
                points,
                value,
                created_at,
                expires_at,
                extensions,
                HoldState.HELD,
                None,
                None,
                None,
            )
            for hold_id, cart, code_hash, last_four, points, value, created_at, expires_at, extensions in zip(
                row["hold_id"],
                row["hold_cart"],
                row["hold_code_hash"],
                row["hold_last_four"],
                row["hold_points"],
                row["hold_value"],
                row["hold_created_at"],
                row["hold_expires_at"],
                row["hold_extensions"],
                strict=True,
            )
        ),
        history=tuple(
            HistoryEntry(seq, EntryKind(kind.upper()), *rest)
            for seq, kind, *rest in zip(
                row["entry_seq"],
                row["entry_kind"],
                row["entry_at"],
                row["entry_points"],
                row["entry_held"],
                row["entry_moved"],
                row["entry_source_type"],
                row["entry_source_id"],
                row["entry_hold_id"],
                strict=True,
            )
        ),
    )


async def balance(
    connection: Connection,
    programme_id: int,
    account_id: int,
    *,
    as_of: datetime | None = None,
    now: datetime,
    point_value: Decimal | None = None,
) -> Balance:
    """The balance at ``as_of`` (None = now). In the past: as it was; in the future: as the clock alone makes it.

    Raises NotAMember.
    """
    return _balance(await connection.fetchrow(_BALANCE, programme_id, account_id, as_of or now, now, point_value))


async def expiring(
    connection: Connection, programme_id: int, account_id: int, *, now: datetime, until: datetime
) -> list[ExpiringBatch]:
    """Batches that expire in (now, until], by date, without held points (R17)."""
    rows = await connection.fetch(_EXPIRING, programme_id, account_id, now, until)
    return [ExpiringBatch(row["expires_at"], row["points"]) for row in rows]


async def pending(
    connection: Connection, programme_id: int, account_id: int, *, now: datetime
) -> list[PendingBatch]:
    """At most 100 batches that are not available yet, the soonest first. The caller has named the programme.

    Stored figures are enough: whatever is due and not booked concerns lots that are available by now.
    """
    rows = await connection.fetch(_PENDING, programme_id, account_id, now)
    return [PendingBatch(row["available_from"], row["points"]) for row in rows]


async def history(
    connection: Connection,
    programme_id: int,
    account_id: int,
    *,
    now: datetime,
    first: int,
    before_seq: int | None = None,
) -> list[HistoryEntry]:
    """At most ``first`` entries, newest first, with a seq below ``before_seq``; of a merged one, its target's."""
    rows = await connection.fetch(_HISTORY, programme_id, account_id, now, first, before_seq)
    return [_entry(row) for row in rows]


async def own_history(
    connection: Connection,
    programme_id: int,
    account_id: int,
    *,
    now: datetime,
    first: int,
    before_seq: int | None = None,
) -> list[HistoryEntry]:
    """As ``history``, of this account alone: of one that was merged, what it was before."""
    rows = await connection.fetch(_OWN_HISTORY, programme_id, account_id, now, first, before_seq)
    return [_entry(row) for row in rows]


async def holds(connection: Connection, programme_id: int, account_id: int, *, now: datetime) -> list[Hold]:
    """The open holds, oldest first."""
    rows = await connection.fetch(_HOLDS, programme_id, account_id, now)
    return [hold_of(row) for row in rows]


async def standing(connection: Connection, programme_id: int, account_id: int, *, now: datetime) -> Standing:
    """How an account stands, read in a transaction of its programme. Raises NotAMember, also for who has left."""
    row = await connection.fetchrow(_STANDING, programme_id, account_id, now)
    if row is None:
        raise errors.NotAMember
    return Standing(row["account_id"], row["last_seq"], row["next_at"])


async def seqs(connection: Connection, programme_id: int, account_ids: Iterable[int]) -> dict[int, int]:
    """The numbers of the newest entries of accounts, in a transaction of their programme."""
    rows = await connection.fetch(_SEQS, programme_id, list(account_ids))
    return {row["account_id"]: row["last_seq"] for row in rows}


async def hold_of_id(connection: Connection, programme_id: int, hold_id: UUID, *, now: datetime) -> Hold | None:
    """A hold as it is, in a transaction of its programme; past its end it is LAPSED, whether or not booked."""
    row = await connection.fetchrow(_HOLD_OF_ID, programme_id, hold_id, now)
    return None if row is None else hold_of(row)


def _balance(row: asyncpg.Record | None) -> Balance:
    if row is None:
        raise errors.NotAMember
    return Balance(row["available"], row["pending"], row["held"], row["debt"], row["available"], row["value"])


def _entry(row: asyncpg.Record) -> HistoryEntry:
    return HistoryEntry(
        row["seq"],
        EntryKind(row["kind"].upper()),
        row["at"],
        row["points"],
        row["held"],
        row["moved"],
        row["source_type"],
        row["source_id"],
        row["hold_id"],
    )
