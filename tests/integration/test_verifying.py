"""What `pointbook verify` finds of exchange orders and stock: each kind of violation, planted."""

from collections.abc import Sequence
from typing import TypeAlias

import asyncpg
import pytest
import pytest_asyncio

from pointbook.ledger import Violation
from pointbook.services.catalogue import EXCHANGE_ITEMS, save_offer
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.exchange_deciding import cancel_order
from pointbook.services.exchange_placing import PlaceLine, PlaceOrder, place_order
from pointbook.services.exchange_stock import SetStock, change_stock
from pointbook.services.installation import Installation
from pointbook.services.leaving import Confirmed, leave
from pointbook.services.verifying import verify, verify_ledgers
from tests.support import MINUTE, NOW, member_with_points, server

MUG = {"sku": "mug", "names": {"de": "Becher"}, "pricePoints": 150, "fee": "0.10"}
STOCK = "stock_differs"
PIECES = "exchange_stock_differs"
LINES = "exchange_lines_differ"
POINTS = "exchange_points_differ"
MISSING = "exchange_missing"
Admin: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


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


async def found_after(admin: Admin, programme: ProgrammeSnapshot, plant: str) -> Sequence[Violation]:
    """What is wrong in the programme once that was planted, of which nothing stays."""
    planted = admin.transaction()
    await planted.start()
    try:
        await admin.execute(plant)
        return (await verify(admin, programme.id)).violations
    finally:
        await planted.rollback()


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
    admin: Admin,
    plant: str,
    expected: set[str],
) -> None:
    found = await found_after(admin, exchanged, plant)
    assert {violation.violation for violation in found} == expected
    async with installation.db.bare_transaction(exchanged.id) as connection:
        assert (await verify(connection, exchanged.id)).violations == ()


async def test_what_was_cancelled_gave_its_points_back_unless_its_member_had_left_before(
    installation: Installation, exchanged: ProgrammeSnapshot, admin: Admin
) -> None:
    """R34: also if the member left while the staff cancelled, so that their call is the older one."""
    staff = server(exchanged)
    await leave(installation, staff, "c-1", Confirmed(200, 0), "leave", now=NOW)
    of = "exchange_order where programme_id = $1 and state = 'SUBMITTED'"
    waiting = await admin.fetchval(f"select public_id from {of}", exchanged.id)
    cancelled = await cancel_order(installation, staff, waiting, now=NOW - MINUTE)
    assert cancelled.cancelled_at == NOW
    assert (await verify(admin, exchanged.id)).violations == ()
    [found] = await found_after(
        admin, exchanged, "update exchange_order set cancelled_at = placed_at - interval '1 minute'"
    )
    assert (found.violation, found.detail) == (POINTS, f"exchange order {waiting}")
