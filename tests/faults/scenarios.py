"""What is done through the lossy proxy: bare calls of the ledger, and the use cases above it."""

import hashlib
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import uuid4

from pointbook import ledger
from pointbook.db.session import Database
from pointbook.domain.redemption import parse_cart
from pointbook.ledger import Accrual, HoldPoints, NewLot, Request
from pointbook.services import intake, outbox, redemption
from pointbook.services.bookings import submit_booking
from pointbook.services.installation import Installation
from tests.faults.lost_answers import Call
from tests.faults.market import Market, read_books
from tests.support import booking_document

_ACCOUNTS = 5
_PLENTY = 1_000_000
_TOLD = "select payload->>'number' from public.outbox_message where topic = 'points.adjusted'"
_LATER = (
    "select id from public.outbox_message where topic = 'points.credited' and due_at > now() + interval '1 day'"
)


@dataclass(frozen=True, slots=True)
class Accounts:
    """Accounts of a programme in the ledger, with plenty of points."""

    programme_id: int
    ids: tuple[int, ...]
    now: datetime

    def of(self, number: int) -> int:
        return self.ids[number % len(self.ids)]


async def open_accounts(db: Database, programme_id: int, now: datetime) -> Accounts:
    async with db.pool.acquire() as connection:
        await ledger.open_programme(connection, programme_id, sandbox=False)
        ids = [await ledger.open_account(connection, programme_id, uuid4(), now=now) for _ in range(_ACCOUNTS)]
        gifts = [Accrual(account_id, "gift", str(account_id), 1, (_lot(_PLENTY, now),)) for account_id in ids]
        await ledger.accrue(connection, programme_id, gifts, now=now)
    return Accounts(programme_id, tuple(ids), now)


@dataclass(frozen=True, slots=True)
class Accruals:
    """One statement outside of a transaction, keyed by its source."""

    accounts: Accounts

    def on(self, db: Database) -> Call:
        async def call(number: int, key: str) -> None:
            accounts = self.accounts
            accrual = Accrual(accounts.of(number), "order", key, 1, (_lot(1, accounts.now),))
            async with db.pool.acquire() as connection:
                await ledger.accrue(connection, accounts.programme_id, [accrual], now=accounts.now)

        return call

    async def effects(self, db: Database) -> Counter[int]:
        query = "select source_id from ledger.entry where source_type = 'order'"
        sources = await _column(db, self.accounts.programme_id, query)
        return Counter(int(str(source).split("-", maxsplit=1)[0]) for source in sources)


@dataclass(frozen=True, slots=True)
class Holds:
    """One statement outside of a transaction, keyed by its request. Known by how many points it sets aside."""

    accounts: Accounts

    def on(self, db: Database) -> Call:
        async def call(number: int, key: str) -> None:
            accounts = self.accounts
            request = Request.of("customer", "redeemPoints", key, number)
            async with db.pool.acquire() as connection:
                await ledger.hold(
                    connection,
                    accounts.programme_id,
                    accounts.of(number),
                    hold_of_points(number + 1, key),
                    request,
                    now=accounts.now,
                )

        return call

    async def effects(self, db: Database) -> Counter[int]:
        points = await _column(
            db, self.accounts.programme_id, "select points from ledger.hold where state = 'held'"
        )
        return Counter(int(str(held)) - 1 for held in points)


@dataclass(frozen=True, slots=True)
class Adjustments:
    """A transaction that ends with COMMIT: an effect, and the message about it. Known by how many points."""

    accounts: Accounts

    def on(self, db: Database) -> Call:
        async def call(number: int, key: str) -> None:
            accounts = self.accounts
            async with db.bare_transaction(accounts.programme_id) as connection:
                await ledger.adjust(
                    connection,
                    accounts.programme_id,
                    accounts.of(number),
                    number + 1,
                    lot=_lot(number + 1, accounts.now),
                    request=Request.of("staff", "adjust", key, number),
                    now=accounts.now,
                )
                await outbox.append(
                    connection, accounts.programme_id, "points.adjusted", {"number": number}, now=accounts.now
                )

        return call

    async def effects(self, db: Database) -> Counter[int]:
        programme_id = self.accounts.programme_id
        points = await _column(db, programme_id, "select points from ledger.transfer where debit = 'adjusted'")
        effects = Counter(int(str(added)) - 1 for added in points)
        told = await _column(db, programme_id, _TOLD)
        assert set(effects) == {int(str(number)) for number in told}, (
            "an effect without its message, or the reverse"
        )
        return effects


