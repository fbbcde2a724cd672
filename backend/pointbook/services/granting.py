"""Points are granted: from which source, and who is told."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from pointbook.db.session import Connection
from pointbook.ledger import NewLot
from pointbook.services import outbox
from pointbook.services.directory import AccountKey

POINTS_CREDITED: Final = "points.credited"
ORDER, SIGN_UP = "order", "sign_up"
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
    now: datetime,
) -> None:
    """Promise the message that points were credited, in the transaction that credited them."""
    payload = {
        "account": account.public_id.hex,
        "entry": f"{account.public_id.hex}-{seq}",
        "points": points_in(lots),
        "availableFrom": min(lot.available_from for lot in lots).isoformat(),
    }
    await outbox.append(connection, programme_id, POINTS_CREDITED, payload, now=now)
