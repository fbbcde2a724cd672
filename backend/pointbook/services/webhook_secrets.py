"""What webhooks that go out are signed with: derived from the installation's secret, so that none is stored."""

import base64
from datetime import datetime
from typing import Final
from uuid import UUID

from pointbook.domain.webhook_signatures import STANDARD_PREFIX
from pointbook.services.installation import Secrets

_PURPOSE: Final = "webhook subscription"


def secret_of(secrets: Secrets, subscription_id: UUID, version: int) -> bytes:
    return secrets.derive(_PURPOSE, subscription_id.hex, str(version))


def secret_text(secrets: Secrets, subscription_id: UUID, version: int) -> str:
    """As the receiver is given it."""
    return STANDARD_PREFIX + base64.b64encode(secret_of(secrets, subscription_id, version)).decode("ascii")


def live_secrets(
    secrets: Secrets, subscription_id: UUID, version: int, previous_until: datetime | None, *, now: datetime
) -> list[bytes]:
    """The secret of ``version``, and the one before it as long as that signs, too."""
    versions = [version]
    if previous_until is not None and now < previous_until and version > 1:
        versions.append(version - 1)
    return [secret_of(secrets, subscription_id, each) for each in versions]
