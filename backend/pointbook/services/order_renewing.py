"""An order that was cancelled is completed again: it earns anew, and takes its points again (R28).

The shop says when it gave an order its status (``statusAt``). A completion later than the cancellation begins the
order's next occurrence, whichever of them is reported first; an old report that comes late does not.
A document from before an occurrence began is one of those before it, of which nothing is left; one that was made
after it began, and was reported before that was known, is parked again, and takes back the new occurrence.
"""

from datetime import datetime
from typing import Final

import orjson

from pointbook import ledger
from pointbook.db.queries import orders
from pointbook.db.queries import returns as return_rows
from pointbook.db.queries.orders import CANCELLED, EARNED
from pointbook.db.queries.returns import ReturnableOrder
from pointbook.db.queries.rule_counts import reduce_counts
from pointbook.db.session import Connection
from pointbook.domain.orders import OrderContent
from pointbook.domain.return_types import ReturnType
from pointbook.services.directory import AccountKey
from pointbook.services.granting import ORDER
from pointbook.services.judging import Circumstances, JudgedOrder, cap_uses
from pointbook.services.order_settling import Effect, Outcome, Overtaken, Redeemed, Settling
from pointbook.services.redemption import Purchase, spend_late
from pointbook.services.telling import Event, tell
from pointbook.services.warnings import WarningKind, warn

ORDER_RENEWED: Final = "order.renewed"
NOT_PAID: Final = 0, 0
"""No purchase of the voucher pays for the occurrence, and so nothing of it."""


async def locked_with_accounts(
    connection: Connection, programme_id: int, external_id: str
) -> ReturnableOrder | None:
    """An order under its lock, taken after those of the accounts that its points move on. Raises Overtaken."""
    seen = await return_rows.order(connection, programme_id, external_id)
    if seen is None:
        return None
    if accounts := _accounts(seen):
        await ledger.lock(connection, programme_id, sorted(accounts))
    locked = await return_rows.locked_order(connection, programme_id, external_id)
    if locked is None or _accounts(locked) != accounts:
        raise Overtaken
    return locked


def _accounts(order: ReturnableOrder) -> set[int]:
    """Its own, that of a customer who has joined since, and that whose points paid."""
    accounts = (order.account_id, order.customer_account_id, order.holder_id)
    return {account for account in accounts if account is not None}


async def renew(
    connection: Connection, settling: Settling, order: ReturnableOrder, *, pays_again: bool = True
) -> tuple[Effect, int] | None:
    """Begin the next occurrence of an order, locked with its accounts, and settle it.

    Unless it ``pays_again``, no points are taken for it; those that were not given back go on paying.

    Its effect, and what points pay of it. None, and nothing written: it was not cancelled, or not completed
    after that. Raises InsufficientPoints before anything is written, when points are missing and nobody
    may owe any; Overtaken.
    """
    programme_id, completed_at = settling.programme.id, settling.order.status_at
    if completed_at is None or order.returned != CANCELLED or not settling.qualifies():
        return None
    applied = await return_rows.applied(connection, programme_id, order.external_id, order.occurrence)
    if not any(row.type == ReturnType.CANCELLATION and row.made_at < completed_at for row in applied):
        return None
    effects = [row.effect for row in applied if row.effect is not None]
    if sum(effect.reversed for effect in effects) < order.points:
        return None  # what it had earned was left to the member, so it does not earn it anew
    purchase, value = await _redeemed_again(connection, settling, order, pays_again=pays_again)
    if not any(effect.forgiven for effect in effects):
        await _give_room_back(connection, settling, order)
    await orders.begin_anew(
        connection, programme_id, order.external_id, purchase=purchase, redeemed_value=value, at=completed_at
    )
    await return_rows.park_again(connection, programme_id, order.external_id, order.occurrence, since=completed_at)
    customer = settling.order.customer.external_id
    known = await orders.known(connection, programme_id, order.external_id, customer)
    redeemed = Redeemed(order.hold_id, value)
    effect = Effect(Outcome.PARKED)
    if known.account_id is not None and known.account_id not in _accounts(order):
        raise Overtaken  # it joined meanwhile, and is not locked
    if known.account_id is not None and known.public_id is not None:
        effect = await settling.earn(connection, known, AccountKey(known.account_id, known.public_id), redeemed)
    if settling.tells:
        await _tell(connection, settling, known)
    await settling.write(connection, known, redeemed, effect)
    return effect, value


async def _tell(connection: Connection, settling: Settling, known: orders.Known) -> None:
    assert known.order is not None, "it has just begun anew"
    payload = {
        "order": known.order.external_id,
        "account": None if known.public_id is None else known.public_id.hex,
        "occurrence": known.order.occurrence,
    }
    await tell(connection, settling.programme.id, Event(ORDER_RENEWED, payload), now=settling.now)


async def _give_room_back(connection: Connection, settling: Settling, order: ReturnableOrder) -> None:
    """What it earned before, and does not have any more, leaves its room under caps to what it earns anew."""
    if order.state != EARNED or order.settings_version is None or order.account_id is None or not order.points:
        return
    judged = JudgedOrder(
        Circumstances(order.placed_at, order.store_id, order.entry_channel, order.exit_channel),
        order.settings_version,
        order.judgement,
    )
    content = OrderContent.from_stored(orjson.loads(order.document))
    uses = cap_uses(settling.programme, judged, content, order.redeemed_value)
    locked = await ledger.lock(connection, settling.programme.id, [order.account_id])
    await reduce_counts(connection, settling.programme.id, locked[order.account_id], uses)


async def _redeemed_again(
    connection: Connection, settling: Settling, order: ReturnableOrder, *, pays_again: bool
) -> tuple[int, int]:
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
    if not pays_again and given_back == captured:
        return NOT_PAID
    if given_back < captured:
        detail = {"captured": captured, "givenBack": given_back}
        kind, subject = WarningKind.REDEMPTION_NOT_REPEATED, f"order {order.external_id}"
        await warn(connection, programme.id, kind, subject, detail, now=settling.now)
        return NOT_PAID
    number = order.purchase + 1
    bought = Purchase(ORDER, order.external_id, None)
    late = await spend_late(connection, programme, order.hold_id, bought, number=number, now=settling.now)
    return number, late.value


def is_of_former(order: ReturnableOrder, made_at: datetime) -> bool:
    """Whether a document that was made then took back an earlier occurrence than the order's present one."""
    return order.begun_at is not None and made_at < order.begun_at
