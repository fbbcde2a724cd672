"""Sendings by hand as the tests start them and work at them, and what they come to."""

from typing import Any
from uuid import uuid4

from pointbook.services import order_sendings, sending_batches
from pointbook.services.directory import ProgrammeDirectory, ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.intake import Outcome, submit_order
from pointbook.services.order_sendings import (
    Filter,
    OrderSending,
    PointsAsOf,
    SendOrders,
    SentDocument,
    send_orders,
)
from pointbook.services.returns import SubmittedReturn, submit_return
from tests.support import NOW, order_document

BY = "STAFF:st-1"

EARNED = ("EARNED", 50, 0, 0)
PROCESSED = ("ALREADY_PROCESSED", 0, 0, 0)
PARKED = ("PARKED", 0, 0, 0)
UNKNOWN = ("REFUSED: UNKNOWN", 0, 0, 0)


async def sent(
    installation: Installation,
    programme: ProgrammeSnapshot,
    *ids: str,
    filter: Filter | None = None,  # noqa: A002  # as the input has it
    dry_run: bool = False,
    as_of: PointsAsOf = PointsAsOf.NOW,
    key: str | None = None,
    by: str = BY,
) -> OrderSending:
    command = SendOrders(key or uuid4().hex, ids or None, filter, dry_run, as_of)
    return await send_orders(installation, programme.id, command, by=by, now=NOW)


async def documents(
    installation: Installation, programme: ProgrammeSnapshot, sending: OrderSending
) -> list[SentDocument]:
    found: list[SentDocument] = []
    while True:
        after = found[-1].position if found else 0
        page = await order_sendings.sent_documents(installation, programme.id, sending.id, after=after)
        found += page
        if not page:
            return found


async def results(
    installation: Installation, programme: ProgrammeSnapshot, sending: OrderSending
) -> dict[str, tuple[str | None, int, int, int]]:
    """Outcome, or why it was refused, with points earned, reversed and given back, by document."""
    return {
        one.external_id: (
            one.outcome if one.refusal is None else f"{one.outcome}: {one.refusal.code}",
            one.points_earned,
            one.points_reversed,
            one.points_given_back,
        )
        for one in await documents(installation, programme, sending)
    }


async def found(installation: Installation, programme: ProgrammeSnapshot, sending: OrderSending) -> OrderSending:
    return await order_sendings.find_sending(installation, programme.id, sending.id)


async def worked_once(installation: Installation, programme: ProgrammeSnapshot, batch: int = 100) -> bool:
    """As another process would."""
    directory = ProgrammeDirectory(installation.db)
    return await sending_batches.work(installation.db, directory, programme.id, lambda: NOW, batch=batch)


async def let_leases_run_out(installation: Installation, programme: ProgrammeSnapshot) -> None:
    async with installation.db.bare_transaction(programme.id) as connection:
        await connection.execute("update order_sending set leased_until = leased_until - interval '1 hour'")


async def waiting(installation: Installation, programme: ProgrammeSnapshot, *names: str, **more: Any) -> None:
    """Orders of 50 points whose status does not qualify."""
    for name in names:
        document = order_document(name, **{"status": "OPEN", **more})
        answer = await submit_order(installation, programme.id, document, now=NOW)
        assert answer.outcome in (Outcome.RECEIVED, Outcome.PARKED)


async def take_back(
    installation: Installation, programme: ProgrammeSnapshot, name: str, order: str, **more: Any
) -> SubmittedReturn:
    document = {
        "externalId": name,
        "orderExternalId": order,
        "type": "RETURN",
        "currency": "EUR",
        "everything": True,
        **more,
    }
    return await submit_return(installation, programme.id, document, now=NOW)


async def points_of(installation: Installation, programme: ProgrammeSnapshot) -> dict[str, int]:
    """What each order that has earned has earned."""
    async with installation.db.bare_transaction(programme.id) as connection:
        rows = await connection.fetch("select external_id, points from sales_order where state = 'EARNED'")
    return {row["external_id"]: row["points"] for row in rows}


async def accruals(installation: Installation, programme: ProgrammeSnapshot) -> list[str]:
    """The orders that the ledger has accrued for, each as often as it has."""
    async with installation.db.bare_transaction(programme.id) as connection:
        rows = await connection.fetch(
            "select source_id from ledger.entry where source_type = 'order' and kind = 'accrual' order by 1"
        )
    return [row["source_id"] for row in rows]


async def kept_return(
    installation: Installation, programme: ProgrammeSnapshot, name: str, order: str, **more: Any
) -> None:
    """A return of all of an order that is kept, but was never applied."""
    await take_back(installation, programme, name, f"not {order}", **more)
    async with installation.db.bare_transaction(programme.id) as connection:
        await connection.execute(
            "update return_document set order_external_id = $2 where external_id = $1", name, order
        )
