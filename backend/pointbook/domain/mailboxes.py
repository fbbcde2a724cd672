"""Addresses that mail can be sent to, by servers that know no letters beyond ASCII but in names of hosts."""

from email.errors import MessageError
from email.headerregistry import Address

import idna

from pointbook.domain.errors import InvalidInput
from pointbook.domain.text import email_address


def mailbox(address: str, name: str = "") -> Address:
    """For a header; a host beyond ASCII is written as servers know it (IDNA 2008). Raises ValueError: it is none.

    >>> mailbox("ola@straße.example").addr_spec
    'ola@xn--strae-oqa.example'
    """
    local, _, host = address.rpartition("@")
    try:
        spelt = host if host.isascii() else idna.encode(host, uts46=True).decode()
        return Address(name, addr_spec=f"{local}@{spelt}")
    except (ValueError, MessageError, IndexError, AttributeError):  # all that the parser of addresses raises
        raise ValueError("no address that mail can be sent to") from None


def mailbox_address(field: str, value: object) -> str:
    """An address as it was written, which mail can be sent to; whether somebody is there is not looked at."""
    address = email_address(field, value)
    try:
        mailbox(address)
    except ValueError:
        raise InvalidInput(field, "must be an e-mail address that mail can be sent to") from None
    return address
