"""Scalars of the schema, strict on the way in: nothing is guessed, and messages never repeat the input."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

Points = NewType("Points", int)

MAX_POINTS = 2**53 - 1  # what every JSON reader keeps exactly
_MAX_DIGITS = 40
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DECIMAL = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


def _points_in(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > MAX_POINTS:
        raise GraphQLError("Points are a whole number up to 9007199254740991.")
    return value


def _points_out(value: Any) -> int:
    assert type(value) is int, "points are whole numbers"
    assert abs(value) <= MAX_POINTS
    return value


def _instant_in(value: object) -> datetime:
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass  # a day or an hour that does not exist
    raise GraphQLError("A DateTime is RFC 3339 with a time zone, like 2026-03-01T10:00:00Z.")


def _instant_out(value: Any) -> str:
    assert value.tzinfo is not None, "an instant has a time zone"
    return str(value.astimezone(UTC).isoformat().replace("+00:00", "Z"))


def _date_in(value: object) -> date:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass  # a day that does not exist
    raise GraphQLError("A Date is a day like 2026-03-01.")


def _decimal_in(value: object) -> Decimal:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(text, str) and len(text) <= _MAX_DIGITS and _DECIMAL.fullmatch(text):
        try:
            return Decimal(text)
        except InvalidOperation:  # pragma: no cover  # the pattern lets nothing else through
            pass
    raise GraphQLError('A Decimal is a text like "12.50" or a whole number; floating-point numbers are not exact.')


def _decimal_out(value: Any) -> str:
    assert isinstance(value, Decimal)
    return f"{value:f}"


def _scalar(
    name: str, description: str, out: Callable[[Any], Any], into: Callable[[object], Any], url: str | None = None
) -> ScalarDefinition:
    return strawberry.scalar(
        name=name, description=description, specified_by_url=url, serialize=out, parse_value=into
    )


SCALARS: dict[object, ScalarDefinition] = {
    Points: _scalar("Points", "A whole number of points, up to 9007199254740991.", _points_out, _points_in),
    datetime: _scalar(
        "DateTime",
        "An instant as RFC 3339 writes it; a time zone is required. Answers are in UTC.",
        _instant_out,
        _instant_in,
        "https://www.rfc-editor.org/rfc/rfc3339",
    ),
    date: _scalar("Date", "A day of the calendar, like 2026-03-01.", date.isoformat, _date_in),
    Decimal: _scalar(
        "Decimal",
        'An exact decimal number as a text, like "12.50". A whole number is taken, too; a float is refused.',
        _decimal_out,
        _decimal_in,
    ),
}
