"""What a programme says of its notices: who sends them, how they look, whom they reach, which are off."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from pointbook.domain import text
from pointbook.domain.errors import InvalidInput
from pointbook.domain.mailboxes import mailbox_address
from pointbook.domain.notices import TYPES, NoticeKind

STAFF_MAX: Final = 10
NAME_MAX: Final = 80
FOOTER_MAX: Final = 500
URL_MAX: Final = 500
_COLOUR: Final = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True, slots=True)
class NoticeSettings:
    """``sender_name`` None: the installation's, else the programme's. ``colour`` is like #14597a.

    ``account_url``: where members see their points. ``off``: the kinds that are not sent. ``version`` counts
    changes; 0: there was none yet.
    """

    sender_name: str | None = None
    reply_to: str | None = None
    staff_addresses: tuple[str, ...] = ()
    footer: str | None = None
    colour: str | None = None
    logo_url: str | None = None
    account_url: str | None = None
    off: frozenset[NoticeKind] = frozenset()
    version: int = 0


def checked(settings: NoticeSettings) -> NoticeSettings:
    """The settings as they are kept. Raises InvalidInput."""
    colour = None if settings.colour is None else settings.colour.lower()
    if colour is not None and not _COLOUR.fullmatch(colour):
        raise InvalidInput("colour", "must be a colour like #14597a")
    needed = sorted(kind for kind in settings.off if TYPES[kind].needed)
    if needed:
        raise InvalidInput("off", f"must not contain {needed[0]}: what it is about does not work without it")
    return NoticeSettings(
        sender_name=text.optional_identifier("senderName", settings.sender_name, NAME_MAX),
        reply_to=None if settings.reply_to is None else mailbox_address("replyTo", settings.reply_to),
        staff_addresses=_addresses(settings.staff_addresses),
        footer=None if settings.footer is None else text.paragraphs("footer", settings.footer, FOOTER_MAX).strip(),
        colour=colour,
        logo_url=_url("logoUrl", settings.logo_url),
        account_url=_url("accountUrl", settings.account_url),
        off=settings.off,
        version=settings.version,
    )


def _addresses(given: Sequence[str]) -> tuple[str, ...]:
    if len(given) > STAFF_MAX:
        raise InvalidInput("staffAddresses", f"must be at most {STAFF_MAX}")
    checked_ones = [mailbox_address(f"staffAddresses[{place}]", address) for place, address in enumerate(given)]
    return tuple(dict.fromkeys(checked_ones))


def _url(field: str, given: str | None) -> str | None:
    if given is None:
        return None
    url = text.identifier(field, given, URL_MAX)
    try:
        parts = urlsplit(url)
        named = parts.scheme == "https" and parts.hostname and not parts.username
    except ValueError:
        named = False
    if not named or any(sign.isspace() or sign in "\"'<>\\" for sign in url):
        raise InvalidInput(field, "must be an address that begins with https://")
    return url
