"""What waited for a customer is given to the member who is found to be that customer (R14).

By joining, by an id of the shop's that a member is given, or by an address that the shop has verified since. Only
where the programme says ``releaseParkedOnJoin``; the caller has locked the account and the customer's id.

What is too much for the call of a shop is left to the worker, by a message that goes with the first part
(``releasing_rest``): a customer with a long history joins all the same, and gets all of it.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import uuid4

import orjson

from pointbook import ledger
from pointbook.db.queries import bookings, orders
from pointbook.db.queries.bookings import BookingRow
from pointbook.db.queries.returns import locked_order
from pointbook.db.queries.rule_counts import add_counts, counts_of
from pointbook.db.session import Connection
from pointbook.domain import earning
from pointbook.domain.errors import UnknownStore
from pointbook.domain.orders import OrderContent
from pointbook.domain.rules import Counter, Occasion
from pointbook.ledger import Accrual, NewLot
from pointbook.services import outbox
from pointbook.services.booking_settling import BookingSettling
from pointbook.services.directory import AccountKey, ProgrammeChangedError, ProgrammeSnapshot
from pointbook.services.granting import BOOKING, ORDER, Together, points_in, tell_credited, tell_together
from pointbook.services.judging import Circumstances, Judge
from pointbook.services.order_settling import order_earned
from pointbook.services.return_reckoning import Left, Reckoning
from pointbook.services.telling import tell

PARKED_REST: Final = "parked.rest"
"""Topic of the message that more is parked for a member. For the worker alone."""


class Most(NamedTuple):
    """So many parked documents are released in one transaction."""

    orders: int
    bookings: int


AT_ONCE: Final = Most(1_000, 500)
"""In the call that finds the member: all there is, of nearly everybody."""
IN_BACKGROUND: Final = Most(200, 100)
"""In a transaction of the worker, which has only seconds for a message."""


class Names(NamedTuple):
    """By what parked documents may know the customer: the shop's id, and a verified address in its kept form."""

    external_id: str
    email: str | None


class _JudgedOrder(NamedTuple):
    lots: tuple[NewLot, ...]
    released: orders.Released


class _Credited(NamedTuple):
    """``available_from``: of the last of its points."""

    source: str
    id: str
    points: int
    available_from: datetime


class _Parked(NamedTuple):
    orders: list[Any]
    bookings: list[BookingRow]
    has_rest: bool

    @property
    def documents(self) -> int:
        return len(self.orders) + len(self.bookings)


