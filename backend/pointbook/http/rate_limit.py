"""How much each caller may ask for: a token bucket a caller, shared by all processes through Valkey.

A process takes tokens in leases, so most requests are decided in memory. Without Valkey every process
keeps the bucket by itself: the limit is then one per process, and nobody is refused for the outage.
"""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from pointbook.domain.access import CallerKind

_log = structlog.get_logger("pointbook.http")
_MOST_BUCKETS = 100_000
_AWAY_SECONDS = 2.0
_ANSWER_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Rate:
    """Cost points that come back per second, and how many may be saved up."""

    per_second: int
    burst: int


_GUEST = Rate(per_second=2_000, burst=20_000)
_CUSTOMER = Rate(per_second=100, burst=10_000)  # the dearest operation, and what is taken before it
_SERVER = Rate(per_second=20_000, burst=100_000)
_STRANGER = Rate(per_second=50, burst=500)


@dataclass(frozen=True, slots=True)
class Rates:
    """What each kind of caller has. A guest's bucket is the key's, shared by all visitors of the shop.

    ``stranger``: how many credentials that nobody knows may come from one address, to each process.
    """

    guest: Rate = _GUEST
    customer: Rate = _CUSTOMER
    server: Rate = _SERVER
    stranger: Rate = _STRANGER

    def of(self, kind: CallerKind) -> Rate:
        return {CallerKind.GUEST: self.guest, CallerKind.CUSTOMER: self.customer}.get(kind, self.server)


_PLENTY = Rate(per_second=10**9, burst=10**9)
UNLIMITED = Rates(_PLENTY, _PLENTY, _PLENTY, _PLENTY)


@dataclass(frozen=True, slots=True)
class Decision:
    """``remaining`` is what this process knows to be left; ``retry_after`` is in whole seconds."""

    allowed: bool
    remaining: int
    retry_after: int = 0


@dataclass(frozen=True, slots=True)
class Lease:
    """``granted`` tokens; when it is 0, tokens are back after ``wait`` seconds."""

    granted: int
    wait: float


class LeaseStore(Protocol):
    """The bucket that all processes share."""

    async def lease(self, key: str, rate: Rate, wanted: int, needed: int) -> Lease:
        """Take ``wanted`` tokens, or what is there if that is at least ``needed``, else none.

        Raises OSError or RedisError when the store cannot be asked.
        """


class ValkeyLeases:
    """Buckets in Valkey under the prefix ``pb:rate:``; they leave by themselves once they are full again."""

    def __init__(self, redis: Redis) -> None:
        self._script = redis.register_script(_LEASE)

    async def lease(self, key: str, rate: Rate, wanted: int, needed: int) -> Lease:
        async with asyncio.timeout(_ANSWER_SECONDS):
            granted, wait_ms = await self._script(
                keys=[f"pb:rate:{key}"], args=[rate.per_second, rate.burst, wanted, needed]
            )
        return Lease(int(granted), int(wait_ms) / 1000)


# The server's clock, so that processes need not agree on the time.
_LEASE = """
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
local per_second, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local wanted, needed = tonumber(ARGV[3]), tonumber(ARGV[4])
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = burst
if kept[1] then
    tokens = math.min(burst, tonumber(kept[1]) + math.max(0, now - tonumber(kept[2])) * per_second / 1000)
end
local granted, wait = math.floor(math.min(wanted, tokens)), 0
if granted < needed then
    granted = 0
    wait = math.ceil((needed - tokens) * 1000 / per_second)
end
redis.call('HSET', KEYS[1], 'tokens', tokens - granted, 'at', now)
redis.call('PEXPIRE', KEYS[1], math.ceil(burst * 1000 / per_second) + 1000)
return {granted, wait}
"""


class _Bucket:
    """A caller's tokens in this process; ``refused`` is how many the store would not give until an instant."""

    __slots__ = ("at", "refused", "refused_until", "tokens")

    def __init__(self, tokens: float, now: float) -> None:
        self.tokens = tokens
        self.at = now
        self.refused = 0
        self.refused_until = 0.0

    def refill(self, rate: Rate, now: float) -> None:
        self.tokens = min(rate.burst, self.tokens + max(0.0, now - self.at) * rate.per_second)
        self.at = now


class RateLimiter:
    """Decides request by request. Belongs to one event loop."""

    def __init__(self, store: LeaseStore | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._leased: OrderedDict[str, _Bucket] = OrderedDict()
        self._own: OrderedDict[str, _Bucket] = OrderedDict()
        self._store_away_until = 0.0

    async def take(self, key: str, cost: int, rate: Rate) -> Decision:
        """Take ``cost`` tokens of the caller ``key``; a cost above the burst is taken as the burst."""
        cost = min(max(cost, 1), rate.burst)
        if self._store is not None and self._clock() >= self._store_away_until:
            try:
                return await self._take_leased(self._store, key, cost, rate)
            except (OSError, RedisError) as failure:  # TimeoutError is an OSError
                self._store_away_until = self._clock() + _AWAY_SECONDS
                _log.warning("rate_limit_store_away", type=type(failure).__qualname__)
        return self._take_own(key, cost, rate)

    async def _take_leased(self, store: LeaseStore, key: str, cost: int, rate: Rate) -> Decision:
        bucket = _bucket(self._leased, key, 0.0, self._clock())
        if bucket.tokens < cost:
            needed = cost - int(bucket.tokens)
            if needed >= bucket.refused and self._clock() < bucket.refused_until:
                return _refused(bucket.refused_until - self._clock())
            lease = await store.lease(key, rate, max(needed, rate.burst // 10), needed)
            bucket.tokens += lease.granted
            if lease.granted == 0:
                bucket.refused, bucket.refused_until = needed, self._clock() + lease.wait
        if bucket.tokens < cost:  # refused, or another request took the lease meanwhile
            return _refused(max(bucket.refused_until - self._clock(), cost / rate.per_second))
        bucket.tokens -= cost
        return Decision(allowed=True, remaining=int(bucket.tokens))

    def _take_own(self, key: str, cost: int, rate: Rate) -> Decision:
        now = self._clock()
        bucket = _bucket(self._own, key, float(rate.burst), now)
        bucket.refill(rate, now)
        if bucket.tokens < cost:
            return _refused((cost - bucket.tokens) / rate.per_second)
        bucket.tokens -= cost
        return Decision(allowed=True, remaining=int(bucket.tokens))


def _bucket(buckets: OrderedDict[str, _Bucket], key: str, tokens: float, now: float) -> _Bucket:
    bucket = buckets.get(key)
    if bucket is None:
        bucket = buckets[key] = _Bucket(tokens, now)
        if len(buckets) > _MOST_BUCKETS:
            buckets.popitem(last=False)
    else:
        buckets.move_to_end(key)
    return bucket


def _refused(seconds: float) -> Decision:
    return Decision(allowed=False, remaining=0, retry_after=max(1, math.ceil(seconds)))
