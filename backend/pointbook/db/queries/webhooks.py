"""Webhooks that were taken, by the sender's id of them."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson

from pointbook.db.session import Connection


class Taken(NamedTuple):
    """What a webhook was answered, and the SHA-256 of its body."""

    digest: bytes
    answer: dict[str, Any]


async def taken(connection: Connection, programme_id: int, endpoint_id: str, delivery_id: str) -> Taken | None:
    row = await connection.fetchrow(_TAKEN, programme_id, endpoint_id, delivery_id)
    return None if row is None else Taken(row["digest"], orjson.loads(row["answer"]))


async def keep(
    connection: Connection, programme_id: int, endpoint_id: str, delivery_id: str, given: Taken, *, now: datetime
) -> None:
    """Unless the same id was kept before."""
    answer = orjson.dumps(given.answer).decode()
    await connection.execute(_KEEP, programme_id, endpoint_id, delivery_id, given.digest, answer, now)


async def prune(connection: Connection, programme_id: int, *, kept_for: timedelta, most: int) -> int:
    """Delete up to ``most`` that were received longer ago than ``kept_for``; returns how many."""
    return len(await connection.fetch(_PRUNE, programme_id, kept_for, most))


_TAKEN = """
select digest, answer from webhook_delivery
where programme_id = $1 and endpoint_id = $2 and delivery_id = $3
"""
_KEEP = """
insert into webhook_delivery (programme_id, endpoint_id, delivery_id, digest, answer, received_at)
values ($1, $2, $3, $4, $5, $6)
on conflict do nothing
"""
_PRUNE = """
delete from webhook_delivery where (programme_id, endpoint_id, delivery_id) in (
    select programme_id, endpoint_id, delivery_id from webhook_delivery
    where programme_id = $1 and received_at < now() - $2::interval
    order by received_at limit $3
)
returning 1
"""
