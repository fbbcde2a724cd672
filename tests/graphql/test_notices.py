"""Notices as the staff keep them: their own words, settings, previews and test mails; what is wrong is named."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from email.headerregistry import Address
from typing import Any

import pytest
import pytest_asyncio

from pointbook.domain.access import CallerKind, Principal
from pointbook.domain.errors import MailNotConfigured
from pointbook.domain.notices import NoticeKind
from pointbook.services import outbox
from pointbook.services.audit import Action, list_entries
from pointbook.services.joining import Join, join
from pointbook.services.mailing import Mailer, Post
from pointbook.services.notices import trying
from pointbook.worker.subscriptions import subscriptions
from tests.http.fixtures import Clock, Shop
from tests.support import NOW, everything
from tests.support import outbox as messages
from tests.worker.mail_server import MailServer, serving
from tests.worker.notices import html_of, text_of

SENDER = Address("", addr_spec="points@pointbook.example")
TEMPLATE = """
  kind locale audience variables { name description example optional }
  default { subject body } own { subject body version changedAt changedBy changedByLabel }
"""
SETTINGS = "senderName replyTo staffAddresses footer colour logoUrl accountUrl off"
SELECTED = {
    "saveNoticeTemplate": f"template {{ {TEMPLATE} }}",
    "resetNoticeTemplate": f"template {{ {TEMPLATE} }}",
    "changeNoticeSettings": f"settings {{ {SETTINGS} }}",
    "sendTestNotice": "to",
}
FURTHER = {
    "saveNoticeTemplate": "... on EditConflict { version }",
    "sendTestNotice": "... on TooManyTestNotices { limit }",
}


@pytest_asyncio.fixture
async def server() -> AsyncIterator[MailServer]:
    async with serving(MailServer()) as opened:
        yield opened


async def change(shop: Shop, mutation: str, **given: Any) -> Any:
    name = mutation[0].upper() + mutation[1:]
    reply = await shop.as_staff(
        f"mutation ($input: {name}Input!) {{ {mutation}(input: $input) {{ ... on UserError {{ code message }}"
        f" ... on InvalidInput {{ field }} {FURTHER.get(mutation, '')}"
        f" ... on {name}Success {{ {SELECTED[mutation]} }} }} }}",
        input=given,
    )
    return reply.data[mutation]


async def templates(shop: Shop, kind: str | None = None) -> list[dict[str, Any]]:
    query = f"query ($kind: NoticeKind) {{ noticeTemplates(kind: $kind) {{ {TEMPLATE} }} }}"
    found: list[dict[str, Any]] = (await shop.as_staff(query, kind=kind)).data["noticeTemplates"]
    return found


async def preview(shop: Shop, kind: str, locale: str = "en", **words: Any) -> dict[str, Any]:
    query = """query ($kind: NoticeKind!, $locale: String!, $subject: String, $body: String) {
      previewNotice(kind: $kind, locale: $locale, subject: $subject, body: $body) {
        ... on NoticePreview { subject text html } ... on InvalidInput { code field message }
      }
    }"""
    found: dict[str, Any] = (await shop.as_staff(query, kind=kind, locale=locale, **words)).data["previewNotice"]
    return found


async def drain(shop: Shop, server: MailServer) -> None:
    post = Post(Mailer(server.url, SENDER), "https://loyalty.example")
    listening = subscriptions(shop.installation, post, lambda: NOW)
    while (await outbox.drain(shop.installation.db, listening)).delivered:
        pass


async def test_every_kind_is_listed_in_every_locale_with_its_variables(shop: Shop) -> None:
    found = await templates(shop)
    assert [(one["kind"], one["locale"]) for one in found] == [
        (kind.value, locale) for kind in NoticeKind for locale in shop.programme.locales
    ]
    [german, english] = await templates(shop, "POINTS_CREDITED")
    assert german["default"]["subject"] == "{points} für Sie bei {programme}"
    assert english["default"]["subject"] == "{points} for you at {programme}"
    assert (german["audience"], german["own"]) == ("OPTED_IN", None)
    variables = {one["name"]: one for one in german["variables"]}
    assert variables["points"] == {
        "name": "points",
        "description": "The points that were credited.",
        "example": "120 Punkte",
        "optional": False,
    }
    assert variables["order"]["optional"]


async def test_own_words_are_sent_until_they_are_given_up(shop: Shop, server: MailServer) -> None:
    saved = await change(
        shop,
        "saveNoticeTemplate",
        kind="WELCOME",
        locale="de",
        subject="Servus bei {programme}",
        body="Servus!\r\n\r\n<b>Fett</b> ist hier nichts.\n\n[Zu den Punkten]({account_page})",
    )
    own = saved["template"]["own"]
    assert (own["subject"], own["version"]) == ("Servus bei {programme}", 1)
    assert own["changedBy"].startswith("STAFF:")
    await change(
        shop, "changeNoticeSettings", accountUrl="https://shop.example/punkte", senderName="Kaffee & mehr"
    )
    programme = shop.programme
    for customer, locale in (("c-1", "de"), ("c-2", "en")):
        command = Join(customer, f"{customer}@example.com", locale=locale, opt_in=True)
        await join(shop.installation, programme.id, command, now=NOW)
    await drain(shop, server)
    by_address = {str(mail["To"]): mail for mail in server.mails}
    german = by_address["c-1@example.com"]
    assert german["Subject"] == "Servus bei Kaffee & mehr"
    assert german["From"].addresses[0].display_name == "Kaffee & mehr"
    assert "<b>Fett</b> ist hier nichts." in text_of(german)
    assert "&lt;b&gt;Fett&lt;/b&gt; ist hier nichts." in html_of(german)
    assert 'href="https://shop.example/punkte"' in html_of(german)
    assert by_address["c-2@example.com"]["Subject"] == "Welcome to Kaffee & mehr"
    reset = await change(shop, "resetNoticeTemplate", kind="WELCOME", locale="de")
    assert reset["template"]["own"] is None
    before = await everything(shop.installation.db, programme)
    await change(shop, "resetNoticeTemplate", kind="WELCOME", locale="de")
    assert await everything(shop.installation.db, programme) == before, "again it changes nothing"


@pytest.mark.parametrize(
    ("wrong", "field", "named"),
    [
        ({"subject": "Hello {nobody}"}, "subject", "{nobody}"),
        ({"subject": "Hello {points}"}, "subject", "{points}"),  # there may be none
        ({"subject": "Hello\nBcc: all@example.com"}, "subject", "line break"),
        ({"subject": "Hello\r\nBcc: all@example.com"}, "subject", "line break"),
        ({"subject": ""}, "subject", "1 to 150"),
        ({"subject": "x" * 151}, "subject", "1 to 150"),
        ({"body": "Hello {order}"}, "body", "{order}"),
        ({"body": "Hello {{ 7 * 7 }}"}, "body", "{"),
        ({"body": "x" * 5_001}, "body", "1 to 5000"),
        ({"body": "\n"}, "body", "blank"),
        ({"body": "[Look](https://evil.example)\n\n[Look]({programme})"}, "body", "{programme}"),
        ({"locale": "fr"}, "locale", "de, en"),
    ],
)
async def test_what_is_wrong_is_named_and_changes_nothing(
    shop: Shop, wrong: dict[str, str], field: str, named: str
) -> None:
    words = {"kind": "WELCOME", "locale": "de", "subject": "Hello", "body": "Hello", **wrong}
    before = await everything(shop.installation.db, shop.programme)
    refusals = [await change(shop, "saveNoticeTemplate", **words), await preview(shop, **words)]
    for refusal in refusals:
        assert (refusal["code"], refusal["field"]) == ("INVALID_INPUT", field)
        assert named in refusal["message"]
    assert await everything(shop.installation.db, shop.programme) == before


async def test_who_did_not_see_the_last_change_changes_nothing(shop: Shop) -> None:
    words = {"kind": "WELCOME", "locale": "de", "body": "Hello"}
    answers = await asyncio.gather(
        *(change(shop, "saveNoticeTemplate", **words, subject=f"Hello {number}") for number in range(5))
    )
    assert sorted(answer.get("code", "saved") for answer in answers) == ["EDIT_CONFLICT"] * 4 + ["saved"]
    assert {answer["version"] for answer in answers if "code" in answer} == {1}
    again = await change(shop, "saveNoticeTemplate", **words, subject="Hello", version=1)
    assert again["template"]["own"]["version"] == 2


@pytest.mark.parametrize("kind", NoticeKind)
async def test_every_kind_has_a_preview_in_every_locale(shop: Shop, kind: NoticeKind) -> None:
    for locale, said in (("de", "Punkt"), ("en", "point")):
        found = await preview(shop, kind.value, locale)
        assert found["subject"]
        assert "{" not in found["subject"] + found["text"]
        assert f'<html lang="{locale}" ' in found["html"]
        if kind in (NoticeKind.POINTS_CREDITED, NoticeKind.POINTS_ADJUSTED):
            assert said in found["text"]
        if kind in (NoticeKind.GIFT_CARD, NoticeKind.GIFT_CARD_GIVEN):
            assert 'src="data:image/png;base64,' in found["html"]
            assert "0000-0000-0000-0000" in found["text"]


async def test_examples_are_in_the_language_of_the_preview(shop: Shop) -> None:
    for locale, said in (("de", "Bitte zweimal klingeln."), ("en", "Please ring twice.")):
        assert said in (await preview(shop, "EXCHANGE_ORDER", locale))["text"]
    [german, _] = await templates(shop, "MERGE_REJECTED")
    assert {"Die beiden Konten tragen verschiedene Namen."} <= {one["example"] for one in german["variables"]}


async def test_links_of_a_preview_lead_where_those_of_mails_do(shop: Shop) -> None:
    assert "/points" not in (await preview(shop, "POINTS_CREDITED", "en"))["html"], "mails have no such button yet"
    await change(shop, "changeNoticeSettings", accountUrl="https://shop.example/punkte")
    assert 'href="https://shop.example/punkte"' in (await preview(shop, "POINTS_CREDITED", "en"))["html"]
    card = await preview(shop, "GIFT_CARD", "en")
    assert "https://shop.example/gift-cards/1" in card["text"]
    assert "unsubscribe" not in card["text"]


async def test_a_preview_shows_words_that_are_not_saved(shop: Shop) -> None:
    found = await preview(shop, "POINTS_CREDITED", "de", subject="Neu: {points}", body="{points} für {order}")
    assert found["subject"] == "Neu: 120 Punkte"
    assert found["text"].startswith("120 Punkte für M-1017\n")
    assert all(one["own"] is None for one in await templates(shop))


async def test_settings_change_only_what_is_named_and_the_audit_holds_no_address(shop: Shop) -> None:
    first = await change(
        shop,
        "changeNoticeSettings",
        senderName="Morgenrot",
        replyTo="hallo@morgenrot.example",
        staffAddresses=["anna@morgenrot.example", "anna@morgenrot.example"],
        footer="Morgenrot GmbH\r\nBerlin",
        colour="#A0522D",
        logoUrl="https://shop.example/logo.png",
        off=["WELCOME"],
    )
    assert first["settings"] == {
        "senderName": "Morgenrot",
        "replyTo": "hallo@morgenrot.example",
        "staffAddresses": ["anna@morgenrot.example"],
        "footer": "Morgenrot GmbH\nBerlin",
        "colour": "#a0522d",
        "logoUrl": "https://shop.example/logo.png",
        "accountUrl": None,
        "off": ["WELCOME"],
    }
    second = await change(shop, "changeNoticeSettings", footer=None, off=None)
    assert second["settings"] == {**first["settings"], "footer": None, "off": []}
    read = (await shop.as_staff(f"{{ noticeSettings {{ {SETTINGS} }} }}")).data["noticeSettings"]
    assert read == second["settings"]
    await change(shop, "changeNoticeSettings", staffAddresses=["ben@morgenrot.example"])
    entries = await list_entries(shop.installation, shop.programme.id, first=10)
    assert [entry.change.action.value for entry in entries[:3]] == ["NOTICE_SETTINGS_CHANGED"] * 3
    assert not any(name in str(entries) for name in ("anna", "ben", "hallo"))
    before, after = entries[0].change.before, entries[0].change.after
    assert before is not None
    assert after is not None
    assert before["staffAddresses"] != after["staffAddresses"], "it shows that mail goes to somebody else"
    assert after["staffAddresses"][0].endswith("@morgenrot.example")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"senderName": "A\nBcc: all@example.com"}, "senderName"),
        ({"senderName": "x" * 81}, "senderName"),
        ({"replyTo": "nobody"}, "replyTo"),
        ({"replyTo": "a@b\r\nBcc: c@d"}, "replyTo"),
        ({"staffAddresses": ["a@b.example", "nobody"]}, "staffAddresses[1]"),
        ({"staffAddresses": [f"a{n}@b.example" for n in range(11)]}, "staffAddresses"),
        ({"footer": "x" * 501}, "footer"),
        ({"colour": "red"}, "colour"),
        ({"colour": "#fff;background:url(x)"}, "colour"),
        ({"logoUrl": "http://shop.example/logo.png"}, "logoUrl"),
        ({"logoUrl": "javascript:alert(1)"}, "logoUrl"),
        ({"accountUrl": 'https://shop.example/"onclick='}, "accountUrl"),
        ({"accountUrl": "https://user:secret@shop.example"}, "accountUrl"),
        ({"off": ["GIFT_CARD"]}, "off"),
    ],
)
async def test_a_wrong_setting_is_named_and_changes_nothing(shop: Shop, wrong: dict[str, Any], field: str) -> None:
    before = await everything(shop.installation.db, shop.programme)
    refusal = await change(shop, "changeNoticeSettings", **wrong)
    assert (refusal["code"], refusal["field"]) == ("INVALID_INPUT", field)
    assert await everything(shop.installation.db, shop.programme) == before


async def test_a_kind_that_is_off_is_not_sent(shop: Shop, server: MailServer) -> None:
    await change(shop, "changeNoticeSettings", off=["WELCOME"])
    await join(shop.installation, shop.programme.id, Join("c-9", "eva@example.com", opt_in=True), now=NOW)
    await drain(shop, server)
    assert server.mails == []


async def test_a_test_mail_goes_to_the_address_that_is_named(shop: Shop, server: MailServer) -> None:
    await change(shop, "changeNoticeSettings", replyTo="ask@example.com")
    for kind in NoticeKind:
        sent = await change(shop, "sendTestNotice", kind=kind.value, locale="de", to="anna@example.com")
        assert sent == {"to": "anna@example.com"}
    await drain(shop, server)
    assert [str(mail["To"]) for mail in server.mails] == ["anna@example.com"] * len(NoticeKind)
    assert len({mail["Message-ID"] for mail in server.mails}) == len(NoticeKind)
    assert all(mail["List-Unsubscribe"] is None for mail in server.mails)
    assert {str(mail["Reply-To"]) for mail in server.mails} == {"ask@example.com"}
    entries = await list_entries(shop.installation, shop.programme.id, first=20)
    tested = [entry for entry in entries if entry.change.action is Action.TEST_NOTICE_SENT]
    assert len(tested) == len(NoticeKind)
    assert "anna@" not in str(entries)
    kept = [payload for topic, payload in await messages(shop.installation.db, shop.programme) if "test" in topic]
    assert kept == [], "the address is not kept"


@pytest.mark.parametrize("to", ["", "nobody", "a@b\r\nBcc: c@d", "a b@c.example"])
async def test_a_test_mail_goes_nowhere_but_to_an_address(shop: Shop, to: str) -> None:
    refusal = await change(shop, "sendTestNotice", kind="WELCOME", locale="de", to=to)
    assert (refusal["code"], refusal["field"]) == ("INVALID_INPUT", "to")
    assert await messages(shop.installation.db, shop.programme) == []


async def test_there_are_only_so_many_test_mails_in_an_hour(shop: Shop, clock: Clock) -> None:
    given = {"kind": "WELCOME", "locale": "de", "to": "anna@example.com"}
    answers = await asyncio.gather(*(change(shop, "sendTestNotice", **given) for _ in range(25)))
    refused = [answer for answer in answers if "code" in answer]
    assert [(answer["code"], answer["limit"]) for answer in refused] == [("TOO_MANY_TEST_NOTICES", 20)] * 5
    assert len(await messages(shop.installation.db, shop.programme)) == 20
    clock.now += timedelta(hours=1)
    assert await change(shop, "sendTestNotice", **given) == {"to": "anna@example.com"}


async def test_without_a_mail_server_a_test_says_so(shop: Shop) -> None:
    alone = replace(shop.installation, sends_mail=False)
    anna = Principal(CallerKind.STAFF, shop.programme.id, "st")
    with pytest.raises(MailNotConfigured):
        await trying.send_test(alone, anna, NoticeKind.WELCOME, "de", "anna@example.com", now=NOW)
