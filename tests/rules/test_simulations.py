"""What a rule in another version would have changed: before is what was earned, after is the same but for it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from pointbook.domain.rules import RuleState
from pointbook.services import places, simulation_judging
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.earning_rules import delete_rule, edit_rule
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from pointbook.services.places import NewHolidays
from pointbook.services.rule_simulations import Period, SimulationState
from tests.rules.shop import LONG_BEFORE, add_rule, line, order, pizzas, rule
from tests.rules.simulations import SPRING, differences, members_of, points_of_orders, simulated
from tests.support import DAY, NOW, join_member, make_programme, order_document


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
