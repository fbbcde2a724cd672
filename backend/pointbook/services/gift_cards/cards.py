"""A card of the ledger as its owner, the shop and the staff see it, with its code and its money."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from pointbook import ledger
from pointbook.db.session import Connection
from pointbook.domain import errors
from pointbook.domain.money import Money
from pointbook.ledger import CardEntryKind, CardState
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation


@dataclass(frozen=True, slots=True)
class GiftCard:
    """``balance`` is what can be used now; ``held`` is set aside for checkouts. ``expires_at`` None = never.

    ``code`` is for its owner and the shop only.
    """

    card_id: UUID
    code: str = field(repr=False)
    last_four: str
    state: CardState
    face: Money
    balance: Money
    held: Money
    issued_at: datetime
    issued_until: datetime | None
    expires_at: datetime | None

    def as_issued(self) -> "GiftCard":
        """As it was when it was bought."""
        return replace(
            self,
            state=CardState.ISSUED,
            balance=self.face,
            held=Money(0, self.face.currency),
            expires_at=self.issued_until,
        )


@dataclass(frozen=True, slots=True)
class CardEntry:
    """What happened to a card: ``amount`` moved, ``effect`` is what that did to its balance.

    ``paid``: kind and id of what it paid, or was refunded for.
    """

    seq: int
    kind: CardEntryKind
    at: datetime
    amount: Money
    effect: Money
    paid: tuple[str, str] | None


def gift_card_of(installation: Installation, card: ledger.Card) -> GiftCard:
    return GiftCard(
        card_id=card.card_id,
        code=installation.card_codes.code(card.card_id),
        last_four=card.last_four,
        state=card.state,
        face=Money(card.face, card.currency),
        balance=Money(card.open, card.currency),
        held=Money(card.held, card.currency),
        issued_at=card.issued_at,
        issued_until=card.issued_until,
        expires_at=card.expires_at,
    )


async def find_card(
    installation: Installation, programme: ProgrammeSnapshot, code: str, *, now: datetime
) -> ledger.Card:
    """The card of a code in this programme. Raises GiftCardNotUsable: unknown, another programme's, or no code."""
    digest = installation.card_codes.digest(code)

    async def call(connection: Connection) -> ledger.Card | None:
        return await ledger.card_of_code(connection, programme.id, digest, now=now)

    card = await installation.db.one_statement(call)
    if card is None:
        raise errors.GiftCardNotUsable
    return card


async def history(
    installation: Installation,
    programme_id: int,
    card: GiftCard,
    *,
    first: int,
    before_seq: int | None = None,
    now: datetime,
) -> list[CardEntry]:
    """What happened to a card, newest first, older than ``before_seq``."""
    currency = card.face.currency

    async def call(connection: Connection) -> list[ledger.CardEntry]:
        return await ledger.card_history(
            connection, programme_id, card.card_id, first=first, before_seq=before_seq, now=now
        )

    return [
        CardEntry(
            entry.seq,
            entry.kind,
            entry.at,
            Money(entry.amount, currency),
            Money(entry.effect, currency),
            entry.paid,
        )
        for entry in await installation.db.one_statement(call)
    ]
