"""The types of documents that take an order back, and what each of them reverses (R23)."""

import enum
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from pointbook.domain.errors import InvalidInput
from pointbook.domain.text import shown
from pointbook.domain.values import choice


class ReturnType(enum.StrEnum):
    """What a return document may be."""

    CREDIT_NOTE = "CREDIT_NOTE"
    RETURN = "RETURN"
    REPAIR = "REPAIR"
    WARRANTY = "WARRANTY"
    CANCELLATION = "CANCELLATION"
    """Everything that is left of the order (R28)."""


class TypeEffect(enum.StrEnum):
    """What a document reverses: the points earned, the points redeemed."""

    BOTH = "BOTH"
    EARNING = "EARNING"
    REDEMPTION = "REDEMPTION"
    NOTHING = "NOTHING"

    @property
    def reverses_earning(self) -> bool:
        return self in (TypeEffect.BOTH, TypeEffect.EARNING)

    @property
    def reverses_redemption(self) -> bool:
        return self in (TypeEffect.BOTH, TypeEffect.REDEMPTION)


TypeEffects: TypeAlias = tuple[tuple[ReturnType, TypeEffect], ...]
"""Each mapped type with its effect, in the order of ``MAPPED``."""

MAPPED: Final = (ReturnType.CREDIT_NOTE, ReturnType.RETURN, ReturnType.REPAIR, ReturnType.WARRANTY)
"""A programme says what these reverse. A cancellation leaves nothing of an order: there is nothing to choose."""
ALL_BOTH: Final[TypeEffects] = tuple((kind, TypeEffect.BOTH) for kind in MAPPED)


def effect_of(effects: TypeEffects, kind: ReturnType, *, by_hand: bool) -> TypeEffect:
    """What a document reverses. One that was sent by hand reverses both, whatever the programme says of its type.

    >>> warranty = read_type_effects("typeEffects", {"WARRANTY": "NOTHING"}, "EUR")
    >>> effect_of(warranty, ReturnType.WARRANTY, by_hand=False).value
    'NOTHING'
    >>> effect_of(warranty, ReturnType.WARRANTY, by_hand=True).value
    'BOTH'
    """
    return TypeEffect.BOTH if by_hand else dict(effects).get(kind, TypeEffect.BOTH)


def read_type_effects(field: str, value: object, currency: str) -> TypeEffects:
    """An effect by type (``{"WARRANTY": "NOTHING"}``), both for one that is not named; else InvalidInput."""
    if not isinstance(value, Mapping):
        raise InvalidInput(field, "must be an object with the effect of each type")
    for name in value:
        if name not in MAPPED:
            raise InvalidInput(f"{field}.{shown(name)}", f"is none of the types {', '.join(MAPPED)}")
    read = choice(TypeEffect)
    return tuple(
        (kind, TypeEffect(read(f"{field}.{kind}", value.get(kind, TypeEffect.BOTH), currency))) for kind in MAPPED
    )


def write_type_effects(effects: TypeEffects, _currency: str) -> dict[str, Any]:
    return {kind.value: effect.value for kind, effect in effects}
