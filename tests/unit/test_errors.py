"""The tree of expected failures: each has a code of its own, a message for people, and its figures."""

import re
from datetime import UTC, datetime
from decimal import Decimal

from pointbook.domain import errors
from pointbook.domain.errors import PointbookError

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)
ARGUMENTS = {
    "InvalidInput": ("lines[3].amount", "must not be negative"),
    "UnknownStore": ("7",),
    "CurrencyMismatch": ("EUR", "PLN"),
    "ExternalIdTaken": ("c-2",),
    "LossChanged": (370, 20),
    "TokenTooOld": (300,),
    "ProgrammeNotOpen": ("DRAFT",),
    "InsufficientPoints": (80, 20),
    "BelowMinimum": (50,),
    "ExceedsCart": (399,),
    "RedemptionEnded": ("LAPSED",),
    "ExtensionsExhausted": (10,),
    "GiftCardEnded": ("VOID",),
    "GiftCardOverdrawn": (2_000,),
    "RefundExceedsUse": (500,),
    "TooManyGuesses": (60,),
    "OrderConflict": ("O-1",),
    "ReturnConflict": ("R-1",),
    "ReturnExceedsOrder": ("L1", "quantity", "2", "0.5", "3"),
    "BookingConflict": ("B-1", "serviceId"),
    "RuleNotFound": ("rule-7",),
    "EditConflict": ("rule-7", 3),
    "TooManySimulations": (3,),
    "NotInCatalogue": ("mug",),
    "PriceChanged": ("mug", 150, Decimal("0.10")),
    "SoldOut": ("mug", 3),
    "StockChanged": ("mug", 5),
    "ExchangeLimit": ("ITEM_PER_ORDER", 5, "mug"),
    "ExchangeOrderDecided": ("CANCELLED",),
    "AdjustmentAboveLimit": (200,),
    "AdjustmentUndone": ("0" * 32,),
    "MembersNotMergeable": ("MERGED",),
    "TooManyTestNotices": (20,),
    "MergeRequestNotOpen": ("EXPIRED",),
    "TooManyMergeRequests": (3, "OPEN_OF_MEMBER"),
    "ClockAhead": (NOW,),
}


def test_every_failure_has_a_code_of_its_name_and_tells_its_figures() -> None:
    kinds = [kind for kind in PointbookError.__subclasses__() if kind.__module__.startswith(f"{errors.__name__}.")]
    assert len(kinds) > len(ARGUMENTS)
    for kind in kinds:
        arguments = ARGUMENTS.get(kind.__name__, ())
        failure = kind(*arguments)
        assert getattr(errors, kind.__name__) is kind
        assert kind.code == re.sub(r"(?<=.)(?=[A-Z])", "_", kind.__name__).upper()
        assert all(str(argument) in str(failure) for argument in arguments if argument is not NOW)
        assert set(arguments) - {NOW} <= set(vars(failure).values())
