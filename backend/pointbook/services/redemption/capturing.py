"""What the shop's server does with a voucher: look at it, capture it, release it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pointbook import ledger
from pointbook.db.queries import orders
from pointbook.db.retry import retrying
from pointbook.db.session import Connection
from pointbook.domain import errors, text, vouchers
from pointbook.domain.access import Principal
from pointbook.domain.money import MAX_AMOUNT, Money
from pointbook.domain.redemption import purchase_instant
from pointbook.ledger import Hold
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.granting import ORDER
from pointbook.services.installation import Installation
from pointbook.services.redemption.late import bought_in_time, spend_late
from pointbook.services.redemption.vouchers import (
    Purchase,
    Voucher,
    find_hold,
    locked_hold,
    spend,
    voucher_of,
)
from pointbook.services.requests import is_repeat, request_of
from pointbook.services.warnings import warn_of_refusal, warn_of_who_left

CAPTURE: Final = "capture"
"""Kind of source in the ledger: a capture by itself, without its order."""


@dataclass(frozen=True, slots=True)
class Capture:
    """``amount`` None: all that is held. ``order`` is the shop's id of the order, ``purchased_at`` its instant."""

    code: str
    idempotency_key: str
    amount: Money | None = None
    order: str | None = None
    purchased_at: datetime | None = None


async def voucher(installation: Installation, principal: Principal, code: str, *, now: datetime) -> Voucher:
    """What a code stands for, with its state now. For the shop's server. Raises VoucherNotUsable if unknown."""
    programme = await installation.programmes.get(principal.programme_id)
    hold = await _known_hold(installation, programme, code, now)
    return voucher_of(installation, programme, hold, now=now)


async def capture(installation: Installation, principal: Principal, command: Capture, *, now: datetime) -> Voucher:
    """Spend the points of a code; what ``amount`` does not need is given back. Ends the voucher for good.

    The same key again is answered as the first time; with another key the voucher has ended, also for the same
    order. An order that is submitted later with this code counts what was captured here.
    Raises VoucherNotUsable (unknown code), RedemptionEnded, BelowMinimum, CurrencyMismatch, OrderConflict (the
    order captured another voucher), IdempotencyConflict, InvalidInput, ProgrammeNotOpen. A voucher that has lapsed
    pays for what was purchased in its time (R21), else RedemptionEnded; then InsufficientPoints if its points are
    gone and nobody may owe any.
    """
    programme = await installation.programmes.get(principal.programme_id)
    _check_capture(programme, command)
    amount = None if command.amount is None else command.amount.amount
    purchased_at = command.purchased_at and command.purchased_at.isoformat()
    code = vouchers.normalise(command.code)
    request = request_of(
        installation, principal, "capture", command.idempotency_key, code, amount, command.order, purchased_at
    )
    refusal = _why_not_now(programme, command, now)
    if refusal is not None and not await is_repeat(installation, programme.id, request):
        raise refusal

    async def call() -> Hold:
        async with installation.db.bare_transaction(programme.id) as connection:
            hold = await locked_hold(installation, connection, programme.id, code, now=now)
            purchase = Purchase(CAPTURE, hold.hold_id.hex, amount, request)
            if command.order is not None:
                limit = await _order_limit(connection, programme.id, command.order, hold, amount)
                purchase = Purchase(ORDER, command.order, limit, request)
            if bought_in_time(hold, command.purchased_at):
                await spend_late(connection, programme, hold.hold_id, purchase, now=now)
                captured = await locked_hold(installation, connection, programme.id, code, now=now)
            else:
                captured = await spend(connection, programme, hold, purchase, now=now)
            if command.order is not None:
                await orders.set_redeemed(connection, programme.id, command.order, captured)
            return captured

    seen = await _known_hold(installation, programme, code, now)
    try:
        async with installation.turns.turn(programme.id, seen.account_id):
            hold = await retrying(call)
    except errors.InsufficientPoints as refusal:
        bought = f"redemption {seen.hold_id.hex}" if command.order is None else f"order {command.order}"
        await warn_of_refusal(installation.db, programme.id, bought, refusal, now=now)
        raise
    except errors.NotAMember:  # the member has left, and the code is void
        if bought_in_time(seen, command.purchased_at):
            subject = f"redemption {seen.hold_id.hex}" if command.order is None else f"order {command.order}"
            await warn_of_who_left(installation.db, programme.id, subject, now=now)
        raise errors.RedemptionEnded(seen.state) from None
    return voucher_of(installation, programme, hold, now=now)


async def release(
    installation: Installation, principal: Principal, code: str, idempotency_key: str, *, now: datetime
) -> Voucher:
    """Give the points of a code back, asked by the shop's server.

    Raises VoucherNotUsable (unknown code), RedemptionEnded, IdempotencyConflict.
    """
    programme = await installation.programmes.get(principal.programme_id)
    hold = await _known_hold(installation, programme, code, now)
    request = request_of(installation, principal, "release", idempotency_key, hold.hold_id)

    async def call(connection: Connection) -> Hold:
        return await ledger.release(connection, programme.id, None, hold.hold_id, request, now=now)

    async with installation.turns.turn(programme.id, hold.account_id):
        try:
            released = await installation.db.one_statement(call)
        except errors.NotAMember:  # the member has left, and the code is void
            raise errors.RedemptionEnded(hold.state) from None
    return voucher_of(installation, programme, released, now=now)


async def _known_hold(installation: Installation, programme: ProgrammeSnapshot, code: str, now: datetime) -> Hold:
    hold = await find_hold(installation, programme.id, code, now=now)
    if hold is None:
        raise errors.VoucherNotUsable
    return hold


async def _order_limit(
    connection: Connection, programme_id: int, order: str, hold: Hold, amount: int | None
) -> int | None:
    """The most to capture for an order: not more than its total, if it was submitted already.

    Raises OrderConflict if it was settled without this voucher: it has earned on money that points would now pay,
    or some of it has come back, and was refunded.
    """
    row = await orders.locked(connection, programme_id, order)
    if row is None or row.hold_id == hold.hold_id:
        return amount
    if row.state == orders.EARNED or row.hold_id is not None or row.returned != orders.NOT_RETURNED:
        raise errors.OrderConflict(order)
    return row.total if amount is None else min(amount, row.total)


def _why_not_now(programme: ProgrammeSnapshot, command: Capture, now: datetime) -> errors.PointbookError | None:
    """What may have been otherwise when the same was asked before."""
    if not programme.is_open:
        return errors.ProgrammeNotOpen(programme.state)
    if command.purchased_at is not None:
        try:
            purchase_instant("purchasedAt", command.purchased_at, now)
        except errors.InvalidInput as refusal:
            return refusal
    return None


def _check_capture(programme: ProgrammeSnapshot, command: Capture) -> None:
    text.optional_identifier("orderExternalId", command.order)
    amount = command.amount
    if amount is not None and amount.currency != programme.currency:
        raise errors.CurrencyMismatch(programme.currency, amount.currency)
    if amount is not None and not 0 <= amount.amount <= MAX_AMOUNT:
        raise errors.InvalidInput("amount", "must not be negative, and at most 10^12 minor units")
