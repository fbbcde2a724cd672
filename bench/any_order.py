"""What a shop reports, delivered once to five times in any order, ends equal; and how many returns a second.

About 2,000 documents (orders in several states, some paid with vouchers, partial returns, credit notes,
cancellations, orders completed again) are delivered in 20 orders by several senders at once, each to a programme
of its own. Afterwards every member's balance, how every order stands and what it came to must be those of the
first programme, and the ledger sound. A return of an order that was completed again does not fit while only the
cancellation is known: what is refused is delivered once more at the end.

Returns are then measured: one after the other, from 8 senders at once, and delivered again.
"""

import argparse
import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import uvloop

from bench.scene import SECRET, servers, utc_now
from pointbook import ledger
from pointbook.db.migrate import migrate
from pointbook.db.session import Database
from pointbook.domain.access import CallerKind, Principal
from pointbook.domain.errors import ReturnExceedsOrder
from pointbook.domain.programme_settings import ProgrammeSettings
from pointbook.domain.redemption import Cart
from pointbook.embedded import Urls
from pointbook.services import account
from pointbook.services.directory import ProgrammeSnapshot, ProgrammeState
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from pointbook.services.joining import Join, join
from pointbook.services.programmes import NewProgramme, create_programme
from pointbook.services.redemption import Redeem, redeem
from pointbook.services.returns import apply_parked, submit_return

Document = dict[str, Any]
MEMBERS = 100
SENDERS = 8
POINTS_TO_BEGIN_WITH = 2_000
SETTINGS = {"basePointsPerOrder": 10, "signUpPoints": POINTS_TO_BEGIN_WITH, "qualifyingStatuses": ["SENT"]}


@dataclass(frozen=True, slots=True)
class Order:
    """What is reported of an order, in the order in which it happened. ``redeems``: points of its voucher."""

    external_id: str
    customer: str
    lines: tuple[int, ...]
    redeems: int
    reports: tuple[Document, ...]


def history(number: int, dice: random.Random, begin: datetime) -> Order:
    """An order of one to four lines, and what becomes of it; amounts in minor units."""
    lines = tuple(dice.randrange(500, 6_000) for _ in range(dice.randrange(1, 5)))
    external_id, customer = f"o-{number}", f"c-{number % MEMBERS}"
    clock = [begin]

    def later() -> str:
        clock[0] += timedelta(seconds=1)
        return clock[0].isoformat()

    def sale(status: str) -> Document:
        return {"externalId": external_id, "status": status, "statusAt": later()}

    reports = [sale("OPEN")] if _falls(dice, 40) else []
    reports.append(sale("SENT"))
    for occurrence in range(dice.choices([1, 2, 3], [85, 12, 3])[0]):
        if occurrence:
            reports.append(sale("SENT"))
        reports += _taken_back(external_id, f"{number}-{occurrence}", lines, dice, later)
        if reports[-1].get("type") != "CANCELLATION":
            break
    redeems = dice.randrange(20, 160) if _falls(dice, 35) else 0
    return Order(external_id, customer, lines, redeems, tuple(reports))


def _falls(dice: random.Random, percent: int) -> bool:
    return dice.randrange(100) < percent


