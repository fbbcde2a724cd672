"""Returns: the documents that take an order back (``parse_return``) and what follows from them (R23 to R28).

What a document returns is reckoned after all documents that had their effect before: ``Ordered.taken`` says it
exactly, ``Ordered.figures`` in units and money, ``remaining`` as the order that is left to judge again,
``given_back`` as money and points. What one document gives or takes is always the difference of two such states.

Whether it is more than was ordered is asked over all documents. Where a programme lets types of documents reverse
less, points earned go by the sum of the documents that reverse earning, and what is given back by the sum of those
that reverse redemption.
"""

from pointbook.domain.return_types import ReturnType, TypeEffect
from pointbook.domain.returns.document import ReturnContent, ReturnDocument, ReturnedLine, StoredReturn
from pointbook.domain.returns.effects import grace_end, to_reverse
from pointbook.domain.returns.reading import parse_return
from pointbook.domain.returns.remaining import remaining
from pointbook.domain.returns.returned import (
    NOTHING_RETURNED,
    Figures,
    LineFigures,
    Ordered,
    Returned,
    Share,
)
from pointbook.domain.returns.splitting import (
    NOTHING_GIVEN_BACK,
    CapturedPart,
    GivenBack,
    Paid,
    given_back,
    giving_order,
    redeemed_left,
)

__all__ = [
    "NOTHING_GIVEN_BACK",
    "NOTHING_RETURNED",
    "CapturedPart",
    "Figures",
    "GivenBack",
    "LineFigures",
    "Ordered",
    "Paid",
    "ReturnContent",
    "ReturnDocument",
    "ReturnType",
    "Returned",
    "ReturnedLine",
    "Share",
    "StoredReturn",
    "TypeEffect",
    "given_back",
    "giving_order",
    "grace_end",
    "parse_return",
    "redeemed_left",
    "remaining",
    "to_reverse",
]