@dataclass(frozen=True, slots=True)
class Orders:
    """The use case of intake: rows of its own, the ledger and a message in one transaction."""

    market: Market
    now: datetime

    def on(self, db: Database) -> Call:
        installation = Installation.of(db, self.market.secret)
        market = self.market

        async def call(number: int, key: str) -> None:
            order = market.order(number, key)
            submitted = await intake.submit_order(installation, market.programme_id, order, now=self.now)
            assert submitted.points == 1, "the order earns, and a repeated report says so again"

        return call

    async def effects(self, db: Database) -> Counter[int]:
        books = await read_books(db, self.market)
        assert books.told["points.credited"] == books.accrued.total() + _sign_ups(books.told)
        return books.accrued


@dataclass(frozen=True, slots=True)
class Bookings:
    """The use case of bookings: booked, then moved, so that points are taken back and given anew with messages."""

    market: Market
    now: datetime

    def on(self, db: Database) -> Call:
        installation = Installation.of(db, self.market.secret)
        market = self.market

        async def call(number: int, key: str) -> None:
            for days in (1, 2):
                begins = self.now + timedelta(days=days)
                booking = booking_document(key, begins, customer_id=market.shopper(number))
                booked = await submit_booking(installation, market.programme_id, booking, now=self.now)
                assert booked.points == 1, "a booking earns once, however often it is moved"

        return call

    async def effects(self, db: Database) -> Counter[int]:
        programme_id = self.market.programme_id
        effects = Counter[int]()
        for kind, sign in (("accrual", 1), ("reversal", -1)):
            query = f"select source_id from ledger.entry where source_type = 'booking' and kind = '{kind}'"
            for source in await _column(db, programme_id, query):
                effects[int(str(source).split("-", maxsplit=1)[0])] += sign
        told = await _column(db, programme_id, _LATER)
        assert len(told) == effects.total(), "a notice for each credit that stands, and for no other"
        return effects


@dataclass(frozen=True, slots=True)
class Redemptions:
    """The use case of redeeming and, with ``captured``, of capturing what was redeemed."""

    market: Market
    now: datetime
    captured: bool = False

    def on(self, db: Database) -> Call:
        installation = Installation.of(db, self.market.secret)
        market = self.market

        async def call(number: int, key: str) -> None:
            cart = parse_cart(market.cart(key), "EUR")
            command = redemption.Redeem(cart, number + 1, key)
            voucher = await redemption.redeem(installation, market.customer(number), command, now=self.now)
            if self.captured:
                capture = redemption.Capture(voucher.code, key)
                ended = await redemption.capture(installation, market.server, capture, now=self.now)
                assert ended.captured_points == number + 1

        return call

    async def effects(self, db: Database) -> Counter[int]:
        books = await read_books(db, self.market)
        assert books.told["redemption.captured"] == books.captured.total()
        return books.captured if self.captured else books.held


def _sign_ups(told: Counter[str]) -> int:
    return told["member.joined"]


def hold_of_points(points: int, key: str) -> HoldPoints:
    return HoldPoints(
        hold_id=uuid4(),
        cart=hashlib.sha256(key.encode()).digest(),
        points=points,
        limit=_PLENTY,
        minimum_points=0,
        point_value=None,
        lifetime=timedelta(minutes=15),
        code_hash=uuid4().bytes,
        last_four="0000",
    )


def _lot(points: int, now: datetime) -> NewLot:
    return NewLot(points, Decimal(5), available_from=now, expires_at=None)


async def _column(db: Database, programme_id: int, query: str) -> list[object]:
    async with db.bare_transaction(programme_id) as connection:
        return [row[0] for row in await connection.fetch(query)]
