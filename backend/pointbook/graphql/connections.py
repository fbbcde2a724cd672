"""Pages of long lists: Relay connections with opaque keyset cursors."""

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Generic, Self, TypeAlias, TypeVar

import strawberry

from pointbook.domain.errors import InvalidInput
from pointbook.domain.reading import instant

MAX_PAGE = 100
_MAX_CURSOR = 60
_MAX_TEXT_CURSOR = 1_500
_MAX_SEQ = 2**63 - 1

Node = TypeVar("Node")
Item = TypeVar("Item")

First: TypeAlias = Annotated[int, strawberry.argument(description=f"How many, at most {MAX_PAGE}.")]
After: TypeAlias = Annotated[str | None, strawberry.argument(description="Only what comes after this cursor.")]
AfterSorted: TypeAlias = Annotated[
    str | None, strawberry.argument(description="Only what follows this cursor of a list in the same order.")
]
OlderThan: TypeAlias = Annotated[
    str | None, strawberry.argument(description="Only what is older than this cursor.")
]


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether `after: endCursor` gives more.")
    has_previous_page: bool = strawberry.field(description="Whether the page began after a cursor.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first item; null for an empty page.")
    end_cursor: str | None = strawberry.field(description="Cursor of the last item; null for an empty page.")


@strawberry.type(description="An item of a list with its place.")
class Edge(Generic[Node]):
    cursor: str = strawberry.field(description="Its place in the list.")
    node: Node = strawberry.field(description="The item.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[Node]):
    edges: list[Edge[Node]] = strawberry.field(description="The items with their places.")
    nodes: list[Node] = strawberry.field(description="The items.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")

    @classmethod
    def of(cls, kind: str, items: Sequence[tuple[int | str, Node]], size: int, after: str | None) -> Self:
        """The first ``size`` items, each with the key of its cursor; if there are more, there is a next page."""
        edges = [Edge(cursor=cursor_of(kind, key), node=node) for key, node in items[:size]]
        return cls(
            edges=edges,
            nodes=[edge.node for edge in edges],
            page_info=PageInfo(
                has_next_page=len(items) > size,
                has_previous_page=after is not None,
                start_cursor=edges[0].cursor if edges else None,
                end_cursor=edges[-1].cursor if edges else None,
            ),
        )


def page_size(first: int) -> int:
    """Raises InvalidInput for a page that is longer than pages are."""
    if not 0 <= first <= MAX_PAGE:
        raise InvalidInput("first", f"must be 0 to {MAX_PAGE}")
    return first


def page_of(items: Sequence[Item], first: int) -> list[Item]:
    """The first items of a list that is at hand as a whole. Raises InvalidInput as ``page_size``."""
    return list(items[: page_size(first)])


def cursor_of(kind: str, key: int | str) -> str:
    """A cursor of a list; its content is nobody's business."""
    return base64.urlsafe_b64encode(f"{kind}:{key}".encode()).decode().rstrip("=")


def key_of(kind: str, cursor: str) -> int:
    """The key a cursor was made of. Raises InvalidInput for what is no cursor of this kind of list."""
    text = text_of(kind, cursor) if len(cursor) <= _MAX_CURSOR else ""
    number = int(text) if text.isdecimal() and text.isascii() else 0
    if not 0 < number <= _MAX_SEQ:
        raise _not_of_this_list()
    return number


def text_of(kind: str, cursor: str) -> str:
    """The same for a list whose keys are texts, which are not empty."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (ValueError, binascii.Error):
        text = ""
    found, _, key = text.partition(":")
    if found != kind or not key or "\0" in key or len(cursor) > _MAX_TEXT_CURSOR:
        raise _not_of_this_list()
    return key


def moment_key(at: datetime, number: int) -> str:
    """The key of a list that is ordered by an instant, then by a number."""
    return f"{at.isoformat()} {number}"


def moment_of(kind: str, cursor: str) -> tuple[datetime, int]:
    """The instant and the number that a cursor of such a list was made of. Raises InvalidInput."""
    at, _, number = text_of(kind, cursor).partition(" ")
    found = int(number) if number.isascii() and number.isdecimal() else 0
    if not 0 < found <= _MAX_SEQ:
        raise _not_of_this_list()
    try:
        return instant("after", at), found
    except InvalidInput:
        raise _not_of_this_list() from None


def _not_of_this_list() -> InvalidInput:
    return InvalidInput("after", "is not a cursor of this list")
