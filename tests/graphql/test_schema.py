"""The schema as a contract: written down, described, and every expected failure in it."""

from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    is_introspection_type,
    is_specified_scalar_type,
    parse,
    validate,
)

from pointbook.domain import errors
from pointbook.graphql.errors import HANDLERS, SHOWN
from pointbook.graphql.schema import build_schema, printed
from pointbook.http.examples import EXAMPLES

ROOT = Path(__file__).parents[2]
SCHEMA = build_schema()
GRAPHQL = SCHEMA._schema
TYPES = [
    type_
    for type_ in GRAPHQL.type_map.values()
    if not is_introspection_type(type_) and not is_specified_scalar_type(type_)
]
MONEY_OR_POINTS_MOVE = {
    *("LeaveProgrammeInput", "EraseMemberInput"),
    "RedeemPointsInput",
    "ExtendRedemptionInput",
    "CancelRedemptionInput",
    "CaptureRedemptionInput",
    "ReleaseRedemptionInput",
    "SendOrdersInput",
    "BuyGiftCardInput",
    "UseGiftCardInput",
    "HoldGiftCardInput",
    "ReleaseGiftCardHoldInput",
    "RefundGiftCardInput",
    *("ChangeExchangeStockInput", "AdjustPointsInput"),
    "PlaceExchangeOrderInput",
    *("RequestMergeInput", "MoveSandboxClockInput"),
}
NATURAL_KEYS = {
    *("SubmitOrderInput", "SubmitOrdersInput", "SubmitReturnInput", "JoinInput", "CustomerTokenCreateInput"),
    *("SetExchangedInput", "CancelExchangeOrderInput"),
    *("VoidGiftCardInput", "UndoAdjustmentInput"),
    *("SetMemberStateInput", "SetRedemptionLockInput", "SetNotificationsInput"),
    *("EnrolMemberInput", "UpdateMemberInput", "AddCustomerExternalIdInput"),
    *("SubmitBookingInput", "SubmitBookingsInput"),
    *("CancelMergeRequestInput", "ApproveMergeInput", "RejectMergeInput"),
}
CONFIGURATION = {
    *("CreateRuleInput", "EditRuleInput", "ActivateRuleInput", "DeactivateRuleInput", "DeleteRuleInput"),
    *("SelectRuleStoresInput", "InvertRuleStoresInput", "ChangeSettingsInput", "WithdrawSettingsInput"),
    *(
        "ChangeProgrammeStateInput",
        "ChangeProgrammeLocalesInput",
        "SwitchStoreInput",
        "SaveGiftCardProductInput",
        "SaveExchangeItemInput",
    ),
    *("CreateWebhookSubscriptionInput", "EditWebhookSubscriptionInput", "RotateWebhookSecretInput"),
    *("DeleteWebhookSubscriptionInput", "RedeliverInput"),
    *("SaveNoticeTemplateInput", "ResetNoticeTemplateInput", "ChangeNoticeSettingsInput", "SendTestNoticeInput"),
}
SIMULATIONS = {"SimulateRuleInput", "CancelRuleSimulationInput"}  # nothing but the simulation comes of it
ENDINGS = {"CancelOrderSendingInput"}


def test_the_schema_file_is_the_schema() -> None:
    assert (ROOT / "schema.graphql").read_text() == printed(SCHEMA)


def test_everything_in_the_schema_is_described() -> None:
    missing = []
    for type_ in TYPES:
        parts = {type_.name: type_}
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            parts |= {f"{type_.name}.{name}": field for name, field in type_.fields.items()}
            for name, field in type_.fields.items():
                parts |= {f"{type_.name}.{name}({a}:)": arg for a, arg in getattr(field, "args", {}).items()}
        if isinstance(type_, GraphQLEnumType):
            parts |= {f"{type_.name}.{name}": value for name, value in type_.values.items()}
        missing += [name for name, part in parts.items() if not part.description]
    assert missing == []


def test_mutations_answer_with_a_union_of_success_and_errors() -> None:
    assert GRAPHQL.mutation_type is not None
    for name, field in GRAPHQL.mutation_type.fields.items():
        union = field.type.of_type
        assert isinstance(union, GraphQLUnionType), name
        assert union.name == f"{name[0].upper()}{name[1:]}Result"
        success, *failures = union.types
        assert success.name == f"{name[0].upper()}{name[1:]}Success"
        assert failures, name
        assert all("UserError" in [each.name for each in failure.interfaces] for failure in failures), name


def test_what_a_result_may_be_can_be_asked_for_at_once() -> None:
    # Fields of one name in the types of a union must have one type, or a client has to rename them.
    for union in TYPES:
        if isinstance(union, GraphQLUnionType):
            kinds: dict[str, set[str]] = {}
            for member in union.types:
                for name, field in member.fields.items():
                    kinds.setdefault(name, set()).add(str(field.type))
            assert [name for name, found in kinds.items() if len(found) > 1] == [], union.name


def test_whatever_moves_points_has_a_mandatory_idempotency_key_or_a_natural_one() -> None:
    assert GRAPHQL.mutation_type is not None
    inputs = {}
    for field in GRAPHQL.mutation_type.fields.values():
        (argument,) = field.args.values()
        type_ = getattr(argument.type, "of_type", argument.type)
        inputs[type_.name] = type_
    assert set(inputs) == MONEY_OR_POINTS_MOVE | NATURAL_KEYS | CONFIGURATION | SIMULATIONS | ENDINGS
    for name in MONEY_OR_POINTS_MOVE:
        assert str(inputs[name].fields["idempotencyKey"].type) == "String!"


def test_every_expected_failure_has_a_typed_result() -> None:
    # the clock is a fault of the installation; credentials are judged before any field
    untyped = {errors.ClockAhead, errors.Unauthenticated}
    kinds = errors.PointbookError.__subclasses__()
    expected = {kind for kind in kinds if kind.__module__.startswith(f"{errors.__name__}.")}
    assert expected - set(SHOWN) == untyped
    assert {handler.exception_type for handler in HANDLERS} == set(SHOWN)


@pytest.mark.parametrize("failure", SHOWN, ids=lambda failure: failure.__name__)
def test_a_failure_keeps_its_name_and_its_fields(failure: type[errors.PointbookError]) -> None:
    shown = SHOWN[failure]
    assert shown.__name__ == failure.__name__
    made = failure(*[_sample(kind) for kind in _parameters(failure)])
    answer = shown.of(made)
    assert answer.code == failure.code
    assert answer.message == str(made)


def test_every_typed_failure_is_in_some_union() -> None:
    unions = [type_ for type_ in TYPES if isinstance(type_, GraphQLUnionType)]
    members = {member.name for union in unions for member in union.types}
    assert {shown.__name__ for shown in SHOWN.values()} <= members


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_the_examples_of_graphiql_are_valid(example: dict[str, str]) -> None:
    assert validate(GRAPHQL, parse(example["query"])) == []


def _parameters(failure: type[errors.PointbookError]) -> list[type]:
    annotations = {**getattr(failure.__init__, "__annotations__", {})}
    annotations.pop("return", None)
    return list(annotations.values())


def _sample(kind: type) -> object:
    return 7 if kind is int else "x"
