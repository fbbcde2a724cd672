"""Pages and health: what people and load balancers see."""

import asyncio
import gzip
import json
from importlib import resources
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request

from pointbook.demo import load
from pointbook.http import pages
from pointbook.http.examples import EXAMPLES
from pointbook.http.health import Health
from pointbook.services.installation import Installation
from tests.http.fixtures import Shop

STATIC = resources.files("pointbook.http") / "static"


async def test_the_home_page_says_what_runs_and_leads_on(shop: Shop, optional_redis_url: str | None) -> None:
    response = await shop.client.get("/")
    assert response.status_code == 200
    valkey = "reachable" if optional_redis_url else "not configured"
    for text in ("Pointbook is running", "/graphiql", "/schema.graphql", "/health/ready", valkey):
        assert text in response.text
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "<script" not in response.text
    assert " style=" not in response.text


async def test_graphiql_is_served_by_us_with_its_examples(shop: Shop) -> None:
    response = await shop.client.get("/graphiql")
    policy = response.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "https:" not in response.text
    assert "http:" not in response.text
    for example in EXAMPLES:
        name = example["query"].split("(")[0].split("{")[0].split()[-1]
        assert name in response.text
    sources = [part.split('"')[0] for part in response.text.split('src="')[1:]]
    sources += [part.split('"')[0] for part in response.text.split('href="/static')[1:] if part]
    for source in sources:
        path = source if source.startswith("/static") else f"/static{source}"
        assert (await shop.client.get(path)).status_code == 200, path


async def test_the_examples_work_in_their_order_on_a_fresh_demo(
    app: Starlette, shop: Shop, tmp_path: Path
) -> None:
    """Each for whom it says it is; what is left empty is taken from the last redemptions and the history."""
    demo = await load(shop.installation, tmp_path, configured=False, now=shop.clock())
    as_server = {"Authorization": f"Bearer {demo.secret_key}"}
    as_staff = {"Authorization": f"Bearer {demo.staff_key}"}
    token = ""
    held: list[dict[str, Any]] = []
    entry, order, card = "", "", ""
    for example in EXAMPLES:
        query, variables = example["query"], example["variables"] or "{}"
        variables = variables.replace('"entry": ""', f'"entry": "{entry}"').replace('"id": ""', f'"id": "{order}"')
        if "GiftCard" in query:
            variables = variables.replace('"code": ""', f'"code": "{card}"')
        if held:
            variables = variables.replace('"redemptionId": ""', f'"redemptionId": "{held[0]["id"]}"')
            variables = variables.replace('ode": ""', f'ode": "{held[-1]["voucherCode"]}"')
        as_customer = {"Authorization": f"Bearer {token}", "Pointbook-Key": demo.secret_key}
        whose = {"# For the customer": as_customer, "# For the staff": as_staff}
        headers = next((whose[words] for words in whose if query.startswith(words)), as_server)
        if "subscription" in query:
            headers = {**headers, "Accept": "text/event-stream"}
            assert await _begins(app, {"query": query}, headers), query
            continue
        answer = await shop.send({"query": query, "variables": json.loads(variables)}, headers)
        results = [result for result in answer.data.values() if not isinstance(result, list)]
        assert [result for result in results if "code" in result] == [], query
        token = results[0].get("token", token)
        entry = results[0].get("history", {"nodes": [{"id": entry}]})["nodes"][0]["id"]
        card = results[0].get("giftCard", {}).get("code", card)
        order = (results[0].get("order") or {}).get("id", order)
        held = [
            result["redemption"] for result in results if "voucherCode" in result.get("redemption", ())
        ] or held
    assert held[0]["points"] == 10, "the last tabs were run"


async def _begins(app: Starlette, body: object, headers: dict[str, str]) -> bool:
    """Whether a subscription has a first answer without errors. httpx would read to its end."""
    told: list[bytes] = []
    request = json.dumps(body).encode()
    messages = [{"type": "http.request", "body": request, "more_body": False}]
    left = asyncio.Event()

    async def receive() -> Any:
        if messages:
            return messages.pop()
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        told.append(message.get("body", b""))
        if told[-1]:
            left.set()

    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/graphql",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), *raw],
        "client": ("127.0.0.1", 1),
    }
    await app(scope, receive, send)
    return b"".join(told).startswith(b'event: next\ndata: {"data":{')


async def test_a_text_in_a_page_stays_a_text() -> None:
    template = pages._TEMPLATES.from_string("{{ a }} <script type='application/json'>{{ b | tojson }}</script>")
    assert "<b>" not in template.render(a="<b>", b="</script><b>")


@pytest.mark.parametrize(
    "path",
    ["/static/", "/static/../pages.py", "/static/%2e%2e/pages.py", "/static/home.css/x", "/static/nothing.js"],
)
async def test_only_files_of_the_folder_are_served(shop: Shop, path: str) -> None:
    assert (await shop.client.get(path)).status_code == 404


async def test_static_files_have_their_type_and_are_as_shipped(shop: Shop) -> None:
    script = await shop.client.get("/static/graphiql/react.production.min.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.content == gzip.decompress((STATIC / "graphiql" / "react.production.min.js.gz").read_bytes())
    style = await shop.client.get("/static/home.css")
    assert style.headers["content-type"].startswith("text/css")
    assert style.headers["x-content-type-options"] == "nosniff"


async def test_the_schema_is_served(shop: Shop) -> None:
    response = await shop.client.get("/schema.graphql")
    assert "type Mutation" in response.text


async def test_health_is_ready_with_valkey_and_without(shop: Shop, optional_redis_url: str | None) -> None:
    live, ready = [(await shop.client.get(f"/health/{which}")).json() for which in ("live", "ready")]
    assert live == {"status": "live"}
    assert ready == {
        "status": "ready",
        "postgresql": "reachable",
        "migrations": "current",
        "valkey": "reachable" if optional_redis_url else "not configured",
    }


async def test_a_lost_valkey_is_told_and_still_ready(app: Starlette) -> None:
    redis = Redis(host="127.0.0.1", port=1, socket_connect_timeout=1)
    health = Health(_installation(app).db, redis)
    response = await health.ready(_request())
    assert response.status_code == 200
    assert b'"valkey":"unreachable"' in bytes(response.body)
    await redis.aclose()


async def test_a_reachable_valkey_is_told(app: Starlette, redis_url: str) -> None:
    redis = Redis.from_url(redis_url)
    response = await Health(_installation(app).db, redis).ready(_request())
    assert b'"valkey":"reachable"' in bytes(response.body)
    await redis.aclose()


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        ("0000", 503, b'"migrations":"pending"'),
        (None, 503, b'"migrations":"pending"'),
        (ConnectionRefusedError(), 503, b'"postgresql":"unreachable"'),
        (TimeoutError(), 503, b'"postgresql":"unreachable"'),
    ],
)
async def test_what_cannot_serve_is_not_ready(
    app: Starlette, monkeypatch: pytest.MonkeyPatch, answer: Any, status: int, said: bytes
) -> None:
    async def fetchval(_statement: str) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    health = Health(_installation(app).db, None)
    monkeypatch.setattr(health, "_db", SimpleNamespace(pool=SimpleNamespace(fetchval=fetchval)))
    response = await health.ready(_request())
    assert response.status_code == status
    assert said in bytes(response.body)
    assert (await health.live(_request())).status_code == 200


def _installation(app: Starlette) -> Installation:
    found: Installation = app.state.installation
    return found


def _request() -> Request:
    return Request({"type": "http", "method": "GET", "headers": []})
