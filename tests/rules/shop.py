"""A programme like a restaurant chain's, its rules with only what a test talks about, and orders in it."""

from datetime import timedelta
from typing import Any

from pointbook.services import places
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.earning_rules import RuleView, create_rule
from pointbook.services.installation import Installation
from pointbook.services.intake import SubmittedOrder, submit_order
from pointbook.services.stores import NewStore, add_store
from tests.support import NOW, join_member, make_programme, order_document

LONG_BEFORE = NOW - timedelta(days=30)
"""When programmes are made and rules are changed, so that they are in force at ``NOW``."""
ENTRY, EXIT = ("web", "app", "till"), ("pick-up", "delivery")


async def sides_programme(installation: Installation, **settings: Any) -> ProgrammeSnapshot:
    document = {"earnsFromRevenue": False, **settings}
    programme = await make_programme(installation, document, now=LONG_BEFORE)
    for store in ("berlin", "bonn"):
        await add_store(installation, programme.id, NewStore(store, store), now=LONG_BEFORE)
    await places.change_channels(installation, programme.id, ENTRY, EXIT, now=LONG_BEFORE)
    await join_member(installation, programme, now=LONG_BEFORE)
    return await installation.programmes.get(programme.id)


def rule(kind: str = "ARTICLE", points: int | None = 5, **document: Any) -> dict[str, Any]:
    """Five points for a pizza, unless said otherwise."""
    given = {"name": "internal", **({} if points is None else {"points": points}), **document}
    if kind == "ARTICLE":
        given.setdefault("targets", ["pizza"])
    return {"kind": kind, **given}


async def add_rule(
    installation: Installation, programme: ProgrammeSnapshot, document: dict[str, Any] | None = None, **more: Any
) -> RuleView:
    return await create_rule(
        installation, programme.id, document or rule(), **{"now": LONG_BEFORE, "by": "SERVER:sk-1", **more}
    )


def line(article: str = "pizza", quantity: int | str = 1, amount: str = "10.00", **more: Any) -> dict[str, Any]:
    return {"id": more.pop("id", article), "articleId": article, "quantity": quantity, "amount": amount, **more}


def pizzas(external_id: str = "o-1", number: int = 1, **more: Any) -> dict[str, Any]:
    """An order of pizzas, 10.00 each."""
    lines = [line("pizza", number, f"{number * 10}.00")]
    return order_document(external_id, **{"lines": lines, **more})


async def order(
    installation: Installation, programme: ProgrammeSnapshot, document: dict[str, Any] | None = None, **more: Any
) -> SubmittedOrder:
    return await submit_order(installation, programme.id, document or pizzas(**more), now=NOW)
