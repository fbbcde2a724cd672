"""What any call may be refused for, whatever it asks."""

from datetime import datetime

from pointbook.domain.errors.base import PointbookError


class Unauthenticated(PointbookError):
    """A credential is missing, malformed, forged, expired or revoked: one answer for all of them.

    Answered before any field is resolved, so it is no member of a result.
    """

    code = "UNAUTHENTICATED"

    def __init__(self) -> None:
        super().__init__("The key or token is not valid.")


class IdempotencyConflict(PointbookError):
    code = "IDEMPOTENCY_CONFLICT"

    def __init__(self) -> None:
        super().__init__("This idempotency key was used before, with another input.")


class EditConflict(PointbookError):
    """Somebody else changed ``subject`` meanwhile: its version is ``version`` by now."""

    code = "EDIT_CONFLICT"

    def __init__(self, subject: str, version: int) -> None:
        super().__init__(f"{subject!r} is at version {version}, not at the one that was named.")
        self.subject = subject
        self.version = version


class ClockAhead(PointbookError):
    """The caller's clock is ahead of the database's; nothing was written. A fault of the installation."""

    code = "CLOCK_AHEAD"

    def __init__(self, now: datetime) -> None:
        super().__init__(f"The clock of this server ({now.isoformat()}) is ahead of the database's.")
