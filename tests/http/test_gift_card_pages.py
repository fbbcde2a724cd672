"""The page of a gift card: whoever has its link sees what it is good for, and nobody else sees anything (R22)."""

from datetime import timedelta

import httpx
import pytest
import pytest_asyncio

from pointbook.domain.access import CallerKind, Principal
from pointbook.services import gift_cards
from pointbook.services.gift_cards import BoughtCard
from tests.cards import buy_card, member_who_buys, offer_card, use_card
from tests.http.fixtures import Shop
from tests.http.statements import statements
from tests.support import NOW, euros

HOSTILE = "</p><script>alert(1)</script>\"'&"


@pytest_asyncio.fixture(autouse=True)
async def offered(shop: Shop) -> None:
    await offer_card(shop.installation, shop.programme, validityDays=30)
    await member_who_buys(shop.installation, shop.programme)


async def bought(shop: Shop, *, name: str | None = None, message: str | None = None) -> BoughtCard:
    email = None if name is None and message is None else "ola@example.com"
    return await buy_card(shop.installation, shop.programme, email, name=name, message=message)


async def page(shop: Shop, card: BoughtCard, locale: str | None = None) -> httpx.Response:
    path = gift_cards.page_path(shop.installation, shop.programme.id, card.card.card_id, locale)
    return await shop.client.get(path)


async def test_the_page_shows_what_the_card_is_good_for_in_the_programme_s_language(shop: Shop) -> None:
    card = await bought(shop, name="Ola", message="Alles Gute!\nEva")
    response = await page(shop, card)
    assert response.status_code == 200
    text = response.text
    assert '<html lang="de">' in text
    for shown in (
        *("A shop", "Gutschein für Kaffee", "50,00\xa0€", card.card.code, "Für Ola", "Alles Gute!\nEva"),
        *("Gültig bis einschließlich 31. März 2026", '<svg viewBox="', "QR-Code mit dem Code"),
    ):
        assert shown in text, shown
    assert "Noch verfügbar" not in text, "all of it is left"
    assert (await shop.client.get("/static/gift-card.css")).status_code == 200


@pytest.mark.parametrize(
    ("asked", "tag", "shown"),
    [
        ("de", "de", ("Gutschein für Kaffee", "50,00\xa0€", "31. März 2026", "Geben Sie den Code")),
        ("de-AT", "de-AT", ("Gutschein für Kaffee", "€\xa050,00", "31. März 2026", "Geben Sie den Code")),
        ("en", "en", ("Coffee voucher", "€50.00", "March 31, 2026", "Enter the code")),
        ("pl", "pl", ("Gutschein für Kaffee", "50,00\xa0€", "31 marca 2026", "Kod należy podać")),
        ("ja", "en", ("Coffee voucher", "€50.00", "March 31, 2026", "Enter the code")),
        ("x" * 5_000, "en", ("Coffee voucher",)),
        ("<script>", "en", ("Coffee voucher",)),
        ("", "de", ("Gutschein für Kaffee",)),
    ],
)
async def test_the_page_is_in_the_language_that_is_asked_for_or_in_english(
    shop: Shop, asked: str, tag: str, shown: tuple[str, ...]
) -> None:
    response = await page(shop, await bought(shop), asked)
    assert (response.status_code, response.headers["content-language"]) == (200, tag)
    assert f'<html lang="{tag}">' in response.text
    for text in shown:
        assert text in response.text, text
    assert "<script" not in response.text


async def test_what_people_have_written_stays_text(shop: Shop) -> None:
    text = (await page(shop, await bought(shop, name=HOSTILE, message=f"{HOSTILE}\n{{{{ 7 * 7 }}}}"))).text
    assert "<script" not in text
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;") == 2
    assert "{{ 7 * 7 }}" in text


async def test_the_page_is_kept_by_nobody_and_runs_nothing(shop: Shop) -> None:
    response = await page(shop, await bought(shop))
    headers = response.headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-robots-tag"] == "noindex, nofollow"
    assert headers["x-content-type-options"] == "nosniff"
    assert "<script" not in response.text
    assert " style=" not in response.text
    assert "http:" not in response.text
    head = await shop.client.head(response.url.path)
    assert (head.status_code, head.headers["content-length"]) == (200, headers["content-length"])


