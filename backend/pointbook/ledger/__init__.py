"""The points ledger: a small library of functions in PostgreSQL (``sql/``) behind this typed facade.

Every call is one statement on the caller's connection, inside or outside of the caller's transaction; it names
the programme and the instant. Nothing else writes the ledger's tables. docs/ledger.md tells how it works.
"""

from pointbook.ledger.accounts import lock, open_account, open_programme, restrict
from pointbook.ledger.answers import (
    AccountPage,
    Accrued,
    Adjusted,
    Balance,
    EntryKind,
    ExpiringBatch,
    HistoryEntry,
    Hold,
    HoldState,
    Quote,
    Verification,
    Violation,
)
from pointbook.ledger.commands import Accrual, HoldPoints, NewLot, Request
from pointbook.ledger.earning import accrue, adjust
from pointbook.ledger.reads import account_page, balance, expiring, history, holds
from pointbook.ledger.redemption import capture, extend, hold, hold_of_code, quote, release
from pointbook.ledger.upkeep import sweep, verify, violations

__all__ = [
    "AccountPage",
    "Accrual",
    "Accrued",
    "Adjusted",
    "Balance",
    "EntryKind",
    "ExpiringBatch",
    "HistoryEntry",
    "Hold",
    "HoldPoints",
    "HoldState",
    "NewLot",
    "Quote",
    "Request",
    "Verification",
    "Violation",
    "account_page",
    "accrue",
    "adjust",
    "balance",
    "capture",
    "expiring",
    "extend",
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
    "sweep",
    "verify",
    "violations",
]
