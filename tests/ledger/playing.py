"""Plays a told history through the ledger's functions and compares every answer with the model's."""

import asyncio
import contextlib
import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid4

import asyncpg

from pointbook import ledger
from pointbook.domain.errors import PointbookError
from pointbook.domain.programme_settings import Clawback
from tests.ledger.histories import (
    START,
    TICK,
    WINDOW,
    Adjust,
    Capture,
    CaptureLate,
    Earn,
    Extend,
    Forfeit,
    HoldCart,
    LotPlan,
    Merge,
    Release,
    Restrict,
    Return,
    SignUp,
    Spend,
    Unspend,
)
from tests.ledger.model_merging import SIGN_UP, MergedFigures
from tests.ledger.model_words import Balance, CapturedLate, Entry, GivenBack, Grant, Reversed, Transfer
from tests.ledger.racing import digest
from tests.ledger.telling import (
    Call,
    HoldFigures,
    Line,
    Outcome,
    Page,
    Teller,
    Told,
    ask,
    bought_by,
    grant,
    purchase,
    refusal,
)

# A new one each time: the dead rows of what was rolled back would be walked again and again.
_programme_ids = itertools.count(7_000_000)
_LATER = timedelta(days=400)  # after everything that a history can leave to be done


class Disagreement(AssertionError):
    """The functions and the model, or two ways to run the clock, do not say the same."""


class CatchUp(StrEnum):
    """When the books are brought to now besides what every write does by itself (I9)."""

    NEVER = "never"
    AT_RANDOM = "at random"
    EVERY_TICK = "on every tick"


def agree(what: str, told: object, found: object) -> None:
    if told != found:
        raise Disagreement(f"{what}\n  model: {told}\n  ledger: {found}")


async def compare(connections: Sequence[asyncpg.Connection], teller: Teller, history: Sequence[Told]) -> None:
    """The three ways to run the clock against the one model, so also against each other. Raises Disagreement.

    Each plays on a connection, in a programme and on an account of its own; all is rolled back. When the callers'
    clocks differ, the entries do depend on who comes first: then only one way is played.
    """
    instants = [told.call.now for told in history]
    ways = zip(connections, CatchUp if instants == sorted(instants) else [CatchUp.NEVER], strict=False)
    played = [_play(connection, teller, history, catch_up) for connection, catch_up in ways]
    for answer in await asyncio.gather(*played, return_exceptions=True):
        if answer is not None:
            raise answer


async def _play(
    connection: asyncpg.Connection, teller: Teller, history: Sequence[Told], catch_up: CatchUp
) -> None:
    transaction = connection.transaction()
    await transaction.start()
    try:
        programme_id = next(_programme_ids)
        await ledger.open_programme(connection, programme_id, sandbox=True)
        account_id = await ledger.open_account(connection, programme_id, UUID(int=1), now=START)
        player = Player(connection, programme_id, account_id)
        await _steps(player, history, catch_up)
        await _conclude(player, teller, history[-1].call.now, catch_up)
    finally:
        await transaction.rollback()


async def _steps(player: "Player", history: Sequence[Told], catch_up: CatchUp) -> None:
    ticked = START
    for told in history:
        call = told.call
        while catch_up is CatchUp.EVERY_TICK and ticked < call.now:
            ticked = min(ticked + TICK, call.now)
            await player.catch_up(ticked)
        if catch_up is CatchUp.AT_RANDOM and told.book:
            await player.catch_up(call.now)
        agree(f"{catch_up}: answer to {call}", told.outcome, await player.outcome(call))
        # The figures cost more than the steps: all of them once, some of them in the other ways to run the clock.
        if catch_up is CatchUp.NEVER or call.number % 5 == 0:
            agree(f"{catch_up}: page after {call}", told.page, await player.page(call.now))
            looked = await player.balance(told.look, call.now)
            agree(f"{catch_up}: balance at {told.look} after {call}", told.looked, looked)


async def _conclude(player: "Player", teller: Teller, now: datetime, catch_up: CatchUp) -> None:
    """What the single reads say, then the books after the last instant, number by number."""
    agree(f"{catch_up}: all holds", teller.page(now).holds, await player.holds(now))
    agree(f"{catch_up}: all history", teller.lines(now), await player.lines(now))
    agree(f"{catch_up}: expiring", teller.page(now).expiring, await player.expiring(now))
    await player.catch_up(now + _LATER)
    later = teller.account.at(now + _LATER)
    for told, found in zip(later.entries, await player.entries(), strict=False):
        agree(f"{catch_up}: entry {told.seq}", told, found)
    agree(f"{catch_up}: number of entries", len(later.entries), len(await player.entries()))
    for instant in _instants(later.entries):
        agree(
            f"{catch_up}: balance at {instant}",
            later.balance(instant),
            await player.balance(instant, now + _LATER),
        )
    agree(f"{catch_up}: violations", [], await ledger.violations(player.connection, player.programme_id))