async def test_r29_what_is_left_and_what_is_set_aside_is_told(shop: Shop) -> None:
    card = await bought(shop)
    await use_card(shop.installation, shop.programme, card, 3_000)
    till = Principal(CallerKind.SERVER, shop.programme.id, "sk")
    hold = gift_cards.HoldCard(card.card.code, "k", euros("5.00"))
    await gift_cards.hold(shop.installation, till, hold, now=NOW)
    text = (await page(shop, card)).text
    assert "Noch verfügbar: <strong>15,00\xa0€</strong>" in text
    assert "Weitere 5,00\xa0€ sind gerade für einen Einkauf vorgemerkt." in text
    assert card.card.code in text


@pytest.mark.parametrize(
    ("ending", "told"),
    [
        ("used", "Dieser Gutschein ist ganz eingelöst."),
        ("void", "Dieser Gutschein wurde storniert und ist nicht mehr gültig."),
        ("expired", "Dieser Gutschein ist abgelaufen. Er war bis einschließlich 31. März 2026 gültig."),
    ],
)
async def test_a_card_that_pays_nothing_any_more_says_so_and_shows_no_code(
    shop: Shop, ending: str, told: str
) -> None:
    card = await bought(shop, name="Ola")
    if ending == "used":
        await use_card(shop.installation, shop.programme, card, 5_000)
    elif ending == "void":
        anna = Principal(CallerKind.STAFF, shop.programme.id, "st")
        await gift_cards.void(shop.installation, anna, card.card.card_id, now=NOW)
    else:
        shop.clock.now += timedelta(days=31)
    response = await page(shop, card)
    assert response.status_code == 200
    assert told in response.text
    assert card.card.code not in response.text
    assert "<svg" not in response.text
    assert f"Der Code endet auf {card.card.last_four}." in response.text


async def test_it_is_good_to_the_last_moment_of_its_last_local_day(shop: Shop) -> None:
    card = await bought(shop)
    assert card.card.expires_at is not None
    shop.clock.now = card.card.expires_at - timedelta(microseconds=1)
    assert card.card.code in (await page(shop, card)).text
    shop.clock.now = card.card.expires_at
    assert card.card.code not in (await page(shop, card)).text


async def test_r22_all_wrong_links_get_one_answer_and_cost_no_look_up(shop: Shop) -> None:
    card = await bought(shop)
    good = gift_cards.page_path(shop.installation, shop.programme.id, card.card.card_id).removeprefix(
        "/gift-cards/"
    )
    number, name, seal = good.split("-")
    wrong = (
        *("x", "1", "--", "%00", "%C3%A4", good[:-1], f"{good}a", good.upper(), "9" * 500, card.card.code),
        *(f"{int(number) + 1}-{name}-{seal}", f"{number}-{name[::-1]}-{seal}", f"{number}-{name}-"),
    )
    with statements() as seen:
        answers = [await shop.client.get(f"/gift-cards/{token}") for token in wrong]
        other = await shop.client.get("/gift-cards/x", params={"lang": "pl"})
    assert seen == []
    assert {answer.status_code for answer in answers} == {404}
    assert {answer.text for answer in answers} == {answers[0].text}
    assert "There is no such page." in answers[0].text
    assert "Nie ma takiej strony." in other.text
    assert "A shop" not in answers[0].text
    assert answers[0].headers["cache-control"] == "no-store"
    assert "script" not in answers[0].headers["content-security-policy"]
    assert (await shop.client.post(f"/gift-cards/{good}")).status_code == 405


async def test_while_the_database_is_away_the_page_says_when_to_come_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = await bought(shop)

    def away(*_: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(shop.installation.db, "bare_transaction", away)
    response = await page(shop, card)
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert response.headers["cache-control"] == "no-store"
    assert card.card.code not in response.text
