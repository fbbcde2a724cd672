"""Members as the staff look for them, each with its balance, a page in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

from pointbook.db.session import Connection


class Place(NamedTuple):
    """Where a page ended: when the member joined, and the account's internal id."""

    at: datetime
    id: int


@dataclass(frozen=True, slots=True)
class Criteria:
    """Which members: all that is given has to hold. ``external_id``, ``email_prefix`` or ``public_id`` is one
    question.

    ``joined_to`` is the first instant that is too late.
    """

    states: Sequence[str]
    redemption_locked: bool | None = None
    opted_in: bool | None = None
    external_id: str | None = None
    email_prefix: str | None = None
    public_id: UUID | None = None
    joined_from: datetime | None = None
    joined_to: datetime | None = None
    oldest_first: bool = False


@dataclass(frozen=True, slots=True)
class At:
    """The instant of the balances, and today's value of a point, if it is the same for all lots."""

    now: datetime
    point_value: Decimal | None


async def list_members(
    connection: Connection, programme_id: int, criteria: Criteria, at: At, *, after: Place | None, most: int
) -> list[Any]:
    """In order of when they joined, the newest first unless ``criteria`` says otherwise."""
    arguments: list[Any] = [programme_id, at.now, at.point_value, most]
    conditions: list[str] = []

    def where(condition: str, *values: object) -> None:
        numbers = [f"${len(arguments) + number}" for number in range(1, len(values) + 1)]
        arguments.extend(values)
        conditions.append(f" and {condition.format(*numbers)}")

    direction, beyond = ("asc", ">") if criteria.oldest_first else ("desc", "<")
    if after is not None:
        where(f"(m.joined_at, m.account_id) {beyond} ({{}}::timestamptz, {{}}::bigint)", *after)
    if criteria.external_id is not None:
        prefix = f"{_literal(criteria.email_prefix or '')}%"
        where(_FOUND, criteria.external_id, prefix, criteria.public_id)
    where("m.state = any({})", list(criteria.states))
    if criteria.redemption_locked is not None:
        where("m.redemption_locked = {}", criteria.redemption_locked)
    if criteria.opted_in is not None:
        where("m.notices = {}", criteria.opted_in)
    if criteria.joined_from is not None:
        where("m.joined_at >= {}", criteria.joined_from)
    if criteria.joined_to is not None:
        where("m.joined_at < {}", criteria.joined_to)
    order = f"order by joined_at {direction}, account_id {direction}"
    statement = _MEMBERS.format(conditions="".join(conditions), order=order)
    return list(await connection.fetch(statement, *arguments))


async def find_member(connection: Connection, programme_id: int, external_id: str, at: At) -> Any | None:
    statement = _MEMBERS.format(conditions=_NAMED, order="")
    return await connection.fetchrow(statement, programme_id, at.now, at.point_value, 1, external_id)


async def of_accounts(connection: Connection, programme_id: int, account_ids: Sequence[int], at: At) -> list[Any]:
    """Also of members who were merged or have left."""
    statement = _MEMBERS.format(conditions="and m.account_id = any($5::bigint[])", order="")
    ids = list(account_ids)
    return list(await connection.fetch(statement, programme_id, at.now, at.point_value, len(ids), ids))


def _literal(prefix: str) -> str:
    """A text that stands for itself in a pattern of ``like``."""
    return prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


# The page is cut before any balance is read.
_MEMBERS: Final = """
with m as (
    select m.* from member as m where m.programme_id = $1 {conditions} {order} limit $4
)
select
    m.*, own.available, own.pending, own.held, own.debt, own.value,
    array(
        select name.external_id from member_external_id as name
        where name.programme_id = $1 and name.account_id = m.account_id order by 1
    ) as external_ids,
    (
        select refusal.refused_at from mail_refusal as refusal
        where refusal.programme_id = $1 and refusal.account_id = m.account_id and refusal.email = m.email
    ) as email_refused_at
from m
cross join lateral (
    select * from ledger.balance($1, m.account_id, $2, $2, $3) where m.state <> 'MERGED'
    union all
    select 0, 0, 0, 0, 0 where m.state = 'MERGED'  -- what it had is another's
) as own
{order}
"""

_NAMED: Final = """
    and m.account_id = (
        select name.account_id from member_external_id as name
        where name.programme_id = $1 and name.external_id = $5
    )
"""

_FOUND: Final = """
    m.account_id in (
        select name.account_id from member_external_id as name
        where name.programme_id = $1 and name.external_id = {}
        union
        select known.account_id from member as known where known.programme_id = $1 and known.email like {}
        union
        select known.account_id from member as known where known.programme_id = $1 and known.public_id = {}::uuid
    )
"""
