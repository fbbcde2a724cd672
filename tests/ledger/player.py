"""Does what a history tells through the ledger's functions, and answers in the model's words."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import uuid4

from pointbook import ledger
from pointbook.domain.errors import PointbookError
from pointbook.domain.programme_settings import Clawback
from tests.ledger.books import Books, figures, given_back, taken_back
from tests.ledger.histories import (
    TICK,
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
from tests.ledger.model_merging import OWN, SIGN_UP, MergedFigures
from tests.ledger.model_words import CapturedLate, Grant
from tests.ledger.racing import digest
from tests.ledger.telling import Call, Outcome, ask, bought_by, grant, purchase, refusal


@dataclass(frozen=True, slots=True)
class Player(Books):
    """One account, called as the services call it."""

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
            return await self._sign_up(call.command.lot, OWN, now=call.now)
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
        return given_back(returned.given_back), taken_back(returned.reversed)

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
        return given_back(given), None

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
