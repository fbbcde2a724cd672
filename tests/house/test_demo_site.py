"""The demo's site: its shops and their pages in every language, and what its buttons do."""

import html
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette

from pointbook import demo as demo_data
from pointbook.demo import SHOPS, open_shop
from pointbook.demo.calls import MOST
from pointbook.demo.shops import Shop as DemoShop
from pointbook.demo.site import DemoSite
from pointbook.demo.words import WORDS
from pointbook.domain.access import CallerKind, Principal
from pointbook.domain.redemption import parse_cart
from pointbook.graphql.trusted import shipped
from pointbook.http.widget_scripts import widget_files
from pointbook.services.programmes import find_programme
from pointbook.services.redemption import Redeem, redeem
from tests.http.fixtures import Shop, app, client, clock, session_clock, shop
from tests.support import MINUTE, violations

__all__ = ["app", "client", "clock", "session_clock", "shop"]


def site_of(shop: Shop, data_dir: Path) -> DemoSite:
    async def opening(wanted: DemoShop) -> demo_data.OpenShop:
        return await open_shop(shop.installation, wanted, data_dir, now=shop.clock())

    return DemoSite(shop.installation, SHOPS, opening, shop.clock, shipped(), data_dir)


@pytest_asyncio.fixture
async def visitor(shop: Shop, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A browser on the demo's site."""
    transport = httpx.ASGITransport(app=Starlette(routes=site_of(shop, tmp_path).routes))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://shop.test", follow_redirects=True
    ) as browser:
        yield browser
    assert await violations(shop.installation.db) == []


async def newest(visitor: httpx.AsyncClient) -> tuple[str, int]:
    entry = (await visitor.get("/demo/entries")).json()[0]
    return entry["kind"], entry["points"]


def told_in(page: httpx.Response) -> list[dict[str, Any]]:
    """What the page says that the shop's server asked, the oldest first."""
    [shown] = re.findall(r'data-told="([^"]*)"', page.text)
    told: list[dict[str, Any]] = json.loads(html.unescape(shown))
    return told


def found(one: dict[str, Any]) -> tuple[str, str | None]:
    """Which field was asked, and the outcome of that."""
    [(name, result)] = one["answer"]["data"].items()
    return name, None if result is None else result.get("outcome")


def entries(one: dict[str, Any]) -> list[tuple[str, int]]:
    return [(entry["kind"], entry["points"]) for entry in one["entries"]]


def number_in(page: httpx.Response, of: str) -> str:
    found: str = re.findall(rf'name="number" value="({of}-[^"]+)"', page.text)[0]
    return found


@pytest.mark.parametrize("of", SHOPS, ids=lambda of: of.key)
async def test_every_shop_has_its_pages_with_widgets_in_every_language(
    visitor: httpx.AsyncClient, of: DemoShop
) -> None:
    for language in ("de", "en", "pl"):
        await visitor.post("/demo/look", content=f"shop={of.key}&customer=clara&lang={language}&theme=dark")
        pages = {"/account": "account"}
        if of.articles:
            await visitor.post("/demo/add", content=f"sku={of.articles[0].sku}&quantity=2")
            pages |= {"": "product", "/cart": "checkout"}
        if of.services:
            pages |= {"/services": "product"}
        for path, widget in pages.items():
            page = await visitor.get(f"/demo{path}")
            assert page.status_code == 200
            assert f"<title>{of.name}</title>" in page.text
            assert f"<pointbook-{widget} " in page.text
            assert f'lang="{language}"' in page.text
            assert "script-src 'self'" in page.headers["content-security-policy"]
    entries = (await visitor.get("/demo/entries")).json()
    assert len(entries) > 1, "its first member has a history"


async def test_an_order_earns_when_it_is_complete_and_not_before(shop: Shop, visitor: httpx.AsyncClient) -> None:
    await visitor.post("/demo/look", content="customer=jonas")
    assert (await visitor.get("/demo/token")).json()["token"].count(".") == 2
    before = await newest(visitor)
    await visitor.post("/demo/add", content="sku=decaf-250&quantity=2")
    ordered = await visitor.post("/demo/order", content="voucher=")
    assert await newest(visitor) == before
    number = number_in(ordered, "D")
    await visitor.post("/demo/act", content=f"number={number}&act=return")
    assert await newest(visitor) == before, "what is not complete cannot come back"
    await visitor.post("/demo/act", content=f"number={number}&act=complete")
    kind, points = await newest(visitor)
    assert (kind, points >= 18 + 10) == ("ACCRUAL", True)  # twice as much of it at weekends
    await visitor.post("/demo/act", content=f"number={number}&act=cancel")
    assert await newest(visitor) == ("REVERSAL", -points)
    shop.clock.now += MINUTE
    await visitor.post("/demo/act", content=f"number={number}&act=complete")
    assert await newest(visitor) == ("ACCRUAL", points), "it earns anew"
    await visitor.post("/demo/act", content=f"number={number}&act=return")
    assert await newest(visitor) == ("REVERSAL", -points)


