"""Orders come in: recorded, their voucher captured, their points credited, each order in a transaction of its own.

An order is known by the shop's id and has its effect once, however often and in whatever state of the shop's it
arrives. Stated rules:

- A voucher is captured when the order arrives, whatever its status: it lives 15 minutes, a delivery takes days.
- Until it has earned, an order may be corrected; a captured voucher stays with it, and an order that is worth less
  than what points have paid already is refused.
- Once it has earned, a new status is noted and has no effect, so a late, older one undoes nothing. Other content
  is a conflict.
- What return documents took back before it earned does not earn; what waited for the order takes it back at once.
- An order of somebody who has not joined is parked. Reported again after its customer joined, it earns.
"""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import asyncpg

from pointbook import ledger
from pointbook.db.queries import orders
from pointbook.db.queries.customers import lock_customer
from pointbook.db.queries.returns import locked_order
from pointbook.db.queries.rule_counts import add_counts, counts_of
from pointbook.db.retry import retrying
from pointbook.db.session import Connection
from pointbook.domain import earning, errors
from pointbook.domain.money import Money
from pointbook.domain.orders import OrderContent, OrderDocument, StoredOrder, parse_order
from pointbook.domain.rules import Counter, Occasion
from pointbook.ledger import Accrual, HoldState
from pointbook.services.directory import AccountKey, ProgrammeSnapshot
from pointbook.services.granting import ORDER, points_in, tell_credited
from pointbook.services.installation import Installation
from pointbook.services.judging import NOTHING_GIVEN, Circumstances, Judge
from pointbook.services.members import normalised_email
from pointbook.services.redemption import CAPTURE, Purchase, locked_hold, spend
from pointbook.services.return_reckoning import Reckoning
from pointbook.services.returns import apply_parked

ORDERS_MAX: Final = 100
"""In one call of ``submit_orders``."""
_ATTEMPTS: Final = 5


class Outcome(enum.StrEnum):
    EARNED = "EARNED"
    """Settled; the points may be 0."""
    RECEIVED = "RECEIVED"
    """Known; its status does not qualify yet."""
    PARKED = "PARKED"
    """Known; its customer has not joined."""


@dataclass(frozen=True, slots=True)
class SubmittedOrder:
    """What has become of an order. ``redeemed`` was paid with points; ``replayed``: nothing changed now."""

    external_id: str
    outcome: Outcome
    points: int
    total: Money
    redeemed: Money
    replayed: bool


async def submit_order(
    installation: Installation,
    programme_id: int,
    document: Mapping[str, Any] | OrderDocument,
    *,
    tells: bool = True,
    now: datetime,
) -> SubmittedOrder:
    """Record an order document and give it its effect, once; the same document again: the same answer.

    Without ``tells`` nobody is told of the points: it is a purchase of the past.
    Raises InvalidInput, CurrencyMismatch, UnknownStore, ProgrammeNotOpen, VoucherNotUsable, BelowMinimum (the
    order is worth less than a point of its voucher) and OrderConflict; nothing is recorded then.
    """
    for _ in range(_ATTEMPTS):
        programme = await installation.programmes.get(programme_id)
        programme.require_open()
        order = _order(document, programme.currency)
        programme.store(order.store)
        report = _Report(installation, programme, Judge(programme, now), order, order.stored(), tells, now)
        try:
            async with installation.turns.turn(programme.id, order.customer.external_id):
                answer, returns_wait = await retrying(report.settle)
        except _Overtaken:
            installation.programmes.forget(programme_id)
            continue
        if returns_wait:
            await apply_parked(
                installation.db, installation.programmes, programme_id, order=order.external_id, now=now
            )
        return answer
    raise AssertionError(f"order {order.external_id!r} was overtaken {_ATTEMPTS} times")


def _order(document: Mapping[str, Any] | OrderDocument, currency: str) -> OrderDocument:
    if not isinstance(document, OrderDocument):
        return parse_order(document, currency)
    if document.currency != currency:
        raise errors.CurrencyMismatch(currency, document.currency)
    return document


async def submit_orders(
    installation: Installation,
    programme_id: int,
    documents: Sequence[Mapping[str, Any]],
    *,
    now: datetime,
) -> list[SubmittedOrder | errors.PointbookError]:
    """Up to 100 orders in their sequence, each by itself: one that is refused stands in its place, as its error.

    Raises InvalidInput for too many.
    """
    if len(documents) > ORDERS_MAX:
        raise errors.InvalidInput("orders", f"must be at most {ORDERS_MAX}")
    outcomes: list[SubmittedOrder | errors.PointbookError] = []
    for document in documents:
        try:
            outcomes.append(await submit_order(installation, programme_id, document, now=now))
        except errors.PointbookError as refusal:
            outcomes.append(refusal)
    return outcomes


class _Overtaken(Exception):
    """Others changed what was read before the locks, of the order or the programme; roll back and look again."""


