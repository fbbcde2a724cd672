"""Expected failures, a module a feature: one tree, raised inside a transaction so that it rolls back.

Each class is a member of a mutation's result union at the GraphQL face. What cannot happen
is an assert, not a class of these.
"""

from pointbook.domain.errors.adjustments import AdjustmentAboveLimit, AdjustmentNotFound, AdjustmentUndone
from pointbook.domain.errors.base import InvalidInput, PointbookError, refusals_under
from pointbook.domain.errors.bookings import BookingConflict
from pointbook.domain.errors.calls import ClockAhead, EditConflict, IdempotencyConflict, Unauthenticated
from pointbook.domain.errors.exchange import (
    ExchangeLimit,
    ExchangeOrderDecided,
    ExchangeOrderNotFound,
    NotInCatalogue,
    PriceChanged,
    SoldOut,
    StockChanged,
)
from pointbook.domain.errors.gift_cards import (
    GiftCardEnded,
    GiftCardInUse,
    GiftCardNotUsable,
    GiftCardOverdrawn,
    RefundExceedsUse,
    TooManyGuesses,
)
from pointbook.domain.errors.members import (
    ExternalIdTaken,
    LossChanged,
    MemberInactive,
    NotAMember,
    RedemptionLocked,
    TokenTooOld,
)
from pointbook.domain.errors.merging import (
    MembersNotMergeable,
    MergeRequestNotFound,
    MergeRequestNotOpen,
    TooManyMergeRequests,
)
from pointbook.domain.errors.notices import MailNotConfigured, TooManyTestNotices
from pointbook.domain.errors.orders import OrderConflict, SendingNotFound
from pointbook.domain.errors.programmes import CurrencyMismatch, NotASandbox, ProgrammeNotOpen, UnknownStore
from pointbook.domain.errors.redemption import (
    BelowMinimum,
    CheckoutHasVoucher,
    ExceedsCart,
    ExtensionsExhausted,
    InsufficientPoints,
    RedemptionEnded,
    RedemptionNotFound,
    VoucherNotUsable,
)
from pointbook.domain.errors.returns import ReturnConflict, ReturnExceedsOrder
from pointbook.domain.errors.rules import RuleNotFound, SimulationNotFound, TooManySimulations
from pointbook.domain.errors.webhooks import WebhookDisabled, WebhookSendingNotFound, WebhookSubscriptionNotFound

__all__ = [
    "AdjustmentAboveLimit",
    "AdjustmentNotFound",
    "AdjustmentUndone",
    "BelowMinimum",
    "BookingConflict",
    "CheckoutHasVoucher",
    "ClockAhead",
    "CurrencyMismatch",
    "EditConflict",
    "ExceedsCart",
    "ExchangeLimit",
    "ExchangeOrderDecided",
    "ExchangeOrderNotFound",
    "ExtensionsExhausted",
    "ExternalIdTaken",
    "GiftCardEnded",
    "GiftCardInUse",
    "GiftCardNotUsable",
    "GiftCardOverdrawn",
    "IdempotencyConflict",
    "InsufficientPoints",
    "InvalidInput",
    "LossChanged",
    "MailNotConfigured",
    "MemberInactive",
    "MembersNotMergeable",
    "MergeRequestNotFound",
    "MergeRequestNotOpen",
    "NotAMember",
    "NotASandbox",
    "NotInCatalogue",
    "OrderConflict",
    "PointbookError",
    "PriceChanged",
    "ProgrammeNotOpen",
    "RedemptionEnded",
    "RedemptionLocked",
    "RedemptionNotFound",
    "RefundExceedsUse",
    "ReturnConflict",
    "ReturnExceedsOrder",
    "RuleNotFound",
    "SendingNotFound",
    "SimulationNotFound",
    "SoldOut",
    "StockChanged",
    "TokenTooOld",
    "TooManyGuesses",
    "TooManyMergeRequests",
    "TooManySimulations",
    "TooManyTestNotices",
    "Unauthenticated",
    "UnknownStore",
    "VoucherNotUsable",
    "WebhookDisabled",
    "WebhookSendingNotFound",
    "WebhookSubscriptionNotFound",
    "refusals_under",
]
