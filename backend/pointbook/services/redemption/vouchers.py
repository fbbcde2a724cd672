"""A hold of the ledger as a voucher: its code, how it is found, locked and spent.

Amounts are minor units of the programme's currency. A code is derived from its hold and never stored.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from pointbook import ledger
from pointbook.db.session import Connection
from pointbook.domain import errors
from pointbook.domain.money import Money
from pointbook.ledger import Hold, HoldState, Request
from pointbook.services import outbox
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation

REDEMPTION_CAPTURED: Final = "redemption.captured"


@dataclass(frozen=True, slots=True)
class Voucher:
    """A hold as its owner and the shop see it. ``code`` is for them only. ``captured_*`` once it is captured.

    ``cart``: see HoldPoints. ``left``: how long it will be held yet, zero when it has ended; it runs, so
    vouchers that differ by it alone are equal.
    """

    hold_id: UUID
    cart: bytes
    code: str = field(repr=False)
    last_four: str
    state: HoldState
    points: int
    value: Money
    created_at: datetime
    expires_at: datetime
    left: timedelta = field(compare=False)
    extensions: int
    extensions_left: int
    ended_at: datetime | None
    captured_points: int | None
    captured_value: Money | None


@dataclass(frozen=True, slots=True)
class Purchase:
    """What a hold is captured for: at most ``amount`` (None: all of it), once per source."""

    source_type: str
    source_id: str
    amount: int | None
    request: Request | None = None


async def find_hold(installation: Installation, programme_id: int, code: str, *, now: datetime) -> Hold | None:
    """The hold of a code in this programme. A text that cannot be a code stands for none."""
    try:
        digest = installation.codes.digest(code)
    except errors.VoucherNotUsable:
        return None

    async def call(connection: Connection) -> Hold | None:
        return await ledger.hold_of_code(connection, programme_id, digest, now=now)

    return await installation.db.one_statement(call)


async def locked_hold(
    installation: Installation,
    connection: Connection,
    programme_id: int,
    code: str,
    *,
    also: tuple[int, ...] = (),
    now: datetime,
) -> Hold:
    """The hold of a code as it stands under the lock of its account, taken in one order with ``also`` accounts.

    Raises VoucherNotUsable if there is none.
    """
    digest = installation.codes.digest(code)
    seen = await ledger.hold_of_code(connection, programme_id, digest, now=now)
    if seen is None:
        raise errors.VoucherNotUsable
    await ledger.lock(connection, programme_id, {seen.account_id, *also})
    hold = await ledger.hold_of_code(connection, programme_id, digest, now=now)
    assert hold is not None, "holds are never deleted"
    return hold


async def spend(
    connection: Connection,
    programme: ProgrammeSnapshot,
    hold: Hold,
    purchase: Purchase,
    *,
    now: datetime,
) -> Hold:
    """Capture a hold whose account the caller has locked, and promise the message if that is news."""
    captured = await ledger.capture(
        connection,
        programme.id,
        hold.hold_id,
        purchase.amount,
        purchase.source_type,
        purchase.source_id,
        purchase.request,
        now=now,
    )
    if hold.state is HoldState.HELD:
        points, value = captured.captured_points, captured.captured_value
        assert points is not None, "it is captured"
        assert value is not None, "it is captured"
        await tell_captured(connection, programme, captured.hold_id, points, value, now=now)
    return captured


async def tell_captured(
    connection: Connection,
    programme: ProgrammeSnapshot,
    hold_id: UUID,
    points: int,
    value: int,
    *,
    now: datetime,
) -> None:
    """Promise the message that points were spent, in the transaction that spent them."""
    payload = {"redemption": hold_id.hex, "points": points, "value": value, "currency": programme.currency}
    await outbox.append(connection, programme.id, REDEMPTION_CAPTURED, payload, now=now)


def voucher_of(installation: Installation, programme: ProgrammeSnapshot, hold: Hold, *, now: datetime) -> Voucher:
    """A hold of the ledger as a voucher, with its code."""
    maximum = programme.settings_at(now).hold_extensions_max
    held = hold.state is HoldState.HELD
    captured = hold.captured_value
    return Voucher(
        hold_id=hold.hold_id,
        cart=hold.cart,
        code=installation.codes.code(hold.hold_id),
        last_four=hold.last_four,
        state=hold.state,
        points=hold.points,
        value=Money(hold.value, programme.currency),
        created_at=hold.created_at,
        expires_at=hold.expires_at,
        left=max(hold.expires_at - now, timedelta()) if held else timedelta(),
        extensions=hold.extensions,
        extensions_left=max(0, maximum - hold.extensions) if held else 0,
        ended_at=hold.ended_at,
        captured_points=hold.captured_points,
        captured_value=None if captured is None else Money(captured, programme.currency),
    )
