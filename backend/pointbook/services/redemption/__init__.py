"""Paying with points: by the customer (``holding``) and by the shop's server (``capturing``)."""

from pointbook.services.redemption.capturing import CAPTURE, Capture, capture, release, voucher
from pointbook.services.redemption.holding import Redeem, RedemptionQuote, cancel, extend, quote, redeem
from pointbook.services.redemption.late import bought_in_time, spend_late
from pointbook.services.redemption.vouchers import (
    REDEMPTION_CAPTURED,
    Purchase,
    Voucher,
    find_hold,
    locked_hold,
    spend,
    voucher_of,
)

__all__ = [
    "CAPTURE",
    "REDEMPTION_CAPTURED",
    "Capture",
    "Purchase",
    "Redeem",
    "RedemptionQuote",
    "Voucher",
    "bought_in_time",
    "cancel",
    "capture",
    "extend",
    "find_hold",
    "locked_hold",
    "quote",
    "redeem",
    "release",
    "spend",
    "spend_late",
    "voucher",
    "voucher_of",
]
