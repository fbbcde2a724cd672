"""Texts of strangers: NUL, lone surrogates and control characters stay out, every script comes in."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointbook.domain.errors import InvalidInput
from pointbook.domain.text import email_address, identifier, optional_identifier, shown


@given(st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=128))
def test_an_identifier_of_any_script_is_kept_as_it_is(value: str) -> None:
    assert identifier("id", value) == value
    value.encode()


@pytest.mark.parametrize("value", ["A 1", "A\u00a01", "क्‍ष", "\ue000", "🧀", " A", "A" * 128])
def test_spaces_joiners_and_rare_signs_are_no_control_characters(value: str) -> None:
    assert identifier("id", value) == value


@given(
    st.text(max_size=5), st.sampled_from("\x00\x01\x1f\x7f\x85\n\t\r\u2028\u2029\ud800\udfff"), st.text(max_size=5)
)
def test_control_characters_and_lone_surrogates_are_refused(before: str, sign: str, after: str) -> None:
    with pytest.raises(InvalidInput):
        identifier("id", before + sign + after)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "is required"),
        (7, "must be a text"),
        (b"A", "must be a text"),
        ("", "1 to 128 characters"),
        ("A" * 129, "1 to 128 characters"),
        ("   ", "must not be blank"),
        ("\u3000", "must not be blank"),
        ("A\x00", "control characters"),
    ],
)
def test_what_is_no_identifier_is_refused_with_its_field(value: Any, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason) as refusal:
        identifier("store", value)
    assert refusal.value.field == "store"
    assert refusal.value.code == "INVALID_INPUT"


def test_what_is_missing_may_be_missing() -> None:
    assert optional_identifier("store", None) is None
    assert optional_identifier("store", "7") == "7"


@pytest.mark.parametrize("address", ["a@b", "o'neil+x@example.org", "müller@exämple.de", '"a@b"@example.org'])
def test_an_address_is_looked_at_for_its_shape_only(address: str) -> None:
    assert email_address("email", address) == address


@pytest.mark.parametrize(
    "address", ["", "a", "@b", "a@", "a b@c", "a@b c", "a\u00a0b@c", "a@b\n", "a" * 250 + "@b.de", 7]
)
def test_what_is_no_address_is_refused(address: Any) -> None:
    with pytest.raises(InvalidInput):
        email_address("email", address)


@given(st.one_of(st.text(), st.integers(), st.none()))
def test_any_key_can_be_shown(key: object) -> None:
    assert shown(key).isascii()
    assert shown(key).isprintable()
    assert len(shown(key)) <= 64 * len("\\U0001f9c0")


def test_the_path_of_a_refusal_is_completed_from_outside() -> None:
    inner = InvalidInput("amount", "must not be negative")
    assert str(inner.under("lines[3]")) == "lines[3].amount: must not be negative"
    assert str(InvalidInput("", "is required").under("lines[3]")) == "lines[3]: is required"
