"""The script of the widgets, its second part and its frame, as they are served: evergreen, and pinned for ever.

``make widgets`` builds them from ``widgets/`` into ``static/widgets/``.
"""

import base64
import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

SCRIPT: Final = "pointbook.js"
_TYPES: Final = {"js": "text/javascript", "json": "application/json"}
_HEADERS: Final = {
    "Access-Control-Allow-Origin": "*",  # a page checks its integrity, which is done to nothing it may not read
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
    "Vary": "Accept-Encoding",
}
_EVERGREEN: Final = "public, max-age=300, stale-while-revalidate=86400"
_FOR_EVER: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class WidgetFile:
    """A file as it was built. ``encoded``: by content coding, the best first."""

    name: str
    content: bytes
    encoded: Mapping[str, bytes]

    @property
    def pinned_name(self) -> str:
        """With a piece of its hash: what this names never changes."""
        stem, _, suffix = self.name.rpartition(".")
        return f"{stem}.{hashlib.sha256(self.content).hexdigest()[:16]}.{suffix}"

    @property
    def integrity(self) -> str:
        """For the attribute of that name."""
        return "sha384-" + base64.b64encode(hashlib.sha384(self.content).digest()).decode()


async def widget_file(request: Request) -> Response:
    """A file by its evergreen or its pinned name."""
    name = request.path_params["name"]
    file = _served().get(name)
    if file is None:
        return PlainTextResponse("There is no such file.", 404, headers={**_HEADERS, "Cache-Control": "no-store"})
    kept = _FOR_EVER if name != file.name or name.startswith("panels.") else _EVERGREEN
    headers = {**_HEADERS, "Cache-Control": kept, "ETag": f'"{file.pinned_name}"'}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    accepted = {
        coding.partition(";")[0].strip() for coding in request.headers.get("accept-encoding", "").split(",")
    }
    coding = next((coding for coding in file.encoded if coding in accepted), None)
    if coding is not None:
        headers["Content-Encoding"] = coding
    content = file.content if coding is None else file.encoded[coding]
    return Response(content, headers=headers, media_type=_TYPES[name.rpartition(".")[2]])


@cache
def widget_files() -> Mapping[str, WidgetFile]:
    """What was built, by the name it was built under."""
    folder = resources.files("pointbook.http").joinpath("static").joinpath("widgets")
    built = {file.name: file.read_bytes() for file in folder.iterdir()}
    return {
        name: WidgetFile(name, content, _encoded(content, built.get(f"{name}.br")))
        for name, content in built.items()
        if name.rpartition(".")[2] in _TYPES
    }


@cache
def _served() -> Mapping[str, WidgetFile]:
    files = widget_files().values()
    return {name: file for file in files for name in (file.name, file.pinned_name)}


def _encoded(content: bytes, brotli: bytes | None) -> Mapping[str, bytes]:
    zipped = {"gzip": gzip.compress(content, mtime=0)}
    return zipped if brotli is None else {"br": brotli, **zipped}
