"""What documents return of an order: units, and which part of what each line and fee costs (R23).

A line's value is what is left of its amount after all discounts and shop vouchers. Documents speak of quantities
and of amounts before discounts; both are parts of the line. Parts are exact, are added up over documents and only
then made minor units, half up: so no odd cent is lost, whatever the documents and in whichever order they came.

- A quantity without an amount returns its share of the line, or what is left if amounts have taken some of that.
- An amount never exceeds what is left, a quantity neither: ReturnExceedsOrder.
- A line that costs nothing and belongs to another one (part of a menu, free topping) goes with it, unit by unit.
- Fees are returned when they are named, or when nothing of the lines remains.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Final, NamedTuple

from pointbook.domain import currencies
from pointbook.domain.discounts import Due, after_discounts
from pointbook.domain.errors import InvalidInput, ReturnExceedsOrder
from pointbook.domain.money import Rounding, format_scaled
from pointbook.domain.orders import Line, OrderContent
from pointbook.domain.orders.reading import QUANTITY_PLACES
from pointbook.domain.returns.document import ReturnContent, ReturnedLine
from pointbook.domain.text import shown
from pointbook.domain.values import plain

_WHOLE: Final = Fraction(1)
_NO_PART: Final = Fraction(0)


class Share(NamedTuple):
    """What came back of a line: units in thousandths, and the part of its value, 0 to 1."""

    quantity: int = 0
    part: Fraction = _NO_PART


_NO_SHARE: Final = Share()


@dataclass(frozen=True)
class Returned:
    """What one or several documents return of an order. Exact, so that it may be added in any order."""

    lines: Mapping[str, Share] = field(default_factory=dict)
    """By the order's line ids; those of which nothing is returned may be missing."""
    surcharge: Fraction = _NO_PART
    """The part of the minimum-order surcharge."""
    delivery_fee: Fraction = _NO_PART

    def __add__(self, other: "Returned") -> "Returned":
        lines = dict(self.lines)
        for line_id, share in other.lines.items():
            before = lines.get(line_id, _NO_SHARE)
            lines[line_id] = Share(before.quantity + share.quantity, before.part + share.part)
        return Returned(lines, self.surcharge + other.surcharge, self.delivery_fee + other.delivery_fee)

    def of(self, line_id: str) -> Share:
        return self.lines.get(line_id, _NO_SHARE)


NOTHING_RETURNED: Final = Returned()


class LineFigures(NamedTuple):
    """``quantity`` in thousandths, ``value`` in minor units after all discounts."""

    quantity: int = 0
    value: int = 0


class Figures(NamedTuple):
    """What is returned, in units and minor units after discounts."""

    lines: Mapping[str, LineFigures]
    surcharge: int
    delivery_fee: int

    @property
    def value(self) -> int:
        """All of it: R of R24, when these are the figures of all documents."""
        return sum(line.value for line in self.lines.values()) + self.surcharge + self.delivery_fee

    def less(self, before: "Figures") -> "Figures":
        """What came since: of one document, when ``before`` has all figures but its own."""
        return Figures(
            {
                line_id: LineFigures(now.quantity - then.quantity, now.value - then.value)
                for line_id, now in self.lines.items()
                if now != (then := before.lines.get(line_id, LineFigures()))
            },
            self.surcharge - before.surcharge,
            self.delivery_fee - before.delivery_fee,
        )


