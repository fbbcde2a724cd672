"""Codes of gift cards: sixteen signs, the last of them a check, so that a slip of the pen is told from a guess."""

from typing import Final
from uuid import UUID

from pointbook.domain import codes
from pointbook.domain.errors import GiftCardNotUsable

_LENGTH: Final = 16


def normalise(text: str) -> str:
    """The sixteen signs of a code as somebody typed it. Raises GiftCardNotUsable for what cannot be one.

    >>> normalise("1234-5678-9abc-def8")
    '123456789ABCDEF8'
    """
    signs = codes.signs_of(text, _LENGTH)
    if signs is None or signs[-1] != check_sign(signs[:-1]):
        raise GiftCardNotUsable
    return signs


def check_sign(signs: str) -> str:
    """Luhn's algorithm in base 32: it notices every wrong sign and nearly every pair that changed places.

    >>> check_sign("123456789ABCDEF")
    '8'
    """
    base = len(codes.ALPHABET)
    total = 0
    for place, sign in enumerate(reversed(signs)):
        value = codes.ALPHABET.index(sign) * (2 if place % 2 == 0 else 1)
        total += value // base + value % base
    return codes.ALPHABET[-total % base]


class GiftCardCodes:
    """Makes and recognises the codes of one installation. ``secret`` is at least 32 bytes and kept for ever."""

    __slots__ = ("_code_key", "_digest_key")

    def __init__(self, secret: bytes) -> None:
        self._code_key = codes.key(secret, b"gift card code")
        self._digest_key = codes.key(secret, b"gift card digest")

    def code(self, card_id: UUID) -> str:
        """The code of a card, as XXXX-XXXX-XXXX-XXXX; always the same one."""
        signs = codes.derived(self._code_key, card_id, _LENGTH - 1)
        return codes.grouped(signs + check_sign(signs))

    def digest(self, code: str) -> bytes:
        """The keyed hash (32 bytes) by which the database finds a code; GiftCardNotUsable if it cannot be one."""
        return codes.mac(self._digest_key, normalise(code).encode("ascii"))
