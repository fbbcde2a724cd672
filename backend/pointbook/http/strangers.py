"""Peers that show credentials nobody knows. Each such credential is a look-up in the database, so they are few.

A peer is an address. Many callers may share it, so a peer that is shut out is let in with an API key that was
good before, and with any token that names a signing key of which one was good before: whoever guesses stops nobody
but the first who comes with a key.
"""

import contextlib
import hashlib
import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable

from pointbook.http.problems import Problem, too_much
from pointbook.http.rate_limit import Rate, RateLimiter

_MOST = 50_000
_IPV6_SITE_BITS = 64  # what one customer of a provider has at least


class Strangers:
    """Counts failures per peer in this process. Belongs to one event loop."""

    def __init__(self, rate: Rate, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._failures = RateLimiter(None, clock=clock)
        self._shut_until: OrderedDict[str, float] = OrderedDict()
        self._familiar: OrderedDict[bytes, None] = OrderedDict()

    @contextlib.asynccontextmanager
    async def trying(self, peer: str, credential: str, *, of_many: bool = False) -> AsyncIterator[None]:
        """Inside, the credential is looked up; a Problem that leaves says that it is not good.

        ``of_many``: it is what many share, and stays good though one of them is not.
        Raises Problem 429 at once for a peer that failed too often, unless the credential was good before.
        """
        digest = hashlib.sha256(credential.encode()).digest()
        self._admit(peer, digest)
        try:
            yield
        except Problem:
            if not of_many:
                self._familiar.pop(digest, None)
            await self._count(peer)
            raise
        self._familiar[digest] = None
        self._familiar.move_to_end(digest)
        if len(self._familiar) > _MOST:
            self._familiar.popitem(last=False)

    def _admit(self, peer: str, digest: bytes) -> None:
        shut_until = self._shut_until.get(peer)
        if shut_until is None or digest in self._familiar:
            return
        seconds = shut_until - self._clock()
        if seconds > 0:
            raise too_much(math.ceil(seconds))
        self._shut_until.pop(peer)

    async def _count(self, peer: str) -> None:
        decision = await self._failures.take(peer, 1, self._rate)
        if not decision.allowed:
            self._shut_until[peer] = self._clock() + decision.retry_after
            if len(self._shut_until) > _MOST:
                self._shut_until.popitem(last=False)


def peer_of(client: tuple[str, int] | None) -> str:
    """The address a request comes from; of IPv6 the site, because one has addresses without number."""
    if client is None:
        return "unknown"
    try:
        address = ipaddress.ip_address(client[0])
    except ValueError:
        return client[0][:64]  # a name that a proxy gave
    if address.version == 4:  # noqa: PLR2004  # IPv4
        return str(address)
    return str(ipaddress.ip_network((int(address), _IPV6_SITE_BITS), strict=False))
