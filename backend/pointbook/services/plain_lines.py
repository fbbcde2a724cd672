"""The short way for the lines of an imported order: straight from the document to the stored form and two sums.

Nearly all lines that tills and shops send say what was bought, how many, for how much and with which discount. As
long as points come from the sum of an order alone, nothing else is needed of them, and an import spends most of
its time on lines: this takes half the time of reading, weighing and writing each. Where rules look at lines, they
are made of what was read. Whatever is not plain, or not right, is left to the domain, which reads everything and
names what it refuses. Both ways give the same bytes.
"""

from collections.abc import Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final, NamedTuple

import orjson

from pointbook.domain.errors import InvalidInput
from pointbook.domain.money import MAX_AMOUNT, scaled
from pointbook.domain.orders import Discount, Line, OrderContent
from pointbook.domain.orders.reading import (
    MAX_LINES,
    MAX_PARTS,
    MAX_QUANTITY,
    QUANTITY_PLACES,
    UNIT_PRICE_PLACES,
)
from pointbook.domain.text import MAX_IDENTIFIER

_KEYS: Final = frozenset({"id", "articleId", "quantity", "amount", "unitPrice", "productGroupIds", "discounts"})
_TEXTS: Final = {str}
_id_of: Final = itemgetter("id")


class PlainLines(NamedTuple):
    """``text`` is the stored form of a content of these lines; sums in minor units."""

    text: str
    goods: int
    reductions: int
    lines: list[dict[str, Any]]
    """As ``text`` has them."""

    def content(self) -> OrderContent:
        """What ``text`` is the stored form of."""
        return OrderContent.from_stored({"lines": self.lines})

    def summary(self) -> OrderContent:
        """A content of the same total and the same points."""
        return OrderContent((Line("", "", 0, self.goods),), (Discount(self.reductions),))


def plain_lines(raw: object, places: int) -> PlainLines | None:
    """The lines of an order document, if all of them are plain and right; else None, whatever the reason."""
    if type(raw) is not list or not 0 < len(raw) <= MAX_LINES:
        return None
    try:
        if not _KEYS.issuperset(set().union(*raw)):
            return None
        ids = [line["id"] for line in raw]
        if not _are_identifiers([line["articleId"] for line in raw] + ids) or len(set(ids)) < len(ids):
            return None
        lines, goods, reductions = [], 0, 0
        for line in raw:
            get = line.get
            goods += (amount := _amount(line["amount"], places))
            quantity = _quantity(line["quantity"])
            stored = {"id": line["id"], "article_id": line["articleId"], "quantity": quantity, "amount": amount}
            if (price := get("unitPrice")) is not None:
                stored["unit_price"] = _unit_price(price, places)
            if (groups := get("productGroupIds")) is not None and (texts := _groups(groups)):
                stored["product_group_ids"] = texts
            if (discounts := get("discounts")) is not None and (amounts := _discounts(discounts, places)):
                reductions += sum(amounts)
                stored["discounts"] = [{"amount": taken} if taken else {} for taken in amounts]
            lines.append(stored)
    except (InvalidInput, TypeError, KeyError, AttributeError):
        return None
    lines.sort(key=_id_of)
    text = orjson.dumps({"lines": lines})
    if not text.isascii() or goods > MAX_AMOUNT:
        return None
    return PlainLines(text.decode(), goods, reductions, lines)


def _are_identifiers(texts: Sequence[Any]) -> bool:
    """Whether ``text.identifier`` would take every one of them without a closer look."""
    return (
        set(map(type, texts)) == _TEXTS
        and max(map(len, texts)) <= MAX_IDENTIFIER
        and "".join(texts).isprintable()
        and all(map(str.strip, texts))
    )


@lru_cache(maxsize=4_096, typed=True)
def _quantity(value: object) -> int:
    return scaled("quantity", value, QUANTITY_PLACES, MAX_QUANTITY)


@lru_cache(maxsize=32_768, typed=True)
def _amount(value: object, places: int) -> int:
    return scaled("amount", value, places, MAX_AMOUNT)


@lru_cache(maxsize=32_768, typed=True)
def _unit_price(value: object, places: int) -> int:
    return scaled("unitPrice", value, places + UNIT_PRICE_PLACES, MAX_AMOUNT * 10**UNIT_PRICE_PLACES)


def _groups(groups: object) -> list[str]:
    if type(groups) is not list or len(groups) > MAX_PARTS:
        raise TypeError
    return _distinct(tuple(groups)) if groups else groups


@lru_cache(maxsize=2_048)
def _distinct(texts: tuple[Any, ...]) -> list[str]:
    """Each once, in order. The groups of an article come with every line it is on."""
    if not _are_identifiers(texts):
        raise TypeError
    return sorted(set(texts))


def _discounts(parts: object, places: int) -> list[int]:
    if type(parts) is not list or len(parts) > MAX_PARTS:
        raise TypeError
    amounts = [_amount(part["amount"], places) for part in parts if len(part) == 1]
    if len(amounts) < len(parts):
        raise TypeError
    return sorted(amounts) if len(amounts) > 1 else amounts
