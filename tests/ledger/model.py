"""A second opinion: the ledger of one account in plain Python, written from domain.md and not from the SQL.

It differs from the functions on purpose. Time is a clock that walks from one instant to the next and does
there what falls due, in a loop; points are priced one by one; what an account was in the past is remembered
by snapshots. Only small numbers of points are practical, which is what histories need.

Instants are timezone-aware UTC, points are whole, money is in minor units. ``now`` never goes backwards here:
an instant before the last entry's is lifted to it. Refusals are the errors of ``pointbook.domain.errors``.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Self
from uuid import UUID

from pointbook.domain import errors
from tests.ledger.model_words import (
    FINE,
    Ask,
    Balance,
    Entry,
    Grant,
    Hold,
    Lot,
    Quote,
    Snapshot,
    Transfer,
    fewest_reaching,
    fine,
    most_within,
    split,
)


@dataclass
class Account:
    clock: datetime  # of the last entry
    lots: list[Lot] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    merged: list[Entry] = field(default_factory=list)  # of the accounts that were merged into this one
    snapshots: list[Snapshot] = field(default_factory=list)
    debt: int = 0
    may_earn: bool = True
    may_spend: bool = True
    left: bool = False

    # --- time -----------------------------------------------------------------------------------

    def advance(self, until: datetime) -> None:
        """Let happen everything that falls due up to and including ``until``, in order of its instants."""
        while (instant := self.next_instant()) is not None and instant <= until:
            self._happen(instant)

    def next_instant(self) -> datetime | None:
        """When the clock alone changes something next; not before the last entry."""
        instant = min(self._instants(), default=None)
        return None if instant is None else max(instant, self.clock)

    def _instants(self) -> Iterator[datetime]:
        yield from (hold.expires_at for hold in self.holds if hold.state == "HELD")
        for lot in self.lots:
            if lot.open and lot.grant.expires_at is not None:
                yield lot.grant.expires_at
            if lot.open and self.debt and not lot.expired(max(lot.grant.available_from, self.clock)):
                yield lot.grant.available_from

    def _happen(self, at: datetime) -> None:
        """What falls due at one instant: holds lapse, lots expire, points that became available pay debt (R26)."""
        for hold in sorted(self.holds, key=lambda hold: hold.made):
            if hold.state == "HELD" and hold.expires_at <= at:
                self._enter("lapse", at, self._give_back(hold.parts, at), hold_id=hold.hold_id)
                self._end(hold, "LAPSED", at)
        expired = sorted((lot for lot in self.lots if lot.open and lot.expired(at)), key=Lot.order)
        if expired:
            self._enter("expiry", at, [Transfer("open", "expired", lot.number, lot.open) for lot in expired])
        if self.debt and (taken := self._take(min(self.debt, self.available(at)), at)):
            self._enter("settle", at, [Transfer("open", "debt", number, points) for number, points in taken])

    def _end(self, hold: Hold, state: str, at: datetime) -> None:
        assert hold.state == "HELD", "a hold ends once"
        hold.state, hold.ended_at = state, at

    def _give_back(self, parts: Iterable[tuple[int, int]], at: datetime) -> list[Transfer]:
        """R18: held points outlive their lot until the hold ends; then they are open again, or expire at once."""
        return [
            Transfer("held", "expired" if self.lots[number - 1].expired(at) else "open", number, points)
            for number, points in parts
        ]

    # --- the book -------------------------------------------------------------------------------

    def _enter(
        self,
        kind: str,
        at: datetime,
        transfers: Iterable[Transfer] = (),
        source: tuple[str, str, int] | None = None,
        hold_id: UUID | None = None,
        *,
        of: tuple[int, int] | None = None,
    ) -> Entry:
        assert at >= self.clock, "instants never go back (I5)"
        entry = Entry(len(self.entries) + 1, kind, at, tuple(transfers), source, hold_id, of)
        for transfer in entry.transfers:
            self._move(transfer)
        self.clock = at
        self.entries.append(entry)
        self.snapshots.append(Snapshot(at, self.debt, self._held(), tuple(lot.open for lot in self.lots)))
        return entry

    def _move(self, transfer: Transfer) -> None:
        assert transfer.points > 0
        for account, sign in ((transfer.debit, -1), (transfer.credit, 1)):
            if account == "open":
                assert transfer.lot is not None
                lot = self.lots[transfer.lot - 1]
                lot.open += sign * transfer.points
                assert lot.open >= 0
            elif account == "debt":
                self.debt -= sign * transfer.points
                assert self.debt >= 0

    def known(self) -> Iterator[Entry]:
        """All that others may name: entries of its own, and of accounts that were merged into it."""
        yield from self.merged
        yield from self.entries

    def _held(self) -> int:
        """From the entries alone, so that it can be compared with the holds (I3)."""
        moves = (transfer for entry in self.entries for transfer in entry.transfers)
        return sum(((t.credit == "held") - (t.debit == "held")) * t.points for t in moves)

    def _spendable(self, at: datetime) -> list[Lot]:
        return sorted((lot for lot in self.lots if lot.spendable(at)), key=Lot.order)

    def available(self, at: datetime) -> int:
        return sum(lot.open for lot in self._spendable(at))

    def _take(self, points: int, at: datetime) -> list[tuple[int, int]]:
        """``points`` of the available lots in R15's order, as (lot, points)."""
        taken = []
        for lot in self._spendable(at):
            if points == 0:
                break
            share = min(points, lot.open)
            taken.append((lot.number, share))
            points -= share
        assert points == 0, "whoever takes has looked before"
        return taken

    def _grant(self, grant: Grant) -> int:
        self.lots.append(Lot(len(self.lots) + 1, grant, 0))
        return len(self.lots)

    def _prices(self, parts: Iterable[tuple[int, int]], point_value: Decimal | None) -> Iterator[int]:
        """The price of every single point."""
        for number, points in parts:
            price = self.lots[number - 1].grant.value_per_point if point_value is None else point_value
            yield from itertools.repeat(fine(price), points)

    def copy(self) -> Self:
        return replace(
            self,
            lots=[replace(lot) for lot in self.lots],
            holds=[replace(hold) for hold in self.holds],
            entries=list(self.entries),
            merged=list(self.merged),
            snapshots=list(self.snapshots),
        )

    def _begin(self, now: datetime) -> datetime:
        """Every write first books, in order of their instants, what has fallen due (R26)."""
        at = max(now, self.clock)
        self.advance(at)
        return at

    # --- operations -----------------------------------------------------------------------------

    def accrue(self, grants: Iterable[Grant], source: tuple[str, str, int], *, now: datetime) -> str:
        """``ok``, or ``duplicate`` (a source has one effect per occurrence), or ``not_earning``."""
        at = self._begin(now)
        if any(entry.kind == "accrual" and entry.source == source for entry in self.known()):
            return "duplicate"
        if not self.may_earn:
            return "not_earning"
        lines = [Transfer("issued", "open", self._grant(grant), grant.points) for grant in grants]
        self._enter("accrual", at, lines, source)
        self._happen(at)
        return "ok"

    def quote(self, ask: Ask, *, now: datetime) -> Quote:
        """What ``hold`` would charge, or its refusal; changes nothing."""
        hold = self.copy().hold(UUID(int=0), ask, now=now)
        return Quote(hold.points, hold.value)

    def hold(self, hold_id: UUID, ask: Ask, *, now: datetime) -> Hold:
        """R20: same cart and same points, the same hold; same cart and other points, replaced."""
        at = self._begin(now)
        self._may_spend()
        replaced = next((hold for hold in self.holds if hold.state == "HELD" and hold.cart == ask.cart), None)
        parts, value = self._charge(ask, self._free(replaced, at))
        if replaced is not None:
            if (replaced.points, replaced.value) == (sum(points for _, points in parts), value):
                return replaced
            self._end(replaced, "RELEASED", at)
            reopened = [Transfer("held", "open", number, points) for number, points in replaced.parts]
            self._enter("release", at, reopened, hold_id=replaced.hold_id)
        lines = [Transfer("open", "held", number, points) for number, points in parts]
        entry = self._enter("hold", at, lines, hold_id=hold_id)
        hold = Hold(hold_id, entry.name, ask.cart, tuple(parts), value, ask.point_value, at, at + ask.lifetime)
        if replaced is not None:
            hold.extensions = replaced.extensions
            if self.debt > 0 or any(self.lots[number - 1].expired(at) for number, _ in parts):
                hold.expires_at = min(hold.expires_at, replaced.expires_at)
        self.holds.append(hold)
        self._happen(at)
        return hold

    def _free(self, replaced: Hold | None, at: datetime) -> list[tuple[int, int]]:
        """R20: what is available, and what the replaced hold has even if its lot has expired or debt waits."""
        free = {lot.number: lot.open for lot in self._spendable(at)}
        for number, points in replaced.parts if replaced else ():
            free[number] = free.get(number, 0) + points
        return sorted(free.items(), key=lambda part: self.lots[part[0] - 1].order())

    def _may_spend(self) -> None:
        if not self.may_spend:
            raise errors.RedemptionLocked if self.may_earn else errors.MemberInactive

    def _charge(self, ask: Ask, free: list[tuple[int, int]]) -> tuple[list[tuple[int, int]], int]:
        """R3: the points to charge, as parts, and what they are worth."""
        prices = list(self._prices(free, ask.point_value))
        most = most_within(prices, ask.limit)
        if ask.points is not None and ask.points > len(prices):
            raise errors.InsufficientPoints(ask.points, len(prices))
        if ask.points is not None and ask.points > most:
            raise errors.ExceedsCart(most)
        value = sum(prices[: most if ask.points is None else ask.points]) // FINE
        charged = fewest_reaching(prices, value)
        if charged < max(ask.minimum, 1):
            raise errors.BelowMinimum(ask.minimum)
        return split(free, charged)[0], value

    def find(self, hold_id: UUID) -> Hold:
        found = next((hold for hold in self.holds if hold.hold_id == hold_id), None)
        if found is None:
            raise errors.RedemptionNotFound
        return found

    def _held_hold(self, hold_id: UUID) -> Hold:
        hold = self.find(hold_id)
        if hold.state != "HELD":
            raise errors.RedemptionEnded(hold.state)
        return hold

    def extend(self, hold_id: UUID, lifetime: timedelta, maximum: int, *, now: datetime) -> Hold:
        """R19: a hold that still stands ends ``lifetime`` after this instant."""
        at = self._begin(now)
        hold = self._held_hold(hold_id)
        if hold.extensions >= maximum:
            raise errors.ExtensionsExhausted(maximum)
        hold.extensions += 1
        hold.expires_at = max(hold.expires_at, at + lifetime)
        self._enter("extend", at, hold_id=hold_id)
        return hold

    def release(self, hold_id: UUID, *, now: datetime) -> Hold:
        at = self._begin(now)
        hold = self._held_hold(hold_id)
        self._release(hold, at)
        return hold

    def _release(self, hold: Hold, at: datetime) -> None:
        self._end(hold, "RELEASED", at)
        self._enter("release", at, self._give_back(hold.parts, at), hold_id=hold.hold_id)
        self._happen(at)

    def capture(
        self, hold_id: UUID, amount: int | None, source: tuple[str, str], *, keyed: bool = True, now: datetime
    ) -> Hold:
        """R20: spends at most ``amount`` (None: all) in R15's order, gives back the rest. One order, one hold.

        An order reported again, which has no key, finds its hold as it was captured.
        """
        at = self._begin(now)
        earlier = next((e for e in self.known() if e.kind == "capture" and e.source == (*source, 1)), None)
        if not keyed and earlier is not None and earlier.hold_id == hold_id:
            return self.find(hold_id)
        hold = self._held_hold(hold_id)
        if earlier is not None:
            raise errors.OrderConflict(source[1])
        prices = list(self._prices(hold.parts, hold.point_value))
        value = hold.value
        if amount is not None and amount < hold.value:
            value = sum(prices[: most_within(prices, amount)]) // FINE
        spent = hold.points if value == hold.value else fewest_reaching(prices, value)
        if spent == 0:
            raise errors.BelowMinimum(1)
        used, rest = split(hold.parts, spent)
        lines = [Transfer("held", "redeemed", number, points) for number, points in used]
        hold.captured_points, hold.captured_value = spent, value
        self._end(hold, "CAPTURED", at)
        self._enter("capture", at, lines + self._give_back(rest, at), (*source, 1), hold_id)
        self._happen(at)
        return hold

    def adjust(self, points: int, grant: Grant | None, *, allow_negative: bool, now: datetime) -> None:
        """R31: a plus is a lot of its own; a minus is taken in R15's order, beyond the balance it is debt."""
        at = self._begin(now)
        if points > 0:
            assert grant is not None
            self._enter("adjust", at, [Transfer("adjusted", "open", self._grant(grant), points)])
        else:
            available = self.available(at)
            if -points > available and not allow_negative:
                raise errors.InsufficientPoints(-points, available)
            lines = [Transfer("open", "adjusted", *share) for share in self._take(min(-points, available), at)]
            if -points > available:
                lines.append(Transfer("debt", "adjusted", None, -points - available))
            self._enter("adjust", at, lines)
        self._happen(at)

    def forfeit(self, *, now: datetime) -> tuple[int, int, int]:
        """R34: whatever there is of holds and lots is lost, and what is owed too; points, debt, how many holds."""
        at = self._begin(now)
        held = [hold for hold in self.holds if hold.state == "HELD"]
        for hold in held:
            self._end(hold, "RELEASED", at)
            reopened = [Transfer("held", "open", number, points) for number, points in hold.parts]
            self._enter("release", at, reopened, hold_id=hold.hold_id)
        lost = sorted((lot for lot in self.lots if lot.open), key=Lot.order)
        lines = [Transfer("open", "forfeited", lot.number, lot.open) for lot in lost]
        points, debt = sum(line.points for line in lines), self.debt
        if debt:
            lines.append(Transfer("forfeited", "debt", None, debt))
        if lines:
            self._enter("forfeit", at, lines)
        self.left, self.may_earn, self.may_spend = True, False, False
        return points, debt, len(held)

    # --- reads ----------------------------------------------------------------------------------

    def at(self, instant: datetime) -> Self:
        """The account as it stands, or will stand, at ``instant``, which is not before its last entry."""
        assert instant >= self.clock
        later = self.copy()
        later.advance(instant)
        return later

    def balance(self, as_of: datetime, point_value: Decimal | None = None) -> Balance:
        if as_of >= self.clock:
            later = self.at(as_of)
            figures = Snapshot(as_of, later.debt, later._held(), tuple(lot.open for lot in later.lots))
        else:
            before = [snapshot for snapshot in self.snapshots if snapshot.at <= as_of]
            figures = before[-1] if before else Snapshot(as_of, 0, 0, ())
        lots = [replace(lot, open=points) for lot, points in zip(self.lots, figures.open, strict=False)]
        spendable = [lot for lot in lots if lot.spendable(as_of)]
        parts = [(lot.number, lot.open) for lot in spendable]
        return Balance(
            available=sum(lot.open for lot in spendable),
            pending=sum(lot.open for lot in lots if lot.grant.available_from > as_of and not lot.expired(as_of)),
            held=figures.held,
            debt=figures.debt,
            value=sum(self._prices(parts, point_value)) // FINE,
        )

    def expiring(self, now: datetime, until: datetime) -> list[tuple[datetime, int]]:
        """R17: (instant, points) of what expires in (now, until], but for held and never available points."""
        batches: dict[datetime, int] = {}
        for lot in self.at(max(now, self.clock)).lots:
            end = lot.grant.expires_at
            if end is not None and lot.open and now < end <= until and lot.grant.available_from < end:
                batches[end] = batches.get(end, 0) + lot.open
        return sorted(batches.items())
