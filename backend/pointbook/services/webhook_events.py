"""Of which events others may be told. Each is a topic of the outbox; its payload is told as it stands there.

Not among them is what is a job and no event: the delivery of a gift card.
"""

from typing import Final

from pointbook.services.adjusting import POINTS_ADJUSTED
from pointbook.services.exchange_deciding import EXCHANGE_CHANGED
from pointbook.services.exchange_placing import EXCHANGE_PLACED
from pointbook.services.gift_cards import GIFT_CARD_BOUGHT, GIFT_CARD_REFUNDED, GIFT_CARD_USED, GIFT_CARD_VOIDED
from pointbook.services.granting import POINTS_CREDITED
from pointbook.services.joining import MEMBER_JOINED
from pointbook.services.leaving import MEMBER_LEFT
from pointbook.services.merging import MERGE_MERGED, MERGE_REJECTED, MERGE_REQUESTED, MERGE_VERIFIED
from pointbook.services.redemption import REDEMPTION_CAPTURED
from pointbook.services.returns import POINTS_RETURNED
from pointbook.services.warnings import STAFF_WARNED

EVENTS: Final = (
    POINTS_CREDITED,
    POINTS_RETURNED,
    POINTS_ADJUSTED,
    REDEMPTION_CAPTURED,
    MEMBER_JOINED,
    MEMBER_LEFT,
    STAFF_WARNED,
    GIFT_CARD_BOUGHT,
    GIFT_CARD_USED,
    GIFT_CARD_REFUNDED,
    GIFT_CARD_VOIDED,
    EXCHANGE_PLACED,
    EXCHANGE_CHANGED,
    MERGE_REQUESTED,
    MERGE_VERIFIED,
    MERGE_MERGED,
    MERGE_REJECTED,
)
