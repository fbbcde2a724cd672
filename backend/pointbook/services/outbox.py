"""Messages that must leave with a change: appended in the change's own transaction.

A row that rolls back with its transaction was never promised to anybody. Delivery is another
module's work and happens outside of every transaction.
"""

from collections.abc import Mapping
from datetime import datetime

import orjson

from pointbook.db.session import Connection

_APPEND = """
insert into public.outbox_message (programme_id, topic, payload, created_at, due_at)
values ($1, $2, $3::text::jsonb, $4, now())
"""


async def append(
    connection: Connection, programme_id: int, topic: str, payload: Mapping[str, object], *, now: datetime
) -> None:
    """Promise a message of ``topic``; it is delivered at least once if the caller's transaction commits.

    Joins the transaction of ``connection``, which has entered the programme. ``payload`` is plain JSON and
    names members by opaque id only. ``now`` is the instant of the change, timezone-aware; when the message
    is due is measured by the database's clock, which all workers share, because a sandbox programme's clock
    may be ahead of it.
    """
    assert topic, "a message without a topic reaches nobody"
    await connection.execute(_APPEND, programme_id, topic, orjson.dumps(payload).decode(), now)
