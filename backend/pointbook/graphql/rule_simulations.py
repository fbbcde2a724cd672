"""The staff try a rule out: what it would have changed over past orders, while it is reckoned and afterwards."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

import strawberry

from pointbook.domain.access import Right, staff
from pointbook.domain.errors import SimulationNotFound as NotFound
from pointbook.domain.rules import RuleState
from pointbook.graphql.connections import After, Connection, First, OlderThan, page_size, text_of
from pointbook.graphql.context import Info
from pointbook.graphql.described import described, described_enum
from pointbook.graphql.earning_rules import written
from pointbook.graphql.errors import InvalidInput, RuleNotFound, SimulationNotFound, TooManySimulations
from pointbook.graphql.policies import mutation_field, query_field
from pointbook.graphql.rule_documents import RuleContent, RuleInput
from pointbook.graphql.scalars import Points
from pointbook.services import rule_simulations as service

_LIST = staff(Right.LIST_PROVISION)
_EDIT = staff(Right.EDIT_PROVISION)
_PAGE = 20
_CURSOR, _MEMBER_CURSOR, _ORDER_CURSOR = "simulation", "simulated-member", "simulated-order"
_NOBODY = UUID(int=0)

described_enum(
    service.SimulationState,
    "How far a simulation has come.",
    QUEUED="It waits for a worker.",
    RUNNING="It goes on; its figures are of the orders that it has looked at.",
    DONE="It has looked at all orders.",
    CANCELLED="It was cancelled; its figures are of the orders that it had looked at.",
    FAILED="It cannot go on; `failure` says why.",
)


@strawberry.type(description="What would be different of a rule, or of what the settings give.")
class RuleDifference:
    key: strawberry.ID = strawberry.field(description="The rule's key, or REVENUE, BASE.")
    name: str | None = strawberry.field(description="The rule's internal name; null for what the settings give.")
    difference: Points = strawberry.field(description="Points more than before, or fewer.")


@strawberry.type(description="A member who would have earned other points.")
class SimulatedMember:
    id: strawberry.ID = strawberry.field(description="Names the member; it never changes.")
    external_id: strawberry.ID | None = strawberry.field(
        description="The shop's id of the member; null for one who has left."
    )
    orders_changed: int = strawberry.field(description="How many orders would have earned other points.")
    points_before: Points = strawberry.field(description="What these orders have earned.")
    points_after: Points = strawberry.field(description="What they would have earned.")
    difference: Points = strawberry.field(description="Points more than before, or fewer.")

    @classmethod
    def of(cls, member: service.SimulatedMember) -> Self:
        return cls(
            id=strawberry.ID(member.public_id.hex),
            external_id=None if member.member_external_id is None else strawberry.ID(member.member_external_id),
            orders_changed=member.orders_changed,
            points_before=Points(member.points_before),
            points_after=Points(member.points_after),
            difference=Points(member.points_after - member.points_before),
        )


@strawberry.type(description="An order that would have earned other points.")
class SimulatedOrder:
    external_id: strawberry.ID = strawberry.field(description="The shop's id of the order.")
    placed_at: datetime = strawberry.field(description="When it was placed.")
    member_id: strawberry.ID = strawberry.field(description="Whose it is.")
    member_external_id: strawberry.ID | None = strawberry.field(
        description="The shop's id of the member; null for one who has left."
    )
    points_before: Points = strawberry.field(description="What it has earned.")
    points_after: Points = strawberry.field(description="What it would have earned.")
    difference: Points = strawberry.field(description="Points more than before, or fewer.")

    @classmethod
    def of(cls, order: service.SimulatedOrder) -> Self:
        known = order.member_external_id
        return cls(
            external_id=strawberry.ID(order.external_id),
            placed_at=order.placed_at,
            member_id=strawberry.ID(order.public_id.hex),
            member_external_id=None if known is None else strawberry.ID(known),
            points_before=Points(order.points_before),
            points_after=Points(order.points_after),
            difference=Points(order.points_after - order.points_before),
        )


@strawberry.type(
    description="What a rule, as it is proposed, would have changed over orders that have earned. Nothing else is "
    "changed by it. While it goes on, its figures are of the orders that it has looked at."
)
class RuleSimulation:
    id: strawberry.ID = strawberry.field(description="Names the simulation.")
    state: service.SimulationState = strawberry.field(description="How far it has come.")
    key: strawberry.ID = strawberry.field(
        description="The rule in whose place the proposed one stands; of a new rule a key of its own."
    )
    version: int | None = strawberry.field(description="Which version of the rule it is; null: none that exists.")
    rule_state: RuleState = strawberry.field(description="The state in which the rule is proposed.")
    rule: RuleContent = strawberry.field(description="What the rule says as it is proposed.")
    placed_from: datetime = strawberry.field(description="Orders placed from this instant on are looked at.")
    placed_to: datetime = strawberry.field(description="Orders placed before this instant are.")
    created_at: datetime = strawberry.field(description="When it was started; later earnings are left out.")
    created_by: str = strawberry.field(description="Who started it, as in the audit.")
    orders_total: int = strawberry.field(description="How many orders there are.")
    orders_done: int = strawberry.field(description="How many it has looked at.")
    orders_changed: int = strawberry.field(description="How many of them would have earned other points.")
    members_changed: int = strawberry.field(description="How many members have such orders.")
    points_before: Points = strawberry.field(description="What all orders have earned that it has looked at.")
    points_after: Points = strawberry.field(description="What they would have earned.")
    difference: Points = strawberry.field(description="Points more than before, or fewer.")
    by_rule: list[RuleDifference] = strawberry.field(description="The difference by rule, the largest first.")
    failure: str | None = strawberry.field(description="Why it failed; null if it did not.")
    simulation_id: strawberry.Private[UUID]

    @classmethod
    def of(cls, simulation: service.RuleSimulation, names: Mapping[str, str]) -> Self:
        """``names``: of the programme's rules, by their keys."""
        return cls(
            id=strawberry.ID(simulation.id.hex),
            state=simulation.state,
            key=strawberry.ID(simulation.rule_key),
            version=simulation.rule_version,
            rule_state=simulation.rule_state,
            rule=RuleContent.of(simulation.rule, simulation.currency),
            placed_from=simulation.period.start,
            placed_to=simulation.period.end,
            created_at=simulation.created_at,
            created_by=simulation.created_by,
            orders_total=simulation.orders_total,
            orders_done=simulation.orders_done,
            orders_changed=simulation.orders_changed,
            members_changed=simulation.members_changed,
            points_before=Points(simulation.points_before),
            points_after=Points(simulation.points_after),
            difference=Points(simulation.difference),
            by_rule=list(_by_rule(simulation, names)),
            failure=simulation.failure,
            simulation_id=simulation.id,
        )

    @described("Members who would have earned other points, the largest difference first.")
    async def members(
        self,
        info: Info,
        first: First = _PAGE,
        after: After = None,
    ) -> Connection[SimulatedMember]:
        size = page_size(first)
        last = None if after is None else _id(text_of(_MEMBER_CURSOR, after))
        found = await service.changed_members(*info.context.tenant, self.simulation_id, first=size + 1, after=last)
        items = [(member.public_id.hex, SimulatedMember.of(member)) for member in found]
        return Connection[SimulatedMember].of(_MEMBER_CURSOR, items, size, after)

    @described("Orders that would have earned other points, the largest difference first.")
    async def orders(
        self,
        info: Info,
        first: First = _PAGE,
        after: After = None,
    ) -> Connection[SimulatedOrder]:
        size, last = page_size(first), None if after is None else text_of(_ORDER_CURSOR, after)
        found = await service.changed_orders(*info.context.tenant, self.simulation_id, first=size + 1, after=last)
        items = [(order.external_id, SimulatedOrder.of(order)) for order in found]
        return Connection[SimulatedOrder].of(_ORDER_CURSOR, items, size, after)


