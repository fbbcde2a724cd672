"""Vouchers that pay when their hold has ended (R21, R28).

Points that are missing become the member's debt where the programme's claw-back policy allows one; staff are told.
"""

from datetime import datetime
from uuid import UUID

from pointbook import ledger
from pointbook.db.session import Connection
from pointbook.domain.programme_settings import Clawback
from pointbook.ledger import Hold, HoldState, LateCapture, LatePurchase, Source
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.granting import ORDER
from pointbook.services.redemption.vouchers import Purchase, tell_captured
from pointbook.services.warnings import WarningKind, warn


def bought_in_time(hold: Hold, purchased_at: datetime | None) -> bool:
    """Whether a hold that lapsed still stood when something was bought with it."""
    if hold.state is not HoldState.LAPSED or purchased_at is None:
        return False
    return hold.created_at <= purchased_at < hold.expires_at


async def spend_late(
    connection: Connection,
    programme: ProgrammeSnapshot,
    hold_id: UUID,
    purchase: Purchase,
    *,
    number: int = 1,
    now: datetime,
) -> LateCapture:
    """Capture a hold that has ended, whose account the caller has locked; ``number``: of the voucher's purchase.

    Raises what ``ledger.capture_late`` does: InsufficientPoints where nobody may owe points, above all.
    """
    source = Source(purchase.source_type, purchase.source_id, number)
    may_owe = programme.settings_at(now).clawback is Clawback.ALLOW_NEGATIVE
    command = LatePurchase(hold_id, source, purchase.amount, may_owe)
    late = await ledger.capture_late(connection, programme.id, command, purchase.request, now=now)
    await tell_captured(connection, programme, hold_id, late.points, late.value, now=now)
    if late.debt:
        detail = {"points": late.points, "owed": late.debt}
        kind = WarningKind.LATE_PURCHASE_OWED
        await warn(connection, programme.id, kind, _subject(hold_id, purchase), detail, now=now)
    return late


def _subject(hold_id: UUID, purchase: Purchase) -> str:
    """What staff are warned of: the order, if it is known, else the redemption."""
    return f"order {purchase.source_id}" if purchase.source_type == ORDER else f"redemption {hold_id.hex}"
