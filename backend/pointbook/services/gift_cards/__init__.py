"""Gift cards bought with points: at the shop's till (``using``), and for the staff (``voiding``)."""

from pointbook.services.gift_cards.cards import CardEntry, GiftCard, history
from pointbook.services.gift_cards.using import (
    GIFT_CARD_REFUNDED,
    GIFT_CARD_USED,
    CardHold,
    HoldCard,
    Paid,
    PaidKind,
    RefundCard,
    ReleaseCard,
    UseCard,
    Used,
    gift_card,
    hold,
    refund,
    release,
    use,
)
from pointbook.services.gift_cards.voiding import GIFT_CARD_VOIDED, void

__all__ = [
    "GIFT_CARD_REFUNDED",
    "GIFT_CARD_USED",
    "GIFT_CARD_VOIDED",
    "CardEntry",
    "CardHold",
    "GiftCard",
    "HoldCard",
    "Paid",
    "PaidKind",
    "RefundCard",
    "ReleaseCard",
    "UseCard",
    "Used",
    "gift_card",
    "history",
    "hold",
    "refund",
    "release",
    "use",
    "void",
]
