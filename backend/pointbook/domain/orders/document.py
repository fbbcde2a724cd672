"""What an order is, and the compact form in which it is kept.

Amounts are gross minor units of the programme's currency. Nothing here knows settings or points.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from json import JSONEncoder
from typing import Any, Final, NamedTuple

from pointbook.domain import vouchers
from pointbook.domain.errors import VoucherNotUsable
from pointbook.domain.fingerprints import fingerprint
from pointbook.domain.orders.lines import (
    Discount,
    Line,
    columns_of,
    discounts_to_store,
    lines_of,
    stored_discounts,
)

_canonical: Final = JSONEncoder(separators=(",", ":"), check_circular=False).encode


class OrderType(enum.StrEnum):
    """What an order document may be. Returns are documents of their own."""

    SALE = "SALE"


class Payment(NamedTuple):
    """``with_points``: by a gift card that points bought, which counts like points redeemed (R11)."""

    kind: str
    amount: int
    gift_card_code: str | None = None
    """As the shop wrote it, not yet known to be a card of Pointbook's; it is never kept."""
    with_points: bool = False


class Customer(NamedTuple):
    """Who ordered. The address is personal data: it is neither in the stored form nor in the fingerprint."""

    external_id: str
    email: str | None = None
    email_verified: bool = False


@dataclass(frozen=True, slots=True)
class OrderContent:
    """What was bought and what it cost: all that points are computed from. Lines stand in order of their ids."""

    lines: tuple[Line, ...]
    discounts: tuple[Discount, ...] = ()
    shop_vouchers: tuple[Discount, ...] = ()
    minimum_order_surcharge: int = 0
    delivery_fee: int = 0
    payments: tuple[Payment, ...] = ()

    @property
    def goods(self) -> int:
        """The sum of the lines before any discount, minor units."""
        return sum([line.amount for line in self.lines])

    @property
    def reductions(self) -> int:
        """All that is taken off: discounts of lines and of the order, and shop vouchers."""
        reductions = 0
        for line in self.lines:
            if line.discounts:
                reductions += sum([discount.amount for discount in line.discounts])
        for discount in self.discounts + self.shop_vouchers:
            reductions += discount.amount
        return reductions

    @property
    def paid_by_gift_cards(self) -> int:
        """What cards that points bought have paid of it, minor units."""
        return sum([payment.amount for payment in self.payments if payment.with_points])

    @property
    def total(self) -> int:
        """What is to be paid, with money or points: goods - reductions + surcharge + delivery fee, at least 0."""
        return max(0, self.goods - self.reductions + self.minimum_order_surcharge + self.delivery_fee)

    def to_json(self, lines: str | None = None) -> str:
        """The stored form: one JSON text per content, without personal data; what has its default is left out.

        Lines are kept as columns, which ``lines`` is the text of from whoever has written it already.
        """
        members = [f'"lines":{lines or _canonical(columns_of(self.lines))}']
        if self.discounts:
            members.append(f'"discounts":{_canonical(discounts_to_store(self.discounts))}')
        if self.shop_vouchers:
            members.append(f'"shopVouchers":{_canonical(discounts_to_store(self.shop_vouchers))}')
        if self.minimum_order_surcharge:
            members.append(f'"surcharge":{self.minimum_order_surcharge}')
        if self.delivery_fee:
            members.append(f'"deliveryFee":{self.delivery_fee}')
        if self.payments:
            members.append(f'"payments":{_canonical([_payment_to_store(payment) for payment in self.payments])}')
        return f"{{{','.join(members)}}}"

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> "OrderContent":
        """The content of what ``to_json`` wrote, as parsed from the database."""
        return cls(
            lines=lines_of(stored["lines"]),
            discounts=stored_discounts(stored.get("discounts", ())),
            shop_vouchers=stored_discounts(stored.get("shopVouchers", ())),
            minimum_order_surcharge=stored.get("surcharge", 0),
            delivery_fee=stored.get("deliveryFee", 0),
            payments=tuple([Payment(**fields) for fields in stored.get("payments", ())]),
        )


def _payment_to_store(payment: Payment) -> dict[str, Any]:
    stored: dict[str, Any] = {"kind": payment.kind, "amount": payment.amount}
    return stored | {"with_points": True} if payment.with_points else stored


@dataclass(frozen=True, slots=True)
class OrderDocument:
    """An order as reported, checked. ``placed_at`` is UTC.

    ``status_at``: when the shop gave it this status, UTC. It tells an order that was completed again after it had
    come back from an old report that comes late; None: the shop does not say.
    """

    external_id: str
    type: OrderType
    status: str
    placed_at: datetime
    currency: str
    store: str | None
    entry_channel: str | None
    exit_channel: str | None
    customer: Customer
    voucher_code: str | None
    """A code of Pointbook's as the shop wrote it; not yet known to be one."""
    content: OrderContent
    status_at: datetime | None = None

    @property
    def names_gift_cards(self) -> bool:
        """Whether codes are still to be told from those of other cards."""
        return any(payment.gift_card_code is not None for payment in self.content.payments)

    def stored(self, lines: str | None = None) -> "StoredOrder":
        """As it is kept; ``lines`` as in ``OrderContent.to_json``."""
        content = self.content.to_json(lines)
        return StoredOrder(content, self.fingerprint(content))

    def fingerprint(self, content: str) -> bytes:
        """What tells another content under the same id; ``content`` is the stored form of the order's.

        Status, its instant and e-mail address are not in it: a shop may report an order again with a new one. The
        order of keys, of lines and the spelling of a number, an instant or a code make no difference. SHA-256.
        """
        head = (
            self.external_id,
            self.type,
            self.placed_at.isoformat(),
            self.currency,
            self.store,
            self.entry_channel,
            self.exit_channel,
            self.customer.external_id,
            _code(self.voucher_code),
        )
        return fingerprint(head, content)


class StoredOrder(NamedTuple):
    content: str
    """JSON text of ``OrderContent``."""
    fingerprint: bytes
    """SHA-256."""


def _code(typed: str | None) -> str | None:
    """A code however it was typed; what cannot be one as it is."""
    try:
        return typed and vouchers.normalise(typed)
    except VoucherNotUsable:
        return typed
