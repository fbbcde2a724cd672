"""The page of a gift card, to look at and to print: whoever has its link sees the code."""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from pointbook.http.link_pages import LinkPages
from pointbook.services.gift_cards import card_page, facts_of
from pointbook.texts.gift_card_texts import OTHER_LANGUAGES, card_text, words_of
from pointbook.texts.phrasing import FALLBACK
from pointbook.texts.qr_codes import qr_svg


class GiftCardPages(LinkPages):
    """What stands below ``/gift-cards/``. There is no script on it, so that nothing can be slipped in."""

    async def show(self, request: Request) -> Response:
        """The page of a token in the language ``lang``, else in the programme's first; one 404 for all others."""
        asked = request.query_params.get("lang")
        try:
            found = await card_page(self._installation, request.path_params["token"], now=self._clock())
        except Exception as failure:  # noqa: BLE001  # the face of last resort: a number instead of a stack trace
            return self._failed(failure)
        if found is None:
            tag, words = words_of(asked or FALLBACK)
            return self._page("no_gift_card.html.j2", HTTPStatus.NOT_FOUND, tag=tag, words=words)
        card = card_text(facts_of(found.programme, found.bought), asked or found.programme.locales[0])
        return self._page(
            "gift_card.html.j2",
            HTTPStatus.OK,
            tag=card.tag,
            card=card,
            words=card.words,
            qr_code=None if card.code is None else qr_svg(card.code),
            languages=OTHER_LANGUAGES,
        )
