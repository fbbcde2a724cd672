"""Files of any content become records with line numbers; a line that cannot be used costs itself only."""

import gzip
from pathlib import Path

import pytest

from pointbook.domain.errors import InvalidInput
from pointbook.services import import_files
from pointbook.services.import_files import Chunk, ImportFile, Record, split_row

CSV = b"externalId,line.id,line.amount\nA,1,5.00\nA,2,1.00\nB,1,3.00\n"


def file_of(folder: Path, content: bytes, name: str = "orders.jsonl") -> ImportFile:
    path = folder / name
    path.write_bytes(content)
    return ImportFile.open(path, key="externalId")


def only_chunk(file: ImportFile) -> Chunk:
    (chunk,) = file.chunks()
    return chunk


def test_lines_keep_their_numbers_across_blank_ones_and_a_byte_order_mark(tmp_path: Path) -> None:
    chunk = only_chunk(file_of(tmp_path, b'\xef\xbb\xbf{"a":1}\r\n\n   \n{"b":2}'))
    assert chunk.records == [Record(1, b'{"a":1}'), Record(4, b'{"b":2}')]
    assert chunk.last_line == 4


def test_an_empty_file_has_no_chunk(tmp_path: Path) -> None:
    assert list(file_of(tmp_path, b"\n\n").chunks()) == []


def test_a_line_that_is_too_long_is_refused_and_the_next_one_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_files, "RECORD_BYTES", 10)
    chunk = only_chunk(file_of(tmp_path, b"a" * 35 + b"\n123456789\n" + b"b" * 10))
    assert [refusal.line for refusal in chunk.refusals] == [1, 3]
    assert chunk.records == [Record(2, b"123456789")]


@pytest.mark.parametrize("name", ["orders.jsonl.gz", "orders.jsonl"])
def test_a_gzip_file_is_known_by_its_first_bytes(tmp_path: Path, name: str) -> None:
    chunk = only_chunk(file_of(tmp_path, gzip.compress(b"{}\n{}\n"), name))
    assert [record.line for record in chunk.records] == [1, 2]


@pytest.mark.parametrize("damage", [lambda data: data[:-12], lambda data: data[:20] + b"\xff" * 20 + data[40:]])
def test_a_damaged_gzip_file_is_a_typed_error(tmp_path: Path, damage: object) -> None:
    assert callable(damage)
    packed = gzip.compress(b"".join(b'{"externalId": "%d"}\n' % number for number in range(500)))
    with pytest.raises(InvalidInput, match="damaged"):
        list(file_of(tmp_path, damage(packed)).chunks())


def test_a_file_that_is_not_there_is_a_typed_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="No such file"):
        ImportFile.open(tmp_path / "missing.jsonl", key=None)


def test_chunks_are_cut_the_same_from_wherever_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_files, "CHUNK_RECORDS", 3)
    file = file_of(tmp_path, b"".join(b"%d\n\n" % number for number in range(10)))
    chunks = list(file.chunks())
    assert [len(chunk.records) for chunk in chunks] == [3, 3, 3, 1]
    assert [chunk.offset for chunk in chunks][-1] == file.size
    for position, chunk in enumerate(chunks):
        assert list(file.chunks(chunk.last_line)) == chunks[position + 1 :]


def test_csv_rows_of_one_order_are_one_record(tmp_path: Path) -> None:
    file = file_of(tmp_path, CSV, "orders.csv")
    assert file.heading is not None
    assert file.heading.columns == ("externalId", "line.id", "line.amount")
    assert only_chunk(file).records == [Record(2, b"A,1,5.00\nA,2,1.00"), Record(4, b"B,1,3.00")]


def test_csv_rows_of_one_order_that_stand_apart_are_refused_and_not_taken_for_two_orders(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(b"externalId,line.id\nV-5,1\nV-6,1\nV-5,2\nV-5,3\nV-7,1\n")
    [chunk] = ImportFile.open(path, key="externalId").chunks()
    assert [record.line for record in chunk.records] == [2, 3, 6]
    [refusal] = chunk.refusals
    assert (refusal.line, refusal.reason) == (4, "V-5 began at line 2: its rows must stand together")
    assert chunk.last_line == 6


def test_a_csv_record_is_never_cut_by_a_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_files, "CHUNK_RECORDS", 1)
    file = file_of(tmp_path, CSV, "orders.csv.gz")
    assert [(chunk.records[0].line, chunk.last_line) for chunk in file.chunks()] == [(2, 3), (4, 4)]
    assert [chunk.records[0].line for chunk in file.chunks(3)] == [4]


def test_semicolons_separate_too_and_a_stray_quote_costs_one_line(tmp_path: Path) -> None:
    file = file_of(tmp_path, b'externalId;line.id\nA;"1\nB;"2;3"\n\nC;4\n', "orders.csv")
    assert file.heading is not None
    rows = [split_row(record.content, file.heading.delimiter) for record in only_chunk(file).records]
    assert rows == [None, ["B", "2;3"], ["C", "4"]]


def test_without_a_key_every_csv_row_is_a_record(tmp_path: Path) -> None:
    path = tmp_path / "members.CSV"
    path.write_bytes(b"externalId\nA\nA\n")
    assert len(only_chunk(ImportFile.open(path, key=None)).records) == 2


@pytest.mark.parametrize("content", [b"", b"id,name\n1,2\n", b"externalId,externalId\n"])
def test_csv_without_a_usable_heading_is_a_typed_error(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"heading"):
        file_of(tmp_path, content, "orders.csv")


def test_rows_of_one_key_do_not_grow_without_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_files, "RECORD_BYTES", 40)
    chunk = only_chunk(file_of(tmp_path, b"externalId,line.id\n" + b"A,1\n" * 50 + b"B,1\n", "orders.csv"))
    assert [refusal.line for refusal in chunk.refusals] == [2]
    assert chunk.records == [Record(52, b"B,1")]
