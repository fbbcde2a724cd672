"""The points ledger: a small library of functions in PostgreSQL (``sql/``) behind this typed facade.

Every call is one statement on the caller's connection, inside or outside of the caller's transaction; it names
the programme and the instant. Nothing else writes the ledger's tables. docs/ledger.md tells how it works.
"""

from pointbook.ledger.accounts import lock, open_account, open_programme, restrict
from pointbook.ledger.answers import (
    AccountPage,
    AccrualFigures,
    Accrued,
    Adjusted,
    Balance,
    CapturedPart,
    EntryKind,
    ExpiringBatch,
    GivenBack,
    HistoryEntry,
    Hold,
    HoldState,
    LateCapture,
    Quote,
    Returned,
    Reversed,
    Spent,
    Verification,
    Violation,
)
from pointbook.ledger.commands import (
    Accrual,
    GiveBack,
    HoldPoints,
    LatePurchase,
    NewLot,
    Request,
    Reversal,
    Source,
)
from pointbook.ledger.earning import accrue, adjust
from pointbook.ledger.reads import account_page, balance, expiring, history, holds
from pointbook.ledger.redemption import capture, capture_late, extend, hold, hold_of_code, quote, release
from pointbook.ledger.returns import accrual_of, captured_parts, give_back, return_order, reverse
from pointbook.ledger.spending import spend, spent_by, unspend
from pointbook.ledger.upkeep import sweep, verify, violations

__all__ = [
    "AccountPage",
    "Accrual",
    "AccrualFigures",
    "Accrued",
    "Adjusted",
    "Balance",
    "CapturedPart",
    "EntryKind",
    "ExpiringBatch",
    "GiveBack",
    "GivenBack",
    "HistoryEntry",
    "Hold",
    "HoldPoints",
    "HoldState",
    "LateCapture",
    "LatePurchase",
    "NewLot",
    "Quote",
    "Request",
    "Returned",
    "Reversal",
    "Reversed",
    "Source",
    "Spent",
    "Verification",
    "Violation",
    "account_page",
    "accrual_of",
    "accrue",
    "adjust",
    "balance",
    "capture",
    "capture_late",
    "captured_parts",
    "expiring",
    "extend",
    "give_back",
    "history",
    "hold",
    "hold_of_code",
    "holds",
    "lock",
    "open_account",
    "open_programme",
    "quote",
    "release",
    "restrict",
    "return_order",
    "reverse",
    "spend",
    "spent_by",
    "sweep",
    "unspend",
    "verify",
    "violations",
]
