"""R2, R4, R6 to R14 and R16 where no example stands: stacking, exclusions, multipliers, caps, lots, traces."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pointbook.domain.calendar import Expiry
from pointbook.domain.rules import (
    CapUse,
    Counter,
    Engine,
    Lot,
    Occasion,
    Place,
    RuleState,
    RuleVersion,
    Verdict,
    Why,
    effect,
    rules_in_force,
    simulate,
    with_version,
)
from tests.unit.documents import amounts, content, line, loyalista, settings
from tests.unit.rule_documents import (
    BERLIN,
    LONG_AGO,
    OPEN_HOUR,
    TODAY,
    at,
    judged,
    of,
    points,
    rule,
    sides,
    version,
    versions,
)


def article(key: str, number: int, each: int, **more: Any) -> RuleVersion:
    return version(key, "ARTICLE", number, points=each, targets=["A"], **more)


def units(quantity: int | str, **more: Any) -> dict[str, Any]:
    return line(1, "10.00", articleId="A", quantity=quantity, **more)


# --- quantities and rounding (R2, R9) --------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "earned"), [("HALF_UP", 3 + 3), ("FLOOR", 2 + 2), ("CEILING", 3 + 3)])
def test_r9_a_fractional_quantity_is_rounded_per_line(mode: str, earned: int) -> None:
    halves = content(units("0.5"), {**units("0.5"), "id": "L2"})
    assert points(halves, article("a", 1, 5, rounding=mode)) == earned


def test_r9_a_line_without_quantity_earns_by_its_amount_only() -> None:
    result = judged(content(units(0)), article("a", 1, 5), version("cart", "CART", 2, moneyPerPoint="1"))
    assert result.points == 10
    assert of("a", result.trace()).why is Why.NO_UNITS


@pytest.mark.parametrize(("mode", "earned"), [("HALF_UP", 4), ("FLOOR", 3), ("CEILING", 4)])
def test_r2_a_cart_rule_rounds_as_it_says(mode: str, earned: int) -> None:
    cart = version("cart", "CART", moneyPerPoint="20.00", rounding=mode)
    assert points(amounts("35.00", "35.00"), cart) == earned


# --- stack groups (R9) -----------------------------------------------------------------------------------------


def test_r9_of_equal_rules_the_older_gives() -> None:
    younger, older = article("a", 2, 5), article("b", 1, 5)
    result = judged(content(units(2)), younger, older)
    assert [(gain.rule.key, gain.points) for gain in result.gains] == [("b", 10)]
    assert of("a", result.trace()).lost_to == "b"


def test_r9_groups_of_their_own_add_up_and_a_shared_one_does_not() -> None:
    apart = [article("a", 1, 5), article("b", 2, 4, stackGroup="more")]
    assert points(content(units(1)), *apart) == 9
    together = [article("a", 1, 5, stackGroup="all"), version("c", "CATEGORY", 2, points=7, targets=["g"])]
    grouped = content(units(1, productGroupIds=["g", "h"]))
    assert points(grouped, *together) == 12
    assert (
        points(
            grouped,
            together[0],
            version("c", "CATEGORY", 2, points=7, targets=["g", "h"], stackGroup="all"),
        )
        == 7
    )


def test_r9_the_best_cart_rule_gives_by_its_rounded_result() -> None:
    exact = version("exact", "CART", 2, moneyPerPoint="4.00")  # 2.5 → 3
    generous = version("generous", "CART", 1, moneyPerPoint="4.50", rounding="CEILING")  # 2.22 → 3, and older
    result = judged(amounts("10.00"), exact, generous)
    assert [gain.rule.key for gain in result.gains] == ["generous"]
    assert of("exact", result.trace()).rounded == 3
    better = version("better", "CART", 3, moneyPerPoint="2.50")
    assert judged(amounts("10.00"), exact, generous, better).points == 4


def test_r9_a_rule_for_two_groups_of_an_article_gives_once() -> None:
    both = version("c", "CATEGORY", points=7, targets=["g", "h"])
    result = judged(content(units(1, productGroupIds=["g", "h"])), both)
    assert (result.points, len(of("c", result.trace()).lines)) == (7, 1)


def test_a_cart_rule_adds_to_the_revenue_unless_it_shares_its_group() -> None:
    adds = version("c", "CART", moneyPerPoint="0.50")
    competes = version("c", "CART", moneyPerPoint="0.50", stackGroup="revenue")
    assert [Engine(settings(), [r]).evaluate(amounts("10.00"), TODAY).points for r in (adds, competes)] == [30, 20]


def test_the_best_of_the_base_rules_gives() -> None:
    weekend = version("weekend", "BASE", points=25, weekdays=["SATURDAY"])
    engine = Engine(loyalista(earnsFromRevenue=False), [weekend])
    days = [engine.evaluate(amounts("1.00"), Occasion(date(2026, 3, day))).points for day in (6, 7)]
    assert days == [10, 25]


# --- toppings, lines that do not earn (R14), exclusions (R10) --------------------------------------------------


def test_toppings_earn_by_their_own_rules_only() -> None:
    topping = line(2, "1.00", articleId="cheese", kind="TOPPING", toppingGroupId="dairy", productGroupIds=["g"])
    rules = versions(
        article={"kind": "ARTICLE", "points": 50, "targets": ["cheese"]},
        category={"kind": "CATEGORY", "points": 50, "targets": ["g"]},
        topping={"kind": "TOPPING", "points": 1, "targets": ["cheese", "A"]},
        group={"kind": "TOPPING_GROUP", "points": 2, "targets": ["dairy"]},
    )
    assert points(content(units(1), topping), *rules) == 2
    assert points(content(units(1)), *rules) == 0


def test_r14_a_line_that_does_not_earn_earns_nothing() -> None:
    result = judged(content(units(1, earns=False), line(2, "3.00")), article("a", 1, 5))
    assert result.points == 0
    assert of("a", result.trace()).why is Why.NOT_EARNING


@pytest.mark.parametrize(
    ("type_", "named", "earned"),
    [
        ("free article", ["L1"], 4 + 1),
        ("free article", ["L2"], 8 + 1),
        ("free article", None, 8 + 1),  # concerns the order, no line of it
        ("product group", ["L1", "L2", "L3"], 8 + 1),  # not an exclusive type, as for a whole product group
    ],
)
def test_r10_an_exclusive_shop_voucher_excludes_the_lines_it_names(
    type_: str, named: list[str] | None, earned: int
) -> None:
    rules = versions(
        a={"kind": "ARTICLE", "points": 4, "targets": ["A"], "exclusiveVoucherTypes": ["free article"]},
        t={"kind": "TOPPING", "points": 1, "targets": ["A"]},
    )
    lines = [units(1), {**units(1), "id": "L2", "kind": "TOPPING", "parentLineId": "L1"}, {**units(1), "id": "L3"}]
    voucher = {"code": "V", "type": type_, "amount": "1.00", **({"lineIds": named} if named else {})}
    result = judged(content(*lines, shopVouchers=[voucher]), *rules)
    assert result.points == earned
    excluded = [seen.line for seen in of("a", result.trace()).lines if seen.why is Why.SHOP_VOUCHER]
    assert excluded == (["L1"] if earned == 5 else [])


def test_r10_another_rule_may_give_what_an_excluded_one_does_not() -> None:
    menu = content(line(1, "9.00", articleId="menu", kind="MENU"), {**units(1), "id": "L2", "parentLineId": "L1"})
    assert points(menu, article("a", 1, 5, excludesMenus=True), article("b", 2, 3)) == 3


# --- when and where (R4, R6, R7) -------------------------------------------------------------------------------


def test_r6_an_order_without_a_store_matches_only_rules_for_all_stores() -> None:
    everywhere, berlin = (version("c", "CART", moneyPerPoint="1", stores=s) for s in ("ALL", ["berlin"]))
    for occasion, matching in [(TODAY, [10, 0]), (TODAY._replace(store="berlin"), [10, 10])]:
        assert [points(amounts("10.00"), r, occasion=occasion) for r in (everywhere, berlin)] == matching


def test_r6_the_local_day_is_the_stores() -> None:
    night = datetime(2026, 3, 1, 4, 30, tzinfo=UTC)
    days = [Place(None, ZoneInfo(name)).occasion(night).day for name in ("Europe/Berlin", "America/New_York")]
    assert days == [date(2026, 3, 1), date(2026, 2, 28)]


def test_r7_all_holidays_may_be_chosen() -> None:
    cart = version("c", "CART", moneyPerPoint="1", holidays="ALL")
    holiday = TODAY._replace(holidays=frozenset({"Founders' Day"}))
    assert [points(amounts("10.00"), cart, occasion=occasion) for occasion in (TODAY, holiday)] == [0, 10]


def test_r4_the_versions_in_force_count() -> None:
    later = LONG_AGO + timedelta(days=30)
    first = RuleVersion("a", 1, 1, LONG_AGO, RuleState.ACTIVE, rule("CART", moneyPerPoint="1"))
    second = RuleVersion("a", 1, 2, later, RuleState.INACTIVE, rule("CART", moneyPerPoint="2"))
    corrected = RuleVersion("a", 1, 3, later, RuleState.ACTIVE, rule("CART", moneyPerPoint="4"))
    deleted = RuleVersion("a", 1, 4, later + timedelta(days=1), RuleState.DELETED, corrected.rule)
    all_of_them = [deleted, corrected, second, first]
    instants = [LONG_AGO - timedelta(seconds=1), LONG_AGO, later, later + timedelta(days=1)]
    assert [rules_in_force(all_of_them, instant) for instant in instants] == [(), (first,), (corrected,), ()]
    inactive = judged(amounts("10.00"), second)
    assert (inactive.points, of("a", inactive.trace()).why) == (0, Why.INACTIVE)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({}, None),
        ({"validFrom": "2026-03-05"}, Why.NOT_YET),
        ({"validUntil": "2026-03-03"}, Why.ENDED),
        ({"validUntil": "2026-03-04"}, None),
        ({"expiry": {"on": "2026-03-03"}}, Why.ENDED),
        ({"expiry": {"on": "2026-03-05"}}, Why.ENDED),  # before the waiting time ends
        ({"expiry": {"on": "2026-03-05"}, "availableAtOnce": True}, None),
        ({"stores": ["closed"]}, Why.NO_STORE),
        ({"stores": ["closed", "open"]}, None),
    ],
)
def test_staff_see_why_a_rule_is_inert(more: dict[str, Any], reason: Why | None) -> None:
    cart = version("c", "CART", moneyPerPoint="1", **more)
    waiting = sides(waitingTime={"days": 2})
    assert effect(cart, waiting, BERLIN, now=OPEN_HOUR, open_stores={"open"}).inert_reason is reason


def test_a_version_to_come_is_not_yet_in_force() -> None:
    cart = version("c", "CART", moneyPerPoint="1")
    assert effect(cart, sides(), BERLIN, now=LONG_AGO - timedelta(seconds=1)).inert_reason is Why.NOT_YET
    assert effect(cart, sides(), BERLIN, now=LONG_AGO).inert_reason is None


# --- multipliers (R8) ------------------------------------------------------------------------------------------


def doubled(key: str, number: int, factor: str, *targets: str, **more: Any) -> RuleVersion:
    return version(key, "MULTIPLIER", number, factor=factor, targets=list(targets), **more)


def test_r8_a_multiplier_acts_on_the_exact_result() -> None:
    double = doubled("double", 1, "2", "REVENUE")
    result = Engine(loyalista(), [double]).evaluate(amounts("19.30"), TODAY)
    assert result.points == 39 + 10  # 38.6, not twice 19
    revenue = of("REVENUE", result.trace())
    assert (revenue.exact, revenue.factor, revenue.multiplier) == (Fraction("38.6"), Fraction(2), "double")


def test_r8_of_two_multipliers_of_a_rule_the_larger_acts() -> None:
    rules = [
        article("a", 1, 5),
        doubled("double", 2, "2", "a"),
        doubled("triple", 3, "3", "a"),
        doubled("night", 4, "9", "a", weekdays=["SUNDAY"]),
        doubled("idle", 5, "2", "b"),
    ]
    result = judged(content(units(2)), *rules)
    assert result.points == 30
    verdicts = {trace.rule: (trace.verdict, trace.lost_to, trace.why) for trace in result.trace(full=True)}
    assert verdicts == {
        "a": (Verdict.WON, None, None),
        "double": (Verdict.LOST, "triple", None),
        "triple": (Verdict.WON, None, None),
        "night": (Verdict.INERT, None, Why.DAY),
        "idle": (Verdict.INERT, None, Why.NO_TARGET),
    }


def test_r8_a_multiplied_rule_may_win_its_group_and_is_rounded_once() -> None:
    rules = [article("five", 1, 5), article("three", 2, 3), doubled("x", 3, "1.5", "five")]
    lines = content(units(1), {**units(1), "id": "L2"})
    assert points(lines, *rules) == 15  # 7.5 twice, not 8 twice
    overtaking = [article("five", 1, 5), article("three", 2, 3), doubled("x", 3, "1.9", "three")]
    assert points(lines, *overtaking) == 11  # 5.7 beat 5, 11.4 in all


# --- caps (R8) -------------------------------------------------------------------------------------------------


def test_r8_caps_limit_whole_points() -> None:
    assert points(content(units(9)), article("a", 1, 5, caps={"perOrder": 12})) == 12


def test_r8_caps_count_what_a_member_got_before() -> None:
    capped = article("a", 1, 5, caps={"perDay": 12, "perMember": {"points": 100, "period": "MONTH"}})
    engine = Engine(sides(), [capped])
    day, month = engine.counters(TODAY)
    assert (day, month) == (Counter("a", "day 2026-03-04"), Counter("a", "month 2026-03"))

    def earned(today: int, this_month: int) -> tuple[int, tuple[CapUse, ...]]:
        result = engine.evaluate(content(units(2)), TODAY, given={day: today, month: this_month})
        return result.points, result.cap_uses

    assert earned(0, 0) == (10, (CapUse(day, 12, 0, 10), CapUse(month, 100, 0, 10)))
    assert earned(10, 10)[0] == 2
    assert earned(12, 12)[0] == 0
    assert earned(0, 99) == (1, (CapUse(day, 12, 0, 1), CapUse(month, 100, 99, 1)))
    assert earned(0, 130)[0] == 0  # more than there is room for since the cap was lowered


@pytest.mark.parametrize(
    ("rules", "depends"),
    [
        ([article("a", 1, 5, caps={"perDay": 9})], True),
        ([article("a", 1, 5, caps={"perDay": 9}), article("b", 2, 8)], True),  # what remains may earn by it
        ([article("a", 1, 5, caps={"perOrder": 9})], False),
        ([article("a", 1, 5, caps={"perDay": 9}, weekdays=["SUNDAY"])], False),
        ([version("a", "ARTICLE", points=5, targets=["B"], caps={"perDay": 9})], False),
        ([version("a", "CART", moneyPerPoint="1.00", caps={"perDay": 9})], True),
    ],
)
def test_r8_an_order_needs_counters_if_a_rule_that_counts_is_for_it(
    rules: list[RuleVersion], *, depends: bool
) -> None:
    assert Engine(sides(), rules).depends_on_counters(content(units(2)), TODAY) is depends


def test_r25_what_remains_is_judged_with_the_room_the_caps_had() -> None:
    engine = Engine(sides(), [article("a", 1, 5, caps={"perDay": 12})])
    room = {engine.counters(TODAY)[0]: 5}
    earned = [engine.evaluate(content(units(quantity)), TODAY, given=room).points for quantity in (3, 2, 1)]
    assert earned == [7, 7, 5]


@pytest.mark.parametrize(
    ("period", "bucket"),
    [("WEEK", "week 2026-W10"), ("MONTH", "month 2026-03"), ("YEAR", "year 2026"), ("RULE", "rule")],
)
def test_r8_periods_are_local_calendar_periods(period: str, bucket: str) -> None:
    capped = article("a", 1, 5, caps={"perMember": {"points": 9, "period": period}}, weekdays=["WEDNESDAY"])
    engine = Engine(sides(), [capped, article("b", 2, 5, caps={"perOrder": 1})])
    assert engine.counters(TODAY) == (Counter("a", bucket),)
    assert engine.counters(Occasion(date(2026, 3, 5))) == ()  # a Thursday: nobody needs to count


# --- lots (R16) ------------------------------------------------------------------------------------------------


def test_points_that_start_and_end_differently_are_parts_of_their_own() -> None:
    rules = versions(
        a={"kind": "ARTICLE", "points": 5, "targets": ["A"], "availableAtOnce": True},
        b={"kind": "CATEGORY", "points": 3, "targets": ["g"], "expiry": {"days": 30}},
        c={"kind": "VARIATION", "points": 2, "targets": ["v"], "expiry": {"days": 365}},  # as the settings say
        d={"kind": "BASE", "points": 4, "expiry": {"days": 30}},
        e={"kind": "CART", "moneyPerPoint": "99.00", "expiry": {"never": True}},  # rounds to 0
    )
    engine = Engine(settings(waitingTime={"days": 14}), rules)
    result = engine.evaluate(content(units(1, productGroupIds=["g"], variationId="v")), TODAY)
    assert result.parts == (
        (12, Lot()),
        (5, Lot(available_at_once=True)),
        (7, Lot(expiry=Expiry(days=30))),
    )
    assert result.points == 24


def test_points_with_the_usual_lifetime_come_first() -> None:
    rules = [article("a", 1, 5, expiry={"days": 30}), version("b", "BASE", 2, points=4)]
    assert judged(content(units(1)), *rules).parts == ((4, Lot()), (5, Lot(expiry=Expiry(days=30))))


def test_r16_points_that_would_end_while_they_wait_are_not_given() -> None:
    rules = [article("a", 1, 5, expiry={"days": 2}), article("b", 2, 4, expiry={"days": 2}, availableAtOnce=True)]
    granted = TODAY._replace(earned_at=OPEN_HOUR)
    for days, earned in [(3, 4), (2, 5)]:  # until the end of the second day after
        engine = Engine(sides(waitingTime={"days": days}), rules, BERLIN)
        assert engine.evaluate(content(units(1)), granted).points == earned


def test_r9_a_multiplied_fraction_competes_by_what_it_would_give() -> None:
    rules = [article("a", 1, 5), article("b", 2, 4), doubled("x", 3, "1.5", "b")]
    assert points(content(units("0.5")), *rules) == 3  # of 2.5 become 3, of 2 become 3: the older gives
    assert points(content(units("1.5")), *rules) == 9  # of 7.5 become 8, of 6 become 9


def test_without_a_waiting_time_everything_is_available_at_once() -> None:
    assert judged(content(units(1)), article("a", 1, 5, availableAtOnce=True)).parts == ((5, Lot()),)


def test_r16_a_rule_whose_date_has_passed_gives_nothing_and_wins_nothing() -> None:
    rules = [article("a", 1, 9, expiry={"on": "2026-03-03"}), article("b", 2, 5)]
    granted = at("2026-03-03T12:00:00Z", earned_at=OPEN_HOUR)
    result = judged(content(units(1)), *rules, occasion=granted)
    assert (result.points, of("a", result.trace()).why) == (5, Why.ENDED)
    in_time = judged(content(units(1)), *rules, occasion=granted._replace(earned_at=LONG_AGO))
    assert in_time.points == 9


# --- joining and bookings (R12, R13) ---------------------------------------------------------------------------


def test_r12_the_best_of_sign_up_setting_and_rules_gives() -> None:
    campaign = version("campaign", "REGISTRATION", points=250, validFrom="2026-03-01", validUntil="2026-03-31")
    engine = Engine(settings(signUpPoints=100), [campaign], BERLIN)
    assert [engine.joining(Occasion(date(2026, month, 4))).points for month in (2, 3, 4)] == [100, 250, 100]
    assert engine.evaluate(amounts("10.00"), TODAY).points == 10
    losing = of("SIGN_UP", engine.joining(TODAY).trace())
    assert (losing.verdict, losing.lost_to, losing.rounded, losing.points) == (Verdict.LOST, "campaign", 100, 0)


def test_r13_bookings_earn_by_their_service() -> None:
    yoga = version("yoga", "SERVICE", 1, points=25, targets=["yoga", "pilates"])
    classes = version("all", "SERVICE", 2, points=20, targets=["yoga"])
    weekend = doubled("weekend", 3, "2", "yoga", weekdays=["SATURDAY"])
    engine = Engine(sides(), [yoga, classes, weekend])
    assert [engine.booking(service, TODAY).points for service in ("yoga", "pilates", "judo")] == [25, 25, 0]
    assert engine.booking("yoga", TODAY, units=3).points == 75
    saturday = engine.booking("yoga", Occasion(date(2026, 3, 7)))
    assert saturday.points == 50
    assert of("all", saturday.trace()).lost_to == "yoga"
    assert engine.evaluate(content(units(1)), TODAY).points == 0


# --- traces and simulation -------------------------------------------------------------------------------------


def test_the_trace_tells_inputs_exact_and_rounded_points() -> None:
    rules = [article("a", 1, 5), article("b", 2, 3), version("t", "TOPPING", 3, points=1, targets=["x"])]
    result = Engine(loyalista(revenuePerPoint="3.00"), rules).evaluate(
        content(units("2.5"), line(2, "7.75")), TODAY, 5
    )
    documents = [trace.to_document() for trace in result.trace()]
    assert documents == [
        {
            "rule": "REVENUE",
            "kind": "CART",
            "verdict": "WON",
            "basis": "1770",
            "exact": "5.9",
            "rounded": 6,
            "points": 6,
        },
        {"rule": "BASE", "kind": "BASE", "verdict": "WON", "exact": "10", "rounded": 10, "points": 10},
        {
            "rule": "a",
            "version": 1,
            "kind": "ARTICLE",
            "verdict": "WON",
            "lines": [{"line": "L1", "quantity": 2500, "verdict": "WON", "points": 13}],
            "exact": "13",
            "rounded": 13,
            "points": 13,
        },
        {
            "rule": "b",
            "version": 1,
            "kind": "ARTICLE",
            "verdict": "LOST",
            "lostTo": "a",
            "lines": [{"line": "L1", "quantity": 2500, "verdict": "LOST", "points": 8, "lostTo": "a"}],
            "exact": "8",
            "rounded": 8,
        },
    ]
    assert [trace.rule for trace in result.trace(full=True)] == ["REVENUE", "BASE", "a", "b", "t"]
    assert of("t", result.trace(full=True)).why is Why.NO_TARGET


def test_no_trace_says_the_name_of_a_rule() -> None:
    secret = version("a", "ARTICLE", points=5, targets=["A"], labels={"en": "Public"})
    result = judged(content(units(1)), secret)
    assert "internal" not in str([trace.to_document() for trace in result.trace(full=True)])


def test_simulating_says_what_a_rule_changes() -> None:
    rules = [article("a", 1, 5), article("b", 2, 3)]
    raised = article("b", 2, 9)
    before, after = (Engine(loyalista(), some) for some in (rules, with_version(rules, raised)))
    changed = simulate(before, after, content(units(2)), TODAY)
    assert (changed.difference, changed.by_rule()) == (8, {"a": -10, "b": 18})
    gone = with_version(rules, version("a", "BASE", 1, RuleState.DELETED, points=1))
    assert [kept.key for kept in gone] == ["b"]
