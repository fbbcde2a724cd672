"""How much of a request is taken and how long it may take, before anything in it is looked at."""

import asyncio
from http import HTTPStatus

from starlette.types import Receive

from pointbook.http.problems import Problem

MAX_BODY = 100_000
"""Bytes of a request."""
MAX_SERVER_BODY = 1_000_000
"""Bytes of a request of the shop's back end that submits many orders at once."""
BODY_SECONDS = 5.0
_MAX_DIGITS = 18  # of more, these are enough to see that it is too much
_CLOSE = {"Connection": "close"}  # what is still to come is not read


async def read_body(
    receive: Receive, *, announced: str | None, limit: int, seconds: float = BODY_SECONDS
) -> bytes:
    """The whole body of a request.

    Raises Problem: 413 above ``limit`` bytes (at once, if ``announced`` says so), 408 when it does not come
    within ``seconds``, 400 when the client leaves before its end.
    """
    if announced is not None and _size(announced) > limit:
        raise too_large(limit)
    try:
        async with asyncio.timeout(seconds):
            return await _collect(receive, limit)
    except TimeoutError:
        message = f"The body did not arrive within {seconds:g} seconds."
        raise Problem(HTTPStatus.REQUEST_TIMEOUT, "BODY_TIMEOUT", message, _CLOSE) from None


def _size(announced: str) -> int:
    """What a Content-Length says; 0 for what says nothing, as the body itself is counted anyway."""
    digits = announced.lstrip("0")[:_MAX_DIGITS]
    return int(digits) if digits.isascii() and digits.isdigit() else 0


async def _collect(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem(HTTPStatus.BAD_REQUEST, "BODY_INCOMPLETE", "The body has no end.", _CLOSE)
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise too_large(limit)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def too_large(limit: int) -> Problem:
    """The refusal of a body above ``limit`` bytes."""
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "BODY_TOO_LARGE", f"A body has at most {limit} bytes.")
