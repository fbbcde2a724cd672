"""The mail that brings a gift card's code: subject, text and HTML.

The HTML has its styles in it, because mail programs load none, and says everything without its one picture.
"""

from dataclasses import dataclass, field
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from pointbook.texts.gift_card_texts import CardText

_ENVIRONMENT: Final = Environment(
    auto_reload=False,
    autoescape=select_autoescape(["html.j2"]),
    loader=PackageLoader("pointbook.texts"),
    lstrip_blocks=True,
    trim_blocks=True,
    undefined=StrictUndefined,
)


@dataclass(frozen=True, slots=True)
class CardMail:
    """``text`` and ``html`` say the same. The HTML shows the picture ``cid:`` and the id it was made with."""

    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)


def card_mail(card: CardText, *, given: bool, page_url: str | None, picture: str) -> CardMail:
    """``given``: it goes to somebody else than the buyer. ``page_url``: of the printable page, if it has one.

    ``picture`` is the content id of the QR code. The card can still be used.
    """
    assert card.code is not None, "nobody is sent a code that is good for nothing"
    words = card.words
    values = {
        "card": card,
        "words": words,
        "hello": words.hello if card.recipient is None else words.hello_name.format(card.recipient),
        "intro": (words.for_you if given else words.yours).format(card.programme),
        "page_url": page_url,
        "picture": picture,
    }
    subject = words.subject_for_you if given else words.subject_yours
    return CardMail(
        subject.format(face=card.face, programme=card.programme),
        _ENVIRONMENT.get_template("gift_card_mail.txt.j2").render(values),
        _ENVIRONMENT.get_template("gift_card_mail.html.j2").render(values),
    )
