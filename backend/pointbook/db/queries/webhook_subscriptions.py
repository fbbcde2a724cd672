"""Who is told of events: rows of ``webhook_subscription``."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg

from pointbook.db.session import Connection


class SubscriptionRow(NamedTuple):
    subscription_id: UUID
    url: str
    events: list[str] | None
    state: str
    disabled_reason: str | None
    secret_version: int
    previous_secret_until: datetime | None
    failing_since: datetime | None
    created_at: datetime


async def insert(  # noqa: PLR0917  # the columns
    connection: Connection,
    programme_id: int,
    subscription_id: UUID,
    url: str,
    events: Sequence[str] | None,
    request: tuple[bytes, bytes],
    *,
    now: datetime,
) -> SubscriptionRow:
    """``request``: digest and input of the call that makes it."""
    row = await connection.fetchrow(_INSERT, programme_id, subscription_id, url, events, now, *request)
    assert row is not None, "it was inserted"
    return _row(row)


async def made_by_request(
    connection: Connection, programme_id: int, request: bytes
) -> tuple[SubscriptionRow, bytes] | None:
    """The subscription that a call has made, and what the call said."""
    row = await connection.fetchrow(_MADE_BY, programme_id, request)
    return None if row is None else (_row(row), row["request_input"])


async def count(connection: Connection, programme_id: int) -> int:
    number: int = await connection.fetchval(_COUNT, programme_id)
    return number


async def all_of(connection: Connection, programme_id: int) -> list[SubscriptionRow]:
    """Oldest first."""
    return [_row(row) for row in await connection.fetch(_ALL, programme_id)]


async def lock(connection: Connection, programme_id: int, subscription_id: UUID) -> SubscriptionRow | None:
    """As it is, locked until the transaction ends. Events are sent and come in meanwhile."""
    row = await connection.fetchrow(_LOCK, programme_id, subscription_id)
    return None if row is None else _row(row)


async def update(connection: Connection, programme_id: int, row: SubscriptionRow) -> None:
    """Write every column but the instant of its creation."""
    await connection.execute(
        _UPDATE,
        programme_id,
        row.subscription_id,
        row.url,
        row.events,
        row.state,
        row.disabled_reason,
        row.secret_version,
        row.previous_secret_until,
        row.failing_since,
    )


async def delete(connection: Connection, programme_id: int, subscription_id: UUID) -> None:
    await connection.execute(_DELETE, programme_id, subscription_id)


def _row(row: asyncpg.Record) -> SubscriptionRow:
    return SubscriptionRow(*(row[name] for name in SubscriptionRow._fields))


_COLUMNS = ", ".join(SubscriptionRow._fields)
_INSERT = f"""
insert into webhook_subscription (
    programme_id, subscription_id, url, events, state, created_at, request, request_input)
values ($1, $2, $3, $4, 'ACTIVE', $5, $6, $7)
returning {_COLUMNS}
"""  # noqa: S608  # its own columns
_MADE_BY = f"""
select {_COLUMNS}, request_input from webhook_subscription where programme_id = $1 and request = $2
"""  # noqa: S608  # its own columns
_COUNT = "select count(*) from webhook_subscription where programme_id = $1"
_ALL = f"""
select {_COLUMNS} from webhook_subscription where programme_id = $1 order by created_at, subscription_id
"""  # noqa: S608  # its own columns
_LOCK = f"""
select {_COLUMNS} from webhook_subscription where programme_id = $1 and subscription_id = $2 for no key update
"""  # noqa: S608  # its own columns
_UPDATE = """
update webhook_subscription
set url = $3, events = $4, state = $5, disabled_reason = $6, secret_version = $7, previous_secret_until = $8,
    failing_since = $9
where programme_id = $1 and subscription_id = $2
"""
_DELETE = "delete from webhook_subscription where programme_id = $1 and subscription_id = $2"
