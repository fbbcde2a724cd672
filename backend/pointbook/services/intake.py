"""Orders come in: recorded, their voucher captured, their points credited, each order in a transaction of its own.

An order is known by the shop's id and has its effect once, however often and in whatever state of the shop's it
arrives. Stated rules:

- A voucher is captured when the order arrives, whatever its status: it lives 15 minutes, a delivery takes days.
  One that has lapsed pays for an order that was placed in its time, from what there is, else as debt (R21).
- Until it has earned, an order may be corrected; a captured voucher stays with it, and an order that is worth less
  than what points have paid already is refused.
- Once it has earned, a new status is noted and has no effect, so a late, older one undoes nothing. Other content
  is a conflict.
- A cancelled order earns anew when it was completed after that, as ``statusAt`` tells (R28).
- What return documents took back before it earned does not earn; what waited for the order takes it back at once.
- An order of somebody who has not joined is parked. Reported again after its customer joined, it earns.
- An order of a member who has left stays what it was; staff are told when it would have earned.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from pointbook import ledger
from pointbook.db.queries import orders
from pointbook.db.queries.customers import lock_customer
from pointbook.db.retry import retrying
from pointbook.db.session import Connection
from pointbook.domain import errors
from pointbook.domain.money import Money
from pointbook.domain.orders import OrderDocument, parse_order
from pointbook.ledger import HoldState
from pointbook.services.directory import AccountKey, ProgrammeSnapshot
from pointbook.services.gift_cards import recognised
from pointbook.services.granting import ORDER
from pointbook.services.installation import Installation
from pointbook.services.judging import Judge
from pointbook.services.one_by_one import one_by_one
from pointbook.services.order_renewing import locked_with_accounts, renew
from pointbook.services.order_settling import (
    NOTHING_REDEEMED,
    Effect,
    Outcome,
    Overtaken,
    Redeemed,
    Settling,
)
from pointbook.services.redemption import CAPTURE, Purchase, bought_in_time, locked_hold, spend, spend_late
from pointbook.services.returns import apply_parked
from pointbook.services.warnings import WarningKind, warn, warn_of_refusal, warn_of_who_left

__all__ = ["ORDERS_MAX", "Outcome", "SubmittedOrder", "submit_order", "submit_orders"]

ORDERS_MAX: Final = 100
"""In one call of ``submit_orders``."""
_ATTEMPTS: Final = 5
_CLOCKS_DIFFER: Final = timedelta(minutes=1)


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
    order is worth less than a point of its voucher), InsufficientPoints (it comes late, the points of its voucher
    are gone and nobody may owe any; staff are warned) and OrderConflict; nothing is recorded then.
    """
    for _ in range(_ATTEMPTS):
        programme = await installation.programmes.get(programme_id)
        order = await recognised(installation, programme.id, _order(document, programme.currency, now))
        programme.store(order.store)
        settling = Settling(programme, Judge(programme, now), order, order.stored(), tells, now)
        report = _Report(installation, settling)
        try:
            async with installation.turns.turn(programme.id, order.customer.external_id):
                answer, returns_wait = await retrying(report.settle)
        except Overtaken:
            installation.programmes.forget(programme_id)
            continue
        except errors.InsufficientPoints as refusal:
            subject = f"order {order.external_id}"
            await warn_of_refusal(installation.db, programme_id, subject, refusal, now=now)
            raise
        except errors.NotAMember:  # whose voucher it is has left
            await warn_of_who_left(installation.db, programme_id, f"order {order.external_id}", now=now)
            raise errors.VoucherNotUsable from None
        if returns_wait:
            await apply_parked(
                installation.db, installation.programmes, programme_id, order=order.external_id, now=now
            )
        return answer
    raise AssertionError(f"order {order.external_id!r} was overtaken {_ATTEMPTS} times")


def _order(document: Mapping[str, Any] | OrderDocument, currency: str, now: datetime) -> OrderDocument:
    """A status of later than now would hide what comes next: a shop may have written local time as UTC."""
    order = document if isinstance(document, OrderDocument) else parse_order(document, currency)
    if order.currency != currency:
        raise errors.CurrencyMismatch(currency, order.currency)
    if order.status_at is not None and order.status_at > now + _CLOCKS_DIFFER:
        raise errors.InvalidInput("statusAt", "must not be in the future")
    return order


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

    async def submit(document: Mapping[str, Any]) -> SubmittedOrder:
        return await submit_order(installation, programme_id, document, now=now)

    return await one_by_one(documents, submit, field="orders", most=ORDERS_MAX)


