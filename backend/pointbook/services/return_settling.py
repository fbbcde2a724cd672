"""A return document is settled: what it comes to, and the rows and entries that say so (R23 to R28).

Settling locks the accounts, then the order, then the document; reckons all documents of the order anew; gives
points back and takes points back in one call of the ledger; and writes down what it came to.
"""

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import orjson

from pointbook import ledger
from pointbook.db.queries import members, orders
from pointbook.db.queries import returns as rows
from pointbook.db.session import Connection
from pointbook.domain import errors
from pointbook.domain.money import Money
from pointbook.domain.orders import OrderContent, StoredOrder
from pointbook.domain.return_types import ReturnType, TypeEffect, effect_of
from pointbook.domain.returns import NOTHING_RETURNED, Ordered, ReturnContent, grace_end
from pointbook.ledger import GiveBack, Reversal, Source
from pointbook.services import outbox
from pointbook.services.directory import ProgrammeSnapshot, keep_unchanged
from pointbook.services.granting import ORDER
from pointbook.services.judging import Judge
from pointbook.services.order_renewing import is_of_former, locked_with_accounts, renew
from pointbook.services.order_settling import Overtaken, Settling, document_of
from pointbook.services.return_reckoning import Reckoning, Undone
from pointbook.services.telling import Event, tell
from pointbook.services.warnings import WarningKind, warn

RETURN: Final = "return"
"""The kind of source in the ledger."""
POINTS_RETURNED: Final = "points.returned"
ORDER_RETURNED: Final = "order.returned"
ORDER_CANCELLED: Final = "order.cancelled"
RETURN_PARKED: Final = "return.parked"
RETURN_REFUSED: Final = "return.refused"


class ReturnOutcome(enum.StrEnum):
    APPLIED = "APPLIED"
    PARKED = "PARKED"
    """Known; its order is not."""


class OrderReturned(enum.StrEnum):
    """How much of an order return documents have taken back."""

    NONE = "NONE"
    PART = "PART"
    ALL = "ALL"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class SubmittedReturn:
    """What a document came to: of the ``value`` of what came back ``money`` is refunded, the rest given back.

    ``money`` None: the document does not reverse what points paid, so the refund is not Pointbook's to say.

    ``reversed`` points are taken back; of them ``debt`` are owed by now, and ``forgiven`` were not taken.
    ``replayed``: nothing changed now.
    """

    external_id: str
    order_external_id: str
    outcome: ReturnOutcome
    value: Money
    money: Money | None
    given_back: int
    given_back_value: Money
    reversed: int
    debt: int
    forgiven: int
    order_returned: OrderReturned
    replayed: bool


async def settle_parked(
    connection: Connection, programme: ProgrammeSnapshot, row: rows.ReturnRow, *, by_hand: bool, now: datetime
) -> SubmittedReturn:
    """Apply a document that is kept, in the caller's transaction; as it stands, if somebody else has meanwhile.

    Raises what ``submit_return`` does, Overtaken and ProgrammeChangedError; then the caller rolls back.
    """
    content = ReturnContent.from_stored(row.document)
    record = rows.ReturnRecord(
        row.external_id,
        row.order_external_id,
        row.type,
        row.status,
        row.currency,
        row.returned_at,
        content.to_json(),
        row.fingerprint,
        by_hand,
        row.reported_at,
    )
    return await Report(programme, record, content, now, kept=True).settle(connection)


