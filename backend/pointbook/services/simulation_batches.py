"""The work of simulations: a batch of past orders at a time, whoever does it, each once.

A batch begins where the last one ended. It reads orders without locking them, judges them in a thread, and writes
its results together with how far it has come, in one transaction that first asks whether the lease is still its
own. So two workers never add up the same orders, and whoever is killed leaves a lease that runs out: another goes
on behind the last batch that was committed. Leases are measured by the database's clock.

The batch of a simulation that fails again and again becomes smaller, in case it is too large, and then the
simulation FAILS.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, NamedTuple
from uuid import uuid4

import orjson
import structlog

from pointbook.db.queries import rule_simulations as jobs
from pointbook.db.queries import simulation_results as results
from pointbook.db.queries.leased_jobs import Taken
from pointbook.db.queries.programme_ids import programme_ids
from pointbook.db.session import Database
from pointbook.domain.rules import Counter, RuleState, RuleVersion, Stand, read_rule
from pointbook.services.directory import ProgrammeDirectory, ProgrammeSnapshot
from pointbook.services.programme_turns import take_turns
from pointbook.services.simulation_judging import Outcome, PastOrder, Simulator, Stands

BATCH: Final = 1_000
"""Orders in a transaction."""
LEASE: Final = timedelta(seconds=60)
"""Longer than a batch may take."""
ATTEMPTS_MAX: Final = 5
KEPT_FOR: Final = timedelta(days=30)
KEPT_MAX: Final = 100
"""So many ended simulations of a programme are kept, the newest."""
_PAUSE: Final = timedelta(seconds=5)
_PRUNED_AT_ONCE: Final = 5_000
_SMALLER: Final = 4

CURRENCY_CHANGED: Final = "The programme counts in another currency by now."
CANNOT_BE_JUDGED: Final = "Some orders could not be judged; the log of the worker says why."

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Worked:
    """Batches that were committed, and programmes whose batch failed."""

    batches: int = 0
    failed: int = 0


async def run(
    database: Database,
    programmes: ProgrammeDirectory,
    *,
    batch: int = BATCH,
    seconds: float = 20,
    stopping: Callable[[], bool] = lambda: False,
) -> Worked:
    """Work at what is open until nothing is left or ``seconds`` have passed; programmes take turns, a batch each.

    A programme that fails is logged, and tried again in another run. Any number of workers may run at once.
    """
    served = await take_turns(
        deque(await programme_ids(database)),
        lambda programme_id: work(database, programmes, programme_id, batch=batch),
        more=bool,
        failure="simulation.batch_failed",
        seconds=seconds,
        stopping=stopping,
    )
    return Worked(sum(served.done), served.failed)


async def work(
    database: Database, programmes: ProgrammeDirectory, programme_id: int, *, batch: int = BATCH
) -> bool:
    """Take the next open simulation of a programme and do a batch of it; False: there is none to take.

    A batch that raises is given back for a while first.
    """
    async with database.bare_transaction(programme_id) as connection:
        taken = await jobs.take(connection, programme_id, uuid4(), LEASE)
    if taken is None:
        return False
    attempts = taken.row["attempts"]
    if attempts > ATTEMPTS_MAX:
        await _fail(database, programme_id, taken, CANNOT_BE_JUDGED)
        return True
    programme = await programmes.current(programme_id)
    try:
        await advance(database, programme, taken, batch=max(1, batch // _SMALLER ** (attempts - 1)))
    except Exception:
        async with database.bare_transaction(programme_id) as connection:
            await jobs.postpone(connection, programme_id, taken, _PAUSE * attempts)
        raise
    return True


async def advance(database: Database, programme: ProgrammeSnapshot, taken: Taken, *, batch: int = BATCH) -> None:
    """Do the next batch of a simulation that this process has taken, and give it back.

    Nothing is written if somebody has cancelled it, or has taken it because the lease ran out.
    """
    if programme.versions[0].version != taken.row["settings_from"]:
        await _fail(database, programme.id, taken, CURRENCY_CHANGED)
        return
    async with database.bare_transaction(programme.id) as connection:
        found = await jobs.past_orders(connection, programme.id, taken, batch)
    row = taken.row
    simulator = Simulator(programme, _proposed(row), row["created_at"])
    orders = await asyncio.to_thread(simulator.prepared, found)
    stands = await _stands(database, programme.id, taken, orders)
    outcome = await asyncio.to_thread(simulator.judged, orders, stands)
    progress = jobs.Progress(
        outcome.looked_at,
        (found[-1]["placed_at"], found[-1]["external_id"])
        if found
        else (row["done_placed_at"], row["done_external_id"]),
        outcome.points_before,
        outcome.points_after,
        _added(orjson.loads(row["by_rule"]), outcome),
        finished=len(found) < batch,
    )
    await _write(database, programme.id, taken, _Results(outcome, stands, progress))


async def tidy(database: Database, *, seconds: float = 20) -> None:
    """Delete simulations that ended ``KEPT_FOR`` ago or are not among the newest, with their results.

    Programmes take turns, a bounded number of rows in a transaction. One that fails is logged and does not stop
    the others.
    """

    async def prune(programme_id: int) -> bool:
        async with database.bare_transaction(programme_id) as connection:
            return await results.prune(
                connection, programme_id, kept_for=KEPT_FOR, kept=KEPT_MAX, most=_PRUNED_AT_ONCE
            )

    waiting = deque(await programme_ids(database))
    await take_turns(waiting, prune, more=bool, failure="simulation.tidy_failed", seconds=seconds)


async def _stands(database: Database, programme_id: int, taken: Taken, orders: list[PastOrder]) -> Stands:
    asked = {(order.account_id, counter) for order in orders for counter in order.counters}
    stands: Stands = {}
    if asked:
        async with database.bare_transaction(programme_id) as connection:
            known = await results.stands_of(connection, programme_id, taken, asked)
        for (account, counter), stand in known.items():
            stands.setdefault(account, {})[counter] = stand
    return stands


class _Results(NamedTuple):
    outcome: Outcome
    stands: Stands
    progress: jobs.Progress


async def _write(database: Database, programme_id: int, taken: Taken, done: _Results) -> None:
    changed, progress = done.outcome.changed, done.progress
    async with database.bare_transaction(programme_id) as connection:
        if not await jobs.held(connection, programme_id, taken):
            return
        members = await results.add_changed(connection, programme_id, taken, changed)
        if not progress.finished:
            await results.keep_stands(connection, programme_id, taken, _each(done.stands))
        await jobs.advance(connection, programme_id, taken, progress, orders=len(changed), members=members)


def _each(stands: Stands) -> list[tuple[int, Counter, Stand]]:
    return [(account, counter, stand) for account, kept in stands.items() for counter, stand in kept.items()]


def _added(by_rule: dict[str, int], outcome: Outcome) -> str:
    for key, difference in outcome.by_rule.items():
        by_rule[key] = by_rule.get(key, 0) + difference
    return orjson.dumps({key: difference for key, difference in by_rule.items() if difference}).decode()


def _proposed(row: Any) -> RuleVersion:
    return RuleVersion(
        row["rule_key"],
        row["rule_number"],
        row["rule_version"] or 0,
        row["created_at"],
        RuleState(row["rule_state"]),
        read_rule(orjson.loads(row["document"]), row["currency"]),
    )


async def _fail(database: Database, programme_id: int, taken: Taken, failure: str) -> None:
    log.error("simulation.failed", programme=programme_id, simulation=taken.id.hex, failure=failure)
    async with database.bare_transaction(programme_id) as connection:
        await jobs.fail(connection, programme_id, taken, failure)
