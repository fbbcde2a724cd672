"""An order as WooCommerce's REST API and webhooks tell it, as an order document and documents that take it back.

What is read: ids, status, dates, the amounts with their taxes, coupons, and the sums of refunds. WooCommerce keeps
amounts and taxes apart; documents have them together, as the customer paid them.

- The document's total is WooCommerce's, and what a Pointbook voucher among the coupons paid of it.
- Fees are the surcharge, negative ones discounts; and what then still differs from the total (cents of rounding,
  a plugin's deduction), too.
- The order's refunds are known by their sums only. The first k of them together take back the share of every line
  and fee that their sum has of the total, and the k-th what that is more than before it; once they reach the
  total, everything. So each has the same document however often it is told.
- When an order got its status is when it was last changed. A cancelled order that is changed is cancelled again,
  which takes back what is left: nothing, or all of it if it had been completed in between. An order with refunds
  does not say when: its refunds stay, so it is not completed again as a whole.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final, NamedTuple

from pointbook.domain import currencies
from pointbook.domain.errors import InvalidInput
from pointbook.domain.money import Rounding, format_scaled
from pointbook.domain.reading import list_of
from pointbook.domain.text import email_address

ORDER_TOPICS: Final = frozenset({"order.created", "order.updated", "order.restored"})
"""Webhooks that bring an order. One that was deleted brings nothing but its id, and takes no points away."""
GUEST_PREFIX: Final = "guest:"
_DRAFTS: Final = frozenset({"auto-draft", "checkout-draft", "draft", "trash"})
_CANCELLED: Final = "cancelled"
_REFUNDED: Final = "refunded"
_VOUCHER: Final = re.compile(r"[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){2}", re.IGNORECASE)
_AMOUNT: Final = re.compile(r"-?[0-9]{1,13}(\.[0-9]{1,10})?")
_MOST: Final = 1_000
_MAX_ID: Final = 2**63 - 1
_MAX_CODE: Final = 128


class Documents(NamedTuple):
    """``returns`` in the order in which they take effect."""

    order: dict[str, Any]
    returns: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class _Amounts:
    """What documents say of an order, minor units. ``lines`` by their ids; ``paid`` is WooCommerce's total."""

    lines: Mapping[str, int]
    surcharge: int
    delivery_fee: int
    paid: int


def documents_of(payload: Mapping[str, Any]) -> Documents | None:
    """The documents of an order payload; None for a draft, and for an order without lines, which is one, too.

    Raises InvalidInput with the path of WooCommerce's field (``line_items[2].subtotal``).
    """
    order_id = str(_id("id", payload.get("id")))
    lines = list_of("line_items", payload.get("line_items"), _MOST, _object)
    if not lines or str(payload.get("status")) in _DRAFTS:
        return None
    places = currencies.exponent(payload.get("currency"))
    order, amounts = _order(order_id, payload, lines, places)
    currency = {"orderExternalId": order_id, "currency": payload["currency"]}
    returns = [{**currency, **document} for document in _returns(order_id, payload, amounts, places)]
    return Documents(order, tuple(returns))


def _order(
    order_id: str, payload: Mapping[str, Any], raw_lines: Sequence[Mapping[str, Any]], places: int
) -> tuple[dict[str, Any], _Amounts]:
    lines = [_line(f"line_items[{n}]", line, places) for n, line in enumerate(raw_lines)]
    voucher, voucher_value, coupons = _coupons(payload, places)
    fees = [_with_tax(f"fee_lines[{n}]", fee, "total", places) for n, fee in _objects(payload, "fee_lines")]
    shipping = _minor("shipping_total", payload.get("shipping_total"), places)
    shipping += _minor("shipping_tax", payload.get("shipping_tax"), places)
    paid = _minor("total", payload.get("total"), places)
    if paid < 0:
        raise InvalidInput("total", "must not be negative")
    goods = sum(line.amount for line in lines)
    known = goods + sum(fees) + shipping - sum(coupon.amount for coupon in coupons)
    extras = [*fees, min(0, shipping), paid + voucher_value - known]
    surcharge = sum(extra for extra in extras if extra > 0)
    discounts = [-extra for extra in extras if extra < 0]
    document = {
        "externalId": order_id,
        "type": "SALE",
        "status": payload.get("status"),
        "statusAt": None if payload.get("refunds") else _modified_at(payload),
        "placedAt": _utc(payload.get("date_created_gmt")),
        "currency": payload["currency"],
        "customer": _customer(order_id, payload),
        "lines": [line.document(places) for line in lines],
        "shopVouchers": [
            {"code": coupon.code, "amount": format_scaled(coupon.amount, places)} for coupon in coupons
        ],
        "discounts": [{"amount": format_scaled(amount, places)} for amount in discounts],
        "minimumOrderSurcharge": format_scaled(surcharge, places),
        "deliveryFee": format_scaled(max(0, shipping), places),
        "voucherCode": voucher,
    }
    by_id = {line.id: line.amount for line in lines}
    return document, _Amounts(by_id, surcharge, max(0, shipping), paid)


class _Line(NamedTuple):
    id: str
    article_id: str
    variation_id: str | None
    quantity: str
    amount: int
    net: int

    def document(self, places: int) -> dict[str, Any]:
        return {
            "id": self.id,
            "articleId": self.article_id,
            "variationId": self.variation_id,
            "quantity": self.quantity,
            "amount": format_scaled(self.amount, places),
            "net": format_scaled(self.net, places),
        }


class _Coupon(NamedTuple):
    code: str
    amount: int


