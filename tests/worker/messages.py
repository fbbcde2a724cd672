"""What the tests of the outbox talk about: programmes, promised messages and receivers."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from pointbook.db.session import Database
from pointbook.services import outbox
from pointbook.services.outbox import Message

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

_PROGRAMME = """
insert into public.programme (slug, name, state, state_since, currency, time_zone, locales, created_at)
values ($1, $1, 'ACTIVE', $2, 'EUR', 'Europe/Berlin', '{en}', $2)
returning id
"""


async def new_programme(db: Database, slug: str = "shop") -> int:
    return int(await db.pool.fetchval(_PROGRAMME, slug, NOW))


async def promise(
    db: Database,
    programme_id: int,
    *numbers: int,
    topic: str = "order.earned",
    delay: timedelta = outbox.AT_ONCE,
) -> list[int]:
    """The ids of the messages."""
    async with db.bare_transaction(programme_id) as connection:
        return [
            await outbox.append(connection, programme_id, topic, {"number": number}, now=NOW, delay=delay)
            for number in numbers
        ]


async def withdraw(db: Database, programme_id: int, message_id: int) -> bool:
    async with db.bare_transaction(programme_id) as connection:
        return await outbox.withdraw(connection, programme_id, message_id)


async def rows(db: Database, programme_id: int) -> list[dict[str, Any]]:
    async with db.bare_transaction(programme_id) as connection:
        found = await connection.fetch(
            "select * from public.outbox_message where programme_id = $1 order by id",
            programme_id,
        )
    return [dict(row) for row in found]


async def age(db: Database, programme_id: int, seconds: float) -> None:
    """Make every instant of the programme's outbox earlier, as if ``seconds`` had passed."""
    async with db.bare_transaction(programme_id) as connection:
        await connection.execute(
            """
            update public.outbox_message
            set due_at = due_at - make_interval(secs => $2),
                leased_until = leased_until - make_interval(secs => $2),
                delivered_at = delivered_at - make_interval(secs => $2)
            where programme_id = $1
            """,
            programme_id,
            seconds,
        )


class Receiver:
    """A handler that remembers what it got, and whether it had one message twice at the same time."""

    def __init__(self, *, takes: float = 0, refuses: int = 0) -> None:
        self.received: Counter[tuple[int, int]] = Counter()
        self.at_the_same_time: set[tuple[int, int]] = set()
        self._takes = takes
        self._refuses = refuses
        self._in_hand: set[tuple[int, int]] = set()

    async def __call__(self, message: Message, /) -> None:
        key = (message.programme_id, message.payload["number"])
        if key in self._in_hand:
            self.at_the_same_time.add(key)
        self._in_hand.add(key)
        try:
            await asyncio.sleep(self._takes)
            if self._refuses > 0:
                self._refuses -= 1
                raise ConnectionError("the receiver is away")
            self.received[key] += 1
        finally:
            self._in_hand.discard(key)