async def test_a_booking_earns_and_is_cancelled(visitor: httpx.AsyncClient) -> None:
    await visitor.post("/demo/look", content="shop=simplybook&customer=mia")
    booked = await visitor.post("/demo/book", content="service=massage")
    assert await newest(visitor) == ("ACCRUAL", 25)
    await visitor.post("/demo/act", content=f"number={number_in(booked, 'B')}&act=cancel")
    assert await newest(visitor) == ("REVERSAL", -25)


async def test_the_clock_of_each_shop_is_moved_by_itself(visitor: httpx.AsyncClient) -> None:
    async def clock_of(name: str) -> str:
        page = await visitor.post("/demo/look", content=f"shop={name}&customer=clara")
        found: str = re.findall(r"<time>([^<]+)</time>", page.text)[0]
        return found

    begun = await clock_of("loyalista")
    page = await visitor.post("/demo/clock?page=/demo/account", content="by=30d")
    assert page.url.fragment == "drawer"
    assert await clock_of("loyalista") == "2026-03-31 11:00"  # summer has begun
    assert begun == await clock_of("sides") == "2026-03-01 10:00"


async def test_the_drawer_has_the_text_of_whatever_the_widgets_send(visitor: httpx.AsyncClient) -> None:
    known = (await visitor.get("/demo/documents")).json()
    sent = [
        identity
        for script in widget_files().values()
        for identity in re.findall(rb'"([0-9a-f]{16})"', script.content)
    ]
    assert len(sent) > 10
    assert [identity for identity in sent if f"sha256:{identity.decode()}" not in known] == []


async def test_what_is_refused_is_said_and_nothing_is_ordered(visitor: httpx.AsyncClient) -> None:
    await visitor.post("/demo/look", content="customer=jonas")
    await visitor.post("/demo/add", content="sku=decaf-250&quantity=2")
    before = await newest(visitor)
    refused = await visitor.post("/demo/order", content="voucher=AAAA-BBBB-CCCC")
    assert 'role="alert"' in refused.text
    assert "decaf-250" in refused.text, "the cart is as it was"
    assert await newest(visitor) == before


@pytest.mark.parametrize("of", SHOPS, ids=lambda of: of.key)
async def test_a_visitor_becomes_a_guest_again_in_every_shop(visitor: httpx.AsyncClient, of: DemoShop) -> None:
    await visitor.post("/demo/look", content=f"shop={of.key}&customer=clara")
    assert (await visitor.get("/demo/token")).status_code == 200
    page = await visitor.post("/demo/look?page=/demo/account", content="customer=")
    assert '<option value="" selected>' in page.text
    assert (await visitor.get("/demo/token")).status_code == 204


@pytest.mark.parametrize("lang", WORDS)
async def test_a_guest_is_told_to_choose_a_customer_wherever_one_is_needed(
    visitor: httpx.AsyncClient, lang: str
) -> None:
    await visitor.post("/demo/look", content=f"customer=&lang={lang}")
    await visitor.post("/demo/add", content="sku=decaf-250&quantity=2")
    for path in ("/cart", "/services", "/account"):
        assert WORDS[lang]["sign_in_first"] in (await visitor.get(f"/demo{path}")).text, path
    await visitor.post("/demo/look", content="customer=jonas")
    assert WORDS[lang]["sign_in_first"] not in (await visitor.get("/demo/account")).text