def _taken_back(
    order: str, name: str, lines: tuple[int, ...], dice: random.Random, later: Callable[[], str]
) -> Iterable[Document]:
    """Some lines, or parts of their amounts, come back one after the other; then perhaps all the rest."""
    for place, amount in enumerate(lines):
        if _falls(dice, 30):
            part = {"id": str(place)} if _falls(dice, 50) else {"id": str(place), "amount": _money(amount // 3)}
            kind = dice.choice(["RETURN", "CREDIT_NOTE", "WARRANTY"])
            yield _document(order, f"r-{name}-{place}", kind, later(), lines=[part])
    if _falls(dice, 30):
        yield _document(order, f"x-{name}", "CANCELLATION", later())


def _document(order: str, name: str, kind: str, at: str, **more: Any) -> Document:
    return {
        "externalId": name,
        "orderExternalId": order,
        "type": kind,
        "currency": "EUR",
        "returnedAt": at,
        **more,
    }


def _money(minor_units: int) -> str:
    return f"{minor_units // 100}.{minor_units % 100:02d}"


@dataclass(frozen=True, slots=True)
class World:
    """A programme whose members have points, and the vouchers of its orders."""

    installation: Installation
    programme: ProgrammeSnapshot
    begin: datetime
    codes: dict[str, str]
    orders: dict[str, Order]

    @classmethod
    async def of(
        cls, installation: Installation, slug: str, orders: list[Order], begin: datetime, lapse: timedelta
    ) -> "World":
        """Vouchers are made just before ``begin``; those that ``lapse`` are over when the reports come."""
        settings = ProgrammeSettings.from_document(SETTINGS, "EUR")
        command = NewProgramme(
            slug, slug, "EUR", "Europe/Berlin", ("en",), settings, state=ProgrammeState.ACTIVE, sandbox=True
        )
        programme = await create_programme(installation, command, now=begin - timedelta(days=1))
        for number in range(MEMBERS):
            await join(installation, programme.id, Join(f"c-{number}"), now=begin - timedelta(days=1))
        codes = {}
        for order in orders:
            if order.redeems:
                total = sum(order.lines)
                cart = Cart(order.external_id, total, "EUR")
                points = min(order.redeems, total // 5)
                who = Principal(CallerKind.CUSTOMER, programme.id, "bench", subject=order.customer)
                asked = Redeem(cart, points, order.external_id)
                voucher = await redeem(installation, who, asked, now=begin - lapse)
                codes[order.external_id] = voucher.code
        return cls(installation, programme, begin, codes, {order.external_id: order for order in orders})

    async def deliver(self, document: Document, now: datetime) -> None:
        if "orderExternalId" in document:
            await submit_return(self.installation, self.programme.id, document, now=now)
            return
        order = self.orders[document["externalId"]]
        whole = {
            **document,
            "type": "SALE",
            "placedAt": self.begin.isoformat(),
            "currency": "EUR",
            "customer": {"externalId": order.customer},
            "voucherCode": self.codes.get(order.external_id),
            "lines": [
                {"id": str(place), "articleId": "a", "quantity": 1, "amount": _money(amount)}
                for place, amount in enumerate(order.lines)
            ],
        }
        await submit_order(self.installation, self.programme.id, whole, now=now)

    async def figures(self, now: datetime) -> dict[str, Any]:
        """Of every member and every order; nothing that the order of reports may change."""
        found: dict[str, Any] = {}
        for number in range(MEMBERS):
            name = f"c-{number}"
            balance = await account.balance(self.installation, self.programme.id, name, now=now)
            assert balance is not None, name
            found[name] = (balance.available, balance.pending, balance.held, balance.debt)
        async with self.installation.db.bare_transaction(self.programme.id) as connection:
            for row in await connection.fetch(_ORDERS):
                found[row["external_id"]] = tuple(row)
            waiting = await connection.fetchval("select count(*) from return_document where state <> 'APPLIED'")
            assert waiting == 0, f"{waiting} returns wait"
            verification = await ledger.verify(connection, self.programme.id)
        assert verification.violations == (), verification.violations
        return found


# What an order granted less what was taken back of it, and what was spent on it less what was given back.
_ORDERS = """
select
    o.external_id, o.state, o.returned, o.status,
    (
        select coalesce(sum(case when t.credit = 'reversed' then -t.points else t.points end), 0)
        from ledger.entry as e join ledger.transfer as t using (programme_id, account_id, seq)
        where e.kind = 'accrual' and e.source_type = 'order' and e.source_id = o.external_id
            or e.kind = 'reversal' and e.source_id = any(r.ids)
    ) as kept,
    (
        select sum(case when t.debit = 'redeemed' then -t.points else t.points end)
        from ledger.entry as e join ledger.transfer as t using (programme_id, account_id, seq)
        where e.kind in ('capture', 'late_capture') and e.source_id = o.external_id and t.credit = 'redeemed'
            or e.kind = 'give_back' and e.source_id = any(r.ids) and t.debit = 'redeemed'
    ) as spent
from sales_order as o
cross join lateral (
    select array(select external_id from return_document where order_external_id = o.external_id) as ids
) as r
"""


async def in_any_order(installation: Installation, orders: list[Order], permutations: int) -> bool:
    documents = [report for order in orders for report in order.reports]
    kinds = Counter(document.get("type", "SALE") for document in documents)
    begin = utc_now().replace(microsecond=0) - timedelta(hours=12)
    print(f"{len(documents)} documents: {dict(kinds)}", flush=True)
    first: dict[str, Any] | None = None
    equal = True
    for number in range(permutations):
        dice = random.Random(number)  # noqa: S311  # no secret
        world = await World.of(installation, f"world-{number}", orders, begin, timedelta(minutes=1))
        deliveries = [document for document in documents for _ in range(dice.randrange(1, 6) if number else 1)]
        if number:
            dice.shuffle(deliveries)
        late = timedelta(minutes=30 if number % 2 else 1)  # after all has happened; or when the vouchers are over
        seconds, refused = await _delivered(world, deliveries, begin + late)
        now = begin + timedelta(hours=6)
        for document in refused:
            await world.deliver(document, now)
        await apply_parked(installation.db, installation.programmes, world.programme.id, now=now)
        found = await world.figures(now)
        first = first or found
        differ = [key for key in first.keys() | found.keys() if first.get(key) != found.get(key)]
        equal &= not differ
        rate = len(deliveries) / seconds
        told = f"{len(deliveries)} deliveries, {rate:.0f}/s, {len(refused)} refused at first"
        print(f"order {number}: {told}, {len(differ)} differ", flush=True)
        for key in sorted(differ)[:5]:
            print(
                "  ", key, first.get(key), found.get(key), world.orders[key].reports if key in world.orders else ""
            )
    return equal


async def _delivered(world: World, deliveries: list[Document], begin: datetime) -> tuple[float, list[Document]]:
    """Several senders take the next delivery; the clock goes on by a tick each. Seconds, and what was refused."""
    waiting = list(enumerate(deliveries))[::-1]
    refused: list[Document] = []

    async def sender() -> None:
        while waiting:
            number, document = waiting.pop()
            try:
                await world.deliver(document, begin + timedelta(milliseconds=10 * number))
            except ReturnExceedsOrder:
                refused.append(document)

    begun = time.perf_counter()
    await asyncio.gather(*(sender() for _ in range(SENDERS)))
    return time.perf_counter() - begun, refused


async def returns_per_second(installation: Installation, number: int) -> None:
    """Of orders that points have paid in part: three returns each, the last takes the rest."""
    dice = random.Random(7)  # noqa: S311  # no secret
    begin = utc_now().replace(microsecond=0) - timedelta(hours=12)
    lines = (3_333, 2_000, 4_500)
    orders = [Order(f"o-{each}", f"c-{each % MEMBERS}", lines, 19, ()) for each in range(number)]
    for senders in (1, SENDERS):
        world = await World.of(installation, f"returns-{senders}", orders, begin, timedelta(minutes=1))
        for order in orders:
            sold = {"externalId": order.external_id, "status": "SENT", "statusAt": begin.isoformat()}
            await world.deliver(sold, begin)
        parts: list[Callable[[str], Document]] = [
            lambda name: _document(name, f"a-{name}", "RETURN", begin.isoformat(), lines=[{"id": "1"}]),
            lambda name: _document(
                name, f"b-{name}", "CREDIT_NOTE", begin.isoformat(), lines=[{"id": "0", "amount": "10.00"}]
            ),
            lambda name: _document(name, f"c-{name}", "RETURN", begin.isoformat(), everything=True),
        ]
        documents = [part(order.external_id) for part in parts for order in orders]
        dice.shuffle(documents)
        for what in ("first time", "again"):
            seconds, cpu = await _by(senders, world, documents, begin)
            each = cpu / len(documents) * 1e3
            print(
                f"{len(documents)} returns, {senders} at once, {what}: {len(documents) / seconds:.0f}/s,"
                f" {each:.2f} ms of CPU each in this process",
                flush=True,
            )
        await world.figures(begin + timedelta(hours=6))


async def _by(senders: int, world: World, documents: list[Document], now: datetime) -> tuple[float, float]:
    waiting = documents[::-1]

    async def sender() -> None:
        while waiting:
            await world.deliver(waiting.pop(), now + timedelta(minutes=1))

    begun, cpu = time.perf_counter(), time.process_time()
    calls: list[Awaitable[None]] = [sender() for _ in range(senders)]
    await asyncio.gather(*calls)
    return time.perf_counter() - begun, time.process_time() - cpu


async def main(urls: Urls, documents: int, permutations: int) -> bool:
    await migrate(urls.owner_database)
    db = await Database.connect(urls.database, pool_size=SENDERS + 2)
    try:
        installation = Installation.of(db, SECRET)
        dice = random.Random(1)  # noqa: S311  # no secret
        begin = utc_now().replace(microsecond=0) - timedelta(hours=12)
        orders: list[Order] = []
        while sum(len(order.reports) for order in orders) < documents:
            orders.append(history(len(orders), dice, begin))
        equal = await in_any_order(installation, orders, permutations)
        await returns_per_second(installation, documents // 3)
    finally:
        await db.close()
    print("equal" if equal else "NOT EQUAL")
    return equal


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=2_000)
    parser.add_argument("--permutations", type=int, default=20)
    arguments = parser.parse_args()
    with servers() as started:
        sys.exit(not uvloop.run(main(started, arguments.documents, arguments.permutations)))
