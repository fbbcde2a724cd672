"""Turns the status of a ledger function into the typed error of the domain."""

from datetime import datetime
from typing import NoReturn

from pointbook.domain import errors


def refuse(status: str, *, now: datetime) -> NoReturn:
    """Raise the error of a status that carries no figures of its own."""
    match status:
        case "clock_ahead":
            raise errors.ClockAhead(now)
        case "no_account":
            raise errors.NotAMember
        case "key_conflict":
            raise errors.IdempotencyConflict
        case "inactive":
            raise errors.MemberInactive
        case "locked":
            raise errors.RedemptionLocked
        case "no_card":
            raise errors.GiftCardNotUsable
        case "no_hold":
            raise errors.RedemptionNotFound
        case "captured" | "released" | "lapsed":
            raise errors.RedemptionEnded(status.upper())
    raise AssertionError(f"the ledger answered {status!r}")