async def test_the_drawer_shows_what_the_shops_server_asked_and_a_server_can_ask_it(
    shop: Shop, visitor: httpx.AsyncClient, tmp_path: Path
) -> None:
    await visitor.post("/demo/look", content="customer=jonas")
    await visitor.post("/demo/add", content="sku=decaf-250&quantity=2")
    number = number_in(await visitor.post("/demo/order"), "D")
    await visitor.post("/demo/act", content=f"number={number}&act=complete")
    await visitor.post("/demo/act", content=f"number={number}&act=return")
    booked = await visitor.post("/demo/book", content="service=barista-course")
    await visitor.post("/demo/act", content=f"number={number_in(booked, 'B')}&act=cancel")
    await visitor.post("/demo/voucher", content="voucher=AAAA-BBBB-CCCC")
    page = await visitor.post("/demo/clock", content="by=30d")

    told = told_in(page)
    earned = told[1]["entries"][0]["points"]
    assert [(one["by"], *found(one), entries(one)) for one in told] == [
        ("SERVER", "submitOrder", "RECEIVED", []),
        ("SERVER", "submitOrder", "EARNED", [("ACCRUAL", earned)]),
        ("SERVER", "submitReturn", "APPLIED", [("REVERSAL", -earned)]),
        ("SERVER", "submitBooking", "EARNED", [("ACCRUAL", 60)]),
        ("SERVER", "submitBooking", "VOID", [("REVERSAL", -60)]),
        ("SERVER", "voucher", None, []),
        ("STAFF", "moveSandboxClock", None, []),
    ]
    assert told[1]["variables"]["input"]["order"]["lines"][0]["articleId"] == "decaf-250"
    assert told[2]["variables"]["input"]["return"]["orderExternalId"] == number
    assert told[6]["variables"]["input"]["forwardSeconds"] == 30 * 86_400

    # What is shown is what is sent: Pointbook takes it from whoever has the keys, and has had its effect.
    keys = json.loads((tmp_path / "demo.json").read_text())
    for one in told:
        key = keys["secret" if one["by"] == "SERVER" else "staff"]
        sent = {"query": one["text"], "variables": one["variables"]}
        again = await shop.send(sent, {"Authorization": f"Bearer {key}"})
        [result] = again.data.values()
        assert result is None or "code" not in result
        assert one["by"] == "STAFF" or result is None or result.get("replayed", True)

    await visitor.post("/demo/look", content="customer=mia")
    assert told_in(await visitor.get("/demo/account")) == [], "of each customer its own"


async def test_the_calls_that_the_drawer_remembers_are_few(visitor: httpx.AsyncClient) -> None:
    await visitor.post("/demo/look", content="customer=jonas")
    for number in range(MOST + 2):
        await visitor.post("/demo/voucher", content=f"voucher={number}")
    told = told_in(await visitor.get("/demo/account"))
    assert [one["variables"]["code"] for one in told] == [str(number) for number in range(2, MOST + 2)]


async def test_a_voucher_code_is_judged_when_it_is_applied(shop: Shop, visitor: httpx.AsyncClient) -> None:
    async def said(code: str) -> str:
        answer: str = (await visitor.post("/demo/voucher", content=f"voucher={code}")).json()["said"]
        return answer

    await visitor.post("/demo/look", content="customer=clara&lang=de")
    await visitor.post("/demo/add", content="sku=decaf-250&quantity=2")
    programme = await find_programme(shop.installation, "morgenrot")
    clara = Principal(CallerKind.CUSTOMER, programme.id, "page", subject="clara")
    cart = parse_cart({"id": "cart", "total": "17.80", "currency": "EUR"}, "EUR")
    held = await redeem(shop.installation, clara, Redeem(cart, 100, "once"), now=shop.clock())
    assert await said(held.code) == "Mit Punkten bezahlt: 5,00\xa0€. Noch zu zahlen: 12,80\xa0€."
    for code in ("AAAA-BBBB-CCCC", "x" * 5000, "%00", ""):
        assert await said(code) == "Dieser Gutscheincode kann nicht eingelöst werden."
    await visitor.post("/demo/clock", content="by=15m")
    assert await said(held.code) == "Dieser Gutscheincode kann nicht eingelöst werden.", "it has lapsed"


@pytest.mark.parametrize("lang", WORDS)
async def test_what_is_refused_is_said_in_the_pages_language(visitor: httpx.AsyncClient, lang: str) -> None:
    await visitor.post("/demo/look", content=f"customer=jonas&lang={lang}")
    await visitor.post("/demo/add", content="sku=decaf-250&quantity=2")
    refused = await visitor.post("/demo/order", content="voucher=AAAA-BBBB-CCCC")
    assert f'role="alert">{WORDS[lang]["VOUCHER_NOT_USABLE"]}<' in refused.text
    other = await visitor.get("/demo/cart?refused=demo")
    assert f'role="alert">{WORDS[lang]["REFUSED"]}<' in other.text, "a link cannot make the page say anything"


