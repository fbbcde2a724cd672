"""Connections that stay: how many there may be, and how long each is welcome."""

import asyncio
import contextlib
import enum
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import structlog

from pointbook.db.retry import is_transient
from pointbook.http.admission import Admission
from pointbook.http.authentication import Caller, Credentials
from pointbook.http.problems import Problem

MOST: Final = 2_000
"""Connections that stay, of one process."""
MOST_OF_PROGRAMME: Final = 1_000
MOST_OF_CUSTOMER: Final = 10
"""Tabs and devices of one customer."""
MOST_WAITING: Final = 500
"""WebSockets that have not said yet who they are."""
MOST_WAITING_OF_PEER: Final = 20
"""Of one address, or nobody else would be let in while one says nothing many times."""
_CODE: Final = "TOO_MANY_CONNECTIONS"
_LATER: Final = {"Retry-After": "5"}
_SOON: Final = 0.01

_log = structlog.get_logger("pointbook.http")


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds for a WebSocket to say who it is, between two looks at credentials, between two signs of life."""

    introduction: float = 5.0
    check: float = 15.0
    sign_of_life: float = 12.0


class End(enum.Enum):
    """Why a connection ends that would have gone on."""

    GONE = enum.auto()
    """The client left."""
    UNWELCOME = enum.auto()
    """The token has ended, or a key was revoked."""
    CLOSING = enum.auto()
    """The process stops."""


class Stay:
    """One connection that stays. ``over`` is the reason once there is one."""

    def __init__(self, programme_id: int, subject: str | None) -> None:
        self.programme_id = programme_id
        self.subject = subject
        self.over: asyncio.Future[End] = asyncio.get_running_loop().create_future()

    def end(self, reason: End) -> None:
        if not self.over.done():
            self.over.set_result(reason)


class Stays:
    """All connections of one process that stay. Belongs to one event loop."""

    def __init__(self, admission: Admission, pace: Pace | None = None) -> None:
        self.pace = pace or Pace()
        self.admission = admission
        self._stays: set[Stay] = set()
        self._waiting: Counter[str] = Counter()
        self._closing = False

    @property
    def count(self) -> int:
        return len(self._stays)

    @contextlib.contextmanager
    def waiting(self, peer: str) -> Iterator[bool]:
        """For a WebSocket that has not said who it is. False: there are too many, of this peer or in all."""
        few = self._waiting[peer] < MOST_WAITING_OF_PEER and self._waiting.total() < MOST_WAITING
        if self._closing or not few:
            yield False
            return
        self._waiting[peer] += 1
        try:
            yield True
        finally:
            self._waiting -= Counter([peer])

    @contextlib.contextmanager
    def staying(self, caller: Caller, given: Credentials) -> Iterator[Stay]:
        """Let a caller stay until the block ends. Raises Problem 429 or 503 when there are too many already."""
        stay = Stay(caller.principal.programme_id, caller.principal.subject)
        self._require_room(stay)
        self._stays.add(stay)
        looking = asyncio.create_task(self._look_after(stay, given), name="credentials")
        try:
            yield stay
        finally:
            looking.cancel()
            self._stays.discard(stay)

    def close(self) -> None:
        """Nobody stays any longer, because the process stops."""
        self._closing = True
        for stay in self._stays:
            stay.end(End.CLOSING)

    def _require_room(self, stay: Stay) -> None:
        neighbours = [other for other in self._stays if other.programme_id == stay.programme_id]
        if self._closing or len(self._stays) >= MOST or len(neighbours) >= MOST_OF_PROGRAMME:
            message = "There is no room for another connection; try again in a moment."
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, _CODE, message, _LATER)
        if sum(other.subject == stay.subject for other in neighbours) >= MOST_OF_CUSTOMER:
            message = f"A customer has at most {MOST_OF_CUSTOMER} connections that stay."
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, _CODE, message, _LATER)

    async def _look_after(self, stay: Stay, given: Credentials) -> None:
        """Ends a stay when its credentials are good no more; while that cannot be asked, it goes on."""
        while True:
            left = self.admission.seconds_left(given)
            await asyncio.sleep(min(self.pace.check, max(left, _SOON)))
            try:
                if not await self.admission.still_good(given):
                    stay.end(End.UNWELCOME)
                    return
            except Exception as failure:  # noqa: BLE001  # logged, unless the database is away
                if not is_transient(failure):
                    _log.exception("credentials_not_checked")
                    stay.end(End.UNWELCOME)
                    return
