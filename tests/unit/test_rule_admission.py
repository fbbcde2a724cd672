"""R7: the rules that an occasion admits are those whose conditions hold when they are read one by one."""

from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pointbook.domain.rules import Occasion, Weekday, Why
from pointbook.domain.rules.admission import Admission, Conditions, places_of

FIRST = date(2026, 3, 2)
NAMES = st.sampled_from(["a", "b", "c"])
CHOSEN = st.none() | st.lists(NAMES, max_size=2, unique=True).map(tuple)
DAYS = st.integers(0, 9).map(lambda n: FIRST + timedelta(days=n))
OPEN_DAYS = st.none() | DAYS | st.sampled_from([date.min, date.max])


@st.composite
def conditions(draw: st.DrawFn) -> Conditions:
    valid_from, valid_until = draw(OPEN_DAYS), draw(OPEN_DAYS)
    if valid_from and valid_until and valid_until < valid_from:  # refused where rules and settings are read
        valid_from, valid_until = valid_until, valid_from
    weekdays = st.lists(st.sampled_from(Weekday), max_size=2, unique=True).map(tuple)
    return Conditions(
        draw(CHOSEN), draw(CHOSEN), draw(CHOSEN), valid_from, valid_until, draw(weekdays), draw(CHOSEN)
    )


OCCASIONS = st.builds(
    Occasion,
    DAYS | st.sampled_from([date.min, date.max]),
    st.none() | NAMES,
    st.none() | NAMES,
    st.none() | NAMES,
    st.frozensets(NAMES, max_size=2),
)


@given(st.dictionaries(st.integers(0, 80), conditions(), max_size=6), OCCASIONS)
def test_r7_those_are_admitted_whose_conditions_hold(by_place: dict[int, Conditions], occasion: Occasion) -> None:
    admission = Admission(by_place)
    reasons = {place: first_failing(each, occasion) for place, each in by_place.items()}
    assert admission.admitted(occasion) == places_of(place for place, why in reasons.items() if why is None)
    assert {place: admission.why_not(place, occasion) for place in by_place} == reasons


def first_failing(conditions: Conditions, occasion: Occasion) -> Why | None:
    weekday = list(Weekday)[occasion.day.weekday()]
    holidays = occasion.holidays if conditions.holidays is None else occasion.holidays & {*conditions.holidays}
    nothing_chosen = conditions.weekdays == () == conditions.holidays
    holds: dict[Why, Any] = {
        Why.STORE: conditions.stores is None or occasion.store in conditions.stores,
        Why.ENTRY_CHANNEL: conditions.entry_channels is None
        or occasion.entry_channel in conditions.entry_channels,
        Why.EXIT_CHANNEL: conditions.exit_channels is None or occasion.exit_channel in conditions.exit_channels,
        Why.PERIOD: (conditions.valid_from or date.min) <= occasion.day <= (conditions.valid_until or date.max),
        Why.DAY: nothing_chosen or weekday in conditions.weekdays or holidays,
    }
    return next((why for why, held in holds.items() if not held), None)
