"""Earning rules as the staff keep them: listed with what is in force and why not, changed in versions."""

from datetime import datetime
from typing import Annotated, Any, Self

import strawberry

from pointbook.domain.access import Right, staff
from pointbook.domain.errors import RuleNotFound as NotFound
from pointbook.domain.errors import refusals_under
from pointbook.domain.rules import RuleState, RuleVersion
from pointbook.graphql.connections import After, Connection, First, OlderThan, key_of, page_size
from pointbook.graphql.context import Info
from pointbook.graphql.described import described_enum
from pointbook.graphql.errors import EditConflict, InvalidInput, RuleNotFound
from pointbook.graphql.policies import mutation_field, query_field
from pointbook.graphql.rule_documents import RuleContent, RuleInput, rule_document
from pointbook.graphql.rule_enums import RuleKind, Why
from pointbook.graphql.values import ChoiceInput
from pointbook.services import earning_rules as service

_LIST = staff(Right.LIST_PROVISION)
_EDIT = staff(Right.EDIT_PROVISION)
_RULES_PAGE = 50
_VERSIONS_PAGE = 20
_RULE_CURSOR, _VERSION_CURSOR = "rule", "version"
_KEY = "The rule's key."
_SEEN = "The newest version that you have seen. If there is a newer one by now, nothing is changed."
_FROM = (
    "From when on; not before the rule's newest version begins. Null: as soon as every process knows, 5 seconds, "
    "or when the newest version begins, if that is planned for later."
)

described_enum(
    RuleState,
    "What the staff have decided on a rule.",
    ACTIVE="It gives points whenever its conditions are met.",
    INACTIVE="It gives none until it is activated.",
    DELETED="It is gone; what it has given stays.",
)


@strawberry.type(name="RuleVersion", description="A rule as it is from an instant on. Versions are never changed.")
class RuleVersionView:
    version: int = strawberry.field(description="Its number; name it in a change.")
    effective_from: datetime = strawberry.field(description="When it comes into force.")
    state: RuleState = strawberry.field(description="What was decided.")
    rule: RuleContent = strawberry.field(description="What it says.")

    @classmethod
    def of(cls, version: RuleVersion, currency: str) -> Self:
        return cls(
            version=version.version,
            effective_from=version.effective_from,
            state=version.state,
            rule=RuleContent.of(version.rule, currency),
        )


@strawberry.type(description="An earning rule as the staff see it.")
class EarningRule:
    key: strawberry.ID = strawberry.field(description="Its id in the programme, stable.")
    state: RuleState = strawberry.field(description="Of its newest version.")
    inert_reason: Why | None = strawberry.field(
        description="Why it gives nothing now: NO_STORE, INACTIVE, NOT_YET, ENDED or PROGRAMME_STOPPED. "
        "Null: it gives points."
    )
    newest: RuleVersionView = strawberry.field(
        description="The version to name in a change; it may still be to come into force."
    )
    in_force: RuleVersionView | None = strawberry.field(
        description="What counts now; null before the first version comes into force."
    )

    @classmethod
    def of(cls, view: service.RuleView, currency: str) -> Self:
        in_force = view.in_force
        return cls(
            key=strawberry.ID(view.key),
            state=view.newest.state,
            inert_reason=view.effect.inert_reason,
            newest=RuleVersionView.of(view.newest, currency),
            in_force=None if in_force is None else RuleVersionView.of(in_force, currency),
        )


@strawberry.type(description="A version of a rule, with who made it.")
class RuleHistoryVersion:
    version: int = strawberry.field(description="Its number.")
    effective_from: datetime = strawberry.field(description="When it came or comes into force.")
    state: RuleState = strawberry.field(description="What was decided.")
    rule: RuleContent = strawberry.field(description="What it says.")
    created_at: datetime = strawberry.field(description="When it was made.")
    created_by: str = strawberry.field(description="Who made it, as in the audit.")

    @classmethod
    def of(cls, entry: service.RuleHistoryEntry) -> Self:
        version = entry.version
        return cls(
            version=version.version,
            effective_from=version.effective_from,
            state=version.state,
            rule=RuleContent.of(version.rule, entry.currency),
            created_at=entry.created_at,
            created_by=entry.created_by,
        )


