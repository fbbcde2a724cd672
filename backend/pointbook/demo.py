"""The demo programme: a small coffee roastery with members who have a history. Made once, through the use cases.

Everything happens at instants counted back from the programme's first day, so a first start that broke off goes on
where it was. The keys are kept beside the servers' data, because the database keeps only their hashes.
"""

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from pointbook.domain.access import ALL_RIGHTS, CallerKind, Principal
from pointbook.domain.configuration import read_configuration
from pointbook.domain.errors import InvalidInput, PointbookError, Unauthenticated
from pointbook.domain.redemption import parse_cart
from pointbook.services.configuration import create_programme_from, import_configuration
from pointbook.services.directory import ProgrammeSnapshot, ProgrammeState
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from pointbook.services.joining import Join, join
from pointbook.services.keys import KeyKind, NewKey, authenticate, create_key
from pointbook.services.programmes import change_state, find_programme
from pointbook.services.redemption import Redeem, redeem
from pointbook.services.tokens import create_customer_token

_SLUG: Final = "morgenrot"
NAME: Final = "Kaffeerösterei Morgenrot"
_HISTORY: Final = timedelta(days=360)
_CONFIGURATION: Final = {
    "name": NAME,
    "currency": "EUR",
    "timeZone": "Europe/Berlin",
    "locales": ["de", "en"],
    "settings": {
        "revenuePerPoint": "1.00",
        "valuePerPoint": "0.05",
        "basePointsPerOrder": 10,
        "signUpPoints": 50,
        "signUpAvailableAtOnce": True,
        "waitingTime": {"days": 14},
        "expiry": {"days": 365},
        "releaseParkedOnJoin": True,
    },
    "giftCards": [
        {
            "sku": "gift-card-5",
            "names": {"de": "Gutschein über 5 €", "en": "Gift card of €5"},
            "pricePoints": 100,
            "faceValue": "5.00",
            "validityDays": 1095,
        },
        {
            "sku": "gift-card-25",
            "names": {"de": "Gutschein über 25 €", "en": "Gift card of €25"},
            "pricePoints": 480,
            "faceValue": "25.00",
            "validityDays": 1095,
        },
    ],
    "exchangeItems": [
        {
            "sku": "cup",
            "names": {"de": "Becher aus Steingut", "en": "Stoneware cup"},
            "category": "kitchen",
            "pricePoints": 60,
            "maxPerOrder": 6,
        },
        {
            "sku": "tasting",
            "names": {"de": "Verkostung für zwei", "en": "Coffee tasting for two"},
            "category": "experience",
            "pricePoints": 400,
            "fee": "5.00",
            "maxPerMember": 2,
        },
    ],
    "stores": [{"id": "laden", "name": "Laden Fehrbelliner Straße"}, {"id": "web", "name": "Webshop"}],
    "rules": [
        {
            "key": "grinders",
            "rule": {
                "kind": "ARTICLE",
                "name": "clear the stock of grinders",
                "labels": {"de": "Mühlen: {points} Punkte extra", "en": "Grinders: {points} extra points"},
                "points": 50,
                "targets": ["grinder"],
            },
        },
        {
            "key": "course",
            "rule": {
                "kind": "SERVICE",
                "name": "fill the courses",
                "labels": {"de": "Barista-Kurs: {points} Punkte", "en": "Barista course: {points} points"},
                "points": 60,
                "targets": ["barista-course"],
            },
        },
        {
            "key": "weekend",
            "rule": {
                "kind": "MULTIPLIER",
                "name": "weekends are quiet in the web shop",
                "labels": {"de": "Am Wochenende das {factor}fache", "en": "{factor} times the points at weekends"},
                "factor": "2",
                "targets": ["REVENUE"],
                "weekdays": ["SATURDAY", "SUNDAY"],
            },
        },
    ],
}

_COFFEES: Final = {"espresso-1000": 2690, "filter-500": 1290, "decaf-250": 890, "grinder": 8900, "filters": 390}
"""Prices in cents."""


class _Order(NamedTuple):
    """``day`` counts from the programme's first; ``points`` are what the customer pays with."""

    day: int
    customer: str
    articles: dict[str, int]
    points: int | None = None

    @property
    def number(self) -> str:
        return f"M-{1000 + self.day}"

    @property
    def total(self) -> int:
        return sum(_COFFEES[article] * quantity for article, quantity in self.articles.items())


_ORDERS: Final = (
    _Order(12, "clara", {"espresso-1000": 2, "filters": 1}),
    _Order(15, "clara", {"grinder": 1}),
    _Order(118, "clara", {"espresso-1000": 1, "decaf-250": 2}),
    _Order(160, "mia", {"filter-500": 3}),
    _Order(241, "clara", {"filter-500": 2, "filters": 2}),
    _Order(300, "mia", {"espresso-1000": 1}),
    _Order(331, "clara", {"espresso-1000": 1, "filter-500": 1}, 120),
    _Order(348, "jonas", {"espresso-1000": 1}),
    _Order(355, "clara", {"espresso-1000": 3}),
    _Order(357, "lena", {"decaf-250": 4}),  # has not joined: parked until she does
)
_JOINED: Final = {"clara": 10, "mia": 140, "jonas": 345}


@dataclass(frozen=True, slots=True)
class Demo:
    """What one needs to try it. ``token`` is the first member's and good for 15 minutes."""

    programme_id: int
    slug: str
    name: str
    members: tuple[str, ...]
    publishable_key: str
    secret_key: str
    staff_key: str
    token: str


