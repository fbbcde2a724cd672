"""Notices that were promised and sent, whom they go to, and what a programme says of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from pointbook.db.session import Connection


@dataclass(frozen=True, slots=True)
class RecipientRow:
    """The member that stands for an account by now. ``refused``: mail servers take nothing for ``email``."""

    account_id: int
    public_id: UUID
    email: str | None
    locale: str | None
    notices: bool
    state: str
    sign_up_points: int
    refused: bool


async def insert(
    connection: Connection, programme_id: int, kind: str, abouts: list[str], *, now: datetime
) -> frozenset[str]:
    """Remember that these are promised; answers those that were not before."""
    found = await connection.fetch(_INSERT, programme_id, kind, abouts, now)
    return frozenset(row["about"] for row in found)


async def follow(connection: Connection, programme_id: int, abouts: Mapping[str, str], *, now: datetime) -> None:
    """What was told under one name counts under the other as well; what is promised under the one is promised
    under the other, whatever became of that before.

    Whoever settles the one meanwhile waits until the transaction ends.
    """
    await connection.execute(_FOLLOW, programme_id, list(abouts), list(abouts.values()), now)


async def withdraw(connection: Connection, programme_id: int, abouts: list[str]) -> None:
    """Forget that these were promised: they may be anew."""
    await connection.execute(_WITHDRAW, programme_id, abouts)


async def settled(connection: Connection, programme_id: int, abouts: list[str]) -> frozenset[str]:
    """Those of which it is written down what became of them."""
    found = await connection.fetch(_SETTLED, programme_id, abouts)
    return frozenset(row["about"] for row in found)


async def settle(
    connection: Connection, programme_id: int, kind: str, about: str, outcome: str, *, now: datetime
) -> None:
    """Write down what became of it, promised before or not; once it stands there, it stays."""
    await connection.execute(_SETTLE, programme_id, kind, about, outcome, now)


async def recipient(connection: Connection, programme_id: int, public_id: UUID) -> RecipientRow | None:
    """Whoever has what the account with this id had: a merged account leads on."""
    row = await connection.fetchrow(_RECIPIENT, programme_id, public_id)
    return None if row is None else RecipientRow(**row)


async def wanting(connection: Connection, programme_id: int, public_ids: list[UUID]) -> frozenset[UUID]:
    """Of these accounts those whose members want notices; of a merged one, that is asked when a mail is due."""
    return frozenset(row["public_id"] for row in await connection.fetch(_WANTING, programme_id, public_ids))


async def end_notices(connection: Connection, programme_id: int, account_id: int, *, now: datetime) -> Any | None:
    """The member's row; None: they wanted none."""
    return await connection.fetchrow(_END_NOTICES, programme_id, account_id, now)


async def lock_round(connection: Connection, programme_id: int, day: date) -> int | None:
    """The account after which the round of this local day goes on, 0 at its start; None: it is done.

    The round stays as it is until the transaction ends.
    """
    await connection.execute(_BEGIN_ROUND, programme_id, day)
    row = await connection.fetchrow(_LOCK_ROUND, programme_id)
    assert row is not None, "it was just written"
    if row["day"] < day:
        return 0
    after: int | None = row["after_account"] if row["day"] == day else None
    return after


async def keep_round(connection: Connection, programme_id: int, day: date, after_account: int | None) -> None:
    """The account that a locked round has come to; None: it is done."""
    await connection.execute(_KEEP_ROUND, programme_id, day, after_account)


async def wanting_after(
    connection: Connection, programme_id: int, after_account: int, *, most: int
) -> dict[int, UUID]:
    """Public ids by account of the next members, in order of the account, who want notices, can have them and may
    spend points.
    """
    found = await connection.fetch(_WANTING_AFTER, programme_id, after_account, most)
    return {row["account_id"]: row["public_id"] for row in found}


async def expiring(
    connection: Connection, programme_id: int, account_ids: list[int], *, now: datetime, until: datetime
) -> list[tuple[int, datetime]]:
    """Accounts with the ends in (now, until] of lots that have points, also held ones, as far as it is booked."""
    found = await connection.fetch(_EXPIRING, programme_id, account_ids, now, until)
    return [(row["owner_id"], row["expires_at"]) for row in found]


async def held(
    connection: Connection, programme_id: int, account_id: int, *, now: datetime, until: datetime
) -> list[datetime]:
    """The ends in (now, until] of an account's lots of which somebody holds points, as far as it is booked."""
    found = await connection.fetch(_HELD, programme_id, account_id, now, until)
    return [row["expires_at"] for row in found]


async def refuse(
    connection: Connection, programme_id: int, account_id: int, email: str, answer: str, *, now: datetime
) -> None:
    """Nothing, if the member has no such address any more."""
    await connection.execute(_REFUSE, programme_id, account_id, email, answer, now)


async def forget_refusal(connection: Connection, programme_id: int, account_id: int) -> None:
    """Notices may be tried at the member's address again."""
    await connection.execute(_FORGET_REFUSAL, programme_id, account_id)


async def prune(connection: Connection, programme_id: int, *, kept_for: timedelta, most: int) -> int:
    """Delete the oldest, as far as they are older than that; returns how many."""
    return len(await connection.fetch(_PRUNE, programme_id, kept_for, most))


