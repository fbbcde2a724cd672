"""The money that points come from (R11): minor units, exact, at least 0.

- Points pay goods first, then the surcharge, then the delivery fee. What gift cards that points bought have paid
  counts like points redeemed; any other gift card is money.
- A line that does not earn bears its share of discounts and of the points redeemed, and what is left of it does
  not count.
- On a net basis a line counts with the net part of what is left of it; a line of which the shop says neither net
  nor tax counts as untaxed, and fees count as they are.
"""

from fractions import Fraction
from typing import NamedTuple

from pointbook.domain.discounts import Due, after_discounts
from pointbook.domain.orders import Line, OrderContent


class BasisKind(NamedTuple):
    """What belongs to a basis."""

    net: bool
    surcharge: bool
    delivery_fee: bool
    inclusive_of_redeemed_value: bool = False


def basis(content: OrderContent, kind: BasisKind, redeemed_value: int) -> int | Fraction:
    """Goods less discounts, shop vouchers and what points paid, with the fees that belong to it."""
    redeemed = 0 if kind.inclusive_of_redeemed_value else redeemed_value + content.paid_by_gift_cards
    if not kind.net and all(line.earns for line in content.lines):
        # Which line bears what makes no difference: the lines may count as one.
        reductions = content.reductions
        if not (kind.surcharge or kind.delivery_fee):
            return max(0, content.goods - reductions - redeemed)
        whole = Due([content.goods], content.minimum_order_surcharge, content.delivery_fee)
        due = whole.less(reductions).less(redeemed)
        goods: int | Fraction = due.lines[0]
    else:
        due = after_discounts(content).less(redeemed)
        counted = zip(content.lines, due.lines, strict=True)
        goods = sum((_counting(line, left, net=kind.net) for line, left in counted if line.earns), start=0)
    return goods + due.surcharge * kind.surcharge + due.delivery_fee * kind.delivery_fee


def _counting(line: Line, left: int, *, net: bool) -> int | Fraction:
    """The part of what is left of a line that points come from."""
    if not net or line.net is None or not left:
        return left
    return Fraction(line.net * left, line.amount)
