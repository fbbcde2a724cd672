"""Webhooks go to well-formed URLs at addresses that are everybody's, and come again with growing pauses."""

from datetime import timedelta
from ipaddress import IPv4Address
from socket import inet_aton
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointbook.domain.errors import InvalidInput
from pointbook.domain.webhook_patience import ATTEMPTS_MAX, DISABLED_AFTER, pause_after
from pointbook.domain.webhook_targets import _number_address, checked_target, is_public

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
        *("https://2130706433/", "https://0x7f000001/", "https://0X7F.1/", "https://017700000001/"),
        *("https://0177.0.0.1/", "https://127.1/", "https://10.0x1.2/", "https://0/", "https://4294967295/"),
        *("https://127.0.0.1./", "https://localhost./", "https://a.localhost./", "https://2130706433./"),
        *(
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:7f00:1]/",
            "https://[::127.0.0.1]/",
            "https://0xa9fea9fe/",
        ),
        "https://shop.example@127.0.0.1/",
        "https://shop.example/" + "a" * 2_000,
    ],
)
def test_what_is_no_url_of_a_public_host_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        checked_target("url", url)
    assert refusal.value.field == "url"


@pytest.mark.parametrize(
    "url",
    [
        *("https://1e100.net/", "https://0x.example/", "https://256.shop.example/", "https://1.2.3.4.5/"),
        *("https://0x5db8d70e/", "https://93.184.55054/", "https://93.184.215.14./", "https://shop.example./"),
    ],
)
def test_a_name_that_looks_like_a_number_and_a_public_number_may_be_asked(url: str) -> None:
    assert checked_target("url", url).host == urlsplit(url).hostname


DIGITS = st.sampled_from(
    ["0", "00", "1", "7", "8", "08", "127", "255", "256", "65535", "0x", "0x0", "0xFF", "0X7f"]
)
HOSTS = st.lists(
    DIGITS | st.integers(0, 2**33).map(str) | st.integers(0, 2**33).map(hex) | st.just(""), max_size=5
)


@given(HOSTS.map(".".join))
def test_a_number_is_read_as_the_resolver_reads_it(host: str) -> None:
    try:
        resolved = IPv4Address(inet_aton(host))
    except OSError:
        resolved = None
    assert _number_address(host) == resolved


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
