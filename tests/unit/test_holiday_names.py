"""R7: the holidays of a store are those of its region and days of its own."""

from datetime import date

import pytest

from pointbook.domain.errors import InvalidInput
from pointbook.services.holiday_names import check_region, holidays_in


def test_r7_a_region_has_its_holidays_and_a_store_days_of_its_own() -> None:
    germany, berlin, poland = holidays_in("DE"), holidays_in("DE", "BE"), holidays_in("PL")
    new_year, womens_day = date(2027, 1, 1), date(2026, 3, 8)
    assert germany(new_year) == berlin(new_year) == poland(new_year) == {"New Year's Day"}
    assert (germany(womens_day), len(berlin(womens_day))) == (frozenset(), 1)
    assert germany(date(2026, 3, 9)) == frozenset()
    shop = holidays_in("DE", own={date(2026, 3, 9): "Founders' Day", new_year: "Founders' Day"})
    assert shop(date(2026, 3, 9)) == {"Founders' Day"}
    assert shop(new_year) == {"Founders' Day", "New Year's Day"}
    assert holidays_in()(new_year) == frozenset()


@pytest.mark.parametrize(
    ("country", "subdivision", "field"),
    [
        ("DE", None, None),
        ("DE", "BE", None),
        (None, None, None),
        ("XX", None, "country"),
        ("", None, "country"),
        ("DE", "XX", "subdivision"),
        (None, "BE", "subdivision"),
    ],
)
def test_a_region_without_a_calendar_is_refused(
    country: str | None, subdivision: str | None, field: str | None
) -> None:
    if field is None:
        check_region(country, subdivision)
        return
    with pytest.raises(InvalidInput) as refusal:
        check_region(country, subdivision)
    assert refusal.value.field == field
