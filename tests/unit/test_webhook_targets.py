"""Webhooks go to well-formed URLs at addresses that are everybody's, and come again with growing pauses."""

from datetime import timedelta

import pytest

from pointbook.domain.errors import InvalidInput
from pointbook.domain.webhook_patience import ATTEMPTS_MAX, DISABLED_AFTER, pause_after
from pointbook.domain.webhook_targets import checked_target, is_public

PUBLIC = [
    "93.184.215.14",
    "2606:2800:21f:cb07:6820:80da:af6b:8b2c",
    "::ffff:93.184.215.14",
    "64:ff9b::93.184.215.14",
    "2002:5db8:d70e::1",
]
PRIVATE = [
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),  # noqa: S104
    *("224.0.1.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1"),
    *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::10.0.0.1"),
    *("2002:7f00:1::1", "2002:a00:1::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"),
    *("192.0.0.9", "192.88.99.1", "168.63.129.16", "3fff::1", "2002:a83f:8110::1"),
    *("2606:4700::5efe:10.0.0.1", "2606:4700::200:5efe:127.0.0.1"),
    *("", "localhost", "127.1", "0x7f000001", "2130706433"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_asked(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_any_other_may_not_whatever_it_is_dressed_up_as(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "shop.example",
            "//shop.example/",
            "ftp://shop.example/",
            "http://shop.example/",
            "https://",
            "https:///a",
        ),
        *("https://user@shop.example/", "https://user:password@shop.example/", "https://shop.example/#part"),
        *("https://shop.example:0/", "https://shop.example:99999/", "https://shop.example:x/", "https://[::1"),
        *(
            "https://shöp.example/",
            "https://shop.example/a b",
            "https://shop.example/\n",
            "https://shop.example\\@a/",
        ),
        *("https://127.0.0.1/", "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://10.0.0.1:8443/"),
        *("https://localhost/", "https://a.localhost/", "https://[fe80::1%25eth0]/"),
        "https://shop.example/" + "a" * 2_000,
    ],
)
def test_what_is_no_url_of_a_public_host_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        checked_target("url", url)
    assert refusal.value.field == "url"


def test_a_url_is_taken_apart() -> None:
    assert checked_target("url", "https://Shop.Example:8443?a=b") == ("https", "shop.example", 8443, "/?a=b")
    assert checked_target("url", "https://[2606:2800::1]/x") == ("https", "2606:2800::1", 443, "/x")
    assert checked_target("url", "http://127.0.0.1/x", private_allowed=True) == ("http", "127.0.0.1", 80, "/x")


def test_pauses_grow_up_to_a_day_and_the_last_attempt_is_after_three_days() -> None:
    pauses = [pause_after(attempt) for attempt in range(1, ATTEMPTS_MAX)]
    known = [pause for pause in pauses if pause is not None]
    assert known == sorted(known)
    assert (len(known), known[-1], pause_after(ATTEMPTS_MAX)) == (11, timedelta(days=1), None)
    assert sum(known, timedelta()) > DISABLED_AFTER
