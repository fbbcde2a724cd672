"""The lines of an order and what is taken off them, and the compact form in which they are kept: columns.

A column holds one field of all lines, null for a line that has its default; a column of nothing but defaults is
left out, so that a field of a later version changes no fingerprint. Columns take little more than half of what an
object a line would, and an import, which does little else with most of its lines, makes them field by field.
"""

import enum
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple


class LineKind(enum.StrEnum):
    ITEM = "ITEM"
    MENU = "MENU"
    TOPPING = "TOPPING"


class Discount(NamedTuple):
    """Money taken off, once; ``line_ids`` empty: off the whole order."""

    amount: int
    line_ids: tuple[str, ...] = ()
    code: str | None = None
    type: str | None = None
    """The shop's type of a shop voucher."""


class Line(NamedTuple):
    """A line of an order; ids are the shop's.

    ``amount`` is authoritative: quantity times unit price need not give it, and a line of quantity 0 counts by it.
    It stands *before* the line's own ``discounts``, as the goods of an order stand before the order's.
    """

    id: str
    article_id: str
    quantity: int
    """Thousandths of a unit."""
    amount: int
    """Gross, minor units."""
    net: int | None = None
    """The part of ``amount`` that is no tax; None: the shop did not say."""
    unit_price: int | None = None
    """Ten-thousandths of a minor unit."""
    variation_id: str | None = None
    product_group_ids: tuple[str, ...] = ()
    parent_line_id: str | None = None
    kind: LineKind = LineKind.ITEM
    topping_group_id: str | None = None
    discounts: tuple[Discount, ...] = ()
    earns: bool = True


_DEFAULTS: Final[Mapping[str, Any]] = Line._field_defaults


def columns_of(lines: Sequence[Line]) -> dict[str, list[Any]]:
    """What is kept of lines."""
    columns: dict[str, list[Any]] = {}
    for place, name in enumerate(Line._fields):
        values = [line[place] for line in lines]
        if name not in _DEFAULTS:
            columns[name] = values
        elif any(value != _DEFAULTS[name] for value in values):
            columns[name] = [None if value == _DEFAULTS[name] else value for value in values]
    if "discounts" in columns:
        columns["discounts"] = [parts and discounts_to_store(parts) for parts in columns["discounts"]]
    return columns


def lines_of(columns: Mapping[str, Sequence[Any]]) -> tuple[Line, ...]:
    """The lines of what is kept of them."""
    names, rows = tuple(columns), zip(*columns.values(), strict=True)
    return tuple([_line_of(dict(zip(names, values, strict=True))) for values in rows])


def _line_of(kept: dict[str, Any]) -> Line:
    fields = {name: value for name, value in kept.items() if value is not None}
    if "product_group_ids" in fields:
        fields["product_group_ids"] = tuple(fields["product_group_ids"])
    if "kind" in fields:
        fields["kind"] = LineKind(fields["kind"])
    if "discounts" in fields:
        fields["discounts"] = stored_discounts(fields["discounts"])
    return Line(**fields)


def discounts_to_store(discounts: Iterable[Discount]) -> list[Any]:
    """What is kept of discounts: the amount alone of those that have nothing else."""
    return [
        {name: value for name, value in discount._asdict().items() if value}
        if any(discount[1:])
        else discount.amount
        for discount in discounts
    ]


def stored_discounts(kept: Iterable[Any]) -> tuple[Discount, ...]:
    """The discounts of what is kept of them."""
    return tuple([Discount(part) if isinstance(part, int) else _discount_of(part) for part in kept])


def _discount_of(kept: Mapping[str, Any]) -> Discount:
    line_ids = tuple(kept.get("line_ids", ()))
    return Discount(kept.get("amount", 0), line_ids, kept.get("code"), kept.get("type"))
