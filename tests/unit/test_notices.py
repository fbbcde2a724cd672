"""Notices say in every language what happened, and nothing that somebody wrote is more than text (R32)."""

import re
from dataclasses import replace
from datetime import date

import pytest

from pointbook.domain.errors import InvalidInput
from pointbook.domain.notices import (
    BODY_MAX,
    TYPES,
    Batch,
    NoticeKind,
    Shape,
    checked_body,
    checked_subject,
)
from pointbook.texts.notice_examples import examples
from pointbook.texts.notice_mail import COLOUR, Look, NoticeMail, notice_mail, written_value
from pointbook.texts.notice_texts import NoticeText, default_text
from pointbook.texts.phrasing import LANGUAGES, Phrasing

ALL = [(kind, language) for kind in NoticeKind for language in LANGUAGES]
ATTACK = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'{{ 7 * 7 }}{points}"
PAGE = "https://loyalty.example/notices/unsubscribe/1-x"


def mail(
    kind: NoticeKind, text: NoticeText, language: str = "en", *, look: Look | None = None, **values: object
) -> NoticeMail:
    """With example values, and ``values`` in place of them."""
    return notice_mail(
        kind,
        text,
        {**TYPES[kind].examples, **values},  # type: ignore[dict-item]
        Phrasing(language, "EUR"),
        look or Look("Morgenrot"),
        unsubscribe_url=PAGE,
    )


@pytest.mark.parametrize(("kind", "language"), ALL)
def test_the_products_texts_are_such_as_a_merchant_may_save(kind: NoticeKind, language: str) -> None:
    text = default_text(kind, language)
    assert checked_subject(kind, text.subject) == text.subject
    assert checked_body(kind, text.body) == text.body


@pytest.mark.parametrize("language", LANGUAGES)
def test_examples_of_words_are_in_the_language_of_the_text(language: str) -> None:
    known = {name for kind in NoticeKind for name, value in TYPES[kind].examples.items() if " " in str(value)}
    written = {
        name
        for kind in NoticeKind
        for name, value in examples(kind, language).items()
        if value != TYPES[kind].examples[name]
    }
    words = known - {"batches"} | {"face"}
    assert written == (set() if language == "en" else words)


@pytest.mark.parametrize(("kind", "language"), ALL)
def test_every_kind_is_told_in_every_language_with_and_without_optional_values(
    kind: NoticeKind, language: str
) -> None:
    text = default_text(kind, language)
    bare = {variable.name: None for variable in TYPES[kind].variables if variable.optional}
    for told in (mail(kind, text, language), mail(kind, text, language, **bare)):
        assert told.subject
        assert told.html.startswith("<!doctype html>")
        for whole in (told.subject, told.text, re.sub(r"<style.*?</style>", "", told.html, flags=re.DOTALL)):
            assert "None" not in whole
            assert not re.search(r"[{}]", whole), "a variable was not filled in"
        assert told.text.count("\n\n\n") == 0


@pytest.mark.parametrize(("kind", "language"), ALL)
def test_texts_name_every_variable_that_matters_in_every_language(kind: NoticeKind, language: str) -> None:
    named = set(re.findall(r"\{([a-z_]+)\}", " ".join(default_text(kind, language))))
    assert named == set(re.findall(r"\{([a-z_]+)\}", " ".join(default_text(kind, "en"))))


def test_languages_have_their_own_words() -> None:
    for kind in NoticeKind:
        assert len({default_text(kind, language) for language in LANGUAGES}) == len(LANGUAGES)


@pytest.mark.parametrize(
    ("language", "points", "said"), [("de", 1, "1 Punkt "), ("pl", 22, "22 punkty "), ("pl", 25, "25 punktów ")]
)
def test_a_number_of_points_has_the_right_noun(language: str, points: int, said: str) -> None:
    told = mail(
        NoticeKind.POINTS_CREDITED, NoticeText("x", "{points} ({balance})"), language, points=points, balance=1
    )
    assert told.text.startswith(said)


@pytest.mark.parametrize(
    ("value", "shape", "said"),
    [
        (-50, Shape.CHANGE, "\u221250 points"),
        (50, Shape.CHANGE, "+50 points"),
        (0, Shape.POINTS, "0 points"),
        (1250, Shape.MONEY, "€12.50"),
        (1, Shape.DAYS, "1 day"),
        (date(2027, 3, 31), Shape.DAY, "March 31, 2027"),
        ((Batch(1, date(2027, 3, 31)), Batch(2, date(2027, 4, 1))), Shape.BATCHES, None),
        ("", Shape.TEXT, None),
        (None, Shape.DAY, None),
    ],
)
def test_values_are_written_by_their_shape(value: object, shape: Shape, said: str | None) -> None:
    written = written_value(value, shape, Phrasing("en", "EUR"))  # type: ignore[arg-type]
    expected = "1 point through March 31, 2027\n2 points through April 1, 2027" if shape is Shape.BATCHES else said
    assert written == expected


