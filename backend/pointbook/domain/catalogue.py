"""What may be had for points: gift-card products and exchange items, as people write them.

An *offer* is either. Prices are whole points; amounts are minor units of the currency that the catalogue counts
in, and are written in its main unit.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar
from urllib.parse import urlsplit

from pointbook.domain import currencies, text, values
from pointbook.domain.errors import InvalidInput
from pointbook.domain.money import MAX_AMOUNT, format_scaled, scaled
from pointbook.domain.reading import object_of

MAX_PRICE: Final = 10**9
"""Points for one piece."""
MAX_POSITION: Final = 1_000_000
MAX_PIECES: Final = 1_000
"""Of one item in one order."""
MAX_PIECES_EVER: Final = 1_000_000
MAX_NAME: Final = 200
MAX_DESCRIPTION: Final = 2_000
MAX_IMAGE_URL: Final = 2_000

Texts: TypeAlias = tuple[tuple[str, str], ...]
"""Locale and text, in order of locale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What both catalogues say of a thing. ``sku`` names it for ever; what is not ``active`` is not on sale."""

    sku: str
    names: Texts
    price_points: int
    descriptions: Texts = ()
    active: bool = True
    category: str | None = None
    image_url: str | None = None
    position: int = 0
    """Where it stands among the others: the smallest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GiftCardProduct(Offer):
    """A gift card of ``face_value`` that can be bought with points (R29)."""

    face_value: int
    validity_days: int | None = None
    """A card can be used until the end of the local day so many days after it was bought; None: for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeItem(Offer):
    """A product for which points are exchanged (R30); ``fee`` is money that the shop asks for each piece besides.

    How many are there is no part of it: stock moves by itself.
    """

    fee: int = 0
    max_per_order: int | None = None
    max_per_member: int | None = None
    """Pieces in all orders of a member that were not cancelled."""


Kind = TypeVar("Kind", bound=Offer)


def read_offer(kind: type[Kind], document: object, currency: str) -> Kind:
    """An offer as people write it (camelCase); what is missing or null has its default.

    Raises InvalidInput naming the field.

    >>> card = {"sku": "card-50", "names": {"en": "Gift card"}, "pricePoints": 500, "faceValue": "50.00"}
    >>> read_offer(GiftCardProduct, card, "EUR").face_value
    5000
    """
    fields = _FIELDS[kind]
    raw = object_of("", document, frozenset(fields))
    given = {key: raw.get(key) for key, field in fields.items() if field.needed or raw.get(key) is not None}
    return kind(**{fields[key].attribute: fields[key].read(key, value, currency) for key, value in given.items()})


def write_offer(offer: Offer, currency: str) -> dict[str, Any]:
    """All of an offer as JSON, so that ``read_offer`` of it gives an equal one."""
    fields = _FIELDS[type(offer)].items()
    return {key: field.write(getattr(offer, field.attribute), currency) for key, field in fields}


def check_locales(offer: Offer, locales: Collection[str], first: str) -> None:
    """Raises InvalidInput unless all texts are in the programme's ``locales``, and a name in its ``first``."""
    for field, texts in (("names", offer.names), ("descriptions", offer.descriptions)):
        for locale, _ in texts:
            if locale not in locales:
                raise InvalidInput(f"{field}.{text.shown(locale)}", "is not a locale of this programme")
    if first not in dict(offer.names):
        raise InvalidInput("names", f"must have a name in {first}, the programme's first language")


def image_url(field: str, value: object, _currency: str = "") -> str:
    """An address from which pages may load a picture; Pointbook itself never asks for it.

    Only https, only a public host by its name, and nothing that a page could take for a script: no credentials, no
    fragment, no sign that has to be escaped. Raises InvalidInput.
    """
    if not isinstance(value, str) or not 0 < len(value) <= MAX_IMAGE_URL:
        raise InvalidInput(field, f"must be an address of at most {MAX_IMAGE_URL} characters")
    if not _URL_SIGNS.fullmatch(value):
        raise InvalidInput(field, "must consist of the signs of an address; others are written as %C3%BC")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise InvalidInput(field, "is no address") from None
    if not value.startswith("https://") or "@" in parts.netloc:
        raise InvalidInput(field, "must begin with https:// and have no user name")
    host = parts.netloc if port is None else parts.netloc.removesuffix(f":{port}")
    if not _PUBLIC_HOST.fullmatch(host) or host.rpartition(".")[2].lower() in _PRIVATE_ENDINGS:
        raise InvalidInput(field, "must name a public host, such as images.example.com")
    return value


