"""Who bears what: discounts, shop vouchers and points, divided over the lines and fees of an order.

All amounts are minor units. A division is in proportion to what of each line is still to be paid, by largest
remainder, so that shares sum to exactly what is divided and no line falls below zero.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pointbook.domain.money import spread
from pointbook.domain.orders import OrderContent


class Due(NamedTuple):
    """What is still to be paid: each line (in the content's order), then the surcharge, then the delivery fee."""

    lines: Sequence[int]
    surcharge: int
    delivery_fee: int

    def less(self, amount: int) -> "Due":
        """Take ``amount`` off: goods first, then the surcharge, then the delivery fee; what is beyond is lost."""
        goods = min(amount, sum(self.lines))
        surcharge = min(amount - goods, self.surcharge)
        delivery_fee = min(amount - goods - surcharge, self.delivery_fee)
        lines = [due - share for due, share in zip(self.lines, spread(goods, self.lines), strict=True)]
        return Due(lines, self.surcharge - surcharge, self.delivery_fee - delivery_fee)


def after_discounts(content: OrderContent) -> Due:
    """What every line and fee still costs after all discounts and shop vouchers.

    A discount of a line or of named lines is borne by them alone. What they cannot bear, and what is off the whole
    order, is divided over all lines; beyond the goods it lowers the surcharge, then the delivery fee.
    """
    due = [line.amount for line in content.lines]
    place = {line.id: i for i, line in enumerate(content.lines)}
    left = 0
    for i, line in enumerate(content.lines):
        left += _bear(due, [i], sum(discount.amount for discount in line.discounts))
    for discount in content.discounts + content.shop_vouchers:
        left += _bear(due, [place[line_id] for line_id in discount.line_ids], discount.amount)
    return Due(due, content.minimum_order_surcharge, content.delivery_fee).less(left)


def _bear(due: list[int], bearers: Iterable[int], amount: int) -> int:
    """Let the lines at ``bearers`` bear ``amount``; returns what they cannot."""
    chosen = list(bearers)
    bearable = min(amount, sum(due[i] for i in chosen))
    for i, share in zip(chosen, spread(bearable, [due[i] for i in chosen]), strict=True):
        due[i] -= share
    return amount - bearable
