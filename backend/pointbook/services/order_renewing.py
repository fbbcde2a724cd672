"""An order that came back whole is completed again: it earns anew, and takes its points again (R28).

The shop says when it gave an order its status (``statusAt``). A completion later than the documents that took the
order back begins its next occurrence, whichever of them is reported first; an old report that comes late does not.
A document from before an occurrence began is one of those before it, of which nothing is left.
"""

from datetime import datetime

from pointbook import ledger
from pointbook.db.queries import orders
from pointbook.db.queries import returns as return_rows
from pointbook.db.queries.orders import RETURNED_WHOLE
from pointbook.db.queries.returns import ReturnableOrder
from pointbook.db.session import Connection
from pointbook.services.directory import AccountKey
from pointbook.services.granting import ORDER
from pointbook.services.order_settling import Effect, Outcome, Overtaken, Redeemed, Settling
from pointbook.services.redemption import Purchase, spend_late
from pointbook.services.warnings import WarningKind, warn


async def locked_with_accounts(
    connection: Connection, programme_id: int, external_id: str
) -> ReturnableOrder | None:
    """An order under its lock, taken after those of the accounts that its points move on. Raises Overtaken."""
    seen = await return_rows.order(connection, programme_id, external_id)
    if seen is None:
        return None
    owners = {owner for owner in (seen.account_id, seen.holder_id) if owner is not None}
    if owners:
        await ledger.lock(connection, programme_id, sorted(owners))
    locked = await return_rows.locked_order(connection, programme_id, external_id)
    if locked is None or (locked.account_id, locked.holder_id) != (seen.account_id, seen.holder_id):
        raise Overtaken
    return locked


async def renew(connection: Connection, settling: Settling, order: ReturnableOrder) -> tuple[Effect, int] | None:
    """Begin the next occurrence of an order, locked with its accounts, and settle it.

    Its effect, and what points pay of it. None, and nothing written: it did not come back whole, or was not
    completed after that. Raises InsufficientPoints before anything is written, when points are missing and nobody
    may owe any; Overtaken.
    """
    programme_id, completed_at = settling.programme.id, settling.order.status_at
    if completed_at is None or order.returned not in RETURNED_WHOLE or not settling.qualifies():
        return None
    returned_at = await return_rows.last_returned_at(connection, programme_id, order.external_id, order.occurrence)
    if returned_at is None or completed_at <= returned_at:
        return None
    purchase, value = await _redeemed_again(connection, settling, order)
    await orders.begin_anew(
        connection, programme_id, order.external_id, purchase=purchase, redeemed_value=value, at=completed_at
    )
    customer = settling.order.customer.external_id
    known = await orders.known(connection, programme_id, order.external_id, customer)
    redeemed = Redeemed(order.hold_id, value)
    effect = Effect(Outcome.PARKED)
    if known.account_id is not None and known.public_id is not None:
        effect = await settling.earn(connection, known, AccountKey(known.account_id, known.public_id), redeemed)
    await settling.write(connection, known, redeemed, effect)
    return effect, value


async def _redeemed_again(connection: Connection, settling: Settling, order: ReturnableOrder) -> tuple[int, int]:
    """The purchase of the voucher that pays from now on, and what it pays, minor units.

    Points that were not given back go on paying. Where only a part of them was, by documents of different effects,
    nothing is taken again, and staff are told: what is missing is the shop's to ask for.
    """
    if order.hold_id is None:
        return order.purchase, order.redeemed_value
    programme = settling.programme
    parts = await ledger.captured_parts(connection, programme.id, order.hold_id, order.purchase)
    given_back, captured = sum(part.given_back for part in parts), sum(part.captured for part in parts)
    if given_back == 0:
        return order.purchase, order.redeemed_value
    if given_back < captured:
        detail = {"captured": captured, "givenBack": given_back}
        kind, subject = WarningKind.REDEMPTION_NOT_REPEATED, f"order {order.external_id}"
        await warn(connection, programme.id, kind, subject, detail, now=settling.now)
        return 0, 0
    number = order.purchase + 1
    bought = Purchase(ORDER, order.external_id, None)
    late = await spend_late(connection, programme, order.hold_id, bought, number=number, now=settling.now)
    return number, late.value


def is_of_former(order: ReturnableOrder, made_at: datetime) -> bool:
    """Whether a document that was made then took back an earlier occurrence than the order's present one."""
    return order.begun_at is not None and made_at < order.begun_at
