"""The code of a bought card reaches whoever it was bought for, once it is due, and nobody else (R29, R32, I11)."""

from datetime import date, datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr
from structlog.testing import capture_logs

from pointbook.db.queries import gift_cards as card_rows
from pointbook.db.session import Database
from pointbook.domain.access import CallerKind, Principal
from pointbook.domain.notices import NoticeKind
from pointbook.services import gift_cards, notices, outbox
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.gift_cards import BoughtCard
from pointbook.services.installation import Installation
from pointbook.services.mailing import Mailer, Post
from pointbook.services.notices import Due
from pointbook.services.outbox import Delivery, Drained, Message
from pointbook.settings import Settings
from pointbook.worker.subscriptions import subscriptions
from tests.cards import buy_card, member_who_buys, offer_card, use_card
from tests.faults.processes import free_port
from tests.support import NOW, make_programme
from tests.worker.mail_server import MailServer, serving
from tests.worker.messages import age, rows
from tests.worker.running import running, until

TOPIC = "gift_card.delivery"
SENDER = Address("", addr_spec="cards@pointbook.example")
HASTY = Delivery(first_pause=timedelta(seconds=1))


@pytest_asyncio.fixture
async def programme(installation: Installation) -> ProgrammeSnapshot:
    made = await make_programme(installation, name="Rösterei Morgenrot", locales=("de", "en", "pl"))
    await offer_card(installation, made)
    return made


async def drain(
    installation: Installation, url: str | None, *, now: datetime = NOW, public_url: str | None = None
) -> Drained:
    post = None if url is None else Post(Mailer(url, SENDER), public_url)
    return await outbox.drain(installation.db, subscriptions(installation, post, lambda: now), delivery=HASTY)


async def delivery(db: Database, programme: ProgrammeSnapshot) -> dict[str, Any]:
    """The row of the only mail that was promised."""
    [row] = [row for row in await rows(db, programme.id) if row["topic"] == TOPIC]
    return row


async def message_of(installation: Installation, programme: ProgrammeSnapshot) -> Message:
    """The mail as a worker has it in hand."""
    row = await delivery(installation.db, programme)
    return Message(programme.id, row["id"], TOPIC, {"giftCard": row["payload"].split('"')[3]}, NOW, 1)


def due(message: Message) -> Due:
    return Due(message.programme_id, NoticeKind.GIFT_CARD, f"message {message.id}", message.payload)


async def seen(installation: Installation, programme: ProgrammeSnapshot, bought: BoughtCard) -> BoughtCard:
    found = await gift_cards.find_bought(installation, programme.id, bought.card.card_id, now=NOW)
    assert found is not None
    return found


def parts(mail: EmailMessage) -> tuple[str, str, bytes]:
    """Text, HTML and picture."""
    text, rich = mail.iter_parts()
    html, picture = rich.iter_parts()
    return text.get_content(), html.get_content(), picture.get_content()


