"""What a rule in another version would have changed: before is what was earned, after is the same but for it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from pointbook.domain.errors import (
    InvalidInput,
    PointbookError,
    RuleNotFound,
    SimulationNotFound,
    TooManySimulations,
)
from pointbook.domain.rules import RuleState
from pointbook.services import places, rule_simulations, simulation_judging
from pointbook.services.directory import ProgrammeSnapshot, ProgrammeState
from pointbook.services.earning_rules import delete_rule, edit_rule
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from pointbook.services.members import MemberState, set_state
from pointbook.services.places import NewHolidays
from pointbook.services.programmes import change_state
from pointbook.services.rule_simulations import (
    Period,
    RuleSimulation,
    SimulatedMember,
    SimulatedOrder,
    SimulationState,
    cancel_simulation,
    changed_members,
    changed_orders,
    list_simulations,
)
from pointbook.services.settings_versions import change_currency
from tests.rules.shop import LONG_BEFORE, add_rule, line, order, pizzas, rule
from tests.rules.simulations import (
    SPRING,
    differences,
    found,
    members_of,
    points_of_orders,
    simulated,
    worked,
)
from tests.support import (
    DAY,
    MOMENT,
    NOW,
    SIMULATION_TABLES,
    everything,
    join_member,
    make_programme,
    order_document,
    outcomes,
    refused,
)


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every simulation waits for a worker."""
    monkeypatch.setattr(rule_simulations, "AT_ONCE_MAX", -1)


async def test_a_doubled_rule(installation: Installation, programme: ProgrammeSnapshot) -> None:
    kept = await add_rule(installation, programme)
    for number in (1, 2, 3):
        await order(installation, programme, external_id=f"o-{number}", number=number)
    done = await simulated(installation, programme, kept.key, rule(points=10))
    assert done.state is SimulationState.DONE
    assert (done.orders_total, done.orders_done, done.orders_changed, done.members_changed) == (3, 3, 3, 1)
    assert (done.points_before, done.points_after, done.difference) == (30, 60, 30)
    assert done.points_before == await points_of_orders(installation, programme)
    assert done.by_rule == {kept.key: 30}
    assert await differences(installation, programme, done) == {"o-1": 5, "o-2": 10, "o-3": 15}
    assert await members_of(installation, programme, done) == {"c-1": (3, 30, 60)}
    assert (done.rule_key, done.rule.points, done.rule_version) == (kept.key, 10, None)


