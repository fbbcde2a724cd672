"""Subscriptions over server-sent events, on a real socket."""

import asyncio
import socket
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest

from pointbook.db.session import Database
from pointbook.graphql.trusted import document_id, name_of, shipped
from pointbook.http import protocol, staying
from pointbook.http.rate_limit import Rate, Rates
from pointbook.http.staying import Pace
from pointbook.services import redemption, tokens
from pointbook.services.redemption import Capture
from tests.http.fixtures import GENEROUS
from tests.http.live_server import BALANCE, REDEMPTION, Live, serving
from tests.support import give_points, member_with_points, redeem, server

TRUSTED = {name_of(text): document_id(text) for text in shipped().values()}
QUICK = Pace(introduction=0.5, check=0.2, sign_of_life=0.3)


async def posted(live: Live, body: object, headers: Mapping[str, str]) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.post(f"http://127.0.0.1:{live.port}/graphql", json=body, headers=headers)


def codes(response: httpx.Response) -> list[str]:
    return [error["extensions"]["code"] for error in response.json()["errors"]]


def spendable(told: tuple[str, Any]) -> int:
    name, data = told
    assert name == "next", told
    points: int = data["data"]["balanceChanged"]["spendable"]
    return points


async def test_a_balance_is_told_at_once_and_after_each_change(live: Live) -> None:
    await member_with_points(live.installation, live.shop.programme, 100)
    async with live.events() as events:
        assert spendable(await events.next()) == 200  # 100 of them for joining
        await give_points(live.installation, live.shop.programme, "c-1", 50)
        assert spendable(await events.next()) == 250
        await redeem(live.installation, live.shop.programme, 30, now=live.clock())
        name, data = await events.next()
        assert name == "next"
        told = data["data"]["balanceChanged"]
        assert (told["spendable"], told["held"], told["value"]) == (220, 30, {"amount": "11.00"})


async def test_a_redemption_is_told_until_it_ends(live: Live) -> None:
    programme = live.shop.programme
    buyer = await member_with_points(live.installation, programme, 100)
    voucher = await redeem(live.installation, programme, 60, now=live.clock())
    async with live.events(REDEMPTION, id=voucher.hold_id.hex) as events:
        told = (await events.next())[1]["data"]["redemptionChanged"]
        assert (told["state"], told["endedAt"]) == ("HELD", None)
        later = live.clock() + timedelta(minutes=1)
        await redemption.extend(live.installation, buyer, voucher.hold_id, uuid4().hex, now=later)
        again = (await events.next())[1]["data"]["redemptionChanged"]
        assert again["expiresAt"] > told["expiresAt"]
        capture = Capture(voucher.code, uuid4().hex)
        await redemption.capture(live.installation, server(programme), capture, now=later)
        last = (await events.next())[1]["data"]["redemptionChanged"]
        assert (last["state"], last["capturedPoints"]) == ("CAPTURED", 60)
        assert await events.next() == ("complete", None)
        await events.ended()


async def test_a_redemption_lapses_at_its_end(live: Live) -> None:
    await member_with_points(live.installation, live.shop.programme, 100)
    voucher = await redeem(live.installation, live.shop.programme, 60, now=live.clock())
    live.clock.jump(voucher.expires_at - timedelta(seconds=0.5))
    async with live.events(REDEMPTION, id=voucher.hold_id.hex) as events:
        assert (await events.next())[1]["data"]["redemptionChanged"]["state"] == "HELD"
        last = (await events.next())[1]["data"]["redemptionChanged"]
        assert (last["state"], last["endedAt"]) == ("LAPSED", last["expiresAt"])
        assert await events.next() == ("complete", None)


@pytest.mark.parametrize("given", ["not-an-id", "428079e80e194377955a02e291cb66ea"])
async def test_an_unknown_redemption_is_answered_with_its_type(live: Live, given: str) -> None:
    await member_with_points(live.installation, live.shop.programme, 100)
    async with live.events(REDEMPTION, id=given) as events:
        told = (await events.next())[1]["data"]["redemptionChanged"]
        assert told == {"__typename": "RedemptionNotFound", "code": "REDEMPTION_NOT_FOUND"}
        assert await events.next() == ("complete", None)


async def test_who_has_not_joined_is_told_null_and_the_end(live: Live) -> None:
    async with live.events() as events:
        assert await events.next() == ("next", {"data": {"balanceChanged": None}})
        assert await events.next() == ("complete", None)


async def test_a_page_runs_the_published_subscriptions(live: Live) -> None:
    await member_with_points(live.installation, live.shop.programme, 100)
    headers = {
        **await live.shop.customer_headers(),
        "Accept": "text/event-stream",
        "Origin": "https://shop.example",
    }
    own = await posted(live, {"query": BALANCE}, headers)
    assert (own.status_code, codes(own)) == (403, ["DOCUMENT_NOT_TRUSTED"])
    body = {"documentId": TRUSTED["BalanceChanged"]}
    async with (
        httpx.AsyncClient() as client,
        client.stream("POST", f"http://127.0.0.1:{live.port}/graphql", json=body, headers=headers) as response,
    ):
        assert response.headers["access-control-allow-origin"] == "https://shop.example"
        assert (response.headers["cache-control"], response.headers["x-accel-buffering"]) == ("no-store", "no")
        lines = response.aiter_lines()
        assert await anext(lines) == "event: next"
        assert '"spendable":200' in await anext(lines)


