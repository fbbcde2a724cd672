"""GraphQL over HTTP: who calls, from which page, by which method, and what caches may keep."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import asyncpg
import jwt
import pytest

from pointbook.domain.access import Scope
from pointbook.graphql.trusted import document_id, shipped
from pointbook.http import guard
from pointbook.http.problems import Problem
from pointbook.services.keys import KeyKind, NewKey, create_key, revoke_key
from pointbook.services.tokens import create_customer_token
from tests.http.fixtures import Reply, Shop, make_shop, reply_of
from tests.http.statements import statements
from tests.support import NOW, order_document

QUERY = "{ programme { name } }"
PROGRAMME = next(name for name, text in shipped().items() if text.startswith("query Programme"))
GRAPHQL = "application/graphql-response+json"
SHOP_ORIGIN = "https://shop.example"


async def _get(shop: Shop, headers: dict[str, str] | None = None, **parameters: Any) -> Reply:
    query = urlencode(parameters)
    return reply_of(await shop.client.get(f"/graphql?{query}", headers=headers or shop.guest_headers))


# Who calls


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "KEY_MISSING"),
        ({"Pointbook-Key": ""}, "KEY_UNKNOWN"),
        ({"Pointbook-Key": "pk_nobody"}, "KEY_UNKNOWN"),
        ({"Pointbook-Key": "nothing"}, "KEY_UNKNOWN"),
        ({"Pointbook-Key": "pk_" + "x" * 20_000}, "KEY_UNKNOWN"),
        ({"Authorization": "Bearer sk_nobody"}, "KEY_UNKNOWN"),
        ({"Authorization": "Bearer"}, "UNAUTHENTICATED"),
        ({"Authorization": "Bearer  "}, "UNAUTHENTICATED"),
        ({"Authorization": "Basic c2s6eA=="}, "UNAUTHENTICATED"),
        ({"Authorization": "Bearer sk_a", "Pointbook-Key": "sk_b"}, "TWO_KEYS"),
        ({"Authorization": "Bearer eyJhbGciOiJub25lIn0.e30."}, "KEY_MISSING"),
    ],
)
async def test_who_shows_no_good_key_is_sent_away(shop: Shop, headers: dict[str, str], code: str) -> None:
    reply = await shop.send({"query": QUERY}, headers)
    assert (reply.status, reply.codes) == (401, [code])
    assert reply.headers["www-authenticate"].startswith("Bearer")
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["access-control-allow-origin"] == "*", "a page's developer is to read what is wrong"


async def test_a_key_may_come_as_bearer_or_in_its_own_header(shop: Shop) -> None:
    for headers in (
        {"Authorization": f"Bearer {shop.secret_key}"},
        {"Authorization": f"bearer {shop.secret_key}"},
        {"Pointbook-Key": shop.secret_key},
        {"Pointbook-Key": shop.secret_key, "Authorization": f"Bearer {shop.secret_key}"},
    ):
        assert (await shop.send({"query": QUERY}, headers)).data == {"programme": {"name": "A shop"}}


async def test_a_token_that_is_not_good_is_401_with_its_code(shop: Shop) -> None:
    app: Any = shop.client._transport
    other = await make_shop(app.app, shop.client, shop.clock)
    good = await create_customer_token(shop.installation, shop.programme.id, "c-1", now=NOW)
    header, payload, signature = good.token.split(".")
    unsigned = jwt.encode({"aud": "pointbook", "sub": "c-1", "iat": 1, "exp": 2}, "", algorithm="none")
    elsewhere = await create_customer_token(shop.installation, other.programme.id, "c-1", now=NOW)
    tokens = [
        f"{header}.{payload}.{signature[:-2]}AA",
        f"{header}.{payload}.",
        unsigned,
        elsewhere.token,
        "garbage",
        "a.b.c",
        "x" * 9_000,
    ]
    for token in tokens:
        headers = {"Authorization": f"Bearer {token}", "Pointbook-Key": shop.publishable_key}
        reply = await shop.send({"query": "{ me { id } }"}, headers)
        assert (reply.status, reply.codes) == (401, ["TOKEN_INVALID"]), token
    headers = {"Authorization": f"Bearer {good.token}", "Pointbook-Key": shop.secret_key}
    shop.clock.now = NOW + timedelta(minutes=15, seconds=29)
    assert (await shop.send({"query": "{ me { id } }"}, headers)).data == {"me": None}
    shop.clock.now = NOW + timedelta(minutes=15, seconds=30)
    assert (await shop.send({"query": "{ me { id } }"}, headers)).codes == ["TOKEN_INVALID"]


async def test_a_revoked_or_expired_key_is_not_known_any_more(shop: Shop) -> None:
    command = NewKey(KeyKind.SECRET, "till 2", expires_at=NOW + timedelta(hours=1))
    made = await create_key(shop.installation, shop.programme.id, command, now=NOW)
    headers = {"Authorization": f"Bearer {made.text}"}
    assert (await shop.send({"query": QUERY}, headers)).status == 200
    shop.clock.now = NOW + timedelta(hours=1)
    assert (await shop.send({"query": QUERY}, headers)).codes == ["KEY_UNKNOWN"]
    shop.clock.now = NOW
    await revoke_key(shop.installation, shop.programme.id, made.key_id, now=NOW)
    assert (await shop.send({"query": QUERY}, headers)).codes == ["KEY_UNKNOWN"]


async def test_a_key_without_the_scope_is_forbidden_that_field_only(shop: Shop) -> None:
    command = NewKey(KeyKind.SECRET, "reader", scopes=frozenset({Scope.VOUCHERS_READ}))
    made = await create_key(shop.installation, shop.programme.id, command, now=NOW)
    headers = {"Authorization": f"Bearer {made.text}"}
    submit = "mutation { submitOrders(input: {orders: []}) { __typename } }"
    assert (await shop.send({"query": submit}, headers)).codes == ["FORBIDDEN"]
    assert (await shop.send({"query": '{ voucher(code: "x") { state } }'}, headers)).data == {"voucher": None}


# Pages


async def test_a_preflight_is_answered_without_a_key(shop: Shop) -> None:
    response = await shop.client.options("/graphql", headers={"Origin": SHOP_ORIGIN})
    assert response.status_code == 204
    assert "Pointbook-Key" in response.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in response.headers


async def test_a_page_of_a_listed_origin_may_read_even_refusals(shop: Shop) -> None:
    app: Any = shop.client._transport
    listed = await make_shop(app.app, shop.client, shop.clock, origins=(SHOP_ORIGIN,))
    listed.extra = {"Origin": SHOP_ORIGIN}
    good = await listed.send({"documentId": PROGRAMME}, listed.guest_headers)
    bad = await listed.send({"documentId": PROGRAMME}, {**listed.guest_headers, "Authorization": "Bearer x"})
    assert (good.status, bad.status) == (200, 401)
    for reply in (good, bad):
        assert reply.headers["access-control-allow-origin"] == SHOP_ORIGIN
        assert "Origin" in reply.headers["vary"]
    listed.extra = {"Origin": "https://evil.example"}
    other = await listed.send({"documentId": PROGRAMME}, listed.guest_headers)
    assert (other.status, other.codes) == (403, ["ORIGIN_NOT_ALLOWED"])
    assert other.headers["access-control-allow-origin"] == "*"
    assert set(other.json) == {"errors"}, "it can be read, and holds the reason only"
    listed.extra = {"Origin": "http://pointbook.test"}  # our own pages
    assert (await listed.send({"documentId": PROGRAMME}, listed.guest_headers)).status == 200


async def test_a_key_without_a_list_serves_every_page(shop: Shop) -> None:
    shop.extra = {"Origin": SHOP_ORIGIN}
    reply = await shop.send({"documentId": PROGRAMME}, shop.guest_headers)
    assert reply.headers["access-control-allow-origin"] == SHOP_ORIGIN


# GET and caches


async def test_a_public_read_by_get_may_be_kept_for_a_minute(shop: Shop) -> None:
    reply = await _get(shop, documentId=PROGRAMME)
    assert reply.data["programme"]["name"] == "A shop"
    assert reply.headers["cache-control"] == "public, max-age=60, stale-while-revalidate=600"
    tag = reply.headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await _get(shop, {**shop.guest_headers, "If-None-Match": known}, documentId=PROGRAMME)
        assert (again.status, again.headers["etag"]) == (304, tag)
    changed = await _get(shop, {**shop.guest_headers, "If-None-Match": '"other"'}, documentId=PROGRAMME)
    assert changed.status == 200


@pytest.mark.parametrize("start", ["query AccountPage", "query Balance"])
async def test_what_is_a_persons_own_is_never_kept(shop: Shop, start: str) -> None:
    document = next(name for name, text in shipped().items() if text.startswith(start))
    reply = await _get(shop, await shop.customer_headers(), documentId=document)
    assert reply.data == {"me": None}
    assert reply.headers["cache-control"] == "no-store"
    assert "etag" not in reply.headers


async def test_other_gets_are_not_kept(shop: Shop) -> None:
    by_text = await _get(shop, shop.server_headers, query=QUERY)
    refused = await _get(shop, query=QUERY)
    posted = await shop.send({"documentId": PROGRAMME}, shop.guest_headers)
    for reply in (by_text, refused, posted):
        assert reply.headers["cache-control"] == "no-store"
    assert refused.codes == ["DOCUMENT_NOT_TRUSTED"]


async def test_a_programme_may_open_a_publishable_key_to_any_document(shop: Shop) -> None:
    opened = NewKey(KeyKind.PUBLISHABLE, "head", any_document=True)
    key = await create_key(shop.installation, shop.programme.id, opened, now=shop.clock())
    query = {"query": "{ programme { name } }"}
    assert (await shop.send(query, {"Pointbook-Key": key.text})).data == {"programme": {"name": "A shop"}}
    customer = {**await shop.customer_headers(), "Pointbook-Key": key.text}
    assert (await shop.send({"query": "{ me { id } }"}, customer)).data == {"me": None}
    refused = await shop.send({"query": '{ voucher(code: "x") { id } }'}, {"Pointbook-Key": key.text})
    assert refused.codes == ["FORBIDDEN"]


@pytest.mark.parametrize("query", ["{ __schema { types { name } } }", '{ __type(name: "Query") { name } }'])
async def test_an_opened_key_of_a_page_does_not_show_the_schema(shop: Shop, query: str) -> None:
    opened = NewKey(KeyKind.PUBLISHABLE, "head", any_document=True)
    key = await create_key(shop.installation, shop.programme.id, opened, now=shop.clock())
    for headers in ({}, await shop.customer_headers()):
        reply = await shop.send({"query": query}, {**headers, "Pointbook-Key": key.text})
        assert reply.codes == ["INTROSPECTION_NOT_ALLOWED"]
    assert "errors" not in (await shop.as_server(query)).json
    assert "errors" not in (await shop.as_customer(query)).json  # the shop's server asks


async def test_nobody_is_told_the_name_they_may_have_meant(shop: Shop) -> None:
    reply = await shop.as_server(
        '{ programme { nam } voucher(cod: "x") { state } } fragment A on Programm { name }'
    )
    assert reply.codes
    assert "Did you mean" not in json.dumps(reply.json)


async def test_only_a_guests_read_of_a_published_document_may_be_kept(shop: Shop) -> None:
    for headers in (shop.server_headers, await shop.customer_headers()):
        reply = await _get(shop, headers, documentId=PROGRAMME)
        assert reply.data["programme"]["name"] == "A shop"
        assert reply.headers["cache-control"] == "no-store"
    opened = NewKey(KeyKind.PUBLISHABLE, "head", any_document=True)
    key = await create_key(shop.installation, shop.programme.id, opened, now=shop.clock())
    other = document_id("{ me { id } }")  # not published, so the text beside it is run
    reply = await _get(shop, {"Pointbook-Key": key.text}, documentId=other, query=QUERY)
    assert reply.data == {"programme": {"name": "A shop"}}
    assert reply.headers["cache-control"] == "no-store"


async def test_a_mutation_by_get_is_refused_and_changes_nothing(shop: Shop) -> None:
    text = next(text for text in shipped().values() if text.startswith("mutation Join"))
    headers = await shop.customer_headers()
    reply = await _get(shop, headers, documentId=document_id(text))
    assert (reply.status, reply.codes) == (405, ["METHOD_NOT_ALLOWED"])
    account = next(name for name, text in shipped().items() if text.startswith("query Balance"))
    assert (await _get(shop, headers, documentId=account)).data == {"me": None}


_QUOTE = "redemptionQuote(cart: {0}) {{ ... on UserError {{ code }} }}"
BY_CODE: list[tuple[str, dict[str, Any]]] = [
    ('{ giftCardBalance(code: "GHJK") { __typename } }', {}),
    ("query ($it: String!) { giftCard(code: $it) { id } }", {"it": "GHJK"}),
    ("query ($it: String!) { ...all } fragment all on Query { voucher(code: $it) { id } }", {"it": "GHJK"}),
    ("{ " + _QUOTE.format('{id: "1", total: "9", currency: "EUR", voucherCode: "GHJK"}') + " }", {}),
    (
        "query ($cart: CartInput!) { " + _QUOTE.format("$cart") + " }",
        {"cart": {"id": "1", "total": "9", "currency": "EUR", "voucherCode": "GHJK"}},
    ),
]


@pytest.mark.parametrize(("text", "variables"), BY_CODE)
async def test_a_secret_code_is_not_asked_for_by_an_address_that_is_logged(
    shop: Shop, text: str, variables: dict[str, Any]
) -> None:
    reply = await _get(shop, shop.server_headers, query=text, variables=json.dumps(variables))
    assert (reply.status, reply.codes) == (405, ["METHOD_NOT_ALLOWED"])
    assert "POST" in reply.json["errors"][0]["message"]
    posted = await shop.send({"query": text, "variables": variables}, shop.server_headers)
    assert (posted.status, "METHOD_NOT_ALLOWED" in str(posted.json)) == (200, False)
    published = next(text for text in shipped().values() if text.startswith("query GiftCardBalance"))
    asked: dict[str, Any] = {"documentId": document_id(published), "variables": json.dumps({"code": "GHJK"})}
    assert (await _get(shop, **asked)).codes == ["METHOD_NOT_ALLOWED"]


async def test_a_cart_without_a_code_is_asked_for_by_get(shop: Shop) -> None:
    cart = {"id": "1", "total": "9", "currency": "EUR", "voucherCode": None}
    query = "query ($cart: CartInput!) { " + _QUOTE.format("$cart") + " }"
    reply = await _get(shop, shop.server_headers, query=query, variables=json.dumps({"cart": cart}))
    assert (reply.status, reply.codes) == (200, ["FORBIDDEN"])


@pytest.mark.parametrize(
    "query",
    [
        "",
        "query",
        "query=%ff",
        "query=%ED%A0%80",
        "query=%7Bme%7Bid%00%7D%7D",
        "query=x&variables=%7B",
        "query=x&variables=[]",
        "query=x&variables=%7B%22a%22:%22%5Cu0000%22%7D",
        "query=x&variables=%7B%22a%22:%22%5Cud800%22%7D",
        "query=x&extensions=1",
        "a=1&" * 20 + "query=x",
        "variables=" + "[" * 5_000,
    ],
)
async def test_a_malformed_query_string_is_a_client_error(shop: Shop, query: str) -> None:
    response = await shop.client.get(f"/graphql?{query}", headers=shop.server_headers)
    assert reply_of(response).status == 400
    assert reply_of(response).codes


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_other_methods_are_not_allowed(shop: Shop, method: str) -> None:
    response = await shop.client.request(method, "/graphql", headers=shop.server_headers)
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST, OPTIONS"


@pytest.mark.parametrize("path", ["/graphql/", "/graphiql/", "/health/live/"])
async def test_no_path_leads_to_the_host_that_a_request_names(shop: Shop, path: str) -> None:
    response = await shop.client.get(path, headers={"Host": "evil.example"})
    assert response.status_code == 404
    assert "location" not in response.headers


# Media types


@pytest.mark.parametrize(
    ("accept", "content_type", "status_of_invalid"),
    [
        (None, "application/json", 200),
        ("*/*", "application/json", 200),
        ("application/*;q=0.5", "application/json", 200),
        ("application/json", "application/json", 200),
        (GRAPHQL, GRAPHQL, 400),
        (f"{GRAPHQL}, application/json;q=0.9", GRAPHQL, 400),
        (f"{GRAPHQL};q=0.1, application/json", "application/json", 200),
        (f"text/html, {GRAPHQL};q=0", None, 406),
        ("text/html", None, 406),
        (f"{GRAPHQL};q=x", None, 400),
    ],
)
async def test_the_answer_has_the_media_type_that_is_accepted(
    shop: Shop, accept: str | None, content_type: str | None, status_of_invalid: int
) -> None:
    headers = {**shop.server_headers, "Content-Type": "application/json"}
    body = json.dumps({"query": "{ nothing }"})
    request = shop.client.build_request("POST", "/graphql", content=body, headers=headers)
    del request.headers["accept"]
    if accept is not None:
        request.headers["accept"] = accept
    response = await shop.client.send(request)
    assert response.status_code == status_of_invalid
    assert "data" not in response.json()
    assert response.headers["content-type"] == f"{content_type or 'application/json'}; charset=utf-8"


@pytest.mark.parametrize(
    "content_type",
    [None, "", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1"],
)
async def test_a_body_of_another_type_is_not_read(shop: Shop, content_type: str | None) -> None:
    headers = {**shop.server_headers, **({} if content_type is None else {"Content-Type": content_type})}
    response = await shop.client.post("/graphql", content=b'{"query":"{ me { id } }"}', headers=headers)
    assert (response.status_code, reply_of(response).codes) == (415, ["UNSUPPORTED_MEDIA_TYPE"])


# Size


async def test_a_body_has_a_size(shop: Shop) -> None:
    def body(size: int) -> bytes:
        head = b'{"query":"{ programme { name } }","variables":{"a":"'
        return head + b"x" * (size - len(head) - 3) + b'"}}'

    async def chunked(content: bytes) -> Any:
        for start in range(0, len(content), 10_000):
            yield content[start : start + 10_000]

    headers = {**shop.server_headers, "Content-Type": "application/json"}
    exact = await shop.client.post("/graphql", content=body(guard.MAX_BODY), headers=headers)
    assert exact.status_code == 200
    for size in (guard.MAX_BODY + 1, guard.MAX_SERVER_BODY, guard.MAX_SERVER_BODY + 1, 3_000_000):
        for content in (body(size), chunked(body(size))):
            with statements() as sent:
                response = await shop.client.post("/graphql", content=content, headers=headers)
            assert (response.status_code, reply_of(response).codes) == (413, ["BODY_TOO_LARGE"])
            assert sent == []


@pytest.mark.parametrize(
    ("announced", "too_large"),
    [("100001", True), ("0" * 50 + "100001", True), ("9" * 10_000, True), ("100000", False)]
    + [(odd, False) for odd in ("", "0", "000", "\u00b2", "\u0661" * 9, "-1", "+5", "1e9", "1_000_000", "x")],
)
async def test_an_announced_size_is_read_with_care(announced: str, *, too_large: bool) -> None:
    async def receive() -> Any:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    reading = guard.read_body(receive, announced=announced, limit=guard.MAX_BODY)
    if too_large:
        with pytest.raises(Problem, match="at most 100000 bytes"):
            await reading
    else:
        assert await reading == b"{}"


async def test_many_orders_may_come_in_a_large_body(shop: Shop) -> None:
    orders = [order_document(f"o-{n}", customer_id="x" * 100) for n in range(100)]
    for order in orders:
        order["lines"] = [{**order["lines"][0], "id": f"{n}", "articleId": "a" * 120} for n in range(5)]
    body = {
        "query": "mutation ($o: [OrderInput!]!) { submitOrders(input: {orders: $o}) {"
        " ... on SubmitOrdersSuccess { results { ... on SubmitOrderSuccess { outcome } } } } }",
        "variables": {"o": orders},
    }
    assert guard.MAX_BODY < len(json.dumps(body)) < guard.MAX_SERVER_BODY
    reply = await shop.send(body, shop.server_headers)
    outcomes = [result["outcome"] for result in reply.data["submitOrders"]["results"]]
    assert outcomes == ["PARKED"] * 100
    # a page's key has the small limit whatever it asks
    assert (await shop.send(body, shop.guest_headers)).status == 413


# Errors


async def test_a_defect_is_masked_and_logged_without_personal_data(
    shop: Shop,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise ValueError("jane@example.com is too long")

    monkeypatch.setattr("pointbook.services.account.page", broken)
    await shop.as_customer("mutation { join(input: {acceptTerms: true}) { __typename } }")
    reply = await shop.as_customer("{ me { balance { available } } programme { name } }")
    (error,) = reply.json["errors"]
    assert error["extensions"]["code"] == "INTERNAL_ERROR"
    assert error["path"] == ["me"]
    assert reply.json["data"] == {"me": None, "programme": {"name": "A shop"}}
    logged = capsys.readouterr().out + caplog.text
    assert error["extensions"]["errorId"] in error["message"]
    assert error["extensions"]["errorId"] in logged
    assert "jane" not in logged + json.dumps(reply.json)


async def test_a_lost_database_is_told_as_such(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    async def lost(*_: object, **__: object) -> None:
        raise ConnectionRefusedError

    await shop.as_customer("mutation { join(input: {acceptTerms: true}) { __typename } }")
    with monkeypatch.context() as patched:
        patched.setattr("pointbook.services.account.page", lost)
        assert (await shop.as_customer("{ me { balance { available } } }")).codes == ["UNAVAILABLE"]
    monkeypatch.setattr("pointbook.services.keys.authenticate", lost)
    reply = await shop.send({"query": QUERY}, shop.server_headers)
    assert (reply.status, reply.codes, reply.headers["retry-after"]) == (503, ["UNAVAILABLE"], "1")


@pytest.mark.parametrize(
    ("failure", "status", "logged"),
    [
        (asyncpg.AdminShutdownError("jane"), 503, "database_away"),
        (asyncpg.InterfaceError("jane"), 503, "database_away"),
        (asyncpg.UndefinedTableError("jane"), 500, "UndefinedTableError"),
        (asyncpg.CheckViolationError("jane"), 500, "CheckViolationError"),
    ],
)
async def test_only_what_passes_is_called_an_outage_and_all_of_it_is_logged(
    shop: Shop,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    *,
    failure: Exception,
    status: int,
    logged: str,
) -> None:
    async def failing(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr("pointbook.services.keys.authenticate", failing)
    reply = await shop.send({"query": QUERY}, shop.server_headers)
    assert reply.status == status
    log = capsys.readouterr().out + caplog.text
    assert logged in log
    assert "jane" not in log + json.dumps(reply.json)


async def test_a_defect_outside_of_resolvers_is_a_500_with_a_number(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("pointbook.services.keys.authenticate", broken)
    reply = await shop.send({"query": QUERY}, shop.server_headers)
    assert (reply.status, reply.codes) == (500, ["INTERNAL_ERROR"])
    assert "secret" not in json.dumps(reply.json)


async def test_the_cost_is_told(shop: Shop) -> None:
    reply = await shop.as_server(QUERY)
    assert reply.json["extensions"]["cost"] == {"requested": 11, "limit": 5_000}
