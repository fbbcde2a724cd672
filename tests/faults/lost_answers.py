"""Calls through a proxy that loses answers, and what is found of each afterwards.

Every call is known by its number in what it leaves behind, so that one effect too many and one too few are not
mistaken for none. A caller that is told of a broken connection asks again: with the same key, as the product's
callers do, or with a fresh one, which is the control.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from uuid import uuid4

from pointbook import ledger
from pointbook.db.retry import is_transient, retrying
from pointbook.db.session import Database
from pointbook.ledger import Accrual, HoldPoints, NewLot, Request
from pointbook.services import outbox
from tests.faults.proxy import LossyProxy, Tally

_AT_ONCE = 8
_ASKED_AGAIN = 20
_ACCOUNTS = 5
_PLENTY = 1_000_000


@dataclass(frozen=True, slots=True)
class Shop:
    """A programme with members who have plenty of points."""

    programme_id: int
    account_ids: tuple[int, ...]
    now: datetime

    def account_of(self, number: int) -> int:
        return self.account_ids[number % len(self.account_ids)]


Call = Callable[[Database, Shop, int, str], Awaitable[None]]
"""One call: its number and its key. Done again with the same key it must have no second effect."""


async def open_shop(db: Database, programme_id: int, now: datetime) -> Shop:
    async with db.pool.acquire() as connection:
        await ledger.open_programme(connection, programme_id, sandbox=False)
        account_ids = [
            await ledger.open_account(connection, programme_id, uuid4(), now=now) for _ in range(_ACCOUNTS)
        ]
        gifts = [
            Accrual(account_id, "gift", str(account_id), 1, (_lot(_PLENTY, now),)) for account_id in account_ids
        ]
        await ledger.accrue(connection, programme_id, gifts, now=now)
    return Shop(programme_id, tuple(account_ids), now)


async def accrue(db: Database, shop: Shop, number: int, key: str) -> None:
    """One statement outside of a transaction, keyed by its source."""
    accrual = Accrual(shop.account_of(number), "order", key, 1, (_lot(1, shop.now),))
    async with db.pool.acquire() as connection:
        await ledger.accrue(connection, shop.programme_id, [accrual], now=shop.now)


async def redeem(db: Database, shop: Shop, number: int, key: str) -> None:
    """One statement outside of a transaction, keyed by its request."""
    command = HoldPoints(
        hold_id=uuid4(),
        cart=_cart(key),
        points=number + 1,
        limit=_PLENTY,
        minimum_points=0,
        point_value=None,
        lifetime=timedelta(minutes=15),
        code_hash=uuid4().bytes,
        last_four="0000",
    )
    request = Request.of("customer", "redeemPoints", key, number)
    async with db.pool.acquire() as connection:
        await ledger.hold(connection, shop.programme_id, shop.account_of(number), command, request, now=shop.now)


async def adjust(db: Database, shop: Shop, number: int, key: str) -> None:
    """A transaction that ends with COMMIT: an effect, and the message about it."""
    request = Request.of("staff", "adjust", key, number)
    async with db.bare_transaction(shop.programme_id) as connection:
        adjusted = await ledger.adjust(
            connection,
            shop.programme_id,
            shop.account_of(number),
            number + 1,
            lot=_lot(number + 1, shop.now),
            request=request,
            now=shop.now,
        )
        message = {"account": adjusted.account_id, "seq": adjusted.seq, "number": number}
        await outbox.append(connection, shop.programme_id, "points.adjusted", message, now=shop.now)


@dataclass(slots=True)
class Outcome:
    """What became of the calls 0 .. n-1; every one of them was acknowledged in the end."""

    effects: Counter[int]
    calls: int
    tally: Tally
    doubles: int = field(init=False)
    losses: int = field(init=False)

    def __post_init__(self) -> None:
        assert set(self.effects) <= set(range(self.calls)), "an effect of no call of ours"
        self.doubles = sum(times - 1 for times in self.effects.values())
        self.losses = self.calls - len(self.effects)


async def through_lossy_proxy(
    url: str, shop: Shop, call: Call, *, calls: int, fresh_keys: bool, swallow: float = 0.1, cut: float = 0.05
) -> Outcome:
    """Make ``calls`` calls, several at once, each repeated until it is acknowledged; then count their effects."""
    gate = asyncio.Semaphore(_AT_ONCE)
    async with LossyProxy(url, swallow=swallow, cut=cut, seed=calls, is_write=_calls_the_ledger) as proxy:
        lossy = await _connected(proxy.url)

        async def acknowledged(number: int) -> None:
            keys = _keys(number, fresh=fresh_keys)
            async with gate:
                await _insisting(lambda: retrying(lambda: call(lossy, shop, number, next(keys))))

        try:
            async with asyncio.TaskGroup() as group:
                for number in range(calls):
                    group.create_task(acknowledged(number))
        finally:
            await lossy.close()
    sound = await Database.connect(url)
    try:
        return Outcome(await _EFFECTS[call](sound, shop), calls, proxy.tally)
    finally:
        await sound.close()


async def _connected(url: str) -> Database:
    return await Database.connect(url, pool_size=_AT_ONCE)


async def _insisting(call: Callable[[], Awaitable[None]]) -> None:
    for _ in range(_ASKED_AGAIN):
        try:
            return await call()
        except Exception as error:
            if not is_transient(error):
                raise
    raise AssertionError("never acknowledged")


def _keys(number: int, *, fresh: bool) -> Iterator[str]:
    return (f"{number}-{attempt if fresh else 0}" for attempt in count())


def _number_of(key: str) -> int:
    return int(key.split("-", maxsplit=1)[0])


def _calls_the_ledger(text: str) -> bool:
    return "ledger." in text


async def _accrued(db: Database, shop: Shop) -> Counter[int]:
    sources = await _column(db, shop, "select source_id from ledger.entry where source_type = 'order'")
    return Counter(_number_of(str(source)) for source in sources)


async def _redeemed(db: Database, shop: Shop) -> Counter[int]:
    """By points: each call sets another number of points aside."""
    holds = await _column(db, shop, "select points from ledger.hold where state = 'held'")
    return Counter(int(str(points)) - 1 for points in holds)


async def _adjusted(db: Database, shop: Shop) -> Counter[int]:
    transfers = await _column(db, shop, "select points from ledger.transfer where debit = 'adjusted'")
    effects = Counter(int(str(points)) - 1 for points in transfers)
    told = await _column(db, shop, "select payload->>'number' from public.outbox_message")
    assert set(effects) == {int(str(number)) for number in told}, (
        "an effect without its message, or the reverse (I11)"
    )
    return effects


_EFFECTS: dict[Call, Callable[[Database, Shop], Awaitable[Counter[int]]]] = {
    accrue: _accrued,
    redeem: _redeemed,
    adjust: _adjusted,
}


async def _column(db: Database, shop: Shop, query: str) -> list[object]:
    async with db.bare_transaction(shop.programme_id) as connection:
        return [row[0] for row in await connection.fetch(query)]


def _lot(points: int, now: datetime) -> NewLot:
    return NewLot(points, Decimal(5), available_from=now, expires_at=None)


def _cart(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
