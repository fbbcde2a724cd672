"""Scalars take exactly what they say, and never repeat the input in their refusal."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from graphql import GraphQLError

from pointbook.graphql.scalars import MAX_POINTS, SCALARS, Points

SECRET_TEXT = "somebody's secret"


def _parse(kind: object, value: object) -> Any:
    parse = SCALARS[kind].parse_value
    assert parse is not None
    return parse(value)


def _print(kind: object, value: object) -> Any:
    serialize = SCALARS[kind].serialize
    assert serialize is not None
    return serialize(value)


@pytest.mark.parametrize("value", [0, 1, -1, MAX_POINTS, -MAX_POINTS])
def test_points_are_whole_numbers_that_json_keeps(value: int) -> None:
    assert _parse(Points, value) == value
    assert _print(Points, value) == value


@pytest.mark.parametrize("value", [1.0, 1.5, "1", True, None, MAX_POINTS + 1, -MAX_POINTS - 1, [1], {}])
def test_other_points_are_refused(value: object) -> None:
    with pytest.raises(GraphQLError):
        _parse(Points, value)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-01T10:00:00Z", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("2026-03-01t10:00:00z", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("2026-03-01T10:00:00+01:00", datetime(2026, 3, 1, 9, tzinfo=UTC)),
        ("2026-03-01T10:00:00.123456-05:30", datetime(2026, 3, 1, 15, 30, 0, 123456, tzinfo=UTC)),
        ("2026-03-01T10:00:00.123456789Z", datetime(2026, 3, 1, 10, 0, 0, 123456, tzinfo=UTC)),
    ],
)
def test_an_instant_is_rfc_3339_with_a_time_zone(text: str, instant: datetime) -> None:
    assert _parse(datetime, text) == instant


@pytest.mark.parametrize(
    "value",
    [
        *("2026-03-01T10:00:00", "2026-03-01", "2026-03-01 10:00:00Z", "2026-02-30T10:00:00Z", "20260301T100000Z"),
        *("2026-03-01T25:00:00Z", "2026-03-01T10:00:00+25:00", "0001-01-01T00:00:00+14:00", SECRET_TEXT),
        *(1772359200, None, True, "\uff12026-03-01T10:00:00Z"),
    ],
)
def test_other_instants_are_refused(value: object) -> None:
    with pytest.raises(GraphQLError) as refusal:
        _parse(datetime, value)
    assert SECRET_TEXT not in refusal.value.message


def test_instants_are_answered_in_utc() -> None:
    berlin = timezone(timedelta(hours=1))
    assert _print(datetime, datetime(2026, 3, 1, 10, tzinfo=berlin)) == "2026-03-01T09:00:00Z"


def test_a_day_is_a_day_of_the_calendar() -> None:
    assert _parse(date, "2028-02-29") == date(2028, 2, 29)
    assert _print(date, date(2026, 3, 1)) == "2026-03-01"
    for value in ("2026-02-29", "2026-3-1", "2026-W10-1", 20260301, None):
        with pytest.raises(GraphQLError):
            _parse(date, value)


def test_a_decimal_is_a_text_or_a_whole_number() -> None:
    assert str(_parse(Decimal, "12.50")) == "12.50"
    assert _parse(Decimal, 12) == 12
    assert _print(Decimal, Decimal("1E+2")) == "100"


@pytest.mark.parametrize(
    "value",
    [
        12.5,
        0.1,
        True,
        None,
        "",
        "1e5",
        "1,5",
        ".5",
        "5.",
        "+1",
        "NaN",
        "Infinity",
        " 1",
        "1_0",
        "\u0663",
        "1" * 41,
    ],
)
def test_other_decimals_are_refused(value: object) -> None:
    with pytest.raises(GraphQLError):
        _parse(Decimal, value)
