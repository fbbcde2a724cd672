"""Which failures of PostgreSQL are worth another try of the whole call, and how often.

A try may be repeated only because every write is keyed: if the first try committed and its answer
was lost, the second finds the idempotency row (or the source) and returns the stored answer.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg

Answer = TypeVar("Answer")

MAX_TRIES = 5
_PAUSE = 0.04
"""Seconds after the first try, at most; twice as long after each other one."""
_TRANSIENT_STATES = frozenset({"40001", "40P01", "55P03", "57P01", "57P02", "57P03", "57P05"})
_KEYED_CONSTRAINTS = frozenset(
    {"idempotency_pkey", "entry_source_key", "entry_purchase_key", "stock_movement_request_key"}
)


def sqlstate(error: BaseException) -> str | None:
    """The five-character SQLSTATE of a driver error, bare or wrapped by SQLAlchemy (in migrations)."""
    return getattr(_original(error), "sqlstate", None)


def is_transient(error: BaseException) -> bool:
    """Deadlocks, lock timeouts, a server that restarts, and connections that broke."""
    error = _original(error)
    state = sqlstate(error)
    if state is not None:
        return state in _TRANSIENT_STATES or state.startswith("08")
    if isinstance(error, ValueError):  # what the driver was told is wrong, and will be
        return False
    return isinstance(error, OSError | asyncpg.InterfaceError | asyncpg.InternalClientError)


def is_keyed_collision(error: BaseException) -> bool:
    """Another transaction inserted the same idempotency key or source first."""
    return isinstance(error, asyncpg.UniqueViolationError) and error.constraint_name in _KEYED_CONSTRAINTS


async def retrying(call: Callable[[], Awaitable[Answer]]) -> Answer:
    """Run ``call`` whole, again after a transient failure (bounded, jittered) or one keyed collision.

    Not after a deadline: whoever asked has waited long enough.
    """
    collided = False
    for attempt in range(1, MAX_TRIES + 1):
        try:
            return await call()
        except Exception as error:
            first_collision = is_keyed_collision(error) and not collided
            worth_it = first_collision or (is_transient(error) and not isinstance(error, TimeoutError))
            if attempt == MAX_TRIES or not worth_it:
                raise
            collided = collided or first_collision
        await asyncio.sleep(random.uniform(0.5, 1.0) * _PAUSE * 2 ** (attempt - 1))  # noqa: S311  # jitter, no secret
    raise AssertionError("the last try returns or raises")


def _original(error: BaseException) -> BaseException:
    """What SQLAlchemy wraps; known by its attribute, because only migrations import the library."""
    wrapped = getattr(error, "orig", None)
    return wrapped if isinstance(wrapped, BaseException) else error