@dataclass(frozen=True, slots=True)
class Releasing:
    """Judged by what is in force now; without ``tells`` nobody is told of the points."""

    programme: ProgrammeSnapshot
    judge: Judge
    tells: bool
    now: datetime

    async def release(self, connection: Connection, account: AccountKey, names: Names) -> int:
        """Give an account that earns what is parked under these names; so many orders and bookings there were.

        What is more than ``AT_ONCE`` is promised to the worker. Raises ProgrammeChangedError.
        """
        if not self.judge.version.settings.release_parked_on_join:
            return 0
        parked = await self._parked(connection, names, AT_ONCE)
        together = f"release {uuid4().hex}" if parked.documents > 1 else None
        credited = await self._release(connection, account, parked, together)
        if parked.has_rest:
            assert together is not None, "it was as many as may be"
            await self._leave_rest(connection, account, together, credited)
        elif together is not None and credited is not None:
            await self.tell(connection, account, credited)
        return parked.documents

    async def release_more(
        self,
        connection: Connection,
        account: AccountKey,
        names: Iterable[Names],
        together: str,
        credited: Together | None,
    ) -> None:
        """The next part of what is parked under any of these names, promising the one after it.

        When nothing is left, the member is told of all that was ``credited`` by ``together``.
        Raises ProgrammeChangedError.
        """
        for name in names:
            parked = await self._parked(connection, name, IN_BACKGROUND)
            if parked.documents:
                more = await self._release(connection, account, parked, together)
                both = more if credited is None else credited if more is None else credited + more
                await self._leave_rest(connection, account, together, both)
                return
        if credited is not None:
            await self.tell(connection, account, credited)

    async def tell(self, connection: Connection, account: AccountKey, credited: Together) -> None:
        """One mail of all that was released, to who has the account by now."""
        if self.tells:
            whole = replace(credited, account=account.public_id)
            await tell_together(connection, self.programme.id, [whole], now=self.now)

    async def _leave_rest(
        self, connection: Connection, account: AccountKey, together: str, credited: Together | None
    ) -> None:
        payload = {
            "account": account.public_id.hex,
            "together": together,
            "credited": None if credited is None else credited.payload,
            "tells": self.tells,
        }
        await outbox.append(connection, self.programme.id, PARKED_REST, payload, now=self.now)

    async def _parked(self, connection: Connection, names: Names, most: Most) -> _Parked:
        programme = self.programme
        sold = await orders.parked(connection, programme.id, *names, currency=programme.currency, most=most.orders)
        booked = await bookings.parked(connection, programme.id, *names, most=most.bookings)
        return _Parked(sold, booked, len(sold) == most.orders or len(booked) == most.bookings)

    async def _release(
        self, connection: Connection, account: AccountKey, parked: _Parked, together: str | None
    ) -> Together | None:
        """What is available by now of what it credited."""
        credited = (
            await self._release_orders(connection, account, parked.orders, together) if parked.orders else []
        )
        credited += await self._release_bookings(connection, account, parked.bookings, together)
        return _sum(account, credited) if credited else None

    async def _release_orders(
        self, connection: Connection, account: AccountKey, rows: Sequence[Any], together: str | None
    ) -> list[_Credited]:
        left = {row["external_id"]: await self._left(connection, row) for row in rows}
        given = await self._given(connection, account.account_id, rows, left)
        before = dict(given)
        judged = await asyncio.to_thread(  # a thousand long ones take seconds
            self._judged_by_order, rows, left, given
        )
        lots = {order: one.lots for order, one in judged.items()}
        occurrences = {row["external_id"]: row["occurrence"] for row in rows}
        accruals = [
            Accrual(account.account_id, ORDER, order, occurrences[order], lots[order])
            for order in lots
            if lots[order]
        ]
        accrued = await ledger.accrue(connection, self.programme.id, accruals, now=self.now)
        seqs = {accrual.source_id: answer.seq for accrual, answer in zip(accruals, accrued, strict=True)}
        for order, seq in seqs.items():
            assert seq is not None, "a parked order has not earned, and the account earns"
            if self.tells:
                told = connection, self.programme, account, seq, lots[order]
                await tell_credited(*told, together=together, now=self.now)
        released = [one.released._replace(entry_seq=seqs.get(order)) for order, one in judged.items()]
        await orders.release(connection, self.programme.id, account.account_id, released)
        await self._tell(connection, account, released, occurrences)
        counts = {
            (account.account_id, counter): points - before.get(counter, 0) for counter, points in given.items()
        }
        await add_counts(connection, self.programme.id, counts)
        return [
            _Credited(ORDER, order, points_in(lots[order]), max(lot.available_from for lot in lots[order]))
            for order in seqs
        ]

    async def _tell(
        self,
        connection: Connection,
        account: AccountKey,
        released: Iterable[orders.Released],
        occurrences: Mapping[str, int],
    ) -> None:
        if not self.tells:
            return
        whose = account.public_id.hex
        events = (
            order_earned(order.external_id, whose, order.points, occurrences[order.external_id])
            for order in released
            if order.state == orders.EARNED
        )
        await tell(connection, self.programme.id, *events, now=self.now)

    async def _release_bookings(
        self, connection: Connection, account: AccountKey, parked: Sequence[BookingRow], together: str | None
    ) -> list[_Credited]:
        """The same for bookings, by what their site has said of them last; answers what is available by now."""
        settling = BookingSettling(self.programme, self.judge, self.now, self.tells, together)
        credited = []
        for booking in parked:
            try:
                earned = (await settling.settle(connection, booking, booking, account)).occurrence
            except UnknownStore as error:  # the booking has it, so the snapshot is older
                raise ProgrammeChangedError from error
            if earned is not None and earned.points and earned.available_from <= self.now:
                credited.append(_Credited(BOOKING, booking.external_id, earned.points, earned.available_from))
        return credited

    async def _left(self, connection: Connection, row: Any) -> Left | None:
        """What return documents have left of a parked order; None: all of it."""
        if row["returned"] == orders.NOT_RETURNED:
            return None
        order = await locked_order(connection, self.programme.id, row["external_id"])
        assert order is not None, "it was just read"
        reckoning = await Reckoning.of(connection, self.programme, order)
        return reckoning.left(self.judge.version.settings.refund_split)

    async def _given(
        self, connection: Connection, account_id: int, rows: Sequence[Any], left: Mapping[str, Left | None]
    ) -> dict[Counter, int]:
        """What capped rules have given to the account before."""
        occasions = [self._occasion(row, exact=left[row["external_id"]] is not None) for row in rows]
        counters = {counter for occasion in occasions for counter in self.judge.counters(occasion)}
        counts = await counts_of(connection, self.programme.id, ((account_id, counter) for counter in counters))
        return {counter: points for (_, counter), points in counts.items()}

    def _judged_by_order(
        self, rows: Sequence[Any], left: Mapping[str, Left | None], given: dict[Counter, int]
    ) -> dict[str, _JudgedOrder]:
        return {row["external_id"]: self._judged(row, left[row["external_id"]], given) for row in rows}

    def _judged(self, row: Any, left: Left | None, given: dict[Counter, int]) -> _JudgedOrder:
        """What becomes of a parked order; ``given`` goes on counting what capped rules give."""
        order, judge = row["external_id"], self.judge
        if not earning.qualifies(row["status"], judge.version.settings):
            return _JudgedOrder((), orders.Released(order, orders.RECEIVED, 0, None, None, None))
        judged = left or Left(OrderContent.from_stored(orjson.loads(row["document"])), row["redeemed_value"])
        occasion = self._occasion(row, exact=left is not None)
        before = {counter: given[counter] for counter in judge.counters(occasion) if counter in given}
        result = judge.order(judged.content, occasion, judged.redeemed_value, before)
        for use in result.cap_uses:
            given[use.counter] = given.get(use.counter, 0) + use.used
        lots = judge.lots(result.parts, self.now)
        version, record = judge.version.version, judge.record(result)
        return _JudgedOrder(lots, orders.Released(order, orders.EARNED, points_in(lots), version, record, None))

    def _occasion(self, row: Any, *, exact: bool) -> Occasion:
        place = Circumstances(row["placed_at"], row["store_id"], row["entry_channel"], row["exit_channel"])
        try:
            return self.judge.occasion(place, exact=exact)
        except UnknownStore as error:  # the order has it, so the snapshot is older
            raise ProgrammeChangedError from error


def _sum(account: AccountKey, credited: Sequence[_Credited]) -> Together:
    only = credited[0] if len(credited) == 1 else None
    return Together(
        account.public_id,
        sum(one.points for one in credited),
        len(credited),
        max(one.available_from for one in credited),
        order=only.id if only is not None and only.source == ORDER else None,
        booking=only.id if only is not None and only.source == BOOKING else None,
    )
