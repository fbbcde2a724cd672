"""What the model says about a history: it lives every step of it, and its answers and figures are kept.

``Teller`` also knows what lies between a caller and the account: idempotency keys, and clocks that differ.
"""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple, TypeAlias
from uuid import UUID

from pointbook.domain.errors import (
    IdempotencyConflict,
    InsufficientPoints,
    NotAMember,
    PointbookError,
    RedemptionNotFound,
)
from tests.ledger.histories import (
    START,
    TICK,
    WINDOW,
    Adjust,
    Capture,
    CaptureLate,
    Command,
    Earn,
    Extend,
    Forfeit,
    HoldCart,
    LotPlan,
    Merge,
    Release,
    Repeat,
    Rest,
    Restrict,
    Return,
    SignUp,
    Spend,
    Step,
    Unspend,
)
from tests.ledger.model_merging import OWN, SIGN_UP, MergedFigures, MergingAccount
from tests.ledger.model_words import (
    Ask,
    Balance,
    CapturedLate,
    Entry,
    GiveBack,
    GivenBack,
    Grant,
    Hold,
    LatePurchase,
    Reversal,
    Reversed,
    Transfer,
)


class HoldFigures(NamedTuple):
    """What a caller is told about a hold."""

    hold_id: UUID
    points: int
    value: int
    created_at: datetime
    expires_at: datetime
    extensions: int
    state: str
    ended_at: datetime | None
    captured_points: int | None
    captured_value: int | None


class Refusal(NamedTuple):
    error: str
    details: str


Outcome: TypeAlias = (
    HoldFigures | tuple[GivenBack | None, Reversed | None] | CapturedLate | MergedFigures | Refusal | str | None
)


class Call(NamedTuple):
    """A command with everything resolved that depends on the history before it."""

    number: int
    key: int  # the number of the first call with this idempotency key
    altered: bool
    now: datetime
    command: Command
    hold_id: UUID  # of the hold that is meant, or is to be made
    amount: int | None
    source: str  # of what is earned, captured or returned
    given: int = 0
    accrual: str = ""  # of what is returned
    taken: int = 0
    purchase: int = 1

    @property
    def keyed(self) -> bool:
        """Whether the call has an idempotency key."""
        match self.command:
            case Capture() | Return():
                return self.command.keyed
            case CaptureLate() | Unspend() | Merge() | SignUp():
                return False
            case _:
                return True

    @property
    def by_server(self) -> bool:
        """Whether the shop's server names a hold and no account. Customers release holds too."""
        if isinstance(self.command, Release):
            return self.number % 2 == 0
        return isinstance(self.command, Capture | CaptureLate)

    @property
    def give_back(self) -> GiveBack | None:
        assert isinstance(self.command, Return)
        if self.command.hold is None:
            return None
        grace = self.command.grace
        ends = None if grace is None else tick_of(self.now) + grace * TICK
        return GiveBack(self.hold_id, self.given, ends, self.purchase)

    @property
    def unspent_until(self) -> datetime | None:
        assert isinstance(self.command, Unspend)
        return None if self.command.grace is None else tick_of(self.now) + self.command.grace * TICK

    @property
    def late_purchase(self) -> LatePurchase:
        assert isinstance(self.command, CaptureLate)
        return LatePurchase(self.hold_id, self.source, self.purchase, self.amount, self.command.may_owe)

    @property
    def past(self) -> datetime:
        """When the other account of a merge was opened and did what it did."""
        assert isinstance(self.command, Merge)
        return max(START, self.now - self.command.age * TICK)

    @property
    def reversal(self) -> Reversal | None:
        assert isinstance(self.command, Return)
        if self.command.accrual is None:
            return None
        return Reversal(self.accrual, self.taken, self.command.policy)


class Page(NamedTuple):
    """The figures after a step."""

    balance: Balance
    expiring: list[tuple[datetime, int]]
    holds: list[HoldFigures]
    history: list["Line"]  # newest first


class Line(NamedTuple):
    """An entry as the member sees it: its effect on what is owned, on what is held, and what it moved."""

    seq: int
    kind: str
    at: datetime
    points: int
    held: int
    moved: int


class Told(NamedTuple):
    call: Call
    book: bool
    outcome: Outcome
    page: Page
    look: datetime
    looked: Balance


def refusal(error: PointbookError) -> Refusal:
    return Refusal(type(error).__name__, repr(sorted(vars(error).items())))


def figures(hold: Hold) -> HoldFigures:
    return HoldFigures(
        hold.hold_id,
        hold.points,
        hold.value,
        hold.created_at,
        hold.expires_at,
        hold.extensions,
        hold.state,
        hold.ended_at,
        hold.captured_points,
        hold.captured_value,
    )


