"""The last pieces in earnest: 100 members at once for 10 of an item, again and again.

``python -m bench.rewards [--rounds N] [--buyers N] [--pieces N]``; starts a PostgreSQL of its own. In every round
each member asks for a piece of two items, half of them in the other order, with a key that is sent twice at once;
then some orders are cancelled, each twice at once. Prints what came of them, and fails unless every piece went to
one order, no order came twice, and the books and the stock are in order.
"""

import argparse
import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

import uvloop

from bench.scene import SECRET, servers, utc_now
from pointbook.db.migrate import migrate
from pointbook.db.session import Database
from pointbook.domain.access import ALL_RIGHTS, CallerKind, Principal
from pointbook.domain.errors import SoldOut
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.embedded import Urls
from pointbook.services import account
from pointbook.services.catalogue import EXCHANGE_ITEMS, save_offer
from pointbook.services.directory import ProgrammeSnapshot, ProgrammeState
from pointbook.services.exchange_deciding import cancel_order
from pointbook.services.exchange_placing import PlaceLine, PlaceOrder, place_order
from pointbook.services.exchange_stock import AddStock, SetStock, change_stock
from pointbook.services.exchange_views import ExchangeOrder, Wanted, list_orders
from pointbook.services.installation import Installation
from pointbook.services.joining import Join, join
from pointbook.services.programmes import NewProgramme, create_programme
from pointbook.services.verifying import verify

PRICES = {"rare": 3, "common": 1}
BEGIN_WITH = 1_000_000
CANCELLED_OF_TEN = 3
_keys = count()


@dataclass(frozen=True, slots=True)
class Market:
    """A programme with two items and members who have points enough."""

    installation: Installation
    programme: ProgrammeSnapshot
    buyers: Sequence[Principal]
    staff: Principal

    async def stock(self, sku: str) -> int:
        statement = "select stock from exchange_item where programme_id = $1 and sku = $2"
        async with self.installation.db.bare_transaction(self.programme.id) as connection:
            found: int = await connection.fetchval(statement, self.programme.id, sku)
        return found

    async def place(self, buyer: Principal, skus: Sequence[str], key: str) -> ExchangeOrder | SoldOut:
        lines = [PlaceLine(sku, 1, PRICES[sku]) for sku in skus]
        try:
            return await place_order(self.installation, buyer, PlaceOrder(lines, None, key), now=utc_now())
        except SoldOut as refusal:
            return refusal

    async def round(self, pieces: int) -> "Round":
        """Everybody at once for ``pieces`` rare ones; then some of the orders are cancelled, all at once."""
        await change_stock(
            self.installation, self.staff, "rare", AddStock(pieces), f"round {next(_keys)}", now=utc_now()
        )
        before = await self.stock("rare")
        calls = []
        for number, buyer in enumerate(self.buyers):
            skus = ("rare", "common") if number % 2 else ("common", "rare")
            key = f"buyer {next(_keys)}"
            calls += [self.place(buyer, skus, key), self.place(buyer, skus, key)]
        started = time.perf_counter()
        answers = await asyncio.gather(*calls)
        seconds = time.perf_counter() - started
        orders = {answer.id: answer for answer in answers if isinstance(answer, ExchangeOrder)}
        twins = zip(answers[::2], answers[1::2], strict=True)
        differ = sum(_came_to(one) != _came_to(other) for one, other in twins)
        left = await self.stock("rare")
        cancelled = [order for order in orders if random.randrange(10) < CANCELLED_OF_TEN]  # noqa: S311  # no secret
        await asyncio.gather(
            *(
                cancel_order(self.installation, self.staff, order, now=utc_now())
                for order in cancelled
                for _ in range(2)
            )
        )
        exact = (
            len(orders) == before - left == min(before, len(self.buyers))
            and differ == 0
            and await self.stock("rare") == left + len(cancelled)
        )
        return Round(len(orders), len(cancelled), seconds, exact)


@dataclass(frozen=True, slots=True)
class Round:
    orders: int
    cancelled: int
    seconds: float
    exact: bool


def _came_to(answer: ExchangeOrder | SoldOut) -> object:
    """Which order; one of two calls with a key may find nothing left only if the other does."""
    return answer.id if isinstance(answer, ExchangeOrder) else None


async def rewards(urls: Urls, rounds: int, buyers: int, pieces: int) -> bool:
    """Whether all of them came out exactly."""
    await migrate(urls.owner_database)
    db = await Database.connect(urls.database, pool_size=16)
    try:
        market = await _market(Installation.of(db, SECRET), buyers, utc_now())
        played = [await market.round(pieces) for _ in range(rounds)]
        orders, seconds = sum(it.orders for it in played), sum(it.seconds for it in played)
        calls = rounds * buyers * 2
        print(f"{rounds} rounds of {buyers} members, each asking twice at once: {calls} calls in {seconds:.1f} s")
        print(f"  {calls / seconds:.0f} calls/s; {orders} orders, {sum(it.cancelled for it in played)} cancelled")
        exact = all(it.exact for it in played) and await _is_sound(market)
        print("exact" if exact else "NOT exact")
        return exact
    finally:
        await db.close()


async def _is_sound(market: Market) -> bool:
    """Every member has what the orders that stand have left them, and nothing is wrong."""
    installation, programme = market.installation, market.programme
    spent: Counter[str] = Counter()
    after = None
    while page := await list_orders(installation, programme.id, Wanted(), after=after, most=100):
        for order in page:
            spent[order.customers[0]] += 0 if order.cancelled_at else order.points
        after = page[-1].place
    wrong = 0
    for buyer in market.buyers:
        assert buyer.subject is not None, "buyers are customers"
        balance = await account.balance(installation, programme.id, buyer.subject, now=utc_now())
        assert balance is not None, "buyers have joined"
        wrong += balance.spendable != BEGIN_WITH - spent[buyer.subject]
    async with installation.db.bare_transaction(programme.id) as connection:
        violations: Sequence[Any] = (await verify(connection, programme.id)).violations
    print(f"  {wrong} balances that differ, {len(violations)} violations", flush=True)
    return not wrong and not violations


async def _market(installation: Installation, buyers: int, now: datetime) -> Market:
    settings = ProgrammeSettings.from_document({"signUpPoints": BEGIN_WITH}, "EUR")
    command = NewProgramme(
        slug="market",
        name="Market",
        currency="EUR",
        time_zone="Europe/Berlin",
        locales=("en",),
        settings=settings,
        sandbox=True,
        state=ProgrammeState.ACTIVE,
    )
    programme = await create_programme(installation, command, now=now)
    staff = Principal(CallerKind.STAFF, programme.id, "st", ALL_RIGHTS)
    for sku, price in PRICES.items():
        document = {"sku": sku, "names": {"en": sku}, "pricePoints": price}
        await save_offer(installation, programme.id, EXCHANGE_ITEMS, document, now=now)
        stock = SetStock(0 if sku == "rare" else 10**6, None)
        await change_stock(installation, staff, sku, stock, sku, now=now)
    names = [f"c-{number}" for number in range(buyers)]
    for name in names:
        await join(installation, programme.id, Join(name), now=now)
    customers = [Principal(CallerKind.CUSTOMER, programme.id, "kid", subject=name) for name in names]
    return Market(installation, programme, customers, staff)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--buyers", type=int, default=100)
    parser.add_argument("--pieces", type=int, default=10)
    chosen = parser.parse_args()
    with servers() as urls:
        done = uvloop.run(rewards(urls, chosen.rounds, chosen.buyers, chosen.pieces))
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())
