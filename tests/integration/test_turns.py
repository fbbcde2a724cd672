"""A customer whose account is locked or busy keeps nobody else waiting: all share the connections."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Final
from uuid import uuid4

import asyncpg
import pytest

from pointbook import ledger
from pointbook.db.queries.customers import lock_customer
from pointbook.services import redemption, turns
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from pointbook.services.members import set_redemption_lock
from pointbook.services.redemption import Capture, Voucher
from pointbook.services.turns import Turns
from tests.support import (
    NOW,
    cart,
    customer,
    join_member,
    member_with_points,
    order_document,
    outcomes,
    redeem,
    server,
    spendable,
)

CALLS: Final = 12
"""More than there are connections."""


async def _redeem(shop: Installation, programme: ProgrammeSnapshot, _: Voucher) -> object:
    return await redeem(shop, programme, 10, of=cart(uuid4().hex))


async def _extend(shop: Installation, programme: ProgrammeSnapshot, voucher: Voucher) -> object:
    return await redemption.extend(shop, customer(programme), voucher.hold_id, "extend", now=NOW)


async def _cancel(shop: Installation, programme: ProgrammeSnapshot, voucher: Voucher) -> object:
    return await redemption.cancel(shop, customer(programme), voucher.hold_id, "cancel", now=NOW)


async def _capture(shop: Installation, programme: ProgrammeSnapshot, voucher: Voucher) -> object:
    return await redemption.capture(shop, server(programme), Capture(voucher.code, "capture"), now=NOW)


async def _release(shop: Installation, programme: ProgrammeSnapshot, voucher: Voucher) -> object:
    return await redemption.release(shop, server(programme), voucher.code, "release", now=NOW)


async def _report(shop: Installation, programme: ProgrammeSnapshot, _: Voucher) -> object:
    return await submit_order(shop, programme.id, order_document(uuid4().hex), now=NOW)


async def _restrict(shop: Installation, programme: ProgrammeSnapshot, _: Voucher) -> object:
    return await set_redemption_lock(shop, programme.id, "c-1", locked=True, now=NOW)


@pytest.mark.parametrize("call", [_redeem, _extend, _cancel, _capture, _release, _report, _restrict])
async def test_a_locked_account_occupies_one_connection(
    installation: Installation,
    programme: ProgrammeSnapshot,
    database_url: str,
    call: Callable[[Installation, ProgrammeSnapshot, Voucher], Coroutine[None, None, object]],
) -> None:
    await member_with_points(installation, programme, 1_000)
    await member_with_points(installation, programme, 70, external_id="c-2")
    voucher = await redeem(installation, programme, 100)
    async with _account_locked(programme, voucher, database_url):
        waiting = [asyncio.create_task(call(installation, programme, voucher)) for _ in range(CALLS)]
        await asyncio.sleep(0.1)
        async with asyncio.timeout(2):
            assert await spendable(installation, programme, "c-2") == 70
            await redeem(installation, programme, 20, external_id="c-2")
        assert not any(task.done() for task in waiting)
    async with asyncio.timeout(5):
        await asyncio.gather(*waiting)


async def test_a_locked_customer_who_joins_occupies_one_connection(
    installation: Installation, programme: ProgrammeSnapshot, database_url: str
) -> None:
    await member_with_points(installation, programme, 70, external_id="c-2")
    connection = await asyncpg.connect(database_url)
    async with connection.transaction():
        await connection.execute("select set_config('app.programme', $1, true)", str(programme.id))
        assert await lock_customer(connection, programme.id, "c-1") is None
        waiting = [asyncio.create_task(join_member(installation, programme)) for _ in range(CALLS)]
        await asyncio.sleep(0.1)
        async with asyncio.timeout(2):
            await redeem(installation, programme, 20, external_id="c-2")
        assert not any(task.done() for task in waiting)
    await connection.close()
    async with asyncio.timeout(5):
        joined = await asyncio.gather(*waiting)
    assert sum(answer.created for answer in joined) == 1


async def test_turns_are_taken_one_at_a_time_in_the_order_of_coming() -> None:
    line, seen = Turns(), list[str]()

    async def write(name: str, whose: int) -> None:
        async with line.turn(1, whose):
            seen.append(name)
            await asyncio.sleep(0.01)
            seen.append(name)

    await asyncio.gather(write("a", 1), write("b", 1), write("c", 1), write("other", 2))
    assert [name for name in seen if name != "other"] == ["a", "a", "b", "b", "c", "c"]
    assert seen.index("other") == 1


async def test_who_gives_up_or_fails_lets_the_next_one_go() -> None:
    line = Turns()
    with pytest.raises(ValueError, match="no"):
        async with line.turn(1, 1):
            raise ValueError("no")
    async with line.turn(1, 1):
        async with asyncio.timeout(1):
            given_up = asyncio.create_task(_take(line))
            next_one = asyncio.create_task(_take(line))
            await asyncio.sleep(0)
            given_up.cancel()
            await asyncio.wait([given_up])
    await asyncio.wait_for(next_one, 1)


async def test_nobody_waits_longer_than_for_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "TURN_SECONDS", 0.05)
    line = Turns()
    async with line.turn(1, 1):
        told = await asyncio.gather(*(_take(line) for _ in range(3)), return_exceptions=True)
    assert outcomes(told, TimeoutError) == 3
    await _take(line)


async def test_nothing_is_kept_of_whom_nobody_writes_about() -> None:
    line = Turns()
    for whose in range(100):
        async with line.turn(1, whose):
            assert len(line._locks) == 1
    assert not line._locks


async def _take(line: Turns) -> None:
    async with line.turn(1, 1):
        pass


@contextlib.asynccontextmanager
async def _account_locked(programme: ProgrammeSnapshot, voucher: Voucher, url: str) -> AsyncIterator[None]:
    """By another process, until the block ends."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("select set_config('app.programme', $1, true)", str(programme.id))
            account_id = await connection.fetchval(
                "select account_id from ledger.hold where hold_id = $1", voucher.hold_id
            )
            assert await ledger.lock(connection, programme.id, [account_id]) == {account_id: account_id}
            yield
    finally:
        await connection.close()
