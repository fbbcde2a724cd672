"""A member leaves (R34): the loss is shown and confirmed, points are forfeited, and what names the member goes.

All of it in one transaction, in a programme of any state: whoever wants to be forgotten is. What stays is named by
opaque ids. ``db.queries.erasure`` says what goes from where.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from pointbook import ledger
from pointbook.db.queries import erasure, members
from pointbook.db.queries import leaving as rows
from pointbook.db.retry import retrying
from pointbook.db.session import Connection
from pointbook.domain import errors
from pointbook.domain.access import CallerKind, Principal
from pointbook.domain.money import Money
from pointbook.domain.text import identifier
from pointbook.ledger import Forfeited, Request
from pointbook.services import audit, outbox
from pointbook.services.audit import Action, Change
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.members import member_of
from pointbook.services.outbox import MEMBER_GOODBYE
from pointbook.services.rejoining import rejoin_digest, rejoin_id_digest
from pointbook.services.requests import is_repeat, request_of

MEMBER_LEFT: Final = "member.left"
FRESH: Final = timedelta(minutes=5)
"""How old a customer's token may be: to leave one signs in again."""
THEMSELVES: Final = "member"
"""Who did it, in the audit: a customer's own name goes with the rest."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What leaving takes, whole points, and what it does not: bought gift cards with money on them stay good.

    ``unsent_cards`` are bought cards whose code has not been sent; it will not be. ``exchange_orders`` are not
    decided yet; they go on, without a note.
    """

    available: int
    pending: int
    held: int
    debt: int
    gift_cards: int
    gift_card_money: Money
    unsent_cards: int
    exchange_orders: int

    @property
    def points(self) -> int:
        return self.available + self.pending + self.held


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The loss as it was shown."""

    points: int
    debt: int


async def loss_of(installation: Installation, programme_id: int, external_id: str, *, now: datetime) -> Loss:
    """Raises NotAMember."""
    programme = await installation.programmes.get(programme_id)
    account = await installation.accounts.get(programme_id, external_id)
    async with installation.db.bare_transaction(programme_id) as connection:
        return await _loss(connection, programme, account.account_id, now)


async def leave(
    installation: Installation,
    principal: Principal,
    external_id: str,
    confirmed: Confirmed,
    idempotency_key: str,
    *,
    now: datetime,
) -> Forfeited:
    """Let a member leave for good, asked by themselves or by staff, who may.

    The same key again: the same answer. Raises LossChanged (the loss is not what was shown), TokenTooOld (of a
    customer), NotAMember, IdempotencyConflict, InvalidInput; nothing is changed then.
    """
    customer = principal.kind is CallerKind.CUSTOMER
    programme = await installation.programmes.get(principal.programme_id)
    request = request_of(
        installation,
        principal,
        "leaveProgramme",
        idempotency_key,
        external_id,
        confirmed.points,
        confirmed.debt,
    )
    is_old = customer and (principal.issued_at is None or programme.now(principal.issued_at) < now - FRESH)
    if is_old and not await is_repeat(installation, programme.id, request):
        raise errors.TokenTooOld(int(FRESH.total_seconds()))
    by = THEMSELVES if customer else principal.identity
    leaving = _Leaving(installation, programme, confirmed, request, by, now)
    known = await installation.accounts.find(programme.id, identifier("customerExternalId", external_id))
    if known is None:
        return await leaving.repeat()
    async with installation.turns.turn(programme.id, known.account_id):
        forfeited, names = await retrying(lambda: leaving.leave(known.account_id))
    for name in {external_id, *names}:
        installation.accounts.forget(programme.id, name)
    return forfeited


@dataclass(frozen=True, slots=True)
class _Leaving:
    """One request; ``leave`` may run several times and has its effect in the last."""

    installation: Installation
    programme: ProgrammeSnapshot
    confirmed: Confirmed
    request: Request
    by: str
    now: datetime

    async def repeat(self) -> Forfeited:
        """The answer of before, when nothing names the member any more. Raises NotAMember."""
        async with self.installation.db.bare_transaction(self.programme.id) as connection:
            earlier = await ledger.forfeited_by(connection, self.programme.id, self.request)
        if earlier is None:
            raise errors.NotAMember
        return earlier

    async def leave(self, account_id: int) -> tuple[Forfeited, tuple[str, ...]]:
        """What was forfeited, and what the shop called the member."""
        programme_id = self.programme.id
        async with self.installation.db.bare_transaction(programme_id) as connection:
            locked = await ledger.lock(connection, programme_id, [account_id])
            earlier = await ledger.forfeited_by(connection, programme_id, self.request)
            if earlier is not None:
                return earlier, ()
            row = await members.locked(connection, programme_id, locked.get(account_id, account_id))
            if row is None:
                raise errors.NotAMember
            loss = await _loss(connection, self.programme, row["account_id"], self.now)
            if (loss.points, loss.debt) != (self.confirmed.points, self.confirmed.debt):
                raise errors.LossChanged(loss.points, loss.debt)
            forfeited = await ledger.forfeit(
                connection, programme_id, row["account_id"], request=self.request, now=self.now
            )
            person = await erasure.person_of(connection, programme_id, row["account_id"])
            await self._block_bonus(connection, person)
            await erasure.erase(connection, programme_id, person)
            await self._tell(connection, row, loss)
            return forfeited, person.external_ids

    async def _block_bonus(self, connection: Connection, person: erasure.Person) -> None:
        """Whoever joins again by one of the ids or addresses gets no second bonus for a while.

        Not by an address that somebody else has, unless it was proved: it may be theirs.
        """
        days = self.programme.settings_at(self.now).rejoin_bonus_block_days
        if days == 0:
            return
        addresses, ids = {*person.emails, *person.proved}, person.external_ids
        of_addresses = [rejoin_digest(self.installation, self.programme.id, email) for email in addresses]
        of_ids = [rejoin_id_digest(self.installation, self.programme.id, name) for name in ids]
        for digest in (*of_addresses, *of_ids):
            await rows.block_bonus(connection, self.programme.id, digest, until=self.now + timedelta(days=days))

    async def _tell(self, connection: Connection, row: Any, loss: Loss) -> None:
        """``row`` is the member's of before: the goodbye is the one message that still knows the address."""
        programme_id, member = self.programme.id, member_of(row)
        lost = {"points": loss.points, "debt": loss.debt}
        change = Change(Action.MEMBER_LEFT, f"member {member.public_id.hex}", None, lost)
        await audit.append(connection, programme_id, [change], by=self.by, now=self.now)
        payload: Mapping[str, Any] = {"account": member.public_id.hex}
        await outbox.append(connection, programme_id, MEMBER_LEFT, payload, now=self.now)
        if member.notifications.opt_in and member.email is not None:
            goodbye = {"email": member.email, "locale": member.locale}
            await outbox.append(connection, programme_id, MEMBER_GOODBYE, goodbye, now=self.now)


async def _loss(connection: Connection, programme: ProgrammeSnapshot, account_id: int, now: datetime) -> Loss:
    balance = await ledger.balance(connection, programme.id, account_id, as_of=now, now=now)
    rest = await rows.what_else(connection, programme.id, account_id, programme.currency, now=now)
    return Loss(
        available=balance.available,
        pending=balance.pending,
        held=balance.held,
        debt=balance.debt,
        gift_cards=rest["cards"],
        gift_card_money=Money(rest["money"], programme.currency),
        unsent_cards=rest["unsent"],
        exchange_orders=rest["exchange_orders"],
    )
