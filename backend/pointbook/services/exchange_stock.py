"""How many of an exchange item may still be ordered: every change is a movement, and their sum is the stock.

Whoever moves stock locks the item's row first; a transaction that also locks an account or the programme has
locked that before.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pointbook.db.queries import exchange_stock as rows
from pointbook.db.queries.exchange_stock import StockItem
from pointbook.db.retry import retrying
from pointbook.db.session import Connection
from pointbook.domain import errors, text
from pointbook.domain.access import Principal
from pointbook.domain.errors import InvalidInput
from pointbook.ledger import Request
from pointbook.services import audit
from pointbook.services.audit import Action, Change
from pointbook.services.catalogue import EXCHANGE_ITEMS, subject_of
from pointbook.services.installation import Installation
from pointbook.services.requests import request_of

STOCK_MAX: Final = 10**9


@dataclass(frozen=True, slots=True)
class AddStock:
    """So many pieces more, or with a negative number fewer."""

    change: int


@dataclass(frozen=True, slots=True)
class SetStock:
    """A new stock in the place of the ``expected`` one, that was seen; None: nobody counts the item."""

    stock: int | None
    expected: int | None


async def change_stock(
    installation: Installation,
    principal: Principal,
    sku: str,
    command: AddStock | SetStock,
    idempotency_key: str,
    *,
    now: datetime,
) -> int | None:
    """Change the stock of an item that the catalogue has, on sale or not; answer what it is afterwards.

    The same key again is answered as the first time. Raises NotInCatalogue, SoldOut (fewer than are to go are
    there), StockChanged (it is not what was expected), IdempotencyConflict, InvalidInput.
    """
    text.identifier("sku", sku, text.MAX_WORD)
    request = request_of(installation, principal, "changeExchangeStock", idempotency_key, sku, command)

    async def attempt() -> int | None:
        async with installation.db.bare_transaction(principal.programme_id) as connection:
            return await _change(connection, principal, sku, command, request, now)

    return await retrying(attempt)


async def _change(  # noqa: PLR0917  # who, of what, what
    connection: Connection,
    principal: Principal,
    sku: str,
    command: AddStock | SetStock,
    request: Request,
    now: datetime,
) -> int | None:
    programme_id = principal.programme_id
    item = await rows.lock_item(connection, programme_id, sku)
    if item is None:
        raise errors.NotInCatalogue(text.shown(sku))
    earlier = await rows.earlier_change(connection, programme_id, request.digest)
    if earlier is not None:
        if earlier.input != request.input:
            raise errors.IdempotencyConflict
        return earlier.stock
    stock = _stock_after(item, command)
    await rows.set_stock(connection, programme_id, item.id, stock, (request.digest, request.input), now=now)
    change = Change(Action.STOCK_CHANGED, subject_of(EXCHANGE_ITEMS, sku), {"stock": item.stock}, {"stock": stock})
    await audit.append(connection, programme_id, [change], by=principal.identity, now=now)
    return stock


def _stock_after(item: StockItem, command: AddStock | SetStock) -> int | None:
    if isinstance(command, SetStock):
        if command.expected != item.stock:
            raise errors.StockChanged(item.sku, item.stock)
        stock = command.stock
    elif item.stock is None:
        raise InvalidInput("change", "cannot be: nobody counts this item; set its stock first")
    else:
        stock = item.stock + command.change
        if stock < 0:
            raise errors.SoldOut(item.sku, item.stock)
    if stock is not None and not 0 <= stock <= STOCK_MAX:
        raise InvalidInput("stock", f"must be 0 to {STOCK_MAX}")
    return stock
