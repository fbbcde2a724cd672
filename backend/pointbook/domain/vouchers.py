"""Voucher codes: derived from a secret and the hold they stand for, so that none is ever stored.

A replayed request derives the same code again; the database keeps a keyed hash and the last four.
"""

import hashlib
import hmac
from typing import Final
from uuid import UUID

from pointbook.domain.errors import VoucherNotUsable

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no I, L, O, U
_LENGTH: Final = 12  # 60 bits
_GROUP: Final = 4
_MIN_SECRET: Final = 32  # bytes

_READINGS: Final = {
    **{ord(sign): sign for sign in _ALPHABET},
    **{ord(sign.lower()): sign for sign in _ALPHABET},
    **dict.fromkeys(map(ord, "Oo"), "0"),
    **dict.fromkeys(map(ord, "IiLl"), "1"),
    **dict.fromkeys(map(ord, "- ")),
}


def normalise(text: str) -> str:
    """The twelve signs of a code as somebody typed it: any case, with or without hyphens and spaces.

    Raises VoucherNotUsable for what cannot be a code: the public learns no more than of an unknown one (R22).

    >>> normalise(" o1il-abcd 7890")
    '0111ABCD7890'
    """
    if len(text) > 4 * _LENGTH or not all(ord(sign) in _READINGS for sign in text):
        raise VoucherNotUsable
    code = text.translate(_READINGS)
    if len(code) != _LENGTH:
        raise VoucherNotUsable
    return code


def last_four(code: str) -> str:
    """What may be shown and stored of a code."""
    return code[-_GROUP:]


class VoucherCodes:
    """Makes and recognises the codes of one installation. ``secret`` is at least 32 bytes and kept for ever."""

    __slots__ = ("_code_key", "_digest_key")

    def __init__(self, secret: bytes) -> None:
        assert len(secret) >= _MIN_SECRET, "a short secret makes codes that can be guessed"
        self._code_key = _mac(secret, b"pointbook voucher code")
        self._digest_key = _mac(secret, b"pointbook voucher digest")

    def code(self, hold_id: UUID) -> str:
        """The code of a hold, as XXXX-XXXX-XXXX; always the same one."""
        number = int.from_bytes(_mac(self._code_key, hold_id.bytes)[:8], "big")
        signs = "".join(_ALPHABET[number >> 5 * place & 31] for place in range(_LENGTH))
        return "-".join(signs[start : start + _GROUP] for start in range(0, _LENGTH, _GROUP))

    def digest(self, code: str) -> bytes:
        """The keyed hash (32 bytes) by which the database finds a code; VoucherNotUsable if it cannot be one."""
        return _mac(self._digest_key, normalise(code).encode("ascii"))


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()
