"""A notice that is due is sent, or it is written down why not."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog

from pointbook.db.queries import gift_cards as cards
from pointbook.db.queries import notices as rows
from pointbook.db.retry import retrying
from pointbook.db.session import Connection
from pointbook.domain.notice_settings import NoticeSettings
from pointbook.domain.notices import TYPES, Audience, NoticeKind
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.gift_cards import page_path
from pointbook.services.installation import Installation
from pointbook.services.mailing import AddressRefused, Letter, Picture, Post, address, written
from pointbook.services.notices.expiring import known_as
from pointbook.services.notices.facts import Asked, Facts, Outcome, SentCard
from pointbook.services.notices.settings import answers_to, look_of, settings_of, text_for
from pointbook.services.notices.sources import SOURCES
from pointbook.services.notices.unsubscribing import unsubscribe_path
from pointbook.texts.notice_mail import CardPanel, notice_mail
from pointbook.texts.notice_texts import NoticeText
from pointbook.texts.phrasing import Phrasing
from pointbook.texts.qr_codes import qr_png

NOTHING_UNTOLD: Final[Mapping[str, Outcome]] = {}
_ID_LENGTH: Final = 32

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Due:
    """A mail that was promised in a programme."""

    programme_id: int
    kind: NoticeKind
    about: str
    payload: Mapping[str, Any]
    also: tuple[str, ...] = ()
    """What else it tells of, as ``about``."""

    @property
    def abouts(self) -> tuple[str, ...]:
        return self.about, *self.also


async def send(installation: Installation, post: Post, due: Due, *, now: datetime) -> Outcome | None:
    """Send the mail unless there is a reason not to, which is the answer; None: it was settled before.

    What is so (who wants it, where to, the figures) is looked up now. Raises MailNotTaken, after which the outbox
    comes again, and MailRefused, after which a person has to. A worker that dies after the server took the mail
    leaves it to be sent again, with the same Message-ID. An address at which there is nobody gets no more notices.
    ``now`` is the real instant.
    """
    programme = await installation.programmes.get(due.programme_id)
    if programme.sandbox:
        programme = await installation.programmes.current(
            programme.id
        )  # its clock, moved on, may have made this due
    sending = _Sending(installation, post, due, programme, programme.now(now), now)
    prepared = await retrying(sending.prepare)
    outcome = await sending.hand_over(prepared) if isinstance(prepared, _Prepared) else prepared
    if outcome is not None:
        log.info("notice.settled", programme=programme.id, kind=due.kind.value, outcome=outcome.value)
    return outcome


@dataclass(frozen=True, slots=True)
class _Prepared:
    told: tuple[str, ...]
    facts: Facts
    text: NoticeText
    say: Phrasing
    settings: NoticeSettings


@dataclass(frozen=True, slots=True)
class _Sending:
    installation: Installation
    post: Post
    due: Due
    programme: ProgrammeSnapshot
    now: datetime
    sent_at: datetime

    async def prepare(self) -> "_Prepared | Outcome | None":
        due, programme = self.due, self.programme
        async with self.installation.db.bare_transaction(programme.id) as connection:
            names = await self._names(connection)
            settled = await rows.settled(connection, programme.id, [*names, *names.values()])
            if settled.issuperset(names):
                return None
            abouts = tuple(about for about, name in names.items() if settled.isdisjoint((about, name)))
            settings = await settings_of(connection, programme.id)
            asked = Asked(
                self.installation,
                connection,
                programme,
                settings,
                due.payload,
                abouts,
                self.now,
                self.post.page,
            )
            facts = await self._facts(asked)
            if isinstance(facts, Outcome):
                await self._write_down(connection, facts)
                return facts
            text, say = await text_for(connection, programme, facts.kind or due.kind, facts.locale)
        told = tuple(about for about in abouts if about not in facts.untold)
        return _Prepared(told, facts, text, say, settings)

    async def _facts(self, asked: Asked) -> Facts | Outcome:
        if not asked.abouts:  # the member whose points they are now was told by another mail
            return Outcome.NOTHING_TO_TELL
        if self.due.kind in asked.settings.off:
            return Outcome.SWITCHED_OFF
        return await SOURCES[self.due.kind].gather(asked)

    async def _names(self, connection: Connection) -> dict[str, str]:
        """What it is about, each with the name by which it would be promised by now."""
        if self.due.kind is NoticeKind.POINTS_EXPIRING:
            return await known_as(connection, self.due.programme_id, self.due.abouts)
        return {about: about for about in self.due.abouts}

    def _letter(self, prepared: _Prepared) -> Letter:
        facts, say, settings = prepared.facts, prepared.say, prepared.settings
        programme, sender = self.programme, self.post.mailer.sender
        message_id = self._message_id(prepared.told[0])
        unsubscribe_url, card = self._unsubscribe_url(facts), facts.card
        picture = None if card is None else Picture(f"qr.{message_id}", qr_png(card.text.code or ""))
        mail = notice_mail(
            facts.kind or self.due.kind,
            prepared.text,
            facts.values,
            say,
            look_of(programme, settings),
            unsubscribe_url=unsubscribe_url,
            panel=None if card is None or picture is None else self._panel(card, picture),
        )
        return Letter(
            sender=address(settings.sender_name or sender.display_name or programme.name, sender.addr_spec),
            to=tuple(address(one.name, one.mailbox) for one in facts.to),
            subject=mail.subject,
            text=mail.text,
            html=mail.html,
            language=say.tag,
            message_id=message_id,
            date=self.sent_at,
            picture=picture,
            reply_to=answers_to(settings, self.programme.id),
            unsubscribe_url=unsubscribe_url,
        )

    def _panel(self, card: SentCard, picture: Picture) -> CardPanel:
        path = page_path(self.installation, self.programme.id, card.card_id, card.text.tag)
        return CardPanel(card.text, f"cid:{picture.content_id}", self.post.page(path))

    async def hand_over(self, prepared: _Prepared) -> Outcome:
        try:
            await self.post.mailer.send(written(self._letter(prepared)))
        except AddressRefused as refusal:
            if TYPES[self.due.kind].audience is not Audience.OPTED_IN:
                raise
            await self._settle(Outcome.ADDRESS_REFUSED, prepared.facts, str(refusal))
            return Outcome.ADDRESS_REFUSED
        await self._settle(Outcome.SENT, prepared.facts)
        return Outcome.SENT

    async def _settle(self, outcome: Outcome, facts: Facts, refusal: str | None = None) -> None:
        programme_id = self.programme.id

        async def attempt() -> None:
            async with self.installation.db.bare_transaction(programme_id) as connection:
                if refusal is not None:
                    [to] = facts.to
                    assert to.account_id is not None, "only members opt in"
                    await rows.refuse(connection, programme_id, to.account_id, to.mailbox, refusal, now=self.now)
                elif facts.card is not None:
                    await cards.set_delivered(connection, programme_id, facts.card.card_id, now=self.now)
                await self._write_down(connection, outcome, facts.untold)

        await retrying(attempt)

    async def _write_down(
        self, connection: Connection, outcome: Outcome, untold: Mapping[str, Outcome] = NOTHING_UNTOLD
    ) -> None:
        outcomes = {about: untold.get(about, outcome) for about in self.due.abouts}
        await self._write_rows(connection, outcomes)
        # Read once the rows are written: a merge has waited for them, or they for the merge.
        names = await self._names(connection)
        others = {name: outcomes[about] for about, name in names.items() if name != about}
        await self._write_rows(connection, others)

    async def _write_rows(self, connection: Connection, outcomes: Mapping[str, Outcome]) -> None:
        due = self.due
        later = [about for about, outcome in outcomes.items() if outcome is Outcome.LATER]
        await rows.withdraw(connection, due.programme_id, later)
        for about, outcome in outcomes.items():
            if outcome is not Outcome.LATER:
                await rows.settle(connection, due.programme_id, due.kind, about, outcome, now=self.now)

    def _unsubscribe_url(self, facts: Facts) -> str | None:
        [to, *others] = facts.to
        if to.public_id is None or others or TYPES[self.due.kind].audience is not Audience.OPTED_IN:
            return None
        return self.post.page(unsubscribe_path(self.installation, self.programme.id, to.public_id))

    def _message_id(self, about: str) -> str:
        """Derived, so that a mail that is sent again is known by it, and no other installation has the same."""
        name = self.installation.secrets.derive("notice mail", str(self.programme.id), about).hex()
        return f"{name[:_ID_LENGTH]}@{self.post.mailer.sender.domain}"
