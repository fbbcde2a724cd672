"""The page that confirms a merge request. Mail scanners follow links, so only its button changes anything."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from pointbook.http.failures import told
from pointbook.http.pages import HEADERS, rendered
from pointbook.services.installation import Installation
from pointbook.services.merging import Proof, ProofState, confirm, look_at
from pointbook.texts.merge_texts import OTHER_LANGUAGES, words_of
from pointbook.texts.phrasing import FALLBACK

_HEADERS: Final = {
    **HEADERS,
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "X-Robots-Tag": "noindex, nofollow",
}


class MergePages:
    """What stands below ``/merge/``. The link is the permission: there is no cookie to be misused."""

    def __init__(
        self, installation: Installation, *, clock: Callable[[], datetime], report: Callable[[BaseException], str]
    ) -> None:
        self._installation = installation
        self._clock = clock
        self._report = report

    async def show(self, request: Request) -> Response:
        """GET asks, POST confirms, in the language ``lang``, else in the programme's first."""
        token, now = request.path_params["token"], self._clock()
        call = confirm if request.method == "POST" else look_at
        return await self._page(request, call(self._installation, token, now=now))

    async def _page(self, request: Request, finding: Awaitable[Proof | None]) -> Response:
        try:
            proof = await finding
        except Exception as failure:  # noqa: BLE001  # the face of last resort: a number instead of a stack trace
            problem = told(failure, self._report)
            return PlainTextResponse(str(problem), problem.status, headers={**_HEADERS, **problem.headers})
        first = FALLBACK if proof is None else proof.programme.locales[0]
        tag, words = words_of(request.query_params.get("lang") or first)
        programme, button = None if proof is None else proof.programme.name, None
        match proof and proof.state:
            case ProofState.ASKED:
                title, button = words.title, words.confirm
                paragraphs = [words.asked.format(programme), words.what_happens, words.not_yours]
            case ProofState.CONFIRMED:
                title, paragraphs = words.confirmed_title, [words.confirmed]
            case ProofState.OVER:
                title, paragraphs = words.over_title, [words.over]
            case _:
                title, paragraphs = "404", [words.no_page]
        page = rendered(
            "merge.html.j2",
            {
                "tag": tag,
                "words": words,
                "programme": programme,
                "title": title,
                "paragraphs": paragraphs,
                "button": button,
                "action": f"?lang={tag}",
                "languages": OTHER_LANGUAGES,
            },
        )
        status = HTTPStatus.NOT_FOUND if proof is None else HTTPStatus.OK
        return HTMLResponse(page, status, {**_HEADERS, "Content-Language": tag})
