"""What the staff set of the programme itself: what is open, and which languages it has."""

from typing import Annotated

import strawberry

from pointbook.domain.access import Right, staff
from pointbook.graphql.context import Info
from pointbook.graphql.errors import InvalidInput, UnknownStore
from pointbook.graphql.policies import mutation_field
from pointbook.graphql.programme import Programme, Store
from pointbook.services import programmes as service
from pointbook.services.directory import ProgrammeState
from pointbook.services.locales import change_locales
from pointbook.services.stores import switch_store

_EDIT = staff(Right.EDIT_SETTINGS)


@strawberry.input(description="What the programme is to do.")
class ChangeProgrammeStateInput:
    state: ProgrammeState = strawberry.field(
        description="ACTIVE opens a draft, or reopens; EARNING_STOPPED stops earning, redeeming works; CLOSED "
        "ends a programme whose earning was stopped at least 10 seconds ago and in which no point is outstanding. "
        "There is no way back to DRAFT."
    )


@strawberry.input(description="The languages of the programme's texts.")
class ChangeProgrammeLocalesInput:
    locales: list[str] = strawberry.field(
        description="All of them (BCP 47), 1 to 20; the first one is the default. None goes in which a rule, an "
        "offer or the settings have a text."
    )


@strawberry.input(description="Which store is to earn, or not.")
class SwitchStoreInput:
    store_id: strawberry.ID = strawberry.field(description="The shop's id of the store.")
    active: bool = strawberry.field(description="Whether its orders earn; redeeming there works either way.")


@strawberry.type(description="The programme is in that state.")
class ChangeProgrammeStateSuccess:
    programme: Programme = strawberry.field(description="The programme.")


@strawberry.type(description="The programme's texts are in these languages.")
class ChangeProgrammeLocalesSuccess:
    programme: Programme = strawberry.field(description="The programme.")


@strawberry.type(description="The store is switched.")
class SwitchStoreSuccess:
    switched: Store = strawberry.field(description="The store.")


ChangeProgrammeStateResult = Annotated[
    ChangeProgrammeStateSuccess | InvalidInput,
    strawberry.union("ChangeProgrammeStateResult", description="The programme, or why it stays as it is."),
]
ChangeProgrammeLocalesResult = Annotated[
    ChangeProgrammeLocalesSuccess | InvalidInput,
    strawberry.union("ChangeProgrammeLocalesResult", description="The programme, or why it stays as it is."),
]
SwitchStoreResult = Annotated[
    SwitchStoreSuccess | UnknownStore,
    strawberry.union("SwitchStoreResult", description="The store, or why nothing was switched."),
]


@strawberry.type
class ProgrammeStateMutation:
    @mutation_field(_EDIT, "Open the programme, stop earning, close it or reopen it; in force within seconds.")
    async def change_programme_state(
        self,
        info: Info,
        input: Annotated[ChangeProgrammeStateInput, strawberry.argument(description="The state.")],  # noqa: A002
    ) -> ChangeProgrammeStateResult:
        programme = await service.change_state(
            *info.context.tenant, input.state, by=info.context.principal.identity, now=info.context.now
        )
        return ChangeProgrammeStateSuccess(programme=Programme.of(programme, info))

    @mutation_field(
        _EDIT,
        "Say in which languages the programme has texts; in force within seconds. What has no text in one of them "
        "is shown in another. Members keep the language that they chose. A language is not taken away while a "
        "rule, the settings, an offer or a notice have a text in it.",
    )
    async def change_programme_locales(
        self,
        info: Info,
        input: Annotated[ChangeProgrammeLocalesInput, strawberry.argument(description="The languages.")],  # noqa: A002
    ) -> ChangeProgrammeLocalesResult:
        programme = await change_locales(
            *info.context.tenant, input.locales, by=info.context.principal.identity, now=info.context.now
        )
        return ChangeProgrammeLocalesSuccess(programme=Programme.of(programme, info))

    @mutation_field(_EDIT, "Let orders of a store earn, or not; in force within seconds.")
    async def switch_store(
        self,
        info: Info,
        input: Annotated[SwitchStoreInput, strawberry.argument(description="Which store.")],  # noqa: A002
    ) -> SwitchStoreResult:
        await switch_store(
            *info.context.tenant,
            input.store_id,
            active=input.active,
            by=info.context.principal.identity,
            now=info.context.now,
        )
        installation, programme_id = info.context.tenant
        programme = await installation.programmes.current(programme_id)
        return SwitchStoreSuccess(switched=Store.of(programme.stores[input.store_id]))
