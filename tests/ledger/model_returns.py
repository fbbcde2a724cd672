"""What returns do, in the model of the ledger: written from domain.md and not from the SQL, point by point."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from pointbook.domain import errors
from tests.ledger.model import Account
from tests.ledger.model_words import (
    FINE,
    CapturedLate,
    Entry,
    GiveBack,
    GivenBack,
    Grant,
    Hold,
    LatePurchase,
    Lot,
    Reversal,
    Reversed,
    Transfer,
    fewest_reaching,
    most_within,
    split,
)

NO_HOLD = UUID(int=0)
"""Of what was spent without one."""


@dataclass
class ReturningAccount(Account):
    given: dict[str, tuple[UUID, int, GivenBack]] = field(default_factory=dict)  # what a return gave back, of what
    late: dict[tuple[UUID, int], tuple[str, CapturedLate]] = field(default_factory=dict)
    taken: dict[str, tuple[str, Reversed]] = field(default_factory=dict)

    def return_order(
        self, give_back: GiveBack | None, reversal: Reversal | None, source: str, *, now: datetime
    ) -> tuple[GivenBack | None, Reversed | None]:
        """Gives back, then takes back (R26, R27). A source has one effect of each kind, once and for all (R23)."""
        at = self._begin(now)
        given, taken = self.returned(give_back, reversal, source)
        if give_back and not given:
            _refuse_beyond(give_back.points, self.left_of_capture(give_back.hold_id, give_back.purchase))
        if reversal and not taken:
            _refuse_beyond(reversal.points, self.left_of_accrual(reversal.accrual))
        if give_back and not given:
            given = self._return_points(give_back, source, at)
            self.given[source] = (give_back.hold_id, give_back.purchase, given)
        if reversal and not taken:
            taken = self._reverse(reversal, source, at)
            self.taken[source] = (reversal.accrual, taken)
        return given, taken

    def returned(
        self, give_back: GiveBack | None, reversal: Reversal | None, source: str
    ) -> tuple[GivenBack | None, Reversed | None]:
        """What of this a source has done already."""
        given = self.given.get(source) if give_back else None
        taken = self.taken.get(source) if reversal else None
        if give_back and given and given[:2] != (give_back.hold_id, give_back.purchase):
            raise errors.IdempotencyConflict
        if reversal and taken and taken[0] != reversal.accrual:
            raise errors.IdempotencyConflict
        return given and given[2], taken and taken[1]

    def spend(self, points: int, source: str, *, now: datetime) -> Entry:
        """R29: at once, of what is available, in R15's order."""
        at = self._begin(now)
        self._may_spend()
        if points > self.available(at):
            raise errors.InsufficientPoints(points, self.available(at))
        lines = [Transfer("open", "redeemed", *share) for share in self._take(points, at)]
        return self._enter("spend", at, lines, ("exchange_order", source, 1))

    def unspend(self, source: str, grace_expires_at: datetime | None, *, now: datetime) -> GivenBack:
        """R27: all of it, to the lots it came from, once."""
        at = self._begin(now)
        earlier = self.given.get(source)
        if earlier is None:
            [spend] = (e for e in self.known() if e.source == ("exchange_order", source, 1))
            asked = GiveBack(NO_HOLD, _total(spend.transfers), grace_expires_at)
            given = self._give_points_back(asked, spend, ("undone", source, 1), at)
            earlier = self.given[source] = (NO_HOLD, 1, given)
        return earlier[2]

    def capture_late(self, asked: LatePurchase, *, now: datetime) -> CapturedLate:
        """R21, R28: from what expired of the hold as it lapsed, then from what is available, else debt."""
        at = self._begin(now)
        hold = self.find(asked.hold_id)
        earlier = self.late.get((asked.hold_id, asked.purchase))
        if earlier is not None:
            if earlier[0] != asked.order:
                raise errors.RedemptionEnded("CAPTURED")
            return earlier[1]
        if asked.purchase == 1 and hold.state != "LAPSED":
            raise errors.RedemptionEnded(hold.state)
        source = ("order", asked.order, asked.purchase)
        if any(entry.source == source for entry in self.known() if entry.kind.endswith("capture")):
            raise errors.OrderConflict(asked.order)
        points, value = self._price_late(hold, asked)
        lines: list[Transfer] = []
        missing = points
        for debit, offered in self._offered_late(hold, asked.purchase, at):
            used, _ = split(offered, missing)
            lines += [Transfer(debit, "redeemed", number, share) for number, share in used]
            missing -= sum(share for _, share in used)
        if missing and not asked.may_owe:
            raise errors.InsufficientPoints(points, points - missing)
        if missing:
            lines.append(Transfer("debt", "redeemed", None, missing))
        self._enter("late_capture", at, lines, source, asked.hold_id)
        self._happen(at)
        answer = CapturedLate(points, value, missing)
        self.late[asked.hold_id, asked.purchase] = (asked.order, answer)
        return answer

    def _price_late(self, hold: Hold, asked: LatePurchase) -> tuple[int, int]:
        """What a purchase in time would have charged; a further one costs what the one before it did."""
        if asked.purchase > 1:
            before = self.late.get((hold.hold_id, asked.purchase - 1))
            if before is not None:
                return before[1].points, before[1].value
            assert hold.captured_points is not None
            assert hold.captured_value is not None
            return hold.captured_points, hold.captured_value
        prices = list(self._prices(hold.parts, hold.point_value))
        value = hold.value
        if asked.amount is not None and asked.amount < value:
            value = sum(prices[: most_within(prices, asked.amount)]) // FINE
        points = hold.points if value == hold.value else fewest_reaching(prices, value)
        if points == 0:
            raise errors.BelowMinimum(1)
        return points, value

    def _offered_late(
        self, hold: Hold, purchase: int, at: datetime
    ) -> Iterator[tuple[str, list[tuple[int, int]]]]:
        if purchase == 1:
            [lapse] = (e for e in self.known() if e.kind == "lapse" and e.hold_id == hold.hold_id)
            lapsed = [(self._lot(line), line.points) for line in lapse.transfers if line.credit == "expired"]
            yield "expired", [(lot.number, min(points, self._expired(lot))) for lot, points in lapsed]
        yield "open", [(lot.number, lot.open) for lot in self._spendable(at)]

    def _held_hold(self, hold_id: UUID) -> Hold:
        """One that paid late is captured to everybody."""
        if (hold_id, 1) in self.late:
            raise errors.RedemptionEnded("CAPTURED")
        return super()._held_hold(hold_id)

    def purchases(self, hold: Hold) -> int:
        """How often the hold has paid."""
        late = sum(1 for hold_id, _ in self.late if hold_id == hold.hold_id)
        return late + (hold.state == "CAPTURED")

    def left_of_capture(self, hold_id: UUID, purchase: int = 1) -> int:
        return sum(1 for _ in self._spent_points(self._capture_of(hold_id, purchase)))

    def left_of_accrual(self, order: str) -> int:
        accrual = self._accrual_of(order)
        return _total(accrual.transfers) - _total(self._taken_back(accrual))

    def _capture_of(self, hold_id: UUID, purchase: int) -> Entry:
        kinds = ("capture", "late_capture")
        bought = [entry for entry in self.known() if entry.kind in kinds and entry.hold_id == hold_id]
        if len(bought) < purchase:
            raise errors.RedemptionNotFound
        return bought[purchase - 1]

    def _accrual_of(self, order: str) -> Entry:
        [accrual] = (e for e in self.known() if e.kind == "accrual" and e.source == ("order", order, 1))
        return accrual

    def _taken_back(self, entry: Entry) -> list[Transfer]:
        return [line for later in self.known() if later.of == entry.name for line in later.transfers]

    def _lot(self, line: Transfer) -> Lot:
        assert line.lot is not None
        return self.lots[line.lot - 1]

    def _spent_points(self, capture: Entry) -> Iterator[int | None]:
        """The lot of every single point that was captured and not given back, the latest expiry first (R27).

        Before them come the points that nobody had.
        """
        given = Counter[int | None]()
        for line in self._taken_back(capture):
            given[line.lot] += line.points if line.debit == "redeemed" else 0
        spent = [line for line in capture.transfers if line.credit == "redeemed"]
        owed = sum(line.points for line in spent if line.lot is None)
        yield from itertools.repeat(None, owed - given[None])
        spent = [line for line in spent if line.lot is not None]
        for line in sorted(spent, key=lambda line: self._lot(line).order(), reverse=True):
            yield from itertools.repeat(self._lot(line).number, line.points - given[line.lot])

    def _return_points(self, asked: GiveBack, source: str, at: datetime) -> GivenBack:
        if asked.points == 0:
            return GivenBack(None, 0, 0, 0)
        capture = self._capture_of(asked.hold_id, asked.purchase)
        return self._give_points_back(asked, capture, ("return", source, 1), at)

    def _give_points_back(
        self, asked: GiveBack, purchase: Entry, source: tuple[str, str, int], at: datetime
    ) -> GivenBack:
        points = list(itertools.islice(self._spent_points(purchase), asked.points))
        lines = [
            line for number, run in itertools.groupby(points) for line in self._to_lot(number, run, asked, at)
        ]
        hold_id = None if asked.hold_id == NO_HOLD else asked.hold_id
        entry = self._enter("give_back", at, lines, source, hold_id, of=purchase.name)
        self._happen(at)
        went = Counter[str]()
        for line in lines:
            went[line.credit] += line.points
        return GivenBack(entry.seq, asked.points, went["moved"], went["expired"])

    def _to_lot(
        self, number: int | None, run: Iterable[int | None], asked: GiveBack, at: datetime
    ) -> list[Transfer]:
        """R27: a lot that has expired meanwhile has a successor of the same worth, if there is grace."""
        points = len(list(run))
        if number is None:
            return self._to_debt(points, asked, at)
        lot = self.lots[number - 1]
        if not lot.expired(at):
            return [Transfer("redeemed", "open", number, points)]
        return self._to_successor(lot, number, points, asked.grace_expires_at, at)

    def _to_debt(self, points: int, asked: GiveBack, at: datetime) -> list[Transfer]:
        """What is still owed is owed no more; what was paid since comes back as if of the hold's latest lot."""
        cancelled = min(points, self.debt)
        lines = [Transfer("redeemed", "debt", None, cancelled)] if cancelled else []
        if points == cancelled:
            return lines
        latest = max((self.lots[number - 1] for number, _ in self.find(asked.hold_id).parts), key=Lot.order)
        ends = asked.grace_expires_at
        if latest.grant.expires_at is None or not latest.expired(at):
            return lines + self._anew(latest, None, points - cancelled, latest.grant.expires_at, at)
        return lines + self._to_successor(latest, None, points - cancelled, ends, at)

    def _to_successor(
        self, lot: Lot, number: int | None, points: int, ends: datetime | None, at: datetime
    ) -> list[Transfer]:
        if ends is None or ends <= at:
            return [Transfer("redeemed", "expired", number, points)]
        return self._anew(lot, number, points, ends, at)

    def _anew(
        self, lot: Lot, number: int | None, points: int, ends: datetime | None, at: datetime
    ) -> list[Transfer]:
        successor = self._grant(Grant(points, lot.grant.value_per_point, at, ends))
        return [Transfer("redeemed", "moved", number, points), Transfer("moved", "open", successor, points)]

    def _reverse(self, asked: Reversal, source: str, at: datetime) -> Reversed:
        """R26: own lots, what of them has expired, other available lots, debt; as far as the policy goes."""
        accrual = self._accrual_of(asked.accrual)
        missing = asked.points
        lines: list[Transfer] = []
        figures = []
        for debit, offered in self._offers(accrual, at, only_pending=asked.policy == "ONLY_PENDING"):
            used, _ = split(offered, missing)
            lines += [Transfer(debit, "reversed", number, points) for number, points in used]
            figures.append(sum(points for _, points in used))
            missing -= figures[-1]
        debt = missing if asked.policy == "ALLOW_NEGATIVE" else 0
        if debt:
            lines.append(Transfer("debt", "reversed", None, debt))
        seq = None
        if lines:
            seq = self._enter("reversal", at, lines, ("return", source, 1), of=accrual.name).seq
            self._happen(at)
        own_open, own_expired, others = figures
        return Reversed(seq, own_open, own_expired, others, debt, missing - debt)

    def _offers(
        self, accrual: Entry, at: datetime, *, only_pending: bool
    ) -> Iterator[tuple[str, list[tuple[int, int]]]]:
        """From which account, how much of which lots, in R15's order."""
        own = sorted((self._lot(line) for line in accrual.transfers), key=Lot.order)
        others = [] if only_pending else [lot for lot in self._spendable(at) if lot not in own]
        takeable = [lot for lot in own if lot.grant.available_from > at] if only_pending else own
        yield "open", [(lot.number, lot.open) for lot in takeable]
        yield "expired", [(lot.number, self._expired(lot)) for lot in own]
        yield "open", [(lot.number, lot.open) for lot in others]

    def _expired(self, lot: Lot) -> int:
        """What has expired of a lot and no return has taken back."""
        lines = [line for entry in self.known() for line in entry.transfers if line.lot == lot.number]
        gone = _total(line for line in lines if line.credit == "expired")
        return gone - _total(line for line in lines if line.debit == "expired")


def _total(lines: Iterable[Transfer]) -> int:
    return sum(line.points for line in lines)


def _refuse_beyond(points: int, left: int) -> None:
    """I6: never more than the purchase paid, or than the order earned."""
    if points > left:
        raise errors.InsufficientPoints(points, left)
