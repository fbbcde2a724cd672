"""What a visitor has ordered and booked in this run, and what can become of each."""

import enum
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final

from pointbook.demo.shops import Shop
from pointbook.domain.errors import PointbookError
from pointbook.services.bookings import submit_booking
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from pointbook.services.returns import submit_return

RECEIVED: Final = "received"
"""The status of an order that is not complete: in no programme's list."""


class DealState(enum.StrEnum):
    OPEN = "open"
    COMPLETED = "completed"
    RETURNED = "returned"
    CANCELLED = "cancelled"
    BOOKED = "booked"


class Act(enum.StrEnum):
    COMPLETE = "complete"
    CANCEL = "cancel"
    RETURN = "return"


_ACTS: Final = {
    DealState.OPEN: (Act.COMPLETE, Act.CANCEL),
    DealState.COMPLETED: (Act.RETURN, Act.CANCEL),
    DealState.CANCELLED: (Act.COMPLETE,),
    DealState.BOOKED: (Act.CANCEL,),
}
_AFTER: Final = {
    Act.COMPLETE: DealState.COMPLETED,
    Act.CANCEL: DealState.CANCELLED,
    Act.RETURN: DealState.RETURNED,
}


@dataclass(slots=True)
class Deal:
    """An order or a booking, as it was reported."""

    number: str
    document: dict[str, Any]
    state: DealState

    @property
    def is_booking(self) -> bool:
        return "serviceId" in self.document

    @property
    def acts(self) -> tuple[Act, ...]:
        """A booking that was cancelled stays so: one books anew."""
        if self.is_booking and self.state is not DealState.BOOKED:
            return ()
        return _ACTS.get(self.state, ())


class Deals:
    """All deals of all shops' customers, in this run; what is reported goes to the shop's programme."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._made: dict[tuple[str, str], list[Deal]] = {}
        self._numbers = count(1)

    def of(self, shop: Shop, customer: str | None) -> list[Deal]:
        """The newest first."""
        return self._made.get((shop.key, customer or ""), [])[::-1]

    async def order(  # noqa: PLR0917  # who orders what, where and when
        self, shop: Shop, programme_id: int, customer: str, cart: Mapping[str, int], voucher: str, now: datetime
    ) -> str | None:
        """An order that is not complete yet; why it was refused, or None."""
        number = self._number("D", now)
        document = {
            "externalId": number,
            "type": "SALE",
            "status": RECEIVED,
            "placedAt": now.isoformat(),
            "currency": shop.currency,
            "customer": {"externalId": customer},
            "lines": shop.lines(cart),
            **shop.place,
            **({"voucherCode": voucher} if voucher else {}),
        }
        refused = await self._told(submit_order, programme_id, document, now)
        if refused is None:
            self._keep(shop, customer, Deal(number, document, DealState.OPEN))
        return refused

    async def book(self, shop: Shop, programme_id: int, customer: str, service: str, now: datetime) -> str | None:
        """A booking for tomorrow; why it was refused, or None."""
        number, starts = self._number("B", now), now + timedelta(days=1)
        document = {
            "externalId": number,
            "serviceId": service,
            "startsAt": starts.isoformat(),
            "endsAt": (starts + timedelta(hours=2)).isoformat(),
            "status": "BOOKED",
            "customer": {"externalId": customer},
        }
        refused = await self._told(submit_booking, programme_id, document, now)
        if refused is None:
            self._keep(shop, customer, Deal(number, document, DealState.BOOKED))
        return refused

    async def act(self, shop: Shop, programme_id: int, deal: Deal, act: Act, now: datetime) -> str | None:
        """Let a deal go on; why it was refused, or None."""
        match act:
            case Act.COMPLETE:
                document = {**deal.document, "status": shop.completed, "statusAt": now.isoformat()}
                refused = await self._told(submit_order, programme_id, document, now)
            case Act.CANCEL if deal.is_booking:
                document = {**deal.document, "status": "CANCELLED", "statusAt": now.isoformat()}
                refused = await self._told(submit_booking, programme_id, document, now)
            case _:
                document = {
                    "externalId": self._number(deal.number, now),
                    "orderExternalId": deal.number,
                    "type": "RETURN" if act is Act.RETURN else "CANCELLATION",
                    "returnedAt": now.isoformat(),
                    "currency": shop.currency,
                    "everything": True,
                }
                refused = await self._told(submit_return, programme_id, document, now)
        if refused is None:
            deal.state = _AFTER[act]
        return refused

    def _number(self, of: str, now: datetime) -> str:
        return f"{of}-{now:%H%M%S}-{next(self._numbers)}"

    def _keep(self, shop: Shop, customer: str, deal: Deal) -> None:
        self._made.setdefault((shop.key, customer), []).append(deal)

    async def _told(
        self, tell: Callable[..., Awaitable[object]], programme_id: int, document: Mapping[str, Any], now: datetime
    ) -> str | None:
        try:
            await tell(self._installation, programme_id, document, now=now)
        except PointbookError as refusal:
            return str(refusal)
        return None