async def settings(connection: Connection, programme_id: int) -> Any | None:
    return await connection.fetchrow("select * from notice_setting where programme_id = $1", programme_id)


async def templates(connection: Connection, programme_id: int, kind: str) -> list[Any]:
    """The merchant's own of a kind, in every locale."""
    return list(await connection.fetch(_TEMPLATES, programme_id, kind))


async def credited_by(connection: Connection, programme_id: int, public_id: UUID, seq: int) -> Any | None:
    """Source of an entry, and the account's, under the id that it had when the entry was made."""
    return await connection.fetchrow(_CREDITED_BY, programme_id, public_id, seq)


_INSERT = """
insert into notice (programme_id, kind, about, created_at)
select $1, $2, given.about, $4 from unnest($3::text[]) as given (about)
on conflict (programme_id, about) do nothing
returning about
"""

_FOLLOW = """
with known as materialized (
    select kind, about, outcome, settled_at
    from notice
    where programme_id = $1 and about = any($2::text[])
    order by about
    for no key update
)
insert into notice (programme_id, kind, about, created_at, outcome, settled_at)
select $1, known.kind, given.other, $4, known.outcome, known.settled_at
from unnest($2::text[], $3::text[]) as given (about, other)
join known using (about)
where known.outcome is null or known.outcome = 'SENT'
on conflict (programme_id, about) do update set outcome = null, settled_at = null where excluded.outcome is null
"""

_WITHDRAW = "delete from notice where programme_id = $1 and about = any($2::text[]) and outcome is null"

_SETTLED = """
select about from notice where programme_id = $1 and about = any($2::text[]) and outcome is not null
"""

_SETTLE = """
insert into notice as known (programme_id, kind, about, created_at, outcome, settled_at)
values ($1, $2, $3, $5, $4, $5)
on conflict (programme_id, about) do update set outcome = excluded.outcome, settled_at = excluded.settled_at
where known.outcome is null
"""

_RECIPIENT = """
with recursive standing (account_id, merged_into) as (
    select a.account_id, a.merged_into
    from member m
    join ledger.account a on a.programme_id = m.programme_id and a.account_id = m.account_id
    where m.programme_id = $1 and m.public_id = $2
    union all
    select a.account_id, a.merged_into
    from standing
    join ledger.account a on a.programme_id = $1 and a.account_id = standing.merged_into
)
select
    m.account_id, m.public_id, m.email, m.locale, m.notices, m.state, m.sign_up_points,
    exists (
        select from mail_refusal r
        where r.programme_id = m.programme_id and r.account_id = m.account_id and r.email = m.email
    ) as refused
from standing
join member m on m.programme_id = $1 and m.account_id = standing.account_id
where standing.merged_into is null
"""

_WANTING = """
select public_id
from member
where programme_id = $1 and public_id = any($2::uuid[]) and (state = 'MERGED' or notices and email is not null)
"""

_END_NOTICES = """
update member set notices = false, notices_since = $3
where programme_id = $1 and account_id = $2 and notices
returning *
"""

_BEGIN_ROUND = """
insert into notice_round (programme_id, day, after_account) values ($1, $2, 0)
on conflict (programme_id) do nothing
"""

_LOCK_ROUND = "select day, after_account from notice_round where programme_id = $1 for update"

_KEEP_ROUND = "update notice_round set day = $2, after_account = $3 where programme_id = $1"

_WANTING_AFTER = """
select account_id, public_id
from member
where programme_id = $1 and account_id > $2 and notices and email is not null and state = 'ACTIVE'
    and not redemption_locked
order by account_id
limit $3
"""

_EXPIRING = """
select distinct owner_id, expires_at
from ledger.lot
where programme_id = $1 and owner_id = any($2::bigint[]) and live
    and expires_at > $3 and expires_at <= $4
order by owner_id, expires_at
"""

_HELD = """
select distinct expires_at
from ledger.lot
where programme_id = $1 and owner_id = $2 and live and held > 0 and expires_at > $3 and expires_at <= $4
"""

_REFUSE = """
insert into mail_refusal (programme_id, account_id, email, answer, refused_at)
select programme_id, account_id, email, $4, $5
from member
where programme_id = $1 and account_id = $2 and email = $3
for share
on conflict (programme_id, account_id)
    do update set email = excluded.email, answer = excluded.answer, refused_at = excluded.refused_at
"""

# Ids grow with time, so the oldest are found without an index of their own.
_PRUNE = """
delete from notice
where programme_id = $1 and created_at < now() - $2::interval and id in (
    select id from notice where programme_id = $1 order by id limit $3
)
returning id
"""

_FORGET_REFUSAL = "delete from mail_refusal where programme_id = $1 and account_id = $2"

_TEMPLATES = "select locale, subject, body, version from notice_template where programme_id = $1 and kind = $2"

_CREDITED_BY = """
select e.source_type, e.source_id
from member m
join ledger.entry e on e.programme_id = m.programme_id and e.account_id = m.account_id and e.seq = $3
where m.programme_id = $1 and m.public_id = $2
"""
