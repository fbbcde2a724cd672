"""Points are granted: from which source, and who is told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self
from uuid import UUID

from pointbook.db.session import Connection
from pointbook.ledger import NewLot
from pointbook.services import outbox
from pointbook.services.directory import AccountKey, ProgrammeSnapshot

POINTS_CREDITED: Final = "points.credited"
POINTS_CREDITED_TOGETHER: Final = "points.credited_together"
ORDER, SIGN_UP, BOOKING = "order", "sign_up", "booking"
"""Kinds of source in the ledger."""


@dataclass(frozen=True, slots=True)
class Together:
    """What one cause has credited to an account, by ``count`` orders and bookings: its member gets one mail.

    ``available_from``: of the last of the points. ``order`` and ``booking``: which it was, if it was only one.
    """

    account: UUID
    points: int
    count: int
    available_from: datetime
    order: str | None = None
    booking: str | None = None

    @classmethod
    def of(cls, payload: Mapping[str, Any]) -> Self:
        """As ``payload`` told it."""
        available_from = datetime.fromisoformat(payload["availableFrom"])
        what = payload["points"], payload["count"], available_from, payload["order"], payload["booking"]
        return cls(UUID(payload["account"]), *what)

    @property
    def payload(self) -> dict[str, object]:
        return {
            "account": self.account.hex,
            "points": self.points,
            "count": self.count,
            "availableFrom": self.available_from.isoformat(),
            "order": self.order,
            "booking": self.booking,
        }

    def __add__(self, more: "Together") -> "Together":
        """Of what the same cause has credited before and since."""
        points, count = self.points + more.points, self.count + more.count
        return Together(self.account, points, count, max(self.available_from, more.available_from))


def points_in(lots: Iterable[NewLot]) -> int:
    return sum(lot.points for lot in lots)


async def tell_credited(
    connection: Connection,
    programme: ProgrammeSnapshot,
    account: AccountKey,
    seq: int,
    lots: tuple[NewLot, ...],
    *,
    when_available: bool = False,
    together: str | None = None,
    now: datetime,
) -> int:
    """Promise the message that points were credited, in the transaction that credited them; the message's id.

    It goes out at once, or ``when_available`` once the first of them can be spent. ``together`` names a cause
    that credits other points as well: of these alone there is no mail, and the cause calls ``tell_together``.
    """
    available_from = min(lot.available_from for lot in lots)
    payload: dict[str, object] = {
        "account": account.public_id.hex,
        "entry": f"{account.public_id.hex}-{seq}",
        "points": points_in(lots),
        "availableFrom": available_from.isoformat(),
    }
    if together is not None:
        payload["together"] = together
    delay = available_from - now if when_available else outbox.AT_ONCE
    return await outbox.append(
        connection,
        programme.id,
        POINTS_CREDITED,
        payload,
        now=now,
        delay=delay,
        clock_ahead=programme.clock_ahead,
    )


async def tell_together(
    connection: Connection, programme_id: int, credited: Iterable[Together], *, now: datetime
) -> None:
    """Promise a mail for each, in the transaction in which their cause has come to its end."""
    payloads = [one.payload for one in credited]
    await outbox.append_all(connection, programme_id, POINTS_CREDITED_TOGETHER, payloads, now=now)
