"""Events for subscriptions: rows of ``webhook_sending``. Leases and pauses go by the database's clock."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import orjson

from pointbook.db.session import Connection
from pointbook.domain.webhook_patience import ATTEMPTS_MAX


class DueSubscription(NamedTuple):
    """Something is due for it. ``failing``: its last answer was a failure."""

    subscription_id: UUID
    failing: bool


class Leased(NamedTuple):
    """A sending in the hands of one worker, with what its subscription says at that moment.

    ``leased_until`` is also by what the worker proves that it is still its own.
    """

    id: int
    leased_until: datetime
    message_id: int
    event: str
    payload: dict[str, Any]
    occurred_at: datetime
    attempts: int
    url: str
    secret_version: int
    previous_secret_until: datetime | None


class Outcome(NamedTuple):
    """What an attempt came to; ``error`` None: it was taken."""

    http_status: int | None
    error: str | None
    response: str | None


class Event(NamedTuple):
    """A message of the outbox of which others may be told."""

    message_id: int
    event: str
    payload: Mapping[str, Any]
    occurred_at: datetime


class SendingRow(NamedTuple):
    id: int
    subscription_id: UUID
    message_id: int
    event: str
    payload: dict[str, Any]
    occurred_at: datetime
    created_at: datetime
    state: str
    attempts: int
    attempted_at: datetime | None
    next_attempt_at: datetime | None
    http_status: int | None
    error: str | None
    response: str | None


async def fan_out(connection: Connection, programme_id: int, events: Sequence[Event]) -> None:
    """A sending of each event for each active subscription that wants it."""
    messages, names, payloads, instants = zip(*events, strict=True)
    written = [orjson.dumps(payload).decode() for payload in payloads]
    await connection.execute(_FAN_OUT, programme_id, messages, names, written, instants)


async def due(connection: Connection, programme_id: int) -> list[DueSubscription]:
    """Active subscriptions with something to send now."""
    return [DueSubscription(*row) for row in await connection.fetch(_DUE, programme_id, ATTEMPTS_MAX)]


async def lease(
    connection: Connection, programme_id: int, subscription_id: UUID, *, most: int, length: timedelta
) -> list[Leased]:
    rows = await connection.fetch(_LEASE, programme_id, subscription_id, most, length, ATTEMPTS_MAX)
    return [Leased(**{**row, "payload": orjson.loads(row["payload"])}) for row in rows]


async def delivered(connection: Connection, programme_id: int, leased: Leased, outcome: Outcome) -> None:
    """Unless the lease has gone to somebody else: then they say what becomes of it."""
    await connection.execute(
        _DELIVERED, programme_id, leased.id, leased.leased_until, outcome.http_status, outcome.response
    )


async def failed(
    connection: Connection, programme_id: int, leased: Leased, outcome: Outcome, *, pause: timedelta | None
) -> None:
    """To be tried again after ``pause``; None: given up. Unless the lease has gone to somebody else."""
    await connection.execute(_FAILED, programme_id, leased.id, leased.leased_until, *outcome, pause)


async def mark_well(connection: Connection, programme_id: int, subscription_id: UUID, url: str) -> None:
    """Nothing, if it has another URL by now; so in the next two."""
    await connection.execute(_WELL, programme_id, subscription_id, url)


async def mark_failing(connection: Connection, programme_id: int, subscription_id: UUID, url: str) -> None:
    await connection.execute(_FAILING, programme_id, subscription_id, url)


async def disable(  # noqa: PLR0917  # which, and why
    connection: Connection,
    programme_id: int,
    subscription_id: UUID,
    url: str,
    reason: str,
    failing_for: timedelta,
) -> datetime | None:
    """Switch an active subscription off that has been failing so long; since when, None: it has not."""
    since: datetime | None = await connection.fetchval(
        _DISABLE, programme_id, subscription_id, url, reason, failing_for
    )
    return since


async def page(
    connection: Connection,
    programme_id: int,
    *,
    subscription_id: UUID | None,
    state: str | None,
    before_id: int | None,
    first: int,
) -> list[SendingRow]:
    """Newest first."""
    rows = await connection.fetch(_PAGE, programme_id, subscription_id, state, before_id, first)
    return [_row(row) for row in rows]


async def find(connection: Connection, programme_id: int, sending_id: int) -> SendingRow | None:
    row = await connection.fetchrow(_FIND, programme_id, sending_id)
    return None if row is None else _row(row)


async def send_again(connection: Connection, programme_id: int, sending_id: int) -> SendingRow | None:
    """Due at once with all its attempts; whoever is sending it at this moment no longer says what becomes of it.

    None: it was forgotten just now.
    """
    row = await connection.fetchrow(_SEND_AGAIN, programme_id, sending_id)
    return None if row is None else _row(row)


async def give_up_abandoned(connection: Connection, programme_id: int) -> None:
    """Those whose last attempt no worker survived."""
    await connection.execute(_ABANDONED, programme_id, ATTEMPTS_MAX)


async def prune(connection: Connection, programme_id: int, *, kept_for: timedelta, most: int) -> int:
    """Delete those of the ``most`` oldest that are older than ``kept_for``, unless they are to be sent since then;
    returns how many.
    """
    return len(await connection.fetch(_PRUNE, programme_id, kept_for, most))


def _row(row: asyncpg.Record) -> SendingRow:
    return SendingRow(**{**row, "payload": orjson.loads(row["payload"])})


_COLUMNS = ", ".join(name if name != "payload" else "payload::text as payload" for name in SendingRow._fields)

# Locked, because a subscription may be deleted at this moment.
_FAN_OUT = """
with subscription as materialized (
    select programme_id, subscription_id, events
    from webhook_subscription
    where programme_id = $1 and state = 'ACTIVE'
    for key share
)
insert into webhook_sending (programme_id, subscription_id, message_id, event, payload, occurred_at, created_at,
    state, next_attempt_at)
