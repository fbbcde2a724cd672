"""Reading an order document that a stranger wrote. Every refusal names the path of the field.

This is the hot path of an import: one pass, no Decimal, and paths are put together only when something is refused.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NoReturn

from pointbook.domain import currencies
from pointbook.domain.errors import CurrencyMismatch, InvalidInput
from pointbook.domain.money import MAX_AMOUNT, Rounding, scaled
from pointbook.domain.orders.document import Customer, OrderContent, OrderDocument, OrderType, Payment
from pointbook.domain.orders.lines import Discount, Line, LineKind
from pointbook.domain.reading import (
    instant,
    list_of,
    object_of,
    optional_truth,
)
from pointbook.domain.text import MAX_WORD, email_address, identifier, optional_identifier

MAX_LINES: Final = 1_000
MAX_PARTS: Final = 100
"""Discounts, shop vouchers, payments, product groups of a line: at most so many each."""
QUANTITY_PLACES: Final = 3
MAX_QUANTITY: Final = 10**6 * 10**QUANTITY_PLACES
UNIT_PRICE_PLACES: Final = 4
"""More places than the currency has: a litre of fuel costs 1.459."""
MAX_REMEMBERED: Final = 8
MAX_DEPTH: Final = 4
"""Topping of an article of a menu, and one more for shops that nest further."""

_HEAD_KEYS: Final = {
    *("externalId", "type", "status", "statusAt", "placedAt", "currency", "customer", "voucherCode"),
}
_PLACE_KEYS: Final = {"store", "entryChannel", "exitChannel"}
_CONTENT_KEYS: Final = {"lines", "discounts", "minimumOrderSurcharge", "deliveryFee", "shopVouchers", "payments"}
_ORDER_KEYS: Final = frozenset(_HEAD_KEYS | _PLACE_KEYS | _CONTENT_KEYS)
_CUSTOMER_KEYS: Final = frozenset({"externalId", "email", "emailVerified"})
_LINE_KEYS: Final = frozenset(
    {
        *("id", "articleId", "variationId", "productGroupIds", "quantity", "unitPrice", "amount", "net", "tax"),
        *("parentLineId", "kind", "toppingGroupId", "discounts", "earns"),
    }
)
_PRODUCT_KEYS: Final = frozenset(
    {
        *("articleId", "variationId", "productGroupIds", "kind", "toppingGroupId"),
        *("price", "netPrice", "quantity"),
    }
)
_LINE_DISCOUNT_KEYS: Final = frozenset({"amount", "code"})
_DISCOUNT_KEYS: Final = frozenset({"amount", "code", "lineIds"})
_VOUCHER_KEYS: Final = frozenset({"amount", "code", "lineIds", "type"})
_PAYMENT_KEYS: Final = frozenset({"kind", "amount", "giftCardCode", "withPoints"})


def parse_order(document: object, currency: str, content: OrderContent | None = None) -> OrderDocument:
    """Read an order document (camelCase keys; amounts as decimal texts or whole numbers) of a programme.

    A key with null counts as missing; one that is not known is refused, for it may be a misspelt one.
    ``content`` is given by whoever has read that part of the document already.
    Raises InvalidInput with the path of the field (``lines[3].amount``) and CurrencyMismatch.
    """
    raw = object_of("", document, _ORDER_KEYS) if isinstance(document, Mapping) else _not_an_order()
    get = raw.get
    external_id = identifier("externalId", get("externalId"))
    _order_type(get("type"))
    same_currency(get("currency"), currency)
    return OrderDocument(
        external_id=external_id,
        type=OrderType.SALE,
        status=identifier("status", get("status"), MAX_WORD),
        placed_at=instant("placedAt", get("placedAt")),
        currency=currency,
        store=optional_identifier("store", get("store")),
        entry_channel=optional_identifier("entryChannel", get("entryChannel"), MAX_WORD),
        exit_channel=optional_identifier("exitChannel", get("exitChannel"), MAX_WORD),
        customer=parse_customer(get("customer")),
        voucher_code=optional_identifier("voucherCode", get("voucherCode")),
        content=_content(raw, currencies.exponent(currency)) if content is None else content,
        status_at=None if get("statusAt") is None else instant("statusAt", get("statusAt")),
    )


def parse_product(document: object, currency: str) -> Line:
    """The line that a product becomes when it is bought (camelCase keys); ``quantity`` is 1 unless it says so.

    ``price`` and ``netPrice`` are of one and may have more places than the currency: the line's amount is rounded
    commercially. Raises InvalidInput naming the field.
    """
    raw = object_of("", document, _PRODUCT_KEYS)
    places = currencies.exponent(currency)
    price = _unit_price("price", raw.get("price"), places)
    net_price = None if raw.get("netPrice") is None else _unit_price("netPrice", raw["netPrice"], places)
    if net_price is not None and net_price > price:
        raise InvalidInput("netPrice", "must be at most the price")
    bought = {key: value for key, value in raw.items() if key not in {"price", "netPrice"}}
    quantity = 1 if raw.get("quantity") is None else raw["quantity"]
    line = _line({**bought, "id": "1", "quantity": quantity, "amount": 0}, places)
    amount = _cost(price, line.quantity)
    if amount > MAX_AMOUNT:
        raise InvalidInput("quantity", "costs more than a line of an order may")
    return line._replace(amount=amount, net=None if net_price is None else _cost(net_price, line.quantity))


def _cost(unit_price: int, quantity: int) -> int:
    return Rounding.HALF_UP.ratio(unit_price * quantity, 10 ** (UNIT_PRICE_PLACES + QUANTITY_PLACES))


def _not_an_order() -> NoReturn:
    raise InvalidInput("order", "must be an object")


def _order_type(value: object) -> None:
    if identifier("type", value, MAX_WORD) != OrderType.SALE:
        raise InvalidInput("type", "must be SALE: documents of another type are not taken")


def same_currency(value: object, currency: str) -> None:
    """Raise CurrencyMismatch unless a document is in the programme's ``currency``."""
    given = identifier("currency", value, MAX_WORD)
    if given != currency:
        raise CurrencyMismatch(currency, given)


