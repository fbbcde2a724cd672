"""Points are granted: from which source, and who is told."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from pointbook.db.session import Connection
from pointbook.ledger import NewLot
from pointbook.services import outbox
from pointbook.services.directory import AccountKey

POINTS_CREDITED: Final = "points.credited"
ORDER, SIGN_UP, BOOKING = "order", "sign_up", "booking"
"""Kinds of source in the ledger."""


def points_in(lots: Iterable[NewLot]) -> int:
    return sum(lot.points for lot in lots)


async def tell_credited(
    connection: Connection,
    programme_id: int,
    account: AccountKey,
    seq: int,
    lots: tuple[NewLot, ...],
    *,
    when_available: bool = False,
    now: datetime,
) -> int:
    """Promise the message that points were credited, in the transaction that credited them; the message's id.

    It goes out at once, or ``when_available`` once the first of them can be spent.
    """
    available_from = min(lot.available_from for lot in lots)
    payload = {
        "account": account.public_id.hex,
        "entry": f"{account.public_id.hex}-{seq}",
        "points": points_in(lots),
        "availableFrom": available_from.isoformat(),
    }
    delay = available_from - now if when_available else outbox.AT_ONCE
    return await outbox.append(connection, programme_id, POINTS_CREDITED, payload, now=now, delay=delay)
