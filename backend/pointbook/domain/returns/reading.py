"""Reading a return document that a stranger wrote. Every refusal names the path of the field."""

from collections.abc import Mapping
from typing import Any, Final

from pointbook.domain import currencies
from pointbook.domain.errors import InvalidInput
from pointbook.domain.money import MAX_AMOUNT, scaled
from pointbook.domain.orders.reading import (
    MAX_LINES,
    MAX_QUANTITY,
    QUANTITY_PLACES,
    optional_amount,
    refuse_repeated,
    same_currency,
)
from pointbook.domain.reading import instant, list_of, object_of, optional_truth
from pointbook.domain.return_types import ReturnType
from pointbook.domain.returns.document import ReturnContent, ReturnDocument, ReturnedLine
from pointbook.domain.text import MAX_WORD, identifier, optional_identifier

_HEAD_KEYS: Final = {"externalId", "type", "orderExternalId", "status", "returnedAt", "currency"}
_CONTENT_KEYS: Final = {"lines", "minimumOrderSurcharge", "deliveryFee", "everything"}
_RETURN_KEYS: Final = frozenset(_HEAD_KEYS | _CONTENT_KEYS)
_LINE_KEYS: Final = frozenset({"id", "quantity", "amount"})


def parse_return(document: object, currency: str) -> ReturnDocument:
    """Read a return document (camelCase keys; amounts as decimal texts or whole numbers) of a programme.

    A key with null counts as missing; one that is not known is refused, for it may be a misspelt one.
    Whether the order has what is returned is not asked here.
    Raises InvalidInput with the path of the field (``lines[3].amount``) and CurrencyMismatch.
    """
    if not isinstance(document, Mapping):
        raise InvalidInput("return", "must be an object")
    raw = object_of("", document, _RETURN_KEYS)
    get = raw.get
    external_id = identifier("externalId", get("externalId"))
    kind = _type(get("type"))
    same_currency(get("currency"), currency)
    returned_at = get("returnedAt")
    return ReturnDocument(
        external_id=external_id,
        type=kind,
        order_external_id=identifier("orderExternalId", get("orderExternalId")),
        status=optional_identifier("status", get("status"), MAX_WORD),
        returned_at=None if returned_at is None else instant("returnedAt", returned_at),
        currency=currency,
        content=_content(raw, kind, currencies.exponent(currency)),
    )


def _type(value: object) -> ReturnType:
    if isinstance(value, str) and value in ReturnType.__members__:
        return ReturnType(value)
    raise InvalidInput("type", "is required" if value is None else f"must be one of {', '.join(ReturnType)}")


def _content(raw: Mapping[str, Any], kind: ReturnType, places: int) -> ReturnContent:
    get = raw.get
    lines = list_of("lines", get("lines"), MAX_LINES, lambda line: _line(line, places))
    ids = [line.id for line in lines]
    if len(set(ids)) < len(ids):
        refuse_repeated(ids)
    cancelled = kind is ReturnType.CANCELLATION
    content = ReturnContent(
        lines=tuple(sorted(lines, key=lambda line: line.id)),
        minimum_order_surcharge=optional_amount("minimumOrderSurcharge", get("minimumOrderSurcharge"), places),
        delivery_fee=optional_amount("deliveryFee", get("deliveryFee"), places),
        everything=optional_truth("everything", get("everything"), default=cancelled),
    )
    if cancelled and not content.everything:
        raise InvalidInput("everything", "must not be false: a cancellation leaves nothing of an order")
    named = bool(content.lines or content.minimum_order_surcharge or content.delivery_fee)
    if named and content.everything:
        raise InvalidInput("everything", "leaves no lines or fees to name")
    if not (named or content.everything):
        raise InvalidInput("lines", "must name what is returned, unless it is a fee or everything")
    return content


def _line(value: object, places: int) -> ReturnedLine:
    get = object_of("", value, _LINE_KEYS).get
    quantity, amount = get("quantity"), get("amount")
    line = ReturnedLine(
        identifier("id", get("id")),
        None if quantity is None else scaled("quantity", quantity, QUANTITY_PLACES, MAX_QUANTITY),
        None if amount is None else scaled("amount", amount, places, MAX_AMOUNT),
    )
    if line.quantity == 0:
        raise InvalidInput("quantity", "must be more than 0; leave it out where only money is returned")
    if line.amount == 0 and line.quantity is None:
        raise InvalidInput("amount", "must be more than 0 where no quantity is returned")
    return line
