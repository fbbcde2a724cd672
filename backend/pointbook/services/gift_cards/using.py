"""What the shop's server does with a gift card: look at it, set money aside, use it, put money back."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID, uuid4

from pointbook import ledger
from pointbook.db.retry import retrying
from pointbook.db.session import Connection
from pointbook.domain import errors, text
from pointbook.domain.access import Principal
from pointbook.domain.money import Money
from pointbook.domain.returns import grace_end
from pointbook.ledger import CardMove, Request
from pointbook.services import outbox
from pointbook.services.directory import ProgrammeSnapshot, keep_unchanged
from pointbook.services.gift_cards.cards import GiftCard, find_card, gift_card_of
from pointbook.services.installation import Installation
from pointbook.services.requests import is_repeat, request_of, require_open

GIFT_CARD_USED: Final = "gift_card.used"
GIFT_CARD_REFUNDED: Final = "gift_card.refunded"


class PaidKind(StrEnum):
    ORDER = "order"
    BOOKING = "booking"


class Paid(NamedTuple):
    """What a card pays, by the shop's id."""

    kind: PaidKind
    external_id: str


@dataclass(frozen=True, slots=True)
class UseCard:
    """``amount`` None: all that ``hold_id`` has set aside; without a hold it says how much."""

    code: str
    idempotency_key: str
    amount: Money | None
    hold_id: UUID | None = None
    paid: Paid | None = None


@dataclass(frozen=True, slots=True)
class HoldCard:
    code: str
    idempotency_key: str
    amount: Money


@dataclass(frozen=True, slots=True)
class RefundCard:
    """``paid``: of what the card paid for that, else of what it paid for nothing that was named."""

    code: str
    idempotency_key: str
    amount: Money
    paid: Paid | None = None


@dataclass(frozen=True, slots=True)
class ReleaseCard:
    code: str
    idempotency_key: str
    hold_id: UUID


class CardHold(NamedTuple):
    """``amount`` of ``card`` is set aside until ``expires_at``."""

    card: GiftCard
    hold_id: UUID
    amount: Money
    expires_at: datetime


class Used(NamedTuple):
    """``amount`` moved, and the card after it."""

    card: GiftCard
    amount: Money


async def gift_card(installation: Installation, principal: Principal, code: str, *, now: datetime) -> GiftCard:
    """What a code stands for, as it is now. For the shop's server. Raises GiftCardNotUsable if unknown."""
    programme = await installation.programmes.get(principal.programme_id)
    return gift_card_of(installation, await find_card(installation, programme, code, now=now))


async def use(installation: Installation, principal: Principal, command: UseCard, *, now: datetime) -> Used:
    """Pay with a card; the same key again is answered as the first time.

    Raises GiftCardNotUsable (unknown code), GiftCardOverdrawn, GiftCardEnded, RedemptionNotFound and
    RedemptionEnded (of the hold), CurrencyMismatch, IdempotencyConflict, InvalidInput, ProgrammeNotOpen.
    """
    programme, card = await _card(installation, principal, command.code, now)
    if command.amount is None and command.hold_id is None:
        raise errors.InvalidInput("amount", "say how much, or which hold")
    amount = None if command.amount is None else _amount(card, command.amount)
    paid = _paid(command.paid)
    request = request_of(
        installation,
        principal,
        "useGiftCard",
        command.idempotency_key,
        card.card_id,
        amount,
        command.hold_id,
        paid,
    )
    await _require_good(installation, programme, card, request)

    async def call() -> CardMove:
        async with installation.db.bare_transaction(programme.id) as connection:
            used = await ledger.use_card(
                connection,
                programme.id,
                card.card_id,
                amount=amount,
                hold_id=command.hold_id,
                paid=paid,
                request=request,
                now=now,
            )
            await _tell(connection, programme.id, GIFT_CARD_USED, used, paid, now=now)
            return used

    return _moved(installation, await retrying(call))


async def hold(installation: Installation, principal: Principal, command: HoldCard, *, now: datetime) -> CardHold:
    """Set money of a card aside for a checkout, for the programme's hold length.

    Raises GiftCardNotUsable, GiftCardOverdrawn, GiftCardEnded, CurrencyMismatch, IdempotencyConflict,
    InvalidInput, ProgrammeNotOpen.
    """
    programme, card = await _card(installation, principal, command.code, now)
    amount = _amount(card, command.amount)
    lifetime = programme.settings_at(now).hold_length
    request = request_of(installation, principal, "holdGiftCard", command.idempotency_key, card.card_id, amount)
    await _require_good(installation, programme, card, request)
    hold_id = uuid4()

    async def call(connection: Connection) -> CardMove:
        return await ledger.hold_card(
            connection,
            programme.id,
            card.card_id,
            hold_id,
            amount=amount,
            lifetime=lifetime,
            request=request,
            now=now,
        )

    held = await installation.db.one_statement(call)
    assert held.hold_id is not None, "it was made"
    assert held.hold_expires_at is not None, "it was made"
    return CardHold(
        gift_card_of(installation, held.card),
        held.hold_id,
        Money(held.amount, held.card.currency),
        held.hold_expires_at,
    )


