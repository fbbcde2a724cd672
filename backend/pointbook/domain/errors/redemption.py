"""Paying with points: quotes, holds and vouchers."""

from pointbook.domain.errors.base import PointbookError


class InsufficientPoints(PointbookError):
    """``requested`` and ``available`` are whole points."""

    code = "INSUFFICIENT_POINTS"

    def __init__(self, requested: int, available: int) -> None:
        super().__init__(f"{requested} points were asked for, {available} are available.")
        self.requested = requested
        self.available = available


class BelowMinimum(PointbookError):
    """Fewer points than the programme redeems, or points worth less than one minor unit."""

    code = "BELOW_MINIMUM"

    def __init__(self, minimum_points: int) -> None:
        least = f"At least {minimum_points} points must be redeemed, and be worth something."
        super().__init__(least if minimum_points else "The points that can be redeemed are worth nothing.")
        self.minimum_points = minimum_points


class ExceedsCart(PointbookError):
    """The points asked for are worth more than may be paid with points."""

    code = "EXCEEDS_CART"

    def __init__(self, maximum_points: int) -> None:
        super().__init__(f"At most {maximum_points} points can be used for this cart.")
        self.maximum_points = maximum_points


class CheckoutHasVoucher(PointbookError):
    code = "CHECKOUT_HAS_VOUCHER"

    def __init__(self) -> None:
        super().__init__("The cart already carries a voucher.")


class RedemptionNotFound(PointbookError):
    code = "REDEMPTION_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("There is no such redemption.")


class RedemptionEnded(PointbookError):
    """``state`` is CAPTURED, RELEASED or LAPSED."""

    code = "REDEMPTION_ENDED"

    def __init__(self, state: str) -> None:
        super().__init__(f"This redemption has ended ({state}).")
        self.state = state


class ExtensionsExhausted(PointbookError):
    code = "EXTENSIONS_EXHAUSTED"

    def __init__(self, maximum: int) -> None:
        super().__init__(f"A redemption can be extended {maximum} times.")
        self.maximum = maximum


class VoucherNotUsable(PointbookError):
    """Unknown, used, released, lapsed or another programme's: one answer for all of them."""

    code = "VOUCHER_NOT_USABLE"

    def __init__(self) -> None:
        super().__init__("This voucher code cannot be used.")
