"""From a record of a file to the document in it, and to what the report says when it is refused."""

from typing import Any, Final

import orjson

from pointbook.domain.errors import CurrencyMismatch, InvalidInput, PointbookError, UnknownStore
from pointbook.domain.text import shown
from pointbook.services.import_files import Heading, Record, Refusal, split_row

_FIELD_OF_ERROR: Final[dict[type[PointbookError], str]] = {UnknownStore: "store", CurrencyMismatch: "currency"}


def document_of(record: Record, heading: Heading | None) -> Any:
    """What stands in a line of JSON, or in a row of CSV but for its empty fields. Raises InvalidInput."""
    if heading is None:
        return document_of_json(record)
    return {name: value for name, value in fields_of_row(heading, record.content).items() if value}


def document_of_json(record: Record) -> Any:
    """What stands in a line of JSON. Raises InvalidInput."""
    try:
        return orjson.loads(record.content)
    except orjson.JSONDecodeError as error:
        raise InvalidInput("", f"is not JSON: {error.msg}, column {error.colno}") from error


def fields_of_row(heading: Heading, row: bytes) -> dict[str, str]:
    """The fields of a CSV row by column. Raises InvalidInput when it is not a row of this heading."""
    values = split_row(row, heading.delimiter)
    if values is None:
        raise InvalidInput("", "the quotes of a row do not close")
    if len(values) != len(heading.columns):
        raise InvalidInput("", f"a row has {len(values)} fields, the heading has {len(heading.columns)} columns")
    if any("\udc80" <= letter <= "\udcff" for value in values for letter in value):
        raise InvalidInput("", "is not UTF-8: save the file in that encoding")
    return dict(zip(heading.columns, values, strict=True))


def check_columns(heading: Heading, known: frozenset[str]) -> None:
    """Raises InvalidInput naming a column that is not known: it may be a misspelt one."""
    for column in heading.columns:
        if column not in known:
            raise InvalidInput("file", f"the heading names an unknown column: {shown(column)}")


def refusal_of(line: int, document: object, error: PointbookError, *, key: str = "externalId") -> Refusal:
    """What the report says of a record that an expected failure kept out; its field ``key`` names it."""
    external_id = document.get(key) if isinstance(document, dict) else None
    named = shown(external_id) if isinstance(external_id, str | int) else ""
    if isinstance(error, InvalidInput):
        return Refusal(line, named, error.field, error.reason)
    return Refusal(line, named, _FIELD_OF_ERROR.get(type(error), ""), f"{error.code}: {error}")
