"""Whoever has the link of a notice ends the notices, by the button or in one click, and nobody else does (R32)."""

import re

import httpx
import pytest

from pointbook.services.joining import Join, join
from pointbook.services.notices.unsubscribing import unsubscribe_path
from tests.http.fixtures import Shop
from tests.support import NOW, everything


async def member(shop: Shop, *, locale: str | None = "de") -> str:
    """A member who wants notices; the path of their link."""
    joined = await join(
        shop.installation, shop.programme.id, Join("c-1", "eva@example.com", locale=locale, opt_in=True), now=NOW
    )
    return unsubscribe_path(shop.installation, shop.programme.id, joined.member.public_id)


async def wants(shop: Shop) -> bool:
    async with shop.installation.db.bare_transaction(shop.programme.id) as connection:
        return bool(await connection.fetchval("select notices from member"))


def ending(response: httpx.Response) -> bool:
    """Whether the page has the button."""
    return "<button>" in response.text


async def test_the_page_asks_and_its_button_ends_the_notices(shop: Shop) -> None:
    path = await member(shop)
    asked = await shop.client.get(path)
    assert (asked.status_code, asked.headers["content-language"]) == (200, "de")
    assert "Möchten Sie keine Nachrichten zu Ihren Punkten bei A shop mehr erhalten?" in asked.text
    assert ending(asked)
    assert await wants(shop), "a scanner that follows the link ends nothing"
    done = await shop.client.post(path)
    assert done.status_code == 200
    assert "Sie erhalten keine Nachrichten zu Ihren Punkten bei A shop mehr." in done.text
    assert not ending(done)
    assert not await wants(shop)
    assert (await shop.client.get("/static/notices.css")).status_code == 200


async def test_a_mail_program_ends_them_in_one_click_and_again_it_stays_so(shop: Shop) -> None:
    path = await member(shop)
    one_click = {"List-Unsubscribe": "One-Click"}
    assert (await shop.client.post(path, data=one_click)).status_code == 200
    before = await everything(shop.installation.db, shop.programme)
    for again in (await shop.client.post(path, data=one_click), await shop.client.get(path)):
        assert again.status_code == 200
        assert not ending(again)
    assert await everything(shop.installation.db, shop.programme) == before


@pytest.mark.parametrize(
    ("locale", "tag", "said"),
    [
        ("en", "en", "Do you want no more news of your points at A shop?"),
        (None, "de", "Möchten Sie keine Nachrichten"),
    ],
)
async def test_it_is_in_the_members_language(shop: Shop, locale: str | None, tag: str, said: str) -> None:
    response = await shop.client.get(await member(shop, locale=locale))
    assert f'<html lang="{tag}">' in response.text
    assert said in response.text


@pytest.mark.parametrize(
    "forge",
    [
        lambda path: path[:-1] + ("a" if path[-1] != "a" else "b"),
        lambda path: path[:-24],
        lambda path: re.sub(r"/(\d+)-", lambda found: f"/{int(found[1]) + 1}-", path),
        lambda path: path.replace("-", "%2D-", 1),
        lambda _: "/notices/unsubscribe/1-" + "0" * 32 + "-" + "a" * 24,
        lambda _: "/notices/unsubscribe/" + "9" * 500,
        lambda _: "/notices/unsubscribe/ż-x-y",
        lambda _: "/notices/unsubscribe/1-zz-",
    ],
)
async def test_a_link_that_is_none_ends_nothing_and_tells_nothing(shop: Shop, forge: object) -> None:
    forged = forge(await member(shop))  # type: ignore[operator]
    for response in (await shop.client.get(forged), await shop.client.post(forged)):
        assert response.status_code == 404
        assert "A shop" not in response.text
    assert await wants(shop)


async def test_a_link_is_of_one_member(shop: Shop) -> None:
    path = await member(shop)
    other = await join(shop.installation, shop.programme.id, Join("c-2", opt_in=True), now=NOW)
    swapped = re.sub(r"-[0-9a-f]{32}-", f"-{other.member.public_id.hex}-", path)
    assert (await shop.client.post(swapped)).status_code == 404


async def test_the_link_of_an_inactive_member_works_too(shop: Shop) -> None:
    path = await member(shop)
    async with shop.installation.db.bare_transaction(shop.programme.id) as connection:
        await connection.execute("update member set state = 'INACTIVE'")
    assert (await shop.client.post(path)).status_code == 200
    assert not await wants(shop)


async def test_the_page_is_kept_by_nobody_and_runs_nothing(shop: Shop) -> None:
    headers = (await shop.client.get(await member(shop))).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self'" in policy
    assert "script-src" not in policy
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
