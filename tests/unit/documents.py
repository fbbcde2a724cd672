"""Order documents and settings with only what a test talks about."""

from typing import Any

from pointbook.domain.orders import Line, OrderContent, OrderDocument, parse_order, parse_product
from pointbook.domain.programme_settings import ProgrammeSettings


def line(number: int, amount: str, **more: Any) -> dict[str, Any]:
    return {"id": f"L{number}", "articleId": f"A{number}", "quantity": 1, "amount": amount, **more}


def order(*lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A sale in EUR; without ``lines`` of one line of 10.00. A value of None leaves the key out."""
    document = {
        "externalId": "O-1",
        "type": "SALE",
        "status": "goods booked out",
        "placedAt": "2026-03-01T10:00:00Z",
        "currency": "EUR",
        "customer": {"externalId": "4711"},
        "lines": list(lines) or [line(1, "10.00")],
        **more,
    }
    return {key: value for key, value in document.items() if value is not None}


def parsed(*lines: dict[str, Any], **more: Any) -> OrderDocument:
    return parse_order(order(*lines, **more), "EUR")


def content(*lines: dict[str, Any], **more: Any) -> OrderContent:
    return parsed(*lines, **more).content


def amounts(*sums: str) -> OrderContent:
    """An order with a line for each amount."""
    return content(*(line(i, amount) for i, amount in enumerate(sums)))


def line_of(**product: Any) -> Line:
    """What a product becomes when one of it is bought."""
    return parse_product({"articleId": "A", **product}, "EUR")


def settings(currency: str = "EUR", /, **document: Any) -> ProgrammeSettings:
    return ProgrammeSettings.from_document(document, currency)


def loyalista(**document: Any) -> ProgrammeSettings:
    """Preset L of the examples, as far as it concerns one order."""
    return settings(**{"revenuePerPoint": "1.00", "valuePerPoint": "0.05", "basePointsPerOrder": 10, **document})