@pytest.mark.parametrize(
    ("accept", "query", "status", "code"),
    [
        ("application/json", BALANCE, 406, "SUBSCRIPTION_NEEDS_STREAM"),
        ("text/event-stream", "{ programme { name } }", 406, "NOT_ACCEPTABLE"),
        ("text/event-stream", "subscription {", 400, "INVALID_DOCUMENT"),
        ("text/event-stream", "subscription { balanceChanged { nothing } }", 400, "INVALID_DOCUMENT"),
        ("text/event-stream", f"{BALANCE[:-1]} b: balanceChanged {{ debt }} }}", 400, "INVALID_DOCUMENT"),
        (
            "text/event-stream",
            "subscription { balanceChanged @skip(if: true) { spendable } }",
            400,
            "INVALID_DOCUMENT",
        ),
        ("text/event-stream", REDEMPTION, 400, "INVALID_VARIABLES"),
    ],
)
async def test_what_cannot_be_told_is_refused_before_it_begins(
    live: Live, accept: str, query: str, status: int, code: str
) -> None:
    refused = await posted(live, {"query": query}, {**await live.credentials(), "Accept": accept})
    assert (refused.status_code, codes(refused)) == (status, [code]), refused.text


async def test_a_client_that_takes_both_gets_each_in_its_form(live: Live) -> None:
    # as clients say that do not look at what they send
    accept = {"Accept": "application/graphql-response+json, application/json, text/event-stream"}
    headers = {**await live.credentials(), **accept}
    answered = await posted(live, {"query": "{ me { id } }"}, headers)
    assert answered.json()["data"] == {"me": None}
    told = await posted(live, {"query": BALANCE}, headers)
    assert told.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert told.text == 'event: next\ndata: {"data":{"balanceChanged":null}}\n\nevent: complete\ndata:\n\n'


async def test_only_customers_are_told(live: Live) -> None:
    headers = {**live.shop.server_headers, "Accept": "text/event-stream"}
    refused = await posted(live, {"query": BALANCE}, headers)
    assert codes(refused) == ["FORBIDDEN"]


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Authorization": "Bearer forged.to.ken"}, 401, "TOKEN_INVALID"),
        ({"Origin": "https://elsewhere.example"}, 403, "ORIGIN_NOT_ALLOWED"),
        ({"Pointbook-Key": "pk_unknown"}, 401, "KEY_UNKNOWN"),
    ],
)
async def test_a_stranger_is_refused(live: Live, headers: dict[str, str], status: int, code: str) -> None:
    given = {**await live.shop.customer_headers(), "Accept": "text/event-stream", **headers}
    refused = await posted(live, {"documentId": TRUSTED["BalanceChanged"]}, given)
    assert (refused.status_code, codes(refused)) == (status, [code])


async def test_silence_is_broken_by_comments(database_url: str, db: Database) -> None:  # noqa: ARG001  # emptied
    async with serving(database_url, None, pace=QUICK) as served:
        live = await served.open()
        await member_with_points(live.installation, live.shop.programme, 100)
        async with live.events() as events:
            assert spendable(await events.next()) == 200
            assert [await events.next() for _ in range(2)] == [("", None)] * 2
            await give_points(live.installation, live.shop.programme, "c-1", 50)
            while (told := await events.next())[0] == "":
                pass
            assert spendable(told) == 250


@pytest.mark.parametrize("ending", ["expired", "revoked"])
async def test_a_stream_ends_with_its_token(database_url: str, db: Database, ending: str) -> None:  # noqa: ARG001  # emptied
    async with serving(database_url, None, pace=QUICK) as served:
        live = await served.open()
        await member_with_points(live.installation, live.shop.programme, 100)
        made = await tokens.create_token_key(live.installation, live.shop.programme.id, "HS256", now=live.clock())
        headers = await live.credentials() if ending == "expired" else _signed(live, made.kid, made.secret or "")
        async with live.events(headers=headers) as events:
            assert spendable(await events.next()) == 200
            if ending == "expired":
                live.clock.jump(live.clock() + tokens.LONGEST_LIFE + tokens.LEEWAY)
            else:
                await tokens.revoke_token_key(
                    live.installation, live.shop.programme.id, made.kid, now=live.clock()
                )
            while (told := await events.next())[0] == "":
                pass
            assert told[1]["errors"][0]["extensions"]["code"] == "TOKEN_INVALID"
            assert await events.next() == ("complete", None)
        await live.settled()


