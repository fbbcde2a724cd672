"""Staff ask what a rule, as it would be in another version, would have changed over past orders.

A simulation is a job: a row that says what is proposed and how far it has come. It is started and looked at here,
and worked at batch by batch (``simulation_batches``); a short one is run to its end in the call that starts it, by
the same steps. Nothing of the ledger, of orders or of rules is written or locked.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid4

import orjson

from pointbook.db.queries import rule_simulations as jobs
from pointbook.db.queries import simulation_results as results
from pointbook.db.queries.programmes import lock_programme
from pointbook.domain import text
from pointbook.domain.errors import (
    InvalidInput,
    RuleNotFound,
    SimulationNotFound,
    TooManySimulations,
    refusals_under,
)
from pointbook.domain.rules import Rule, RuleKind, RuleState, RuleVersion, read_rule, write_rule
from pointbook.services import audit
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.rule_desk import checked_rule
from pointbook.services.simulation_batches import LEASE, advance

SIMULATIONS_OPEN_MAX: Final = 3
"""Of one programme, at the same time."""
ORDERS_MAX: Final = 2_000_000
"""Of one simulation."""
AT_ONCE_MAX: Final = 500
"""A simulation of so many orders is run to its end in the call that starts it."""
PAGE_MAX: Final = 101
"""Of a list at once: a page, and one that says that there are more."""
_OF_NO_ORDER: Final = frozenset({RuleKind.REGISTRATION, RuleKind.SERVICE})


class SimulationState(enum.StrEnum):
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is to be tried out.

    - ``key`` and ``document``: other content of a rule;
    - ``key`` and ``version``: one of its versions, also of a rule that was deleted;
    - ``key`` and ``state``: its newest content in another state;
    - ``document`` alone: a new rule.

    ``state`` of content is ACTIVE unless given, whatever the rule's is; a version keeps its own.
    """

    key: str | None = None
    version: int | None = None
    document: object = None
    state: RuleState | None = None


