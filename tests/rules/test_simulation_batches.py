"""Simulations are worked at batch by batch, by anybody, through crashes: each order counts once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from pointbook import ledger
from pointbook.db.queries import rule_simulations as jobs
from pointbook.db.queries import simulation_results as results
from pointbook.domain.rules import RuleState
from pointbook.services import simulation_batches
from pointbook.services.directory import ProgrammeSnapshot, ProgrammeState
from pointbook.services.installation import Installation
from pointbook.services.rule_simulations import RuleSimulation, SimulationState, cancel_simulation
from pointbook.services.settings_versions import change_currency
from tests.hanging import Hung
from tests.rules.shop import LONG_BEFORE, add_rule, order, rule
from tests.rules.simulations import (
    found,
    let_leases_run_out,
    points_of_orders,
    result,
    simulated,
    worked,
    worked_once,
)
from tests.support import MOMENT, NOW, SIMULATION_TABLES, everything, join_member, make_programme

ORDERS, BATCH = 20, 3
CAPPED = {"perMember": {"points": 60, "period": "YEAR"}}
pytestmark = pytest.mark.usefixtures("queued")
RAISED = rule(points=7, caps={"perDay": 10, "perMember": {"points": 70, "period": "YEAR"}})


@pytest_asyncio.fixture
async def busy(installation: Installation, programme: ProgrammeSnapshot) -> AsyncIterator[ProgrammeSnapshot]:
    """Orders of two members, more than a capped rule gives points for. What is no simulation stays as it is."""
    await join_member(installation, programme, "c-2", now=LONG_BEFORE)
    await add_rule(installation, programme, rule(caps=CAPPED), key="pizza")
    await add_rule(installation, programme, rule("BASE", 1), key="base")
    for number in range(ORDERS):
        await order(
            installation,
            programme,
            external_id=f"o-{number}",
            number=1 + number % 3,
            customer_id=f"c-{1 + number % 2}",
            placedAt=f"2026-02-{10 + number // 4}T{10 + number % 4}:00:00Z",
        )
    before = await everything(installation.db, programme, but=SIMULATION_TABLES)
    yield programme
    assert await everything(installation.db, programme, but=SIMULATION_TABLES) == before


async def undisturbed(installation: Installation, programme: ProgrammeSnapshot) -> tuple[Any, ...]:
    """What one worker makes of it in one batch."""
    once = await simulated(installation, programme, "pizza", RAISED)
    assert await worked(installation) == 1
    outcome = await result(installation, programme, once)
    assert outcome[0] is SimulationState.DONE
    assert outcome[1][0] == ORDERS
    assert outcome[2][0] == await points_of_orders(installation, programme)
    assert outcome[2][0] != outcome[2][1]
    return outcome


async def test_small_batches_come_to_the_same_as_one(installation: Installation, busy: ProgrammeSnapshot) -> None:
    once = await undisturbed(installation, busy)
    simulation = await simulated(installation, busy, "pizza", RAISED)
    progress = []
    while await worked_once(installation, busy, BATCH):
        now = await found(installation, busy, simulation)
        progress.append(now.orders_done)
        assert now.orders_total == ORDERS
    assert progress == [3, 6, 9, 12, 15, 18, 20]
    assert await result(installation, busy, simulation) == once


async def test_workers_at_the_same_time_never_do_the_same_batch(
    installation: Installation, busy: ProgrammeSnapshot
) -> None:
    once = await undisturbed(installation, busy)
    simulations = [await simulated(installation, busy, "pizza", RAISED) for _ in range(3)]
    batches = 0
    while {(await found(installation, busy, one)).state for one in simulations} != {SimulationState.DONE}:
        batches += sum(await asyncio.gather(*(worked(installation, BATCH) for _ in range(4))))
    assert batches == 3 * 7
    for simulation in simulations:
        assert await result(installation, busy, simulation) == once


@pytest.mark.parametrize(
    ("step", "done"),
    [("past_orders", False), ("past_orders", True), ("held", True), ("add_changed", True), ("advance", True)],
)
async def test_killed_in_the_middle_of_a_batch_another_worker_resumes_where_it_stood(
    installation: Installation, busy: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch, step: str, *, done: bool
) -> None:
    once = await undisturbed(installation, busy)
    simulation = await simulated(installation, busy, "pizza", RAISED)
    assert await worked_once(installation, busy, BATCH)
    with monkeypatch.context() as patch:
        hung = Hung(patch, jobs if hasattr(jobs, step) else results, step, done=done)
        killed = asyncio.create_task(worked_once(installation, busy, BATCH))
        await hung.reached.wait()
        assert not await worked_once(installation, busy, BATCH), "somebody works at it"
        killed.cancel()
        await asyncio.gather(killed, return_exceptions=True)
    assert killed.cancelled()
    assert (await found(installation, busy, simulation)).orders_done == BATCH, "its batch was never committed"
    assert not await worked_once(installation, busy, BATCH), "its lease holds"
    await let_leases_run_out(installation, busy)
    while await worked_once(installation, busy, BATCH):
        pass
    assert await result(installation, busy, simulation) == once


async def test_let_go_instead_of_killed_the_same_batch_is_committed(
    installation: Installation, busy: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The control of the test above: what hung there writes its batch when it is not killed.
    simulation = await simulated(installation, busy, "pizza", RAISED)
    hung = Hung(monkeypatch, jobs, "advance")
    slow = asyncio.create_task(worked_once(installation, busy, BATCH))
    await hung.reached.wait()
    hung.let_go.set()
    assert await slow
    assert (await found(installation, busy, simulation)).orders_done == BATCH


async def test_who_comes_back_after_the_lease_writes_nothing(
    installation: Installation, busy: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = await undisturbed(installation, busy)
    simulation = await simulated(installation, busy, "pizza", RAISED)
    hung = Hung(monkeypatch, jobs, "past_orders")
    slow = asyncio.create_task(worked_once(installation, busy, BATCH))
    await hung.reached.wait()
    await let_leases_run_out(installation, busy)
    assert await worked_once(installation, busy, 2 * BATCH)
    second = (await found(installation, busy, simulation)).orders_done
    assert second > 0
    hung.let_go.set()
    await slow
    assert (await found(installation, busy, simulation)).orders_done == second
    while await worked_once(installation, busy, BATCH):
        pass
    assert await result(installation, busy, simulation) == once


async def test_cancelled_while_a_batch_is_judged_it_stands_where_it_stood(
    installation: Installation, busy: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulation = await simulated(installation, busy, "pizza", RAISED)
    assert await worked_once(installation, busy, BATCH)
    before = await result(installation, busy, simulation)
    hung = Hung(monkeypatch, jobs, "past_orders")
    working = asyncio.create_task(worked_once(installation, busy, BATCH))
    await hung.reached.wait()
    cancelled = await cancel_simulation(installation, busy.id, simulation.id)
    assert (cancelled.state, cancelled.orders_done) == (SimulationState.CANCELLED, BATCH)
    hung.let_go.set()
    await working
    assert await result(installation, busy, simulation) == (SimulationState.CANCELLED, *before[1:])
    assert await worked(installation) == 0


async def test_orders_are_free_while_a_batch_is_written(
    installation: Installation, busy: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    await simulated(installation, busy, "pizza", RAISED)
    hung = Hung(monkeypatch, jobs, "advance")
    working = asyncio.create_task(worked_once(installation, busy, 100))
    await hung.reached.wait()
    async with installation.db.bare_transaction(busy.id) as connection:
        for table in ("sales_order", "member", "rule_count", "programme"):
            assert await connection.fetch(f"select 1 from {table} for no key update nowait"), table
        accounts = [row["account_id"] for row in await connection.fetch("select account_id from member")]
        assert len(await ledger.lock(connection, busy.id, accounts)) == 2
        with pytest.raises(Exception, match="could not obtain lock"):
            await connection.fetch("select 1 from rule_simulation for update nowait")
    hung.let_go.set()
    assert await working


async def test_a_batch_that_fails_is_tried_again_smaller_and_later_and_at_last_the_simulation_fails(
    installation: Installation, busy: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulation = await simulated(installation, busy, "pizza", RAISED)
    sizes = []

    async def broken(_connection: Any, _programme_id: int, _taken: Any, most: int) -> list[Any]:
        sizes.append(most)
        raise LookupError("a defect")

    monkeypatch.setattr(jobs, "past_orders", broken)
    for _ in range(simulation_batches.ATTEMPTS_MAX):
        with pytest.raises(LookupError):
            await worked_once(installation, busy, 1_000)
        assert not await worked_once(installation, busy, 1_000), "it rests for a while"
        await let_leases_run_out(installation, busy)
    assert sizes == [1_000, 250, 62, 15, 3]
    assert await worked_once(installation, busy, 1_000)
    failed = await found(installation, busy, simulation)
    assert (failed.state, failed.failure) == (SimulationState.FAILED, simulation_batches.CANNOT_BE_JUDGED)
    assert not await worked_once(installation, busy, 1_000)


async def test_after_a_batch_that_works_the_attempts_begin_anew(
    installation: Installation, busy: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = await undisturbed(installation, busy)
    simulation = await simulated(installation, busy, "pizza", RAISED)
    for _ in range(simulation_batches.ATTEMPTS_MAX + 2):
        with monkeypatch.context() as patch:
            hung = Hung(patch, jobs, "held")
            killed = asyncio.create_task(worked_once(installation, busy, 2 * simulation_batches._SMALLER))
            await hung.reached.wait()
            killed.cancel()
            await asyncio.gather(killed, return_exceptions=True)
        await let_leases_run_out(installation, busy)
        await worked_once(installation, busy, 2 * simulation_batches._SMALLER)
    while await worked_once(installation, busy, BATCH):
        pass
    assert await result(installation, busy, simulation) == once


async def test_a_programme_that_fails_does_not_stop_the_others(
    installation: Installation, busy: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await make_programme(installation)
    await simulated(installation, busy, "pizza", RAISED)
    sound = await simulated(installation, other, document=rule())
    original = jobs.past_orders

    async def broken(connection: Any, programme_id: int, *more: Any) -> list[Any]:
        if programme_id == busy.id:
            raise LookupError("a defect of one programme")
        return await original(connection, programme_id, *more)

    monkeypatch.setattr(jobs, "past_orders", broken)
    ran = await simulation_batches.run(installation.db, installation.programmes)
    assert ran == simulation_batches.Worked(batches=1, failed=1)
    assert (await found(installation, other, sound)).state is SimulationState.DONE


async def test_a_run_is_bounded_and_programmes_take_turns(
    installation: Installation, busy: ProgrammeSnapshot
) -> None:
    simulation = await simulated(installation, busy, "pizza", RAISED)
    other = await make_programme(installation)
    short = await simulated(installation, other, document=rule())
    asked = 0

    def after_three() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    await simulation_batches.run(installation.db, installation.programmes, batch=BATCH, stopping=after_three)
    assert (await found(installation, busy, simulation)).orders_done == 2 * BATCH
    assert (await found(installation, other, short)).state is SimulationState.DONE
    nothing = await simulation_batches.run(installation.db, installation.programmes, seconds=0)
    assert nothing == simulation_batches.Worked()


async def test_a_change_of_currency_ends_it(installation: Installation) -> None:
    programme = await make_programme(installation, state=ProgrammeState.DRAFT)
    simulation = await simulated(installation, programme, document=rule())
    await change_currency(installation, programme.id, "PLN", programme.versions[0].settings, now=LONG_BEFORE)
    await worked(installation)
    ended = await found(installation, programme, simulation)
    assert (ended.state, ended.failure) == (SimulationState.FAILED, simulation_batches.CURRENCY_CHANGED)
    assert ended.currency == "EUR"


async def test_tidying_keeps_what_is_open_or_new_and_no_counters_of_what_has_ended(
    installation: Installation, busy: ProgrammeSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def left(table: str) -> int:
        async with installation.db.bare_transaction(busy.id) as connection:
            return int(await connection.fetchval(f"select count(*) from {table}"))

    async def age(simulation: RuleSimulation, by: timedelta) -> None:
        async with installation.db.bare_transaction(busy.id) as connection:
            await connection.execute(
                "update rule_simulation set changed_at = changed_at - $1::interval where simulation_id = $2",
                by,
                simulation.id,
            )

    monkeypatch.setattr(simulation_batches, "_PRUNED_AT_ONCE", 4)
    old = await simulated(installation, busy, "pizza", RAISED)
    cancelled = await simulated(installation, busy, "pizza", RAISED, now=NOW + MOMENT)
    for _ in range(9):
        await worked_once(installation, busy, BATCH)
    assert (await found(installation, busy, old)).state is SimulationState.DONE
    await cancel_simulation(installation, busy.id, cancelled.id)
    running = await simulated(installation, busy, "pizza", RAISED)
    await worked_once(installation, busy, BATCH)
    assert (await found(installation, busy, running)).state is SimulationState.RUNNING
    await age(old, simulation_batches.KEPT_FOR + timedelta(hours=1))
    await age(running, simulation_batches.KEPT_FOR * 2)
    counted, orders = await left("rule_simulation_count"), await left("rule_simulation_order")
    kept = await result(installation, busy, cancelled)
    await simulation_batches.tidy(installation.db)
    assert 0 < await left("rule_simulation_count") < counted
    assert 0 < await left("rule_simulation_order") < orders
    assert await left("rule_simulation") == 2
    assert await result(installation, busy, cancelled) == kept
    monkeypatch.setattr(simulation_batches, "KEPT_MAX", 0)
    await worked(installation)
    await simulation_batches.tidy(installation.db)
    assert [await left(table) for table in SIMULATION_TABLES] == [0, 0, 0, 0]


@pytest.mark.parametrize("key", ["pizza", "base", "double", "weekend", "shared"])
async def test_the_very_version_in_force_changes_no_order(installation: Installation, key: str) -> None:
    programme = await make_programme(installation, {"basePointsPerOrder": 2}, now=LONG_BEFORE)
    for customer in ("c-1", "c-2"):
        await join_member(installation, programme, customer, now=LONG_BEFORE)
    for name, document in {
        "pizza": rule(caps=CAPPED),
        "base": rule("BASE", 3, weekdays=["MONDAY", "TUESDAY"], caps={"perDay": 4}),
        "double": rule("MULTIPLIER", None, factor="2.5", targets=["pizza", "REVENUE"], validFrom="2026-02-12"),
        "weekend": rule(points=16, holidays="ALL", weekdays=["SATURDAY"], expiry={"on": "2026-03-05"}),
        "shared": rule("CART", None, moneyPerPoint="0.20", stackGroup="revenue", caps={"perDay": 11}),
    }.items():
        await add_rule(installation, programme, document, key=name)
    for number in range(ORDERS):
        await order(
            installation,
            programme,
            external_id=f"o-{number}",
            number=1 + number % 3,
            customer_id=f"c-{1 + number % 2}",
            placedAt=f"2026-02-{10 + number * 7 % 11}T{10 + number % 4}:00:00Z",
        )
    same = await simulated(installation, programme, key, version=1)
    other = await simulated(installation, programme, key, state=RuleState.INACTIVE)
    await worked(installation, BATCH)
    done = await found(installation, programme, same)
    assert (done.orders_done, done.orders_changed, done.by_rule) == (ORDERS, 0, {})
    assert done.points_before == done.points_after == await points_of_orders(installation, programme)
    assert (await found(installation, programme, other)).by_rule, "the rule takes part in what was earned"
