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
    Entry,
    GiveBack,
    GivenBack,
    Grant,
    Lot,
    Reversal,
    Reversed,
    Transfer,
    split,
)


@dataclass
class ReturningAccount(Account):
    given: dict[str, tuple[UUID, GivenBack]] = field(default_factory=dict)  # what a return gave back, and of what
    taken: dict[str, tuple[str, Reversed]] = field(default_factory=dict)

    def return_order(
        self, give_back: GiveBack | None, reversal: Reversal | None, source: str, *, now: datetime
    ) -> tuple[GivenBack | None, Reversed | None]:
        """Gives back, then takes back (R26, R27). A source has one effect of each kind, once and for all (R23)."""
        at = self._begin(now)
        given = self.given.get(source) if give_back else None
        taken = self.taken.get(source) if reversal else None
        if give_back and given and given[0] != give_back.hold_id:
            raise errors.IdempotencyConflict
        if reversal and taken and taken[0] != reversal.accrual:
            raise errors.IdempotencyConflict
        if give_back and not given:
            _refuse_beyond(give_back.points, self.left_of_capture(give_back.hold_id))
        if reversal and not taken:
            _refuse_beyond(reversal.points, self.left_of_accrual(reversal.accrual))
        if give_back and not given:
            given = self.given[source] = (give_back.hold_id, self._return_points(give_back, source, at))
        if reversal and not taken:
            taken = self.taken[source] = (reversal.accrual, self._reverse(reversal, source, at))
        return given and given[1], taken and taken[1]

    def left_of_capture(self, hold_id: UUID) -> int:
        return sum(1 for _ in self._spent_points(self._capture_of(hold_id)))

    def left_of_accrual(self, order: str) -> int:
        accrual = self._accrual_of(order)
        return _total(accrual.transfers) - _total(self._taken_back(accrual))

    def _capture_of(self, hold_id: UUID) -> Entry:
        for entry in self.entries:
            if entry.kind == "capture" and entry.hold_id == hold_id:
                return entry
        raise errors.RedemptionNotFound

    def _accrual_of(self, order: str) -> Entry:
        [accrual] = (e for e in self.entries if e.kind == "accrual" and e.source == ("order", order, 1))
        return accrual

    def _taken_back(self, entry: Entry) -> list[Transfer]:
        return [line for later in self.entries if later.of == entry.seq for line in later.transfers]

    def _lot(self, line: Transfer) -> Lot:
        assert line.lot is not None
        return self.lots[line.lot - 1]

    def _spent_points(self, capture: Entry) -> Iterator[int]:
        """The lot of every single point that was captured and not given back, the latest expiry first (R27)."""
        given = Counter[int | None]()
        for line in self._taken_back(capture):
            given[line.lot] += line.points if line.debit == "redeemed" else 0
        spent = [line for line in capture.transfers if line.credit == "redeemed"]
        for line in sorted(spent, key=lambda line: self._lot(line).order(), reverse=True):
            yield from itertools.repeat(self._lot(line).number, line.points - given[line.lot])

    def _return_points(self, asked: GiveBack, source: str, at: datetime) -> GivenBack:
        if asked.points == 0:
            return GivenBack(None, 0, 0, 0)
        capture = self._capture_of(asked.hold_id)
        points = list(itertools.islice(self._spent_points(capture), asked.points))
        lines = [
            line for number, run in itertools.groupby(points) for line in self._to_lot(number, run, asked, at)
        ]
        entry = self._enter("give_back", at, lines, ("return", source, 1), asked.hold_id, of=capture.seq)
        self._happen(at)
        went = Counter[str]()
        for line in lines:
            went[line.credit] += line.points
        return GivenBack(entry.seq, asked.points, went["moved"], went["expired"])

    def _to_lot(self, number: int, run: Iterable[int], asked: GiveBack, at: datetime) -> list[Transfer]:
        """R27: a lot that has expired meanwhile has a successor of the same worth, if there is grace."""
        lot, points = self.lots[number - 1], len(list(run))
        if not lot.expired(at):
            return [Transfer("redeemed", "open", number, points)]
        if asked.grace_expires_at is None or asked.grace_expires_at <= at:
            return [Transfer("redeemed", "expired", number, points)]
        successor = self._grant(Grant(points, lot.grant.value_per_point, at, asked.grace_expires_at))
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
            seq = self._enter("reversal", at, lines, ("return", source, 1), of=accrual.seq).seq
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
        lines = [line for entry in self.entries for line in entry.transfers if line.lot == lot.number]
        gone = _total(line for line in lines if line.credit == "expired")
        return gone - _total(line for line in lines if line.debit == "expired")


def _total(lines: Iterable[Transfer]) -> int:
    return sum(line.points for line in lines)


def _refuse_beyond(points: int, left: int) -> None:
    """I6: never more than the purchase paid, or than the order earned."""
    if points > left:
        raise errors.InsufficientPoints(points, left)
