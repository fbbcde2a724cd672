"""Documents that come together and are judged each by itself."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from pointbook.domain.errors import InvalidInput, PointbookError

Answer = TypeVar("Answer")


async def one_by_one(
    documents: Sequence[Mapping[str, Any]],
    submit: Callable[[Mapping[str, Any]], Awaitable[Answer]],
    *,
    field: str,
    most: int,
) -> list[Answer | PointbookError]:
    """In their sequence; one that is refused stands in its place, as its error.

    Raises InvalidInput for too many.
    """
    if len(documents) > most:
        raise InvalidInput(field, f"must be at most {most}")
    outcomes: list[Answer | PointbookError] = []
    for document in documents:
        try:
            outcomes.append(await submit(document))
        except PointbookError as refusal:
            outcomes.append(refusal)
    return outcomes
