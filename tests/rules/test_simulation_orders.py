"""Which orders a simulation looks at, and how it counts the caps of their members anew."""

from datetime import UTC, datetime, timedelta

import pytest

from pointbook.services.directory import ProgrammeSnapshot, ProgrammeState
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from pointbook.services.members import MemberState, set_state
from pointbook.services.programmes import change_state
from pointbook.services.rule_simulations import Period, SimulationState
from pointbook.services.settings_versions import change_currency
from tests.rules.shop import LONG_BEFORE, add_rule, line, order, pizzas, rule
from tests.rules.simulations import SPRING, differences, found, members_of, simulated, worked
from tests.support import DAY, MOMENT, NOW, join_member


async def test_only_orders_that_have_earned_in_the_period_are_looked_at(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    kept = await add_rule(installation, programme)
    begin, end = datetime(2026, 2, 10, tzinfo=UTC), datetime(2026, 2, 20, tzinfo=UTC)
    for external_id, placed_at in {
        "before": begin - MOMENT,
        "first": begin,
        "last": end - MOMENT,
        "behind": end,
    }.items():
        await order(installation, programme, external_id=external_id, placedAt=placed_at.isoformat())
    at = begin.isoformat()
    await order(installation, programme, external_id="parked", customer_id="stranger", placedAt=at)
    await order(installation, programme, external_id="received", status="OPEN", placedAt=at)
    done = await simulated(installation, programme, kept.key, rule(points=6), period=Period(begin, end))
    assert (done.orders_total, done.orders_done) == (2, 2)
    assert await differences(installation, programme, done) == {"first": 1, "last": 1}


async def test_r14_who_did_not_earn_counts_nothing_on_either_side(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    kept = await add_rule(installation, programme, rule(caps={"perMember": {"points": 8, "period": "MONTH"}}))
    await order(installation, programme, external_id="active")
    await set_state(installation, programme.id, "c-1", MemberState.INACTIVE, now=NOW)
    await order(installation, programme, external_id="inactive")
    await order(installation, programme, external_id="worth nothing", lines=[line("pasta")])
    raised = rule(points=9, targets=["pasta", "pizza"], caps={"perMember": {"points": 8, "period": "MONTH"}})
    done = await simulated(installation, programme, kept.key, raised)
    assert (done.orders_done, done.points_before, done.points_after) == (3, 5, 8)
    assert await differences(installation, programme, done) == {"active": 3}
    uncapped = rule(points=9, targets=["pasta", "pizza"])
    done = await simulated(installation, programme, kept.key, uncapped)
    assert await differences(installation, programme, done) == {"active": 4}
    await set_state(installation, programme.id, "c-1", MemberState.ACTIVE, now=NOW)
    done = await simulated(installation, programme, kept.key, uncapped)
    assert await differences(installation, programme, done) == {"active": 4, "worth nothing": 9}


async def test_caps_are_counted_anew_from_what_had_been_given_before_the_period(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    monthly = {"perMember": {"points": 12, "period": "MONTH"}}
    kept = await add_rule(installation, programme, rule(caps=monthly))
    for day in (10, 11, 12, 13):  # 5, 5, 2, 0 points
        await order(installation, programme, external_id=f"o-{day}", placedAt=f"2026-02-{day}T10:00:00Z")
    whole = await simulated(installation, programme, kept.key, rule(points=8, caps=monthly))
    assert await differences(installation, programme, whole) == {"o-10": 3, "o-11": -1, "o-12": -2}
    assert whole.difference == 0
    later = Period(datetime(2026, 2, 11, tzinfo=UTC), SPRING.end)
    rest = await simulated(installation, programme, kept.key, rule(points=8, caps=monthly), period=later)
    assert await differences(installation, programme, rest) == {"o-11": 2, "o-12": -2}
    higher = {"perMember": {"points": 20, "period": "MONTH"}}
    more = await simulated(installation, programme, kept.key, rule(caps=higher))
    assert await differences(installation, programme, more) == {"o-12": 3, "o-13": 5}
    same = await simulated(installation, programme, kept.key, rule(caps=monthly))
    assert (same.orders_changed, same.by_rule) == (0, {})


async def test_a_cap_that_is_new_is_counted_from_the_beginning_of_the_period_for_each_member(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await join_member(installation, programme, "c-2", now=LONG_BEFORE)
    kept = await add_rule(installation, programme)
    for number in range(3):
        for customer in ("c-1", "c-2"):
            await order(
                installation,
                programme,
                external_id=f"{customer} {number}",
                customer_id=customer,
                placedAt=f"2026-02-{number + 10}T1{number}:00:00Z",
            )
    capped = rule(caps={"perDay": 4, "perMember": {"points": 9, "period": "YEAR"}})
    done = await simulated(installation, programme, kept.key, capped)
    assert await differences(installation, programme, done) == {
        **{f"c-{number} {day}": -1 for number in (1, 2) for day in (0, 1)},
        "c-1 2": -4,
        "c-2 2": -4,
    }
    assert await members_of(installation, programme, done) == {"c-1": (3, 15, 9), "c-2": (3, 15, 9)}


async def test_a_rule_that_wins_leaves_room_under_the_caps_of_those_that_lose(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    capped = await add_rule(
        installation,
        programme,
        rule(targets=["pizza", "pasta"], caps={"perMember": {"points": 5, "period": "RULE"}}),
    )
    await order(installation, programme, external_id="o-1", placedAt="2026-02-10T10:00:00Z")
    await order(installation, programme, external_id="o-2", placedAt="2026-02-11T10:00:00Z", lines=[line("pasta")])
    done = await simulated(installation, programme, document=rule(points=6))
    assert await differences(installation, programme, done) == {"o-1": 1, "o-2": 5}
    assert done.by_rule == {done.rule_key: 6}
    assert capped.key not in done.by_rule, "5 less for one order, 5 more for another"


@pytest.mark.usefixtures("queued")
async def test_orders_that_earn_while_it_runs_are_passed_over(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    kept = await add_rule(installation, programme)
    await order(installation, programme, external_id="o-1")
    open_order = pizzas("o-2", status="OPEN")
    await submit_order(installation, programme.id, open_order, now=NOW)
    queued = await simulated(installation, programme, kept.key, rule(points=6))
    assert (queued.state, queued.orders_total, queued.orders_done) == (SimulationState.QUEUED, 1, 0)
    later = NOW + timedelta(seconds=1)
    await submit_order(installation, programme.id, pizzas("o-2"), now=later)
    await submit_order(installation, programme.id, pizzas("o-3"), now=later)
    assert await worked(installation) == 1
    done = await found(installation, programme, queued)
    assert (done.state, done.orders_total, done.orders_done) == (SimulationState.DONE, 1, 1)
    assert await differences(installation, programme, done) == {"o-1": 1}


async def test_orders_of_another_currency_are_left_out(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await order(installation, programme)
    await change_state(installation, programme.id, ProgrammeState.EARNING_STOPPED, now=NOW)
    later = NOW + DAY
    await change_state(installation, programme.id, ProgrammeState.CLOSED, now=later)
    await change_currency(installation, programme.id, "PLN", programme.versions[0].settings, now=later)
    await change_state(installation, programme.id, ProgrammeState.ACTIVE, now=later)
    await submit_order(installation, programme.id, pizzas("o-2", currency="PLN"), now=later)
    done = await simulated(installation, programme, document=rule(), now=later)
    assert (done.currency, done.orders_total, done.orders_done) == ("PLN", 1, 1)
    assert await differences(installation, programme, done) == {"o-2": 5}