def _instants(entries: Sequence[Entry]) -> list[datetime]:
    """Some instants at which something happened, and just before."""
    instants = sorted({entry.at for entry in entries})
    chosen = random.Random(len(entries)).sample(instants, min(3, len(instants)))  # noqa: S311  # no secret
    return [instant for at in chosen for instant in (at - timedelta(microseconds=1), at)]


@dataclass(frozen=True, slots=True)
class Player:
    """One account, called as the services call it: after a merge by the name of the one that was merged."""

    connection: asyncpg.Connection
    programme_id: int
    first_id: int
    merged_ids: list[int] = field(default_factory=list)

    @property
    def account_id(self) -> int:
        return self.merged_ids[-1] if self.merged_ids else self.first_id

    async def catch_up(self, now: datetime) -> None:
        await ledger.sweep(self.connection, self.programme_id, limit=10, now=now)

    async def outcome(self, call: Call) -> Outcome:
        try:
            return await self._do(call)
        except PointbookError as error:
            return refusal(error)

    async def _do(self, call: Call) -> Outcome:
        connection, now, command = self.connection, call.now, call.command
        request = ledger.Request.of("member", type(command).__name__, str(call.key), call.altered)
        match command:
            case Earn():
                return await self._earn(call, command)
            case HoldCart():
                held = await ledger.hold(
                    connection, self.programme_id, self.account_id, _asked(call, command), request, now=now
                )
                return figures(held)
            case Extend():
                extended = await ledger.extend(
                    connection,
                    self.programme_id,
                    self.account_id,
                    call.hold_id,
                    command.lifetime * TICK,
                    command.maximum,
                    request,
                    now=now,
                )
                return figures(extended)
            case Release():
                by = None if call.by_server else self.account_id
                return figures(
                    await ledger.release(connection, self.programme_id, by, call.hold_id, request, now=now)
                )
            case Capture():
                captured = await ledger.capture(
                    connection,
                    self.programme_id,
                    call.hold_id,
                    call.amount,
                    "order",
                    call.source,
                    request if call.keyed else None,
                    now=now,
                )
                return figures(captured)
            case _:
                return await self._by_staff(call, request)

    async def _by_staff(self, call: Call, request: ledger.Request) -> Outcome:
        match call.command:
            case CaptureLate():
                return await self._capture_late(call)
            case Return():
                return await self._return(call, request)
            case Spend() as command:
                return await self._spend(call, command, request)
            case Unspend():
                return await self._unspend(call)
            case Adjust() as command:
                await self._adjust(call, command, request)
            case Restrict() as command:
                await self._restrict(command, call.now)
            case SignUp() | Merge() | Forfeit():
                return await self._of_members(call, request)
            case _:
                pass
        return None

    async def _of_members(self, call: Call, request: ledger.Request) -> Outcome:
        if isinstance(call.command, SignUp):
            return await self._sign_up(call.command.lot, "own", now=call.now)
        if isinstance(call.command, Forfeit):
            return await self._forfeit(call, request)
        assert isinstance(call.command, Merge)
        return await self._merge(call, call.command)

    async def _earn(self, call: Call, command: Earn) -> str:
        return await self._accrue(command.lots, "order", call.source, now=call.now)

    async def _sign_up(self, plan: LotPlan, source: str, *, now: datetime) -> str:
        return await self._accrue((plan,), SIGN_UP, source, now=now)

    async def _accrue(self, plans: Sequence[LotPlan], type_: str, source: str, *, now: datetime) -> str:
        lots = tuple(_new_lot(grant(plan, now)) for plan in plans)
        accrual = ledger.Accrual(self.account_id, type_, source, 1, lots)
        [accrued] = await ledger.accrue(self.connection, self.programme_id, [accrual], now=now)
        return accrued.status

    async def _merge(self, call: Call, command: Merge) -> MergedFigures:
        opened = await ledger.open_account(self.connection, self.programme_id, uuid4(), now=call.past)
        other = replace(self, first_id=opened, merged_ids=[])
        await other.live(call._replace(now=call.past), command)
        merged = await ledger.merge(
            self.connection,
            self.programme_id,
            self.account_id,
            opened,
            single_bonus=SIGN_UP if command.single_bonus else None,
            for_=ledger.Source("merge", call.source),
            now=call.now,
        )
        self.merged_ids.append(opened)
        return MergedFigures(merged.open, merged.held, merged.debt, merged.reversed)

    async def live(self, call: Call, command: Merge) -> None:
        """What an account does before it is merged, all at once."""
        connection, now = self.connection, call.now
        await self._accrue(command.lots, "order", call.source, now=now)
        if command.bonus is not None:
            await self._sign_up(command.bonus, call.source, now=now)
        if command.bought is not None:
            with contextlib.suppress(PointbookError):
                bought = call._replace(hold_id=bought_by(call), command=purchase(command.bought))
                await self._hold(bought, "bought")
                source = f"bought {call.source}"
                await ledger.capture(
                    connection, self.programme_id, bought.hold_id, None, "order", source, None, now=now
                )
        if command.held is not None:
            with contextlib.suppress(PointbookError):
                await self._hold(call._replace(command=command.held), "held")
        if command.owed:
            request = ledger.Request.of("other", "adjust", call.source)
            await ledger.adjust(
                connection,
                self.programme_id,
                self.account_id,
                -command.owed,
                allow_negative=True,
                request=request,
                now=now,
            )
        await self._restrict(command, now)

    async def _hold(self, call: Call, key: str) -> ledger.Hold:
        assert isinstance(call.command, HoldCart)
        asked = _asked(call, call.command)
        request = ledger.Request.of("other", key, call.source)
        return await ledger.hold(self.connection, self.programme_id, self.account_id, asked, request, now=call.now)

    async def _restrict(self, command: Restrict | Merge, now: datetime) -> None:
        await ledger.restrict(
            self.connection,
            self.programme_id,
            self.account_id,
            may_earn=command.may_earn,
            may_spend=command.may_spend,
            now=now,
        )

    async def _capture_late(self, call: Call) -> CapturedLate:
        asked = call.late_purchase
        source = ledger.Source("order", asked.order, asked.purchase)
        command = ledger.LatePurchase(asked.hold_id, source, asked.amount, asked.may_owe)
        late = await ledger.capture_late(self.connection, self.programme_id, command, None, now=call.now)
        return CapturedLate(late.points, late.value, late.debt)

    async def _return(self, call: Call, request: ledger.Request) -> Outcome:
        give, take = call.give_back, call.reversal
        returned = await ledger.return_order(
            self.connection,
            self.programme_id,
            give and ledger.GiveBack(*give),
            take and ledger.Reversal(ledger.Source("order", take.accrual), take.points, Clawback(take.policy)),
            ledger.Source("return", call.source),
            request=request if call.keyed else None,
            now=call.now,
        )
        return _given_back(returned.given_back), _reversed(returned.reversed)

    async def _spend(self, call: Call, command: Spend, request: ledger.Request) -> str:
        spent = await ledger.spend(
            self.connection,
            self.programme_id,
            self.account_id,
            command.points,
            ledger.Source("exchange_order", call.source),
            request=request,
            now=call.now,
        )
        return f"spent in {spent.seq}"

    async def _unspend(self, call: Call) -> Outcome:
        given = await ledger.unspend(
            self.connection,
            self.programme_id,
            ledger.Source("exchange_order", call.source),
            ledger.Source("undone", call.source),
            grace_expires_at=call.unspent_until,
            now=call.now,
        )
        return _given_back(given), None

    async def _forfeit(self, call: Call, request: ledger.Request) -> str:
        lost = await ledger.forfeit(
            self.connection, self.programme_id, self.account_id, request=request, now=call.now
        )
        return f"forfeited {(lost.points, lost.debt, lost.released)}"

    async def _adjust(self, call: Call, command: Adjust, request: ledger.Request) -> None:
        lot = grant(command.lot, call.now)._replace(points=command.points) if command.points > 0 else None
        await ledger.adjust(
            self.connection,
            self.programme_id,
            self.account_id,
            command.points,
            lot=lot and _new_lot(lot),
            allow_negative=command.allow_negative,
            request=request,
            now=call.now,
        )

    async def page(self, now: datetime) -> Page:
        page = await ledger.account_page(
            self.connection, self.programme_id, self.account_id, now=now, expiring_until=now + WINDOW, history=5
        )
        return Page(
            _balance(page.balance),
            [(batch.expires_at, batch.points) for batch in page.expiring],
            [figures(hold) for hold in page.holds],
            [_line(entry) for entry in page.history],
        )

    async def balance(self, as_of: datetime, now: datetime) -> Balance:
        return _balance(
            await ledger.balance(self.connection, self.programme_id, self.account_id, as_of=as_of, now=now)
        )

    async def holds(self, now: datetime) -> list[HoldFigures]:
        return [
            figures(hold)
            for hold in await ledger.holds(self.connection, self.programme_id, self.account_id, now=now)
        ]

    async def expiring(self, now: datetime) -> list[tuple[datetime, int]]:
        batches = await ledger.expiring(
            self.connection, self.programme_id, self.account_id, now=now, until=now + WINDOW
        )
        return [(batch.expires_at, batch.points) for batch in batches]

    async def lines(self, now: datetime) -> list[Line]:
        """The whole history, read page by page."""
        lines: list[Line] = []
        while True:
            before = lines[-1].seq if lines else None
            page = await ledger.history(
                self.connection, self.programme_id, self.account_id, now=now, first=20, before_seq=before
            )
            if not page:
                return lines
            lines.extend(map(_line, page))

    async def entries(self) -> list[Entry]:
        """The books as they stand in the tables, lots numbered in the order they were made."""
        await self.connection.execute("select set_config('app.programme', $1, true)", str(self.programme_id))
        rows = await self.connection.fetch(_ENTRIES, self.programme_id, self.first_id)
        return list(_entries(rows))