@dataclass(frozen=True)
class Ordered:
    """An order as returns see it; ``currency`` is for what people are told."""

    content: OrderContent
    currency: str

    @cached_property
    def due(self) -> Due:
        """What every line and fee costs after discounts; together the order's total."""
        return after_discounts(self.content)

    @cached_property
    def lines(self) -> Mapping[str, Line]:
        return {line.id: line for line in self.content.lines}

    @cached_property
    def values(self) -> Mapping[str, int]:
        """What every line costs after discounts, by its id."""
        return {line.id: value for line, value in zip(self.content.lines, self.due.lines, strict=True)}

    @property
    def total(self) -> int:
        """T of R24."""
        return self.content.total

    def figures(self, returned: Returned) -> Figures:
        """What is returned, in units and money. Never more with less, and all of it is the order's total."""
        return Figures(
            {
                line_id: LineFigures(share.quantity, _of(self.values[line_id], share.part))
                for line_id, share in returned.lines.items()
            },
            _of(self.due.surcharge, returned.surcharge),
            _of(self.due.delivery_fee, returned.delivery_fee),
        )

    def left(self, returned: Returned) -> dict[str, LineFigures]:
        """What remains of every line of which anything does."""
        units: dict[str, int] = {}
        left = {}
        for line in self.content.lines:
            share = returned.of(line.id)
            value = self.values[line.id]
            remains = LineFigures(self._units_left(line, returned, units), value - _of(value, share.part))
            if remains != LineFigures():
                left[line.id] = remains
        return left

    def taken(self, before: Returned, content: ReturnContent) -> Returned:
        """What a document returns, after ``before`` by all documents that had their effect earlier.

        Raises InvalidInput (a line that the order does not have) and ReturnExceedsOrder.
        """
        if content.everything:
            return self._rest(before)
        taken = Returned(
            {line.id: self._share(line, before) for line in content.lines},
            self._fee("minimumOrderSurcharge", content.minimum_order_surcharge, before.surcharge),
            self._fee("deliveryFee", content.delivery_fee, before.delivery_fee),
        )
        if self.left(before + taken):
            return taken
        return Returned(taken.lines, _WHOLE - before.surcharge, _WHOLE - before.delivery_fee)

    def walked(self, contents: Iterable[ReturnContent]) -> list[Returned]:
        """What each of several documents returned, in the order in which they had their effect.

        Raises as ``taken``.
        """
        so_far, each = NOTHING_RETURNED, []
        for content in contents:
            each.append(self.taken(so_far, content))
            so_far += each[-1]
        return each

    def _rest(self, before: Returned) -> Returned:
        lines = {line.id: _rest_of(line, before.of(line.id)) for line in self.content.lines}
        return Returned(lines, _WHOLE - before.surcharge, _WHOLE - before.delivery_fee)

    def _share(self, asked: ReturnedLine, before: Returned) -> Share:
        line = self.lines.get(asked.id)
        if line is None:
            raise InvalidInput("lines", f"{shown(asked.id)} is not the id of a line of the order")
        share = before.of(line.id)
        if asked.quantity is None and asked.amount is None:
            return _rest_of(line, share)
        quantity = asked.quantity or 0
        if share.quantity + quantity > line.quantity:
            figures = (_quantity(each) for each in (line.quantity, share.quantity, quantity))
            raise ReturnExceedsOrder(line.id, "quantity", *figures)
        if asked.amount is None:
            return Share(quantity, min(Fraction(quantity, line.quantity), _WHOLE - share.part))
        return Share(quantity, self._part(line.id, asked.amount, line.amount, share.part))

    def _fee(self, name: str, asked: int, before: Fraction) -> Fraction:
        content = self.content
        fee = content.delivery_fee if name == "deliveryFee" else content.minimum_order_surcharge
        return self._part(name, asked, fee, before)

    def _part(self, name: str, asked: int, ordered: int, before: Fraction) -> Fraction:
        """Which part of an amount ``asked`` is, unless it is more than is left.

        What is left may be a fraction of a minor unit less than the shop makes of it: that is no reason to refuse.
        """
        if not asked:
            return _NO_PART
        returned = Rounding.FLOOR.ratio(ordered * before.numerator, before.denominator)
        if asked > ordered - returned:
            places = currencies.exponent(self.currency)
            figures = (format_scaled(each, places) for each in (ordered, returned, asked))
            raise ReturnExceedsOrder(name, "amount", *figures)
        return min(Fraction(asked, ordered), _WHOLE - before)

    def _units_left(self, line: Line, returned: Returned, known: dict[str, int]) -> int:
        """Thousandths; what costs nothing is bounded by what is left of the line it belongs to."""
        if line.id not in known:
            left = line.quantity - returned.of(line.id).quantity
            parent = None if line.parent_line_id is None else self.lines[line.parent_line_id]
            if parent is not None and parent.quantity and not self.values[line.id]:
                of_parent = self._units_left(parent, returned, known)
                left = min(left, -(-line.quantity * of_parent // parent.quantity))
            known[line.id] = left
        return known[line.id]


def _rest_of(line: Line, before: Share) -> Share:
    return Share(line.quantity - before.quantity, _WHOLE - before.part)


def _of(value: int, part: Fraction) -> int:
    """A part of a value, in minor units."""
    return Rounding.HALF_UP.ratio(value * part.numerator, part.denominator)


def _quantity(thousandths: int) -> str:
    return f"{plain(Decimal(thousandths).scaleb(-QUANTITY_PLACES)):f}"
