"""A notice as mail: its text filled in, as plain text and as HTML in one layout.

The layout is written in MJML (``layouts/notice.mjml``) and shipped compiled, as the template ``notice.html.j2``.
What a merchant or a customer wrote is text wherever it stands: it is escaped, and no template is made of it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from pointbook.domain import placeholders
from pointbook.domain.notices import (
    TYPES,
    Audience,
    Block,
    Button,
    NoticeKind,
    Paragraph,
    Shape,
    Value,
    blocks_of,
    filled_in,
)
from pointbook.texts.gift_card_texts import CardText
from pointbook.texts.notice_texts import NoticeText, words
from pointbook.texts.phrasing import Phrasing

COLOUR: Final = "#14597a"
_DARK_INK, _LIGHT_INK = "#000000", "#ffffff"
_PREVIEW_MAX: Final = 120
_SPACE: Final = re.compile(r"[^\S\u00a0\u202f]+")  # those stand in figures
_ENVIRONMENT: Final = Environment(
    auto_reload=False,
    autoescape=select_autoescape(["html.j2"]),
    loader=PackageLoader("pointbook.texts"),
    undefined=StrictUndefined,
)


@dataclass(frozen=True, slots=True)
class Look:
    """How a merchant's mail looks: the sender's ``name``, a ``colour`` like #14597a, what stands at its end."""

    name: str
    colour: str = COLOUR
    logo_url: str | None = None
    footer: str | None = None

    @property
    def ink(self) -> str:
        """What can be read on the colour: WCAG's contrast is then at least 4.5 to 1, whichever it is."""
        return _LIGHT_INK if _luminance(self.colour) < 0.179 else _DARK_INK  # noqa: PLR2004  # where both are equal


class CardPanel(NamedTuple):
    """A gift card that can be used, which follows the text. ``picture``: where its QR code is, cid: or data:."""

    card: CardText
    picture: str
    page_url: str | None = None


def card_values(card: CardText) -> dict[str, Value]:
    """Of the variables of a text that brings a card."""
    return {"greeting": card.greeting, "product": card.product, "face": card.face, "valid": card.valid}


@dataclass(frozen=True, slots=True)
class NoticeMail:
    """``text`` and ``html`` say the same."""

    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)


def notice_mail(
    kind: NoticeKind,
    text: NoticeText,
    values: Mapping[str, Value],
    say: Phrasing,
    look: Look,
    *,
    unsubscribe_url: str | None,
    panel: CardPanel | None = None,
) -> NoticeMail:
    """``values`` are those of all variables of the kind but the programme, which is the sender's name."""
    variables = TYPES[kind].by_name
    known = {**values, "programme": look.name}
    written = {name: written_value(known[name], variable.shape, say) for name, variable in variables.items()}
    sure = {name: _one_line(value or "") for name, value in written.items()}
    subject = placeholders.filled(text.subject, sure)
    blocks = _filled(text.body, written)
    plainly = {
        name: _quoted(value) if value and variables[name].quoted else value for name, value in written.items()
    }
    spoken = words(say.language)
    why = {
        Audience.OPTED_IN: spoken.why_member,
        Audience.ADDRESSEE: spoken.why_addressee,
        Audience.STAFF: spoken.why_staff,
    }[TYPES[kind].audience]
    footer = [*(look.footer.split("\n") if look.footer else [look.name]), "", why.format(look.name)]
    html = _ENVIRONMENT.get_template("notice.html.j2").render(
        tag=say.tag,
        subject=subject,
        preview=_preview(blocks),
        blocks=[{"text": block[0], "link": block.link if isinstance(block, Button) else None} for block in blocks],
        look=look,
        footer=footer,
        words=spoken,
        unsubscribe_url=unsubscribe_url,
        card=None if panel is None else panel.card,
        picture=None if panel is None else panel.picture,
        page_url=None if panel is None else panel.page_url,
    )
    plain = [
        *(_plain(block) for block in _filled(text.body, plainly)),
        *_card_lines(panel),
        "\n".join(["-- ", *footer]),
    ]
    if unsubscribe_url is not None:
        plain.append(f"{spoken.unsubscribe}:\n{unsubscribe_url}")
    return NoticeMail(subject, "\n\n".join(plain) + "\n", html)


def written_value(value: Value, shape: Shape, say: Phrasing) -> str | None:
    """A variable's value in words. The value is of the shape, or there is none."""
    return None if value is None or value == "" else _WRITERS[shape](say, value)


def _change(say: Phrasing, points: int) -> str:
    return ("+" if points >= 0 else "\u2212") + say.points(abs(points))


_WRITERS: Final[Mapping[Shape, Callable[[Phrasing, Any], str]]] = {
    Shape.TEXT: lambda _, text: str(text),
    Shape.LINK: lambda _, url: str(url),
    Shape.POINTS: lambda say, points: say.points(points),
    Shape.CHANGE: _change,
    Shape.MONEY: lambda say, minor_units: say.money(minor_units),
    Shape.DAY: lambda say, day: say.date(day),
    Shape.DAYS: lambda say, days: say.days(days),
    Shape.BATCHES: lambda say, batches: "\n".join(say.points_until(*batch) for batch in batches),
}


def _filled(body: str, values: Mapping[str, str | None]) -> list[Block]:
    return [block for block in (filled_in(block, values) for block in blocks_of(body)) if block]


def _quoted(text: str) -> str:
    """On lines of its own, so that it cannot pass for ours."""
    return "".join(f"\n> {line}" for line in text.split("\n"))


def _plain(block: Block) -> str:
    return block.text if isinstance(block, Paragraph) else f"{block.label}:\n{block.link}"


def _card_lines(panel: CardPanel | None) -> list[str]:
    """With what the giver wrote, quoted."""
    if panel is None:
        return []
    card, words = panel.card, panel.card.words
    quoted = [_quoted(card.message).lstrip("\n")] if card.message else []
    facts = [card.product, f"{words.value}: {card.face}"]
    if card.partly:
        facts.append(f"{words.left}: {card.left}")
    facts += [f"{words.code}: {card.code}", card.valid]
    page = [] if panel.page_url is None else [f"{words.page}:", panel.page_url]
    parts = (quoted, facts, [words.how_to_pay, words.keep_safe], page)
    return ["\n".join(lines) for lines in parts if lines]


def _preview(blocks: Sequence[Block]) -> str:
    """What a list of mails shows beside the subject: the first paragraph behind the greeting."""
    told = [_one_line(block.text) for block in blocks if isinstance(block, Paragraph)]
    return " ".join(told[1:] or told)[:_PREVIEW_MAX]


def _one_line(text: str) -> str:
    return _SPACE.sub(" ", text)


def _luminance(colour: str) -> float:
    """WCAG's relative luminance, 0 to 1."""
    channels = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]  # noqa: PLR2004
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
