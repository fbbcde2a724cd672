"""Messages that must leave with a change: appended in its transaction, delivered afterwards, at least once.

A row that rolls back with its transaction was never promised to anybody. A worker leases what is due in a
short transaction, delivers outside of any, and acknowledges in another. Whoever dies in between leaves a
lease that runs out, and the message is delivered again: every handler must take a message twice. The order
of messages is not promised. What is told later than its change, such as points that become available, is
appended with a delay, and may be withdrawn until then.

A message that fails is tried again after a growing pause, ``Delivery.max_attempts`` times, then *parked*: it
stays in the table with its last error and ``due_at = 'infinity'`` until somebody revives it. So is at once what
its handler says cannot be delivered. Delivered messages are kept for ``KEPT_FOR``.

What only writes rows needs none of this: a *recorder* runs in the transaction of a message's first lease, so that
its rows are written exactly once, whatever becomes of the handlers.

Leases and pauses are measured by the database's clock, the one clock that all workers share. ``due_at`` is
ahead of it by as much as the programme's own clock: what is due in a sandbox follows that.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any, NamedTuple, Protocol

import orjson
import structlog

from pointbook.db.queries.programme_ids import programme_ids
from pointbook.db.retry import retrying
from pointbook.db.session import Connection, Database
from pointbook.services.programme_turns import take_turns

KEPT_FOR = timedelta(days=7)
AT_ONCE = timedelta(0)
NOBODY_LISTENS = "nobody listens"
MEMBER_GOODBYE = "member.goodbye"
NOTICE_TEST = "notice.test"
FLEETING = frozenset({MEMBER_GOODBYE, NOTICE_TEST})
"""Topics whose payload has an address that nothing else knows any more: deleted once delivered, or given up."""
_LANES = 4  # programmes served at the same time, so that one with a slow receiver does not hold up the rest
_PRUNED_AT_ONCE = 1_000
_LONGEST_ERROR = 500

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """A promised message. ``created_at`` is the instant of its change, ``attempt`` counts from 1."""

    programme_id: int
    id: int
    topic: str
    payload: dict[str, Any]
    created_at: datetime
    attempt: int


class Undeliverable(Exception):
    """Raised by a handler: trying this message again is of no use. A person has to look at it."""


class Handler(Protocol):
    """Delivers one message. Returning means delivered; raising means: try again later, unless it is Undeliverable.

    It may see the same message again, runs outside of any transaction and is cancelled after
    ``Delivery.handler_seconds``.
    """

    async def __call__(self, message: Message, /) -> None: ...


class Recorder(Protocol):
    """Writes what follows from messages of one programme. It sees each message once, whatever it is about."""

    async def __call__(self, connection: Connection, messages: Sequence[Message], /) -> None: ...


class Subscriptions:
    """Who listens to which topic. A topic nobody listens to is delivered as such: its message is not kept back."""

    def __init__(self) -> None:
        self._handlers: dict[str, list[Handler]] = {}
        self._recorders: dict[str, list[Recorder]] = {}
        self._slow: set[str] = set()

    def add(self, topic: str, handler: Handler, *, slow: bool = False) -> None:
        """``slow``: it waits for a server of others, which may be away. Such a topic has no other handlers."""
        self._handlers.setdefault(topic, []).append(handler)
        if slow:
            self._slow.add(topic)

    @property
    def slow(self) -> frozenset[str]:
        return frozenset(self._slow)

    def record(self, topics: Iterable[str], recorder: Recorder) -> None:
        for topic in topics:
            self._recorders.setdefault(topic, []).append(recorder)

    def of(self, topic: str) -> Sequence[Handler]:
        return self._handlers.get(topic, ())

    def recording(self, messages: Iterable[Message]) -> Mapping[Recorder, Sequence[Message]]:
        """What each recorder has to see of these."""
        seen: dict[Recorder, list[Message]] = {}
        for message in messages:
            for recorder in self._recorders.get(message.topic, ()):
                seen.setdefault(recorder, []).append(message)
        return seen


@dataclass(frozen=True, slots=True)
class Delivery:
    """How patient delivery is.

    All messages of a lease must have their answer before it ends, or another worker would deliver them at
    the same time.
    """

    lease: timedelta = timedelta(seconds=30)
    handler_seconds: float = 10
    batch: int = 20
    at_once: int = 10
    max_attempts: int = 20
    first_pause: timedelta = timedelta(seconds=1)
    longest_pause: timedelta = timedelta(hours=1)
    slow: bool | None = None
    """Only slow topics, or only the others, so that a server that is away holds up nothing else; None: all."""

    def __post_init__(self) -> None:
        slowest = ceil(self.batch / self.at_once) * self.handler_seconds
        assert slowest < self.lease.total_seconds(), "a batch of slow handlers would outlive its lease"

    def pause(self, attempt: int) -> timedelta:
        """Doubles with each attempt up to the longest pause; jittered, so that failures do not march in step."""
        longest = min(self.first_pause * (1 << attempt - 1), self.longest_pause)
        return longest * random.uniform(0.5, 1.0)  # noqa: S311  # jitter, no secret


@dataclass(frozen=True, slots=True)
class Drained:
    """What one drain did; ``failed`` counts messages and programmes that could not be served."""

    delivered: int = 0
    failed: int = 0

    def __add__(self, other: "Drained") -> "Drained":
        return Drained(self.delivered + other.delivered, self.failed + other.failed)


async def append(
    connection: Connection,
    programme_id: int,
    topic: str,
    payload: Mapping[str, object],
    *,
    now: datetime,
    delay: timedelta = AT_ONCE,
    clock_ahead: timedelta = AT_ONCE,
) -> int:
    """Promise a message of ``topic``; it is delivered at least once if the caller's transaction commits.

    Joins the transaction of ``connection``, which has entered the programme. ``payload`` is plain JSON and
    names members by opaque id only. ``now`` is the instant of the change, timezone-aware. The message is due
    ``delay`` after this transaction began by the database's clock; a negative delay is none. ``clock_ahead``: by
    how much the clock that ``now`` is of was ahead, to be said with a delay: moving it brings the message nearer.
    Returns its id, by which ``withdraw`` takes the promise back.
    """
    assert topic, "a message without a topic reaches nobody"
    message_id: int = await connection.fetchval(
        _APPEND, programme_id, topic, orjson.dumps(payload).decode(), now, clock_ahead + max(delay, AT_ONCE)
    )
    return message_id


async def append_all(
    connection: Connection,
    programme_id: int,
    topic: str,
    payloads: Sequence[Mapping[str, object]],
    *,
    now: datetime,
) -> None:
    """Promise a message for each payload, as ``append`` does, in one statement."""
    written = [orjson.dumps(payload).decode() for payload in payloads]
    await connection.execute(_APPEND_ALL, programme_id, topic, written, now)


async def withdraw(connection: Connection, programme_id: int, message_id: int) -> bool:
    """Take back, in the caller's transaction, a promise whose reason has gone; False: it is delivered already.

    Of a message that was due already a worker may be delivering at this moment what is withdrawn here, as it may
    have done just before. One that is not due yet never reaches anybody.
    """
    return await connection.fetchval(_WITHDRAW, programme_id, message_id) is not None


async def drain(
    database: Database,
    subscriptions: Subscriptions,
    *,
    delivery: Delivery | None = None,
    seconds: float = 20,
    stopping: Callable[[], bool] = lambda: False,
) -> Drained:
    """Deliver what is due until nothing is left or ``seconds`` have passed.

    Programmes take turns, a batch each: a long backlog of some does not keep the others waiting. ``stopping`` is
    asked between batches. A programme that fails is logged and does not stop the others. Any number of workers
    may drain at the same time.
    """
    policy = delivery or Delivery()
    waiting = deque(await programme_ids(database))

    async def lane() -> Drained:
        served = await take_turns(
            waiting,
            lambda programme_id: _one_batch(database, subscriptions, programme_id, policy),
            more=lambda batch: batch[0] == policy.batch,
            failure="outbox.programme_failed",
            seconds=seconds,
            stopping=stopping,
        )
        return sum((done for _, done in served.done), Drained(failed=served.failed))

    return sum(await asyncio.gather(*(lane() for _ in range(_LANES))), Drained())


async def tidy(database: Database, *, delivery: Delivery | None = None, seconds: float = 20) -> int:
    """Park what no worker survived delivering, and delete what was delivered ``KEPT_FOR`` ago.

    Programmes take turns, at most 1,000 rows in a transaction, until nothing is left or ``seconds`` have passed. A
    programme that fails is logged and does not stop the others. Returns how many rows were deleted.
    """
    policy = delivery or Delivery()
    pruned = await take_turns(
        deque(await programme_ids(database)),
        lambda programme_id: _tidy(database, programme_id, policy),
        more=lambda deleted: deleted == _PRUNED_AT_ONCE,
        failure="outbox.tidy_failed",
        seconds=seconds,
    )
    return sum(pruned.done)


async def _tidy(database: Database, programme_id: int, policy: Delivery) -> int:
    async with database.bare_transaction(programme_id) as connection:
        abandoned = await connection.fetch(_PARK_ABANDONED, programme_id, policy.max_attempts)
        if abandoned:
            await connection.execute(_FORGET, programme_id, list(FLEETING))
        deleted = len(await connection.fetch(_PRUNE, programme_id, KEPT_FOR, _PRUNED_AT_ONCE))
    for row in abandoned:
        log.error("outbox.parked", programme=programme_id, message=row["id"], error="its workers died")
    return deleted


@dataclass(frozen=True, slots=True)
class Parked:
    """A message that was given up, with the error of its last attempt."""

    id: int
    topic: str
    created_at: datetime
    attempts: int
    last_error: str | None


async def parked(database: Database, programme_id: int, *, first: int = 100) -> list[Parked]:
    """Messages of a programme that wait for a person, oldest first."""
    async with database.bare_transaction(programme_id) as connection:
        rows = await connection.fetch(_PARKED, programme_id, first)
    return [Parked(**row) for row in rows]


async def revive(database: Database, programme_id: int, message_ids: Iterable[int]) -> int:
    """Give parked messages their attempts back; returns how many of the ids were parked."""
    async with database.bare_transaction(programme_id) as connection:
        return len(await connection.fetch(_REVIVE, programme_id, list(message_ids)))


async def log_message(message: Message) -> None:
    """A handler that tells the log; messages carry opaque ids, and the payload stays out of it all the same."""
    log.info("outbox.message", topic=message.topic, programme=message.programme_id, message=message.id)


class _Failure(NamedTuple):
    """What to remember about a message that was not delivered, and whether it is of no use to try again."""

    error: str
    for_good: bool = False


_NOBODY = _Failure(NOBODY_LISTENS)


async def _one_batch(
    database: Database, subscriptions: Subscriptions, programme_id: int, policy: Delivery
) -> tuple[int, Drained]:
    messages = await _lease(database, subscriptions, programme_id, policy)
    if not messages:
        return 0, Drained()
    gate = asyncio.Semaphore(policy.at_once)

    async def delivered(message: Message) -> _Failure | None:
        async with gate:
            return await _deliver(message, subscriptions.of(message.topic), policy)

    failures = await asyncio.gather(*map(delivered, messages))
    outcomes = list(zip(messages, failures, strict=True))
    await retrying(lambda: _settle(database, programme_id, outcomes, policy))
    failed = sum(failure not in (None, _NOBODY) for failure in failures)
    return len(messages), Drained(len(messages) - failed, failed)


async def _lease(
    database: Database, subscriptions: Subscriptions, programme_id: int, policy: Delivery
) -> list[Message]:
    lease = policy.batch, policy.lease, policy.max_attempts, policy.slow
    async with database.bare_transaction(programme_id) as connection:
        rows = await connection.fetch(_LEASE, programme_id, *lease, list(subscriptions.slow))
        messages = [_message(programme_id, row) for row in rows]
        new = [message for message in messages if message.attempt == 1]
        for recorder, seen in subscriptions.recording(new).items():
            await recorder(connection, seen)
    return messages


def _message(programme_id: int, row: Any) -> Message:
    return Message(
        programme_id, row["id"], row["topic"], orjson.loads(row["payload"]), row["created_at"], row["attempts"]
    )


async def _deliver(message: Message, handlers: Sequence[Handler], policy: Delivery) -> _Failure | None:
    """None when every handler took the message."""
    if not handlers:
        return _NOBODY
    try:
        async with asyncio.timeout(policy.handler_seconds):
            for handler in handlers:
                await handler(message)
    except Exception as error:  # noqa: BLE001  # whatever a handler raises means: not delivered
        told = f"{type(error).__name__}: {error}"[:_LONGEST_ERROR]
        return _Failure(told, for_good=isinstance(error, Undeliverable))
    return None


async def _settle(
    database: Database, programme_id: int, outcomes: Sequence[tuple[Message, _Failure | None]], policy: Delivery
) -> None:
    done = {None: [], NOBODY_LISTENS: []}  # type: dict[str | None, list[int]]
    async with database.bare_transaction(programme_id) as connection:
        for message, failure in outcomes:
            if failure is None or failure == _NOBODY:
                done[failure and failure.error].append(message.id)
            else:
                await _postpone(connection, message, failure, policy)
        for note, ids in done.items():
            await connection.execute(_ACKNOWLEDGE, programme_id, ids, note)
        if any(message.topic in FLEETING for message, _ in outcomes):
            await connection.execute(_FORGET, programme_id, list(FLEETING))


async def _postpone(connection: Connection, message: Message, failure: _Failure, policy: Delivery) -> None:
    given_up = failure.for_good or message.attempt >= policy.max_attempts
    tell = log.error if given_up else log.warning
    tell(
        "outbox.parked" if given_up else "outbox.failed",
        topic=message.topic,
        programme=message.programme_id,
        message=message.id,
        attempt=message.attempt,
        error=failure.error,
    )
    pause = None if given_up else policy.pause(message.attempt)
    await connection.execute(_POSTPONE, message.programme_id, message.id, message.attempt, failure.error, pause)


_APPEND = """
insert into public.outbox_message (programme_id, topic, payload, created_at, due_at)
values ($1, $2, $3::text::jsonb, $4, now() + $5::interval)
returning id
"""

_APPEND_ALL = """
insert into public.outbox_message (programme_id, topic, payload, created_at, due_at)
select $1, $2, given.payload::jsonb, $4, now() from unnest($3::text[]) with ordinality as given (payload, number)
order by given.number
"""

_WITHDRAW = """
delete from public.outbox_message where programme_id = $1 and id = $2 and delivered_at is null returning id
"""

_FORGET = """
delete from public.outbox_message
where programme_id = $1 and topic = any($2::text[]) and (delivered_at is not null or due_at = 'infinity')
"""

# Rows another worker is leasing right now are skipped; rows it has just leased fail the condition, which
# PostgreSQL checks again on the newest version of a row it had to look at twice.
_LEASE = """
with due as materialized (
    select id
    from public.outbox_message
    where programme_id = $1
      and delivered_at is null
      and due_at <= now() + (select clock_ahead from public.programme where id = $1)
      and (leased_until is null or leased_until <= now())
      and attempts < $4
      and ($5::boolean is null or (topic = any($6::text[])) = $5)
    order by due_at, id
    limit $2
    for update skip locked
)
update public.outbox_message as message
set leased_until = now() + $3::interval, attempts = attempts + 1
from due
where message.programme_id = $1 and message.id = due.id
returning message.id, message.topic, message.payload::text as payload, message.created_at, message.attempts
"""

_ACKNOWLEDGE = """
update public.outbox_message
set delivered_at = now(), leased_until = null, last_error = $3
where programme_id = $1 and id = any($2::bigint[])
"""

# The attempt is part of the condition: a worker that comes late must not end its successor's lease.
_POSTPONE = """
update public.outbox_message
set leased_until = null, last_error = $4, due_at = coalesce(
    now() + (select clock_ahead from public.programme where id = $1) + $5::interval, 'infinity'
)
where programme_id = $1 and id = $2 and attempts = $3 and delivered_at is null
"""

_PARK_ABANDONED = """
update public.outbox_message
set leased_until = null, due_at = 'infinity'
where programme_id = $1 and delivered_at is null and attempts >= $2 and leased_until <= now()
returning id
"""

_PRUNE = """
delete from public.outbox_message
where programme_id = $1 and id in (
    select id
    from public.outbox_message
    where programme_id = $1 and delivered_at < now() - $2::interval
    limit $3
)
returning id
"""

_PARKED = """
select id, topic, created_at, attempts, last_error
from public.outbox_message
where programme_id = $1 and delivered_at is null and due_at = 'infinity'
order by id
limit $2
"""

_REVIVE = """
update public.outbox_message
set attempts = 0, due_at = now(), leased_until = null
where programme_id = $1 and id = any($2::bigint[]) and delivered_at is null and due_at = 'infinity'
returning id
"""
