"""What journeys on a shop's site begin with."""

import json
from typing import Any

from pointbook.services.installation import Installation
from tests.rules.shop import add_rule, rule
from tests.support import give_points, join_member
from tests.widgets.browser import Site

LINES = [{"id": "1", "articleId": "tea", "quantity": "2", "amount": "80.00"}]


async def extras(site: Site) -> None:
    """E37: 50 more for the tea, and 20 more for whatever belongs to the category hot."""
    for document in (rule("VARIATION", 50, targets=["assam"]), rule("CATEGORY", 20, targets=["hot"])):
        await add_rule(site.shop.installation, site.shop.programme, document)


async def signed_in(site: Site, points: int, customer: str = "c-1") -> None:
    """A member with so many points, the hundred for joining included, is signed in to the shop."""
    installation: Installation = site.shop.installation
    await join_member(installation, site.shop.programme, customer)
    if points > 100:
        await give_points(installation, site.shop.programme, customer, points - 100)
    site.customer = customer


def cart(total: str = "80.00", **more: Any) -> str:
    return json.dumps({"id": "cart-1", "total": total, "currency": "EUR", **more})
