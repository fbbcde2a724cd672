"""What a shop of the demo is: its goods, how its programme is set up, and what its customers have done."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, NamedTuple, TypeAlias

from pointbook.domain import currencies
from pointbook.domain.money import format_scaled
from pointbook.domain.programme_settings import ProgrammeSettings

HISTORY: Final = timedelta(days=360)
"""So long ago the first day of a programme was when it was made."""
NEWCOMER: Final = "nora"
"""Known to every shop, and a member of none yet."""


@dataclass(frozen=True, slots=True)
class Article:
    """Something sold, or booked. ``price`` in minor units; ``more`` are further fields of an order's line."""

    sku: str
    names: Mapping[str, str]
    price: int
    more: Mapping[str, Any] = field(default_factory=dict)


class Joined(NamedTuple):
    """``day`` counts from the programme's first, here as below."""

    day: int
    customer: str


class Bought(NamedTuple):
    """``points`` are what the customer paid with."""

    day: int
    customer: str
    articles: dict[str, int]
    points: int | None = None


class Booked(NamedTuple):
    day: int
    customer: str
    service: str


Happening: TypeAlias = Joined | Bought | Booked


@dataclass(frozen=True, slots=True)
class Shop:
    """``key`` names it among the demo's, ``kept_as`` is the file of its keys; ``place`` are fields of orders that
    say where and how they were placed.
    """

    key: str
    kept_as: str
    slug: str
    name: str
    configuration: Callable[[], Mapping[str, Any]]
    happenings: tuple[Happening, ...]
    articles: tuple[Article, ...] = ()
    services: tuple[Article, ...] = ()
    place: Mapping[str, str] = field(default_factory=dict)
    currency: str = "EUR"

    @property
    def title(self) -> str:
        """In the list of the demo's: of a preset it says which."""
        return self.name if self.key == self.slug else f"{self.key}: {self.name}"

    @property
    def members(self) -> tuple[str, ...]:
        return tuple(happening.customer for happening in self.happenings if isinstance(happening, Joined))

    @property
    def completed(self) -> str:
        """The status with which an order earns."""
        settings: Mapping[str, Any] = self.configuration()["settings"]
        return ProgrammeSettings.from_document(settings, self.currency).qualifying_statuses[0]

    def article(self, sku: str) -> Article:
        return next(article for article in self.articles if article.sku == sku)

    def decimal(self, minor_units: int) -> str:
        """An amount as documents have it."""
        return format_scaled(minor_units, currencies.exponent(self.currency))

    def lines(self, quantities: Mapping[str, int]) -> list[dict[str, Any]]:
        """The lines of an order or a cart."""
        return [
            {
                "id": sku,
                "articleId": sku,
                "quantity": str(quantity),
                "amount": self.decimal(self.article(sku).price * quantity),
                **self.article(sku).more,
            }
            for sku, quantity in quantities.items()
        ]

    def total(self, quantities: Mapping[str, int]) -> int:
        """In minor units."""
        return sum(self.article(sku).price * quantity for sku, quantity in quantities.items())
