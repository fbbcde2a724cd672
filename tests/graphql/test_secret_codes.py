"""What a request may say of codes that are money is known by name; a later input is looked at here."""

from collections.abc import Iterator
from typing import Any

from graphql import GraphQLInputObjectType, GraphQLObjectType, get_named_type

from pointbook.graphql.schema import build_schema
from pointbook.graphql.secret_codes import ARGUMENT, FIELDS

OPEN = {"DiscountInput.code", "LineDiscountInput.code", "ShopVoucherInput.code"}
"""The shop's own codes, which anybody may put into a cart."""


def _inputs(arguments: dict[str, Any], seen: set[str]) -> Iterator[str]:
    """Every field of the inputs that may be sent, by the name of its type."""
    for argument in arguments.values():
        kind = get_named_type(argument.type)
        if isinstance(kind, GraphQLInputObjectType) and kind.name not in seen:
            seen.add(kind.name)
            yield from (f"{kind.name}.{name}" for name in kind.fields)
            yield from _inputs(kind.fields, seen)


def test_every_code_that_a_query_or_a_subscription_takes_is_secret_or_named_here() -> None:
    schema = build_schema()._schema
    objects = [kind for kind in schema.type_map.values() if isinstance(kind, GraphQLObjectType)]
    arguments = [
        field.args for kind in objects if kind is not schema.mutation_type for field in kind.fields.values()
    ]
    named = {name for given in arguments for name in given if "code" in name.lower()}
    assert named == {ARGUMENT}
    seen: set[str] = set()
    inputs = {name for given in arguments for name in _inputs(given, seen)}
    codes = {name for name in inputs if "code" in name.partition(".")[2].lower()} - OPEN
    assert {name.partition(".")[2] for name in codes} <= FIELDS
    assert codes
