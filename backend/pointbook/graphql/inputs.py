"""From input objects to the documents that the domain reads, and what several inputs share."""

import enum
from typing import Any
from uuid import UUID

from strawberry.types import has_object_definition

from pointbook.domain import text
from pointbook.domain.errors import RedemptionNotFound

IDEMPOTENCY_KEY = (
    "A name of this intention, 1 to 100 characters. Sent again with the same input, it has no second effect and "
    "gets the first answer; with another input it is a conflict."
)
MAX_IDEMPOTENCY_KEY = 100
_SEQ_DIGITS = 18


def document_of(value: object) -> Any:
    """An input object as the JSON document that it was, without what was left out.

    Decimals, instants and enums stay what the scalars made of them.
    """
    if isinstance(value, list):
        return [document_of(element) for element in value]
    if has_object_definition(value):
        found = {camel(field.name): getattr(value, field.name) for field in value.__strawberry_definition__.fields}
        return {name: document_of(part) for name, part in found.items() if part is not None}
    return value.value if isinstance(value, enum.Enum) else value


def idempotency_key(given: str) -> str:
    """Raises InvalidInput for a key that is empty, too long or no text."""
    return text.identifier("idempotencyKey", given, MAX_IDEMPOTENCY_KEY)


def entry_of(given: str) -> tuple[UUID, int] | None:
    """The account and the number of an entry by the id that a history shows; None for what cannot be one."""
    account, _, seq = given.partition("-")
    if not (len(seq) <= _SEQ_DIGITS and seq.isascii() and seq.isdigit()):
        return None
    try:
        return UUID(hex=account), int(seq)
    except ValueError:
        return None


def redemption_id(given: str) -> UUID:
    """Raises RedemptionNotFound for what cannot be the id of a redemption."""
    try:
        return UUID(hex=given)
    except ValueError:
        raise RedemptionNotFound from None


def camel(name: str) -> str:
    """As the schema writes a name."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
