"""Events of which nothing follows but webhooks: promised if somebody subscribed to them, else not written at all.

So what nobody wants to hear costs one look at the subscriptions. Whoever subscribes later hears of what happens
after that.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from pointbook.db.session import Connection


class Event(NamedTuple):
    """``payload`` is plain JSON and names members by opaque id only."""

    topic: str
    payload: Mapping[str, Any]


async def tell(connection: Connection, programme_id: int, *events: Event, now: datetime) -> None:
    """Promise messages of these events in the caller's transaction; ``now`` is the instant of the change."""
    if not events:
        return
    payloads = [orjson.dumps(event.payload).decode() for event in events]
    await connection.execute(_TELL, programme_id, [event.topic for event in events], payloads, now)


_TELL = """
insert into public.outbox_message (programme_id, topic, payload, created_at, due_at)
select $1, event.topic, event.payload::jsonb, $4, now()
from unnest($2::text[], $3::text[]) with ordinality as event (topic, payload, place)
where public.has_subscriber($1, event.topic)
order by event.place
"""
