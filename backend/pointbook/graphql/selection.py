"""Looks ahead: which fields of an object a request selects, and with what arguments.

A field under @skip or @include counts as selected: at worst something is read that is not shown.
"""

from collections.abc import Iterator
from typing import Any

from graphql import (
    EnumValueNode,
    FieldNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    SelectionSetNode,
    StringValueNode,
    VariableNode,
)

from pointbook.graphql.context import Info


def selected(info: Info) -> Iterator[FieldNode]:
    """The fields selected inside the field that is being resolved, fragments expanded."""
    raw = info._raw_info  # noqa: SLF001  # strawberry's own view copies the whole tree
    for field in raw.field_nodes:
        if field.selection_set is not None:
            yield from _fields(field.selection_set, raw.fragments)


def argument(info: Info, field: FieldNode, name: str) -> Any:
    """The value of a plain argument as it was written or sent; None when it is absent or null."""
    for node in field.arguments or ():
        if node.name.value == name:
            value = node.value
            if isinstance(value, VariableNode):
                return info.variable_values.get(value.name.value)
            if isinstance(value, IntValueNode):
                return int(value.value)
            return value.value if isinstance(value, StringValueNode | EnumValueNode) else None
    return None


def _fields(selections: SelectionSetNode, fragments: Any) -> Iterator[FieldNode]:
    for node in selections.selections:
        if isinstance(node, FieldNode):
            yield node
        elif isinstance(node, InlineFragmentNode):
            yield from _fields(node.selection_set, fragments)
        elif isinstance(node, FragmentSpreadNode):
            yield from _fields(fragments[node.name.value].selection_set, fragments)