@strawberry.input(
    description="What is to be tried out, and over which orders. Name `key` and `rule` for another content of a "
    "rule, `key` and `version` for one of its versions, `key` and `state` for its newest content in that state; "
    "`rule` alone is a new rule."
)
class SimulateRuleInput:
    placed_from: datetime = strawberry.field(description="Orders placed from this instant on are looked at.")
    placed_to: datetime = strawberry.field(description="Orders placed before this instant are.")
    key: strawberry.ID | None = strawberry.field(default=None, description="The rule's key; null: a new rule.")
    version: int | None = strawberry.field(
        default=None, description="A version of the rule; it may have been deleted since."
    )
    rule: RuleInput | None = strawberry.field(default=None, description="All that it is to say; its kind stays.")
    state: RuleState | None = strawberry.field(
        default=None, description="As if it were in this state. Null: ACTIVE; a version keeps its own."
    )


@strawberry.input(description="Which simulation is to end.")
class CancelRuleSimulationInput:
    id: strawberry.ID = strawberry.field(description="The simulation.")


@strawberry.type(description="The simulation has begun; a short one is done.")
class SimulateRuleSuccess:
    simulation: RuleSimulation = strawberry.field(description="The simulation.")


@strawberry.type(description="The simulation has ended.")
class CancelRuleSimulationSuccess:
    simulation: RuleSimulation = strawberry.field(description="The simulation; one that was done stays so.")


