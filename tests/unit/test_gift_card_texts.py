"""What is said of a gift card: in three languages, of every state, and nothing that could be misread as ours."""

from dataclasses import fields, replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointbook.domain.money import Money
from pointbook.domain.notices import NoticeKind
from pointbook.texts.gift_card_texts import CardFacts, CardText, card_text, words_of
from pointbook.texts.notice_mail import CardPanel, Look, NoticeMail, card_values, notice_mail
from pointbook.texts.notice_texts import default_text
from pointbook.texts.phrasing import LANGUAGES, Phrasing

CODE = "7K3M-Q9WX-2B4D-RT6Z"
FACTS = CardFacts(
    programme="Morgenrot",
    first="de",
    names={"de": "Kaffeegutschein", "en": "Coffee voucher"},
    face=Money(5_000, "EUR"),
    left=Money(5_000, "EUR"),
    held=Money(0, "EUR"),
    code=CODE,
    last_four="RT6Z",
    ended=None,
    last_day=date(2027, 3, 1),
    recipient="Ola",
    message="Alles Gute!\nCode: 0000-0000-0000-0000",
)


def card_mail(card: CardText, *, given: bool, page_url: str | None, picture: str) -> NoticeMail:
    """In the product's words for a buyer, or for whom the card is ``given``."""
    kind, say = NoticeKind.GIFT_CARD_GIVEN if given else NoticeKind.GIFT_CARD, Phrasing(card.tag, "EUR")
    text, panel = default_text(kind, say.language), CardPanel(card, picture, page_url)
    return notice_mail(kind, text, card_values(card), say, Look(card.programme), unsubscribe_url=None, panel=panel)


@given(tag=st.text(max_size=60))
def test_no_language_tag_breaks_it(tag: str) -> None:
    found, words = words_of(tag)
    assert words is words_of(found)[1]


def test_every_word_is_there_in_every_language_with_the_same_gaps() -> None:
    for one in fields(words_of("en")[1]):
        texts = [getattr(words_of(language)[1], one.name) for language in LANGUAGES]
        assert all(texts), one.name
        if one.name != "hello_name":  # Polish names would have to be inflected
            assert len({text.count("{") for text in texts}) == 1, one.name


@pytest.mark.parametrize(
    ("ended", "language", "said"),
    [
        ("USED", "de", "Dieser Gutschein ist ganz eingelöst."),
        ("EXPIRED", "en", "This gift card has expired. It was valid through March 1, 2027."),
        ("VOID", "pl", "Ta karta podarunkowa została anulowana i nie jest już ważna."),
    ],
)
def test_a_card_that_has_ended_has_no_code(ended: str, language: str, said: str) -> None:
    card = card_text(replace(FACTS, ended=ended), language)
    assert (card.ended, card.code, card.partly) == (said, None, False)


def test_what_was_never_to_end_and_has_no_name_in_a_language_is_told_too() -> None:
    card = card_text(replace(FACTS, last_day=None, names={"fr": "Bon"}), "pl")
    assert (card.valid, card.product) == ("Ważna bezterminowo", "Bon")
    assert card_text(replace(FACTS, names={}), "pl").product == "Karta podarunkowa"


@pytest.mark.parametrize(
    ("language", "subject", "lines"),
    [
        (
            "de",
            "Ein Gutschein für Sie: 50,00\xa0€ bei Morgenrot",
            ("Guten Tag Ola,", "Kaffeegutschein", "Gültig bis einschließlich 1. März 2027"),
        ),
        (
            "en",
            "A gift card for you: €50.00 at Morgenrot",
            ("Hello Ola,", "Coffee voucher", "Valid through March 1, 2027"),
        ),
        (
            "pl",
            "Karta podarunkowa w prezencie: 50,00\xa0€, Morgenrot",
            ("Dzień dobry,", "Kaffeegutschein", "Ważna do 1 marca 2027 włącznie"),
        ),
    ],
)
def test_a_mail_says_the_same_as_text_and_as_html(language: str, subject: str, lines: tuple[str, ...]) -> None:
    mail = card_mail(
        card_text(FACTS, language),
        given=True,
        page_url="https://p.example/gift-cards/1?lang=de",
        picture="cid:qr@p",
    )
    assert mail.subject == subject
    assert CODE not in mail.subject
    for line in (*lines, CODE, "https://p.example/gift-cards/1?lang=de", "Alles Gute!"):
        assert line in mail.text
        assert line in mail.html
    assert 'src="cid:qr@p"' in mail.html
    assert f'<html lang="{language}" ' in mail.html


def test_what_the_buyer_wrote_is_quoted_and_cannot_pass_for_ours() -> None:
    mail = card_mail(card_text(FACTS, "de"), given=True, page_url=None, picture="cid:qr@p")
    assert "> Alles Gute!\n> Code: 0000-0000-0000-0000\n" in mail.text
    assert [line for line in mail.text.splitlines() if line.startswith("Code:")] == [f"Code: {CODE}"]
    assert "Alles Gute!<br />" in mail.html


def test_a_mail_to_the_buyer_and_without_a_page_has_no_link() -> None:
    facts = replace(FACTS, recipient=None, message=None, left=Money(2_000, "EUR"))
    mail = card_mail(card_text(facts, "en"), given=False, page_url=None, picture="cid:qr@p")
    assert mail.subject == "Your gift card: €50.00 at Morgenrot"
    assert "here is your gift card from Morgenrot." in mail.text
    assert "Still available: €20.00" in mail.text
    assert "http" not in mail.text
    assert "<a " not in mail.html


def test_names_and_messages_stay_text_in_html() -> None:
    facts = replace(FACTS, programme="<b>M</b>", recipient="</p><img src=x>", message="<script>x</script>")
    html = card_mail(card_text(facts, "en"), given=True, page_url=None, picture="cid:qr@p").html
    for tag in ("<b>M", "<img src=x", "<script"):
        assert tag not in html


def test_codes_and_persons_are_not_shown_by_accident() -> None:
    card = card_text(FACTS, "en")
    mail = card_mail(card, given=True, page_url=None, picture="cid:qr@p")
    for shown in (repr(FACTS), repr(card), repr(mail)):
        assert CODE not in shown
        assert "Ola" not in shown
        assert "Alles" not in shown
