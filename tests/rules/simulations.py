"""Simulations as the tests start them and work at them, and what they come to."""

from datetime import UTC, datetime
from typing import Any

from pointbook.domain.rules import RuleState
from pointbook.services import rule_simulations, simulation_batches
from pointbook.services.directory import ProgrammeDirectory, ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.rule_simulations import (
    Period,
    Proposal,
    RuleSimulation,
    SimulatedOrder,
    changed_members,
    changed_orders,
    simulate_rule,
)
from tests.support import NOW

SPRING = Period(datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))


async def simulated(
    installation: Installation,
    programme: ProgrammeSnapshot,
    key: str | None = None,
    document: dict[str, Any] | None = None,
    *,
    version: int | None = None,
    state: RuleState | None = None,
    period: Period = SPRING,
    now: datetime = NOW,
) -> RuleSimulation:
    proposal = Proposal(key, version, document, state)
    return await simulate_rule(installation, programme.id, proposal, period, by="STAFF:st-1", now=now)


async def worked(installation: Installation, batch: int = simulation_batches.BATCH) -> int:
    """A worker works until nothing is left; how many batches that took."""
    done = await simulation_batches.run(installation.db, ProgrammeDirectory(installation.db), batch=batch)
    assert not done.failed
    return done.batches


async def worked_once(installation: Installation, programme: ProgrammeSnapshot, batch: int) -> bool:
    directory = ProgrammeDirectory(installation.db)
    return await simulation_batches.work(installation.db, directory, programme.id, batch=batch)


async def found(
    installation: Installation, programme: ProgrammeSnapshot, simulation: RuleSimulation
) -> RuleSimulation:
    return await rule_simulations.find_simulation(installation, programme.id, simulation.id)


async def orders_of(
    installation: Installation, programme: ProgrammeSnapshot, simulation: RuleSimulation
) -> list[SimulatedOrder]:
    return await changed_orders(installation, programme.id, simulation.id)


async def differences(
    installation: Installation, programme: ProgrammeSnapshot, simulation: RuleSimulation
) -> dict[str, int]:
    """By order."""
    rows = await orders_of(installation, programme, simulation)
    return {row.external_id: row.points_after - row.points_before for row in rows}


async def members_of(
    installation: Installation, programme: ProgrammeSnapshot, simulation: RuleSimulation
) -> dict[str | None, tuple[int, int, int]]:
    """Changed orders, points before and after, by the shop's id."""
    rows = await changed_members(installation, programme.id, simulation.id)
    return {row.member_external_id: (row.orders_changed, row.points_before, row.points_after) for row in rows}


async def result(
    installation: Installation, programme: ProgrammeSnapshot, simulation: RuleSimulation
) -> tuple[Any, ...]:
    """All that a simulation came to, to be compared with another of the same."""
    now = await found(installation, programme, simulation)
    return (
        now.state,
        (now.orders_done, now.orders_total, now.orders_changed, now.members_changed),
        (now.points_before, now.points_after, dict(now.by_rule)),
        await orders_of(installation, programme, simulation),
        await members_of(installation, programme, simulation),
    )


async def let_leases_run_out(installation: Installation, programme: ProgrammeSnapshot) -> None:
    async with installation.db.bare_transaction(programme.id) as connection:
        await connection.execute("update rule_simulation set leased_until = leased_until - interval '1 hour'")


async def points_of_orders(installation: Installation, programme: ProgrammeSnapshot) -> int:
    async with installation.db.bare_transaction(programme.id) as connection:
        return int(await connection.fetchval("select coalesce(sum(points), 0) from sales_order"))
