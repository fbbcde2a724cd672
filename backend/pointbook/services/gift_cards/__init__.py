"""Gift cards: bought with points (``buying``), looked at by whoever has the code (``looking``), used at the shop's
till (``using``), voided by the staff (``voiding``). ``services/notices`` sends the code by mail.
"""

from pointbook.db.queries.gift_cards import BoughtFilter
from pointbook.services.gift_cards.buying import (
    GIFT_CARD_BOUGHT,
    GIFT_CARD_DELIVERY,
    BoughtCard,
    BuyGiftCard,
    Recipient,
    bought_inside,
    buy,
    find_bought,
    list_bought,
)
from pointbook.services.gift_cards.cards import CardEntry, GiftCard, history
from pointbook.services.gift_cards.looking import CardPage, balance, card_page, facts_of, page_path
from pointbook.services.gift_cards.recognising import recognised
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
    "GIFT_CARD_BOUGHT",
    "GIFT_CARD_DELIVERY",
    "GIFT_CARD_REFUNDED",
    "GIFT_CARD_USED",
    "GIFT_CARD_VOIDED",
    "BoughtCard",
    "BoughtFilter",
    "BuyGiftCard",
    "CardEntry",
    "CardHold",
    "CardPage",
    "GiftCard",
    "HoldCard",
    "Paid",
    "PaidKind",
    "Recipient",
    "RefundCard",
    "ReleaseCard",
    "UseCard",
    "Used",
    "balance",
    "bought_inside",
    "buy",
    "card_page",
    "facts_of",
    "find_bought",
    "gift_card",
    "history",
    "hold",
    "list_bought",
    "page_path",
    "recognised",
    "refund",
    "release",
    "use",
    "void",
]
