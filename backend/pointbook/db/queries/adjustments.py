"""Adjustments with their member, whoever made them, and what undid them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from pointbook.db.session import Connection
from pointbook.domain.adjustments import Terms


class Place(NamedTuple):
    """Where a page ended: when the adjustment was made, and its internal id."""

    at: datetime
    id: int


@dataclass(frozen=True, slots=True)
class Criteria:
    """Which adjustments: all that is given has to hold. ``made_to`` is the first instant that is too late."""

    account_id: int | None = None
    made_from: datetime | None = None
    made_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewAdjustment:
    """What is said of the entry (account_id, seq). ``undoes`` is an internal id."""

    public_id: UUID
    account_id: int
    seq: int
    terms: Terms
    made_by: str
    undoes: int | None
    request: bytes
    request_input: bytes


async def insert(connection: Connection, programme_id: int, new: NewAdjustment, *, now: datetime) -> Any:
    """The row as ``find`` answers it."""
    await connection.execute(
        _INSERT,
        programme_id,
        new.public_id,
        new.account_id,
        new.seq,
        now,
        new.terms.points,
        new.terms.description,
        new.terms.internal_note,
        new.made_by,
        new.undoes,
        new.request,
        new.request_input,
    )
    return await find(connection, programme_id, new.public_id)


async def find(connection: Connection, programme_id: int, public_id: UUID) -> Any | None:
    return await connection.fetchrow(f"{_ADJUSTMENTS} and one.public_id = $2", programme_id, public_id)


async def is_available(connection: Connection, programme_id: int, adjustment: Any, *, now: datetime) -> bool:
    """Whether the time of the lot that a plus made has come, and is not over."""
    found: bool = await connection.fetchval(
        _AVAILABLE, programme_id, adjustment["of_account_id"], adjustment["seq"], now
    )
    return found


async def made_by_request(connection: Connection, programme_id: int, request: bytes) -> Any | None:
    return await connection.fetchrow(f"{_ADJUSTMENTS} and one.request = $2", programme_id, request)


async def of_entries(connection: Connection, programme_id: int, account_id: int, seqs: Sequence[int]) -> list[Any]:
    """Those of some entries of an account."""
    statement = f"{_ADJUSTMENTS} and {_ENTRY_ACCOUNT} = $2 and one.seq = any($3::bigint[])"
    return list(await connection.fetch(statement, programme_id, account_id, list(seqs)))


async def list_adjustments(
    connection: Connection, programme_id: int, criteria: Criteria, *, before: Place | None, most: int
) -> list[Any]:
    """The newest first, made before that place."""
    arguments = (criteria.account_id, criteria.made_from, criteria.made_to)
    statement = f"{_ADJUSTMENTS} {_CRITERIA} order by one.at desc, one.id desc limit $7"
    return list(await connection.fetch(statement, programme_id, *arguments, *(before or (None, None)), most))


_AVAILABLE: Final = """
select exists (
    select from ledger.lot
    where programme_id = $1 and account_id = $2 and seq = $3 and available_from <= $4 and expires_at > $4)
"""

ACCOUNT_OF: Final = "select account_id from adjustment where programme_id = $1 and public_id = $2"
"""Whose it is: that of the entry, or of a merge's target."""

_INSERT: Final = """
insert into adjustment
    (programme_id, public_id, account_id, seq, at, points, description, internal_note, made_by, undoes, request,
    request_input)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""

_ENTRY_ACCOUNT: Final = "coalesce(one.entry_account_id, one.account_id)"

_ADJUSTMENTS: Final = """
select
    one.*, account.public_id as account, entry_account.account_id as of_account_id,
    entry_account.public_id as entry_account, undone.public_id as undoes_id, counter.public_id as undone_by,
    counter.request as undone_by_request,
    counter.request_input as undone_by_input, api_key.label,
    array(
        select name.external_id from member_external_id as name
        where name.programme_id = $1 and name.account_id = one.account_id order by 1
    ) as customers
from adjustment as one
join ledger.account as account on account.programme_id = $1 and account.account_id = one.account_id
join ledger.account as entry_account
    on entry_account.programme_id = $1
    and entry_account.account_id = coalesce(one.entry_account_id, one.account_id)
left join adjustment as undone on undone.programme_id = $1 and undone.id = one.undoes
left join adjustment as counter on counter.programme_id = $1 and counter.undoes = one.id
left join api_key
    on api_key.programme_id = one.programme_id and api_key.key_id::text = split_part(one.made_by, ':', 2)
where one.programme_id = $1
"""

_CRITERIA: Final = """
    and ($2::bigint is null or one.account_id = ledger.stands_for($1, $2))
    and ($3::timestamptz is null or one.at >= $3)
    and ($4::timestamptz is null or one.at < $4)
    and ($5::timestamptz is null or (one.at, one.id) < ($5::timestamptz, $6::bigint))
"""
