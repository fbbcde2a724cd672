"""A programme whose shoppers have plenty of points, and one round of a shopper: order, redeem, capture.

What a round leaves behind tells its number: orders by their id, redemptions by how many points they take.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pointbook import ledger
from pointbook.db.session import Database
from pointbook.domain.access import ALL_SCOPES, CallerKind, Principal
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.services.directory import ProgrammeState
from pointbook.services.installation import Installation
from pointbook.services.joining import Join, join
from pointbook.services.programmes import NewProgramme, create_programme

SHOPPERS = 20
_SETTINGS = {
    "signUpPoints": 1_000_000,
    "signUpAvailableAtOnce": True,
    "qualifyingStatuses": ["paid"],
    "expiry": {"never": True},
}
_PLACED = "2026-01-02T03:04:05Z"


@dataclass(frozen=True, slots=True)
class Market:
    programme_id: int
    secret: str

    @property
    def server(self) -> Principal:
        return Principal(CallerKind.SERVER, self.programme_id, "server", ALL_SCOPES)

    def shopper(self, number: int) -> str:
        return f"shopper-{number % SHOPPERS}"

    def customer(self, number: int) -> Principal:
        return Principal(CallerKind.CUSTOMER, self.programme_id, "token", subject=self.shopper(number))

    def order(self, number: int, key: str) -> dict[str, Any]:
        """An order document that earns a point."""
        return {
            "externalId": order_id(key),
            "type": "SALE",
            "status": "paid",
            "placedAt": _PLACED,
            "currency": "EUR",
            "customer": {"externalId": self.shopper(number)},
            "lines": [{"id": "1", "articleId": "bread", "quantity": "1", "amount": "1.00"}],
        }

    def cart(self, key: str) -> dict[str, Any]:
        """A cart that takes any number of points."""
        return {"id": f"cart-{key}", "total": "100000.00", "currency": "EUR"}


def order_id(key: str) -> str:
    return f"order-{key}"


async def open_market(db: Database, secret: str, slug: str) -> Market:
    now = datetime.now(UTC)
    installation = Installation.of(db, secret)
    settings = ProgrammeSettings.from_document(_SETTINGS, "EUR")
    command = NewProgramme(
        slug=slug,
        name=slug,
        currency="EUR",
        time_zone="Europe/Berlin",
        locales=("en",),
        settings=settings,
        state=ProgrammeState.ACTIVE,
    )
    programme = await create_programme(installation, command, now=now)
    market = Market(programme.id, secret)
    for number in range(SHOPPERS):
        await join(installation, programme.id, Join(market.shopper(number)), now=datetime.now(UTC))
    return market


@dataclass(frozen=True, slots=True)
class Books:
    """How often the ledger has the effect of each round, by number, and what is wrong with it."""

    accrued: Counter[int]
    held: Counter[int]
    captured: Counter[int]
    told: Counter[str]
    violations: list[ledger.Violation]

    @property
    def doubles(self) -> int:
        """Effects beyond the first of a round."""
        return sum(times - 1 for effects in self._steps() for times in effects.values())

    def missing(self, *acknowledged: set[int]) -> int:
        """Of the orders, redemptions and captures that were acknowledged, those without effect."""
        pairs = zip(acknowledged, self._steps(), strict=True)
        return sum(len(numbers - set(effects)) for numbers, effects in pairs)

    def _steps(self) -> tuple[Counter[int], Counter[int], Counter[int]]:
        return self.accrued, self.held, self.captured


async def read_books(db: Database, market: Market) -> Books:
    """Everything of one instant: shoppers may be at work meanwhile."""
    async with db.pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute("select set_config('app.programme', $1, true)", str(market.programme_id))
        orders = await connection.fetch("select source_id from ledger.entry where source_type = 'order'")
        holds = await connection.fetch("select points, state, captured_points from ledger.hold")
        captures = await connection.fetch("select hold_id from ledger.entry where kind = 'capture'")
        messages = await connection.fetch("select topic from public.outbox_message")
        violations = await ledger.violations(connection, market.programme_id)
    captured = [row["captured_points"] for row in holds if row["state"] == "captured"]
    assert len(captures) == len(captured), "a hold is captured by one entry"
    return Books(
        accrued=Counter(int(row["source_id"].split("-")[1]) for row in orders),
        held=Counter(row["points"] - 1 for row in holds),
        captured=Counter(points - 1 for points in captured),
        told=Counter(row["topic"] for row in messages),
        violations=violations,
    )
