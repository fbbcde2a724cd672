"""What is said of a gift card to whoever holds it: on its page and in the mail that brings its code."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from pointbook.domain.money import Money
from pointbook.texts.phrasing import Phrasing, own_text


@dataclass(frozen=True, slots=True)
class Words:
    """What there is to say in one language; ``{}`` stands for a name, an amount or a date."""

    language: str
    gift_card: str
    recipient: str
    value: str
    left: str
    set_aside: str
    code: str
    code_ends: str
    qr_code: str
    valid_until: str
    unlimited: str
    used: str
    expired: str
    void: str
    how_to_pay: str
    keep_safe: str
    other_languages: str
    hello: str
    hello_name: str
    page: str
    no_page: str


_DE: Final = Words(
    language="Deutsch",
    gift_card="Gutschein",
    recipient="Für {}",
    value="Wert",
    left="Noch verfügbar",
    set_aside="Weitere {} sind gerade für einen Einkauf vorgemerkt.",
    code="Code",
    code_ends="Der Code endet auf {}.",
    qr_code="QR-Code mit dem Code des Gutscheins",
    valid_until="Gültig bis einschließlich {}",
    unlimited="Unbegrenzt gültig",
    used="Dieser Gutschein ist ganz eingelöst.",
    expired="Dieser Gutschein ist abgelaufen. Er war bis einschließlich {} gültig.",
    void="Dieser Gutschein wurde storniert und ist nicht mehr gültig.",
    how_to_pay=(
        "Geben Sie den Code beim Bezahlen an, oder zeigen Sie ihn vor. "
        "Er gilt für mehrere Einkäufe, bis nichts mehr übrig ist."
    ),
    keep_safe="Wer den Code kennt, kann damit bezahlen. Bewahren Sie ihn gut auf.",
    other_languages="Sprache",
    hello="Guten Tag,",
    hello_name="Guten Tag {},",
    page="Ausdrucken und nachsehen, was übrig ist",
    no_page="Diese Seite gibt es nicht.",
)
_EN: Final = Words(
    language="English",
    gift_card="Gift card",
    recipient="For {}",
    value="Value",
    left="Still available",
    set_aside="Another {} is set aside for a purchase at this moment.",
    code="Code",
    code_ends="The code ends in {}.",
    qr_code="QR code of the gift card's code",
    valid_until="Valid through {}",
    unlimited="Valid without limit",
    used="This gift card is used up.",
    expired="This gift card has expired. It was valid through {}.",
    void="This gift card was cancelled and is no longer valid.",
    how_to_pay=(
        "Enter the code or show it when you pay. It is good for several purchases, until nothing is left of it."
    ),
    keep_safe="Whoever knows the code can pay with it. Keep it safe.",
    other_languages="Language",
    hello="Hello,",
    hello_name="Hello {},",
    page="Print it, and see what is left of it",
    no_page="There is no such page.",
)
_PL: Final = Words(
    language="Polski",
    gift_card="Karta podarunkowa",
    recipient="Dla: {}",
    value="Wartość",
    left="Pozostało",
    set_aside="Dodatkowa kwota {} jest teraz zarezerwowana na zakup.",
    code="Kod",
    code_ends="Ostatnie znaki kodu: {}.",
    qr_code="Kod QR z kodem karty podarunkowej",
    valid_until="Ważna do {} włącznie",
    unlimited="Ważna bezterminowo",
    used="Środki z tej karty podarunkowej zostały w całości wykorzystane.",
    expired="Ta karta podarunkowa straciła ważność. Była ważna do {} włącznie.",
    void="Ta karta podarunkowa została anulowana i nie jest już ważna.",
    how_to_pay=(
        "Kod należy podać lub okazać przy płatności. Kartą można płacić wiele razy, aż do wyczerpania środków."
    ),
    keep_safe="Każdy, kto zna kod, może nim zapłacić. Należy go chronić.",
    other_languages="Język",
    hello="Dzień dobry,",
    hello_name="Dzień dobry,",
    page="Wydruk i sprawdzenie stanu karty",
    no_page="Nie ma takiej strony.",
)
_WORDS: Final = {"de": _DE, "en": _EN, "pl": _PL}

OTHER_LANGUAGES: Final = {tag: words.language for tag, words in _WORDS.items()}
"""The languages there are by tag, each called as its speakers do."""


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What is so, in no language. ``names``: of the product by locale, the programme's ``first`` among them.

    ``left`` can be used now, ``held`` is set aside. ``ended``: None while it is good, else USED, EXPIRED or VOID.
    ``last_day`` is the last local day on which it is valid; None: it is for ever.
    """

    programme: str
    first: str
    names: Mapping[str, str]
    face: Money
    left: Money
    held: Money
    code: str = field(repr=False)
    last_four: str
    ended: str | None
    last_day: date | None
    recipient: str | None = field(repr=False)
    message: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class CardText:
    """Plain text, to be escaped by whoever puts it into a page. ``code`` is None when it is good for nothing."""

    tag: str
    words: Words = field(repr=False)
    programme: str
    product: str
    face: str
    left: str
    partly: bool
    set_aside: str | None
    code: str | None = field(repr=False)
    code_ends: str
    ended: str | None
    valid: str
    recipient: str | None = field(repr=False)
    message: str | None = field(repr=False)

    @property
    def greeting(self) -> str:
        return self.words.hello if self.recipient is None else self.words.hello_name.format(self.recipient)


def words_of(tag: str) -> tuple[str, Words]:
    """Those of a language tag, and the tag they are in: English, where there are none in its language."""
    say = Phrasing.of_texts(tag, "EUR")
    return say.tag, _WORDS[say.language]


def card_text(facts: CardFacts, tag: str) -> CardText:
    """In the language of ``tag``, wholly in English where there are no texts in it."""
    say = Phrasing.of_texts(tag, facts.face.currency)
    words = _WORDS[say.language]
    last_day = None if facts.last_day is None else say.date(facts.last_day)
    held = say.money(facts.held.amount) if facts.held.amount else None
    return CardText(
        tag=say.tag,
        words=words,
        programme=facts.programme,
        product=_product(facts, say.tag) or words.gift_card,
        face=say.money(facts.face.amount),
        left=say.money(facts.left.amount),
        partly=facts.ended is None and facts.left != facts.face,
        set_aside=None if held is None else words.set_aside.format(held),
        code=facts.code if facts.ended is None else None,
        code_ends=words.code_ends.format(facts.last_four),
        ended=None if facts.ended is None else _ending(words, facts.ended).format(last_day),
        valid=words.unlimited if last_day is None else words.valid_until.format(last_day),
        recipient=facts.recipient,
        message=facts.message,
    )


def _product(facts: CardFacts, tag: str) -> str | None:
    return own_text(facts.names.items(), tag, facts.first) or next(iter(facts.names.values()), None)


def _ending(words: Words, ended: str) -> str:
    return {"USED": words.used, "EXPIRED": words.expired, "VOID": words.void}[ended]