select programme_id, subscription_id, message_id, event, payload::jsonb, occurred_at, now(), 'PENDING', now()
from subscription
join unnest($2::bigint[], $3::text[], $4::text[], $5::timestamptz[])
    as message (message_id, event, payload, occurred_at) on events is null or event = any(events)
on conflict (programme_id, subscription_id, message_id) do nothing
"""

_DUE = """
select subscription_id, failing_since is not null
from webhook_subscription as subscription
where programme_id = $1 and state = 'ACTIVE' and exists (
    select from webhook_sending as sending
    where sending.programme_id = $1
      and sending.subscription_id = subscription.subscription_id
      and sending.state = 'PENDING'
      and sending.next_attempt_at <= now()
      and (sending.leased_until is null or sending.leased_until <= now())
      and sending.attempts < $2
)
"""

# Rows another worker is leasing right now are skipped; rows it has just leased fail the condition, which
# PostgreSQL checks again on the newest version of a row it had to look at twice.
_LEASE = """
with due as materialized (
    select id
    from webhook_sending
    where programme_id = $1
      and subscription_id = $2
      and state = 'PENDING'
      and next_attempt_at <= now()
      and (leased_until is null or leased_until <= now())
      and attempts < $5
    order by next_attempt_at, id
    limit $3
    for update skip locked
)
update webhook_sending as sending
set leased_until = now() + $4::interval, attempts = attempts + 1, attempted_at = now()
from due, webhook_subscription as subscription
where sending.programme_id = $1 and sending.id = due.id
  and subscription.programme_id = $1 and subscription.subscription_id = $2 and subscription.state = 'ACTIVE'
returning sending.id, sending.leased_until, sending.message_id, sending.event, sending.payload::text as payload,
    sending.occurred_at, sending.attempts, subscription.url, subscription.secret_version,
    subscription.previous_secret_until
"""

# The lease is part of the conditions: a worker that comes late must not end its successor's.
_DELIVERED = """
update webhook_sending
set state = 'DELIVERED', leased_until = null, next_attempt_at = null, http_status = $4, error = null, response = $5
where programme_id = $1 and id = $2 and leased_until = $3
"""

_FAILED = """
update webhook_sending
set state = case when $7::interval is null then 'FAILED' else 'PENDING' end,
    leased_until = null, next_attempt_at = now() + $7::interval, http_status = $4, error = $5, response = $6
where programme_id = $1 and id = $2 and leased_until = $3
"""

_WELL = """
update webhook_subscription set failing_since = null
where programme_id = $1 and subscription_id = $2 and url = $3 and failing_since is not null
"""

_FAILING = """
update webhook_subscription set failing_since = now()
where programme_id = $1 and subscription_id = $2 and url = $3 and failing_since is null and state = 'ACTIVE'
"""

_DISABLE = """
update webhook_subscription set state = 'DISABLED', disabled_reason = $4
where programme_id = $1 and subscription_id = $2 and url = $3 and state = 'ACTIVE'
    and failing_since <= now() - $5::interval
returning failing_since
"""

_PAGE = f"""
select {_COLUMNS}
from webhook_sending
where programme_id = $1 and ($2::uuid is null or subscription_id = $2) and ($3::text is null or state = $3)
    and ($4::bigint is null or id < $4)
order by id desc
limit $5
"""  # noqa: S608  # its own columns

_FIND = f"select {_COLUMNS} from webhook_sending where programme_id = $1 and id = $2"  # noqa: S608  # its own columns

_SEND_AGAIN = f"""
update webhook_sending set state = 'PENDING', attempts = 0, next_attempt_at = now(), leased_until = null
where programme_id = $1 and id = $2
returning {_COLUMNS}
"""  # noqa: S608  # its own columns

_ABANDONED = """
update webhook_sending set state = 'FAILED', leased_until = null, next_attempt_at = null
where programme_id = $1 and state = 'PENDING' and attempts >= $2 and leased_until <= now()
"""

_PRUNE = """
delete from webhook_sending
where programme_id = $1 and id in (
    select id from (
        select id, created_at, next_attempt_at from webhook_sending where programme_id = $1 order by id limit $3
    ) as oldest
    where greatest(created_at, next_attempt_at) < now() - $2::interval
)
returning 1
"""
