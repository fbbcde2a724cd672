"""Pages whose link is the permission: whoever has it sees them, so nothing keeps, frames or lists them."""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any, ClassVar

from starlette.responses import HTMLResponse, PlainTextResponse, Response

from pointbook.http.failures import told
from pointbook.http.pages import HEADERS, rendered
from pointbook.services.installation import Installation


class LinkPages:
    """``FORMS``: where a form of theirs may go."""

    FORMS: ClassVar[str] = "'none'"

    def __init__(
        self, installation: Installation, *, clock: Callable[[], datetime], report: Callable[[BaseException], str]
    ) -> None:
        self._installation = installation
        self._clock = clock
        self._report = report
        self._headers = {
            **HEADERS,
            "Cache-Control": "no-store",
            "Content-Security-Policy": (
                "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
                f"form-action {self.FORMS}; frame-ancestors 'none'"
            ),
            "X-Robots-Tag": "noindex, nofollow",
        }

    def _page(self, template: str, status: HTTPStatus, *, tag: str, **values: Any) -> Response:
        """In the language ``tag``."""
        page = rendered(template, {"tag": tag, **values})
        return HTMLResponse(page, status, {**self._headers, "Content-Language": tag})

    def _failed(self, failure: Exception) -> Response:
        problem = told(failure, self._report)
        return PlainTextResponse(str(problem), problem.status, headers={**self._headers, **problem.headers})