def _signed(live: Live, kid: str, secret: str) -> dict[str, str]:
    now = int(live.clock().timestamp())
    claims = {"aud": "pointbook", "sub": "c-1", "iat": now, "exp": now + 900}
    token = jwt.encode(claims, secret, algorithm="HS256", headers={"kid": kid})
    return {"Authorization": f"Bearer {token}", "Pointbook-Key": live.shop.secret_key}


async def test_a_customer_has_so_many_streams_and_no_more(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staying, "MOST_OF_CUSTOMER", 2)
    await member_with_points(live.installation, live.shop.programme, 100)
    headers = {**await live.credentials(), "Accept": "text/event-stream"}
    async with live.events() as one, live.events() as other:
        await one.next()
        await other.next()
        refused = await posted(live, {"query": BALANCE}, headers)
        assert (refused.status_code, codes(refused)) == (429, ["TOO_MANY_CONNECTIONS"])
        assert refused.headers["retry-after"] == "5"
        theirs = {**await live.credentials("c-2"), "Accept": "text/event-stream"}
        assert (await posted(live, {"query": BALANCE}, theirs)).status_code == 200  # others are not concerned
    await live.settled()
    async with live.events() as again:
        assert spendable(await again.next()) == 200


@pytest.mark.parametrize("limit", ["MOST", "MOST_OF_PROGRAMME"])
async def test_a_full_process_says_so(live: Live, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(staying, limit, 1)
    await member_with_points(live.installation, live.shop.programme, 100)
    async with live.events() as events:
        await events.next()
        refused = await posted(
            live, {"query": BALANCE}, {**await live.credentials("c-2"), "Accept": "text/event-stream"}
        )
        assert (refused.status_code, codes(refused)) == (503, ["TOO_MANY_CONNECTIONS"])


async def test_opening_is_charged(database_url: str, db: Database) -> None:  # noqa: ARG001  # emptied
    poor = Rates(GENEROUS, Rate(per_second=1, burst=60), GENEROUS)
    async with serving(database_url, None, rates=poor) as served:
        live = await served.open()
        headers = {**await live.credentials(), "Accept": "text/event-stream"}
        answers = [await posted(live, {"query": BALANCE}, headers) for _ in range(5)]
        assert {answer.status_code for answer in answers} == {200, 429}
        assert answers[0].status_code == 200
        assert codes(answers[-1]) == ["RATE_LIMITED"]


async def test_who_does_not_read_is_sent_away(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    # Events pile up in the socket, then the stream waits, and after the deadline the connection is cut.
    monkeypatch.setattr(protocol, "ANSWER_SECONDS", 0.5)
    programme = live.shop.programme
    await member_with_points(live.installation, programme, 1)
    alias = "a" * 5_000  # so that an event is large
    query = "subscription { balanceChanged { " + " ".join(f"{alias}{n}: spendable" for n in range(3)) + " } }"
    connection = socket.create_connection(("127.0.0.1", live.port))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    body = httpx.Request("POST", "http://x/graphql", json={"query": query}).content
    headers = {**await live.credentials(), "Accept": "text/event-stream", "Content-Type": "application/json"}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    connection.sendall(
        f"POST /graphql HTTP/1.1\r\nHost: x\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    )
    async with asyncio.timeout(30):
        while live.stays.count == 0:  # noqa: ASYNC110  # it has no event
            await asyncio.sleep(0.01)
        while live.stays.count:
            await give_points(live.installation, programme, "c-1", 1)
    connection.close()


async def test_who_leaves_is_forgotten_at_once(live: Live) -> None:
    await member_with_points(live.installation, live.shop.programme, 100)
    before = asyncio.all_tasks()
    for _ in range(3):
        async with live.events() as events:
            await events.next()
            assert live.stays.count == 1
        await live.settled()
    await asyncio.sleep(0.1)
    left = {task.get_name() for task in asyncio.all_tasks() - before}
    assert not left & {"events", "client", "credentials", "watches", "hints heard", "subscription"}, left


async def test_a_process_that_stops_sends_everybody_away(database_url: str, db: Database) -> None:  # noqa: ARG001
    async with serving(database_url, None) as served:
        live = await served.open()
        await member_with_points(live.installation, live.shop.programme, 100)
        async with live.events() as events:
            await events.next()
            live.stays.close()
            await events.ended(2)  # without a complete: the client comes again, to another process
        refused = await posted(
            live, {"query": BALANCE}, {**await live.credentials(), "Accept": "text/event-stream"}
        )
        assert refused.status_code == 503


async def test_the_balance_of_another_customer_is_not_told(live: Live) -> None:
    await member_with_points(live.installation, live.shop.programme, 100)
    await member_with_points(live.installation, live.shop.programme, 7, external_id="c-2")
    async with live.events(headers=await live.credentials("c-2")) as events:
        assert spendable(await events.next()) == 107
        await give_points(live.installation, live.shop.programme, "c-1", 50)
        assert await events.silent(0.5)
