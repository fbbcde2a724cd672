"""A member exchanges points for products (R30): at once, at the price shown, never more than there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID, uuid4

from pointbook import ledger
from pointbook.db.queries import exchange as rows
from pointbook.db.queries.exchange import Movement, NewOrder
from pointbook.db.retry import retrying
from pointbook.db.session import Connection
from pointbook.domain import errors, exchange, text
from pointbook.domain.access import Principal
from pointbook.domain.exchange import AskedLine, ItemOnSale
from pointbook.ledger import Request, Source
from pointbook.services import outbox
from pointbook.services.directory import AccountKey, ProgrammeSnapshot, check_unchanged
from pointbook.services.exchange_views import ExchangeOrder, order_of
from pointbook.services.installation import Installation
from pointbook.services.requests import request_of

EXCHANGE_ORDER: Final = "exchange_order"
"""Kind of source in the ledger: of the spend, and of the give-back when the order is cancelled."""
EXCHANGE_PLACED: Final = "exchange.placed"


class PlaceLine(NamedTuple):
    """``quantity`` pieces at the price that was shown; ``fee`` in the main unit of the currency, if one was."""

    sku: str
    quantity: int
    price_points: int
    fee: Decimal | None = None


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """``note``: what the member says of delivery."""

    lines: Sequence[PlaceLine]
    note: str | None
    idempotency_key: str


async def place_order(
    installation: Installation, principal: Principal, command: PlaceOrder, *, now: datetime
) -> ExchangeOrder:
    """Spend the customer's points for the lines, all or nothing, and tell the staff.

    The same key again: the same order, as it stands by then, whatever prices are by then.
    Raises NotAMember, MemberInactive, RedemptionLocked, ProgrammeNotOpen, NotInCatalogue, PriceChanged, SoldOut,
    BelowMinimum, ExchangeLimit, InsufficientPoints, IdempotencyConflict, InvalidInput; nothing is spent then.
    """
    assert principal.subject is not None, "the policy admits customers only"
    subject = principal.subject

    async def call(programme: ProgrammeSnapshot) -> ExchangeOrder:
        asked = _asked(command, programme.currency)
        note = text.paragraphs("deliveryNote", command.note, exchange.MAX_NOTE) if command.note else None
        request = request_of(installation, principal, "placeExchangeOrder", command.idempotency_key, asked, note)
        account = await installation.accounts.get(programme.id, subject)
        placing = _Placing(programme, account, asked, note, request, now)

        async def attempt() -> ExchangeOrder:
            async with installation.db.bare_transaction(programme.id) as connection:
                return await placing.place(connection)

        async with installation.turns.turn(programme.id, account.account_id):
            return await retrying(attempt)

    return await installation.programmes.while_unchanged(principal.programme_id, call)


@dataclass(frozen=True, slots=True)
class _Placing:
    """One order; ``place`` may run several times and has its effect in the last."""

    programme: ProgrammeSnapshot
    account: AccountKey
    asked: tuple[AskedLine, ...]
    note: str | None
    request: Request
    now: datetime

    async def place(self, connection: Connection) -> ExchangeOrder:
        programme = self.programme
        locked = await ledger.lock(connection, programme.id, [self.account.account_id])
        account_id = locked.get(self.account.account_id)
        if account_id is None:
            raise errors.NotAMember
        earlier = await ledger.spent_by(connection, programme.id, self.request)
        if earlier is not None:
            return await self._placed(connection, UUID(hex=earlier.source.id))
        programme.require_open()
        on_sale = await self._on_sale(connection, account_id)
        await check_unchanged(connection, programme)
        lines = exchange.order_lines(self.asked, on_sale, programme.settings_at(self.now), programme.currency)
        public_id = uuid4()
        points = sum(line.points for line in lines)
        source = Source(EXCHANGE_ORDER, public_id.hex)
        spent = await ledger.spend(
            connection, programme.id, account_id, points, source, request=self.request, now=self.now
        )
        fee = sum(line.quantity * line.fee for line in lines)
        order = NewOrder(public_id, account_id, spent.seq, points, fee, programme.currency, self.note, lines)
        order_id = await rows.insert_order(connection, programme.id, order, now=self.now)
        await rows.move_stock(connection, programme.id, order_id, Movement.ORDERED, now=self.now)
        message = {"order": public_id.hex, "account": self.account.public_id.hex, "points": points}
        await outbox.append(connection, programme.id, EXCHANGE_PLACED, message, now=self.now)
        return await self._placed(connection, public_id)

    async def _on_sale(self, connection: Connection, account_id: int) -> dict[str, ItemOnSale]:
        """The items that were asked for, as far as they are on sale: locked, so that what is judged stays so."""
        programme = self.programme
        kept = await rows.lock_items(connection, programme.id, [line.sku for line in self.asked])
        limited = [one.id for one in kept if one.offer.max_per_member is not None]
        ordered = await rows.ordered_by(connection, programme.id, account_id, limited) if limited else {}
        return {
            one.offer.sku: ItemOnSale(one.id, one.offer, one.stock, ordered.get(one.id, 0))
            for one in kept
            if one.offer.active and one.currency == programme.currency
        }

    async def _placed(self, connection: Connection, public_id: UUID) -> ExchangeOrder:
        row = await rows.find_order(connection, self.programme.id, public_id)
        assert row is not None, "the points were spent for it"
        return order_of(row)


def _asked(command: PlaceOrder, currency: str) -> tuple[AskedLine, ...]:
    lines = []
    for place, line in enumerate(command.lines):
        with errors.refusals_under(f"lines[{place}]"):
            lines.append(exchange.asked_line(*line, currency))
    exchange.check_lines(lines)
    return tuple(lines)
