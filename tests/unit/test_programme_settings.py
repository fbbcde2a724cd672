"""Settings of domain.md section 7: unit, bounds, defaults, versions; R4, R5, R16."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointbook.domain.calendar import CountsFrom, Expiry, WaitingTime, WaitingUnit
from pointbook.domain.currencies import EXPONENTS
from pointbook.domain.errors import InvalidInput
from pointbook.domain.money import Rounding
from pointbook.domain.programme_settings import (
    PointValuePolicy,
    ProgrammeSettings,
    SettingsVersion,
    in_force,
)
from pointbook.domain.return_types import MAPPED, ReturnType, TypeEffect
from tests.unit.documents import settings

RATES = st.integers(100, 10**12).map(lambda millionths: f"{Decimal(millionths).scaleb(-6):f}")
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "revenuePerPoint": RATES,
        "valuePerPoint": RATES,
        "pointValuePolicy": st.sampled_from(["AT_EARNING", "CURRENT"]),
        "earnsFromRevenue": st.booleans(),
        "revenueRounding": st.sampled_from(["HALF_UP", "FLOOR", "CEILING"]),
        "basePointsPerOrder": st.integers(0, 1_000_000),
        "signUpPoints": st.integers(0, 1_000_000),
        "signUpAvailableAtOnce": st.booleans(),
        "signUpFrom": st.none() | st.dates(date(2020, 1, 1), date(2025, 1, 1)).map(str),
        "signUpUntil": st.none() | st.dates(date(2025, 1, 1), date(2999, 12, 31)).map(str),
        "signUpExpiry": st.sampled_from([None, {"never": True}, {"days": 3651}, {"on": "2031-01-01"}]),
        "waitingTime": st.integers(0, 3650).map(lambda n: {"days": n})
        | st.integers(0, 87_600).map(lambda n: {"hours": n}),
        "expiry": st.sampled_from([{"never": True}, {"days": 36_500}, {"on": "2031-01-01"}]),
        "expiryCountsFrom": st.just("AVAILABILITY"),
        "netBasis": st.booleans(),
        "shippingInBasis": st.booleans(),
        "surchargeInBasis": st.booleans(),
        "qualifyingStatuses": st.lists(
            st.sampled_from(["paid", "shipped", "7"]), min_size=1, max_size=3, unique=True
        ),
        "typeEffects": st.fixed_dictionaries(
            {kind.value: st.sampled_from([effect.value for effect in TypeEffect]) for kind in MAPPED}
        ),
        "holdMinutes": st.integers(1, 60),
        "holdExtensionsMax": st.integers(0, 20),
        "minimumRedemptionPoints": st.integers(0, 1_000_000),
        "maximumShareOfCart": st.integers(0, 100),
        "exchangeMinimumPoints": st.integers(0, 1_000_000),
        "exchangePointsMax": st.none() | st.integers(1_000_000, 10**9),
        "exchangeUnitsMax": st.none() | st.integers(1, 50_000),
        "expiringWindowDays": st.integers(1, 365),
        "expiryNoticeDays": st.sampled_from([[], [30, 7], [365]]),
        "releaseParkedOnJoin": st.booleans(),
        "adjustmentMaxPoints": st.none() | st.integers(0, 1_000_000),
        "rejoinBonusBlockDays": st.integers(0, 3650),
        "refundSplit": st.sampled_from(["PROPORTIONAL", "POINTS_FIRST", "MONEY_FIRST"]),
        "clawback": st.sampled_from(["ALLOW_NEGATIVE", "WITHIN_BALANCE", "ONLY_PENDING"]),
        "giveBackGraceDays": st.integers(0, 365),
        "mergeReversesSignUpBonus": st.booleans(),
        "bookingDelayMinutes": st.integers(180, 240),
        "bookingNeedsCompletion": st.booleans(),
        "standardPointsText": st.sampled_from([{}, {"de": "{points} Punkte", "pl": "{pointsPhrase}"}]),
        "extraPointsText": st.sampled_from([{}, {"pt-BR": "{extraPoints} mais"}]),
    },
).map(lambda document: {"expiryCountsFrom": "AVAILABILITY", **document})


def test_the_defaults_are_those_of_the_design() -> None:
    default = settings()
    assert default == ProgrammeSettings(revenue_per_point=Decimal(100), value_per_point=Decimal(5))
    assert default.to_document("EUR") == {
        "revenuePerPoint": "1.00",
        "valuePerPoint": "0.05",
        "pointValuePolicy": "AT_EARNING",
        "earnsFromRevenue": True,
        "revenueRounding": "HALF_UP",
        "basePointsPerOrder": 0,
        "signUpPoints": 0,
        "signUpAvailableAtOnce": False,
        "signUpFrom": None,
        "signUpUntil": None,
        "signUpExpiry": None,
        "waitingTime": {"days": 0},
        "expiry": {"days": 365},
        "expiryCountsFrom": "EARNING",
        "netBasis": False,
        "shippingInBasis": False,
        "surchargeInBasis": False,
        "qualifyingStatuses": ["goods booked out"],
        "typeEffects": {"CREDIT_NOTE": "BOTH", "RETURN": "BOTH", "REPAIR": "BOTH", "WARRANTY": "BOTH"},
        "holdMinutes": 15,
        "holdExtensionsMax": 10,
        "minimumRedemptionPoints": 0,
        "maximumShareOfCart": 100,
        "exchangeMinimumPoints": 0,
        "exchangePointsMax": None,
        "exchangeUnitsMax": None,
        "expiringWindowDays": 30,
        "expiryNoticeDays": [30, 7],
        "releaseParkedOnJoin": False,
        "adjustmentMaxPoints": None,
        "rejoinBonusBlockDays": 180,
        "refundSplit": "PROPORTIONAL",
        "clawback": "ALLOW_NEGATIVE",
        "giveBackGraceDays": 30,
        "mergeReversesSignUpBonus": True,
        "bookingDelayMinutes": 180,
        "bookingNeedsCompletion": False,
        "standardPointsText": {},
        "extraPointsText": {},
    }


@given(DOCUMENTS, st.sampled_from(sorted(EXPONENTS)))
def test_a_document_comes_back_as_the_same_settings(document: dict[str, Any], currency: str) -> None:
    read = ProgrammeSettings.from_document(document, currency)
    written = read.to_document(currency)
    assert ProgrammeSettings.from_document(written, currency) == read
    for key, value in document.items():
        exact = "PerPoint" in key and key != "basePointsPerOrder"
        assert (Decimal(written[key]) == Decimal(value)) if exact else (written[key] == value)


def test_rates_are_minor_units_inside_and_look_alike_when_equal() -> None:
    assert settings("JPY", valuePerPoint="0.05").value_per_point == Decimal("0.05")
    assert settings("KWD", valuePerPoint="0.05").value_per_point == Decimal(50)
    for spelling in ("0.05", "0.050000", Decimal("0.05")):
        assert repr(settings(valuePerPoint=spelling).value_per_point) == "Decimal('5')"
    assert settings(valuePerPoint="0.000001").value_per_point == Decimal("0.0001")
    assert settings(valuePerPoint="0.000001").to_document("EUR")["valuePerPoint"] == "0.000001"
    assert settings("JPY", revenuePerPoint=100).to_document("JPY")["revenuePerPoint"] == "100"
    assert settings(revenuePerPoint=1_000_000).to_document("EUR")["revenuePerPoint"] == "1000000.00"


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"revenuePerPoint": "0"}, "revenuePerPoint"),
        ({"revenuePerPoint": "0.00009"}, "revenuePerPoint"),
        ({"revenuePerPoint": "1000000.01"}, "revenuePerPoint"),
        ({"revenuePerPoint": 1.0}, "revenuePerPoint"),
        ({"revenuePerPoint": None}, "revenuePerPoint"),
        ({"valuePerPoint": "0"}, "valuePerPoint"),
        ({"valuePerPoint": "-0.05"}, "valuePerPoint"),
        ({"valuePerPoint": "0.0000001"}, "valuePerPoint"),
        ({"pointValuePolicy": "current"}, "pointValuePolicy"),
        ({"pointValuePolicy": 1}, "pointValuePolicy"),
        ({"revenueRounding": "UP"}, "revenueRounding"),
        ({"basePointsPerOrder": -1}, "basePointsPerOrder"),
        ({"basePointsPerOrder": 1_000_001}, "basePointsPerOrder"),
        ({"basePointsPerOrder": True}, "basePointsPerOrder"),
        ({"signUpPoints": 1.0}, "signUpPoints"),
        ({"signUpPoints": "100"}, "signUpPoints"),
        ({"signUpAvailableAtOnce": 1}, "signUpAvailableAtOnce"),
        ({"signUpFrom": "2026-3-1"}, "signUpFrom"),
        ({"signUpFrom": "20260301"}, "signUpFrom"),
        ({"signUpUntil": "2026-02-30"}, "signUpUntil"),
        ({"signUpUntil": 2026}, "signUpUntil"),
        ({"signUpUntil": "3000-01-01"}, "signUpUntil"),
        ({"signUpFrom": "2026-03-02", "signUpUntil": "2026-03-01"}, "signUpUntil"),
        ({"signUpExpiry": {}}, "signUpExpiry"),
        ({"waitingTime": 30}, "waitingTime"),
        ({"waitingTime": {"days": 1, "hours": 1}}, "waitingTime"),
        ({"waitingTime": {"weeks": 1}}, "waitingTime"),
        ({"waitingTime": {"days": 3651}}, "waitingTime.days"),
        ({"waitingTime": {"hours": 87_601}}, "waitingTime.hours"),
        ({"waitingTime": {"days": -1}}, "waitingTime.days"),
        ({"expiry": None}, "expiry"),
        ({"expiry": {"days": 0}}, "expiry.days"),
        ({"expiry": {"days": 36_501}}, "expiry.days"),
        ({"expiry": {"on": "9999-12-31"}}, "expiry.on"),
        ({"expiry": {"on": None}}, "expiry.on"),
        ({"expiry": {"never": False}}, "expiry.never"),
        ({"expiryCountsFrom": None}, "expiryCountsFrom"),
        ({"netBasis": "yes"}, "netBasis"),
        ({"typeEffects": None}, "typeEffects"),
        ({"typeEffects": [["RETURN", "BOTH"]]}, "typeEffects"),
        ({"typeEffects": {"CANCELLATION": "BOTH"}}, "typeEffects.CANCELLATION"),
        ({"typeEffects": {"return": "BOTH"}}, "typeEffects.return"),
        ({"typeEffects": {"RETURN": "both"}}, "typeEffects.RETURN"),
        ({"typeEffects": {"RETURN": None}}, "typeEffects.RETURN"),
        ({"qualifyingStatuses": []}, "qualifyingStatuses"),
        ({"qualifyingStatuses": "paid"}, "qualifyingStatuses"),
        ({"qualifyingStatuses": ["paid", ""]}, "qualifyingStatuses[1]"),
        ({"qualifyingStatuses": ["paid\x00"]}, "qualifyingStatuses[0]"),
        ({"qualifyingStatuses": [str(n) for n in range(101)]}, "qualifyingStatuses"),
        ({"holdMinutes": 0}, "holdMinutes"),
        ({"holdMinutes": 61}, "holdMinutes"),
        ({"holdExtensionsMax": 21}, "holdExtensionsMax"),
        ({"minimumRedemptionPoints": -1}, "minimumRedemptionPoints"),
        ({"maximumShareOfCart": -1}, "maximumShareOfCart"),
        ({"maximumShareOfCart": 101}, "maximumShareOfCart"),
        ({"exchangeMinimumPoints": -1}, "exchangeMinimumPoints"),
        ({"exchangeMinimumPoints": None}, "exchangeMinimumPoints"),
        ({"exchangePointsMax": 0}, "exchangePointsMax"),
        ({"exchangePointsMax": 10**9 + 1}, "exchangePointsMax"),
        ({"exchangeMinimumPoints": 100, "exchangePointsMax": 99}, "exchangePointsMax"),
        ({"exchangeUnitsMax": 0}, "exchangeUnitsMax"),
        ({"exchangeUnitsMax": 50_001}, "exchangeUnitsMax"),
        ({"expiringWindowDays": 366}, "expiringWindowDays"),
        ({"expiryNoticeDays": 7}, "expiryNoticeDays"),
        ({"expiryNoticeDays": [1, 2, 3, 4, 5, 6]}, "expiryNoticeDays"),
        ({"expiryNoticeDays": [7, 0]}, "expiryNoticeDays[1]"),
        ({"expiryNoticeDays": [366]}, "expiryNoticeDays[0]"),
        ({"releaseParkedOnJoin": None}, "releaseParkedOnJoin"),
        ({"adjustmentMaxPoints": -1}, "adjustmentMaxPoints"),
        ({"adjustmentMaxPoints": 1_000_001}, "adjustmentMaxPoints"),
        ({"rejoinBonusBlockDays": 3651}, "rejoinBonusBlockDays"),
        ({"refundSplit": "points first"}, "refundSplit"),
        ({"clawback": None}, "clawback"),
        ({"giveBackGraceDays": 366}, "giveBackGraceDays"),
        ({"mergeReversesSignUpBonus": "yes"}, "mergeReversesSignUpBonus"),
        ({"bookingDelayMinutes": 179}, "bookingDelayMinutes"),
        ({"bookingDelayMinutes": 241}, "bookingDelayMinutes"),
        ({"bookingNeedsCompletion": 1}, "bookingNeedsCompletion"),
        ({"valuePerPiont": "0.05"}, "valuePerPiont"),
        ({"\ud800": 1}, "\\ud800"),
        ([], "settings"),
        (None, "settings"),
        ("{}", "settings"),
    ],
)
def test_what_is_out_of_bounds_is_refused_with_its_field(document: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        ProgrammeSettings.from_document(document, "EUR")
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"waitingTime": {"days": 365}}, "waitingTime"),
        ({"waitingTime": {"hours": 8760}}, "waitingTime"),
        ({"waitingTime": {"days": 400}, "expiry": {"days": 365}}, "waitingTime"),
        ({"waitingTime": {"days": 10}, "signUpExpiry": {"days": 10}}, "signUpExpiry"),
    ],
)
def test_r16_a_wait_that_reaches_the_expiry_is_refused(document: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput, match="reache") as refusal:
        ProgrammeSettings.from_document(document, "EUR")
    assert refusal.value.field == field


@pytest.mark.parametrize(
    "document",
    [
        {"waitingTime": {"days": 364}},
        {"waitingTime": {"hours": 8759}},
        {"waitingTime": {"days": 400}, "expiryCountsFrom": "AVAILABILITY"},
        {"waitingTime": {"days": 400}, "expiry": {"never": True}},
        {"waitingTime": {"days": 400}, "expiry": {"on": "2030-01-01"}},
        {"waitingTime": {"days": 10}, "signUpExpiry": {"days": 10}, "signUpAvailableAtOnce": True},
        {"waitingTime": {"days": 10}, "signUpExpiry": {"never": True}},
        {"waitingTime": {"days": 10}, "signUpExpiry": {"days": 11}},
        {"signUpFrom": "2026-03-01", "signUpUntil": "2026-03-01"},
    ],
)
def test_r16_a_wait_that_ends_before_the_expiry_is_taken(document: dict[str, Any]) -> None:
    assert ProgrammeSettings.from_document(document, "EUR").to_document("EUR").items() >= document.items()


def test_a_change_keeps_all_other_settings_and_is_judged_with_them() -> None:
    before = settings(valuePerPoint="0.0001", waitingTime={"days": 30}, qualifyingStatuses=["paid"])
    after = before.changed({"holdMinutes": 20}, "EUR")
    assert after.hold_length == timedelta(minutes=20)
    assert before.changed({"holdMinutes": 15}, "EUR") == before
    assert after.changed({"holdMinutes": 15}, "EUR") == before
    with pytest.raises(InvalidInput, match="waitingTime"):
        before.changed({"expiry": {"days": 30}}, "EUR")


def test_statuses_are_told_once_each() -> None:
    assert settings(qualifyingStatuses=("b", "a", "b")).qualifying_statuses == ("b", "a")


def test_types_of_settings() -> None:
    read = settings(
        pointValuePolicy="CURRENT", waitingTime={"hours": 48}, expiry={"on": "2026-12-31"}, revenueRounding="FLOOR"
    )
    assert read.point_value_policy is PointValuePolicy.CURRENT
    assert read.current_point_value == Decimal(5)
    assert settings().current_point_value is None
    assert read.waiting_time == WaitingTime(48, WaitingUnit.HOURS)
    assert read.expiry == Expiry(on=date(2026, 12, 31))
    assert read.expiry_counts_from is CountsFrom.EARNING
    assert read.revenue_rounding is Rounding.FLOOR


@pytest.mark.parametrize(
    ("value", "revenue", "percent"),
    [("0.05", "1.00", "5.00"), ("0.05", "3.00", "1.67"), ("0.10", "0.01", "1000.00")],
)
def test_e05_the_discount_is_value_by_revenue_per_point(value: str, revenue: str, percent: str) -> None:
    assert str(settings(valuePerPoint=value, revenuePerPoint=revenue).discount_percent) == percent


def test_r4_the_version_that_began_last_is_in_force() -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    read = settings()
    first, second, third = (SettingsVersion(n, start + timedelta(days=n), read) for n in (1, 2, 3))
    corrected = SettingsVersion(4, second.effective_from, read)
    versions = [second, first, third, corrected]
    assert in_force(versions, start) is first
    assert in_force(versions, first.effective_from) is first
    assert in_force(versions, second.effective_from - timedelta(microseconds=1)) is first
    assert in_force(versions, second.effective_from) is corrected
    assert in_force(versions, third.effective_from + timedelta(days=1)) is third
    replaced_before_it_began = SettingsVersion(5, first.effective_from, read)
    assert in_force([replaced_before_it_began, first], start) is first
    assert in_force([replaced_before_it_began, first], first.effective_from) is replaced_before_it_began


def test_what_a_return_reverses_is_the_programmes_choice_unless_it_is_sent_by_hand() -> None:
    programme = settings(typeEffects={"WARRANTY": "NOTHING", "REPAIR": "EARNING"})
    assert [programme.effect_of(kind).value for kind in ReturnType] == [
        "BOTH",
        "BOTH",
        "EARNING",
        "NOTHING",
        "BOTH",
    ]
    assert {programme.effect_of(kind, by_hand=True) for kind in ReturnType} == {TypeEffect.BOTH}
    reverses = [(effect.reverses_earning, effect.reverses_redemption) for effect in TypeEffect]
    assert reverses == [(True, True), (True, False), (False, True), (False, False)]
