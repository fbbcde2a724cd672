"""R16 and R17: waiting time, expiry and the expiring window, through clock changes."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointbook.domain.calendar import (
    LAST_INSTANT,
    CountsFrom,
    Expiry,
    Lifetime,
    WaitingTime,
    WaitingUnit,
    available_from,
    end_of_local_day,
    expires_at,
    expiring_until,
    lifetime,
    local_instant,
    time_zone,
)
from pointbook.domain.errors import InvalidInput

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = st.sampled_from(
    [
        ZoneInfo(name)
        for name in (
            *(
                "UTC",
                "Europe/Berlin",
                "Europe/Lisbon",
                "America/New_York",
                "America/Sao_Paulo",
                "America/St_Johns",
            ),
            *("Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kiritimati", "Africa/Cairo"),
        )
    ]
)
INSTANTS = st.datetimes(datetime(2005, 1, 1), datetime(2037, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
WAITS = st.builds(WaitingTime, st.integers(0, 3650), st.sampled_from(WaitingUnit))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def days(count: int, start: str) -> datetime:
    return available_from(utc(start), WaitingTime(count), BERLIN)


def test_e19_waiting_days_keep_the_local_time_and_hours_are_exact() -> None:
    assert days(30, "2026-03-01T10:00+01:00") == utc("2026-03-31T10:00+02:00") == utc("2026-03-31T08:00Z")
    two_days = WaitingTime(48, WaitingUnit.HOURS)
    assert available_from(utc("2026-03-28T12:00+01:00"), two_days, BERLIN) == utc("2026-03-30T13:00+02:00")


def test_e18_expiry_ends_with_the_local_day() -> None:
    earned = utc("2026-03-01T10:00+01:00")

    def ends(expiry: Expiry) -> datetime | None:
        return expires_at(earned, earned, expiry, CountsFrom.EARNING, BERLIN)

    assert ends(Expiry(days=150)) == utc("2026-07-30T00:00+02:00")  # usable through 2026-07-29
    assert ends(Expiry(on=date(2026, 12, 31))) == utc("2027-01-01T00:00+01:00")
    assert ends(Expiry()) is None


def test_r16_expiry_counts_from_earning_or_from_availability() -> None:
    earned, available = utc("2026-03-01T10:00+01:00"), utc("2026-03-31T10:00+02:00")
    from_earning = expires_at(earned, available, Expiry(days=365), CountsFrom.EARNING, BERLIN)
    from_availability = expires_at(earned, available, Expiry(days=365), CountsFrom.AVAILABILITY, BERLIN)
    assert from_earning == utc("2027-03-02T00:00+01:00")
    assert from_availability == utc("2027-04-01T00:00+02:00")


def test_r16_the_local_day_of_earning_counts_not_that_of_utc() -> None:
    late = utc("2026-03-01T23:30Z")  # the 2nd in Berlin
    assert expires_at(late, late, Expiry(days=1), CountsFrom.EARNING, BERLIN) == utc("2026-03-04T00:00+01:00")


@pytest.mark.parametrize(
    ("start", "wait", "end"),
    [
        ("2028-02-28T12:00+01:00", 1, "2028-02-29T12:00+01:00"),
        ("2028-02-29T12:00+01:00", 365, "2029-02-28T12:00+01:00"),
        ("2027-02-28T12:00+01:00", 1, "2027-03-01T12:00+01:00"),
    ],
)
def test_r16_a_leap_day_is_a_day(start: str, wait: int, end: str) -> None:
    assert days(wait, start) == utc(end)


def test_r16_a_time_that_is_skipped_is_the_first_instant_after_the_gap() -> None:
    assert days(1, "2026-03-28T02:30:15.5+01:00") == utc("2026-03-29T03:00+02:00")
    assert days(1, "2026-03-28T02:00+01:00") == utc("2026-03-29T03:00+02:00")
    assert days(1, "2026-03-28T01:59:59.999999+01:00") == utc("2026-03-29T01:59:59.999999+01:00")
    assert days(1, "2026-03-28T03:00+01:00") == utc("2026-03-29T03:00+02:00")


def test_r16_a_time_that_occurs_twice_is_the_first() -> None:
    assert days(1, "2026-10-24T02:30+02:00") == utc("2026-10-25T02:30+02:00")
    second_of_the_two = utc("2025-10-26T02:30+01:00")
    assert available_from(second_of_the_two, WaitingTime(364), BERLIN) == utc("2026-10-25T02:30+02:00")


def test_r16_a_day_without_a_midnight_ends_with_the_gap() -> None:
    sao_paulo = ZoneInfo("America/Sao_Paulo")
    assert end_of_local_day(date(2018, 11, 3), sao_paulo) == utc("2018-11-04T01:00-02:00")
    lord_howe = ZoneInfo("Australia/Lord_Howe")  # a gap of half an hour
    assert local_instant(date(2026, 10, 4), time(2, 15), lord_howe) == utc("2026-10-04T02:30+11:00")
    apia = ZoneInfo("Pacific/Apia")  # skipped the 30th of December 2011 whole
    assert local_instant(date(2011, 12, 30), time(12), apia) == utc("2011-12-31T00:00+14:00")


@given(INSTANTS, ZONES)
def test_every_local_time_that_occurs_is_found_again(instant: datetime, zone: ZoneInfo) -> None:
    local = instant.astimezone(zone)
    found = local_instant(local.date(), local.time(), zone)
    assert found.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None)
    assert found <= instant


@given(st.datetimes(datetime(2005, 1, 1), datetime(2037, 1, 1)), ZONES)  # noqa: DTZ001
def test_no_local_time_precedes_an_earlier_one(local: datetime, zone: ZoneInfo) -> None:
    found = local_instant(local.date(), local.time(), zone)
    shown = found.astimezone(zone).replace(tzinfo=None)
    assert shown >= local
    if shown > local:  # skipped: there is nothing between it and the instant before the one found
        assert (found - timedelta(microseconds=1)).astimezone(zone).replace(tzinfo=None) < local


@given(INSTANTS, ZONES, WAITS, st.integers(1, 36_500))
def test_points_begin_after_they_are_earned_and_end_later_still(
    earned: datetime, zone: ZoneInfo, wait: WaitingTime, count: int
) -> None:
    begin = available_from(earned, wait, zone)
    end = expires_at(earned, begin, Expiry(days=count), CountsFrom.AVAILABILITY, zone)
    assert earned <= begin
    assert end is not None
    assert begin < end
    assert end == local_instant(end.astimezone(zone).date(), time(), zone)


@given(INSTANTS, INSTANTS, ZONES, st.integers(0, 3650))
def test_waiting_days_never_put_the_later_first(
    one: datetime, other: datetime, zone: ZoneInfo, count: int
) -> None:
    first, second = sorted([one, other])
    if first.astimezone(zone).replace(tzinfo=None) > second.astimezone(zone).replace(tzinfo=None):
        return  # the clocks went back between them: by the wall clock the later one is the earlier
    assert available_from(first, WaitingTime(count), zone) <= available_from(second, WaitingTime(count), zone)


@given(INSTANTS, INSTANTS, ZONES, st.integers(1, 36_500))
def test_expiry_never_puts_the_later_first(one: datetime, other: datetime, zone: ZoneInfo, count: int) -> None:
    first, second = sorted([one, other])
    ends = [expires_at(at, at, Expiry(days=count), CountsFrom.EARNING, zone) for at in (first, second)]
    assert ends[0] is not None
    assert ends[1] is not None
    assert ends[0] <= ends[1]


def test_r16_a_date_that_has_passed_gives_nothing() -> None:
    def life(earned: str, wait: int) -> Lifetime | None:
        return lifetime(utc(earned), WaitingTime(wait), Expiry(on=date(2026, 12, 31)), CountsFrom.EARNING, BERLIN)

    assert life("2026-12-31T23:59+01:00", 0) == (utc("2026-12-31T22:59Z"), utc("2026-12-31T23:00Z"))
    assert life("2027-01-01T00:00+01:00", 0) is None
    assert life("2026-12-31T10:00+01:00", 1) is None  # they would start after they end
    never = lifetime(utc("2026-01-01T00:00Z"), WaitingTime(0), Expiry(), CountsFrom.EARNING, BERLIN)
    assert never == (utc("2026-01-01T00:00Z"), None)


def test_an_expiry_is_counted_or_dated() -> None:
    with pytest.raises(AssertionError):
        Expiry(days=1, on=date(2026, 1, 1))


def test_e23_the_window_ends_with_the_thirtieth_local_day_from_today() -> None:
    until = expiring_until(utc("2026-03-01T12:00+01:00"), 30, BERLIN)
    assert until == utc("2026-04-01T00:00+02:00")
    assert end_of_local_day(date(2026, 3, 31), BERLIN) <= until < end_of_local_day(date(2026, 4, 1), BERLIN)
    assert expiring_until(utc("2026-03-01T23:30Z"), 30, BERLIN) == utc("2026-04-02T00:00+02:00")  # local today


def test_what_lies_beyond_the_calendar_is_its_last_instant() -> None:
    late = datetime(9999, 12, 29, 23, tzinfo=UTC)
    year = Expiry(days=365)
    assert available_from(late, WaitingTime(3650), BERLIN) == LAST_INSTANT
    assert available_from(late, WaitingTime(2, WaitingUnit.HOURS), BERLIN) == LAST_INSTANT
    assert available_from(late, WaitingTime(1, WaitingUnit.HOURS), BERLIN) == LAST_INSTANT
    assert available_from(late, WaitingTime(1, WaitingUnit.DAYS), ZoneInfo("Pacific/Kiritimati")) == LAST_INSTANT
    assert expires_at(late, late, year, CountsFrom.EARNING, BERLIN) == LAST_INSTANT
    assert end_of_local_day(date(9999, 12, 29), ZoneInfo("America/New_York")) == LAST_INSTANT
    assert end_of_local_day(date.max, BERLIN) == LAST_INSTANT
    assert lifetime(late, WaitingTime(3650), year, CountsFrom.EARNING, BERLIN) is None


@pytest.mark.parametrize("name", ["Europe/Berlin", "UTC", "America/Argentina/Buenos_Aires"])
def test_a_time_zone_is_known_by_its_iana_name(name: str) -> None:
    assert time_zone(name).key == name


@pytest.mark.parametrize(
    "name",
    ["", "Europe", "Europe/Atlantis", "../../etc/passwd", "/etc/passwd", "a" * 500, "E\x00", "\ud800", None, 1],
)
def test_what_is_no_time_zone_is_refused(name: Any) -> None:
    with pytest.raises(InvalidInput, match="timeZone: must be an IANA time zone"):
        time_zone(name)


def test_hours_compare_waits_of_both_units() -> None:
    assert [WaitingTime(2).hours, WaitingTime(2, WaitingUnit.HOURS).hours] == [48, 2]
