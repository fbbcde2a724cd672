"""What a merge does, in the model of the ledger: written from domain.md and not from the SQL."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, NamedTuple

from pointbook.domain import errors
from pointbook.domain.merging import MergeObstacle
from tests.ledger.model_returns import ReturningAccount
from tests.ledger.model_words import Entry, Grant, Lot, Transfer

SIGN_UP: Final = "sign_up"
OWN: Final = "own"
"""Names the bonus of the account that a history is of; one that is merged into it brings its own."""


class MergedFigures(NamedTuple):
    """What moved, and what of the second bonus was taken back."""

    open: int
    held: int
    debt: int
    reversed: int


@dataclass
class MergingAccount(ReturningAccount):
    def sign_up(self, bonus: Grant, source: str, *, now: datetime) -> str:
        return self.accrue([bonus], (SIGN_UP, source, 1), now=now)

    def merge(self, source: "MergingAccount", request: str, *, single_bonus: bool, now: datetime) -> MergedFigures:
        """R33: all that the other has moves as it is; of two bonuses its own is taken back, as far as open."""
        at = max(now, self.clock, source.clock)
        self.advance(at)
        source.advance(at)
        if not (self.may_earn and source.may_earn):
            raise errors.MembersNotMergeable(MergeObstacle.INACTIVE)
        taken_back = 0
        if single_bonus and self._has_bonus():
            taken_back = source._take_bonus_back(request, at)
        lines = list(source._all())
        out = source._enter("merge_out", at, lines, ("merge", request, 1))
        number = 1 + max((entry.account for entry in self.merged), default=0)
        first = len(self.lots)
        self._absorb(source, number)
        moved = [_numbered(Transfer(t.credit, t.debit, t.lot, t.points), first) for t in lines]
        self.may_spend = self.may_spend and source.may_spend
        self._enter("merge_in", at, moved, ("merge", request, 1), of=(number, out.seq))
        self._happen(at)
        return MergedFigures(
            _sum(moved, credit="open"), _sum(moved, credit="held"), _sum(lines, credit="debt"), taken_back
        )

    def _has_bonus(self) -> bool:
        return any(
            entry.kind == "accrual" and entry.source and entry.source[0] == SIGN_UP for entry in self.known()
        )

    def _take_bonus_back(self, request: str, at: datetime) -> int:
        taken = 0
        for entry in list(self.known()):
            if entry.kind == "accrual" and entry.source and entry.source[0] == SIGN_UP:
                own = sorted((self._lot(line) for line in entry.transfers), key=Lot.order)
                lines = [Transfer("open", "reversed", lot.number, lot.open) for lot in own if lot.open]
                if lines:
                    self._enter("reversal", at, lines, ("merge", request, 1), of=entry.name)
                    taken += sum(line.points for line in lines)
        return taken

    def _all(self) -> list[Transfer]:
        """Everything out, in R15's order: what is open and what is held of a lot; then the debt."""
        lines = []
        for lot in sorted(self.lots, key=Lot.order):
            held = sum(
                points
                for hold in self.holds
                if hold.state == "HELD"
                for number, points in hold.parts
                if number == lot.number
            )
            lines += [Transfer("open", "moved", lot.number, lot.open)] if lot.open else []
            lines += [Transfer("held", "moved", lot.number, held)] if held else []
        return [*lines, Transfer("moved", "debt", None, self.debt)] if self.debt else lines

    def _absorb(self, source: "MergingAccount", number: int) -> None:
        """The other's lots follow on this one's; its entries are kept to be named, under its number."""
        first = len(self.lots)
        self.lots += [replace(lot, number=lot.number + first) for lot in source.lots]
        for hold in source.holds:
            parts = tuple((lot + first, points) for lot, points in hold.parts)
            self.holds.append(replace(hold, made=(number, hold.made[1]), parts=parts))
        self.holds.sort(key=lambda hold: (hold.created_at, hold.made))
        self.merged += [_renamed(entry, number, first) for entry in source.entries]
        self.given |= source.given
        self.late |= source.late
        self.taken |= source.taken


def _numbered(line: Transfer, first: int) -> Transfer:
    return line if line.lot is None else line._replace(lot=line.lot + first)


def _renamed(entry: Entry, number: int, first: int) -> Entry:
    """As the target knows it."""
    of = None if entry.of is None else (number, entry.of[1])
    lines = tuple(_numbered(line, first) for line in entry.transfers)
    return entry._replace(transfers=lines, of=of, account=number)


def _sum(lines: list[Transfer], *, credit: str) -> int:
    return sum(line.points for line in lines if line.credit == credit)
