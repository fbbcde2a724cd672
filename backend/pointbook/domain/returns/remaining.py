"""What remains of an order after returns, in the form in which earning rules judge orders (R25).

A line keeps its amount and gets a discount of what it does not cost any more, with all discounts and shop vouchers
of the order in it. So each line costs exactly what is left of its value, its net part falls in proportion, and
before any return it earns what it earned in the order itself.

- Quantities are what is left, and rules per unit go by them. Where only money came back they stay.
- Where only units came back for less than their share, the rest of the value stays, on a line of no units.
- Shop vouchers stay for the lines that they name, without an amount: their types exclude lines from rules.
- A line that is gone stays, without units and value, as long as something remains that belongs to it: a menu goes
  on excluding its parts.
- What gift cards that points bought have paid of the order falls in proportion to its total.
- Fees are what is left of them. When nothing remains there are no lines, and base points fall.
"""

from collections.abc import Collection

from pointbook.domain.orders import Discount, Line, OrderContent, Payment
from pointbook.domain.returns.returned import NOTHING_RETURNED, LineFigures, Ordered, Returned


def remaining(ordered: Ordered, returned: Returned) -> OrderContent:
    """What is left of an order; its total is the order's less the value returned."""
    if returned == NOTHING_RETURNED:
        return ordered.content  # whose lines may all be of no units and no value
    left = ordered.left(returned)
    if not left:
        return OrderContent(())
    kept = _with_those_above(ordered, left)
    content, figures = ordered.content, ordered.figures(returned)
    return OrderContent(
        lines=tuple(_reduced(line, left.get(line.id, LineFigures())) for line in content.lines if line.id in kept),
        shop_vouchers=tuple(
            voucher._replace(amount=0, line_ids=named)
            for voucher in content.shop_vouchers
            if (named := tuple(line_id for line_id in voucher.line_ids if line_id in kept))
        ),
        minimum_order_surcharge=ordered.due.surcharge - figures.surcharge,
        delivery_fee=ordered.due.delivery_fee - figures.delivery_fee,
        payments=tuple(
            _paid(payment, ordered.total - figures.value, ordered.total) for payment in content.payments
        ),
    )


def _paid(payment: Payment, left: int, total: int) -> Payment:
    """What a card that points bought has paid falls in proportion to what is left, half up."""
    if not payment.with_points or not total:
        return payment
    return payment._replace(amount=(2 * payment.amount * left + total) // (2 * total))


def _with_those_above(ordered: Ordered, left: Collection[str]) -> frozenset[str]:
    kept = set(left)
    for line_id in left:
        above = ordered.lines[line_id].parent_line_id
        while above is not None and above not in kept:
            kept.add(above)
            above = ordered.lines[above].parent_line_id
    return frozenset(kept)


def _reduced(line: Line, left: LineFigures) -> Line:
    gone = line.amount - left.value
    return line._replace(quantity=left.quantity, discounts=(Discount(gone),) if gone else ())
