"""What all expected failures are, and the refusal of a value."""

import contextlib
from collections.abc import Iterator
from typing import ClassVar


class PointbookError(Exception):
    """An expected failure; nothing was changed. ``code`` is stable, the message is for people."""

    code: ClassVar[str]


class InvalidInput(PointbookError):
    """A value of the caller's is out of bounds or malformed; ``field`` is its path, as the caller wrote it."""

    code = "INVALID_INPUT"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason

    def under(self, path: str) -> "InvalidInput":
        """The same refusal, seen from further out: ``amount`` under ``lines[3]`` is ``lines[3].amount``."""
        return InvalidInput(f"{path}.{self.field}" if self.field else path, self.reason)


@contextlib.contextmanager
def refusals_under(path: str) -> Iterator[None]:
    """What is refused inside is a part of ``path`` to whoever is outside."""
    try:
        yield
    except InvalidInput as refusal:
        raise refusal.under(path) from None
