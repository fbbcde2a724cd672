"""Who may call which root field: declared for each, and every field tried by every kind of caller."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Any, cast

import pytest
from graphql import get_named_type, is_composite_type, is_required_argument

from pointbook.domain.access import (
    ALL_RIGHTS,
    ALL_SCOPES,
    ANYBODY,
    CallerKind,
    Policy,
    Principal,
    Right,
    Scope,
)
from pointbook.graphql.engine import Engine, Prepared
from pointbook.graphql.policies import policy_of
from pointbook.graphql.schema import build_schema
from tests.graphql.engines import engine_over_nothing

SCHEMA = build_schema()
FIELDS = {
    f"{root}.{SCHEMA.config.name_converter.get_graphql_name(field)}": policy_of(field)
    for root in ("Query", "Mutation", "Subscription")
    for field in cast("Any", SCHEMA.get_type_by_name(root)).fields
}
CALLERS = {
    "guest": Principal(CallerKind.GUEST, 1, "pk"),
    "customer": Principal(CallerKind.CUSTOMER, 1, "kid", subject="c-1"),
    "server": Principal(CallerKind.SERVER, 1, "sk", ALL_SCOPES),
    "server without scopes": Principal(CallerKind.SERVER, 1, "sk", frozenset()),
    "staff": Principal(CallerKind.STAFF, 1, "st", ALL_RIGHTS),
    "staff without rights": Principal(CallerKind.STAFF, 1, "st"),
}
MAY = {
    "Query.programme": set(CALLERS),
    "Query.rules": set(CALLERS),
    "Query.guidelines": set(CALLERS),
    "Query.productPoints": set(CALLERS),
    "Query.productPointsList": set(CALLERS),
    "Query.servicePoints": set(CALLERS),
    "Query.earnQuote": {"guest", "customer"},
    "Query.giftCards": set(CALLERS),
    "Query.exchangeItems": set(CALLERS),
    "Query.catalogue": {"staff"},
    "Mutation.saveGiftCardProduct": {"staff"},
    "Mutation.saveExchangeItem": {"staff"},
    "Mutation.changeExchangeStock": {"staff"},
    "Query.exchangeOrders": {"staff"},
    "Query.exchangeOrder": {"staff"},
    "Mutation.placeExchangeOrder": {"customer"},
    "Mutation.setExchanged": {"staff"},
    "Mutation.cancelExchangeOrder": {"staff"},
    "Query.member": {"staff"},
    "Query.members": {"staff"},
    "Query.mergeRequests": {"staff"},
    "Mutation.requestMerge": {"customer"},
    "Mutation.cancelMergeRequest": {"customer"},
    "Mutation.approveMerge": {"staff"},
    "Mutation.rejectMerge": {"staff"},
    "Mutation.setMemberState": {"staff"},
    "Mutation.setRedemptionLock": {"staff"},
    "Query.adjustments": {"staff"},
    "Mutation.adjustPoints": {"staff"},
    "Mutation.undoAdjustment": {"staff"},
    "Query.noticeTemplates": {"staff"},
    "Query.noticeSettings": {"staff"},
    "Query.previewNotice": {"staff"},
    "Mutation.saveNoticeTemplate": {"staff"},
    "Mutation.resetNoticeTemplate": {"staff"},
    "Mutation.changeNoticeSettings": {"staff"},
    "Mutation.sendTestNotice": {"staff"},
    "Query.me": {"customer"},
    "Query.explain": {"customer", "staff"},
    "Query.redemptionQuote": {"customer"},
    "Query.voucher": {"server"},
    "Query.giftCard": {"server"},
    "Query.giftCardBalance": {"guest", "customer"},
    "Query.issuedGiftCards": {"staff"},
    "Mutation.buyGiftCard": {"customer"},
    "Mutation.useGiftCard": {"server"},
    "Mutation.holdGiftCard": {"server"},
    "Mutation.releaseGiftCardHold": {"server"},
    "Mutation.refundGiftCard": {"server"},
    "Mutation.voidGiftCard": {"staff"},
    "Mutation.join": {"customer"},
    "Mutation.setNotifications": {"customer"},
    "Mutation.leaveProgramme": {"customer"},
    "Mutation.eraseMember": {"staff"},
    "Mutation.enrolMember": {"server"},
    "Mutation.updateMember": {"server", "staff"},
    "Mutation.addCustomerExternalId": {"server"},
    "Mutation.redeemPoints": {"customer"},
    "Mutation.extendRedemption": {"customer"},
    "Mutation.cancelRedemption": {"customer"},
    "Mutation.captureRedemption": {"server"},
    "Mutation.releaseRedemption": {"server"},
    "Mutation.submitOrder": {"server"},
    "Mutation.submitOrders": {"server"},
    "Mutation.submitReturn": {"server"},
    "Mutation.submitBooking": {"server"},
    "Mutation.submitBookings": {"server"},
    "Query.booking": {"staff"},
    "Query.bookings": {"staff"},
    "Mutation.customerTokenCreate": {"server"},
    "Query.staffWarnings": {"staff"},
    "Query.order": {"staff"},
    "Query.orders": {"staff"},
    "Query.returnDocument": {"staff"},
    "Query.waitingReturns": {"staff"},
    "Query.earningRules": {"staff"},
    "Query.earningRule": {"staff"},
    "Query.earningRuleVersions": {"staff"},
    "Query.sandboxClock": {"staff"},
    "Mutation.moveSandboxClock": {"staff"},
    "Query.settings": {"staff"},
    "Query.settingsVersions": {"staff"},
    "Query.auditEntries": {"staff"},
    "Mutation.createRule": {"staff"},
    "Mutation.editRule": {"staff"},
    "Mutation.activateRule": {"staff"},
    "Mutation.deactivateRule": {"staff"},
    "Mutation.deleteRule": {"staff"},
    "Mutation.selectRuleStores": {"staff"},
    "Mutation.invertRuleStores": {"staff"},
    "Query.ruleSimulation": {"staff"},
    "Query.ruleSimulations": {"staff"},
    "Mutation.simulateRule": {"staff"},
    "Mutation.cancelRuleSimulation": {"staff"},
    "Query.orderSending": {"staff"},
    "Query.orderSendings": {"staff"},
    "Mutation.sendOrders": {"staff"},
    "Mutation.cancelOrderSending": {"staff"},
    "Mutation.changeSettings": {"staff"},
    "Mutation.withdrawSettings": {"staff"},
    "Mutation.changeProgrammeState": {"staff"},
    "Mutation.switchStore": {"staff"},
    "Mutation.changeProgrammeLocales": {"staff"},
    "Query.webhookSubscriptions": {"staff"},
    "Query.webhookSendings": {"staff"},
    "Mutation.createWebhookSubscription": {"staff"},
    "Mutation.editWebhookSubscription": {"staff"},
    "Mutation.rotateWebhookSecret": {"staff"},
    "Mutation.deleteWebhookSubscription": {"staff"},
    "Mutation.redeliver": {"staff"},
    "Subscription.balanceChanged": {"customer"},
    "Subscription.redemptionChanged": {"customer"},
}
SAMPLES = {
    "NoticeKind": "WELCOME",
    "locale": '"de"',
    "SaveNoticeTemplateInput": '{kind: WELCOME, locale: "de", subject: "a", body: "a"}',
    "ResetNoticeTemplateInput": '{kind: WELCOME, locale: "de"}',
    "ChangeNoticeSettingsInput": "{off: []}",
    "SendTestNoticeInput": '{kind: WELCOME, locale: "de", to: "a@b"}',
    "RequestMergeInput": '{email: "e@example.com", idempotencyKey: "k"}',
    "CancelMergeRequestInput": '{id: "X"}',
    "ApproveMergeInput": '{id: "X"}',
    "RejectMergeInput": '{id: "X", reason: "r"}',
    "code": '"X"',
    "key": '"X"',
    "id": '"X"',
    "externalId": '"X"',
    "entry": '"e"',
    "redemptionId": '"r"',
    "customerExternalId": '"X"',
    "service": '"cut"',
    "products": '[{articleId: "a", price: "1"}]',
    "CartInput": '{id: "c", total: "1", currency: "EUR"}',
    "EarnCartInput": '{currency: "EUR", lines: [{id: "1", articleId: "a", quantity: "1", amount: "1"}]}',
    "ProductInput": '{articleId: "a", price: "1"}',
    "RedeemPointsInput": '{mode: FULL, cart: {id: "c", total: "1", currency: "EUR"}, idempotencyKey: "k"}',
    "ExtendRedemptionInput": '{redemptionId: "a", idempotencyKey: "k"}',
    "CancelRedemptionInput": '{redemptionId: "a", idempotencyKey: "k"}',
    "CaptureRedemptionInput": '{voucherCode: "a", idempotencyKey: "k"}',
    "ReleaseRedemptionInput": '{voucherCode: "a", idempotencyKey: "k"}',
    "BuyGiftCardInput": '{sku: "a", pricePoints: 1, idempotencyKey: "k"}',
    "UseGiftCardInput": '{code: "a", amount: {amount: "1", currency: "EUR"}, idempotencyKey: "k"}',
    "HoldGiftCardInput": '{code: "a", amount: {amount: "1", currency: "EUR"}, idempotencyKey: "k"}',
    "ReleaseGiftCardHoldInput": '{code: "a", holdId: "b", idempotencyKey: "k"}',
    "RefundGiftCardInput": '{code: "a", amount: {amount: "1", currency: "EUR"}, idempotencyKey: "k"}',
    "VoidGiftCardInput": '{id: "a"}',
    "SubmitOrderInput": "{order: %s}",
    "SubmitOrdersInput": "{orders: [%s]}",
    "SubmitReturnInput": '{return: {externalId: "r", orderExternalId: "o", type: CANCELLATION, currency: "EUR"}}',
    "SubmitBookingInput": "{booking: %s}",
    "SubmitBookingsInput": "{bookings: [%s]}",
    "CustomerTokenCreateInput": '{customerExternalId: "c"}',
    "CreateRuleInput": '{rule: {kind: BASE, name: "a", points: 1}}',
    "EditRuleInput": '{key: "a", version: 1, rule: {kind: BASE, name: "a", points: 1}}',
    "ActivateRuleInput": '{key: "a", version: 1}',
    "DeactivateRuleInput": '{key: "a", version: 1}',
    "DeleteRuleInput": '{key: "a", version: 1}',
    "SelectRuleStoresInput": '{key: "a", version: 1, stores: {all: true}}',
    "InvertRuleStoresInput": '{key: "a", version: 1}',
    "SimulateRuleInput": '{key: "a", placedFrom: "2026-03-01T10:00:00Z", placedTo: "2026-03-02T10:00:00Z"}',
    "CancelRuleSimulationInput": '{id: "a"}',
    "SendOrdersInput": '{idempotencyKey: "k", ids: ["a"]}',
    "CancelOrderSendingInput": '{id: "a"}',
    "ChangeSettingsInput": "{version: 1, settings: {holdMinutes: 20}}",
    "WithdrawSettingsInput": "{version: 1}",
    "ChangeProgrammeStateInput": "{state: ACTIVE}",
    "SaveGiftCardProductInput": '{sku: "a", names: [], pricePoints: 1, faceValue: "1"}',
    "SaveExchangeItemInput": '{sku: "a", names: [], pricePoints: 1}',
    "ChangeExchangeStockInput": '{sku: "a", change: 1, idempotencyKey: "k"}',
    "PlaceExchangeOrderInput": '{lines: [], idempotencyKey: "k"}',
    "SetExchangedInput": '{id: "a", exchanged: true}',
    "CancelExchangeOrderInput": '{id: "a"}',
    "AdjustPointsInput": '{customerExternalId: "c", points: 1, description: "d", idempotencyKey: "k"}',
    "SetMemberStateInput": '{customerExternalId: "c", state: ACTIVE}',
    "SetNotificationsInput": "{optIn: true}",
    "LeaveProgrammeInput": '{confirm: {points: 1}, idempotencyKey: "k"}',
    "EraseMemberInput": '{customerExternalId: "c", confirm: {points: 1}, idempotencyKey: "k"}',
    "EnrolMemberInput": '{customerExternalId: "c"}',
    "UpdateMemberInput": '{customerExternalId: "c"}',
    "AddCustomerExternalIdInput": '{customerExternalId: "c", furtherExternalId: "d"}',
    "SetRedemptionLockInput": '{customerExternalId: "c", locked: true}',
    "UndoAdjustmentInput": '{id: "a"}',
    "CreateWebhookSubscriptionInput": '{url: "https://a.example"}',
    "EditWebhookSubscriptionInput": '{id: "a"}',
    "RotateWebhookSecretInput": '{id: "a", secretVersion: 1}',
    "DeleteWebhookSubscriptionInput": '{id: "a"}',
    "RedeliverInput": '{id: "a"}',
    "MoveSandboxClockInput": '{forwardSeconds: 60, idempotencyKey: "k"}',
    "SwitchStoreInput": '{storeId: "a", active: true}',
    "ChangeProgrammeLocalesInput": '{locales: ["de"]}',
}
ORDER = (
    '{externalId: "o", type: SALE, status: "PAID", placedAt: "2026-03-01T10:00:00Z", currency: "EUR", '
    'customer: {externalId: "c"}, lines: [{id: "1", articleId: "a", quantity: "1", amount: "1"}]}'
)
BOOKING = (
    '{externalId: "b", serviceId: "cut", startsAt: "2026-03-01T10:00:00Z", endsAt: "2026-03-01T11:00:00Z", '
    'status: BOOKED, customer: {externalId: "c"}}'
)


def test_every_root_field_declares_who_may_call_it() -> None:
    assert {name for name, policy in FIELDS.items() if policy is None} == set()


def test_the_matrix_names_every_root_field() -> None:
    assert set(MAY) == set(FIELDS)


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("name", FIELDS)
def test_the_declared_policy_is_the_matrix(name: str, caller: str) -> None:
    policy = FIELDS[name]
    assert isinstance(policy, Policy)
    assert policy.admits(CALLERS[caller]) is (caller in MAY[name])


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("name", FIELDS)
async def test_a_field_asks_its_policy_before_anything_else(name: str, caller: str) -> None:
    # Without an installation every resolver fails at once: FORBIDDEN is only seen if the policy came first.
    engine = engine_over_nothing(SCHEMA)
    prepared = engine.prepare(
        _document(name), None, None, {}, any_document=True, introspection=True, read_only=False
    )
    assert prepared.refusal is None, prepared.refusal
    body = await _answered(engine, prepared, replace(CALLERS[caller]))
    codes = [error["extensions"]["code"] for error in body.get("errors", [])]
    assert (codes == ["FORBIDDEN"]) is (caller not in MAY[name]), body


@pytest.mark.parametrize("kind", [Scope, Right])
def test_each_scope_and_each_right_opens_only_its_fields(kind: type[Scope | Right]) -> None:
    for scope in kind:
        caller = CallerKind.SERVER if kind is Scope else CallerKind.STAFF
        narrow = Principal(caller, 1, "key", frozenset({scope}))
        opened = {name for name, policy in FIELDS.items() if policy and policy.admits(narrow)}
        assert opened == {
            name
            for name, policy in FIELDS.items()
            if policy == ANYBODY or (policy and scope in {policy.scope, policy.right})
        }


async def _answered(engine: Engine, prepared: Prepared, principal: Principal) -> dict[str, Any]:
    """Of a subscription the first answer, if it begins at all."""
    if not prepared.live:
        return (await engine.execute(prepared, principal)).body
    begun = await engine.subscribe(prepared, principal)
    if not isinstance(begun, AsyncGenerator):
        return begun.body
    async with aclosing(begun):
        return await anext(begun)


def _document(name: str) -> str:
    root, _, field_name = name.partition(".")
    field = cast("Any", SCHEMA._schema.get_type(root)).fields[field_name]
    given = [
        f"{argument}: {_sample(argument, type_.type)}"
        for argument, type_ in field.args.items()
        if is_required_argument(type_)
    ]
    arguments = f"({', '.join(given)})" if given else ""
    selection = " { __typename }" if is_composite_type(get_named_type(field.type)) else ""
    return f"{root.lower()} {{ {field_name}{arguments}{selection} }}"


def _sample(argument: str, type_: Any) -> str:
    name = get_named_type(type_).name
    sample = SAMPLES.get(argument) or SAMPLES[name]
    document = BOOKING if "booking" in sample else ORDER
    return sample % document if "%s" in sample else sample