async def test_a_card_is_sent_to_whom_it_was_bought_for(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    await member_who_buys(installation, programme, email="eva@example.com")
    bought = await buy_card(installation, programme, "ola@example.com", name="Ola", message="Alles Gute!\nEva")
    with capture_logs() as logs:
        await drain(installation, server.url, public_url="https://loyalty.example/")
    assert server.envelopes == [("cards@pointbook.example", ["ola@example.com"])]
    [mail] = server.mails
    assert mail["From"] == "Rösterei Morgenrot <cards@pointbook.example>"
    assert mail["To"] == "Ola <ola@example.com>"
    assert mail["Subject"] == "Ein Gutschein für Sie: 50,00\xa0€ bei Rösterei Morgenrot"
    assert (mail["Auto-Submitted"], mail["Content-Language"]) == ("auto-generated", "de")
    assert mail["Date"].datetime == NOW
    text, html, picture = parts(mail)
    page = gift_cards.page_path(installation, programme.id, bought.card.card_id, "de")
    for shown in (bought.card.code, "Guten Tag Ola,", "Alles Gute!", "Eva", f"https://loyalty.example{page}"):
        assert shown in text
        assert shown in html
    assert picture.startswith(b"\x89PNG")
    _, rich = mail.iter_parts()
    _, attached = rich.iter_parts()
    assert f'src="cid:{attached["Content-ID"][1:-1]}"' in html
    row = await delivery(installation.db, programme)
    assert (row["delivered_at"] is not None, row["last_error"]) == (True, None)
    assert (await seen(installation, programme, bought)).row.delivered_at == NOW
    assert [log["outcome"] for log in logs if log["event"] == "notice.settled"] == ["SENT"]
    for secret in (bought.card.code, bought.card.card_id.hex, "ola@", "Ola", "Alles"):
        assert secret not in str(logs)


@pytest.mark.parametrize(
    ("locale", "told"),
    [
        ("de", ("Ihr Gutschein: 50,00\xa0€ bei Rösterei Morgenrot", "Gültig bis einschließlich")),
        ("en", ("Your gift card: €50.00 at Rösterei Morgenrot", "Valid through")),
        ("pl", ("Karta podarunkowa: 50,00\xa0€, Rösterei Morgenrot", "Kod należy podać")),
        (None, ("Ihr Gutschein: 50,00\xa0€ bei Rösterei Morgenrot", "Gültig bis einschließlich")),
    ],
)
async def test_r32_who_buys_for_themselves_is_sent_the_code_in_their_language(
    installation: Installation,
    programme: ProgrammeSnapshot,
    server: MailServer,
    locale: str | None,
    told: tuple[str, str],
) -> None:
    await offer_card(installation, programme, validityDays=30)
    await member_who_buys(installation, programme, email="eva@example.com", locale=locale)
    bought = await buy_card(installation, programme)
    await drain(installation, server.url)
    [mail] = server.mails
    assert (mail["To"], mail["Subject"]) == ("eva@example.com", told[0])
    text, html, _ = parts(mail)
    assert told[1] in text
    assert bought.card.code in text
    assert "http" not in text, "no address of pages is configured"
    assert "<a " not in html


async def test_without_an_address_nothing_is_sent_and_the_log_says_so(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    await member_who_buys(installation, programme)
    bought = await buy_card(installation, programme)
    with capture_logs() as logs:
        await drain(installation, server.url)
    assert server.mails == []
    assert (await seen(installation, programme, bought)).row.delivered_at is None
    assert (await delivery(installation.db, programme))["delivered_at"] is not None
    assert [log["outcome"] for log in logs if log["event"] == "notice.settled"] == ["NO_ADDRESS"]


async def test_without_a_mail_server_it_is_told_to_the_log(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await member_who_buys(installation, programme, email="eva@example.com")
    bought = await buy_card(installation, programme)
    with capture_logs() as logs:
        await drain(installation, None)
    assert TOPIC in [log.get("topic") for log in logs]
    assert bought.card.code not in str(logs)
    assert (await seen(installation, programme, bought)).row.delivered_at is None


async def test_it_is_sent_on_its_day_and_not_before(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    await member_who_buys(installation, programme)
    await buy_card(installation, programme, "ola@example.com", on=date(2026, 3, 14))
    wait = datetime.fromisoformat("2026-03-14T08:00+01:00") - NOW
    await age(installation.db, programme.id, wait.total_seconds() - 60)
    await drain(installation, server.url)
    assert server.mails == []
    await age(installation.db, programme.id, 61)
    await drain(installation, server.url)
    assert len(server.mails) == 1


async def test_a_mail_waits_while_the_server_is_away(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await member_who_buys(installation, programme)
    bought = await buy_card(installation, programme, "ola@example.com")
    later = MailServer(port=free_port())
    assert (await drain(installation, later.url)).failed == 1
    row = await delivery(installation.db, programme)
    assert row["last_error"].startswith("MailNotTaken: ")
    assert (await seen(installation, programme, bought)).row.delivered_at is None
    async with serving(later):
        await age(installation.db, programme.id, 2)
        assert await drain(installation, later.url) == Drained(delivered=1)
    assert len(later.mails) == 1


async def test_a_recipient_who_is_refused_for_now_is_tried_again(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    await member_who_buys(installation, programme)
    await buy_card(installation, programme, "ola@example.com")
    server.recipient = "451 4.7.1"
    assert (await drain(installation, server.url)).failed == 1
    assert await outbox.parked(installation.db, programme.id) == []
    server.recipient = None
    await age(installation.db, programme.id, 2)
    assert (await drain(installation, server.url)).failed == 0
    assert len(server.mails) == 1


async def test_a_recipient_who_is_refused_for_good_is_parked_at_once(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    await member_who_buys(installation, programme)
    bought = await buy_card(installation, programme, "ola@example.com")
    server.recipient = "550 5.1.1"
    with capture_logs() as logs:
        assert (await drain(installation, server.url)).failed == 1
    [parked] = await outbox.parked(installation.db, programme.id)
    assert (parked.attempts, parked.last_error) == (1, "AddressRefused: the server answered 550")
    [told] = [log for log in logs if log["event"] == "outbox.parked"]
    assert (told["log_level"], told["topic"]) == ("error", TOPIC)
    assert "ola" not in str(logs)
    assert (await seen(installation, programme, bought)).row.delivered_at is None
    server.recipient = None
    await outbox.revive(installation.db, programme.id, [parked.id])
    await drain(installation, server.url)
    assert len(server.mails) == 1


async def test_a_worker_that_dies_after_sending_leaves_a_second_mail_that_can_be_told(
    installation: Installation,
    programme: ProgrammeSnapshot,
    server: MailServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await member_who_buys(installation, programme, email="eva@example.com")
    await buy_card(installation, programme)
    await buy_card(installation, programme)
    with monkeypatch.context() as broken:

        async def die(*_: object, **__: object) -> None:
            raise ConnectionAbortedError("the process has ended")

        broken.setattr(card_rows, "set_delivered", die)
        assert (await drain(installation, server.url)).failed == 2
    await age(installation.db, programme.id, 60)
    assert (await drain(installation, server.url)).failed == 0
    ids = sorted(mail["Message-ID"] for mail in server.mails)
    assert len(set(ids)) * 2 == len(ids) == 4
    assert ids[0] == ids[1]


async def test_what_was_sent_and_noted_is_not_sent_again(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    await member_who_buys(installation, programme, email="eva@example.com")
    await buy_card(installation, programme)
    message = await message_of(installation, programme)
    post = Post(Mailer(server.url, SENDER))
    for _ in range(2):
        await notices.send(installation, post, due(message), now=NOW)
    assert len(server.mails) == 1


@pytest.mark.parametrize("ending", ["VOID", "USED", "EXPIRED"])
async def test_a_card_that_ended_while_its_mail_was_in_hand_is_not_sent(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer, ending: str
) -> None:
    await offer_card(installation, programme, validityDays=30)
    await member_who_buys(installation, programme, email="eva@example.com")
    bought = await buy_card(installation, programme)
    message, now = await message_of(installation, programme), NOW
    if ending == "VOID":
        anna = Principal(CallerKind.STAFF, programme.id, "st")
        await gift_cards.void(installation, anna, bought.card.card_id, now=NOW)
    elif ending == "USED":
        await use_card(installation, programme, bought, 5_000)
    else:
        now += timedelta(days=31)
    with capture_logs() as logs:
        await notices.send(installation, Post(Mailer(server.url, SENDER)), due(message), now=now)
    assert server.mails == []
    assert [log["outcome"] for log in logs] == ["NOTHING_TO_TELL"]


async def test_a_void_card_is_sent_to_nobody(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    await member_who_buys(installation, programme, email="eva@example.com")
    bought = await buy_card(installation, programme)
    anna = Principal(CallerKind.STAFF, programme.id, "st")
    await gift_cards.void(installation, anna, bought.card.card_id, now=NOW)
    await drain(installation, server.url)
    assert server.mails == []


async def test_a_card_that_is_partly_used_says_what_is_left(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    await member_who_buys(installation, programme, email="eva@example.com")
    await use_card(installation, programme, await buy_card(installation, programme), 3_000)
    await drain(installation, server.url)
    assert "Noch verfügbar: 20,00\xa0€" in parts(server.mails[0])[0]


async def test_the_worker_sends_it_within_seconds(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    settings = Settings(smtp_url=SecretStr(server.url), mail_from=SENDER, _env_file=None)
    await member_who_buys(installation, programme, email="eva@example.com")
    bought = await buy_card(installation, programme)
    async with running(settings, installation, clock=lambda: NOW):
        await until(lambda: bool(server.mails), seconds=10)
    assert bought.card.code in parts(server.mails[0])[0]
