"""Events of the ledger that no use case tells, because the clock may cause them inside of any call.

Triggers on the ledger's tables promise them, in the transaction of what they tell (made by ``ledger_events`` of
the first revision). As with ``telling``, nothing is written of what nobody subscribed to.
"""

from typing import Final

LEDGER_EVENTS: Final = (
    "points.expired",
    "points.settled",
    "redemption.held",
    "redemption.extended",
    "redemption.released",
    "redemption.lapsed",
    "gift_card.held",
    "gift_card.released",
    "gift_card.lapsed",
    "gift_card.expired",
)
