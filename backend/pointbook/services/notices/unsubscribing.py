"""Links by which members end their notices without logging in (R32, RFC 8058)."""

import base64
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from pointbook.db.queries import notices as rows
from pointbook.db.retry import retrying
from pointbook.services.installation import Installation
from pointbook.services.members import member_of, tell_changed

_MAC_BYTES: Final = 15
_TOKEN_LENGTH: Final = 80


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Whoever a link is of. ``locale``: the member's, else the programme's first."""

    programme: str
    locale: str
    wants_notices: bool


def unsubscribe_path(installation: Installation, programme_id: int, account: UUID) -> str:
    """Of the page where whoever has the link ends the notices of a member; nobody can make one up."""
    return f"/notices/unsubscribe/{programme_id}-{account.hex}-{_seal(installation, programme_id, account)}"


async def find_subscriber(installation: Installation, token: str) -> Subscriber | None:
    """None for what is no link, or one of a member who has left."""
    return await _subscriber(installation, token, ending_at=None)


async def unsubscribe(installation: Installation, token: str, *, now: datetime) -> Subscriber | None:
    """The member wants no loyalty notices from now on; again: it stays so. None as ``find_subscriber``.

    ``now`` is real.
    """
    return await _subscriber(installation, token, ending_at=now)


async def _subscriber(installation: Installation, token: str, *, ending_at: datetime | None) -> Subscriber | None:
    named = _read(installation, token)
    if named is None:
        return None
    programme_id, account = named
    programme = await installation.programmes.get(programme_id)

    async def attempt() -> rows.RecipientRow | None:
        async with installation.db.bare_transaction(programme_id) as connection:
            found = await rows.recipient(connection, programme_id, account)
            if found is not None and ending_at is not None:
                ends = programme.now(ending_at)
                ended = await rows.end_notices(connection, programme_id, found.account_id, now=ends)
                if ended is not None:
                    await tell_changed(connection, programme_id, member_of(ended), ["optIn"], now=ends)
            return found

    found = await retrying(attempt)
    if found is None or found.state == "LEFT":
        return None
    wants = found.notices and ending_at is None
    return Subscriber(programme.name, found.locale or programme.locales[0], wants)


def _read(installation: Installation, token: str) -> tuple[int, UUID] | None:
    programme, _, rest = token.partition("-")
    account, _, seal = rest.partition("-")
    if len(token) > _TOKEN_LENGTH or not (token.isascii() and programme.isdigit() and len(account) == 32):  # noqa: PLR2004
        return None
    try:
        named = int(programme), UUID(hex=account)
    except ValueError:
        return None
    return named if hmac.compare_digest(seal, _seal(installation, *named)) else None


def _seal(installation: Installation, programme_id: int, account: UUID) -> str:
    mac = installation.secrets.derive("unsubscribe", str(programme_id), account.hex)[:_MAC_BYTES]
    return base64.b32encode(mac).decode().lower()
