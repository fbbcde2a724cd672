"""A programme, an account and a pen: what the ledger's tests write and read with, at instants they name."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import asyncpg

from pointbook import ledger
from pointbook.db.session import Connection
from pointbook.domain.programme_settings import Clawback

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
NO_LIMIT = 10**9


def at(day: str) -> datetime:
    """``2026-03-31`` or ``2026-03-31T12:30``, in UTC."""
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def minutes(count: float) -> datetime:
    """So many minutes after noon."""
    return NOON + timedelta(minutes=count)


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def request(operation: str, key: str | None = None, *values: object) -> ledger.Request:
    return ledger.Request.of("tester", operation, key or str(uuid4()), *values)


def returned_order(external_id: str | None = None) -> ledger.Source:
    return ledger.Source("return", external_id or str(uuid4()))


def lot(
    points: int,
    *,
    value: str = "5",
    available: datetime | None = None,
    expires: datetime | None = None,
    now: datetime = NOON,
) -> ledger.NewLot:
    """``value`` in minor units per point; available at once and never expiring unless stated."""
    return ledger.NewLot(points, Decimal(value), available or now, expires, 1)


@dataclass(frozen=True)
class Desk:
    connection: Connection
    programme_id: int
    account_id: int

    @classmethod
    async def open(cls, connection: Connection, programme_id: int) -> "Desk":
        """Sandbox: its clock may stand anywhere."""
        await ledger.open_programme(connection, programme_id, sandbox=True)
        return cls(
            connection, programme_id, await ledger.open_account(connection, programme_id, uuid4(), now=NOON)
        )

    async def second_account(self) -> "Desk":
        account_id = await ledger.open_account(self.connection, self.programme_id, uuid4(), now=NOON)
        return replace(self, account_id=account_id)

    async def earn(
        self, *lots: ledger.NewLot, now: datetime = NOON, source: str | None = None, occurrence: int = 1
    ) -> ledger.Accrued:
        accrual = ledger.Accrual(self.account_id, "order", source or str(uuid4()), occurrence, lots)
        [accrued] = await ledger.accrue(self.connection, self.programme_id, [accrual], now=now)
        return accrued

    async def hold(
        self,
        points: int | None,
        *,
        cart: str = "cart",
        limit: int = NO_LIMIT,
        minimum: int = 0,
        point_value: str | None = None,
        lifetime: timedelta = QUARTER,
        key: str | None = None,
        now: datetime = NOON,
    ) -> ledger.Hold:
        hold_id = uuid4()
        asked = ledger.HoldPoints(
            hold_id=hold_id,
            cart=digest(cart),
            points=points,
            limit=limit,
            minimum_points=minimum,
            point_value=None if point_value is None else Decimal(point_value),
            lifetime=lifetime,
            code_hash=digest(str(hold_id)),
            last_four="ABCD",
        )
        keyed = request("hold", key, cart, points, limit)
        return await ledger.hold(self.connection, self.programme_id, self.account_id, asked, keyed, now=now)

    async def quote(
        self,
        points: int | None,
        *,
        cart: str = "cart",
        limit: int = NO_LIMIT,
        minimum: int = 0,
        point_value: str | None = None,
        now: datetime = NOON,
    ) -> ledger.Quote:
        return await ledger.quote(
            self.connection,
            self.programme_id,
            self.account_id,
            digest(cart),
            points,
            limit,
            minimum,
            None if point_value is None else Decimal(point_value),
            now=now,
        )

    async def extend(
        self, hold: ledger.Hold, *, now: datetime, maximum: int = 10, key: str | None = None
    ) -> ledger.Hold:
        return await ledger.extend(
            self.connection,
            self.programme_id,
            self.account_id,
            hold.hold_id,
            QUARTER,
            maximum,
            request("extend", key, hold.hold_id),
            now=now,
        )

    async def release(
        self, hold: ledger.Hold, *, now: datetime, by_server: bool = False, key: str | None = None
    ) -> ledger.Hold:
        return await ledger.release(
            self.connection,
            self.programme_id,
            None if by_server else self.account_id,
            hold.hold_id,
            request("release", key, hold.hold_id),
            now=now,
        )

    async def capture(
        self,
        hold: ledger.Hold,
        amount: int | None = None,
        *,
        now: datetime,
        source: str | None = None,
        key: str | None = None,
    ) -> ledger.Hold:
        return await ledger.capture(
            self.connection,
            self.programme_id,
            hold.hold_id,
            amount,
            "order" if source else None,
            source,
            request("capture", key, hold.hold_id, amount) if key else None,
            now=now,
        )

    async def capture_late(
        self,
        hold: ledger.Hold,
        amount: int | None = None,
        *,
        source: str | None = None,
        purchase: int = 1,
        may_owe: bool = True,
        key: str | None = None,
        now: datetime,
    ) -> ledger.LateCapture:
        bought = ledger.Source("order", source or str(hold.hold_id), purchase)
        command = ledger.LatePurchase(hold.hold_id, bought, amount, may_owe)
        keyed = request("capture", key, hold.hold_id, amount) if key else None
        return await ledger.capture_late(self.connection, self.programme_id, command, keyed, now=now)

    async def adjust(
        self,
        points: int,
        *,
        plus: ledger.NewLot | None = None,
        allow_negative: bool = False,
        key: str | None = None,
        now: datetime = NOON,
    ) -> ledger.Adjusted:
        return await ledger.adjust(
            self.connection,
            self.programme_id,
            self.account_id,
            points,
            lot=plus,
            allow_negative=allow_negative,
            request=request("adjust", key, points),
            now=now,
        )

    async def spend(
        self, points: int, source: str | None = None, *, key: str | None = None, now: datetime = NOON
    ) -> ledger.Spent:
        bought = ledger.Source("exchange_order", source or str(uuid4()))
        keyed = request("spend", key, points)
        return await ledger.spend(
            self.connection, self.programme_id, self.account_id, points, bought, request=keyed, now=now
        )

    async def unspend(
        self, spent: ledger.Spent, *, grace: datetime | None = None, now: datetime
    ) -> ledger.GivenBack:
        undone = ledger.Source("undone", spent.source.id)
        return await ledger.unspend(
            self.connection, self.programme_id, spent.source, undone, grace_expires_at=grace, now=now
        )

    async def give_back(
        self,
        hold: ledger.Hold,
        points: int,
        *,
        grace: datetime | None = None,
        source: str | None = None,
        purchase: int = 1,
        now: datetime,
    ) -> ledger.GivenBack:
        asked = ledger.GiveBack(hold.hold_id, points, grace, purchase)
        return await ledger.give_back(self.connection, self.programme_id, asked, returned_order(source), now=now)

    async def reverse(
        self,
        order: str,
        points: int,
        policy: Clawback = Clawback.ALLOW_NEGATIVE,
        *,
        source: str | None = None,
        now: datetime,
    ) -> ledger.Reversed:
        """Takes back of what ``earn(source=order)`` granted."""
        asked = ledger.Reversal(ledger.Source("order", order), points, policy)
        return await ledger.reverse(self.connection, self.programme_id, asked, returned_order(source), now=now)

    async def return_order(
        self,
        hold: ledger.Hold,
        points: int,
        order: str,
        reversed_points: int,
        *,
        source: str | None = None,
        key: str | None = None,
        now: datetime,
    ) -> ledger.Returned:
        return await ledger.return_order(
            self.connection,
            self.programme_id,
            ledger.GiveBack(hold.hold_id, points, None),
            ledger.Reversal(ledger.Source("order", order), reversed_points, Clawback.ALLOW_NEGATIVE),
            returned_order(source),
            request=request("return", key, points, reversed_points) if key else None,
            now=now,
        )

    async def merge(
        self, source: "Desk", *, single_bonus: str | None = None, done_for: str | None = None, now: datetime
    ) -> ledger.Merged:
        """The other account into this one."""
        return await ledger.merge(
            self.connection,
            self.programme_id,
            self.account_id,
            source.account_id,
            single_bonus=single_bonus,
            for_=ledger.Source("merge", done_for or str(uuid4())),
            now=now,
        )

    async def sign_up(self, *lots: ledger.NewLot, now: datetime = NOON) -> ledger.Accrued:
        accrual = ledger.Accrual(self.account_id, "sign_up", str(uuid4()), 1, lots)
        [accrued] = await ledger.accrue(self.connection, self.programme_id, [accrual], now=now)
        return accrued

    async def restrict(self, *, may_earn: bool, may_spend: bool) -> None:
        await ledger.restrict(
            self.connection, self.programme_id, self.account_id, may_earn=may_earn, may_spend=may_spend, now=NOON
        )

    async def balance(
        self, now: datetime = NOON, *, as_of: datetime | None = None, point_value: str | None = None
    ) -> ledger.Balance:
        value = None if point_value is None else Decimal(point_value)
        return await ledger.balance(
            self.connection, self.programme_id, self.account_id, as_of=as_of, now=now, point_value=value
        )

    async def available(self, now: datetime = NOON) -> int:
        return (await self.balance(now)).available

    async def history(
        self, now: datetime, *, first: int = 100, before: int | None = None
    ) -> list[ledger.HistoryEntry]:
        """Newest first."""
        return await ledger.history(
            self.connection, self.programme_id, self.account_id, now=now, first=first, before_seq=before
        )

    async def own_history(self, now: datetime, *, first: int = 100) -> list[ledger.HistoryEntry]:
        """Newest first, of this account alone."""
        return await ledger.own_history(self.connection, self.programme_id, self.account_id, now=now, first=first)

    async def story(self, now: datetime) -> list[tuple[str, datetime, int, int]]:
        """Oldest first: kind, instant, effect on what is owned, effect on what is held."""
        return [(row.kind, row.at, row.points, row.held) for row in reversed(await self.history(now))]

    async def page(self, now: datetime, *, until: datetime, history: int = 20) -> ledger.AccountPage:
        return await ledger.account_page(
            self.connection, self.programme_id, self.account_id, now=now, expiring_until=until, history=history
        )

    async def sweep(self, now: datetime, limit: int = 100) -> int:
        return await ledger.sweep(self.connection, self.programme_id, limit=limit, now=now)

    async def parts(self, hold: ledger.Hold) -> Sequence[int]:
        """How many points the hold's entry took of each lot, in its order."""
        rows = await self.read(
            "select t.points from ledger.transfer t join ledger.entry e using (programme_id, account_id, seq)"
            f" where e.kind = 'hold' and e.hold_id = '{hold.hold_id}' order by t.line"
        )
        return [row["points"] for row in rows]

    async def read(self, query: str) -> list[asyncpg.Record]:
        """Rows of the ledger's tables, as the application may read them."""
        async with self.connection.transaction():
            await self.connection.execute("select set_config('app.programme', $1, true)", str(self.programme_id))
            rows: list[asyncpg.Record] = await self.connection.fetch(query)
            return rows

    async def assert_sound(self) -> None:
        """Every scenario ends with it (domain.md, section 4)."""
        verification = await ledger.verify(self.connection, self.programme_id)
        assert verification.accounts > 0
        assert verification.violations == ()
