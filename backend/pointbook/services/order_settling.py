"""An order is settled, whoever brings it: what it earns, and the row that says so.

Whoever settles has locked its account and, if it was known before, its row; this module takes part in that
transaction and decides nothing about whether an order may change.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg
import orjson

from pointbook import ledger
from pointbook.db.queries import orders
from pointbook.db.queries.returns import locked_order
from pointbook.db.queries.rule_counts import add_counts, counts_of
from pointbook.db.session import Connection
from pointbook.domain import earning, errors
from pointbook.domain.orders import Customer, OrderContent, OrderDocument, OrderType, StoredOrder
from pointbook.domain.rules import Counter, Occasion, Part
from pointbook.ledger import Accrual, NewLot
from pointbook.services.directory import AccountKey, ProgrammeSnapshot
from pointbook.services.granting import ORDER, points_in, tell_credited
from pointbook.services.judging import NOTHING_GIVEN, Circumstances, Judge
from pointbook.services.members import normalised_email
from pointbook.services.return_reckoning import Reckoning
from pointbook.services.telling import Event, tell

ORDER_RECEIVED: Final = "order.received"
ORDER_EARNED: Final = "order.earned"


class Outcome(StrEnum):
    EARNED = "EARNED"
    """Settled; the points may be 0."""
    RECEIVED = "RECEIVED"
    """Known; its status does not qualify yet."""
    PARKED = "PARKED"
    """Known; its customer has not joined."""


class Overtaken(Exception):
    """Others changed what was read before the locks, of the order or the programme; roll back and look again."""


class Redeemed(NamedTuple):
    """The voucher of an order: minor units that points have paid of it."""

    hold_id: UUID | None
    value: int


NOTHING_REDEEMED = Redeemed(None, 0)


class Effect(NamedTuple):
    outcome: Outcome
    points: int = 0
    version: int | None = None
    judgement: str | None = None
    seq: int | None = None


def order_earned(order: str, account: str | None, points: int, occurrence: int) -> Event:
    return Event(ORDER_EARNED, {"order": order, "account": account, "points": points, "occurrence": occurrence})


def document_of(record: orders.OrderRecord, customer: str) -> OrderDocument:
    """As it was reported, but for what is not kept: the code of what was captured, an address unless it waits."""
    return OrderDocument(
        external_id=record.external_id,
        type=OrderType(record.type),
        status=record.status,
        placed_at=record.placed_at,
        currency=record.currency,
        store=record.store_id,
        entry_channel=record.entry_channel,
        exit_channel=record.exit_channel,
        customer=Customer(customer, record.customer_email, record.customer_email is not None),
        voucher_code=None,
        content=OrderContent.from_stored(orjson.loads(record.document)),
        status_at=record.status_at,
    )


@dataclass(frozen=True, slots=True)
class Settling:
    """One order and what judges it; without ``tells`` nobody is told of it, nor of the points.

    ``together``: the cause that settles several, whose points are told in one mail.
    ``earned_at``: what waiting time and expiry count from, and what has expired since is not credited; None: now.
    """

    programme: ProgrammeSnapshot
    judge: Judge
    order: OrderDocument
    stored: StoredOrder
    tells: bool
    now: datetime
    earned_at: datetime | None = None
    together: str | None = None

    def qualifies(self) -> bool:
        return earning.qualifies(self.order.status, self.judge.version.settings)

    def captured(self, known: orders.Known) -> Redeemed | None:
        """What was captured for the order before, by itself or by naming it."""
        if known.order is not None and known.order.hold_id is not None:
            return Redeemed(known.order.hold_id, known.order.redeemed_value)
        if known.captured_hold_id is not None:
            return Redeemed(known.captured_hold_id, known.captured_value or 0)
        return None

    async def earn(
        self, connection: Connection, known: orders.Known, account: AccountKey, redeemed: Redeemed
    ) -> Effect:
        """Credit what the order is worth. Raises Overtaken and UnknownStore."""
        judge, order = self.judge, self.order
        placed = Circumstances(order.placed_at, order.store, order.entry_channel, order.exit_channel)
        part = known.order is not None and known.order.returned != orders.NOT_RETURNED
        occasion = judge.occasion(placed, exact=part)
        standing, given = await self._given(connection, account.account_id, occasion)
        content, redeemed_value = await self._left(connection, known, redeemed)
        result = judge.order(content, occasion, redeemed_value, given)
        version, record = judge.version.version, judge.record(result, earned_at=self.earned_at)
        lots = self._lots(result.parts)
        if not lots:
            return Effect(Outcome.EARNED, version=version, judgement=record)
        occurrence = 1 if known.order is None else known.order.occurrence
        accrual = Accrual(account.account_id, ORDER, order.external_id, occurrence, lots)
        [accrued] = await ledger.accrue(connection, self.programme.id, [accrual], now=self.now)
        if accrued.status in {"duplicate", "no_account"} or accrued.account_id != account.account_id:
            raise Overtaken  # or the member has left, or was merged, meanwhile
        if accrued.seq is None:
            return Effect(Outcome.EARNED, version=version, judgement=record)
        uses = {(standing, use.counter): use.used for use in result.cap_uses}
        await add_counts(connection, self.programme.id, uses)
        if self.tells:
            told = connection, self.programme, account, accrued.seq, lots
            await tell_credited(*told, together=self.together, now=self.now)
        return Effect(Outcome.EARNED, points_in(lots), version, record, accrued.seq)

    async def write(self, connection: Connection, known: orders.Known, redeemed: Redeemed, effect: Effect) -> None:
        """Raises VoucherNotUsable and Overtaken."""
        record = self._record(known.account_id, redeemed, effect)
        try:
            if known.order is not None:
                await self._replace(connection, record)
            else:
                await self._add(connection, record)
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name != "sales_order_hold_id_key":
                raise
            raise errors.VoucherNotUsable from error  # another order has claimed it
        if self.tells:
            await self._tell(connection, known, effect)

    def waiting_email(self) -> str | None:
        """Only an address that the shop has verified may find its member later."""
        customer = self.order.customer
        if customer.email is None or not customer.email_verified:
            return None
        return normalised_email("customer.email", customer.email)

    async def _tell(self, connection: Connection, known: orders.Known, effect: Effect) -> None:
        """That it is known now, if it was not before, and that it has earned, be it nothing."""
        account = None if known.public_id is None else known.public_id.hex
        order, events = self.order.external_id, []
        if known.order is None:
            events.append(Event(ORDER_RECEIVED, {"order": order, "account": account, "state": effect.outcome}))
        if effect.outcome is Outcome.EARNED:
            occurrence = 1 if known.order is None else known.order.occurrence
            events.append(order_earned(order, account, effect.points, occurrence))
        await tell(connection, self.programme.id, *events, now=self.now)

    def _lots(self, parts: Iterable[Part]) -> tuple[NewLot, ...]:
        if self.earned_at is None:
            return self.judge.lots(parts, self.now)
        return self.judge.lots(parts, self.earned_at, now=self.now)

    async def _given(
        self, connection: Connection, account_id: int, occasion: Occasion
    ) -> tuple[int, Mapping[Counter, int]]:
        """What capped rules have given the member before, and the account by which it is counted, locked."""
        counters = self.judge.counters(occasion, self.order.content)
        if not counters:
            return account_id, NOTHING_GIVEN
        locked = await ledger.lock(connection, self.programme.id, [account_id])
        standing = locked[account_id]
        asked = ((standing, counter) for counter in counters)
        counts = await counts_of(connection, self.programme.id, asked)
        return standing, {counter: points for (_, counter), points in counts.items()}

    async def _left(
        self, connection: Connection, known: orders.Known, redeemed: Redeemed
    ) -> tuple[OrderContent, int]:
        """What is to be judged: the order, or what return documents have left of it before it earned."""
        if known.order is None or known.order.returned == orders.NOT_RETURNED:
            return self.order.content, redeemed.value
        returnable = await locked_order(connection, self.programme.id, self.order.external_id)
        assert returnable is not None, "it is known, and orders are never deleted"
        reckoning = await Reckoning.of(connection, self.programme, returnable)
        return reckoning.left(self.judge.version.settings.refund_split)

    async def _add(self, connection: Connection, record: orders.OrderRecord) -> None:
        """Write a new order under the lock of its account, so that no capture that names it remains unseen."""
        if record.account_id is not None and record.entry_seq is None:  # what was credited has locked it
            locked = await ledger.lock(connection, self.programme.id, [record.account_id])
            if record.account_id not in locked.values():
                raise Overtaken  # merged meanwhile
        if not await orders.add(connection, self.programme.id, record, programme_state=self.programme.state):
            raise Overtaken

    async def _replace(self, connection: Connection, record: orders.OrderRecord) -> None:
        if not await orders.replace(connection, self.programme.id, record, programme_state=self.programme.state):
            raise Overtaken

    def _record(self, account_id: int | None, redeemed: Redeemed, effect: Effect) -> orders.OrderRecord:
        order = self.order
        return orders.OrderRecord(
            external_id=order.external_id,
            account_id=account_id,
            customer_external_id=order.customer.external_id,
            customer_email=self.waiting_email() if effect.outcome is Outcome.PARKED else None,
            type=order.type,
            status=order.status,
            placed_at=order.placed_at,
            currency=order.currency,
            store_id=order.store,
            entry_channel=order.entry_channel,
            exit_channel=order.exit_channel,
            document=self.stored.content,
            fingerprint=self.stored.fingerprint,
            state=effect.outcome,
            total=order.content.total,
            redeemed_value=redeemed.value,
            points=effect.points,
            settings_version=effect.version,
            judgement=effect.judgement,
            hold_id=redeemed.hold_id,
            entry_seq=effect.seq,
            status_at=order.status_at,
            reported_at=self.now,
        )