async def test_a_new_rule_adds_to_what_others_gave_and_loses_where_it_is_worse(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    kept = await add_rule(installation, programme)
    both = [line("pizza", 1), line("pasta", 1)]
    await order(installation, programme, lines=both)
    done = await simulated(installation, programme, document=rule(points=7, targets=["pizza", "pasta"]))
    assert done.rule_key != kept.key
    assert done.by_rule == {kept.key: -5, done.rule_key: 14}
    assert (done.points_before, done.points_after) == (5, 14)
    worse = await simulated(installation, programme, document=rule(points=3))
    assert (worse.orders_done, worse.orders_changed, worse.by_rule) == (1, 0, {})


@pytest.mark.parametrize("state", [RuleState.INACTIVE, RuleState.DELETED])
async def test_as_if_a_rule_had_been_switched_off(
    installation: Installation, programme: ProgrammeSnapshot, state: RuleState
) -> None:
    kept = await add_rule(installation, programme)
    second = await add_rule(installation, programme, rule("PRODUCT_GROUP", 2, targets=["pizzas"]))
    await order(installation, programme, lines=[line(productGroupIds=["pizzas"])])
    done = await simulated(installation, programme, kept.key, state=state)
    assert done.by_rule == {kept.key: -5, second.key: 2}
    assert (done.points_before, done.points_after) == (5, 2)


async def test_as_if_an_inactive_rule_had_been_active(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    kept = await add_rule(installation, programme, state=RuleState.INACTIVE)
    await order(installation, programme)
    assert (await simulated(installation, programme, kept.key, state=RuleState.ACTIVE)).difference == 5
    assert (await simulated(installation, programme, kept.key, rule(points=6))).difference == 6
    assert (await simulated(installation, programme, kept.key, version=1)).difference == 0


async def test_a_version_that_exists_also_of_a_deleted_rule(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    kept = await add_rule(installation, programme)
    await edit_rule(installation, programme.id, kept.key, 1, rule(points=7), now=LONG_BEFORE + DAY)
    await order(installation, programme)
    assert (await simulated(installation, programme, kept.key, version=1)).difference == -2
    assert (await simulated(installation, programme, kept.key, version=2)).difference == 0
    await delete_rule(installation, programme.id, kept.key, 2, now=NOW)
    gone = await simulated(installation, programme, kept.key, version=1)
    assert (gone.difference, gone.rule_version, gone.rule_state) == (-2, 1, RuleState.ACTIVE)
    assert (await simulated(installation, programme, kept.key, version=3)).difference == -7


@pytest.mark.parametrize("engines", [1, 16])
async def test_each_order_is_compared_with_the_version_that_judged_it(
    installation: Installation, programme: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch, engines: int
) -> None:
    monkeypatch.setattr(simulation_judging, "_ENGINES", engines)
    kept = await add_rule(installation, programme)
    await order(installation, programme, external_id="o-1", placedAt="2026-02-10T10:00:00Z")
    await order(installation, programme, external_id="o-3", placedAt="2026-02-12T10:00:00Z")
    await edit_rule(installation, programme.id, kept.key, 1, rule(points=7), now=NOW)
    later = NOW + DAY
    await submit_order(installation, programme.id, pizzas("o-2", placedAt="2026-02-11T10:00:00Z"), now=later)
    await delete_rule(installation, programme.id, kept.key, 2, now=later)
    at_last = later + DAY
    await submit_order(installation, programme.id, pizzas("o-4", placedAt="2026-02-13T10:00:00Z"), now=at_last)
    done = await simulated(installation, programme, kept.key, version=1, now=at_last)
    assert await differences(installation, programme, done) == {"o-2": -2, "o-4": 5}
    assert (done.points_before, done.points_after) == (17, 20)


async def test_conditions_are_tested_on_where_and_when_an_order_was_placed(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await places.change_holidays(installation, programme.id, "bonn", NewHolidays("DE"), now=LONG_BEFORE)
    kept = await add_rule(installation, programme)
    placed: dict[str, dict[str, Any]] = {
        "bonn": {"store": "bonn", "entryChannel": "web"},
        "berlin": {"store": "berlin", "entryChannel": "app", "exitChannel": "delivery"},
        "nowhere": {},
        "new year": {"store": "bonn", "placedAt": "2025-12-31T23:30:00Z"},
        "monday": {"placedAt": "2026-03-02T10:00:00Z"},
    }
    for external_id, more in placed.items():
        await order(installation, programme, external_id=external_id, **more)
    period = Period(datetime(2025, 1, 1, tzinfo=UTC), SPRING.end)

    async def changed(**conditions: Any) -> set[str]:
        document = rule(points=6, **conditions)
        done = await simulated(installation, programme, kept.key, document, period=period)
        return {name for name, points in (await differences(installation, programme, done)).items() if points > 0}

    assert await changed() == {"bonn", "berlin", "nowhere", "new year", "monday"}
    assert await changed(stores=["bonn"]) == {"bonn", "new year"}
    assert await changed(entryChannels=["web", "app"]) == {"bonn", "berlin"}
    assert await changed(exitChannels=["delivery"]) == {"berlin"}
    assert await changed(weekdays=["MONDAY"]) == {"monday"}
    assert await changed(holidays=["New Year's Day"]) == {"new year"}
    assert await changed(validFrom="2026-03-02") == {"monday"}


async def test_a_multiplier_that_names_the_rule_multiplies_it_as_proposed(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    kept = await add_rule(installation, programme)
    await order(installation, programme)
    doubles = await simulated(
        installation, programme, document=rule("MULTIPLIER", None, factor="2", targets=[kept.key])
    )
    assert doubles.by_rule == {kept.key: 5}
    await add_rule(
        installation, programme, rule("MULTIPLIER", None, factor="3", targets=[kept.key], validUntil="2026-03-01")
    )
    await order(installation, programme, external_id="o-2")
    done = await simulated(installation, programme, kept.key, rule(points=6))
    assert await differences(installation, programme, done) == {"o-1": 3, "o-2": 3}


async def test_orders_that_settings_alone_judged_are_tested_on_their_own_day_and_store(
    installation: Installation,
) -> None:
    programme = await make_programme(installation, {"basePointsPerOrder": 2}, now=LONG_BEFORE)
    await join_member(installation, programme, now=LONG_BEFORE)
    for external_id, placed_at in {"saturday": "2026-02-28T22:30:00Z", "sunday": "2026-02-28T23:30:00Z"}.items():
        document = order_document(external_id, "50.00", placedAt=placed_at)
        await submit_order(installation, programme.id, document, now=NOW)
    async with installation.db.bare_transaction(programme.id) as connection:
        assert await connection.fetchval("select bool_and(judgement is null) from sales_order")
    sundays = rule("BASE", 10, weekdays=["SUNDAY"])
    done = await simulated(installation, programme, document=sundays)
    assert (done.orders_done, done.points_before, done.points_after) == (2, 104, 112)
    assert done.by_rule == {"BASE": -2, done.rule_key: 10}
    assert await differences(installation, programme, done) == {"sunday": 8}
    cart = rule("CART", None, moneyPerPoint="10.00", stackGroup="extra")
    assert list((await simulated(installation, programme, document=cart)).by_rule.values()) == [10]


async def test_points_that_would_have_ended_before_they_began_are_not_given(installation: Installation) -> None:
    programme = await make_programme(installation, now=LONG_BEFORE)
    await join_member(installation, programme, now=LONG_BEFORE)
    await submit_order(installation, programme.id, order_document(), now=NOW)
    ended = rule("BASE", 10, expiry={"on": "2026-02-27"})
    assert (await simulated(installation, programme, document=ended)).difference == 0
    still = rule("BASE", 10, expiry={"on": "2026-03-02"})
    assert (await simulated(installation, programme, document=still)).difference == 10


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


async def test_nothing_is_written_but_the_simulation(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    kept = await add_rule(installation, programme, rule(caps={"perDay": 9}))
    await order(installation, programme)
    before = await everything(installation.db, programme, but=SIMULATION_TABLES)
    with_all = await everything(installation.db, programme)
    await simulated(installation, programme, kept.key, rule(points=6))
    await simulated(installation, programme, document=rule(points=6))
    assert await everything(installation.db, programme, but=SIMULATION_TABLES) == before
    assert await everything(installation.db, programme) != with_all, "the digest sees simulations"


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


async def test_another_programmes_simulation_is_not_found(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await order(installation, programme)
    done = await simulated(installation, programme, document=rule())
    other = await make_programme(installation)
    for call in (rule_simulations.find_simulation, cancel_simulation):
        with pytest.raises(SimulationNotFound):
            await call(installation, other.id, done.id)
    assert await list_simulations(installation, other.id) == []
    assert await changed_orders(installation, other.id, done.id) == []
    assert await changed_members(installation, other.id, done.id) == []
    assert [one.id for one in await list_simulations(installation, programme.id)] == [done.id]


@pytest.mark.usefixtures("queued")
async def test_a_few_at_a_time_until_one_is_done_or_cancelled(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await order(installation, programme)
    first, second, _ = [await simulated(installation, programme, document=rule()) for _ in range(3)]
    call = simulated(installation, programme, document=rule())
    refusal = await refused(call, TooManySimulations, installation.db, programme)
    assert refusal.maximum == 3
    cancelled = await cancel_simulation(installation, programme.id, first.id)
    assert (cancelled.state, cancelled.orders_done) == (SimulationState.CANCELLED, 0)
    fourth = await simulated(installation, programme, document=rule())
    await worked(installation)
    assert (await found(installation, programme, second)).state is SimulationState.DONE
    assert (await found(installation, programme, fourth)).state is SimulationState.DONE
    again = await cancel_simulation(installation, programme.id, fourth.id)
    assert again.state is SimulationState.DONE, "what has ended stays as it is"
    assert (await found(installation, programme, first)).state is SimulationState.CANCELLED


@pytest.mark.usefixtures("queued")
async def test_of_many_that_are_started_at_once_only_a_few_begin(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    calls = (simulated(installation, programme, document=rule()) for _ in range(8))
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert outcomes(answers, RuleSimulation) == 3
    assert outcomes(answers, TooManySimulations) == 5


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


@pytest.mark.parametrize(
    ("proposal", "error", "field"),
    [
        ({}, InvalidInput, "rule"),
        ({"version": 1}, InvalidInput, "version"),
        ({"document": rule(), "state": RuleState.INACTIVE}, InvalidInput, "state"),
        ({"document": rule(points=0)}, InvalidInput, "rule.points"),
        ({"document": rule(stores=["paris"])}, InvalidInput, "rule.stores"),
        ({"document": rule(labels={"fr": "x"})}, InvalidInput, "rule.labels.fr"),
        ({"document": rule("MULTIPLIER", None, factor="2", targets=["x"])}, InvalidInput, "rule.targets"),
        ({"document": rule("REGISTRATION", 5)}, InvalidInput, "rule.kind"),
        ({"document": []}, InvalidInput, "rule.rule"),
        ({"key": "kept"}, InvalidInput, "state"),
        ({"key": "kept", "document": rule("BASE", 5)}, InvalidInput, "rule.kind"),
        ({"key": "kept", "document": rule(), "version": 1}, InvalidInput, "version"),
        ({"key": "kept", "version": 2}, RuleNotFound, None),
        ({"key": "kept", "version": -(10**20)}, RuleNotFound, None),
        ({"key": "nobody", "document": rule()}, RuleNotFound, None),
        ({"key": "nobody", "version": 1}, RuleNotFound, None),
        ({"key": "gone", "document": rule()}, RuleNotFound, None),
        ({"key": "joining", "version": 1}, InvalidInput, "key"),
        ({"document": rule(), "period": Period(NOW, NOW)}, InvalidInput, "placedTo"),
    ],
)
async def test_what_is_malformed_is_refused_by_its_field(
    installation: Installation,
    programme: ProgrammeSnapshot,
    proposal: dict[str, Any],
    error: type[PointbookError],
    field: str | None,
) -> None:
    await add_rule(installation, programme, key="kept")
    await add_rule(installation, programme, key="gone")
    await add_rule(installation, programme, rule("REGISTRATION"), key="joining")
    await delete_rule(installation, programme.id, "gone", 1, now=LONG_BEFORE)
    refusal = await refused(simulated(installation, programme, **proposal), error, installation.db, programme)
    assert getattr(refusal, "field", None) == field


async def test_a_period_with_too_many_orders_is_refused(
    installation: Installation, programme: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule_simulations, "ORDERS_MAX", 2)
    for number in range(3):
        await order(installation, programme, external_id=f"o-{number}", placedAt=f"2026-02-1{number}T10:00:00Z")
    call = simulated(installation, programme, document=rule())
    assert (await refused(call, InvalidInput, installation.db, programme)).field == "placedTo"
    shorter = Period(datetime(2026, 2, 11, tzinfo=UTC), SPRING.end)
    assert (await simulated(installation, programme, document=rule(), period=shorter)).orders_done == 2


async def test_members_and_orders_come_in_pages_by_difference(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    kept = await add_rule(installation, programme, rule(points=5, targets=["pizza"]))
    numbers = {"c-2": 3, "c-3": 1, "c-4": 7, "c-5": 1}
    for customer, number in numbers.items():
        await join_member(installation, programme, customer, now=LONG_BEFORE)
        await order(installation, programme, external_id=f"o {customer}", customer_id=customer, number=number)
    done = await simulated(installation, programme, kept.key, rule(points=3))
    orders: list[SimulatedOrder] = []
    members: list[SimulatedMember] = []
    for first in (2, 1, 1):
        orders += await changed_orders(
            installation, programme.id, done.id, first=first, after=orders[-1].external_id if orders else None
        )
        members += await changed_members(
            installation, programme.id, done.id, first=first, after=members[-1].public_id if members else None
        )
    assert await changed_orders(installation, programme.id, done.id, after=orders[-1].external_id) == []
    assert await changed_members(installation, programme.id, done.id, after=members[-1].public_id) == []
    assert [row.points_after - row.points_before for row in orders] == [-14, -6, -2, -2]
    assert {row.member_external_id for row in orders} == set(numbers)
    assert [row.member_external_id for row in members[:2]] == ["c-4", "c-2"]
    assert {row.member_external_id for row in members} == set(numbers)
    public = {(await installation.accounts.get(programme.id, name)).public_id for name in numbers}
    assert {row.public_id for row in members} == {row.public_id for row in orders} == public
    for call in (
        changed_orders(installation, programme.id, done.id, after="nobody's"),
        changed_members(installation, programme.id, done.id, after=uuid4()),
        list_simulations(installation, programme.id, before=uuid4()),
    ):
        with pytest.raises(InvalidInput):
            await call