_URL_SIGNS: Final = re.compile(r"[A-Za-z0-9\-._~:/?@!$&'()*+,;=%]+")
_LABEL: Final = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# The last label has letters only, or is an encoded one: 127.0.0.1, 127.1 and 0x7f.0x1 have none.
_PUBLIC_HOST: Final = re.compile(
    rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)+(?:[A-Za-z]{{2,63}}|[Xx][Nn]--[A-Za-z0-9-]{{1,59}})"
)
_PRIVATE_ENDINGS: Final = frozenset(
    [
        "arpa",
        "corp",
        "domain",
        "home",
        "host",
        "internal",
        "intranet",
        "invalid",
        "lan",
        "local",
        "localdomain",
        "localhost",
        "onion",
        "private",
        "test",
    ]
)


class _Field(NamedTuple):
    attribute: str
    read: Callable[[str, Any, str], Any]
    write: Callable[[Any, str], Any] = values.as_is
    needed: bool = False


def _texts(maximum: int, read: Callable[[str, object, int], str]) -> Callable[[str, object, str], Texts]:
    def read_texts(field: str, value: object, _currency: str) -> Texts:
        if not isinstance(value, Mapping):
            raise InvalidInput(field, "must be an object of locales with their texts")
        wrong = next((locale for locale in value if not isinstance(locale, str)), None)
        if wrong is not None:
            raise InvalidInput(f"{field}.{text.shown(wrong)}", "is not a locale")
        return tuple((one, read(f"{field}.{text.shown(one)}", value[one], maximum)) for one in sorted(value))

    return read_texts


def _word(field: str, value: object, _currency: str) -> str:
    return text.identifier(field, value, text.MAX_WORD)


def _money(least: int) -> Callable[[str, object, str], int]:
    def read(field: str, value: object, currency: str) -> int:
        places = currencies.exponent(currency)
        amount = scaled(field, value, places, MAX_AMOUNT)
        if amount < least:
            raise InvalidInput(field, f"must be at least {format_scaled(least, places)}")
        return amount

    return read


def _write_money(amount: int, currency: str) -> str:
    return format_scaled(amount, currencies.exponent(currency))


def _write_texts(texts: Texts, _currency: str) -> dict[str, str]:
    return dict(texts)


_SHARED: Final[Mapping[str, _Field]] = {
    "sku": _Field("sku", _word, needed=True),
    "names": _Field("names", _texts(MAX_NAME, text.identifier), _write_texts, needed=True),
    "descriptions": _Field("descriptions", _texts(MAX_DESCRIPTION, text.paragraphs), _write_texts),
    "category": _Field("category", _word),
    "imageUrl": _Field("image_url", image_url),
    "position": _Field("position", values.whole(0, MAX_POSITION)),
    "active": _Field("active", values.truth),
    "pricePoints": _Field("price_points", values.whole(1, MAX_PRICE), needed=True),
}
_FIELDS: Final[Mapping[type[Offer], Mapping[str, _Field]]] = {
    GiftCardProduct: {
        **_SHARED,
        "faceValue": _Field("face_value", _money(1), _write_money, needed=True),
        "validityDays": _Field("validity_days", values.whole(1, values.MAX_EXPIRY_DAYS)),
    },
    ExchangeItem: {
        **_SHARED,
        "fee": _Field("fee", _money(0), _write_money),
        "maxPerOrder": _Field("max_per_order", values.whole(1, MAX_PIECES)),
        "maxPerMember": _Field("max_per_member", values.whole(1, MAX_PIECES_EVER)),
    },
}
