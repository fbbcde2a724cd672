"""Codes that are money to whoever has them, in what a request says.

The address of a GET stands in the logs of every proxy on its way, and in what a browser remembers. So whoever asks
by a code of a gift card or a voucher asks by POST.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from graphql import ArgumentNode, DocumentNode, NullValueNode, ObjectFieldNode, Visitor, visit

ARGUMENT: Final = "code"
FIELDS: Final = frozenset({"voucherCode", "giftCardCode"})
"""Of inputs."""


def names_a_code(document: DocumentNode) -> bool:
    """Whether a document asks by a code, in its own text or in a variable that is nothing but the code."""
    found = _Codes()
    visit(document, found)
    return found.any


def tell_a_code(variables: Mapping[str, object]) -> bool:
    """Whether a code is in an input that is a variable as a whole."""
    return any(name in FIELDS and value is not None for name, value in _fields(variables))


class _Codes(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.any = False

    def enter_argument(self, node: ArgumentNode, *_: object) -> None:
        self.any |= node.name.value == ARGUMENT

    def enter_object_field(self, node: ObjectFieldNode, *_: object) -> None:
        self.any |= node.name.value in FIELDS and not isinstance(node.value, NullValueNode)


def _fields(value: object) -> Iterator[tuple[str, object]]:
    """Of all objects in a JSON value, which is not deeper than JSON is read."""
    pending = [value]
    while pending:
        part = pending.pop()
        if isinstance(part, Mapping):
            yield from part.items()
            pending.extend(part.values())
        elif isinstance(part, list):
            pending.extend(part)
