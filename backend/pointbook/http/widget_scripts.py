"""The script of the widgets, its second part and its frame, as they are served: evergreen, and pinned for ever.

``make widgets`` builds them from ``widgets/`` into ``static/widgets/``. In its folder ``released`` are those of
versions that were released: pages have pinned them.
"""

import base64
import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

SCRIPT: Final = "pointbook.js"
RELEASED: Final = "released"
_FOLDER: Final = resources.files("pointbook.http").joinpath("static").joinpath("widgets")
_LICENSES: Final = "LICENSES.txt"
_TYPES: Final = {"js": "text/javascript", "txt": "text/plain"}
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
        piece = hashlib.sha256(self.content).hexdigest()[:16]
        return self.name if stem.endswith(f".{piece}") else f"{stem}.{piece}.{suffix}"

    @property
    def integrity(self) -> str:
        """For the attribute of that name."""
        return "sha384-" + base64.b64encode(hashlib.sha384(self.content).digest()).decode()


async def widget_file(request: Request) -> Response:
    """A file by its evergreen or its pinned name."""
    name = request.path_params["name"]
    file = served_files().get(name)
    if file is None:
        return PlainTextResponse("There is no such file.", 404, headers={**_HEADERS, "Cache-Control": "no-store"})
    kept = _FOR_EVER if name == file.pinned_name else _EVERGREEN
    headers = {**_HEADERS, "Cache-Control": kept, "ETag": f'"{file.pinned_name}"'}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    accepted = _accepted(request.headers.get("accept-encoding", ""))
    coding = next((coding for coding in file.encoded if coding in accepted), None)
    if coding is not None:
        headers["Content-Encoding"] = coding
    content = file.content if coding is None else file.encoded[coding]
    return Response(content, headers=headers, media_type=_TYPES[name.rpartition(".")[2]])


@cache
def widget_files() -> Mapping[str, WidgetFile]:
    """What was built, by the name it was built under."""
    return scripts_in(_FOLDER)


@cache
def served_files() -> Mapping[str, WidgetFile]:
    """By every name under which it is served: what was built, and what was released before."""
    built = {name: file for file in widget_files().values() for name in (file.name, file.pinned_name)}
    text = _FOLDER.joinpath(_LICENSES).read_bytes()
    licenses = WidgetFile(_LICENSES, text, _encoded(text, None))
    return {**scripts_in(_FOLDER.joinpath(RELEASED)), **built, _LICENSES: licenses}


def scripts_in(folder: Traversable) -> Mapping[str, WidgetFile]:
    """The scripts of a folder with their codings, by their names."""
    found = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
    return {
        name: WidgetFile(name, content, _encoded(content, found.get(f"{name}.br")))
        for name, content in found.items()
        if name.endswith(".js")
    }


def _accepted(header: str) -> set[str]:
    """The content codings of an Accept-Encoding; a weight of 0 forbids one."""
    weighed = (coding.partition(";") for coding in header.replace(" ", "").lower().split(","))
    return {coding for coding, _, weight in weighed if weight.rstrip("0") not in ("q=", "q=0.")}


def _encoded(content: bytes, brotli: bytes | None) -> Mapping[str, bytes]:
    zipped = {"gzip": gzip.compress(content, mtime=0)}
    return zipped if brotli is None else {"br": brotli, **zipped}
