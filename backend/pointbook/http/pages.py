"""Pages for people: the home page and GraphiQL, each under a strict content security policy."""

import mimetypes
from collections.abc import Collection, Mapping
from functools import cache
from importlib import metadata, resources
from importlib.resources.abc import Traversable
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from pointbook.http.examples import EXAMPLES
from pointbook.http.health import Health

# GraphiQL's dialogs lock the page's scrolling with an inline style, which this refuses; nothing else misses it.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""Of every page."""
_TEMPLATES: Final = Environment(
    loader=PackageLoader(__package__ or "pointbook.http"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_COMPRESSED: Final = ".gz"


class Pages:
    """The pages of one installation."""

    def __init__(self, health: Health, schema: str, public_url: str | None, further: Collection[str] = ()) -> None:
        """``further``: paths of pages that only some processes have."""
        self._health = health
        self._further = further
        self._schema = schema
        self._public_url = public_url

    async def home(self, request: Request) -> Response:
        parts = await self._health.parts()
        url = (self._public_url or str(request.base_url)).rstrip("/")
        version = metadata.version("pointbook")
        return _page("home.html.j2", version=version, parts=parts, url=url, further=self._further)

    async def graphiql(self, _request: Request) -> Response:
        return _page("graphiql.html.j2", endpoint="/graphql", examples=EXAMPLES)

    async def schema(self, _request: Request) -> Response:
        return PlainTextResponse(self._schema, headers=HEADERS)


async def static(request: Request) -> Response:
    """A file of the package by its exact name; what is stored compressed is sent so."""
    files = _static_files()
    name = request.path_params["name"]
    headers = {**HEADERS, "Cache-Control": "public, max-age=3600", "Vary": "Accept-Encoding"}
    if name + _COMPRESSED in files:
        headers["Content-Encoding"] = "gzip"
        content = files[name + _COMPRESSED]
    elif name in files:
        content = files[name]
    else:
        return PlainTextResponse("There is no such file.", 404, headers=HEADERS)
    return Response(content, headers=headers, media_type=mimetypes.guess_type(name)[0])


def _page(template: str, **values: Any) -> HTMLResponse:
    return HTMLResponse(rendered(template, values), headers={**HEADERS, "Content-Security-Policy": _POLICY})


def rendered(template: str, values: Mapping[str, Any]) -> str:
    """A template of this package, filled in; values are escaped."""
    return _TEMPLATES.get_template(template).render(values)


@cache
def _static_files() -> dict[str, bytes]:
    """All files by their path. They are few and small, and a path outside of the folder is no key."""
    root = resources.files("pointbook.http").joinpath("static")
    return {name: file.read_bytes() for name, file in _walk(root, "")}


def _walk(folder: Traversable, prefix: str) -> list[tuple[str, Traversable]]:
    found: list[tuple[str, Traversable]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _walk(entry, f"{prefix}{entry.name}/")
        else:
            found.append((prefix + entry.name, entry))
    return found
