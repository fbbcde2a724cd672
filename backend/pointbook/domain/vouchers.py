"""Codes of vouchers: twelve signs, 60 bits."""

from typing import Final
from uuid import UUID

from pointbook.domain import codes
from pointbook.domain.errors import VoucherNotUsable

_LENGTH: Final = 12


def normalise(text: str) -> str:
    """The twelve signs of a code as somebody typed it: any case, with or without hyphens and spaces.

    Raises VoucherNotUsable for what cannot be a code: the public learns no more than of an unknown one (R22).

    >>> normalise(" o1il-abcd 7890")
    '0111ABCD7890'
    """
    signs = codes.signs_of(text, _LENGTH)
    if signs is None:
        raise VoucherNotUsable
    return signs


class VoucherCodes:
    """Makes and recognises the codes of one installation. ``secret`` is at least 32 bytes and kept for ever."""

    __slots__ = ("_code_key", "_digest_key")

    def __init__(self, secret: bytes) -> None:
        self._code_key = codes.key(secret, b"voucher code")
        self._digest_key = codes.key(secret, b"voucher digest")

    def code(self, hold_id: UUID) -> str:
        """The code of a hold, as XXXX-XXXX-XXXX; always the same one."""
        return codes.grouped(codes.derived(self._code_key, hold_id, _LENGTH))

    def digest(self, code: str) -> bytes:
        """The keyed hash (32 bytes) by which the database finds a code; VoucherNotUsable if it cannot be one."""
        return codes.mac(self._digest_key, normalise(code).encode("ascii"))
