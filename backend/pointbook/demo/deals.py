"""What visitors have ordered and booked, and what can become of each."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

import msgspec

from pointbook.demo.calls import SUBMIT_BOOKING, SUBMIT_ORDER, SUBMIT_RETURN, Call, Calls
from pointbook.demo.visitors import Visit

RECEIVED: Final = "received"
"""The status of an order that is not complete: in no programme's list."""
_SHOWN: Final = 20
_KEPT: Final = 500


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
    """An order or a booking, as it was reported; ``whose`` as of the visit."""

    whose: tuple[str, str]
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
    """All deals of all shops' customers; what is reported goes to the shop's programme.

    They are kept in a file: Pointbook gives nobody an order back as it was reported, shops have their orders.
    """

    def __init__(self, calls: Calls, kept_as: Path) -> None:
        self._calls = calls
        self._kept_as = kept_as
        self._made = _read(kept_as)

    def of(self, visit: Visit) -> list[Deal]:
        """The newest first."""
        return [deal for deal in reversed(self._made) if deal.whose == visit.whose][:_SHOWN]

    async def order(self, visit: Visit, voucher: str) -> str | None:
        """An order of the cart that is not complete yet; the code of its refusal, or None."""
        shop = visit.visitor.shop
        document: dict[str, Any] = {
            "externalId": _number("D"),
            "type": "SALE",
            "status": RECEIVED,
            "placedAt": visit.now.isoformat(),
            "currency": shop.currency,
            "customer": {"externalId": visit.visitor.customer},
            "lines": shop.lines(visit.visitor.cart),
            **shop.place,
            **({"voucherCode": voucher} if voucher else {}),
        }
        call = await self._order(visit, document)
        if call.refused is None:
            self._keep(Deal(visit.whose, document["externalId"], document, DealState.OPEN))
        return call.refused

    async def book(self, visit: Visit, service: str) -> str | None:
        """A booking for tomorrow; the code of its refusal, or None."""
        starts = visit.now + timedelta(days=1)
        document: dict[str, Any] = {
            "externalId": _number("B"),
            "serviceId": service,
            "startsAt": starts.isoformat(),
            "endsAt": (starts + timedelta(hours=2)).isoformat(),
            "status": "BOOKED",
            "customer": {"externalId": visit.visitor.customer},
        }
        call = await self._booking(visit, document)
        if call.refused is None:
            self._keep(Deal(visit.whose, document["externalId"], document, DealState.BOOKED))
        return call.refused

    async def act(self, visit: Visit, deal: Deal, act: Act) -> str | None:
        """Let a deal go on; the code of its refusal, or None."""
        at = visit.now.isoformat()
        match act:
            case Act.COMPLETE:
                completed = visit.visitor.shop.completed
                call = await self._order(visit, {**deal.document, "status": completed, "statusAt": at})
            case Act.CANCEL if deal.is_booking:
                call = await self._booking(visit, {**deal.document, "status": "CANCELLED", "statusAt": at})
            case _:
                document = {
                    "externalId": _number(deal.number),
                    "orderExternalId": deal.number,
                    "type": "RETURN" if act is Act.RETURN else "CANCELLATION",
                    "returnedAt": at,
                    "currency": visit.visitor.shop.currency,
                    "everything": True,
                }
                call = await self._calls.send(visit, SUBMIT_RETURN, {"input": {"return": document}})
        if call.refused is None:
            deal.state = _AFTER[act]
            self._write()
        return call.refused

    async def _order(self, visit: Visit, document: Mapping[str, Any]) -> Call:
        return await self._calls.send(visit, SUBMIT_ORDER, {"input": {"order": document}})

    async def _booking(self, visit: Visit, document: Mapping[str, Any]) -> Call:
        return await self._calls.send(visit, SUBMIT_BOOKING, {"input": {"booking": document}})

    def _keep(self, deal: Deal) -> None:
        self._made = [*self._made, deal][-_KEPT:]
        self._write()

    def _write(self) -> None:
        unfinished = self._kept_as.with_suffix(".new")
        unfinished.touch(mode=0o600)
        unfinished.write_bytes(msgspec.json.encode(self._made))
        unfinished.rename(self._kept_as)


def _number(of: str) -> str:
    return f"{of}-{token_hex(3)}"


def _read(kept: Path) -> list[Deal]:
    try:
        return msgspec.json.decode(kept.read_bytes(), type=list[Deal])
    except (FileNotFoundError, msgspec.MsgspecError):
        return []
