"""The schema: every feature's part of Query, Mutation and Subscription, put together."""

import functools

import strawberry
from strawberry.schema.config import StrawberryConfig

from pointbook.graphql import (
    adjustments,
    audit,
    booking_views,
    bookings,
    bought_gift_cards,
    catalogue,
    catalogue_desk,
    earning_quotes,
    earning_rules,
    exchange,
    exchange_desk,
    explaining,
    gift_cards,
    leaving,
    live,
    member_desk,
    member_editing,
    members,
    merge_desk,
    merging,
    notices,
    order_sendings,
    order_views,
    orders,
    programme,
    programme_states,
    public_terms,
    redemption,
    returns,
    rule_simulations,
    sandbox_clock,
    settings,
    staff_warnings,
    tokens,
    vouchers,
    webhooks_out,
)
from pointbook.graphql.errors import HANDLERS
from pointbook.graphql.scalars import SCALARS


@strawberry.type(description="Reads. Nothing here changes anything.")
class Query(
    programme.ProgrammeQuery,
    public_terms.PublicTermsQuery,
    earning_quotes.EarningQuoteQuery,
    catalogue.CatalogueQuery,
    catalogue_desk.CatalogueDeskQuery,
    exchange_desk.ExchangeDeskQuery,
    members.MemberQuery,
    member_desk.MemberDeskQuery,
    merge_desk.MergeDeskQuery,
    explaining.ExplanationQuery,
    redemption.RedemptionQuery,
    vouchers.VoucherQuery,
    gift_cards.GiftCardQuery,
    bought_gift_cards.BoughtGiftCardQuery,
    earning_rules.EarningRuleQuery,
    rule_simulations.RuleSimulationQuery,
    order_views.OrderViewQuery,
    booking_views.BookingViewQuery,
    order_sendings.OrderSendingQuery,
    settings.SettingsQuery,
    sandbox_clock.SandboxClockQuery,
    adjustments.AdjustmentQuery,
    audit.AuditQuery,
    staff_warnings.StaffWarningQuery,
    notices.NoticeQuery,
    webhooks_out.WebhookOutQuery,
):
    pass


@strawberry.type(description="Changes. Each has its effect once, however often it is sent.")
class Mutation(
    members.MemberMutation,
    member_desk.MemberDeskMutation,
    merging.MergeMutation,
    merge_desk.MergeDeskMutation,
    member_editing.MemberEditingMutation,
    leaving.LeavingMutation,
    redemption.RedemptionMutation,
    vouchers.VoucherMutation,
    bought_gift_cards.BoughtGiftCardMutation,
    gift_cards.GiftCardMutation,
    orders.OrderMutation,
    returns.ReturnMutation,
    bookings.BookingMutation,
    order_sendings.OrderSendingMutation,
    tokens.TokenMutation,
    earning_rules.EarningRuleMutation,
    rule_simulations.RuleSimulationMutation,
    settings.SettingsMutation,
    catalogue_desk.CatalogueDeskMutation,
    exchange.ExchangeMutation,
    exchange_desk.ExchangeDeskMutation,
    adjustments.AdjustmentMutation,
    programme_states.ProgrammeStateMutation,
    sandbox_clock.SandboxClockMutation,
    notices.NoticeMutation,
    webhooks_out.WebhookOutMutation,
):
    pass


@strawberry.type(description="What is told as it happens, over server-sent events or graphql-transport-ws.")
class Subscription(live.LiveSubscription):
    pass


@functools.cache
def build_schema() -> strawberry.Schema:
    """The schema. Making it takes a second; a process makes it once, for all that ask."""
    return strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=True),
        exception_handlers=HANDLERS,
    )


@functools.cache
def printed(schema: strawberry.Schema) -> str:
    """The text of ``schema.graphql``."""
    return schema.as_str() + "\n"
