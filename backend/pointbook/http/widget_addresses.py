"""What the address of a snippet or a frame may ask for, and what the API calls its attributes."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import SplitResult, urlsplit

import orjson
from starlette.requests import Request

from pointbook.domain.errors import InvalidInput
from pointbook.domain.money import MAX_AMOUNT, scaled
from pointbook.http.problems import Problem

_COMMON: Final = ("lang", "theme", "data-token-url")
_PRODUCT: Final = {
    "article": "articleId",
    "price": "price",
    "quantity": "quantity",
    "net-price": "netPrice",
    "variation": "variationId",
    "groups": "productGroupIds",
    "kind": "kind",
    "topping-group": "toppingGroupId",
}
"""Attributes that describe the product, and what the API calls them."""
ATTRIBUTES: Final[Mapping[str, tuple[str, ...]]] = {
    "product": (
        *_PRODUCT,
        *("service", "participants", "store", "entry-channel", "exit-channel", "quantity-from", "join-url"),
    ),
    "checkout": ("cart", "apply-to", "apply-button", "login-url"),
    "account": ("login-url",),
}
"""By widget: what its element may be given, besides the key and what all have."""
_HOW: Final = {"script": ("pinned", "evergreen"), "signed-in": ("yes", "no")}
"""What is no attribute and says how a snippet is made."""
_ONE_OF: Final = {**_HOW, "theme": ("light", "dark", "auto")}
_CALLED: Final = {
    **{field: attribute for attribute, field in _PRODUCT.items()},
    "entryChannel": "entry-channel",
    "exitChannel": "exit-channel",
}
_LANGUAGE: Final = re.compile(r"(?=.{2,35}$)[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", re.ASCII)
_LEADING: Final = ("join-url", "login-url", "data-token-url")
_OF_A_CART: Final = {"id", "total", "currency"}
_MOST_DIGITS: Final = 9  # of a number of people
_PLACES: Final = 4  # no currency has more
_MAX_QUERY: Final = 8_000


def asked(request: Request) -> tuple[str, dict[str, str]]:
    """Which widget, with which attributes. Raises Problem 404 or 414, InvalidInput."""
    widget = request.path_params["widget"]
    if widget not in ATTRIBUTES:
        raise Problem(HTTPStatus.NOT_FOUND, "NO_SUCH_WIDGET", f"There are the widgets {', '.join(ATTRIBUTES)}.")
    if len(request.url.query) > _MAX_QUERY:
        hint = "The address is too long: let the page set `cart` of the element."
        raise Problem(HTTPStatus.REQUEST_URI_TOO_LONG, "TOO_LONG", hint)
    given = request.query_params
    names = ("api-key", *_COMMON, *ATTRIBUTES[widget])
    for name in given:
        if name not in (*names, *_HOW):
            raise InvalidInput(name, "is not an attribute of this widget")
    if not given.get("api-key"):
        raise InvalidInput("api-key", "is required: a publishable key, pk_...")
    _check(given)
    return widget, {name: given[name] for name in names if name in given}


def product_of(attributes: Mapping[str, str]) -> dict[str, object]:
    """The product that attributes describe, as the API takes it."""
    product: dict[str, object] = {
        field: attributes[name] for name, field in _PRODUCT.items() if name in attributes
    }
    if "groups" in attributes:
        product["productGroupIds"] = [group.strip() for group in attributes["groups"].split(",")]
    return product


def participants_of(attributes: Mapping[str, str]) -> int:
    """How many people; 0, which nobody takes, for what is no number of them."""
    number = attributes.get("participants", "1")
    return int(number) if number.isdecimal() and len(number) <= _MOST_DIGITS else 0


@contextlib.contextmanager
def refusals_of_attributes() -> Iterator[None]:
    """What the API refuses inside, a page's developer is told by the name of the attribute."""
    try:
        yield
    except InvalidInput as refusal:
        field = refusal.field.removeprefix("products[0].").partition("[")[0]
        raise InvalidInput(_CALLED.get(field, field), refusal.reason) from None


def address(name: str, given: str) -> SplitResult:
    """Raises InvalidInput."""
    try:
        return urlsplit(given)
    except ValueError:
        raise InvalidInput(name, "is no address") from None


def _check(given: Mapping[str, str]) -> None:
    for name, values in _ONE_OF.items():
        if name in given and given[name] not in values:
            raise InvalidInput(name, f"must be {', '.join(values[:-1])} or {values[-1]}")
    if "lang" in given and not _LANGUAGE.fullmatch(given["lang"]):
        raise InvalidInput("lang", "must be a language tag like de or de-AT")
    for name in _LEADING:
        if name in given and address(name, given[name]).scheme not in ("", "http", "https"):
            raise InvalidInput(name, "must be an address of the web")
    if "cart" in given:
        _check_cart(given["cart"])


def _check_cart(given: str) -> None:
    """A total may be a number, too: of the two that is what a shop's programmer writes first."""
    try:
        cart = orjson.loads(given)
    except orjson.JSONDecodeError:
        cart = None
    if not isinstance(cart, dict) or not cart.keys() >= _OF_A_CART:
        raise InvalidInput("cart", f"must be a JSON object with {', '.join(sorted(_OF_A_CART))}")
    scaled("cart.total", str(cart["total"]), _PLACES, MAX_AMOUNT)
