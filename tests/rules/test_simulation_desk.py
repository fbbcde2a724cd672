"""Simulations are asked for, wait, are cancelled and read; nothing but them is written."""

import asyncio
from datetime import UTC, datetime
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
from pointbook.services import rule_simulations
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.earning_rules import delete_rule
from pointbook.services.installation import Installation
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
from tests.rules.shop import LONG_BEFORE, add_rule, order, rule
from tests.rules.simulations import SPRING, found, simulated, worked
from tests.support import NOW, SIMULATION_TABLES, everything, join_member, make_programme, outcomes, refused


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
