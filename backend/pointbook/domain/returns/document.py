"""What a return document is, and the compact form in which it is kept.

It says what of an order came back in the order's own terms: line ids, quantities, and amounts as the order's lines
and fees state them, *before* discounts. What that is worth is for ``returned`` to say.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from json import JSONEncoder
from typing import Any, Final, NamedTuple

from pointbook.domain.fingerprints import fingerprint
from pointbook.domain.return_types import ReturnType

_canonical: Final = JSONEncoder(separators=(",", ":"), check_circular=False).encode


class ReturnedLine(NamedTuple):
    """What a document returns of a line of the order.

    - Neither figure: whatever is left of the line.
    - A quantity: the line's amount in proportion to it.
    - An amount: money alone, no unit comes back.
    - Both: so many units, but for this amount.
    """

    id: str
    """The order's."""
    quantity: int | None = None
    """Thousandths of a unit, > 0."""
    amount: int | None = None
    """Minor units; 0 only with a quantity."""


@dataclass(frozen=True, slots=True)
class ReturnContent:
    """What is returned. Lines stand in order of their ids; fees are minor units."""

    lines: tuple[ReturnedLine, ...] = ()
    minimum_order_surcharge: int = 0
    delivery_fee: int = 0
    everything: bool = False
    """All that is left of the order; then nothing else is named."""

    def to_json(self) -> str:
        """The stored form: one JSON text per content, without personal data; what has its default is left out."""
        members: dict[str, Any] = {
            "lines": [_without_nulls(line) for line in self.lines],
            "surcharge": self.minimum_order_surcharge,
            "deliveryFee": self.delivery_fee,
            "everything": self.everything,
        }
        return _canonical({name: value for name, value in members.items() if value})

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> "ReturnContent":
        """The content of what ``to_json`` wrote, as parsed from the database."""
        return cls(
            lines=tuple(ReturnedLine(**fields) for fields in stored.get("lines", ())),
            minimum_order_surcharge=stored.get("surcharge", 0),
            delivery_fee=stored.get("deliveryFee", 0),
            everything=stored.get("everything", False),
        )


@dataclass(frozen=True, slots=True)
class ReturnDocument:
    """A return as reported, checked by itself: its order may not be known yet. ``returned_at`` is UTC."""

    external_id: str
    type: ReturnType
    order_external_id: str
    status: str | None
    returned_at: datetime | None
    """None: the shop did not say; whenever it was reported."""
    currency: str
    content: ReturnContent

    def stored(self) -> "StoredReturn":
        """As it is kept. Of the fingerprint the same is true as of an order's: the status is not in it."""
        content = self.content.to_json()
        returned_at = None if self.returned_at is None else self.returned_at.isoformat()
        head = (self.external_id, self.type, self.order_external_id, returned_at, self.currency)
        return StoredReturn(content, fingerprint(head, content))


class StoredReturn(NamedTuple):
    content: str
    """JSON text of ``ReturnContent``."""
    fingerprint: bytes
    """SHA-256; differs for another content under the same id."""


def _without_nulls(line: ReturnedLine) -> dict[str, Any]:
    return {name: value for name, value in line._asdict().items() if value is not None}
