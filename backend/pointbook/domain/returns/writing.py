"""Return documents as they are told to others: what ``parse_return`` reads is what was written here."""

from typing import Any

from pointbook.domain.money import format_scaled
from pointbook.domain.orders.reading import QUANTITY_PLACES
from pointbook.domain.returns.document import ReturnContent, ReturnedLine


def content_document(content: ReturnContent, places: int) -> dict[str, Any]:
    """The part of a return document that its content is read from; what has its default is left out.

    Amounts are decimal texts in the currency's main unit, which has ``places`` decimals.
    """
    document: dict[str, Any] = {"lines": [_line(line, places) for line in content.lines]}
    if content.minimum_order_surcharge:
        document["minimumOrderSurcharge"] = format_scaled(content.minimum_order_surcharge, places)
    if content.delivery_fee:
        document["deliveryFee"] = format_scaled(content.delivery_fee, places)
    if content.everything:
        document["everything"] = True
    return {name: value for name, value in document.items() if value}


def _line(line: ReturnedLine, places: int) -> dict[str, Any]:
    document: dict[str, Any] = {"id": line.id}
    if line.quantity is not None:
        document["quantity"] = format_scaled(line.quantity, QUANTITY_PLACES)
    if line.amount is not None:
        document["amount"] = format_scaled(line.amount, places)
    return document
