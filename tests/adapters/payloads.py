"""Orders as the published schema of WooCommerce's REST API (v3) has them, made for tests."""

from decimal import Decimal
from typing import Any

Payload = dict[str, Any]


def line(line_id: int = 1, amount: str = "50.00", **more: Any) -> Payload:
    """A line without coupons; ``amount`` without its tax."""
    return {
        "id": line_id,
        "name": f"Tea {line_id}",
        "product_id": 100 + line_id,
        "variation_id": 0,
        "quantity": 1,
        "tax_class": "",
        "subtotal": amount,
        "subtotal_tax": "0.00",
        "total": amount,
        "total_tax": "0.00",
        "taxes": [],
        "meta_data": [{"id": 1, "key": "_reduced_stock", "value": "1"}],
        "sku": "",
        "price": float(amount),
        **more,
    }


def coupon(code: str, discount: str, tax: str = "0.00") -> Payload:
    return {"id": 9, "code": code, "discount": discount, "discount_tax": tax, "meta_data": []}


def fee(total: str, tax: str = "0.00") -> Payload:
    return {"id": 8, "name": "Fee", "tax_class": "", "total": total, "total_tax": tax, "taxes": []}


def refund(refund_id: int, amount: str) -> Payload:
    return {"id": refund_id, "reason": "", "total": f"-{amount}"}


def order(order_id: int = 700, *, status: str = "processing", customer: int = 7, **more: Any) -> Payload:
    """An order of one line of 50.00, unless ``more`` says otherwise; its total is that of its parts."""
    parts: Payload = {
        "line_items": [line()],
        "fee_lines": [],
        "shipping_total": "0.00",
        "shipping_tax": "0.00",
        "coupon_lines": [],
        "refunds": [],
        **more,
    }
    return {
        "id": order_id,
        "parent_id": 0,
        "number": f"{order_id}",
        "order_key": "wc_order_x",
        "created_via": "checkout",
        "version": "10.3.4",
        "status": status,
        "currency": "EUR",
        "date_created": "2026-03-01T09:30:00",
        "date_created_gmt": "2026-03-01T08:30:00",
        "date_modified_gmt": "2026-03-01T08:31:00",
        "total": total_of(parts),
        "prices_include_tax": True,
        "customer_id": customer,
        "billing": {"first_name": "Clara", "email": "clara@example.com", "phone": ""},
        "shipping": {"first_name": "Clara"},
        "payment_method": "bacs",
        "meta_data": [],
        "tax_lines": [],
        "shipping_lines": [],
        **parts,
    }


def total_of(parts: Payload) -> str:
    """As WooCommerce adds it up: lines and fees after coupons, shipping, taxes."""
    bearing = [*parts["line_items"], *parts["fee_lines"]]
    figures = [part[name] for part in bearing for name in ("total", "total_tax")]
    return str(sum(map(Decimal, [*figures, parts["shipping_total"], parts["shipping_tax"]]), Decimal("0.00")))