@dataclass(frozen=True, slots=True)
class _Report:
    """One order, reported once; ``settle`` may run several times and has its effect in the last."""

    installation: Installation
    settling: Settling

    @property
    def programme(self) -> ProgrammeSnapshot:
        return self.settling.programme

    @property
    def order(self) -> OrderDocument:
        return self.settling.order

    async def settle(self) -> tuple[SubmittedOrder, bool]:
        """What has become of the order, and whether return documents may wait for it."""
        order = self.order
        async with self.installation.db.bare_transaction(self.programme.id) as connection:
            known = await orders.known(
                connection, self.programme.id, order.external_id, order.customer.external_id
            )
            answer = await self._settle(connection, known)
            cancelled = known.order is not None and known.order.returned == orders.CANCELLED
            return answer, known.returns_wait or (cancelled and not answer.replayed)

    async def _settle(self, connection: Connection, known: orders.Known) -> SubmittedOrder:
        earlier = known.order
        if earlier is None:
            return await self._take(connection, known)
        if self._is_stale(earlier):
            return self._answer_of(earlier)
        answer = await self._hear_of_who_left(connection, earlier) or await self._renew(connection, earlier)
        if answer is not None:
            return answer
        if earlier.state == orders.EARNED:
            return await self._note(connection, earlier)
        if not self._is_news(earlier, known):
            await self._note_status(connection, earlier)
            return self._answer_of(earlier)
        other = earlier.fingerprint not in {b"", self.settling.stored.fingerprint}
        if earlier.returned != orders.NOT_RETURNED and other:
            raise errors.OrderConflict(self.order.external_id)  # what came back was of the former content
        return await self._take(connection, known)

    async def _note(self, connection: Connection, earlier: orders.OrderRow) -> SubmittedOrder:
        """An order that has earned: only its status may still change."""
        # A fingerprint that is empty was forgotten with its member.
        if earlier.fingerprint not in {b"", self.settling.stored.fingerprint} and not (
            earlier.occurrence > 1 and self._is_same(earlier)
        ):
            raise errors.OrderConflict(self.order.external_id)
        await self._note_status(connection, earlier)
        return self._answer_of(earlier)

    async def _note_status(self, connection: Connection, earlier: orders.OrderRow) -> None:
        order = self.order
        if (earlier.status, earlier.status_at) != (order.status, order.status_at or earlier.status_at):
            noted = await orders.set_status(connection, self.programme.id, earlier, order.status, order.status_at)
            if not noted:  # what came back meanwhile may have been completed again by this
                raise Overtaken

    async def _hear_of_who_left(self, connection: Connection, earlier: orders.OrderRow) -> SubmittedOrder | None:
        """The status of an order is noted whose member left before it had all its effect: nobody is there to earn.

        Staff are told (R34). None: it is no such order, of which nothing names the customer any more.
        """
        settled = earlier.state == orders.EARNED and earlier.returned != orders.CANCELLED
        if settled or earlier.account_id is None or earlier.customer_external_id is not None:
            return None
        if earlier.status != self.order.status and self.settling.qualifies():
            kind, subject = WarningKind.MEMBER_HAS_LEFT, f"order {earlier.external_id}"
            detail = {"status": self.order.status}
            await warn(connection, self.programme.id, kind, subject, detail, now=self.settling.now)
        await self._note_status(connection, earlier)
        return self._answer_of(earlier)

    def _is_stale(self, earlier: orders.OrderRow) -> bool:
        """The shop has said more of the order since it made this report."""
        said_at = self.order.status_at
        return said_at is not None and earlier.status_at is not None and said_at < earlier.status_at

    async def _renew(self, connection: Connection, earlier: orders.OrderRow) -> SubmittedOrder | None:
        """An order that came back whole may be completed again; None: it is not."""
        if earlier.returned != orders.CANCELLED or self.order.status_at is None:
            return None
        order = await locked_with_accounts(connection, self.programme.id, self.order.external_id)
        if order is None or (order.occurrence, order.returned) != (earlier.occurrence, earlier.returned):
            raise Overtaken
        if not self._is_same(earlier):
            raise errors.OrderConflict(self.order.external_id)  # what came back was of the former content
        left_out = self.order.voucher_code is None and earlier.fingerprint != self.settling.stored.fingerprint
        renewed = await renew(connection, self.settling, order, pays_again=not left_out)
        if renewed is None:
            return None
        self.programme.require_open()
        effect, redeemed = renewed
        return self._answer(effect.outcome, effect.points, redeemed)

    def _is_same(self, earlier: orders.OrderRow) -> bool:
        """Whether the content is that of before; one of the two may leave out the voucher that had paid."""
        if earlier.fingerprint == self.settling.stored.fingerprint:
            return True
        if earlier.hold_id is None:
            return False
        code, given = self.installation.codes.code(earlier.hold_id), self.order.voucher_code
        if given is not None and not self._is_code_of(given, earlier.hold_id):
            return False
        other = replace(self.order, voucher_code=code if given is None else None)
        return other.stored().fingerprint == earlier.fingerprint

    def _is_news(self, earlier: orders.OrderRow, known: orders.Known) -> bool:
        if (earlier.fingerprint, earlier.status) != (self.settling.stored.fingerprint, self.order.status):
            return True
        waits_for_customer = earlier.state == orders.PARKED
        if known.account_id is None:
            return waits_for_customer and earlier.customer_email != self.settling.waiting_email()
        return waits_for_customer or self.settling.qualifies()

    async def _take(self, connection: Connection, known: orders.Known) -> SubmittedOrder:
        """Lock accounts, then the customer or the order; capture; credit; write."""
        self.programme.require_open()
        redeemed = await self._redeem(connection, known)
        if known.account_id is None:
            if await lock_customer(connection, self.programme.id, self.order.customer.external_id) is not None:
                raise Overtaken
        elif known.order is not None:
            await ledger.lock(connection, self.programme.id, [known.account_id])
        if (
            known.order is not None
            and await orders.locked(connection, self.programme.id, self.order.external_id) != known.order
        ):
            raise Overtaken
        effect = await self._effect(connection, known, redeemed)
        await self.settling.write(connection, known, redeemed, effect)
        return self._answer(effect.outcome, effect.points, redeemed.value)

    async def _redeem(self, connection: Connection, known: orders.Known) -> Redeemed:
        """The order's voucher: captured earlier for this order, or now."""
        code, total = self.order.voucher_code, self.order.content.total
        earlier = self.settling.captured(known)
        if earlier is None:
            return NOTHING_REDEEMED if code is None else await self._capture(connection, known, code)
        if earlier.value > total or (code is not None and not self._is_code_of(code, earlier.hold_id)):
            raise errors.OrderConflict(self.order.external_id)
        return earlier

    def _is_code_of(self, code: str, hold_id: UUID | None) -> bool:
        assert hold_id is not None, "something was captured"
        codes = self.installation.codes
        return codes.digest(code) == codes.digest(codes.code(hold_id))

    async def _capture(self, connection: Connection, known: orders.Known, code: str) -> Redeemed:
        also = () if known.account_id is None else (known.account_id,)
        hold = await locked_hold(
            self.installation, connection, self.programme.id, code, also=also, now=self.settling.now
        )
        total = self.order.content.total
        purchase = Purchase(ORDER, self.order.external_id, total)
        if bought_in_time(hold, self.order.placed_at):
            late = await spend_late(connection, self.programme, hold.hold_id, purchase, now=self.settling.now)
            return Redeemed(hold.hold_id, late.value)
        if hold.state is HoldState.HELD:
            try:
                hold = await spend(connection, self.programme, hold, purchase, now=self.settling.now)
            except errors.RedemptionEnded as error:
                raise errors.VoucherNotUsable from error
        elif hold.state is not HoldState.CAPTURED or not await self._may_claim(connection, hold):
            raise errors.VoucherNotUsable
        assert hold.captured_value is not None, "it is captured"
        if hold.captured_value > total:
            raise errors.OrderConflict(self.order.external_id)
        return Redeemed(hold.hold_id, hold.captured_value)

    async def _may_claim(self, connection: Connection, hold: ledger.Hold) -> bool:
        """A hold that a call has captured may belong to this order: if the call named it, or named none."""
        source = await orders.capture_source(connection, self.programme.id, hold.hold_id)
        return source in ((ORDER, self.order.external_id), (CAPTURE, hold.hold_id.hex))

    async def _effect(self, connection: Connection, known: orders.Known, redeemed: Redeemed) -> Effect:
        if known.account_id is None or known.public_id is None:
            return Effect(Outcome.PARKED)
        if not self.settling.qualifies():
            return Effect(Outcome.RECEIVED)
        account = AccountKey(known.account_id, known.public_id)
        return await self.settling.earn(connection, known, account, redeemed)

    def _answer_of(self, earlier: orders.OrderRow) -> SubmittedOrder:
        currency = self.order.currency
        total, redeemed = Money(earlier.total, currency), Money(earlier.redeemed_value, currency)
        outcome = Outcome(earlier.state)
        return SubmittedOrder(self.order.external_id, outcome, earlier.points, total, redeemed, replayed=True)

    def _answer(self, outcome: Outcome, points: int, redeemed: int) -> SubmittedOrder:
        currency = self.order.currency
        total = Money(self.order.content.total, currency)
        return SubmittedOrder(
            self.order.external_id, outcome, points, total, Money(redeemed, currency), replayed=False
        )
