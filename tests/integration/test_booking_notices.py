"""A booking is announced once, when its points become available, and never if it was cancelled before."""

import asyncio

from pointbook.services import outbox
from pointbook.services.installation import Installation
from pointbook.services.outbox import Message, Subscriptions
from tests.integration.bookings import HOUR, book, salon
from tests.support import DAY, NOW, spendable
from tests.worker.messages import age


class Told:
    """Who listens for credits."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def __call__(self, message: Message, /) -> None:
        await asyncio.sleep(0)
        self.messages.append(message)

    def subscriptions(self) -> Subscriptions:
        listening = Subscriptions()
        listening.add("points.credited", self)
        return listening


async def drain(installation: Installation, told: Told) -> int:
    """Two workers at once."""
    drains = [outbox.drain(installation.db, told.subscriptions()) for _ in range(2)]
    await asyncio.gather(*drains)
    return len(told.messages)


async def test_the_notice_goes_out_once_when_the_points_become_available(installation: Installation) -> None:
    programme, told = await salon(installation), Told()
    await book(installation, programme)
    assert await drain(installation, told) == 0
    await age(installation.db, programme.id, 5 * 3600 - 60)
    assert await drain(installation, told) == 0
    await age(installation.db, programme.id, 61)
    assert await drain(installation, told) == 1
    assert await drain(installation, told) == 1
    [message] = told.messages
    assert message.payload["points"] == 25
    assert message.payload["availableFrom"] == (NOW + 5 * HOUR).isoformat()


async def test_a_cancelled_booking_is_never_announced_and_a_moved_one_once(installation: Installation) -> None:
    programme, told = await salon(installation), Told()
    for name in ("b-1", "b-2"):
        await book(installation, programme, external_id=name)
    await book(installation, programme, status="CANCELLED")
    await book(installation, programme, external_id="b-2", starts_at=NOW + DAY)
    await age(installation.db, programme.id, 6 * 3600)
    assert await drain(installation, told) == 0
    await age(installation.db, programme.id, 24 * 3600)
    assert await drain(installation, told) == 1
    assert told.messages[0].payload["availableFrom"] == (NOW + DAY + 4 * HOUR).isoformat()


async def test_a_booking_that_is_reported_long_after_is_announced_at_once(installation: Installation) -> None:
    programme, told = await salon(installation), Told()
    late = await book(installation, programme, starts_at=NOW - 3 * DAY, status="COMPLETED")
    assert late.available_from == NOW - 3 * DAY + 4 * HOUR
    assert await spendable(installation, programme) == 25
    assert await drain(installation, told) == 1
