"""Webhooks of the Standard Webhooks form: who may send, what is taken, and that it is taken once."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import orjson
import pytest
import pytest_asyncio
from asgi_lifespan import LifespanManager

from pointbook.app import create_app
from pointbook.db import session
from pointbook.db.session import Database
from pointbook.domain.errors import InvalidInput
from pointbook.domain.webhook_signatures import is_standard
from pointbook.http import guard
from pointbook.http.rate_limit import UNLIMITED, Rate, Rates
from pointbook.services import webhook_intake
from pointbook.services.account import history
from pointbook.services.key_directory import WebhookKind
from pointbook.services.sandbox_clocks import move_clock
from pointbook.services.webhooks import LIVE_ENDPOINTS_MAX, create_endpoint, list_endpoints, revoke_endpoint
from pointbook.settings import Settings
from tests.faults.proxy import LossyProxy
from tests.http.fixtures import Clock, Reply, Shop, make_shop
from tests.http.hostile import BODIES
from tests.http.webhooks import Sender, make_sender, return_document
from tests.support import DAY, NOW, SECRET, everything, join_member, order_document, spendable, violations

FIVE_MINUTES = timedelta(minutes=5)
SECOND = timedelta(seconds=1)
ORDER = "order.submitted"
RETURN = "return.submitted"


@pytest_asyncio.fixture
async def sender(shop: Shop) -> AsyncIterator[Sender]:
    await join_member(shop.installation, shop.programme)
    yield await make_sender(shop)
    assert await violations(shop.installation.db) == []


async def points(shop: Shop) -> int:
    """Without the 100 for joining."""
    return await spendable(shop.installation, shop.programme) - 100


def told(reply: Reply) -> tuple[int, Any]:
    return reply.status, reply.json.get("code", reply.json.get("outcome"))


async def test_an_order_and_its_return_have_their_effects(shop: Shop, sender: Sender) -> None:
    taken = await sender.send(ORDER, order_document())
    assert taken.status == 200
    assert taken.json == {
        "type": ORDER,
        "externalId": "o-1",
        "outcome": "EARNED",
        "points": 50,
        "total": "50.00",
        "redeemed": "0.00",
        "replayed": False,
    }
    assert await points(shop) == 50
    returned = await sender.send(RETURN, return_document())
    assert returned.status == 200
    assert returned.json == {
        "type": RETURN,
        "externalId": "r-1",
        "orderExternalId": "o-1",
        "outcome": "APPLIED",
        "value": "50.00",
        "money": "50.00",
        "pointsGivenBack": 0,
        "pointsReversed": 50,
        "replayed": False,
    }
    assert await points(shop) == 0


async def test_what_waits_is_taken_too(sender: Sender) -> None:
    assert told(await sender.send(RETURN, return_document())) == (200, "PARKED")
    assert told(await sender.send(ORDER, order_document("o-2", customer_id="nobody"))) == (200, "PARKED")
    assert told(await sender.send(ORDER, order_document("o-3", status="OPEN"))) == (200, "RECEIVED")


async def test_the_document_is_the_one_of_graphql(shop: Shop, sender: Sender) -> None:
    await sender.send(ORDER, order_document())
    answer = await shop.as_server(
        "mutation($order: OrderInput!) { submitOrder(input: {order: $order}) {"
        " ... on SubmitOrderSuccess { outcome replayed } } }",
        order=order_document(),
    )
    assert answer.data["submitOrder"] == {"outcome": "EARNED", "replayed": True}


# Who may send.


async def test_a_sandbox_takes_documents_by_its_own_clock_and_signatures_by_the_real_one(
    shop: Shop, sender: Sender
) -> None:
    await move_clock(shop.installation, shop.programme.id, 30 * DAY, now=NOW)
    assert told(await sender.send(ORDER, order_document())) == (200, "EARNED")
    [entry] = await history(shop.installation, shop.programme.id, "c-1", first=1, now=NOW + 30 * DAY) or []
    assert (entry.kind, entry.at) == ("ACCRUAL", NOW + 30 * DAY)


@pytest.mark.parametrize("away", [-FIVE_MINUTES, timedelta(0), FIVE_MINUTES], ids=["oldest", "now", "newest"])
async def test_clocks_may_differ_by_five_minutes(sender: Sender, away: timedelta) -> None:
    assert (await sender.send(ORDER, order_document(), at=NOW + away)).status == 200


def test_what_the_library_of_standard_webhooks_signs_is_good() -> None:
    # Made by standardwebhooks 1.1.0 for Python, with the key 0, 1, ... 31.
    signed = "v1,+c9n2yKrd4X8jlAeL/eXTgO0x0g0V0kY5iHivE0uEjQ="
    instant = str(int(NOW.timestamp()))
    body = '{"a":"ü"}'.encode()
    assert is_standard(bytes(range(32)), "msg_1", instant, signed, body, now=NOW)
    assert not is_standard(bytes(range(1, 33)), "msg_1", instant, signed, body, now=NOW)


async def test_one_of_several_signatures_is_enough(sender: Sender) -> None:
    body = orjson.dumps({"type": ORDER, "data": order_document()})
    headers = sender.headers(body)
    others = f"v1a,{base64.b64encode(bytes(64)).decode()} v1,{base64.b64encode(bytes(32)).decode()}"
    reply = await sender.post(body, {**headers, "webhook-signature": f"{others} {headers['webhook-signature']}"})
    assert reply.status == 200


async def test_whatever_is_not_proven_gets_one_answer_and_changes_nothing(shop: Shop, sender: Sender) -> None:
    other, revoked = await make_sender(shop), await make_sender(shop)
    await revoke_endpoint(shop.installation, shop.programme.id, revoked.endpoint.endpoint_id, now=NOW)
    unknown = Sender(shop.client, type(other.endpoint)("0" * 32, WebhookKind.STANDARD, other.endpoint.secret))
    odd = Sender(shop.client, type(other.endpoint)("%00%ff'--", WebhookKind.STANDARD, other.endpoint.secret))
    body = orjson.dumps({"type": ORDER, "data": order_document()})
    good = sender.headers(body, delivery="msg_1")
    before = await everything(shop.installation.db, shop.programme)
    tries = {
        "another body": (sender, body + b" ", good),
        "another id": (sender, body, {**good, "webhook-id": "msg_2"}),
        "another instant": (sender, body, {**good, "webhook-timestamp": str(int(NOW.timestamp()) + 1)}),
        "too old": (sender, body, sender.headers(body, at=NOW - FIVE_MINUTES - SECOND)),
        "of the future": (sender, body, sender.headers(body, at=NOW + FIVE_MINUTES + SECOND)),
        "an instant that is none": (sender, body, {**good, "webhook-timestamp": "²"}),
        "an endless instant": (sender, body, {**good, "webhook-timestamp": "9" * 5_000}),
        "no headers": (sender, body, {"Content-Type": "application/json"}),
        "an empty signature": (sender, body, {**good, "webhook-signature": ""}),
        "a signature of another version": (
            sender,
            body,
            {**good, "webhook-signature": good["webhook-signature"].replace("v1,", "v2,")},
        ),
        "a signature that is no ASCII": (sender, body, {**good, "webhook-signature": "v1,é"}),
        "too many signatures before": (
            sender,
            body,
            {**good, "webhook-signature": "v1,x " * 10 + good["webhook-signature"]},
        ),
        "another endpoint's secret": (sender, body, other.headers(body)),
        "a revoked endpoint": (revoked, body, revoked.headers(body)),
        "an unknown endpoint": (unknown, body, unknown.headers(body)),
        "an endpoint that cannot be": (odd, body, odd.headers(body)),
    }
    answers = set()
    for name, (by, sent, headers) in tries.items():
        raw = [(key.encode(), value.encode("latin-1")) for key, value in headers.items()]
        response = await shop.client.post(by.path, content=sent, headers=raw)
        assert response.status_code == 401, name
        answers.add(response.content)
    assert len(answers) == 1
    assert orjson.loads(answers.pop())["code"] == "UNAUTHENTICATED"
    assert await everything(shop.installation.db, shop.programme) == before


async def test_two_live_endpoints_let_one_replace_the_other(shop: Shop, sender: Sender) -> None:
    successor = await make_sender(shop)
    assert (await sender.send(ORDER, order_document())).status == 200
    assert (await successor.send(ORDER, order_document())).json["replayed"] is True
    await revoke_endpoint(shop.installation, shop.programme.id, sender.endpoint.endpoint_id, now=NOW)
    assert (await sender.send(ORDER, order_document("o-2"))).status == 401
    assert (await successor.send(ORDER, order_document("o-2"))).status == 200
    listed = await list_endpoints(shop.installation, shop.programme.id)
    live = {endpoint.endpoint_id for endpoint in listed if endpoint.revoked_at is None}
    assert (len(listed), live) == (2, {successor.endpoint.endpoint_id})


async def test_endpoints_are_few_and_of_one_programme(shop: Shop, sender: Sender) -> None:
    for _ in range(LIVE_ENDPOINTS_MAX - 1):
        await make_sender(shop)
    with pytest.raises(InvalidInput, match="kind: 20 webhook endpoints are live"):
        await make_sender(shop)
    with pytest.raises(InvalidInput, match="endpointId: is no webhook endpoint of this programme"):
        await revoke_endpoint(shop.installation, shop.programme.id, "x", now=NOW)
    with pytest.raises(InvalidInput, match="label: must have 1 to 128"):
        await create_endpoint(shop.installation, shop.programme.id, WebhookKind.STANDARD, "", now=NOW)
    assert sender.endpoint.secret not in repr(sender.endpoint)


# Once.


async def test_a_delivery_sent_again_gets_the_first_answer(shop: Shop, sender: Sender) -> None:
    first = await sender.send(ORDER, order_document(), delivery="msg_1")
    before = await everything(shop.installation.db, shop.programme)
    again = await sender.send(ORDER, order_document(), delivery="msg_1")
    assert (again.status, again.json) == (200, first.json)
    assert await everything(shop.installation.db, shop.programme) == before


async def test_an_id_with_another_body_is_a_conflict(shop: Shop, sender: Sender) -> None:
    await sender.send(ORDER, order_document(), delivery="msg_1")
    before = await everything(shop.installation.db, shop.programme)
    reply = await sender.send(ORDER, order_document("o-2"), delivery="msg_1")
    assert told(reply) == (409, "DELIVERY_CONFLICT")
    assert await everything(shop.installation.db, shop.programme) == before


async def test_ids_are_an_endpoint_s_own(shop: Shop, sender: Sender) -> None:
    other = await make_sender(shop)
    await sender.send(ORDER, order_document(), delivery="msg_1")
    assert (await other.send(ORDER, order_document("o-2"), delivery="msg_1")).status == 200


async def test_ten_deliveries_at_once_have_one_effect_and_one_answer(shop: Shop, sender: Sender) -> None:
    replies = await asyncio.gather(*(sender.send(ORDER, order_document(), delivery="msg_1") for _ in range(10)))
    assert {reply.status for reply in replies} == {200}
    assert len({orjson.dumps(reply.json) for reply in replies}) == 1
    assert await points(shop) == 50


async def test_ten_deliveries_of_one_document_have_one_effect(shop: Shop, sender: Sender) -> None:
    replies = await asyncio.gather(*(sender.send(ORDER, order_document()) for _ in range(10)))
    assert sorted(reply.json["replayed"] for reply in replies) == [False] + [True] * 9
    assert await points(shop) == 50


async def test_a_crash_before_the_answer_is_kept_is_harmless(
    shop: Shop, sender: Sender, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await sender.send(ORDER, order_document(), delivery="msg_1")
    await admin.execute("delete from webhook_delivery")  # as if the process had ended between the two
    again = await sender.send(ORDER, order_document(), delivery="msg_1")
    assert (again.status, again.json["replayed"]) == (200, True)
    assert await points(shop) == 50


async def test_lost_answers_of_the_database_lose_and_double_nothing(
    database_url: str,
    emptied: None,  # noqa: ARG001
) -> None:
    async with LossyProxy(database_url, swallow=0, cut=0, seed=7) as proxy, _application(proxy.url) as shop:
        await join_member(shop.installation, shop.programme)
        sender = await make_sender(shop)
        proxy.swallow = proxy.cut = 0.3
        for number in range(10):
            for _ in range(100):
                reply = await sender.send(ORDER, order_document(f"o-{number}", "1.00"), delivery=f"msg_{number}")
                if reply.status == 200:
                    break
                assert told(reply) == (503, "UNAVAILABLE")
            assert (reply.status, reply.json["points"]) == (200, 1)
        proxy.swallow = proxy.cut = 0
        assert proxy.tally.swallowed > 0
        assert proxy.tally.cut > 0
        assert await spendable(shop.installation, shop.programme) == 10
        assert await violations(shop.installation.db) == []


async def test_deliveries_are_forgotten_after_a_fortnight(
    shop: Shop, sender: Sender, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    for number, age in enumerate(("13 days 23 hours", "14 days 1 hour")):
        await sender.send(ORDER, order_document(f"o-{number}"), delivery=f"msg_{number}")
        await admin.execute(
            f"update webhook_delivery set received_at = now() - interval '{age}'"
            f" where delivery_id = 'msg_{number}'"
        )
    assert await webhook_intake.tidy(shop.installation.db) == 1
    left = await admin.fetch("select delivery_id from webhook_delivery")
    assert [row["delivery_id"] for row in left] == ["msg_0"]


# What is refused.


@pytest.mark.parametrize(
    ("kind", "data", "code", "field"),
    [
        ("order.paid", {}, "INVALID_INPUT", "type"),
        (None, {}, "INVALID_INPUT", "type"),
        (ORDER, None, "INVALID_INPUT", "data"),
        (ORDER, [], "INVALID_INPUT", "data"),
        (ORDER, {}, "INVALID_INPUT", "data.externalId"),
        (ORDER, order_document(amount="-1"), "INVALID_INPUT", "data.lines[0].amount"),
        (ORDER, order_document(status="\0"), "INVALID_INPUT", "data.status"),
        (ORDER, order_document(amonut=1), "INVALID_INPUT", "data.amonut"),
        (ORDER, order_document(currency="PLN"), "CURRENCY_MISMATCH", None),
        (ORDER, order_document(store="7"), "UNKNOWN_STORE", None),
        (ORDER, order_document(voucherCode="ABCD-EFGH-1234"), "VOUCHER_NOT_USABLE", None),
        (RETURN, return_document(lines=[{"id": "1", "amount": 1.5}]), "INVALID_INPUT", "data.lines[0].amount"),
    ],
)
async def test_a_refused_document_says_which_field_and_changes_nothing(
    shop: Shop, sender: Sender, *, kind: str | None, data: object, code: str, field: str | None
) -> None:
    body = orjson.dumps({"type": kind, "data": data})
    before = await everything(shop.installation.db, shop.programme)
    reply = await sender.post(body, sender.headers(body))
    assert (reply.status, reply.json["code"], reply.json.get("field")) == (422, code, field)
    assert reply.json["message"]
    assert await everything(shop.installation.db, shop.programme) == before


async def test_what_was_refused_is_judged_again(sender: Sender) -> None:
    back = return_document(lines=[{"id": "1", "amount": "60.00"}])
    await sender.send(ORDER, order_document())
    assert told(await sender.send(RETURN, back, delivery="msg_1")) == (422, "RETURN_EXCEEDS_ORDER")
    right = return_document(lines=[{"id": "1", "amount": "20.00"}])
    assert told(await sender.send(RETURN, right, delivery="msg_1")) == (200, "APPLIED")


@pytest.mark.parametrize("name", BODIES)
async def test_a_hostile_body_is_a_client_error(shop: Shop, sender: Sender, name: str) -> None:
    body = BODIES[name]
    before = await everything(shop.installation.db, shop.programme)
    for headers in (sender.headers(body), {"Content-Type": "application/json"}):
        reply = await sender.post(body, headers)
        assert 400 <= reply.status < 500
        assert set(reply.json) <= {"code", "message", "field"}
    assert await everything(shop.installation.db, shop.programme) == before


@pytest.mark.parametrize(
    "body",
    [
        b'{"type":"order.submitted","data":' + b'{"a":' * 900 + b"1" + b"}" * 901,
        b'{"type":"order.submitted","data":{"lines":' + b"[" * 500 + b"]" * 500 + b"}}",
        b'{"type":["order.submitted"],"data":{}}',
        b'{"type":"order.submitted","timestamp":17,"data":{}}',
        b'{"type":"order.submitted","data":{},"more":1}',
        b'{"type":"order.submitted","data":{"externalId":1e308}}',
    ],
    ids=["nested objects", "nested lists", "a type that is a list", "an odd instant", "unknown", "a number as id"],
)
async def test_a_hostile_message_is_refused(sender: Sender, body: bytes) -> None:
    assert (await sender.post(body, sender.headers(body))).status in {400, 422}


@pytest.mark.parametrize("delivery", ["x" * 129, " ", "a\tb"], ids=["long", "blank", "a tab"])
async def test_an_id_that_cannot_be_kept_is_refused(sender: Sender, delivery: str) -> None:
    reply = await sender.send(ORDER, order_document(), delivery=delivery)
    assert reply.status in {401, 422}  # a server may have trimmed it, and then the signature is another one


async def test_an_oversized_body_is_refused_announced_or_not(sender: Sender) -> None:
    body = b" " * (guard.MAX_SERVER_BODY + 1)
    assert told(await sender.post(body, sender.headers(body))) == (413, "BODY_TOO_LARGE")

    async def unannounced() -> AsyncIterator[bytes]:
        for _ in range(guard.MAX_SERVER_BODY // 1_000 + 1):
            yield b" " * 1_000

    response = await sender.client.post(sender.path, content=unannounced(), headers=sender.headers(body))
    assert response.status_code == 413


async def test_only_json_by_post_is_taken(shop: Shop, sender: Sender) -> None:
    body = orjson.dumps({"type": ORDER, "data": order_document()})
    reply = await sender.post(body, {**sender.headers(body), "Content-Type": "text/plain"})
    assert told(reply) == (415, "UNSUPPORTED_MEDIA_TYPE")
    for method in ("GET", "PUT", "DELETE", "OPTIONS"):
        response = await shop.client.request(method, sender.path)
        assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert (await shop.client.post("/webhooks/")).status_code == 404
    assert (await shop.client.post(f"{sender.path}/more")).status_code == 404


async def test_an_endpoint_has_a_limit_of_its_own(database_url: str, emptied: None) -> None:  # noqa: ARG001
    few = Rate(per_second=1, burst=50)
    async with _application(database_url, Rates(few, few, few)) as shop:
        one, other = await make_sender(shop), await make_sender(shop)
        replies = [await one.send(ORDER, order_document(f"o-{n}")) for n in range(3)]
        assert [reply.status for reply in replies] == [200, 200, 429]
        assert int(replies[2].headers["retry-after"]) > 0
        assert (await other.send(ORDER, order_document())).status == 200


async def test_who_guesses_is_shut_out_and_the_shop_is_not(database_url: str, emptied: None) -> None:  # noqa: ARG001
    few = Rate(per_second=1, burst=5)
    async with _application(database_url, Rates(stranger=few)) as shop:
        sender = await make_sender(shop)
        assert (await sender.send(ORDER, order_document())).status == 200
        body = b"{}"
        guesses = [await shop.client.post(f"/webhooks/{n:032x}", content=body) for n in range(8)]
        assert [guess.status_code for guess in guesses] == [401] * 6 + [429] * 2
        assert (await sender.send(ORDER, order_document("o-2"))).status == 200  # from the same address


async def test_without_a_database_the_sender_is_to_come_again(
    database_url: str,
    emptied: None,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("CONNECT_SECONDS", "STATEMENT_SECONDS", "CLOSE_SECONDS"):
        monkeypatch.setattr(session, name, 0.5)
    async with LossyProxy(database_url, swallow=0, cut=0, seed=0) as proxy, _application(proxy.url) as shop:
        sender = await make_sender(shop)
        proxy.answers.clear()
        for _ in ("its endpoint is to be looked up", "again"):
            lost = await sender.send(ORDER, order_document(), delivery="msg_1")
            assert told(lost) == (503, "UNAVAILABLE")
            assert lost.headers["retry-after"] == "1"
        proxy.answers.set()
        assert (await sender.send(ORDER, order_document(), delivery="msg_1")).status == 200


@contextlib.asynccontextmanager
async def _application(database_url: str, rates: Rates = UNLIMITED) -> AsyncIterator[Shop]:
    """A shop in a process of its own, without Valkey."""
    settings = Settings.model_validate({"database_url": database_url, "secret": SECRET, "redis_url": None})
    app, clock = create_app(settings, clock=Clock(), rates=rates), Clock()
    async with (
        LifespanManager(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://pointbook.test") as client,
    ):
        yield await make_shop(app, client, clock)


async def test_the_database_keeps_no_secret(sender: Sender, db: Database) -> None:
    rows = await db.pool.fetch("select webhook_endpoint::text as row from webhook_endpoint")
    assert rows
    assert not any(sender.endpoint.secret in row["row"] for row in rows)