@strawberry.input(description="Which rules to show: those that match all of it.")
class RuleFilterInput:
    kind: RuleKind | None = strawberry.field(default=None, description="Of this kind.")
    state: RuleState | None = strawberry.field(default=None, description="In this state.")
    inert: bool | None = strawberry.field(
        default=None, description="True: those that give nothing now; false: those that give points."
    )

    def admits(self, view: service.RuleView) -> bool:
        return (
            self.kind in (None, view.newest.rule.kind)
            and self.state in (None, view.newest.state)
            and self.inert in (None, view.effect.inert_reason is not None)
        )


@strawberry.input(description="A new earning rule.")
class CreateRuleInput:
    rule: RuleInput = strawberry.field(description="What it says.")
    key: strawberry.ID | None = strawberry.field(
        default=None,
        description="Its id in the programme, stable. Null: one is made up; one of your own is not given twice.",
    )
    active: bool = strawberry.field(default=True, description="Whether it gives points from the start.")
    effective_from: datetime | None = strawberry.field(
        default=None, description="From when on. Null: as soon as every process knows, 5 seconds."
    )


@strawberry.input(description="Another content of a rule.")
class EditRuleInput:
    key: strawberry.ID = strawberry.field(description=_KEY)
    version: int = strawberry.field(description=_SEEN)
    rule: RuleInput = strawberry.field(description="All that it is to say; its kind stays.")
    effective_from: datetime | None = strawberry.field(default=None, description=_FROM)


@strawberry.input(description="Which rule is to give points.")
class ActivateRuleInput:
    key: strawberry.ID = strawberry.field(description=_KEY)
    version: int = strawberry.field(description=_SEEN)
    effective_from: datetime | None = strawberry.field(default=None, description=_FROM)


@strawberry.input(description="Which rule is to give no points.")
class DeactivateRuleInput:
    key: strawberry.ID = strawberry.field(description=_KEY)
    version: int = strawberry.field(description=_SEEN)


@strawberry.input(description="Which rule is to go for good.")
class DeleteRuleInput:
    key: strawberry.ID = strawberry.field(description=_KEY)
    version: int = strawberry.field(description=_SEEN)


@strawberry.input(description="Where a rule counts.")
class SelectRuleStoresInput:
    key: strawberry.ID = strawberry.field(description=_KEY)
    version: int = strawberry.field(description=_SEEN)
    stores: ChoiceInput = strawberry.field(
        description="All stores, or some by id; an empty list is none, and the rule is inert."
    )


@strawberry.input(description="Which rule is to count exactly where it does not now.")
class InvertRuleStoresInput:
    key: strawberry.ID = strawberry.field(description=_KEY)
    version: int = strawberry.field(description=_SEEN)


@strawberry.type(description="There is a new rule.")
class CreateRuleSuccess:
    rule: EarningRule = strawberry.field(description="The rule.")


@strawberry.type(description="The rule has this content now, or will have.")
class EditRuleSuccess:
    rule: EarningRule = strawberry.field(description="The rule.")


@strawberry.type(description="The rule is active.")
class ActivateRuleSuccess:
    rule: EarningRule = strawberry.field(description="The rule.")


@strawberry.type(description="The rule is inactive.")
class DeactivateRuleSuccess:
    rule: EarningRule = strawberry.field(description="The rule.")


@strawberry.type(description="The rule is gone; what it has given stays.")
class DeleteRuleSuccess:
    key: strawberry.ID = strawberry.field(description="The key; it is not used again.")


@strawberry.type(description="The rule counts in these stores.")
class SelectRuleStoresSuccess:
    rule: EarningRule = strawberry.field(description="The rule.")


@strawberry.type(description="The rule counts in the other stores.")
class InvertRuleStoresSuccess:
    rule: EarningRule = strawberry.field(description="The rule.")