def tick_of(now: datetime) -> datetime:
    """The last instant of the grid that is not after ``now``."""
    return START + (now - START) // TICK * TICK


def grant(plan: LotPlan, now: datetime) -> Grant:
    """Never born expired, and available before it expires: settings that say otherwise are refused (R16)."""
    available_from = tick_of(now) + plan.wait * TICK
    expires_at = None if plan.life is None else max(available_from, tick_of(now)) + plan.life * TICK
    return Grant(plan.points, plan.value, available_from, expires_at)


def ask(command: HoldCart) -> Ask:
    return Ask(
        sha256(b"%d" % command.cart).digest(),
        command.points,
        command.limit,
        command.minimum,
        command.point_value,
        command.lifetime * TICK,
    )


def _share(left: int, percent: int) -> int:
    return left * percent // 100 + (percent > 100)


def hold_id(number: int) -> UUID:
    """In no order, so that nothing may lean on it."""
    return UUID(bytes=sha256(b"hold %d" % number).digest()[:16])


def bought_by(call: Call) -> UUID:
    """The hold with which the other account of a merge bought."""
    return hold_id(1_000 + call.number)


def purchase(points: int) -> HoldCart:
    return HoldCart(cart=9, points=points, limit=10_000, minimum=0, point_value=None, lifetime=3)


