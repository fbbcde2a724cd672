"""Reading the files of an import: JSON Lines or CSV, plain or gzip, in chunks of records with their line numbers.

Nothing here knows what a record means, and nothing in a file stops the reading but damage of the
compression: a line that cannot be used is reported with its number, and the next one is read.

CSV: the heading names the columns, comma or semicolon separates them. No field may hold a line break, so
that one stray quote costs one line and not the rest of the file. Rows that stand together and have the same
key are one record; a key that comes back further down is refused, for its rows were torn apart.
"""

import csv
import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import file_digest
from pathlib import Path
from typing import BinaryIO, NamedTuple

from pointbook.domain.errors import InvalidInput
from pointbook.domain.text import shown

CHUNK_RECORDS = 1_000
CHUNK_BYTES = 16 * 2**20
RECORD_BYTES = 4 * 2**20
"""The most a record may have: 1,000 line items with long ids stay far below."""

_BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
_TOO_LONG = f"longer than {RECORD_BYTES:,} bytes"


class Record(NamedTuple):
    """What stands in the file from ``line`` on: a line of JSON, or the rows of one CSV record."""

    line: int
    content: bytes


class Refusal(NamedTuple):
    """A record that had no effect. ``field`` is the path of the value at fault, empty for the whole record."""

    line: int
    external_id: str
    field: str
    reason: str


@dataclass(slots=True)
class Chunk:
    """Consecutive records. ``last_line`` is the last line of the file in it, ``offset`` the bytes read so far."""

    records: list[Record] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    last_line: int = 0
    offset: int = 0


class Heading(NamedTuple):
    """The first row of a CSV file. ``key`` is the column that tells records apart, None if every row is one."""

    delimiter: str
    columns: tuple[str, ...]
    key: int | None

    @classmethod
    def parse(cls, line: bytes, key: str | None) -> "Heading":
        """Raises InvalidInput when the heading is not readable or lacks the key."""
        text = line.decode("utf-8", "replace")
        delimiter = ";" if text.count(";") > text.count(",") else ","
        columns = tuple(name.strip() for name in (split_row(line, delimiter) or ()))
        if len(set(columns)) < len(columns):
            raise InvalidInput("file", "a column stands in the heading twice")
        if key is not None and key not in columns:
            raise InvalidInput("file", f"the heading has no column {key!r}")
        return cls(delimiter, columns, columns.index(key) if key is not None else None)

    def key_of(self, row: bytes) -> str | None:
        """None when every row is a record of its own, or when this one is not readable."""
        if self.key is None:
            return None
        values = split_row(row, self.delimiter)
        return values[self.key] if values is not None and self.key < len(values) else None


@dataclass(frozen=True, slots=True)
class ImportFile:
    """A file as it was found. ``heading`` is None for JSON Lines; ``digest`` is the SHA-256 of its bytes."""

    path: Path
    heading: Heading | None
    size: int
    digest: bytes

    @classmethod
    def open(cls, path: Path, *, key: str | None) -> "ImportFile":
        """Look at the file once. A name with ``.csv`` means CSV; its column ``key`` tells the records apart.

        Raises InvalidInput when it cannot be read, or is CSV without a heading.
        """
        try:
            with path.open("rb") as file:
                digest = file_digest(file, "sha256").digest()
                size = file.tell()
                is_csv = ".csv" in [suffix.lower() for suffix in path.suffixes[-2:]]
                heading = _heading(file, key) if is_csv else None
        except OSError as error:
            raise InvalidInput("file", error.strerror or str(error)) from error
        return cls(path, heading, size, digest)

    def chunks(self, after_line: int = 0) -> Iterator[Chunk]:
        """The records behind ``after_line``. Started behind a chunk, the following chunks are cut as before.

        Raises InvalidInput when the compressed file is damaged; what was yielded before is good.
        """
        with self.path.open("rb") as file:
            chunk, size = Chunk(), 0
            for piece in self._pieces(file, after_line):
                if piece.reason:
                    chunk.refusals.append(Refusal(piece.line, "", "", piece.reason))
                else:
                    chunk.records.append(Record(piece.line, piece.content))
                chunk.last_line = piece.last_line
                size += len(piece.content)
                if len(chunk.records) + len(chunk.refusals) == CHUNK_RECORDS or size >= CHUNK_BYTES:
                    chunk.offset = file.tell()
                    yield chunk
                    chunk, size = Chunk(), 0
            if chunk.last_line:
                chunk.offset = self.size
                yield chunk

    def _pieces(self, file: BinaryIO, after_line: int) -> Iterator["_Piece"]:
        lines = _lines(file)
        if self.heading is not None:
            next(lines)
            lines = _joined(lines, self.heading)
        return (piece for piece in lines if piece.line > after_line)


class _Piece(NamedTuple):
    """Lines of the file, blank ones left out. ``reason`` tells why the content is not there."""

    line: int
    last_line: int
    content: bytes
    reason: str = ""


def split_row(row: bytes, delimiter: str) -> list[str] | None:
    """The fields of a CSV row, None when its quotes do not close. Invalid UTF-8 becomes lone surrogates."""
    try:
        return next(csv.reader([row.decode("utf-8", "surrogateescape")], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return None


def _heading(file: BinaryIO, key: str | None) -> Heading:
    first = next(_lines(file), None)
    if first is None or first.reason:
        raise InvalidInput("file", "there is no heading")
    return Heading.parse(first.content, key)


def _lines(file: BinaryIO) -> Iterator[_Piece]:
    """Line by line from the start of the file, without the line ends, a byte order mark and blank lines."""
    file.seek(0)
    is_packed = file.read(len(_GZIP)) == _GZIP
    file.seek(0)
    source = gzip.GzipFile(fileobj=file) if is_packed else file
    number = 0
    try:
        while content := source.readline(RECORD_BYTES):
            number += 1
            if len(content) == RECORD_BYTES and not content.endswith(b"\n"):
                _skip_line(source)
                yield _Piece(number, number, b"", _TOO_LONG)
                continue
            content = (content.removeprefix(_BOM) if number == 1 else content).strip(b" \t\r\n")
            if content:
                yield _Piece(number, number, content)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InvalidInput("file", f"the compressed file is damaged behind line {number}") from error


def _skip_line(source: BinaryIO | gzip.GzipFile) -> None:
    while (rest := source.readline(RECORD_BYTES)) and not rest.endswith(b"\n"):
        pass


def _joined(lines: Iterator[_Piece], heading: Heading) -> Iterator[_Piece]:
    """Joins rows that stand together and have the same key."""
    record: _Piece | None = None
    record_key: str | None = None
    begun: dict[str, int] = {}
    for row in lines:
        key = heading.key_of(row.content)
        if record is not None and key is not None and key == record_key:
            record = _with_row(record, row)
            continue
        if record is not None:
            yield record
        record, record_key = row, key
        if key is not None and begun.setdefault(key, row.line) != row.line:
            reason = f"{shown(key)} began at line {begun[key]:,}: its rows must stand together"
            record = _Piece(row.line, row.line, b"", reason)
    if record is not None:
        yield record


def _with_row(record: _Piece, row: _Piece) -> _Piece:
    if record.reason:
        return record._replace(last_line=row.last_line)
    if len(record.content) + len(row.content) >= RECORD_BYTES:
        return _Piece(record.line, row.last_line, b"", _TOO_LONG)
    return _Piece(record.line, row.last_line, record.content + b"\n" + row.content)