async def test_orders_and_bookings_go_on_when_the_demo_is_started_again(
    shop: Shop, visitor: httpx.AsyncClient, tmp_path: Path
) -> None:
    await visitor.post("/demo/look", content="customer=jonas")
    await visitor.post("/demo/add", content="sku=decaf-250&quantity=2")
    number = number_in(await visitor.post("/demo/order"), "D")
    booking = number_in(await visitor.post("/demo/book", content="service=barista-course"), "B")
    transport = httpx.ASGITransport(app=Starlette(routes=site_of(shop, tmp_path).routes))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://shop.test", follow_redirects=True, cookies={"customer": "jonas"}
    ) as later:
        await later.post("/demo/act", content=f"number={number}&act=complete")
        assert (await newest(later))[0] == "ACCRUAL"
        page = await later.post("/demo/act", content=f"number={booking}&act=cancel")
        assert await newest(later) == ("REVERSAL", -60)
        assert (number in page.text, booking in page.text) == (True, True)
        # Of another database nothing is shown, and what is no such file is none.
        kept = tmp_path / "demo-deals.json"
        for content in (kept.read_text().replace("pk_", "pk_of_a_former_"), '{"', "[1]"):
            kept.write_text(content)
            transport = httpx.ASGITransport(app=Starlette(routes=site_of(shop, tmp_path).routes))
            async with httpx.AsyncClient(
                transport=transport, base_url="http://shop.test", cookies={"customer": "jonas"}
            ) as stranger:
                page = await stranger.get("/demo/account")
                assert page.status_code == 200
                assert number not in page.text


async def test_only_what_the_bar_offers_is_chosen(visitor: httpx.AsyncClient) -> None:
    await visitor.post("/demo/look", content="customer=jonas&lang=en")
    for form in (
        "lang=de%0d%0aX",
        "lang=xx&theme=x&shop=x",
        "customer=who",
        "customer=jonas%0d%0aX",
        b"lang=\xff",
    ):
        answer = await visitor.post("/demo/look", content=form, follow_redirects=False)
        assert (answer.status_code, answer.headers.get_list("set-cookie")) == (303, []), form
    page = await visitor.get("/demo/account")
    assert 'lang="en"' in page.text
    assert (await visitor.get("/demo/token")).status_code == 200


@pytest.mark.parametrize("path", ["look", "add", "voucher", "order", "book", "act", "clock"])
async def test_a_form_that_is_no_text_is_answered(visitor: httpx.AsyncClient, path: str) -> None:
    visitor.cookies = httpx.Cookies({"customer": "jonas", "cart": "grinder:1", "shop": "morgenrot"})
    for field in ("lang", "sku", "quantity", "voucher", "service", "number", "act", "by"):
        for form in (field.encode() + b"=\xff\xfe", b"\xff" + field.encode() + b"=1"):
            assert (await visitor.post(f"/demo/{path}", content=form)).status_code == 200


async def test_who_has_a_name_that_is_none_is_a_guest(visitor: httpx.AsyncClient) -> None:
    for customer in ("9" * 300, "\x7f"):
        visitor.cookies = httpx.Cookies({"customer": customer})
        assert (await visitor.get("/demo/token")).status_code == 204
        for page in ("", "/cart", "/account", "/entries"):
            assert (await visitor.get(f"/demo{page}")).status_code == 200


async def test_odd_cookies_and_forms_are_nobody_and_nothing(visitor: httpx.AsyncClient) -> None:
    cookies = {"shop": "x", "lang": "<b>", "theme": "x", "cart": f"moon:1.grinder:<script>.grinder:{'9' * 5000}:"}
    page = await visitor.get("/demo/cart", headers={"Cookie": "; ".join(f"{k}={v}" for k, v in cookies.items())})
    assert page.status_code == 200
    assert "<script>." not in page.text
    assert (await visitor.get("/demo/token")).status_code == 204
    odd = f"sku=%00&quantity=x&service=x&number=x&act=x&by={'9' * 5000}d"
    for path in ("/demo/order", "/demo/book", "/demo/act", "/demo/clock", "/demo/add"):
        assert (await visitor.post(path, content=odd)).status_code == 200
    for customer in ("\x7f", "9" * 2000, "who%00"):
        visitor.cookies = httpx.Cookies({"customer": customer, "cart": "grinder:1", "shop": "morgenrot"})
        for path, form in {"order": "", "book": "service=barista-course", "voucher": "voucher=x"}.items():
            answer = await visitor.post(f"/demo/{path}", content=form)
            assert answer.status_code == 200, (customer, path)
