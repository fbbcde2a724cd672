"""Order documents as they are told to others: what ``parse_order`` reads is what was written here."""

from collections.abc import Iterable
from typing import Any

from pointbook.domain.money import format_scaled
from pointbook.domain.orders.document import OrderContent, Payment
from pointbook.domain.orders.lines import Discount, Line, LineKind
from pointbook.domain.orders.reading import QUANTITY_PLACES, UNIT_PRICE_PLACES


def content_document(content: OrderContent, places: int) -> dict[str, Any]:
    """The part of an order document that its content is read from; what has its default is left out.

    Amounts are decimal texts in the currency's main unit, which has ``places`` decimals.
    """
    document = {
        "lines": [_line(line, places) for line in content.lines],
        "discounts": _discounts(content.discounts, places),
        "shopVouchers": _discounts(content.shop_vouchers, places),
        "minimumOrderSurcharge": _amount(content.minimum_order_surcharge, places),
        "deliveryFee": _amount(content.delivery_fee, places),
        "payments": [_payment(payment, places) for payment in content.payments],
    }
    return {name: value for name, value in document.items() if value}


def _payment(payment: Payment, places: int) -> dict[str, Any]:
    document: dict[str, Any] = {"kind": payment.kind, "amount": format_scaled(payment.amount, places)}
    return document | {"withPoints": True} if payment.with_points else document


def _line(line: Line, places: int) -> dict[str, Any]:
    document = {
        "id": line.id,
        "articleId": line.article_id,
        "quantity": format_scaled(line.quantity, QUANTITY_PLACES),
        "amount": format_scaled(line.amount, places),
        "net": None if line.net is None else format_scaled(line.net, places),
        "unitPrice": None
        if line.unit_price is None
        else format_scaled(line.unit_price, places + UNIT_PRICE_PLACES),
        "variationId": line.variation_id,
        "productGroupIds": list(line.product_group_ids) or None,
        "parentLineId": line.parent_line_id,
        "kind": None if line.kind is LineKind.ITEM else line.kind.value,
        "toppingGroupId": line.topping_group_id,
        "discounts": _discounts(line.discounts, places) or None,
        "earns": None if line.earns else False,
    }
    return {name: value for name, value in document.items() if value is not None}


def _discounts(discounts: Iterable[Discount], places: int) -> list[dict[str, Any]]:
    return [_discount(discount, places) for discount in discounts]


def _discount(discount: Discount, places: int) -> dict[str, Any]:
    document = {
        "amount": format_scaled(discount.amount, places),
        "code": discount.code,
        "type": discount.type,
        "lineIds": list(discount.line_ids) or None,
    }
    return {name: value for name, value in document.items() if value is not None}


def _amount(amount: int, places: int) -> str | None:
    return format_scaled(amount, places) if amount else None