class Period(NamedTuple):
    """Orders placed from ``start`` on and before ``end``."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class RuleSimulation:
    """A simulation as it stands. Points are of the orders that were looked at so far.

    ``rule`` as it is proposed, under ``rule_key`` in place of that rule; a new one has a key of its own.
    ``rule_version``: which version it is, if it is one that exists. ``by_rule`` has the differences, by key, of
    rules and of what the settings give. ``failure``: why it FAILED.
    """

    id: UUID
    state: SimulationState
    rule_key: str
    rule_version: int | None
    rule_state: RuleState
    rule: Rule
    period: Period
    currency: str
    created_at: datetime
    created_by: str
    orders_total: int
    orders_done: int
    orders_changed: int
    members_changed: int
    points_before: int
    points_after: int
    by_rule: Mapping[str, int]
    failure: str | None

    @property
    def difference(self) -> int:
        return self.points_after - self.points_before


class SimulatedMember(NamedTuple):
    """Points are of the member's orders that would have earned others.

    ``member_external_id``: the shop's id, of several the first; None: the member has left.
    """

    public_id: UUID
    member_external_id: str | None
    orders_changed: int
    points_before: int
    points_after: int


class SimulatedOrder(NamedTuple):
    external_id: str
    placed_at: datetime
    public_id: UUID
    member_external_id: str | None
    points_before: int
    points_after: int


async def simulate_rule(
    installation: Installation,
    programme_id: int,
    proposal: Proposal,
    period: Period,
    *,
    by: str = audit.OPERATOR,
    now: datetime,
) -> RuleSimulation:
    """Start a simulation over the orders that have earned until ``now``; a short one is DONE in the answer.

    Raises InvalidInput naming the field (of the document as ``rule.points``), RuleNotFound, TooManySimulations.
    """
    programme = await installation.programmes.current(programme_id)
    proposed = _proposed(programme, proposal, now)
    span = _span(programme, period)
    simulation_id = uuid4()
    async with installation.db.bare_transaction(programme_id) as connection:
        total = await jobs.count_orders(connection, programme_id, span, most=ORDERS_MAX + 1)
    if total > ORDERS_MAX:
        raise InvalidInput("placedTo", f"makes a period of more than {ORDERS_MAX} orders: choose a shorter one")
    at_once = total <= AT_ONCE_MAX
    columns: dict[str, object] = {
        "simulation_id": simulation_id,
        "state": (SimulationState.RUNNING if at_once else SimulationState.QUEUED).value,
        "rule_key": proposed.key,
        "rule_number": proposed.number,
        "rule_version": proposal.version,
        "rule_state": proposed.state.value,
        "document": orjson.dumps(write_rule(proposed.rule, programme.currency)).decode(),
        "currency": programme.currency,
        **span._asdict(),
        "done_placed_at": span.placed_from,
        "created_at": now,
        "created_by": by,
        "orders_total": total,
        "lease_id": uuid4() if at_once else None,
    }
    async with installation.db.bare_transaction(programme_id) as connection:
        await lock_programme(connection, programme_id)
        if await jobs.count_open(connection, programme_id) >= SIMULATIONS_OPEN_MAX:
            raise TooManySimulations(SIMULATIONS_OPEN_MAX)
        taken = await jobs.add(connection, programme_id, columns, LEASE if at_once else None)
    if at_once:
        await advance(installation.db, programme, taken)
    return await find_simulation(installation, programme_id, simulation_id)


async def cancel_simulation(installation: Installation, programme_id: int, simulation_id: UUID) -> RuleSimulation:
    """End a simulation where it stands; one that has ended stays as it is. Raises SimulationNotFound."""
    async with installation.db.bare_transaction(programme_id) as connection:
        await jobs.cancel(connection, programme_id, simulation_id)
    return await find_simulation(installation, programme_id, simulation_id)


async def find_simulation(installation: Installation, programme_id: int, simulation_id: UUID) -> RuleSimulation:
    """Raises SimulationNotFound."""
    async with installation.db.bare_transaction(programme_id) as connection:
        row = await jobs.find(connection, programme_id, simulation_id)
    if row is None:
        raise SimulationNotFound
    return _simulation(row)


async def list_simulations(
    installation: Installation, programme_id: int, *, first: int = PAGE_MAX, before: UUID | None = None
) -> list[RuleSimulation]:
    """At most ``first``, the newest first, older than ``before``. Raises InvalidInput."""
    async with installation.db.bare_transaction(programme_id) as connection:
        found = await jobs.newest(connection, programme_id, most=min(first, PAGE_MAX), before=before)
    return [_simulation(row) for row in _known(found)]


async def changed_members(
    installation: Installation,
    programme_id: int,
    simulation_id: UUID,
    *,
    first: int = PAGE_MAX,
    after: UUID | None = None,
) -> list[SimulatedMember]:
    """At most ``first`` members, by difference, the largest first, behind the one with this public id.

    Raises InvalidInput.
    """
    async with installation.db.bare_transaction(programme_id) as connection:
        most = min(first, PAGE_MAX)
        found = await results.changed_members(connection, programme_id, simulation_id, most=most, after=after)
    return [SimulatedMember(*(row[name] for name in SimulatedMember._fields)) for row in _known(found)]


async def changed_orders(
    installation: Installation,
    programme_id: int,
    simulation_id: UUID,
    *,
    first: int = PAGE_MAX,
    after: str | None = None,
) -> list[SimulatedOrder]:
    """At most ``first`` orders, by difference, the largest first, behind the one with this external id.

    Raises InvalidInput.
    """
    async with installation.db.bare_transaction(programme_id) as connection:
        most = min(first, PAGE_MAX)
        found = await results.changed_orders(connection, programme_id, simulation_id, most=most, after=after)
    return [SimulatedOrder(*(row[name] for name in SimulatedOrder._fields)) for row in _known(found)]


def _known(found: list[Any] | None) -> list[Any]:
    """The rows of a page, if there is what it was to come after."""
    if found is None:
        raise InvalidInput("after", "is not a cursor of this list")
    return found


def _proposed(programme: ProgrammeSnapshot, proposal: Proposal, now: datetime) -> RuleVersion:
    newest = programme.book.newest()
    if proposal.key is None:
        proposed = _new_rule(programme, newest, proposal, now)
    elif proposal.version is not None:
        proposed = _existing_version(programme, proposal.key, proposal)
    else:
        proposed = _changed_rule(programme, newest, proposal.key, proposal, now)
    if proposed.rule.kind in _OF_NO_ORDER:
        reason = f"a rule of kind {proposed.rule.kind} gives points for no order: nothing would change"
        raise InvalidInput("key" if proposal.document is None else "rule.kind", reason)
    return proposed


def _new_rule(
    programme: ProgrammeSnapshot, newest: Mapping[str, RuleVersion], proposal: Proposal, now: datetime
) -> RuleVersion:
    if proposal.version is not None:
        raise InvalidInput("version", "is of a rule: name its key")
    if proposal.document is None:
        raise InvalidInput("rule", "is required where no key is named")
    if proposal.state not in (None, RuleState.ACTIVE):
        raise InvalidInput("state", "of a new rule can only be ACTIVE: in any other it gives nothing")
    with refusals_under("rule"):
        rule = checked_rule(programme, newest, read_rule(proposal.document, programme.currency), now)
    number = 1 + max((version.number for version in newest.values()), default=0)
    return RuleVersion(uuid4().hex, number, 1, now, RuleState.ACTIVE, rule)


def _existing_version(programme: ProgrammeSnapshot, key: str, proposal: Proposal) -> RuleVersion:
    if proposal.document is not None:
        raise InvalidInput("version", "says what is proposed, and so does the rule: choose one")
    found = programme.book.find(key, proposal.version)
    if found is None:
        raise RuleNotFound(text.shown(key))
    return found if proposal.state is None else replace(found, state=proposal.state)


def _changed_rule(
    programme: ProgrammeSnapshot, newest: Mapping[str, RuleVersion], key: str, proposal: Proposal, now: datetime
) -> RuleVersion:
    known = newest.get(key)
    if known is None or known.state is RuleState.DELETED:
        raise RuleNotFound(text.shown(key))
    state = proposal.state or RuleState.ACTIVE
    if proposal.document is None:
        if proposal.state is None:
            raise InvalidInput("state", "is required where neither version nor rule is given")
        return replace(known, state=state)
    with refusals_under("rule"):
        rule = read_rule(proposal.document, programme.currency)
        if rule.kind is not known.rule.kind:
            raise InvalidInput("kind", f"is {known.rule.kind}, and stays so: propose a new rule")
        return replace(known, state=state, rule=checked_rule(programme, newest, rule, now))


def _span(programme: ProgrammeSnapshot, period: Period) -> jobs.Span:
    if period.end <= period.start:
        raise InvalidInput("placedTo", "must be after placedFrom")
    return jobs.Span(programme.versions[0].version, period.start, period.end)


def _simulation(row: Any) -> RuleSimulation:
    return RuleSimulation(
        id=row["simulation_id"],
        state=SimulationState(row["state"]),
        rule_key=row["rule_key"],
        rule_version=row["rule_version"],
        rule_state=RuleState(row["rule_state"]),
        rule=read_rule(orjson.loads(row["document"]), row["currency"]),
        period=Period(row["placed_from"], row["placed_to"]),
        currency=row["currency"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        orders_total=row["orders_total"],
        orders_done=row["orders_done"],
        orders_changed=row["orders_changed"],
        members_changed=row["members_changed"],
        points_before=row["points_before"],
        points_after=row["points_after"],
        by_rule=orjson.loads(row["by_rule"]),
        failure=row["failure"],
    )
