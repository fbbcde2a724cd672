"""The short way for usual orders of an import: from the bytes of a line of JSON to the order and its stored form.

Nearly all orders that tills and shops send hold a few fields of the document and plain ASCII texts. As long as
points come from the sum of an order alone, nothing else is needed of their lines, and an import spends most of its
time on lines: this takes a third of the time of reading, weighing and writing each. Where rules look at lines,
they are made of what was read. Whatever is not usual, or not right, is left to the domain, which reads everything
and names what it refuses. Both ways give the same bytes.
"""

from collections.abc import Callable, Mapping
from functools import cache
from operator import attrgetter
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeAlias

import msgspec
import orjson
from msgspec import Meta, Struct

from pointbook.domain import currencies
from pointbook.domain.errors import InvalidInput
from pointbook.domain.money import MAX_AMOUNT, scaled
from pointbook.domain.orders import (
    Customer,
    Discount,
    Line,
    OrderContent,
    OrderDocument,
    OrderType,
    Payment,
    StoredOrder,
)
from pointbook.domain.orders.reading import (
    MAX_LINES,
    MAX_PARTS,
    MAX_QUANTITY,
    QUANTITY_PLACES,
    UNIT_PRICE_PLACES,
)
from pointbook.domain.reading import instant
from pointbook.domain.text import MAX_IDENTIFIER, MAX_WORD, email_address

_REMEMBERED: Final = 32_768
_id_of: Final = attrgetter("id")

_Identifier: TypeAlias = Annotated[str, Meta(min_length=1, max_length=MAX_IDENTIFIER)]
_Word: TypeAlias = Annotated[str, Meta(min_length=1, max_length=MAX_WORD)]
_Number: TypeAlias = int | str