CreateRuleResult = Annotated[
    CreateRuleSuccess | InvalidInput | EditConflict,
    strawberry.union("CreateRuleResult", description="The rule, or why there is none."),
]
EditRuleResult = Annotated[
    EditRuleSuccess | InvalidInput | EditConflict | RuleNotFound,
    strawberry.union("EditRuleResult", description="The rule, or why it was not changed."),
]
ActivateRuleResult = Annotated[
    ActivateRuleSuccess | InvalidInput | EditConflict | RuleNotFound,
    strawberry.union("ActivateRuleResult", description="The rule, or why it was not activated."),
]
DeactivateRuleResult = Annotated[
    DeactivateRuleSuccess | EditConflict | RuleNotFound,
    strawberry.union("DeactivateRuleResult", description="The rule, or why it was not deactivated."),
]
DeleteRuleResult = Annotated[
    DeleteRuleSuccess | EditConflict | RuleNotFound,
    strawberry.union("DeleteRuleResult", description="What is gone, or why it is not."),
]
SelectRuleStoresResult = Annotated[
    SelectRuleStoresSuccess | InvalidInput | EditConflict | RuleNotFound,
    strawberry.union("SelectRuleStoresResult", description="The rule, or why it was not changed."),
]
InvertRuleStoresResult = Annotated[
    InvertRuleStoresSuccess | InvalidInput | EditConflict | RuleNotFound,
    strawberry.union("InvertRuleStoresResult", description="The rule, or why it was not changed."),
]


@strawberry.type
class EarningRuleQuery:
    @query_field(_LIST, "The earning rules of the programme that are not deleted, the oldest first.")
    async def earning_rules(
        self,
        info: Info,
        first: First = _RULES_PAGE,
        after: After = None,
        matching: Annotated[
            RuleFilterInput | None, strawberry.argument(description="Only those that match; null: all.")
        ] = None,
    ) -> Connection[EarningRule]:
        size, passed = page_size(first), 0 if after is None else key_of(_RULE_CURSOR, after)
        currency, views = (
            await _currency(info),
            await service.list_rules(*info.context.tenant, now=info.context.now),
        )
        found = [
            (view.newest.number, EarningRule.of(view, currency))
            for view in views
            if view.newest.number > passed and (matching is None or matching.admits(view))
        ]
        return Connection[EarningRule].of(_RULE_CURSOR, found, size, after)

    @query_field(_LIST, "One earning rule; null if there is none of this key, or it was deleted.")
    async def earning_rule(
        self, info: Info, key: Annotated[strawberry.ID, strawberry.argument(description=_KEY)]
    ) -> EarningRule | None:
        try:
            view = await service.find_rule(*info.context.tenant, key, now=info.context.now)
        except NotFound:
            return None
        return EarningRule.of(view, await _currency(info))

    @query_field(_LIST, "The versions of a rule, newest first; a deleted rule has its too. Null: no such rule.")
    async def earning_rule_versions(
        self,
        info: Info,
        key: Annotated[strawberry.ID, strawberry.argument(description=_KEY)],
        first: First = _VERSIONS_PAGE,
        after: OlderThan = None,
    ) -> Connection[RuleHistoryVersion] | None:
        size, before = page_size(first), None if after is None else key_of(_VERSION_CURSOR, after)
        try:
            entries = await service.rule_history(*info.context.tenant, key, first=size + 1, before=before)
        except NotFound:
            return None
        found = [(entry.version.version, RuleHistoryVersion.of(entry)) for entry in entries]
        return Connection[RuleHistoryVersion].of(_VERSION_CURSOR, found, size, after)


