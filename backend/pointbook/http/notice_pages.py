"""The page where a member ends their notices. Mail scanners follow links, so only its button ends them."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from pointbook.http.failures import told
from pointbook.http.pages import HEADERS, rendered
from pointbook.services.installation import Installation
from pointbook.services.notices import Subscriber, find_subscriber, unsubscribe
from pointbook.texts.notice_texts import words
from pointbook.texts.phrasing import FALLBACK, Phrasing

_HEADERS: Final = {
    **HEADERS,
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "X-Robots-Tag": "noindex, nofollow",
}


class NoticePages:
    """What stands at ``/notices/unsubscribe/``. The link is the permission: there is no cookie to be misused."""

    def __init__(
        self, installation: Installation, *, clock: Callable[[], datetime], report: Callable[[BaseException], str]
    ) -> None:
        self._installation = installation
        self._clock = clock
        self._report = report

    async def unsubscribe(self, request: Request) -> Response:
        """GET asks, POST ends the notices: by the button, or by a mail program in one click (RFC 8058)."""
        token = request.path_params["token"]
        if request.method == "POST":
            return await self._page(unsubscribe(self._installation, token, now=self._clock()))
        return await self._page(find_subscriber(self._installation, token))

    async def _page(self, finding: Awaitable[Subscriber | None]) -> Response:
        try:
            found = await finding
        except Exception as failure:  # noqa: BLE001  # the face of last resort: a number instead of a stack trace
            problem = told(failure, self._report)
            return PlainTextResponse(str(problem), problem.status, headers={**_HEADERS, **problem.headers})
        say = Phrasing.of_texts(FALLBACK if found is None else found.locale, "EUR")
        page = rendered("unsubscribe.html.j2", {"tag": say.tag, "words": words(say.language), "found": found})
        status = HTTPStatus.NOT_FOUND if found is None else HTTPStatus.OK
        return HTMLResponse(page, status, {**_HEADERS, "Content-Language": say.tag})
