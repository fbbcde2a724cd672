"""Who looks at which shop: what a browser's cookies say, and the forms that change it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from pointbook.demo.shops import NEWCOMER, Shop
from pointbook.demo.words import WORDS
from pointbook.domain import text
from pointbook.domain.errors import InvalidInput
from pointbook.services.directory import ProgrammeSnapshot

THEMES: Final = ("auto", "light", "dark")
CART: Final = "cart"
_MOST: Final = 99
_DIGITS: Final = 4


@dataclass(frozen=True, slots=True)
class Visitor:
    """``customer`` None: a guest. ``cart``: how many of each of the shop's articles."""

    shop: Shop
    customer: str | None
    lang: str
    theme: str
    cart: dict[str, int]

    @property
    def words(self) -> Mapping[str, str]:
        return WORDS[self.lang]

    def with_in_cart(self, sku: str, quantity: str) -> dict[str, int]:
        """The cart with so many of an article; 0 takes it out, and what is no number is one."""
        changed = {**self.cart, sku: _number(quantity, 1)}
        return {sku: number for sku, number in changed.items() if number and sku in _skus(self.shop)}


@dataclass(frozen=True, slots=True)
class Visit:
    """A visitor in a shop with its programme. ``now`` is the time of that, ``key`` the publishable one."""

    visitor: Visitor
    programme: ProgrammeSnapshot
    key: str
    now: datetime

    @property
    def whose(self) -> tuple[str, str]:
        """The customer of the shop. A programme in another database has another key."""
        return self.key, self.visitor.customer or ""


def visitor_of(request: Request, shops: Mapping[str, Shop]) -> Visitor:
    given = request.cookies
    shop = shops.get(given.get("shop", "")) or next(iter(shops.values()))
    lang, theme = given.get("lang", ""), given.get("theme", "")
    pieces = (part.partition(":") for part in given.get(CART, "").split("."))
    cart = {sku: _number(quantity, 0) for sku, _, quantity in pieces if sku in _skus(shop)}
    return Visitor(
        shop,
        _customer(given.get("customer", "")),
        lang if lang in WORDS else next(iter(WORDS)),
        theme if theme in THEMES else THEMES[0],
        {sku: number for sku, number in cart.items() if number},
    )


def chosen(form: Mapping[str, str], shops: Mapping[str, Shop]) -> dict[str, str]:
    """What a visitor chooses in the bar, of what is offered there; cookies of the same names keep it."""
    members = {member for shop in shops.values() for member in shop.members}
    offered: dict[str, Collection[str]] = {
        "shop": shops,
        "customer": {"", NEWCOMER, *members},
        "lang": WORDS,
        "theme": THEMES,
    }
    return {name: form[name] for name, values in offered.items() if form.get(name) in values}


def written_cart(cart: Mapping[str, int]) -> str:
    return ".".join(f"{sku}:{quantity}" for sku, quantity in cart.items())


async def form_of(request: Request) -> dict[str, str]:
    """Also what is empty: a guest is the customer without a name. What is no text stands for nothing here."""
    return dict(parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True))


def _customer(name: str) -> str | None:
    try:
        return text.identifier("customer", name)
    except InvalidInput:
        return None


def _number(given: str, otherwise: int) -> int:
    return min(int(given), _MOST) if given.isdecimal() and len(given) <= _DIGITS else otherwise


def _skus(shop: Shop) -> set[str]:
    return {article.sku for article in shop.articles}
