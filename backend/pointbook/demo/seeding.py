"""Makes a shop's programme with members who have a history: once, through the use cases.

Everything happens at instants counted back from the programme's first day, so a first start that broke off goes on
where it was. Of orders and bookings of the past nobody is told. The keys are kept beside the servers' data: the
database keeps only their hashes.
"""

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pointbook.demo.shops import HISTORY, Booked, Bought, Happening, Joined, Shop
from pointbook.domain.access import ALL_RIGHTS, CallerKind, Principal
from pointbook.domain.configuration import read_configuration
from pointbook.domain.errors import InvalidInput, PointbookError, Unauthenticated
from pointbook.domain.redemption import parse_cart
from pointbook.services.bookings import submit_booking
from pointbook.services.configuration import create_programme_from, import_configuration
from pointbook.services.directory import ProgrammeSnapshot, ProgrammeState
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from pointbook.services.joining import Join, join
from pointbook.services.keys import KeyKind, NewKey, authenticate, create_key
from pointbook.services.programmes import change_state, find_programme
from pointbook.services.redemption import Redeem, redeem


class ProgrammesOfOthers(PointbookError):
    """The database is in use; demo data have no place in it."""

    code = "PROGRAMMES_OF_OTHERS"

    def __init__(self, slugs: list[str]) -> None:
        super().__init__(
            f"The database of POINTBOOK_DATABASE_URL has programmes already ({', '.join(slugs)}):"
            " the demo writes into an empty one only."
        )


@dataclass(frozen=True, slots=True)
class Keys:
    publishable: str
    secret: str
    staff: str


async def known_keys(installation: Installation, shop: Shop, data_dir: Path, *, now: datetime) -> Keys | None:
    """The keys kept, if the database has them as the shop's: the file may be of a former one."""
    keys = _read(data_dir / shop.kept_as)
    if keys is None:
        return None
    try:
        programme = await find_programme(installation, shop.slug)
        owners = [
            await authenticate(installation, key, now=now) for key in (keys.publishable, keys.secret, keys.staff)
        ]
    except (InvalidInput, Unauthenticated):
        return None
    return keys if all(owner.principal.programme_id == programme.id for owner in owners) else None


async def seed(installation: Installation, shop: Shop, data_dir: Path, *, now: datetime) -> Keys:
    """Make the programme with its history, or what is missing of it, and new keys. Raises ProgrammesOfOthers."""
    programme = await _programme(installation, shop, now)
    first_day = programme.versions[0].effective_from
    for happening in sorted(shop.happenings, key=lambda happening: happening.day):
        await _happen(installation, programme, shop, happening, first_day + timedelta(days=happening.day))
    keys = await _make_keys(installation, programme.id, now)
    _keep(data_dir / shop.kept_as, keys)
    return keys


async def _programme(installation: Installation, shop: Shop, now: datetime) -> ProgrammeSnapshot:
    configuration = read_configuration(shop.configuration())
    try:
        programme = await find_programme(installation, shop.slug)
    except InvalidInput:
        begins = now - HISTORY
        return await create_programme_from(installation, shop.slug, configuration, sandbox=True, now=begins)
    if programme.name != shop.name:
        raise ProgrammesOfOthers([shop.slug])
    if programme.state is not ProgrammeState.DRAFT:
        return programme
    begun = programme.versions[0].effective_from  # and broken off before it was complete
    await import_configuration(installation, programme.id, configuration, now=begun)
    return await change_state(installation, programme.id, ProgrammeState.ACTIVE, now=begun)


async def _happen(
    installation: Installation, programme: ProgrammeSnapshot, shop: Shop, happening: Happening, at: datetime
) -> None:
    match happening:
        case Joined(_, customer):
            await join(
                installation,
                programme.id,
                Join(customer, f"{customer}@example.com", locale="de", opt_in=True),
                now=at,
            )
        case Bought():
            await _buy(installation, programme, shop, happening, at)
        case Booked(_, customer, service):
            booking = {
                "externalId": f"B-{1000 + happening.day}-{customer}",
                "serviceId": service,
                "startsAt": (at + timedelta(days=1)).isoformat(),
                "endsAt": (at + timedelta(days=1, hours=1)).isoformat(),
                "status": "BOOKED",
                "customer": {"externalId": customer},
            }
            await submit_booking(installation, programme.id, booking, tells=False, now=at)


async def _buy(
    installation: Installation, programme: ProgrammeSnapshot, shop: Shop, bought: Bought, at: datetime
) -> None:
    number = f"M-{1000 + bought.day}"
    document: dict[str, Any] = {
        "externalId": number,
        "type": "SALE",
        "status": shop.completed,
        "placedAt": at.isoformat(),
        "currency": shop.currency,
        "customer": {"externalId": bought.customer},
        "lines": shop.lines(bought.articles),
        **shop.place,
    }
    if bought.points is not None:
        document["voucherCode"] = await _voucher(installation, programme, shop, bought, number, at)
    await submit_order(installation, programme.id, document, tells=False, now=at + timedelta(minutes=3))


async def _voucher(  # noqa: PLR0917  # who buys what, where and when
    installation: Installation, programme: ProgrammeSnapshot, shop: Shop, bought: Bought, number: str, at: datetime
) -> str:
    principal = Principal(CallerKind.CUSTOMER, programme.id, "demo", subject=bought.customer)
    total = shop.decimal(shop.total(bought.articles))
    cart = parse_cart({"id": number, "total": total, "currency": shop.currency}, shop.currency)
    voucher = await redeem(installation, principal, Redeem(cart, bought.points, f"demo {number}"), now=at)
    return voucher.code


async def _make_keys(installation: Installation, programme_id: int, now: datetime) -> Keys:
    made = [
        await create_key(installation, programme_id, NewKey(kind, "demo", rights=ALL_RIGHTS), now=now)
        for kind in (KeyKind.PUBLISHABLE, KeyKind.SECRET, KeyKind.STAFF)
    ]
    return Keys(*(key.text for key in made))


def _read(kept: Path) -> Keys | None:
    try:
        document = json.loads(kept.read_text())
        return Keys(*(str(document[name]) for name in ("publishable", "secret", "staff")))
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


def _keep(path: Path, keys: Keys) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".new")
    unfinished.touch(mode=0o600)
    unfinished.write_text(json.dumps(asdict(keys)))
    unfinished.rename(path)
