"""Of which events others may be told. Each is a topic of the outbox; its payload is told as it stands there.

What happens to members, points, redemptions, cards, orders, bookings, exchanges and merges is told, once. Not told
are jobs (the delivery of a gift card), what staff change of the programme itself (settings, rules, catalogues,
stock, keys, its state: the audit has that), what is only read from the clock (points become available when
``points.credited`` says so, a merge request expires), what a merge brings over (``merge.merged`` alone tells of
it), and what is imported: it happened elsewhere. The ledger's own events are told whatever causes them, an import
or a merge too.
"""

from typing import Final

from pointbook.services.adjusting import POINTS_ADJUSTED
from pointbook.services.booking_settling import BOOKING_CHANGED
from pointbook.services.exchange_deciding import EXCHANGE_CHANGED
from pointbook.services.exchange_placing import EXCHANGE_PLACED
from pointbook.services.gift_cards import GIFT_CARD_BOUGHT, GIFT_CARD_REFUNDED, GIFT_CARD_USED, GIFT_CARD_VOIDED
from pointbook.services.granting import POINTS_CREDITED
from pointbook.services.joining import MEMBER_JOINED
from pointbook.services.leaving import MEMBER_LEFT
from pointbook.services.ledger_events import LEDGER_EVENTS
from pointbook.services.members import MEMBER_CHANGED
from pointbook.services.merging import (
    MERGE_CANCELLED,
    MERGE_MERGED,
    MERGE_REJECTED,
    MERGE_REQUESTED,
    MERGE_VERIFIED,
)
from pointbook.services.order_renewing import ORDER_RENEWED
from pointbook.services.order_settling import ORDER_EARNED, ORDER_RECEIVED
from pointbook.services.redemption import REDEMPTION_CAPTURED
from pointbook.services.returns import (
    ORDER_CANCELLED,
    ORDER_RETURNED,
    POINTS_RETURNED,
    RETURN_PARKED,
    RETURN_REFUSED,
)
from pointbook.services.warnings import STAFF_WARNED

EVENTS: Final = (
    POINTS_CREDITED,
    POINTS_RETURNED,
    POINTS_ADJUSTED,
    REDEMPTION_CAPTURED,
    *LEDGER_EVENTS,
    MEMBER_JOINED,
    MEMBER_CHANGED,
    MEMBER_LEFT,
    STAFF_WARNED,
    GIFT_CARD_BOUGHT,
    GIFT_CARD_USED,
    GIFT_CARD_REFUNDED,
    GIFT_CARD_VOIDED,
    ORDER_RECEIVED,
    ORDER_EARNED,
    ORDER_RETURNED,
    ORDER_CANCELLED,
    ORDER_RENEWED,
    RETURN_PARKED,
    RETURN_REFUSED,
    BOOKING_CHANGED,
    EXCHANGE_PLACED,
    EXCHANGE_CHANGED,
    MERGE_REQUESTED,
    MERGE_VERIFIED,
    MERGE_MERGED,
    MERGE_REJECTED,
    MERGE_CANCELLED,
)