@dataclass(frozen=True, slots=True)
class Report:
    """One document, reported once; ``settle`` may run several times and has its effect in the last.

    ``kept``: it was read from those that are kept, so a correction that came meanwhile stands against it.
    """

    programme: ProgrammeSnapshot
    record: rows.ReturnRecord
    content: ReturnContent
    now: datetime
    kept: bool = False

    async def settle(self, connection: Connection) -> SubmittedReturn:
        programme_id, record = self.programme.id, self.record
        order = await locked_with_accounts(connection, programme_id, record.order_external_id)
        earlier = await rows.locked(connection, programme_id, record.external_id)
        reported_at = record.reported_at
        if earlier is not None and earlier.fingerprint == record.fingerprint:
            reported_at = earlier.reported_at
        if self.kept and (earlier is None or earlier.fingerprint != record.fingerprint):
            raise Overtaken
        if earlier is not None and earlier.effect is not None:
            return await self._repeat(connection, order, earlier, earlier.effect)
        replayed = order is None and earlier is not None and earlier.fingerprint == record.fingerprint
        if not replayed:
            self.programme.require_open()
        if not await rows.keep(connection, programme_id, record):
            raise Overtaken
        if order is None:
            return await self._park(connection, replayed=replayed)
        await keep_unchanged(connection, self.programme)
        for currency in (order.currency, record.currency):
            if currency != self.programme.currency:
                raise errors.CurrencyMismatch(self.programme.currency, currency)
        if await self._is_covered(connection, order, rows.made_at(record.returned_at, reported_at)):
            return await self._pass_over(connection, order)
        return await self._apply(connection, order, by_hand=earlier is not None and earlier.by_hand)

    async def _park(self, connection: Connection, *, replayed: bool) -> SubmittedReturn:
        if not replayed:
            parked = {"return": self.record.external_id, "order": self.record.order_external_id}
            await tell(connection, self.programme.id, Event(RETURN_PARKED, parked), now=self.now)
        return self._parked(replayed=replayed)

    async def _repeat(
        self,
        connection: Connection,
        order: rows.ReturnableOrder | None,
        earlier: rows.ReturnRow,
        effect: rows.Effect,
    ) -> SubmittedReturn:
        """A document that has had its effect: only its status may still change."""
        if earlier.fingerprint != self.record.fingerprint:
            raise errors.ReturnConflict(self.record.external_id)
        if earlier.status != self.record.status:
            await rows.set_status(connection, self.programme.id, self.record.external_id, self.record.status)
        return self._answer(effect, order, replayed=True)

    async def _apply(
        self, connection: Connection, order: rows.ReturnableOrder, *, by_hand: bool
    ) -> SubmittedReturn:
        record, settings = self.record, self.programme.settings_at(self.now)
        by_hand = by_hand or record.by_hand
        kind = effect_of(settings.type_effects, ReturnType(record.type), by_hand=by_hand)
        reckoning = await Reckoning.of(connection, self.programme, order)
        undone = await reckoning.undone_by(self.content, kind, settings.refund_split)
        kept = await self._without_who_left(connection, order, undone)
        moved = await self._move(connection, order, kept)
        taken = None if moved is None else moved.reversed
        effect = rows.Effect(
            occurrence=order.occurrence,
            number=reckoning.number,
            effect=kind,
            value=undone.value,
            money=undone.money,
            given_back=kept.given_back,
            given_back_value=kept.given_back_value,
            reversed=undone.reversed,
            debt=0 if taken is None else taken.debt,
            forgiven=(0 if taken is None else taken.forgiven) + undone.reversed - kept.reversed,
        )
        await rows.apply(connection, self.programme.id, record.external_id, effect, by_hand=by_hand, now=self.now)
        returned = self._order_state(order, undone)
        await rows.set_returned(connection, self.programme.id, order.external_id, returned)
        await self._tell(connection, order, moved, returned)
        if returned is OrderReturned.CANCELLED and await self._renew(connection):
            returned = OrderReturned.NONE
        return self._answer(effect, order, returned=returned)

    async def _without_who_left(
        self, connection: Connection, order: rows.ReturnableOrder, undone: Undone
    ) -> Undone:
        """Nothing is given back to who has left, and nothing taken back from them (R34); staff are told."""
        accounts = {account for account in (order.account_id, order.holder_id) if account is not None}
        left = await members.who_left(connection, self.programme.id, accounts)
        kept = undone
        if order.holder_id in left:
            kept = kept._replace(given_back=0, given_back_value=0)
        if order.account_id in left:
            kept = kept._replace(reversed=0)
        if kept != undone:
            detail = {
                "return": self.record.external_id,
                "notGivenBack": undone.given_back - kept.given_back,
                "notReversed": undone.reversed - kept.reversed,
            }
            kind, subject = WarningKind.MEMBER_HAS_LEFT, f"order {order.external_id}"
            await warn(connection, self.programme.id, kind, subject, detail, now=self.now)
        return kept

    async def _is_covered(self, connection: Connection, order: rows.ReturnableOrder, made_at: datetime) -> bool:
        """Whether what the document takes back is gone already, because a later one that took all came first.

        It is of an occurrence before the present one, or was made before a document of the present one that took
        all that was left. Only a document that says when it was made can be known for that.
        """
        if is_of_former(order, made_at):
            return True
        if self.record.type == ReturnType.CANCELLATION:
            return False  # it fits whatever is left, and says that the order is cancelled
        if self.record.returned_at is None or order.returned not in orders.RETURNED_WHOLE:
            return False
        name, occurrence = order.external_id, order.occurrence
        return await rows.all_taken_since(connection, self.programme.id, name, occurrence, made_at)

    async def _pass_over(self, connection: Connection, order: rows.ReturnableOrder) -> SubmittedReturn:
        """It has no effect, because the document that took all has had it; but it must be of the order.

        Raises InvalidInput and ReturnExceedsOrder for what never could have been returned of it.
        """
        ordered = Ordered(OrderContent.from_stored(orjson.loads(order.document)), order.currency)
        ordered.taken(NOTHING_RETURNED, self.content)
        number = await rows.passed_over(connection, self.programme.id, order.external_id) + 1
        effect = rows.Effect(rows.PASSED_OVER, number, TypeEffect.NOTHING, *[0] * 7)
        name, by_hand = self.record.external_id, self.record.by_hand
        await rows.apply(connection, self.programme.id, name, effect, by_hand=by_hand, now=self.now)
        return self._answer(effect, order)

    async def _renew(self, connection: Connection) -> bool:
        """Whether the order that is cancelled has been completed since: the report of that came first."""
        programme_id, name = self.programme.id, self.record.order_external_id
        record = await orders.find(connection, programme_id, name)
        order = await rows.locked_order(connection, programme_id, name)
        assert record is not None, "it is known, and orders are never deleted"
        assert order is not None, "it is known, and orders are never deleted"
        if record.status_at is None or record.customer_external_id is None:
            return False
        settling = Settling(
            self.programme,
            Judge(self.programme, self.now),
            document_of(record, record.customer_external_id),
            StoredOrder(record.document, record.fingerprint),
            tells=True,
            now=self.now,
        )
        try:
            return await renew(connection, settling, order) is not None
        except errors.InsufficientPoints as refusal:
            detail = {"requested": refusal.requested, "available": refusal.available}
            kind, subject = WarningKind.LATE_PURCHASE_REFUSED, f"order {name}"
            await warn(connection, programme_id, kind, subject, detail, now=self.now)
            return False

    async def _move(
        self, connection: Connection, order: rows.ReturnableOrder, undone: Undone
    ) -> ledger.Returned | None:
        settings = self.programme.settings_at(self.now)
        given = reversal = None
        if undone.given_back and order.hold_id is not None:
            grace = grace_end(self.now, settings.give_back_grace_days, self.programme.zone)
            given = GiveBack(order.hold_id, undone.given_back, grace, order.purchase)
        if undone.reversed and order.entry_seq is not None:
            accrual = Source(ORDER, order.external_id, order.occurrence)
            reversal = Reversal(accrual, undone.reversed, settings.clawback)
        if given is None and reversal is None:
            return None
        source = Source(RETURN, self.record.external_id, order.occurrence)
        return await ledger.return_order(connection, self.programme.id, given, reversal, source, now=self.now)

    def _order_state(self, order: rows.ReturnableOrder, undone: Undone) -> OrderReturned:
        if undone.leaves_something:
            return OrderReturned.PART
        cancelled = order.returned == OrderReturned.CANCELLED or self.record.type == ReturnType.CANCELLATION
        return OrderReturned.CANCELLED if cancelled else OrderReturned.ALL

    async def _tell(
        self,
        connection: Connection,
        order: rows.ReturnableOrder,
        moved: ledger.Returned | None,
        returned: OrderReturned,
    ) -> None:
        """Of the member whose order it is; without one, of the return and the order alone."""
        programme_id, now = self.programme.id, self.now
        whose = {
            "account": None if order.public_id is None else order.public_id.hex,
            "order": self.record.order_external_id,
        }
        of_return = {**whose, "return": self.record.external_id}
        if moved is not None:
            points = {
                "givenBack": 0 if moved.given_back is None else moved.given_back.points,
                "reversed": 0 if moved.reversed is None else moved.reversed.points,
            }
            await outbox.append(connection, programme_id, POINTS_RETURNED, {**of_return, **points}, now=now)
        occurrence = {"occurrence": order.occurrence}
        events = [Event(ORDER_RETURNED, {**of_return, "returned": returned, **occurrence})]
        if returned is OrderReturned.CANCELLED and order.returned != OrderReturned.CANCELLED:
            events.append(Event(ORDER_CANCELLED, {**whose, **occurrence}))
        await tell(connection, programme_id, *events, now=now)

    def _parked(self, *, replayed: bool) -> SubmittedReturn:
        nothing = rows.Effect(0, 0, TypeEffect.NOTHING, *[0] * 7)
        return self._answer(nothing, None, replayed=replayed)

    def _answer(
        self,
        effect: rows.Effect,
        order: rows.ReturnableOrder | None,
        *,
        returned: OrderReturned | None = None,
        replayed: bool = False,
    ) -> SubmittedReturn:
        currency = self.record.currency
        stands = OrderReturned.NONE if order is None else OrderReturned(order.returned)
        return SubmittedReturn(
            self.record.external_id,
            self.record.order_external_id,
            ReturnOutcome.APPLIED if effect.number else ReturnOutcome.PARKED,
            Money(effect.value, currency),
            Money(effect.money, currency) if TypeEffect(effect.effect).reverses_redemption else None,
            effect.given_back,
            Money(effect.given_back_value, currency),
            effect.reversed,
            effect.debt,
            effect.forgiven,
            stands if returned is None else returned,
            replayed,
        )
