"""An address is taken if mail can be sent to it: what is taken is what a header and a server can hold."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointbook.domain.errors import InvalidInput
from pointbook.domain.mailboxes import mailbox_address
from pointbook.domain.notice_settings import NoticeSettings, checked
from pointbook.services.mailing import address
from pointbook.services.members import members_email, normalised_email

UNSENDABLE = [
    "a..b@x.de",
    "a@[@x.de",
    "a@b@c.de",
    "a,b@x.de",
    "müller@x.de",
    "a@x..de",
    "a@😀.de",
    "nobody",
    "",
    None,
]


@pytest.mark.parametrize("given", UNSENDABLE)
def test_where_no_mail_can_go_is_refused_with_its_field(given: Any) -> None:
    with pytest.raises(InvalidInput, match=r"^replyTo: "):
        mailbox_address("replyTo", given)


@pytest.mark.parametrize("given", ["ola@x.de", "o'neill+1@sub.x-y.de", "Ola@Żółw.example", "ola@straße.example"])
def test_others_are_taken_as_they_were_written(given: str) -> None:
    assert mailbox_address("email", given) == given


@given(st.text('aZ9.,@ü-ß"() _[]:;\\<>', max_size=12).map(lambda text: f"a{text}@x.de"))
def test_what_is_taken_can_be_written(given: str) -> None:
    try:
        taken = mailbox_address("email", given)
    except InvalidInput:
        return
    assert address(None, taken).addr_spec


@pytest.mark.parametrize("settings", [{"reply_to": "a..b@x.de"}, {"staff_addresses": ("ola@x.de", "a,b@x.de")}])
def test_settings_take_none_that_would_break_every_notice(settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        checked(NoticeSettings(**settings))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Ola@Straße.DE", "ola@straße.de"),
        ("OLA@strasse.de", "ola@strasse.de"),
        ("ola@Z\u0307O\u0301\u0142w.pl", "ola@żółw.pl"),
    ],
)
def test_spellings_of_one_address_are_one_and_two_hosts_are_two(given: str, kept: str) -> None:
    assert normalised_email("email", given) == members_email("email", given) == kept


def test_orders_name_customers_by_any_address_and_members_have_one_for_mail() -> None:
    assert normalised_email("customer.email", "Müller@x.de") == "müller@x.de"
    with pytest.raises(InvalidInput):
        members_email("email", "Müller@x.de")
