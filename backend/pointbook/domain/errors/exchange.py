"""What points are exchanged for: the catalogue, its stock and its orders."""

from decimal import Decimal

from pointbook.domain.errors.base import PointbookError


class NotInCatalogue(PointbookError):
    """Nothing with this SKU is on sale: unknown or inactive, one answer for both."""

    code = "NOT_IN_CATALOGUE"

    def __init__(self, sku: str) -> None:
        super().__init__(f"{sku!r} is not in the catalogue.")
        self.sku = sku


class PriceChanged(PointbookError):
    """It costs another price by now: so many points, and for an exchange item a fee for each piece.

    Or it is a gift card of another face value. Both are decimals in the main unit.
    """

    code = "PRICE_CHANGED"

    def __init__(
        self, sku: str, price_points: int, fee: Decimal | None = None, face_value: Decimal | None = None
    ) -> None:
        money = "" if fee is None else f" and a fee of {fee}"
        worth = "" if face_value is None else f" and is good for {face_value}"
        super().__init__(f"{sku!r} costs {price_points} points{money}{worth} by now.")
        self.face_value = face_value
        self.sku = sku
        self.price_points = price_points
        self.fee = fee


class SoldOut(PointbookError):
    """``left``: how many there are."""

    code = "SOLD_OUT"

    def __init__(self, sku: str, left: int) -> None:
        super().__init__(f"There are {left} left of {sku!r}.")
        self.sku = sku
        self.left = left


class StockChanged(PointbookError):
    """Somebody changed the stock meanwhile. ``stock`` None: the item is not counted."""

    code = "STOCK_CHANGED"

    def __init__(self, sku: str, stock: int | None) -> None:
        found = "is not counted" if stock is None else f"has a stock of {stock}"
        super().__init__(f"{sku!r} {found} by now.")
        self.sku = sku
        self.stock = stock


class ExchangeLimit(PointbookError):
    """More than the programme exchanges at once, or than an item (then ``item`` is its SKU) allows."""

    code = "EXCHANGE_LIMIT"

    def __init__(self, limit: str, maximum: int, item: str | None = None) -> None:
        of_what = "" if item is None else f" of {item!r}"
        super().__init__(f"At most {maximum}{of_what} can be exchanged ({limit}).")
        self.limit = limit
        self.maximum = maximum
        self.item = item


class ExchangeOrderNotFound(PointbookError):
    code = "EXCHANGE_ORDER_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("There is no such exchange order.")


class ExchangeOrderDecided(PointbookError):
    """``state`` is EXCHANGED, so it is not cancelled, or CANCELLED, so it is not exchanged."""

    code = "EXCHANGE_ORDER_DECIDED"

    def __init__(self, state: str) -> None:
        super().__init__(f"This exchange order is {state}.")
        self.state = state
