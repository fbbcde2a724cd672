"""Staff try how a notice looks: in a preview, or as a mail to an address that they name. Values are examples."""

import base64
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

from pointbook.db.queries import notice_desk as rows
from pointbook.db.retry import retrying
from pointbook.domain import errors
from pointbook.domain.access import Principal
from pointbook.domain.mailboxes import mailbox_address
from pointbook.domain.money import Money
from pointbook.domain.notice_settings import NoticeSettings
from pointbook.domain.notices import TYPES, Audience, NoticeKind, checked_body, checked_subject
from pointbook.services import audit, outbox
from pointbook.services.audit import Action, Change
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.installation import Installation
from pointbook.services.mailing import Letter, Picture, Post, address, written
from pointbook.services.notices.settings import answers_to, look_of, settings_of, text_for
from pointbook.services.notices.wording import check_locale
from pointbook.services.outbox import NOTICE_TEST, Message
from pointbook.texts.gift_card_texts import CardFacts, card_text
from pointbook.texts.notice_examples import examples
from pointbook.texts.notice_mail import CardPanel, NoticeMail, card_values, notice_mail
from pointbook.texts.notice_texts import NoticeText
from pointbook.texts.qr_codes import qr_png

TESTS_AN_HOUR: Final = 20
_HOUR: Final = timedelta(hours=1)
_EXAMPLE_UNSUBSCRIBE: Final = "https://shop.example/unsubscribe"
_EXAMPLE_CARD_PAGE: Final = "https://shop.example/gift-cards/1"
_OF_CARDS: Final = frozenset({NoticeKind.GIFT_CARD, NoticeKind.GIFT_CARD_GIVEN})
_CODE: Final = "0000-0000-0000-0000"


@dataclass(frozen=True, slots=True)
class Preview:
    """What to look at. None as subject or body: what is said now."""

    kind: NoticeKind
    locale: str
    subject: str | None = None
    body: str | None = None


async def preview(installation: Installation, programme_id: int, command: Preview) -> NoticeMail:
    """The mail with example values; its pictures are in it. Raises InvalidInput."""
    programme = await installation.programmes.get(programme_id)
    picture = f"data:image/png;base64,{base64.b64encode(qr_png(_CODE)).decode()}"
    return (await _example(installation, programme, command, picture)).mail


async def send_test(
    installation: Installation, principal: Principal, kind: NoticeKind, locale: str, to: str, *, now: datetime
) -> None:
    """Promise a mail with example values to ``to``. Raises InvalidInput, MailNotConfigured, TooManyTestNotices."""
    programme = await installation.programmes.get(principal.programme_id)
    check_locale(programme, locale)
    mailbox_address("to", to)
    if not installation.sends_mail:
        raise errors.MailNotConfigured

    async def attempt() -> None:
        async with installation.db.bare_transaction(programme.id) as connection:
            if await rows.tests_since(connection, programme.id, now - _HOUR) >= TESTS_AN_HOUR:
                raise errors.TooManyTestNotices(TESTS_AN_HOUR)
            change = Change(Action.TEST_NOTICE_SENT, "test notice", None, {"kind": kind.value, "locale": locale})
            await audit.append(connection, programme.id, [change], by=principal.identity, now=now)
            told = {"kind": kind.value, "locale": locale, "to": to}
            await outbox.append(connection, programme.id, NOTICE_TEST, told, now=now)

    await retrying(attempt)


async def deliver_test(installation: Installation, post: Post, message: Message, *, now: datetime) -> None:
    """Send the mail of a test. Raises MailNotTaken and MailRefused."""
    programme = await installation.programmes.get(message.programme_id)
    kind, locale = NoticeKind(message.payload["kind"]), message.payload["locale"]
    sender = post.mailer.sender
    name = installation.secrets.derive("test notice", str(programme.id), str(message.id)).hex()[:32]
    picture = Picture(f"qr.{name}@{sender.domain}", qr_png(_CODE)) if kind in _OF_CARDS else None
    shown = "" if picture is None else f"cid:{picture.content_id}"
    mail, tag, settings = await _example(installation, programme, Preview(kind, locale), shown)
    letter = Letter(
        sender=address(settings.sender_name or sender.display_name or programme.name, sender.addr_spec),
        to=(address(None, message.payload["to"]),),
        subject=mail.subject,
        text=mail.text,
        html=mail.html,
        language=tag,
        message_id=f"{name}@{sender.domain}",
        date=now,
        picture=picture,
        reply_to=answers_to(settings, programme.id),
    )
    await post.mailer.send(written(letter))


class _Example(NamedTuple):
    """A mail, the language tag that it is in, and the settings that it was written by."""

    mail: NoticeMail
    tag: str
    settings: NoticeSettings


async def _example(
    installation: Installation, programme: ProgrammeSnapshot, command: Preview, picture: str
) -> _Example:
    kind = command.kind
    check_locale(programme, command.locale)
    subject = None if command.subject is None else checked_subject(kind, command.subject)
    body = None if command.body is None else checked_body(kind, command.body)
    async with installation.db.bare_transaction(programme.id) as connection:
        settings = await settings_of(connection, programme.id)
        now_said, say = await text_for(connection, programme, kind, command.locale)
    text = NoticeText(now_said.subject if subject is None else subject, now_said.body if body is None else body)
    values, panel = examples(kind, say.language), None
    if kind in _OF_CARDS:
        card = card_text(_card(programme, given=kind is NoticeKind.GIFT_CARD_GIVEN), command.locale)
        values, panel = card_values(card), CardPanel(card, picture, _EXAMPLE_CARD_PAGE)
    values = {**values, "account_page": settings.account_url}
    opted_in = TYPES[kind].audience is Audience.OPTED_IN
    mail = notice_mail(
        kind,
        text,
        values,
        say,
        look_of(programme, settings),
        unsubscribe_url=_EXAMPLE_UNSUBSCRIBE if opted_in else None,
        panel=panel,
    )
    return _Example(mail, say.tag, settings)


def _card(programme: ProgrammeSnapshot, *, given: bool) -> CardFacts:
    face = Money(5_000, programme.currency)
    return CardFacts(
        programme=programme.name,
        first=programme.locales[0],
        names={},
        face=face,
        left=face,
        held=Money(0, programme.currency),
        code=_CODE,
        last_four=_CODE[-4:],
        ended=None,
        last_day=date(2029, 3, 31),
        recipient="Ola" if given else None,
        message="Alles Gute!\nEva" if given else None,
    )
