"""The order document: what a shop reports of a sale (``parse_order``), and how it is kept.

Amounts are gross minor units of the programme's currency. Nothing here knows settings or points.
"""

from pointbook.domain.orders.document import (
    Customer,
    OrderContent,
    OrderDocument,
    OrderType,
    Payment,
    StoredOrder,
)
from pointbook.domain.orders.lines import Discount, Line, LineKind
from pointbook.domain.orders.reading import QUANTITY_PLACES, parse_customer, parse_order, parse_product

__all__ = [
    "QUANTITY_PLACES",
    "Customer",
    "Discount",
    "Line",
    "LineKind",
    "OrderContent",
    "OrderDocument",
    "OrderType",
    "Payment",
    "StoredOrder",
    "parse_customer",
    "parse_order",
    "parse_product",
]