_ENTRIES = """
with known as (
    select account_id, rank() over (order by account_id) - 1 as account
    from ledger.account
    where programme_id = $1 and $2 in (account_id, merged_into)
), number as (
    select lot_id, rank() over (order by lot_id) as number
    from ledger.lot
    where programme_id = $1 and account_id in (select account_id from known)
)
select
    entry.seq, kind, at, source_type, source_id, occurrence, hold_id, known.account as of_account, of_seq, debit,
    credit, number as lot, points
from ledger.entry
left join ledger.transfer using (programme_id, account_id, seq)
left join number using (lot_id)
left join known on known.account_id = of_account_id
where programme_id = $1 and entry.account_id = $2
order by entry.seq, line
"""


def _entries(rows: Sequence[asyncpg.Record]) -> Iterator[Entry]:
    lines: dict[int, list[Transfer]] = {}
    for row in rows:
        transfers = lines.setdefault(row["seq"], [])
        if row["points"] is not None:
            transfers.append(Transfer(row["debit"], row["credit"], row["lot"], row["points"]))
    for row in {row["seq"]: row for row in rows}.values():
        source = None if row["source_type"] is None else (row["source_type"], row["source_id"], row["occurrence"])
        of = None if row["of_seq"] is None else (row["of_account"], row["of_seq"])
        yield Entry(row["seq"], row["kind"], row["at"], tuple(lines[row["seq"]]), source, row["hold_id"], of)