@dataclass(frozen=True, slots=True)
class _Keys:
    publishable: str
    secret: str
    staff: str


class ProgrammesOfOthers(PointbookError):
    """The database is in use; demo data have no place in it."""

    code = "PROGRAMMES_OF_OTHERS"

    def __init__(self, slugs: list[str]) -> None:
        super().__init__(
            f"The database of POINTBOOK_DATABASE_URL has programmes already ({', '.join(slugs)}):"
            " the demo writes into an empty one only."
        )


async def load(installation: Installation, data_dir: Path, *, configured: bool, now: datetime) -> Demo:
    """Make the demo programme, or find the one made before. Doing so again changes nothing.

    ``configured``: the database is not one of our own servers, and may hold what the demo must not touch.
    Raises ProgrammesOfOthers.
    """
    kept = data_dir / "demo.json"
    keys = await _known_keys(installation, kept, now)
    if keys is None:
        if configured:
            await _refuse_others(installation)
        programme = await _programme(installation, now)
        await _fill(installation, programme)
        keys = await _make_keys(installation, programme.id, now)
        _keep(kept, keys)
    programme = await find_programme(installation, _SLUG)
    token = await create_customer_token(installation, programme.id, "clara", now=now)
    return Demo(
        programme.id,
        programme.slug,
        programme.name,
        tuple(_JOINED),
        keys.publishable,
        keys.secret,
        keys.staff,
        token.token,
    )


async def _known_keys(installation: Installation, kept: Path, now: datetime) -> _Keys | None:
    """The keys kept, if the database has them as the demo's: the file may be of a former one."""
    keys = _read(kept)
    if keys is None:
        return None
    try:
        programme = await find_programme(installation, _SLUG)
        owners = [
            await authenticate(installation, key, now=now) for key in (keys.publishable, keys.secret, keys.staff)
        ]
    except (InvalidInput, Unauthenticated):
        return None
    return keys if all(owner.principal.programme_id == programme.id for owner in owners) else None


def _read(kept: Path) -> _Keys | None:
    try:
        document = json.loads(kept.read_text())
        return _Keys(*(str(document[name]) for name in ("publishable", "secret", "staff")))
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


async def _refuse_others(installation: Installation) -> None:
    """A first start that broke off has left our programme, and none beside it."""
    rows = await installation.db.pool.fetch("select slug, name from programme order by id")
    if any((row["slug"], row["name"]) != (_SLUG, NAME) for row in rows):
        raise ProgrammesOfOthers([row["slug"] for row in rows[:5]])


async def _programme(installation: Installation, now: datetime) -> ProgrammeSnapshot:
    configuration = read_configuration(_CONFIGURATION)
    try:
        programme = await find_programme(installation, _SLUG)
    except InvalidInput:
        return await create_programme_from(installation, _SLUG, configuration, now=now - _HISTORY)
    if programme.state is not ProgrammeState.DRAFT:
        return programme
    begun = programme.versions[0].effective_from  # and broken off before it was complete
    await import_configuration(installation, programme.id, configuration, now=begun)
    return await change_state(installation, programme.id, ProgrammeState.ACTIVE, now=begun)


async def _fill(installation: Installation, programme: ProgrammeSnapshot) -> None:
    first_day = programme.versions[0].effective_from
    happenings: list[tuple[int, str | _Order]] = [(day, customer) for customer, day in _JOINED.items()]
    happenings += [(order.day, order) for order in _ORDERS]
    for day, what in sorted(happenings, key=lambda happening: happening[0]):
        at = first_day + timedelta(days=day)
        if isinstance(what, _Order):
            await _buy(installation, programme, what, at)
        else:
            await join(
                installation, programme.id, Join(what, f"{what}@example.com", locale="de", opt_in=True), now=at
            )


async def _buy(installation: Installation, programme: ProgrammeSnapshot, order: _Order, at: datetime) -> None:
    document = {
        "externalId": order.number,
        "type": "SALE",
        "status": "goods booked out",
        "placedAt": at.isoformat(),
        "currency": "EUR",
        "store": "web",
        "customer": {"externalId": order.customer},
        "lines": [
            {
                "id": article,
                "articleId": article,
                "quantity": quantity,
                "amount": _euros(_COFFEES[article] * quantity),
            }
            for article, quantity in order.articles.items()
        ],
    }
    if order.points is not None:
        document["voucherCode"] = await _voucher(installation, programme, order, at)
    await submit_order(installation, programme.id, document, now=at + timedelta(minutes=3))


async def _voucher(installation: Installation, programme: ProgrammeSnapshot, order: _Order, at: datetime) -> str:
    principal = Principal(CallerKind.CUSTOMER, programme.id, "demo", subject=order.customer)
    cart = parse_cart({"id": order.number, "total": _euros(order.total), "currency": "EUR"}, "EUR")
    voucher = await redeem(installation, principal, Redeem(cart, order.points, f"demo {order.number}"), now=at)
    return voucher.code


async def _make_keys(installation: Installation, programme_id: int, now: datetime) -> _Keys:
    made = [
        await create_key(installation, programme_id, NewKey(kind, "demo", rights=ALL_RIGHTS), now=now)
        for kind in (KeyKind.PUBLISHABLE, KeyKind.SECRET, KeyKind.STAFF)
    ]
    return _Keys(*(key.text for key in made))


def _keep(path: Path, keys: _Keys) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".new")
    unfinished.touch(mode=0o600)
    unfinished.write_text(json.dumps(asdict(keys)))
    unfinished.rename(path)


def _euros(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"