def parse_customer(value: object) -> Customer:
    """The ``customer`` of a document. Raises InvalidInput naming the field."""
    raw = object_of("customer", value, _CUSTOMER_KEYS)
    email = raw.get("email")
    return Customer(
        identifier("customer.externalId", raw.get("externalId")),
        None if email is None else email_address("customer.email", email),
        optional_truth("customer.emailVerified", raw.get("emailVerified"), default=False),
    )


def _content(raw: Mapping[str, Any], places: int) -> OrderContent:
    get = raw.get
    lines = list_of("lines", get("lines"), MAX_LINES, lambda line: _line(line, places))
    ids = _checked_ids(lines)
    content = OrderContent(
        lines=tuple(sorted(lines, key=_line_id)),
        discounts=_discounts("discounts", get("discounts"), _DISCOUNT_KEYS, places, ids),
        shop_vouchers=_discounts("shopVouchers", get("shopVouchers"), _VOUCHER_KEYS, places, ids),
        minimum_order_surcharge=optional_amount("minimumOrderSurcharge", get("minimumOrderSurcharge"), places),
        delivery_fee=optional_amount("deliveryFee", get("deliveryFee"), places),
        payments=_payments(get("payments"), places),
    )
    if content.goods > MAX_AMOUNT:
        raise InvalidInput("lines", "cost more together than an order may")
    return content


def _line(value: object, places: int) -> Line:
    """Arguments by position and no call for what is missing: of all functions here this one runs most often."""
    raw = object_of("", value, _LINE_KEYS)
    get = raw.get
    amount = scaled("amount", get("amount"), places, MAX_AMOUNT)
    net, tax = get("net"), get("tax")
    price, kind, earns = get("unitPrice"), get("kind"), get("earns")
    variation, parent, topping_group = get("variationId"), get("parentLineId"), get("toppingGroupId")
    groups, discounts = get("productGroupIds"), get("discounts")
    return Line(
        identifier("id", get("id")),
        identifier("articleId", get("articleId")),
        scaled("quantity", get("quantity"), QUANTITY_PLACES, MAX_QUANTITY),
        amount,
        None if net is None and tax is None else _net(net, tax, amount, places),
        None if price is None else _unit_price("unitPrice", price, places),
        None if variation is None else identifier("variationId", variation),
        () if groups is None else _identifiers("productGroupIds", groups, MAX_PARTS),
        None if parent is None else identifier("parentLineId", parent),
        LineKind.ITEM if kind is None else _kind(kind),
        None if topping_group is None else identifier("toppingGroupId", topping_group),
        () if discounts is None else _discounts("discounts", discounts, _LINE_DISCOUNT_KEYS, places),
        earns is None or optional_truth("earns", earns, default=True),
    )


def _net(net: object, tax: object, amount: int, places: int) -> int | None:
    """What the shop says, or the amount without the tax it says; None when it says neither."""
    if net is not None:
        return scaled("net", net, places, amount)
    return None if tax is None else amount - scaled("tax", tax, places, amount)


def _unit_price(field: str, value: object, places: int) -> int:
    return scaled(field, value, places + UNIT_PRICE_PLACES, MAX_AMOUNT * 10**UNIT_PRICE_PLACES)


def optional_amount(field: str, value: object, places: int) -> int:
    """Minor units; 0 for None."""
    return 0 if value is None else scaled(field, value, places, MAX_AMOUNT)


