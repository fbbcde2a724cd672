"""Orders as rows of CSV: one row per line item, the columns of the order repeated.

Columns are named by their path in the order document (``customer.externalId``, ``line.amount``) and may stand
in any order; an empty field counts as missing. Product groups are separated by ``|``. Of reductions there is one
of the order (``discount``) and one of each line (``line.discount``); an order with shop vouchers, payments or
more discounts needs JSON Lines.
"""

from collections.abc import Callable
from typing import Any, Final

from pointbook.domain.errors import InvalidInput
from pointbook.services.import_files import Heading
from pointbook.services.import_records import fields_of_row

KEY: Final = "externalId"

Setter = Callable[[dict[str, Any], str, str], None]


def _text(target: dict[str, Any], name: str, value: str) -> None:
    target[name] = value


def _truth(target: dict[str, Any], name: str, value: str) -> None:
    target[name] = {"true": True, "false": False}.get(value.lower(), value)


def _list(target: dict[str, Any], name: str, value: str) -> None:
    target[name] = value.split("|")


def _discount(target: dict[str, Any], _name: str, value: str) -> None:
    target["discounts"] = [{"amount": value}]


_ORDER: Final[dict[str, Setter]] = {
    **dict.fromkeys(("externalId", "type", "status", "placedAt", "currency", "store"), _text),
    **dict.fromkeys(("entryChannel", "exitChannel", "voucherCode", "minimumOrderSurcharge", "deliveryFee"), _text),
    "discount": _discount,
}
_CUSTOMER: Final[dict[str, Setter]] = {"externalId": _text, "email": _text, "emailVerified": _truth}
_LINE: Final[dict[str, Setter]] = {
    **dict.fromkeys(("id", "articleId", "variationId", "quantity", "unitPrice", "amount", "net", "tax"), _text),
    **dict.fromkeys(("parentLineId", "kind", "toppingGroupId"), _text),
    "productGroupIds": _list,
    "earns": _truth,
    "discount": _discount,
}
COLUMNS: Final = frozenset(
    [*_ORDER, *(f"customer.{name}" for name in _CUSTOMER), *(f"line.{name}" for name in _LINE)]
)


def order_of_rows(heading: Heading, content: bytes) -> dict[str, Any]:
    """The order document of the rows of one order, not yet checked.

    Raises InvalidInput when a row is not readable as one of this heading, or the rows contradict each other.
    """
    rows = [fields_of_row(heading, row) for row in content.split(b"\n")]
    order: dict[str, Any] = {"customer": {}, "lines": [{} for _ in rows]}
    for column in heading.columns:
        values = [row[column] for row in rows]
        if column.startswith("line."):
            name = column.removeprefix("line.")
            for line, value in zip(order["lines"], values, strict=True):
                _set(_LINE, line, name, value)
            continue
        if len(set(values)) > 1:
            raise InvalidInput(column, "differs between the rows of the order")
        if column.startswith("customer."):
            _set(_CUSTOMER, order["customer"], column.removeprefix("customer."), values[0])
        else:
            _set(_ORDER, order, column, values[0])
    return order


def _set(setters: dict[str, Setter], target: dict[str, Any], name: str, value: str) -> None:
    if value:
        setters[name](target, name, value)
