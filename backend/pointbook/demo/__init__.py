"""What only ``pointbook demo`` has: shops with programmes to try, and the site on which they stand.

The first shop is made at the start, each of the others when somebody first looks at it.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from pointbook.demo.preset_shops import PRESET_SHOPS
from pointbook.demo.roastery import ROASTERY
from pointbook.demo.seeding import ProgrammesOfOthers, known_keys, seed
from pointbook.demo.shops import Shop
from pointbook.services.installation import Installation
from pointbook.services.programmes import find_programme
from pointbook.services.tokens import create_customer_token

__all__ = ["NAME", "SHOPS", "Demo", "OpenShop", "ProgrammesOfOthers", "load", "open_shop"]

NAME: Final = ROASTERY.name
SHOPS: Final = (ROASTERY, *PRESET_SHOPS)


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
class OpenShop:
    """A shop whose programme is there; ``key`` is the publishable one."""

    shop: Shop
    programme_id: int
    key: str


async def load(installation: Installation, data_dir: Path, *, configured: bool, now: datetime) -> Demo:
    """Make the first shop's programme, or find the one made before. Doing so again changes nothing.

    ``configured``: the database is not one of our own servers, and may hold what the demo must not touch.
    Raises ProgrammesOfOthers.
    """
    keys = await known_keys(installation, ROASTERY, data_dir, now=now)
    if keys is None:
        if configured:
            await _refuse_others(installation)
        keys = await seed(installation, ROASTERY, data_dir, now=now)
    programme = await find_programme(installation, ROASTERY.slug)
    token = await create_customer_token(installation, programme.id, ROASTERY.members[0], now=now)
    return Demo(
        programme.id,
        programme.slug,
        programme.name,
        ROASTERY.members,
        keys.publishable,
        keys.secret,
        keys.staff,
        token.token,
    )


async def open_shop(installation: Installation, shop: Shop, data_dir: Path, *, now: datetime) -> OpenShop:
    """Any of the shops, once ``load`` has said that the demo may write here. Raises ProgrammesOfOthers."""
    keys = await known_keys(installation, shop, data_dir, now=now)
    if keys is None:
        keys = await seed(installation, shop, data_dir, now=now)
    programme = await find_programme(installation, shop.slug)
    return OpenShop(shop, programme.id, keys.publishable)


async def _refuse_others(installation: Installation) -> None:
    """A first start that broke off has left our programme, and none beside those of the demo."""
    ours = {(shop.slug, shop.name) for shop in SHOPS}
    rows = await installation.db.pool.fetch("select slug, name from programme order by id")
    if any((row["slug"], row["name"]) not in ours for row in rows):
        raise ProgrammesOfOthers([row["slug"] for row in rows[:5]])