async def release(
    installation: Installation, principal: Principal, command: ReleaseCard, *, now: datetime
) -> Used:
    """Give what was set aside back to its card.

    Raises GiftCardNotUsable, RedemptionNotFound, RedemptionEnded, CurrencyMismatch, IdempotencyConflict,
    ProgrammeNotOpen.
    """
    programme, card = await _card(installation, principal, command.code, now)
    hold_id = command.hold_id
    request = request_of(
        installation, principal, "releaseGiftCardHold", command.idempotency_key, card.card_id, hold_id
    )
    await _require_good(installation, programme, card, request)

    async def call(connection: Connection) -> CardMove:
        return await ledger.release_card(connection, programme.id, card.card_id, hold_id, request, now=now)

    return _moved(installation, await installation.db.one_statement(call))


async def refund(installation: Installation, principal: Principal, command: RefundCard, *, now: datetime) -> Used:
    """Put money back onto the card that paid it; one that has expired is good for it for the days of grace (R27).

    Raises GiftCardNotUsable, RefundExceedsUse, CurrencyMismatch, IdempotencyConflict, InvalidInput,
    ProgrammeNotOpen.
    """

    async def call(programme: ProgrammeSnapshot) -> Used:
        card = await find_card(installation, programme, command.code, now=now)
        amount, paid = _amount(card, command.amount), _paid(command.paid)
        request = request_of(
            installation, principal, "refundGiftCard", command.idempotency_key, card.card_id, amount, paid
        )
        await _require_good(installation, programme, card, request)
        grace = grace_end(now, programme.settings_at(now).give_back_grace_days, programme.zone)

        async def attempt() -> CardMove:
            async with installation.db.bare_transaction(programme.id) as connection:
                await keep_unchanged(connection, programme)
                refunded = await ledger.refund_card(
                    connection,
                    programme.id,
                    card.card_id,
                    amount=amount,
                    paid=paid,
                    grace_expires_at=grace,
                    request=request,
                    now=now,
                )
                await _tell(connection, programme.id, GIFT_CARD_REFUNDED, refunded, paid, now=now)
                return refunded

        return _moved(installation, await retrying(attempt))

    return await installation.programmes.while_unchanged(principal.programme_id, call)


async def _card(
    installation: Installation, principal: Principal, code: str, now: datetime
) -> tuple[ProgrammeSnapshot, ledger.Card]:
    programme = await installation.programmes.get(principal.programme_id)
    return programme, await find_card(installation, programme, code, now=now)


async def _require_good(
    installation: Installation, programme: ProgrammeSnapshot, card: ledger.Card, request: Request
) -> None:
    """Whether the card may be moved by what is no repeat: one of a former currency is worth nothing.

    Raises ProgrammeNotOpen, CurrencyMismatch.
    """
    await require_open(installation, programme, request)
    if card.currency != programme.currency and not await is_repeat(installation, programme.id, request):
        raise errors.CurrencyMismatch(programme.currency, card.currency)


def _amount(card: ledger.Card, amount: Money) -> int:
    if amount.currency != card.currency:
        raise errors.CurrencyMismatch(card.currency, amount.currency)
    if amount.amount <= 0:
        raise errors.InvalidInput("amount", "must be more than nothing")
    return amount.amount


def _paid(paid: Paid | None) -> tuple[str, str] | None:
    return None if paid is None else (paid.kind.value, text.identifier("externalId", paid.external_id))


async def _tell(
    connection: Connection,
    programme_id: int,
    topic: str,
    move: CardMove,
    paid: tuple[str, str] | None,
    *,
    now: datetime,
) -> None:
    """Promise the message of what moved, in its transaction, once."""
    if move.replayed:
        return
    payload = {"giftCard": move.card.card_id.hex, "amount": move.amount, "balance": move.card.open, "paid": paid}
    await outbox.append(connection, programme_id, topic, payload, now=now)


def _moved(installation: Installation, move: CardMove) -> Used:
    return Used(gift_card_of(installation, move.card), Money(move.amount, move.card.currency))
