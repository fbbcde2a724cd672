"""Whatever moves points says whose, so that who watches the account hears of it."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from pointbook import ledger
from pointbook.db import moves
from tests.ledger.desk import NOON, QUARTER, Desk, digest, lot, minutes, request


async def _hold(desk: Desk) -> ledger.Hold:
    await desk.earn(lot(100))
    return await desk.hold(60)


async def _accrue(desk: Desk) -> Callable[[], Awaitable[Any]]:
    return lambda: desk.earn(lot(100))


async def _adjust(desk: Desk) -> Callable[[], Awaitable[Any]]:
    return lambda: desk.adjust(10, plus=lot(10))


async def _hold_points(desk: Desk) -> Callable[[], Awaitable[Any]]:
    await desk.earn(lot(100))
    return lambda: desk.hold(60)


async def _extend(desk: Desk) -> Callable[[], Awaitable[Any]]:
    hold = await _hold(desk)
    return lambda: desk.extend(hold, now=minutes(1))


async def _release(desk: Desk) -> Callable[[], Awaitable[Any]]:
    hold = await _hold(desk)
    return lambda: desk.release(hold, now=minutes(1), by_server=True)


async def _capture(desk: Desk) -> Callable[[], Awaitable[Any]]:
    hold = await _hold(desk)
    return lambda: desk.capture(hold, now=minutes(1))


async def _capture_late(desk: Desk) -> Callable[[], Awaitable[Any]]:
    hold = await _hold(desk)
    return lambda: desk.capture_late(hold, now=NOON + 2 * QUARTER)


async def _spend(desk: Desk) -> Callable[[], Awaitable[Any]]:
    await desk.earn(lot(100))
    return lambda: desk.spend(40)


async def _unspend(desk: Desk) -> Callable[[], Awaitable[Any]]:
    await desk.earn(lot(100))
    spent = await desk.spend(40)
    return lambda: desk.unspend(spent, now=minutes(1))


async def _return_order(desk: Desk) -> Callable[[], Awaitable[Any]]:
    await desk.earn(lot(100), source="o-1")
    return lambda: desk.reverse("o-1", 30, now=minutes(1))


async def _give_back(desk: Desk) -> Callable[[], Awaitable[Any]]:
    hold = await _hold(desk)
    await desk.capture(hold, now=minutes(1))
    return lambda: desk.give_back(hold, 20, now=minutes(2))


def _buying(desk: Desk) -> tuple[ledger.NewCard, Callable[[], Awaitable[Any]]]:
    card_id = uuid4()
    card = ledger.NewCard(card_id, 50, "EUR", 500, None, digest(card_id.hex), "ABCD")
    return card, lambda: ledger.buy_card(
        desk.connection, desk.programme_id, desk.account_id, card, request("buy"), now=NOON
    )


async def _buy_card(desk: Desk) -> Callable[[], Awaitable[Any]]:
    await desk.earn(lot(100))
    return _buying(desk)[1]


async def _void_card(desk: Desk) -> Callable[[], Awaitable[Any]]:
    await desk.earn(lot(100))
    card, buy = _buying(desk)
    await buy()
    return lambda: ledger.void_card(
        desk.connection, desk.programme_id, card.card_id, grace_expires_at=None, now=minutes(1)
    )


async def _forfeit(desk: Desk) -> Callable[[], Awaitable[Any]]:
    await _hold(desk)
    return lambda: ledger.forfeit(
        desk.connection, desk.programme_id, desk.account_id, request=request("leave"), now=minutes(1)
    )


MOVES: dict[str, Callable[[Desk], Awaitable[Callable[[], Awaitable[Any]]]]] = {
    "accrue": _accrue,
    "adjust": _adjust,
    "hold": _hold_points,
    "extend": _extend,
    "release": _release,
    "capture": _capture,
    "capture_late": _capture_late,
    "spend": _spend,
    "unspend": _unspend,
    "return_order": _return_order,
    "return_order, giving back": _give_back,
    "buy_card": _buy_card,
    "void_card": _void_card,
    "forfeit": _forfeit,
}
MOVE_NOTHING_SEEN = {
    "open_programme",
    "open_account",  # there was nobody to watch it
    "restrict",  # says what may happen, which is no change of points
    "lock_accounts",
    "sweep",  # writes down what whoever reads has counted already
    "sweep_cards",
    "hold_card",  # the money of cards
    "release_card",
    "use_card",
    "refund_card",
}


@pytest.mark.parametrize("move", MOVES)
async def test_who_moves_points_says_whose(desk: Desk, move: str) -> None:
    act = await MOVES[move](desk)
    await desk.second_account()
    moves.begin(desk.connection)
    await act()
    assert moves.taken(desk.connection) == {(desk.programme_id, desk.account_id)}


async def test_a_merge_moves_both_accounts(desk: Desk) -> None:
    other = await desk.second_account()
    await other.earn(lot(50))
    moves.begin(desk.connection)
    await desk.merge(other, now=minutes(1))
    assert moves.taken(desk.connection) == {
        (desk.programme_id, desk.account_id),
        (desk.programme_id, other.account_id),
    }


async def test_who_only_reads_says_nothing(desk: Desk) -> None:
    hold = await _hold(desk)
    moves.begin(desk.connection)
    await desk.balance()
    await desk.history(NOON)
    await desk.quote(10)
    await desk.sweep(hold.expires_at)
    assert moves.taken(desk.connection) == set()


async def test_no_function_that_writes_was_forgotten(admin: "asyncpg.Connection[asyncpg.Record]") -> None:
    rows = await admin.fetch(
        "select distinct proname from pg_proc where pronamespace = 'ledger'::regnamespace and provolatile = 'v'"
        " and has_function_privilege('pointbook_app', oid, 'execute')"
    )
    writing = {row["proname"] for row in rows}
    assert {"merge", *(move.partition(",")[0] for move in MOVES)} | MOVE_NOTHING_SEEN == writing
