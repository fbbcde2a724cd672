"""A birthday is a day that can have been one."""

from datetime import date

import pytest

from pointbook.domain.errors import InvalidInput
from pointbook.domain.members import birthday
from tests.support import NOW

TODAY = date(2026, 3, 1)


@pytest.mark.parametrize("given", ["1900-01-01", "2026-03-01", date(2024, 2, 29), None])
def test_a_day_from_1900_to_today_is_a_birthday(given: object) -> None:
    told = birthday("birthday", given, TODAY)
    assert told == (date.fromisoformat(given) if isinstance(given, str) else given)


@pytest.mark.parametrize(
    "given",
    ["1899-12-31", "2026-03-02", "2023-02-29", "1990-2-28", "19900228", "1990-02-28T00:00:00", "", 7, True, NOW],
)
def test_anything_else_is_not(given: object) -> None:
    with pytest.raises(InvalidInput, match=r"^birthday: "):
        birthday("birthday", given, TODAY)
