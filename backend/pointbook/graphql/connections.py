"""Pages of long lists: Relay connections with opaque keyset cursors."""

import base64
import binascii

import strawberry

from pointbook.domain.errors import InvalidInput

MAX_PAGE = 100
_MAX_CURSOR = 60
_MAX_SEQ = 2**63 - 1


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether `after: endCursor` gives more.")
    has_previous_page: bool = strawberry.field(description="Whether the page began after a cursor.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first item; null for an empty page.")
    end_cursor: str | None = strawberry.field(description="Cursor of the last item; null for an empty page.")


def cursor_of(kind: str, key: int) -> str:
    """A cursor of a list; its content is nobody's business."""
    return base64.urlsafe_b64encode(f"{kind}:{key}".encode()).decode().rstrip("=")


def key_of(kind: str, cursor: str) -> int:
    """The key a cursor was made of. Raises InvalidInput for what is no cursor of this kind of list."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
        found, _, key = text.partition(":")
        number = int(key)
    except (ValueError, binascii.Error):
        found, number = "", 0
    if found != kind or len(cursor) > _MAX_CURSOR or not 0 < number <= _MAX_SEQ:
        raise InvalidInput("after", "is not a cursor of this list")
    return number
