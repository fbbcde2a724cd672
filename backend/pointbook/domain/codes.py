"""Codes that people read and type: derived from a secret and what they stand for, so that none is ever stored.

A replayed request derives the same code again; the database keeps a keyed hash and the last four.
"""

import hashlib
import hmac
from typing import Final
from uuid import UUID

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no I, L, O, U
MIN_SECRET: Final = 32  # bytes
_GROUP: Final = 4

_READINGS: Final = {
    **{ord(sign): sign for sign in ALPHABET},
    **{ord(sign.lower()): sign for sign in ALPHABET},
    **dict.fromkeys(map(ord, "Oo"), "0"),
    **dict.fromkeys(map(ord, "IiLl"), "1"),
    **dict.fromkeys(map(ord, "- ")),
}


def signs_of(text: str, length: int) -> str | None:
    """The signs of a code as somebody typed it: any case, with or without hyphens and spaces; None: it is none.

    >>> signs_of(" o1il-abcd 7890", 12)
    '0111ABCD7890'
    >>> signs_of("0111", 12)
    """
    if len(text) > 4 * length or not all(ord(sign) in _READINGS for sign in text):
        return None
    code = text.translate(_READINGS)
    return code if len(code) == length else None


def grouped(signs: str) -> str:
    """In fours, for people.

    >>> grouped("0111ABCD7890")
    '0111-ABCD-7890'
    """
    return "-".join(signs[start : start + _GROUP] for start in range(0, len(signs), _GROUP))


def last_four(code: str) -> str:
    """What may be shown and stored of a code."""
    return code[-_GROUP:]


def key(secret: bytes, purpose: bytes) -> bytes:
    assert len(secret) >= MIN_SECRET, "a short secret makes codes that can be guessed"
    return mac(secret, b"pointbook " + purpose)


def mac(secret: bytes, message: bytes) -> bytes:
    return hmac.new(secret, message, hashlib.sha256).digest()


def derived(secret: bytes, stands_for: UUID, length: int) -> str:
    """So many signs, always the same for the same id; 5 bits each, at most 51 of them."""
    number = int.from_bytes(mac(secret, stands_for.bytes)[: (5 * length + 7) // 8], "big")
    return "".join(ALPHABET[number >> 5 * place & 31] for place in range(length))
