"""The page that confirms a merge request. Mail scanners follow links, so only its button changes anything."""

from collections.abc import Awaitable
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from pointbook.http.link_pages import LinkPages
from pointbook.services.merging import Proof, ProofState, confirm, look_at
from pointbook.texts.merge_texts import OTHER_LANGUAGES, words_of
from pointbook.texts.phrasing import FALLBACK


class MergePages(LinkPages):
    """What stands below ``/merge/``. The link is the permission: there is no cookie to be misused."""

    FORMS = "'self'"

    async def show(self, request: Request) -> Response:
        """GET asks, POST confirms, in the language ``lang``, else in the programme's first."""
        token, now = request.path_params["token"], self._clock()
        call = confirm if request.method == "POST" else look_at
        return await self._answer(request, call(self._installation, token, now=now))

    async def _answer(self, request: Request, finding: Awaitable[Proof | None]) -> Response:
        try:
            proof = await finding
        except Exception as failure:  # noqa: BLE001  # the face of last resort: a number instead of a stack trace
            return self._failed(failure)
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
        return self._page(
            "merge.html.j2",
            HTTPStatus.NOT_FOUND if proof is None else HTTPStatus.OK,
            tag=tag,
            words=words,
            programme=programme,
            title=title,
            paragraphs=paragraphs,
            button=button,
            action=f"?lang={tag}",
            languages=OTHER_LANGUAGES,
        )
