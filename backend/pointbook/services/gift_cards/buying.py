"""A customer buys a gift card with points, for themselves or for somebody else, and finds it again."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID, uuid4

from pointbook import ledger
from pointbook.db.queries import gift_cards as rows
from pointbook.db.queries.gift_cards import BoughtFilter, BoughtRow
from pointbook.db.retry import retrying
from pointbook.db.session import Connection
from pointbook.domain import calendar, codes, errors, text
from pointbook.domain.access import Principal
from pointbook.domain.calendar import CountsFrom, Expiry
from pointbook.domain.catalogue import GiftCardProduct
from pointbook.domain.errors import InvalidInput
from pointbook.domain.mailboxes import mailbox_address
from pointbook.domain.money import Money
from pointbook.ledger import NewCard
from pointbook.services import outbox
from pointbook.services.catalogue import GIFT_CARDS, on_sale
from pointbook.services.directory import AccountKey, ProgrammeSnapshot, check_unchanged
from pointbook.services.gift_cards.cards import GiftCard, gift_card_of
from pointbook.services.installation import Installation
from pointbook.services.requests import request_of

GIFT_CARD_BOUGHT: Final = "gift_card.bought"
GIFT_CARD_DELIVERY: Final = "gift_card.delivery"
"""The code is due at its recipient's; the message names the card and nobody."""

MAX_MESSAGE: Final = 500
MAX_NAME: Final = 100
DELIVER_WITHIN: Final = timedelta(days=366)
_IN_THE_MORNING: Final = time(8)


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who gets the code by mail; ``deliver_on``: in the morning of that day in the programme's zone, None: now."""

    email: str
    name: str | None = None
    message: str | None = None
    deliver_on: date | None = None


@dataclass(frozen=True, slots=True)
class BuyGiftCard:
    """``price_points``: what the customer was shown, and ``face_value``, if that is to be compared, too.

    ``recipient`` None: for themselves.
    """

    sku: str
    price_points: int
    idempotency_key: str
    recipient: Recipient | None = None
    face_value: Money | None = None


@dataclass(frozen=True, slots=True)
class BoughtCard:
    """A card with what stands beside it. ``buyer``: the shop's ids of the member who bought it."""

    id: int
    card: GiftCard
    row: BoughtRow = field(repr=False)
    buyer: tuple[str, ...] = ()


async def buy(
    installation: Installation, principal: Principal, command: BuyGiftCard, *, now: datetime
) -> BoughtCard:
    """Spend points on a card, at once and atomically; the same key again: the card as it was bought.

    Its code leaves by mail, whatever the member has said of notices: it was bought. Raises NotAMember,
    MemberInactive, RedemptionLocked, InsufficientPoints, NotInCatalogue, PriceChanged, IdempotencyConflict,
    InvalidInput, ProgrammeNotOpen; nothing is spent then.
    """
    assert principal.subject is not None, "the policy admits customers only"
    subject, to = principal.subject, _checked(command.recipient)
    request = request_of(
        installation,
        principal,
        "buyGiftCard",
        command.idempotency_key,
        command.sku,
        command.price_points,
        to and (to.email, to.name, to.message, to.deliver_on and to.deliver_on.isoformat()),
        command.face_value and (command.face_value.amount, command.face_value.currency),
    )

    async def call(programme: ProgrammeSnapshot) -> BoughtCard:
        account = await installation.accounts.get(programme.id, subject)

        async def attempt() -> UUID:
            async with installation.db.bare_transaction(programme.id) as connection:
                await ledger.lock(connection, programme.id, [account.account_id])
                earlier = await ledger.spent_by(connection, programme.id, request)
                if earlier is not None:
                    return UUID(earlier.source.id)
                programme.require_open()
                purchase = _Purchase(installation, programme, account, command, to, now)
                card_id = await purchase.make(connection, request)
                await check_unchanged(connection, programme)
                return card_id

        async with installation.turns.turn(programme.id, account.account_id):
            card_id = await retrying(attempt)
        bought = await retrying(lambda: find_bought(installation, programme.id, card_id, now=now))
        assert bought is not None, "it was bought"
        return replace(bought, card=bought.card.as_issued())

    return await installation.programmes.while_unchanged(principal.programme_id, call)


