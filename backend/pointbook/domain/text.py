"""Which texts of a stranger are let in: identifiers, codes, free words. Every one has a length.

Refused are NUL and the other control characters, line separators and lone surrogates: PostgreSQL
cannot keep some of them, and none belongs in an identifier. Letters of any script are welcome.
"""

import unicodedata
from typing import Final

from pointbook.domain.errors import InvalidInput

MAX_IDENTIFIER: Final = 128
MAX_WORD: Final = 64
MAX_EMAIL: Final = 254

_REFUSED_CATEGORIES: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})


def identifier(field: str, value: object, maximum: int = MAX_IDENTIFIER) -> str:
    """``value``, when it is a text of 1 to ``maximum`` characters that is not blank; else InvalidInput.

    Nothing is trimmed or folded: identifiers are the shop's, and two that differ are two.

    >>> identifier("externalId", "A-1001")
    'A-1001'
    """
    if isinstance(value, str) and 0 < len(value) <= maximum and value.isprintable() and not value.isspace():
        return value
    return _looked_at_closely(field, value, maximum)


def _looked_at_closely(field: str, value: object, maximum: int) -> str:
    """Why ``value`` is refused; or itself, if all that made it look odd is a rare space or sign."""
    if not isinstance(value, str):
        raise InvalidInput(field, "is required" if value is None else "must be a text")
    if not 0 < len(value) <= maximum:
        raise InvalidInput(field, f"must have 1 to {maximum} characters")
    if value.isspace():
        raise InvalidInput(field, "must not be blank")
    if any(unicodedata.category(sign) in _REFUSED_CATEGORIES for sign in value):
        raise InvalidInput(field, "must not contain control characters or lone surrogates")
    return value


def optional_identifier(field: str, value: object, maximum: int = MAX_IDENTIFIER) -> str | None:
    """As ``identifier``, and None stays None."""
    return None if value is None else identifier(field, value, maximum)


def paragraphs(field: str, value: object, maximum: int) -> str:
    r"""A text as ``identifier`` takes it that may have lines, each ended by one line feed.

    >>> paragraphs("note", "Room 7\r\n2nd floor", 100)
    'Room 7\n2nd floor'
    """
    if not isinstance(value, str):
        return identifier(field, value, maximum)
    whole = value.replace("\r\n", "\n")
    identifier(field, whole.replace("\n", " "), maximum)
    return whole


def email_address(field: str, value: object) -> str:
    """An address as the shop wrote it; only its shape is looked at: what is sent to is a ``mailbox_address``."""
    address = identifier(field, value, MAX_EMAIL)
    local, at, host = address.rpartition("@")
    if not (at and local and host) or any(sign.isspace() for sign in address):
        raise InvalidInput(field, "must be an e-mail address")
    return address


def shown(key: object) -> str:
    r"""A stranger's key so that it can stand in a message: ASCII, short, escaped where it must be.

    >>> shown("amonut"), shown("Menge ü")
    ('amonut', 'Menge \\xfc')
    """
    return ascii(str(key)[:MAX_WORD])[1:-1]