def _new_lot(lot: Grant) -> ledger.NewLot:
    return ledger.NewLot(lot.points, lot.value_per_point, lot.available_from, lot.expires_at)


def _asked(call: Call, command: HoldCart) -> ledger.HoldPoints:
    asked = ask(command)
    return ledger.HoldPoints(
        hold_id=call.hold_id,
        cart=asked.cart,
        points=asked.points,
        limit=asked.limit,
        minimum_points=asked.minimum,
        point_value=asked.point_value,
        lifetime=asked.lifetime,
        code_hash=digest(str(call.hold_id)),
        last_four="ABCD",
    )


def _given_back(given: ledger.GivenBack | None) -> GivenBack | None:
    return None if given is None else GivenBack(given.seq, given.points, given.anew, given.expired)


def _reversed(taken: ledger.Reversed | None) -> Reversed | None:
    if taken is None:
        return None
    return Reversed(taken.seq, taken.own_open, taken.own_expired, taken.others, taken.debt, taken.forgiven)


def _balance(balance: ledger.Balance) -> Balance:
    agree("spendable is what is available (R26)", balance.available, balance.spendable)
    return Balance(balance.available, balance.pending, balance.held, balance.debt, balance.value)


def _line(entry: ledger.HistoryEntry) -> Line:
    return Line(entry.seq, entry.kind.lower(), entry.at, entry.points, entry.held, entry.moved)


def figures(hold: ledger.Hold) -> HoldFigures:
    return HoldFigures(
        hold.hold_id,
        hold.points,
        hold.value,
        hold.created_at,
        hold.expires_at,
        hold.extensions,
        hold.state.value,
        hold.ended_at,
        hold.captured_points,
        hold.captured_value,
    )
