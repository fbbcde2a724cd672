"""The page of a gift card, to look at and to print: whoever has its link sees the code."""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from pointbook.http.failures import told
from pointbook.http.pages import HEADERS, rendered
from pointbook.services.gift_cards import card_page, facts_of
from pointbook.services.installation import Installation
from pointbook.texts.gift_card_texts import OTHER_LANGUAGES, card_text, words_of
from pointbook.texts.phrasing import FALLBACK
from pointbook.texts.qr_codes import qr_svg

_HEADERS: Final = {
    **HEADERS,
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Robots-Tag": "noindex, nofollow",
}


class GiftCardPages:
    """What stands below ``/gift-cards/``. There is no script on it, so that nothing can be slipped in."""

    def __init__(
        self, installation: Installation, *, clock: Callable[[], datetime], report: Callable[[BaseException], str]
    ) -> None:
        self._installation = installation
        self._clock = clock
        self._report = report

    async def show(self, request: Request) -> Response:
        """The page of a token in the language ``lang``, else in the programme's first; one 404 for all others."""
        asked = request.query_params.get("lang")
        try:
            found = await card_page(self._installation, request.path_params["token"], now=self._clock())
        except Exception as failure:  # noqa: BLE001  # the face of last resort: a number instead of a stack trace
            problem = told(failure, self._report)
            return PlainTextResponse(str(problem), problem.status, headers={**_HEADERS, **problem.headers})
        if found is None:
            tag, words = words_of(asked or FALLBACK)
            return _page("no_gift_card.html.j2", HTTPStatus.NOT_FOUND, tag=tag, words=words)
        card = card_text(facts_of(found.programme, found.bought), asked or found.programme.locales[0])
        return _page(
            "gift_card.html.j2",
            HTTPStatus.OK,
            tag=card.tag,
            card=card,
            words=card.words,
            qr_code=None if card.code is None else qr_svg(card.code),
            languages=OTHER_LANGUAGES,
        )


def _page(template: str, status: HTTPStatus, *, tag: str, **values: Any) -> HTMLResponse:
    return HTMLResponse(rendered(template, {"tag": tag, **values}), status, {**_HEADERS, "Content-Language": tag})
