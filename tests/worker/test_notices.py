"""Members who want it are told by mail what happened to their points, once, and nobody else is (R31, R32)."""

from decimal import Decimal

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from pointbook import ledger
from pointbook.db.queries import notices as notice_rows
from pointbook.domain.access import CallerKind, Principal
from pointbook.ledger import Source
from pointbook.services import notices, outbox
from pointbook.services.catalogue import EXCHANGE_ITEMS, save_offer
from pointbook.services.directory import ProgrammeSnapshot
from pointbook.services.exchange_placing import PlaceLine, PlaceOrder, place_order
from pointbook.services.installation import Installation
from pointbook.services.intake import submit_order
from pointbook.services.leaving import Confirmed, leave
from pointbook.services.mailing import Mailer, Post
from pointbook.services.member_editing import update_member
from pointbook.services.member_views import find_member
from pointbook.services.members import set_notifications
from pointbook.services.notices.settings import change_settings
from pointbook.services.outbox import Delivery, Drained
from pointbook.worker.subscriptions import subscriptions
from tests.faults.processes import free_port
from tests.support import NOW, customer, give_points, make_programme, order_document
from tests.worker.mail_server import MailServer, serving
from tests.worker.messages import age, rows
from tests.worker.notices import SENDER, adjust, but_the_welcome, drain, html_of, member, outcomes, text_of

MUG = {"sku": "mug", "names": {"de": "Becher"}, "pricePoints": 150}


@pytest_asyncio.fixture
async def programme(installation: Installation) -> ProgrammeSnapshot:
    return await make_programme(installation, name="Rösterei Morgenrot", locales=("de", "en", "pl"))