class Teller:
    """The model, the idempotency keys it has seen, and the calls made so far."""

    def __init__(self) -> None:
        self.account = MergingAccount(START)
        self._answers: dict[int, tuple[bool, Outcome]] = {}
        self._calls: list[Call] = []

    def tell(self, steps: Iterable[Step]) -> Iterator[Told]:
        now = START
        for number, step in enumerate(steps):
            now = max(now, tick_of(now) + step.ticks * TICK - step.just_before * timedelta(microseconds=1))
            call = self._resolve(number, max(START, now - step.behind * TICK), step.command)
            self._calls.append(call)
            outcome = self._answer(call)
            look = max(START, call.now + step.look * TICK)
            yield Told(call, step.book, outcome, self.page(call.now), look, self.looked(look, call.now))

    def _resolve(self, number: int, now: datetime, command: Command) -> Call:
        if isinstance(command, Repeat):
            first = self._calls[-command.back] if command.back <= number else None
            if first is None or isinstance(first.command, Merge):
                return Call(number, number, False, now, Rest(), hold_id(number), None, "")  # noqa: FBT003  # in order
            meant = hold_id(number) if isinstance(first.command, HoldCart) else first.hold_id
            return first._replace(number=number, altered=command.altered, now=now, hold_id=meant)
        if isinstance(command, Return):
            return self._resolve_return(number, now, command)
        if isinstance(command, CaptureLate):
            return self._resolve_late(number, now, command)
        if isinstance(command, Unspend):
            return self._resolve_unspend(number, now, command)
        hold, amount = None, None
        if isinstance(command, Extend | Release | Capture):
            hold = self._meant(command.hold, now)
        if hold is not None and isinstance(command, Capture) and command.percent is not None:
            amount = max(1, hold.value * command.percent // 100)
        meant = hold_id(number) if hold is None else hold.hold_id
        source = str(number)
        if isinstance(command, Capture) and command.order is not None:
            source = f"order {command.order}"
        return Call(number, number, False, now, command, meant, amount, source)  # noqa: FBT003  # in order

    def _resolve_late(self, number: int, now: datetime, command: CaptureLate) -> Call:
        """Mostly of a hold that lapsed, or of one whose purchase was given back whole."""
        account = self.account.at(self._lifted(now))
        ended = [hold for hold in account.holds if hold.state != "HELD"]
        useful = [hold for hold in ended if hold.state != "RELEASED"]
        choice = useful if command.hold < 3 else ended
        if not choice:
            return Call(number, number, False, now, Rest(), hold_id(number), None, "")  # noqa: FBT003  # in order
        hold = choice[-1 - command.hold % len(choice)]
        purchases = account.purchases(hold)
        given_back = purchases and account.left_of_capture(hold.hold_id, purchases) == 0
        amount = None if command.percent is None else max(1, hold.value * command.percent // 100)
        call = Call(number, number, False, now, command, hold.hold_id, amount, str(number))  # noqa: FBT003  # in order
        return call._replace(purchase=purchases + 1 if given_back else 1)

    def _resolve_unspend(self, number: int, now: datetime, command: Unspend) -> Call:
        spends = [entry.source[1] for entry in self.account.entries if entry.kind == "spend" and entry.source]
        if not spends:
            return Call(number, number, False, now, Rest(), hold_id(number), None, "")  # noqa: FBT003  # in order
        source = spends[-1 - command.spend % len(spends)]
        return Call(number, number, False, now, command, hold_id(number), None, source)  # noqa: FBT003  # in order

    def _resolve_return(self, number: int, now: datetime, command: Return) -> Call:
        """Mostly of what was captured and did earn; now and then of a hold that was not, or of nothing."""
        account = self.account
        meant, given, accrual, taken = hold_id(number), 1, "none", 1
        captured = [hold for hold in account.holds if account.purchases(hold)]
        purchase = 1
        earned = [
            e.source[1] for e in account.known() if e.kind == "accrual" and e.source and e.source[0] == "order"
        ]
        if not captured and command.hold is not None and command.hold < 3:
            command = replace(command, hold=None)
        if command.hold is None and command.accrual is None:
            return Call(number, number, False, now, Rest(), meant, None, "")  # noqa: FBT003  # in order
        if command.hold is not None and (captured or account.holds):
            hold = (captured or account.holds)[-1 - command.hold % len(captured or account.holds)]
            meant, purchase = hold.hold_id, max(1, account.purchases(hold))
            given = _share(account.left_of_capture(meant, purchase), command.give) if captured else 1
        if command.accrual is not None and earned:
            accrual = earned[-1 - command.accrual % len(earned)]
            taken = _share(account.left_of_accrual(accrual), command.take)
        source = str(number) if command.document is None else f"return {command.document}"
        call = Call(number, number, False, now, command, meant, None, source)  # noqa: FBT003  # in order
        return call._replace(given=given, accrual=accrual, taken=taken, purchase=purchase)

    def _meant(self, back: int, now: datetime) -> Hold | None:
        """Mostly one that is still held; now and then one that has ended."""
        holds = self.account.at(self._lifted(now)).holds
        standing = [hold for hold in holds if hold.state == "HELD"]
        choice = standing if standing and back < 3 else holds
        return choice[-1 - back % len(choice)] if choice else None

    def _answer(self, call: Call) -> Outcome:
        """The idempotency key first; effects are stored and holds that were answered, the rest is judged anew."""
        if isinstance(call.command, Rest):
            return None
        if unknown := self._unknown(call):
            return refusal(unknown)
        if self.account.left:
            return self._answer_after_leaving(call)
        self.account.advance(self._lifted(call.now))
        if call.keyed and call.key in self._answers:
            altered, outcome = self._answers[call.key]
            return outcome if altered == call.altered else refusal(IdempotencyConflict())
        before = len(self.account.entries)
        try:
            outcome = self._do(call)
        except PointbookError as error:
            return refusal(error)
        has_effect = len(self.account.entries) > before or isinstance(call.command, HoldCart | Return | Forfeit)
        if call.keyed and has_effect and not isinstance(call.command, Earn):
            self._answers[call.key] = (call.altered, outcome)
        return outcome

    def _answer_after_leaving(self, call: Call) -> Outcome:
        """Nobody is there any more. Whoever names no account but a hold or an order is answered as before."""
        account, command = self.account, call.command
        names_none = isinstance(command, Capture | Release | Return | Forfeit)
        if names_none and call.keyed and call.key in self._answers:
            altered, outcome = self._answers[call.key]
            return outcome if altered == call.altered else refusal(IdempotencyConflict())
        if isinstance(command, Earn | SignUp):
            source = ("order", call.source, 1) if isinstance(command, Earn) else (SIGN_UP, OWN, 1)
            known = any(entry.kind == "accrual" and entry.source == source for entry in account.entries)
            return "duplicate" if known else "no_account"
        if isinstance(command, Unspend) and call.source in account.given:
            return account.given[call.source][2], None
        if isinstance(command, Return):
            return self._returned_before(call)
        return refusal(NotAMember())

    def _returned_before(self, call: Call) -> Outcome:
        give_back, reversal = call.give_back, call.reversal
        try:
            given, taken = self.account.returned(give_back, reversal, call.source)
        except IdempotencyConflict as error:
            return refusal(error)
        done = (given or not give_back) and (taken or not reversal)
        return (given, taken) if done else refusal(NotAMember())

    def _unknown(self, call: Call) -> PointbookError | None:
        """What is named says whose it is; if it never was, no account is known, and nothing is booked on any."""
        if call.by_server and all(hold.hold_id != call.hold_id for hold in self.account.holds):
            return RedemptionNotFound()
        if not isinstance(call.command, Return):
            return None
        give_back, reversal = call.give_back, call.reversal
        if give_back and all(hold.hold_id != give_back.hold_id for hold in self.account.holds):
            return RedemptionNotFound()
        orders = {entry.source for entry in self.account.known() if entry.kind == "accrual"}
        if reversal and ("order", reversal.accrual, 1) not in orders:
            return InsufficientPoints(reversal.points, 0)
        return None

    def _do(self, call: Call) -> Outcome:
        account, now, command = self.account, call.now, call.command
        match command:
            case Earn():
                lots = [grant(plan, now) for plan in command.lots]
                return account.accrue(lots, ("order", call.source, 1), now=now)
            case HoldCart():
                return figures(account.hold(call.hold_id, ask(command), now=now))
            case Extend():
                extended = account.extend(call.hold_id, command.lifetime * TICK, command.maximum, now=now)
                return figures(extended)
            case Release():
                return figures(account.release(call.hold_id, now=now))
            case Capture():
                source = ("order", call.source)
                return figures(account.capture(call.hold_id, call.amount, source, keyed=call.keyed, now=now))
            case _:
                return self._by_staff(call)

    def _by_staff(self, call: Call) -> Outcome:
        account, now = self.account, call.now
        match call.command:
            case CaptureLate():
                return account.capture_late(call.late_purchase, now=now)
            case Return():
                return account.return_order(call.give_back, call.reversal, call.source, now=now)
            case Spend() as command:
                return f"spent in {account.spend(command.points, call.source, now=now).seq}"
            case Unspend():
                return account.unspend(call.source, call.unspent_until, now=now), None
            case Adjust() as command:
                lot = grant(command.lot, now)._replace(points=command.points) if command.points > 0 else None
                account.adjust(command.points, lot, allow_negative=command.allow_negative, now=now)
            case Restrict() as command:
                account.may_earn, account.may_spend = command.may_earn, command.may_spend
            case SignUp() | Merge() | Forfeit():
                return self._of_members(call)
            case _:
                raise AssertionError("resolved, or answered before")
        return None

    def _of_members(self, call: Call) -> Outcome:
        if isinstance(call.command, SignUp):
            return self.account.sign_up(grant(call.command.lot, call.now), OWN, now=call.now)
        if isinstance(call.command, Forfeit):
            return f"forfeited {self.account.forfeit(now=call.now)}"
        assert isinstance(call.command, Merge)
        return self._merge(call, call.command)

    def _merge(self, call: Call, command: Merge) -> MergedFigures:
        other = MergingAccount(call.past)
        other.accrue([grant(plan, call.past) for plan in command.lots], ("order", call.source, 1), now=call.past)
        if command.bonus is not None:
            other.sign_up(grant(command.bonus, call.past), call.source, now=call.past)
        if command.bought is not None:
            with contextlib.suppress(PointbookError):
                bought = other.hold(bought_by(call), ask(purchase(command.bought)), now=call.past)
                other.capture(bought.hold_id, None, ("order", f"bought {call.source}"), now=call.past)
        if command.held is not None:
            with contextlib.suppress(PointbookError):
                other.hold(call.hold_id, ask(command.held), now=call.past)
        if command.owed:
            other.adjust(-command.owed, None, allow_negative=True, now=call.past)
        other.may_earn, other.may_spend = command.may_earn, command.may_spend
        return self.account.merge(other, call.source, single_bonus=command.single_bonus, now=call.now)

    def _lifted(self, now: datetime) -> datetime:
        """No instant is before the last entry's, whatever the caller's clock says."""
        return max(now, self.account.clock)

    def looked(self, as_of: datetime, now: datetime) -> Balance:
        """A balance of the past as it was; one of now or later as a write would find it."""
        return self.account.balance(as_of if as_of < now else self._lifted(as_of))

    def page(self, now: datetime) -> Page:
        account = self.account.at(self._lifted(now))
        return Page(
            account.balance(self._lifted(now)),
            account.expiring(self._lifted(now), now + WINDOW),
            [figures(hold) for hold in sorted(account.holds, key=_age) if hold.state == "HELD"],
            [_line(entry) for entry in account.entries[:-6:-1]],
        )

    def lines(self, now: datetime) -> list[Line]:
        """The whole history, newest first."""
        return [_line(entry) for entry in reversed(self.account.at(self._lifted(now)).entries)]


def _age(hold: Hold) -> tuple[datetime, tuple[int, int]]:
    """Of one instant those of the account itself are before those of one that was merged into it."""
    return hold.created_at, hold.made


def _line(entry: Entry) -> Line:
    """Open, held and (less) debt are the member's; all else is the programme's."""
    owned = sum(_sign(transfer, {"open", "held", "debt"}) * transfer.points for transfer in entry.transfers)
    held = sum(_sign(transfer, {"held"}) * transfer.points for transfer in entry.transfers)
    moved = sum(transfer.points for transfer in entry.transfers)
    return Line(entry.seq, entry.kind, entry.at, owned, held, moved)


def _sign(transfer: Transfer, accounts: set[str]) -> int:
    return (transfer.credit in accounts) - (transfer.debit in accounts)
