"""What the staff decide on an exchange order (R30): exchanged or not, which moves nothing, or cancelled."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pointbook import ledger
from pointbook.db.queries import exchange as rows
from pointbook.db.queries.exchange import Movement
from pointbook.db.queries.members import who_left
from pointbook.db.retry import retrying
from pointbook.db.session import Connection
from pointbook.domain import errors
from pointbook.domain.access import Principal
from pointbook.domain.exchange import ExchangeState
from pointbook.domain.returns import grace_end
from pointbook.ledger import Source
from pointbook.services import audit, outbox
from pointbook.services.audit import Action, Change
from pointbook.services.directory import ProgrammeSnapshot, keep_unchanged
from pointbook.services.exchange_placing import EXCHANGE_ORDER
from pointbook.services.exchange_views import ExchangeOrder, order_of
from pointbook.services.installation import Installation

EXCHANGE_CHANGED: Final = "exchange.changed"
"""For endpoints that subscribed to it: nobody gets mail because of it."""


async def set_exchanged(
    installation: Installation, principal: Principal, order_id: UUID, *, exchanged: bool, now: datetime
) -> ExchangeOrder:
    """Say whether the member has got what was ordered. No point moves; again: nothing.

    Raises ExchangeOrderNotFound, and ExchangeOrderDecided if it was cancelled.
    """
    wanted = ExchangeState.EXCHANGED if exchanged else ExchangeState.SUBMITTED

    async def attempt() -> ExchangeOrder:
        async with installation.db.bare_transaction(principal.programme_id) as connection:
            internal_id, state, _ = await _locked(connection, principal.programme_id, order_id)
            if state is ExchangeState.CANCELLED:
                raise errors.ExchangeOrderDecided(state)
            if state is not wanted:
                await _decide(connection, principal, order_id, internal_id, (state, wanted), now)
            return await _as_it_stands(connection, principal.programme_id, order_id)

    return await retrying(attempt)


async def cancel_order(
    installation: Installation, principal: Principal, order_id: UUID, *, now: datetime
) -> ExchangeOrder:
    """Give all points back to the lots they came from (R27) and put the pieces back into stock; again: nothing.

    Of who has left only the pieces come back: there is nobody to give points to (R34).
    Raises ExchangeOrderNotFound, ExchangeOrderDecided (it is exchanged: open it again first), CurrencyMismatch (it
    is of a former currency), ProgrammeNotOpen.
    """

    async def call(programme: ProgrammeSnapshot) -> ExchangeOrder:
        row = await installation.db.one_row(programme.id, rows.ACCOUNT_OF, programme.id, order_id)
        if row is None:
            raise errors.ExchangeOrderNotFound
        account_id: int = row["account_id"]

        async def attempt() -> ExchangeOrder:
            async with installation.db.bare_transaction(programme.id) as connection:
                await ledger.lock(connection, programme.id, [account_id])
                has_left = bool(await who_left(connection, programme.id, [account_id]))
                await _cancel(connection, principal, programme, order_id, now, gives_back=not has_left)
                return await _as_it_stands(connection, programme.id, order_id)

        async with installation.turns.turn(programme.id, account_id):
            return await retrying(attempt)

    return await installation.programmes.while_unchanged(principal.programme_id, call)


async def _cancel(
    connection: Connection,
    principal: Principal,
    programme: ProgrammeSnapshot,
    order_id: UUID,
    now: datetime,
    *,
    gives_back: bool,
) -> None:
    await keep_unchanged(connection, programme)  # a closed programme has no points
    internal_id, state, currency = await _locked(connection, programme.id, order_id)
    if state is ExchangeState.CANCELLED:
        return
    programme.require_open()
    if state is ExchangeState.EXCHANGED:
        raise errors.ExchangeOrderDecided(state)
    if currency != programme.currency:  # its points are worth nothing in this one
        raise errors.CurrencyMismatch(programme.currency, currency)
    await rows.lock_items_of(connection, programme.id, internal_id)
    if gives_back:
        source = Source(EXCHANGE_ORDER, order_id.hex)
        grace = grace_end(now, programme.settings_at(now).give_back_grace_days, programme.zone)
        await ledger.unspend(connection, programme.id, source, source, grace_expires_at=grace, now=now)
    await rows.move_stock(connection, programme.id, internal_id, Movement.CANCELLED, now=now)
    await _decide(connection, principal, order_id, internal_id, (state, ExchangeState.CANCELLED), now)


async def _locked(connection: Connection, programme_id: int, order_id: UUID) -> rows.LockedOrder:
    found = await rows.lock_order(connection, programme_id, order_id)
    if found is None:
        raise errors.ExchangeOrderNotFound
    return found


async def _decide(  # noqa: PLR0917  # who, of what, what
    connection: Connection,
    principal: Principal,
    order_id: UUID,
    internal_id: int,
    states: tuple[ExchangeState, ExchangeState],
    now: datetime,
) -> None:
    """Write the second state in the place of the first, with the audit and the message."""
    programme_id, (before, after) = principal.programme_id, states
    await rows.set_state(connection, programme_id, internal_id, after, now=now)
    change = Change(
        Action.EXCHANGE_DECIDED, f"exchange order {order_id.hex}", {"state": before.value}, {"state": after.value}
    )
    await audit.append(connection, programme_id, [change], by=principal.identity, now=now)
    message: dict[str, Any] = {"order": order_id.hex, "state": after.value}
    await outbox.append(connection, programme_id, EXCHANGE_CHANGED, message, now=now)


async def _as_it_stands(connection: Connection, programme_id: int, order_id: UUID) -> ExchangeOrder:
    row = await rows.find_order(connection, programme_id, order_id)
    assert row is not None, "it was locked"
    return order_of(row)
