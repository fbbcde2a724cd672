"""The page where a member ends their notices. Mail scanners follow links, so only its button ends them."""

from collections.abc import Awaitable
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from pointbook.http.link_pages import LinkPages
from pointbook.services.notices import Subscriber, find_subscriber, unsubscribe
from pointbook.texts.notice_texts import words
from pointbook.texts.phrasing import FALLBACK, Phrasing


class NoticePages(LinkPages):
    """What stands at ``/notices/unsubscribe/``. The link is the permission: there is no cookie to be misused."""

    FORMS = "'self'"

    async def unsubscribe(self, request: Request) -> Response:
        """GET asks, POST ends the notices: by the button, or by a mail program in one click (RFC 8058)."""
        token = request.path_params["token"]
        if request.method == "POST":
            return await self._answer(unsubscribe(self._installation, token, now=self._clock()))
        return await self._answer(find_subscriber(self._installation, token))

    async def _answer(self, finding: Awaitable[Subscriber | None]) -> Response:
        try:
            found = await finding
        except Exception as failure:  # noqa: BLE001  # the face of last resort: a number instead of a stack trace
            return self._failed(failure)
        say = Phrasing.of_texts(FALLBACK if found is None else found.locale, "EUR")
        status = HTTPStatus.NOT_FOUND if found is None else HTTPStatus.OK
        return self._page("unsubscribe.html.j2", status, tag=say.tag, words=words(say.language), found=found)
