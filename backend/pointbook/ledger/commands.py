"""What callers hand to the ledger. Points are whole, money is in minor units, instants are timezone-aware UTC."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Self
from uuid import UUID

from pointbook.domain.programme_settings import Clawback

_SEPARATOR = "\x1f"


@dataclass(frozen=True, slots=True)
class Request:
    """Makes a call idempotent: same ``digest``, one effect; same digest with another ``input`` is a conflict."""

    digest: bytes
    input: bytes

    @classmethod
    def of(cls, principal: str, operation: str, key: str, *values: object) -> Self:
        """``values`` are the whole input of the operation; their text and type must not vary between retries.

        >>> first = Request.of("customer:7", "redeemPoints", "k1", 120)
        >>> first == Request.of("customer:7", "redeemPoints", "k1", 120)
        True
        >>> first.input == Request.of("customer:7", "redeemPoints", "k1", "120").input
        False
        """
        digest = hashlib.sha256(_SEPARATOR.join((principal, operation, key)).encode()).digest()
        canonical = hashlib.sha256()
        for value in values:
            text = f"{type(value).__name__}:{value}".encode()
            canonical.update(f"{len(text)}:".encode() + text)
        return cls(digest, canonical.digest())


@dataclass(frozen=True, slots=True)
class NewLot:
    """Points granted together. ``value_per_point`` in minor units per point; ``expires_at`` None = never.

    ``settings_version`` is the version they were earned under, if any.
    """

    points: int
    value_per_point: Decimal
    available_from: datetime
    expires_at: datetime | None
    settings_version: int | None = None


@dataclass(frozen=True, slots=True)
class Accrual:
    """One entry of kind accrual. (source_type, source_id, occurrence) has one effect in a programme, ever."""

    account_id: int
    source_type: str
    source_id: str
    occurrence: int
    lots: tuple[NewLot, ...]


@dataclass(frozen=True, slots=True)
class HoldPoints:
    """Points to set aside for one cart.

    ``hold_id`` is made by the caller (uuid4); the voucher code is derived from it, and only ``code_hash`` and
    ``last_four`` are kept. ``cart`` is the SHA-256 of the shop's cart id. ``points`` None = full redemption.
    ``limit`` is the most that may be paid with points, in minor units. ``point_value`` is today's value per
    point under the policy CURRENT; None = each lot keeps its own.
    """

    hold_id: UUID
    cart: bytes
    points: int | None
    limit: int
    minimum_points: int
    point_value: Decimal | None
    lifetime: timedelta
    code_hash: bytes
    last_four: str


@dataclass(frozen=True, slots=True)
class NewCard:
    """A gift card to buy with ``points``, worth ``face`` minor units until ``expires_at`` (None = for ever).

    ``card_id`` is made by the caller (uuid4); its code is derived from it, and only hash and last four are kept.
    """

    card_id: UUID
    points: int
    currency: str
    face: int
    expires_at: datetime | None
    code_hash: bytes
    last_four: str


@dataclass(frozen=True, slots=True)
class Source:
    """What caused an entry, such as an order or a return; one entry of a kind for each occurrence."""

    type: str
    id: str
    occurrence: int = 1


@dataclass(frozen=True, slots=True)
class GiveBack:
    """``points`` of what a voucher paid to give back.

    Those whose lot has expired get a new one until ``grace_expires_at``; None = they expire at once. ``purchase``
    1 is the hold's first, which was captured in time or late.
    """

    hold_id: UUID
    points: int
    grace_expires_at: datetime | None
    purchase: int = 1


@dataclass(frozen=True, slots=True)
class LatePurchase:
    """What a voucher pays though its hold has ended.

    ``purchase`` 1: the hold lapsed, and what was bought with it is reported late; it pays at most ``amount`` minor
    units (None: all of it). Further ones take as many points as the one before, which was given back whole.
    ``may_owe``: what the account has not got becomes debt.
    """

    hold_id: UUID
    source: Source
    amount: int | None
    may_owe: bool


@dataclass(frozen=True, slots=True)
class Reversal:
    """``points`` to take back that the accrual of ``accrual`` granted; ``policy`` says from what."""

    accrual: Source
    points: int
    policy: Clawback
