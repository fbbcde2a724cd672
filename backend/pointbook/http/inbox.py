"""The inbox of the demo: a mail server on the loopback address that keeps what it gets, and pages that show it.

Only ``pointbook demo`` has one; ``serve`` has neither the server nor the pages. It keeps the newest mails until
the process ends. A mail's HTML is shown in a frame that runs no scripts and loads nothing.
"""

import asyncio
import base64
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from http import HTTPStatus
from itertools import count
from typing import Any, Final

from aiosmtpd.smtp import SMTP
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from pointbook.http.pages import HEADERS, rendered

INBOX_PATH: Final = "/dev/inbox"
_MOST: Final = 200
_HEADERS: Final = {
    **HEADERS,
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
}
_LINKS_OPEN: Final = "allow-popups allow-popups-to-escape-sandbox"
"""What a sandboxed mail may do: its links open in a window of their own."""
_FRAME_HEADERS: Final = {
    **_HEADERS,
    "X-Frame-Options": "SAMEORIGIN",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; "
        f"frame-ancestors 'self'; sandbox {_LINKS_OPEN}"
    ),
}


@dataclass(frozen=True, slots=True)
class Caught:
    """A mail with the number under which it is shown."""

    number: int
    at: datetime
    mail: EmailMessage = field(repr=False)

    @property
    def text(self) -> str:
        part = self.mail.get_body(("plain",))
        return "" if part is None else str(part.get_content())

    @property
    def html(self) -> str:
        """With its pictures in it, and links that leave the frame."""
        part = self.mail.get_body(("html",))
        html = "" if part is None else str(part.get_content())
        for picture in self.mail.walk():
            assert isinstance(picture, EmailMessage), "so its policy makes them"
            if picture.get_content_maintype() == "image" and picture["Content-ID"]:
                data = base64.b64encode(picture.get_content()).decode()
                shown = f"data:{picture.get_content_type()};base64,{data}"
                html = html.replace(f"cid:{picture['Content-ID'][1:-1]}", shown)
        return html.replace("<head>", '<head><base target="_blank">', 1)


class Inbox:
    """A handler of aiosmtpd, and the pages of what it has got."""

    def __init__(self) -> None:
        self._mails: deque[Caught] = deque(maxlen=_MOST)
        self._numbers = count(1)

    async def handle_DATA(self, _server: SMTP, _session: Any, envelope: Any) -> str:  # noqa: N802  # aiosmtpd's name
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self._mails.appendleft(Caught(next(self._numbers), datetime.now(UTC), mail))
        return "250 OK"

    @property
    def routes(self) -> list[BaseRoute]:
        return [
            Route(INBOX_PATH, self.list),
            Route(f"{INBOX_PATH}/{{number:int}}", self.show),
            Route(f"{INBOX_PATH}/{{number:int}}/html", self.show_html),
        ]

    async def list(self, _request: Request) -> Response:
        return HTMLResponse(rendered("inbox.html.j2", {"mails": list(self._mails)}), headers=_HEADERS)

    async def show(self, request: Request) -> Response:
        caught = self._find(request)
        if caught is None:
            return _not_found()
        values = {
            "caught": caught,
            "pictures": any(part.get_content_maintype() == "image" for part in caught.mail.walk()),
            "headers": caught.mail.items(),
            "sandbox": _LINKS_OPEN,
            "inbox": INBOX_PATH,
        }
        return HTMLResponse(rendered("inbox_mail.html.j2", values), headers=_HEADERS)

    async def show_html(self, request: Request) -> Response:
        caught = self._find(request)
        return _not_found() if caught is None else HTMLResponse(caught.html, headers=_FRAME_HEADERS)

    def _find(self, request: Request) -> Caught | None:
        number = request.path_params["number"]
        return next((caught for caught in self._mails if caught.number == number), None)


@contextlib.asynccontextmanager
async def catching() -> AsyncIterator[tuple[Inbox, int]]:
    """An inbox, and the port of 127.0.0.1 at which it takes mail."""
    inbox = Inbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(inbox, hostname="localhost"), "127.0.0.1", 0)
    try:
        yield inbox, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


def _not_found() -> Response:
    return PlainTextResponse("There is no such mail any more.", HTTPStatus.NOT_FOUND, headers=_HEADERS)
