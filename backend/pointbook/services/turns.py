"""One write at a time for each customer, before any connection is taken.

Writes of one account wait for the lock of its row, and whoever waits there holds a connection. So one customer
whose account is locked or busy could take all connections of the process; here they wait without one.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final, TypeAlias
from weakref import WeakValueDictionary

TURN_SECONDS: Final = 10.0

Whose: TypeAlias = str | int
"""An account; or the customer of an order, by the shop's id: whether there is an account is seen later."""


class Turns:
    """Saves waiting and guards nothing. Belongs to one event loop; keeps nothing of whom nobody writes about."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[tuple[int, Whose], asyncio.Lock] = WeakValueDictionary()

    @contextlib.asynccontextmanager
    async def turn(self, programme_id: int, whose: Whose) -> AsyncIterator[None]:
        """First come, first served. Raises TimeoutError when it is not one's turn within ``TURN_SECONDS``.

        To be taken outside of transactions, and one at a time: who waits here keeps nobody else waiting.
        """
        lock = self._locks.setdefault((programme_id, whose), asyncio.Lock())
        async with asyncio.timeout(TURN_SECONDS):
            await lock.acquire()
        try:
            yield
        finally:
            lock.release()