@dataclass(frozen=True, slots=True)
class _Purchase:
    installation: Installation
    programme: ProgrammeSnapshot
    account: AccountKey
    command: BuyGiftCard
    recipient: Recipient | None
    now: datetime

    async def make(self, connection: Connection, request: ledger.Request) -> UUID:
        programme, now = self.programme, self.now
        kept = await on_sale(connection, programme, GIFT_CARDS, self.command.sku)
        product = kept.offer
        if product.price_points != self.command.price_points:
            raise errors.PriceChanged(product.sku, product.price_points, face_value=self._face_value(product))
        if self.command.face_value not in (None, Money(product.face_value, programme.currency)):
            raise errors.PriceChanged(product.sku, product.price_points, face_value=self._face_value(product))
        expires_at = calendar.expires_at(
            now, now, Expiry(days=product.validity_days), CountsFrom.EARNING, programme.zone
        )
        deliver_at = self._deliver_at()
        if expires_at is not None and deliver_at >= expires_at:
            raise InvalidInput("recipient.deliverOn", "must be a day on which the card is still good")
        card_id = uuid4()
        code = self.installation.card_codes.code(card_id)
        new = NewCard(
            card_id,
            product.price_points,
            programme.currency,
            product.face_value,
            expires_at,
            self.installation.card_codes.digest(code),
            codes.last_four(code),
        )
        card = await ledger.buy_card(connection, programme.id, self.account.account_id, new, request, now=now)
        told = {
            "giftCard": card_id.hex,
            "account": self.account.public_id.hex,
            "points": product.price_points,
            "value": product.face_value,
            "currency": programme.currency,
        }
        await outbox.append(connection, programme.id, GIFT_CARD_BOUGHT, told, now=now)
        delivery_id = await outbox.append(
            connection,
            programme.id,
            GIFT_CARD_DELIVERY,
            {"giftCard": card_id.hex},
            now=now,
            delay=deliver_at - now,
            clock_ahead=programme.clock_ahead,
        )
        to = self.recipient
        row = rows.NewGiftCard(
            card_id,
            card.account_id,
            kept.id,
            now,
            None if to is None else to.name,
            None if to is None else to.email,
            None if to is None else to.message,
            deliver_at,
            delivery_id,
        )
        await rows.add(connection, programme.id, row)
        return card_id

    def _face_value(self, product: GiftCardProduct) -> Decimal:
        return Decimal(Money(product.face_value, self.programme.currency).decimal)

    def _deliver_at(self) -> datetime:
        day = None if self.recipient is None else self.recipient.deliver_on
        if day is None:
            return self.now
        today = self.now.astimezone(self.programme.zone).date()
        if not today <= day <= today + DELIVER_WITHIN:
            raise InvalidInput("recipient.deliverOn", "must be today or a day of the next 366")
        return max(self.now, calendar.local_instant(day, _IN_THE_MORNING, self.programme.zone))


async def find_bought(
    installation: Installation, programme_id: int, card_id: UUID, *, now: datetime
) -> BoughtCard | None:
    programme = await installation.programmes.get(programme_id)
    async with installation.db.bare_transaction(programme_id) as connection:
        return await bought_inside(connection, installation, programme, card_id, now=now)


async def bought_inside(
    connection: Connection,
    installation: Installation,
    programme: ProgrammeSnapshot,
    card_id: UUID,
    *,
    now: datetime,
) -> BoughtCard | None:
    """As ``find_bought``, in the caller's transaction."""
    row = await rows.find(connection, programme.id, card_id)
    if row is None:
        return None
    [bought] = await _with_cards(installation, programme, connection, [row], now)
    return bought


async def list_bought(
    installation: Installation,
    programme_id: int,
    which: BoughtFilter,
    *,
    first: int,
    before_id: int | None = None,
    with_buyers: bool = False,
    now: datetime,
) -> list[BoughtCard]:
    """At most ``first`` cards, newest first, older than ``before_id``."""
    programme = await installation.programmes.get(programme_id)
    async with installation.db.bare_transaction(programme_id) as connection:
        found = await rows.list_bought(connection, programme_id, which, first=first, before_id=before_id)
        bought = await _with_cards(installation, programme, connection, found, now)
        if not with_buyers:
            return bought
        accounts = [row.account_id for row in found]
        buyers = await rows.buyers(connection, programme_id, accounts)
    return [BoughtCard(one.id, one.card, one.row, tuple(buyers.get(one.row.account_id, ()))) for one in bought]


async def _with_cards(
    installation: Installation,
    programme: ProgrammeSnapshot,
    connection: Connection,
    found: list[BoughtRow],
    now: datetime,
) -> list[BoughtCard]:
    cards = await ledger.cards(connection, programme.id, [row.card_id for row in found], now=now)
    return [BoughtCard(row.id, gift_card_of(installation, cards[row.card_id]), row) for row in found]


def _checked(recipient: Recipient | None) -> Recipient | None:
    if recipient is None:
        return None
    name, message = recipient.name or None, recipient.message or None  # forms send what is empty
    with errors.refusals_under("recipient"):
        mailbox_address("email", recipient.email)
        text.optional_identifier("name", name, MAX_NAME)
        told = None if message is None else text.paragraphs("message", message, MAX_MESSAGE)
    return replace(recipient, name=name, message=told)
