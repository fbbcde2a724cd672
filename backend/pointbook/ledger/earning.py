"""Points granted and taken without a purchase: accruals and adjustments."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from pointbook.db import moves
from pointbook.db.session import Connection
from pointbook.domain import errors
from pointbook.ledger.answers import Accrued, Adjusted
from pointbook.ledger.commands import Accrual, NewLot, Request
from pointbook.ledger.statuses import refuse

_ACCRUE = (
    "select account_id, seq, status from ledger.accrue($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
)
_Terms: TypeAlias = tuple[Decimal, datetime, datetime | None, int | None]
"""All of a lot but its points."""
_ADJUST = "select * from ledger.adjust($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"


async def accrue(
    connection: Connection, programme_id: int, accruals: Sequence[Accrual], *, now: datetime
) -> list[Accrued]:
    """Grant points: one entry an accrual, any number of accruals in one statement, answers in their order.

    A source has one effect per occurrence, whatever the account: repeating it is answered ``duplicate`` and
    changes nothing. Two calls at once for the same source of different accounts: one of them fails with a
    unique violation of entry_source_key, which ``db.retry.retrying`` repeats. Raises ClockAhead.
    """
    if not accruals:
        return []
    lots = [(number, lot) for number, accrual in enumerate(accruals, 1) for lot in accrual.lots]
    for accrual in accruals:
        assert accrual.lots, "an accrual grants something"
    for _, lot in lots:
        assert_grantable(lot, now)
    terms: dict[_Terms, int] = {}
    lot_terms = [terms.setdefault(_terms_of(lot), len(terms) + 1) for _, lot in lots]
    rows = await connection.fetch(
        _ACCRUE,
        programme_id,
        [accrual.account_id for accrual in accruals],
        [accrual.source_type for accrual in accruals],
        [accrual.source_id for accrual in accruals],
        [accrual.occurrence for accrual in accruals],
        [number for number, _ in lots],
        lot_terms,
        [lot.points for _, lot in lots],
        *map(list, zip(*terms, strict=True)),
        now,
    )
    if rows[0]["status"] == "clock_ahead":
        refuse("clock_ahead", now=now)
    for row in rows:
        moves.note(connection, programme_id, row["account_id"])
    return [Accrued(row["account_id"], row["seq"], row["status"]) for row in rows]


def _terms_of(lot: NewLot) -> "_Terms":
    return lot.value_per_point, lot.available_from, lot.expires_at, lot.settings_version


async def adjust(
    connection: Connection,
    programme_id: int,
    account_id: int,
    points: int,
    *,
    lot: NewLot | None = None,
    allow_negative: bool = False,
    request: Request,
    now: datetime,
) -> Adjusted:
    """A manual plus or minus (R31), whatever the account may do otherwise.

    A plus needs its ``lot`` (of as many points). A minus is taken from available points in R15's order; what is
    missing is debt with ``allow_negative``, else InsufficientPoints is raised and nothing taken.
    Raises NotAMember, InsufficientPoints, IdempotencyConflict, ClockAhead.
    """
    assert points != 0, "the face refuses an adjustment by nothing"
    assert (lot is not None) == (points > 0), "a plus says what lot it makes, a minus makes none"
    if lot is not None:
        assert lot.points == points, "the lot has as many points as the adjustment"
        assert_grantable(lot, now)
    row = await connection.fetchrow(
        _ADJUST,
        programme_id,
        account_id,
        points,
        lot and lot.value_per_point,
        lot and lot.available_from,
        lot and lot.expires_at,
        lot and lot.settings_version,
        allow_negative,
        [request.digest, request.input],
        now,
    )
    assert row is not None
    if row["status"] == "insufficient":
        raise errors.InsufficientPoints(-points, row["available"])
    if row["status"] != "ok":
        refuse(row["status"], now=now)
    moves.note(connection, programme_id, row["account_id"])
    return Adjusted(row["account_id"], row["seq"])


def assert_grantable(lot: NewLot, now: datetime) -> None:
    """Callers leave out what would give nothing (R16); the database refuses the same."""
    assert lot.points > 0, "a lot has points"
    assert lot.value_per_point > 0, "a point is worth something"
    assert lot.expires_at is None or lot.expires_at > max(now, lot.available_from), "a lot can be spent some time"
