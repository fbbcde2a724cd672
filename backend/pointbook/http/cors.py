"""Whose pages may use a key, told to browsers. There are no cookies, so nothing rides on credentials."""

from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response

from pointbook.http.authentication import KEY_HEADER
from pointbook.http.problems import Problem

_PREFLIGHT = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": f"Authorization, Content-Type, {KEY_HEADER}",
    "Access-Control-Max-Age": "7200",
}
REFUSAL: Final = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After"}
"""Of what is refused before it is known that the page may use the key, and because it may not. It says nothing
that anybody could not ask without a browser; without it a page's developer would see a failure of the network, not
that the key is mistyped or the origin forgotten."""


def preflight() -> Response:
    """A browser's question before the request. It does not show the key yet, so any page may go on to ask."""
    return Response(status_code=HTTPStatus.NO_CONTENT, headers=_PREFLIGHT)


def origin_headers(headers: Headers, origins: tuple[str, ...]) -> dict[str, str]:
    """Headers that let the calling page read the answer. Raises Problem 403 for a page of another origin."""
    origin = headers.get("origin")
    if origin is None or origin.partition("://")[2] == headers.get("host"):
        return {}  # no browser, or a page of our own
    if origins and origin not in origins:
        raise Problem(HTTPStatus.FORBIDDEN, "ORIGIN_NOT_ALLOWED", "Pages of this origin may not use this key.")
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "Retry-After, ETag"}
