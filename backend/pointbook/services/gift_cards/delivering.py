"""The code of a bought card goes out by mail, when its message in the outbox is due.

Whoever bought a card gets it, whatever they have said of notices (R32). What is so is looked up at that moment: a
card that was voided, used up or has expired meanwhile is not sent.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from pointbook.db.queries import gift_cards as rows
from pointbook.db.retry import retrying
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.gift_cards.buying import BoughtCard, find_bought
from pointbook.services.gift_cards.looking import facts_of, page_path
from pointbook.services.installation import Installation
from pointbook.services.mailing import Letter, Picture, Post, address, written
from pointbook.services.outbox import Message
from pointbook.texts.gift_card_mail import card_mail
from pointbook.texts.gift_card_texts import CardText, card_text
from pointbook.texts.qr_codes import qr_png

_ID_LENGTH: Final = 32

log = structlog.get_logger(__name__)


async def deliver(installation: Installation, post: Post, message: Message, *, now: datetime) -> None:
    """Send the code that ``message`` is about. What was sent already, or is not to be sent, is passed over.

    Raises MailNotTaken, after which the outbox comes again, and MailRefused, after which a person has to. A worker
    that dies after the server took the mail leaves it to be sent again, with the same Message-ID.
    """
    programme = await installation.programmes.get(message.programme_id)
    card_id = UUID(hex=message.payload["giftCard"])
    bought = await find_bought(installation, programme.id, card_id, now=now)
    if bought is None:
        _passed_over(message, "unknown")
    elif bought.row.delivered_at is not None:
        _passed_over(message, "sent before")
    else:
        await _Delivery(installation, post, message, programme, bought).make(now)


@dataclass(frozen=True, slots=True)
class _Delivery:
    installation: Installation
    post: Post
    message: Message
    programme: ProgrammeSnapshot
    bought: BoughtCard

    async def make(self, now: datetime) -> None:
        row, programme = self.bought.row, self.programme
        async with self.installation.db.bare_transaction(programme.id) as connection:
            own, locale = await rows.buyer_address(connection, programme.id, row.account_id)
        mailbox = row.recipient_email or own
        card = card_text(facts_of(programme, self.bought), locale or programme.locales[0])
        if card.code is None:
            _passed_over(self.message, self.bought.card.state.value)
        elif mailbox is None:
            _passed_over(self.message, "no address")
        else:
            await self.post.mailer.send(written(self._letter(card, card.code, mailbox, now)))
            await self._note(now)
            log.info("gift_card.sent", programme=programme.id, message=self.message.id)

    def _letter(self, card: CardText, code: str, mailbox: str, now: datetime) -> Letter:
        row, programme = self.bought.row, self.programme
        sender = self.post.mailer.sender
        # Derived, so that another installation with the same sender has other ids.
        name = self.installation.secrets.derive("gift card mail", str(programme.id), str(self.message.id)).hex()
        message_id = f"{name[:_ID_LENGTH]}@{sender.domain}"
        picture = Picture(f"qr.{message_id}", qr_png(code))
        mail = card_mail(
            card,
            given=row.recipient_email is not None,
            page_url=self._page_url(card.tag),
            picture=picture.content_id,
        )
        return Letter(
            sender=address(sender.display_name or programme.name, sender.addr_spec),
            to=(address(row.recipient_name, mailbox),),
            subject=mail.subject,
            text=mail.text,
            html=mail.html,
            picture=picture,
            language=card.tag,
            message_id=message_id,
            date=now,
        )

    def _page_url(self, tag: str) -> str | None:
        return self.post.page(page_path(self.installation, self.programme.id, self.bought.card.card_id, tag))

    async def _note(self, now: datetime) -> None:
        async def attempt() -> None:
            async with self.installation.db.bare_transaction(self.programme.id) as connection:
                await rows.set_delivered(connection, self.programme.id, self.bought.card.card_id, now=now)

        await retrying(attempt)


def _passed_over(message: Message, why: str) -> None:
    log.info("gift_card.not_sent", programme=message.programme_id, message=message.id, why=why)
