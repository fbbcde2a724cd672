"""Races on the ledger over real connections: who starts them, and what came of them.

The tests run them small, ``python -m bench.races`` runs them large. Every call is a transaction of its own and is
made once: no retry hides a wrong answer.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import asyncpg

from pointbook import ledger
from pointbook.domain.errors import PointbookError
from pointbook.domain.programme_settings import Clawback

QUARTER = timedelta(minutes=15)
NO_LIMIT = 10**9
Call = Callable[[asyncpg.Connection], Awaitable[object]]


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


@dataclass(frozen=True, slots=True)
class Arena:
    """A sandbox programme (its clock may stand anywhere) and the connections that fight in it."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    programme_id: int
    now: datetime

    async def account(self, *lots: int) -> int:
        """A new account with available lots of so many points, at 5 minor units a point."""
        async with self.pool.acquire() as connection:
            account_id = await ledger.open_account(connection, self.programme_id, uuid4(), now=self.now)
            if lots:
                await ledger.accrue(connection, self.programme_id, [self.accrual(account_id, *lots)], now=self.now)
        return account_id

    def accrual(self, account_id: int, *lots: int, source: str | None = None) -> ledger.Accrual:
        new = tuple(ledger.NewLot(points, Decimal(5), self.now, None, None) for points in lots)
        return ledger.Accrual(account_id, "order", source or str(uuid4()), 1, new)

    async def hold(
        self,
        connection: asyncpg.Connection,
        account_id: int,
        points: int,
        cart: str,
        key: str | None = None,
        *,
        now: datetime | None = None,
    ) -> ledger.Hold:
        asked = ledger.HoldPoints(
            hold_id=uuid4(),
            cart=digest(cart),
            points=points,
            limit=NO_LIMIT,
            minimum_points=0,
            point_value=None,
            lifetime=QUARTER,
            code_hash=digest(str(uuid4())),
            last_four="ABCD",
        )
        request = ledger.Request.of("racer", "hold", key or str(uuid4()), cart, points)
        return await ledger.hold(connection, self.programme_id, account_id, asked, request, now=now or self.now)

    async def capture(
        self, connection: asyncpg.Connection, hold_id: UUID, now: datetime | None = None
    ) -> ledger.Hold:
        request = ledger.Request.of("racer", "capture", str(uuid4()))
        return await ledger.capture(
            connection, self.programme_id, hold_id, None, "order", str(uuid4()), request, now=now or self.now
        )

    async def capture_late(
        self, connection: asyncpg.Connection, hold_id: UUID, source: str, now: datetime
    ) -> ledger.LateCapture:
        command = ledger.LatePurchase(hold_id, ledger.Source("order", source), None, may_owe=False)
        return await ledger.capture_late(connection, self.programme_id, command, None, now=now)

    async def release(self, connection: asyncpg.Connection, hold_id: UUID) -> ledger.Hold:
        request = ledger.Request.of("racer", "release", str(uuid4()))
        return await ledger.release(connection, self.programme_id, None, hold_id, request, now=self.now)

    async def extend(self, connection: asyncpg.Connection, account_id: int, hold_id: UUID) -> ledger.Hold:
        request = ledger.Request.of("racer", "extend", str(uuid4()))
        return await ledger.extend(
            connection, self.programme_id, account_id, hold_id, QUARTER, 10, request, now=self.now
        )

    async def give_back(
        self, connection: asyncpg.Connection, hold_id: UUID, points: int, source: str | None = None
    ) -> ledger.GivenBack:
        asked = ledger.GiveBack(hold_id, points, None)
        return await ledger.give_back(connection, self.programme_id, asked, _return(source), now=self.now)

    async def reverse(
        self, connection: asyncpg.Connection, order: str, points: int, source: str | None = None
    ) -> ledger.Reversed:
        """Takes back what the order earned, as far as the member has it."""
        asked = ledger.Reversal(ledger.Source("order", order), points, Clawback.WITHIN_BALANCE)
        return await ledger.reverse(connection, self.programme_id, asked, _return(source), now=self.now)

    async def adjust(self, connection: asyncpg.Connection, account_id: int, points: int) -> ledger.Adjusted:
        request = ledger.Request.of("racer", "adjust", str(uuid4()))
        return await ledger.adjust(
            connection, self.programme_id, account_id, points, request=request, now=self.now
        )

    async def merge(
        self, connection: asyncpg.Connection, target: int, source: int, done_for: str | None = None
    ) -> ledger.Merged:
        for_ = ledger.Source("merge", done_for or str(uuid4()))
        return await ledger.merge(
            connection, self.programme_id, target, source, single_bonus=None, for_=for_, now=self.now
        )

    async def sweep(self, connection: asyncpg.Connection, now: datetime) -> int:
        return await ledger.sweep(connection, self.programme_id, limit=1000, now=now)

    async def balance(self, account_id: int, *, now: datetime | None = None) -> ledger.Balance:
        now = now or self.now
        async with self.pool.acquire() as connection:
            return await ledger.balance(connection, self.programme_id, account_id, as_of=now, now=now)

    async def violations(self) -> list[ledger.Violation]:
        async with self.pool.acquire() as connection:
            return await ledger.violations(connection, self.programme_id)


