"""The tables of the schema ``public``. Importing this package fills ``Base.metadata``."""

from pointbook.db.models.adjustments import Adjustment
from pointbook.db.models.audit import AuditEntry
from pointbook.db.models.bookings import Booking, BookingOccurrence
from pointbook.db.models.catalogue import ExchangeItem, GiftCardProduct, StockMovement
from pointbook.db.models.exchange import ExchangeOrder, ExchangeOrderLine
from pointbook.db.models.gift_cards import GiftCard
from pointbook.db.models.imports import ImportRun
from pointbook.db.models.keys import ApiKey, TokenKey
from pointbook.db.models.members import Member, MemberExternalId, RejoinBlock
from pointbook.db.models.merging import MergeAddress, MergeRequest
from pointbook.db.models.notices import MailRefusal, Notice, NoticeRound, NoticeSetting, NoticeTemplate
from pointbook.db.models.order_sendings import OrderSending, OrderSendingDocument
from pointbook.db.models.orders import OrderOccurrence, SalesOrder
from pointbook.db.models.outbox import OutboxMessage
from pointbook.db.models.programmes import Programme, SettingsVersion, Store
from pointbook.db.models.returns import ReturnDocument
from pointbook.db.models.rule_simulations import (
    RuleSimulation,
    RuleSimulationCount,
    RuleSimulationMember,
    RuleSimulationOrder,
)
from pointbook.db.models.rules import EarningRuleVersion, RuleCount
from pointbook.db.models.warnings import StaffWarning
from pointbook.db.models.webhooks import WebhookDelivery, WebhookEndpoint
from pointbook.db.models.webhooks_out import WebhookSending, WebhookSubscription

__all__ = [
    "Adjustment",
    "ApiKey",
    "AuditEntry",
    "Booking",
    "BookingOccurrence",
    "EarningRuleVersion",
    "ExchangeItem",
    "ExchangeOrder",
    "ExchangeOrderLine",
    "GiftCard",
    "GiftCardProduct",
    "ImportRun",
    "MailRefusal",
    "Member",
    "MemberExternalId",
    "MergeAddress",
    "MergeRequest",
    "Notice",
    "NoticeRound",
    "NoticeSetting",
    "NoticeTemplate",
    "OrderOccurrence",
    "OrderSending",
    "OrderSendingDocument",
    "OutboxMessage",
    "Programme",
    "RejoinBlock",
    "ReturnDocument",
    "RuleCount",
    "RuleSimulation",
    "RuleSimulationCount",
    "RuleSimulationMember",
    "RuleSimulationOrder",
    "SalesOrder",
    "SettingsVersion",
    "StaffWarning",
    "StockMovement",
    "Store",
    "TokenKey",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookSending",
    "WebhookSubscription",
]