class _Strict(Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    """Part of a document, without what the short way does not take."""


class _Reduction(_Strict):
    amount: _Number


class _Line(_Strict):
    id: _Identifier
    article_id: _Identifier
    quantity: _Number
    amount: _Number
    unit_price: _Number | None = None
    product_group_ids: Annotated[tuple[_Identifier, ...], Meta(max_length=MAX_PARTS)] | None = None
    discounts: Annotated[list[_Reduction], Meta(max_length=MAX_PARTS)] | None = None


class _Customer(_Strict):
    external_id: _Identifier
    email: str | None = None
    email_verified: bool | None = None


class _Payment(_Strict):
    kind: _Word
    amount: _Number


class _Order(_Strict):
    external_id: _Identifier
    type: Literal["SALE"]
    status: _Word
    placed_at: str
    currency: str
    customer: _Customer
    lines: Annotated[list[_Line], Meta(min_length=1, max_length=MAX_LINES)]
    store: _Identifier | None = None
    entry_channel: _Word | None = None
    exit_channel: _Word | None = None
    minimum_order_surcharge: _Number | None = None
    delivery_fee: _Number | None = None
    payments: Annotated[list[_Payment], Meta(max_length=MAX_PARTS)] | None = None


_decode: Final[Callable[[bytes], _Order]] = msgspec.json.Decoder(_Order).decode


class UsualOrder(NamedTuple):
    """``order`` has the lines that ``stored`` holds, or one of the same total and the same points."""

    order: OrderDocument
    stored: StoredOrder


def usual_order(content: bytes, currency: str, *, lines_matter: bool) -> UsualOrder | None:
    """The order in a line of JSON, if it is usual and right; else None, whatever the reason.

    ``lines_matter``: points depend on more of the lines than their sum.
    """
    if not _is_plain(content):
        return None
    try:
        raw = _decode(content)
        if raw.currency != currency:
            return None
        numbers = _numbers(currencies.exponent(currency))
        columns, reductions = _columns(raw.lines, numbers)
        goods = sum(columns["amount"])
        if len(set(columns["id"])) < len(raw.lines) or goods > MAX_AMOUNT:
            return None
        lines = _lines(columns) if lines_matter else _summed(goods, reductions)
        order = _order(raw, _content(raw, lines, numbers.amounts))
    except (InvalidInput, msgspec.MsgspecError):
        return None
    return UsualOrder(order, order.stored(orjson.dumps(columns).decode()))


def _is_plain(content: bytes) -> bool:
    """Whether every text in it is printable ASCII, none begins with a space, and none is written with escapes.

    Then all are identifiers but for their length, and stand in the stored form as they are. Of the control
    characters JSON allows none in a text but DEL.
    """
    return content.isascii() and not (b"\\" in content or b'" ' in content or b"\x7f" in content)


def _columns(lines: list[_Line], numbers: "_Numbers") -> tuple[dict[str, list[Any]], int]:
    """The lines in their stored form, and what their discounts take off. Sorts them."""
    lines.sort(key=_id_of)
    columns: dict[str, list[Any]] = {
        "id": [line.id for line in lines],
        "article_id": [line.article_id for line in lines],
        "quantity": numbers.quantities.all_of([line.quantity for line in lines]),
        "amount": numbers.amounts.all_of([line.amount for line in lines]),
    }
    prices = [line.unit_price for line in lines]
    if prices.count(None) < len(prices):
        columns["unit_price"] = [None if price is None else numbers.prices[price] for price in prices]
    groups = [line.product_group_ids for line in lines]
    if any(groups):
        columns["product_group_ids"] = [_GROUPS[texts] if texts else None for texts in groups]
    discounts = [line.discounts for line in lines]
    if not any(discounts):
        return columns, 0
    amounts = numbers.amounts
    columns["discounts"] = taken = [_taken(parts, amounts) if parts else None for parts in discounts]
    return columns, sum([sum(parts) for parts in taken if parts])


def _taken(parts: list[_Reduction], amounts: "_Scaled") -> list[int]:
    """What discounts of a line take off. Mostly there is one."""
    return [amounts[parts[0].amount]] if len(parts) == 1 else sorted([amounts[part.amount] for part in parts])


def _lines(columns: Mapping[str, list[Any]]) -> tuple[Line, ...]:
    """What ``lines_of`` makes of them: usual lines have no other fields."""
    nothing: list[Any] = [None] * len(columns["id"])
    rows = zip(
        *(columns[name] for name in ("id", "article_id", "quantity", "amount")),
        *(columns.get(name, nothing) for name in ("unit_price", "product_group_ids", "discounts")),
        strict=True,
    )
    return tuple(
        [
            Line(
                id_,
                article_id,
                quantity,
                amount,
                unit_price=price,
                product_group_ids=tuple(groups or ()),
                discounts=tuple([Discount(taken) for taken in discounts or ()]),
            )
            for id_, article_id, quantity, amount, price, groups, discounts in rows
        ]
    )


def _summed(goods: int, reductions: int) -> tuple[Line]:
    """A line that comes to as much as many lines do. One without discounts if it can be: then many are alike."""
    if reductions <= goods:
        return (Line("", "", 0, goods - reductions),)
    return (Line("", "", 0, goods, discounts=(Discount(reductions),)),)


def _content(raw: _Order, lines: tuple[Line, ...], amounts: "_Scaled") -> OrderContent:
    surcharge, fee, payments = raw.minimum_order_surcharge, raw.delivery_fee, raw.payments or ()
    return OrderContent(
        lines=lines,
        minimum_order_surcharge=0 if surcharge is None else amounts[surcharge],
        delivery_fee=0 if fee is None else amounts[fee],
        payments=tuple(sorted([Payment(payment.kind, amounts[payment.amount]) for payment in payments])),
    )


def _order(raw: _Order, content: OrderContent) -> OrderDocument:
    return OrderDocument(
        external_id=raw.external_id,
        type=OrderType.SALE,
        status=raw.status,
        placed_at=instant("placedAt", raw.placed_at),
        currency=raw.currency,
        store=raw.store,
        entry_channel=raw.entry_channel,
        exit_channel=raw.exit_channel,
        customer=_customer(raw.customer),
        voucher_code=None,
        content=content,
    )


def _customer(raw: _Customer) -> Customer:
    email = None if raw.email is None else email_address("customer.email", raw.email)
    return Customer(raw.external_id, email, bool(raw.email_verified))


class _Scaled(dict[_Number, int]):
    """``money.scaled`` of what was asked before: prices and quantities repeat."""

    def __init__(self, field: str, places: int, maximum: int) -> None:
        super().__init__()
        self._arguments = field, places, maximum

    def __missing__(self, value: _Number) -> int:
        field, places, maximum = self._arguments
        if len(self) >= _REMEMBERED:
            self.clear()
        number = self[value] = scaled(field, value, places, maximum)
        return number

    def all_of(self, values: list[_Number]) -> list[int]:
        return [self[value] for value in values]


class _Numbers(NamedTuple):
    """What the numbers of lines mean in a currency."""

    amounts: _Scaled
    prices: _Scaled
    quantities: _Scaled


@cache
def _numbers(places: int) -> _Numbers:
    return _Numbers(
        _Scaled("amount", places, MAX_AMOUNT),
        _Scaled("unitPrice", places + UNIT_PRICE_PLACES, MAX_AMOUNT * 10**UNIT_PRICE_PLACES),
        _Scaled("quantity", QUANTITY_PLACES, MAX_QUANTITY),
    )


class _Groups(dict[tuple[str, ...], list[str]]):
    """Each once, in order. The groups of an article come with every line it is on."""

    def __missing__(self, texts: tuple[str, ...]) -> list[str]:
        if len(self) >= _REMEMBERED:
            self.clear()
        distinct = self[texts] = sorted(set(texts))
        return distinct


_GROUPS: Final = _Groups()