def _kind(value: object) -> LineKind:
    if isinstance(value, str) and value in LineKind.__members__:
        return LineKind(value)
    raise InvalidInput("kind", "must be ITEM, MENU or TOPPING")


def _identifiers(field: str, value: object, maximum: int) -> tuple[str, ...]:
    """Each once, in order: it says nothing how the shop ordered or repeated them."""
    if isinstance(value, list) and len(value) <= MAX_REMEMBERED and all(type(text) is str for text in value):
        return _remembered(field, tuple(value))
    return tuple(sorted(set(list_of(field, value, maximum, _element))))


@lru_cache(maxsize=2_048)
def _remembered(field: str, texts: tuple[str, ...]) -> tuple[str, ...]:
    """The groups of an article come with every line it is on."""
    return tuple(sorted(set(list_of(field, texts, MAX_REMEMBERED, _element))))


def _element(value: object) -> str:
    return identifier("", value)


def _line_id(line: Line) -> str:
    return line.id


def _checked_ids(lines: Sequence[Line]) -> frozenset[str]:
    """The ids of the lines: at least one, none twice, and every parent is another line, not its own descendant."""
    if not lines:
        raise InvalidInput("lines", "must be a list of at least one line")
    ids = frozenset([line.id for line in lines])
    if len(ids) < len(lines):
        refuse_repeated([line.id for line in lines])
    parents = {line.id: line.parent_line_id for line in lines if line.parent_line_id is not None}
    if parents:
        _check_parents(lines, ids, parents)
    return ids


def refuse_repeated(ids: Sequence[str]) -> NoReturn:
    """Say which line has the id of another one before it."""
    first: dict[str, int] = {}
    twice = next(i for i, line_id in enumerate(ids) if first.setdefault(line_id, i) != i)
    raise InvalidInput(f"lines[{twice}].id", "is the id of another line too")


def _check_parents(lines: Sequence[Line], ids: Collection[str], parents: Mapping[str, str]) -> None:
    for i, line in enumerate(lines):
        ancestor = line.parent_line_id
        if ancestor is not None and ancestor not in ids:
            raise InvalidInput(f"lines[{i}].parentLineId", "is not the id of a line")
        for _ in range(MAX_DEPTH):
            ancestor = None if ancestor is None else parents.get(ancestor)
        if ancestor is not None:
            raise InvalidInput(f"lines[{i}].parentLineId", f"has more than {MAX_DEPTH} lines above it, or itself")


def _discounts(
    field: str, value: object, known: frozenset[str], places: int, ids: Collection[str] = ()
) -> tuple[Discount, ...]:
    """Reductions of a line, of an order, or by shop vouchers: the three differ in which keys they know."""
    parts = list_of(field, value, MAX_PARTS, lambda part: _discount(part, known, places, ids))
    return tuple(sorted(parts, key=_discount_order)) if len(parts) > 1 else tuple(parts)


def _discount(value: object, known: frozenset[str], places: int, ids: Collection[str]) -> Discount:
    raw = object_of("", value, known)
    get = raw.get
    amount = scaled("amount", get("amount"), places, MAX_AMOUNT)
    code, line_ids, type_ = get("code"), get("lineIds"), get("type")
    return Discount(
        amount,
        () if line_ids is None else _line_ids(line_ids, ids),
        identifier("code", code) if code is not None or known is _VOUCHER_KEYS else None,
        None if type_ is None else identifier("type", type_, MAX_WORD),
    )


def _line_ids(value: object, ids: Collection[str]) -> tuple[str, ...]:
    line_ids = _identifiers("lineIds", value, MAX_LINES)
    if not all(line_id in ids for line_id in line_ids):
        raise InvalidInput("lineIds", "must be ids of lines of this order")
    return line_ids


def _discount_order(discount: Discount) -> tuple[str, str, tuple[str, ...], int]:
    return discount.code or "", discount.type or "", discount.line_ids, discount.amount


def _payments(value: object, places: int) -> tuple[Payment, ...]:
    payments = list_of("payments", value, MAX_PARTS, lambda part: _payment(part, places))
    return tuple(sorted(payments, key=_payment_order))


def _payment_order(payment: Payment) -> tuple[str, int, str, bool]:
    return payment.kind, payment.amount, payment.gift_card_code or "", payment.with_points


def _payment(value: object, places: int) -> Payment:
    get = object_of("", value, _PAYMENT_KEYS).get
    return Payment(
        identifier("kind", get("kind"), MAX_WORD),
        scaled("amount", get("amount"), places, MAX_AMOUNT),
        optional_identifier("giftCardCode", get("giftCardCode"), MAX_WORD),
        with_points=optional_truth("withPoints", get("withPoints"), default=False),
    )
