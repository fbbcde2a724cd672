"""Gift cards: looking at them, paying with them, voiding them."""

from pointbook.domain.errors.base import PointbookError


class GiftCardNotUsable(PointbookError):
    """Unknown or another programme's; to the public also a card of which nothing is left: one answer for all."""

    code = "GIFT_CARD_NOT_USABLE"

    def __init__(self) -> None:
        super().__init__("This gift card cannot be used.")


class GiftCardEnded(PointbookError):
    """``state`` is EXPIRED or VOID."""

    code = "GIFT_CARD_ENDED"

    def __init__(self, state: str) -> None:
        super().__init__(f"This gift card has ended ({state}).")
        self.state = state


class GiftCardOverdrawn(PointbookError):
    """So many minor units are available: on the card, or in the hold that was named."""

    code = "GIFT_CARD_OVERDRAWN"

    def __init__(self, available_minor: int) -> None:
        super().__init__(f"Only {available_minor} minor units are left on the gift card.")
        self.available_minor = available_minor


class GiftCardInUse(PointbookError):
    code = "GIFT_CARD_IN_USE"

    def __init__(self) -> None:
        super().__init__("Only an unused gift card can be voided: some of this one is used, set aside or expired.")


class RefundExceedsUse(PointbookError):
    """More is to be refunded onto a card than it paid; so many minor units are left of that."""

    code = "REFUND_EXCEEDS_USE"

    def __init__(self, refundable_minor: int) -> None:
        super().__init__(f"Only {refundable_minor} minor units can still be refunded onto the gift card.")
        self.refundable_minor = refundable_minor


class TooManyGuesses(PointbookError):
    """Too many codes that nobody has; after so many seconds one may try again."""

    code = "TOO_MANY_GUESSES"

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"Too many wrong codes were tried; try again in {retry_after} seconds.")
        self.retry_after = retry_after
