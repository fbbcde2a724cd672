"""What the use cases of one process share. Every use case takes the installation first."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Self

from pointbook.db.session import Database
from pointbook.domain.gift_cards import GiftCardCodes
from pointbook.domain.vouchers import VoucherCodes
from pointbook.services.directory import AccountDirectory, ProgrammeDirectory
from pointbook.services.guesses import Guesses
from pointbook.services.key_directory import KeyDirectory
from pointbook.services.readings import Readings
from pointbook.services.turns import Turns
from pointbook.services.watches import Watches
from pointbook.services.written_guidelines import WrittenGuidelines


class Secrets:
    """Keys derived from the installation's secret, one a purpose, so that none of them is stored."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def derive(self, purpose: str, *parts: str) -> bytes:
        """32 bytes that nobody can compute without the secret; always the same for the same purpose and parts."""
        key = hmac.new(self._secret, f"pointbook {purpose}".encode(), hashlib.sha256).digest()
        return hmac.new(key, "\x1f".join(parts).encode(), hashlib.sha256).digest()

    def __repr__(self) -> str:
        return "Secrets(...)"


@dataclass(frozen=True, slots=True)
class Installation:
    """What one process has: database, secrets, caches and such. Use cases open their own transactions on ``db``.

    ``webhooks_to_private``: webhooks may go to private addresses, and over http. ``sends_mail``: there is a mail
    server.
    """

    db: Database
    secrets: Secrets
    codes: VoucherCodes
    card_codes: GiftCardCodes
    programmes: ProgrammeDirectory
    accounts: AccountDirectory
    keys: KeyDirectory
    turns: Turns
    guesses: Guesses
    guidelines: WrittenGuidelines
    watches: Watches
    readings: Readings
    webhooks_to_private: bool = False
    sends_mail: bool = False

    @classmethod
    def of(
        cls, db: Database, secret: str | bytes, *, webhooks_to_private: bool = False, sends_mail: bool = False
    ) -> Self:
        """``secret`` has at least 32 bytes and is kept for ever: codes and token secrets are derived from it."""
        key = secret.encode() if isinstance(secret, str) else secret
        secrets = Secrets(key)
        programmes = ProgrammeDirectory(db)
        return cls(
            db,
            secrets,
            VoucherCodes(key),
            GiftCardCodes(key),
            programmes,
            AccountDirectory(db),
            KeyDirectory(db, secrets),
            Turns(),
            Guesses(),
            WrittenGuidelines(),
            Watches(db, programmes),
            Readings(db),
            webhooks_to_private=webhooks_to_private,
            sends_mail=sends_mail,
        )