SimulateRuleResult = Annotated[
    SimulateRuleSuccess | InvalidInput | RuleNotFound | TooManySimulations,
    strawberry.union("SimulateRuleResult", description="The simulation, or why there is none."),
]
CancelRuleSimulationResult = Annotated[
    CancelRuleSimulationSuccess | SimulationNotFound,
    strawberry.union("CancelRuleSimulationResult", description="The simulation, or why nothing was cancelled."),
]


@strawberry.type
class RuleSimulationQuery:
    @query_field(_LIST, "A simulation of a rule; null if there is none. It is kept for 30 days.")
    async def rule_simulation(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The simulation.")],  # noqa: A002
    ) -> RuleSimulation | None:
        try:
            simulation = await service.find_simulation(*info.context.tenant, _id(id))
        except NotFound:
            return None
        return await _shown(info, simulation)

    @query_field(_LIST, "The simulations of rules, newest first.")
    async def rule_simulations(
        self,
        info: Info,
        first: First = _PAGE,
        after: OlderThan = None,
    ) -> Connection[RuleSimulation]:
        size, last = page_size(first), None if after is None else _id(text_of(_CURSOR, after))
        found = await service.list_simulations(*info.context.tenant, first=size + 1, before=last)
        names = await _names(info)
        items = [(one.id.hex, RuleSimulation.of(one, names)) for one in found]
        return Connection[RuleSimulation].of(_CURSOR, items, size, after)


@strawberry.type
class RuleSimulationMutation:
    @mutation_field(
        _EDIT,
        "Try out what a rule would have changed over orders that have earned. A few hundred orders are looked at "
        "in the call; more of them by a worker: `ruleSimulation` tells how far it has come. Sent again, it begins "
        "another.",
    )
    async def simulate_rule(
        self,
        info: Info,
        input: Annotated[SimulateRuleInput, strawberry.argument(description="What, and over which orders.")],  # noqa: A002
    ) -> SimulateRuleResult:
        document = None if input.rule is None else written(input.rule)
        simulation = await service.simulate_rule(
            *info.context.tenant,
            service.Proposal(input.key, input.version, document, input.state),
            service.Period(input.placed_from, input.placed_to),
            by=info.context.principal.identity,
            now=info.context.now,
        )
        return SimulateRuleSuccess(simulation=await _shown(info, simulation))

    @mutation_field(_EDIT, "End a simulation where it stands.")
    async def cancel_rule_simulation(
        self,
        info: Info,
        input: Annotated[CancelRuleSimulationInput, strawberry.argument(description="Which one.")],  # noqa: A002
    ) -> CancelRuleSimulationResult:
        simulation = await service.cancel_simulation(*info.context.tenant, _id(input.id))
        return CancelRuleSimulationSuccess(simulation=await _shown(info, simulation))


def _by_rule(simulation: service.RuleSimulation, names: Mapping[str, str]) -> Iterable[RuleDifference]:
    own = {simulation.rule_key: simulation.rule.name}
    for key, difference in sorted(simulation.by_rule.items(), key=lambda found: (-abs(found[1]), found[0])):
        name = names.get(key) or own.get(key)
        yield RuleDifference(key=strawberry.ID(key), name=name, difference=Points(difference))


def _id(given: str) -> UUID:
    """What is no id at all is nobody's."""
    try:
        return UUID(hex=given)
    except ValueError:
        return _NOBODY


async def _names(info: Info) -> dict[str, str]:
    installation, programme_id = info.context.tenant
    programme = await installation.programmes.get(programme_id)
    return {key: version.rule.name for key, version in programme.book.newest().items()}


async def _shown(info: Info, simulation: service.RuleSimulation) -> RuleSimulation:
    return RuleSimulation.of(simulation, await _names(info))
