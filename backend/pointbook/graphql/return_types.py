"""The types of documents that take an order back, and what a programme lets them reverse."""

from collections.abc import Iterable
from typing import Self

import strawberry

from pointbook.domain.errors import InvalidInput
from pointbook.domain.return_types import ReturnType, TypeEffect, TypeEffects
from pointbook.graphql.described import described_enum

__all__ = ["EffectOfType", "EffectOfTypeInput", "ReturnType", "TypeEffect", "effects_document"]

described_enum(
    ReturnType,
    "What a document is that takes an order back.",
    CREDIT_NOTE="A credit note.",
    RETURN="A return.",
    REPAIR="A repair.",
    WARRANTY="A warranty case.",
    CANCELLATION="A cancellation: everything that is left of the order.",
)
described_enum(
    TypeEffect,
    "What a document that takes an order back reverses.",
    BOTH="The points earned and the points redeemed.",
    EARNING="The points earned only.",
    REDEMPTION="The points redeemed only.",
    NOTHING="Nothing.",
)


@strawberry.type(description="What return documents of a type reverse.")
class EffectOfType:
    type: ReturnType = strawberry.field(description="The type.")
    effect: TypeEffect = strawberry.field(description="What it reverses.")

    @classmethod
    def list_of(cls, effects: TypeEffects) -> list[Self]:
        return [cls(type=kind, effect=effect) for kind, effect in effects]


@strawberry.input(description="What return documents of a type reverse.")
class EffectOfTypeInput:
    type: ReturnType = strawberry.field(description="The type; a cancellation reverses both and is none of them.")
    effect: TypeEffect = strawberry.field(description="What it reverses.")


def effects_document(field: str, given: Iterable[EffectOfTypeInput]) -> dict[str, str]:
    """By type. Raises InvalidInput for a type that is named twice."""
    effects: dict[str, str] = {}
    for one in given:
        if one.type.value in effects:
            raise InvalidInput(field, f"has {one.type.value} twice")
        effects[one.type.value] = one.effect.value
    return effects