async def test_r32_a_member_who_wants_it_is_told_of_credited_points(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    await member(installation, programme)
    await submit_order(installation, programme.id, order_document("M-1017"), now=NOW)
    with capture_logs() as logs:
        await drain(installation, server.url)
    assert len(server.mails) == 2
    mail = but_the_welcome(server)
    assert mail["Subject"] == "50 Punkte für Sie bei Rösterei Morgenrot"
    assert mail["From"] == "Rösterei Morgenrot <points@pointbook.example>"
    assert (mail["To"], mail["Auto-Submitted"]) == ("eva@example.com", "auto-generated")
    assert mail["Content-Language"] == "de"
    for part in (text_of(mail), html_of(mail)):
        assert "wir haben Ihnen 50 Punkte gutgeschrieben." in part
        assert "M-1017" in part
        assert "Ihr Punktestand: 50 Punkte." in part
        assert "Einlösbar ab" not in part, "they can be spent already"
    assert sorted(await outcomes(installation, programme)) == [("POINTS_CREDITED", "SENT"), ("WELCOME", "SENT")]
    assert "eva" not in str(logs)


async def test_points_that_wait_are_told_with_their_day(installation: Installation, server: MailServer) -> None:
    programme = await make_programme(installation, {"waitingTime": {"days": 14}})
    await member(installation, programme, locale="en")
    await submit_order(installation, programme.id, order_document(), now=NOW)
    await drain(installation, server.url)
    assert "Available from March 15, 2026." in text_of(but_the_welcome(server))
    assert "Your balance: 0 points." in text_of(but_the_welcome(server))


async def test_points_for_joining_are_told_in_the_welcome(installation: Installation, server: MailServer) -> None:
    programme = await make_programme(installation, {"signUpPoints": 30, "signUpAvailableAtOnce": True})
    await member(installation, programme, locale="en")
    await drain(installation, server.url)
    [mail] = server.mails
    assert "To welcome you, we have added 30 points to your account." in text_of(mail)
    assert ("POINTS_CREDITED", "NOTHING_TO_TELL") in await outcomes(installation, programme)


@pytest.mark.parametrize(
    ("locale", "points", "told"),
    [
        ("de", 50, ("+50 Punkte", "Der Grund: Verkostung", "Ihr Punktestand: 50 Punkte.")),
        ("en", 50, ("+50 points", "The reason: Verkostung", "Your balance: 50 points.")),
        ("pl", 2, ("+2 punkty", "Powód: Verkostung", "Stan konta: 2 punkty.")),
        ("de", -1, ("\u22121 Punkt", "Fehlbetrag: 1 Punkt.", "Ihr Punktestand: 0 Punkte.")),
    ],
)
async def test_r31_a_member_is_told_what_staff_changed_and_why(
    installation: Installation, server: MailServer, locale: str, points: int, told: tuple[str, ...]
) -> None:
    programme = await make_programme(installation, locales=("de", "en", "pl"))
    await member(installation, programme, locale=locale)
    await adjust(installation, programme, points, allow_negative=True)
    await drain(installation, server.url)
    for words in told:
        assert words in text_of(but_the_welcome(server))


async def test_r30_the_staff_are_told_of_an_exchange_order_whatever_the_member_wants(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    anna = Principal(CallerKind.STAFF, programme.id, "st")
    staff = ("anna@morgenrot.example", "ben@morgenrot.example")
    await change_settings(installation, anna, {"staff_addresses": staff}, now=NOW)
    await member(installation, programme, opt_in=False)
    await give_points(installation, programme, "c-1", 400)
    await save_offer(installation, programme.id, EXCHANGE_ITEMS, {**MUG, "fee": "0.10"}, now=NOW)
    asked = PlaceOrder([PlaceLine("mug", 2, 150, Decimal("0.10"))], "Zimmer 7\n\n<b>2. Stock</b>", "k")
    order = await place_order(installation, customer(programme), asked, now=NOW)
    await drain(installation, server.url, public_url="https://loyalty.example")
    [mail] = server.mails
    assert (mail["To"], mail["Subject"]) == (", ".join(staff), "Prämienbestellung von c-1")
    for told in (
        "2 Becher (mug)",
        "Eingelöst: 300 Punkte.",
        "Gebühr: 0,20\xa0€.",
        "Zur Lieferung: \r\n> Zimmer 7\r\n> \r\n> <b>2. Stock</b>",
        order.id.hex,
    ):
        assert told in text_of(mail)
    assert "Zimmer 7<br /><br />&lt;b&gt;2. Stock&lt;/b&gt;" in html_of(mail)
    assert mail["List-Unsubscribe"] is None


@pytest.mark.parametrize("promised", [False, True])
async def test_r34_the_staff_are_told_of_an_order_whose_member_has_left_since(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer, *, promised: bool
) -> None:
    anna = Principal(CallerKind.STAFF, programme.id, "st")
    await change_settings(installation, anna, {"staff_addresses": ("anna@morgenrot.example",)}, now=NOW)
    await member(installation, programme, opt_in=False)
    await give_points(installation, programme, "c-1", 150)
    await save_offer(installation, programme.id, EXCHANGE_ITEMS, MUG, now=NOW)
    asked = PlaceOrder([PlaceLine("mug", 1, 150)], "Zimmer 7", "k")
    order = await place_order(installation, customer(programme), asked, now=NOW)
    if promised:
        listening = subscriptions(installation, Post(Mailer(server.url, SENDER)), lambda: NOW)
        await outbox.drain(installation.db, listening, delivery=Delivery(slow=False))
    await leave(installation, anna, "c-1", Confirmed(0, 0), "k", now=NOW)
    await drain(installation, server.url)
    [mail] = server.mails
    assert mail["Subject"] == "Prämienbestellung von (Mitglied ausgetreten)"
    assert order.id.hex in text_of(mail)
    assert "1 Becher (mug)" in text_of(mail)
    for gone in ("c-1", "Zimmer 7"):
        assert gone not in str(mail)


async def test_without_staff_addresses_nobody_is_told_of_it(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    await member(installation, programme, opt_in=False)
    await give_points(installation, programme, "c-1", 400)
    await save_offer(installation, programme.id, EXCHANGE_ITEMS, MUG, now=NOW)
    await place_order(
        installation, customer(programme), PlaceOrder([PlaceLine("mug", 1, 150)], None, "k"), now=NOW
    )
    await drain(installation, server.url)
    assert server.mails == []
    assert await outcomes(installation, programme) == [("EXCHANGE_ORDER", "NOTHING_TO_TELL")]


async def test_who_leaves_and_wanted_notices_is_told_once_and_the_address_is_gone(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    await member(installation, programme, locale="en")
    await drain(installation, server.url)
    anna = Principal(CallerKind.STAFF, programme.id, "st")
    await leave(installation, anna, "c-1", Confirmed(0, 0), "k", now=NOW)
    await drain(installation, server.url, public_url="https://loyalty.example")
    mail = but_the_welcome(server)
    assert (mail["To"], mail["Subject"]) == ("eva@example.com", "You have left Rösterei Morgenrot")
    assert mail["List-Unsubscribe"] is None
    assert "eva@" not in str(await rows(installation.db, programme.id))
    assert ("GOODBYE", "SENT") in await outcomes(installation, programme)


async def test_r33_what_a_merged_account_got_is_told_to_who_has_it_now(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    await member(installation, programme)
    await member(installation, programme, "c-2", email="ola@example.com", locale="en")
    await drain(installation, server.url)
    server.mails.clear()
    await adjust(installation, programme)
    source, target = [(await installation.accounts.get(programme.id, name)).account_id for name in ("c-1", "c-2")]
    async with installation.db.bare_transaction(programme.id) as connection:
        merge = Source("merge", "m-1")
        await ledger.merge(connection, programme.id, target, source, single_bonus=None, for_=merge, now=NOW)
    await drain(installation, server.url)
    assert [str(mail["To"]) for mail in server.mails] == ["ola@example.com"]
    assert "Your balance: 50 points." in text_of(server.mails[0])


async def test_what_was_told_long_ago_is_forgotten_in_turn(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    await member(installation, programme)
    await drain(installation, server.url)
    async with installation.db.bare_transaction(programme.id) as connection:
        kept = notices.KEPT_FOR.days
        await connection.execute(f"update notice set created_at = now() - interval '{kept} days' + interval '1 h'")
    assert await notices.tidy(installation.db) == 0
    async with installation.db.bare_transaction(programme.id) as connection:
        await connection.execute("update notice set created_at = created_at - interval '2 h'")
    assert await notices.tidy(installation.db) == 1
    assert await outcomes(installation, programme) == []


async def test_r32_who_does_not_want_notices_gets_none(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    await member(installation, programme, opt_in=False)
    await member(installation, programme, "c-2", email=None)
    await adjust(installation, programme)
    await drain(installation, server.url)
    assert (server.mails, await outcomes(installation, programme)) == ([], [])
    await set_notifications(installation, programme.id, "c-1", opt_in=True, now=NOW)
    await adjust(installation, programme)
    await drain(installation, server.url)
    assert len(server.mails) == 1, "the same member who wants them gets them"


async def test_r32_what_the_member_wants_is_asked_when_the_mail_is_due(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await member(installation, programme)
    later = MailServer(port=free_port())
    await drain(installation, later.url)
    await set_notifications(installation, programme.id, "c-1", opt_in=False, now=NOW)
    async with serving(later):
        await age(installation.db, programme.id, 2)
        await drain(installation, later.url)
    assert later.mails == []
    assert await outcomes(installation, programme) == [("WELCOME", "NOT_OPTED_IN")]


async def test_without_a_mail_server_nothing_is_promised(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await member(installation, programme)
    await drain(installation, None)
    assert await outcomes(installation, programme) == []


async def test_a_notice_waits_while_the_server_is_away_and_holds_no_event_up(
    installation: Installation, programme: ProgrammeSnapshot
) -> None:
    await member(installation, programme)
    later = MailServer(port=free_port())
    assert (await drain(installation, later.url)).failed == 1
    states = {row["topic"]: row["delivered_at"] is not None for row in await rows(installation.db, programme.id)}
    assert states == {"member.joined": True, "notice.mail": False}
    assert await outcomes(installation, programme) == [("WELCOME", None)]
    async with serving(later):
        await age(installation.db, programme.id, 2)
        await drain(installation, later.url)
    assert [mail["Subject"] for mail in later.mails] == ["Willkommen bei Rösterei Morgenrot"]


async def test_a_mail_server_that_is_silent_keeps_nobody_waiting_but_for_mail(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    await member(installation, programme)
    listening = subscriptions(installation, Post(Mailer(server.url, SENDER)), lambda: NOW)
    quick = await outbox.drain(installation.db, listening, delivery=Delivery(slow=False))
    assert (quick, server.mails) == (Drained(delivered=1), [])
    mailed = await outbox.drain(installation.db, listening, delivery=Delivery(slow=True))
    assert (mailed, len(server.mails)) == (Drained(delivered=1), 1)


async def test_a_worker_that_dies_after_sending_leaves_a_second_mail_that_can_be_told(
    installation: Installation,
    programme: ProgrammeSnapshot,
    server: MailServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await member(installation, programme)
    with monkeypatch.context() as broken:

        async def die(*_: object, **__: object) -> None:
            raise ConnectionAbortedError("the process has ended")

        broken.setattr(notice_rows, "settle", die)
        assert (await drain(installation, server.url)).failed == 1
    await age(installation.db, programme.id, 60)
    await drain(installation, server.url)
    first, second = server.mails
    assert first["Message-ID"] == second["Message-ID"]


async def test_what_was_sent_is_not_sent_again(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    await member(installation, programme)
    await drain(installation, server.url)
    async with installation.db.bare_transaction(programme.id) as connection:
        await connection.execute(
            "update outbox_message set delivered_at = null, attempts = 0, leased_until = null"
        )
    await drain(installation, server.url)
    assert len(server.mails) == 1


async def test_an_address_where_nobody_is_gets_no_more_until_it_changes(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    await member(installation, programme)
    server.recipient = "550 5.1.1"
    with capture_logs() as logs:
        assert (await drain(installation, server.url)).failed == 0
    assert await outbox.parked(installation.db, programme.id) == []
    assert await outcomes(installation, programme) == [("WELCOME", "ADDRESS_REFUSED")]
    assert "eva" not in str(logs)
    server.recipient = None
    await adjust(installation, programme)
    await drain(installation, server.url)
    assert server.mails == []
    async with installation.db.bare_transaction(programme.id) as connection:
        await connection.execute("update member set email = 'eva@example.org'")
    await adjust(installation, programme)
    await drain(installation, server.url)
    assert [mail["To"] for mail in server.mails] == ["eva@example.org"]


async def test_an_address_of_earlier_that_no_mail_can_be_sent_to_is_refused_and_waits_for_nobody(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    await member(installation, programme)
    async with installation.db.bare_transaction(programme.id) as connection:
        await connection.execute("update member set email = 'a..b@example.com'")
    assert (await drain(installation, server.url)).failed == 0
    assert await outcomes(installation, programme) == [("WELCOME", "ADDRESS_REFUSED")]
    seen = await find_member(installation, programme.id, "c-1", now=NOW)
    assert seen is not None
    assert seen.email_refused_at == NOW


async def test_where_answers_go_is_left_out_if_it_is_no_address(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    anna = Principal(CallerKind.STAFF, programme.id, "st")
    await change_settings(installation, anna, {"reply_to": "anna@morgenrot.example"}, now=NOW)
    await member(installation, programme)
    await drain(installation, server.url)
    async with installation.db.bare_transaction(programme.id) as connection:
        await connection.execute("update notice_setting set reply_to = 'a..b@example.com'")
    await member(installation, programme, "c-2", email="ola@example.com")
    await drain(installation, server.url)
    assert [mail["Reply-To"] for mail in server.mails] == ["anna@morgenrot.example", None]


async def test_r34_an_address_that_is_refused_while_its_member_leaves_is_not_written_down(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    await member(installation, programme)
    await member(installation, programme, "c-2", email="ola@example.com")
    server.recipient = "550 5.1.1"
    anna = Principal(CallerKind.STAFF, programme.id, "st")

    async def leaves() -> None:
        await leave(installation, anna, "c-1", Confirmed(0, 0), "k", now=NOW)

    server.meanwhile = leaves
    await drain(installation, server.url)
    async with installation.db.bare_transaction(programme.id) as connection:
        kept = [row["email"] for row in await connection.fetch("select email from mail_refusal")]
    assert kept == ["ola@example.com"], "of who stays it is"


async def test_staff_see_such_an_address_and_it_is_tried_again_when_it_is_verified_anew(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    await member(installation, programme)
    server.recipient = "550 5.1.1"
    await drain(installation, server.url)
    seen = await find_member(installation, programme.id, "c-1", now=NOW)
    assert seen is not None
    assert seen.email_refused_at == NOW
    server.recipient = None
    await update_member(installation, programme.id, "c-1", {"emailVerified": True}, by="SERVER:sk", now=NOW)
    seen = await find_member(installation, programme.id, "c-1", now=NOW)
    assert seen is not None
    assert seen.email_refused_at is None
    await adjust(installation, programme)
    await drain(installation, server.url)
    assert len(server.mails) == 1


@pytest.mark.parametrize("answer", ["550 5.7.1", "554", "552 5.2.2"])
async def test_a_refusal_that_is_not_of_the_address_waits_for_a_person(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer, answer: str
) -> None:
    await member(installation, programme)
    server.recipient = answer
    assert (await drain(installation, server.url)).failed == 1
    [parked] = await outbox.parked(installation.db, programme.id)
    server.recipient = None
    await outbox.revive(installation.db, programme.id, [parked.id])
    await drain(installation, server.url)
    assert len(server.mails) == 1


async def test_what_anybody_wrote_is_text_in_the_mail(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    attack = "<img src=x onerror=alert(1)> {{ 7 * 7 }} {programme}"
    await member(installation, programme)
    await adjust(installation, programme, description=attack)
    await drain(installation, server.url)
    assert attack in text_of(but_the_welcome(server))
    assert "<img" not in html_of(but_the_welcome(server))
    assert "&lt;img src=x onerror=alert(1)&gt; {{ 7 * 7 }} {programme}" in html_of(but_the_welcome(server))


async def test_whoever_gets_notices_can_end_them_by_a_link(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    await member(installation, programme)
    await drain(installation, server.url, public_url="https://loyalty.example/")
    [mail] = server.mails
    link = mail["List-Unsubscribe"][1:-1]
    assert link.startswith("https://loyalty.example/notices/unsubscribe/")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    header = f"List-Unsubscribe: <{link}>\r\n".encode()
    assert len(header) > 78, "longer than what is folded"
    assert header in server.raw[0], "RFC 2369: neither folded nor encoded"
    assert link in text_of(mail)
    assert f'href="{link}"' in html_of(mail)


async def test_without_an_address_of_pages_there_is_no_such_link(
    installation: Installation, programme: ProgrammeSnapshot, server: MailServer
) -> None:
    await member(installation, programme)
    await drain(installation, server.url)
    assert server.mails[0]["List-Unsubscribe"] is None
    assert "http" not in text_of(server.mails[0])
