"""Exchanging across a crash (I8): a commit whose answer was lost is found again, one that failed left nothing."""

import contextlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from pointbook.db.session import Connection, Database
from pointbook.domain.access import Principal
from pointbook.domain.exchange import ExchangeState
from pointbook.services.audit import Wanted, list_entries
from pointbook.services.catalogue import EXCHANGE_ITEMS, save_offer
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.exchange_deciding import cancel_order, set_exchanged
from pointbook.services.exchange_placing import PlaceLine, PlaceOrder, place_order
from pointbook.services.exchange_stock import AddStock, SetStock, change_stock
from pointbook.services.installation import Installation
from tests.support import NOW, SECRET, make_programme, member_with_points, server, spendable, topics, violations

MUG = {"sku": "mug", "names": {"de": "Becher"}, "pricePoints": 150}
ORDER = PlaceOrder([PlaceLine("mug", 2, 150)], None, "k")


class LosingDatabase(Database):
    """Breaks off the connection at the next transactions: before their commit, or after it without its answer."""

    before = after = 0

    @contextlib.asynccontextmanager
    async def bare_transaction(self, programme_id: int) -> AsyncIterator[Connection]:
        async with super().bare_transaction(programme_id) as connection:
            yield connection
            if self.before:
                self.before -= 1
                raise ConnectionResetError
        if self.after:
            self.after -= 1
            raise ConnectionResetError


@pytest_asyncio.fixture
async def losing(db: Database) -> AsyncIterator[tuple[LosingDatabase, Installation]]:
    made = LosingDatabase(db.pool)
    yield made, Installation.of(made, SECRET)
    assert await violations(db) == []


async def selling(installation: Installation) -> tuple[ProgrammeSnapshot, Principal]:
    """Ten mugs, and a member with 500 points; whatever is cached is."""
    programme = await make_programme(installation)
    clara = await member_with_points(installation, programme, 500)
    await save_offer(installation, programme.id, EXCHANGE_ITEMS, MUG, now=NOW)
    await change_stock(installation, server(programme), "mug", SetStock(10, None), "begin", now=NOW)
    return programme, clara


async def stock(installation: Installation, programme: ProgrammeSnapshot) -> int:
    async with installation.db.bare_transaction(programme.id) as connection:
        found: int = await connection.fetchval("select stock from exchange_item")
    return found


@pytest.mark.parametrize(("before", "after"), [(1, 0), (0, 1), (2, 1)], ids=str)
async def test_an_order_is_placed_once(
    losing: tuple[LosingDatabase, Installation], before: int, after: int
) -> None:
    db, installation = losing
    programme, clara = await selling(installation)
    db.before, db.after = before, after
    order = await place_order(installation, clara, ORDER, now=NOW)
    assert (db.before, db.after) == (0, 0)
    assert await place_order(installation, clara, ORDER, now=NOW) == order
    assert (await spendable(installation, programme), await stock(installation, programme)) == (200, 8)
    assert (await topics(db, programme)).count("exchange.placed") == 1


@pytest.mark.parametrize(("before", "after"), [(1, 0), (0, 1), (2, 1)], ids=str)
async def test_an_order_is_cancelled_once(
    losing: tuple[LosingDatabase, Installation], before: int, after: int
) -> None:
    db, installation = losing
    programme, clara = await selling(installation)
    order = await place_order(installation, clara, ORDER, now=NOW)
    await set_exchanged(installation, server(programme), order.id, exchanged=True, now=NOW)
    db.before, db.after = before, after
    await set_exchanged(installation, server(programme), order.id, exchanged=False, now=NOW)
    db.before, db.after = before, after
    cancelled = await cancel_order(installation, server(programme), order.id, now=NOW)
    assert cancelled.state is ExchangeState.CANCELLED
    assert (await spendable(installation, programme), await stock(installation, programme)) == (500, 10)
    assert (await topics(db, programme)).count("exchange.changed") == 3
    assert (
        len(
            await list_entries(
                installation, programme.id, first=9, wanted=Wanted(f"exchange order {order.id.hex}")
            )
        )
        == 3
    )


async def test_stock_is_moved_once(losing: tuple[LosingDatabase, Installation]) -> None:
    db, installation = losing
    programme, _ = await selling(installation)
    db.before, db.after = 2, 1
    assert await change_stock(installation, server(programme), "mug", AddStock(5), "k", now=NOW) == 15
    assert await stock(installation, programme) == 15
