"""Reading what strangers write: objects, lists, truths and instants. Every refusal names its field.

A reader of an element names fields as it sees them; ``list_of`` and ``InvalidInput.under`` complete the path.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from pointbook.domain.errors import InvalidInput
from pointbook.domain.text import shown

_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 2999
_RFC_3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)

_OBJECT: Final = (dict, Mapping)  # the first is what JSON gives, and much the cheaper to ask for
_LIST: Final = (list, tuple)

Part = TypeVar("Part")


def object_of(field: str, value: object, known: frozenset[str]) -> Mapping[str, Any]:
    """An object without keys that are not ``known``: one may be a misspelt one, and must not be lost silently."""
    if not isinstance(value, _OBJECT):
        raise InvalidInput(field, "is required" if value is None else "must be an object")
    if not known.issuperset(value):
        unknown = InvalidInput(shown(next(key for key in value if key not in known)), "is not a known field")
        raise unknown.under(field) if field else unknown
    return value


def list_of(field: str, value: object, maximum: int, read: Callable[[Any], Part]) -> list[Part]:
    """Every element of a list, read; None is an empty list."""
    if value is None:
        return []
    if not isinstance(value, _LIST) or len(value) > maximum:
        raise InvalidInput(field, f"must be a list of at most {maximum}")
    parts: list[Part] = []
    try:
        for element in value:
            parts.append(read(element))  # noqa: PERF401  # its length says which element was refused
    except InvalidInput as refusal:
        raise refusal.under(f"{field}[{len(parts)}]") from None
    return parts


def truth(field: str, value: object) -> bool:
    """True or false, nothing else."""
    if not isinstance(value, bool):
        raise InvalidInput(field, "must be true or false")
    return value


def optional_truth(field: str, value: object, *, default: bool) -> bool:
    """True or false; ``default`` for None."""
    return default if value is None else truth(field, value)


def instant(field: str, value: object) -> datetime:
    """An instant in UTC, from RFC 3339 text with an offset or an aware datetime; else InvalidInput.

    Its year lies in 1970 to 2999. Digits beyond microseconds are dropped.

    >>> instant("placedAt", "2026-03-01T10:00:00+01:00").isoformat()
    '2026-03-01T09:00:00+00:00'
    """
    found = value if isinstance(value, datetime) else None
    if isinstance(value, str) and _RFC_3339.fullmatch(value):
        try:
            found = datetime.fromisoformat(value.upper())
        except ValueError:
            found = None
    if found is None or found.utcoffset() is None:
        reason = (
            "is required" if value is None else "must be an instant with its offset, like 2026-03-01T10:00:00Z"
        )
        raise InvalidInput(field, reason)
    if not _FIRST_YEAR <= found.year <= _LAST_YEAR:
        raise InvalidInput(field, f"must lie in the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return found.astimezone(UTC)
