"""Staff void an unused gift card, and the points that bought it come back."""

from datetime import datetime
from typing import Final
from uuid import UUID

from pointbook import ledger
from pointbook.db.queries import gift_cards as rows
from pointbook.db.retry import retrying
from pointbook.domain.access import Principal
from pointbook.domain.returns import grace_end
from pointbook.ledger import GivenBack
from pointbook.services import audit, outbox
from pointbook.services.audit import Action, Change
from pointbook.services.directory import ProgrammeSnapshot, keep_unchanged
from pointbook.services.gift_cards.cards import GiftCard, gift_card_of
from pointbook.services.installation import Installation

GIFT_CARD_VOIDED: Final = "gift_card.voided"


async def void(
    installation: Installation, principal: Principal, card_id: UUID, *, now: datetime
) -> tuple[GiftCard, GivenBack]:
    """Void a card of which nothing is used; points go back to their lots (R27, R29). Again: nothing more.

    Raises GiftCardNotUsable (there is none), GiftCardInUse, NotAMember (who bought it has left: it stays good),
    ProgrammeNotOpen.
    """

    async def call(programme: ProgrammeSnapshot) -> tuple[GiftCard, GivenBack]:
        grace = grace_end(now, programme.settings_at(now).give_back_grace_days, programme.zone)

        async def attempt() -> ledger.CardVoid:
            async with installation.db.bare_transaction(programme.id) as connection:
                await keep_unchanged(connection, programme)
                voided = await ledger.void_card(connection, programme.id, card_id, grace_expires_at=grace, now=now)
                if not voided.replayed:
                    programme.require_open()
                    bought = await rows.find(connection, programme.id, card_id)
                    if bought is not None:  # nobody is to be sent a code that is void
                        await outbox.withdraw(connection, programme.id, bought.delivery_id)
                    change = Change(
                        Action.GIFT_CARD_VOIDED,
                        f"gift card {card_id.hex}",
                        None,
                        {"points": voided.given_back.points},
                    )
                    await audit.append(connection, programme.id, [change], by=principal.identity, now=now)
                    payload = {"giftCard": card_id.hex, "points": voided.given_back.points}
                    await outbox.append(connection, programme.id, GIFT_CARD_VOIDED, payload, now=now)
                return voided

        voided = await retrying(attempt)
        return gift_card_of(installation, voided.card), voided.given_back

    return await installation.programmes.while_unchanged(principal.programme_id, call)
