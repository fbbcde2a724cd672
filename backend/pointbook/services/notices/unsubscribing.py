"""Links by which members end their notices without logging in (R32, RFC 8058)."""

import base64
from typing import Final
from uuid import UUID

from pointbook.services.installation import Installation

_MAC_BYTES: Final = 15


def unsubscribe_path(installation: Installation, programme_id: int, account: UUID) -> str:
    """Of the page where whoever has the link ends the notices of a member; nobody can make one up."""
    return f"/notices/unsubscribe/{programme_id}-{account.hex}-{_seal(installation, programme_id, account)}"


def _seal(installation: Installation, programme_id: int, account: UUID) -> str:
    mac = installation.secrets.derive("unsubscribe", str(programme_id), account.hex)[:_MAC_BYTES]
    return base64.b32encode(mac).decode().lower()
