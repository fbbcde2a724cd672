"""The ledger prices points under its lock, the domain prices them for quotes: one rule (R3), one answer."""

import random
from decimal import Decimal

import asyncpg

from pointbook.domain.errors import BelowMinimum, ExceedsCart, InsufficientPoints
from pointbook.domain.redemption import ValuedPoints, redeem

_VALUES = ("5", "4", "0.5", "0.3", "0.7", "3.333333", "0.000001", "12.5", "100")
_PRICE = "select (p).* from (select ledger.price_of($1, $2, $3, $4, $5) as p) as priced"


def _case(rng: random.Random) -> tuple[list[ValuedPoints], int | None, int, int]:
    """Lots in the order they are spent in, points asked, the most they may pay, the fewest that are redeemed."""
    lots = [ValuedPoints(rng.randint(1, 400), Decimal(rng.choice(_VALUES))) for _ in range(rng.randint(0, 4))]
    asked = None if rng.random() < 0.5 else rng.randint(1, 1 + sum(lot.points for lot in lots))
    return lots, asked, rng.choice((0, 1, rng.randint(0, 30), rng.randint(0, 5000))), rng.choice((0, 0, 1, 50))


def _by_the_domain(lots: list[ValuedPoints], asked: int | None, limit: int, minimum: int) -> tuple[object, ...]:
    try:
        charge = redeem(lots, asked, limit, minimum)
    except InsufficientPoints as refusal:
        return "insufficient", refusal.available
    except ExceedsCart as refusal:
        return "exceeds_cart", refusal.maximum_points
    except BelowMinimum:
        return ("below_minimum",)
    return "ok", charge.points, charge.value


def _by_the_ledger(row: asyncpg.Record) -> tuple[object, ...]:
    figures = {
        "insufficient": ("available",),
        "exceeds_cart": ("maximum",),
        "below_minimum": (),
        "ok": ("points", "value"),
    }
    return row["status"], *(row[name] for name in figures[row["status"]])


async def test_r3_the_ledger_and_the_domain_price_points_alike(
    admin: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    rng = random.Random(3)  # noqa: S311  # cases, no secrets
    seen = set()
    for _ in range(1500):
        lots, asked, limit, minimum = _case(rng)
        points, values = [lot.points for lot in lots], [lot.value_per_point for lot in lots]
        row = await admin.fetchrow(_PRICE, points, values, asked, limit, minimum)
        assert row is not None
        assert _by_the_ledger(row) == _by_the_domain(lots, asked, limit, minimum), (lots, asked, limit, minimum)
        assert row["status"] != "ok" or sum(taken or 0 for taken in row["taken"]) == row["points"]
        seen.add(row["status"])
    assert seen == {"ok", "insufficient", "exceeds_cart", "below_minimum"}
