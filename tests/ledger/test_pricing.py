"""The price of points is computed under the ledger's lock and, for quotes, by the domain (R3). They agree."""

from decimal import Decimal

import asyncpg
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pointbook.domain import errors, redemption
from pointbook.domain.redemption import ValuedPoints

_VALUES = st.decimals("0.0001", "250", places=4, allow_nan=False) | st.integers(1, 100).map(Decimal)
_LOTS = st.lists(st.builds(ValuedPoints, st.integers(1, 2000), _VALUES), max_size=6)
_PRICE = "select status, points, value, available, maximum from ledger.price_of($1, $2, $3, $4, $5)"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lots=_LOTS,
    asked=st.none() | st.integers(1, 9000),
    limit=st.integers(0, 100_000),
    minimum=st.integers(0, 50),
)
@example(lots=[ValuedPoints(7, Decimal("0." + "3" * 40))], asked=None, limit=2, minimum=0)
@example(lots=[], asked=None, limit=0, minimum=0)
async def test_the_function_and_the_domain_charge_the_same(
    admin: "asyncpg.Connection[asyncpg.Record]",
    lots: list[ValuedPoints],
    asked: int | None,
    limit: int,
    minimum: int,
) -> None:
    row = await admin.fetchrow(
        _PRICE, [lot.points for lot in lots], [lot.value_per_point for lot in lots], asked, limit, minimum
    )
    assert row is not None
    told = _told(lots, asked, limit, minimum)
    assert {name: row[name] for name in told} == told


def _told(lots: list[ValuedPoints], asked: int | None, limit: int, minimum: int) -> dict[str, object]:
    """The domain's answer in the words of the function."""
    try:
        charge = redemption.redeem(lots, asked, limit, minimum)
    except errors.InsufficientPoints as refused:
        return {"status": "insufficient", "available": refused.available}
    except errors.ExceedsCart as refused:
        return {"status": "exceeds_cart", "maximum": refused.maximum_points}
    except errors.BelowMinimum:
        return {"status": "below_minimum"}
    return {"status": "ok", "points": charge.points, "value": charge.value}