class _Redeemed(NamedTuple):
    """The voucher of an order: minor units that points have paid of it."""

    hold_id: UUID | None
    value: int


class _Effect(NamedTuple):
    outcome: Outcome
    points: int = 0
    version: int | None = None
    judgement: str | None = None
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class _Report:
    """One order, reported once; ``settle`` may run several times and has its effect in the last."""

    installation: Installation
    programme: ProgrammeSnapshot
    judge: Judge
    order: OrderDocument
    stored: StoredOrder
    tells: bool
    now: datetime

    async def settle(self) -> tuple[SubmittedOrder, bool]:
        """What has become of the order, and whether return documents wait for it."""
        order = self.order
        async with self.installation.db.bare_transaction(self.programme.id) as connection:
            known = await orders.known(
                connection, self.programme.id, order.external_id, order.customer.external_id
            )
            return await self._settle(connection, known), known.returns_wait

    async def _settle(self, connection: Connection, known: orders.Known) -> SubmittedOrder:
        earlier = known.order
        if earlier is None:
            return await self._take(connection, known)
        if earlier.state == orders.EARNED:
            return await self._note(connection, earlier)
        if not self._is_news(earlier, known):
            return self._answer_of(earlier)
        if earlier.returned != orders.NOT_RETURNED and earlier.fingerprint != self.stored.fingerprint:
            raise errors.OrderConflict(self.order.external_id)  # what came back was of the former content
        return await self._take(connection, known)

    async def _note(self, connection: Connection, earlier: orders.OrderRow) -> SubmittedOrder:
        """An order that has earned: only its status may still change."""
        if earlier.fingerprint != self.stored.fingerprint:
            raise errors.OrderConflict(self.order.external_id)
        if earlier.status != self.order.status:
            await orders.set_status(connection, self.programme.id, self.order.external_id, self.order.status)
        return self._answer_of(earlier)

    def _is_news(self, earlier: orders.OrderRow, known: orders.Known) -> bool:
        if (earlier.fingerprint, earlier.status) != (self.stored.fingerprint, self.order.status):
            return True
        waits_for_customer = earlier.state == orders.PARKED
        if known.account_id is None:
            return waits_for_customer and earlier.customer_email != self._waiting_email()
        return waits_for_customer or self._qualifies()

    async def _take(self, connection: Connection, known: orders.Known) -> SubmittedOrder:
        """Lock accounts, then the customer or the order; capture; credit; write."""
        redeemed = await self._redeem(connection, known)
        if known.account_id is None:
            if await lock_customer(connection, self.programme.id, self.order.customer.external_id) is not None:
                raise _Overtaken
        elif known.order is not None:
            await ledger.lock(connection, self.programme.id, [known.account_id])
        if (
            known.order is not None
            and await orders.locked(connection, self.programme.id, self.order.external_id) != known.order
        ):
            raise _Overtaken
        effect = await self._effect(connection, known, redeemed)
        await self._write(connection, known, redeemed, effect)
        return self._answer(effect.outcome, effect.points, redeemed.value)

    async def _redeem(self, connection: Connection, known: orders.Known) -> _Redeemed:
        """The order's voucher: captured earlier for this order, or now."""
        code, total = self.order.voucher_code, self.order.content.total
        earlier = self._captured(known)
        if earlier is None:
            return _Redeemed(None, 0) if code is None else await self._capture(connection, known, code)
        if earlier.value > total or (code is not None and not self._is_code_of(code, earlier.hold_id)):
            raise errors.OrderConflict(self.order.external_id)
        return earlier

    def _captured(self, known: orders.Known) -> _Redeemed | None:
        if known.order is not None and known.order.hold_id is not None:
            return _Redeemed(known.order.hold_id, known.order.redeemed_value)
        if known.captured_hold_id is not None:
            return _Redeemed(known.captured_hold_id, known.captured_value or 0)
        return None

    def _is_code_of(self, code: str, hold_id: UUID | None) -> bool:
        assert hold_id is not None, "something was captured"
        codes = self.installation.codes
        return codes.digest(code) == codes.digest(codes.code(hold_id))

    async def _capture(self, connection: Connection, known: orders.Known, code: str) -> _Redeemed:
        also = () if known.account_id is None else (known.account_id,)
        hold = await locked_hold(self.installation, connection, self.programme.id, code, also=also, now=self.now)
        total = self.order.content.total
        if hold.state is HoldState.HELD:
            purchase = Purchase(ORDER, self.order.external_id, total)
            try:
                hold = await spend(connection, self.programme, hold, purchase, now=self.now)
            except errors.RedemptionEnded as error:
                raise errors.VoucherNotUsable from error
        elif hold.state is not HoldState.CAPTURED or not await self._may_claim(connection, hold):
            raise errors.VoucherNotUsable
        assert hold.captured_value is not None, "it is captured"
        if hold.captured_value > total:
            raise errors.OrderConflict(self.order.external_id)
        return _Redeemed(hold.hold_id, hold.captured_value)

    async def _may_claim(self, connection: Connection, hold: ledger.Hold) -> bool:
        """A hold that a call has captured may belong to this order: if the call named it, or named none."""
        source = await orders.capture_source(connection, self.programme.id, hold.hold_id)
        return source in ((ORDER, self.order.external_id), (CAPTURE, hold.hold_id.hex))

    async def _effect(self, connection: Connection, known: orders.Known, redeemed: _Redeemed) -> _Effect:
        if known.account_id is None or known.public_id is None:
            return _Effect(Outcome.PARKED)
        if not self._qualifies():
            return _Effect(Outcome.RECEIVED)
        return await self._earn(connection, known, AccountKey(known.account_id, known.public_id), redeemed)

    async def _earn(
        self, connection: Connection, known: orders.Known, account: AccountKey, redeemed: _Redeemed
    ) -> _Effect:
        judge, order = self.judge, self.order
        placed = Circumstances(order.placed_at, order.store, order.entry_channel, order.exit_channel)
        part = known.order is not None and known.order.returned != orders.NOT_RETURNED
        occasion = judge.occasion(placed, exact=part)
        standing, given = await self._given(connection, account.account_id, occasion)
        content, redeemed_value = await self._left(connection, known, redeemed)
        result = judge.order(content, occasion, redeemed_value, given)
        version, record = judge.version.version, judge.record(result)
        lots = judge.lots(result.parts, self.now)
        if not lots:
            return _Effect(Outcome.EARNED, version=version, judgement=record)
        accrual = Accrual(account.account_id, ORDER, order.external_id, 1, lots)
        [accrued] = await ledger.accrue(connection, self.programme.id, [accrual], now=self.now)
        if accrued.status == "duplicate":
            raise _Overtaken
        if accrued.seq is None:
            return _Effect(Outcome.EARNED, version=version, judgement=record)
        uses = {(standing, use.counter): use.used for use in result.cap_uses}
        await add_counts(connection, self.programme.id, uses)
        if self.tells:
            await tell_credited(connection, self.programme.id, account, accrued.seq, lots, now=self.now)
        return _Effect(Outcome.EARNED, points_in(lots), version, record, accrued.seq)

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
        self, connection: Connection, known: orders.Known, redeemed: _Redeemed
    ) -> tuple[OrderContent, int]:
        """What is to be judged: the order, or what return documents have left of it before it earned."""
        if known.order is None or known.order.returned == orders.NOT_RETURNED:
            return self.order.content, redeemed.value
        returnable = await locked_order(connection, self.programme.id, self.order.external_id)
        assert returnable is not None, "it is known, and orders are never deleted"
        reckoning = await Reckoning.of(connection, self.programme, returnable)
        return reckoning.left(self.judge.version.settings.refund_split)

    def _qualifies(self) -> bool:
        return earning.qualifies(self.order.status, self.judge.version.settings)

    async def _write(
        self, connection: Connection, known: orders.Known, redeemed: _Redeemed, effect: _Effect
    ) -> None:
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

    async def _add(self, connection: Connection, record: orders.OrderRecord) -> None:
        """Write a new order under the lock of its account, so that no capture that names it remains unseen."""
        if record.account_id is not None and record.entry_seq is None:  # what was credited has locked it
            await ledger.lock(connection, self.programme.id, [record.account_id])
        if not await orders.add(connection, self.programme.id, record, programme_state=self.programme.state):
            raise _Overtaken

    async def _replace(self, connection: Connection, record: orders.OrderRecord) -> None:
        if not await orders.replace(connection, self.programme.id, record, programme_state=self.programme.state):
            raise _Overtaken

    def _record(self, account_id: int | None, redeemed: _Redeemed, effect: _Effect) -> orders.OrderRecord:
        order = self.order
        return orders.OrderRecord(
            external_id=order.external_id,
            account_id=account_id,
            customer_external_id=order.customer.external_id,
            customer_email=self._waiting_email() if effect.outcome is Outcome.PARKED else None,
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
            reported_at=self.now,
        )

    def _waiting_email(self) -> str | None:
        """Only an address that the shop has verified may find its member later."""
        customer = self.order.customer
        if customer.email is None or not customer.email_verified:
            return None
        return normalised_email("customer.email", customer.email)

    def _answer_of(self, earlier: orders.OrderRow) -> SubmittedOrder:
        assert earlier.total == self.order.content.total, "the content is the same"
        outcome = Outcome(earlier.state)
        return self._answer(outcome, earlier.points, earlier.redeemed_value, replayed=True)

    def _answer(self, outcome: Outcome, points: int, redeemed: int, *, replayed: bool = False) -> SubmittedOrder:
        currency = self.order.currency
        total = Money(self.order.content.total, currency)
        return SubmittedOrder(self.order.external_id, outcome, points, total, Money(redeemed, currency), replayed)
