"""What `pointbook verify` finds of exchange orders and stock: each kind of violation, planted."""

import asyncpg
import pytest
import pytest_asyncio

from pointbook.services.catalogue import EXCHANGE_ITEMS, save_offer
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.exchange_deciding import cancel_order
from pointbook.services.exchange_placing import PlaceLine, PlaceOrder, place_order
from pointbook.services.exchange_stock import SetStock, change_stock
from pointbook.services.installation import Installation
from pointbook.services.verifying import verify, verify_ledgers
from tests.support import NOW, member_with_points, server

MUG = {"sku": "mug", "names": {"de": "Becher"}, "pricePoints": 150, "fee": "0.10"}
STOCK = "stock_differs"
PIECES = "exchange_stock_differs"
LINES = "exchange_lines_differ"
POINTS = "exchange_points_differ"
MISSING = "exchange_missing"


@pytest_asyncio.fixture
async def exchanged(installation: Installation, programme: ProgrammeSnapshot) -> ProgrammeSnapshot:
    """Two mugs ordered, of ten; and one more, whose order was cancelled."""
    clara = await member_with_points(installation, programme, 500)
    await save_offer(installation, programme.id, EXCHANGE_ITEMS, MUG, now=NOW)
    await change_stock(installation, server(programme), "mug", SetStock(10, None), "k", now=NOW)
    for pieces in (2, 1):
        command = PlaceOrder([PlaceLine("mug", pieces, 150)], None, str(pieces))
        order = await place_order(installation, clara, command, now=NOW)
    await cancel_order(installation, server(programme), order.id, now=NOW)
    return programme


async def test_a_sound_programme_has_nothing_wrong(
    installation: Installation, exchanged: ProgrammeSnapshot
) -> None:
    [(slug, found)] = await verify_ledgers(installation)
    assert (slug, found.violations, found.accounts) == (exchanged.slug, (), 1)


@pytest.mark.parametrize(
    ("plant", "expected"),
    [
        ("update exchange_item set stock = 7", {STOCK}),
        ("delete from stock_movement where kind = 'SET'", {STOCK}),
        ("delete from stock_movement where kind = 'ORDERED'", {STOCK, PIECES}),
        ("update stock_movement set change = -1 where change = -2", {STOCK, PIECES}),
        ("delete from stock_movement where kind = 'CANCELLED'", {STOCK, PIECES}),
        ("update exchange_order_line set quantity = 3 where quantity = 2", {PIECES, LINES}),
        ("delete from exchange_order_line where quantity = 2", {PIECES, LINES}),
        ("update exchange_order set fee = 0", {LINES}),
        ("update exchange_order set points = 1 where state = 'SUBMITTED'", {LINES, POINTS}),
        ("update exchange_order set public_id = gen_random_uuid()", {POINTS}),
        ("update exchange_order set state = 'CANCELLED', cancelled_at = placed_at", {PIECES, POINTS}),
        (
            "update exchange_order set state = 'EXCHANGED', exchanged_at = placed_at, cancelled_at = null",
            {PIECES, POINTS},
        ),
        ("update exchange_order set entry_seq = 1 where state = 'SUBMITTED'", {POINTS, MISSING}),
    ],
)
async def test_a_violation_is_found(
    installation: Installation,
    exchanged: ProgrammeSnapshot,
    admin: "asyncpg.Connection[asyncpg.Record]",
    plant: str,
    expected: set[str],
) -> None:
    planted = admin.transaction()
    await planted.start()
    try:
        await admin.execute(plant)
        found = await verify(admin, exchanged.id)
    finally:
        await planted.rollback()
    assert {violation.violation for violation in found.violations} == expected
    async with installation.db.bare_transaction(exchanged.id) as connection:
        assert (await verify(connection, exchanged.id)).violations == ()
