"""What an order is, and the compact form in which it is kept.

Amounts are gross minor units of the programme's currency. Nothing here knows settings or points.
"""

import enum
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from json import JSONEncoder
from json.encoder import encode_basestring_ascii
from typing import Any, Final, NamedTuple

from pointbook.domain import vouchers
from pointbook.domain.errors import VoucherNotUsable

_canonical: Final = JSONEncoder(separators=(",", ":"), check_circular=False).encode
_quoted: Final = encode_basestring_ascii


class OrderType(enum.StrEnum):
    """What an order document may be. Returns are documents of their own."""

    SALE = "SALE"


class LineKind(enum.StrEnum):
    ITEM = "ITEM"
    MENU = "MENU"
    TOPPING = "TOPPING"


class Discount(NamedTuple):
    """Money taken off, once; ``line_ids`` empty: off the whole order."""

    amount: int
    line_ids: tuple[str, ...] = ()
    code: str | None = None
    type: str | None = None
    """The shop's type of a shop voucher."""


class Payment(NamedTuple):
    kind: str
    amount: int


class Line(NamedTuple):
    """A line of an order; ids are the shop's.

    ``amount`` is authoritative: quantity times unit price need not give it, and a line of quantity 0 counts by it.
    It stands *before* the line's own ``discounts``, as the goods of an order stand before the order's.
    """

    id: str
    article_id: str
    quantity: int
    """Thousandths of a unit."""
    amount: int
    """Gross, minor units."""
    net: int | None = None
    """The part of ``amount`` that is no tax; None: the shop did not say."""
    unit_price: int | None = None
    """Ten-thousandths of a minor unit."""
    variation_id: str | None = None
    product_group_ids: tuple[str, ...] = ()
    parent_line_id: str | None = None
    kind: LineKind = LineKind.ITEM
    topping_group_id: str | None = None
    discounts: tuple[Discount, ...] = ()
    earns: bool = True


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
    def total(self) -> int:
        """What is to be paid, with money or points: goods - reductions + surcharge + delivery fee, at least 0."""
        return max(0, self.goods - self.reductions + self.minimum_order_surcharge + self.delivery_fee)

    def to_json(self, lines: str | None = None) -> str:
        """The stored form: one JSON text per content, without personal data; what has its default is left out.

        ``lines`` is the text of the lines from whoever has written it already.
        """
        members = [f'"lines":{lines or _lines_text(self.lines)}']
        if self.discounts:
            members.append(f'"discounts":{_discounts_text(self.discounts)}')
        if self.shop_vouchers:
            members.append(f'"shopVouchers":{_discounts_text(self.shop_vouchers)}')
        if self.minimum_order_surcharge:
            members.append(f'"surcharge":{self.minimum_order_surcharge}')
        if self.delivery_fee:
            members.append(f'"deliveryFee":{self.delivery_fee}')
        if self.payments:
            members.append(f'"payments":{_canonical([payment._asdict() for payment in self.payments])}')
        return f"{{{','.join(members)}}}"

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> "OrderContent":
        """The content of what ``to_json`` wrote, as parsed from the database."""
        return cls(
            lines=tuple([_line_of_fields(fields) for fields in stored["lines"]]),
            discounts=_discounts_of_fields(stored.get("discounts", ())),
            shop_vouchers=_discounts_of_fields(stored.get("shopVouchers", ())),
            minimum_order_surcharge=stored.get("surcharge", 0),
            delivery_fee=stored.get("deliveryFee", 0),
            payments=tuple([Payment(**fields) for fields in stored.get("payments", ())]),
        )


@dataclass(frozen=True, slots=True)
class OrderDocument:
    """An order as reported, checked. ``placed_at`` is UTC."""

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

    def stored(self, lines: str | None = None) -> "StoredOrder":
        """As it is kept; ``lines`` as in ``OrderContent.to_json``."""
        content = self.content.to_json(lines)
        return StoredOrder(content, self.fingerprint(content))

    def fingerprint(self, content: str) -> bytes:
        """What tells another content under the same id; ``content`` is the stored form of the order's.

        Status and e-mail address are not in it: a shop may report an order again with a new one of either. The
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
        text = ",".join(["null" if word is None else _quoted(word) for word in head])
        return hashlib.sha256(f"[{text}]\n{content}".encode("ascii")).digest()


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


def _lines_text(lines: Iterable[Line]) -> str:
    return f"[{','.join(map(_line_text, lines))}]"


def _line_text(line: Line) -> str:
    """The line as JSON, without what has its default: a field of a later version changes no fingerprint.

    Written out member by member, because an import does little else with most of its lines.
    """
    id_, article, quantity, amount, net, price, variation, groups, parent, kind, topping, discounts, earns = line
    text = f'{{"id":{_quoted(id_)},"article_id":{_quoted(article)},"quantity":{quantity},"amount":{amount}'
    if net is not None:
        text += f',"net":{net}'
    if price is not None:
        text += f',"unit_price":{price}'
    if variation is not None:
        text += f',"variation_id":{_quoted(variation)}'
    if groups:
        text += f',"product_group_ids":{_texts_text(groups)}'
    if parent is not None:
        text += f',"parent_line_id":{_quoted(parent)}'
    if kind is not LineKind.ITEM:
        text += f',"kind":"{kind}"'
    if topping is not None:
        text += f',"topping_group_id":{_quoted(topping)}'
    if not earns:
        text += ',"earns":false'
    if discounts:
        text += f',"discounts":{_discounts_text(discounts)}'
    return text + "}"


def _discounts_text(discounts: Iterable[Discount]) -> str:
    return f"[{','.join(map(_discount_text, discounts))}]"


def _discount_text(discount: Discount) -> str:
    amount, line_ids, code, type_ = discount
    if not (line_ids or code or type_):
        return f'{{"amount":{amount}}}' if amount else "{}"
    return _canonical({name: value for name, value in discount._asdict().items() if value})


@lru_cache(maxsize=2_048)
def _texts_text(texts: tuple[str, ...]) -> str:
    """The groups of an article come with every line it is on."""
    return f"[{','.join(map(_quoted, texts))}]"


def _line_of_fields(fields: Mapping[str, Any]) -> Line:
    read = {**fields, "kind": LineKind(fields.get("kind", LineKind.ITEM))}
    if "product_group_ids" in fields:
        read["product_group_ids"] = tuple(fields["product_group_ids"])
    if "discounts" in fields:
        read["discounts"] = _discounts_of_fields(fields["discounts"])
    return Line(**read)


def _discounts_of_fields(parts: Iterable[Mapping[str, Any]]) -> tuple[Discount, ...]:
    return tuple(
        Discount(part.get("amount", 0), tuple(part.get("line_ids", ())), part.get("code"), part.get("type"))
        for part in parts
    )