def _line(field: str, line: Mapping[str, Any], places: int) -> _Line:
    """Before coupons, unless staff have raised its price afterwards."""
    with_tax = {name: _with_tax(field, line, name, places) for name in ("subtotal", "total")}
    basis = max(with_tax, key=lambda name: (with_tax[name], name == "subtotal"))
    amount = with_tax[basis]
    variation = line.get("variation_id") or None
    return _Line(
        str(_id(f"{field}.id", line.get("id"))),
        str(_id(f"{field}.product_id", line.get("product_id") or 0)),
        None if variation is None else str(_id(f"{field}.variation_id", variation)),
        _quantity(f"{field}.quantity", line.get("quantity")),
        amount,
        min(amount, _minor(f"{field}.{basis}", line.get(basis), places)),
    )


def _coupons(payload: Mapping[str, Any], places: int) -> tuple[str | None, int, list[_Coupon]]:
    """The first coupon that looks like a voucher of ours with what it took off, and all others."""
    voucher, value = None, 0
    others = []
    for n, coupon in _objects(payload, "coupon_lines"):
        field, code = f"coupon_lines[{n}]", coupon.get("code")
        if not isinstance(code, str):
            raise InvalidInput(f"{field}.code", "must be a text")
        amount = _minor(f"{field}.discount", coupon.get("discount"), places)
        amount += _minor(f"{field}.discount_tax", coupon.get("discount_tax"), places)
        if voucher is None and _VOUCHER.fullmatch(code):
            voucher, value = code.upper(), amount
        else:
            others.append(_Coupon(code[:_MAX_CODE], amount))
    return voucher, value, others


def _customer(order_id: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """A guest is a customer of this one order; nobody has proved the address."""
    customer_id = _id("customer_id", payload.get("customer_id") or 0)
    billing = payload.get("billing")
    customer: dict[str, Any] = {"externalId": str(customer_id) if customer_id else GUEST_PREFIX + order_id}
    try:
        customer["email"] = email_address("", billing.get("email") if isinstance(billing, Mapping) else None)
    except InvalidInput:
        return customer  # whoever has no good address has none
    return customer


def _returns(
    order_id: str, payload: Mapping[str, Any], amounts: _Amounts, places: int
) -> Iterable[dict[str, Any]]:
    refunds = sorted(_refund(f"refunds[{n}]", refund, places) for n, refund in _objects(payload, "refunds"))
    refunded = 0
    for refund_id, amount in refunds:
        before, refunded = refunded, refunded + amount
        if amount == 0 or before >= amounts.paid:
            continue
        content = {"everything": True} if refunded >= amounts.paid else _share(amounts, before, refunded, places)
        if content:
            yield {"externalId": f"wc-refund-{refund_id}", "type": "CREDIT_NOTE", **content}
    status, modified_at = payload.get("status"), _modified_at(payload)
    if status == _CANCELLED:
        document_id = f"wc-cancelled-{order_id}"
        if isinstance(modified_at, str):
            document_id += f"-{modified_at}"
        yield {"externalId": document_id, "type": "CANCELLATION", "returnedAt": modified_at}
    elif status == _REFUNDED and (refunded < amounts.paid or amounts.paid == 0):
        yield {"externalId": f"wc-refunded-{order_id}", "type": "CREDIT_NOTE", "everything": True}


def _refund(field: str, refund: Mapping[str, Any], places: int) -> tuple[int, int]:
    """Its id and its sum, which WooCommerce writes as a negative one."""
    return _id(f"{field}.id", refund.get("id")), abs(_minor(f"{field}.total", refund.get("total"), places))


def _share(amounts: _Amounts, before: int, refunded: int, places: int) -> dict[str, Any]:
    """What refunds of ``refunded`` take back more than those of ``before``, in the order's own amounts."""

    def part(amount: int) -> int:
        then, now = (Rounding.HALF_UP.ratio(amount * money, amounts.paid) for money in (before, refunded))
        return now - then

    lines = {line_id: part(amount) for line_id, amount in amounts.lines.items()}
    content: dict[str, Any] = {
        "lines": [{"id": id_, "amount": format_scaled(amount, places)} for id_, amount in lines.items() if amount],
        "minimumOrderSurcharge": part(amounts.surcharge),
        "deliveryFee": part(amounts.delivery_fee),
    }
    return {
        name: format_scaled(value, places) if isinstance(value, int) else value
        for name, value in content.items()
        if value
    }


def _with_tax(field: str, part: Mapping[str, Any], name: str, places: int) -> int:
    amount = _minor(f"{field}.{name}", part.get(name), places)
    return amount + _minor(f"{field}.{name}_tax", part.get(f"{name}_tax"), places)


def _minor(field: str, value: object, places: int) -> int:
    """An amount, which may be negative, in minor units, rounded commercially; 0 when there is none."""
    if value is None or value == "":
        return 0
    text = str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    if not _AMOUNT.fullmatch(text):
        raise InvalidInput(field, "must be an amount like 12.50")
    return int(Decimal(text).scaleb(places).quantize(Decimal(1), ROUND_HALF_UP))


def _quantity(field: str, value: object) -> str:
    """Plugins sell by weight: a number with a point, which says what it means as it is written."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise InvalidInput(field, "must be a number")


def _id(field: str, value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_ID:
        return value
    raise InvalidInput(field, "is required" if value is None else "must be a whole number")


def _modified_at(payload: Mapping[str, Any]) -> object:
    return _utc(payload.get("date_modified_gmt")) or None


def _utc(value: object) -> object:
    """WooCommerce writes UTC without saying so."""
    return f"{value}Z" if isinstance(value, str) and not value.endswith(("Z", "z")) else value


def _objects(payload: Mapping[str, Any], name: str) -> Iterable[tuple[int, Mapping[str, Any]]]:
    return enumerate(list_of(name, payload.get(name), _MOST, _object))


def _object(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidInput("", "must be an object")
    return value
