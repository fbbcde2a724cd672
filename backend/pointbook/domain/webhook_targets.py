"""Where webhooks may go: URLs that are well-formed, and addresses that are everybody's.

A merchant names the URL, and Pointbook stands inside a network: what may be asked there is the merchant's
business no more than anybody else's. So only public addresses are asked, whatever a name resolves to.
"""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from pointbook.domain.errors import InvalidInput

MAX_URL: Final = 2_000
_PORTS: Final = {"https": 443, "http": 80}
_UNICAST: Final = IPv6Network("2000::/3")
# What some versions of Python's tables take for public: special uses, relays, and hosts of clouds inside them.
_SPECIAL_V4: Final = tuple(
    IPv4Network(network) for network in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")
)
_DOCUMENTATION: Final = IPv6Network("3fff::/20")
_ISATAP: Final = frozenset({b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe"})  # an address of inside follows
_NUMBER: Final = re.compile(r"0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*")
_BYTES: Final = 4
_BYTE: Final = 255
_NAT64: Final = IPv6Network("64:ff9b::/96")


class Target(NamedTuple):
    """A URL taken apart. ``host`` is a name, or an address without brackets; ``path`` has the query, too."""

    scheme: str
    host: str
    port: int
    path: str


def checked_target(field: str, url: str, *, private_allowed: bool = False) -> Target:
    """The parts of an https URL; http is for where private addresses are allowed. Raises InvalidInput.

    >>> checked_target("url", "https://shop.example/hooks?a=1")
    Target(scheme='https', host='shop.example', port=443, path='/hooks?a=1')
    """
    if not 0 < len(url) <= MAX_URL:
        raise InvalidInput(field, f"must have 1 to {MAX_URL} characters")
    if not (url.isascii() and url.isprintable()) or " " in url or "\\" in url:
        raise InvalidInput(field, "must be written in ASCII without spaces: punycode and percent signs")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise InvalidInput(field, "must be a URL") from None
    if parts.scheme != "https" and not (private_allowed and parts.scheme == "http"):
        raise InvalidInput(field, "must begin with https://")
    if not host or "%" in host or port == 0:
        raise InvalidInput(field, "must name a host")
    if "@" in parts.netloc or parts.fragment:
        raise InvalidInput(field, "must have no user name and no fragment")
    if not private_allowed and _is_private_literal(host):
        raise InvalidInput(field, "must be at a public address")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or _PORTS[parts.scheme], path)


def is_public(address: str) -> bool:
    """Whether anybody may be asked at this address, also if it stands for another one.

    >>> [is_public(it) for it in ("93.184.215.14", "10.0.0.1", "::ffff:127.0.0.1", "fe80::1%eth0")]
    [True, False, False, False]
    """
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv4Address):
        return _is_public_v4(found)
    if found.scope_id is not None:
        return False
    embedded = _embedded(found)
    if embedded is not None:
        return _is_public_v4(embedded)
    special = found in _DOCUMENTATION or found.packed[8:12] in _ISATAP
    return found in _UNICAST and found.is_global and found.teredo is None and not special


def _is_public_v4(address: IPv4Address) -> bool:
    special = any(address in network for network in _SPECIAL_V4)
    return address.is_global and not address.is_multicast and not special


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """The address that a gateway makes of it: mapped, 6to4, NAT64."""
    if address in _NAT64:
        return IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour


def _is_private_literal(host: str) -> bool:
    """A name may be anything; what it resolves to is looked at each time."""
    name = host.removesuffix(".")  # says that a name is complete
    number = _number_address(name)
    if number is not None:
        return not _is_public_v4(number)
    try:
        ip_address(name)
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
    return not is_public(name)


def _number_address(host: str) -> IPv4Address | None:
    """The address that resolvers take a number for, as C's ``inet_aton`` reads it; None: they ask for a name.

    One to four numbers, decimal, octal after 0 or hexadecimal after 0x, of which the last fills what is left.

    >>> [str(_number_address(it)) for it in ("2130706433", "0x7f.1", "0177.0.0.1", "1.2.3.4.5", "1e100.net")]
    ['127.0.0.1', '127.0.0.1', '127.0.0.1', 'None', 'None']
    """
    parts = host.split(".")
    if len(parts) > _BYTES or not all(map(_NUMBER.fullmatch, parts)):
        return None
    *first, last = (int(part, _base(part)) for part in parts)
    if any(number > _BYTE for number in first) or last >> 8 * (_BYTES - len(first)):
        return None
    return IPv4Address(bytes(first) + last.to_bytes(_BYTES - len(first), "big"))


def _base(number: str) -> int:
    return 16 if number[:2] in {"0x", "0X"} else 8 if number[0] == "0" else 10
