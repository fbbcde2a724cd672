"""What the server of a shop asks of Pointbook: GraphQL, with its own keys, as it would send it over HTTP.

What was asked last, and what came of it, is kept for the drawer of who had it asked.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex
from typing import Any, Final, NamedTuple

from pointbook.demo.visitors import Visit
from pointbook.domain.access import ALL_RIGHTS, ALL_SCOPES, CallerKind, Principal
from pointbook.graphql.engine import Engine
from pointbook.ledger import HistoryEntry
from pointbook.services import account
from pointbook.services.installation import Installation

MOST: Final = 8
"""Calls that are kept of a customer, and entries that are looked for after one."""


class Document(NamedTuple):
    """A text with one field, and with whose key it is sent."""

    text: str
    by: CallerKind = CallerKind.SERVER


_REFUSAL: Final = "... on UserError { code message }"
VOUCHER: Final = Document("""\
query Voucher($code: String!) {
  voucher(code: $code) { state points value { amount currency } expiresAt }
}""")
SUBMIT_ORDER: Final = Document(f"""\
mutation SubmitOrder($input: SubmitOrderInput!) {{
  submitOrder(input: $input) {{
    ... on SubmitOrderSuccess {{ outcome points total {{ amount }} redeemed {{ amount }} replayed }}
    {_REFUSAL}
  }}
}}""")
SUBMIT_RETURN: Final = Document(f"""\
mutation SubmitReturn($input: SubmitReturnInput!) {{
  submitReturn(input: $input) {{
    ... on SubmitReturnSuccess {{ outcome money {{ amount }} pointsGivenBack pointsReversed debt orderReturned }}
    {_REFUSAL}
  }}
}}""")
SUBMIT_BOOKING: Final = Document(f"""\
mutation SubmitBooking($input: SubmitBookingInput!) {{
  submitBooking(input: $input) {{
    ... on SubmitBookingSuccess {{ outcome status points availableFrom replayed }}
    {_REFUSAL}
  }}
}}""")
MOVE_CLOCK: Final = Document(
    f"""\
mutation MoveSandboxClock($input: MoveSandboxClockInput!) {{
  moveSandboxClock(input: $input) {{
    ... on MoveSandboxClockSuccess {{ clock {{ now aheadSeconds }} }}
    {_REFUSAL}
  }}
}}""",
    CallerKind.STAFF,
)


@dataclass(frozen=True, slots=True)
class Call:
    """``entries`` are those that the customer's account has got by it."""

    id: str
    document: Document
    variables: Mapping[str, Any]
    answer: Mapping[str, Any]
    entries: list[HistoryEntry]

    @property
    def result(self) -> Any:
        """Of its one field; None also if there is no result."""
        [result] = (self.answer.get("data") or {"": None}).values()
        return result

    @property
    def refused(self) -> str | None:
        """The code of the refusal, or None."""
        if "errors" in self.answer:
            code = self.answer["errors"][0]["extensions"]["code"]
        else:
            code = None if self.result is None else self.result.get("code")
        return None if code is None else str(code)


class Calls:
    """Of all shops' servers."""

    def __init__(self, engine: Engine, installation: Installation, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._installation = installation
        self._clock = clock
        self._newest: dict[tuple[str, str], deque[Call]] = defaultdict(lambda: deque(maxlen=MOST))

    def newest(self, visit: Visit) -> list[Call]:
        """What was asked last for a customer of a shop, the oldest first."""
        return list(self._newest.get(visit.whose, ()))

    async def send(self, visit: Visit, document: Document, variables: Mapping[str, Any]) -> Call:
        before = await self._entries(visit, visit.now, 1)
        answer = await self._answer(visit, document, variables)
        # By a clock that was moved, if this did.
        now = await self._installation.programmes.now(visit.programme.id, self._clock())
        known = before[0].seq if before else 0
        entries = [entry for entry in await self._entries(visit, now, MOST) if entry.seq > known]
        call = Call(token_hex(8), document, variables, answer, entries)
        self._newest[visit.whose].append(call)
        return call

    async def _answer(self, visit: Visit, document: Document, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        text, by = document
        prepared = self._engine.prepare(
            text, None, None, variables, any_document=True, introspection=False, read_only=False
        )
        assert prepared.refusal is None, f"a document of the demo is refused: {prepared.refusal}"
        rights = ALL_SCOPES if by is CallerKind.SERVER else ALL_RIGHTS
        principal = Principal(by, visit.programme.id, "demo", scopes=frozenset(rights))
        return (await self._engine.execute(prepared, principal)).body

    async def _entries(self, visit: Visit, now: datetime, first: int) -> list[HistoryEntry]:
        """The newest of the customer's account first; a guest and who has not joined have none."""
        customer = visit.visitor.customer
        if customer is None:
            return []
        found = await account.history(self._installation, visit.programme.id, customer, first=first, now=now)
        return found or []
