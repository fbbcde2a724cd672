"""What shops load and paste: scripts with their headers, and snippets that hold only what was asked for."""

import base64
import gzip
import hashlib
import re
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from asgi_lifespan import LifespanManager

from pointbook.app import create_app
from pointbook.domain.access import ALL_RIGHTS
from pointbook.http.rate_limit import Rates
from pointbook.http.widget_scripts import widget_files
from pointbook.services.directory import ProgrammeState
from pointbook.services.keys import KeyKind, NewKey, create_key
from pointbook.settings import Settings
from tests.http.fixtures import GENEROUS, Shop, make_shop
from tests.rules.shop import add_rule, rule
from tests.support import NOW, SECRET

PAYLOAD = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


class _Elements(HTMLParser):
    """The elements of a text with their attributes, and the text between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def names(self) -> list[str]:
        return [tag for tag, _ in self.elements]


async def snippet(shop: Shop, widget: str = "product", /, **attributes: str) -> httpx.Response:
    given = {"api-key": shop.publishable_key, "article": "tea", "price": "25.00"} if widget == "product" else {}
    given = {"api-key": shop.publishable_key, **given, **attributes}
    return await shop.client.get(f"/widgets/snippet/{widget}", params=given)


async def test_a_script_is_served_evergreen_and_under_its_hash_for_ever(client: httpx.AsyncClient) -> None:
    for name in ("pointbook.js", "frame.js"):
        file = widget_files()[name]
        evergreen = await client.get(f"/widgets/v1/{name}")
        pinned = await client.get(f"/widgets/v1/{file.pinned_name}")
        assert evergreen.content == pinned.content == file.content
        assert evergreen.headers["cache-control"].startswith("public, max-age=300,")
        assert pinned.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert pinned.headers["access-control-allow-origin"] == "*"
        assert pinned.headers["content-type"].startswith("text/javascript")
        again = await client.get(f"/widgets/v1/{name}", headers={"If-None-Match": evergreen.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    for unknown in ("pointbook.0000000000000000.js", "pointbook.js.br"):
        missing = await client.get(f"/widgets/v1/{unknown}")
        assert (missing.status_code, missing.headers["cache-control"]) == (404, "no-store")


async def test_the_licenses_lie_beside_the_script(client: httpx.AsyncClient) -> None:
    assert b"LICENSES.txt" in (await client.get("/widgets/v1/pointbook.js")).content
    answer = await client.get("/widgets/v1/LICENSES.txt")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "BSD" in answer.text


async def test_a_script_is_sent_as_brotli_where_that_is_understood(client: httpx.AsyncClient) -> None:
    file = widget_files()["pointbook.js"]
    for accepted, coding in (
        ("gzip, deflate, br, zstd", "br"),
        ("gzip;q=0.5", "gzip"),
        ("identity", None),
        ("br;q=0, gzip", "gzip"),
        ("br; q=0.000, gzip;q=0", None),
    ):
        request = client.build_request("GET", "/widgets/v1/pointbook.js", headers={"Accept-Encoding": accepted})
        answer = await client.send(request, stream=True)
        content = b"".join([part async for part in answer.aiter_raw()])
        assert answer.headers.get("content-encoding") == coding
        assert answer.headers["vary"] == "Accept-Encoding"
        if coding == "br":
            assert len(content) <= 15_000, "what a page loads before a widget is there"
            assert content == file.encoded["br"]
        else:
            assert (gzip.decompress(content) if coding else content) == file.content


async def test_a_snippet_has_what_a_guest_would_see_and_the_script_with_its_integrity(shop: Shop) -> None:
    await add_rule(shop.installation, shop.programme, rule(points=35, targets=["tea"]))
    answer = await snippet(shop, quantity="2")
    assert answer.status_code == 200
    found = _Elements(answer.text)
    assert found.names == ["script", "div", "pointbook-product", "br"]
    assert found.text.strip() == "50 Punkte + 70 Punkte extraJetzt mitmachen: 100 Punkte geschenkt"
    (_, script), (_, wrapper), (_, element), _ = found.elements
    assert wrapper == {"class": "pointbook"}
    assert element == {"api-key": shop.publishable_key, "article": "tea", "price": "25.00", "quantity": "2"}
    served = await shop.client.get(str(script["src"]).removeprefix("http://pointbook.test"))
    assert "immutable" in served.headers["cache-control"]
    digest = base64.b64encode(hashlib.sha384(served.content).digest()).decode()
    assert script["integrity"] == f"sha384-{digest}"
    evergreen = _Elements((await snippet(shop, script="evergreen")).text).elements[0][1]
    assert str(evergreen["src"]).endswith("/widgets/v1/pointbook.js")
    assert "integrity" not in evergreen


async def test_a_snippet_that_names_the_host_it_was_asked_at_is_kept_for_nobody_else(
    shop: Shop, database_url: str
) -> None:
    """A cache that does not tell hosts apart would hand a script of an attacker's choice to all."""
    params, evil = {"api-key": shop.publishable_key}, {"Host": "evil.example"}
    answer = await shop.client.get("/widgets/snippet/account", params=params, headers=evil)
    assert 'src="http://evil.example/' in answer.text
    assert answer.headers["cache-control"].startswith("private, max-age=60,")
    frame = await shop.client.get("/widgets/frame/account", params=params, headers=evil)
    assert "evil.example" not in frame.text
    assert frame.headers["cache-control"].startswith("public, max-age=60,")

    settings = Settings.model_validate(
        {"database_url": database_url, "secret": SECRET, "public_url": "https://points.example"}
    )
    app = create_app(settings, clock=shop.clock, rates=Rates(GENEROUS, GENEROUS, GENEROUS))
    async with (
        LifespanManager(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://pointbook.test") as client,
    ):
        answer = await client.get("/widgets/snippet/account", params=params, headers=evil)
    assert 'src="https://points.example/' in answer.text
    assert answer.headers["cache-control"].startswith("public, max-age=60,")


@pytest.mark.parametrize(
    ("widget", "lang", "expected"),
    [
        ("product", "pl", "25 punktówProszę dołączyć i odebrać 100 punktów"),
        ("product", "en-GB", "25 pointsJoin and get 100 points"),
        ("product", "xx", "25 pointsJoin and get 100 points"),
        ("checkout", "en", "Pay with points"),
        ("account", "de-AT", "Ihre Punkte bei A shop"),
    ],
)
async def test_a_snippet_speaks_the_language_asked_for(shop: Shop, widget: str, lang: str, expected: str) -> None:
    assert _Elements((await snippet(shop, widget, lang=lang)).text).text.strip() == expected


async def test_a_service_has_a_snippet_too(shop: Shop) -> None:
    await add_rule(shop.installation, shop.programme, rule("SERVICE", 25, targets=["cut"]))
    answer = await snippet(shop, "product", service="cut", participants="3")
    assert "75 Punkte" in _Elements(answer.text).text


async def test_whatever_an_attribute_says_stays_an_attribute(shop: Shop) -> None:
    plain = _Elements((await snippet(shop)).text)
    for name in ("variation", "groups", "entry-channel", "quantity-from", "join-url"):
        answer = await snippet(shop, **{name: PAYLOAD})
        assert answer.status_code == 200
        found = _Elements(answer.text)
        assert (found.names, found.text) == (plain.names, plain.text)
        assert found.elements[2][1][name] == PAYLOAD


async def test_what_a_merchant_calls_the_programme_stays_text(shop: Shop) -> None:
    app: Any = shop.client._transport.app  # type: ignore[attr-defined]
    named = await make_shop(app, shop.client, shop.clock, name=PAYLOAD)
    found = _Elements((await snippet(named, "account")).text)
    assert found.names == ["script", "div", "pointbook-account", "br", "svg"]
    assert found.text.strip() == f"Ihre Punkte bei {PAYLOAD}"


@pytest.mark.parametrize(
    ("attributes", "status", "said"),
    [
        ({"onclick": "alert(1)"}, 400, "onclick"),
        ({"style": "x"}, 400, "style"),
        ({"join-url": "javascript:alert(1)"}, 400, "join-url"),
        ({"join-url": "java\nscript:alert(1)"}, 400, "join-url"),
        ({"join-url": "http://[x"}, 400, "join-url"),
        ({"data-token-url": "data:text/plain,x"}, 400, "data-token-url"),
        ({"price": "dear"}, 400, "price: "),
        ({"price": ""}, 400, "price: "),
        ({"quantity": "-1"}, 400, "quantity: "),
        ({"article": ""}, 400, "article: "),
        ({"net-price": "25.01"}, 400, "net-price: must be at most the price"),
        ({"variation": "a\nb"}, 400, "variation: "),
        ({"groups": "hot,,cold"}, 400, "groups: "),
        ({"kind": "GIFT"}, 400, "kind: must be ITEM, MENU or TOPPING"),
        ({"topping-group": ""}, 400, "topping-group: "),
        ({"store": "a\nb"}, 400, "store: "),
        ({"entry-channel": "x" * 200}, 400, "entry-channel: "),
        ({"exit-channel": "x" * 200}, 400, "exit-channel: "),
        ({"service": ""}, 400, "service: "),
        ({"service": "cut", "entry-channel": ""}, 400, "entry-channel: "),
        ({"service": "cut", "participants": "1.5"}, 400, "participants: "),
        ({"service": "cut", "participants": "9" * 4_400}, 400, "participants: "),
        ({"script": "foo"}, 400, "script: must be pinned or evergreen"),
        ({"signed-in": "maybe"}, 400, "signed-in: must be yes or no"),
        ({"theme": "pink"}, 400, "theme: must be light, dark or auto"),
        ({"theme": PAYLOAD}, 400, "theme: must be light, dark or auto"),
        ({"lang": "german, please"}, 400, "lang: must be a language tag like de or de-AT"),
        ({"lang": "de_AT"}, 400, "lang: "),
        ({"lang": ""}, 400, "lang: "),
        ({"lang": "d" * 9}, 400, "lang: "),
        ({"lang": "de" + "-x" * 17}, 400, "lang: "),
        ({"store": "moon"}, 400, "moon"),
        ({"api-key": "pk_unknown"}, 401, "key"),
        ({"api-key": ""}, 400, "api-key: is required"),
        ({"variation": "x" * 9_000}, 414, "let the page set `cart`"),
    ],
)
async def test_a_snippet_that_cannot_be_is_refused_in_a_line(
    shop: Shop, attributes: dict[str, str], status: int, said: str
) -> None:
    answer = await snippet(shop, **attributes)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.text.startswith(said) if said.endswith(": ") else said in answer.text
    assert answer.text.find("\n") == len(answer.text) - 1


async def test_a_missing_attribute_is_asked_for_by_its_own_name(shop: Shop) -> None:
    for given, missing in (({}, "price"), ({"price": "1.00"}, "article")):
        params = {"api-key": shop.publishable_key, **given}
        answer = await shop.client.get("/widgets/snippet/product", params=params)
        assert (answer.status_code, answer.text) == (400, f"{missing}: is required\n")


async def test_a_cart_that_the_element_could_not_read_is_refused(shop: Shop) -> None:
    for cart in ("not json", "[1]", '{"id": "1", "total": "9.00"}'):
        answer = await snippet(shop, "checkout", cart=cart)
        assert (answer.status_code, answer.text[:5]) == (400, "cart:")
    for total, status in (('"24,90"', 400), ("null", 400), ("-1", 400), ('"24.90"', 200), ("24.9", 200)):
        answer = await snippet(shop, "checkout", cart=f'{{"id": "1", "total": {total}, "currency": "EUR"}}')
        assert answer.status_code == status, answer.text
        assert answer.text.startswith("cart.total: ") == (status == 400)
    assert (await snippet(shop, "checkout")).status_code == 200, "a page may set it"


@pytest.mark.parametrize("face", ["snippet", "frame"])
async def test_a_widget_that_is_not_there_is_missing_with_any_key_or_none(shop: Shop, face: str) -> None:
    for key in (shop.publishable_key, "pk_unknown", ""):
        answer = await shop.client.get(f"/widgets/{face}/nix", params={"api-key": key} if key else {})
        assert (answer.status_code, answer.text) == (404, "There are the widgets product, checkout, account.\n")
    assert (await shop.client.get(f"/widgets/{face}/account")).status_code == 400


async def test_only_a_publishable_key_is_put_into_a_page(shop: Shop) -> None:
    staff = await create_key(
        shop.installation, shop.programme.id, NewKey(KeyKind.STAFF, "Anna", rights=ALL_RIGHTS), now=NOW
    )
    for key in (shop.secret_key, staff.text):
        answer = await snippet(shop, **{"api-key": key})
        assert answer.status_code == 400
        assert key not in answer.text


async def test_a_programme_that_is_not_open_has_a_snippet_without_points(shop: Shop) -> None:
    app: Any = shop.client._transport.app  # type: ignore[attr-defined]
    draft = await make_shop(app, shop.client, shop.clock, state=ProgrammeState.DRAFT)
    answer = await snippet(draft)
    assert answer.status_code == 200
    assert _Elements(answer.text).text.strip() == ""


async def test_pages_of_other_origins_do_not_read_a_snippet_of_a_key(shop: Shop) -> None:
    app: Any = shop.client._transport.app  # type: ignore[attr-defined]
    bound = await make_shop(app, shop.client, shop.clock, origins=("https://shop.example",))
    params = {"api-key": bound.publishable_key}
    theirs = {"Origin": "https://other.example"}
    refused = await bound.client.get("/widgets/snippet/account", params=params, headers=theirs)
    assert (refused.status_code, refused.text) == (403, "Pages of this origin may not use this key.\n")
    mistyped = await bound.client.get("/widgets/snippet/account?api-key=pk_no", headers=theirs)
    assert mistyped.status_code == 401
    for readable in (refused, mistyped):
        assert readable.headers["access-control-allow-origin"] == "*", "it holds nothing but the reason"
    ours = {"Origin": "https://shop.example"}
    allowed = await bound.client.get("/widgets/snippet/account", params=params, headers=ours)
    assert allowed.headers["access-control-allow-origin"] == "https://shop.example"
    wrong = await bound.client.get("/widgets/snippet/product", params=params, headers=ours)
    assert (wrong.status_code, wrong.headers["access-control-allow-origin"]) == (400, "https://shop.example")
    frame = await bound.client.get("/widgets/frame/account", params=params)
    assert "frame-ancestors https://shop.example" in frame.headers["content-security-policy"]
    assert "x-frame-options" not in frame.headers


async def test_a_frame_runs_our_scripts_and_nothing_else(shop: Shop) -> None:
    answer = await shop.client.get(
        "/widgets/frame/account",
        params={"api-key": shop.publishable_key, "login-url": f"https://shop.example/{PAYLOAD}"},
    )
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "require-trusted-types-for 'script'" in policy
    found = _Elements(answer.text)
    scripts = [str(attributes["src"]) for tag, attributes in found.elements if tag == "script"]
    assert len(scripts) == 2
    for source in scripts:
        assert re.fullmatch(r"/widgets/v1/(pointbook|frame)\.[0-9a-f]{16}\.js", source)
        assert (await shop.client.get(source)).status_code == 200
    assert not [tag for tag in found.names if tag == "img"]


async def test_a_frame_is_in_the_language_of_its_widget(shop: Shop) -> None:
    for asked, tag, said in (({}, "de", "Ihre Punkte"), ({"lang": "en-GB"}, "en-GB", "Your points")):
        params = {"api-key": shop.publishable_key, **asked}
        answer = await shop.client.get("/widgets/frame/account", params=params)
        [page, *_] = _Elements(answer.text).elements
        assert (page[0], page[1]["lang"], said in answer.text) == ("html", tag, True)


async def test_a_frame_is_light_unless_it_is_told_otherwise(shop: Shop) -> None:
    for asked, theme in (({}, "light"), ({"theme": "auto"}, "auto"), ({"theme": "dark"}, "dark")):
        params = {"api-key": shop.publishable_key, **asked}
        elements = _Elements((await shop.client.get("/widgets/frame/account", params=params)).text).elements
        assert elements[0][1]["data-theme"] == theme
        assert [given["theme"] for name, given in elements if name == "pointbook-account"] == [theme]


async def test_links_of_a_frame_lead_out_of_it(shop: Shop) -> None:
    params = {"api-key": shop.publishable_key, "login-url": "https://shop.example/login"}
    found = _Elements((await shop.client.get("/widgets/frame/account", params=params)).text)
    assert ("base", {"target": "_top"}) in found.elements
    refused = await shop.client.get("/widgets/frame/account", params={**params, "login-url": "/login"})
    assert (refused.status_code, refused.text[:10]) == (400, "login-url:"), "it would be a page of Pointbook's"