@strawberry.type
class EarningRuleMutation:
    @mutation_field(_EDIT, "Make an earning rule.")
    async def create_rule(
        self,
        info: Info,
        input: Annotated[CreateRuleInput, strawberry.argument(description="The rule.")],  # noqa: A002
    ) -> CreateRuleResult:
        view = await service.create_rule(
            *info.context.tenant,
            written(input.rule),
            key=input.key,
            state=RuleState.ACTIVE if input.active else RuleState.INACTIVE,
            effective_from=input.effective_from,
            by=info.context.principal.identity,
            now=info.context.now,
        )
        return CreateRuleSuccess(rule=await _shown(info, view))

    @mutation_field(_EDIT, "Give an earning rule another content. What was earned before stays as it is.")
    async def edit_rule(
        self,
        info: Info,
        input: Annotated[EditRuleInput, strawberry.argument(description="The content.")],  # noqa: A002
    ) -> EditRuleResult:
        view = await service.edit_rule(
            *info.context.tenant,
            input.key,
            input.version,
            written(input.rule),
            effective_from=input.effective_from,
            by=info.context.principal.identity,
            now=info.context.now,
        )
        return EditRuleSuccess(rule=await _shown(info, view))

    @mutation_field(_EDIT, "Let a rule give points. An active one stays as it is.")
    async def activate_rule(
        self,
        info: Info,
        input: Annotated[ActivateRuleInput, strawberry.argument(description="Which rule.")],  # noqa: A002
    ) -> ActivateRuleResult:
        view = await service.activate_rule(
            *info.context.tenant,
            input.key,
            input.version,
            effective_from=input.effective_from,
            by=info.context.principal.identity,
            now=info.context.now,
        )
        return ActivateRuleSuccess(rule=await _shown(info, view))

    @mutation_field(_EDIT, "Let a rule give no points; what was planned for it stays, but inactive.")
    async def deactivate_rule(
        self,
        info: Info,
        input: Annotated[DeactivateRuleInput, strawberry.argument(description="Which rule.")],  # noqa: A002
    ) -> DeactivateRuleResult:
        view = await service.deactivate_rule(
            *info.context.tenant,
            input.key,
            input.version,
            by=info.context.principal.identity,
            now=info.context.now,
        )
        return DeactivateRuleSuccess(rule=await _shown(info, view))

    @mutation_field(_EDIT, "Let a rule go for good.")
    async def delete_rule(
        self,
        info: Info,
        input: Annotated[DeleteRuleInput, strawberry.argument(description="Which rule.")],  # noqa: A002
    ) -> DeleteRuleResult:
        await service.delete_rule(
            *info.context.tenant,
            input.key,
            input.version,
            by=info.context.principal.identity,
            now=info.context.now,
        )
        return DeleteRuleSuccess(key=input.key)

    @mutation_field(_EDIT, "Let a rule count in all stores, in some or in none.")
    async def select_rule_stores(
        self,
        info: Info,
        input: Annotated[SelectRuleStoresInput, strawberry.argument(description="Which rule, where.")],  # noqa: A002
    ) -> SelectRuleStoresResult:
        view = await service.choose_stores(
            *info.context.tenant,
            input.key,
            input.version,
            input.stores.chosen("stores"),
            by=info.context.principal.identity,
            now=info.context.now,
        )
        return SelectRuleStoresSuccess(rule=await _shown(info, view))

    @mutation_field(_EDIT, "Let a rule count in exactly the stores in which it does not now.")
    async def invert_rule_stores(
        self,
        info: Info,
        input: Annotated[InvertRuleStoresInput, strawberry.argument(description="Which rule.")],  # noqa: A002
    ) -> InvertRuleStoresResult:
        view = await service.invert_stores(
            *info.context.tenant,
            input.key,
            input.version,
            by=info.context.principal.identity,
            now=info.context.now,
        )
        return InvertRuleStoresSuccess(rule=await _shown(info, view))


def written(rule: RuleInput) -> dict[str, Any]:
    """The document of a rule in an input's field ``rule``; what is wrong with it is named from there."""
    with refusals_under("rule"):
        return rule_document(rule)


async def _currency(info: Info) -> str:
    installation, programme_id = info.context.tenant
    return (await installation.programmes.get(programme_id)).currency


async def _shown(info: Info, view: service.RuleView) -> EarningRule:
    return EarningRule.of(view, await _currency(info))
