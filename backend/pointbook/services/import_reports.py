"""What an import tells: how far it has come, and in the end what it did."""

from dataclasses import dataclass, field, fields
from typing import Generic, Self, TypeVar

from pointbook.services.import_files import Refusal


@dataclass(slots=True)
class Counts:
    """Numbers that add up, one field each."""

    def add(self, other: Self) -> None:
        for part in fields(self):
            setattr(self, part.name, getattr(self, part.name) + getattr(other, part.name))

    def items(self) -> list[tuple[str, int]]:
        return [(part.name, getattr(self, part.name)) for part in fields(self)]


Counted = TypeVar("Counted", bound=Counts)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the reading of a file has come, in bytes of the file, packed or not."""

    offset: int
    size: int
    line: int


@dataclass(slots=True)
class ImportReport(Generic[Counted]):
    """What an import did. A file whose import was broken off goes on ``behind_line``, and ``counts`` begin there.

    ``refused`` and ``refusals`` (the first thousand) are of the whole file.
    """

    counts: Counted
    behind_line: int
    last_line: int
    refused: int = 0
    refusals: list[Refusal] = field(default_factory=list)
