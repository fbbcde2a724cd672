"""Exchanging points for products (R30): what an order asks for, judged by the catalogue and the limits.

Points are whole, fees are minor units of the programme's currency.
"""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from pointbook.domain import currencies, errors, text
from pointbook.domain.catalogue import MAX_PIECES, MAX_PRICE, ExchangeItem, Texts
from pointbook.domain.errors import InvalidInput
from pointbook.domain.money import MAX_AMOUNT, format_scaled, scaled
from pointbook.domain.programme_settings import ProgrammeSettings

MAX_LINES: Final = 50
MAX_NOTE: Final = 1_000


class ExchangeState(enum.StrEnum):
    SUBMITTED = "SUBMITTED"
    EXCHANGED = "EXCHANGED"
    """The member has got it; the staff may take that back."""
    CANCELLED = "CANCELLED"


class Limit(enum.StrEnum):
    """What a programme or an item bounds."""

    POINTS_PER_ORDER = "POINTS_PER_ORDER"
    UNITS_PER_ORDER = "UNITS_PER_ORDER"
    ITEM_PER_ORDER = "ITEM_PER_ORDER"
    ITEM_PER_MEMBER = "ITEM_PER_MEMBER"


@dataclass(frozen=True, slots=True)
class AskedLine:
    """``quantity`` pieces of an item at the price that was shown; ``fee`` None: none was."""

    sku: str
    quantity: int
    price_points: int
    fee: int | None = None


@dataclass(frozen=True, slots=True)
class ItemOnSale:
    """An item as it stands while an order is judged; ``ordered`` pieces are in the member's other orders."""

    id: int
    item: ExchangeItem
    stock: int | None
    ordered: int


@dataclass(frozen=True, slots=True)
class OrderLine:
    """What an order keeps of an item, whatever becomes of the catalogue. Prices are of one piece."""

    item_id: int
    sku: str
    names: Texts
    quantity: int
    price_points: int
    fee: int

    @property
    def points(self) -> int:
        return self.quantity * self.price_points


def asked_line(sku: str, quantity: int, price_points: int, fee: Decimal | None, currency: str) -> AskedLine:
    """A line as the member sends it. Raises InvalidInput naming the field."""
    text.identifier("sku", sku, text.MAX_WORD)
    if not 1 <= quantity <= MAX_PIECES:
        raise InvalidInput("quantity", f"must be 1 to {MAX_PIECES}")
    if not 1 <= price_points <= MAX_PRICE:
        raise InvalidInput("pricePoints", f"must be 1 to {MAX_PRICE}")
    shown = None if fee is None else scaled("fee", fee, currencies.exponent(currency), MAX_AMOUNT)
    return AskedLine(sku, quantity, price_points, shown)


def check_lines(lines: Sequence[AskedLine]) -> None:
    """Raises InvalidInput for no line, too many, or an item that is there twice."""
    if not 1 <= len(lines) <= MAX_LINES:
        raise InvalidInput("lines", f"must be 1 to {MAX_LINES}")
    seen: set[str] = set()
    for place, line in enumerate(lines):
        if line.sku in seen:
            raise InvalidInput(f"lines[{place}].sku", "is there twice: put the pieces into one line")
        seen.add(line.sku)


def order_lines(
    asked: Sequence[AskedLine],
    on_sale: Mapping[str, ItemOnSale],
    settings: ProgrammeSettings,
    currency: str,
) -> tuple[OrderLine, ...]:
    """The lines of an order, at prices that were shown and within all limits and stocks.

    Raises NotInCatalogue, PriceChanged, BelowMinimum, ExchangeLimit and SoldOut, in this order.
    """
    lines = []
    for line in asked:
        found = on_sale.get(line.sku)
        if found is None:
            raise errors.NotInCatalogue(text.shown(line.sku))
        item = found.item
        if item.price_points != line.price_points or line.fee not in (None, item.fee):
            fee = Decimal(format_scaled(item.fee, currencies.exponent(currency)))
            raise errors.PriceChanged(item.sku, item.price_points, fee)
        lines.append(OrderLine(found.id, item.sku, item.names, line.quantity, item.price_points, item.fee))
    _check_order(lines, settings)
    for one in lines:
        _check_item(one, on_sale[one.sku])
    return tuple(lines)


def _check_order(lines: Sequence[OrderLine], settings: ProgrammeSettings) -> None:
    points, units = sum(line.points for line in lines), sum(line.quantity for line in lines)
    if points < settings.exchange_minimum_points:
        raise errors.BelowMinimum(settings.exchange_minimum_points)
    if settings.exchange_points_max is not None and points > settings.exchange_points_max:
        raise errors.ExchangeLimit(Limit.POINTS_PER_ORDER, settings.exchange_points_max)
    if settings.exchange_units_max is not None and units > settings.exchange_units_max:
        raise errors.ExchangeLimit(Limit.UNITS_PER_ORDER, settings.exchange_units_max)


def _check_item(line: OrderLine, found: ItemOnSale) -> None:
    item = found.item
    if item.max_per_order is not None and line.quantity > item.max_per_order:
        raise errors.ExchangeLimit(Limit.ITEM_PER_ORDER, item.max_per_order, item.sku)
    if item.max_per_member is not None and found.ordered + line.quantity > item.max_per_member:
        raise errors.ExchangeLimit(Limit.ITEM_PER_MEMBER, item.max_per_member, item.sku)
    if found.stock is not None and line.quantity > found.stock:
        raise errors.SoldOut(item.sku, found.stock)
