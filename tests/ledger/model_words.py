"""The words of the model of the ledger: lots, holds, entries, and the pricing of single points.

Instants are timezone-aware UTC, points are whole, money is in minor units.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

FINE = 10**8  # prices are counted in this fraction of a minor unit, so that sums are exact integers


class Transfer(NamedTuple):
    """``points`` move from ``debit`` to ``credit``; ``lot`` counts the lots of the account from 1."""

    debit: str
    credit: str
    lot: int | None
    points: int


class Entry(NamedTuple):
    """``account``: 0 is the one that is told of; 1, 2, ... are those that were merged into it, in this order."""

    seq: int
    kind: str
    at: datetime
    transfers: tuple[Transfer, ...] = ()
    source: tuple[str, str, int] | None = None
    hold_id: UUID | None = None
    of: tuple[int, int] | None = None  # account and seq of the entry that this one takes back, or takes over
    account: int = 0

    @property
    def name(self) -> tuple[int, int]:
        return self.account, self.seq


class Grant(NamedTuple):
    """What a lot is made of. ``value_per_point`` is in minor units; ``expires_at`` None is never."""

    points: int
    value_per_point: Decimal
    available_from: datetime
    expires_at: datetime | None


class Ask(NamedTuple):
    """What a customer wants to pay ``cart`` with. ``points`` None is the most worth no more than ``limit``."""

    cart: bytes
    points: int | None
    limit: int
    minimum: int
    point_value: Decimal | None  # None: each lot keeps its own (AT_EARNING)
    lifetime: timedelta


class Quote(NamedTuple):
    points: int
    value: int


class GiveBack(NamedTuple):
    """Points of a captured hold to give back; ``grace_expires_at`` None: what has expired stays so."""

    hold_id: UUID
    points: int
    grace_expires_at: datetime | None
    purchase: int = 1


class LatePurchase(NamedTuple):
    """What a hold that has ended pays for ``order``; ``amount`` None: all of it."""

    hold_id: UUID
    order: str
    purchase: int
    amount: int | None
    may_owe: bool


class CapturedLate(NamedTuple):
    points: int
    value: int
    debt: int


class Reversal(NamedTuple):
    """Points to take back that ``accrual``, an order, had earned."""

    accrual: str
    points: int
    policy: str


class GivenBack(NamedTuple):
    seq: int | None
    points: int
    anew: int
    expired: int


class Reversed(NamedTuple):
    seq: int | None
    own_open: int
    own_expired: int
    others: int
    debt: int
    forgiven: int


class Balance(NamedTuple):
    available: int
    pending: int
    held: int
    debt: int
    value: int


@dataclass(slots=True)
class Lot:
    number: int
    grant: Grant
    open: int

    def expired(self, at: datetime) -> bool:
        return self.grant.expires_at is not None and self.grant.expires_at <= at

    def spendable(self, at: datetime) -> bool:
        return self.open > 0 and self.grant.available_from <= at and not self.expired(at)

    def order(self) -> tuple[bool, float, datetime, int]:
        """R15: what expires first (never-expiring last), then what was available first, then the older."""
        expires_at = self.grant.expires_at
        return (
            expires_at is None,
            0.0 if expires_at is None else expires_at.timestamp(),
            self.grant.available_from,
            self.number,
        )


@dataclass(slots=True)
class Hold:
    hold_id: UUID
    made: tuple[int, int]  # account and seq of its entry
    cart: bytes
    parts: tuple[tuple[int, int], ...]  # number of the lot, points
    value: int
    point_value: Decimal | None
    created_at: datetime
    expires_at: datetime
    extensions: int = 0
    state: str = "HELD"
    ended_at: datetime | None = None
    captured_points: int | None = None
    captured_value: int | None = None

    @property
    def points(self) -> int:
        return sum(points for _, points in self.parts)


class Snapshot(NamedTuple):
    """The figures of an account after an entry."""

    at: datetime
    debt: int
    held: int
    open: tuple[int, ...]  # of lot 1, 2, ...


def fine(value_per_point: Decimal) -> int:
    scaled = value_per_point * FINE
    assert scaled == int(scaled), "the model prices exactly"
    return int(scaled)


def most_within(prices: Iterable[int], limit: int) -> int:
    """The most points whose value, rounded down once, does not exceed ``limit``."""
    totals = itertools.accumulate(prices)
    return sum(1 for _ in itertools.takewhile(lambda total: total // FINE <= limit, totals))


def fewest_reaching(prices: Iterable[int], value: int) -> int:
    """The fewest points that are worth ``value``; 0 for nothing."""
    if value == 0:
        return 0
    return next(n for n, total in enumerate(itertools.accumulate(prices), 1) if total >= value * FINE)


def split(parts: Iterable[tuple[int, int]], points: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """The first ``points`` of ``parts`` and the rest of them."""
    first, rest = [], []
    for number, share in parts:
        taken = min(points, share)
        points -= taken
        if taken:
            first.append((number, taken))
        if share > taken:
            rest.append((number, share - taken))
    return first, rest