def test_a_subject_does_without_a_value_that_is_gone() -> None:
    told = mail(NoticeKind.EXCHANGE_ORDER, NoticeText("Order of {customer}", "{customer}\n\nBye"), customer="")
    assert told.subject == "Order of "
    assert told.text.startswith("Bye\n")


def test_a_paragraph_without_its_value_is_left_out() -> None:
    text = NoticeText("Hello", "Hello\n\nFor {order}.\n\n[Look]({account_page})\n\nBye")
    told = mail(NoticeKind.POINTS_CREDITED, text, order=None, account_page=None)
    assert told.text.startswith("Hello\n\nBye\n\n-- \n")
    told = mail(NoticeKind.POINTS_CREDITED, text, order="7", account_page="https://shop.example/me")
    assert told.text.startswith("Hello\n\nFor 7.\n\nLook:\nhttps://shop.example/me\n\nBye")
    assert 'href="https://shop.example/me"' in told.html


@pytest.mark.parametrize("kind", NoticeKind)
def test_whatever_anybody_wrote_is_text(kind: NoticeKind) -> None:
    texts = {
        variable.name: ATTACK for variable in TYPES[kind].variables if variable.shape in (Shape.TEXT, Shape.LINK)
    }
    names = " ".join(f"{{{variable.name}}}" for variable in TYPES[kind].variables)
    told = mail(
        kind,
        NoticeText("x", f"{names}\n\n{ATTACK.replace('{{ 7 * 7 }}{points}', '')}"),
        look=Look(ATTACK, footer=ATTACK),
        **texts,
    )
    assert "<script" not in told.html
    assert "<img src=x" not in told.html
    assert "49" not in re.sub(r"<style.*?</style>|style=\"[^\"]*\"", "", told.html, flags=re.DOTALL)
    assert "&lt;script&gt;" in told.html
    assert "{points}" in told.text, "what stands in a value is not looked at again"


def test_no_value_makes_a_header_of_its_own() -> None:
    told = mail(
        NoticeKind.POINTS_CREDITED, NoticeText("By {programme}", "x"), look=Look("A\r\nBcc: all@example.com")
    )
    assert told.subject == "By A Bcc: all@example.com"


@pytest.mark.parametrize(
    ("subject", "why"),
    [
        ("", "1 to 150"),
        ("x" * 151, "1 to 150"),
        ("Hello\nBcc: all@example.com", "line break"),
        ("Hello\r", "line break"),
        ("Hello {nobody}", "{nobody}"),
        ("Hello {order}", "{order}"),  # it may have no value
        ("Hello {points", "brace"),
        ("Hello\x00", "control"),
        (None, "required"),
    ],
)
def test_a_subject_that_is_none_is_refused(subject: object, why: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(why)) as refusal:
        checked_subject(NoticeKind.POINTS_CREDITED, subject)
    assert refusal.value.field == "subject"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("", "1 to 5000"),
        (" \n ", "blank"),
        ("x" * (BODY_MAX + 1), "1 to 5000"),
        ("Hello {nobody}", "{nobody}"),
        ("Hello {change}", "{change}"),  # of another kind
        ("Hello }", "brace"),
        ("[Look]({points})", "{points}, which is no address"),
        ("Hello\x1b", "control"),
    ],
)
def test_a_body_that_is_none_is_refused(body: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(why)) as refusal:
        checked_body(NoticeKind.POINTS_CREDITED, body)
    assert refusal.value.field == "body"


def test_what_a_message_is_for_cannot_be_left_out_of_it() -> None:
    with pytest.raises(InvalidInput, match=re.escape("must have {link}")):
        checked_body(NoticeKind.MERGE_PROOF, "It is good for {hours} hours.")
    for body in ("[Yes]({link})", "Go to {link}"):
        assert checked_body(NoticeKind.MERGE_PROOF, body) == body


def test_lines_of_other_systems_are_lines() -> None:
    assert checked_body(NoticeKind.WELCOME, "\r\nHello\r\n\r\nBye\r\n") == "Hello\n\nBye"


@pytest.mark.parametrize("colour", [COLOUR, "#ffffff", "#000000", "#ffcc00", "#777777", "#e3000f", "#808080"])
def test_a_button_can_be_read_on_any_colour(colour: str) -> None:
    look = Look("x", colour)
    ink = 1.0 if look.ink == "#ffffff" else 0.0
    ground = _luminance(colour)
    assert (max(ink, ground) + 0.05) / (min(ink, ground) + 0.05) >= 4.5


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_footer_is_the_merchants_own() -> None:
    look = replace(Look("Morgenrot"), footer="Morgenrot GmbH\nBerlin", logo_url="https://shop.example/logo.png")
    told = mail(NoticeKind.WELCOME, default_text(NoticeKind.WELCOME, "de"), "de", look=look)
    assert "Morgenrot GmbH\nBerlin\n" in told.text
    assert "Morgenrot GmbH<br />Berlin" in told.html
    assert 'src="https://shop.example/logo.png"' in told.html
    assert told.text.endswith(f"Keine Nachrichten mehr erhalten:\n{PAGE}\n")
    assert f'href="{PAGE}"' in told.html