def _return(source: str | None) -> ledger.Source:
    return ledger.Source("return", source or str(uuid4()))


@asynccontextmanager
async def arena(url: str, programme_id: int, now: datetime, connections: int = 8) -> AsyncIterator[Arena]:
    async with asyncpg.create_pool(url, min_size=connections, max_size=connections) as pool:
        async with pool.acquire() as connection:
            await ledger.open_programme(connection, programme_id, sandbox=True)
        yield Arena(pool, programme_id, now)


async def race(pool: "asyncpg.Pool[asyncpg.Record]", calls: Iterable[Call]) -> list[object]:
    """Run the calls with as much at a time as the pool has connections; answers and errors, in their order."""

    async def run(call: Call) -> object:
        async with pool.acquire() as connection:
            return await call(connection)

    return await asyncio.gather(*(run(call) for call in calls), return_exceptions=True)


def tally(answers: Iterable[object]) -> Counter[str]:
    """How often which answer: ``ok``, a refusal by its name, a defect as ``defect: ...``."""
    return Counter(_name(answer) for answer in answers)


def _name(answer: object) -> str:
    if isinstance(answer, PointbookError):
        return type(answer).__name__
    if isinstance(answer, BaseException):
        return f"defect: {type(answer).__name__}"
    return "ok"


@dataclass(frozen=True, slots=True)
class Spent:
    """What double spending came to: ``possible`` is how many attempts had to succeed."""

    possible: int
    outcomes: Counter[str]
    captured_points: int
    left: int
    violations: int

    def exact(self) -> bool:
        others = set(self.outcomes) - {"ok", "InsufficientPoints"}
        return self.outcomes["ok"] == self.possible and not others and not self.violations


async def double_spend(scene: Arena, *, accounts: int, attempts: int, lots: tuple[int, ...], points: int) -> Spent:
    """Everybody wants ``points`` of an account that has too few for all, and spends at once what they get."""
    ids = [await scene.account(*lots) for _ in range(accounts)]

    def attempt(number: int) -> Call:
        async def spend(connection: asyncpg.Connection) -> object:
            held = await scene.hold(connection, ids[number % accounts], points, f"cart {number}")
            return await scene.capture(connection, held.hold_id)

        return spend

    answers = await race(scene.pool, (attempt(number) for number in range(attempts)))
    balances = [await scene.balance(account_id) for account_id in ids]
    return Spent(
        possible=min(sum(lots) // points, attempts // accounts) * accounts,
        outcomes=tally(answers),
        captured_points=sum(answer.captured_points or 0 for answer in answers if isinstance(answer, ledger.Hold)),
        left=sum(balance.available for balance in balances),
        violations=len(await scene.violations()),
    )
