"""Descriptions for what cannot carry its own: enums of lower layers, and fields with a resolver."""

import enum
from collections.abc import Callable
from typing import Any, TypeVar, cast

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

Value = TypeVar("Value", bound=enum.Enum)
Resolver = TypeVar("Resolver", bound=Callable[..., Any])


def described_enum(kind: type[Value], description: str, *, name: str | None = None, **values: str) -> None:
    """Make ``kind`` an enum of the schema; ``values`` describes each of its members by name.

    Raises KeyError when a member has no description, so that a new one cannot be forgotten.
    """
    definition: StrawberryEnumDefinition = strawberry.enum(
        kind, name=name, description=description
    ).__strawberry_definition__  # type: ignore[attr-defined]
    for value in definition.values:
        value.description = values.pop(value.name)
    assert not values, f"{kind.__name__} has no {', '.join(values)}"


def described(description: str) -> Callable[[Resolver], Resolver]:
    """A field with a resolver; strawberry's own decorator hides the resolver's type."""
    return cast("Callable[[Resolver], Resolver]", strawberry.field(description=description))
